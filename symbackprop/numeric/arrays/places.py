"""Where the entries of an array stand: index expressions as subscripts.

Contract: `places(read, limits, storage)` gives one `Place` for each stored dimension: the whole of it, a position, a
slice, a window (one dimension seen as several) or index arrays. Only what is proven to lie inside is sliced; index
arrays are clipped, and the factor that makes the clipped entries zero stands in the expression.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from symbackprop.indexed import Limit, affine_coefficient, at_least_zero, free_indices
from symbackprop.numeric.arrays.nodes import Axes, Read


@dataclass(frozen=True)
class Place:
    """A subscript of one dimension; positions count from 0. By itself it is the whole dimension."""

    axes: Axes


@dataclass(frozen=True)
class At(Place):
    """One position."""

    position: Any


@dataclass(frozen=True)
class Slice(Place):
    """``count`` positions from `start`, `step` apart."""

    start: Any
    count: Any
    step: Any
    to_end: bool


@dataclass(frozen=True)
class Window(Place):
    """Entry (i, p, ...) stands at ``start + i * steps[0] + p * steps[1] + ...``."""

    start: Any
    counts: tuple[Any, ...]
    steps: tuple[Any, ...]


@dataclass(frozen=True)
class Gather(Place):
    """Index arrays: `position` over the axes; `inside` where nothing has to be clipped."""

    position: Any
    inside: bool


@dataclass(frozen=True)
class Picked(Place):
    """A label's own data."""

    label: Read


def places(
    read: Read, limits: Mapping[Any, Limit], storage: Sequence[Limit], scope: Sequence[Limit] = ()
) -> list[Place]:
    """The subscripts of a read, dimension by dimension; indices in `scope` have one value at a time."""
    found = [_place(index, limits, axis, scope) for index, axis in zip(read.at, storage, strict=True)]
    if not shared(found):
        return found
    return [
        _gather(index, place, limits, axis, scope) if isinstance(place, Window) else place
        for place, index, axis in zip(found, read.at, storage, strict=True)
    ]


def shared(found: Sequence[Place]) -> bool:
    """Does an index stand in two dimensions, as on a diagonal?"""
    seen = [i for place in found for i in place.axes]
    return len(set(seen)) < len(seen)


def _place(index: Any, limits: Mapping[Any, Limit], axis: Limit, scope: Sequence[Limit]) -> Place:
    if isinstance(index, sp.Indexed):
        axes = tuple(i for i in index.indices if i in limits)
        return Picked(axes, Read(axes, index.base, tuple(index.indices)))
    axes = tuple(sorted(free_indices(index) & limits.keys(), key=str))
    position = sp.expand(index - axis.low)
    if not axes:
        return At((), position)
    ranges = [limits[i] for i in axes]
    inside = _inside(index, [*ranges, *scope], axis)
    steps = [step for i in axes if (step := affine_coefficient(position, i)) is not None]
    if not inside or len(steps) < len(axes):
        return Gather(axes, position, inside)
    start = sp.expand(position.xreplace({limit.index: limit.low for limit in ranges}))
    if len(axes) > 1:
        return Window(axes, start, tuple(limit.size for limit in ranges), tuple(steps))
    count = sp.expand(ranges[0].size)
    if start == 0 and steps[0] == 1 and sp.expand(count - axis.size) == 0:
        return Place(axes)
    if not sp.sympify(steps[0]).is_positive:
        return Gather(axes, position, inside)
    return Slice(axes, start, count, steps[0], steps[0] == 1 and sp.expand(start + count - axis.size) == 0)


def _gather(index: Any, place: Place, limits: Mapping[Any, Limit], axis: Limit, scope: Sequence[Limit]) -> Place:
    ranges = [*scope, *(limits[i] for i in place.axes)]
    return Gather(place.axes, sp.expand(index - axis.low), _inside(index, ranges, axis))


def _inside(index: Any, ranges: Sequence[Limit], axis: Limit) -> bool:
    return at_least_zero(index - axis.low, ranges) and at_least_zero(axis.high - index, ranges)


def in_reading_order(size: Any) -> Any:
    """A sum of sizes and indices with its negative terms and then its number last."""
    terms = sp.Add.make_args(sp.expand(size))
    ordered = sorted(terms, key=lambda a: (a.is_Number, a.could_extract_minus_sign(), sp.default_sort_key(a)))
    return sp.Add(*ordered, evaluate=False) if len(terms) > 1 else terms[0]
