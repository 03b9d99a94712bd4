"""Matrix notation as closures: a size for rows and columns, and the entry at any row and column.

Contract: every function takes `Tensor`s and returns one; what does not conform raises `Clash` with the repairs. A
scalar is 1 x 1, a vector a column. Entries are scalar SymPy expressions over indices: matrix notation is only read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from symbackprop.indexed import Limit, LogSumExp, MaxOver, Softmax, product

Entry = Callable[[Any, Any], Any]
FreshIndex = Callable[[Any], sp.Symbol]
"""Size -> an index letter that is not used yet."""

ONE = sp.S.One


class Clash(Exception):  # noqa: N818 - not an error of the user until the reader says where
    """Two parts that do not fit together; the reader adds the place."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


@dataclass(frozen=True)
class Tensor:
    """A matrix-like thing: `rows` x `cols` (None: any size, such as the length of an unsized vector of ones)."""

    rows: sp.Expr | None
    cols: sp.Expr | None
    at: Entry
    label: str = ""
    """How it is called in messages."""
    vector: bool = False
    """A one-axis quantity, which may be laid down as a row where it stands for a bias."""

    @property
    def shape(self) -> str:
        """``n_1 x m``, for messages."""
        return f"{'?' if self.rows is None else self.rows} x {'?' if self.cols is None else self.cols}"

    @property
    def is_scalar(self) -> bool:
        """Is it 1 x 1?"""
        return self.rows == 1 and self.cols == 1

    def scalar(self) -> Any:
        """The entry of a 1 x 1 tensor."""
        if not self.is_scalar:
            raise Clash(
                f"{self.label or 'this'} is {self.shape}, but a single number is needed here",
                "sum over its entries, or take a norm",
            )
        return self.at(ONE, ONE)


def scalar(value: Any) -> Tensor:
    """A number as a tensor."""
    return Tensor(ONE, ONE, lambda _r, _c: value)


def _joined(a: sp.Expr | None, b: sp.Expr | None) -> tuple[bool, sp.Expr | None]:
    """One size from two: equal, or 1 against n, or any against n."""
    if a is None or b is None:
        return True, b if a is None else a
    if a == b or sp.expand(a - b) == 0:
        return True, a
    if a == 1 or b == 1:
        return True, b if a == 1 else a
    return False, None


def elementwise(
    parts: Sequence[Tensor],
    combine: Callable[[Sequence[Any]], Any],
    what: str,
    samples: sp.Expr | None = None,
) -> Tensor:
    """Combine entries at the same place; a size 1 (or a bias vector) is spread over the other parts."""
    parts = _lay_down(parts, samples)
    rows: sp.Expr | None = ONE
    cols: sp.Expr | None = ONE
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

    def at(r: Any, c: Any) -> Any:
        # A size 1 is spread by its only entry; where the whole is of size 1 too, its index runs through.
        return combine([p.at(ONE if p.rows == 1 != rows else r, ONE if p.cols == 1 != cols else c) for p in parts])

    return Tensor(rows, cols, at)


def _lay_down(parts: Sequence[Tensor], samples: sp.Expr | None) -> list[Tensor]:
    """Turn one-axis vectors into rows where only that fits, or where the other axis is the sample axis."""
    fixed = [p for p in parts if not p.vector and not p.is_scalar]
    rows = next((p.rows for p in fixed if p.rows not in (None, 1)), None)
    cols = next((p.cols for p in fixed if p.cols not in (None, 1)), None)
    result: list[Tensor] = []
    for part in parts:
        if part.vector and cols is not None and part.rows is not None and cols != 1:
            as_column, as_row = rows is not None and _same(part.rows, rows), _same(part.rows, cols)
            if as_column and as_row and samples is None:
                raise Clash(
                    f"{part.label} could be spread over the rows or over the columns, both are {part.rows}",
                    rf"write {part.label} \mathbf{{1}}^\top or \mathbf{{1}} {part.label}^\top, "
                    "or declare 'samples: ...'",
                )
            if as_row and (not as_column or _same(rows, samples)):
                part = transpose(part)
        result.append(part)
    return result


def _same(a: Any, b: Any) -> bool:
    return a is not None and b is not None and (a == b or sp.expand(a - b) == 0)


