"""Activations by the names of their outputs: ``sigma(z)`` becomes ``a`` where ``a = sigma(z)`` is an equation.

Contract: `Outputs(network)` is a function on expressions that keeps their value and their written order.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import sympy as sp

from symbackprop.indexed import MaxOver, Softmax, canonical, match_indices, rebuild
from symbackprop.network import Equation, Network

NAMED = (sp.Function, Softmax, MaxOver)
"""What is replaced by the name of its value."""


class Outputs:
    """Folds function applications into the names that the network gives them."""

    def __init__(self, network: Network) -> None:
        self.network = network

    def __call__(self, expression: Any) -> Any:
        """Fold function applications into their names: ``sigma(z)`` becomes ``a`` where ``a = sigma(z)``."""
        if not expression.args or isinstance(expression, sp.Indexed):
            return expression
        if isinstance(expression, NAMED):
            scalar, indexed = self._known
            same = canonical(expression)
            if same in scalar:
                return scalar[same]
            for equation, pattern in indexed.get(expression.func, ()):
                found = match_indices(pattern, same, set(equation.index_symbols))
                if found is not None:
                    return equation.base[tuple(i.xreplace(found) for i in equation.at)]
        args = [self(a) for a in expression.args]
        return expression if args == list(expression.args) else rebuild(expression, args)

    @cached_property
    def _known(self) -> tuple[dict[Any, Any], dict[Any, list[tuple[Equation, Any]]]]:
        """Right sides ``f(...)`` -> the scalar they define; and by function, the indexed equations they are in."""
        scalar: dict[Any, Any] = {}
        indexed: dict[Any, list[tuple[Equation, Any]]] = {}
        for e in self.network.equations:
            if not isinstance(e.expression, NAMED) or e.base == self.network.loss.base:
                continue
            pattern = canonical(e.expression)
            if e.at:
                indexed.setdefault(e.expression.func, []).append((e, pattern))
            else:
                scalar.setdefault(pattern, e.target)
        return scalar, indexed


def activation_argument(equation: Equation) -> sp.Expr | None:
    """``z`` of ``a = f(z)``: the argument, where the right side is one function of one reference."""
    e = equation.expression
    if isinstance(e, Softmax):
        return e.args[1] if isinstance(e.args[1], (sp.Symbol, sp.Indexed)) else None
    if isinstance(e, sp.Function):
        arguments = [a for a in e.args if not a.is_number]
        if len(arguments) == 1 and isinstance(arguments[0], (sp.Symbol, sp.Indexed)):
            return arguments[0]
    return None
