"""The runs behind the curated loss curves: every built-in network that can be trained, on data drawn from a seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import symbackprop as sb
from symbackprop.numeric.plot import plot_loss

DIGITS = 4
"""Costs are rounded to so many digits before they are drawn: the last bits differ from processor to processor."""


@dataclass(frozen=True)
class Run:
    """A network, its first parameters (None: from the seed), its data and the options of `train`."""

    network: sb.Network
    values: Mapping[str, Any] | None
    data: Mapping[str, Any]
    options: Mapping[str, Any]


def _xor() -> Run:
    data = {"x_1": [0, 0, 1, 1], "x_2": [0, 1, 0, 1], "y": [0, 1, 1, 0]}
    return Run(sb.read("two-two-one"), None, data, {"rate": 5, "epochs": 2000})


def _clouds() -> tuple[np.ndarray, np.ndarray]:
    """Sixty points in the plane around three middles, and to which middle each belongs."""
    draw = np.random.default_rng(0)
    labels = draw.integers(0, 3, 60)
    middles = np.array([[0.0, 2.0, -2.0], [2.0, -1.0, -1.0]])
    return middles[:, labels] + 0.7 * draw.normal(size=(2, 60)), labels


def _parameters(**shapes: tuple[int, ...]) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(1)
    return {name: 0.5 * draw.normal(size=shape) for name, shape in shapes.items()}


def _softmax() -> Run:
    points, labels = _clouds()
    values = _parameters(**{"W^[1]": (4, 2), "b^[1]": (4,), "W^[2]": (3, 4), "b^[2]": (3,)})
    data = {"X": points, "Y": np.eye(3)[:, labels]}
    return Run(sb.read("softmax-classifier"), values, data, {"rate": 0.5, "epochs": 200})


def _classifier() -> Run:
    points, labels = _clouds()
    values = _parameters(W_1=(8, 2), b_1=(8,), W_2=(3, 8), b_2=(3,))
    return Run(sb.read("relu-classifier"), values, {"X": points.T, "y": labels}, {"rate": 0.5, "epochs": 200})


def _regression() -> Run:
    x = np.linspace(-2, 2, 60)[None]
    values = _parameters(W_1=(1, 8), b_1=(8,), W_2=(8, 1), b_2=(1,))
    return Run(sb.read("relu-regression"), values, {"x": x, "y": np.sin(2 * x)}, {"rate": 0.001, "epochs": 600})


def _deep() -> Run:
    points, labels = _clouds()
    sizes = (2, 6, 6, 3)
    shapes: dict[str, tuple[int, ...]] = {}
    for layer in range(1, 4):
        shapes[f"W^[{layer}]"], shapes[f"b^[{layer}]"] = (sizes[layer], sizes[layer - 1]), (sizes[layer],)
    data = {"X": points, "Y": np.eye(3)[:, labels]}
    values = {name: 2 * value for name, value in _parameters(**shapes).items()}
    return Run(sb.read("deep").unroll(L=3), values, data, {"rate": 3.0, "epochs": 600})


RUNS: dict[str, Callable[[], Run]] = {
    "two-two-one": _xor,
    "softmax-classifier": _softmax,
    "relu-classifier": _classifier,
    "relu-regression": _regression,
    "deep": _deep,
}
"""The other two leave a function open, which nobody can train."""


def draw(name: str, path: Path) -> None:
    """Train one network and draw its loss curve."""
    run = RUNS[name]()
    history = run.network.derive().train(run.values, run.data, seed=0, **run.options)
    rounded = replace(history, loss=[float(f"{cost:.{DIGITS}g}") for cost in history.loss])
    plot_loss(rounded, path, title=run.network.title)
