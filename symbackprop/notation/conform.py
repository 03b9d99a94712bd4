"""Do the parts of a formula fit together? Rows and columns only, whatever the entries are.

Contract: sizes are numbers, size expressions, or None for any size (a vector of ones); what does not fit raises `Clash`
with both sizes and the repairs. Reading a network and judging an answer ask the same questions here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, Self, TypeVar

import sympy as sp


class Clash(Exception):  # noqa: N818 - not an error of the user until the reader says where
    """Two parts that do not fit together; the reader adds the place."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


class Sized(Protocol):
    """A matrix-like thing."""

    @property
    def rows(self) -> Any:
        """How many rows; None: any number."""
        ...

    @property
    def cols(self) -> Any:
        """How many columns; None: any number."""
        ...

    @property
    def label(self) -> str:
        """How it is called in messages."""
        ...

    @property
    def vector(self) -> bool:
        """Has it one axis, so that it may be laid down as a row where it stands for a bias?"""
        ...

    @property
    def is_scalar(self) -> bool:
        """Is it 1 x 1?"""
        ...

    @property
    def shape(self) -> str:
        """``n_1 x m``, for messages."""
        ...

    def transposed(self) -> Self:
        """Rows and columns exchanged."""
        ...


S = TypeVar("S", bound=Sized)


def same(a: Any, b: Any) -> bool:
    """Are two sizes known and equal?"""
    if a is None or b is None:
        return False
    return a == b or (isinstance(a, sp.Basic) and isinstance(b, sp.Basic) and sp.expand(a - b) == 0)


def alike(a: Sized, b: Sized) -> bool:
    """Have two factors the same shape?"""
    return a.rows == b.rows and a.cols == b.cols


def spread(parts: Sequence[S], what: str, samples: Any = None) -> tuple[Sequence[S], Any, Any]:
    """Parts of an elementwise operation, vectors laid down where they must be; rows and columns of the result."""
    parts = _laid_down(parts, samples)
    rows: Any = sp.S.One
    cols: Any = sp.S.One
    for part in parts:
        fits_rows, new_rows = _joined(rows, part.rows)
        fits_cols, new_cols = _joined(cols, part.cols)
        if not (fits_rows and fits_cols):
            before = next(p for p in parts if not (_joined(p.rows, part.rows)[0] and _joined(p.cols, part.cols)[0]))
            raise Clash(
                f"the {what} does not conform: {before.label or 'the first part'} is {before.shape}, "
                f"{part.label or 'the other'} is {part.shape}",
                _repair_sum(before, part),
            )
        rows, cols = new_rows, new_cols
    return parts, rows, cols


def inner_size(a: Sized, b: Sized) -> Any:
    """The size that a matrix product sums over."""
    if not (a.cols is None or b.rows is None or same(a.cols, b.rows)):
        raise Clash(
            f"the matrix product does not conform: {a.label or 'the left factor'} is {a.shape}, "
            f"{b.label or 'the right factor'} is {b.shape}",
            _repair_product(a, b),
        )
    inner = b.rows if a.cols is None else a.cols
    if inner is None:
        raise Clash(
            "the size that is summed over here cannot be told",
            r"give the vector of ones a size: \mathbf{1}_m",
        )
    return inner


def _joined(a: Any, b: Any) -> tuple[bool, Any]:
    """One size from two: equal, or 1 against n, or any against n."""
    if a is None or b is None:
        return True, b if a is None else a
    if same(a, b):
        return True, a
    if a == 1 or b == 1:
        return True, b if a == 1 else a
    return False, None


def _laid_down(parts: Sequence[S], samples: Any) -> list[S]:
    """Turn one-axis vectors into rows where only that fits, or where the other axis is the sample axis."""
    fixed = [p for p in parts if not p.vector and not p.is_scalar]
    rows = next((p.rows for p in fixed if p.rows not in (None, 1)), None)
    cols = next((p.cols for p in fixed if p.cols not in (None, 1)), None)
    result: list[S] = []
    for part in parts:
        if part.vector and cols is not None and part.rows is not None and cols != 1:
            as_column, as_row = rows is not None and same(part.rows, rows), same(part.rows, cols)
            if as_column and as_row and samples is None:
                raise Clash(
                    f"{part.label} could be spread over the rows or over the columns, both are {part.rows}",
                    rf"write {part.label} \mathbf{{1}}^\top or \mathbf{{1}} {part.label}^\top, "
                    "or declare 'samples: ...'",
                )
            if as_row and (not as_column or same(rows, samples)):
                part = part.transposed()
        result.append(part)
    return result


def _repair_sum(a: Sized, b: Sized) -> str:
    if same(a.rows, b.cols) and same(a.cols, b.rows):
        return f"one of them must be transposed: {b.label or 'the second'}^T"
    return "make the sizes equal, or check the declared shapes"


def _repair_product(a: Sized, b: Sized) -> str:
    left, right = a.label or "the left one", b.label or "the right one"
    repairs = [
        text
        for fits, text in (
            (same(a.rows, b.rows), f"{left}^T {right}"),
            (same(a.cols, b.cols), f"{left} {right}^T"),
            (same(b.cols, a.rows), f"{right} {left}"),
            (same(b.rows, a.rows) and same(a.cols, b.cols), rf"{left} \odot {right}"),
            (same(b.cols, a.cols), f"{right} {left}^T"),
            (same(a.rows, b.rows), f"{right}^T {left}"),
        )
        if fits
    ]
    return (
        f"write {' or '.join(dict.fromkeys(repairs))}"
        if repairs
        else "check the declared shapes: no order of the two fits"
    )
