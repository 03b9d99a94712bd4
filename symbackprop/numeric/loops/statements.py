"""What one update of the parameters computes, specialised to the sizes of the data: named arrays and their trees.

Contract: `specialised(plan, sizes, stacked)` are the forward pass, the cost and the gradients of one batch as
`Statement`s with numbers for sizes. Where a network has no sample axis and the data have one, every quantity that
depends on the data gets one more index in front, and cost and gradients become means over it. The learning rate can be
folded into the loss's adjoint: by linearity it reaches every gradient.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from symbackprop.indexed import Base, Limit, base_of, fresh, freshen_all, rebuild, rename, sum_over
from symbackprop.network.ranges import base_uses
from symbackprop.numeric.arrays import lower
from symbackprop.numeric.loops.steps import Statement
from symbackprop.numeric.plan import Assignment, Plan

RATE = sp.Dummy("rate", real=True, positive=True)
"""The learning rate, where it is folded into the gradients."""


@dataclass(frozen=True)
class Update:
    """One batch: what is computed, where its cost stands, and the gradient of every parameter.

    Attributes:
        statements: in order; `forward` of them come before the first adjoint.
        arguments: the arrays of the program's arguments, in its order.
        gradients: parameter -> its gradient, times the learning rate if that is folded in.
        storage: the ranges of the dimensions of every array.
        names: array -> Python name.
    """

    statements: tuple[Statement, ...]
    cost: Base
    arguments: tuple[Base, ...]
    gradients: Mapping[Base, Base]
    storage: Mapping[Base, tuple[Limit, ...]]
    names: Mapping[Base, str]
    labels: frozenset[Base]


def specialised(plan: Plan, sizes: Mapping[Any, int], stacked: Mapping[Base, int], fold_rate: bool) -> Update:
    """The statements of one batch.

    Args:
        plan: the program.
        sizes: size symbol -> number.
        stacked: arguments that have a sample axis in front that the network does not know, and its length.
        fold_rate: multiply every gradient by `RATE`.
    """
    numbers = {size: sp.Integer(n) for size, n in sizes.items()}
    stack = _Stack(plan, stacked)
    statements: list[Statement] = []
    storage = {base: _sized(axes, numbers) for base, axes in plan.axes.items()}
    labels = frozenset(plan.network.labels)
    scaled = {a.target for a in plan.assignments if a.section != "forward"}
    for assignment in plan.assignments:
        expression, axes = assignment.expression, assignment.axes
        if fold_rate and assignment.section != "forward":
            expression = _with_rate(expression, scaled)
        expression, axes = _fresh(rename(freshen_all(expression), numbers), _sized(axes, numbers))
        target, expression, axes = stack(assignment, expression, axes)
        statements.append(Statement(target, axes, lower(expression, axes, labels)))
        storage[target] = axes
    storage |= stack.storage(storage)
    cost = stack.renamed(plan.loss)
    if storage[cost]:
        cost, statement = stack.mean_cost(cost, storage[cost])
        place = next(n for n, s in enumerate(statements) if s.target == stack.renamed(plan.loss)) + 1
        statements.insert(place, statement)
        storage[cost] = ()
    parameters = {plan.network.find(plain).base: base for plain, base in plan.gradients.items()}
    names = {stack.renamed(base): name for base, name in plan.identifiers.items()}
    return Update(
        tuple(statements),
        cost,
        tuple(stack.renamed(q.base) for q in plan.arguments),
        parameters,
        storage,
        names | {cost: plan.identifiers[plan.loss] if cost in names else f"mean_{plan.identifiers[plan.loss]}"},
        labels,
    )


def _sized(axes: Sequence[Limit], numbers: Mapping[Any, Any]) -> tuple[Limit, ...]:
    return tuple(Limit(a.index, *(sp.sympify(b).xreplace(numbers) for b in a[1:])) for a in axes)


def _fresh(expression: Any, axes: Sequence[Limit]) -> tuple[Any, tuple[Limit, ...]]:
    """The same with free indices that occur nowhere else."""
    names = {limit.index: fresh(limit.index) for limit in axes}
    return rename(expression, names), tuple(limit.replace(names) for limit in axes)


def _with_rate(expression: Any, scaled: Collection[Base]) -> Any:
    """The expression times the rate, given that the adjoints in it carry the rate already."""
    terms = sp.Add.make_args(expression)
    parts = [t if _reads(t, scaled) else sp.Mul(RATE, t, evaluate=False) for t in terms]
    return parts[0] if len(parts) == 1 else sp.Add(*parts, evaluate=False)


def is_linear(plan: Plan) -> bool:
    """Is every summand of every adjoint free of adjoints, or a multiple of one? Then the rate can be folded in."""
    scaled = {a.target for a in plan.assignments if a.section != "forward"}
    terms = [t for a in plan.assignments if a.section != "forward" for t in sp.Add.make_args(a.expression)]
    return all(not _reads(t, scaled) or _is_multiple(t, scaled) for t in terms)


def _is_multiple(term: Any, scaled: Collection[Base]) -> bool:
    """Is the term zero where the adjoints are zero?"""
    if isinstance(term, (sp.Symbol, sp.Indexed)):
        return base_of(term) in scaled
    if isinstance(term, sp.Mul):
        return any(_is_multiple(f, scaled) for f in term.args)
    if isinstance(term, sp.Add):
        return all(_is_multiple(t, scaled) for t in term.args)
    return isinstance(term, sp.Sum) and _is_multiple(term.function, scaled)


def _reads(expression: Any, bases: Collection[Base]) -> bool:
    return not set(base_uses(expression)).isdisjoint(bases)


class _Stack:
    """One more index, in front, for everything that depends on stacked data."""

    def __init__(self, plan: Plan, stacked: Mapping[Base, int]) -> None:
        self.count = max(stacked.values(), default=0)
        self._limit = Limit(sp.Dummy("s", integer=True), sp.S.One, sp.Integer(self.count))
        self._names: dict[Base, sp.IndexedBase] = {}
        if not stacked:
            return
        self._names = {base: sp.IndexedBase(sp.Dummy(str(base))) for base in stacked}
        for a in plan.assignments:
            if a.section == "backward" or (a.section == "forward" and _reads(a.expression, self._names)):
                self._names[a.target] = sp.IndexedBase(sp.Dummy(str(a.target)))

    def renamed(self, base: Base) -> Base:
        """The array that stands for a quantity."""
        return self._names.get(base, base)

    def storage(self, known: Mapping[Base, tuple[Limit, ...]]) -> dict[Base, tuple[Limit, ...]]:
        """The dimensions of stacked arguments."""
        return {new: (self._limit, *known[old]) for old, new in self._names.items() if new not in known}

    def __call__(
        self, assignment: Assignment, expression: Any, axes: tuple[Limit, ...]
    ) -> tuple[Base, Any, tuple[Limit, ...]]:
        """A statement of all samples."""
        if not self._names:
            return assignment.target, expression, axes
        (limit,) = _fresh(sp.S.Zero, [self._limit])[1]
        expression = self._indexed(expression, limit.index)
        if assignment.section == "gradients":
            mean = sum_over((sp.Rational(1, self.count), *sp.Mul.make_args(expression)), [limit])
            return assignment.target, mean, axes
        if assignment.target not in self._names:
            return assignment.target, expression, axes
        return self._names[assignment.target], expression, (limit, *axes)

    def mean_cost(self, loss: Base, axes: Sequence[Limit]) -> tuple[Base, Statement]:
        """The mean of the loss over the samples."""
        mean = sp.Rational(1, self.count) * sp.Sum(loss[axes[0].index], tuple(axes[0]))  # type: ignore[index]
        cost = sp.Dummy("cost", real=True)
        return cost, Statement(cost, (), lower(freshen_all(mean), ()))

    def _indexed(self, e: Any, s: sp.Symbol) -> Any:
        if isinstance(e, (sp.Symbol, sp.Indexed)):
            base = base_of(e)
            at = tuple(self._indexed(i, s) for i in e.indices) if isinstance(e, sp.Indexed) else ()
            if base in self._names:
                return self._names[base][(s, *at)]
            return e.base[at] if at else e  # type: ignore[union-attr]
        return rebuild(e, [self._indexed(a, s) for a in e.args]) if e.args else e
