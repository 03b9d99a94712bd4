"""The update rules: first every gradient with the old values, then every update, and why in this order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from symbackprop.indexed import base_of, indices_of
from symbackprop.network import Quantity
from symbackprop.sheets.blocks import BECOMES, Block, Formula, Heading, Math, Paragraph, Row
from symbackprop.sheets.breaking import side_by_side
from symbackprop.sheets.compose.composition import Composition
from symbackprop.sheets.mathematics import THIN
from symbackprop.sheets.matrices import matrix_axes

WRITTEN_OUT = 40
"""Up to this many parameters have their update written out."""


def updates(c: Composition) -> Iterator[Block]:
    """The whole section."""
    yield Heading(2, c.say("update.heading"))
    rate = c.write(c.derivation.rate)
    count = len(c.derivation.parameters)
    if c.full:
        yield Paragraph(c.say("update.order_one" if count == 1 else "update.order", count=count))
        witness = _witness(c)
        if witness is not None:
            late, early = witness
            yield Paragraph(c.say("update.why", gradient=_slashed(c, late), weight=c.write.name(early)))
    if count > WRITTEN_OUT:
        any_parameter = Math(r"\theta", "θ")
        loss = c.write.name(c.loss)
        partial = Math(rf"\frac{{\partial {loss.latex}}}{{\partial \theta}}", f"∂{loss.text}/∂θ")
        yield Paragraph(c.say("update.each", parameter=any_parameter, rate=rate))
        yield Formula(
            (
                Row(
                    any_parameter,
                    any_parameter + Math(" - ", " - ") + rate + THIN + partial,
                    BECOMES,
                ),
            )
        )
        return
    yield Formula(tuple(row for group in c.groups for row in side_by_side([_row(c, q) for q in group.parameters])))
    if c.full:
        yield Paragraph(c.say("update.rate", rate=rate, loss=c.write.name(c.loss)))


def _slashed(c: Composition, quantity: Quantity) -> Math:
    return c.write.slashed(c.write.name(c.loss), c.write.name(quantity))


def _row(c: Composition, quantity: Quantity) -> Row:
    update = c.gradient(quantity).update
    own = c.write.name(quantity)
    axes = matrix_axes(c.derivation.network, quantity.base, indices_of(update.gradient))
    step = c.write(update.rate) + THIN + c.write.whole(update.gradient, axes)
    return Row(own, own + Math(" - ", " - ") + step, BECOMES)


def _witness(c: Composition) -> tuple[Quantity, Quantity] | None:
    """A gradient that contains a parameter of a later layer: updated first, it would falsify the gradient."""
    earlier: list[Quantity] = []
    for group in c.groups:
        for quantity in reversed(earlier):
            for late in group.parameters:
                if _depends(c, late, quantity):
                    return late, quantity
        earlier += group.parameters
    return None


def _depends(c: Composition, late: Quantity, early: Quantity) -> bool:
    """Does a gradient contain a parameter, directly or in the deltas that it is made of?"""
    if c.derivation.style == "paths":
        return early.base in _bases(c.gradient(late).result)
    through = [x.consumer.base for x in c.derivation.sweep[late.base].contributions]
    return any(early.base in _bases(t.expression) for b in through for t in c.derivation.terms(b))


def _bases(expression: Any) -> set[Any]:
    from symbackprop.network.ranges import base_uses

    return {base_of(b) for b in base_uses(expression)}
