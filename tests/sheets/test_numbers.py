"""Networks of arrays in numbers: every line with its matrices put in; expectations worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

import symbackprop as sb
from symbackprop.derivation import Derivation
from symbackprop.numeric.points import random_point
from symbackprop.sheets import compose
from tests.sheets.networks import shared_biases

LINEAR = r"""
X \in \mathbb{R}^{n \times m}
Y \in \mathbb{R}^{k \times m}
W \in \mathbb{R}^{k \times n}
b \in \mathbb{R}^{k}
Z = W X + b
L = \frac{1}{2m} \|Z - Y\|_F^2
"""
POINT = {"X": [[1, 2], [3, 4]], "Y": [[7, 9], [3, 4]], "W": [[1, 2], [0, 1]], "b": [1, 0]}


def matrix(*rows: str) -> str:
    return r"\begin{bmatrix} " + r" \\ ".join(rows) + r" \end{bmatrix}"


def numbers(**options: object) -> str:
    sheet = sb.read(LINEAR).derive().sheet(values=POINT | {"eta": 0.1}, **options)  # type: ignore[arg-type]
    return sheet.to_markdown().split("## In numbers")[1]


def test_forward_is_formula_substitution_value() -> None:
    text = numbers()
    put_in = rf"{matrix('1 & 2', '0 & 1')}\, {matrix('1 & 2', '3 & 4')} + {matrix('1', '0')}\, \mathbf{{1}}^{{\top}}"
    assert r"Z &= W\, X + b\, \mathbf{1}^{\top} \\" in text
    assert "&= " + put_in in text
    assert "&= " + matrix("8 & 11", "3 & 4") in text


def test_the_loss_is_written_out_term_by_term() -> None:
    text = numbers()
    squares = r"(8 - 7)^2 + (11 - 9)^2 + (3 - 3)^2 + (4 - 4)^2"
    assert rf"&= \frac{{1}}{{4}} \cdot ({squares})" in text
    assert "&= 1.25" in text


def test_backward_has_deltas_and_gradients() -> None:
    text = numbers()
    delta = matrix("0.5 & 1", "0 & 0")
    assert r"\delta &= \frac{1}{m}\, (Z - Y)" in text or r"\delta_Z &= \frac{1}{m}\, (Z - Y)" in text
    assert rf"&= {delta}\, {matrix('1 & 2', '3 & 4')}^{{\top}}" in text
    assert f"&= {matrix('2.5 & 5.5', '0 & 0')}" in text
    assert f"&= {matrix('1.5', '0')}" in text


def test_update_and_loss_before_and_after() -> None:
    text = numbers()
    step = rf"W \leftarrow {matrix('1 & 2', '0 & 1')} - 0.1 \cdot {matrix('2.5 & 5.5', '0 & 0')}"
    assert f"{step} = {matrix('0.75 & 1.45', '0 & 1')}" in text
    assert "$L$ was $1.25$ and is now $0.4562$." in text or "$L$ was $1.25$ and is now $0.4563$." in text


def test_the_check_moves_one_entry_by_hand() -> None:
    text = numbers(digits=3)
    assert r"\frac{L(W_{11} + \varepsilon) - L(W_{11} - \varepsilon)}{2\varepsilon}" in text
    assert r"$\partial L/\partial W_{11} = 2.5$" in text
    assert text.rstrip().splitlines()[-1].startswith("**Check**")


@pytest.mark.parametrize("digits", [2, 6])
def test_the_digits_are_chosen(digits: int) -> None:
    text = numbers(digits=digits)
    assert {2: "now $0.46$", 6: "now $0.45625$"}[digits] in text


def test_a_large_array_shows_its_corners() -> None:
    values = POINT | {"X": [[1] * 20] * 2, "Y": [[0] * 20] * 2}
    text = sb.read(LINEAR).derive().sheet(values=values).to_markdown()  # type: ignore[arg-type]
    assert r"X = \begin{bmatrix} 1 & 1 & 1 & \cdots & 1" in text
    assert text.count(r"\cdots & 1 \\ 1 & 1 & 1") == 1  # put in nowhere


@pytest.mark.parametrize("name", ["softmax-classifier", "relu-classifier", "relu-regression"])
@pytest.mark.parametrize("delta", ["cost", "sample"])
def test_every_built_in_network_of_arrays_is_worked_out(name: str, delta: str) -> None:
    derivation = sb.read(name).derive(delta=delta)  # type: ignore[arg-type]
    program = derivation.compile()
    point = random_point(program, {}, np.random.default_rng(1))
    values = {q.name.plain: v for q, v in zip(program.plan.arguments, point, strict=True)}
    text = derivation.sheet(values=values).to_markdown()
    assert text.rstrip().splitlines()[-1].startswith("**Check**")
    assert text.count("&= \\begin{bmatrix}") >= 2 * len(derivation.parameters)


def test_a_negative_difference_of_matrices_keeps_its_brackets() -> None:
    lines = [r"X \in \mathbb{R}^{n \times m}", r"Y \in \mathbb{R}^{k \times m}", r"W \in \mathbb{R}^{k \times n}"]
    text = sb.read("\n".join([*lines, "Z = W X", r"L = \frac12 \|Y - Z\|_F^2"])).derive().sheet().to_markdown()
    assert r"\boxed{\delta_Z = -(Y - Z)}" in text


PUBLISHED_POINT = {
    **{"i_1": 0.05, "i_2": 0.1, "target_{o1}": 0.01, "target_{o2}": 0.99, "b_1": 0.35, "b_2": 0.6, "eta": 0.5},
    **{"w_1": 0.15, "w_2": 0.2, "w_3": 0.25, "w_4": 0.3, "w_5": 0.4, "w_6": 0.45, "w_7": 0.5, "w_8": 0.55},
}
"""The numbers of a well-known worked example: two inputs, two hidden units, two outputs, shared biases."""


def test_a_published_example_line_by_line() -> None:
    sheet = compose(Derivation(shared_biases()), values=PUBLISHED_POINT, digits=8)
    text = sheet.to_text().split("In numbers")[1]
    for published in (
        "= 0.3775\n",
        "= 0.59326999\n",
        "= 0.59688438\n",
        "= 0.75136507\n",
        "= 0.77292847\n",
        "= 0.27481108\n",
        "= 0.023560026\n",
        "= 0.29837111\n",
        "= 0.13849856\n",
        "= 0.082167041\n",
        "= 0.00043856773\n",
        "= 0.35891648\n",
        "= 0.40866619\n",
        "= 0.51130127\n",
        "= 0.56137012\n",
        "= 0.14978072\n",
        "= 0.19956143\n",
        "= 0.24975114\n",
        "= 0.29950229\n",
    ):
        assert published in text, published
    assert "-1 ·" not in text


def test_what_rounding_leaves_of_a_zero_is_a_zero() -> None:
    values = POINT | {"W": [[0.1, 0.2], [0, 1]], "X": [[1, 2], [1, 2]], "b": [-0.3, 0]}
    text = sb.read(LINEAR).derive().sheet(values=values).to_markdown().split("## In numbers")[1]
    assert "&= " + matrix("0 & 0.3", "1 & 2") in text
    assert "10^{-17}" not in text
