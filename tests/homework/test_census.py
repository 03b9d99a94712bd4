"""Census rows X8: every wrong line of the four documents is caught, with its reason; the right ones beside it pass."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import pytest

import symbackprop as sb
from symbackprop.homework.judging.judge import Judge
from symbackprop.homework.messages import Messages
from symbackprop.homework.records import Record

TWO_LAYERS_SIGMOID = r"""
x \in \mathbb{R}^{n_0 \times m}, y \in \mathbb{R}^{n_2 \times m}
W_1 \in \mathbb{R}^{n_1 \times n_0}, b_1 \in \mathbb{R}^{n_1}, W_2 \in \mathbb{R}^{n_2 \times n_1}, b_2 \in \mathbb{R}^{n_2}
samples: m
z_1 = W_1 x + b_1
a_1 = \sigma(z_1)
z_2 = W_2 a_1 + b_2
a_2 = \sigma(z_2)
C = \frac{1}{2m} \|a_2 - y\|_F^2
"""
ROWS = r"""
X \in \mathbb{R}^{n \times d}, Y \in \mathbb{R}^{n \times k}
W^{[1]} \in \mathbb{R}^{h \times d}, b^{[1]} \in \mathbb{R}^{h}, W^{[2]} \in \mathbb{R}^{k \times h}, b^{[2]} \in \mathbb{R}^{k}
samples: n
Z^{[1]} = X W^{[1]\top} + b^{[1]}
A^{[1]} = \sigma(Z^{[1]})
Z^{[2]} = A^{[1]} W^{[2]\top} + b^{[2]}
\hat{Y} = softmax(Z^{[2]})
L = -\frac{1}{n} \sum_{i=1}^{n} \sum_{j=1}^{k} Y_{ij} \log \hat{Y}_{ij}
assume: \sum_j Y_{ij} = 1
"""
SINGLE = r"""
x \in \mathbb{R}^{n_0}, y \in \mathbb{R}^{n_2}
W^{[1]} \in \mathbb{R}^{n_1 \times n_0}, b^{[1]} \in \mathbb{R}^{n_1}
W^{[2]} \in \mathbb{R}^{n_2 \times n_1}, b^{[2]} \in \mathbb{R}^{n_2}
z^{[1]} = W^{[1]} x + b^{[1]}
a^{[1]} = \sigma(z^{[1]})
z^{[2]} = W^{[2]} a^{[1]} + b^{[2]}
\hat{y} = softmax(z^{[2]})
L = -\sum_{k=1}^{n_2} y_k \log \hat{y}_k
assume: \sum_k y_k = 1
"""


@lru_cache(maxsize=16)
def judge(network: str, delta: Any = "cost") -> Judge:
    return Judge(sb.read(network).derive(delta=delta), Messages())


def first(network: str, text: str, delta: Any = "cost") -> Record:
    return judge(network, delta).mark(text)[0]


DOUBLED = {
    "w_{12}": ("2", "w_{22}", "x_1"),
    "w_{14}": ("2", "w_{22}", "x_2"),
    "b_{12}": ("2", "w_{22}", ""),
    "w_{11}": ("1", "w_{21}", "x_1"),
    "w_{13}": ("1", "w_{21}", "x_2"),
    "b_{11}": ("1", "w_{21}", ""),
}


@pytest.mark.parametrize("parameter", DOUBLED)
def test_rows_0_21_to_0_26_a_factor_stands_twice(parameter: str) -> None:
    unit, weight, last = DOUBLED[parameter]
    text = (
        rf"\triangle {parameter} = \frac{{\partial E}}{{\partial {parameter}}} = \frac{{\partial E}}{{\partial out}}"
        rf"\frac{{\partial out}}{{\partial z}}\frac{{\partial z}}{{\partial \alpha_{unit}}}"
        rf"\frac{{\partial \alpha_{unit}}}{{\partial h{unit}}}\frac{{\partial \alpha_{unit}}}{{\partial h_{unit}}}"
        rf"\frac{{\partial h_{unit}}}{{\partial {parameter}}} = (out-y)\sigma(z)(1-\sigma(z)){weight}"
        rf"\sigma(h_{unit})(1-\sigma(h_{unit})){last}"
    )
    record = first("two-two-one", text)
    assert (record.verdict, record.first_wrong, record.mistake) == ("wrong", 1, "extra_factor")
    assert record.links[0] == "correct"
    single = text.replace(rf"\frac{{\partial \alpha_{unit}}}{{\partial h{unit}}}", "", 1)
    assert first("two-two-one", single).verdict == "correct"


WRONG = [
    ("2.7", TWO_LAYERS_SIGMOID, r"\delta_2 = \frac{\partial C}{\partial z_2} = (a_2 - y)", {"missing_factor"}),
    ("2.7 per sample", TWO_LAYERS_SIGMOID, r"\delta_2 = a_2 - y", {"missing_factor"}),
    ("2.8", TWO_LAYERS_SIGMOID, r"\delta_1 = \sigma'(z_1) W_2^\top \delta_2", {"shape", "order"}),
    ("2.10", TWO_LAYERS_SIGMOID, r"\frac{\partial C}{\partial W_2} = a_1^\top \delta_2", {"order", "missing_transpose"}),
    ("2.11", TWO_LAYERS_SIGMOID, r"\frac{\partial C}{\partial W_2} = \frac1m \frac{\partial C}{\partial z_2} a_1^\top",
     {"extra_factor"}),
    ("2.12", TWO_LAYERS_SIGMOID, r"\frac{\partial C}{\partial b_2} = \sum_{i=1}^m \frac{\partial C}{\partial z_2}",
     {"forgot_sum", "shape"}),
    ("3.7", SINGLE.replace(r"softmax(z^{[2]})", r"\sigma(z^{[2]})").replace(r"y_k \log \hat{y}_k",
     r"(y_k \log \hat{y}_k + (1 - y_k) \log (1 - \hat{y}_k))").replace(r"assume: \sum_k y_k = 1", ""),
     r"\delta^{[2]} = -y \odot (1 - \hat{y})", {"path_missing", "missing_factor", "wrong_derivative"}),
    ("3.9", SINGLE, r"\delta^{[2]} = -\frac{y}{\hat y} \odot \hat y \odot (1 - \hat y)", {"wrong_derivative"}),
    ("3.16", SINGLE.replace(r"assume: \sum_k y_k = 1", ""), r"\delta^{[2]} = \hat y - y", None),
    ("3.20", ROWS, r"Z^{[1]} = W^{[1]} X + b^{[1]}", {"shape", "order", "missing_transpose"}),
]  # fmt: skip


@pytest.mark.parametrize(("network", "text", "mistakes"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG])
def test_wrong_rows(network: str, text: str, mistakes: set[str] | None) -> None:
    record = first(network, text)
    assert record.verdict == "wrong", record
    assert record.message
    if mistakes is not None:
        assert record.mistake in mistakes, record


RIGHT = [
    (TWO_LAYERS_SIGMOID, r"\delta_2 = \frac1m (a_2 - y) \odot \sigma'(z_2)"),
    (TWO_LAYERS_SIGMOID, r"\delta_1 = \sigma'(z_1) \odot (W_2^\top \delta_2)"),
    (TWO_LAYERS_SIGMOID, r"\frac{\partial C}{\partial W_2} = \delta_2 a_1^\top"),
    (TWO_LAYERS_SIGMOID, r"\frac{\partial C}{\partial b_2} = \delta_2 \mathbf 1"),
    (SINGLE, r"\delta^{[2]} = \hat y - y"),
    (SINGLE.replace(r"assume: \sum_k y_k = 1", ""), r"\delta^{[2]} = (\sum_k y_k) \hat y - y"),
    (ROWS, r"Z^{[1]} = X W^{[1]\top} + \mathbf 1 b^{[1]\top}"),
    (ROWS, r"\frac{\partial L}{\partial W^{[2]}} = \frac1n (\hat Y - Y)^\top A^{[1]}"),
]


@pytest.mark.parametrize(("network", "text"), RIGHT)
def test_what_the_software_prints_instead(network: str, text: str) -> None:
    assert first(network, text).verdict == "correct", first(network, text)


def test_row_0_20_gradients_after_the_update() -> None:
    """Hidden gradients with weights that are updated already: as text, with names of their own for the new weights."""
    text = r"""