def _repair_sum(a: Tensor, b: Tensor) -> str:
    if _same(a.rows, b.cols) and _same(a.cols, b.rows):
        return f"one of them must be transposed: {b.label or 'the second'}^T"
    return "make the sizes equal, or check the declared shapes"


def matmul(a: Tensor, b: Tensor, fresh: FreshIndex) -> Tensor:
    """The matrix product; a 1 x 1 factor only scales."""
    if a.is_scalar or b.is_scalar:
        return elementwise([a, b], product, "product")
    if not (a.cols is None or b.rows is None or _same(a.cols, b.rows)):
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
    if inner == 1:
        return Tensor(a.rows, b.cols, lambda r, c: product([a.at(r, ONE), b.at(ONE, c)]))

    def at(r: Any, c: Any) -> Any:
        k = fresh(inner)
        return sp.Sum(product([a.at(r, k), b.at(k, c)]), (k, 1, inner))

    return Tensor(a.rows, b.cols, at)


def _repair_product(a: Tensor, b: Tensor) -> str:
    left, right = a.label or "the left one", b.label or "the right one"
    repairs = [
        text
        for fits, text in (
            (_same(a.rows, b.rows), f"{left}^T {right}"),
            (_same(a.cols, b.cols), f"{left} {right}^T"),
            (_same(b.cols, a.rows), f"{right} {left}"),
            (_same(b.rows, a.rows) and _same(a.cols, b.cols), rf"{left} \odot {right}"),
            (_same(b.cols, a.cols), f"{right} {left}^T"),
            (_same(a.rows, b.rows), f"{right}^T {left}"),
        )
        if fits
    ]
    return (
        f"write {' or '.join(dict.fromkeys(repairs))}"
        if repairs
        else "check the declared shapes: no order of the two fits"
    )


def transpose(a: Tensor) -> Tensor:
    """Rows and columns exchanged."""
    return Tensor(a.cols, a.rows, lambda r, c: a.at(c, r), f"{a.label}^T" if a.label else "")


def total(
    a: Tensor, fresh: FreshIndex, *, rows: bool, cols: bool, inside: Callable[[Any], Any] = lambda e: e
) -> Tensor:
    """The sum over rows, over columns, or over both, of `inside` of the entries."""

    def at(r: Any, c: Any) -> Any:
        limits: list[Any] = []
        if cols and a.cols != 1:
            c = fresh(a.cols)
            limits.append((c, 1, a.cols))
        if rows and a.rows != 1:
            r = fresh(a.rows)
            limits.append((r, 1, a.rows))
        entry = inside(a.at(r, c))
        return sp.Sum(entry, *limits) if limits else entry

    return Tensor(ONE if rows else a.rows, ONE if cols else a.cols, at)


def trace(a: Tensor, fresh: FreshIndex) -> Tensor:
    """The sum of the diagonal."""
    if not _same(a.rows, a.cols):
        raise Clash(f"the trace needs a square matrix, but {a.label or 'this'} is {a.shape}")
    if a.is_scalar:
        return a

    def at(_r: Any, _c: Any) -> Any:
        k = fresh(a.rows)
        return sp.Sum(a.at(k, k), (k, 1, a.rows))

    return Tensor(ONE, ONE, at)


def along(a: Tensor, *, over_rows: bool, fresh: FreshIndex, kind: str) -> Tensor:
    """Softmax, log-softmax, log-sum-exp or maximum along one axis."""
    size = a.rows if over_rows else a.cols

    def at(r: Any, c: Any) -> Any:
        q = fresh(size)
        body = a.at(q, c) if over_rows else a.at(r, q)
        limit = Limit(q, sp.S.One, size)  # type: ignore[arg-type]
        if kind == "softmax":
            return Softmax(r if over_rows else c, body, limit)
        if kind == "log_softmax":
            return sp.Add(a.at(r, c), sp.Mul(-1, LogSumExp(body, limit), evaluate=False), evaluate=False)
        return LogSumExp(body, limit) if kind == "logsumexp" else MaxOver(body, limit)

    keeps = kind in ("softmax", "log_softmax")
    return Tensor(a.rows if keeps or not over_rows else ONE, a.cols if keeps or over_rows else ONE, at)
