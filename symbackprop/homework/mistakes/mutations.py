"""What students do to a right formula: each mutation is one slip, made at one place of its tree.

Contract: `mutations(node, network_names)` yields `Mutation`s in the order in which they are tried; each holds the
changed tree, the kind of mistake, and what a message needs. A mutation may give a tree whose shapes do not conform.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from symbackprop.homework.answers.echo import echo
from symbackprop.homework.answers.names import Names
from symbackprop.homework.records import Mistake
from symbackprop.notation import syntax as tree
from symbackprop.notation.syntax import Node, walk

ONE = tree.Number(Fraction(1))
TWO = tree.Number(Fraction(2))
ZERO = tree.Number(Fraction(0))
HALF = tree.Number(Fraction(1, 2))
ACTIVATIONS = ("sigma", "tanh", "relu")
MOST = 600
"""Mutations of one formula."""


@dataclass(frozen=True)
class Mutation:
    """A changed tree, the kind of mistake that it is, and the key and the fillings of the message that explains it."""

    node: Node
    kind: Mistake
    message: str
    fillings: Mapping[str, str] = field(default_factory=dict[str, str])


Change = tuple[Node | None, Mistake, str, dict[str, str]]
"""What stands at a place afterwards (None: nothing), the kind, the message and its fillings."""


def mutations(root: Node, names: Names, most: int = MOST) -> Iterator[Mutation]:
    """The mutations of a formula, at most so many."""
    if most < 1:
        return
    count = 0
    for path, node in _places(root):
        for change, kind, message, fillings in _changes(node, path, names):
            if change is None:
                continue
            yield Mutation(_rebuilt(path, change), kind, message, fillings)
            count += 1
            if count >= most:
                return


# -- places ----------------------------------------------------------------------------------------------------------
Path = tuple[tuple[Node, str, int | None], ...]
"""From the root to a place: node, field, position in a tuple."""


def _places(root: Node) -> Iterator[tuple[Path, Node]]:
    """Every node with the way to it, parents first; what is inside names and labels is left out."""
    stack: list[tuple[Path, Node]] = [((), root)]
    while stack:
        path, node = stack.pop(0)
        yield path, node
        if isinstance(node, (tree.Reference, tree.Partial, tree.Gradient, tree.Ones)):
            continue
        for slot in type(node).__dataclass_fields__:
            value = getattr(node, slot)
            if isinstance(value, Node) and slot != "span":
                stack.append(((*path, (node, slot, None)), value))
            elif isinstance(value, tuple) and slot in ("factors", "terms", "arguments", "operands"):
                stack += [((*path, (node, slot, n)), v) for n, v in enumerate(value) if isinstance(v, Node)]


def _rebuilt(path: Path, node: Node) -> Node:
    """The root with another node at a place."""
    for parent, slot, position in reversed(path):
        if position is None:
            node = replace(parent, **{slot: node})
        else:
            values = list(getattr(parent, slot))
            values[position] = node
            node = replace(parent, **{slot: tuple(values)})
    return node


# -- changes ---------------------------------------------------------------------------------------------------------
def _changes(node: Node, path: Path, names: Names) -> Iterator[Change]:
    for kind, makes in _MAKERS:
        if isinstance(node, kind):
            yield from makes(node, path, names)


def _negate(node: tree.Negate, _path: Path, _names: Names) -> Iterator[Change]:
    yield node.operand, "sign", "sign", {}


def _powers(node: tree.Power, _path: Path, _names: Names) -> Iterator[Change]:
    """``1 - a`` for ``1 - a^2``: the power lost in a slope that is written out."""
    if isinstance(node.exponent, tree.Number) and node.exponent.value == 2:
        yield node.base, "wrong_derivative", "wrong_index", {"wrong": echo(node.base), "right": echo(node)}


def _terms(node: tree.Add, _path: Path, names: Names) -> Iterator[Change]:
    for n, term in enumerate(node.terms):
        flipped = term.operand if isinstance(term, tree.Negate) else tree.Negate(term)
        terms = (*node.terms[:n], flipped, *node.terms[n + 1 :])
        yield tree.Add(terms), "sign", "sign_term", {"term": echo(term)}
    for n, term in enumerate(node.terms):
        for number, factor in ((TWO, "2"), (HALF, "1/2")):
            scaled = tree.Multiply((number, term), ("cdot",))
            terms = (*node.terms[:n], scaled, *node.terms[n + 1 :])
            yield tree.Add(terms), "constant_factor", "constant_term", {"term": echo(term), "factor": factor}
    yield from _in_every_term(node, names)
    paths = all(_is_path(t) for t in node.terms)
    for n, term in enumerate(node.terms):
        rest = (*node.terms[:n], *node.terms[n + 1 :])
        left = rest[0] if len(rest) == 1 else tree.Add(rest)
        yield left, "path_missing", "path_missing" if paths else "term_missing", {"term": echo(term)}


def _in_every_term(node: tree.Add, names: Names) -> Iterator[Change]:
    """The same slip on every path: the slope of each output left out."""
    parts = [t.factors if isinstance(t, tree.Multiply) else () for t in node.terms]
    if len({len(p) for p in parts}) != 1 or not parts[0]:
        return
    for n in range(len(parts[0])):
        rest = tuple(_without(t, n) for t in node.terms if isinstance(t, tree.Multiply))
        yield tree.Add(rest), *_missing(parts[0][n], names)


def _is_path(term: Node) -> bool:
    """Is a term what one consumer passes back: a product with more than one quantity?"""
    return sum(isinstance(n, (tree.Reference, tree.Call)) for n in walk(term)) > 1


def _factors(node: tree.Multiply, path: Path, names: Names) -> Iterator[Change]:
    for n, factor in enumerate(node.factors):
        yield _without(node, n), *_missing(factor, names)
    for n, factor in enumerate(node.factors):
        joint = node.joints[n - 1] if n else node.joints[0]
        twice: tree.Joint = "hadamard" if joint != "cdot" else "cdot"
        double = tree.Multiply((factor, factor), (twice,))
        doubled = tree.Multiply((*node.factors[:n], double, *node.factors[n + 1 :]), node.joints)
        key = "extra_mean" if _is_mean(factor, names) else "extra_factor"
        yield doubled, "extra_factor", key, {"factor": echo(factor)}
    for n, factor in enumerate(node.factors):
        if isinstance(factor, tree.Transpose):
            bare = tree.Multiply((*node.factors[:n], factor.operand, *node.factors[n + 1 :]), node.joints)
            yield bare, "missing_transpose", "missing_transpose", {"factor": echo(factor.operand)}
    for n, factor in enumerate(node.factors):
        if isinstance(factor, tree.Call) and factor.function == "relu" and factor.order and len(node.factors) == 2:
            for sign in (">", ">="):
                mask = tree.Indicator(tree.Compare((node.factors[1 - n], ZERO), (sign,)))
                masked = tree.Multiply((node.factors[1 - n], mask), ("hadamard",))
                yield masked, "wrong_derivative", "mask_of_gradient", {"factor": echo(factor), **_slope(factor, names)}
    for n, joint in enumerate(node.joints):
        a, b = node.factors[n], node.factors[n + 1]
        if joint in ("juxtaposition", "at"):
            swapped = tree.Multiply((*node.factors[:n], b, a, *node.factors[n + 2 :]), node.joints)
            yield swapped, "order", "order", {"left": echo(a), "right": echo(b)}
            both = (*node.factors[:n], _turned(b), _turned(a), *node.factors[n + 2 :])
            yield tree.Multiply(both, node.joints), "order", "order", {"left": echo(a), "right": echo(b)}
            for first, second in ((_turned(a), b), (a, _turned(b))):
                turned = tree.Multiply((*node.factors[:n], first, second, *node.factors[n + 2 :]), node.joints)
                part = a if first is not a else b
                yield turned, "missing_transpose", "missing_transpose", {"factor": echo(part)}
            pointwise = (*node.joints[:n], "hadamard", *node.joints[n + 1 :])
            yield tree.Multiply(node.factors, pointwise), "shape", "product_kind", {"left": echo(a), "right": echo(b)}
        elif joint == "hadamard":
            product = (*node.joints[:n], "juxtaposition", *node.joints[n + 1 :])
            yield tree.Multiply(node.factors, product), "shape", "product_kind", {"left": echo(a), "right": echo(b)}
    del path


def _turned(node: Node) -> Node:
    return node.operand if isinstance(node, tree.Transpose) else tree.Transpose(node)


def _without(node: tree.Multiply, n: int) -> Node:
    factors = (*node.factors[:n], *node.factors[n + 1 :])
    joints = node.joints[1:] if n == 0 else (*node.joints[: n - 1], *node.joints[n:])
    if 0 < n < len(node.joints):  # a b c without b: the looser sign stays
        kept = "hadamard" if "hadamard" in node.joints[n - 1 : n + 1] else node.joints[n - 1]
        joints = (*node.joints[: n - 1], kept, *node.joints[n + 1 :])
    return factors[0] if len(factors) == 1 else tree.Multiply(factors, joints)


def _missing(factor: Node, names: Names) -> tuple[Mistake, str, dict[str, str]]:
    """Which mistake it is to leave out a factor."""
    if _is_mean(factor, names):
        return "forgot_mean", "forgot_mean", {"factor": echo(factor)}
    if isinstance(factor, tree.Ones):
        return "forgot_sum", "forgot_sum", {}
    if isinstance(factor, tree.Number):
        return "constant_factor", "constant", {"factor": echo(factor)}
    if isinstance(factor, tree.Call) and factor.order == 1:
        return "missing_factor", "missing_slope", {"factor": echo(factor), **_slope(factor, names)}
    return "missing_factor", "missing_factor", {"factor": echo(factor)}


def _slope(call: tree.Call, names: Names) -> dict[str, str]:
    """Of what by what a slope is the derivative: ``alpha_2`` by ``h_2``."""
    argument = call.arguments[0]
    output = "the output"
    if isinstance(argument, tree.Reference):
        meaning = names.meaning(argument.name)
        for total, unit in names.units:
            if meaning is not None and total.base == meaning.base and unit is not None:
                output = unit.name.unicode
    return {"output": output, "sum": echo(argument)}


def _is_mean(node: Node, names: Names) -> bool:
    """Is it one over a size?"""
    if not isinstance(node, tree.Divide) or not isinstance(node.denominator, tree.Reference):
        return False
    meaning = names.meaning(node.denominator.name)
    return meaning is not None and meaning.kind == "size" and isinstance(node.numerator, tree.Number)


def _slopes(node: tree.Call, _path: Path, names: Names) -> Iterator[Change]:
    """Wrong derivatives of an activation, and right ones of another."""
    if node.order != 1 or len(node.arguments) != 1:
        return
    z = node.arguments[0]
    value = replace(node, order=0)
    right = {"factor": echo(node), **_slope(node, names)}
    for other in ACTIVATIONS:
        if other != node.function:
            yield (
                tree.Call(other, (z,), 1),
                "activation_confusion",
                "other_activation",
                {
                    **right,
                    "wrong": echo(tree.Call(other, (z,), 1)),
                },
            )
    like_sigmoid = _times(value, tree.Add((ONE, tree.Negate(value))))
    like_tanh = tree.Add((ONE, tree.Negate(tree.Power(value, TWO))))
    if node.function != "sigma":
        yield like_sigmoid, "activation_confusion", "like_sigmoid", right
    if node.function != "tanh":
        yield like_tanh, "activation_confusion", "like_tanh", right
    yield (
        replace(node, arguments=(value,)),
        "activation_confusion",
        "slope_of_output",
        {
            **right,
            "wrong": echo(replace(node, arguments=(value,))),
        },
    )
    for total, _ in names.units:
        other = tree.Reference(total.name)
        if other != z:
            yield (
                replace(node, arguments=(other,)),
                "wrong_index",
                "wrong_index",
                {
                    "wrong": echo(replace(node, arguments=(other,))),
                    "right": echo(node),
                },
            )
    squared = tree.Power(value, TWO)
    for wrong in (
        _times(value, tree.Add((ONE, value))),
        tree.Add((ONE, value)),
        tree.Add((ONE, squared)),
        tree.Add((ONE, tree.Negate(value))),
        tree.Add((value, tree.Negate(ONE))),
        _times(value, tree.Add((value, tree.Negate(ONE)))),
        tree.Add((squared, tree.Negate(ONE))),
        value,
        squared,
        tree.Add((ONE, tree.Negate(tree.Power(z, TWO)))),
        _times(z, tree.Add((ONE, tree.Negate(z)))),
        tree.Indicator(tree.Compare((z, ZERO), ("<",))),
        tree.Indicator(tree.Compare((value, ZERO), (">=",))),
        z,
        tree.Call("exp", (tree.Negate(z),)),
        tree.Divide(ONE, value),
        tree.Call("tanh", (z,)),
        _times(value, tree.Add((ONE, tree.Negate(squared)))),
        tree.Power(tree.Add((ONE, tree.Negate(value))), TWO),
    ):
        yield wrong, "wrong_derivative", "wrong_derivative", {**right, "wrong": echo(wrong)}


def _times(a: Node, b: Node) -> Node:
    return tree.Multiply((a, b), ("hadamard",))


def _siblings(node: tree.Reference, _path: Path, names: Names) -> Iterator[Change]:
    """Another quantity of the same kind."""
    if node.scripts:
        yield from _swapped_letters(node)
        return
    meaning = names.meaning(node.name)
    if meaning is None or meaning.kind != "quantity":
        return
    quantities = names.network.quantities
    own = quantities[meaning.base]
    sums = {total.base for total, _ in names.units}
    outputs = {unit.base for _, unit in names.units if unit is not None}
    for other in quantities.values():
        if other.base == own.base or other.role == "loss" or len(other.axes) != len(own.axes):
            continue
        changed = tree.Reference(other.name)
        texts = {"wrong": other.name.unicode, "right": own.name.unicode}
        if own.base in outputs and (own.base, other.base) in {(u.base, t.base) for t, u in names.units if u}:
            yield changed, "activation_confusion", "sum_for_output", texts
        elif other.role == own.role and (other.role != "intermediate" or (other.base in sums) == (own.base in sums)):
            key = "wrong_path" if own.role == "parameter" else "wrong_index"
            yield changed, "wrong_index", key, {**texts, **_leads(own, other, names)}
        elif {own.role, other.role} == {"input", "intermediate"} and other.base not in sums:
            yield changed, "wrong_index", "wrong_index", texts


def _leads(own: Any, other: Any, names: Names) -> dict[str, str]:
    """To which quantity the wrong parameter leads: ``w_21`` leads to ``z``."""
    readers = [e for e in names.network.equations if other.base in e.expression.free_symbols | e.expression.atoms()]
    to = names.network.names[readers[0].base].unicode if readers else "?"
    beside = [
        q.name.unicode
        for q in names.network.quantities.values()
        if readers and q.role != "parameter" and q.base in _factors_with(readers[0].expression, other.base)
    ]
    del own
    return {"to": beside[0] if beside else to, "reader": to}


def _factors_with(expression: Any, base: Any) -> set[Any]:
    """What a parameter is multiplied with in an equation."""
    for term in getattr(expression, "args", ()):
        symbols = {getattr(s, "base", s) for s in term.atoms()} | term.free_symbols
        if base in symbols and getattr(term, "is_Mul", False):
            return symbols - {base}
    return set()


def _swapped_letters(node: tree.Reference) -> Iterator[Change]:
    """``W_{ik}`` for ``W_{ki}``."""
    script = node.scripts[-1]
    if len(script.items) == 2 and script.items[0] != script.items[1]:
        turned = replace(script, items=(script.items[1], script.items[0]))
        wrong = replace(node, scripts=(*node.scripts[:-1], turned))
        yield wrong, "wrong_index", "wrong_index", {"wrong": echo(wrong), "right": echo(node)}


def _sums(node: tree.Reduction, _path: Path, _names: Names) -> Iterator[Change]:
    if node.kind == "sum":
        yield node.body, "forgot_sum", "forgot_sum", {}


def _fractions(node: tree.Divide, _path: Path, names: Names) -> Iterator[Change]:
    if _is_mean(node, names):
        yield ONE, "forgot_mean", "forgot_mean", {"factor": echo(node)}
    elif isinstance(node.numerator, tree.Number):
        yield node.denominator, "wrong_derivative", "upside_down", {"factor": echo(node)}


_MAKERS: tuple[tuple[Any, Callable[[Any, Path, Names], Iterator[Change]]], ...] = (
    (tree.Negate, _negate),
    (tree.Power, _powers),
    (tree.Add, _terms),
    (tree.Multiply, _factors),
    (tree.Call, _slopes),
    (tree.Reference, _siblings),
    (tree.Reduction, _sums),
    (tree.Divide, _fractions),
)
