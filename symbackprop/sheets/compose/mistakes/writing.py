"""How right and wrong versions of a derivative are written: as matrices where they can be, else by entries."""

from __future__ import annotations

from typing import Any

import sympy as sp

from symbackprop.backprop import Contribution
from symbackprop.derivation import Term, activation_argument, ordered_sum
from symbackprop.indexed import indices_of
from symbackprop.network import Quantity
from symbackprop.sheets.blocks import Math
from symbackprop.sheets.breaking import ROOM
from symbackprop.sheets.compose.composition import Composition, split_conditions
from symbackprop.sheets.compose.results import final_expression
from symbackprop.sheets.matrices import matrix_axes
from symbackprop.sheets.width import width


def named(c: Composition, quantity: Quantity) -> Math:
    """The derivative by a quantity as a whole: a delta, or ``dL/dW``."""
    if quantity in c.derivation.deltas and c.derivation.style == "delta":
        symbol = c.gradient(quantity).symbol
        return c.write.whole(symbol, matrix_axes(c.derivation.network, quantity.base, indices_of(symbol)))
    return c.write.slashed(c.write.name(c.loss), c.write.name(quantity))


def written(c: Composition, expression: Any, quantity: Quantity) -> Math:
    """The value of a derivative by a quantity: as a matrix where there is such a form, else entry by entry."""
    at = [axis.index for axis in quantity.axes]
    found = c.write.matrix(expression, at, quantity.base) if at and c.matrices else None
    return c.write(expression) if found is None else found[1]


def result(c: Composition, quantity: Quantity) -> Any:
    """The value of a derivative as it stands on the sheet."""
    return final_expression(c, quantity) if quantity.axes else c.gradient(quantity).result


def over_deltas(c: Composition, quantity: Quantity) -> Any:
    """The value of a derivative over the derivatives by what reads it, in every style."""
    return ordered_sum([term.expression for term in c.derivation.terms(quantity.base)])


def nearest_the_loss(c: Composition, quantity: Quantity) -> tuple[Math, Any]:
    """The name and the value of a derivative next to the loss; of a recursion over layers, where it starts."""
    case = c.derivation.cases(quantity.base)[0] if quantity.axes else None
    if case is None or case.condition is None:
        return named(c, quantity), over_deltas(c, quantity) if c.scalar else result(c, quantity)
    symbol = c.gradient(quantity).symbol.xreplace({case.condition.lhs: case.condition.rhs})
    axes = matrix_axes(c.derivation.network, quantity.base, [axis.index for axis in quantity.axes])
    return c.write.whole(symbol, axes), case.closed.expression


def before_the_end(c: Composition, quantity: Quantity) -> Any:
    """The value of a derivative over the derivatives by what reads it; of a recursion over layers, its step."""
    first, *others = c.derivation.terms(quantity.base)
    factors, conditions = split_conditions(first.factors)
    return Term(first.limits, factors).expression if conditions and others else over_deltas(c, quantity)


def fits(*pieces: Math) -> bool:
    """Do formulas fit into a line of text?"""
    return sum(width(piece.latex) for piece in pieces) <= ROOM


def only_activation(c: Composition, quantity: Quantity) -> Contribution | None:
    """How an activation passes the gradient to a quantity that nothing else reads."""
    found = c.derivation.sweep[quantity.base].contributions
    if len({x.consumer.base for x in found}) == 1 and activation_argument(found[0].consumer) is not None:
        return found[0]
    return None


def activated(c: Composition) -> list[tuple[Quantity, Contribution]]:
    """The quantities behind elementwise activations, those farthest from the loss first."""
    pairs = [(q, only_activation(c, q)) for q in reversed(c.derivation.deltas)]
    return [(q, x) for q, x in pairs if x is not None and isinstance(x.consumer.expression, sp.Function)]
