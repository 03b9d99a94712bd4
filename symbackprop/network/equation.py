"""The words a network is made of: Equation, Quantity, Assumption, and the Specification an author gives.

Contract: plain frozen data, no checks; `Network` is built from a Specification and checks it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import sympy as sp

from symbackprop.errors import NetworkError
from symbackprop.indexed import Base, Indices, Limit, base_of, indices_of
from symbackprop.names import Name

Role = Literal["input", "target", "parameter", "constant", "intermediate", "loss"]


@dataclass(frozen=True)
class Equation:
    """``target = expression`` for every value of the indices in `ranges`.

    The target is a scalar ``Symbol`` or an ``Indexed`` whose indices are distinct symbols or fixed values
    (``h[i, 0]`` of a base case). The expression is scalar and keeps the order in which its author wrote it.
    """

    target: sp.Symbol | sp.Indexed
    expression: sp.Expr
    ranges: tuple[Limit, ...] = ()
    where: Any = None
    """The place in the author's text, for error messages."""
    notation: Any = None
    """How the author wrote it, where that is not the index form (a matrix tree)."""

    @property
    def base(self) -> Base:
        """The quantity that the equation defines."""
        return base_of(self.target)

    @property
    def at(self) -> Indices:
        """The indices on the left side."""
        return indices_of(self.target)

    @property
    def index_symbols(self) -> tuple[sp.Symbol, ...]:
        """The indices on the left side that run over a range."""
        return tuple(i for i in self.at if isinstance(i, sp.Symbol) and any(i == r.index for r in self.ranges))


@dataclass(frozen=True)
class Quantity:
    """A named quantity of the network, with its role and the ranges of its axes (none: a scalar)."""

    base: Base
    name: Name
    role: Role
    axes: tuple[Limit, ...] = ()

    def at(self, *indices: Any) -> sp.Symbol | sp.Indexed:
        """The quantity at given indices: ``Z[i, s]``, or the symbol itself for a scalar."""
        return self.base[indices] if isinstance(self.base, sp.IndexedBase) else self.base

    @property
    def entry(self) -> sp.Symbol | sp.Indexed:
        """The quantity at the indices of its own axes."""
        return self.at(*(axis.index for axis in self.axes))

    @property
    def shape(self) -> tuple[sp.Expr, ...]:
        """The number of entries along each axis."""
        return tuple(axis.size for axis in self.axes)


@dataclass(frozen=True)
class Assumption:
    """Something that the data satisfy, such as ``Sum_k y[k] = 1``: used by closed forms, checked on the data."""

    left: sp.Expr
    relation: Literal["=", ">", ">=", "<", "<="]
    right: sp.Expr
    ranges: tuple[Limit, ...] = ()


@dataclass(frozen=True)
class Specification:
    """What an author says of a network: equations and declarations, not yet checked."""

    equations: tuple[Equation, ...]
    roles: Mapping[Base, Role] = field(default_factory=dict[Base, Role])
    names: Mapping[Base, Name] = field(default_factory=dict[Base, Name])
    """Names that are not the symbol's own."""
    axes: Mapping[Base, tuple[Limit, ...]] = field(default_factory=dict[Base, tuple[Limit, ...]])
    """Declared ranges of the axes of a quantity."""
    ranges: Mapping[sp.Symbol, Limit] = field(default_factory=dict[sp.Symbol, Limit])
    """Ranges of indices, wherever they stand on a left side without one."""
    labels: Mapping[Base, Limit] = field(default_factory=dict[Base, Limit])
    """Integer quantities used as indices, with the range of their values as an index counts (from 1)."""
    leading: Mapping[Base, tuple[str, ...]] = field(default_factory=dict[Base, tuple[str, ...]])
    """How the first indices of a quantity are written: ``("bracket",)`` for the layer of ``W^{[l]}_{ij}``."""
    samples: sp.Expr | None = None
    """The size of the sample axis."""
    loss: Base | None = None
    rate: Name | None = None
    title: str = ""
    titles: Mapping[str, str] = field(default_factory=dict[str, str])
    """The title in other languages, by their codes."""
    assumptions: tuple[Assumption, ...] = ()
    values: Mapping[Base, Any] = field(default_factory=dict[Base, Any])


def refusal(equation: Equation, message: str, hint: str | None = None) -> NetworkError:
    """An error about an equation, with its line and a caret where the author wrote one."""
    if equation.where is None:
        return NetworkError(message, hint=hint)
    at = equation.where.error(message, (0, len(equation.where.text)), hint)
    return NetworkError(message, text=at.text, line=at.line, span=at.span, hint=hint, file=at.file)
