"""Central differences of the loss, extrapolated to a step of zero, that never step across a kink.

Contract: `CentralDifferences(program).derivative(...)` is good to about twelve digits at any scale (L. F. Richardson,
Phil. Trans. R. Soc. A 210, 1911; C. J. F. Ridders, Adv. Eng. Software 4, 1982); its error is infinite at a kink.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from symbackprop.numeric.around import PRECISE, Around
from symbackprop.numeric.kinks import gates_of
from symbackprop.numeric.program import Program
from symbackprop.numeric.values import Array

RATIO = 4.0
STEPS = RATIO ** -np.arange(24, dtype=PRECISE).reshape(3, 8)
"""Steps relative to max(1, |parameter|), from 1 to 1e-14. Smaller ones are tried only where these do not converge:
near a kink, or where inputs of 1e8 make the loss that steep."""

CONVERGED = 1e-8
"""With this relative error no smaller steps are tried."""

FLOOR = 1e-8
"""Gradients are compared relative to their size, but never to less than this."""


class Slope(NamedTuple):
    """A derivative of the loss and its estimated error.

    At a kink the error is infinite; `function` says whose kink is there, or so near that steps crossed it.
    """

    value: float
    error: float
    function: str = ""


class CentralDifferences:
    """Directional derivatives of the loss of a network by difference quotients."""

    def __init__(self, program: Program) -> None:
        self.gates = [g for g in gates_of(program.network) if program.can_write(g.expression, g.limits)]
        self.around = Around(program, [(g.expression, g.limits) if g.limits else g.expression for g in self.gates])

    def derivative(self, arguments: Sequence[Array], position: int, direction: Array, amplified: float = 0.0) -> Slope:
        """The derivative of the loss as one argument moves along a direction.

        Args:
            arguments: in the program's order, in the `PRECISE` type.
            position: which argument moves.
            direction: an array of that argument's shape: 1 at an entry is the derivative with respect to it.
            amplified: how much the loss changes where all arguments change by their own size: rounding does that,
                in the last digit.
        """
        size = np.max(np.abs(arguments[position]), where=direction != 0, initial=1)
        scale = np.exp2(np.ceil(np.log2(size)))  # a power of two: places are not rounded
        value, error, nearest = float("nan"), np.inf, ""
        if self.gates:
            *_, nearest = self._quotients(arguments, position, direction, STEPS[-1, -1:] * scale, amplified)
        if nearest:
            return Slope(value, error, nearest)
        tried: list[tuple[Any, Any]] = []
        for steps in STEPS * scale:
            quotients, noise, usable, function = self._quotients(arguments, position, direction, steps, amplified)
            nearest = nearest or function
            tried = tried if usable.all() else []
            tried += [(q, n) for q, n, good in zip(quotients, noise, usable, strict=True) if good]
            if tried:
                value, error = extrapolated(*zip(*tried, strict=True))
            if error <= CONVERGED * max(FLOOR, abs(value)):
                break
        return Slope(value, error, nearest)

    def _quotients(
        self, arguments: Sequence[Array], position: int, direction: Array, steps: Array, amplified: float
    ) -> tuple[Array, Array, Array, str]:
        """For every step the quotient, its rounding error, whether it is usable; and whose kink steps cross."""
        centre = arguments[position]
        offsets = np.concatenate([steps, -steps]).reshape(-1, *(1,) * np.ndim(centre))
        places = centre + offsets * direction
        losses, gates = self.around(arguments, position, places)
        right, left = np.split(losses, 2)
        # What a place is after rounding, not what it was meant to be, at the entry that moves most.
        most = np.argmax(np.abs(direction))
        from_place, to_place = np.split(places.reshape(len(places), -1)[:, most], 2)
        width = (from_place - to_place) / np.ravel(direction)[most]
        noise = 4 * np.finfo(PRECISE).eps * (amplified + np.maximum(np.abs(right), np.abs(left))) / width
        quotients = (right - left) / width
        usable = np.isfinite(quotients)
        nearest = ""
        for gate, (*_, function) in zip(gates, self.gates, strict=True):
            crossed = np.not_equal(*np.split(np.sign(gate), 2)).any(axis=1)
            usable &= ~crossed
            nearest = nearest or (function if crossed.any() else "")
        usable &= np.logical_and.accumulate(usable[::-1])[::-1]  # a step is as good as all the smaller ones
        return quotients, noise, usable, nearest


def extrapolated(quotients: Iterable[Any], noise: Iterable[Any]) -> tuple[float, float]:
    """The limit of difference quotients whose steps shrink by `RATIO`, and its estimated error, the least there is.

    `noise` is the rounding error of each quotient: without it two quotients that agree by chance would win.

    >>> steps = [0.1, 0.025, 0.00625]
    >>> limit, error = extrapolated([(np.exp(h) - np.exp(-h)) / (2 * h) for h in steps], [0, 0, 0])
    >>> abs(limit - 1) < 1e-12, error < 1e-6
    (True, True)
    """
    best, least = float("nan"), np.inf
    before: list[Any] = []
    for quotient, rounding in zip(quotients, noise, strict=True):
        row = [quotient]
        best = row[0] if np.isinf(least) else best
        for order, previous in enumerate(before, start=1):
            power = RATIO ** (2 * order)
            row.append((power * row[-1] - previous) / (power - 1))
            error = max(abs(row[-1] - row[-2]), abs(row[-1] - previous)) + rounding
            if error < least:
                best, least = row[-1], error
        before = row
    return float(best), float(least)
