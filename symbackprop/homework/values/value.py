"""Numbers with rows and columns: what an expression of an answer is at many points at once.

Contract: the array of a `Value` has the axes (point, row, column, index, index, ...); a size of 1 is spread. `rows` and
`cols` say how large it is; None is any size (a vector of ones whose length is not written).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from symbackprop.notation.conform import Clash, inner_size, spread

Array = Any


@dataclass(frozen=True, slots=True)
class Value:
    """A matrix of numbers at every point."""

    array: Array
    rows: int | None = 1
    cols: int | None = 1
    label: str = ""
    vector: bool = False
    """A quantity with one axis: a column that may stand for a row where only that fits."""

    @property
    def is_scalar(self) -> bool:
        """Is it 1 x 1?"""
        return self.rows == 1 and self.cols == 1

    @property
    def shape(self) -> str:
        """``4 × 3``, for messages."""
        return f"{'?' if self.rows is None else self.rows}×{'?' if self.cols is None else self.cols}"

    def transposed(self) -> Value:
        """Rows and columns exchanged."""
        label = f"{self.label}ᵀ" if self.label and not self.label.endswith("ᵀ") else self.label.removesuffix("ᵀ")
        return Value(self.array.swapaxes(1, 2), self.cols, self.rows, label)

    def named(self, label: str) -> Value:
        """The same numbers under another name."""
        return replace(self, label=label)


def scalar(number: Any) -> Value:
    """A number, or one for every point."""
    array = np.asarray(number, dtype=float)
    return Value(array.reshape((-1, 1, 1)))


def aligned(parts: Sequence[Array]) -> list[Array]:
    """Arrays with equally many axes: index axes are added at the end."""
    most = max(a.ndim for a in parts)
    return [a if a.ndim == most else a.reshape(a.shape + (1,) * (most - a.ndim)) for a in parts]


def elementwise(
    parts: Sequence[Value], combine: Callable[[Sequence[Array]], Array], what: str, samples: int | None = None
) -> Value:
    """Combine entries at the same place.

    Raises:
        Clash: the sizes do not fit, or only as an outer product, which no notation means.
    """
    if all(p.rows == 1 and p.cols == 1 for p in parts):
        return Value(combine(aligned([p.array for p in parts])))
    laid, rows, cols = spread(parts, what, samples)
    if not any(p.rows in (rows, None) and p.cols in (cols, None) for p in laid):
        column = next(p for p in laid if p.rows not in (1, None))
        row = next(p for p in laid if p.cols not in (1, None))
        raise Clash(
            f"the {what} does not conform: {column.label or 'one part'} is {column.shape}, "
            f"{row.label or 'the other'} is {row.shape}",
            f"one of them must be transposed, or write the matrix product {column.label or 'a'} {row.label or 'b'}",
        )
    vector = len(parts) > 0 and all(p.vector or p.is_scalar for p in laid)
    return Value(combine(aligned([p.array for p in laid])), _number(rows), _number(cols), vector=vector)


def product(arrays: Sequence[Array]) -> Array:
    """The product of arrays."""
    result = arrays[0]
    for other in arrays[1:]:
        result = result * other
    return result


def matmul(a: Value, b: Value) -> Value:
    """The matrix product; a 1 x 1 factor only scales.

    Raises:
        Clash: the inner sizes differ.
    """
    if a.is_scalar or b.is_scalar:
        return elementwise([a, b], product, "product")
    inner = inner_size(a, b)
    left, right = aligned([a.array, b.array])
    if a.cols is None or b.rows is None:  # a vector of ones of any length
        left = left if a.cols is not None else np.broadcast_to(left, (*left.shape[:2], inner, *left.shape[3:]))
        right = right if b.rows is not None else np.broadcast_to(right, (right.shape[0], inner, *right.shape[2:]))
    result = left @ right if left.ndim == 3 else np.einsum("pij...,pjk...->pik...", left, right)
    return Value(result, a.rows, b.cols)


def total(a: Value, *, rows: bool, cols: bool) -> Value:
    """The sum over rows, over columns, or over both."""
    if (rows and a.rows is None) or (cols and a.cols is None):
        raise Clash("the size that is summed over here cannot be told", "write the sum with its range")
    array = full(a)
    if rows:
        array = array.sum(axis=1, keepdims=True)
    if cols:
        array = array.sum(axis=2, keepdims=True)
    return Value(array, 1 if rows else a.rows, 1 if cols else a.cols)


def full(a: Value) -> Array:
    """The array at its full number of rows and columns."""
    shape = (a.array.shape[0], a.rows or 1, a.cols or 1, *a.array.shape[3:])
    return a.array if a.array.shape == shape else np.broadcast_to(a.array, shape)


def _number(size: Any) -> int | None:
    return None if size is None else int(size)
