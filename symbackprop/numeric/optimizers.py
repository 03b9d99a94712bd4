"""The update rules of gradient descent: from parameters and gradients to new parameters, all at once.

Contract: `optimizer(name, rate, momentum)` gives an `Optimizer`; `step` returns new values and changes none
of the old ones, so every gradient is used with the weights it was computed at. The rules and their constants are
those of `symbackprop.derivation.rules`, which sheets print.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from symbackprop.derivation.rules import (
    EPSILON,
    MEAN_DECAY,
    MOMENTUM,
    RULES,
    SQUARE_DECAY,
    OptimizerName,
    rule_of,
)
from symbackprop.errors import DataError
from symbackprop.numeric.values import Array

__all__ = ["Adam", "GradientDescent", "Momentum", "Optimizer", "OptimizerName", "optimizer"]

USUAL_MOMENTUM = RULES["momentum"].constants[MOMENTUM]


class Optimizer(Protocol):
    """One update rule with its memory of earlier steps."""

    def step(self, parameters: Sequence[Array], gradients: Sequence[Array]) -> list[Array]:
        """The parameters after one update."""
        ...


class GradientDescent:
    """``w <- w - rate g``."""

    def __init__(self, rate: float) -> None:
        self.rate = rate

    def step(self, parameters: Sequence[Array], gradients: Sequence[Array]) -> list[Array]:
        """The parameters after one update."""
        return [w - self.rate * g for w, g in zip(parameters, gradients, strict=True)]


class Momentum:
    """``v <- momentum v + g``, ``w <- w - rate v`` (Polyak 1964); the velocity v starts at 0."""

    def __init__(self, rate: float, momentum: float) -> None:
        self.rate, self.momentum = rate, momentum
        self.velocities: list[Array] = []

    def step(self, parameters: Sequence[Array], gradients: Sequence[Array]) -> list[Array]:
        """The parameters after one update."""
        if self.velocities:
            self.velocities = [self.momentum * v + g for v, g in zip(self.velocities, gradients, strict=True)]
        else:
            self.velocities = list(gradients)
        return [w - self.rate * v for w, v in zip(parameters, self.velocities, strict=True)]


class Adam:
    """Adam (Kingma and Ba 2015) with its usual constants: decay 0.9 and 0.999, epsilon 1e-8, bias
    corrected.
    """

    FIRST, SECOND, EPSILON = (RULES["adam"].constants[symbol] for symbol in (MEAN_DECAY, SQUARE_DECAY, EPSILON))

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self.steps = 0
        self.means: list[Array] = []
        self.squares: list[Array] = []

    def step(self, parameters: Sequence[Array], gradients: Sequence[Array]) -> list[Array]:
        """The parameters after one update."""
        if not self.steps:
            self.means = [0 * g for g in gradients]
            self.squares = [0 * g for g in gradients]
        self.steps += 1
        a, b = self.FIRST, self.SECOND
        self.means = [a * m + (1 - a) * g for m, g in zip(self.means, gradients, strict=True)]
        self.squares = [b * s + (1 - b) * g**2 for s, g in zip(self.squares, gradients, strict=True)]
        mean_share, square_share = 1 - a**self.steps, 1 - b**self.steps
        return [
            w - self.rate * (m / mean_share) / (np.sqrt(s / square_share) + self.EPSILON)
            for w, m, s in zip(parameters, self.means, self.squares, strict=True)
        ]


def optimizer(name: str, rate: float, momentum: float = 0.0) -> Optimizer:
    """The optimizer of a name.

    ``sgd`` with a momentum is ``momentum``; ``momentum`` without one uses 0.9.

    Raises:
        DataError: an unknown name, or a rate or momentum out of range.
    """
    rule_of(name)
    if not (np.isfinite(rate) and rate >= 0):
        raise DataError(f"the learning rate must be a number that is not negative, not {rate}")
    if not 0 <= momentum < 1:
        raise DataError(f"the momentum must be at least 0 and less than 1, not {momentum}")
    if name == "adam":
        if momentum:
            raise DataError("adam has no momentum of its own to set", hint="leave momentum out, or use 'momentum'")
        return Adam(rate)
    if name == "momentum" or (name == "sgd" and momentum):
        return Momentum(rate, momentum or USUAL_MOMENTUM)
    return GradientDescent(rate)
