"""A derivation as an ordered list of assignments: what a program computes, line by line, not yet as text.

Contract: `plan_of(derivation)` names every quantity and every adjoint with a safe identifier and lists
forward lines, then deltas, then gradients; each `Assignment` is (target, indexed expression, free axes) and
reads only what stands before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import sympy as sp

from symbackprop.derivation import Derivation
from symbackprop.functions import sigmoid, softplus
from symbackprop.indexed import (
    Base,
    Limit,
    LogSumExp,
    Softmax,
    base_of,
    freshen_all,
    indices_of,
    rebuild,
    rename,
)
from symbackprop.names import identifier
from symbackprop.network import Assumption, Equation, Network, Quantity
from symbackprop.network.ranges import base_uses

OWN_NAMES = frozenset(
    [
        *("params", "data", "gradients", "draw", "name", "gradient"),
        *("train", "loss_and_gradients", "initial_parameters", "PARAMETERS", "DATA"),
    ]
)
"""Names of generated modules themselves: no quantity may hide them."""

Section = Literal["forward", "backward", "gradients"]


@dataclass(frozen=True)
class Assignment:
    """``target[axes] = expression``: one named quantity, for every value of its free axes (none: a
    scalar).
    """

    target: Base
    expression: sp.Expr
    axes: tuple[Limit, ...]
    section: Section


@dataclass(frozen=True)
class Plan:
    """The assignments of a program in order.

    Attributes:
        arguments: the quantities that must be given, inputs first, parameters last.
        assignments: forward pass (only what the loss needs), deltas, gradients.
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

    @cached_property
    def axes(self) -> Mapping[Base, tuple[Limit, ...]]:
        """The ranges of the dimensions of every quantity and adjoint."""
        quantities = {q.base: q.axes for q in self.network.quantities.values()}
        return quantities | {a.target: a.axes for a in self.assignments if a.section != "forward"}

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
    needed = needed_for(network.equations, [network.loss.base])
    forward = [Assignment(e.base, stable(e.expression, network), e.ranges, "forward") for e in network.equations]
    backward = [_adjoint(derivation, q, "backward") for q in derivation.deltas]
    gradients = [_adjoint(derivation, q, "gradients") for q in derivation.parameters]
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
    needed = set(wanted)
    for equation in reversed(tuple(equations)):
        if equation.base in needed:
            needed.update(base_uses(equation.expression))
    return needed


def _adjoint(derivation: Derivation, quantity: Quantity, section: Section) -> Assignment:
    """The adjoint over named deltas in closed form, activations by their output: no second exponential."""
    target = base_of(derivation.sweep[quantity.base].symbol)
    return Assignment(target, derivation.computed(quantity.base).expression, quantity.axes, section)


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
