"""Layouts: values permuted, loss equal, gradients permuted; the truth is hand-written NumPy and the complex step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy as sp
from click.testing import CliRunner

import symbackprop as sb
from symbackprop.cli import main
from symbackprop.network.convert import permuted
from tests.oracle import Instance

Array = Any
M, D, H, C = 6, 4, 5, 3
draw = np.random.default_rng(11)


def softmax(z: Array, axis: int) -> Array:
    e = np.exp(z)
    return e / e.sum(axis=axis, keepdims=True)


def softmax_classifier(v: dict[str, Array]) -> Any:
    z = v["W^[2]"] @ np.tanh(v["W^[1]"] @ v["X"] + v["b^[1]"][:, None]) + v["b^[2]"][:, None]
    return -(v["Y"] * np.log(softmax(z, 0))).sum() / M


def relu_classifier(v: dict[str, Array]) -> Any:
    z = v["X"] @ v["W1"].T + v["b1"]
    p = softmax(np.where(z.real > 0, z, 0) @ v["W2"].T + v["b2"], 1)
    return -np.log(p[np.arange(M), v["y"]]).sum() / M


def relu_regression(v: dict[str, Array]) -> Any:
    h = v["W1"].T @ v["x"] + v["b1"][:, None]
    out = v["W2"].T @ np.where(h.real > 0, h, 0) + v["b2"][:, None]
    return ((out - v["y"]) ** 2).sum()


def one_hot() -> Array:
    return np.eye(C)[:, draw.integers(0, C, M)]


def normal(**shapes: tuple[int, ...]) -> dict[str, Array]:
    return {name: draw.standard_normal(shape) for name, shape in shapes.items()}


# name -> (oracle, values, names of what has a sample axis and another one, names of the weights)
NETWORKS: dict[str, tuple[Callable[..., Any], dict[str, Array], tuple[str, ...], tuple[str, ...]]] = {
    "softmax-classifier": (
        softmax_classifier,
        normal(X=(D, M), b1=(H,), b2=(C,), W1=(H, D), W2=(C, H)) | {"Y": one_hot()},
        ("X", "Y"),
        ("W^[1]", "W^[2]"),
    ),
    "relu-classifier": (
        relu_classifier,
        normal(X=(M, D), W1=(H, D), b1=(H,), W2=(C, H), b2=(C,)) | {"y": draw.integers(0, C, M)},
        ("X",),
        ("W1", "W2"),
    ),
    "relu-regression": (
        relu_regression,
        normal(x=(D, M), y=(C, M), W1=(D, H), b1=(H,), W2=(H, C), b2=(C,)),
        ("x", "y"),
        ("W1", "W2"),
    ),
}
ROWS = {"softmax-classifier": False, "relu-classifier": True, "relu-regression": False}
PARAMETERS = ("W1", "b1", "W2", "b2")


def values_of(name: str) -> dict[str, Array]:
    """The values under the names of the network."""
    values = NETWORKS[name][1]
    if name == "softmax-classifier":
        return {k if k in "XY" else f"{k[0]}^[{k[1]}]": v for k, v in values.items()}
    return values


def complex_step(function: Callable[[dict[str, Array]], Any], v: dict[str, Array], name: str) -> Array:
    gradient = np.zeros(v[name].shape)
    for entry in np.ndindex(gradient.shape):
        moved = v[name].astype(complex)
        moved[entry] += 1e-30j
        gradient[entry] = function({**v, name: moved}).imag / 1e-30
    return gradient


@pytest.mark.parametrize("weights", ["keep", "transpose"])
@pytest.mark.parametrize("layout", ["rows", "columns"])
@pytest.mark.parametrize("name", NETWORKS)
def test_layouts_compute_the_same(name: str, layout: Any, weights: Any) -> None:
    oracle, _, batches, matrices = NETWORKS[name]
    values = values_of(name)
    turned = (batches if (layout == "rows") != ROWS[name] else ()) + (matrices if weights == "transpose" else ())
    given = {sb.read(name).find(k).name.plain: v.T if k in turned else v for k, v in values.items()}
    net = sb.read(name).with_layout(layout, weights=weights)
    loss, gradients = net.derive().compile()(given)
    assert loss == pytest.approx(float(oracle(values)), rel=1e-12)
    for k in values:
        if k in batches or k == "y":
            continue
        truth = complex_step(oracle, values, k)
        found = gradients[net.find(k).name.plain]
        np.testing.assert_allclose(found, truth.T if k in turned else truth, rtol=1e-10, atol=1e-13)


def test_the_matrix_form_follows_the_layout() -> None:
    rows = sb.read("softmax-classifier").with_layout("rows", weights="transpose")
    text = rows.derive().sheet().to_text()
    assert "Z^[1] = X W^[1] + 𝟏 (b^[1])^T" in text
    columns = rows.with_layout("columns", weights="transpose")
    assert "Z^[1] = W^[1] X + b^[1] 𝟏^T" in columns.derive().sheet().to_text()


def test_there_and_back() -> None:
    net = sb.read("softmax-classifier")
    back = net.with_layout("rows", weights="transpose").with_layout("columns", weights="transpose")
    assert [(e.target, e.expression) for e in back.equations] == [(e.target, e.expression) for e in net.equations]
    assert back.assumptions == net.assumptions
    shapes = {q.name.plain: q.shape for q in back.quantities.values()}
    assert shapes == {q.name.plain: q.shape for q in net.quantities.values()}


def test_a_symbolic_depth_keeps_its_layer_in_front() -> None:
    rows = sb.read("deep").with_layout("rows", weights="transpose")
    l, m = sp.symbols("l m", integer=True)
    n = sp.Function("n", integer=True)
    assert rows.find("W").shape[1:] == (n(l - 1), n(l))
    assert rows.find("Z").shape[1:] == (m, n(l))
    values = normal(X=(M, 2), Y=(M, 3), W1=(2, 4), W2=(4, 3), b1=(4,), b2=(3,))
    given = {k if k in "XY" else f"{k[0]}^[{k[1]}]": v for k, v in values.items()}
    loss, gradients = rows.unroll(L=2).derive().compile()(given)

    def oracle(v: dict[str, Array]) -> Any:
        a = v["X"]
        for k in "12":
            a = 1 / (1 + np.exp(-(a @ v[f"W{k}"] + v[f"b{k}"])))
        return ((a - v["Y"]) ** 2).sum() / (2 * M)

    assert loss == pytest.approx(float(oracle(values)), rel=1e-12)
    np.testing.assert_allclose(gradients["W^[1]"], complex_step(oracle, values, "W1"), rtol=1e-10)


def test_values_of_the_file_turn_along() -> None:
    net = sb.read(
        "samples: m\nX in R^(d x m), W in R^(1 x d), Y in R^(1 x m)\nW := [[1, 2]]\nZ = W X\nE = \\|Z - Y\\|_F^2"
    )
    turned = net.with_layout("columns", weights="transpose")
    assert list(turned.values.values()) == [[[1.0], [2.0]]]


def test_permuted_is_general() -> None:
    net = sb.read(
        "B_{ijk} = A_{ijk} x_k for i = 1..2, j = 1..3, k = 1..4\nparameters: A\n"
        "E = \\sum_{i=1}^2 \\sum_{j=1}^3 \\sum_{k=1}^4 B_{ijk}^2"
    )
    moved = sb.Network(permuted(net, {net.find("A").base: (2, 0, 1)}))
    assert moved.find("A").shape == (4, 2, 3)
    values = normal(A=(2, 3, 4), x=(4,))
    numbers = {sp.Symbol(f"x@{k + 1}", real=True): sp.Float(values["x"][k], 30) for k in range(4)}
    for at in np.ndindex(2, 3, 4):
        i, j, k = (n + 1 for n in at)
        numbers[sp.Symbol(f"A@{k}@{i}@{j}", real=True)] = sp.Float(values["A"][at], 30)
    gradient = Instance(moved, {}).adjoint_values(moved.derive().sweep, numbers)[moved.find("A").base]
    truth = 2 * values["A"] * values["x"] ** 2
    for k, i, j in gradient:
        assert gradient[k, i, j] == pytest.approx(truth[i - 1, j - 1, k - 1], rel=1e-12)


def test_without_samples_there_is_no_layout() -> None:
    with pytest.raises(sb.NetworkError, match="no sample axis") as caught:
        sb.read("two-two-one").with_layout("rows")
    assert "samples: m" in str(caught.value)
    with pytest.raises(sb.NetworkError, match="unknown layout 'diagonal'"):
        sb.read("deep").with_layout("diagonal")  # type: ignore[arg-type]


class TestCommandLine:
    def run(self, *arguments: str) -> Any:
        return CliRunner().invoke(main, ["derive", *arguments])

    def test_layout(self) -> None:
        result = self.run("softmax-classifier", "--layout", "rows", "-f", "txt")
        assert result.exit_code == 0, result.stderr
        assert "X (W^[1])^T" in result.stdout

    def test_notation(self) -> None:
        result = self.run("softmax-classifier", "--notation", "paren", "--layout", "columns")
        assert result.exit_code == 0, result.stderr
        assert r"W^{(1)}" in result.stdout
        assert r"W^{[1]}" not in result.stdout

    def test_what_cannot_be_done_is_one_message(self) -> None:
        result = self.run("two-two-one", "--layout", "rows")
        assert (result.exit_code, result.stdout) == (2, "")
        assert "no sample axis" in result.stderr
        assert self.run("deep", "--notation", "neuron").exit_code == 2
