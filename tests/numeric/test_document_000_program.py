"""Document 000's program, restored: what it does right is done, what it does wrong is not (census 0.29 to 0.41)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import symbackprop as sb
from symbackprop.cli import main

SCRAPED = """\
import matplotlib.pyplot as plt import numpy as np # 定义参数 N, D_in, H, D_out = 64, 1000, 100, 10 \
x = np.random.randn(D_in, N) h = np.matmul(w1.T, x)+b1 loss = np.square(y_pred-y).sum()
"""
BIAS_OF_SAMPLES = r"""
x \in \mathbb{R}^{D \times N}
y \in \mathbb{R}^{C \times N}
W \in \mathbb{R}^{D \times C}
b \in \mathbb{R}^{C \times N}
\hat{y} = W^\top x + b
L = \|\hat{y} - y\|_F^2
"""


def numbers(samples: int = 64, inputs: int = 1000, hidden: int = 100, outputs: int = 10) -> dict[str, Any]:
    """The program's sizes and random data, seeded."""
    draw = np.random.default_rng(0)
    shapes = {"x": (inputs, samples), "y": (outputs, samples), "W_1": (inputs, hidden), "W_2": (hidden, outputs)}
    return {name: draw.standard_normal(shape) for name, shape in shapes.items()}


def by_hand(p: dict[str, Any], x: Any, y: Any) -> tuple[float, dict[str, Any]]:
    """The program with shared biases: the mask is taken at h, the gradient of a bias is a sum over the samples."""
    h = np.matmul(p["W_1"].T, x) + p["b_1"][:, None]
    a = np.maximum(h, 0)
    y_pred = np.matmul(p["W_2"].T, a) + p["b_2"][:, None]
    grad_y_pred = 2 * (y_pred - y)
    grad_h = np.matmul(p["W_2"], grad_y_pred)
    grad_h[h < 0] = 0
    return np.square(y_pred - y).sum(), {
        "W_1": np.matmul(x, grad_h.T),
        "b_1": grad_h.sum(axis=1),
        "W_2": np.matmul(a, grad_y_pred.T),
        "b_2": grad_y_pred.sum(axis=1),
    }


def test_the_scrape_is_refused_rather_than_guessed() -> None:
    with pytest.raises(sb.NotationError, match="line 1, column 18"):
        sb.read(SCRAPED)


def test_loss_and_gradients_at_its_sizes() -> None:
    values = numbers() | {"b_1": np.full(100, 0.5), "b_2": np.zeros(10)}
    loss, gradients = sb.read("relu-regression").derive().compile()(values)
    expected, by_name = by_hand(values, values["x"], values["y"])
    assert loss == pytest.approx(expected, rel=1e-12)  # a sum of squares: no 1/2, no 1/N
    for name, gradient in by_name.items():
        assert gradients[name].shape == values[name].shape
        np.testing.assert_allclose(gradients[name], gradient, rtol=1e-9, atol=1e-9 * np.abs(gradient).max())


def test_the_mask_at_a_would_be_wrong() -> None:
    """The document writes ``grad_a[a < 0] = 0``: a is never negative, so nothing is masked."""
    values = numbers(8, 20, 10, 3) | {"b_1": np.zeros(10), "b_2": np.zeros(3)}
    _, gradients = sb.read("relu-regression").derive().compile()(values)
    a = np.maximum(values["W_1"].T @ values["x"], 0)
    unmasked = values["W_2"] @ (2 * (values["W_2"].T @ a - values["y"]))
    assert np.abs(gradients["b_1"] - unmasked.sum(axis=1)).max() > 0.1 * np.abs(gradients["b_1"]).max()


def test_its_training_loop() -> None:
    """Full batch, 500 iterations at 1e-6, every gradient before every update, a loss for each iteration."""
    data = numbers(16, 60, 12, 4)
    start = {"W_1": data.pop("W_1"), "W_2": data.pop("W_2"), "b_1": np.zeros(12), "b_2": np.zeros(4)}
    derivation = sb.read("relu-regression").derive()
    history = derivation.train(start, data, rate=1e-6, epochs=500)
    p, losses = dict(start), []
    for _ in range(500):
        loss, gradients = by_hand(p, data["x"], data["y"])
        losses.append(loss)
        p = {name: p[name] - 1e-6 * gradients[name] for name in p}
    np.testing.assert_allclose(history.loss, losses, rtol=1e-10)
    for name, value in p.items():
        np.testing.assert_allclose(history.values[name], value, rtol=1e-9, atol=1e-12)
    other = numbers(5, 60, 12, 4)  # shared biases serve any number of samples
    assert derivation.compile().forward(history.values | {"x": other["x"], "y": other["y"]})["yhat"].shape == (4, 5)


def test_the_same_seed_gives_the_same_run() -> None:
    data = {name: value for name, value in numbers(16, 6, 5, 2).items() if name in "xy"}
    derivation = sb.read("relu-regression").derive()
    first, again, other = (
        derivation.train({"H": 5}, data, rate=1e-4, epochs=5, batch_size=4, seed=seed) for seed in (3, 3, 4)
    )
    assert first.loss == again.loss != other.loss
    assert all(np.array_equal(first.values[name], again.values[name]) for name in first.values)


@pytest.mark.parametrize("shape", [(4, 7), (4, 1)])
def test_a_bias_with_the_sample_axis_is_refused(shape: tuple[int, int]) -> None:
    values = numbers(7, 5, 4, 3) | {"b_1": np.zeros(shape), "b_2": np.zeros(3)}
    with pytest.raises(sb.DataError, match="b_1 is H, but its value has shape"):
        sb.read("relu-regression").derive().compile()(values)


def test_a_bias_declared_with_the_sample_axis_is_warned_of(tmp_path: Path) -> None:
    network = sb.read(BIAS_OF_SAMPLES)
    assert [w for w in network.warnings if w.startswith("b has the axis N of the inputs and targets")]
    (tmp_path / "bias.net").write_text(BIAS_OF_SAMPLES)
    np.savez(tmp_path / "d.npz", x=np.ones((3, 4)), y=np.ones((2, 4)))
    files = ["--data", str(tmp_path / "d.npz"), "-o", str(tmp_path / "p.npz")]
    result = CliRunner().invoke(main, ["train", str(tmp_path / "bias.net"), *files, "--epochs", "1"])
    assert result.exit_code == 0, result.stderr
    assert result.stderr.startswith("warning: b has the axis N")


def test_its_loss_curve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program from the command line: data by name, the curve with labelled axes as PNG and SVG."""
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    np.savez("d.npz", **{name: value for name, value in numbers(16, 60, 12, 4).items() if name in "xy"})
    Path("size.net").write_text("H := 12\n")
    for picture, head in (("loss.png", b"\x89PNG"), ("loss.svg", b"<?xml")):
        options = ["--rate", "1e-5", "--epochs", "50", "--values", "size.net", "--plot", picture, "-o", "p.npz"]
        result = CliRunner().invoke(main, ["train", "relu-regression", "--data", "d.npz", *options])
        assert result.exit_code == 0, result.stderr
        assert Path(picture).read_bytes().startswith(head)
    with np.load("p.npz") as found:
        assert {name: found[name].shape for name in found} == {
            "W_1": (60, 12),
            "b_1": (12,),
            "W_2": (12, 4),
            "b_2": (4,),
        }
