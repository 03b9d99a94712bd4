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
from symbackprop.notation.conform import Clash, inner_size, same, spread

Entry = Callable[[Any, Any], Any]
FreshIndex = Callable[[Any], sp.Symbol]
"""Size -> an index letter that is not used yet."""

ONE = sp.S.One


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

    def transposed(self) -> Tensor:
        """Rows and columns exchanged."""
        return Tensor(self.cols, self.rows, lambda r, c: self.at(c, r), f"{self.label}^T" if self.label else "")

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


def elementwise(
    parts: Sequence[Tensor],
    combine: Callable[[Sequence[Any]], Any],
    what: str,
    samples: sp.Expr | None = None,
) -> Tensor:
    """Combine entries at the same place; a size 1 (or a bias vector) is spread over the other parts."""
    parts, rows, cols = spread(parts, what, samples)

    def at(r: Any, c: Any) -> Any:
        # A size 1 is spread by its only entry; where the whole is of size 1 too, its index runs through.
        return combine([p.at(ONE if p.rows == 1 != rows else r, ONE if p.cols == 1 != cols else c) for p in parts])

    return Tensor(rows, cols, at)


def matmul(a: Tensor, b: Tensor, fresh: FreshIndex) -> Tensor:
    """The matrix product; a 1 x 1 factor only scales."""
    if a.is_scalar or b.is_scalar:
        return elementwise([a, b], product, "product")
    inner = inner_size(a, b)
    if inner == 1:
        return Tensor(a.rows, b.cols, lambda r, c: product([a.at(r, ONE), b.at(ONE, c)]))

    def at(r: Any, c: Any) -> Any:
        k = fresh(inner)
        return sp.Sum(product([a.at(r, k), b.at(k, c)]), (k, 1, inner))

    return Tensor(a.rows, b.cols, at)


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
    if not same(a.rows, a.cols):
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
