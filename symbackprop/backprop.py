"""The reverse sweep: the adjoint of every quantity, by one chain rule over indexed equations.

Contract: for every consumer ``u[I] = f`` of ``v`` the sweep linearizes ``f`` (``df = Sum_B c dv[J]``), matches
``J = K`` for the wanted indices ``K``, and sums over the indices that are left. No network and no layer has a rule of
its own; what holds only inside a range carries its condition.
"""
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import sympy as sp

from symbackprop.errors import NetworkError
from symbackprop.functions import Indicator, local_derivative
from symbackprop.indexed import (
    Base, Indices, Limit, LogSumExp, MaxOver, Softmax, affine_coefficient, base_of, bound_limits, canonical,
    free_indices, fresh, freshen, freshen_all, indices_of, nonnegative, rename, sum_over,
)
from symbackprop.network import Equation, Network, Quantity

Factors = tuple[sp.Expr, ...]


@dataclass(frozen=True)
class Occurrence:
    """One place where a quantity stands in a right side: ``df = Sum_limits Mul(factors) * d base[at]``."""

    base: Base
    at: Indices
    limits: tuple[Limit, ...]
    factors: Factors


@dataclass(frozen=True)
class Contribution:
    """What one consumer passes back: ``Sum_limits adjoint * local * conditions``."""

    consumer: Equation
    limits: tuple[Limit, ...]
    adjoint: sp.Expr
    """The consumer's adjoint at the matched indices; 1 for the loss."""
    local: Factors
    """The local derivative of the consumer, as factors in the order a human writes."""
    conditions: Factors
    """Indicators of the index values for which the contribution exists (none where they are implied)."""

    @cached_property
    def expression(self) -> sp.Expr:
        """The contribution as one scalar expression, bound indices in canonical form."""
        product = (self.adjoint, *self.local, *self.conditions)
        return canonical(sum_over(product, self.limits)) if self.limits else sp.Mul(*product)


@dataclass(frozen=True)
class Adjoint:
    """The derivative of the loss with respect to one quantity, as an equation ``symbol = expression``."""

    quantity: Quantity
    symbol: sp.Symbol | sp.Indexed
    contributions: tuple[Contribution, ...]

    @cached_property
    def expression(self) -> sp.Expr:
        """The sum of what the consumers pass back (1 for the loss itself)."""
        return sp.Add(*(c.expression for c in self.contributions))


class ReverseSweep:
    """The adjoints of a network; each is computed when it is asked for, from one pass over the equations."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self._occurrences: dict[Base, list[tuple[Equation, Occurrence]]] = {}
        for equation in network.equations:
            own = _with_fresh_indices(equation)
            for occurrence in linearize(own.expression):
                self._occurrences.setdefault(occurrence.base, []).append((own, occurrence))
        self._adjoints: dict[Base, Adjoint] = {}

    def adjoint_symbol(self, quantity: Quantity, at: Indices) -> sp.Symbol | sp.Indexed:
        """The name of an adjoint: ``∂E/∂z``; no author's name contains ``∂``."""
        name = f"∂{self.network.names[self.network.loss.base].plain}/∂{quantity.name.plain}"
        return sp.IndexedBase(name)[at] if at else sp.Symbol(name)

    def __getitem__(self, base: Base) -> Adjoint:
        """The adjoint of a quantity."""
        if base not in self._adjoints:
            self._adjoints[base] = self._sum_over_consumers(self.network.quantities[base])
        return self._adjoints[base]

    def _sum_over_consumers(self, quantity: Quantity) -> Adjoint:
        wanted = tuple(axis.index for axis in quantity.axes)
        symbol = self.adjoint_symbol(quantity, wanted)
        found: list[Contribution] = []
        for consumer, occurrences in _by_consumer(self._occurrences.get(quantity.base, ())):
            if consumer.base == self.network.loss.base:
                outer: sp.Expr = sp.S.One
            else:
                outer = self.adjoint_symbol(self.network.quantities[consumer.base], consumer.at)
            if not quantity.axes and not any(o.limits for o in occurrences) and not consumer.ranges:
                local = occurrences[0].factors if len(occurrences) == 1 else (
                    sp.Add(*(sp.Mul(*o.factors) for o in occurrences)),)
                found.append(Contribution(consumer, (), outer, local, ()))
            else:
                found += [contribution(consumer, o, outer, quantity.axes) for o in occurrences]
        return Adjoint(quantity, symbol, tuple(found))


