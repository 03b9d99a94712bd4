"""Literal NumPy source, written by hand."""

from __future__ import annotations

from typing import Any

import pytest
import sympy as sp

import symbackprop as sb
from symbackprop.functions import Indicator, elu, leaky_relu, maximum
from symbackprop.numeric.printer import NumPySource

a, b, c, w, x = sp.symbols("a b c w x")
half = sp.Rational(1, 2)


def product(*factors: Any) -> Any:
    return sp.Mul(*factors, evaluate=False)


def total(*terms: Any) -> Any:
    return sp.Add(*terms, evaluate=False)


@pytest.mark.parametrize(
    ("expression", "source"),
    [
        (total(product(w, x), b), "w * x + b"),
        (total(product(w, x), product(-1, b)), "w * x - b"),
        (total(-a, b), "-a + b"),
        (total(a, product(-2, b)), "a - 2 * b"),
        (total(a, total(b, c)), "a + (b + c)"),
        (product(half, total(a, product(-1, b)) ** 2), "(a - b)**2 / 2"),
        (product(sp.Rational(-3, 2), a), "-3 * a / 2"),
        (product(total(a, b), a, total(1, product(-1, a))), "(a + b) * a * (1 - a)"),
        (product(a, 1 / b, 1 / c), "a / (b * c)"),
        (1 / b, "1 / b"),
        (b**-2, "1 / b**2"),
        (product(a, 1 / total(b, c)), "a / (b + c)"),
        (sp.sqrt(a), "np.sqrt(a)"),
        (1 / sp.sqrt(a + b), "1 / np.sqrt(a + b)"),
        (product(a, sp.sqrt(8)), "2 * a * 2**0.5"),
        (a ** sp.Rational(1, 3), "a**(1 / 3)"),
        (product((-a) ** 2, b), "a**2 * b"),
        (a**b, "a**b"),
        ((a + b) ** c, "(a + b)**c"),
        ((a**b) ** c, "(a**b)**c"),
        (sp.exp(-a), "np.exp(-a)"),
        (sp.log(a), "np.log(a)"),
        (total(sp.tanh(a * b), 1), "np.tanh(a * b) + 1"),
        (sb.sigmoid(a + b), "sigmoid(a + b)"),
        (sb.silu(a + b) * c, "c * ((a + b) * sigmoid(a + b))"),
        (sb.relu(a), "np.maximum(a, 0)"),
        (leaky_relu(a), "np.where(a > 0, a, 0.01 * a)"),
        (elu(a), "np.where(a > 0, a, 1 * np.expm1(np.minimum(a, 0)))"),
        (maximum(a, b), "np.maximum(a, b)"),
        (sp.asin(a), "np.arcsin(a)"),
        (sp.Piecewise((a, a > 0), (b, True)), "np.where(a > 0, a, b)"),
        (product(a, Indicator(b > 0)), "a * (b > 0)"),
        (product(a, Indicator(b > c)), "a * (b > c)"),
        (product(a, sp.exp(b), Indicator(b <= 0)), "np.where(b <= 0, a * np.exp(b), 0)"),
        (product(a, 1 / b, Indicator(b > 0)), "np.where(b > 0, a / b, 0)"),
        (Indicator(a > 0), "np.heaviside(a, 0)"),
        (Indicator(a >= b), "np.heaviside(a - b, 1)"),
        (Indicator(a < 0), "np.heaviside(-a, 0)"),
        (Indicator(sp.Le(a, b)), "np.heaviside(b - a, 1)"),
        (
            total(Indicator(a > 0), product(half, Indicator(a <= 0))),
            "np.heaviside(-a, 1) / 2 + (a > 0)",
        ),
        (sp.Integer(3), "3"),
        (sp.Rational(1, 3), "1 / 3"),
        (sp.Rational(1, 100), "0.01"),
        (sp.Float(0.1), "0.1"),
        (2 * sp.pi * a, "2 * np.pi * a"),
    ],
)
def test_source(expression: Any, source: str) -> None:
    names = {s: s.name for s in (a, b, c, w, x)}
    assert NumPySource(names).doprint(expression) == source


@pytest.mark.parametrize("expression", [sp.zoo, sp.I * a, sp.besselj(0, a), sp.Symbol("elsewhere")])
def test_what_it_cannot_write_it_refuses(expression: Any) -> None:
    with pytest.raises(sb.NetworkError, match="cannot yet write"):
        NumPySource({a: "a"}).doprint(expression)


def test_a_body_with_unknown_names_is_refused() -> None:
    evil = sb.activation("evil", lambda z: z, numpy="__import__('os').getcwd() * {0}")
    with pytest.raises(sb.NetworkError, match="__import__"):
        NumPySource({a: "a"}).doprint(evil(a))
