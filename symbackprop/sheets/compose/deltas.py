"""The backward pass by deltas: each named once, from the loss back, then every gradient from the deltas.

Contract: reads `Derivation.deltas`, the contributions of the sweep and `Derivation.terms` only; one block of lines for
each delta and one for each parameter, so that the sheet grows with the network and not with its paths.
"""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import sympy as sp

from symbackprop.backprop import Contribution
from symbackprop.derivation import Term
from symbackprop.indexed import indices_of, sum_over
from symbackprop.network import Quantity
from symbackprop.sheets.blocks import NOTHING, Block, Details, Formula, Heading, Math, Paragraph, Row, joined
from symbackprop.sheets.breaking import ROOM, broken, broken_product, rows
from symbackprop.sheets.compose.composition import Composition, Group, split_conditions
from symbackprop.sheets.compose.functions import applied_functions, derivative_row
from symbackprop.sheets.compose.reasons import because
from symbackprop.sheets.width import width

HEADED = 24
"""Up to this many deltas have a heading of their own."""


def backward_by_deltas(c: Composition) -> Iterator[Block]:
    """The whole section."""
    yield Heading(2, c.say("backward.heading"))
    deltas = c.derivation.deltas
    if c.full:
        example = deltas[0] if deltas else c.loss
        yield Paragraph(c.say("deltas.intro", loss=c.write.name(c.loss), delta=c.write(c.gradient(example).symbol),
                              partial=c.write.slashed(c.derivation.network.loss.target, example.entry),
                              quantity=c.write.name(example)))
        derivatives = [derivative_row(c, f) for f in applied_functions(c)]
        if derivatives:
            yield Paragraph(c.say("backward.functions"))
            yield Formula(tuple(derivatives))
    if deltas:
        yield Heading(3, c.say("deltas.heading"))
    for quantity in deltas:
        yield from _delta(c, quantity, headed=len(deltas) <= HEADED)
    yield Heading(3, c.say("deltas.parameters"))
    if c.full and c.with_part("weight") and c.with_part("bias"):
        yield Paragraph(c.say("deltas.rule"))
    for group in c.groups:
        yield from _group(c, group)
    for quantity in c.idle:
        yield Paragraph(c.say("backward.idle", parameter=c.write.name(quantity), loss=c.write.name(c.loss)))


def _delta(c: Composition, quantity: Quantity, *, headed: bool) -> Iterator[Block]:
    """Who uses it, the chain, the result."""
    consumers = c.consumers(quantity)
    blocks: list[Block] = []
    if c.full:
        key = "deltas.used_one" if len(consumers) == 1 else "deltas.used_many"
        blocks.append(Paragraph(c.say(key, quantity=c.write(quantity.entry), users=c.names(consumers), count=len(consumers))
                                + _why(c, quantity)))
    blocks.append(Formula(tuple(_chain_rows(c, quantity))))
    blocks.append(Formula(tuple(result_rows(c, quantity)), boxed=True))
    if c.full and headed:
        yield Details((c.write(c.gradient(quantity).symbol),), tuple(blocks), level=4)
    else:
        yield from blocks


def _why(c: Composition, quantity: Quantity) -> Any:
    """The rule behind the only local derivative, where there is one."""
    found = c.derivation.sweep[quantity.base].contributions
    if len(found) != 1 or quantity.axes:
        return ()
    only = found[0]
    return c.say("deltas.why", factor=c.write.slashed(_reference(only), quantity.entry),
                 reason=because(c, only.consumer, quantity, only.local, only.rules))


def _reference(contribution: Contribution) -> Any:
    """The consumer at the indices at which it reads the quantity."""
    at = indices_of(contribution.adjoint)
    return contribution.consumer.base[at] if at else contribution.consumer.target


