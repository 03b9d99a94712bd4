"""Networks whose sheets are looked at, from SymPy equations alone."""

from __future__ import annotations

from typing import Any

import sympy as sp
from sympy import IndexedBase, Sum, symbols

from symbackprop.functions import relu, sigmoid
from symbackprop.network import Network
from symbackprop.network.from_sympy import specification_from_sympy


def network(equations: list[Any], **options: Any) -> Network:
    return Network(specification_from_sympy(equations, roles=options.pop("roles", {}), **options))


def two_two_one(**options: Any) -> Network:
    """Document 000."""
    w11, w12, w13, w14, w21, w22 = symbols("w_11 w_12 w_13 w_14 w_21 w_22")
    b11, b12, b21, x1, x2, h1, h2 = symbols("b_11 b_12 b_21 x_1 x_2 h_1 h_2")
    a1, a2, z, out, y, E = symbols("alpha_1 alpha_2 z out y E")
    return network(
        [
            (h1, w11 * x1 + w13 * x2 + b11),
            (a1, sigmoid(h1)),
            (h2, w12 * x1 + w14 * x2 + b12),
            (a2, sigmoid(h2)),
            (z, w21 * a1 + w22 * a2 + b21),
            (out, sigmoid(z)),
            (E, (out - y) ** 2 / 2),
        ],
        **options,
    )


def shared_biases() -> Network:
    """A well-known 2-2-2 example: two outputs, a bias for each layer."""
    i1, i2, b1, b2, w1, w2, w3, w4, w5, w6, w7, w8 = symbols("i1 i2 b1 b2 w1:9")
    nh1, nh2, oh1, oh2 = symbols("net_{h1} net_{h2} out_{h1} out_{h2}")
    no1, no2, oo1, oo2 = symbols("net_{o1} net_{o2} out_{o1} out_{o2}")
    t1, t2, E1, E2, E = symbols("target_{o1} target_{o2} E_{o1} E_{o2} E_{total}")
    return network(
        [
            (nh1, w1 * i1 + w2 * i2 + b1),
            (oh1, sigmoid(nh1)),
            (nh2, w3 * i1 + w4 * i2 + b1),
            (oh2, sigmoid(nh2)),
            (no1, w5 * oh1 + w6 * oh2 + b2),
            (oo1, sigmoid(no1)),
            (no2, w7 * oh1 + w8 * oh2 + b2),
            (oo2, sigmoid(no2)),
            (E1, (t1 - oo1) ** 2 / 2),
            (E2, (t2 - oo2) ** 2 / 2),
            (E, E1 + E2),
        ]
    )


def chain(depth: int) -> Network:
    """One neuron after the other."""
    equations: list[Any] = []
    a = sp.Symbol("x")
    for n in range(1, depth + 1):
        z, w, b, activation = symbols(f"z_{n} w_{n} b_{n} a_{n}")
        equations += [(z, w * a + b), (activation, sigmoid(z))]
        a = activation
    return network([*equations, (sp.Symbol("E"), (a - sp.Symbol("y")) ** 2 / 2)])


def layer(inputs: int, hidden: int, outputs: int) -> Network:
    """A dense network written out in scalars."""
    equations: list[Any] = []
    for i in range(1, hidden + 1):
        products = [sp.Symbol(f"w_{i}_{j}") * sp.Symbol(f"x_{j}") for j in range(1, inputs + 1)]
        equations.append((sp.Symbol(f"z_{i}"), sum(products) + sp.Symbol(f"b_{i}")))
        equations.append((sp.Symbol(f"a_{i}"), relu(sp.Symbol(f"z_{i}"))))
    for k in range(1, outputs + 1):
        products = [sp.Symbol(f"v_{k}_{j}") * sp.Symbol(f"a_{j}") for j in range(1, hidden + 1)]
        equations.append((sp.Symbol(f"o_{k}"), sum(products) + sp.Symbol(f"c_{k}")))
    errors = [(sp.Symbol(f"o_{k}") - sp.Symbol(f"y_{k}")) ** 2 for k in range(1, outputs + 1)]
    return network([*equations, (sp.Symbol("E"), sum(errors) / 2)])


def dense_batch() -> Network:
    """One dense layer for m samples in columns."""
    i, j, s = symbols("i j s", integer=True)
    n0, n1, m = symbols("n_0 n_1 m", integer=True)
    W, X, b, Z, A, Y = (IndexedBase(name) for name in ("W^{[1]}", "X", "b^{[1]}", "Z^{[1]}", "A^{[1]}", "Y"))
    return network(
        [
            (Z[i, s], Sum(W[i, j] * X[j, s], (j, 1, n0)) + b[i]),
            (A[i, s], sp.tanh(Z[i, s])),
            (sp.Symbol("L"), Sum((A[i, s] - Y[i, s]) ** 2, (i, 1, n1), (s, 1, m)) / m),
        ],
        ranges={i: n1, s: m},
        samples=m,
    )


HOSTILE = r"a_b*c <script>alert(1)</script> & 5% #1 $x$ \input{secret} `code` [l](u) ~^ {b} | %> << <% 注"


def hostile() -> Network:
    """Names and a title that would act as markup if they were not escaped."""
    w, x, z, y, E = sp.Symbol("w & <b>_*#%${}\\|~^ 重"), sp.Symbol("x"), sp.Symbol("z"), sp.Symbol("y"), sp.Symbol("E")
    return network([(z, w * x), (E, (z - y) ** 2 / 2)], roles={"parameter": [w]}, title=HOSTILE)
