"""Matrix trees -> whole-array NumPy: ``@``, broadcasting, sums over an axis; no transposed copies, no loops.

Contract: `array_source(node, ...)` prints a `Node` as one NumPy expression whose axes are the node's rows and columns
in that order (an axis of size 1 is absent: a vector is 1-D). What it cannot express it refuses.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from symbackprop.functions import Indicator
from symbackprop.matrix import (
    Along,
    Apply,
    Hadamard,
    Index,
    LabelSum,
    Leaf,
    Node,
    Ones,
    Product,
    Sum,
    Transposed,
)
from symbackprop.numeric.printer import ATOM, POWER, PRODUCT, SUM, NumPySource, refused


@dataclass(frozen=True)
class Code:
    """A NumPy expression, how strongly it binds, and which indices its axes run along."""

    text: str
    strength: int
    axes: tuple[sp.Symbol, ...]

    def at_least(self, strength: int) -> str:
        """The text, in brackets where it binds weaker than needed."""
        return self.text if self.strength >= strength else f"({self.text})"


@dataclass(frozen=True)
class _Part:
    """A factor of a chain with its source; no source: a vector of ones."""

    node: Node | None
    code: Code | None
    row: Index
    col: Index


def _is_ones(node: Node) -> bool:
    return isinstance(node, Ones) or (isinstance(node, Transposed) and isinstance(node.operand, Ones))


@dataclass(frozen=True)
class ArraySource:
    """Prints matrix trees with the identifiers of a program.

    Args:
        identifiers: the Python name of every quantity and every adjoint.
        scalar: makes a scalar printer for a table of identifiers.
        classes: the source of the number of values that a label can take.
    """

    identifiers: Mapping[Any, str]
    scalar: Callable[[Mapping[Any, str]], NumPySource]
    classes: Callable[[Any], str] = str

    def __call__(self, node: Node, axes: Sequence[sp.Symbol], single: Collection[sp.Symbol] = frozenset()) -> str:
        """The source of a node over the wanted axes; an axis of size 1 (`single`) may be missing in the node."""
        code = self.code(node)
        if code.axes == tuple(axes):
            return code.text
        if code.axes == tuple(i for i in axes if i in code.axes) and set(axes) - set(code.axes) <= set(single):
            return f"{code.at_least(ATOM)}[{', '.join(':' if i in code.axes else 'None' for i in axes)}]"
        raise refused(f"an array without its axis {set(axes) - set(code.axes)}")

    def code(self, node: Node) -> Code:
        """The source of a node over its own axes."""
        match node:
            case Leaf():
                return self._leaf(node)
            case Transposed(operand=operand):
                inner = self.code(operand)
                if len(inner.axes) < 2:
                    return inner
                return Code(inner.at_least(ATOM) + ".T", ATOM, inner.axes[::-1])
            case Product():
                return self._product(node)
            case Hadamard():
                return self._hadamard(node)
            case Sum():
                return self._sum(node)
            case Apply():
                return self._apply(node)
            case Along():
                return self._along(node)
            case Ones() | LabelSum():
                raise refused(f"a {type(node).__name__} by itself")
            case _:
                raise refused(type(node).__name__)

    def _axes(self, node: Node) -> tuple[sp.Symbol, ...]:
        return tuple(i for i in (node.row, node.col) if i is not None)

    def _leaf(self, node: Leaf) -> Code:
        e = node.reference
        axes = self._axes(node)
        if isinstance(e, Indicator) and axes:
            return self._one_hot(e, axes)
        if isinstance(e, sp.Indexed):
            name = self.identifiers[e.base]
            if any(isinstance(i, sp.Indexed) for i in e.indices):
                label = next(i for i in e.indices if isinstance(i, sp.Indexed))
                at = [self._pick(i, label) for i in e.indices]
                return Code(f"{name}[{', '.join(at)}]", ATOM, axes)
            fixed = [i for i in e.indices if i not in axes]
            if fixed:
                at = [":" if i in axes else self._position(i) for i in e.indices]
                return Code(f"{name}[{', '.join(at)}]", ATOM, axes)
            return Code(name, ATOM, axes)
        return Code(*self.scalar(self.identifiers).write(e), axes)

    def _position(self, index: Any) -> str:
        """A mathematical index (from 1) as a position (from 0)."""
        if not index.is_Integer:
            raise refused(f"the index {index}")
        return str(int(index) - 1)

    def _pick(self, index: Any, label: Any) -> str:
        """A label (its data count from 0), or the running sample that the label belongs to."""
        if isinstance(index, sp.Indexed):
            return self.identifiers[index.base]
        return f"np.arange(len({self.identifiers[label.base]}))"

    def _one_hot(self, e: Indicator, axes: tuple[sp.Symbol, ...]) -> Code:
        label, index = e.condition.args if isinstance(e.condition.lhs, sp.Indexed) else reversed(e.condition.args)
        name, classes = self.identifiers[label.base], f"np.arange({self.classes(label.base)})"
        text = f"{classes}[:, None] == {name}" if axes[0] == index else f"{name}[:, None] == {classes}"
        return Code(text, SUM - 1, axes)

    # -- products ------------------------------------------------------------------------------------------------
    def _product(self, node: Product) -> Code:
        """A chain of products, from the side that keeps it narrow; products with ones become sums over an axis."""
        parts = [_Part(f, None if _is_ones(f) else self.code(f), f.row, f.col) for f in node.factors]
        if len(parts) == 3 and parts[0].code is None and parts[2].code is None and parts[1].code is not None:
            return Code(f"{parts[1].code.at_least(ATOM)}.sum()", ATOM, ())
        while len(parts) > 1:  # vectors first, outer products last
            n = min(
                range(len(parts) - 1),
                key=lambda n: (
                    parts[n].col is None,
                    (parts[n].row is not None) + (parts[n + 1].col is not None),
                    n,
                ),
            )
            parts[n : n + 2] = [self._join(parts[n], parts[n + 1])]
        assert parts[0].code is not None
        return parts[0].code

    def _join(self, left: _Part, right: _Part) -> _Part:
        """``left @ right``: contracted over left's columns, or an outer product where those are of size 1."""
        a, b = left.code, right.code
        axes = tuple(i for i in (left.row, right.col) if i is not None)
        if a is None and b is None:
            raise refused("a product of ones")
        if left.col is None and right.row is None:
            if a is None or b is None:
                raise refused("an outer product with ones")
            text = (
                f"np.outer({a.text}, {b.text})" if a.axes and b.axes else f"{a.at_least(PRODUCT)} * {b.at_least(POWER)}"
            )
            code = Code(text, ATOM if a.axes and b.axes else PRODUCT, axes)
        elif a is None:
            assert b is not None
            code = Code(b.at_least(ATOM) + (".sum(axis=0)" if len(b.axes) == 2 else ".sum()"), ATOM, axes)
        elif b is None:
            code = self._row_sum(left.node, a, axes)
        else:
            code = Code(f"{a.at_least(PRODUCT)} @ {b.at_least(POWER)}", PRODUCT, axes)
        return _Part(None, code, left.row, right.col)

    def _row_sum(self, node: Node | None, a: Code, axes: tuple[sp.Symbol, ...]) -> Code:
        if len(a.axes) == 1:
            return Code(f"{a.at_least(ATOM)}.sum()", ATOM, axes)
        if isinstance(node, Hadamard) and len(node.factors) == 2:
            left, right = (self.code(f) for f in node.factors)
            if len(left.axes) == len(right.axes) == 2:
                return Code(f"np.einsum('ij,ij->i', {left.text}, {right.text})", ATOM, axes)
        if isinstance(node, Transposed):  # the columns of the operand: no transposed copy
            return Code(f"{self.code(node.operand).at_least(ATOM)}.sum(axis=0)", ATOM, axes)
        return Code(f"{a.at_least(ATOM)}.sum(axis=1)", ATOM, axes)

    # -- elementwise ---------------------------------------------------------------------------------------------
    def _spread(self, code: Code, whole: tuple[sp.Symbol, ...], strength: int) -> str:
        """A vector over the rows gets a column axis where the whole has one; NumPy does the rest."""
        if len(code.axes) == 1 and len(whole) == 2 and code.axes[0] == whole[0]:
            return code.at_least(ATOM) + "[:, None]"
        return code.at_least(strength)

    def _hadamard(self, node: Hadamard) -> Code:
        whole = self._axes(node)
        above: list[str] = []
        below: list[str] = []
        sign, number = "", sp.S.One
        for factor in node.factors:
            inverse = _inverse(factor)
            if isinstance(factor, Leaf) and not factor.axes and factor.reference.is_Number:
                number = number * factor.reference
            elif inverse is not None:
                below.append(self._spread(self.code(inverse), whole, POWER))
            else:
                above.append(self._spread(self.code(factor), whole, POWER))
        if number < 0:
            sign, number = "-", -number
        if number.p != 1 or not above:
            above.insert(0, str(number.p))
        if number.q != 1:
            below.insert(0, str(number.q))
        text = sign + " * ".join(above)
        if below:
            text += " / " + (below[0] if len(below) == 1 else f"({' * '.join(below)})")
        return Code(text, PRODUCT, whole)

    def _sum(self, node: Sum) -> Code:
        whole = self._axes(node)
        text = ""
        for term in node.terms:
            piece = self._spread(self.code(term), whole, PRODUCT)
            text += (f" - {piece[1:]}" if piece.startswith("-") else f" + {piece}") if text else piece
        return Code(text, SUM, whole)

    def _apply(self, node: Apply) -> Code:
        whole = self._axes(node)
        if (
            node.pattern.func == sp.log
            and isinstance(node.operands[0], Along)
            and node.operands[0].kind == "softmax"
            and node.pattern.args[0] == node.slots[0]
        ):
            return self._log_softmax(node.operands[0])
        only_call = node.pattern.args and node.pattern.args[0] in node.slots and isinstance(node.pattern, sp.Function)
        names = dict(self.identifiers)
        for slot, operand in zip(node.slots, node.operands, strict=True):
            names[slot] = self._spread(
                self.code(operand),
                whole,
                SUM if only_call and len(node.slots) == 1 and self._is_pure_call(node.pattern) else ATOM,
            )
        text, strength = self.scalar(names).write(node.pattern)
        return Code(text, strength, whole)

    @staticmethod
    def _is_pure_call(pattern: Any) -> bool:
        return pattern.func in (sp.exp, sp.log, sp.tanh, sp.sin, sp.cos)

    def _along(self, node: Along) -> Code:
        inner = self.code(node.operand)
        axis = inner.axes.index(node.axis)
        last = f", axis={axis}" if len(inner.axes) == 2 else ""
        if node.kind == "softmax":
            return Code(f"softmax({inner.text}{last})", ATOM, inner.axes)
        left = tuple(i for i in inner.axes if i != node.axis)
        if node.kind == "max":
            return Code(f"{inner.at_least(ATOM)}.max(axis={axis})", ATOM, left)
        return Code(f"logsumexp({inner.text}{last})", ATOM, left)

    def _log_softmax(self, node: Along) -> Code:
        inner = self.code(node.operand)
        axis = inner.axes.index(node.axis)
        lse = f"logsumexp({inner.text}{f', axis={axis}' if len(inner.axes) == 2 else ''})"
        if len(inner.axes) == 2 and axis == 1:
            lse += "[:, None]"
        return Code(f"{inner.at_least(SUM)} - {lse}", SUM, inner.axes)


def _inverse(node: Node) -> Node | None:
    """``x`` of ``1/x``, for scalars and entry by entry."""
    if isinstance(node, Leaf) and not node.axes and isinstance(node.reference, sp.Pow) and node.reference.exp == -1:
        return Leaf(None, None, node.reference.base)
    if (
        isinstance(node, Apply)
        and isinstance(node.pattern, sp.Pow)
        and node.pattern.base in node.slots
        and node.pattern.exp == -1
    ):
        return node.operands[0]
    return None
