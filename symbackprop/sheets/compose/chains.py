"""The chain rule in derivatives: ``delta = sum of dE/du du/dv`` over everything that reads a quantity.

Contract: reads the contributions of the sweep; every instance of a consumer stands in a chain once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sympy as sp

from symbackprop.backprop import Contribution
from symbackprop.derivation import Term
from symbackprop.indexed import Limit, indices_of
from symbackprop.network import Quantity
from symbackprop.sheets.blocks import Block, Formula, Math, Paragraph, Row
from symbackprop.sheets.breaking import ROOM, rows
from symbackprop.sheets.compose.composition import Composition
from symbackprop.sheets.compose.functions import free_letter
from symbackprop.sheets.compose.results import Left, lines_of, raw_rows, symbol_at, term_rows
from symbackprop.sheets.mathematics import IS, THIN
from symbackprop.sheets.width import width

PAIRS = (("v", "q"), ("q", "r"), ("s", "t"), ("p", "g"), ("vv", "qq"))
"""Letters for a quantity and what is computed from it: the first pair that the network does not use."""


def reference_of(contribution: Contribution) -> Any:
    """The consumer at the indices at which it reads the quantity."""
    at = indices_of(contribution.adjoint)
    return contribution.consumer.base[at] if at else contribution.consumer.target


def free_symbols_of(reference: Any) -> set[Any]:
    """The symbols in the indices of a reference."""
    return {symbol for index in indices_of(reference) for symbol in index.free_symbols}


def how_often(c: Composition, limits: Sequence[Limit]) -> Math:
    """In how many entries something is used: the product of the sizes that a sum runs over."""
    return c.write(sp.Mul(*(limit.size for limit in limits), evaluate=False) if len(limits) > 1 else limits[0].size)


def chain_rule(c: Composition) -> Iterator[Block]:
    """The rule behind the whole backward pass, for any quantity and everything that is computed from it."""
    used = {q.name.stem.key for q in c.derivation.network.quantities.values()} | {free_letter(c).name}
    lower, upper = (Math(letter, letter) for letter in next(pair for pair in PAIRS if not used & set(pair)))
    loss = c.write.name(c.loss)
    yield Paragraph(c.say("chains.rule", loss=loss, lower=lower, upper=upper))
    sign = Math(rf"\sum_{{{upper.latex}}} ", f"Σ_{upper.text} ")
    yield Formula((Row(_fraction(loss, lower), sign + _fraction(loss, upper) + THIN + _fraction(upper, lower)),))


def _fraction(above: Math, below: Math) -> Math:
    return Math(rf"\frac{{\partial {above.latex}}}{{\partial {below.latex}}}", f"∂{above.text}/∂{below.text}")


def chain_rows(c: Composition, quantity: Quantity) -> list[Row]:
    """``delta = sum over consumers of dE/du du/dv``; activations on the way get a line of their own."""
    contributions = c.derivation.sweep[quantity.base].contributions
    if all(x.adjoint == 1 for x in contributions):
        return []
    left = symbol_at(c, quantity)
    if quantity in c.derivation.deltas:
        left = named_partial(c, quantity)
    found = term_rows(c, quantity, chain_terms(c, quantity), left, ROOM)
    for user in c.consumers(quantity):
        if c.derivation.is_inlined(user.base):
            found += raw_rows(c, user, _scaled(c, user, symbol_at(c, user)))
    return found


def named_partial(c: Composition, quantity: Quantity) -> Left:
    """``delta = dL/dZ``, times m where a delta belongs to one sample."""

    def partial(at: Mapping[Any, Any]) -> Math:
        return c.write.partial(c.derivation.network.loss.target, quantity.entry.xreplace(dict(at)))

    symbol, scaled = symbol_at(c, quantity), _scaled(c, quantity, partial)
    return lambda at: symbol(at) + IS + scaled(at)


def _scaled(c: Composition, quantity: Quantity, left: Left) -> Left:
    scale = c.scale(quantity)
    return left if scale == 1 else lambda at: c.write(scale) + THIN + left(at)


def chain_terms(c: Composition, quantity: Quantity) -> list[Term]:
    """``dE/du du/dv`` for every consumer at every index at which it reads the quantity, each once."""
    found: list[Contribution] = []
    for x in sorted(c.derivation.sweep[quantity.base].contributions, key=lambda x: -len(x.limits)):
        if not any(_covers(y, x) for y in found):
            found.append(x)
    order = [id(x) for x in c.derivation.sweep[quantity.base].contributions]
    return [_chain_term(c, x, quantity) for x in sorted(found, key=lambda x: order.index(id(x)))]


def _covers(general: Contribution, special: Contribution) -> bool:
    """Does a contribution run over the consumer's instance that another one reads, too?"""
    if general.consumer.base != special.consumer.base:
        return False
    bound = {limit.index for limit in general.limits}
    pairs = zip(indices_of(general.adjoint), indices_of(special.adjoint), strict=True)
    return all(a == b or a in bound for a, b in pairs)


def _chain_term(c: Composition, x: Contribution, quantity: Quantity) -> Term:
    """``dE/du du/dv`` for one consumer, with the sum over its indices and its conditions."""
    if x.adjoint == 1:  # what stands in the loss itself: its derivative would be written like the left side
        scale = c.scale(quantity)
        return Term(x.limits, (*((scale,) if scale != 1 else ()), *c.chosen(x.local), *x.conditions))
    partial = c.write.derivative_symbol(reference_of(x), quantity.entry)
    outer = (x.adjoint,)
    user = c.derivation.network.quantities[x.consumer.base]
    scale = c.scale(quantity) / (c.scale(user) if user in c.derivation.deltas else 1)
    return Term(x.limits, (*((scale,) if scale != 1 else ()), *outer, partial, *x.conditions))


def sum_rows(c: Composition, left: Math, terms: Sequence[Term]) -> list[Row]:
    """The terms of a chain behind a left side."""
    lines, condition = lines_of(c, terms, ROOM - width(left.latex))
    return rows(left, lines, condition)
