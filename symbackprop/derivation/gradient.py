"""What a derivation says of one quantity: how its gradient comes about, and what it is."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import sympy as sp

from symbackprop.backprop import Adjoint
from symbackprop.derivation.records import Factors, Link, Path, Step, Term, Update
from symbackprop.derivation.terms import ordered_sum
from symbackprop.network import Quantity
from symbackprop.rewrite import ClosedForm, closed_form

if TYPE_CHECKING:
    from symbackprop.derivation.core import Derivation


class Gradient:
    """The derivative of the loss with respect to one quantity: how it comes about, and what it is."""

    def __init__(self, derivation: Derivation, quantity: Quantity) -> None:
        self.derivation, self.quantity = derivation, quantity

    def __repr__(self) -> str:
        loss = self.derivation.network.loss.base
        return f"<Gradient of {loss} with respect to {self.quantity.name.plain}: {self.result}>"

    @property
    def adjoint(self) -> Adjoint:
        """The equation of the derivative over the consumers' adjoints."""
        return self.derivation.sweep[self.quantity.base]

    @property
    def symbol(self) -> sp.Symbol | sp.Indexed:
        """The symbol that stands for this derivative: ``∂E/∂w``."""
        return self.adjoint.symbol

    @cached_property
    def paths(self) -> tuple[Path, ...]:
        """Every way from the loss to the quantity (scalar networks), found when asked for."""
        return tuple(self.derivation.paths_to(self.quantity.base))

    @property
    def chain(self) -> tuple[Link, ...] | None:
        """The chain of local derivatives, if there is exactly one path."""
        return self.paths[0].links if self.derivation.path_count(self.quantity.base) == 1 else None

    @cached_property
    def terms(self) -> tuple[Term, ...]:
        """The summands of the result: one for each path (style paths) or for each consumer (style delta)."""
        if self.derivation.style == "paths":
            return tuple(Term((), path.factors) for path in self.paths)
        return self.derivation.terms(self.quantity.base)

    @property
    def factors(self) -> Factors:
        """The factors of the result in order; a sum over several paths is a single factor."""
        return self.terms[0].factors if len(self.terms) == 1 and not self.terms[0].limits else (self.result,)

    @cached_property
    def closed(self) -> ClosedForm:
        """The result with the rules that simplified it (style delta; paths stay as the chain rule wrote them)."""
        raw = self.unsimplified
        if self.derivation.style == "paths":
            return ClosedForm(raw)
        return closed_form(raw, self.derivation.network.assumptions)

    @cached_property
    def unsimplified(self) -> sp.Expr:
        """The result as the chain rule gave it."""
        return self.derivation.in_chosen_form(ordered_sum([term.expression for term in self.terms]))

    @property
    def result(self) -> sp.Expr:
        """The gradient as a SymPy expression in the network's symbols and (style delta) the deltas."""
        return self.closed.expression

    @property
    def update(self) -> Update:
        """The step of gradient descent for this quantity."""
        return Update(self.quantity, self.derivation.rate, self.symbol)

    @property
    def steps(self) -> tuple[Step, ...]:
        """The derivation of this gradient, line by line."""
        lines = [Step("chain", self.symbol, c, c.conditions) for c in self.adjoint.contributions]
        return (*lines, Step("result", self.symbol, self.result))
