"""The values at one point, and how they are written.

Contract: `Known` computes every quantity, delta and gradient once, with the compiled program, and spells them with a
chosen number of digits; nothing is rounded before it is printed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp

from symbackprop.indexed import base_of
from symbackprop.network import Quantity, Role
from symbackprop.numeric import Program
from symbackprop.numeric.shapes import Shapes
from symbackprop.sheets.blocks import Math, Row
from symbackprop.sheets.breaking import side_by_side
from symbackprop.sheets.compose.composition import Composition
from symbackprop.sheets.mathematics import number

ROLES: tuple[Role, ...] = ("input", "target", "constant", "parameter")
LARGEST = 8
"""Of arrays with more rows or columns, the first ones and the last are printed."""
SHOWN = 3
NOISE = 1e-14
"""Entries that are so small beside the largest of their array are rounding errors."""


@dataclass(frozen=True)
class Known:
    """Every number of a sheet, by the base of the quantity or of the adjoint that it belongs to."""

    c: Composition
    program: Program
    values: Mapping[Any, Any]
    digits: int

    @cached_property
    def gradients(self) -> Mapping[str, Any]:
        """The gradient of every parameter by its plain name."""
        return self.program(self.values)[1]

    @cached_property
    def given(self) -> list[Quantity]:
        """The quantities that were given, inputs first."""
        network = self.c.derivation.network
        return [q for role in ROLES for q in network.with_role(role) if q.base in self._bound]

    @cached_property
    def _bound(self) -> Mapping[Any, Any]:
        return self.program.bind(self.values)

    @cached_property
    def numbers(self) -> Mapping[Any, Any]:
        """What was given, what the forward pass makes of it, every delta and every gradient."""
        self.program(self.values)  # refuses what does not fit
        arguments = [self._bound[q.base] for q in self.program.plan.arguments]
        forward = self.program.evaluate_forward(self._bound)
        return {**self._bound, **forward, **self.program.evaluate_backward(arguments)}

    @cached_property
    def sizes(self) -> Mapping[sp.Symbol, int]:
        """The sizes that the arrays have."""
        return Shapes(self.c.derivation.network, self._bound).sizes

    def gradient_base(self, quantity: Quantity) -> Any:
        """Under which base the derivative by a quantity is known."""
        symbol = self.c.gradient(quantity).symbol
        return base_of(symbol) if quantity.axes else symbol

    def __contains__(self, base: Any) -> bool:
        return base in self.numbers

    def of(self, base: Any) -> Math:
        """A number, or a vector or matrix while it is small."""
        return array(self.numbers[base], self.digits)

    @cached_property
    def names(self) -> Mapping[Any, Math]:
        """What stands for every symbol in a substitution."""
        found = {base: in_product(array(value, self.digits)) for base, value in self.numbers.items()}
        return found | {size: Math(str(n), str(n)) for size, n in self.sizes.items()}

    def beside(self, quantities: Iterable[Quantity]) -> list[Row]:
        """``X = [...], W = [...]``: values side by side where there is room."""
        write = self.c.write
        return side_by_side([Row(write.name(q), self.of(q.base)) for q in quantities])


def in_product(value: Math) -> Math:
    """A number as a factor: a negative one and a power of ten stand in brackets."""
    if not value.text.startswith("[") and (value.text.startswith("-") or "e" in value.text):
        return Math(f"({value.latex})", f"({value.text})")
    return value


def is_whole(value: Any) -> bool:
    """Is the array small enough to be printed with all its entries?"""
    return np.ndim(value) <= 2 and max(np.shape(value), default=0) <= LARGEST


def without_noise(value: Any) -> Any:
    """An array in which what only rounding errors have left is 0."""
    value = np.asarray(value)
    if value.dtype.kind != "f" or not value.ndim:
        return value
    return np.where(np.abs(value) < NOISE * np.max(np.abs(value), initial=0.0), 0.0, value)


def array(value: Any, digits: int) -> Math:
    """A number, a column, or a matrix; of large ones the first rows and columns and the last."""
    value = np.asarray(value)
    if value.ndim == 0:
        return number(value.item(), digits)
    if value.ndim > 2:
        size = " × ".join(map(str, value.shape))
        return Math(rf"\text{{[{size}]}}".replace("×", r"$\times$"), f"[{size}]")
    value = without_noise(value)
    table = [[number(x.item(), digits) for x in np.atleast_1d(row)] for row in value]
    dots, down = Math(r"\cdots", "…"), Math(r"\vdots", "…")
    if len(table) > LARGEST:
        table = [*table[:SHOWN], [down] * len(table[0]), table[-1]]
    if len(table[0]) > LARGEST:
        table = [[*row[:SHOWN], dots, row[-1]] for row in table]
    latex = r" \\ ".join(" & ".join(x.latex for x in row) for row in table)
    text = "; ".join(" ".join(x.text for x in row) for row in table)
    return Math(rf"\begin{{bmatrix}} {latex} \end{{bmatrix}}", f"[{text}]")
