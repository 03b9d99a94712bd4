"""Closed forms: derived by general rules, equal in value, with the assumption that they used."""

from __future__ import annotations

from typing import Any

import pytest
import sympy as sp

import symbackprop as sb
from symbackprop.matrix import matrix_form
from symbackprop.notation.matrix_writer import MatrixWriter
from symbackprop.notation.writer import TEXT, Writer

TWO_LAYERS = """
X in R^(d x m), Y in R^(c x m), W in R^(c x d), b in R^c
Z = W X + b
A = {output}(Z)
L = {loss}
{assume}
"""


def delta(output: str, loss: str, assume: str = "") -> tuple[str, Any]:
    net = sb.read(TWO_LAYERS.format(output=output, loss=loss, assume=assume))
    gradient = net.derive()["Z"]
    node = matrix_form(gradient.result, [axis.index for axis in gradient.quantity.axes])
    return MatrixWriter(Writer(net.names, TEXT))(node), gradient


CROSS_ENTROPY = r"-\frac{1}{m} \sum_{i=1}^{m} \sum_{k=1}^{c} Y_{ki} \log A_{ki}"
BINARY = r"-\frac{1}{m} \sum_{i=1}^{m} \sum_{k=1}^{c} (Y_{ki} \log A_{ki} + (1 - Y_{ki}) \log(1 - A_{ki}))"


def test_softmax_with_cross_entropy() -> None:
    text, gradient = delta("softmax", CROSS_ENTROPY, r"assume: \sum_k Y_{ki} = 1")
    assert text == "1/m (A - Y)"
    assert "assumption" in gradient.closed.rules


def test_without_the_assumption_the_sum_stays() -> None:
    text, gradient = delta("softmax", CROSS_ENTROPY)
    assert text == "1/m (A diag(Y^T 𝟏) - Y)"
    assert gradient.closed.assumptions == ()


def test_sigmoid_with_binary_cross_entropy() -> None:
    assert delta("sigma", BINARY)[0] == "1/m (A - Y)"


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("tanh", "1/m (A - Y) ⊙ (1 - A ⊙ A)"),
        ("sigma", "1/m (A - Y) ⊙ A ⊙ (1 - A)"),
        ("identity", "1/m (A - Y)"),
    ],
)
def test_squares_keep_the_activation(output: str, expected: str) -> None:
    assert delta(output, r"\frac{1}{2m} \|A - Y\|_F^2")[0] == expected


def test_values_are_kept() -> None:
    a, y = sp.symbols("a y")
    from symbackprop.rewrite import closed_form

    raw = (-y / a + (1 - y) / (1 - a)) * a * (1 - a)
    point = {a: sp.Rational(1, 3), y: sp.Rational(2, 7)}
    assert closed_form(raw).expression.xreplace(point) == sp.nsimplify(raw.xreplace(point))
