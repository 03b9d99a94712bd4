"""The sheet in numbers: symbol = substitution = value, forward and backward, one update, and the check.

Contract: `worked(c, values, digits)` computes with the program that symbackprop compiles; every number on the
sheet is what a user's program would compute from the same values.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from symbackprop.numeric import compile_program
from symbackprop.numeric.values import by_base
from symbackprop.sheets.blocks import Block, Formula, Heading, Line, Paragraph
from symbackprop.sheets.compose.composition import Composition
from symbackprop.sheets.compose.numbers.arrays import Arrays
from symbackprop.sheets.compose.numbers.check import check
from symbackprop.sheets.compose.numbers.known import Known
from symbackprop.sheets.compose.numbers.scalars import Scalars
from symbackprop.sheets.compose.numbers.update import update
from symbackprop.sheets.mathematics import IS

__all__ = ["worked", "worked_out"]


def worked(c: Composition, values: Mapping[Any, Any], digits: int) -> Iterator[Block]:
    """The whole section.

    Raises:
        DataError: a value is missing, unknown, or does not fit.
    """
    rate = next((float(v) for k, v in values.items() if c.is_rate(k)), None)
    own = by_base(c.derivation.network, {k: v for k, v in values.items() if not c.is_rate(k)})
    known = Known(c, compile_program(c.derivation), own, digits)
    yield Heading(2, c.say("numbers.heading"))
    yield from worked_out(known, rate)


def worked_out(known: Known, rate: float | None) -> Iterator[Block]:
    """What is given, forward and backward pass, with a rate one update, and the check."""
    c, digits = known.c, known.digits
    numbers = Scalars(known) if c.scalar else Arrays(known)
    yield from _given(known)
    if c.full:
        yield Paragraph(c.say("numbers.rounded", digits=digits))
    yield Heading(3, c.say("numbers.forward"))
    yield from numbers.forward()
    yield Heading(3, c.say("numbers.backward"))
    yield from numbers.backward()
    if rate is not None:
        yield from update(known, rate)
    yield from check(known)


def _given(known: Known) -> Iterator[Block]:
    """What the numbers start from: scalars in a sentence, arrays as formulas side by side."""
    c = known.c
    if c.scalar:
        values: Line = c.say.commas([c.write.name(q) + IS + known.of(q.base) for q in known.given])
        yield Paragraph(c.say("numbers.values", values=values))
        return
    yield Paragraph(c.say("numbers.given"))
    yield Formula(tuple(known.beside(known.given)))
