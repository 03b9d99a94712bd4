"""Where everything stands in a drawing of the computation graph.

Contract: `flow_layout(graph)` gives a `FlowDrawing` in points (x to the right, y down). Every arrow that computes has
an arrow beside it that carries a derivative back; of labels that would cover something, the later ones are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import hypot

from symbackprop.sheets.diagram.flow import FlowGraph, FlowNode, Sign
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

    @property
    def is_leaf(self) -> bool:
        """Is it drawn small?"""
        return self.height == LEAF


@dataclass(frozen=True)
class Arrow:
    """A line, or an arch with its two control points at the height `over`."""

    start: Point
    end: Point
    back: bool = False
    recurrent: bool = False
    over: float | None = None


@dataclass(frozen=True)
class FlowDrawing:
    """A computation graph ready to be drawn."""

    nodes: tuple[PlacedFlow, ...]
    arrows: tuple[Arrow, ...]
    labels: tuple[tuple[Sign, Point], ...]
    width: float
    height: float


def flow_layout(graph: FlowGraph) -> FlowDrawing:
    """Place the columns side by side and hang the parameters below."""
    placed = _placed(graph)
    leaves = [leaf for p in placed.values() for leaf in _leaves(p)]
    column_of = {node.key: n for n, column in enumerate(graph.columns) for node in column}
    arrows: list[Arrow] = []
    labels: list[tuple[Sign, Point]] = []
    taken = [_box(p) for p in (*placed.values(), *leaves)]
    for edge in graph.edges:
        a, b = placed[edge.source], placed[edge.target]
        near = column_of[edge.target] - column_of[edge.source] == 1
        pair = _straight(a, b) if near else _arched(edge, a, b, placed)
        arrows += pair if a.node.adjoint is not None else pair[:1]
        sign = graph.local.get((edge.source, edge.target))
        if sign is not None:
            labels += _label(sign, pair[1], taken)
    for p in placed.values():
        for leaf in _leaves(p):
            if leaf.node.kind != "dots":
                arrows += _hung(leaf, p)
    tops = [p.y - p.height / 2 for p in placed.values()] + [0.72 * a.over + 0.28 * a.start[1] for a in arrows if a.over]
    top = min(tops) - MARGIN
    bottom = max(p.y + p.height / 2 for p in (*placed.values(), *leaves)) + MARGIN
    width = max(p.x + p.width / 2 for p in (*placed.values(), *leaves)) + MARGIN
    return FlowDrawing(
        tuple(replace(p, x=round(p.x, 1), y=round(p.y - top, 1)) for p in (*placed.values(), *leaves)),
        tuple(_lowered(a, top) for a in arrows),
        tuple((sign, (round(x, 1), round(y - top, 1))) for sign, (x, y) in labels),
        round(width, 1),
        round(bottom - top, 1),
    )


def _placed(graph: FlowGraph) -> dict[str, PlacedFlow]:
    found: dict[str, PlacedFlow] = {}
    right = MARGIN
    for number, column in enumerate(graph.columns):
        sizes = [_size(node) for node in column]
        wide = max(max(width, _hanging_width(node)) for node, (width, _) in zip(column, sizes, strict=True))
        right += _gap(graph, number) if number else 0.0
        y = 0.0
        middles: list[float] = []
        for node, (_, height) in zip(column, sizes, strict=True):
            middles.append(y + height / 2)
            y += height + (DROP + LEAF if node.hanging else 0.0) + PITCH
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


def _leaves(p: PlacedFlow) -> Iterator[PlacedFlow]:
    left = p.x - _hanging_width(p.node) / 2
    y = p.y + p.height / 2 + DROP + LEAF / 2
    for leaf in p.node.hanging:
        width, height = _size(leaf, leaf=True)
        yield PlacedFlow(leaf, round(left + width / 2, 1), y, width, height)
        left += width + 8


def _straight(a: PlacedFlow, b: PlacedFlow) -> tuple[Arrow, Arrow]:
    dx, dy = b.x - a.x, b.y - a.y
    length = hypot(dx, dy) or 1.0
    aside = -dy / length * APART, dx / length * APART
    start, end = _border(a, dx, dy), _border(b, -dx, -dy)
    there = Arrow(_moved(start, aside, -1), _moved(end, aside, -1))
    return there, Arrow(_moved(end, aside, 1), _moved(start, aside, 1), back=True)


def _arched(edge: Edge, a: PlacedFlow, b: PlacedFlow, placed: Mapping[str, PlacedFlow]) -> tuple[Arrow, Arrow]:
    """Over everything that stands between; a loop over one node."""
    left, right = min(a.x, b.x), max(a.x, b.x)
    highest = min(p.y - p.height / 2 for p in placed.values() if left <= p.x <= right)
    aside = 9.0 if a is not b else 12.0
    towards = 1.0 if b.x >= a.x else -1.0
    start = (round(a.x + (-aside if a is b else aside * towards), 1), a.y - a.height / 2)
    end = (round(b.x - (-aside if a is b else aside * towards), 1), b.y - b.height / 2)
    over = highest - (44.0 if a is b else 40.0)
    there = Arrow(start, end, recurrent=edge.recurrent, over=over)
    inner = 5.0 * (towards if a is not b else -1.0)
    return there, Arrow(
        (round(end[0] + inner, 1), end[1]), (round(start[0] - inner, 1), start[1]), True, edge.recurrent, over - 15
    )


def _hung(leaf: PlacedFlow, p: PlacedFlow) -> list[Arrow]:
    """Up to the quantity and, from it, back down to a parameter."""
    reach = p.width / 2 - 9
    x = p.x + max(-reach, min(reach, 0.55 * (leaf.x - p.x)))
    aside = (APART, 0.0) if leaf.node.adjoint else (0.0, 0.0)
    low, high = (leaf.x, leaf.y - leaf.height / 2), (x, p.y + p.height / 2)
    there = Arrow(_moved(low, aside, -1), _moved(high, aside, -1))
    return [there, Arrow(_moved(high, aside, 1), _moved(low, aside, 1), back=True)] if leaf.node.adjoint else [there]


def _label(sign: Sign, arrow: Arrow, taken: list[Box]) -> list[tuple[Sign, Point]]:
    half, tall = breadth(sign.runs, LABEL) / 2 + 2, LABEL / 2 + 1
    (x1, y1), (x2, y2) = arrow.start, arrow.end
    places: Sequence[Point] = [(x1 + t * (x2 - x1), y1 + t * (y2 - y1) + 10) for t in (0.5, 0.38, 0.62, 0.28, 0.72)]
    if arrow.over is not None:
        places = [((x1 + x2) / 2, 0.75 * arrow.over + 0.125 * (y1 + y2))]
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


def _lowered(a: Arrow, top: float) -> Arrow:
    (x, y), (u, v) = a.start, a.end
    over = None if a.over is None else round(a.over - top, 1)
    return replace(a, start=(x, round(y - top, 1)), end=(u, round(v - top, 1)), over=over)