def _by_consumer(pairs: Sequence[tuple[Equation, Occurrence]]) -> Iterator[tuple[Equation, list[Occurrence]]]:
    grouped: dict[int, tuple[Equation, list[Occurrence]]] = {}
    for equation, occurrence in pairs:
        grouped.setdefault(id(equation), (equation, []))[1].append(occurrence)
    return iter(grouped.values())


def _with_fresh_indices(equation: Equation) -> Equation:
    """The equation with indices, on the left and bound, that occur nowhere else."""
    expression = freshen_all(equation.expression)
    if not equation.ranges:
        return replace(equation, expression=expression)
    names = {limit.index: fresh(limit.index) for limit in equation.ranges}
    target = equation.base[tuple(i.xreplace(names) for i in equation.at)]
    return replace(equation, target=target, expression=rename(expression, names),
                   ranges=tuple(limit.replace(names) for limit in equation.ranges))


def contribution(consumer: Equation, occurrence: Occurrence, outer: sp.Expr, axes: Sequence[Limit]) -> Contribution:
    """Match one occurrence with the wanted indices (those of `axes`) and sum over what is left."""
    unknown = {limit.index: limit for limit in (*consumer.ranges, *occurrence.limits)}
    summation = {limit.index for limit in occurrence.limits}
    solved, conditions = match(occurrence.at, [axis.index for axis in axes], unknown, summation)
    left = tuple(limit.replace(solved) for index, limit in unknown.items() if index not in solved)
    scope = (*axes, *left)
    for index, value in solved.items():
        low, high = unknown[index].low.xreplace(solved), unknown[index].high.xreplace(solved)
        conditions += [nonnegative(value - low, scope), nonnegative(high - value, scope)]
    return Contribution(
        consumer, left, outer.xreplace(solved), tuple(rename(f, solved) for f in occurrence.factors),
        tuple(dict.fromkeys(c for c in conditions if c != 1)))


def linearize(expression: Any) -> Iterator[Occurrence]:
    """Collect every occurrence of every quantity in one walk.

    >>> x, y = sp.symbols("x y")
    >>> [(o.base, o.factors) for o in linearize(3 * x * y)]
    [(x, (3, y)), (y, (3, x))]
    """
    yield from _walk(expression, (), ())


def _walk(node: Any, limits: tuple[Limit, ...], factors: Factors) -> Iterator[Occurrence]:
    if isinstance(node, (sp.Symbol, sp.Indexed)):
        if not (isinstance(node, sp.Symbol) and node.is_integer and node.is_Dummy):
            yield Occurrence(base_of(node), indices_of(node), limits, collapse(factors))
    elif not node.args or isinstance(node, Indicator):
        return
    elif isinstance(node, sp.Add):
        for term in node.args:
            yield from _walk(term, limits, factors)
    elif isinstance(node, sp.Mul):
        for n, arg in enumerate(node.args):
            if not arg.is_number:
                yield from _walk(arg, limits, (*factors, *node.args[:n], *node.args[n + 1:]))
    elif isinstance(node, sp.Pow):
        yield from _walk_power(node, limits, factors)
    elif isinstance(node, sp.Sum):
        node = freshen(node)
        yield from _walk(node.function, limits + bound_limits(node), factors)
    elif isinstance(node, (Softmax, LogSumExp, MaxOver)):
        yield from _walk_reduction(freshen(node), limits, factors)
    elif isinstance(node, sp.Piecewise):
        others: Any = sp.true
        for value, condition in node.args:
            gate = Indicator(sp.And(others, condition))
            yield from _walk(value, limits, (*factors, gate))
            others = sp.And(others, sp.Not(condition))
    elif isinstance(node, sp.Function):
        for n, arg in enumerate(node.args):
            if not arg.is_number:
                yield from _walk(arg, limits, (*factors, *local_derivative(node, n)))
    else:
        raise NetworkError(f"symbackprop cannot differentiate {type(node).__name__}: {node}",
                           hint="write it with sums, products, powers and named functions")


