"""The complex step: the derivative of a smooth loss, exact to rounding, from one evaluation.

Contract: f'(x) = Im f(x + ih) / h with h = 1e-30, which subtracts nothing and so may be as small as one likes
(W. Squire, G. Trapp, SIAM Review 40, 1998). Only where every function on the way is analytic: never across a gate.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from symbackprop.indexed import Base
from symbackprop.numeric.around import Around
from symbackprop.numeric.kinks import gates_of
from symbackprop.numeric.program import Program
from symbackprop.numeric.values import Array

STEP = 1e-30


class AnalyticNumPy:
    """NumPy for complex numbers near the real line: what keeps a smooth function from overflowing goes by the real
    part, so that it stays smooth (J. Martins, P. Sturdza, J. Alonso, ACM TOMS 29, 2003).

    Comparisons, ``max`` and ``where`` need nothing: NumPy compares complex numbers by their real parts first.
    """

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    @staticmethod
    def abs(z: Any) -> Any:
        """``z`` or ``-z``, not the modulus."""
        return np.where(np.real(z) < 0, -z, z)

    @staticmethod
    def zeros(shape: Any, dtype: Any) -> Any:
        """Room for complex numbers."""
        return np.zeros(shape, np.result_type(dtype, np.complex64))

    @staticmethod
    def asarray(z: Any, dtype: Any) -> Any:
        """Complex where the number is."""
        return np.asarray(z, np.result_type(dtype, np.complex64) if np.iscomplexobj(z) else dtype)

    @staticmethod
    def logaddexp(a: Any, b: Any) -> Any:
        """``log(exp(a) + exp(b))``, which NumPy has for real numbers only."""
        largest = np.maximum(np.real(a), np.real(b))
        return largest + np.log(np.exp(a - largest) + np.exp(b - largest))


class ComplexStep:
    """Directional derivatives of the loss of a network where it is analytic."""

    def __init__(self, program: Program) -> None:
        self.around = Around(program, numpy=AnalyticNumPy())
        gates = [gate.depends_on(program.network) for gate in gates_of(program.network)]
        self.behind_a_gate: set[Base] = set().union(*gates)

    def derivative(self, arguments: Sequence[Array], position: int, direction: Array) -> float | None:
        """The derivative of the loss as one argument moves along a direction.

        None where a function on the way from the argument to the loss is not analytic (relu, max, abs, a condition),
        or NumPy has it for real numbers only.
        """
        if self.around.arguments[position] in self.behind_a_gate:
            return None
        place = arguments[position] + 1j * STEP * direction
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", np.exceptions.ComplexWarning)
                (loss,), _ = self.around(arguments, position, place[None])
        except (TypeError, np.exceptions.ComplexWarning):
            return None
        return float(loss.imag / STEP)
