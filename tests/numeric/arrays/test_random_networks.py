"""Random chains of convolutions, pools, differences and recurrences: every gradient against difference quotients."""

from __future__ import annotations

import random

import pytest
import sympy as sp
from sympy import IndexedBase, Sum, symbols, tanh

from symbackprop.derivation import Derivation
from symbackprop.indexed import Limit
from symbackprop.network import Equation, Network, Specification
from symbackprop.numeric.gradcheck import gradient_check
from symbackprop.numeric.program import compile_program

i, p, t = symbols("i p t", integer=True)
X, b = IndexedBase("X"), IndexedBase("b")
E = sp.Symbol("E")


def chain(seed: int) -> Network:
    """Three layers, each with its own stride, dilation and kernel, over a parameter X of just the length they need."""
    draw = random.Random(seed)
    layers = [(draw.randint(1, 3), draw.randint(1, 3), draw.randint(1, 3)) for _ in range(3)]
    lengths = [sp.sympify(draw.choice([1, 2, 4, symbols("H", integer=True)]))]
    for stride, dilation, kernel in reversed(layers):
        lengths.insert(0, stride * (lengths[0] - 1) + dilation * (kernel - 1) + 1)
    below = X
    equations: list[Equation] = []
    for number, (stride, dilation, kernel) in enumerate(layers):
        above, weights = IndexedBase(f"Z_{number}"), IndexedBase(f"K_{number}")
        body = Sum(weights[p] * below[stride * (i - 1) + dilation * (p - 1) + 1], (p, 1, kernel))
        own = (Limit(i, sp.S.One, lengths[number + 1]),)
        equations.append(Equation(above[i], tanh(body) if draw.random() < 0.7 else body, own))
        below = above
    target = IndexedBase("Y")
    loss = Sum((below[i] - target[i]) ** 2, (i, 1, lengths[-1])) / 2
    axes = {X: (Limit(i, sp.S.One, lengths[0] + draw.randint(0, 2)),)}
    return Network(Specification((*equations, Equation(E, loss)), {X: "parameter"}, axes=axes))


@pytest.mark.parametrize("seed", range(25))
def test_chains_of_strided_and_dilated_convolutions(seed: int) -> None:
    derivation = Derivation(chain(seed))
    assert "clip" not in compile_program(derivation).source
    assert max(gradient_check(derivation, seed=seed).values()) < 1e-9


def recurrence(seed: int) -> Network:
    """Two quantities that read each other at earlier (or later) steps, and a loss on some of them."""
    draw = random.Random(seed)
    h, c, u, w = map(IndexedBase, ["h", "c", "u", "w"])
    T = symbols("T", integer=True)
    way, lags = draw.choice([1, -1]), [draw.randint(1, 3) for _ in range(3)]
    low, high = (1 - max(lags), T) if way > 0 else (sp.S.One, T + max(lags))
    steps = (Limit(t, sp.S.One, T),)
    start = [IndexedBase("a"), IndexedBase("d")]
    equations: list[Equation] = []
    for base, learned in ((h, start[0]), (c, start[1])):
        for n in range(max(lags)):
            at = sp.sympify(-n if way > 0 else T + 1 + n)
            equations.append(Equation(base[at], learned[n + 1] if draw.random() < 0.5 else sp.S.Zero))
    same = draw.choice([c[t], c[t - way * lags[2]]])
    equations.append(Equation(c[t], tanh(u[t] * h[t - way * lags[0]] + c[t - way]), steps))
    equations.append(Equation(h[t], same * w[t] + tanh(h[t - way * lags[1]] + X[t]), steps))
    last = (T if way > 0 else sp.S.One) if draw.random() < 0.5 else None
    loss = h[last] ** 2 if last is not None else Sum(h[t] ** 2, (t, 1, T))
    axes = {base: (Limit(t, sp.sympify(low), sp.sympify(high)),) for base in (h, c)}
    roles = dict.fromkeys((u, w), "parameter")
    used = {e.expression.base for e in equations if isinstance(e.expression, sp.Indexed)}
    axes |= {base: (Limit(t, sp.S.One, sp.Integer(3)),) for base in start if base in used}
    roles |= dict.fromkeys([base for base in start if base in used], "parameter")
    return Network(Specification((*equations, Equation(E, loss)), roles, axes=axes))  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(25))
def test_recurrences_with_any_lags(seed: int) -> None:
    derivation = Derivation(recurrence(seed))
    source = compile_program(derivation).source
    assert max(gradient_check(derivation, seed=seed).values()) < 1e-9, source
