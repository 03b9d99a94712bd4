"""Closed forms, derived: named rewriting rules applied in a fixed order, each a step with its reason.

Contract: `closed_form` returns an expression with the same value wherever the network's assumptions hold, never
larger than the one it was given, and the rules that were used. The rules: products are multiplied out where factors
cancel, sums are split and constants leave them, declared assumptions replace their left sides, common factors come
out in front. Nothing here knows a layer or a loss: softmax with cross-entropy gives ``P - Y`` by these rules alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from symbackprop.functions import Indicator
from symbackprop.indexed import (
    REDUCTIONS,
    Limit,
    bound_limits,
    canonical,
    evaluated,
    free_indices,
    match_indices,
    product,
)
from symbackprop.network import Assumption
from symbackprop.network.from_sympy import arrange

LARGEST = 60
"""Expressions of more operations than this are left as the chain rule gave them."""


@dataclass(frozen=True)
class ClosedForm:
    """An expression and the rules that led to it (none: it is as the chain rule gave it)."""

    expression: sp.Expr
    rules: tuple[str, ...] = ()
    assumptions: tuple[Assumption, ...] = ()
    intermediate: tuple[sp.Expr, ...] = ()
    """The expression after multiplying out, where that is a step of its own."""


def closed_form(expression: sp.Expr, assumptions: Sequence[Assumption] = ()) -> ClosedForm:
    """The smallest of: the expression as it is, multiplied out and collected, with assumptions put in.

    >>> a, y = sp.symbols("a y")
    >>> closed_form((-y / a + (1 - y) / (1 - a)) * a * (1 - a)).expression
    a - y
    """
    if not _can_shrink(expression) or sp.count_ops(expression) > LARGEST:
        return ClosedForm(expression)
    multiplied = canonical(_multiply_out(evaluated(expression)))
    replaced, used = _assume(multiplied, assumptions)
    collected = _collect(replaced)
    if weight(collected) >= weight(evaluated(expression)):
        return ClosedForm(expression)
    rules = ["cancel"] if weight(multiplied) < weight(expression) else ["expand"]
    if used:
        rules.append("assumption")
    steps = tuple(e for e in dict.fromkeys((arrange(multiplied),)) if used)
    return ClosedForm(arrange(collected), tuple(rules), used, steps)


def _can_shrink(expression: Any) -> bool:
    """Only sums, quotients, reductions and brackets give the rules something to do: plain products are left alone."""
    stack, top = [expression], True
    while stack:
        node = stack.pop()
        if isinstance(node, (*REDUCTIONS, Indicator)) or (isinstance(node, sp.Add) and top):
            return True
        if isinstance(node, sp.Pow) and node.exp.is_negative:
            return True
        top = False
        if not isinstance(node, sp.Indexed):
            stack.extend(node.args)
    return False


def weight(expression: Any) -> int:
    """How much there is to read: references, numbers and functions, a sum sign counted twice."""
    if not expression.args or isinstance(expression, sp.Indexed):
        return 0 if expression in (1, -1) else 1
    own = 2 if isinstance(expression, sp.Sum) else 1 if isinstance(expression, (sp.Function, Indicator)) else 0
    parts = expression.args[:1] if isinstance(expression, sp.Sum) else expression.args
    return own + sum(weight(a) for a in parts)


def _multiply_out(expression: Any) -> Any:
    """Distribute products over sums, split sums over an index, and let constants leave them."""
    if isinstance(expression, sp.Add):
        return sp.Add(*(_multiply_out(t) for t in expression.args))
    if isinstance(expression, sp.Sum):
        body = _multiply_out(expression.function)
        return sp.Add(*(_constants_out(t, bound_limits(expression)) for t in sp.Add.make_args(body)))
    if isinstance(expression, sp.Mul):
        factors = [_multiply_out(f) if isinstance(f, sp.Sum) else f for f in expression.args]
        return sp.Add(*(_at_label(t) for t in _distribute(sp.Mul(*factors))))
    return expression


def _distribute(term: Any) -> list[Any]:
    """The terms of a product multiplied out, sums of quotients first, so that their denominators cancel whole."""
    sums = [f for f in sp.Mul.make_args(term) if isinstance(f, sp.Add)]
    if not sums:
        return [term]
    chosen = next(
        (
            f
            for f in sums
            if any(isinstance(x, sp.Pow) and x.exp.is_negative for t in f.args for x in sp.Mul.make_args(t))
        ),
        sums[0],
    )
    others = [f for f in sp.Mul.make_args(term) if f is not chosen]
    return [each for t in chosen.args for each in _distribute(sp.Mul(t, *others))]


def _at_label(term: Any) -> Any:
    """``[y_s = k] P_k`` as ``[y_s = k] P_{y_s}``: an integer label settles the index wherever it stands."""
    for gate in sp.Mul.make_args(term):
        if isinstance(gate, Indicator) and isinstance(gate.condition, sp.Eq):
            label, index = (
                gate.condition.args if isinstance(gate.condition.lhs, sp.Indexed) else gate.condition.args[::-1]
            )
            if isinstance(label, sp.Indexed) and index.is_Symbol:
                rest = sp.Mul(*(f for f in sp.Mul.make_args(term) if f != gate))
                return gate * rest.xreplace({index: label})
    return term


def _constants_out(term: Any, limits: Sequence[Limit]) -> Any:
    """``Sum c x`` as ``c Sum x``, and ``Sum_k [y = k] x_k`` as ``x_y``; limits outermost first."""
    for limit in reversed(limits):
        factors = sp.Mul.make_args(term)
        picked = next(
            (
                f
                for f in factors
                if isinstance(f, Indicator)
                and isinstance(f.condition, sp.Eq)
                and limit.index in f.condition.args
                and f.condition.atoms(sp.Indexed)
            ),
            None,
        )
        if picked is not None:
            label = next(a for a in picked.condition.args if a != limit.index)
            term = sp.Mul(*(f for f in factors if f != picked)).xreplace({limit.index: label})
            continue
        inside = [f for f in factors if limit.index in free_indices(f)]
        outside = [f for f in factors if limit.index not in free_indices(f)]
        summed = sp.Sum(sp.Mul(*inside), tuple(limit)) if inside else limit.size
        term = sp.Mul(*outside, summed)
    return term


def _assume(expression: Any, assumptions: Sequence[Assumption]) -> tuple[Any, tuple[Assumption, ...]]:
    """Replace the left sides of assumed equations, at whatever free indices they stand."""
    used: dict[int, Assumption] = {}

    def replace(e: Any) -> Any:
        if not e.args or isinstance(e, sp.Indexed):
            return e
        for number, assumption in enumerate(assumptions):
            if assumption.relation == "=" and (found := _instance(assumption, e)) is not None:
                used[number] = assumption
                return found
        return e.func(*(replace(a) for a in e.args))

    result = replace(expression)
    return (result, tuple(used.values())) if used else (expression, ())


def _instance(assumption: Assumption, expression: Any) -> Any:
    """The right side, where the expression is the left side at some indices; else None."""
    if expression.func != assumption.left.func:
        return None
    wild: set[Any] = {limit.index for limit in assumption.ranges}
    found = match_indices(canonical(assumption.left), canonical(expression), wild)
    return None if found is None else assumption.right.xreplace(found)


def _collect(expression: Any) -> Any:
    """Equal terms merged, common factors in front, if that is shorter."""
    terms = sp.Add.make_args(expression)
    if len(terms) < 2:
        return expression
    common: Counter[Any] | None = None
    for term in terms:
        factors = Counter(f for f in sp.Mul.make_args(term) if not f.is_Number)
        common = factors if common is None else common & factors
    numbers = {abs(t.as_coeff_Mul()[0]) for t in terms}
    shared = list(common.elements()) if common else []
    front = numbers.pop() if len(numbers) == 1 else sp.S.One
    if not shared and front == 1:
        return expression
    divisor = sp.Mul(front, *shared)
    inner = sp.Add(*(t / divisor for t in terms))
    return product([front, *shared, inner])
