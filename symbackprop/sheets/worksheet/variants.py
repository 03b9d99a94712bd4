"""A network a little different for every student: fewer units, other activations, another form of the loss.

Contract: `variant(network, seed)` gives a network that can be derived like the original one; the same seed gives the
same variant on every machine, None gives the network itself.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

from symbackprop.functions import by_name, row_of
from symbackprop.indexed import Base, rebuild
from symbackprop.network import Equation, Network
from symbackprop.network.ranges import base_uses

ACTIVATIONS = ("sigmoid", "tanh", "relu")
"""Activations that are exchanged for each other in hidden layers."""


def variant(network: Network, seed: int | None) -> Network:
    """The variant of a seed; a title that may say what it no longer is goes."""
    if seed is None:
        return network
    draw = random.Random(f"variant {seed}")
    equations = _with_fewer_units(network, list(network.equations), draw)
    equations = _with_other_activations(network, equations, draw)
    equations = _with_another_loss(network, equations, draw)
    used = {base for e in equations for base in base_uses(e.expression)}
    given = [q for q in network.quantities.values() if q.role not in ("intermediate", "loss") and q.base in used]
    old = network.specification
    return Network(
        replace(
            old,
            equations=tuple(equations),
            roles={q.base: q.role for q in given},
            axes={q.base: q.axes for q in given},
            loss=network.loss.base,
            title=old.title if [e.expression for e in equations] == [e.expression for e in network.equations] else "",
            samples=network.samples,
            values={base: value for base, value in old.values.items() if base in used},
        )
    )


# -- sizes ---------------------------------------------------------------------------------------------------
def _with_fewer_units(network: Network, equations: list[Equation], draw: random.Random) -> list[Equation]:
    """A network of scalars as it is, or without one of its inputs or hidden units."""
    if not network.is_scalar:
        return equations  # the sizes of arrays are drawn with their values
    inputs = [q.base for q in network.with_role("input")]
    units = [e.base for e in equations if _is_unit(e) and e.base != network.loss.base]
    choices = [equations]
    for candidates in (inputs, units):
        for base in candidates if len(candidates) > 1 else ():
            smaller = _without(equations, base, network.loss.base)
            if smaller is not None:
                choices.append(smaller)
    return draw.choice(choices)


def _is_unit(equation: Equation) -> bool:
    row = row_of(equation.expression)
    return row is not None and row.name in ACTIVATIONS


def _without(equations: Sequence[Equation], base: Base, loss: Base) -> list[Equation] | None:
    """The equations without the terms that a quantity stands in; None where it is more than a term of a sum."""
    found: list[Equation] = []
    for equation in equations:
        if not equation.expression.has(base):
            found.append(equation)
            continue
        terms = [t for t in sp.Add.make_args(equation.expression) if not t.has(base)]
        weighted = any(base_uses(t) for t in terms if not t.is_Symbol)
        if not weighted or not isinstance(equation.expression, sp.Add):
            return None
        found.append(_changed(equation, sp.Add(*terms, evaluate=False) if len(terms) > 1 else terms[0]))
    return _needed(found, loss)


def _needed(equations: Sequence[Equation], loss: Base) -> list[Equation]:
    """The equations that the loss is computed with."""
    needed = {loss}
    for equation in reversed(equations):
        if equation.base in needed:
            needed |= set(base_uses(equation.expression))
    return [e for e in equations if e.base in needed]


# -- activations ---------------------------------------------------------------------------------------------
def _with_other_activations(network: Network, equations: list[Equation], draw: random.Random) -> list[Equation]:
    """One activation for all hidden units that had the same; a function that was left open is told."""
    reads = [set(base_uses(e.expression)) for e in equations]
    compared = {b for bases in reads if any(_is_target(network, b) for b in bases) for b in bases}
    chosen: dict[Any, str] = {}
    found: list[Equation] = []
    for equation in equations:
        function = equation.expression.func
        is_open = isinstance(equation.expression, AppliedUndef)
        if (_is_unit(equation) and equation.base not in compared) or is_open:
            name = chosen.setdefault(function, draw.choice(ACTIVATIONS))
            activation: Any = by_name(name)
            equation = _changed(equation, activation(*equation.expression.args))
        found.append(equation)
    return found


def _is_target(network: Network, base: Base) -> bool:
    return base in network.quantities and network.quantities[base].role == "target"


# -- loss ----------------------------------------------------------------------------------------------------
def _with_another_loss(network: Network, equations: list[Equation], draw: random.Random) -> list[Equation]:
    """Squares with or without the half, output minus target or target minus output; other losses stay."""
    half, turned = draw.random() < 0.5, draw.random() < 0.5
    return [_loss(network, e, half=half, turned=turned) for e in equations]


def _loss(network: Network, equation: Equation, *, half: bool, turned: bool) -> Equation:
    squares = list(_squares(network, equation.expression))
    if not squares:
        return equation
    expression = equation.expression
    if turned:
        for square in squares:
            first, second = square.base.args
            difference = sp.Add(-second, -first, evaluate=False)
            expression = _replaced(expression, square, sp.Pow(difference, 2, evaluate=False))
    front = [f for f in sp.Mul.make_args(expression) if f.is_Rational]
    has_half = any(f == sp.Rational(1, 2) for f in front)
    if half == has_half or (front and not has_half):
        return _changed(equation, expression)
    rest = [f for f in sp.Mul.make_args(expression) if not f.is_Rational]
    factors = [sp.Rational(1, 2), *rest] if half else rest
    return _changed(equation, sp.Mul(*factors, evaluate=False) if len(factors) > 1 else factors[0])


def _squares(network: Network, expression: Any) -> Iterator[Any]:
    """The squares of a difference of output and target."""
    for node in sp.preorder_traversal(expression):
        if isinstance(node, sp.Pow) and node.exp == 2 and isinstance(node.base, sp.Add) and len(node.base.args) == 2:
            second = node.base.args[1]
            if any(_is_target(network, b) for b in base_uses(node.base)) and second.as_coeff_Mul()[0] == -1:
                yield node


def _replaced(expression: Any, old: Any, new: Any) -> Any:
    if expression == old:
        return new
    if not expression.args or isinstance(expression, sp.Indexed):
        return expression
    return rebuild(expression, [_replaced(a, old, new) for a in expression.args])


def _changed(equation: Equation, expression: Any) -> Equation:
    """Another right side; what the author wrote stands for it no more."""
    return replace(equation, expression=expression, notation=None, where=None)
