r"""The syntax tree: what the author wrote, before any meaning (shapes, roles, ranges) is given to it.

Every node is a frozen dataclass with a `span`, the characters of its logical line; spans do not count when
nodes are compared. Brackets are not nodes: `(a + b) c` is `Multiply((Add((a, b)), c), ("juxtaposition",))`.

Expressions
    Number       2, 0.5, 1e-3, exactly, as a Fraction
    Reference    a named quantity, with the scripts that are indices: w_{12}; Y_{ki}; A^{[l-1]}
    Call         \sigma'(z), \max(0, z), np.sum(A, axis=1), f(z)
    Reduction    \sum_{i=1}^{m} body, \max_{p,q} body
    Add          terms in the author's order; a subtracted one is a Negate
    Multiply     factors in the author's order, and how each two were joined; always flat: grouping is for
                 the reader, who knows the shapes (`W^T \delta \odot f'(z)`, `f'(z) \cdot W^T \cdot \delta`)
    Divide, Power, Negate, Transpose
    Element      scripts on something that is not a name: (W x)_i, softmax(z)_k
    Norm, Absolute, Inner, Ones, Indicator, Compare, Cases, Matrix
Homework
    Partial      \frac{\partial L}{\partial W}, dL/dW
    Gradient     \nabla_W L, dW, grad_W, \Delta w, \triangle w
Statements
    Equation, and the declarations Roles, Title, Shape, Value, Assumption, FunctionIs
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, Literal

from symbackprop.errors import Span
from symbackprop.names import Kind, Name

NOWHERE: Span = (0, 0)


@dataclass(frozen=True, slots=True)
class Node:
    """Anything in the tree."""

    span: Span = field(default=NOWHERE, compare=False, repr=False, kw_only=True)


# ---------------------------------------------------------------------------------------------- expressions


@dataclass(frozen=True, slots=True)
class Number(Node):
    """A number; `text` keeps how many digits the author gave: `0.50`."""

    value: Fraction
    text: str = field(default="", compare=False)

    def __repr__(self) -> str:
        return f"Number({self.value})"


@dataclass(frozen=True, slots=True)
class Script(Node):
    """The index expressions of one subscript or superscript: `_{i,t-1}`, `^{[l]}`, `^{(i)}`, `^{l}`.

    `packed`: the items were written without commas, so `Y_{12}` may be the entry (1, 2) of a matrix or the
    entry 12 of a vector; the number of axes decides.
    """

    kind: Kind
    items: tuple[Node, ...]
    packed: bool = field(default=False, compare=False)

    def __repr__(self) -> str:
        return f"<{self.kind} {', '.join(map(repr, self.items))}>"


@dataclass(frozen=True, slots=True)
class Reference(Node):
    """A named quantity; `scripts` are those that are indices and not part of the name."""

    name: Name
    scripts: tuple[Script, ...] = ()

    def __repr__(self) -> str:
        return f"{self.name}{''.join(map(repr, self.scripts))}"


@dataclass(frozen=True, slots=True)
class Call(Node):
    r"""A function applied to arguments. `order` counts primes; `\sigma'` alone has no arguments.

    `function` is the table's name (`relu` for ReLU, `log` for ln) or the plain spelling of an unknown one.
    `keywords` are NumPy's `axis=1`, as text.
    """

    function: str
    arguments: tuple[Node, ...]
    order: int = 0
    scripts: tuple[Script, ...] = ()
    keywords: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Limits(Node):
    """A bound index with its bounds, both included; None where they are not written."""

    index: Name
    low: Node | None = None
    high: Node | None = None


ReductionKind = Literal["sum", "prod", "max", "min", "mean"]
GradientKind = Literal["nabla", "d", "grad", "Delta", "triangle", "partial"]


@dataclass(frozen=True, slots=True)
class Reduction(Node):
    r"""`\sum`, `\prod`, `\max`, `\min`, `mean` over indices; the body is the product to the right.

    `condition` restricts the indices further: `\sum_{j \ne i}`.
    """

    kind: ReductionKind
    indices: tuple[Limits, ...]
    body: Node
    condition: Node | None = None


@dataclass(frozen=True, slots=True)
class Add(Node):
    """A sum of two or more terms."""

    terms: tuple[Node, ...]


Joint = Literal["juxtaposition", "cdot", "star", "at", "times", "hadamard"]
r"""How two factors are joined: `a b`, `\cdot`, `*`, `@`, `\times`, `\odot` (also `\circ` and `.*`)."""


@dataclass(frozen=True, slots=True)
class Multiply(Node):
    """A product of two or more factors; `joints[n]` stands between factors n and n+1."""

    factors: tuple[Node, ...]
    joints: tuple[Joint, ...]


@dataclass(frozen=True, slots=True)
class Divide(Node):
    """A quotient, written as a fraction or with a slash."""

    numerator: Node
    denominator: Node
    slash: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Power(Node):
    r"""`a^2`, `a^{-1}`, `a**2`, and `\sqrt[n]{a}` with the exponent 1/n."""

    base: Node
    exponent: Node


@dataclass(frozen=True, slots=True)
class Negate(Node):
    """`-a`."""

    operand: Node


@dataclass(frozen=True, slots=True)
class Transpose(Node):
    r"""`W^T`, `W^\top`, `W'`, `W.T`."""

    operand: Node


@dataclass(frozen=True, slots=True)
class Element(Node):
    """Indices on an expression: `(W x)_i`, `softmax(z)_k`."""

    operand: Node
    scripts: tuple[Script, ...]


@dataclass(frozen=True, slots=True)
class Norm(Node):
    r"""`\|v\|`, `\|W\|_F`; the subscript as text ("F", "1", "2", ...) or None; `^2` is a Power around it."""

    operand: Node
    subscript: str | None = None


@dataclass(frozen=True, slots=True)
class Absolute(Node):
    """`|x|`."""

    operand: Node


@dataclass(frozen=True, slots=True)
class Inner(Node):
    r"""`\langle a, b \rangle`."""

    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Ones(Node):
    r"""The vector `\mathbf{1}`, with its size if given: `\mathbf{1}_m`."""

    size: Node | None = None


@dataclass(frozen=True, slots=True)
class Indicator(Node):
    r"""1 where the condition holds, else 0: `[z > 0]`, `(z > 0)`, `\mathbb{1}[z > 0]`."""

    condition: Node


@dataclass(frozen=True, slots=True)
class Compare(Node):
    """A chain of comparisons `0 < z <= 1`; `operators[n]` stands between operands n and n+1."""

    operands: tuple[Node, ...]
    operators: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cases(Node):
    r"""`\begin{cases}`: values with their conditions; None for the last, `\text{otherwise}`."""

    branches: tuple[tuple[Node, Node | None], ...]


@dataclass(frozen=True, slots=True)
class Matrix(Node):
    r"""`[[1, 2], [3, 4]]`, `\begin{bmatrix}`; a vector `[1, 2]` has one row and `flat`."""

    rows: tuple[tuple[Node, ...], ...]
    flat: bool = False


@dataclass(frozen=True, slots=True)
class Partial(Node):
    r"""A derivative `\frac{\partial L}{\partial W}`, `\partial L / \partial W`, `dL/dW`."""

    of: Node
    wrt: Node


@dataclass(frozen=True, slots=True)
class Gradient(Node):
    r"""A gradient that is named after its quantity: `\nabla_W L`, `dW`, `grad_W`, `\Delta w`, `\partial W`.

    `triangle` is the gradient; `Delta` may be the step; `of` is the loss where it is written.
    """

    kind: GradientKind
    wrt: Node
    of: Node | None = None


# ----------------------------------------------------------------------------------------------- statements


@dataclass(frozen=True, slots=True)
class Equation(Node):
    r"""`left = right = ... = right`, for every index in `ranges`, with the definitions of a `where` clause.

    `relations[n]` stands before `rights[n]`: "=", "≈" or ":=". `arguments` are those of a left side such as
    `L(y, \hat{y})`.
    """

    left: Node
    rights: tuple[Node, ...]
    relations: tuple[str, ...] = ()
    ranges: tuple[Limits, ...] = ()
    arguments: tuple[Node, ...] = ()
    where: tuple[Equation, ...] = ()

    @property
    def right(self) -> Node:
        """The first right side: the definition."""
        return self.rights[0]

    @property
    def chain(self) -> tuple[Node, ...]:
        """What follows the first right side."""
        return self.rights[1:]

    @property
    def assignment(self) -> bool:
        r"""Whether it was written with `:=` or `\leftarrow`."""
        return ":=" in self.relations


RoleWord = Literal["inputs", "targets", "parameters", "constants", "outputs", "loss", "rate", "samples"]


@dataclass(frozen=True, slots=True)
class Roles(Node):
    """`inputs: x_1, x_2`."""

    role: RoleWord
    names: tuple[Reference, ...]


@dataclass(frozen=True, slots=True)
class Title(Node):
    """`title: text`, or `title (zh): text` in one language."""

    text: str
    language: str = ""


@dataclass(frozen=True, slots=True)
class Shape(Node):
    r"""`X \in \mathbb{R}^{n \times m}`: one size for each axis; none for a scalar.

    `labels`: the entries are integers of this range: `y \in \{0..2\}^{m}`.
    """

    names: tuple[Reference, ...]
    sizes: tuple[Node, ...]
    labels: tuple[Node, Node] | None = None
    ranges: tuple[Limits, ...] = ()


@dataclass(frozen=True, slots=True)
class Value(Node):
    """`w := 0.5`, `W := [[1, 2], [3, 4]]`."""

    target: Reference
    value: Node


@dataclass(frozen=True, slots=True)
class Assumption(Node):
    r"""`assume: \sum_k y_k = 1`; "one-hot" is a Call of `one_hot`, a set `\{0, 1\}` a Compare with "in"."""

    condition: Node
    ranges: tuple[Limits, ...] = ()


@dataclass(frozen=True, slots=True)
class FunctionIs(Node):
    """`f is tanh`."""

    name: str
    function: str


Declaration = Roles | Title | Shape | Value | Assumption | FunctionIs
Statement = Equation | Declaration


def mapped(node: Any, change: Callable[[Any], Any]) -> Any:
    """The tree with every node replaced by what `change` makes of it, children first; unchanged parts are shared."""
    if isinstance(node, tuple):
        parts = tuple(mapped(part, change) for part in node)
        return node if all(a is b for a, b in zip(parts, node, strict=True)) else parts
    if not isinstance(node, Node):
        return node
    changed: dict[str, Any] = {}
    for slot in type(node).__dataclass_fields__:
        before = getattr(node, slot)
        if slot != "span" and isinstance(before, (tuple, Node)) and (after := mapped(before, change)) is not before:
            changed[slot] = after
    return change(replace(node, **changed) if changed else node)


def walk(node: Any) -> Iterable[Node]:
    """Every node of a syntax tree, parents first."""
    if isinstance(node, Node):
        yield node
        for slot in type(node).__dataclass_fields__:
            if slot != "span":
                yield from walk(getattr(node, slot))
    elif isinstance(node, tuple):
        for part in node:
            yield from walk(part)
