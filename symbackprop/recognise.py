"""Textbook formulas that have a name: ``1/(1+exp(-z))`` is read as ``sigmoid(z)``.

Contract: `recognise` returns the same expression, in its written order, with explicit formulas of sigmoid, tanh and
softmax replaced by the functions that know their derivative and their stable NumPy body.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sympy as sp

from symbackprop.functions import sigmoid
from symbackprop.indexed import Limit, Softmax, evaluated, match_indices, product, rebuild

Factors = Sequence[Any]


def recognise(expression: Any) -> Any:
    """Replace explicit formulas by the named function, wherever they stand.

    >>> z, k, q, n = sp.symbols("z k q n"); v = sp.IndexedBase("v")
    >>> recognise(1 / (1 + sp.exp(-z)))
    sigmoid(z)
    >>> type(recognise(sp.exp(v[k]) / sp.Sum(sp.exp(v[q]), (q, 1, n)))).__name__
    'Softmax'
    """
    if not expression.has(sp.exp):
        return expression
    args = [recognise(a) for a in expression.args]
    changed = expression if args == list(expression.args) else rebuild(expression, args)
    if not isinstance(changed, (sp.Mul, sp.Pow)):
        return changed
    factors = sp.Mul.make_args(changed)
    for formula in FORMULAS:
        for below in factors:
            if not (isinstance(below, sp.Pow) and below.exp == -1):
                continue
            for above in (*(f for f in factors if f is not below), sp.S.One):
                found = formula(above, below.base)
                if found is not None:
                    return product([found if f is below else f for f in factors if f is not above])
    return changed


def _sigmoid(above: Any, below: Any) -> Any:
    """``1 / (1 + exp(-z))`` and ``exp(z) / (1 + exp(z))``."""
    terms = sp.Add.make_args(below)
    other: Any = next((t for t in terms if t != 1), None)
    if len(terms) != 2 or sp.S.One not in terms:
        return None
    if not isinstance(other, sp.exp):
        return None
    argument = evaluated(other.args[0])
    if above == 1 and argument.could_extract_minus_sign():
        return sigmoid(_minus(other.args[0]))
    return sigmoid(other.args[0]) if above == other else None


def _tanh(above: Any, below: Any) -> Any:
    """``(exp(z) - exp(-z)) / (exp(z) + exp(-z))``."""
    down = [t for t in sp.Add.make_args(below) if isinstance(t, sp.exp)]
    if len(down) != 2 or len(sp.Add.make_args(below)) != 2 or evaluated(down[0].args[0] + down[1].args[0]) != 0:
        return None
    positive = min(down, key=lambda t: evaluated(t.args[0]).could_extract_minus_sign())
    negative = down[1 - down.index(positive)]
    return sp.tanh(positive.args[0]) if evaluated(above - positive + negative) == 0 else None


def _softmax(above: Any, below: Any) -> Any:
    """``exp(z_k) / Sum_q exp(z_q)``."""
    if not (isinstance(below, sp.Sum) and len(below.limits) == 1 and isinstance(below.function, sp.exp)):
        return None
    limit, body = Limit(*below.limits[0]), below.function.args[0]
    found = match_indices(body, above.args[0], {limit.index}) if isinstance(above, sp.exp) else None
    return None if found is None or limit.index not in found else Softmax(found[limit.index], body, limit)


def _minus(e: Any) -> Any:
    factors = list(sp.Mul.make_args(e))
    if sp.S.NegativeOne in factors:
        factors.remove(sp.S.NegativeOne)
        return product(factors)
    return evaluated(-e)


FORMULAS: tuple[Callable[[Any, Any], Any], ...] = (_sigmoid, _tanh, _softmax)
"""Each takes a numerator (1 for none) and a denominator, and returns the function or None."""
