"""The loss of a network, and the gates of its kinks, as one argument of its program moves.

Contract: `Around(program, wanted)` evaluates loss and wanted expressions at several places of one argument, the
others as they are; rows are the places. Nothing is checked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symbackprop.numeric.program import Program, Wanted
from symbackprop.numeric.values import Array, one_by_one

PRECISE = np.longdouble
"""Losses are computed in the widest floating type, whatever the program computes in: on most machines three digits
more than float64, so that tiny gradients do not drown in the rounding of the loss."""


def precise(program: Program, arguments: Sequence[Array]) -> list[Array]:
    """The same arguments in the widest floating type; labels stay whole numbers."""
    labels = program.network.labels
    return [
        np.asarray(a, dtype=None if q.base in labels else PRECISE)
        for q, a in zip(program.plan.arguments, arguments, strict=True)
    ]


def erf(z: Any) -> Array:
    """The error function in the widest type, by its series (Abramowitz and Stegun 7.1.6); Python has it in double
    precision only. What is imaginary in `z` must be small: it counts to first order.

    >>> import math
    >>> all(abs(float(erf(np.longdouble(x))) - math.erf(x)) < 1e-15 for x in (-8, -3, -0.1, 0, 0.5, 2, 6.9))
    True
    """
    x = np.real(z)
    slope = 2 * np.exp(-x * x) / np.sqrt(np.arccos(PRECISE(-1)))
    inside = np.abs(x) < 7  # beyond, it is 1 to more digits than there are
    square = np.where(inside, x * x, 0)
    total = term = x * slope
    n = 0
    while np.any(np.abs(term) > np.finfo(PRECISE).eps * np.abs(total)):
        n += 1
        term = term * 2 * square / (2 * n + 1)
        total = total + term
    return np.where(inside, total, np.sign(x)) + (z - x) * slope


class Around:
    """Loss and wanted expressions of a network at several places of one argument.

    Args:
        program: of the network.
        wanted: what is evaluated beside the loss.
        numpy: what the program's lines call ``np``.
    """

    def __init__(self, program: Program, wanted: Sequence[Wanted] = (), numpy: Any = np) -> None:
        self.network, self.arguments = program.network, [q.base for q in program.plan.arguments]
        self.function = program.function_of([program.plan.loss, *wanted], namespace={"np": numpy, "erf": erf})

    def __call__(self, arguments: Sequence[Array], position: int, places: Array) -> tuple[Array, list[Array]]:
        """The losses (mean over the samples), and every wanted expression flattened to (places, entries).

        Args:
            arguments: in the program's order.
            position: which argument moves.
            places: its values, stacked along a first axis.
        """
        read = self._broadcast if self.network.is_scalar else self._one_after_the_other
        losses, *wanted = (_rows(column, len(places)) for column in read(arguments, position, places))
        return losses.mean(axis=1), wanted

    def _broadcast(self, arguments: Sequence[Array], position: int, places: Array) -> Sequence[Array]:
        """A scalar network at all places in one call."""
        moved = list(arguments)
        moved[position] = places.reshape(-1, *(1,) * max(np.ndim(a) for a in arguments))
        return self.function(*moved)

    def _one_after_the_other(self, arguments: Sequence[Array], position: int, places: Array) -> Sequence[Array]:
        """One call for each place (and for each sample of a network that knows no samples)."""
        results: list[list[Any]] = []
        for place in places:
            values = dict(zip(self.arguments, arguments, strict=True)) | {self.arguments[position]: place}
            calls = [self.function(*(own[b] for b in self.arguments)) for own in one_by_one(self.network, values)]
            results.append([np.stack(column) for column in zip(*calls, strict=True)])
        return [np.stack(column) for column in zip(*results, strict=True)]


def _rows(value: Array, rows: int) -> Array:
    """A value at every place (first axis) and for every entry (second axis)."""
    array = np.asarray(value)
    if not array.ndim or array.shape[0] != rows:
        array = np.broadcast_to(array, (rows, *array.shape[1:]))
    return array.reshape(rows, -1)
