"""Room for the weights on the arrows between two columns.

Contract: `places(edges, lines, boxes)` gives a place for every weight, so that none covers another one or a
neuron; where that cannot be, none has a place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from symbackprop.names import Name
from symbackprop.sheets.diagram.graph import Edge
from symbackprop.sheets.diagram.label import breadth, runs
from symbackprop.sheets.diagram.units import Point

SMALL = 13.0
"""The size of the letters on arrows and beside neurons."""
LABELLED = 9
"""Between two columns with more weights the arrows have no labels."""
ALONG = (0.3, 0.36, 0.24, 0.42, 0.48, 0.18, 0.56, 0.64)

Box = tuple[float, float, float, float]


def places(
    edges: Sequence[Edge],
    lines: Mapping[Edge, tuple[Point, Point]],
    boxes: Sequence[Box],
) -> dict[Edge, Point]:
    """The middle of every label, or no label at all."""
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


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
