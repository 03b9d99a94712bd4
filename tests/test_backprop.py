"""The reverse sweep on networks that have no rule of their own, every element against plain `sympy.diff`."""

from __future__ import annotations

from typing import Any

import pytest
import sympy as sp
from sympy import IndexedBase, Sum, exp, log, sqrt, symbols, tanh

from symbackprop.backprop import ReverseSweep
from symbackprop.functions import sigmoid
from symbackprop.indexed import Limit, LogSumExp, MaxOver, Softmax
from symbackprop.network import Equation, Network, Specification
from tests.oracle import Instance

i, j, k, s, p, q, t, l, h, u, d = symbols("i j k s p q t l h u d", integer=True)
m, n0, n1, n2, T, L, H, V = symbols("m n_0 n_1 n_2 T L H V", integer=True)
E, c = symbols("E c")
X, Y, W, W1, b1, W2, b2, Z1, A1, Z2, P, x, y, b, z, K, Z, A = map(
    IndexedBase,
    ["X", "Y", "W", "W_1", "b_1", "W_2", "b_2", "Z_1", "A_1", "Z_2", "P", "x", "y", "b", "z", "K", "Z", "A"],
)


def network(*equations: tuple[Any, Any], ranges: dict[Any, Any], **declared: Any) -> Network:
    """A network from (target, expression) pairs; ranges maps an index to its size or (low, high)."""
    limits = {i: Limit(i, *(r if isinstance(r, tuple) else (1, r))) for i, r in ranges.items()}
    limits = {i: Limit(i, sp.sympify(r.low), sp.sympify(r.high)) for i, r in limits.items()}
    built = []
    for target, expression in equations:
        at = target.indices if isinstance(target, sp.Indexed) else ()
        built.append(Equation(target, sp.sympify(expression), tuple(limits[a] for a in at if a in limits)))
    return Network(Specification(tuple(built), **declared))


def half_square(u: Any, target: Any, *limits: Any) -> Any:
    return Sum((u - target) ** 2, *limits) / 2


