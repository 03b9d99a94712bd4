"""Where everything stands in a drawing: nodes, arrows, labels, in one system of coordinates.

Contract: `layout(graph)` gives a `Drawing` in points (x to the right, y down) that every drawing language
follows, from left to right or, for a narrow screen, from the top down. Labels that would cover each other or
a neuron are left out, all of one gap between columns together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import hypot

from symbackprop.names import Name
from symbackprop.sheets.diagram.graph import Edge, Graph, Node
from symbackprop.sheets.diagram.label import breadth, runs
from symbackprop.sheets.diagram.places import LABELLED, SMALL, Box, places
from symbackprop.sheets.diagram.units import RADIUS, Point, Unit, in_a_row, stacked, wires

SIZE = 17.0
"""The size of the letters in neurons."""
HEIGHT, ROUND = 44.0, 22.0
STEP = 92.0
MARK = 26.0
MARGIN = 14.0


@dataclass(frozen=True)
class PlacedNode:
    """A node with the middle and the size of its box."""

    node: Node
    x: float
    y: float
    width: float
    height: float
    units: tuple[Unit, ...] = ()
    """The units of a layer."""
    head: float = 0.0
    """The room left of units that stand in a row, for the name of their layer."""
    upright: bool = False
    """The drawing goes from the top down: biases stand at the right instead of below."""

    @property
    def middles(self) -> list[Point]:
        """The middles of the units that are drawn; of a node without units its own."""
        top = self.y - self.height / 2
        return [(round(self.x + u.x, 1), round(top + u.y, 1)) for u in self.units if u.label is not None] or [
            (self.x, self.y)
        ]


@dataclass(frozen=True)
class PlacedEdge:
    """An arrow from border to border; `label_at` is the middle of its label, if it has one that fits."""

    edge: Edge
    start: Point
    end: Point
    label_at: Point | None
    bend: tuple[Point, Point] | None = None
    """The control points of a detour; None for a straight arrow."""
    wires: tuple[tuple[Point, Point], ...] = ()
    """Instead of an arrow, the lines between the units of two layers."""


@dataclass(frozen=True)
class Drawing:
    """A network ready to be drawn."""

    nodes: tuple[PlacedNode, ...]
    edges: tuple[PlacedEdge, ...]
    width: float
    height: float


def layout(graph: Graph, *, down: bool = False) -> Drawing:
    """Place the columns side by side, or as rows below each other, and find room for the labels."""
    placed = _rows(graph) if down else _placed_nodes(graph)
    boxes = [_box(p) for p in placed.values()]
    column_of = {node.key: n for n, column in enumerate(graph.columns) for node in column}
    edges: list[PlacedEdge] = []
    for gap in sorted({(column_of[e.source], column_of[e.target]) for e in graph.edges}):
        members = [e for e in graph.edges if (column_of[e.source], column_of[e.target]) == gap]
        edges += _placed_edges(members, placed, boxes, gap[1] - gap[0])
    return _drawing(list(placed.values()), edges)


def row_breadth(names: Sequence[Name]) -> float:
    """The width of small names beside each other."""
    return sum(breadth(runs(name), SMALL) for name in names) + 9 * (len(names) - 1)


def _drawing(nodes: Sequence[PlacedNode], edges: Sequence[PlacedEdge]) -> Drawing:
    """Everything moved so that it fills a drawing with a margin around it."""
    peaks = [
        tuple(0.75 * bend + 0.25 * end for bend, end in zip(e.bend[0], e.start, strict=True)) for e in edges if e.bend
    ]
    spread = 2 * SMALL if nodes[0].upright else 0.0
    left = min([p.x - p.width / 2 for p in nodes] + [x - spread for x, _ in peaks]) - MARGIN
    right = max(max(p.x + p.width / 2 + (_aside(p) if p.upright else 0.0) for p in nodes), *(x for x, _ in peaks), 0.0)
    top = min([p.y - p.height / 2 for p in nodes] + [y - SMALL for _, y in peaks]) - MARGIN
    below = [p.y + p.height / 2 + (MARK + SMALL if p.node.marks and not p.upright else 0) for p in nodes]
    bottom = max(below + [y + SMALL for _, y in peaks]) + MARGIN

    def moved(point: Point) -> Point:
        return round(point[0] - left, 1), round(point[1] - top, 1)

    def moved_edge(e: PlacedEdge) -> PlacedEdge:
        return replace(
            e,
            start=moved(e.start),
            end=moved(e.end),
            label_at=None if e.label_at is None else moved(e.label_at),
            bend=None if e.bend is None else (moved(e.bend[0]), moved(e.bend[1])),
            wires=tuple((moved(a), moved(b)) for a, b in e.wires),
        )

    return Drawing(
        tuple(replace(p, x=moved((p.x, 0))[0], y=moved((0, p.y))[1], width=round(p.width, 1)) for p in nodes),
        tuple(map(moved_edge, edges)),
        round(right - left + MARGIN, 1),
        round(bottom - top, 1),
    )


def _aside(p: PlacedNode) -> float:
    return MARK + row_breadth(p.node.marks) if p.node.marks else 0.0


def _rows(graph: Graph) -> dict[str, PlacedNode]:
    """The columns as rows below each other."""
    placed: dict[str, PlacedNode] = {}
    head = max((head_of(node) for node in graph.nodes if node.units), default=0.0)
    y = 0.0
    for number, row in enumerate(graph.columns):
        sizes = [in_a_row(node.units, head) if node.units else (*_size(node), ()) for node in row]
        if number:
            weights = any(e.weight for e in graph.edges)
            y += 62.0 if any(node.units for node in row) else 84.0 if weights else 56.0
        high = max(height for _, height, _ in sizes)
        x = 0.0
        middles: list[float] = []
        for node, (width, _, _) in zip(row, sizes, strict=True):
            middles.append(x + width / 2)
            x += width + 24 + (MARK + row_breadth(node.marks) if node.marks else 0.0)
        shift = (middles[0] + middles[-1]) / 2
        for node, (width, height, units), middle in zip(row, sizes, middles, strict=True):
            placed[node.key] = PlacedNode(
                node, middle - shift, y + high / 2, width, height, units, head if units else 0.0, True
            )
        y += high
    return placed


def _placed_nodes(graph: Graph) -> dict[str, PlacedNode]:
    placed: dict[str, PlacedNode] = {}
    right = MARGIN
    previous: Sequence[Node] = ()
    step = STEP if any(node.marks for node in graph.nodes) else STEP - 12
    for column in graph.columns:
        sizes = {node.key: _size(node) for node in column}
        breadth_of_column = max(width for width, _ in sizes.values())
        if previous:
            right += _gap(graph, previous, column)
        above = _tops([sizes[node.key][1] for node in column], step)
        for number, node in enumerate(column):
            width, height = sizes[node.key]
            y = above[number] + sizes[node.key][1] / 2
            units = stacked(node.units)[1] if node.units else ()
            placed[node.key] = PlacedNode(node, right + breadth_of_column / 2, y, width, height, units)
        right += breadth_of_column
        previous = column
    return placed


def _tops(heights: Sequence[float], step: float) -> list[float]:
    """Where the nodes of a column begin: as far from each other as the step leaves between low ones."""
    room = step - HEIGHT
    tops = [-(sum(heights) + room * (len(heights) - 1)) / 2]
    for height in heights:
        tops.append(tops[-1] + height + room)
    return tops


def _size(node: Node) -> Point:
    if node.kind == "dots":
        return 24.0, HEIGHT
    inner = head_of(node)
    if node.units:
        return max(inner, 2 * RADIUS + 24), stacked(node.units)[0]
    if node.shape is not None:
        return inner, HEIGHT + 12
    return max(2 * ROUND, inner - 4), HEIGHT


def head_of(node: Node) -> float:
    """The width of the names and the shape of a node, with room around them."""
    inner = sum(breadth(runs(name), SIZE) for name in node.names) + 18 * (len(node.names) - 1)
    return max(inner, 0.0 if node.shape is None else 0.52 * SMALL * len(node.shape.text)) + 24


def _gap(graph: Graph, left: Sequence[Node], right: Sequence[Node]) -> float:
    """The room between two columns: enough for the labels on its arrows to stand beside each other."""
    keys = {node.key for node in left}, {node.key for node in right}
    weights = [e.weight for e in graph.edges if e.source in keys[0] and e.target in keys[1] and e.weight]
    weights = weights if len(weights) <= LABELLED else []
    if any(node.kind == "dots" for node in (*left, *right)) and not weights:
        return 40.0
    apart = 44.0 if any(node.units for node in (*left, *right)) else 0.0
    longest = max((breadth(runs(w), SMALL) for w in weights), default=0.0)
    return max(56.0 + apart, longest + 44 + apart + (44.0 if len(weights) > 1 else 0) + 9 * min(len(left), len(right)))


def _placed_edges(
    edges: Sequence[Edge], placed: Mapping[str, PlacedNode], boxes: Sequence[Box], columns: int
) -> list[PlacedEdge]:
    """The arrows between two columns; all their labels, or none."""
    if columns != 1:
        return [_detour(e, placed) for e in edges]
    if any(placed[k].units for e in edges for k in (e.source, e.target)):
        return [_wired(e, placed[e.source], placed[e.target]) for e in edges]
    lines = {e: _line(placed[e.source], placed[e.target]) for e in edges}
    labels = places(edges, lines, boxes)
    return [PlacedEdge(e, *lines[e], labels.get(e)) for e in edges]


def _wired(edge: Edge, a: PlacedNode, b: PlacedNode) -> PlacedEdge:
    """The lines between two layers, with the weight in the middle between them."""
    found = tuple(wires(a.middles, b.middles, dense=edge.dense)) if b.units else _gathered(a, b)
    start, end = (a.x + a.width / 2, a.y), (b.x - b.width / 2, b.y)
    if a.upright:
        start, end = (a.x, a.y + a.height / 2), (b.x, b.y - b.height / 2)
    label = (round((start[0] + end[0]) / 2, 1), round((start[1] + end[1]) / 2, 1)) if edge.weight else None
    return PlacedEdge(edge, start, end, label, wires=found)


def _gathered(a: PlacedNode, b: PlacedNode) -> tuple[tuple[Point, Point], ...]:
    """Lines from every unit of a layer to one node."""
    starts = [start for start, _ in wires(a.middles, [(b.x, b.y)], dense=True)]
    return tuple(
        (start, _border(b, middle[0] - b.x, middle[1] - b.y)) for start, middle in zip(starts, a.middles, strict=True)
    )


def _line(a: PlacedNode, b: PlacedNode) -> tuple[Point, Point]:
    """From the border of one node to the border of the other, on the line between their middles."""
    return _border(a, b.x - a.x, b.y - a.y), _border(b, a.x - b.x, a.y - b.y)


def _border(node: PlacedNode, dx: float, dy: float) -> Point:
    """Where a ray from the middle leaves the rounded box: its straight part is `width - height` long."""
    length = hypot(dx, dy) or 1.0
    radius = node.height / 2
    half = max(0.0, node.width / 2 - radius)
    side = half if dx > 0 else -half if dx < 0 else 0.0
    x, y = dx / length, dy / length
    aim = side * abs(x)
    return round(node.x + aim + x * radius, 1), round(node.y + y * radius, 1)


def _detour(edge: Edge, placed: Mapping[str, PlacedNode]) -> PlacedEdge:
    """An arrow over more than one column, or back: it arches above everything between its ends."""
    a, b = placed[edge.source], placed[edge.target]
    if a.upright:
        return _sideways(edge, a, b, list(placed.values()))
    left, right = min(a.x, b.x), max(a.x, b.x)
    start, end = (a.x, round(a.y - a.height / 2, 1)), (b.x, round(b.y - b.height / 2, 1))
    between = [p for p in placed.values() if left <= p.x <= right]
    if a is b:
        start, end = (a.x - 10, start[1]), (a.x + 10, end[1])
        over = start[1] - 42
        label = (a.x, start[1] - 34) if edge.weight else None
        return PlacedEdge(edge, start, end, label, ((start[0], over), (end[0], over)))
    over = min(p.y - p.height / 2 for p in between) - 40
    if any(p.x in (a.x, b.x) and p.y < max(a.y, b.y) for p in between if p not in (a, b)):  # one hides below another
        start, end = (a.x + 14, a.y + a.height / 2), (b.x + 14, b.y + b.height / 2)
        over = max(p.y + p.height / 2 for p in between) + 48
    peak = 0.75 * over + 0.125 * (start[1] + end[1])
    label = (round((start[0] + end[0]) / 2, 1), round(peak, 1)) if edge.weight else None
    return PlacedEdge(edge, start, end, label, ((start[0], over), (end[0], over)))


def _sideways(edge: Edge, a: PlacedNode, b: PlacedNode, nodes: Sequence[PlacedNode]) -> PlacedEdge:
    """The same in a drawing from the top down: left of everything between its ends."""
    apart = 10.0 if a is b else 0.0
    start, end = (a.x - a.width / 2, a.y - apart), (b.x - b.width / 2, b.y + apart)
    near, far = sorted((a.y, b.y))
    over = min(p.x - p.width / 2 for p in nodes if near <= p.y <= far) - 42
    peak = 0.75 * over + 0.125 * (start[0] + end[0])
    label = (round(peak, 1), round((start[1] + end[1]) / 2, 1)) if edge.weight else None
    return PlacedEdge(edge, start, end, label, ((over, start[1]), (over, end[1])))


def _box(p: PlacedNode) -> Box:
    return p.x - p.width / 2, p.y - p.height / 2, p.x + p.width / 2, p.y + p.height / 2
