"""Four trainings that everybody can write: their data, where their parameters start, and our networks for them.

Contract: `problem(key, dtype)` gives the same numbers on every machine. A `Problem` is neutral: peers read its
batches. A `Model` says how one of our networks names the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

import symbackprop as sb

Arrays = list[Any]

KEYS = ("P1", "P2", "P3", "P4")
DTYPES = ("float64", "float32")


@dataclass(frozen=True)
class Model:
    """A network of ours: the problem's parameters and data under its names, and the parameters back."""

    network: Callable[[], sb.Network]
    data: Mapping[str, Any]
    first_step: Mapping[str, Any]
    named: Callable[[Arrays], dict[str, Any]]
    unnamed: Callable[[Mapping[str, Any]], Arrays]


@dataclass(frozen=True)
class Problem:
    """A training run: plain gradient descent, batches always in the same order.

    Attributes:
        batches: inputs and targets of each step of an epoch, views of the whole data.
        batch_size: None where one batch holds all samples.
        models: our networks for it, by their names in the table.
    """

    key: str
    title: str
    start: Arrays
    batches: list[tuple[Any, Any]]
    batch_size: int | None
    rate: float
    epochs: int
    models: Mapping[str, Model]

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.start[0].dtype


def problem(key: str, dtype: str) -> Problem:
    """One of `KEYS` in one of `DTYPES`; drawn from the seed 0."""
    return {"P1": regression, "P2": exclusive_or, "P3": digits, "P4": two_classes}[key](Draw(dtype))


class Draw:
    """Seeded arrays of one dtype."""

    def __init__(self, dtype: str) -> None:
        self.dtype = np.dtype(dtype)
        self.generator = np.random.default_rng(0)

    def normal(self, *shape: int, scale: float = 1.0) -> Any:
        return np.asarray(scale * self.generator.standard_normal(shape), self.dtype)

    def labels(self, classes: int, samples: int) -> Any:
        return self.generator.integers(0, classes, samples)

    def array(self, numbers: Any) -> Any:
        return np.array(numbers, self.dtype)


REGRESSION = r"""
x \in \mathbb{R}^{n_0 \times m}, y \in \mathbb{R}^{n_2 \times m}
w1 \in \mathbb{R}^{n_0 \times n_1}, b1 \in \mathbb{R}^{n_1}
w2 \in \mathbb{R}^{n_1 \times n_2}, b2 \in \mathbb{R}^{n_2}
h = w1^\top x + b1
a = \max(0, h)
p = w2^\top a + b2
L = \|p - y\|_F^2
"""


def regression(draw: Draw) -> Problem:
    """P1: document 000's program, samples in columns; its biases are shared by the samples."""
    inputs, hidden, outputs, samples = 1000, 100, 10, 64
    x, y = draw.normal(inputs, samples), draw.normal(outputs, samples)
    start = [draw.normal(inputs, hidden), draw.normal(hidden), draw.normal(hidden, outputs), draw.normal(outputs)]
    model = _model(lambda: sb.read(REGRESSION), ("w1", "b1", "w2", "b2"), {"x": x, "y": y}, (x, y))
    return Problem(
        "P1", "1000-100-10 relu, 64 samples", start, [(x, y)], None, rate=1e-6, epochs=500, models={"": model}
    )


VECTORS = r"""
x \in \mathbb{R}^2, y \in \mathbb{R}
W1 \in \mathbb{R}^{2 \times 2}, b1 \in \mathbb{R}^2, w2 \in \mathbb{R}^2, b2 \in \mathbb{R}
h = W1 x + b1
a = \sigma(h)
z = w2^\top a + b2
o = \sigma(z)
E = \frac{1}{2} (o - y)^2
"""
SCALARS = ("w_11", "w_13", "w_12", "w_14", "b_11", "b_12", "w_21", "w_22", "b_21")


def exclusive_or(draw: Draw) -> Problem:
    """P2: document 000's network, one sample at a time; as scalars and as vectors."""
    x, y = draw.array([[0, 0], [0, 1], [1, 0], [1, 1]]), draw.array([0, 1, 1, 0])
    start = [draw.normal(2, 2), draw.normal(2), draw.normal(1, 2), draw.normal(1)]

    def scalars(parameters: Arrays) -> dict[str, Any]:
        return dict(zip(SCALARS, np.concatenate([p.ravel() for p in parameters]), strict=True))

    def from_scalars(values: Mapping[str, Any]) -> Arrays:
        flat = np.array([values[name] for name in SCALARS])
        return [flat[:4].reshape(2, 2), flat[4:6], flat[6:8].reshape(1, 2), flat[8:]]

    def vectors(parameters: Arrays) -> dict[str, Any]:
        w1, b1, w2, b2 = parameters
        return {"W1": w1, "b1": b1, "w2": w2[0], "b2": b2[0]}

    def from_vectors(values: Mapping[str, Any]) -> Arrays:
        return [values["W1"], values["b1"], values["w2"].reshape(1, 2), np.reshape(values["b2"], 1)]

    def model(read: str, data: Mapping[str, Any], *naming: Any) -> Model:
        return Model(lambda: sb.read(read), data, {name: numbers[0] for name, numbers in data.items()}, *naming)

    models = {
        "": model("two-two-one", {"x_1": x[:, 0], "x_2": x[:, 1], "y": y}, scalars, from_scalars),
        "vectors": model(VECTORS, {"x": x, "y": y}, vectors, from_vectors),
    }
    batches = list(zip(x, y[:, None], strict=True))
    return Problem("P2", "2-2-1 sigmoid, sample by sample", start, batches, 1, rate=0.5, epochs=2500, models=models)


def digits(draw: Draw) -> Problem:
    """P3: a classifier of the size that people train on handwritten digits."""
    return _classifier(draw, "P3", "784-256-128-10 relu, batches of 128", [784, 256, 128, 10], 128, 0.05, epochs=20)


def two_classes(draw: Draw) -> Problem:
    """P4: the network of document 001's PyTorch sample."""
    return _classifier(draw, "P4", "5-16-2 relu, batches of 10", [5, 16, 2], 10, 0.01, epochs=500)


def _classifier(
    draw: Draw, key: str, title: str, sizes: list[int], batch: int, rate: float, epochs: int, count: int = 10
) -> Problem:
    """Softmax cross-entropy on integer labels, samples in rows, ten batches."""
    x, y = draw.normal(batch * count, sizes[0]), draw.labels(sizes[-1], batch * count)
    start: Arrays = []
    for before, after in pairwise(sizes):
        start += [draw.normal(before, after, scale=np.sqrt(2 / before)), draw.normal(after, scale=0.1)]

    def network() -> sb.Network:
        hidden = [sb.dense(size, "relu") for size in sizes[1:-1]]
        return sb.sequential(*hidden, sb.dense(sizes[-1]), inputs=sizes[0], loss="softmax_cross_entropy")

    names = [f"{letter}^({layer})" for layer in range(1, len(sizes)) for letter in "Wb"]
    batches = [(x[i : i + batch], y[i : i + batch]) for i in range(0, len(x), batch)]
    model = _model(network, names, {"X": x, "y": y}, batches[0])
    return Problem(key, title, start, batches, batch, rate, epochs, {"": model})


def _model(
    network: Callable[[], sb.Network], names: Sequence[str], data: Mapping[str, Any], first: tuple[Any, Any]
) -> Model:
    """A network whose parameters are the problem's, under other names."""
    return Model(
        network,
        data,
        dict(zip(data, first, strict=True)),
        lambda parameters: dict(zip(names, parameters, strict=True)),
        lambda values: [values[name] for name in names],
    )
