"""Which update rule a training uses, and with which constants.

Contract: `chosen_rule(name, rate, momentum)` checks what a user asks for and gives a key of `RULES` and the constants
that are not the usual ones; the rules themselves are those of `symbackprop.derivation.rules`, which sheets print.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sympy as sp

from symbackprop.derivation.rules import GRADIENT, MOMENTUM, PARAMETER, RATE, RULES, STEP, OptimizerName, rule_of
from symbackprop.errors import DataError
from symbackprop.numeric.values import Array


def chosen_rule(name: str, rate: float, momentum: float = 0.0) -> tuple[OptimizerName, dict[sp.Symbol, float]]:
    """The rule of a name and its constants.

    ``sgd`` with a momentum is ``momentum``; ``momentum`` without one uses 0.9.

    Raises:
        DataError: an unknown name, or a rate or momentum out of range.
    """
    rule_of(name)
    if not (math.isfinite(rate) and rate >= 0):
        raise DataError(f"the learning rate must be a number that is not negative, not {rate}")
    if not 0 <= momentum < 1:
        raise DataError(f"the momentum must be at least 0 and less than 1, not {momentum}")
    if name == "adam":
        if momentum:
            raise DataError("adam has no momentum of its own to set", hint="leave momentum out, or use 'momentum'")
        return "adam", {}
    if name == "momentum" or momentum:
        return "momentum", {MOMENTUM: float(momentum)} if momentum else {}
    return "sgd", {}


Updated = Callable[[Sequence[Array], Array, float, int], list[Array]]
"""``updated([memory..., parameter], gradient, rate, step)``: the same after one update."""


def update_function(name: str, constants: Mapping[sp.Symbol, float]) -> Updated:
    """The rule of a name as a function of arrays; nothing that it is given changes."""
    rule = RULES[name]
    known: dict[Any, Any] = {s: sp.Float(value) for s, value in {**rule.constants, **constants}.items()}
    symbols = (*rule.memory, PARAMETER)
    changes = [(left, right.xreplace(known)) for left, right in rule.changes]
    formulas = {left: sp.lambdify((*symbols, GRADIENT, RATE, STEP), right, "numpy") for left, right in changes}

    def updated(kept: Sequence[Array], gradient: Array, rate: float, step: int) -> list[Array]:
        values = dict(zip(symbols, kept, strict=True))
        for left, formula in formulas.items():
            values[left] = formula(*(values[s] for s in symbols), gradient, rate, step)
        return list(values.values())

    return updated