def _chain_rows(c: Composition, quantity: Quantity) -> list[Row]:
    """``delta = sum over consumers of dE/du du/dv``; activations on the way get a line of their own."""
    found: list[Row] = []
    left = c.write(c.gradient(quantity).symbol)
    if not c.write(c.gradient(quantity).symbol).latex.startswith(r"\frac"):
        left = left + Math(" = ", " = ") + c.write.partial(c.derivation.network.loss.target, quantity.entry)
    contributions = c.derivation.sweep[quantity.base].contributions
    found += _sum_rows(c, left, [_chain_term(c, x, quantity) for x in contributions])
    for x in contributions:
        base = x.consumer.base
        inner = c.derivation.sweep[base].contributions
        if c.derivation.is_inlined(base) and inner and not all(y.adjoint == 1 and len(inner) == 1 for y in inner):
            user = c.derivation.network.quantities[base]
            found += rows(c.write(c.gradient(user).symbol), *_value(c, c.derivation.terms(base), quantity))
    return found


def _chain_term(c: Composition, x: Contribution, quantity: Quantity) -> Term:
    """``dE/du du/dv`` for one consumer, with the sum over its indices and its conditions."""
    reference = _reference(x)
    partial = c.write.derivative_symbol(reference, quantity.entry)
    outer = (x.adjoint,) if x.adjoint != 1 else ()
    return Term(x.limits, (*outer, partial, *x.conditions))


def _sum_rows(c: Composition, left: Math, terms: Sequence[Term]) -> list[Row]:
    lines, condition = _lines(c, terms, ROOM - width(left.latex))
    return rows(left, lines, condition)


def _value(c: Composition, terms: Sequence[Term], quantity: Quantity) -> tuple[list[Math], Math]:
    return _lines(c, [Term(t.limits, c.chosen(t.factors)) for t in terms], ROOM - 4)


def _lines(c: Composition, terms: Sequence[Term], room: float) -> tuple[list[Math], Math]:
    """The lines of a sum of terms; the condition of a single term stands behind it."""
    if len(terms) != 1:
        return broken(c.write, sp.Add(*(t.expression for t in terms), evaluate=False), room), NOTHING
    term = terms[0]
    factors, conditions = split_conditions(term.factors)
    bound = {limit.index for limit in term.limits}
    if any(condition.free_symbols & bound for condition in conditions):
        factors, conditions = term.factors, []
    condition = joined([c.write.condition(x) for x in conditions], Math(r",\ ", ", "))
    if not term.limits:
        return broken_product(c.write, factors, room), condition
    return broken(c.write, sum_over(factors, term.limits), room), condition


def result_rows(c: Composition, quantity: Quantity) -> list[Row]:
    """``delta = value``, for all its indices."""
    gradient = c.gradient(quantity)
    left = c.write(gradient.symbol)
    terms = c.derivation.terms(quantity.base)
    lines, condition = _lines(c, [Term(t.limits, c.chosen(t.factors)) for t in terms], ROOM - 4 - width(left.latex))
    return rows(left, lines, condition)


def _group(c: Composition, group: Group) -> Iterator[Block]:
    """The parameters that act through one quantity."""
    if c.full:
        yield Paragraph(c.say("deltas.group", parameters=c.names(group.parameters), through=c.write.name(group.through)))
    for quantity in group.parameters:
        gradient = c.gradient(quantity)
        left = c.write(gradient.symbol)
        contributions = c.derivation.sweep[quantity.base].contributions
        if c.full:
            yield from _summed(c, quantity, contributions)
        chain = _sum_rows(c, left, [_chain_term(c, x, quantity) for x in contributions])
        value, condition = _lines(c, [Term(t.limits, c.chosen(t.factors)) for t in gradient.terms], ROOM - width(left.latex))
        if len(chain) == 1 and len(value) == 1 and not condition:
            together = chain[0].right + Math(" = ", " = ") + value[0]
            if width(together.latex) <= ROOM - width(left.latex):
                yield Formula((Row(left, together),))
                continue
        yield Formula((*chain, *rows(NOTHING, value, condition)))


def _summed(c: Composition, quantity: Quantity, contributions: Sequence[Contribution]) -> Iterator[Block]:
    """Why there is a sum: the parameter is used again for every value of the indices that it lacks."""
    for x in contributions:
        missing = [limit for limit in x.limits if limit.index in {i for a in indices_of(x.adjoint) for i in a.free_symbols}]
        if missing and not x.local:
            yield Paragraph(c.say("deltas.summed", parameter=c.write(quantity.entry),
                                  user=c.write.name(c.derivation.network.quantities[x.consumer.base])))
