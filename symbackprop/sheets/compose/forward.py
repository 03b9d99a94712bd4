"""The forward pass and the loss, as matrices and entry by entry, with the definitions of the functions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import sympy as sp

from symbackprop.functions import row_of
from symbackprop.indexed import Softmax, base_of, rename
from symbackprop.network import Assumption, Equation
from symbackprop.sheets.blocks import NOTHING, Block, Formula, Heading, Math, Paragraph, Row
from symbackprop.sheets.breaking import ROOM, broken, rows, side_by_side
from symbackprop.sheets.compose.composition import Composition
from symbackprop.sheets.compose.functions import applied_functions, definition_row
from symbackprop.sheets.mathematics import IS
from symbackprop.sheets.matrices import matrix_axes
from symbackprop.sheets.width import width

WRITTEN_OUT = 12
"""Up to this many activations are written out one by one, ``sigma(h) = 1/(1+e^{-h})``; else once for all."""
ENTRIES = 10
"""Of more equations of arrays, the first of each form is also written entry by entry."""
LONGEST = 24
"""The lines of one formula."""


def forward(c: Composition) -> Iterator[Block]:
    """The equations in order of evaluation, without the loss."""
    network = c.derivation.network
    before = [e for e in network.equations if e is not network.loss and c.part(network.quantities[e.base]) != "share"]
    yield Heading(2, c.say("forward.heading"))
    if c.full:
        yield Paragraph(c.say("forward.intro"))
    if c.scalar:
        yield from _scalars(c, before)
        return
    matrices = [row for e in before for row in _matrix_row(c, e)] if c.matrices else []
    matrices = matrices if len(matrices) == len(before) else []  # in parts they would say neither all nor the same
    yield from _formulas(matrices)
    if c.full or not matrices:
        shown = _one_of_each_kind(before) if matrices and len(before) > ENTRIES else before
        if matrices:
            yield Paragraph(c.say("forward.entries" if len(shown) == len(before) else "forward.entries_first"))
        yield from _formulas([row for e in shown for row in equation_rows(c, e)])
    yield from _definitions(c)


def _one_of_each_kind(equations: Sequence[Equation]) -> list[Equation]:
    """The first of the equations that have the same form, whatever they are called and however large they are."""
    found: dict[Any, Equation] = {}
    for e in equations:
        form = tuple(type(part).__name__ for part in sp.preorder_traversal(e.expression) if not part.is_Atom)
        found.setdefault((form, len(e.at)), e)
    return list(found.values())


def _scalars(c: Composition, before: Sequence[Equation]) -> Iterator[Block]:
    """One line for each neuron: what it sums up, what it passes on."""
    applied = {e.base for e in before if c.is_activation(e)}
    written_out = len(applied) <= WRITTEN_OUT
    found: list[Row] = []
    for neuron in _neurons(before, applied):
        own = [row for e in neuron for row in equation_rows(c, e, definition=written_out and e.base in applied)]
        found += side_by_side(own) if len(own) == len(neuron) else own
    yield from _formulas(found)
    if not written_out:
        yield from _definitions(c)


def _neurons(equations: Sequence[Equation], applied: set[Any]) -> Iterator[list[Equation]]:
    """A sum and the activation that follows it belong together."""
    current: list[Equation] = []
    for equation in equations:
        reads = equation.base in applied and current and base_of(equation.expression.args[0]) == current[-1].base
        if current and not reads:
            yield current
            current = []
        current.append(equation)
    if current:
        yield current


def _formulas(lines: Sequence[Row]) -> Iterator[Formula]:
    for start in range(0, len(lines), LONGEST):
        yield Formula(tuple(lines[start : start + LONGEST]))


def _matrix_row(c: Composition, equation: Equation) -> Iterator[Row]:
    """An equation as matrices, where it has such a form."""
    found = c.write.matrix(equation.expression, equation.at, equation.base)
    if found is not None:
        axes = matrix_axes(c.derivation.network, equation.base, equation.at)
        labels = [limit for limit in equation.ranges if limit.index not in axes]
        condition = c.write.ranges(labels) if labels else NOTHING
        yield Row(c.write.whole(equation.target, axes), found[1], condition=condition)


def loss(c: Composition) -> Iterator[Block]:
    """The loss, with the shares it is made of."""
    network = c.derivation.network
    shares = [e for e in network.equations if e is not network.loss and c.part(network.quantities[e.base]) == "share"]
    yield Heading(2, c.say("loss.heading"))
    if c.full:
        yield Paragraph(c.say("loss.intro", loss=c.write.name(c.loss)))
    yield Formula(tuple(r for e in (*shares, network.loss) for r in equation_rows(c, e)))
    for assumption in network.assumptions if c.full else ():
        relation = c.write(aligned(c, assumption).left) + Math(f" {assumption.relation} ", f" {assumption.relation} ")
        yield Paragraph(c.say("loss.assumption", assumption=relation + c.write(assumption.right)))


def aligned(c: Composition, assumption: Assumption) -> Assumption:
    """An assumption with the letters for its free indices that the equations have for the same range."""
    letters = {limit[1:]: limit.index for e in reversed(c.derivation.network.equations) for limit in e.ranges}
    own = {limit.index: letters[limit[1:]] for limit in assumption.ranges if limit[1:] in letters}
    return replace(assumption, left=rename(assumption.left, own))


def equation_rows(c: Composition, equation: Equation, *, definition: bool = False) -> list[Row]:
    """An equation, with the definition of the function it applies where that is wanted."""
    left = c.write(equation.target)
    condition = c.write.ranges(equation.ranges) if equation.ranges else NOTHING
    room = ROOM - width(left.latex) - width(condition.latex)
    lines = broken(c.write, equation.expression, room)
    softmax = isinstance(equation.expression, Softmax)
    explicit = _written_out(equation.expression) if definition or softmax else None
    if explicit is not None and len(lines) == 1:
        longer = lines[0] + IS + c.write(explicit)
        lines = [longer] if width(longer.latex) <= room else lines
    return rows(left, lines, condition)


def _written_out(expression: Any) -> Any:
    """The definition of the function that an equation applies, at its argument."""
    if isinstance(expression, Softmax):
        return expression.definition()
    row = row_of(expression)
    return None if row is None or row.definition is None else row.definition(*expression.args)


def _definitions(c: Composition) -> Iterator[Block]:
    """What the applied functions are, once for all."""
    found = [row for f in applied_functions(c) if (row := definition_row(c, f)) is not None]
    if found:
        yield Paragraph(c.say("forward.where"))
        yield Formula(tuple(found))
