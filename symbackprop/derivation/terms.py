"""Small operations on terms: sums in order, other indices, decided conditions, a factor m.

Contract: pure functions; the written order of sums and products is kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sympy as sp

from symbackprop.derivation.records import Factors, Term
from symbackprop.functions import Indicator
from symbackprop.indexed import canonical, freshen_limits, indices_of, product, rename
from symbackprop.network import Quantity


def ordered_sum(terms: Sequence[sp.Expr]) -> sp.Expr:
    """A sum that keeps its terms in order, unless equal terms merge."""
    if len(terms) < 2:
        return terms[0] if terms else sp.S.Zero
    evaluated = sp.Add(*(canonical(t) for t in terms))
    return sp.Add(*terms, evaluate=False) if len(evaluated.args) >= len(terms) else evaluated


def decided(expression: Any, values: Mapping[Any, Any]) -> Any:
    """The expression with indicators decided: terms with 0 go, factors 1 go, the order stays."""
    if expression in values:
        return values[expression]
    if not expression.args or isinstance(expression, (sp.Indexed, Indicator)):
        return expression
    args = [decided(a, values) for a in expression.args]
    if isinstance(expression, sp.Add):
        return ordered_sum([a for a in args if a != 0])
    if isinstance(expression, sp.Mul):
        return product(args)
    return expression.func(*args)


def on_sizes(indicator: Indicator) -> bool:
    """Is it ``[n - 1 >= 0]``, a condition on sizes alone?"""
    condition = indicator.condition
    return isinstance(condition, sp.Ge) and condition.rhs == 0 and not condition.lhs.atoms(sp.Indexed)


def at_indices(term: Term, quantity: Quantity, reference: Any) -> Term:
    """A term of a quantity's adjoint at other indices, with its own bound indices made fresh."""
    if not quantity.axes:
        return term
    limits, names = freshen_limits(term.limits)
    names |= dict(zip((axis.index for axis in quantity.axes), indices_of(reference), strict=True))
    return Term(tuple(limit.replace(names) for limit in limits), tuple(rename(f, names) for f in term.factors))


def scaled(factors: Factors, scale: Any) -> Factors:
    """The factors times m or 1/m; where the inverse stands among them, both go."""
    flat = [f for factor in factors for f in (factor.args if isinstance(factor, sp.Mul) else (factor,))]
    inverse = 1 / scale
    if inverse in flat:
        flat.remove(inverse)
        return tuple(flat)
    return (scale, *factors)
