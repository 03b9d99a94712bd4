"""The update rules of gradient descent as equations: what a sheet prints is what an optimizer computes.

Contract: an `UpdateRule` is data. Its lines are assignments for one parameter, in order, each with the values
that the lines above have made; a test holds the optimizers of `symbackprop.numeric` against them, step by step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Literal, get_args

import sympy as sp

from symbackprop.errors import DataError
from symbackprop.indexed import rename

OptimizerName = Literal["sgd", "momentum", "adam"]

PARAMETER, GRADIENT, RATE = sp.symbols("parameter gradient rate")
VELOCITY, MOMENTUM = sp.symbols("velocity momentum")
MEAN, SQUARE, MEAN_DECAY, SQUARE_DECAY, EPSILON = sp.symbols("mean square mean_decay square_decay epsilon")
STEP, FULL_MEAN, FULL_SQUARE = sp.symbols("step full_mean full_square")

Line = tuple[sp.Symbol, sp.Expr]
"""``left <- right``."""


@dataclass(frozen=True)
class UpdateRule:
    """How one parameter changes in one update.

    Attributes:
        lines: assignments in order; the last one is to `PARAMETER`. They may use `GRADIENT`, `RATE` and `STEP`, the
            number of the update, which counts from 1.
        memory: what each parameter keeps from update to update; 0 before the first.
        constants: numbers of the rule with their usual values.
        source: where the rule was published.
    """

    lines: tuple[Line, ...]
    memory: tuple[sp.Symbol, ...] = ()
    constants: Mapping[sp.Symbol, float] = field(default_factory=lambda: MappingProxyType({}))
    source: str = ""

    @property
    def kept(self) -> tuple[sp.Symbol, ...]:
        """What the next update needs; the rest is only named for this one."""
        return (*self.memory, PARAMETER)

    @cached_property
    def changes(self) -> tuple[Line, ...]:
        """What is kept, over what was known before the update: names that serve one update only are written out."""
        values: dict[sp.Symbol, sp.Expr] = {}
        found: list[Line] = []
        for left, right in self.lines:
            written = rename(right, values)
            if left in self.kept:
                found.append((left, written))
            else:
                values[left] = written
        return tuple(found)

    @cached_property
    def is_linear(self) -> bool:
        """Is the step a multiple of the gradients with the rate as its factor? Then gradients may carry the rate."""
        scale = sp.Dummy("c", positive=True)
        grown: dict[sp.Symbol, sp.Expr] = {s: scale * s for s in (GRADIENT, *self.memory)}
        for left, right in self.changes:
            change = right - left if left == PARAMETER else right
            if sp.expand(change.xreplace(grown) - scale * change) != 0:
                return False
        moved = sp.expand(dict(self.changes)[PARAMETER] - PARAMETER)
        return sp.expand(moved - RATE * moved.coeff(RATE)) == 0

    @property
    def start(self) -> dict[sp.Symbol, float]:
        """What is known before the first update: nothing is kept yet, the constants have their usual values."""
        return {**dict.fromkeys(self.memory, 0.0), **self.constants}

    def update(self, known: Mapping[sp.Symbol, float]) -> dict[sp.Symbol, float]:
        """The numbers after one update, from those before it.

        Args:
            known: a number for the parameter, its gradient, the rate, the step, and (from the second update on)
                what is kept; constants that are not given have their usual values.

        >>> before = {PARAMETER: 1.0, GRADIENT: 0.5, RATE: 0.1}
        >>> RULES["sgd"].update(before)[PARAMETER]
        0.95
        """
        found = {**self.start, **known}
        for left, right in self.lines:
            found[left] = float(right.xreplace({symbol: sp.Float(value, 30) for symbol, value in found.items()}))
        return found


def _product(*factors: sp.Expr) -> sp.Expr:
    return sp.Mul(*factors, evaluate=False)


def _sum(*terms: sp.Expr) -> sp.Expr:
    return sp.Add(*terms, evaluate=False)


def _running_mean(mean: sp.Symbol, decay: sp.Symbol, value: sp.Expr) -> Line:
    """``mean <- decay mean + (1 - decay) value``."""
    return mean, _sum(_product(decay, mean), _product(_sum(sp.S.One, -decay), value))


def _in_full(full: sp.Symbol, mean: sp.Symbol, decay: sp.Symbol) -> Line:
    """``full = mean / (1 - decay^step)``: a mean that began at 0 holds only this share of what it averages."""
    return full, _product(mean, sp.Pow(_sum(sp.S.One, -(decay**STEP)), -1))


def _moved(direction: sp.Expr) -> Line:
    """``parameter <- parameter - rate direction``."""
    return PARAMETER, _sum(PARAMETER, _product(sp.S.NegativeOne, RATE, direction))


RULES: Mapping[str, UpdateRule] = MappingProxyType(
    {
        "sgd": UpdateRule((_moved(GRADIENT),)),
        "momentum": UpdateRule(
            ((VELOCITY, _sum(_product(MOMENTUM, VELOCITY), GRADIENT)), _moved(VELOCITY)),
            memory=(VELOCITY,),
            constants=MappingProxyType({MOMENTUM: 0.9}),
            source="Polyak 1964",
        ),
        "adam": UpdateRule(
            (
                _running_mean(MEAN, MEAN_DECAY, GRADIENT),
                _running_mean(SQUARE, SQUARE_DECAY, GRADIENT**2),
                _in_full(FULL_MEAN, MEAN, MEAN_DECAY),
                _in_full(FULL_SQUARE, SQUARE, SQUARE_DECAY),
                _moved(_product(FULL_MEAN, sp.Pow(_sum(sp.sqrt(FULL_SQUARE), EPSILON), -1))),
            ),
            memory=(MEAN, SQUARE),
            constants=MappingProxyType({MEAN_DECAY: 0.9, SQUARE_DECAY: 0.999, EPSILON: 1e-8}),
            source="Kingma and Ba 2015",
        ),
    }
)
"""The update rules by name.

B. T. Polyak, Some methods of speeding up the convergence of iteration methods, 1964 (his heavy ball, with the velocity
in units of the gradient). D. P. Kingma and J. Ba, Adam: a method for stochastic optimization, ICLR 2015, algorithm 1.
"""


def rule_of(name: str) -> UpdateRule:
    """The update rule of a name.

    Raises:
        DataError: there is none.
    """
    if name not in RULES:
        raise DataError(
            f"there is no optimizer called {name!r}", hint=f"optimizers are {', '.join(get_args(OptimizerName))}"
        )
    return RULES[name]
