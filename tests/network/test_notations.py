"""Notations: names as the documents write them, found from the equations; the numbers do not change."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symbackprop as sb
from symbackprop.network.structure import find_layers


def plain(net: Any) -> list[str]:
    return [q.name.plain for q in net.quantities.values()]


@pytest.mark.parametrize(
    ("name", "notation", "own"),
    [
        ("two-two-one", "neuron", True),
        ("two-layers", "paren", True),
        ("softmax-classifier", "bracket", True),
    ],
)
def test_a_document_in_its_own_notation_is_itself(name: str, notation: Any, own: bool) -> None:
    net = sb.read(name)
    assert (plain(net.with_notation(notation)) == plain(net)) is own


def test_every_notation_leads_back() -> None:
    net = sb.read("two-two-one")
    for notation in ("paren", "subscript", "bracket"):
        assert plain(net.with_notation(notation).with_notation("neuron")) == plain(net)
    deep = sb.read("softmax-classifier")
    for notation in ("paren", "subscript"):
        assert plain(deep.with_notation(notation).with_notation("bracket")) == plain(deep)


def test_neurons_in_layers() -> None:
    net = sb.read("two-two-one").with_notation("paren")
    latex = {q.name.latex for q in net.quantities.values()}
    assert {r"z^{(1)}_1", r"a^{(1)}_2", r"w^{(1)}_{12}", r"b^{(1)}_1", r"w^{(2)}_{12}", r"z^{(2)}", r"\hat{y}"} <= latex
    equation = next(e for e in net.equations if e.base == net.find("z^(1)_2").base)
    read = {str(s) for s in equation.expression.free_symbols}
    assert read == {"w^(1)_21", "x_1", "w^(1)_22", "x_2", "b^(1)_2"}


def test_document_002() -> None:
    net = sb.read("two-layers").with_notation("subscript")
    assert plain(net) == ["W_1", "x", "b_1", "z_1", "a_1", "W_2", "b_2", "z_2", "a_2", "y", "C"]
    assert str(net.rate) == "alpha"
    assert net.derive()["W_1"].update.rate.name == "alpha"


@pytest.mark.parametrize(
    ("notation", "kind", "shown"),
    [("paren", "paren", "Z^{(l)}"), ("subscript", "sub", "Z_l"), ("bracket", "bracket", "Z^{[l]}")],
)
def test_a_symbolic_depth(notation: Any, kind: str, shown: str) -> None:
    net = sb.read("deep").with_notation(notation)
    assert net.leading[net.find("W").base] == (kind,)
    assert shown in net.derive().sheet().to_latex()
    # L is the number of layers there, so the loss cannot have that letter.
    assert net.loss.base.name == ("C" if notation == "subscript" else "J")


def test_the_same_numbers() -> None:
    net, draw = sb.read("softmax-classifier"), np.random.default_rng(3)
    shapes = {"X": (4, 6), "W^[1]": (5, 4), "b^[1]": (5,), "W^[2]": (3, 5), "b^[2]": (3,)}
    values = {k: draw.standard_normal(s) for k, s in shapes.items()} | {"Y": np.eye(3)[:, [0, 1, 2, 0, 1, 2]]}
    loss, gradients = net.derive().compile()(values)
    other = net.with_notation("subscript")
    renamed = {k.replace("^[", "_").replace("]", ""): v for k, v in values.items()}
    same_loss, same = other.derive().compile()(renamed)
    assert same_loss == loss
    assert sorted(same) == ["W_1", "W_2", "b_1", "b_2"]
    np.testing.assert_array_equal(same["W_1"], gradients["W^[1]"])
    assert other.assumptions[0].left.has(other.find("Y").base)  # the closed form yhat - y still holds


def test_layers_are_found_from_the_equations() -> None:
    net = sb.read(
        "parameters: p, r, u, v\ninputs: g\ntargets: t\nfoo = p g + r\nbar = \\tanh(foo)\nbaz = u bar + v\n"
        "E = (baz - t)^2 + p^2"
    )
    first, second = find_layers(net)
    assert [str(b) for b in (*first.sums, *first.outputs, *first.parameters)] == ["foo", "bar", "p", "r"]
    assert [str(b) for b in (*second.sums, *second.outputs, *second.parameters)] == ["baz", "u", "v"]
    assert plain(net.with_notation("bracket")) == [
        "w^[1]", "x", "b^[1]", "z^[1]", "a^[1]", "w^[2]", "b^[2]", "yhat", "y", "L",
    ]  # fmt: skip


def test_logits_are_a_weighted_sum_and_a_linear_output_is_an_output() -> None:
    logits = sb.sequential(sb.dense(3, "relu"), sb.dense(2), inputs=4, loss="softmax_cross_entropy")
    assert "Z^[2]" in plain(logits.with_notation("bracket"))
    assert plain(logits.with_notation("bracket"))[-2:] == ["y", "L"]
    linear = sb.sequential(sb.dense(3, "relu"), sb.dense(2), inputs=4)
    assert "Yhat" in plain(linear.with_notation("paren"))
    assert "A_2" in plain(linear.with_notation("subscript"))


def test_an_activation_without_a_named_sum() -> None:
    net = sb.read("x in R^n, W in R^(h x n), b in R^h, V in R^(c x h), y in R^c\na = \\tanh(W x + b)\n"
                  "o = V a\nE = \\|o - y\\|^2")  # fmt: skip
    assert plain(net.with_notation("bracket")) == ["W^[1]", "x", "b^[1]", "a^[1]", "W^[2]", "yhat", "y", "L"]


def test_a_layer_that_computes_more_keeps_its_letters() -> None:
    net = sb.read(
        "samples: m\nX in R^(d x m), Y in R^(c x m), W_1 in R^(h x d), gamma_1 in R^h, V in R^(c x h)\n"
        "Z_1 = W_1 X\nmu_1 = \\frac{1}{m} Z_1 \\mathbf{1}_m\n"
        "N_1 = gamma_1 \\mathbf{1}^\\top \\odot (Z_1 - mu_1 \\mathbf{1}^\\top)\n"
        "H = \\tanh(N_1)\nE = \\|V H - Y\\|_F^2"
    )
    assert set(plain(net.with_notation("bracket"))) >= {"W^[1]", "Z^[1]", "mu^[1]", "gamma^[1]", "N^[1]", "H^[1]"}


def test_an_unrolled_depth() -> None:
    names = plain(sb.read("deep").unroll(L=2).with_notation("paren"))
    assert names == ["X", "A^(0)", "W^(1)", "b^(1)", "Z^(1)", "A^(1)", "W^(2)", "b^(2)", "Z^(2)", "Yhat", "Y", "L"]


def test_a_shared_weight_belongs_to_no_layer() -> None:
    net = sb.read("x in R^d, W in R^(h x d), y in R^d\nz = W x\na = \\tanh(z)\no = W^\\top a\nE = \\|o - y\\|^2")
    assert plain(net.with_notation("bracket")) == ["W", "x", "z^[1]", "a^[1]", "yhat", "y", "L"]


def test_refusals() -> None:
    with pytest.raises(sb.NetworkError, match="no layers"):
        sb.read("E = (x - w)^2").with_notation("bracket")
    with pytest.raises(sb.NetworkError, match="single units"):
        sb.read("two-layers").with_notation("neuron")
    with pytest.raises(sb.NetworkError, match="unknown notation 'dots'"):
        sb.read("two-layers").with_notation("dots")  # type: ignore[arg-type]
    with pytest.raises(sb.NetworkError, match=r"would both be called"):
        sb.read("constants: a_1\nz = w x + b\nh = \\tanh(z)\no = v h a_1\nE = (o - y)^2").with_notation("subscript")
