"""What the formulas say: a few sentences that a reader should remember, told from the functions of this network."""

from __future__ import annotations

from collections.abc import Iterator

from symbackprop.sheets.blocks import Block, Heading, Line, Math, Paragraph
from symbackprop.sheets.compose.composition import Composition
from symbackprop.sheets.compose.functions import applied_functions, title_of
from symbackprop.sheets.compose.mistakes.writing import named, nearest_the_loss, only_activation, written
from symbackprop.sheets.mathematics import IS

SLOPES = {"sigmoid": Math(r"\frac{1}{4}", "1/4"), "tanh": Math("1", "1")}
"""The largest slope of activations that flatten out on either side."""


def insight(c: Composition) -> Iterator[Block]:
    """The whole section; nothing in brief, nothing where there is nothing to say."""
    said = list(_sentences(c)) if c.full else []
    if said:
        yield Heading(2, c.say("insight.heading"))
        for sentence in said:
            yield Paragraph(sentence)


def _sentences(c: Composition) -> Iterator[Line]:
    yield from _weight(c)
    yield from _error(c)
    for f in applied_functions(c):
        if f.row.name in SLOPES:
            yield c.say("insight.flat", function=title_of(c, f), slope=SLOPES[f.row.name])
        if f.known_as == "relu":
            yield c.say("insight.relu", function=title_of(c, f))
    if len(c.derivation.deltas) > 1:
        yield c.say("insight.reuse", count=len(c.derivation.deltas))


def _weight(c: Composition) -> Iterator[Line]:
    """A weight learns from what comes in and from the delta behind it."""
    for quantity in reversed(c.derivation.parameters):
        users = c.consumers(quantity)
        if c.part(quantity) == "weight" and len(users) == 1 and users[0] in c.derivation.deltas:
            yield c.say("insight.weight", gradient=named(c, quantity), weight=c.write.name(quantity))
            return


def _error(c: Composition) -> Iterator[Line]:
    """Where an output and its loss fit each other, the slope of the output has cancelled."""
    for quantity in c.derivation.deltas[:1]:
        x = only_activation(c, quantity)
        if x is not None and c.gradient(quantity).closed.rules and not c.scalar:
            name, value = nearest_the_loss(c, quantity)
            output = c.derivation.network.quantities[x.consumer.base]
            yield c.say("insight.error", gradient=name + IS + written(c, value, quantity), output=c.write.name(output))
