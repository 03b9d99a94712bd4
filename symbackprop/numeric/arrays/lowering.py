"""Indexed expressions -> array trees.

Contract: `lower(expression, axes)` gives the array of an expression over its free indices, for any number of axes and
any index expressions; sums of products are split into products of two arrays. Bound indices are renamed, so that one
index stands for one range in the whole tree.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Sequence
from typing import Any

import sympy as sp
from sympy.core.relational import Relational

from symbackprop.functions import Indicator
from symbackprop.indexed import (
    Base,
    Limit,
    LogSumExp,
    MaxOver,
    Softmax,
    base_of,
    bound_limits,
    free_indices,
    freshen,
    freshen_all,
    indices_of,
    opened,
    rename,
)
from symbackprop.numeric.arrays.conditions import index_conditions
from symbackprop.numeric.arrays.contraction import contracted, ordered
from symbackprop.numeric.arrays.nodes import Array, Axes, Counter, Guard, Lowered, Map, Read, Reduce, SoftmaxOver
from symbackprop.numeric.scalars import CAN_OVERFLOW

REDUCING = (sp.Sum, Softmax, LogSumExp, MaxOver)


def lower(expression: Any, axes: Sequence[Limit], labels: Container[Base] = (), scope: Sequence[Limit] = ()) -> Lowered:
    """The array tree of an entry with the given free indices and their ranges.

    Args:
        expression: a scalar expression.
        axes: its free indices, in the order that the array shall have.
        labels: the quantities whose data count from 0 where the mathematics counts from 1.
        scope: the ranges of other free indices, which have one value at a time.
    """
    lowering = _Lowering(axes, labels)
    array = lowering.array(freshen_all(expression), tuple(limit.index for limit in axes))
    return Lowered(array, lowering.limits, tuple(scope))


class _Lowering:
    """Lowers one expression; `limits` collects the ranges of all indices that are met."""

    def __init__(self, axes: Iterable[Limit], labels: Container[Base]) -> None:
        self.limits = {limit.index: limit for limit in axes}
        self.labels = labels

    def array(self, e: Any, wanted: Axes) -> Array:
        """The array of an expression; its axes are in the wanted order unless it is read as it is stored."""
        if isinstance(e, sp.Indexed):
            return self._read(e)
        if conditions := self._guards(e):
            rest = [a for a in e.args if not (isinstance(a, Indicator) and set(index_conditions(a)) <= {*conditions})]
            inner = self.array(sp.Mul(*rest, evaluate=False) if len(rest) > 1 else rest[0], wanted)
            return Guard(inner.axes, sp.And(*conditions), inner)
        if isinstance(e, (sp.Mul, sp.Sum)) and e.has(sp.Sum):
            return self._contract(e, wanted)
        if isinstance(e, (Softmax, LogSumExp, MaxOver)):
            return self._reduction(e, wanted)
        return self._map(e, wanted)

    def _guards(self, e: Any) -> list[Any]:
        """The conditions among the factors of a product that no index of an array stands in."""
        if not isinstance(e, sp.Mul) or not e.has(Indicator):
            return []
        found = [index_conditions(a) for a in e.args if isinstance(a, Indicator) and not self._axes_of(a)]
        return [c for conditions in found for c in conditions]

    def _is_array(self, e: Any) -> bool:
        """Is it more than a function of entries?"""
        product = isinstance(e, sp.Mul) and (e.has(sp.Sum) or bool(self._guards(e)))
        return product or isinstance(e, (sp.Indexed, *REDUCING))

    def _is_label(self, e: Any) -> bool:
        return isinstance(e, (sp.Symbol, sp.Indexed)) and base_of(e) in self.labels

    def _axes_of(self, e: Any) -> set[sp.Symbol]:
        return free_indices(e) & self.limits.keys()

    def _read(self, e: Any) -> Read:
        at = indices_of(e)
        axes = dict.fromkeys(i for place in at for i in _by_name(self._axes_of(place)))
        return Read(tuple(axes), base_of(e), at)

    def _map(self, e: Any, wanted: Axes, whole: bool = False) -> Array:
        """A function of entries: its largest parts that are arrays become operands, never the `whole` of it."""
        parts: dict[Any, tuple[sp.Symbol, Array]] = {}

        def slot(a: Any, operand: Array) -> Any:
            if a not in parts:
                parts[a] = sp.Dummy(f"slot{len(parts)}", real=True), operand
            return parts[a][0]

        def from_zero(a: Any) -> Any:
            """What a label is compared with: labels count from 0, indices from 1."""
            return slot(sp.Tuple(a), Counter((a,), -1)) if a in self.limits else part(a) - 1

        def part(a: Any) -> Any:
            if a.is_Symbol and a in self.limits:
                operand: Array = Counter((a,))
            elif self._is_label(a):
                operand = self._read(a)
            elif self._is_array(a):
                operand = self.array(a, wanted)
            elif not a.args:
                return a
            elif isinstance(a, Relational) and any(self._is_label(x) for x in a.args):
                return self._rebuilt(a, [part(x) if self._is_label(x) else from_zero(x) for x in a.args])
            else:
                return self._rebuilt(a, [part(x) for x in a.args])
            return slot(a, operand)

        pattern = self._rebuilt(e, [part(a) for a in e.args]) if whole else part(e)
        slots, operands = tuple(s for s, _ in parts.values()), tuple(o for _, o in parts.values())
        if pattern in slots:
            return operands[slots.index(pattern)]
        axes = ordered({i for o in operands for i in o.axes}, wanted, operands)
        return Map(axes, pattern, slots, operands)

    @staticmethod
    def _rebuilt(a: Any, args: list[Any]) -> Any:
        if isinstance(a, (sp.Add, sp.Mul, Relational)):
            return a.func(*args, evaluate=False)
        return a.func(*args)

    def _reduction(self, e: Any, wanted: Axes) -> Array:
        e = freshen(e)
        limits = bound_limits(e)
        if isinstance(e, Softmax):
            at, body, limit = e.args[0], e.args[1], limits[0]
            if at in self.limits and self.limits[at][1:] == limit[1:]:
                inner = self.array(rename(body, {limit.index: at}), wanted)
                return SoftmaxOver(inner.axes, inner, at)
            return self._map(sp.exp(rename(body, {limit.index: at}) - LogSumExp(body, limit)), wanted)
        for limit in limits:
            self.limits[limit.index] = limit
        own = tuple(limit.index for limit in limits)
        inner = self.array(e.args[0], (*wanted, *own))
        axes = tuple(i for i in inner.axes if i not in own)
        return Reduce(axes, "logsumexp" if isinstance(e, LogSumExp) else "max", inner, own)

    # -- products and sums ---------------------------------------------------------------------------------------
    def _contract(self, e: Any, wanted: Axes) -> Array:
        factors, bound = opened(e)
        selected = self._selected(factors)
        for limit in bound:
            self.limits[limit.index] = limit
        own = {limit.index for limit in bound}
        scalars = [(n, f) for n, f in enumerate(factors) if not self._axes_of(f) and not f.has(sp.Indexed, *REDUCING)]
        scalars += [(n, limit.size) for n, limit in enumerate(bound, len(factors)) if not _reads(factors, limit)]
        arrays = [(n, f) for n, f in enumerate(factors) if (n, f) not in scalars]
        free = tuple(i for i in wanted if i not in own)
        lowered = [
            (self._product_of if f in selected else self.array)(f, self._natural(f, (*free, *sorted(own, key=str))))
            for _, f in arrays
        ]
        placed = [(arrays[n][0], a) for n, a in contracted(lowered, self._outside(arrays, own, free))]
        parts = sorted([*scalars, *placed], key=lambda p: p[0])
        if len(parts) == 1 and isinstance(parts[0][1], Array):
            return parts[0][1]
        return self._product([part for _, part in parts], free)

    def _selected(self, factors: list[Any]) -> list[Any]:
        """Join what may be infinite with the indicator beside it: apart, they would be multiplied, 0 * inf."""
        found: list[Any] = []
        for gate in [f for f in factors if isinstance(f, Indicator) and not index_conditions(f)]:
            axes = self._axes_of(gate)
            large = next((f for f in factors if f.has(*CAN_OVERFLOW) and self._axes_of(f) == axes), None)
            if large is not None:
                factors.remove(gate)
                found.append(sp.Mul(large, gate, evaluate=False))
                factors[factors.index(large)] = found[-1]
        return found

    def _product_of(self, e: Any, wanted: Axes) -> Array:
        """A product as a function of entries, whatever its factors are."""
        return self._map(e, wanted, whole=True)

    def _product(self, parts: Sequence[Any], free: Axes) -> Map:
        """The elementwise product of arrays and scalars, in their order."""
        axes = ordered({i for a in parts if isinstance(a, Array) for i in a.axes}, free, ())
        factors: list[Any] = []
        slots: list[sp.Symbol] = []
        operands: list[Array] = []
        for part in parts:
            if not isinstance(part, Array):
                factors.append(part)
            elif isinstance(part, Map) and (part.axes == axes or isinstance(part.pattern, Indicator)):
                factors.append(part.pattern)
                slots += part.slots
                operands += part.operands
            else:
                slots.append(sp.Dummy(f"slot{len(slots)}", real=True))
                factors.append(slots[-1])
                operands.append(part)
        return Map(axes, sp.Mul(*factors, evaluate=False), tuple(slots), tuple(operands))

    def _outside(self, factors: Sequence[tuple[int, Any]], own: Collection[sp.Symbol], free: Axes) -> Axes:
        """The free indices of a product, in the wanted order."""
        found = set().union(*(self._axes_of(f) for _, f in factors)) - set(own)
        return (*(i for i in free if i in found), *_by_name(found - set(free)))

    def _natural(self, factor: Any, wanted: Axes) -> Axes:
        """The order in which a factor is stored: that of its first reference with the most axes."""
        best = max(factor.atoms(sp.Indexed), key=lambda r: (len(self._axes_of(r)), str(r)), default=None)
        if best is None:
            return wanted
        first = [i for place in indices_of(best) for i in _by_name(self._axes_of(place))]
        return tuple(dict.fromkeys([*first, *wanted]))


def _reads(factors: Sequence[Any], limit: Limit) -> bool:
    return any(limit.index in free_indices(f) for f in factors)


def _by_name(indices: Iterable[sp.Symbol]) -> list[sp.Symbol]:
    return sorted(indices, key=lambda s: (s.name, getattr(s, "dummy_index", 0)))
