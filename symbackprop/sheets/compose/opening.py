"""The opening of a sheet: title, what is to come, the picture, and the symbols with their roles."""

from __future__ import annotations

from collections.abc import Iterator

import sympy as sp
from sympy.core.function import AppliedUndef

from symbackprop.matrix import Hadamard, Ones
from symbackprop.network import Quantity
from symbackprop.sheets.blocks import Block, Figure, Heading, Line, Math, Paragraph, Table, Text
from symbackprop.sheets.compose.composition import Composition, Part
from symbackprop.sheets.compose.functions import applied_functions, has_softmax, title_of
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
NAMED = 6
"""Up to this many arrays of parameters are named in the overview."""
ALONE = 3
"""Up to this many layers of a kind have a row each in the table of symbols."""
LIST_ROOM = 20.0
"""Lists of names that are wider, in em, show their first ones and the last."""


def opening(c: Composition) -> Iterator[Block]:
    """Title, overview, picture and symbols."""
    yield Heading(1, c.say("titled", title=c.title) if c.title else c.say("title"))
    if c.full:
        yield Paragraph(_overview(c))
    yield Heading(2, c.say("network.heading"))
    title = "".join(p.text for p in c.say("network.title"))
    diagram = Diagram(c.derivation, title)
    yield Figure(diagram, caption(c, diagram))
    yield Heading(2, c.say("symbols.heading"))
    yield symbols(c)


def _overview(c: Composition) -> Line:
    """What is to come; arrays of parameters are named, or counted where there are many."""
    parameters, loss = c.derivation.network.parameters, c.write.name(c.loss)
    if len(parameters) == 1:
        return c.say("overview.one", parameter=c.names(parameters), loss=loss)
    if c.scalar:
        return c.say("overview.many", count=len(parameters), loss=loss)
    key = "overview.arrays" if len(parameters) <= NAMED else "overview.many_arrays"
    return c.say(key, count=len(parameters), parameters=c.names(parameters[:NAMED]), loss=loss)


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
    if has_softmax(c):
        rows.append(((Math(r"\mathrm{softmax}", "softmax"),), c.say("symbols.softmax"), *rest))
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
        for alike in _families(c.with_part(part)):
            quantity = alike[0]
            key = f"symbols.{part}s" if quantity.axes else f"symbols.{part}"
            if part == "output" and _is_layered_activation(c, quantity):
                key = "symbols.layers"
            yield _first_and_last(c, c.write.names(alike)), c.say(key), _sizes(c, alike)
    samples = c.derivation.network.samples
    quantities = c.derivation.network.quantities.values()
    counts = c.counts
    sizes = [size for size in sorted(c.derivation.network.sizes, key=str) if size not in (samples, *counts)]
    sizes += dict.fromkeys(
        size
        for q in quantities
        for axis in q.axes
        for size in axis.size.atoms(AppliedUndef)
        if size.args[0].is_Symbol and size.args[0] not in counts
    )
    for count in sorted(counts & c.derivation.network.sizes, key=str):
        yield (c.write(count),), c.say("symbols.count"), ()
    if samples is not None and not samples.is_number:
        yield (c.write(samples),), c.say("symbols.samples"), ()
    if sizes:
        yield (
            c.say.commas([c.write(size) for size in sizes]),
            c.say("symbols.size" if len(sizes) == 1 else "symbols.sizes"),
            (),
        )


def _families(members: list[Quantity]) -> list[list[Quantity]]:
    """Quantities that differ in one label only, ``W^{[1]}, ..., W^{[20]}``, together; a few stand for themselves."""
    found: dict[str, list[Quantity]] = {}
    for quantity in members:
        found.setdefault(quantity.name.stem.key, []).append(quantity)
    families = [[q] if len(family) <= ALONE else family for family in found.values() for q in family[: _rows(family)]]
    return sorted(families, key=lambda family: members.index(family[0]))


def _rows(family: list[Quantity]) -> int:
    return len(family) if len(family) <= ALONE else 1


def _is_layered_activation(c: Composition, quantity: Quantity) -> bool:
    """Is it the output of every layer, of which only the last is that of the network?"""
    network = c.derivation.network
    layered = any((quantity.base, n) in network.label_axes for n in range(len(quantity.axes)))
    return layered and any(c.is_activation(e) for e in network.definitions(quantity.base))


def _first_and_last(c: Composition, items: list[Math]) -> Line:
    if len(set(items)) == 1:
        return (items[0],)
    return c.say.commas(items if len(items) <= ALONE else [items[0], Math(r"\dots", "…"), items[-1]])


def _sizes(c: Composition, alike: list[Quantity]) -> Line:
    """The shape, and the range of every index of a layer or step and of every one that does not begin at 1."""
    quantity = alike[0]
    if not quantity.axes:
        return c.say("symbols.scalar")
    labels = c.derivation.network.label_axes
    said = [a for n, a in enumerate(quantity.axes) if a.low != 1 or (quantity.base, n) in labels]
    shapes = [shape or c.write(sp.S.One) for shape in (c.write.shape(q, whole=False) for q in alike)]
    return *_first_and_last(c, shapes), *((Text(" "), c.write.ranges(said)) if said else ())


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
    results = [m for q in (*c.derivation.deltas, *c.derivation.parameters) if (m := matrix_result(c, q))]
    forms = [m.node for m in results]
    if any("onehot" in row.right.text for m in results for row in m.rows):
        yield Math(r"\mathrm{onehot}", "onehot"), "symbols.onehot"
    if any(holds(node, Hadamard) for node in forms):
        yield Math(r"\odot", "⊙"), "symbols.hadamard"
    if any(holds(node, Ones) for node in forms):
        yield Math(r"\mathbf{1}", "𝟏"), "symbols.ones"
