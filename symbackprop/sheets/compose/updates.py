"""The update rules: first every gradient with the old values, then every update, and why in this order.

Contract: the rule is one of `symbackprop.derivation.rules`, printed line by line for each parameter, or once for
any parameter where that would be long.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sympy as sp

from symbackprop.derivation import rules
from symbackprop.indexed import base_of, indices_of
from symbackprop.network import Quantity
from symbackprop.sheets.blocks import BECOMES, EQUALS, Block, Formula, Heading, Math, Paragraph, Row
from symbackprop.sheets.breaking import side_by_side
from symbackprop.sheets.compose.composition import Composition
from symbackprop.sheets.compose.rule_names import RuleNames
from symbackprop.sheets.matrices import matrix_axes

WRITTEN_OUT = 40
"""Up to this many lines are written out, parameter by parameter."""


def updates(c: Composition) -> Iterator[Block]:
    """The whole section."""
    yield Heading(2, c.say("update.heading"))
    names = RuleNames(c)
    if c.full:
        yield from _order(c)
        if c.rule.memory:
            yield from _explained(c, names)
    rate = c.write(c.derivation.rate)
    if len(c.derivation.parameters) * len(c.rule.lines) > WRITTEN_OUT:
        yield Paragraph(c.say("update.each", parameter=names.parameter, rate=rate))
        yield Formula(tuple(_arranged(c, _for_any(c, names))))
        return
    groups = [[_for_one(c, names, q) for q in group.parameters] for group in c.groups]
    if len(c.rule.lines) == 1:  # the parameters of a group stand beside each other
        groups = [[[row for rows in group for row in rows]] for group in groups]
    yield Formula(tuple(row for group in groups for rows in group for row in _arranged(c, rows)))
    if c.full and not c.rule.memory:
        yield Paragraph(c.say("update.rate", rate=rate, loss=c.write.name(c.loss)))


def _order(c: Composition) -> Iterator[Block]:
    """First all gradients, then all updates, and an example of what goes wrong otherwise."""
    count = len(c.derivation.parameters)
    yield Paragraph(c.say("update.order_one" if count == 1 else "update.order", count=count))
    witness = _witness(c)
    if witness is not None:
        late, early = witness
        yield Paragraph(c.say("update.why", gradient=_slashed(c, late), weight=c.write.name(early)))


def _explained(c: Composition, names: RuleNames) -> Iterator[Block]:
    """What a rule with a memory does, and who found it."""
    yield Paragraph(c.say(f"update.{c.optimizer}", **names.fillings))
    if not c.scalar and any(right.has(sp.Pow) for _, right in c.rule.lines):
        yield Paragraph(c.say("update.entries"))


def _arranged(c: Composition, rows: list[Row]) -> list[Row]:
    """Rows beside each other; where one line is too short, what is kept stands above what is done with it."""
    together = side_by_side(rows)
    if len(together) == 1:
        return together
    kept = len(c.rule.memory)
    return side_by_side(rows[:kept]) + side_by_side(rows[kept:])


def _for_any(c: Composition, names: RuleNames) -> list[Row]:
    """The rule for a parameter that stands for all."""
    loss, own = c.write.name(c.loss), names.parameter
    gradient = Math(rf"\frac{{\partial {loss.latex}}}{{\partial {own.latex}}}", f"∂{loss.text}/∂{own.text}")
    return _rows(c, names, own, gradient)


def _for_one(c: Composition, names: RuleNames, quantity: Quantity) -> list[Row]:
    """The rule for one parameter."""
    symbol = c.gradient(quantity).symbol
    axes = matrix_axes(c.derivation.network, quantity.base, indices_of(symbol))
    return _rows(c, names, c.write.name(quantity), c.write.whole(symbol, axes))


def update_rows(c: Composition, quantity: Quantity) -> list[Row]:
    """The rule for one parameter, a line for each thing that it changes."""
    return _for_one(c, RuleNames(c), quantity)


def _slashed(c: Composition, quantity: Quantity) -> Math:
    return c.write.slashed(c.write.name(c.loss), c.write.name(quantity))


def _rows(c: Composition, names: RuleNames, own: Math, gradient: Math) -> list[Row]:
    """The lines of the rule for one parameter: what is kept changes, what is only abbreviated is equal."""
    write = c.write.with_names(names.of(own) | {rules.GRADIENT: gradient})
    return [Row(write(left), write(right), BECOMES if left in c.rule.kept else EQUALS) for left, right in c.rule.lines]


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
