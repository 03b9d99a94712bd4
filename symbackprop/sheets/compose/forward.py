"""The forward pass and the loss, equation by equation, with the definitions of the functions that occur."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from symbackprop.functions import row_of
from symbackprop.indexed import Softmax
from symbackprop.network import Equation
from symbackprop.sheets.blocks import NOTHING, Block, Formula, Heading, Math, Paragraph, Row
from symbackprop.sheets.breaking import ROOM, broken, rows
from symbackprop.sheets.compose.composition import Composition
from symbackprop.sheets.compose.functions import applied_functions, definition_row
from symbackprop.sheets.width import width

WRITTEN_OUT = 12
"""Up to this many activations are written out one by one, ``sigma(h) = 1/(1+e^{-h})``; else once for all."""
SPACED_EQUALS = Math(" = ", " = ")


def forward(c: Composition) -> Iterator[Block]:
    """The equations in order of evaluation, without the loss."""
    network = c.derivation.network
    before = [e for e in network.equations if e is not network.loss and c.part(network.quantities[e.base]) != "share"]
    yield Heading(2, c.say("forward.heading"))
    if c.full:
        yield Paragraph(c.say("forward.intro"))
    applied = [e for e in before if c.derivation.is_inlined(e.base)]
    written_out = c.derivation.is_scalar and len(applied) <= WRITTEN_OUT
    for block in _blocks(before):
        yield Formula(tuple(r for e in block for r in equation_rows(c, e, definition=written_out and e in applied)))
    if not written_out:
        yield from _definitions(c)


def loss(c: Composition) -> Iterator[Block]:
    """The loss, with the shares it is made of."""
    network = c.derivation.network
    shares = [e for e in network.equations
              if e is not network.loss and c.part(network.quantities[e.base]) == "share"]
    yield Heading(2, c.say("loss.heading"))
    if c.full:
        yield Paragraph(c.say("loss.intro", loss=c.write.name(c.loss)))
    yield Formula(tuple(r for e in (*shares, network.loss) for r in equation_rows(c, e)))


def equation_rows(c: Composition, equation: Equation, *, definition: bool = False) -> list[Row]:
    """An equation, with the definition of the function it applies where that is wanted."""
    left = c.write(equation.target)
    condition = c.write.ranges(equation.ranges) if equation.ranges else NOTHING
    lines = broken(c.write, equation.expression, ROOM - width(left.latex) - width(condition.latex))
    explicit = _written_out(equation.expression) if definition or isinstance(equation.expression, Softmax) else None
    if explicit is not None and len(lines) == 1:
        longer = lines[0] + SPACED_EQUALS + c.write(explicit)
        lines = [longer] if width(longer.latex) <= ROOM else lines
    return rows(left, lines, condition)


def _written_out(expression: Any) -> Any:
    """The definition of the function that an equation applies, at its argument."""
    if isinstance(expression, Softmax):
        return expression.definition()
    row = row_of(expression)
    return None if row is None or row.definition is None else row.definition(*expression.args)


def _blocks(equations: Sequence[Equation]) -> Iterator[list[Equation]]:
    """Formulas of at most twelve lines."""
    for start in range(0, len(equations), 12):
        yield list(equations[start:start + 12])


def _definitions(c: Composition) -> Iterator[Block]:
    """What the applied functions are, once for all."""
    found = [row for f in applied_functions(c) if (row := definition_row(c, f)) is not None]
    if found:
        yield Paragraph(c.say("forward.where"))
        yield Formula(tuple(found))
