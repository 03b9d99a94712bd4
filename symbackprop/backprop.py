"""The reverse sweep: the adjoint of every quantity, by one chain rule over indexed equations.

Contract: for every consumer ``u[I] = f`` of ``v`` the sweep linearizes ``f`` (``df = Sum_B c dv[J]``), matches
``J = K`` for the wanted indices ``K``, and sums over the indices that are left. No network and no layer has a rule of
its own; what holds only inside a range carries its condition.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import sympy as sp

from symbackprop.errors import NetworkError
from symbackprop.functions import Indicator, local_derivative, row_of
from symbackprop.indexed import (
    Base,
    Indices,
    Limit,
    LogSumExp,
    MaxOver,
    Softmax,
    affine_coefficient,
    at_least_zero,
    base_of,
    bound_limits,
    canonical,
    free_indices,
    fresh,
    freshen,
    freshen_all,
    indices_of,
    nonnegative,
    rebuild,
    rename,
    sum_over,
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
    rules: tuple[str, ...] = ()
    """The rules of differentiation on the way to the place, from outside: ``power``, ``sigmoid``, ``sum`` ..."""


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
    rules: tuple[str, ...] = ()
    """The rules of differentiation that gave `local`."""

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
        live = self._live()
        for base, found in self._occurrences.items():
            self._occurrences[base] = [(e, occurrence) for e, occurrence in found if e.base in live]
        self._adjoints: dict[Base, Adjoint] = {}

    def _live(self) -> set[Base]:
        """What the loss depends on, with a derivative that is not 0 everywhere."""
        reads: dict[Base, set[Base]] = {}
        for base, found in self._occurrences.items():
            for equation, _ in found:
                reads.setdefault(equation.base, set()).add(base)
        live, new = set[Base](), {self.network.loss.base}
        while new:
            live |= new
            new = set[Base]().union(*(reads.get(base, ()) for base in new)) - live
        return live

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
                found.append(_scalar_contribution(consumer, occurrences, outer))
            else:
                found += [
                    self._along_single_axis(contribution(consumer, o, outer, quantity.axes), quantity)
                    for o in occurrences
                ]
        return Adjoint(quantity, symbol, tuple(found))

    def _along_single_axis(self, c: Contribution, quantity: Quantity) -> Contribution:
        """``A[1, s]`` as ``A[i, s]`` where i runs over an axis of size 1 of the quantity: the same entry."""
        single = [axis.index for axis in quantity.axes if axis.size == 1]
        if len(single) != 1:
            return c
        quantities = self.network.quantities

        def along(e: Any) -> Any:
            if isinstance(e, sp.Indexed) and e.base in quantities:
                axes = quantities[e.base].axes
                return e.base[
                    tuple(
                        single[0] if i == axis.low and axis.size == 1 else i
                        for i, axis in zip(e.indices, axes, strict=True)
                    )
                ]
            return rebuild(e, [along(a) for a in e.args]) if e.args else e

        return replace(c, local=tuple(along(f) for f in c.local))


def _scalar_contribution(consumer: Equation, occurrences: Sequence[Occurrence], outer: sp.Expr) -> Contribution:
    """The local derivative of a scalar by a scalar is one sum over all places where it stands."""
    if len(occurrences) == 1:
        return Contribution(consumer, (), outer, occurrences[0].factors, (), occurrences[0].rules)
    local = sp.Add(*(sp.Mul(*o.factors) for o in occurrences))
    return Contribution(consumer, (), outer, collapse((local,)), (), ("several", *occurrences[0].rules))


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
    return replace(
        equation,
        target=target,
        expression=rename(expression, names),
        ranges=tuple(limit.replace(names) for limit in equation.ranges),
    )


def contribution(consumer: Equation, occurrence: Occurrence, outer: sp.Expr, axes: Sequence[Limit]) -> Contribution:
    """Match one occurrence with the wanted indices (those of `axes`) and sum over what is left."""
    unknown = {limit.index: limit for limit in (*consumer.ranges, *occurrence.limits)}
    summation = {limit.index for limit in occurrence.limits}
    solved, conditions = match(occurrence.at, [axis.index for axis in axes], unknown, summation)
    left = tuple(limit.replace(solved) for index, limit in unknown.items() if index not in solved)
    known = {c.condition.rhs: c.condition.lhs for c in conditions if c.args and c.condition.rhs.is_Symbol}
    scope = tuple(limit if limit.index in known else limit.replace(known) for limit in (*axes, *left))
    for index, value in solved.items():
        low, high = unknown[index].low.xreplace(solved), unknown[index].high.xreplace(solved)
        conditions += [nonnegative(value - low, scope), nonnegative(high - value, scope)]
    conditions = [c for c in conditions if not _always(c, scope)]
    return Contribution(
        consumer,
        left,
        outer.xreplace(solved),
        tuple(rename(f, solved) for f in occurrence.factors),
        tuple(dict.fromkeys(c for c in conditions if c != 1)),
        occurrence.rules,
    )


def _always(condition: sp.Expr, scope: Sequence[Limit]) -> bool:
    """Is it an equation of indices that holds for all their values, as ``[1 = j]`` on an axis of size 1?"""
    if not (isinstance(condition, Indicator) and isinstance(condition.condition, sp.Eq)):
        return False
    difference = condition.condition.lhs - condition.condition.rhs
    return not difference.atoms(sp.Indexed) and at_least_zero(difference, scope) and at_least_zero(-difference, scope)


def linearize(expression: Any) -> Iterator[Occurrence]:
    """Collect every occurrence of every quantity in one walk.

    >>> x, y = sp.symbols("x y")
    >>> [(o.base, o.factors) for o in linearize(3 * x * y)]
    [(x, (3, y)), (y, (3, x))]
    """
    yield from _walk(expression, _Way((), (), ()))


class _Way(NamedTuple):
    """What stands around the place that the walk has reached."""

    limits: tuple[Limit, ...]
    factors: Factors
    rules: tuple[str, ...]

    def through(self, *factors: sp.Expr, rule: str | None = None, limits: tuple[Limit, ...] = ()) -> _Way:
        return _Way(self.limits + limits, (*self.factors, *factors), (*self.rules, rule) if rule else self.rules)


def _walk(node: Any, way: _Way) -> Iterator[Occurrence]:
    if isinstance(node, (sp.Symbol, sp.Indexed)):
        if not (isinstance(node, sp.Symbol) and node.is_Dummy):  # a bare index is no quantity
            yield Occurrence(base_of(node), indices_of(node), way.limits, collapse(way.factors), way.rules)
    elif not node.args or isinstance(node, Indicator):
        return
    elif isinstance(node, sp.Add):
        for term in node.args:
            yield from _walk(term, way)
    elif isinstance(node, sp.Mul):
        for n, arg in enumerate(node.args):
            if not arg.is_number:
                yield from _walk(arg, way.through(*node.args[:n], *node.args[n + 1 :]))
    elif isinstance(node, sp.Pow):
        yield from _walk_power(node, way)
    elif isinstance(node, sp.Sum):
        node = freshen(node)
        yield from _walk(node.function, way.through(rule="sum", limits=bound_limits(node)))
    elif isinstance(node, (Softmax, LogSumExp, MaxOver)):
        yield from _walk_reduction(freshen(node), way)
    elif isinstance(node, sp.Piecewise):
        others: Any = sp.true
        for value, condition in node.args:
            yield from _walk(value, way.through(Indicator(sp.And(others, condition)), rule="cases"))
            others = sp.And(others, sp.Not(condition))
    elif isinstance(node, sp.Function):
        row = row_of(node)
        for n, arg in enumerate(node.args):
            if not arg.is_number:
                yield from _walk(arg, way.through(*local_derivative(node, n), rule=row.because if row else "function"))
    else:
        raise NetworkError(
            f"symbackprop cannot differentiate {type(node).__name__}: {node}",
            hint="write it with sums, products, powers and named functions",
        )


def _walk_power(node: Any, way: _Way) -> Iterator[Occurrence]:
    base: Any
    exponent: Any
    base, exponent = node.args
    if not base.is_number:
        less = exponent - 1
        power = () if less == 0 else (base if less == 1 else sp.Pow(base, less),)
        rule = "power" if exponent.is_positive else "reciprocal"
        yield from _walk(base, way.through(exponent, *power, rule=rule))
    if not exponent.is_number:
        yield from _walk(exponent, way.through(node, sp.log(base), rule="exponential"))


def _walk_reduction(node: Any, way: _Way) -> Iterator[Occurrence]:
    """Softmax, log-sum-exp and maximum: each with its own differential."""
    limits = bound_limits(node)
    twin = freshen(node)
    if isinstance(node, Softmax):
        index, body = node.limit.index, node.args[1]
        yield from _walk(rename(body, {index: node.args[0]}), way.through(node, rule="softmax"))
        other = Softmax(index, *twin.args[1:])
        yield from _walk(body, way.through(sp.S.NegativeOne, node, other, rule="softmax", limits=limits))
    elif isinstance(node, LogSumExp):
        yield from _walk(
            node.args[0], way.through(Softmax(node.limit.index, *twin.args), rule="logsumexp", limits=limits)
        )
    else:
        gate = Indicator(sp.Eq(node.args[0], twin))
        yield from _walk(node.args[0], way.through(gate, rule="maximum", limits=limits))


def collapse(factors: Factors) -> Factors:
    """Multiply the numbers among ordered factors into one leading number; 1 is dropped."""
    number = sp.Mul(*(f for f in factors if f.is_Number))
    rest = tuple(f for f in factors if not f.is_Number)
    return rest if number == 1 else (number, *rest)


def match(
    at: Sequence[sp.Expr],
    wanted: Sequence[sp.Expr],
    unknown: Mapping[sp.Symbol, Limit],
    summation: set[sp.Symbol],
) -> tuple[dict[Any, Any], list[sp.Expr]]:
    """Solve ``at == wanted`` for unknown indices with coefficient 1 or -1; what is left becomes an indicator.

    A plain index is preferred, then a summation index over the consumer's own, whatever the order of the entries.
    """
    solved: dict[Any, Any] = {}
    pending = list(zip(at, wanted, strict=True))
    while True:
        choices = [
            (_preference(j, s, summation), n, s)
            for n, (j, _) in enumerate(pending)
            for s in free_indices(j) & unknown.keys() - solved.keys()
            if affine_coefficient(j, s) in (1, -1)
        ]
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
