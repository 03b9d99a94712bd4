"""Published training runs, to the digits that were published, in every loop that can run them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symbackprop as sb
from symbackprop.numeric.loops.loop import has_numba

LOOPS = [False, pytest.param(True, marks=pytest.mark.skipif(not has_numba(), reason="numba is not installed"))]

MAZUR = """
inputs: i_1, i_2
targets: t_1, t_2
constants: b_1, b_2
n_1 = w_1 i_1 + w_2 i_2 + b_1
h_1 = \\sigma(n_1)
n_2 = w_3 i_1 + w_4 i_2 + b_1
h_2 = \\sigma(n_2)
n_3 = w_5 h_1 + w_6 h_2 + b_2
o_1 = \\sigma(n_3)
n_4 = w_7 h_1 + w_8 h_2 + b_2
o_2 = \\sigma(n_4)
E = \\frac{1}{2} (t_1 - o_1)^2 + \\frac{1}{2} (t_2 - o_2)^2
"""
START = {f"w_{n}": value for n, value in enumerate([0.15, 0.2, 0.25, 0.3, 0.4, 0.45, 0.5, 0.55], start=1)}
DATA = {"i_1": 0.05, "i_2": 0.10, "t_1": 0.01, "t_2": 0.99, "b_1": 0.35, "b_2": 0.60}


@pytest.mark.parametrize("compiled", LOOPS)
def test_a_step_by_step_example(compiled: bool) -> None:
    """Matt Mazur, A Step by Step Backpropagation Example (2015): one update, and 10,000; the biases stay."""
    derivation = sb.read(MAZUR).derive()
    one = derivation.train(START, DATA, rate=0.5, epochs=1, compiled=compiled)
    assert one.loss[0] == pytest.approx(0.298371109, abs=5e-10)
    published = [0.149780716, 0.19956143, 0.24975114, 0.29950229, 0.35891648, 0.408666186, 0.511301270, 0.561370121]
    for n, value in enumerate(published, start=1):
        assert one.values[f"w_{n}"] == pytest.approx(value, abs=5e-9), f"w_{n}"
    many = derivation.train(START, DATA, rate=0.5, epochs=10_001, compiled=compiled)
    assert many.loss[1] == pytest.approx(0.291027924, abs=2e-7)  # his last digits are those of rounded outputs
    assert many.loss[10_000] == pytest.approx(0.0000351085, rel=2e-3)
    outputs = derivation.compile().forward({**many.values, **DATA})
    assert [float(outputs[name]) for name in ("o_1", "o_2")] == pytest.approx([0.015912196, 0.984065734], abs=2e-6)


@pytest.mark.parametrize("compiled", LOOPS)
@pytest.mark.parametrize("stacked", [False, True])
def test_sixty_thousand_steps_of_a_small_network(compiled: bool, stacked: bool) -> None:
    """The eleven-line network of three inputs and one unit (Andrew Trask 2015), 60,000 steps, against NumPy by hand."""
    X = np.array([[0.0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]])
    y = np.array([0.0, 1, 1, 0])
    draw = np.random.default_rng(1)
    syn0, syn1 = 2 * draw.random((3, 4)) - 1, 2 * draw.random((4, 1)) - 1
    start: dict[str, Any] = {"W_1": syn0.T.copy(), "W_2": syn1.T.copy()}
    if stacked:
        text = "x in R^3\ny in R^1\nW_1 in R^(4 x 3)\nW_2 in R^(1 x 4)\n"
        text += "a = \\sigma(W_1 x)\no = \\sigma(W_2 a)\nE = 2 \\|o - y\\|^2"
        data: dict[str, Any] = {"x": X, "y": y[:, None]}
    else:
        text = "x in R^(3 x m)\ny in R^(1 x m)\nW_1 in R^(4 x 3)\nW_2 in R^(1 x 4)\nsamples: m\n"
        text += "a = \\sigma(W_1 x)\no = \\sigma(W_2 a)\nE = 1/2 \\|o - y\\|_F^2"
        data = {"x": X.T, "y": y[None]}
    history = sb.read(text).derive().train(start, data, rate=1.0, epochs=60_000, compiled=compiled)
    for _ in range(60_000):
        l1 = 1 / (1 + np.exp(-(X @ syn0)))
        l2 = 1 / (1 + np.exp(-(l1 @ syn1)))
        d2 = (y[:, None] - l2) * (l2 * (1 - l2))
        d1 = d2 @ syn1.T * (l1 * (1 - l1))
        syn1 += l1.T @ d2
        syn0 += X.T @ d1
    np.testing.assert_allclose(history.values["W_1"], syn0.T, rtol=1e-9)
    np.testing.assert_allclose(history.values["W_2"], syn1.T, rtol=1e-9)
