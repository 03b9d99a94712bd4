"""The value of an indexed expression: every index is an axis of an array.

Contract: `value_of(expression, read, scope)` computes a scalar expression over indices at many points at once. Axis 0
runs over the points, one more axis over each index in scope, in order. Nothing is simplified and nothing is compiled,
so the numbers owe nothing to the printers of programs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sympy as sp

from symbackprop.functions import Indicator, row_of
from symbackprop.homework.values.functions import apply
from symbackprop.indexed import Limit, LogSumExp, MaxOver, Softmax, bound_limits

Array = Any

_RELATIONS: dict[Any, Any] = {
    sp.Gt: np.greater,
    sp.Ge: np.greater_equal,
    sp.Lt: np.less,
    sp.Le: np.less_equal,
    sp.Eq: np.equal,
    sp.Ne: np.not_equal,
}


@dataclass
class Quantities:
    """Arrays by base: axis 0 is the point, then the quantity's own axes, each beginning at index `lows`."""

    arrays: dict[Any, Array] = field(default_factory=dict[Any, Array])
    lows: dict[Any, tuple[int, ...]] = field(default_factory=dict[Any, tuple[int, ...]])
    sizes: Mapping[Any, int] = field(default_factory=dict[Any, int])

    def integer(self, size: Any) -> int:
        """The number that a size is."""
        return int(size.xreplace(dict(self.sizes))) if isinstance(size, sp.Basic) else int(size)

    def entries(self, base: Any, at: list[Array]) -> Array:
        """Entries at index arrays; 0 where an index is out of range, as adjoints are read there."""
        array = self.arrays[base]
        if not at:
            return array
        outside: Any = False
        places: list[Array] = []
        for index, low, length in zip(at, self.lows[base], array.shape[1:], strict=True):
            place = np.asarray(index - low).astype(int)
            wrong = (place < 0) | (place >= length)
            if wrong.any():
                outside = outside | wrong
                place = np.clip(place, 0, length - 1)
            places.append(place)
        shape = np.broadcast_shapes(*(p.shape for p in places))
        points = np.arange(array.shape[0]).reshape(-1, *(1,) * (len(shape) - 1))
        found = array[(points, *places)]
        return found if outside is False else np.where(outside, 0.0, found)


def value_of(expression: Any, read: Quantities, limits: tuple[Limit, ...] = ()) -> Array:
    """The array of an expression over the points and its free indices, whose ranges are the limits in order."""
    evaluation = _Evaluation(read)
    scope: dict[Any, Array] = {}
    for limit in limits:
        scope = evaluation.entered(scope, limit)
    result = np.asarray(evaluation(expression, scope), dtype=float)
    points = next(iter(read.arrays.values())).shape[0]
    own = tuple(read.integer(limit.high) - read.integer(limit.low) + 1 for limit in limits)
    return np.broadcast_to(_with_axes(result, 1 + len(limits)), (points, *own)).copy()


def _with_axes(array: Array, count: int) -> Array:
    """The array with new axes at the end, up to a number of axes."""
    array = np.asarray(array)
    return array.reshape(array.shape + (1,) * (count - array.ndim)) if array.ndim < count else array


