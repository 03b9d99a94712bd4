"""The backward pass by deltas: each named once, from the loss back, then every gradient from the deltas.

Contract: one block of lines for each delta and one for each parameter, so that the sheet grows with the
network and not with its paths; neurons that are alike are explained once.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence

from symbackprop.indexed import Softmax, indices_of
from symbackprop.network import Quantity
from symbackprop.sheets.blocks import Block, Details, Formula, Heading, Line, Math, Note, Paragraph, Row
from symbackprop.sheets.compose.chains import chain_rows, chain_rule, free_symbols_of, how_often, reference_of
from symbackprop.sheets.compose.composition import Composition
from symbackprop.sheets.compose.flow import flow_figure
from symbackprop.sheets.compose.functions import (
    applied_functions,
    denominator,
    derivative_row,
    logsumexp_sentences,
    softmax_rows,
    softmax_sums,
)
from symbackprop.sheets.compose.outcome import outcome
from symbackprop.sheets.compose.parameters import gradients
from symbackprop.sheets.compose.reasons import because
from symbackprop.sheets.compose.results import (
    final_rows,
)
from symbackprop.sheets.mathematics import THIN
from symbackprop.sheets.matrices import matrix_axes

EXPLAINED, EXPLAINED_ARRAYS = 12, 5
"""Of more deltas, those that come about like an earlier one are not explained again."""


def backward_by_deltas(c: Composition) -> Iterator[Block]:
    """The whole section."""
    yield Heading(2, c.say("backward.heading"))
    deltas = c.derivation.deltas
    if c.full and deltas:
        yield from chain_rule(c)
        key = "deltas.intro" if c.scalar else "deltas.arrays"
        yield Paragraph(
            c.say(
                key,
                loss=c.write.name(c.loss),
                delta=_symbol(c, deltas[0]),
                partial=_slashed(c, deltas[0]),
                quantity=c.write.name(deltas[0]),
            )
        )
        yield from _mean(c)
        yield flow_figure(c)
        derivatives = [*(derivative_row(c, f) for f in applied_functions(c)), *softmax_rows(c)]
        if derivatives:
            yield Paragraph(c.say("backward.functions" if len(derivatives) == 1 else "backward.functions_many"))
            yield Formula(tuple(derivatives))
        for sentence in logsumexp_sentences(c):
            yield Paragraph(sentence)
        sums = list(softmax_sums(c))
        if sums:
            sign = Math(r"\mathbf{1}[\dots]", "[...]")
            yield Paragraph(c.say("backward.softmax", bracket=sign, sum=c.write(denominator(c))))
            yield Formula(tuple(sums[:1]))
    if deltas:
        yield Heading(3, c.say("deltas.heading"))
        yield from _deltas(c, deltas)
    yield Heading(3, c.say("deltas.parameters"))
    if c.full and c.with_part("weight") and c.with_part("bias") and c.scalar:
        yield Paragraph(c.say("deltas.rule"))
    yield from gradients(c)
    for quantity in c.idle:
        yield Paragraph(c.say("backward.idle", parameter=c.write.name(quantity), loss=c.write.name(c.loss)))


def _mean(c: Composition) -> Iterator[Block]:
    """Where the 1/m of the loss is: in the deltas, or in front of the gradients of the parameters."""
    m = c.derivation.network.samples
    if m is not None and any(not e.at and e.expression.has(1 / m) for e in c.derivation.network.equations):
        mean = c.write(1 / m)
        yield Paragraph(c.say(f"deltas.{c.derivation.delta}", mean=mean, samples=c.write(m)))


def _symbol(c: Composition, quantity: Quantity) -> Math:
    """The delta as a whole: ``delta^{[1]}``."""
    symbol = c.gradient(quantity).symbol
    return c.write.whole(symbol, matrix_axes(c.derivation.network, quantity.base, indices_of(symbol)))


def _slashed(c: Composition, quantity: Quantity) -> Math:
    partial = c.write.slashed(c.write.name(c.loss), c.write.name(quantity))
    scale = c.scale(quantity)
    return partial if scale == 1 else c.write(scale) + THIN + partial


# -- deltas --------------------------------------------------------------------------------------------------
def _deltas(c: Composition, deltas: Sequence[Quantity]) -> Iterator[Block]:
    """Each delta explained; of many, those like an earlier one follow in short lines."""
    seen: set[Hashable] = set()
    alike: list[Row] = []
    many = len(deltas) > (EXPLAINED if c.scalar else EXPLAINED_ARRAYS)
    for quantity in deltas:
        kind = _kind(c, quantity)
        if many and kind in seen:
            alike += final_rows(c, quantity)
            continue
        yield from _alike(c, alike)
        alike = []
        seen.add(kind)
        yield from _delta(c, quantity)
    yield from _alike(c, alike)


def _alike(c: Composition, lines: Sequence[Row]) -> Iterator[Block]:
    if lines:
        yield Paragraph(c.say("deltas.alike"))
        yield Formula(tuple(lines))


def _kind(c: Composition, quantity: Quantity) -> Hashable:
    """How a delta comes about: two of one kind need one explanation."""
    found: list[Hashable] = []
    for x in c.derivation.sweep[quantity.base].contributions:
        inner = c.derivation.sweep[x.consumer.base].contributions if c.derivation.is_inlined(x.consumer.base) else ()
        found.append((x.rules, x.adjoint == 1, tuple((y.rules, y.adjoint == 1) for y in inner[:2])))
    return tuple(found[:2]), bool(quantity.axes)


def _delta(c: Composition, quantity: Quantity) -> Iterator[Block]:
    """Who uses it, the chain, the value, the result."""
    blocks: list[Block] = []
    if c.full:
        blocks.append(Paragraph(_users(c, quantity) + _why(c, quantity)))
    chain = chain_rows(c, quantity)
    if chain:
        blocks.append(Formula(tuple(chain)))
    blocks += outcome(c, quantity, lead=not chain)
    blocks += _slip(c, quantity)
    if not c.full:
        yield from blocks
        return
    heading = c.say(
        "deltas.one",
        delta=_symbol(c, quantity),
        quantity=c.write.name(quantity),
        partial=_slashed(c, quantity),
    )
    yield Details(heading, tuple(blocks), level=4)


def _slip(c: Composition, quantity: Quantity) -> Iterator[Block]:
    """What goes wrong with a softmax: the rule for activations that work entry by entry."""
    for x in c.derivation.sweep[quantity.base].contributions:
        if c.full and isinstance(x.consumer.expression, Softmax):
            output = c.derivation.network.quantities[x.consumer.base]
            yield Note(
                c.say("slip.label"),
                c.say("slip.softmax", output=c.write.name(output), argument=c.write.name(quantity)),
            )
            return


def _users(c: Composition, quantity: Quantity) -> Line:
    """What reads the quantity; behind an activation also what reads that, and how often."""
    users = c.consumers(quantity)
    key = "deltas.used_one" if len(users) == 1 else "deltas.used_many"
    said = c.say(key, quantity=c.write.name(quantity), users=c.say.listed(c.users(quantity)), count=len(users))
    if len(users) != 1 or not c.derivation.is_inlined(users[0].base):
        return said
    output = users[0]
    onward = c.consumers(output)
    if not onward or onward == [c.loss]:
        return said
    key = "deltas.onward_one" if len(onward) == 1 else "deltas.onward_many"
    said += c.say(key, output=c.write.name(output), users=c.say.listed(c.users(output)), count=len(onward))
    return said + next((sentence for sentence in _repeated(c, output)), ())


def _repeated(c: Composition, output: Quantity) -> Iterator[Line]:
    """How many entries of the next layer read one entry of an activation."""
    for x in c.derivation.sweep[output.base].contributions:
        bound = [limit for limit in x.limits if limit.index in free_symbols_of(x.adjoint)]
        if bound and x.local:
            yield c.say("deltas.repeated", entry=c.write(output.entry), user=c.user(x), count=how_often(c, bound))


def _why(c: Composition, quantity: Quantity) -> Line:
    """The rule behind the only local derivative, where there is one."""
    found = c.derivation.sweep[quantity.base].contributions
    if len(found) != 1 or quantity.axes:
        return ()
    only = found[0]
    return c.say(
        "deltas.why",
        factor=c.write.slashed(c.write(reference_of(only)), c.write(quantity.entry)),
        reason=because(c, only.consumer, quantity, only.local, only.rules),
    )
