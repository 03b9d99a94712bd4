"""The update rules as formulas, and as steps of a training loop.

Contract: `RULES[name]` gives the new memory and the new parameter as expressions over the old ones, the gradient, the
rate and the number of the step. What `train` computes, step for step, in whichever loop, is these formulas.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sympy as sp

PARAMETER, GRADIENT, VELOCITY, MEAN, SQUARE = sp.symbols("w g v m s", real=True)
RATE, MOMENTUM, FIRST, SECOND, EPSILON = sp.symbols("eta mu beta_1 beta_2 epsilon", real=True)
STEP = sp.Symbol("t", integer=True, positive=True)


@dataclass(frozen=True)
class Rule:
    """An update rule: what it remembers (zero at first), how that changes, and the new parameter after it."""

    memory: Mapping[sp.Symbol, sp.Expr]
    parameter: sp.Expr
    linear: bool
    """Is the step a multiple of the gradients? Then the rate may stand in the gradients already."""


def _minus(a: sp.Expr, b: sp.Expr) -> sp.Expr:
    return sp.Add(a, sp.Mul(-1, b, evaluate=False), evaluate=False)


RULES: Mapping[str, Rule] = {
    "sgd": Rule({}, _minus(PARAMETER, RATE * GRADIENT), linear=True),
    "momentum": Rule(
        {VELOCITY: sp.Add(MOMENTUM * VELOCITY, GRADIENT, evaluate=False)},
        _minus(PARAMETER, RATE * VELOCITY),
        linear=True,
    ),
    "adam": Rule(
        {
            MEAN: FIRST * MEAN + (1 - FIRST) * GRADIENT,
            SQUARE: SECOND * SQUARE + (1 - SECOND) * GRADIENT**2,
        },
        _minus(
            PARAMETER,
            RATE * (MEAN / (1 - FIRST**STEP)) / (sp.sqrt(SQUARE / (1 - SECOND**STEP)) + EPSILON),
        ),
        linear=False,
    ),
}
"""Gradient descent; momentum (Polyak 1964), the velocity starting at 0; Adam (Kingma and Ba 2015)."""

USUAL = {MOMENTUM: 0.9, FIRST: 0.9, SECOND: 0.999, EPSILON: 1e-8}
"""The constants that are used where nobody says otherwise."""
