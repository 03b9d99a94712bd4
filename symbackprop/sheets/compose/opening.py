"""The opening of a sheet: title, what is to come, the picture, and the symbols with their roles."""

from __future__ import annotations

from collections.abc import Iterator

from sympy.core.function import AppliedUndef

from symbackprop.matrix import Hadamard, Ones
from symbackprop.network import Quantity
from symbackprop.sheets.blocks import Block, Figure, Heading, Line, Math, Paragraph, Table, Text
from symbackprop.sheets.compose.composition import Composition, Part
from symbackprop.sheets.compose.functions import applied_functions, title_of
from symbackprop.sheets.compose.results import holds, matrix_result
from symbackprop.sheets.compose.rule_names import RuleNames
from symbackprop.sheets.diagram import Diagram
from symbackprop.sheets.width import width

PARTS: tuple[Part, ...] = (
    "input",
    "weight",
    "bias",
    "parameter",
    "sum",
    "activation",
    "intermediate",
    "output",
    "target",
    "constant",
    "share",
    "loss",
)
LIST_ROOM = 20.0
"""Lists of names that are wider, in em, show their first ones and the last."""


def opening(c: Composition) -> Iterator[Block]:
    """Title, overview, picture and symbols."""
    network = c.derivation.network
    yield Heading(1, c.say("titled", title=network.title) if network.title else c.say("title"))
    if c.full:
        count = len(network.parameters)
        key = "overview.one" if count == 1 else "overview.many"
        yield Paragraph(c.say(key, count=count, parameter=c.names(network.parameters[:1]), loss=c.write.name(c.loss)))
    yield Heading(2, c.say("network.heading"))
    title = "".join(p.text for p in c.say("network.title"))
    diagram = Diagram(c.derivation, title)
    yield Figure(diagram, caption(c, diagram))
    yield Heading(2, c.say("symbols.heading"))
    yield symbols(c)


def caption(c: Composition, diagram: Diagram) -> Line:
    """How the picture is read; of arrows to a next step only where there are some."""
    said = c.say("network.caption" if c.scalar else "network.arrays")
    return said + (c.say("network.dashed") if any(edge.recurrent for edge in diagram.graph.edges) else ())


def symbols(c: Composition) -> Table:
    """Every symbol with its role; with its shape where there are arrays."""
    scalar = c.scalar
    rest: tuple[Line, ...] = () if scalar else ((),)
    rows = list(_grouped(c) if scalar else _shaped(c))
    rows += [((f.sign,), c.say("symbols.function", name=title_of(c, f)), *rest) for f in applied_functions(c)]
    rows += [((name,), c.say("symbols.open"), *rest) for name in _open_functions(c)]
    rows.append(((c.write(c.derivation.rate),), c.say("symbols.rate"), *rest))
    rows += [((name,), meaning, *rest) for name, meaning in RuleNames(c).rows()]
    rows += [((sign,), c.say(key), *rest) for sign, key in _signs(c)]
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
            key = f"symbols.{part}s" if quantity.axes else f"symbols.{part}"
            yield (c.write.name(quantity),), c.say(key), _size(c, quantity)
    samples = c.derivation.network.samples
    sizes = [size for size in sorted(c.derivation.network.sizes, key=str) if size != samples]
    if samples is not None and not samples.is_number:
        yield (c.write(samples),), c.say("symbols.samples"), ()
    if sizes:
        yield (
            c.say.commas([c.write(size) for size in sizes]),
            c.say("symbols.size" if len(sizes) == 1 else "symbols.sizes"),
            (),
        )


def _size(c: Composition, quantity: Quantity) -> Line:
    """The shape, and the range of every index that does not begin at 1."""
    if not quantity.axes:
        return c.say("symbols.scalar")
    unusual = [axis for axis in quantity.axes if axis.low != 1]
    ranges = (Text(" "), c.write.ranges(unusual)) if unusual else ()
    return c.write.shape(quantity), *ranges


def _shortened(c: Composition, members: list[Quantity]) -> Line:
    names = c.write.names(members)
    if sum(width(name.latex) + 0.9 for name in names) > LIST_ROOM:
        names = [*names[:3], Math(r"\dots", "…"), names[-1]]
    return c.say.commas(names)


def _open_functions(c: Composition) -> list[Math]:
    """Functions that the network only names."""
    found = {
        e.func: e
        for q in c.derivation.network.equations
        for e in q.expression.atoms(AppliedUndef)
        if not all(a.is_integer for a in e.args)
    }
    return [c.write.function_name(e) for e in found.values()]


def _signs(c: Composition) -> Iterator[tuple[Math, str]]:
    """The signs that a reader may not know, where they occur."""
    if c.has_indicators:
        yield Math(r"\mathbf{1}[\dots]", "[...]"), "symbols.indicator"
    forms = [m.node for q in (*c.derivation.deltas, *c.derivation.parameters) if (m := matrix_result(c, q))]
    if any(holds(node, Hadamard) for node in forms):
        yield Math(r"\odot", "⊙"), "symbols.hadamard"
    if any(holds(node, Ones) for node in forms):
        yield Math(r"\mathbf{1}", "𝟏"), "symbols.ones"
