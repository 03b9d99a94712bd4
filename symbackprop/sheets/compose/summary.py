"""All final formulas in one box; for a sheet by paths this is where its shared factors get names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from symbackprop.derivation import DeltaConvention, Derivation
from symbackprop.sheets.blocks import Block, Formula, Heading, Paragraph
from symbackprop.sheets.breaking import side_by_side
from symbackprop.sheets.compose.composition import Composition
from symbackprop.sheets.compose.results import final_rows
from symbackprop.sheets.mathematics import MathWriter

LONGEST = 36
"""A box with more lines is no summary: it is left out."""


def summary(c: Composition) -> Iterator[Block]:
    """The deltas and the gradients over them."""
    named = c if c.derivation.style == "delta" else with_deltas(c)
    deltas = named.derivation.deltas
    if not deltas or len(deltas) + len(named.derivation.parameters) > LONGEST:
        return
    lines = [row for q in deltas for row in final_rows(named, q)]
    for group in named.groups:
        lines += side_by_side([row for q in group.parameters for row in final_rows(named, q)])
    if len(lines) > LONGEST:
        return
    yield Heading(2, c.say("summary.heading"))
    if c.full:
        key = "summary.paths" if c.derivation.style == "paths" else "summary.deltas"
        yield Paragraph(
            c.say(
                key,
                deltas=c.say.listed([named.write(named.gradient(q).symbol) for q in deltas]),
                count=len(c.derivation.parameters),
            )
        )
    yield Formula(tuple(lines), boxed=True)


def with_deltas(c: Composition) -> Composition:
    """The same network, with the factors that its gradients share named once."""
    own = c.derivation
    convention = cast(DeltaConvention, own.delta)
    derivation = Derivation(own.network, convention, style="delta", derivatives=own.derivatives)
    return Composition(derivation, MathWriter(derivation), c.say, c.detail, c.form)
