"""Scalar networks for the tests of programs, built from SymPy equations."""

from __future__ import annotations

from typing import Any

import sympy as sp

import symbackprop as sb
from symbackprop.functions import elu, gelu, leaky_relu, maximum, minimum, relu, sigmoid, silu, softplus

XOR = {"x_1": [0, 0, 1, 1], "x_2": [0, 1, 0, 1], "y": [0, 1, 1, 0]}
POINT = {
    "x_1": 0.3,
    "x_2": -0.7,
    "y": 0.2,
    "w_11": 0.1,
    "w_12": -0.4,
    "w_13": 0.6,
    "w_14": 0.9,
    "b_11": 0.05,
    "b_12": -0.2,
    "w_21": 0.7,
    "w_22": -1.1,
    "b_21": 0.15,
}


def symbols(names: str) -> Any:
    return sp.symbols(names)


def two_two_one() -> sb.Network:
    """Document 000."""
    w11, w12, w13, w14, w21, w22, b11, b12, b21 = symbols("w_11 w_12 w_13 w_14 w_21 w_22 b_11 b_12 b_21")
    x1, x2, h1, h2, a1, a2, z, out, y, E = symbols("x_1 x_2 h_1 h_2 alpha_1 alpha_2 z out y E")
    return sb.Network(
        [
            (h1, w11 * x1 + w13 * x2 + b11),
            (a1, sigmoid(h1)),
            (h2, w12 * x1 + w14 * x2 + b12),
            (a2, sigmoid(h2)),
            (z, w21 * a1 + w22 * a2 + b21),
            (out, sigmoid(z)),
            (E, (out - y) ** 2 / 2),
        ]
    )


def unit(activation: Any, **roles: Any) -> sb.Network:
    """One unit ``a = f(w x + b)`` with half a squared error."""
    w, x, b, z, a, y, E = symbols("w x b z a y E")
    return sb.Network([(z, w * x + b), (a, activation(z)), (E, (a - y) ** 2 / 2)], **roles)


def zoo() -> dict[str, sb.Network]:
    """Networks that between them use every function and every shape of expression."""
    w, v, u, b, x, y, z, a, p, q, r, E, t = symbols("w v u b x y z a p q r E t")
    functions = {
        "sigmoid": sigmoid,
        "tanh": sp.tanh,
        "relu": relu,
        "softplus": softplus,
        "silu": silu,
        "gelu": gelu,
        "elu": elu,
        "leaky_relu": leaky_relu,
        "exp": sp.exp,
        "sin": sp.sin,
        "arctan": sp.atan,
        "erf": sp.erf,
        "abs": sp.Abs,
        "identity": sb.identity,
        "asinh": sp.asinh,
        "cosh": sp.cosh,
    }
    nets = {f"unit {name}": unit(f) for name, f in functions.items()}
    nets |= {
        "leaky relu with slope": unit(lambda s: leaky_relu(s, sp.Rational(1, 5))),
        "maximum": unit(lambda s: maximum(s, 0)),
        "minimum": unit(lambda s: minimum(sp.Rational(1, 2), s)),
        "two gates": sb.Network([(z, w * x), (a, maximum(z, v * x)), (E, (a - y) ** 2)]),
        "fork": sb.Network([(z, w * x + b), (p, sigmoid(z)), (q, sp.tanh(z)), (E, (p * v + q * u - y) ** 2 / 2)]),
        "shared weight": sb.Network([(z, w * x), (p, sp.tanh(w * z + b)), (E, (w * p + b - y) ** 2)]),
        "two outputs": sb.Network(
            [(z, w * x + b), (p, v * z), (q, u * z), (r, (p - y) ** 2), (a, (q - t) ** 2), (E, (r + a) / 2)]
        ),
        "cross-entropy": sb.Network([(z, w * x + b), (p, sigmoid(z)), (E, -(y * sp.log(p) + (1 - y) * sp.log(1 - p)))]),
        "quotient": sb.Network([(z, w * x + b), (p, sp.exp(z) / (sp.exp(z) + sp.exp(v * x))), (E, -sp.log(p))]),
        "root": sb.Network([(z, w**2 + v**2 + 1), (p, x / sp.sqrt(z)), (E, (p - y) ** 2 / sp.sqrt(8))]),
        "power": sb.Network([(z, (w * x) ** 3 - b**-2), (E, sp.Abs(z - y) ** sp.Rational(3, 2))]),
        "decay": sb.Network([(z, w * x + b), (E, (z - y) ** 2 / 2 + sp.Symbol("lambda") / 2 * w**2)]),
        "pieces": sb.Network([(z, w * x + b), (E, sp.Piecewise(((z - y) ** 2 / 2, z < 1), (sp.Abs(z - y), True)))]),
        "unused parameter": sb.Network([(z, w * x), (E, (z - y) ** 2)], parameters=[v]),
        "weight alone": sb.Network([(a, sp.tanh(w)), (E, (a * x - y) ** 2)]),
        "constants": sb.Network([(z, sp.pi * w * x + sp.E), (E, (z - y) ** 2 * sp.Rational(2, 3))]),
    }
    return nets
