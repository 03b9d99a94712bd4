"""The gradients of the parameters from the deltas, group by group.

Contract: one block of lines for each parameter; where a parameter is used again and again, why there is a sum.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import replace

from symbackprop.network import Quantity
from symbackprop.sheets.blocks import NOTHING, Block, Details, Formula, Paragraph, Row
from symbackprop.sheets.breaking import ROOM, rows, side_by_side
from symbackprop.sheets.compose.chains import (
    chain_rows,
    chain_terms,
    free_symbols_of,
    how_often,
    reference_of,
    sum_rows,
)
from symbackprop.sheets.compose.composition import Composition, Group
from symbackprop.sheets.compose.outcome import matrix_form, outcome
from symbackprop.sheets.compose.results import (
    chosen_terms,
    entry_rows,
    final_rows,
    lines_of,
    matrix_result,
)
from symbackprop.sheets.mathematics import IS
from symbackprop.sheets.width import width

LONG = 48
"""Of more parameters, the later groups stand without their chains."""
EXPLAINED = 8
"""Of more arrays of parameters, those that come about like an earlier one are not explained again."""


def gradients(c: Composition) -> Iterator[Block]:
    """The gradients, group by group; of many, the later groups without their chains."""
    if not c.scalar and len(c.derivation.parameters) > EXPLAINED:
        yield from _one_of_each_kind(c)
        return
    short = len(c.derivation.parameters) > LONG
    for number, group in enumerate(c.groups):
        if short and number:
            if number == 1:
                yield Paragraph(c.say("deltas.alike"))
            yield Formula(tuple(side_by_side([row for q in group.parameters for row in entry_rows(c, q)])))
        else:
            yield from _group(c, group)


def _one_of_each_kind(c: Composition) -> Iterator[Block]:
    """Arrays of many layers: the first of each kind explained, then the results of the others."""
    seen: set[Hashable] = set()
    alike: list[Row] = []
    for group in c.groups:
        fresh: list[Quantity] = []
        rest: list[Row] = []
        for quantity in group.parameters:
            found = c.derivation.sweep[quantity.base].contributions
            kind = c.part(quantity), len(quantity.axes), tuple((len(x.local), len(x.limits)) for x in found)
            if kind in seen:
                rest += final_rows(c, quantity)
            else:
                fresh.append(quantity)
            seen.add(kind)
        if fresh:
            yield from _group(c, replace(group, parameters=tuple(fresh)))
        alike += side_by_side(rest)
    if alike:
        yield Paragraph(c.say("deltas.alike"))
        yield Formula(tuple(alike))


def _group(c: Composition, group: Group) -> Iterator[Block]:
    """The parameters that act through one quantity."""
    if c.full and c.scalar:
        yield Paragraph(c.say("deltas.group", parameters=c.names(group.parameters), through=c.names(group.through)))
    for quantity in group.parameters:
        if c.scalar:
            yield Formula(tuple(_short_gradient(c, quantity)))
        elif c.full:
            blocks = (*_summed(c, quantity), *_array_gradient(c, quantity))
            yield Details(c.say("deltas.gradient", parameter=c.write.name(quantity)), blocks, level=4)
        else:
            yield from _array_gradient(c, quantity)


def _array_gradient(c: Composition, quantity: Quantity) -> Iterator[Block]:
    """Chain and value entry by entry, then the value as matrices."""
    chain, value = chain_rows(c, quantity), entry_rows(c, quantity)
    simple = len(chain) == len(value) == 1 and not chain[0].condition and not c.gradient(quantity).closed.rules
    longer = chain[0].right + IS + value[0].right if simple else NOTHING
    matrix = matrix_result(c, quantity)
    if simple and matrix and width(longer.latex) <= ROOM - width(chain[0].left.latex):
        yield Formula((Row(chain[0].left, longer, condition=value[0].condition),))
        yield from matrix_form(c, matrix)
        return
    if chain:
        yield Formula(tuple(chain))
    yield from outcome(c, quantity, lead=False)


def _short_gradient(c: Composition, quantity: Quantity) -> list[Row]:
    """Chain and value of a scalar's gradient, on one line where they fit."""
    left = c.write(c.gradient(quantity).symbol)
    terms = chain_terms(c, quantity)
    value, condition = lines_of(c, chosen_terms(c, quantity), ROOM - width(left.latex))
    if all(x.adjoint == 1 for x in c.derivation.sweep[quantity.base].contributions):
        return rows(left, value, condition)
    chain = sum_rows(c, left, terms)
    if len(chain) == 1 and len(value) == 1 and not condition:
        together = chain[0].right + IS + value[0]
        if width(together.latex) <= ROOM - width(left.latex):
            return [Row(left, together)]
    return [*chain, *rows(NOTHING, value, condition)]


def _summed(c: Composition, quantity: Quantity) -> Iterator[Block]:
    """Why there is a sum: the parameter is used again for every value of the indices that it lacks."""
    for x in c.derivation.sweep[quantity.base].contributions:
        extra = [limit for limit in x.limits if limit.index in free_symbols_of(x.adjoint)]
        if extra:
            key = "deltas.added" if not x.local else "deltas.used_again"
            yield Paragraph(
                c.say(
                    key,
                    parameter=c.write(quantity.entry),
                    user=c.user(x),
                    count=how_often(c, extra),
                )
            )
            return
    found = c.derivation.sweep[quantity.base].contributions
    if len(found) == 1 and quantity.axes and found[0].adjoint != 1:
        entry = c.write(reference_of(found[0]))
        yield Paragraph(c.say("deltas.used_once", parameter=c.write(quantity.entry), entry=entry))
