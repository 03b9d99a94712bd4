"""The pages of a worksheet and of its key: what is given, what is asked, what the solutions are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from symbackprop.sheets.blocks import (
    Block,
    Code,
    Figure,
    Formula,
    Heading,
    Line,
    Note,
    Paragraph,
    Text,
)
from symbackprop.sheets.compose.composition import Composition
from symbackprop.sheets.compose.deltas import backward_by_deltas
from symbackprop.sheets.compose.forward import forward, loss
from symbackprop.sheets.compose.mistakes import mistakes
from symbackprop.sheets.compose.numbers import worked_out
from symbackprop.sheets.compose.numbers.known import Known
from symbackprop.sheets.compose.opening import caption, symbols
from symbackprop.sheets.compose.summary import summary
from symbackprop.sheets.diagram import Diagram
from symbackprop.sheets.mathematics import IS
from symbackprop.sheets.worksheet.steps import STEPS, Blank, StepName, blank


@dataclass(frozen=True)
class Assignment:
    """What one student has to do: the derivation, the steps, and the numbers."""

    c: Composition
    steps: tuple[StepName, ...]
    seed: int | None
    known: Known | None

    @cached_property
    def blanks(self) -> dict[StepName, list[Blank]]:
        """The blanks of every step that has some."""
        found: dict[StepName, list[Blank]] = {step: list(STEPS[step](self.c, self.known)) for step in self.steps}
        return {step: blanks for step, blanks in found.items() if blanks}


def sheet_blocks(a: Assignment) -> Iterator[Block]:
    """The worksheet: the network as it is given, then blank after blank."""
    c = a.c
    yield Heading(1, _titled(a, "worksheet.title"))
    yield Paragraph(c.say("worksheet.name", long=blank(16), short=blank(8)))
    yield Paragraph(c.say("worksheet.intro", loss=c.write.name(c.loss)))
    yield Heading(2, c.say("network.heading"))
    diagram = Diagram(c.derivation, "".join(p.text for p in c.say("network.title")))
    yield Figure(diagram, caption(c, diagram))
    yield symbols(c)
    yield from forward(c)
    yield from loss(c)
    for number, (step, blanks) in enumerate(a.blanks.items(), start=1):
        yield Heading(2, c.say("worksheet.task", number=number, task=c.say(f"worksheet.{step}")))
        yield Paragraph(_asked(a, step))
        if step == "numbers":
            yield from _given(a)
        yield from (one.empty for one in blanks)
    yield Note(c.say("worksheet.hint_label"), c.say("worksheet.hint"))


def key_blocks(a: Assignment, source: str) -> Iterator[Block]:
    """The key: the network for `check`, the answers with their reasons, then the whole derivation."""
    c = a.c
    yield Heading(1, _titled(a, "worksheet.key"))
    yield Paragraph(c.say("worksheet.checked"))
    yield Code(source, "net")
    for number, (step, blanks) in enumerate(a.blanks.items(), start=1):
        yield Heading(2, c.say("worksheet.task", number=number, task=c.say(f"worksheet.{step}")))
        if step == "numbers" and a.known is not None:
            yield from worked_out(a.known, None)
            continue
        for one in blanks:
            yield one.filled
            if one.why:
                yield Paragraph(one.why)
    for section in (forward, loss, backward_by_deltas, summary, mistakes):
        yield from section(c)


def _titled(a: Assignment, key: str) -> Line:
    """The title, with the number of the variant."""
    title = a.c.title
    named = a.c.say(key, title=Text(title)) if title else a.c.say(f"{key}_untitled")
    return named if a.seed is None else (*named, *a.c.say("worksheet.variant", seed=str(a.seed)))


def _asked(a: Assignment, step: StepName) -> Line:
    """What is to be done in one step."""
    c = a.c
    first = next(iter(c.derivation.deltas), None)
    if step == "deltas" and first is not None:
        partial = c.write.slashed(c.write.name(c.loss), c.write.name(first))
        scale = c.scale(first)
        symbol = a.blanks["deltas"][0].left
        return c.say(
            "worksheet.deltas_asked", delta=symbol, partial=partial if scale == 1 else c.write(scale) + partial
        )
    return c.say(f"worksheet.{step}_asked", rate=c.write(c.derivation.rate))


def _given(a: Assignment) -> Iterator[Block]:
    """The numbers to calculate with."""
    if a.known is None:
        return
    if a.c.scalar:
        values = a.c.say.commas([a.c.write.name(q) + IS + a.known.of(q.base) for q in a.known.given])
        yield Paragraph(a.c.say("worksheet.values", values=values, digits=a.known.digits))
        return
    yield Paragraph(a.c.say("worksheet.arrays", digits=a.known.digits))
    yield Formula(tuple(a.known.beside(a.known.given)))
