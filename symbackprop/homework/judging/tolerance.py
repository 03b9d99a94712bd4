"""When do numbers agree? Tight enough for a factor 1.001, loose enough for another order of rounding.

Contract: `agree(truth, answer)` compares shapes first, then every entry at every point; what is not finite never
agrees.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from symbackprop.homework.values.value import Value, aligned, full

RELATIVE = 1e-7
"""Of the entry itself."""
ABSOLUTE = 1e-9
"""Of the largest entry at the same point: differences of large terms."""


def agree(truth: Value, answer: Value, *, free_vectors: bool = True) -> bool:
    """Have two values the same shape and the same numbers?

    Args:
        truth: what is right.
        answer: what was handed in.
        free_vectors: may a quantity with one axis be handed in as a row?
    """
    fitted = fit(truth, answer, free_vectors=free_vectors)
    return fitted is not None and close(full(truth), fitted)


def fit(truth: Value, answer: Value, *, free_vectors: bool = True) -> Any:
    """The answer's array in the shape of the truth; None where it has another shape."""
    if answer.rows == truth.rows and answer.cols == truth.cols:
        return full(answer)
    if answer.rows in (None, truth.rows) and answer.cols in (None, truth.cols):
        return full(Value(answer.array, truth.rows, truth.cols))
    flipped = answer.rows == truth.cols and answer.cols == truth.rows
    if flipped and (answer.vector or (truth.vector and free_vectors)) and 1 in (answer.rows, answer.cols):
        return full(answer.transposed())
    return None


def close(truth: Any, answer: Any) -> bool:
    """Are two arrays equal up to rounding?"""
    pair = _spread(truth, answer)
    if pair is None:
        return False
    a, b = pair
    scale = np.abs(a).max(axis=tuple(range(1, a.ndim)), keepdims=True)
    return bool((np.abs(a - b) <= RELATIVE * np.maximum(np.abs(a), np.abs(b)) + ABSOLUTE * scale).all())


def ratio(truth: Any, answer: Any) -> float | None:
    """The constant by which an answer differs from the truth, everywhere; None if there is none."""
    pair = _spread(truth, answer)
    if pair is None:
        return None
    a, b = pair
    scale = float(np.abs(a).max())
    big = np.abs(a) > 1e-6 * scale
    if scale == 0 or not big.any():
        return None
    factor = float(np.median(b[big] / a[big]))
    if factor == 0 or not np.isfinite(factor):
        return None
    return factor if close(a * factor, b) else None


def _spread(truth: Any, answer: Any) -> tuple[Any, Any] | None:
    """Two arrays at one shape; None where they have none, or hold what is not finite."""
    a, b = aligned([truth, answer])
    if any(m != n and 1 not in (m, n) for m, n in zip(a.shape, b.shape, strict=True)):
        return None
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return None
    shape = np.broadcast_shapes(a.shape, b.shape)
    return np.broadcast_to(a, shape), np.broadcast_to(b, shape)