n = sp.Function("n")
IN, PAR = "input", "parameter"
NETWORKS = {
    "dense, softmax, cross-entropy": (
        lambda: network(
            (Z1[i, s], Sum(W1[i, j] * X[j, s], (j, 1, n0)) + b1[i]),
            (A1[i, s], sigmoid(Z1[i, s])),
            (Z2[k, s], Sum(W2[k, i] * A1[i, s], (i, 1, n1)) + b2[k]),
            (P[k, s], exp(Z2[k, s]) / Sum(exp(Z2[q, s]), (q, 1, n2))),
            (E, -Sum(Y[k, s] * log(P[k, s]), (k, 1, n2), (s, 1, m)) / m),
            ranges={i: n1, s: m, k: n2},
        ),
        {n0: 2, n1: 3, n2: 2, m: 2},
        {},
    ),
    "softmax as a function": (
        lambda: network(
            (Z2[k, s], Sum(W2[k, j] * X[j, s], (j, 1, n0)) + b2[k]),
            (P[k, s], Softmax(k, Z2[q, s], (q, 1, n2))),
            (E, -Sum(Y[k, s] * log(P[k, s]), (k, 1, n2), (s, 1, m)) / m),
            ranges={s: m, k: n2},
        ),
        {n0: 2, n2: 3, m: 2},
        {},
    ),
    "logits with integer labels": (
        lambda: network(
            (Z2[k, s], Sum(W2[k, j] * X[j, s], (j, 1, n0)) + b2[k]),
            (E, Sum(LogSumExp(Z2[k, s], (k, 1, n2)) - Z2[y[s], s], (s, 1, m)) / m),
            ranges={s: m, k: n2},
        ),
        {n0: 2, n2: 3, m: 3},
        {(y, (1,)): 2, (y, (2,)): 3, (y, (3,)): 2},
    ),
    "probabilities with integer labels": (
        lambda: network(
            (Z2[k, s], Sum(W2[k, j] * X[j, s], (j, 1, n0)) + b2[k]),
            (P[k, s], Softmax(k, Z2[q, s], (q, 1, n2))),
            (E, -Sum(log(P[y[s], s]), (s, 1, m)) / m),
            ranges={s: m, k: n2},
        ),
        {n0: 2, n2: 3, m: 2},
        {(y, (1,)): 3, (y, (2,)): 1},
    ),
    "convolution": (
        lambda: network(
            (Z[i, j], Sum(K[p, q] * X[i + p - 1, j + q - 1], (p, 1, 2), (q, 1, 3)) + c),
            (E, half_square(Z[i, j], Y[i, j], (i, 1, H), (j, 1, V))),
            ranges={i: H, j: V},
            roles={c: PAR},
        ),
        {H: 3, V: 2},
        {},
    ),
    "convolution with stride 2": (
        lambda: network(
            (Z[i], Sum(K[p] * X[2 * (i - 1) + p], (p, 1, 3)) + c),
            (E, half_square(Z[i], Y[i], (i, 1, H))),
            ranges={i: H},
        ),
        {H: 3},
        {},
    ),
    "convolution with stride 3, smaller kernel": (
        lambda: network(
            (Z[i], Sum(K[p] * X[3 * (i - 1) + p], (p, 1, 2)) + c),
            (E, half_square(Z[i], Y[i], (i, 1, H))),
            ranges={i: H},
        ),
        {H: 3},
        {},
    ),
    "convolution with a symbolic stride": (
        lambda: network(
            (Z[i], Sum(K[p] * X[V * (i - 1) + p], (p, 1, 3))),
            (E, half_square(Z[i], Y[i], (i, 1, H))),
            ranges={i: H},
        ),
        {H: 3, V: 2},
        {},
    ),
    "dilated convolution": (
        lambda: network(
            (Z[i], Sum(K[p] * X[i + 2 * (p - 1)], (p, 1, 3))),
            (E, half_square(Z[i], Y[i], (i, 1, H))),
            ranges={i: H},
        ),
        {H: 4},
        {},
    ),
    "padded convolution": (
        lambda: network(
            (A[0], 0),
            (A[H + 1], 0),
            (A[i], X[i]),
            (Z[i], Sum(K[p] * A[i + p - 2], (p, 1, 3))),
            (E, half_square(Z[i], Y[i], (i, 1, H))),
            ranges={i: H},
        ),
        {H: 4},
        {},
    ),
    "average pooling": (
        lambda: network(
            (Z[i], Sum(W[i, j] * X[j], (j, 1, n0))),
            (A[k], Sum(Z[2 * (k - 1) + p], (p, 1, 2)) / 2),
            (E, half_square(A[i], Y[i], (i, 1, 2))),
            ranges={i: 4, k: 2},
        ),
        {n0: 2},
        {},
    ),
    "max pooling": (
        lambda: network(
            (Z[i], W[i] * X[i]),
            (A[j], MaxOver(Z[2 * (j - 1) + p], (p, 1, 2))),
            (E, half_square(A[j], Y[j], (j, 1, 2))),
            ranges={i: 4, j: 2},
        ),
        {},
        {},
    ),
    "recurrence": (
        lambda: network(
            (b[i, 0], 0),
            (z[i, t], Sum(W[i, j] * b[j, t - 1], (j, 1, n1)) + Sum(K[i, j] * x[j, t], (j, 1, n0)) + b1[i]),
            (b[i, t], tanh(z[i, t])),
            (E, half_square(b[i, t], Y[i, t], (i, 1, n1), (t, 1, T))),
            ranges={i: n1, t: T},
        ),
        {n1: 2, n0: 1, T: 3},
        {},
    ),
    "loss on the last step, learned start": (
        lambda: network(
            (A[i, 0], K[i]),
            (A[i, t], tanh(Sum(W[i, j] * A[j, t - 1], (j, 1, n1)) + x[i, t])),
            (E, half_square(A[i, T], y[i], (i, 1, n1))),
            ranges={i: n1, t: T},
        ),
        {n1: 2, T: 3},
        {},
    ),
    "backward recurrence": (
        lambda: network(
            (A[T + 1], 0),
            (A[t], tanh(c * A[t + 1] + x[t])),
            (E, half_square(A[t], y[t], (t, 1, T))),
            ranges={t: T},
        ),
        {T: 3},
        {},
    ),
    "two steps back": (
        lambda: network(
            (A[0], 0),
            (A[-1], 0),
            (A[t], tanh(c * A[t - 1] + b1[t] * A[t - 2] + x[t])),
            (E, half_square(A[t], y[t], (t, 1, T))),
            ranges={t: T},
        ),
        {T: 4},
        {},
    ),
    "symbolic depth": (
        lambda: network(
            (A[0, p, s], X[p, s]),
            (Z[l, i, s], Sum(W[l, i, j] * A[l - 1, j, s], (j, 1, n(l - 1))) + b[l, i]),
            (A[l, i, s], sigmoid(Z[l, i, s])),
            (E, half_square(A[L, i, s], Y[i, s], (i, 1, n(L)), (s, 1, m)) / m),
            ranges={l: L, i: n(l), s: m, p: n(0)},
            axes={
                A: (Limit(l, sp.S(0), L), Limit(i, sp.S(1), n(l)), Limit(s, sp.S(1), m)),
                X: (Limit(i, sp.S(1), n(0)), Limit(s, sp.S(1), m)),
            },
        ),
        {L: 2, m: 2, n(0): 2, n(1): 1, n(2): 2},
        {},
    ),
    "batch normalisation": (
        lambda: network(
            (b[i], Sum(x[i, s], (s, 1, m)) / m),
            (z[i], Sum((x[i, s] - b[i]) ** 2, (s, 1, m)) / m),
            (A[i, s], (x[i, s] - b[i]) / sqrt(z[i] + c**2)),
            (P[i, s], W1[i] * A[i, s] + b1[i]),
            (E, half_square(P[i, s], Y[i, s], (i, 1, n1), (s, 1, m))),
            ranges={i: n1, s: m},
            roles={c: "constant"},
        ),
        {n1: 2, m: 3},
        {},
    ),
    "attention": (
        lambda: network(
            (Z[h, t, u], Sum(W[h, t, d] * K[h, u, d], (d, 1, n0)) / sqrt(n0)),
            (P[h, t, u], exp(Z[h, t, u]) / Sum(exp(Z[h, t, q]), (q, 1, T))),
            (A[h, t, d], Sum(P[h, t, u] * b[h, u, d], (u, 1, T))),
            (E, half_square(A[h, t, d], Y[h, t, d], (h, 1, H), (t, 1, T), (d, 1, n0))),
            ranges={h: H, t: T, u: T, d: n0},
        ),
        {H: 1, T: 2, n0: 2},
        {},
    ),
    "sub-range, differences, diagonal": (
        lambda: network(
            (z[i], x[i] * W[i, i] + 1),
            (A[k], z[k + 1] - z[k]),
            (
                E,
                Sum(A[j] ** 2, (j, 1, n0 - 1))
                + Sum(z[j] * z[1], (j, 2, n0 - 1))
                + Sum(W[j, k] * W[k, j], (j, 1, n0), (k, 1, n0)),
            ),
            ranges={i: n0, k: n0 - 1},
            axes={W: (Limit(j, sp.S(1), n0), Limit(k, sp.S(1), n0))},
        ),
        {n0: 4},
        {},
    ),
    "x[i,j] x[j,i] and reversed order": (
        lambda: network(
            (z[i, j], X[i, j] * X[j, i] + W[n0 + 1 - i, j]),
            (E, Sum(z[i, j] ** 3, (i, 1, n0), (j, 1, n0))),
            ranges={i: n0, j: n0},
        ),
        {n0: 3},
        {},
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_every_element_equals_scalar_differentiation(name: str) -> None:
    build, sizes, labels = NETWORKS[name]
    net = build()
    instance = Instance(net, sizes, labels)
    values = instance.numbers()
    found = instance.adjoint_values(ReverseSweep(net), values)
    checked = 0
    for base, elements in found.items():
        if base == y and labels:
            continue
        for at, value in elements.items():
            expected = instance.derivative(base, at, values)
            assert value == pytest.approx(expected, rel=1e-9, abs=1e-12), f"{base}{at}"
            checked += 1
    assert checked


def test_what_holds_in_a_range_only_carries_its_condition() -> None:
    net = NETWORKS["recurrence"][0]()
    assert "[T - t - 1 >= 0]" in str(ReverseSweep(net)[b].expression)
    assert ">=" not in str(ReverseSweep(net)[W].expression)
