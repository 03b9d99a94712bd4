"""A layer of LeNet's size, forward and backward, next to hand-written NumPy (columns of windows, one product)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symbackprop as sb
from symbackprop.numeric.values import Array

LAYER = r"""
Z_{s,o,i,j} = \sum_{p=1}^{5} \sum_{q=1}^{5} K_{o,p,q} X_{s,i+p-1,j+q-1} + b_o   for s = 1..m, o = 1..6, i = 1..24, j = 1..24
A_{s,o,i,j} = ReLU(Z_{s,o,i,j})   for s = 1..m, o = 1..6, i = 1..24, j = 1..24
P_{s,o,u,v} = \max_{p=1..2,q=1..2} A_{s,o,2 u + p - 2,2 v + q - 2}   for s = 1..m, o = 1..6, u = 1..12, v = 1..12
Q_{s,c,u,v} = \sum_{o=1}^{6} \sum_{p=1}^{5} \sum_{q=1}^{5} M_{c,o,p,q} P_{s,o,u+p-1,v+q-1}   for s = 1..m, c = 1..16, u = 1..8, v = 1..8
E = \frac{1}{2m} \sum_{s=1}^{m} \sum_{c=1}^{16} \sum_{u=1}^{8} \sum_{v=1}^{8} (Q_{s,c,u,v} - Y_{s,c,u,v})^2
samples: m
parameters: M
"""  # noqa: E501


def point(samples: int = 64) -> dict[str, Array]:
    """Images of 28 x 28 and small random parameters."""
    draw = np.random.default_rng(0)
    return {
        "X": draw.standard_normal((samples, 28, 28)),
        "Y": draw.standard_normal((samples, 16, 8, 8)),
        "K": draw.standard_normal((6, 5, 5)) / 5,
        "b": draw.standard_normal(6) / 10,
        "M": draw.standard_normal((16, 6, 5, 5)) / 12,
    }


def columns(x: Array, k: int) -> Array:
    """The windows of images as rows of one matrix."""
    found = np.lib.stride_tricks.sliding_window_view(x, (k, k), axis=(2, 3))
    samples, channels, height, width = found.shape[:4]
    return found.transpose(0, 2, 3, 1, 4, 5).reshape(samples * height * width, channels * k * k)


def by_hand(X: Array, Y: Array, K: Array, b: Array, M: Array) -> tuple[Any, dict[str, Array]]:
    """What a person writes who knows NumPy."""
    m = len(X)
    first = columns(X[:, None], 5)
    Z = (first @ K.reshape(6, -1).T + b).reshape(m, 24, 24, 6).transpose(0, 3, 1, 2)
    cells = np.maximum(Z, 0).reshape(m, 6, 12, 2, 12, 2)
    P = cells.max(axis=(3, 5))
    second = columns(P, 5)
    error = (second @ M.reshape(16, -1).T).reshape(m, 8, 8, 16).transpose(0, 3, 1, 2) - Y
    delta = (error / m).transpose(0, 2, 3, 1).reshape(-1, 16)
    back = (delta @ M.reshape(16, -1)).reshape(m, 8, 8, 6, 5, 5)
    dP = np.zeros_like(P)
    for p, q in np.ndindex(5, 5):
        dP[:, :, p : p + 8, q : q + 8] += back[..., p, q].transpose(0, 3, 1, 2)
    dA = (cells == P[:, :, :, None, :, None]) * dP[:, :, :, None, :, None]
    dZ = (dA.reshape(m, 6, 24, 24) * (Z > 0)).transpose(0, 2, 3, 1).reshape(-1, 6)
    gradients = {
        "M": (delta.T @ second).reshape(M.shape),
        "K": (dZ.T @ first).reshape(K.shape),
        "b": dZ.sum(axis=0),
    }
    return (error**2).sum() / (2 * m), gradients


@pytest.mark.benchmark(group="convolutions 28x28, batch 64")
@pytest.mark.parametrize("who", ["program", "by hand"])
def test_one_step(benchmark: Any, who: str) -> None:
    values = point()
    program = sb.read(LAYER).derive().compile()
    loss, gradients = by_hand(**values)
    found_loss, found = program(values)
    assert found_loss == pytest.approx(loss, rel=1e-12)
    for name, gradient in gradients.items():
        assert found[name] == pytest.approx(gradient, rel=1e-10, abs=1e-12)
    arguments = [values[q.name.plain] for q in program.plan.arguments]
    if who == "program":
        benchmark(lambda: program.evaluate(arguments))
    else:
        benchmark(lambda: by_hand(**values))
