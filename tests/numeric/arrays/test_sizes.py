"""Sizes that are read from the lengths of arrays, where the length is more than the size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symbackprop as sb
from symbackprop.errors import DataError

CONVOLUTION = r"""
Z_i = \sum_{p=1}^{k} K_p X_{s (i - 1) + p} + c   for i = 1..H
E = \frac12 \sum_{i=1}^{H} Z_i^2
parameters: c
"""


def program(text: str) -> Any:
    return sb.read(text).derive().compile()


def test_a_size_from_a_sum() -> None:
    wide = program(CONVOLUTION.replace("{k}", "{3}").replace("s (i - 1) + p", "i + p - 1"))
    assert "H = X.shape[0] - 2" in wide.source
    x, kernel = np.arange(1.0, 8.0), np.array([1.0, -2.0, 3.0])
    loss, gradients = wide({"X": x, "K": kernel, "c": 0.5})
    z = np.correlate(x, kernel) + 0.5
    assert loss == pytest.approx((z**2).sum() / 2)
    assert gradients["K"] == pytest.approx(np.correlate(x, z))


def test_a_size_from_a_multiple() -> None:
    strided = program(CONVOLUTION.replace("{k}", "{3}").replace("s (i - 1)", "2 (i - 1)"))
    assert "H = (X.shape[0] - 1) // 2" in strided.source
    values: dict[str, Any] = {"X": np.arange(1.0, 8.0), "K": np.array([1.0, -2.0, 3.0]), "c": 0.5}
    z = np.correlate(values["X"], values["K"])[::2] + 0.5
    assert strided(values)[0] == pytest.approx((z**2).sum() / 2)
    with pytest.raises(DataError, match=r"X has 8 entries along an axis of 2\*H \+ 1, which no whole number H gives"):
        strided(values | {"X": np.arange(8.0)})
    with pytest.raises(DataError, match="which no whole number H gives"):
        strided(values | {"X": np.arange(1.0)})


def test_a_stride_that_only_the_data_know() -> None:
    text = CONVOLUTION.replace("Z_i^2", "(Z_i - Y_i)^2")
    for stride, length in ((1, 6), (2, 8), (4, 12)):
        x, kernel, y = np.linspace(-1, 2, length), np.array([1.0, -2.0, 3.0, 0.5]), np.ones(3)
        loss, gradients = program(text)({"X": x, "K": kernel, "c": 0.0, "Y": y})
        delta = np.correlate(x, kernel)[::stride] - y
        assert loss == pytest.approx((delta**2).sum() / 2)
        assert gradients["K"] == pytest.approx(sum(d * x[stride * n : stride * n + 4] for n, d in enumerate(delta)))
    with pytest.raises(DataError, match="which no whole number s gives"):
        program(text)({"X": np.ones(9), "K": np.ones(4), "c": 0.0, "Y": np.ones(3)})
    with pytest.raises(DataError, match="K makes k = 3, but 'k := 4' makes it 4"):
        program(text + "k := 4\n")({"X": np.ones(6), "K": np.ones(3), "c": 0.0, "Y": np.ones(3)})


def test_one_output_leaves_the_stride_open() -> None:
    text = CONVOLUTION.replace("Z_i^2", "(Z_i - Y_i)^2")
    loss, gradients = program(text)({"X": np.ones(4), "K": np.ones(4), "c": 0.0, "Y": np.ones(1)})
    assert loss == 4.5
    assert gradients["K"] == pytest.approx(3 * np.ones(4))
