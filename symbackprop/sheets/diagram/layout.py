"""Where everything stands in a drawing: nodes, arrows, labels, in one system of coordinates.

Contract: `layout(graph)` gives a `Drawing` in points (x to the right, y down) that every drawing language
follows. Labels that would cover each other or a neuron are left out, all of one gap between columns
together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import hypot

from symbackprop.names import Name
from symbackprop.sheets.diagram.graph import Edge, Graph, Node
from symbackprop.sheets.diagram.label import breadth, runs
from symbackprop.sheets.diagram.units import RADIUS, Point, Unit, stacked, wires

SIZE = 17.0
"""The size of the letters in neurons."""
SMALL = 13.0
"""The size of the letters on arrows and beside neurons."""
HEIGHT, ROUND = 44.0, 22.0
STEP = 92.0
MARK = 26.0
MARGIN = 14.0
LABELLED = 9
"""Between two columns with more weights the arrows have no labels."""
ALONG = (0.3, 0.36, 0.24, 0.42, 0.48, 0.18, 0.56, 0.64)

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class PlacedNode:
    """A node with the middle and the size of its box."""

    node: Node
    x: float
    y: float
    width: float
    height: float
    units: tuple[Unit, ...] = ()
    """The units of a layer; their height is measured from the top of the box."""

    @property
    def middles(self) -> list[Point]:
        """The middles of the units that are drawn; of a node without units its own."""
        top = self.y - self.height / 2
        return [(self.x, round(top + u.y, 1)) for u in self.units if u.label is not None] or [(self.x, self.y)]


@dataclass(frozen=True)
class PlacedEdge:
    """An arrow from border to border; `label_at` is the middle of its label, if it has one that fits."""

    edge: Edge
    start: Point
    end: Point
    label_at: Point | None
    over: float | None = None
    """The height that a detour bends towards; None for a straight arrow."""
    wires: tuple[tuple[Point, Point], ...] = ()
    """Instead of an arrow, the lines between the units of two layers."""


@dataclass(frozen=True)
class Drawing:
    """A network ready to be drawn."""

    nodes: tuple[PlacedNode, ...]
    edges: tuple[PlacedEdge, ...]
    width: float
    height: float


def layout(graph: Graph) -> Drawing:
    """Place the columns side by side, each centred, and find room for the labels."""
    placed = _placed_nodes(graph)
    boxes = [_box(p) for p in placed.values()]
    column_of = {node.key: n for n, column in enumerate(graph.columns) for node in column}
    edges: list[PlacedEdge] = []
    for gap in sorted({(column_of[e.source], column_of[e.target]) for e in graph.edges}):
        members = [e for e in graph.edges if (column_of[e.source], column_of[e.target]) == gap]
        edges += _placed_edges(members, placed, boxes, gap[1] - gap[0])
    bends = [0.75 * e.over + 0.25 * e.start[1] for e in edges if e.over is not None]
    top = min([p.y - p.height / 2 for p in placed.values()] + [bend - SMALL for bend in bends]) - MARGIN
    bottom = (
        max(
            [p.y + p.height / 2 + (MARK + SMALL if p.node.marks else 0) for p in placed.values()]
            + [bend + SMALL for bend in bends]
        )
        + MARGIN
    )
    width = max(p.x + p.width / 2 for p in placed.values()) + MARGIN
    return Drawing(
        tuple(_moved(p, -top) for p in placed.values()),
        tuple(_shifted(e, -top) for e in edges),
        round(width, 1),
        round(bottom - top, 1),
    )


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
    inner = sum(breadth(runs(name), SIZE) for name in node.names) + 18 * (len(node.names) - 1)
    if node.shape is not None and node.units:
        return max(inner, 0.52 * SMALL * len(node.shape.text), 2 * RADIUS) + 24, stacked(node.units)[0]
    if node.shape is not None:
        return max(inner, 0.52 * SMALL * len(node.shape.text)) + 24, HEIGHT + 12
    return max(2 * ROUND, inner + 20), HEIGHT


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
    labels = _labels(edges, lines, boxes)
    return [PlacedEdge(e, *lines[e], labels.get(e)) for e in edges]


def _wired(edge: Edge, a: PlacedNode, b: PlacedNode) -> PlacedEdge:
    """The lines between two layers, with the weight in the middle between them."""
    found = tuple(wires(a.middles, b.middles, dense=edge.dense)) if b.units else _gathered(a, b)
    start, end = (a.x + a.width / 2, a.y), (b.x - b.width / 2, b.y)
    label = (round((start[0] + end[0]) / 2, 1), round((start[1] + end[1]) / 2, 1)) if edge.weight else None
    return PlacedEdge(edge, start, end, label, wires=found)


def _gathered(a: PlacedNode, b: PlacedNode) -> tuple[tuple[Point, Point], ...]:
    """Lines from every unit of a layer to one node."""
    starts = [start for start, _ in wires(a.middles, [(b.x, b.y)], dense=True)]
    return tuple(
        (start, _border(b, a.x - b.x, middle[1] - b.y)) for start, middle in zip(starts, a.middles, strict=True)
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
    left, right = min(a.x, b.x), max(a.x, b.x)
    start, end = (a.x, round(a.y - a.height / 2, 1)), (b.x, round(b.y - b.height / 2, 1))
    between = [p for p in placed.values() if left <= p.x <= right]
    if a is b:
        start, end = (a.x - 10, start[1]), (a.x + 10, end[1])
        return PlacedEdge(edge, start, end, (a.x, start[1] - 34) if edge.weight else None, start[1] - 42)
    over = min(p.y - p.height / 2 for p in between) - 40
    if any(p.x in (a.x, b.x) and p.y < max(a.y, b.y) for p in between if p not in (a, b)):  # one hides below another
        start, end = (a.x + 14, a.y + a.height / 2), (b.x + 14, b.y + b.height / 2)
        over = max(p.y + p.height / 2 for p in between) + 48
    peak = 0.75 * over + 0.125 * (start[1] + end[1])
    label = (round((start[0] + end[0]) / 2, 1), round(peak, 1)) if edge.weight else None
    return PlacedEdge(edge, start, end, label, over)


def _labels(
    edges: Sequence[Edge],
    lines: Mapping[Edge, tuple[Point, Point]],
    boxes: Sequence[Box],
) -> dict[Edge, Point]:
    found: dict[Edge, Point] = {}
    taken: list[Box] = []
    if sum(e.weight is not None for e in edges) > LABELLED:
        return {}
    for edge in edges:
        if edge.weight is None:
            continue
        for t, box in _candidates(edge.weight, *lines[edge]):
            if not any(_overlap(box, other) for other in (*taken, *boxes)):
                taken.append(box)
                found[edge] = t
                break
        else:
            return {}
    return found


def _candidates(weight: Name, start: Point, end: Point) -> Iterator[tuple[Point, Box]]:
    half, tall = breadth(runs(weight), SMALL) / 2 + 2, SMALL / 2 + 3
    for t in ALONG:
        x, y = start[0] + t * (end[0] - start[0]), start[1] + t * (end[1] - start[1])
        yield (round(x, 1), round(y, 1)), (x - half, y - tall, x + half, y + tall)


def _box(p: PlacedNode) -> Box:
    return p.x - p.width / 2, p.y - p.height / 2, p.x + p.width / 2, p.y + p.height / 2


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _moved(p: PlacedNode, down: float) -> PlacedNode:
    return replace(p, x=round(p.x, 1), y=round(p.y + down, 1), width=round(p.width, 1))


def _shifted(e: PlacedEdge, down: float) -> PlacedEdge:
    label = None if e.label_at is None else (e.label_at[0], round(e.label_at[1] + down, 1))
    return PlacedEdge(
        e.edge,
        (e.start[0], round(e.start[1] + down, 1)),
        (e.end[0], round(e.end[1] + down, 1)),
        label,
        None if e.over is None else round(e.over + down, 1),
        tuple(((x, round(y + down, 1)), (u, round(v + down, 1))) for (x, y), (u, v) in e.wires),
    )
