"""Conditions on indices: the Iverson brackets that say where a term exists, not what the data are.

Contract: `index_conditions` tells them from conditions on data; `decided` takes out those that always hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sympy as sp
from sympy.core.relational import Relational

from symbackprop.functions import Indicator
from symbackprop.indexed import (
    Limit,
    LogSumExp,
    Softmax,
    affine_coefficient,
    at_least_zero,
    bound_limits,
    free_indices,
    largest_value,
    rebuild,
    rename,
    smallest_value,
)


def index_conditions(factor: Any) -> list[Any]:
    """The conditions of an indicator that speaks of indices and sizes only, not of data; [] for anything else."""
    if not isinstance(factor, Indicator) or not all(s.is_integer for s in factor.free_symbols):
        return []
    condition = factor.condition
    found = condition.args if isinstance(condition, sp.And) else (condition,)
    known = all(isinstance(c, Relational) and not isinstance(c, sp.Ne) for c in found)
    return list(found) if known else []


def decided(expression: Any, scope: Iterable[Limit]) -> Any:
    """The expression without the conditions that hold for all values of the indices in scope."""
    if not expression.has(Indicator):
        return expression
    if isinstance(expression, Indicator):
        found = index_conditions(expression)
        left = [c for c in found if not holds(c, tuple(scope))]
        return expression if len(left) == len(found) else Indicator(sp.And(*left))
    inner = (*scope, *bound_limits(expression))
    args = [decided(a, inner) for a in expression.args]
    return expression if args == list(expression.args) else _without_ones(expression, args)


def rectangular(expression: Any, axes: Sequence[Limit]) -> Any:
    """Sums whose range depends on an index of an array, over all of the range that it can have, with a condition.

    >>> t, u, T = sp.symbols("t u T", integer=True)
    >>> x = sp.IndexedBase("x")
    >>> rectangular(sp.Sum(x[u], (u, 1, t)), [Limit(t, sp.S(1), T)])
    Sum(x[u]*[t - u >= 0], (u, 1, T))
    """
    limits = bound_limits(expression)
    if not expression.args or isinstance(expression, sp.Indexed):
        return expression
    inner = (*axes, *limits)
    args = [rectangular(a, inner) if isinstance(a, sp.Expr) else a for a in expression.args]
    own = {limit.index for limit in axes}
    wide = [_widest(limit, axes) for limit in limits]
    conditions = [
        sp.Ge(sp.expand(side), 0)
        for (index, low, high), widest in zip(limits, wide, strict=True)
        for side, bound in ((index - low, low), (high - index, high))
        if widest is not None and free_indices(bound) & own
    ]
    if not conditions:
        return expression if args == list(expression.args) else rebuild(expression, args)
    ranges = [tuple(w or limit) for w, limit in zip(wide, limits, strict=True)]
    body = args[1] if isinstance(expression, Softmax) else args[0]
    if isinstance(expression, sp.Sum):
        return sp.Sum(sp.Mul(*(Indicator(c) for c in conditions), body, evaluate=False), *reversed(ranges))
    masked = sp.Piecewise((body, sp.And(*conditions)), (sp.S.NegativeInfinity, True))
    if isinstance(expression, Softmax):  # its own entry may stand outside of the range
        return sp.exp(rename(body, {limits[0].index: args[0]}) - LogSumExp(masked, ranges[0]))
    return expression.func(masked, *ranges)


def _widest(limit: Limit, axes: Sequence[Limit]) -> Limit | None:
    """The limit with the least low and the greatest high that it takes, or None where that cannot be told."""
    low, high = smallest_value(limit.low, axes), largest_value(limit.high, axes)
    return None if low is None or high is None else Limit(limit.index, low, high)


def _without_ones(node: Any, args: list[Any]) -> Any:
    if not isinstance(node, sp.Mul):
        return rebuild(node, args)
    left = [a for a in args if a != 1]
    return sp.Mul(*left, evaluate=False) if len(left) > 1 else left[0] if left else sp.S.One


def holds(condition: Any, scope: Sequence[Limit]) -> bool:
    """Is an inequality proven for all values of the indices in scope?"""
    return not isinstance(condition, sp.Eq) and at_least_zero(nonnegative_side(condition), scope)


def nonnegative_side(condition: Any) -> Any:
    """The affine expression of which an inequality of whole numbers says that it is at least 0."""
    if isinstance(condition, (sp.Le, sp.Lt)):
        difference = condition.rhs - condition.lhs
    else:
        difference = condition.lhs - condition.rhs
    return sp.expand(difference - int(isinstance(condition, (sp.Lt, sp.Gt))))


def solved(condition: Any, index: Any) -> Any:
    """An inequality of whole numbers with an index alone on its left, as a person writes it: ``t < T``.

    >>> t, T = sp.symbols("t T", integer=True)
    >>> solved(sp.Ge(T - t - 1, 0), t), solved(sp.Ge(t - 2, 0), t)
    (t < T, t >= 2)
    """
    if isinstance(condition, sp.Eq):
        left, right = condition.args
        return sp.Eq(index, left, evaluate=False) if right == index else condition
    side = nonnegative_side(condition)
    coefficient = affine_coefficient(side, index)
    if coefficient == 1:
        return sp.Ge(index, sp.expand(index - side), evaluate=False)
    if coefficient == -1:
        return sp.Lt(index, sp.expand(index + side + 1), evaluate=False)
    return condition
