"""The pieces of a derivation: frozen records that sheets, programs and checks read.

Contract: data only; factors stand in the order in which the chain rule produced them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias

import sympy as sp

from symbackprop.backprop import collapse
from symbackprop.indexed import Limit, sum_over
from symbackprop.network import Equation, Quantity
from symbackprop.rewrite import ClosedForm

Factors: TypeAlias = tuple[sp.Expr, ...]
Style = Literal["paths", "delta"]
DeltaConvention = Literal["cost", "sample"]
DerivativeForm = Literal["argument", "output"]


@dataclass(frozen=True)
class Link:
    """One arrow of a path: the local derivative of `upper` with respect to `lower`."""

    upper: Quantity
    lower: Quantity
    factors: Factors
    rules: tuple[str, ...]
    equation: Equation


@dataclass(frozen=True)
class Path:
    """One way from the loss down to a quantity."""

    links: tuple[Link, ...]

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """The stations from the quantity up to the loss."""
        return (*(link.lower for link in reversed(self.links)), self.links[0].upper)

    @cached_property
    def factors(self) -> Factors:
        """The product along the path: one group of factors for each arrow, numbers collected, ones dropped."""
        return collapse(tuple(f for link in self.links for f in link.factors))


@dataclass(frozen=True)
class Term:
    """``Sum_limits Mul(factors)``: one summand of a gradient or a delta, in the order a human writes it."""

    limits: tuple[Limit, ...]
    factors: Factors

    @property
    def expression(self) -> sp.Expr:
        """The term as one unevaluated expression."""
        return sum_over(self.factors, self.limits)


@dataclass(frozen=True)
class Case:
    """One case of an adjoint: where it holds (None: everywhere), and its closed form there."""

    condition: Any
    closed: ClosedForm


@dataclass(frozen=True)
class Update:
    """One step of gradient descent: ``parameter <- parameter - rate * gradient``, all gradients at the old values."""

    quantity: Quantity
    rate: sp.Symbol
    gradient: sp.Symbol | sp.Indexed


@dataclass(frozen=True)
class Step:
    """One line of reasoning: `left` equals `right` by `rule` (the key of a phrase)."""

    rule: str
    left: Any
    right: Any
    conditions: Factors = ()
