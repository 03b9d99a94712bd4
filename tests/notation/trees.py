"""Short constructors for syntax trees, so that expected trees can be written out."""

from fractions import Fraction

from symbackprop.names import parse_name
from symbackprop.notation.syntax import (
    Add,
    Call,
    Compare,
    Indicator,
    Joint,
    Limits,
    Multiply,
    Negate,
    Node,
    Number,
    Reduction,
    Reference,
    Script,
)


def num(value: int | str) -> Number:
    return Number(Fraction(value))


def ref(text: str, *scripts: Script) -> Reference:
    name = parse_name(text)
    assert name is not None, text
    return Reference(name, scripts)


def _nodes(items: tuple[Node | str | int, ...]) -> tuple[Node, ...]:
    return tuple(ref(item) if isinstance(item, str) else num(item) if isinstance(item, int) else item for item in items)


def sub(*items: Node | str | int) -> Script:
    return Script("sub", _nodes(items))


def sup(*items: Node | str | int) -> Script:
    return Script("sup", _nodes(items))


def bracket(*items: Node | str | int) -> Script:
    return Script("bracket", _nodes(items))


def paren(*items: Node | str | int) -> Script:
    return Script("paren", _nodes(items))


def mul(*factors: Node | str | int, by: Joint = "juxtaposition") -> Multiply:
    return Multiply(_nodes(factors), (by,) * (len(factors) - 1))


def add(*terms: Node | str | int) -> Add:
    return Add(_nodes(terms))


def neg(operand: Node | str | int) -> Negate:
    return Negate(_nodes((operand,))[0])


def call(function: str, *arguments: Node | str | int, order: int = 0) -> Call:
    return Call(function, _nodes(arguments), order)


def compare(left: Node | str | int, operator: str, right: Node | str | int) -> Compare:
    return Compare(_nodes((left, right)), (operator,))


def where(left: Node | str | int, operator: str, right: Node | str | int) -> Indicator:
    return Indicator(compare(left, operator, right))


def limits(index: str, low: Node | str | int | None = None, high: Node | str | int | None = None) -> Limits:
    return Limits(
        ref(index).name,
        None if low is None else _nodes((low,))[0],
        None if high is None else _nodes((high,))[0],
    )


def total(body: Node | str, *indices: Limits) -> Reduction:
    return Reduction("sum", indices, _nodes((body,))[0])
