"""The backward pass by deltas: each named once, from the loss back, then every gradient from the deltas.

Contract: one block of lines for each delta and one for each parameter, so that the sheet grows with the
network and not with its paths; neurons that are alike are explained once.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import Any

from symbackprop.indexed import Softmax, indices_of
from symbackprop.matrix import Ones
from symbackprop.network import Quantity
from symbackprop.sheets.blocks import NOTHING, Block, Details, Formula, Heading, Line, Math, Note, Paragraph, Row
from symbackprop.sheets.breaking import ROOM, rows, side_by_side
from symbackprop.sheets.compose.chains import chain_rows, chain_terms, reference_of, scaled_partial, sum_rows
from symbackprop.sheets.compose.composition import Composition, Group
from symbackprop.sheets.compose.flow import flow_figure
from symbackprop.sheets.compose.functions import applied_functions, derivative_row, softmax_rows
from symbackprop.sheets.compose.reasons import because
from symbackprop.sheets.compose.results import (
    MatrixResult,
    chosen_terms,
    entry_rows,
    holds,
    lines_of,
    matrix_result,
    raw_rows,
    transposed_factors,
)
from symbackprop.sheets.mathematics import IS, THIN
from symbackprop.sheets.matrices import matrix_axes
from symbackprop.sheets.width import width

EXPLAINED = 12
"""Of more deltas, those that come about like an earlier one are not explained again."""


def backward_by_deltas(c: Composition) -> Iterator[Block]:
    """The whole section."""
    yield Heading(2, c.say("backward.heading"))
    deltas = c.derivation.deltas
    if c.full and deltas:
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
            yield Paragraph(c.say("backward.functions"))
            yield Formula(tuple(derivatives))
    if deltas:
        yield Heading(3, c.say("deltas.heading"))
        yield from _deltas(c, deltas)
    yield Heading(3, c.say("deltas.parameters"))
    if c.full and c.with_part("weight") and c.with_part("bias") and c.scalar:
        yield Paragraph(c.say("deltas.rule"))
    yield from _parameters(c)
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
    for quantity in deltas:
        kind = _kind(c, quantity)
        if len(deltas) > EXPLAINED and kind in seen:
            alike += entry_rows(c, quantity)
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
    blocks += _value(c, quantity, lead=not chain)
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
    users = c.consumers(quantity)
    key = "deltas.used_one" if len(users) == 1 else "deltas.used_many"
    return c.say(key, quantity=c.write.name(quantity), users=c.names(users), count=len(users))


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


def _value(c: Composition, quantity: Quantity, *, lead: bool) -> Iterator[Block]:
    """From what the chain rule gave to the boxed result: simplified, as matrices, in entries."""
    gradient = c.gradient(quantity)
    matrix = matrix_result(c, quantity)
    closed = gradient.closed
    named = c.write(gradient.symbol)
    if lead:
        named = named + IS + scaled_partial(c, quantity)
    if closed.rules:
        yield Formula(tuple(raw_rows(c, quantity, named)))
        yield from _simplified(c, quantity)
    if matrix is None:
        final = entry_rows(c, quantity) if closed.rules or not lead else raw_rows(c, quantity, named)
        yield Formula(tuple(final), boxed=True)
        return
    yield Formula(tuple(entry_rows(c, quantity) if closed.rules or not lead else raw_rows(c, quantity, named)))
    yield from _matrix_form(c, matrix)


def _simplified(c: Composition, quantity: Quantity) -> Iterator[Block]:
    """The rules that made a result shorter, each with its reason."""
    closed = c.gradient(quantity).closed
    if not c.full:
        return
    said = c.say(f"closed.{closed.rules[0]}")
    for assumption in closed.assumptions:
        relation = c.write(assumption.left) + IS + c.write(assumption.right)
        said += c.say("closed.assumption", assumption=relation)
    yield Paragraph(said)
    for step in closed.intermediate:
        left = c.write(c.gradient(quantity).symbol)
        yield Formula(tuple(rows(left, [c.write(step)])))


def _matrix_form(c: Composition, matrix: MatrixResult) -> Iterator[Block]:
    if c.full:
        yield Paragraph(_as_matrices(c, matrix.node))
    yield Formula(tuple(matrix.rows), boxed=True)


def _as_matrices(c: Composition, node: Any) -> Line:
    """Why the matrix form looks as it does: where each transpose comes from."""
    for reference, over_rows in transposed_factors(node)[:1]:
        axes = matrix_axes(c.derivation.network, reference.base, indices_of(reference))
        name = c.write.whole(reference, axes)
        if len(axes) < 2:
            return c.say("matrix.outer", vector=name)
        return c.say("matrix.transpose_left" if over_rows else "matrix.transpose_right", matrix=name)
    return c.say("matrix.ones", one=Math(r"\mathbf{1}", "𝟏")) if holds(node, Ones) else c.say("matrix.intro")


# -- parameters ----------------------------------------------------------------------------------------------
def _parameters(c: Composition) -> Iterator[Block]:
    """The gradients, group by group; of many, the later groups without their chains."""
    short = len(c.derivation.parameters) > 4 * EXPLAINED
    for number, group in enumerate(c.groups):
        if short and number:
            if number == 1:
                yield Paragraph(c.say("deltas.alike"))
            yield Formula(tuple(side_by_side([row for q in group.parameters for row in entry_rows(c, q)])))
        else:
            yield from _group(c, group)


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
        yield from _matrix_form(c, matrix)
        return
    if chain:
        yield Formula(tuple(chain))
    yield from _value(c, quantity, lead=False)


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
        own = {symbol for index in indices_of(x.adjoint) for symbol in index.free_symbols}
        extra = [limit for limit in x.limits if limit.index in own]
        if extra:
            user = c.derivation.network.quantities[x.consumer.base]
            key = "deltas.added" if not x.local else "deltas.used_again"
            yield Paragraph(
                c.say(
                    key,
                    parameter=c.write(quantity.entry),
                    user=c.write.name(user),
                    count=c.write(extra[0].size),
                )
            )
            return
