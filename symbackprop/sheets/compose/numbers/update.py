"""One update in numbers: every line of the rule as symbol = substitution = value, and the loss before and after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import sympy as sp

from symbackprop.derivation import rules
from symbackprop.network import Quantity
from symbackprop.sheets.blocks import BECOMES, EQUALS, NOTHING, Block, Formula, Heading, Math, Paragraph, Row
from symbackprop.sheets.breaking import ROOM
from symbackprop.sheets.compose.composition import Composition
from symbackprop.sheets.compose.numbers.known import Known, array, in_product, is_whole
from symbackprop.sheets.compose.numbers.substitution import single_brackets
from symbackprop.sheets.compose.rule_names import RuleNames
from symbackprop.sheets.mathematics import IS, number
from symbackprop.sheets.width import width


def update(known: Known, rate: float) -> Iterator[Block]:
    """The first update of every parameter, and what it does to the loss."""
    c = known.c
    names = RuleNames(c)
    steps: list[tuple[Row, ...]] = []
    new: dict[Any, Any] = {}
    for quantity in (q for group in c.groups for q in group.parameters):
        before = c.rule.start | _before(known, quantity, rate)
        after = _after(c, before)
        steps.append(tuple(_rows(c, names.of(c.write.name(quantity)), before, after, known.digits)))
        new[quantity.base] = after[rules.PARAMETER]
    yield Heading(3, c.say("numbers.update", rate=c.write(c.derivation.rate) + IS + number(rate, known.digits)))
    if len(c.rule.lines) == 1 and c.scalar:
        steps = [tuple(row for step in steps for row in step)]
    yield from map(Formula, steps)
    yield Paragraph(
        c.say(
            "numbers.after",
            loss=c.write.name(c.loss),
            before=number(known.program(known.values)[0], known.digits),
            after=number(known.program({**known.values, **new})[0], known.digits),
        )
    )


def _before(known: Known, quantity: Quantity, rate: float) -> dict[sp.Symbol, Any]:
    return {
        rules.PARAMETER: known.numbers[quantity.base],
        rules.GRADIENT: known.gradients[quantity.name.plain],
        rules.RATE: rate,
        rules.STEP: 1,
    }


def _after(c: Composition, before: Mapping[sp.Symbol, Any]) -> dict[sp.Symbol, Any]:
    """The rule entry by entry: every symbol of it with its value, in the shape of the parameter."""
    shape = np.shape(before[rules.PARAMETER])
    own = {symbol for symbol, value in before.items() if np.ndim(value)}
    found: dict[sp.Symbol, Any] = {symbol: np.zeros(shape) for symbol, _ in c.rule.lines}
    for at in np.ndindex(shape):
        entry = {symbol: np.asarray(value)[at].item() if symbol in own else value for symbol, value in before.items()}
        after = c.rule.update(entry)
        for symbol, values in found.items():
            values[at] = after[symbol]
    return found


def _rows(
    c: Composition,
    names: Mapping[sp.Symbol, Math],
    known: Mapping[sp.Symbol, Any],
    after: Mapping[sp.Symbol, Any],
    digits: int,
) -> Iterator[Row]:
    """The lines of the rule for one parameter."""
    shown = {symbol: in_product(array(value, digits)) for symbol, value in known.items()}
    shown[rules.PARAMETER] = array(known[rules.PARAMETER], digits)  # begins its line
    entrywise = np.ndim(known[rules.PARAMETER]) > 0 and len(c.rule.lines) > 1
    for left, right in c.rule.lines:
        value = array(after[left], digits)
        relation = BECOMES if left in c.rule.kept else EQUALS
        substituted = single_brackets(c.write.with_dots().with_names(shown)(right))
        whole = substituted + IS + value
        if entrywise or not is_whole(after[left]):
            yield Row(names[left], value, relation)
        elif width((names[left] + whole).latex) > ROOM:
            yield Row(names[left], substituted, relation)
            yield Row(NOTHING, value)
        else:
            yield Row(names[left], whole, relation)
        shown[left] = in_product(value)
