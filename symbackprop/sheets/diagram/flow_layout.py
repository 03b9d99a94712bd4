"""Where everything stands in a drawing of the computation graph.

Contract: `flow_layout(graph)` gives a `FlowDrawing` in points (x to the right, y down), from left to right or, for a
narrow screen, from the top down. Every arrow that computes has
an arrow beside it that carries a derivative back; of labels that would cover something, the later ones are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import hypot

from symbackprop.sheets.diagram.flow import FlowGraph, FlowNode, Sign, outermost
from symbackprop.sheets.diagram.graph import Edge
from symbackprop.sheets.diagram.label import breadth

NAME, ADJOINT, LABEL = 17.0, 14.0, 13.0
"""The sizes of letters: of a quantity, of its adjoint, and on an arrow."""
HIGH, LOW, LEAF = 54.0, 38.0, 44.0
"""Boxes with an adjoint, without one, and of what hangs below."""
DROP, PITCH, MARGIN = 34.0, 26.0, 14.0
APART = 4.0
"""Half of the distance between an arrow and the one that leads back."""
GAP = 50.0

Point = tuple[float, float]
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class PlacedFlow:
    """A node with the middle and the size of its box."""

    node: FlowNode
    x: float
    y: float
    width: float
    height: float
    side: int = 1
    """Where its parameters hang: 1 below it or right of it, -1 above it or left of it."""

    @property
    def is_leaf(self) -> bool:
        """Is it drawn small?"""
        return self.height == LEAF


@dataclass(frozen=True)
class Arrow:
    """A line, or an arch with two control points."""

    start: Point
    end: Point
    back: bool = False
    recurrent: bool = False
    bend: tuple[Point, Point] | None = None


@dataclass(frozen=True)
class FlowDrawing:
    """A computation graph ready to be drawn."""

    nodes: tuple[PlacedFlow, ...]
    arrows: tuple[Arrow, ...]
    labels: tuple[tuple[Sign, Point], ...]
    width: float
    height: float


def flow_layout(graph: FlowGraph, *, down: bool = False) -> FlowDrawing:
    """Place the columns side by side, or as rows below each other, with the parameters beside what reads them."""
    placed = _rows(graph) if down else _columns(graph)
    outer = outermost(graph)
    placed = {key: replace(p, side=-1) if key in outer else p for key, p in placed.items()}
    leaves = {p.node.key: list(_leaves(p, down)) for p in placed.values()}
    every = [*placed.values(), *(leaf for hanging in leaves.values() for leaf in hanging)]
    column_of = {node.key: n for n, column in enumerate(graph.columns) for node in column}
    arrows: list[Arrow] = []
    labels: list[tuple[Sign, Point]] = []
    taken = [_box(p) for p in every]
    for edge in graph.edges:
        a, b = placed[edge.source], placed[edge.target]
        near = column_of[edge.target] - column_of[edge.source] == 1
        pair = _straight(a, b) if near else _arched(edge, a, b, every, down)
        arrows += pair if a.node.adjoint is not None else pair[:1]
        sign = graph.local.get((edge.source, edge.target))
        if sign is not None:
            labels += _label(sign, pair[1], taken, down)
    for p in placed.values():
        for leaf in leaves[p.node.key]:
            if leaf.node.kind != "dots":
                arrows += _hung(leaf, p, down)
    return _drawing(every, arrows, labels)


def _drawing(nodes: Sequence[PlacedFlow], arrows: Sequence[Arrow], labels: Sequence[tuple[Sign, Point]]) -> FlowDrawing:
    """Everything moved so that it fills a drawing with a margin around it."""
    peaks = [
        tuple(0.72 * bend + 0.28 * end for bend, end in zip(a.bend[0], a.start, strict=True)) for a in arrows if a.bend
    ]
    halves = [(breadth(sign.runs, LABEL) / 2, x) for sign, (x, _) in labels]
    left = min([p.x - p.width / 2 for p in nodes] + [x for x, _ in peaks] + [x - h for h, x in halves]) - MARGIN
    top = min([p.y - p.height / 2 for p in nodes] + [y for _, y in peaks]) - MARGIN
    right = max([p.x + p.width / 2 for p in nodes] + [x + h for h, x in halves]) + MARGIN
    bottom = max(p.y + p.height / 2 for p in nodes) + MARGIN

    def moved(point: Point) -> Point:
        return round(point[0] - left, 1), round(point[1] - top, 1)

    def moved_arrow(a: Arrow) -> Arrow:
        bend = None if a.bend is None else (moved(a.bend[0]), moved(a.bend[1]))
        return replace(a, start=moved(a.start), end=moved(a.end), bend=bend)

    return FlowDrawing(
        tuple(replace(p, x=moved((p.x, 0))[0], y=moved((0, p.y))[1]) for p in nodes),
        tuple(map(moved_arrow, arrows)),
        tuple((sign, moved(at)) for sign, at in labels),
        round(right - left, 1),
        round(bottom - top, 1),
    )


def _rows(graph: FlowGraph) -> dict[str, PlacedFlow]:
    """The columns as rows below each other."""
    found: dict[str, PlacedFlow] = {}
    outer = outermost(graph)
    y = 0.0
    for number, row in enumerate(graph.columns):
        sizes = [_size(node) for node in row]
        high = max(
            max(height, len(node.hanging) * (LEAF + 6) - 6) for node, (_, height) in zip(row, sizes, strict=True)
        )
        y += GAP if number else 0.0
        x = 0.0
        middles: list[float] = []
        for node, (width, _) in zip(row, sizes, strict=True):
            middles.append(x + width / 2)
            x += width + PITCH - 8
            if node.hanging and node.key not in outer:
                x += DROP + max(_size(leaf, leaf=True)[0] for leaf in node.hanging)
        shift = (middles[0] + middles[-1]) / 2
        for node, (width, height), middle in zip(row, sizes, middles, strict=True):
            found[node.key] = PlacedFlow(node, middle - shift, y + high / 2, width, height)
        y += high
    return found


def _columns(graph: FlowGraph) -> dict[str, PlacedFlow]:
    found: dict[str, PlacedFlow] = {}
    outer = outermost(graph)
    right = MARGIN
    for number, column in enumerate(graph.columns):
        sizes = [_size(node) for node in column]
        wide = max(max(width, _hanging_width(node)) for node, (width, _) in zip(column, sizes, strict=True))
        right += _gap(graph, number) if number else 0.0
        y = 0.0
        middles: list[float] = []
        for node, (_, height) in zip(column, sizes, strict=True):
            middles.append(y + height / 2)
            y += height + (DROP + LEAF if node.hanging and node.key not in outer else 0.0) + PITCH
        shift = (middles[0] + middles[-1]) / 2
        for node, (width, height), middle in zip(column, sizes, middles, strict=True):
            found[node.key] = PlacedFlow(node, right + wide / 2, middle - shift, width, height)
        right += wide
    return found


def _size(node: FlowNode, *, leaf: bool = False) -> tuple[float, float]:
    if node.kind == "dots":
        return 24.0, LEAF if leaf else LOW
    smaller = 0.82 if leaf else 1.0
    own = breadth(node.sign.runs, smaller * NAME)
    adjoint = breadth(node.adjoint.runs, smaller * ADJOINT) if node.adjoint else 0.0
    height = LEAF if leaf else HIGH if node.adjoint else LOW
    return round(max(32.0 if leaf else 44.0, own + 16, adjoint + 14), 1), height


def _hanging_width(node: FlowNode) -> float:
    return sum(_size(leaf, leaf=True)[0] + 8 for leaf in node.hanging) - 8 if node.hanging else 0.0


def _gap(graph: FlowGraph, number: int) -> float:
    """The room left of a column: its arrows' labels fit between the boxes."""
    keys = [{node.key for node in column} for column in graph.columns[number - 1 : number + 1]]
    longest = max(
        (breadth(sign.runs, LABEL) for (a, b), sign in graph.local.items() if a in keys[0] and b in keys[1]),
        default=0.0,
    )
    return max(GAP, longest + 34) + 7 * (max(map(len, keys)) - 1)


