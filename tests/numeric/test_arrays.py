"""Networks with axes: training against a hand-written loop, standalone modules, tables of elements."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import symbackprop as sb
from symbackprop.numeric.files import read_csv
from symbackprop.numeric.prediction import csv_table, prediction
from symbackprop.numeric.standalone import standalone_source


def data() -> dict[str, Any]:
    draw = np.random.default_rng(3)
    x = draw.standard_normal((5, 12))
    return {"x": x, "y": np.vstack([x[0] * x[1], x[2] - x[3]])}


def start() -> dict[str, Any]:
    draw = np.random.default_rng(4)
    shapes = {"W_1": (5, 7), "b_1": (7,), "W_2": (7, 2), "b_2": (2,)}
    return {name: 0.3 * draw.standard_normal(shape) for name, shape in shapes.items()}


def test_training_equals_a_hand_written_loop() -> None:
    """Document 000's program with shared biases: the mask is taken at h, the bias gradient is a sum."""
    derivation = sb.read("relu-regression").derive()
    history = derivation.train(start(), data(), rate=1e-3, epochs=50)
    p, x, y = start(), data()["x"], data()["y"]
    for _ in range(50):
        h = p["W_1"].T @ x + p["b_1"][:, None]
        a = np.maximum(h, 0)
        g = 2 * (p["W_2"].T @ a + p["b_2"][:, None] - y)
        gh = (p["W_2"] @ g) * (h > 0)
        gradients = {"W_1": x @ gh.T, "b_1": gh.sum(axis=1), "W_2": a @ g.T, "b_2": g.sum(axis=1)}
        p = {name: value - 1e-3 * gradients[name] for name, value in p.items()}
    for name, value in p.items():
        assert np.abs(history.values[name] - value).max() < 1e-12, name


def test_batches_are_cut_along_the_sample_axis() -> None:
    derivation = sb.read("relu-regression").derive()
    history = derivation.train(start(), data(), rate=1e-3, epochs=3, batch_size=5, shuffle=False)
    p, x, y = start(), data()["x"], data()["y"]
    program = derivation.compile()
    for _ in range(3):
        for first in range(0, 12, 5):
            _, gradients = program({**p, "x": x[:, first : first + 5], "y": y[:, first : first + 5]})
            p = {name: value - 1e-3 * gradients[name] for name, value in p.items()}
    assert all(np.allclose(history.values[name], value, rtol=1e-12, atol=1e-14) for name, value in p.items())


@pytest.mark.parametrize("name", ["relu-regression", "relu-classifier", "softmax-classifier"])
@pytest.mark.parametrize("train", [False, True])
def test_standalone_modules_run(name: str, train: bool, tmp_path: Path) -> None:
    module = tmp_path / "network.py"
    source = standalone_source(sb.read(name).derive(), train=train)
    assert "symbackprop" not in source.split('"""', 2)[2]
    module.write_text(source, encoding="utf-8")
    run = subprocess.run([sys.executable, str(module)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "loss" in run.stdout


def test_standalone_gradients_equal_the_program() -> None:
    derivation = sb.read("relu-regression").derive()
    namespace: dict[str, Any] = {"__name__": "network"}
    exec(standalone_source(derivation), namespace)
    loss, gradients = namespace["loss_and_gradients"](start(), data())
    expected_loss, expected = derivation.compile()({**start(), **data()})
    assert loss == expected_loss
    assert all(np.array_equal(gradients[name], expected[name]) for name in expected)


def test_columns_of_elements_become_an_array_and_back() -> None:
    table = read_csv("X[1],X[2],y\n1,2,0\n3,4,1\n5,6,1\n", "data.csv")
    program = sb.read("relu-classifier").derive().compile()
    values = {"W_1": np.ones((3, 2)), "b_1": np.zeros(3), "W_2": np.ones((2, 3)), "b_2": np.zeros(2)}
    by_name = program({**values, **table})
    by_array = program({**values, "X": np.array([[1.0, 2], [3, 4], [5, 6]]), "y": np.array([0, 1, 1])})
    assert by_name[0] == by_array[0]
    header = csv_table(prediction(program, {**values, **table})).splitlines()[0]
    assert header == "X[1],X[2],y,P[1],P[2],L"


def test_a_gap_in_the_columns_is_named() -> None:
    with pytest.raises(sb.DataError, match="without a gap"):
        sb.read("relu-classifier").derive().compile()({"X[1]": [1.0], "X[3]": [2.0], "y": [0]})


def test_arrays_that_disagree_are_named() -> None:
    with pytest.raises(sb.DataError, match=r"makes D = 4, but .* makes it 5|makes D = 5, but .* makes it 4"):
        sb.read("relu-regression").derive().compile()({**start(), **data(), "x": np.ones((4, 12))})


def test_labels_outside_their_range_are_refused() -> None:
    values = {"W_1": np.ones((3, 2)), "b_1": np.zeros(3), "W_2": np.ones((2, 3)), "b_2": np.zeros(2)}
    with pytest.raises(sb.DataError, match="labels y run from 0 to 2"):
        sb.read("relu-classifier").derive().compile()({**values, "X": np.ones((2, 2)), "y": [0, 2]})


def test_own_functions_are_read_from_text() -> None:
    import sympy as sp

    sb.activation("squareplus", lambda z: (z + sp.sqrt(z**2 + 4)) / 2)
    assert sb.read("z = w x\na = squareplus(z)\nE = (a - y)^2").derive().gradient_check().ok


@pytest.mark.parametrize(
    "cost",
    [
        r"\sum_{s=1}^m \sum_{i=1}^n (w_i \tanh(Z_{si}) - Y_{si})^2",  # A is the value of its tanh
        r"\sum_{s=1}^m \sum_{i=1}^n (X_{si} w_i - Y_{si})^2",  # nothing leads to A and Z
        r"\sum_{s=1}^m \sum_{i=1}^n (X_{si} w_i - [Z_{si} > 0] Y_{si})^2",  # no derivative leads to Z
    ],
)
def test_quantities_beside_the_way_to_the_loss(cost: str) -> None:
    text = r"""
        samples: m
        X \in \mathbb{R}^{m \times n}, Y \in \mathbb{R}^{m \times n}, w \in \mathbb{R}^{n}
        Z_{si} = X_{si} w_i for s = 1..m, i = 1..n
        A_{si} = \tanh(Z_{si}) for s = 1..m, i = 1..n
        L = """
    assert sb.read(text + cost).derive().gradient_check().ok
