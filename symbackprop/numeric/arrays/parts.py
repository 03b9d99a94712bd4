"""Sums of parts: what holds in a range of indices only, as ``target[part] += expression`` over that range.

Contract: `parts(expression, axes)` solves the conditions on indices (``[a - p + 1 >= 1]``) for the free indices, so
that every part is an expression without them, over its own axes; `None` where there is nothing to solve. A free index
that becomes a sum of two (``a = i + p``) is a scatter: the shorter of the two is looped over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sympy as sp

from symbackprop.functions import Indicator
from symbackprop.indexed import (
    Indices,
    Limit,
    affine_coefficient,
    at_least_zero,
    bound_limits,
    free_indices,
    fresh,
    freshen_all,
    rename,
    sum_over,
)
from symbackprop.numeric.arrays.conditions import holds, index_conditions, nonnegative_side


@dataclass(frozen=True)
class Part:
    """``target[at] += expression`` for all values of the axes at once, once for every value of the loops."""

    at: Indices
    expression: Any
    axes: tuple[Limit, ...]
    loops: tuple[Limit, ...] = ()
    guards: tuple[Any, ...] = ()
    """Conditions without an index of the axes: where they do not hold, there is nothing to add."""


def parts(expression: Any, axes: Sequence[Limit], scope: Sequence[Limit] = ()) -> list[Part] | None:
    """The parts that an expression over free indices is the sum of, those that hold everywhere first.

    Args:
        expression: an entry.
        axes: its free indices.
        scope: the ranges of other indices, which have a value already (those of a loop).
    """
    found: dict[Any, Part] = {}
    whole = Part(tuple(limit.index for limit in axes), sp.S.Zero, tuple(axes))
    for term in sp.Add.make_args(expression):
        part = _Term(term, axes, scope).part() or replace(whole, expression=term)
        key = replace(part, expression=sp.S.Zero)
        if key in found:
            part = replace(part, expression=sp.Add(found[key].expression, part.expression, evaluate=False))
        found[key] = part
    if not found.keys() - {whole}:
        return None
    return sorted(found.values(), key=lambda part: replace(part, expression=sp.S.Zero) != whole)


def has_ranges(expression: Any, axes: Sequence[Limit]) -> bool:
    """Does a summand say for which indices of arrays it holds?"""
    for term in sp.Add.make_args(expression):
        factors, bound = _opened(term)
        own = {limit.index for limit in (*axes, *bound)}
        if any(free_indices(c) & own for f in factors for c in index_conditions(f)):
            return True
    return False


def _opened(term: Any) -> tuple[list[Any], list[Limit]]:
    """The factors of a product, and the limits of the sums around them."""
    if isinstance(term, sp.Mul):
        found = [_opened(a) for a in term.args]
        return [f for factors, _ in found for f in factors], [b for _, bound in found for b in bound]
    if isinstance(term, sp.Sum):
        factors, bound = _opened(term.function)
        return factors, [*bound_limits(term), *bound]
    return [term], []


class _Term:
    """One summand while its conditions are solved."""

    def __init__(self, term: Any, axes: Sequence[Limit], scope: Sequence[Limit]) -> None:
        factors, bound = _opened(freshen_all(term))
        self.scope, self.axes = tuple(scope), tuple(axes)
        self.limits = {limit.index: limit for limit in (*axes, *bound)}
        self.at: list[Any] = [limit.index for limit in axes]
        found = [c for f in factors for c in index_conditions(f)]
        self.guards = tuple(c for c in found if not free_indices(c) & self.limits.keys())
        self.conditions = [c for c in found if c not in self.guards]
        self.factors = [f for f in factors if not index_conditions(f)]
        for limit in bound:
            if limit.size == 1:
                self._substitute(limit.index, limit.low)

    def part(self) -> Part | None:
        """The term without conditions, or None where it has none, or one that cannot be solved or leads outside."""
        if not self.conditions and not self.guards:
            return None
        while self.conditions:
            if not any(self._solved(step) for step in (self._holds, self._equal, self._narrowed, self._between)):
                return None
        if not all(self._inside(index, axis) for index, axis in zip(self.at, self.axes, strict=True)):
            return None
        loops = self._loops()
        own = set().union(*(free_indices(i) for i in self.at)) & self.limits.keys()
        order = [i for index in self.at for i in self.limits if i in free_indices(index)]
        axes = tuple(self.limits[i] for i in dict.fromkeys(order) if i not in loops)
        summed = [limit for i, limit in self.limits.items() if i not in own]
        expression = sum_over(self.factors, summed)
        return Part(tuple(self.at), expression, axes, tuple(loops.values()), self.guards)

    def _solved(self, step: Any) -> bool:
        return any(step(c) for c in tuple(self.conditions))

    @property
    def _ranges(self) -> tuple[Limit, ...]:
        return (*self.scope, *self.limits.values())

    def _holds(self, condition: Any) -> bool:
        if not holds(condition, self._ranges):
            return False
        self.conditions.remove(condition)
        return True

    def _inside(self, index: Any, axis: Limit) -> bool:
        return at_least_zero(index - axis.low, self._ranges) and at_least_zero(axis.high - index, self._ranges)

    def _equal(self, condition: Any) -> bool:
        """An index has one value: ``[t = T]``."""
        if not isinstance(condition, sp.Eq):
            return False
        difference = sp.expand(condition.lhs - condition.rhs)
        for index in sorted(free_indices(difference) & self.limits.keys(), key=lambda i: i in self.at):
            coefficient = affine_coefficient(difference, index)
            if coefficient in (1, -1):
                value = sp.expand(index - difference * coefficient)
                if self._inside(value, self.limits[index]):
                    self.conditions.remove(condition)
                    self._substitute(index, value)
                    return True
        return False

    def _narrowed(self, condition: Any) -> bool:
        """A smaller range of one index: ``[t - 2 >= 0]``."""
        own = free_indices(condition) & self.limits.keys()
        if isinstance(condition, sp.Eq) or len(own) != 1:
            return False
        index = own.pop()
        side, limit = nonnegative_side(condition), self.limits[index]
        coefficient = affine_coefficient(side, index)
        if coefficient not in (1, -1):
            return False
        bound = sp.expand(index - side * coefficient)
        if coefficient == 1 and at_least_zero(bound - limit.low, self.scope):
            self.limits[index] = limit._replace(low=bound)
        elif coefficient == -1 and at_least_zero(limit.high - bound, self.scope):
            self.limits[index] = limit._replace(high=bound)
        else:
            return False
        self.conditions.remove(condition)
        return True

    def _between(self, condition: Any) -> bool:
        """A free index between two values that are a fixed number apart: ``low(i) <= a <= low(i) + n``."""
        if isinstance(condition, sp.Eq):
            return False
        side = nonnegative_side(condition)
        for index in free_indices(side) & set(self.at):
            if affine_coefficient(side, index) != 1:
                continue
            for other in self.conditions:
                width = sp.expand(side + nonnegative_side(other))
                if isinstance(other, sp.Eq) or other is condition or free_indices(width) & self.limits.keys():
                    continue
                self.conditions.remove(condition)
                self.conditions.remove(other)
                step = fresh(index)
                self.limits[step] = Limit(step, sp.S.Zero, width)
                self._substitute(index, sp.expand(index - side + step))
                return True
        return False

    def _substitute(self, index: sp.Symbol, value: Any) -> None:
        names: Mapping[Any, Any] = {index: value}
        del self.limits[index]
        self.limits = {i: limit.replace(names) for i, limit in self.limits.items()}
        self.at = [sp.expand(i.xreplace(names)) for i in self.at]
        self.conditions = [c.xreplace(names) for c in self.conditions]
        never = sp.false in self.conditions
        self.conditions = [] if never else [c for c in self.conditions if c is not sp.true]
        self.factors = [sp.S.Zero] if never else [rename(f, names) for f in self.factors]

    def _loops(self) -> dict[Any, Limit]:
        """The indices to loop over, from 0, so that at most one is left in every place: the shortest ones."""
        found: dict[Any, Limit] = {}
        for place in tuple(self.at):
            own = [i for i in self.limits if i in free_indices(place) and i not in found]
            for index in sorted(own, key=self._length)[: len(own) - 1]:
                counter = fresh(index)
                self.limits[counter] = found[counter] = Limit(counter, sp.S.Zero, self.limits[index].size - 1)
                self._substitute(index, self.limits[index].low + counter)
        return found

    def _length(self, index: Any) -> tuple[bool, int, int]:
        """Numbers are short; of two symbolic lengths the window, which was solved for last, is the shorter."""
        size = self.limits[index].size
        return (not size.is_Integer, int(size) if size.is_Integer else 0, -list(self.limits).index(index))


def hoisted(expression: Any, axes: Sequence[Limit], scope: Sequence[Limit]) -> Iterator[tuple[Any, tuple[Limit, ...]]]:
    """The largest parts of an expression that are sums of parts themselves, with the indices that they depend on."""
    if isinstance(expression, (sp.Indexed, Indicator)) or not expression.has(Indicator):
        return
    own = tuple(limit for limit in axes if limit.index in free_indices(expression))
    is_unit = isinstance(expression, (sp.Add, sp.Sum)) or any(index_conditions(a) for a in expression.args)
    if is_unit and has_ranges(expression, own) and parts(expression, own, scope) is not None:
        yield expression, own
        return
    inner = (*axes, *bound_limits(expression))
    for argument in expression.args:
        yield from hoisted(argument, inner, scope)
