"""The units of a layer: a circle for each of a few, dots for the others, and the lines between two layers.

Contract: `stacked(units)` gives how tall a stack of units is and where each stands in it; `wires` gives the lines
between two placed layers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import hypot

from symbackprop.sheets.blocks import Math

RADIUS = 13.0
PITCH, DOTS = 32.0, 24.0
HEAD, FOOT = 46.0, 8.0
"""The room above the units, for the name and the shape of the layer, and below them."""
SHOWN = 5
"""A layer with more units shows the first three, dots, and the last one."""

Point = tuple[float, float]


@dataclass(frozen=True)
class Unit:
    """A unit with its number, or the dots that stand for those left out.

    `x` is measured from the middle of the layer, `y` from its top.
    """

    label: Math | None
    x: float
    y: float


def units_of(size: Math, count: int | None) -> tuple[Math | None, ...]:
    """The numbers of the units that are drawn; None for dots.

    >>> [unit and unit.text for unit in units_of(Math("784", "784"), 784)]
    ['1', '2', '3', None, '784']
    """
    if count is not None and count <= SHOWN:
        return tuple(_number(n) for n in range(1, count + 1))
    return (*(_number(n) for n in (1, 2, 3)), None, size)


def _number(n: int) -> Math:
    return Math(str(n), str(n))


def stacked(units: Sequence[Math | None]) -> tuple[float, tuple[Unit, ...]]:
    """The height of a layer, and its units from the top down."""
    y = HEAD
    found: list[Unit] = []
    for unit in units:
        own = DOTS if unit is None else PITCH
        found.append(Unit(unit, 0.0, y + own / 2))
        y += own
    return y + FOOT, tuple(found)


def in_a_row(units: Sequence[Math | None], head: float) -> tuple[float, float, tuple[Unit, ...]]:
    """The width and the height of a layer whose units stand in a row behind its name, and its units."""
    widths = [DOTS if unit is None else PITCH for unit in units]
    width = head + sum(widths) + FOOT
    x = head - width / 2
    found: list[Unit] = []
    for unit, own in zip(units, widths, strict=True):
        found.append(Unit(unit, x + own / 2, PITCH / 2 + FOOT))
        x += own
    return width, PITCH + 2 * FOOT, tuple(found)


def wires(left: Sequence[Point], right: Sequence[Point], *, dense: bool) -> Iterator[tuple[Point, Point]]:
    """Lines from every unit to every unit; unless `dense`, from each unit to its own where both layers have as many."""
    pairs = [(a, b) for a in left for b in right]
    if not dense and len(left) == len(right):
        pairs = list(zip(left, right, strict=True))
    for a, b in pairs:
        yield _beside(a, b), _beside(b, a)


def _beside(a: Point, b: Point) -> Point:
    """The border of the unit at `a`, towards `b`."""
    length = hypot(b[0] - a[0], b[1] - a[1]) or 1.0
    return round(a[0] + RADIUS * (b[0] - a[0]) / length, 1), round(a[1] + RADIUS * (b[1] - a[1]) / length, 1)
