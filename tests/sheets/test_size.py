"""Sheets grow with the network, not with its paths; a wide formula is broken at the right places."""

from __future__ import annotations

import time

import pytest
import sympy as sp

from symbackprop.derivation import Derivation
from symbackprop.sheets import compose
from symbackprop.sheets.breaking import broken, broken_product
from symbackprop.sheets.mathematics import MathWriter
from symbackprop.sheets.width import width
from tests.sheets.networks import chain, layer, two_two_one


@pytest.mark.parametrize("render", ["to_markdown", "to_latex", "to_html"])
def test_the_size_is_linear_in_the_depth(render: str) -> None:
    sizes = [len(getattr(compose(Derivation(chain(depth))), render)()) for depth in (40, 80, 160)]
    assert (sizes[2] - sizes[1]) / (sizes[1] - sizes[0]) == pytest.approx(2, rel=0.15)
    assert sizes[2] < 2_000_000


def test_a_hundred_layers_take_seconds_at_most() -> None:
    start = time.perf_counter()
    compose(Derivation(chain(100))).to_html()
    assert time.perf_counter() - start < 5


def test_two_parameters_and_three_hundred() -> None:
    assert r"\boxed{\frac{\partial E}{\partial w_1}" in compose(Derivation(chain(1))).to_markdown()
    text = compose(Derivation(layer(8, 16, 8))).to_markdown()
    assert text.count(r"\frac{\partial E}{\partial") > 280
    assert "**$" not in text


def test_neurons_that_are_alike_are_explained_once() -> None:
    text = compose(Derivation(chain(64))).to_markdown()
    assert "In the same way:" in text
    assert text.count("is used by") == 3  # z_64; z_63 and, behind its activation, a_63


def test_sums_break_before_a_sign_and_products_before_a_factor() -> None:
    write = MathWriter(Derivation(two_two_one()))
    x = sp.symbols("x_1:13")
    lines = broken(write, sp.Add(*x, evaluate=False), 12)
    assert lines[0].latex.startswith("x_1 + x_2 + ")
    assert all(line.latex.startswith(r"\quad {} + ") for line in lines[1:])
    assert all(width(line.latex) <= 12 for line in lines)
    factors = tuple(sp.Add(a, 1, evaluate=False) for a in x)
    assert all(line.latex.startswith(r"\quad \cdot (x") for line in broken_product(write, factors, 12)[1:])
    brackets = broken_product(write, (x[0], sp.Add(*x, evaluate=False)), 12)
    assert brackets[0].latex.startswith(r"x_1\,\bigl(x_1 + ")
    assert brackets[-1].latex.endswith(r"x_{12}\bigr)")
