"""Scalar networks of any size, and what everybody tries first: substitute everything, then differentiate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp

from symbackprop.functions import sigmoid
from symbackprop.network import Equation, Network, Specification

Equations = list[tuple[Any, Any]]


def dense(*sizes: int) -> Equations:
    """Fully connected sigmoid layers, written out unit by unit, half the squared error."""
    previous: list[Any] = [sp.Symbol(f"x_{i + 1}") for i in range(sizes[0])]
    equations: Equations = []
    for layer, size in enumerate(sizes[1:], start=1):
        current: list[Any] = []
        for i in range(1, size + 1):
            h, a, b = (sp.Symbol(f"{letter}_{{{layer},{i}}}") for letter in "hab")
            weights = [sp.Symbol(f"w_{{{layer},{i},{j + 1}}}") for j in range(len(previous))]
            products = [sp.Mul(w, x, evaluate=False) for w, x in zip(weights, previous, strict=True)]
            equations += [(h, sp.Add(*products, b, evaluate=False)), (a, sigmoid(h))]
            current.append(a)
        previous = current
    errors = [(a - sp.Symbol(f"y_{k + 1}")) ** 2 for k, a in enumerate(previous)]
    return [*equations, (sp.Symbol("E"), sp.Add(*errors) / 2)]


def chain(depth: int) -> Equations:
    """One sigmoid unit after the other."""
    a: Any = sp.Symbol("x")
    equations: Equations = []
    for layer in range(1, depth + 1):
        z, w, b = (sp.Symbol(f"{letter}_{layer}") for letter in "zwb")
        equations.append((z, w * a + b))
        a = sp.Symbol(f"a_{layer}")
        equations.append((a, sigmoid(z)))
    return [*equations, (sp.Symbol("E"), (a - sp.Symbol("y")) ** 2 / 2)]


def network(equations: Equations) -> Network:
    """The equations as a checked network."""
    return Network(Specification(tuple(Equation(target, expression) for target, expression in equations)))


def substitute_and_differentiate(equations: Equations) -> Callable[..., Any]:
    """The peer: one loss without names, its derivatives by `sympy.diff`, all of them lambdified."""
    definitions = dict(equations[:-1])
    loss: Any = equations[-1][1]
    for target in reversed(definitions):
        loss = loss.xreplace({target: definitions[target].replace(sigmoid, lambda z: 1 / (1 + sp.exp(-z)))})
    symbols = sorted(loss.free_symbols, key=str)
    parameters = [s for s in symbols if s.name[0] in "wb"]
    return sp.lambdify(symbols, [loss, *(loss.diff(p) for p in parameters)], "numpy")
