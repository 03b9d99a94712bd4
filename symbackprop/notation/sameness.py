"""Are two expressions different? Decided by numbers, where numbers can decide.

Contract: `differ` is True only where the values are finite and unequal at several points; sums over symbolic ranges
and functions without a formula are never called different.
"""

from __future__ import annotations

import random
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

from symbackprop.functions import Indicator, maximum, minimum, row_of
from symbackprop.indexed import REDUCTIONS, canonical

POINTS = 3


_EXTREMES: dict[Any, Any] = {maximum: sp.Max, minimum: sp.Min}


def differ(first: Any, second: Any) -> bool:
    """Do two expressions have different values at random points?

    >>> x = sp.Symbol("x")
    >>> differ(x * (x + 1), x**2 + x), differ(x, -x)
    (False, True)
    """
    if canonical(first) == canonical(second) or any(
        e.has(*REDUCTIONS, AppliedUndef, Indicator) for e in (first, second)
    ):
        return False
    first, second = _explicit(first), _explicit(second)
    atoms = sorted(_leaves(first) | _leaves(second), key=sp.default_sort_key)
    draw = random.Random(0)
    verdicts: list[bool] = []
    for _ in range(POINTS):
        point = {a: sp.Rational(draw.randint(5, 90), 97) for a in atoms}
        values = [sp.N(e.xreplace(point)) for e in (first, second)]
        if not all(v.is_number and v.is_finite for v in values):
            continue
        a, b = map(complex, values)
        verdicts.append(abs(a - b) > 1e-9 * max(1.0, abs(a), abs(b)))
    return bool(verdicts) and all(verdicts)


def _leaves(e: Any) -> set[Any]:
    if isinstance(e, (sp.Indexed, sp.Symbol)):
        return {e}
    return set[Any]().union(*(_leaves(a) for a in e.args))


def _explicit(e: Any) -> Any:
    """Our own functions by their textbook formulas."""
    if not e.args or isinstance(e, sp.Indexed):
        return e
    args = [_explicit(a) for a in e.args]
    if e.func in _EXTREMES:
        return _EXTREMES[e.func](*args)
    row = row_of(e)
    return row.definition(*args) if row is not None and row.definition is not None else e.func(*args)
