"""Gradient code with the slips of the documents: each is found, named, and told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import symbackprop as sb

Gradients = dict[str, Any]


def document_000(
    v: dict[str, Any], mask: Callable[..., Any], bias_sum: bool = True, turn: bool = False, scale: float = 1.0
) -> Gradients:
    """The program of document 000 with shared biases."""
    h = v["W_1"].T @ v["x"] + v["b_1"][:, None]
    a = np.maximum(h, 0)
    grad_y_pred = 2 * (v["W_2"].T @ a + v["b_2"][:, None] - v["y"]) * scale
    grad_a = v["W_2"] @ grad_y_pred
    grad_h = grad_a * mask(h, a, grad_a)
    grad_w2 = a @ grad_y_pred.T
    return {
        "W_1": v["x"] @ grad_h.T,
        "b_1": grad_h.sum(axis=1) if bias_sum else grad_h,
        "W_2": grad_w2.T if turn else grad_w2,
        "b_2": grad_y_pred.sum(axis=1),
    }


@pytest.fixture(scope="module")
def regression() -> sb.Derivation:
    return sb.read("relu-regression").derive()


def verdicts(report: Any) -> dict[str, tuple[str, str | None]]:
    return {name: (record.verdict, record.mistake) for name, record in report.items()}


def test_right_code_is_right(regression: sb.Derivation) -> None:
    report = sb.check_gradients(lambda v: document_000(v, lambda h, a, g: h > 0), regression)
    assert report.ok
    assert list(report) == ["W_1", "b_1", "W_2", "b_2"]


def test_the_mask_that_masks_nothing(regression: sb.Derivation) -> None:
    """Census 0.36: ``grad_a[a < 0] = 0``, but a is never negative."""
    report = sb.check_gradients(lambda v: document_000(v, lambda h, a, g: a >= 0), regression)
    assert verdicts(report)["W_2"] == ("correct", None)
    assert report["W_1"].mistake in ("wrong_derivative", "missing_factor")
    assert "ReLU′(h)" in report["W_1"].message


def test_a_bias_without_its_sum(regression: sb.Derivation) -> None:
    """Census 0.37."""
    report = sb.check_gradients(lambda v: document_000(v, lambda h, a, g: h > 0, bias_sum=False), regression)
    assert verdicts(report)["b_1"] == ("wrong", "forgot_sum")
    assert verdicts(report)["W_1"] == ("correct", None)


def test_a_transposed_result(regression: sb.Derivation) -> None:
    report = sb.check_gradients(lambda v: document_000(v, lambda h, a, g: h > 0, turn=True), regression)
    assert report["W_2"].verdict == "wrong"
    assert report["W_2"].mistake in ("missing_transpose", "order")


def test_a_constant_factor(regression: sb.Derivation) -> None:
    report = sb.check_gradients(lambda v: document_000(v, lambda h, a, g: h > 0, scale=0.5), regression)
    assert {m for _, m in verdicts(report).values()} == {"constant_factor"}
    assert "1/2" in report["W_1"].message


def test_a_forgotten_mean() -> None:
    def code(v: dict[str, Any]) -> Gradients:
        z1 = v["W^[1]"] @ v["X"] + v["b^[1]"][:, None]
        a1 = np.tanh(z1)
        z2 = v["W^[2]"] @ a1 + v["b^[2]"][:, None]
        e = np.exp(z2 - z2.max(axis=0))
        dz2 = e / e.sum(axis=0) - v["Y"]
        dz1 = (v["W^[2]"].T @ dz2) * (1 - a1**2)
        m = v["X"].shape[1]
        return {"dW2": dz2 @ a1.T, "db2": dz2.sum(axis=1) / m, "dW1": dz1 @ v["X"].T / m, "db1": dz1.sum(axis=1) / m}

    report = sb.check_gradients(code, sb.read("softmax-classifier").derive())
    assert verdicts(report)["W^[2]"] == ("wrong", "forgot_mean")
    assert {verdicts(report)[name][0] for name in ("b^[2]", "W^[1]", "b^[1]")} == {"correct"}
    assert "1/m" in report["W^[2]"].message


def test_a_parameter_that_is_not_returned(regression: sb.Derivation) -> None:
    report = sb.check_gradients(lambda v: {"W_1": np.zeros_like(v["W_1"])}, regression)
    assert verdicts(report)["b_2"] == ("missing", None)
    assert report["W_1"].verdict == "wrong"


def test_chinese_messages(regression: sb.Derivation) -> None:
    report = sb.check_gradients(lambda v: document_000(v, lambda h, a, g: h > 0, scale=2), regression, lang="zh")
    assert "常数因子" in report["b_1"].message


def test_the_caller_s_arrays_are_his_own(regression: sb.Derivation) -> None:
    def spoiling(v: dict[str, Any]) -> Gradients:
        result = document_000(v, lambda h, a, g: h > 0)
        for array in v.values():
            array[...] = 0
        return result

    assert sb.check_gradients(spoiling, regression).ok


def test_what_is_no_mapping_is_refused(regression: sb.Derivation) -> None:
    with pytest.raises(sb.DataError, match="not gradients by name"):
        sb.check_gradients(lambda v: 3.0, regression)
