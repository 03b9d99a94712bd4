"""The array tree: what is computed over whole arrays, before any array library writes it.

Contract: frozen data. Every node knows the indices that its dimensions run along, in order; an operand with fewer
indices is spread over the others. Index expressions count as mathematics does; only printers turn them into positions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import sympy as sp

from symbackprop.indexed import Base, Limit

Axes = tuple[sp.Symbol, ...]


@dataclass(frozen=True)
class Array:
    """An array whose dimensions run along `axes`."""

    axes: Axes


@dataclass(frozen=True)
class Read(Array):
    """Entries of a quantity: one index expression for each of its dimensions (none: a scalar)."""

    base: Base
    at: tuple[Any, ...]


@dataclass(frozen=True)
class Counter(Array):
    """The values of an index itself, counted from another start: ``index + shift``."""

    shift: int = 0

    @property
    def index(self) -> sp.Symbol:
        """The index that counts."""
        return self.axes[0]


@dataclass(frozen=True)
class Map(Array):
    """A function of entries: `pattern` is a scalar expression over one slot for each operand."""

    pattern: Any
    slots: Axes
    operands: tuple[Array, ...]


@dataclass(frozen=True)
class Guard(Array):
    """The operand where a condition on indices that have one value holds, else 0 without reading it."""

    condition: Any
    operand: Array


@dataclass(frozen=True)
class Contract(Array):
    """The product of two arrays, summed over every index that is not among the axes."""

    left: Array
    right: Array

    @property
    def summed(self) -> Axes:
        """The indices that are summed over; both factors have them."""
        return tuple(i for i in self.left.axes if i not in self.axes)


@dataclass(frozen=True)
class Reduce(Array):
    """Sum, maximum or log-sum-exp over indices of the operand."""

    kind: Literal["sum", "max", "logsumexp"]
    operand: Array
    over: Axes


@dataclass(frozen=True)
class SoftmaxOver(Array):
    """Softmax along one index of the operand."""

    operand: Array
    index: sp.Symbol


@dataclass(frozen=True)
class Lowered:
    """An array with the ranges of all its indices, the summed ones included."""

    array: Array
    limits: Mapping[sp.Symbol, Limit]
    scope: tuple[Limit, ...] = ()
    """The ranges of indices that have one value at a time, those of a loop around the line."""


def sure_axes(node: Array) -> Iterator[sp.Symbol]:
    """The axes that an array has whatever its guards say."""
    if isinstance(node, Map):
        for operand in node.operands:
            yield from sure_axes(operand)
    elif not isinstance(node, Guard):
        yield from node.axes