def _leaves(p: PlacedFlow, down: bool) -> Iterator[PlacedFlow]:
    """What hangs on a node: in a row below it, or in a column right of it."""
    sizes = [_size(leaf, leaf=True) for leaf in p.node.hanging]
    if down:
        y = p.y - (len(sizes) * (LEAF + 6) - 6) / 2 + LEAF / 2
        for number, (leaf, (width, height)) in enumerate(zip(p.node.hanging, sizes, strict=True)):
            yield PlacedFlow(
                leaf, p.x + p.side * (p.width / 2 + DROP + width / 2), y + number * (LEAF + 6), width, height
            )
        return
    left = p.x - _hanging_width(p.node) / 2
    y = p.y + p.side * (p.height / 2 + DROP + LEAF / 2)
    for leaf, (width, height) in zip(p.node.hanging, sizes, strict=True):
        yield PlacedFlow(leaf, round(left + width / 2, 1), y, width, height)
        left += width + 8


def _straight(a: PlacedFlow, b: PlacedFlow) -> tuple[Arrow, Arrow]:
    dx, dy = b.x - a.x, b.y - a.y
    length = hypot(dx, dy) or 1.0
    aside = -dy / length * APART, dx / length * APART
    start, end = _border(a, dx, dy), _border(b, -dx, -dy)
    there = Arrow(_moved(start, aside, -1), _moved(end, aside, -1))
    return there, Arrow(_moved(end, aside, 1), _moved(start, aside, 1), back=True)