class _Evaluation:
    def __init__(self, read: Quantities) -> None:
        self.read = read

    def entered(self, scope: dict[Any, Array], limit: Limit) -> dict[Any, Array]:
        """The scope with one more index, along a new last axis, as long as its longest range."""
        depth = 1 + len(scope) + 1
        low, high = (np.asarray(self(bound, scope)) for bound in limit[1:])
        values = np.arange(int(low.min()), int(high.max()) + 1)
        grown = {index: _with_axes(a, depth) for index, a in scope.items()}
        return grown | {limit.index: values.reshape((1,) * (depth - 1) + (-1,))}

    def __call__(self, e: Any, scope: dict[Any, Array]) -> Array:
        if e in scope:
            return scope[e]
        if isinstance(e, sp.Indexed):
            return self.read.entries(e.base, [_with_axes(self(i, scope), 1 + len(scope)) for i in e.indices])
        if isinstance(e, sp.Symbol):
            if e in self.read.sizes:
                return np.asarray(float(self.read.sizes[e]))
            return _with_axes(self.read.arrays[e], 1 + len(scope))
        if e.is_Number or isinstance(e, sp.NumberSymbol):
            return np.asarray(float(e))
        if e in self.read.sizes:  # a size that depends on the layer: n(2)
            return np.asarray(float(self.read.sizes[e]))
        special = _SPECIAL.get(type(e))
        if special is not None:
            return special(self, e, scope)
        if isinstance(e, sp.Function):
            return self._function(e, scope)
        raise KeyError(f"{type(e).__name__} has no value")

    def add(self, e: Any, scope: dict[Any, Array]) -> Array:
        total = self(e.args[0], scope)
        for term in e.args[1:]:
            total = total + self(term, scope)
        return total

    def multiply(self, e: Any, scope: dict[Any, Array]) -> Array:
        """Where a condition fails, the product is 0, whatever its other factors are."""
        gates = [self(a, scope) for a in e.args if isinstance(a, Indicator)]
        with np.errstate(all="ignore"):
            result: Any = 1.0
            for factor in e.args:
                if not isinstance(factor, Indicator):
                    result = result * self(factor, scope)
        for gate in gates:
            result = np.where(gate != 0, result * gate, 0.0)
        return result

    def power(self, e: Any, scope: dict[Any, Array]) -> Array:
        base, exponent = self(e.base, scope), self(e.exp, scope)
        if e.exp.is_Integer:
            exponent = int(e.exp)
        return np.asarray(base, dtype=float) ** exponent

    def sum(self, e: Any, scope: dict[Any, Array]) -> Array:
        outer = len(scope)
        body, inside = self._over(e.function, bound_limits(e), scope)
        body = np.where(inside, body, 0.0)
        return body.sum(axis=tuple(range(1 + outer, body.ndim)))

    def _over(self, body: Any, limits: tuple[Limit, ...], scope: dict[Any, Array]) -> tuple[Array, Array]:
        """A body over bound indices, and where they are inside their ranges."""
        tests: list[tuple[Limit, dict[Any, Array]]] = []
        for limit in limits:
            scope = self.entered(scope, limit)
            tests.append((limit, scope))
        depth = 1 + len(scope)
        inside: Any = np.ones((1,) * depth, dtype=bool)
        for limit, own in tests:
            index = _with_axes(own[limit.index], depth)
            low, high = (_with_axes(self(bound, own), depth) for bound in limit[1:])
            inside = inside & (index >= low) & (index <= high)
        value = _with_axes(self(body, scope), depth)
        shape = np.broadcast_shapes(value.shape, inside.shape)
        return np.broadcast_to(value, shape), np.broadcast_to(inside, shape)

    def softmax(self, e: Any, scope: dict[Any, Array]) -> Array:
        values, _ = self._over(e.args[1], (e.limit,), scope)
        shifted = np.exp(values - values.max(axis=-1, keepdims=True))
        shares = shifted / shifted.sum(axis=-1, keepdims=True)
        at = _with_axes(self(e.args[0], scope) - self(e.limit.low, scope), 1 + len(scope)).astype(int)
        shape = np.broadcast_shapes(at.shape, shares.shape[:-1])
        shares = np.broadcast_to(shares, (*shape, shares.shape[-1]))
        return np.take_along_axis(shares, np.broadcast_to(at, shape)[..., None], axis=-1)[..., 0]

    def logsumexp(self, e: Any, scope: dict[Any, Array]) -> Array:
        values, _ = self._over(e.args[0], (e.limit,), scope)
        largest = values.max(axis=-1, keepdims=True)
        return (largest + np.log(np.exp(values - largest).sum(axis=-1, keepdims=True)))[..., 0]

    def largest(self, e: Any, scope: dict[Any, Array]) -> Array:
        values, inside = self._over(e.args[0], e.limits, scope)
        return np.where(inside, values, -np.inf).max(axis=tuple(range(1 + len(scope), values.ndim)))

    def indicator(self, e: Any, scope: dict[Any, Array]) -> Array:
        return np.asarray(self._condition(e.condition, scope), dtype=float)

    def _condition(self, c: Any, scope: dict[Any, Array]) -> Array:
        if c in (sp.true, sp.false):
            return np.asarray(bool(c))
        if isinstance(c, (sp.And, sp.Or)):
            parts = [self._condition(a, scope) for a in c.args]
            combine = np.logical_and if isinstance(c, sp.And) else np.logical_or
            result = parts[0]
            for part in parts[1:]:
                result = combine(result, part)
            return result
        if isinstance(c, sp.Not):
            return ~self._condition(c.args[0], scope)
        return _RELATIONS[c.func](*(self(a, scope) for a in c.args))

    def piecewise(self, e: Any, scope: dict[Any, Array]) -> Array:
        result: Any = np.nan
        for value, condition in reversed(e.args):
            with np.errstate(all="ignore"):
                result = np.where(self._condition(condition, scope), self(value, scope), result)
        return result

    def _function(self, e: Any, scope: dict[Any, Array]) -> Array:
        try:
            return apply(e, [self(a, scope) for a in e.args])
        except KeyError:
            row = row_of(e)
            if row is None or row.definition is None:
                raise
            return self(row.definition(*e.args), scope)


_SPECIAL: dict[type, Callable[[_Evaluation, Any, dict[Any, Array]], Array]] = {
    sp.Add: _Evaluation.add,
    sp.Mul: _Evaluation.multiply,
    sp.Pow: _Evaluation.power,
    sp.Sum: _Evaluation.sum,
    Softmax: _Evaluation.softmax,
    LogSumExp: _Evaluation.logsumexp,
    MaxOver: _Evaluation.largest,
    Indicator: _Evaluation.indicator,
    sp.Piecewise: _Evaluation.piecewise,
}
