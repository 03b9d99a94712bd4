"""A derivation as an ordered list of assignments: what a program computes, line by line, not yet as text.

Contract: `plan_of(derivation)` names every quantity and every adjoint with a safe identifier and lists
forward lines, then deltas, then gradients; each `Assignment` is (target, indexed expression, free axes) and
reads only what stands before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Literal

import sympy as sp

from symbackprop.derivation import Derivation
from symbackprop.functions import sigmoid, softplus
from symbackprop.indexed import (
    Base,
    Indices,
    Limit,
    LogSumExp,
    Softmax,
    base_of,
    fresh,
    freshen_all,
    indices_of,
    rebuild,
    rename,
)
from symbackprop.names import identifier
from symbackprop.network import Assumption, Equation, Network, Quantity
from symbackprop.network.order import Group, evaluation_order, running_indices
from symbackprop.network.ranges import base_uses, covering

OWN_NAMES = frozenset(
    [
        *("params", "data", "gradients", "draw", "name", "gradient"),
        *("train", "loss_and_gradients", "initial_parameters", "PARAMETERS", "DATA"),
    ]
)
"""Names of generated modules themselves: no quantity may hide them."""

Section = Literal["forward", "backward", "gradients"]


@dataclass(frozen=True)
class Loop:
    """The steps of a recurrence, one after the other: assignments with the same loop make a block."""

    limits: tuple[Limit, ...]
    """The indices that it runs along, outermost first, over the ranges of all its assignments together."""
    backward: bool = False
    """Does it run from high to low?"""


@dataclass(frozen=True)
class Assignment:
    """``target[axes] = expression``: one named quantity, for every value of its free axes (none: a
    scalar).
    """

    target: Base
    expression: sp.Expr
    axes: tuple[Limit, ...]
    section: Section
    at: Indices = ()
    """The indices of the left side where it is a part of the target, such as ``h[i, 0]``; else its axes."""
    loop: Loop | None = None
    """The recurrence that it is a step of; its indices are among the axes."""


@dataclass(frozen=True)
class Plan:
    """The assignments of a program in order.

    Attributes:
        arguments: the quantities that must be given, inputs first, parameters last.
        assignments: forward pass (only what loss and gradients need), deltas, gradients.
        others: forward assignments that the loss does not need, in order.
        gradients: for each parameter its plain name and the adjoint that holds its gradient.
        identifiers: the Python name of every quantity and every adjoint.
    """

    network: Network
    arguments: tuple[Quantity, ...]
    assignments: tuple[Assignment, ...]
    others: tuple[Assignment, ...]
    gradients: Mapping[str, Base]
    identifiers: Mapping[Base, str]
    assumptions: tuple[Assumption, ...] = ()
    """What the closed forms of the gradients take for granted."""

    @property
    def loss(self) -> Base:
        """The scalar that is differentiated."""
        return self.network.loss.base

    def storage(self, base: Base) -> tuple[Limit, ...]:
        """The ranges of the dimensions of a quantity or an adjoint."""
        return self.axes[base]

    def is_part(self, assignment: Assignment) -> bool:
        """Is it one of several that write into the target: a base case, a range, a step of a recurrence?"""
        ranges = {limit.index: limit for limit in assignment.axes}
        at = assignment.at or tuple(ranges)
        return assignment.loop is not None or any(
            index not in ranges or ranges[index][1:] != axis[1:]
            for index, axis in zip(at, self.storage(assignment.target), strict=True)
        )

    @cached_property
    def is_straight(self) -> bool:
        """Does every assignment compute a whole quantity at once?"""
        return not any(self.is_part(a) for a in (*self.assignments, *self.others))

    @cached_property
    def axes(self) -> Mapping[Base, tuple[Limit, ...]]:
        """The ranges of the dimensions of every quantity and adjoint."""
        quantities = {q.base: q.axes for q in self.network.quantities.values()}
        return {a.target: a.axes for a in self.assignments if a.target not in quantities} | quantities

    @property
    def forward(self) -> tuple[Assignment, ...]:
        """Every forward assignment in evaluation order, also of what the loss does not need."""
        mine = {a.target for a in self.others}
        needed = iter(a for a in self.assignments if a.section == "forward")
        others = iter(self.others)
        return tuple(next(others) if e.base in mine else next(needed) for e in self.network.equations)


def plan_of(derivation: Derivation) -> Plan:
    """The program of a derivation, forward and backward."""
    network = derivation.network
    forward = [a for g in network.groups for a in _assignments(g, "forward", lambda e: stable(e, network))]
    deltas = evaluation_order([_adjoint(derivation, q) for q in derivation.deltas], {}, guarded=True)
    backward = [a for g in deltas for a in _assignments(g, "backward")]
    gradients = [a for q in derivation.parameters for a in _assignments(Group((_adjoint(derivation, q),)), "gradients")]
    read = [b for a in (*backward, *gradients) for b in base_uses(a.expression)]
    needed = needed_for(network.equations, [network.loss.base, *read])
    own = [a for a in forward if a.target in needed]
    return Plan(
        network=network,
        arguments=network.with_role("input")
        + network.with_role("target")
        + network.with_role("constant")
        + network.parameters,
        assignments=(*own, *backward, *gradients),
        others=tuple(a for a in forward if a.target not in needed),
        gradients={q.name.plain: a.target for q, a in zip(derivation.parameters, gradients, strict=True)},
        identifiers=_identifiers(derivation, [*derivation.deltas, *derivation.parameters]),
        assumptions=tuple(
            dict.fromkeys(
                a for q in (*derivation.deltas, *derivation.parameters) for a in derivation.computed(q.base).assumptions
            )
        ),
    )


def stable(expression: sp.Expr, network: Network) -> sp.Expr:
    """Logarithms of softmax and sigmoid outputs from their arguments: no log of a number that rounded to 0."""
    if not expression.has(sp.log):
        return expression
    args = [stable(a, network) for a in expression.args]
    if isinstance(expression, sp.log):
        return _log_of(args[0], network) or expression
    return expression if args == list(expression.args) else rebuild(expression, args)


def _log_of(value: sp.Expr, network: Network) -> sp.Expr | None:
    """``z_k - logsumexp(z)`` for log softmax, ``-softplus(-z)`` for log sigmoid, ``-softplus(z)`` for 1 minus it."""
    complement = isinstance(value, sp.Add) and len(value.args) == 2 and value.args[0] == 1
    reference = -value.args[1] if complement else value
    equations = network.definitions(base_of(reference))
    if not isinstance(reference, (sp.Symbol, sp.Indexed)) or len(equations) != 1:
        return None
    names = dict(zip(equations[0].at, indices_of(reference), strict=True))
    meaning = rename(freshen_all(equations[0].expression), names)
    if isinstance(meaning, Softmax) and not complement:
        at, body, limit = meaning.args[0], meaning.args[1], meaning.limit
        return sp.Add(rename(body, {limit.index: at}), -LogSumExp(body, limit), evaluate=False)
    if isinstance(meaning, sigmoid):
        argument = meaning.args[0]
        return -softplus(argument if complement else -argument)
    return None


def needed_for(equations: Iterable[Equation], wanted: Iterable[Base]) -> set[Base]:
    """Everything that the wanted quantities are computed from, themselves included."""
    needed, before = set(wanted), 0
    backwards = tuple(equations)[::-1]
    while len(needed) > before:  # a second time only where a recurrence reads what stands after it
        before = len(needed)
        for equation in backwards:
            if equation.base in needed:
                needed.update(base_uses(equation.expression))
    return needed


def _adjoint(derivation: Derivation, quantity: Quantity) -> Equation:
    """The adjoint over named deltas in closed form, activations by their output: no second exponential."""
    target = derivation.sweep[quantity.base].symbol
    return Equation(target, derivation.computed(quantity.base).expression, quantity.axes)


def _assignments(
    group: Group, section: Section, meaning: Callable[[sp.Expr], sp.Expr] = lambda e: e
) -> Iterator[Assignment]:
    """A group in order; the steps of a recurrence with one loop, whose indices they share."""
    if not group.direction:
        for e in group.equations:
            at = e.at if e.at != tuple(limit.index for limit in e.ranges) else ()
            yield Assignment(e.base, meaning(e.expression), e.ranges, section, at)
        return
    running = running_indices(group)
    ranges = [
        [next(r for r in e.ranges if r.index == i) for i in own]
        for e, own in zip(group.equations, running, strict=True)
    ]
    limits = tuple(reduce(covering, level) for level in zip(*ranges, strict=True))
    loop = Loop(limits, group.direction < 0)
    for e, own in zip(group.equations, running, strict=True):
        shared = dict(zip(own, (limit.index for limit in limits), strict=True))
        clash = {i: fresh(i) for i in e.index_symbols if i in shared.values() and i not in shared}
        names = {i: j for i, j in (shared | clash).items() if i != j}
        expression = rename(freshen_all(e.expression), names) if names else e.expression
        axes = tuple(limit.replace(names) for limit in e.ranges)
        yield Assignment(e.base, meaning(expression), axes, section, tuple(i.xreplace(names) for i in e.at), loop)


def _identifiers(derivation: Derivation, differentiated: Iterable[Quantity]) -> dict[Base, str]:
    """Safe Python names: ``h_1`` for a quantity, ``dE_dh_1`` for its adjoint; never the author's text
    itself.
    """
    taken: set[str] = set(OWN_NAMES)
    network = derivation.network
    found: dict[Base, str] = {}
    for base, text in _spellings(derivation, network, differentiated):
        if base not in found:
            found[base] = identifier(text, taken)
            taken.add(found[base])
    return found


def _spellings(
    derivation: Derivation, network: Network, differentiated: Iterable[Quantity]
) -> Iterator[tuple[Base, str]]:
    for quantity in network.quantities.values():
        yield quantity.base, quantity.name.plain
    loss = network.names[network.loss.base].plain
    for quantity in differentiated:
        yield base_of(derivation.sweep[quantity.base].symbol), f"d{loss}_d{quantity.name.plain}"
