r"""What a worksheet asks for: for every step its blanks, each with the answer and the reason.

Contract: every answer is read off the derivation that the sheet prints; a blank is one line `left = ___`, so that it
can be filled in by hand, in Markdown and in LaTeX.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import sympy as sp

from symbackprop.backprop import Contribution
from symbackprop.indexed import Softmax, indices_of, rename
from symbackprop.network import Quantity
from symbackprop.sheets.blocks import BECOMES, EQUALS, NOTHING, Formula, Line, Math, Row, joined
from symbackprop.sheets.compose.chains import chain_rows, reference_of
from symbackprop.sheets.compose.composition import Composition, split_conditions
from symbackprop.sheets.compose.functions import softmax_rows
from symbackprop.sheets.compose.numbers.known import Known
from symbackprop.sheets.compose.reasons import because
from symbackprop.sheets.compose.results import final_rows
from symbackprop.sheets.compose.updates import update_rows
from symbackprop.sheets.mathematics import COMMA
from symbackprop.sheets.matrices import matrix_axes
from symbackprop.sheets.width import width

StepName = Literal["partials", "deltas", "gradients", "updates", "numbers"]

MOST = 24
"""More partial derivatives than these are no exercise any more: later ones come about like earlier ones."""
LETTERS = "kjpqruvwgh"
"""Letters for indices that are written without their sum."""
ROOMS = (5, 18)
"""The shortest and the longest blank, in em."""


@dataclass(frozen=True)
class Blank:
    """One line to be filled in: what stands left of it, the answer, and why."""

    left: Math
    answer: tuple[Row, ...]
    relation: Math = EQUALS
    why: Line = ()

    @property
    def empty(self) -> Formula:
        """The line with a blank that has room for the answer."""
        longest = max(width(row.right.latex) for row in self.answer)
        room = max(ROOMS[0], min(ROOMS[1], round(1.5 * longest)))
        return Formula((Row(self.left, blank(room), self.relation),))

    @property
    def filled(self) -> Formula:
        """The line with its answer."""
        first, *rest = self.answer
        return Formula((Row(self.left, first.right, self.relation, first.condition), *rest))


def blank(room: int) -> Math:
    """A line to write on, so many em long."""
    return Math(r"\underline{" + r"\qquad" * (room // 2) + "}", "_" * (2 * room))


def partials(c: Composition, _known: Known | None) -> Iterator[Blank]:
    """The derivative of every quantity by what it is computed from."""
    softmaxes = {row.left.latex: row for row in softmax_rows(c, derived=False)}
    seen: set[str] = set()
    order = {e.base: -n for n, e in enumerate(c.derivation.network.equations)}
    quantities = [q for q in c.derivation.network.quantities.values() if q.role in ("parameter", "intermediate")]
    pairs = [(x, q) for q in quantities for x in c.derivation.sweep[q.base].contributions]
    for x, quantity in sorted(pairs, key=lambda pair: order[pair[0].consumer.base]):
        own = _own_letters(c, x, quantity)
        left = c.write.partial(rename(reference_of(x), own), quantity.entry)
        if isinstance(x.consumer.expression, Softmax):
            answers = [(row.left, (row,), c.say("because.softmax")) for row in softmaxes.values()]
        else:
            factors, conditions = split_conditions((*c.chosen(x.local), *x.conditions))
            right = c.write.product(tuple(rename(f, own) for f in factors)) if factors else Math("1", "1")
            where = joined([c.write.condition(rename(condition, own)) for condition in conditions], COMMA)
            reason = because(c, x.consumer, quantity, x.local, x.rules)
            answers = [(left, (Row(left, right, condition=where),), reason)]
        for name, rows, why in answers:
            if name.latex not in seen and len(seen) < MOST:
                seen.add(name.latex)
                yield Blank(name, rows, why=why)


def _own_letters(c: Composition, x: Contribution, quantity: Quantity) -> dict[sp.Symbol, sp.Symbol]:
    """A letter for every index of the consumer that the quantity does not have: its own where that is free."""
    taken = {s.name for s in quantity.entry.free_symbols}
    found: dict[sp.Symbol, sp.Symbol] = {}
    for limit in x.limits:
        user = c.derivation.network.quantities[x.consumer.base]
        own = [axis.index.name.split("~")[0] for axis in user.axes if axis[1:] == limit[1:]]
        letter = next(letter for letter in (*own, *LETTERS) if letter and letter not in taken)
        taken.add(letter)
        found[limit.index] = sp.Symbol(letter, integer=True)
    return found


def deltas(c: Composition, _known: Known | None) -> Iterator[Blank]:
    """Every delta over those that come after it."""
    for quantity in c.derivation.deltas:
        yield from _derivative(c, quantity)


def gradients(c: Composition, _known: Known | None) -> Iterator[Blank]:
    """The gradient of every parameter over the deltas."""
    for group in c.groups:
        for quantity in group.parameters:
            yield from _derivative(c, quantity)


def _derivative(c: Composition, quantity: Quantity) -> Iterator[Blank]:
    """The result; where a recursion has a start and a step, a blank for each."""
    chain = chain_rows(c, quantity)
    why: Line = c.say("worksheet.chain", chain=_chain(chain[:1])) if chain else ()
    rows = final_rows(c, quantity)
    starts = [n for n, row in enumerate(rows) if row.left]
    for start, end in zip(starts, [*starts[1:], len(rows)], strict=True):
        yield Blank(rows[start].left, tuple(rows[start:end]), why=why)


def _chain(rows: list[Row]) -> Math:
    return rows[0].left + Math(" = ", " = ") + rows[0].right


def updates(c: Composition, _known: Known | None) -> Iterator[Blank]:
    """The new value of every parameter."""
    for group in c.groups:
        for quantity in group.parameters:
            (row,) = update_rows(c, quantity)
            yield Blank(row.left, (row,), BECOMES)


def numbers(c: Composition, known: Known | None) -> Iterator[Blank]:
    """The value of everything that is computed, forward and backward."""
    if known is None:
        return
    network = c.derivation.network
    computed = dict.fromkeys(network.quantities[e.base] for e in network.equations if e.base in known)
    for quantity in computed:
        yield _value(c.write.name(quantity), known, quantity.base)
    for quantity in (*c.derivation.deltas, *(q for group in c.groups for q in group.parameters)):
        symbol = c.gradient(quantity).symbol
        left = c.write.whole(symbol, matrix_axes(network, quantity.base, indices_of(symbol)))
        yield _value(left, known, known.gradient_base(quantity))


def _value(left: Math, known: Known, base: object) -> Blank:
    return Blank(left, (Row(NOTHING, known.of(base)),))


STEPS: Mapping[StepName, Callable[[Composition, Known | None], Iterator[Blank]]] = {
    "partials": partials,
    "deltas": deltas,
    "gradients": gradients,
    "updates": updates,
    "numbers": numbers,
}
"""The steps that a worksheet may leave blank, in order."""