def _arched(edge: Edge, a: PlacedFlow, b: PlacedFlow, every: Sequence[PlacedFlow], down: bool) -> tuple[Arrow, Arrow]:
    """Around everything that stands between, above it or left of it; a loop at one node."""
    loop = a is b
    if down:
        near, far = sorted((a.y, b.y))
        over = min(p.x - p.width / 2 for p in every if near <= p.y <= far) - 42
        sides = [(p.x - p.width / 2, p.y) for p in (a, b)]
        towards = 1.0 if b.y >= a.y else -1.0
    else:
        near, far = sorted((a.x, b.x))
        over = min(p.y - p.height / 2 for p in every if near <= p.x <= far) - 42
        sides = [(p.x, p.y - p.height / 2) for p in (a, b)]
        towards = 1.0 if b.x >= a.x else -1.0
    aside = -12.0 if loop else 9.0 * towards
    inner = -5.0 if loop else 5.0 * towards
    start, end = _along(sides[0], aside, down), _along(sides[1], -aside, down)
    back, home = _along(end, inner, down), _along(start, -inner, down)
    return (
        Arrow(start, end, False, edge.recurrent, (_at(start, over, down), _at(end, over, down))),
        Arrow(back, home, True, edge.recurrent, (_at(back, over - 15, down), _at(home, over - 15, down))),
    )


def _along(point: Point, step: float, down: bool) -> Point:
    return (point[0], round(point[1] + step, 1)) if down else (round(point[0] + step, 1), point[1])


def _at(point: Point, over: float, down: bool) -> Point:
    return (over, point[1]) if down else (point[0], over)


def _hung(leaf: PlacedFlow, p: PlacedFlow, down: bool) -> list[Arrow]:
    """To the quantity and, from it, back to a parameter."""
    aside = ((0.0, APART) if down else (APART, 0.0)) if leaf.node.adjoint else (0.0, 0.0)
    if down:
        reach = p.height / 2 - 9
        high = (p.x + p.side * p.width / 2, p.y + max(-reach, min(reach, 0.45 * (leaf.y - p.y))))
        low = (leaf.x - p.side * leaf.width / 2, leaf.y)
    else:
        reach = p.width / 2 - 9
        high = (p.x + max(-reach, min(reach, 0.55 * (leaf.x - p.x))), p.y + p.side * p.height / 2)
        low = (leaf.x, leaf.y - p.side * leaf.height / 2)
    there = Arrow(_moved(low, aside, -1), _moved(high, aside, -1))
    return [there, Arrow(_moved(high, aside, 1), _moved(low, aside, 1), back=True)] if leaf.node.adjoint else [there]


def _label(sign: Sign, arrow: Arrow, taken: list[Box], down: bool) -> list[tuple[Sign, Point]]:
    half, tall = breadth(sign.runs, LABEL) / 2 + 2, LABEL / 2 + 1
    (x1, y1), (x2, y2) = arrow.start, arrow.end
    aside = (half + 4, 0.0) if down else (0.0, 10.0)
    places: Sequence[Point] = [
        (x1 + t * (x2 - x1) + side * aside[0], y1 + t * (y2 - y1) + aside[1])
        for side in ((-1, 1) if down else (1,))
        for t in (0.5, 0.38, 0.62, 0.28, 0.72)
    ]
    if arrow.bend is not None:
        (u1, v1), (u2, v2) = arrow.bend
        places = [(0.125 * (x1 + x2) + 0.375 * (u1 + u2), 0.125 * (y1 + y2) + 0.375 * (v1 + v2))]
    for x, y in places:
        box = (x - half, y - tall, x + half, y + tall)
        if not any(box[0] < o[2] and o[0] < box[2] and box[1] < o[3] and o[1] < box[3] for o in taken):
            taken.append(box)
            return [(sign, (x, y))]
    return []


def _border(p: PlacedFlow, dx: float, dy: float) -> Point:
    """Where a ray from the middle leaves the box."""
    scale = min(p.width / 2 / abs(dx) if dx else 9e9, p.height / 2 / abs(dy) if dy else 9e9)
    return p.x + dx * scale, p.y + dy * scale


def _moved(point: Point, aside: Point, sign: int) -> Point:
    return round(point[0] + sign * aside[0], 1), round(point[1] + sign * aside[1], 1)


def _box(p: PlacedFlow) -> Box:
    return p.x - p.width / 2, p.y - p.height / 2, p.x + p.width / 2, p.y + p.height / 2
