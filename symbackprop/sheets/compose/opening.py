"""The opening of a sheet: title, what is to come, the picture, and the symbols with their roles."""
from __future__ import annotations

from collections.abc import Iterator

from symbackprop.sheets.blocks import Block, Figure, Heading, Line, Math, Paragraph, Table, Text
from symbackprop.sheets.compose.composition import Composition, Part
from symbackprop.sheets.compose.functions import applied_functions, title_of
from symbackprop.sheets.diagram import Diagram

PARTS: tuple[Part, ...] = ("input", "weight", "bias", "parameter", "sum", "activation", "intermediate", "output",
                           "target", "constant", "share", "loss")
MANY = 16
"""Longer lists of names show their first ones and the last."""


def opening(c: Composition) -> Iterator[Block]:
    """Title, overview, picture and symbols."""
    network = c.derivation.network
    yield Heading(1, (Text(network.title),) if network.title else c.say("title"))
    if c.full:
        count = len(network.parameters)
        key = "overview.one" if count == 1 else "overview.many"
        yield Paragraph(c.say(key, count=count, parameter=c.names(network.parameters[:1]), loss=c.write.name(c.loss)))
    yield Heading(2, c.say("network.heading"))
    title = "".join(p.text for p in c.say("network.title"))
    yield Figure(Diagram(c.derivation, title), c.say("network.caption"))
    yield Heading(2, c.say("symbols.heading"))
    yield symbols(c)


def symbols(c: Composition) -> Table:
    """Every symbol with its role; with its shape where there are arrays."""
    scalar = c.derivation.is_scalar
    rest: tuple[Line, ...] = () if scalar else ((),)
    rows = list(_grouped(c) if scalar else _shaped(c))
    rows += [((f.sign,), c.say("symbols.function", name=title_of(c, f.row)), *rest) for f in applied_functions(c)]
    rows.append(((c.write(c.derivation.rate),), c.say("symbols.rate"), *rest))
    header = (c.say("symbols.symbol"), c.say("symbols.role"), *(() if scalar else (c.say("symbols.shape"),)))
    return Table(header, tuple(rows), wide=1)


def _grouped(c: Composition) -> Iterator[tuple[Line, ...]]:
    """Scalars: one row for each role."""
    for part in PARTS:
        members = c.with_part(part)
        if members:
            key = f"symbols.{part}" if len(members) == 1 else f"symbols.{part}s"
            yield _shortened(c, members), c.say(key)


def _shaped(c: Composition) -> Iterator[tuple[Line, ...]]:
    """Arrays: one row for each quantity, with its shape."""
    for part in PARTS:
        for quantity in c.with_part(part):
            shape = c.write.shape(quantity)
            size: Line = (shape,) if quantity.axes else c.say("symbols.scalar")
            yield (c.write.name(quantity),), c.say(f"symbols.{part}"), size


def _shortened(c: Composition, members: list[Quantity]) -> Line:
    names = c.write.names(members)
    if len(names) > MANY:
        names = [*names[:6], Math(r"\dots", "…"), names[-1]]
    return c.say.commas(names)
