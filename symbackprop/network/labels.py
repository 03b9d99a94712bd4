"""Which axes only label (layer, time step) and are not rows or columns of a matrix.

Contract: an axis is a label where its index is written as one (``W^{[l]}``) or shifted by a recurrence
(``h_{i,t-1}``); every axis that runs along with it in an equation is one too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import sympy as sp

from symbackprop.indexed import Base, bound_limits, free_indices
from symbackprop.network.equation import Equation
from symbackprop.network.order import Group

Axis = tuple[Base, int]


def label_axes(groups: Iterable[Group], leading: Mapping[Base, tuple[str, ...]]) -> frozenset[Axis]:
    """The (base, position) of every axis that labels."""
    found = {(base, n) for base, kinds in leading.items() for n in range(len(kinds))}
    equations: list[Equation] = []
    for group in groups:
        equations += group.equations
        if group.direction:
            found |= {axis for e in group.equations for axis in _shifted(e)}
    places = [list(_places(e)) for e in equations]
    while True:
        more = {axis for own in places for axis in _running_along(own, found)} - found
        if not more:
            return frozenset(found)
        found |= more


def _shifted(equation: Equation) -> Iterator[Axis]:
    own = set(equation.index_symbols)
    for base, position, index in _places(equation):
        if not isinstance(index, sp.Symbol) and free_indices(index) & own:
            yield base, position


def _running_along(places: list[tuple[Base, int, Any]], labels: set[Axis]) -> Iterator[Axis]:
    """Axes whose index stands at a label somewhere in the same equation."""
    indices = {i for base, position, index in places if (base, position) in labels for i in free_indices(index)}
    for base, position, index in places:
        if free_indices(index) & indices:
            yield base, position


def _places(equation: Equation) -> Iterator[tuple[Base, int, Any]]:
    """Every index position of every reference, bound indices told apart by where they are bound."""
    stack: list[tuple[Any, dict[Any, Any]]] = [(equation.expression, {})]
    if isinstance(equation.target, sp.Indexed):
        yield from ((equation.base, n, i) for n, i in enumerate(equation.at))
    while stack:
        node, names = stack.pop()
        if isinstance(node, sp.Indexed):
            yield from (
                (node.base, n, i.xreplace(names)) for n, i in enumerate(node.indices) if not isinstance(i, sp.Indexed)
            )
        elif node.args:
            own = {limit.index: sp.Dummy(limit.index.name, integer=True) for limit in bound_limits(node)}
            stack.extend((a, names | own) for a in node.args)
