"""Products summed over indices, as a chain of products of two arrays each.

Contract: `contracted(factors, wanted, order)` returns arrays whose product, spread over each other, is the sum; every
index that is not wanted is gone. Two factors are joined at a time, the pair first that leaves the fewest axes.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import combinations

import sympy as sp

from symbackprop.numeric.arrays.nodes import Array, Axes, Contract, Map, Reduce

Placed = tuple[int, Array]
"""A factor and its place in the product as it was written."""


def contracted(factors: Sequence[Array], wanted: Axes) -> list[Placed]:
    """Arrays over wanted axes whose elementwise product is the sum of the product of the factors."""
    parts = list(enumerate(factors))
    while True:
        parts = [(n, _without_own(a, wanted, [b for k, b in parts if k != n])) for n, a in parts]
        if not any(set(a.axes) - set(wanted) for _, a in parts):
            return parts
        first, second = min(combinations(range(len(parts)), 2), key=lambda pair: _cost(parts, pair, wanted))
        (n, left), (_, right) = parts[first], parts[second]
        others = [a for k, (_, a) in enumerate(parts) if k not in (first, second)]
        parts[first] = n, _joined(left, right, _kept(left, right, others, wanted), wanted)
        del parts[second]


def _without_own(array: Array, wanted: Axes, others: Sequence[Array]) -> Array:
    """The array summed over the indices that nothing else has."""
    elsewhere = {i for other in others for i in other.axes} | set(wanted)
    own = tuple(i for i in array.axes if i not in elsewhere)
    if not own:
        return array
    return Reduce(tuple(i for i in array.axes if i in elsewhere), "sum", array, own)


def _cost(parts: Sequence[Placed], pair: tuple[int, int], wanted: Axes) -> tuple[int, int, int]:
    left, right = parts[pair[0]][1], parts[pair[1]][1]
    others = [a for k, (_, a) in enumerate(parts) if k not in pair]
    kept = _kept(left, right, others, wanted)
    gone = len(set(left.axes) | set(right.axes)) - len(kept)
    return (not gone, len(kept), -gone)


def _kept(left: Array, right: Array, others: Sequence[Array], wanted: Axes) -> set[sp.Symbol]:
    """The indices of two factors that are still needed after they are joined."""
    needed = {i for other in others for i in other.axes} | set(wanted)
    return (set(left.axes) | set(right.axes)) & needed


def _joined(left: Array, right: Array, kept: Collection[sp.Symbol], wanted: Axes) -> Array:
    axes = ordered(kept, wanted, (left, right))
    if set(left.axes) & set(right.axes) <= set(kept):
        widest = max(left, right, key=lambda a: len(a.axes))
        if set(widest.axes) == set(kept):
            axes = widest.axes  # as it is stored: a transposed copy would only be turned back
        slots = (sp.Dummy("left", real=True), sp.Dummy("right", real=True))
        return Map(axes, sp.Mul(*slots, evaluate=False), slots, (left, right))
    return Contract(axes, left, right)


def ordered(axes: Collection[sp.Symbol], wanted: Axes, arrays: Sequence[Array]) -> Axes:
    """Axes in the wanted order, those that are not wanted as the arrays have them."""
    natural = list(dict.fromkeys(i for array in arrays for i in array.axes if i in axes))
    first = [i for i in wanted if i in axes]
    return (*first, *(i for i in natural if i not in first))
