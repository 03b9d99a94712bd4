"""Conditions on indices: the Iverson brackets that say where a term exists, not what the data are.

Contract: `index_conditions` tells them from conditions on data; `decided` takes out those that always hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sympy as sp
from sympy.core.relational import Relational

from symbackprop.functions import Indicator
from symbackprop.indexed import Limit, affine_coefficient, at_least_zero, bound_limits, rebuild


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
