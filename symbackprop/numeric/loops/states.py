"""What a training loop changes: parameters and the memory of the update rule, side by side in one piece of memory.

Contract: `States` has the arrays as views of `flat`; to keep or restore all of them is one copy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from symbackprop.numeric.values import Array


class States:
    """Arrays that are views of one flat array.

    Attributes:
        flat: all numbers, array after array.
        arrays: the same as arrays of their shapes; scalars have no axes. Made when they are asked for.
    """

    def __init__(self, start: Sequence[Array], memory: int, dtype: np.dtype[Any]) -> None:
        """Start values, then for each of them so many arrays of zeros of its shape, as `Design.states` orders them."""
        shapes = [value.shape for value in start]
        self._shapes = shapes + [shape for shape in shapes for _ in range(memory)] if memory else shapes
        if any(shapes):
            self.flat = np.zeros(sum([math.prod(shape) for shape in self._shapes]), dtype)
            for array, value in zip(self.arrays, start, strict=False):
                array[...] = value
        else:
            self.flat = np.array([*start, *[0.0] * (len(shapes) * memory)], dtype)

    def values(self) -> list[Array]:
        """The arrays; those without axes as NumPy scalars."""
        return [array[()] for array in self.arrays] if any(self._shapes) else list(self.flat)

    @cached_property
    def arrays(self) -> list[Array]:
        """Views of the flat array."""
        found: list[Array] = []
        first = 0
        for shape in self._shapes:
            last = first + math.prod(shape)
            found.append(self.flat[first:last].reshape(shape))
            first = last
        return found
