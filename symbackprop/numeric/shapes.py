"""Shapes of the arrays that users give: sizes are read from them, and everything must agree.

Contract: `Shapes(network, values)` knows every size that the values tell, or raises one `DataError` that names two
arrays that disagree. A vector is 1-D; labels are whole numbers that count from 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp

from symbackprop.errors import DataError
from symbackprop.indexed import Base
from symbackprop.network import Network, Quantity
from symbackprop.numeric.sizes import Reading, readings

STACKABLE = ("input", "target")


class Shapes:
    """The sizes of a network as its values show them.

    Attributes:
        sizes: size symbol -> number.
        stacked: the number of samples, where inputs and targets of a network without a sample axis have one more
            axis in front; else None.
    """

    def __init__(self, network: Network, values: Mapping[Base, Any]) -> None:
        self.network = network
        if network.is_scalar:  # a scalar may carry samples, which is checked elsewhere
            values = {}
        self.sizes: dict[Any, int] = {}
        self._told_by: dict[Any, str] = {}
        self.stacked: int | None = None
        numbers = {str(base): value for base, value in network.values.items()}
        stated = {size: numbers[size.name] for size in network.sizes if size.name in numbers}
        for base, value in (stated | dict(values)).items():
            if base in network.sizes:
                self._learn(base, int(value), f"'{base.name} := {int(value)}'")
        quantities = [network.quantities[b] for b in values if b in network.quantities]
        for quantity in quantities:
            self._read(quantity, np.shape(values[quantity.base]))
        for reading in readings(quantities, network.sizes, self.sizes):
            for quantity in quantities:
                self._agree(quantity, np.shape(values[quantity.base]))
            self._read_multiple(reading, values[reading.quantity.base])
        for quantity in quantities:
            self._agree(quantity, np.shape(values[quantity.base]))
            self._check_labels(quantity, values[quantity.base])

    @cached_property
    def samples(self) -> int | None:
        """The number of samples, if there is a sample axis."""
        if self.network.samples is None:
            return self.stacked
        return self.number(self.network.samples)

    def number(self, size: Any) -> int | None:
        """The number that a size expression stands for, or None where it is not known."""
        value = size.xreplace({s: sp.Integer(n) for s, n in self.sizes.items()})
        return int(value) if value.is_Integer else None

    def of(self, quantity: Quantity) -> tuple[int, ...]:
        """The shape that an array of a quantity must have.

        Raises:
            DataError: a size is told by no array.
        """
        found = [self.number(size) for size in quantity.shape]
        for size, number in zip(quantity.shape, found, strict=True):
            if number is None:
                raise DataError(
                    f"the size {size} of {quantity.name.plain} is not known",
                    hint=f"give {quantity.name.plain} a value, or give the size itself: {size} := 16",
                )
        return tuple(n for n in found if n is not None)

    def _read(self, quantity: Quantity, shape: tuple[int, ...]) -> None:
        shape = self._without_stack(quantity, shape)
        for length, axis in zip(shape, quantity.axes, strict=True):
            if axis.size.is_Symbol:
                self._learn(axis.size, length, quantity.name.plain)

    def _read_multiple(self, reading: Reading, value: Any) -> None:
        """A size from an axis that is longer than it, such as 2 H + 1."""
        quantity, position = reading.quantity, reading.position
        length = self._without_stack(quantity, np.shape(value))[position]
        factor, rest = self.number(reading.factor), self.number(reading.rest)
        if not factor or rest is None:
            return
        number, left = divmod(length - rest, factor)
        if left or number < 1:
            raise DataError(
                f"{quantity.name.plain} has {length} entries along an axis of {quantity.axes[position].size}, "
                f"which no whole number {reading.size} gives",
                hint=f"give it {max(number, 1) * factor + rest} entries, for example",
            )
        self._learn(reading.size, number, quantity.name.plain)

    def _without_stack(self, quantity: Quantity, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape without a leading sample axis, where the network has none of its own."""
        name, axes = quantity.name.plain, len(quantity.axes)
        if len(shape) == axes + 1 and self.network.samples is None and quantity.role in STACKABLE:
            if self.stacked is not None and self.stacked != shape[0]:
                raise DataError(
                    f"{name} has {shape[0]} samples, but others have {self.stacked}",
                    hint="give the same number of samples for every input and target",
                )
            if shape[0] == 0:
                raise DataError(f"{name} has no samples", hint="give at least one")
            self.stacked = shape[0]
            return shape[1:]
        if len(shape) != axes:
            wanted = " x ".join(str(s) for s in quantity.shape) if axes else "a number"
            raise DataError(
                f"{name} is {wanted}, but its value has shape {shape}",
                hint="a vector is 1-D" if axes == 1 else f"give an array with {axes} axes",
            )
        return shape

    def _learn(self, size: Any, number: int, name: str) -> None:
        if number < 1:
            raise DataError(f"{name} has no entries along {size}")
        if self.sizes.setdefault(size, number) != number:
            raise DataError(
                f"{name} makes {size} = {number}, but {self._told_by[size]} makes it {self.sizes[size]}",
                hint="the arrays must agree on every size",
            )
        self._told_by.setdefault(size, name)

    def _agree(self, quantity: Quantity, shape: tuple[int, ...]) -> None:
        shape = self._without_stack(quantity, shape)
        for length, axis in zip(shape, quantity.axes, strict=True):
            wanted = self.number(axis.size)
            if wanted is not None and wanted != length:
                raise DataError(
                    f"{quantity.name.plain} has {length} entries along an axis of {axis.size} = {wanted}",
                    hint=f"its shape must be {' x '.join(str(s) for s in quantity.shape)}",
                )

    def _check_labels(self, quantity: Quantity, value: Any) -> None:
        label = self.network.labels.get(quantity.base)
        classes = None if label is None else self.number(label.size)
        array = np.asarray(value)
        if classes is not None and array.size and not (array.min() >= 0 and array.max() < classes):
            raise DataError(
                f"the labels {quantity.name.plain} run from {array.min()} to {array.max()}, "
                f"but there are {classes} classes",
                hint=f"labels count from 0 to {classes - 1}",
            )
