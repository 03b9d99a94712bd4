"""Matrix networks in both layouts against hand-written NumPy, differentiated by the complex step.

The oracle shares nothing with the package: forward passes are written here, and f'(x) = Im f(x + ih) / h has no
rounding error to speak of.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import symbackprop as sb

Array = Any
N_IN, HIDDEN, CLASSES, SAMPLES = 4, 5, 3, 6

HIDDEN_ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "sigma": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": np.tanh,
    "relu": lambda z: np.where(z.real > 0, z, 0),
    "softplus": lambda z: np.log(1 + np.exp(z)),
}
OUTPUTS: dict[str, Callable[[Array, int], Array]] = {
    "identity": lambda z, axis: z,
    "sigma": lambda z, axis: 1 / (1 + np.exp(-z)),
    "tanh": lambda z, axis: np.tanh(z),
    "softplus": lambda z, axis: np.log(1 + np.exp(z)),
    "softmax": lambda z, axis: np.exp(z) / np.exp(z).sum(axis=axis, keepdims=True),
}
POSITIVE = ("sigma", "softplus", "softmax")
LOSSES: dict[str, tuple[str, Callable[[Array, Array], Array], tuple[str, ...]]] = {
    "half mean square": (
        r"\frac{1}{2m} \|P - Y\|_F^2",
        lambda p, y: ((p - y) ** 2).sum() / (2 * SAMPLES),
        (),
    ),
    "sum of squares": (r"\|P - Y\|_F^2", lambda p, y: ((p - y) ** 2).sum(), ()),
    "mean square": (
        r"\frac{1}{m c} \sum_{s=1}^m \sum_{k=1}^c (P_{INDEX} - Y_{INDEX})^2",
        lambda p, y: ((p - y) ** 2).mean(),
        (),
    ),
    "cross-entropy": (
        r"-\frac{1}{m} \sum_{s=1}^m \sum_{k=1}^c Y_{INDEX} \log P_{INDEX}",
        lambda p, y: -(y * np.log(p)).sum() / SAMPLES,
        POSITIVE,
    ),
    "binary cross-entropy": (
        r"-\frac{1}{m} \sum_{s,k} [Y_{INDEX} \log P_{INDEX} + (1 - Y_{INDEX}) \log(1 - P_{INDEX})]",
        lambda p, y: -(y * np.log(p) + (1 - y) * np.log(1 - p)).sum() / SAMPLES,
        ("sigma", "softmax"),
    ),
    "Huber": (
        r"\frac{1}{m} \sum_{s,k} \begin{cases} \frac12 (P_{INDEX} - Y_{INDEX})^2 & |P_{INDEX} - Y_{INDEX}| \le 1 \\"
        r" |P_{INDEX} - Y_{INDEX}| - \frac12 & \text{otherwise} \end{cases}",
        lambda p, y: (
            np.where(np.abs((p - y).real) <= 1, (p - y) ** 2 / 2, (p - y) * np.sign((p - y).real) - 0.5).sum() / SAMPLES
        ),
        (),
    ),
    "smooth Huber": (
        r"\frac{1}{m} \sum_{s,k} (\sqrt{1 + (P_{INDEX} - Y_{INDEX})^2} - 1)",
        lambda p, y: (np.sqrt(1 + (p - y) ** 2) - 1).sum() / SAMPLES,
        (),
    ),
    "hinge": (
        r"\frac{1}{m} \sum_{s,k} \max(0, 1 - Y_{INDEX} P_{INDEX})",
        lambda p, y: np.where((1 - y * p).real > 0, 1 - y * p, 0).sum() / SAMPLES,
        (),
    ),
}
COLUMNS = """
X in R^(d x m), Y in R^(c x m), W_1 in R^(h x d), b_1 in R^h, W_2 in R^(c x h), b_2 in R^c
samples: m
Z_1 = W_1 X + b_1
A_1 = {hidden}(Z_1)
Z_2 = W_2 A_1 + b_2
P = {output}(Z_2)
E = {loss} + \\frac{{1}}{{100}} \\|W_1\\|_F^2
"""
ROWS = """
X in R^(m x d), Y in R^(m x c), W_1 in R^(d x h), b_1 in R^h, W_2 in R^(h x c), b_2 in R^c
samples: m
Z_1 = X W_1 + b_1
A_1 = {hidden}(Z_1)
Z_2 = A_1 @ W_2 + b_2
P = {output}(Z_2)
E = {loss} + \\frac{{1}}{{100}} \\|W_1\\|_F^2
"""
PARAMETERS = ("W_1", "b_1", "W_2", "b_2")


def values() -> dict[str, Array]:
    """Random values in the column layout."""
    draw = np.random.default_rng(7)
    targets = np.abs(draw.standard_normal((CLASSES, SAMPLES)))
    shapes = {
        "X": (N_IN, SAMPLES),
        "W_1": (HIDDEN, N_IN),
        "b_1": (HIDDEN,),
        "W_2": (CLASSES, HIDDEN),
        "b_2": (CLASSES,),
    }
    return {name: draw.standard_normal(shape) for name, shape in shapes.items()} | {"Y": targets / targets.sum(axis=0)}


def forward(v: dict[str, Array], hidden: str, output: str, loss: str) -> Any:
    """The loss by hand, samples in columns."""
    z1 = v["W_1"] @ v["X"] + v["b_1"][:, None]
    p = OUTPUTS[output](v["W_2"] @ HIDDEN_ACTIVATIONS[hidden](z1) + v["b_2"][:, None], 0)
    return LOSSES[loss][1](p, v["Y"]) + (v["W_1"] ** 2).sum() / 100


def complex_step(function: Callable[[dict[str, Array]], Any], v: dict[str, Array], name: str) -> Array:
    """The gradient of a function with respect to one array."""
    gradient = np.zeros(v[name].shape)
    for entry in np.ndindex(gradient.shape):
        moved = v[name].astype(complex)
        moved[entry] += 1e-30j
        gradient[entry] = function({**v, name: moved}).imag / 1e-30
    return gradient


CASES = [
    (hidden, output, loss)
    for hidden in HIDDEN_ACTIVATIONS
    for output in OUTPUTS
    for loss, (_, _, allowed) in LOSSES.items()
    if not allowed or output in allowed
]


@pytest.mark.parametrize("layout", ["columns", "rows"])
@pytest.mark.parametrize(("hidden", "output", "loss"), CASES)
def test_gradients(hidden: str, output: str, loss: str, layout: str) -> None:
    index = "{ks}" if layout == "columns" else "{sk}"
    text = (COLUMNS if layout == "columns" else ROWS).format(
        hidden=hidden, output=output, loss=LOSSES[loss][0].replace("INDEX", index.strip("{}"))
    )
    v = values()
    given = v if layout == "columns" else {name: value.T for name, value in v.items()}
    cost, gradients = sb.read(text).derive().compile()(given)
    assert cost == pytest.approx(forward(v, hidden, output, loss), rel=1e-12)
    for name in PARAMETERS:
        expected = complex_step(lambda w: forward(w, hidden, output, loss), v, name)
        found = gradients[name] if layout == "columns" else gradients[name].T
        assert np.abs(found - expected).max() <= 1e-10 * max(1.0, np.abs(expected).max()), name


def test_the_softmax_closed_form_is_stable() -> None:
    """Logits of 1000: the raw softmax adjoint would be nan."""
    net = sb.read("softmax-classifier")
    draw = np.random.default_rng(0)
    v = {
        "X": draw.standard_normal((2, 4)),
        "Y": np.eye(3)[:, [0, 1, 2, 0]],
        "W^[1]": np.ones((2, 2)),
        "b^[1]": np.zeros(2),
        "W^[2]": 1000 * draw.standard_normal((3, 2)),
        "b^[2]": np.zeros(3),
    }
    loss, gradients = net.derive().compile()(v)
    assert np.isfinite(loss)
    assert all(np.isfinite(g).all() for g in gradients.values())


@pytest.mark.parametrize("delta", ["cost", "sample"])
def test_exactly_one_mean_in_both_conventions(delta: Any) -> None:
    net = sb.read("softmax-classifier")
    check = net.derive(delta=delta).gradient_check()
    assert check.ok, check


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_in_is_dtype_out(dtype: Any) -> None:
    program = (
        sb.read(COLUMNS.format(hidden="relu", output="softmax", loss=LOSSES["half mean square"][0])).derive().compile()
    )
    _, gradients = program({name: value.astype(dtype) for name, value in values().items()})
    assert {g.dtype for g in gradients.values()} == {np.dtype(dtype)}


def test_violated_assumptions_are_named() -> None:
    net = sb.read("softmax-classifier")
    v = {
        "X": np.ones((2, 3)),
        "Y": np.full((2, 3), 0.75),
        "W^[1]": np.ones((2, 2)),
        "b^[1]": np.zeros(2),
        "W^[2]": np.ones((2, 2)),
        "b^[2]": np.zeros(2),
    }
    with pytest.raises(sb.DataError, match="do not satisfy"):
        net.derive().compile()(v)


def test_pytorch_sample_of_document_001() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(5, 16), torch.nn.ReLU(), torch.nn.Linear(16, 2)).double()
    x, y = torch.randn(10, 5, dtype=torch.float64), torch.randint(0, 2, (10,))
    names = ("W_1", "b_1", "W_2", "b_2")
    before = {n: p.detach().numpy().copy() for n, p in zip(names, model.parameters(), strict=True)}
    loss = torch.nn.CrossEntropyLoss()(model(x), y)
    loss.backward()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    optimizer.step()
    derivation = sb.read("relu-classifier").derive()
    cost, gradients = derivation.compile()({"X": x.numpy(), "y": y.numpy(), "C": 2, **before})
    assert cost == pytest.approx(loss.item(), abs=1e-10)
    for name, parameter in zip(names, model.parameters(), strict=True):
        assert np.abs(gradients[name] - parameter.grad.numpy()).max() < 1e-10
    history = derivation.train(before, {"X": x.numpy(), "y": y.numpy()}, rate=0.01, epochs=1)
    for name, parameter in zip(names, model.parameters(), strict=True):
        assert np.abs(history.values[name] - parameter.detach().numpy()).max() < 1e-10


@pytest.mark.parametrize("name", [n for n in sb.networks() if n not in ("deep", "fully-connected", "two-layers")])
def test_built_in_networks(name: str) -> None:
    assert sb.read(name).derive().gradient_check().ok


@pytest.mark.parametrize(("name", "function"), [("deep", ""), ("fully-connected", "f is tanh\n")])
def test_a_symbolic_depth_made_concrete(name: str, function: str) -> None:
    from pathlib import Path

    text = (Path(sb.__file__).parent / "networks" / f"{name}.net").read_text(encoding="utf-8")
    net = sb.read(function + text).unroll(L=3)
    assert len(net.parameters) == 6
    assert net.derive().gradient_check().ok


def test_twenty_layers_derive_quickly_whatever_the_widths() -> None:
    net = sb.read("deep").unroll(L=20)
    derivation = net.derive()
    assert len(derivation.deltas) == 20
    assert all(derivation[q.base].result is not None for q in derivation.parameters)


def test_a_given_start_of_a_recurrence_unrolled() -> None:
    """Back-propagation through three steps by hand, with h_0 given as data."""
    text = "h_0 in R^n, W in R^(n x n), y in R^n\nh_t = \\tanh(W h_{t-1}) for t = 1..T\nL = \\|h_T - y\\|^2"
    draw = np.random.default_rng(5)
    w, h0, y = 0.5 * draw.standard_normal((3, 3)), draw.standard_normal(3), draw.standard_normal(3)

    def loss(v: dict[str, Array]) -> Any:
        h = h0
        for _ in range(3):
            h = np.tanh(v["W"] @ h)
        return ((h - y) ** 2).sum()

    cost, gradients = sb.read(text).unroll(T=3).derive().compile()({"W": w, "h_0": h0, "y": y})
    assert cost == pytest.approx(loss({"W": w}), rel=1e-12)
    assert np.allclose(gradients["W"], complex_step(loss, {"W": w}, "W"), rtol=1e-12)
