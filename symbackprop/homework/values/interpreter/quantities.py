"""Whole quantities and adjoints as rows and columns, by the conventions of the file.

Contract: knows the world and no notation.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from symbackprop.homework.answers.names import Meaning
from symbackprop.homework.values.interpreter.state import (
    RATE,
    State,
    Unknown,
)
from symbackprop.homework.values.value import Value, scalar
from symbackprop.indexed import Base

Array = Any


class WholeQuantities(State):
    """The layer that knows the arrays of the network."""

    def quantity(self, base: Base, array: Any = None, label: str = "") -> Value:
        """A whole quantity, or an array shaped like one, as rows and columns."""
        quantity = self.world.network.quantities[base]
        array = self.world.read.arrays[base] if array is None else array
        label = label or quantity.name.unicode
        if array.ndim == 1:
            return Value(array.reshape(-1, 1, 1), label=label)
        if array.ndim == 2:
            return Value(array[:, :, None], array.shape[1], 1, label, vector=True)
        if array.ndim == 3:
            if self.conventions.transposed:
                array = array.swapaxes(1, 2)
            return Value(array, array.shape[1], array.shape[2], label)
        raise Unknown(f"{quantity.name.plain} has {array.ndim - 1} axes: write its indices", (0, 1))

    def adjoint(self, base: Base) -> Array:
        """The derivative of the loss by a quantity."""
        found = self.adjoints.get(base)
        return self.world.adjoints[base] if found is None else found

    def is_mean_free(self, base: Base) -> bool:
        """Does the per-sample convention scale the delta of this quantity?"""
        quantity = self.world.network.quantities[base]
        samples = self.world.network.samples
        return (
            self.conventions.per_sample
            and self.names.is_mean
            and quantity.role == "intermediate"
            and any(axis.size == samples for axis in quantity.axes)
        )

    def delta(self, base: Base, *, signed: bool) -> Array:
        """What delta, dZ, dA stand for, by the conventions."""
        array = self.adjoint(base)
        if self.is_mean_free(base):
            array = array * float(self.samples or 1)
        return -array if signed and self.conventions.negative_delta else array

    def of_meaning(self, meaning: Meaning) -> tuple[Value | None, Base | None, Any]:
        """A value; or the base and the array that indices may stand on."""
        match meaning.kind:
            case "size":
                return scalar(float(self.world.read.integer(meaning.base))), None, None
            case "rate":
                return scalar(RATE), None, None
            case "delta":
                return None, meaning.base, self.delta(meaning.base, signed=True)
            case "onehot":
                return self.one_hot(meaning.base), None, None
            case "softmax":
                return None, meaning.base, self.probabilities(meaning.base)
            case _:
                return None, meaning.base, self.world.read.arrays[meaning.base]

    def probabilities(self, base: Base) -> Array:
        """The softmax of scores, over the axis that is not the samples'."""
        scores = self.world.read.arrays[base]
        axes = self.world.network.quantities[base].axes
        axis = next((n for n, a in enumerate(axes) if a.size != self.world.network.samples), 0) + 1
        shifted = np.exp(scores - scores.max(axis=axis, keepdims=True))
        return shifted / shifted.sum(axis=axis, keepdims=True)

    def one_hot(self, base: Base) -> Value:
        """Integer labels as rows (or columns) of zeros and a one, like the scores that they pick from."""
        labels = self.world.read.arrays[base]
        limit = self.world.network.labels[base]
        low, high = self.world.read.integer(limit.low), self.world.read.integer(limit.high)
        hot = (labels[:, :, None] == np.arange(low, high + 1)).astype(float)
        prediction = self.names.prediction
        shape = None if prediction is None else self.world.read.arrays[prediction].shape[1:]
        if shape == hot.shape[:0:-1] or (shape is not None and shape == (hot.shape[2], hot.shape[1])):
            hot = hot.swapaxes(1, 2)
        if self.conventions.transposed:
            hot = hot.swapaxes(1, 2)
        return Value(hot, hot.shape[1], hot.shape[2], "onehot")
