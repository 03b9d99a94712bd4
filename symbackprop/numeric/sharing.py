"""Exponentials that a program needs twice, once: softmax and log-sum-exp of the same array share theirs.

Contract: `with_shared_exponentials(plan)` gives a plan with the same results; where both functions of an array occur,
its largest entry, the exponentials above it and their sum become named lines of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sympy as sp

from symbackprop.indexed import Base, Limit, LogSumExp, MaxOver, Softmax, bound_limits, fresh, rebuild
from symbackprop.names import identifier
from symbackprop.numeric.plan import Assignment, Plan

Key = tuple[Any, ...]


@dataclass(frozen=True)
class _Site:
    """A softmax or log-sum-exp of entries of an array."""

    key: Key
    kept: tuple[sp.Symbol, ...]
    """The indices of the array that are not summed over."""
    place: int
    """The dimension that is summed over."""
    limits: tuple[Limit, ...]
    """The ranges of all dimensions."""


def with_shared_exponentials(plan: Plan) -> Plan:
    """The plan with shared exponentials; the same plan where nothing is shared."""
    sharing = _Sharing()
    for assignment in plan.assignments:
        sharing.count(assignment.expression, _scope(assignment.axes))
    wanted = {key for key, kinds in sharing.kinds.items() if len(kinds) == 2}
    if not wanted or not plan.is_straight:
        return plan
    taken = set(plan.identifiers.values())
    names = dict(plan.identifiers)
    made: dict[Key, tuple[Base, Base, Base]] = {}
    result: list[Assignment] = []
    for assignment in plan.assignments:
        needed = _Needed(wanted, made)
        expression = needed.replaced(assignment.expression, _scope(assignment.axes))
        for site, bases in needed.new:
            for base, word in zip(bases, ("max", "exp", "sum"), strict=True):
                names[base] = identifier(f"{word}_{plan.identifiers[site.key[0]]}", taken)
                taken.add(names[base])
            result += _lines(site, bases, assignment)
        result.append(replace(assignment, expression=expression))
    return replace(plan, assignments=tuple(result), identifiers=names)


def _scope(axes: Sequence[Limit]) -> dict[Any, Limit]:
    return {limit.index: limit for limit in axes}


def _site(node: Any, scope: Mapping[Any, Limit]) -> _Site | None:
    """What a node is taken of, if that is an array over plain indices."""
    body = node.args[1] if isinstance(node, Softmax) else node.args[0]
    bound = bound_limits(node)[0]
    inside = {**scope, bound.index: bound}
    if not isinstance(body, sp.Indexed) or not all(i in inside for i in body.indices):
        return None
    if len(set(body.indices)) < len(body.indices) or bound.index not in body.indices:
        return None
    limits = tuple(inside[i] for i in body.indices)
    place = body.indices.index(bound.index)
    key = (body.base, place, *(limit[1:] for limit in limits))
    return _Site(key, tuple(i for i in body.indices if i != bound.index), place, limits)  # type: ignore[misc]


class _Sharing:
    """Counts which functions of which arrays occur."""

    def __init__(self) -> None:
        self.kinds: dict[Key, set[type]] = {}

    def count(self, e: Any, scope: Mapping[Any, Limit]) -> None:
        """Look through an expression; `scope` has the ranges of the indices around it."""
        if isinstance(e, (Softmax, LogSumExp)) and (site := _site(e, scope)) is not None:
            self.kinds.setdefault(site.key, set()).add(type(e))
        inside = {**scope, **_scope(bound_limits(e))}
        for a in e.args:
            self.count(a, inside)


class _Needed:
    """Replaces functions by the shared lines, and notes which lines are new."""

    def __init__(self, wanted: set[Key], made: dict[Key, tuple[Base, Base, Base]]) -> None:
        self._wanted, self._made = wanted, made
        self.new: list[tuple[_Site, tuple[Base, Base, Base]]] = []

    def replaced(self, e: Any, scope: Mapping[Any, Limit]) -> Any:
        """The expression over the shared lines."""
        if isinstance(e, (Softmax, LogSumExp)) and (site := _site(e, scope)) is not None and site.key in self._wanted:
            if site.key not in self._made:
                self._made[site.key] = _bases(site)
                self.new.append((site, self._made[site.key]))
            largest, powers, total = self._made[site.key]
            if isinstance(e, LogSumExp):
                return sp.Add(_at(largest, site.kept), sp.log(_at(total, site.kept)), evaluate=False)
            at = [*site.kept]
            at.insert(site.place, e.args[0])
            return sp.Mul(_at(powers, at), 1 / _at(total, site.kept), evaluate=False)
        if not e.args or isinstance(e, sp.Indexed):
            return e
        inside = {**scope, **_scope(bound_limits(e))}
        args = [self.replaced(a, inside) for a in e.args]
        return e if args == list(e.args) else rebuild(e, args)


def _bases(site: _Site) -> tuple[Base, Base, Base]:
    """Names for the largest entry, the exponentials and their sum."""
    name = str(site.key[0])
    scalar = not site.kept
    largest, powers, total = (f"{word}_{name}" for word in ("max", "exp", "sum"))
    return (
        sp.Dummy(largest, real=True) if scalar else sp.IndexedBase(sp.Dummy(largest)),
        sp.IndexedBase(sp.Dummy(powers)),
        sp.Dummy(total, real=True) if scalar else sp.IndexedBase(sp.Dummy(total)),
    )


def _at(base: Base, indices: Sequence[Any]) -> Any:
    return base[tuple(indices)] if isinstance(base, sp.IndexedBase) else base


def _lines(site: _Site, bases: tuple[Base, Base, Base], before: Assignment) -> list[Assignment]:
    """The three lines, in the section of the assignment that needs them first."""
    largest, powers, total = bases
    axes = tuple(limit._replace(index=fresh(limit.index)) for limit in site.limits)
    indices = [limit.index for limit in axes]
    kept = tuple(limit for n, limit in enumerate(axes) if n != site.place)
    at = [limit.index for limit in kept]
    body = site.key[0][tuple(indices)]
    over = tuple(axes[site.place])
    return [
        Assignment(largest, MaxOver(body, over), kept, before.section),
        Assignment(powers, sp.exp(sp.Add(body, -_at(largest, at), evaluate=False)), axes, before.section),
        Assignment(total, sp.Sum(powers[tuple(indices)], over), kept, before.section),  # type: ignore[index]
    ]