w_{22}^{new} = w_{22} - \eta (out-y) \sigma'(z) \alpha_2
\frac{\partial E}{\partial w_{12}} = (out-y) \sigma'(z) w_{22}^{new} \sigma'(h_2) x_1
"""
    records = judge("two-two-one").mark(text)
    assert records[0].verdict == "correct"
    assert records[1].verdict in ("wrong", "unreadable")
    assert records[1].verdict != "correct"


def test_rows_0_32_and_0_37_the_bias_has_no_sample_axis() -> None:
    record = first("relu-regression", r"\frac{\partial L}{\partial b_2} = 2(\hat y - y)")
    assert (record.verdict, record.mistake) == ("wrong", "forgot_sum")


def test_row_0_36_the_mask_at_a() -> None:
    """``a >= 0`` always holds: the mask is no other than none."""
    record = first("relu-regression", r"\frac{\partial L}{\partial h} = (W_2 \cdot 2(\hat y - y)) \odot [a \ge 0]")
    assert record.verdict == "wrong"
    assert record.mistake in ("wrong_derivative", "missing_factor")
    assert "ReLU′(h)" in record.message


def test_row_1_9_a_schematic_chain_is_no_answer() -> None:
    text = (
        r"\frac{\partial L}{\partial W^{(1)}} = \frac{\partial L}{\partial \hat y} \cdot \frac{\partial \hat y}{\partial z^{(2)}}"
        r"\cdot \frac{\partial z^{(2)}}{\partial a^{(1)}} \cdot \frac{\partial a^{(1)}}{\partial z^{(1)}}"
        r"\cdot \frac{\partial z^{(1)}}{\partial W^{(1)}}"
    )
    record = first("two-layers", text)
    assert record.verdict == "not_judged"
    usable = text + r" = ((W^{(2)})^\top \delta^{(2)} \circ \sigma'(z^{(1)})) x^\top"
    assert first("two-layers", usable).verdict == "correct"


def test_an_empty_homework_never_passes() -> None:
    records = judge("two-two-one").mark("I could not do it.")
    assert {r.verdict for r in records} == {"missing"}
    assert len(records) == 9
