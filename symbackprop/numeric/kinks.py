"""Where a loss has no derivative: an expression for every kink, zero exactly there.

Contract: `gates_of(network)` yields one `Gate` for every argument of relu, abs, max, a condition ... that the loss
needs; a step along which a gate changes its sign crosses that kink. No gate: the loss is smooth.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any, NamedTuple

import sympy as sp

from symbackprop.functions import Indicator, row_of
from symbackprop.indexed import Base, Limit, MaxOver, bound_limits, free_indices, freshen
from symbackprop.network import Network
from symbackprop.network.ranges import base_uses
from symbackprop.numeric.plan import needed_for


class Gate(NamedTuple):
    """An expression that is zero where a function has no derivative.

    Attributes:
        expression: over quantities of the network.
        limits: the axes of the expression: those of its equation, and those of the sums that it stands in.
        function: the name of the function, for messages.
    """

    expression: sp.Expr
    limits: tuple[Limit, ...]
    function: str

    def depends_on(self, network: Network) -> set[Base]:
        """Everything that the expression is computed from."""
        return needed_for(network.equations, base_uses(self.expression))


def gates_of(network: Network) -> Iterator[Gate]:
    r"""The gates of everything that the loss needs, each once.

    >>> import symbackprop as sb
    >>> net = sb.read("z = w x\nL = max(0, 1 - y z)")
    >>> [(gate.expression, gate.function) for gate in gates_of(net)]
    [(y*z - 1, 'maximum')]
    """
    needed = needed_for(network.equations, [network.loss.base])
    seen: set[sp.Expr] = set()
    for equation in network.equations:
        if equation.base in needed:
            for gate in _gates_in(equation.expression, {limit.index: limit for limit in equation.ranges}):
                if gate.expression not in seen:
                    seen.add(gate.expression)
                    yield gate


def _gates_in(node: Any, axes: Mapping[sp.Symbol, Limit]) -> Iterator[Gate]:
    """The gates of an expression; inside a sum its index is one more axis."""
    axes = {**axes, **{limit.index: limit for limit in bound_limits(node)}}
    for expression, function in _kinks_at(node):
        free = free_indices(expression)
        yield Gate(expression, tuple(limit for index, limit in axes.items() if index in free), function)
    for argument in node.args:
        yield from _gates_in(argument, axes)


def _kinks_at(node: Any) -> Iterator[tuple[sp.Expr, str]]:
    """The kinks of a function at its arguments, where it is applied."""
    if isinstance(node, (sp.Piecewise, Indicator)):
        for condition in node.atoms(sp.core.relational.Relational):
            sides: Any = condition.args
            yield sides[0] - sides[1], "a condition"
    elif isinstance(node, (sp.Max, sp.Min)):
        for first, second in combinations(node.args, 2):
            yield first - second, type(node).__name__.lower()
    elif isinstance(node, MaxOver):  # the winner is 0, all others are negative
        winner: Any = freshen(node)
        yield node.args[0] - winner, "max"
    elif isinstance(node, sp.Function) and (row := row_of(node)) is not None:
        arguments: Any = node.args
        expression = row.kinks(arguments)
        if expression is not None:
            yield expression, row.name
        elif row.definition is not None:
            for part in sp.preorder_traversal(row.definition(*arguments)):
                yield from ((kink, row.name) for kink, _ in _kinks_at(part) if part.func is not node.func)
