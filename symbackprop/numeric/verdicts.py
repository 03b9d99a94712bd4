"""What a gradient check found: errors by parameter, and which of them are wrong.

Contract: `GradientCheck` is a dict from parameters to relative errors; kinks, rounding and what was not given are
attributes of it, and sentences in `notes`. Nothing is computed here but the error itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from symbackprop.numeric.differences import FLOOR

Method: TypeAlias = Literal["central", "complex"]


@dataclass(frozen=True)
class Kink:
    """A parameter that was not judged at a point: the loss has no derivative there."""

    parameter: str
    function: str
    point: int

    def __str__(self) -> str:
        return f"{self.parameter}: {self.function} is at its kink at point {self.point}, there is no derivative"


class GradientCheck(dict[str, float]):
    """Parameter -> relative error, the largest over all points.

    Attributes:
        tolerance: the error that is still right: 1e-6, for float32 1e-4, for float16 0.03.
        points: at how many points the gradients were compared.
        kinks: where the loss has no derivative; such a point does not count.
        method: parameter -> ``complex`` (step) or ``central`` (differences): which of them decided.
        judged: parameter -> the error that decided. It is the one by `method`, and of a derived gradient in the
            widest floating type: the formula is judged, not the rounding. Nothing where there were only kinks.
        size: parameter -> the largest derivative that was compared.
        misfits: parameter -> what is wrong with the shape of the gradient that was given; its error is infinite.
        hidden: parameters whose derivative the rounding of the loss hides at some point; that does not count.
        missing: parameters for which no gradient was given.
    """

    def __init__(self, tolerance: float, points: int) -> None:
        super().__init__()
        self.tolerance, self.points = tolerance, points
        self.kinks: list[Kink] = []
        self.method: dict[str, Method] = {}
        self.judged: dict[str, float] = {}
        self.size: dict[str, float] = {}
        self.misfits: dict[str, str] = {}
        self.hidden: set[str] = set()
        self.missing: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Is every gradient right?"""
        return not self.wrong

    @property
    def wrong(self) -> tuple[str, ...]:
        """The parameters whose gradient is wrong."""
        return tuple(name for name, error in self.judged.items() if not error <= self.tolerance)

    @property
    def rounded(self) -> tuple[str, ...]:
        """The parameters whose gradient is right, but loses digits to rounding in the dtype of the values."""
        return tuple(n for n, e in self.items() if e > self.tolerance and n not in self.wrong)

    @property
    def faint(self) -> tuple[str, ...]:
        """The parameters whose gradient is so small that a factor of 1.001 would not show."""
        return tuple(name for name, size in self.size.items() if 0 < size * 1e-3 < FLOOR * self.tolerance)

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences about kinks, shapes, rounding, what is missing, and which method decided."""
        smooth = [name for name, method in self.method.items() if method == "complex"]
        return (
            *map(str, self.kinks),
            *self.misfits.values(),
            *(f"{name}: the rounding of the loss hides its derivative" for name in self if name in self.hidden),
            *(f"{n} is right, but rounding in the dtype of the values costs {self[n]:.1g}" for n in self.rounded),
            *(f"{n} has a gradient of {self.size[n]:.1g}, too small to be judged well" for n in self.faint),
            *([f"no gradient is given for {', '.join(self.missing)}"] if self.missing else []),
            *([f"the complex step decided for {', '.join(smooth)}"] if smooth else []),
        )

    @property
    def worst(self) -> str | None:
        """The parameter with the largest error."""
        return max(self, key=lambda name: self[name]) if self else None

    def enter(self, name: str, error: float, judged: float | None = None) -> None:
        """Count an error of a parameter, and the one that decides (none at a kink)."""
        self[name] = max(error, self.get(name, 0.0))
        if judged is not None:
            self.judged[name] = max(judged, self.judged.get(name, 0.0))


def relative_error(analytic: Any, numeric: Any) -> float:
    """max|a - n| / max(1e-8, max|a|, max|n|); infinite where one of them is not finite."""
    a, n = np.asarray(analytic, dtype=float), np.asarray(numeric, dtype=float)
    if not (np.isfinite(a).all() and np.isfinite(n).all()):
        return math.inf
    return float(np.max(np.abs(a - n)) / max(FLOOR, np.max(np.abs(a)), np.max(np.abs(n))))
