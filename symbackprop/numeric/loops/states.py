"""What a training loop changes: parameters and the memory of the update rule, side by side in one piece of memory.

Contract: `States` has the arrays as views of `flat`; to keep or restore all of them is one copy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from symbackprop.numeric.values import Array


class States:
    """Arrays that are views of one flat array.

    Attributes:
        flat: all numbers, array after array.
        arrays: the same as arrays of their shapes; scalars have no axes.
    """

    def __init__(self, start: Sequence[Array], memory: int, dtype: np.dtype[Any]) -> None:
        """Start values, then for each of them so many arrays of zeros of its shape, as `Design.states` orders them."""
        shapes = [np.shape(value) for value in start]
        shapes += [shape for shape in shapes for _ in range(memory)]
        sizes = [math.prod(shape) for shape in shapes]
        self.flat = np.zeros(sum(sizes), dtype)
        self.arrays: list[Array] = []
        first = 0
        for shape, size in zip(shapes, sizes, strict=True):
            self.arrays.append(self.flat[first : first + size].reshape(shape))
            first += size
        for array, value in zip(self.arrays, start, strict=False):
            array[...] = value
