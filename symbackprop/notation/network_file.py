r"""A network -> the text of a network file, which reads back as the same network.

Contract: `network_file(network)` writes every declaration out, so that nothing depends on conventions; what it returns
has been read back and compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import sympy as sp

from symbackprop.errors import NetworkError, NotationError
from symbackprop.indexed import Base, canonical, rename
from symbackprop.matrix import NoMatrixForm, matrix_form
from symbackprop.network import Equation, Network, Quantity
from symbackprop.network.roles import DECLARATIONS
from symbackprop.notation.markup import LATEX, TEXT
from symbackprop.notation.matrix_writer import MatrixWriter
from symbackprop.notation.reader import read_specification
from symbackprop.notation.writer import Writer


def network_file(network: Network, values: Mapping[Base, Any] | None = None) -> str:
    r"""The text of a network file.

    Args:
        network: what is written down.
        values: numbers for its quantities instead of its own.

    Raises:
        NetworkError: the network has something that a network file cannot say.

    >>> from symbackprop.notation.reader import read_specification
    >>> print(network_file(Network(read_specification("z = w x\nE = (z - y)^2\nw := 0.5"))))
    inputs: x
    targets: y
    parameters: w
    loss: E
    z = w\,x
    E = (z - y)^2
    w := 0.5
    """
    text = "\n".join(_lines(network, network.values if values is None else values))
    try:
        again = Network(read_specification(text))
    except NotationError as error:
        raise _unspeakable(network, str(error)) from None
    if _essence(again) != _essence(network):
        raise _unspeakable(network, "it reads back as another network")
    return text


def _unspeakable(network: Network, why: str) -> NetworkError:
    return NetworkError(f"this network cannot be written as a network file: {why}", hint=f"title: {network.title}")


def _essence(network: Network) -> Any:
    """What makes two networks the same, whatever their sources."""
    write = Writer(network.names, TEXT)
    equations = [(network.names[e.base].key, write(_in_order(e))) for e in network.equations]
    return equations, [(q.name.key, q.role, len(q.axes)) for q in _given(network)], network.names[network.loss.base].key


def _in_order(equation: Equation) -> Any:
    """An equation with numbered indices: their letters mean nothing."""
    own = {index: sp.Symbol(f"_{n}", integer=True) for n, index in enumerate(equation.index_symbols)}
    return canonical(rename(equation.expression, own))


def _given(network: Network) -> list[Quantity]:
    given = [q for q in network.quantities.values() if q.role in DECLARATIONS]
    return sorted(given, key=lambda q: q.name.key)


def _lines(network: Network, values: Mapping[Base, Any]) -> Iterator[str]:
    write = Writer(network.names, LATEX, leading=network.leading)
    if network.title:
        yield f"title: {' '.join(network.title.split())}"
        yield from (f"title ({code}): {' '.join(text.split())}" for code, text in network.titles.items())
    for role, word in DECLARATIONS.items():
        found = network.with_role(role)
        if found:
            yield f"{word}: {', '.join(write.name(q.base) for q in found)}"
    yield f"loss: {write.name(network.loss.base)}"
    if network.specification.rate is not None:
        yield f"rate: {network.specification.rate.latex}"
    if network.samples is not None and network.specification.samples is not None:
        yield f"samples: {write(network.samples)}"
    for quantity in _given(network):
        if not network.is_scalar:
            yield _shape(network, write, quantity)
    for equation in network.equations:
        yield _equation(network, write, equation)
    for assumption in network.assumptions:
        yield f"assume: {write(assumption.left)} {assumption.relation} {write(assumption.right)}"
    for base, value in values.items():
        yield f"{write.name(base) if base in network.quantities else write(base)} := {_value(value)}"


def _equation(network: Network, write: Writer, equation: Equation) -> str:
    """An equation as matrices where it has such a form, else entry by entry."""
    axes = [i for n, i in enumerate(equation.at) if (equation.base, n) not in network.label_axes and i.is_Symbol]
    if axes:
        with suppress(NoMatrixForm):
            right = MatrixWriter(write)(matrix_form(equation.expression, axes, network.label_axes))
            labels = [limit for limit in equation.ranges if limit.index not in axes]
            return f"{write.whole(equation.target, axes)} = {right}{_ranges(write, labels)}"
    return f"{write(equation.target)} = {write(equation.expression)}{_ranges(write, equation.ranges)}"


def _shape(network: Network, write: Writer, quantity: Quantity) -> str:
    r"""``W^{[l]} \in \mathbb{R}^{n_l \times n_{l-1}}``, or the range of labels."""
    axes = [a for n, a in enumerate(quantity.axes) if (quantity.base, n) not in network.label_axes]
    name = write.whole(quantity.entry, [a.index for a in axes]) if quantity.axes else write.name(quantity.base)
    sizes = r" \times ".join(write(a.size) for a in axes)
    label = network.labels.get(quantity.base)
    if label is not None:
        return rf"{name} \in \{{0..{write(label.high - 1)}\}}^{{{sizes}}}"
    return rf"{name} \in \mathbb{{R}}" + (rf"^{{{sizes}}}" if axes else "")


def _ranges(write: Writer, ranges: Sequence[Any]) -> str:
    said = [f"{write(limit.index)} = {write(limit.low)}..{write(limit.high)}" for limit in ranges]
    return "   for " + ", ".join(said) if said else ""


def _value(value: Any) -> str:
    listed = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(listed, (list, tuple)):
        return "[" + ", ".join(map(_value, listed)) + "]"
    return f"{listed:.12g}"