def _walk_power(node: Any, limits: tuple[Limit, ...], factors: Factors) -> Iterator[Occurrence]:
    base, exponent = node.args
    if not base.is_number:
        power = (base,) if exponent == 2 else () if exponent == 1 else (sp.Pow(base, exponent - 1),)
        yield from _walk(base, limits, (*factors, exponent, *power))
    if not exponent.is_number:
        yield from _walk(exponent, limits, (*factors, node, sp.log(base)))


def _walk_reduction(node: Any, limits: tuple[Limit, ...], factors: Factors) -> Iterator[Occurrence]:
    """Softmax, log-sum-exp and maximum: each with its own differential."""
    body = node.args[1] if isinstance(node, Softmax) else node.args[0]
    inner = limits + bound_limits(node)
    if isinstance(node, Softmax):
        index = node.limit.index
        yield from _walk(rename(body, {index: node.args[0]}), limits, (*factors, node))
        twin = freshen(node)
        yield from _walk(body, inner, (*factors, sp.S.NegativeOne, node, Softmax(index, *twin.args[1:])))
    elif isinstance(node, LogSumExp):
        twin = freshen(node)
        yield from _walk(body, inner, (*factors, Softmax(node.limit.index, *twin.args)))
    else:
        yield from _walk(body, inner, (*factors, Indicator(sp.Eq(body, freshen(node)))))


def collapse(factors: Factors) -> Factors:
    """Multiply the numbers among ordered factors into one leading number; 1 is dropped."""
    number = sp.Mul(*(f for f in factors if f.is_Number))
    rest = tuple(f for f in factors if not f.is_Number)
    return rest if number == 1 else (number, *rest)


def match(at: Sequence[sp.Expr], wanted: Sequence[sp.Expr], unknown: Mapping[sp.Symbol, Limit],
          summation: set[sp.Symbol]) -> tuple[dict[Any, Any], list[sp.Expr]]:
    """Solve ``at == wanted`` for unknown indices with coefficient 1 or -1; what is left becomes an indicator.

    A plain index is preferred, then a summation index over the consumer's own, whatever the order of the entries.
    """
    solved: dict[Any, Any] = {}
    pending = list(zip(at, wanted, strict=True))
    while True:
        choices = [(_preference(j, s, summation), n, s) for n, (j, _) in enumerate(pending)
                   for s in free_indices(j) & unknown.keys() - solved.keys()
                   if affine_coefficient(j, s) in (1, -1)]
        if not choices:
            break
        _, n, symbol = min(choices, key=lambda c: (c[0], c[1], c[2].name))
        left, right = pending.pop(n)
        coefficient = affine_coefficient(left, symbol)
        value = sp.expand((right - left + coefficient * symbol) * coefficient)
        solved = {s: sp.expand(v.xreplace({symbol: value})) for s, v in solved.items()} | {symbol: value}
        pending = [(j.xreplace({symbol: value}), k) for j, k in pending]
    return solved, [Indicator(sp.Eq(j, k)) for j, k in pending]


def _preference(index: sp.Expr, symbol: sp.Symbol, summation: set[sp.Symbol]) -> tuple[bool, bool]:
    return index != symbol, symbol not in summation
