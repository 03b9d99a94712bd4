"""A training loop before it is written: the steps of one update, the states that it changes, and the data it reads.

Contract: `design(...)` puts together what every loop needs, whether it is written over arrays or over entries: the
steps of forward and backward pass, then the update rule as further steps that change the states.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from symbackprop.derivation.rules import GRADIENT, PARAMETER, RATE, RULES, STEP
from symbackprop.indexed import Base, Limit, freshen_limits, rename
from symbackprop.numeric.arrays import Read
from symbackprop.numeric.loops.statements import RATE as FOLDED
from symbackprop.numeric.loops.statements import Update, is_linear, specialised
from symbackprop.numeric.loops.steps import Entrywise, Step, Steps, filled, steps_of
from symbackprop.numeric.plan import Plan


@dataclass(frozen=True)
class Setting:
    """What a loop is specialised to; equal settings share one compiled loop.

    Attributes:
        sizes: size -> number, the batch size among them.
        stacked: arguments with a sample axis that the network does not know -> batch size.
        sample_axes: for every argument the position of its sample axis, None without one.
        batch: the number of samples of an update.
        whole: are these all samples, the same for every update?
        optimizer: a key of `RULES`.
        constants: the numbers of the rule.
        dtype: the name of the floating dtype.
    """

    sizes: tuple[tuple[Any, int], ...]
    stacked: tuple[tuple[Base, int], ...]
    sample_axes: tuple[int | None, ...]
    batch: int
    whole: bool
    optimizer: str
    constants: tuple[tuple[sp.Symbol, float], ...]
    dtype: str


@dataclass(frozen=True)
class Design:
    """One update in steps.

    Attributes:
        setting: what it is specialised to.
        steps: forward pass, cost and gradients.
        rules: the steps that change the states, each reading old states and gradients only.
        states: parameters, then what the rule remembers of each, in the order of `states`.
        parameters: how many of the states are parameters.
        data: the arguments that are no parameters, with the position of their sample axis.
        cost: the scalar that is the batch's cost.
        rewrites: what was changed by algebra, in words; the same numbers up to rounding.
    """

    setting: Setting
    steps: Steps
    rules: tuple[Step, ...]
    states: tuple[Base, ...]
    parameters: int
    data: tuple[tuple[Base, int | None], ...]
    cost: Base
    names: Mapping[Base, str]
    labels: frozenset[Base]
    rewrites: tuple[str, ...] = ()

    @property
    def counts_steps(self) -> bool:
        """Does the update rule depend on the number of the step?"""
        return any(isinstance(step, Entrywise) and step.pattern.has(STEP) for step in self.rules)

    def shape(self, base: Base) -> tuple[int, ...]:
        """The shape of an array."""
        return tuple(int(limit.size) for limit in self.steps.storage[base])


def folds_rate(plan: Plan, optimizer: str) -> bool:
    """Do gradients (and what the rule remembers of them) carry the learning rate in every loop of a plan?"""
    return RULES[optimizer].is_linear and is_linear(plan)


def design(plan: Plan, setting: Setting) -> Design:
    """The steps of one update of a plan for given sizes."""
    rule = RULES[setting.optimizer]
    fold = folds_rate(plan, setting.optimizer)
    update = specialised(plan, dict(setting.sizes), dict(setting.stacked), fold)
    steps = steps_of(update.statements, update.storage)
    order = [q.base for q in plan.arguments if q.role == "parameter"]
    memory = {(p, m): _twin(p, m, update) for p in order for m in rule.memory}
    steps.storage |= {twin: update.storage[p] for (p, _), twin in memory.items()}
    constants: dict[Any, Any] = {
        symbol: sp.Float(value) for symbol, value in (*rule.constants.items(), *setting.constants)
    }
    constants[RATE] = sp.S.One if fold else FOLDED
    rules: list[Step] = []
    for parameter in order:
        own = {PARAMETER: parameter, GRADIENT: update.gradients[parameter]}
        own |= {m: memory[parameter, m] for m in rule.memory}
        axes, _ = freshen_limits(update.storage[parameter])
        steps.limits |= {limit.index: limit for limit in axes}
        rules += [_applied(filled(right, constants), own, own[left], axes) for left, right in rule.changes]
    arguments = zip(plan.arguments, update.arguments, setting.sample_axes, strict=True)
    names = dict(update.names) | {twin: f"{m.name}_{update.names.get(p, str(p))}" for (p, m), twin in memory.items()}
    return Design(
        setting,
        steps,
        tuple(rules),
        (*order, *memory.values()),
        len(order),
        tuple((base, axis) for q, base, axis in arguments if q.role != "parameter"),
        update.cost,
        names,
        update.labels,
        ("the learning rate stands in the adjoint of the loss, and so in every gradient",) if fold else (),
    )


def _twin(parameter: Base, memory: sp.Symbol, update: Update) -> Base:
    name = f"{memory.name}_{parameter}"
    return sp.IndexedBase(sp.Dummy(name)) if update.storage[parameter] else sp.Dummy(name, real=True)


def _applied(formula: Any, own: Mapping[Any, Base], target: Base, axes: Sequence[Limit]) -> Entrywise:
    """A formula of the rule for every entry of a parameter."""
    at = tuple(limit.index for limit in axes)
    slots = {symbol: sp.Dummy(symbol.name, real=True) for symbol in formula.free_symbols & own.keys()}
    operands = {slot: Read(at, own[symbol], at) for symbol, slot in slots.items()}
    return Entrywise(target, at, rename(formula, slots), operands)


def loop_symbols() -> dict[Any, str]:
    """The names of what the loop itself provides."""
    return {FOLDED: "rate", STEP: "step"}


def subtracted(rule: Step) -> Base | None:
    """The gradient g of a rule ``w = w - g``; None for any other."""
    if not isinstance(rule, Entrywise) or len(rule.operands) != 2:
        return None
    slots = {o.base: slot for slot, o in rule.operands.items() if isinstance(o, Read)}
    gradient = next((base for base in slots if base != rule.target), None)
    if gradient is None or rule.target not in slots:
        return None
    return gradient if sp.expand(rule.pattern - slots[rule.target] + slots[gradient]) == 0 else None
