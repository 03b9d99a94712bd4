"""Document 000's network: order and form of the gradients, paths, deltas, and what the record offers."""

from __future__ import annotations

from typing import Any

import pytest
import sympy as sp

import symbackprop as sb
from symbackprop.notation.writer import TEXT, Writer

GRADIENTS = {  # document 000, rows 0.15-0.26, in the document's order and factored form
    "w_21": "(out - y) σ(z) (1 - σ(z)) α₁",
    "w_22": "(out - y) σ(z) (1 - σ(z)) α₂",
    "b_21": "(out - y) σ(z) (1 - σ(z))",
    "w_12": "(out - y) σ(z) (1 - σ(z)) w₂₂ σ(h₂) (1 - σ(h₂)) x₁",
    "w_14": "(out - y) σ(z) (1 - σ(z)) w₂₂ σ(h₂) (1 - σ(h₂)) x₂",
    "b_12": "(out - y) σ(z) (1 - σ(z)) w₂₂ σ(h₂) (1 - σ(h₂))",
    "w_11": "(out - y) σ(z) (1 - σ(z)) w₂₁ σ(h₁) (1 - σ(h₁)) x₁",
    "w_13": "(out - y) σ(z) (1 - σ(z)) w₂₁ σ(h₁) (1 - σ(h₁)) x₂",
    "b_11": "(out - y) σ(z) (1 - σ(z)) w₂₁ σ(h₁) (1 - σ(h₁))",
}


@pytest.fixture(scope="module")
def net() -> Any:
    return sb.read("two-two-one")


def test_the_nine_gradients_in_order_and_form(net: Any) -> None:
    d = net.derive()
    text = Writer(net.names, TEXT)
    assert d.style == "paths"
    assert {name: text.product(g.factors) for name, g in d.gradients.items()} == GRADIENTS
    assert list(d.gradients) == list(GRADIENTS)


def test_chains_have_one_factor_for_each_arrow(net: Any) -> None:
    gradient = net.derive()["w_{12}"]
    assert [(link.upper.name.plain, link.lower.name.plain) for link in gradient.chain] == [
        ("E", "out"),
        ("out", "z"),
        ("z", "alpha_2"),
        ("alpha_2", "h_2"),
        ("h_2", "w_12"),
    ]
    assert gradient.chain[-1].factors == (net.find("x_1").base,)


def test_delta_style_names_shared_factors_once(net: Any) -> None:
    d = net.derive(style="delta", derivatives="argument")
    text = Writer(net.names, TEXT)
    assert [q.name.plain for q in d.deltas] == ["z", "h_2", "h_1"]
    assert [text.product(d.terms(q.base)[0].factors) for q in d.deltas] == [
        "(out - y) σ(z) (1 - σ(z))",
        "∂E/∂z w₂₂ σ(h₂) (1 - σ(h₂))",
        "∂E/∂z w₂₁ σ(h₁) (1 - σ(h₁))",
    ]
    assert text.product(d["w_14"].factors) == "∂E/∂h_2 x₂"


def test_derivatives_by_output(net: Any) -> None:
    d = net.derive(derivatives="output")
    assert Writer(net.names, TEXT)(d["b_21"].result) == "(out - y) out (1 - out)"


def test_paths_are_summed_where_there_are_several() -> None:
    net = sb.read("a = \\tanh(w x)\nb = \\sigma(w a)\nE = (b - y)^2")
    gradient = net.derive(style="paths")["w"]
    assert [" -> ".join(q.name.plain for q in p.quantities) for p in gradient.paths] == [
        "w -> a -> b -> E",
        "w -> b -> E",
    ]
    assert gradient.chain is None


def test_results_equal_sympy(net: Any) -> None:
    """Every gradient against plain differentiation of the substituted loss."""
    d = net.derive()
    forward = {e.target: e.expression for e in net.equations}

    def whole(e: Any) -> Any:
        while e.free_symbols & forward.keys():
            e = e.xreplace(forward)
        return e

    loss = whole(net.loss.target)
    point = {s: sp.Rational(n + 2, 7) * (-1) ** n for n, s in enumerate(sorted(loss.free_symbols, key=str))}
    for name, gradient in d.gradients.items():
        expected = loss.diff(net.find(name).base).xreplace(point)
        found = whole(gradient.result).xreplace(point)
        assert float(sp.N(_numbers(found))) == pytest.approx(float(sp.N(_numbers(expected))), rel=1e-12)


def _numbers(e: Any) -> Any:
    """Sigmoids of numbers as numbers."""
    return e.replace(sb.sigmoid, lambda z: 1 / (1 + sp.exp(-z)))


def test_an_update_uses_the_old_weights(net: Any) -> None:
    update = net.derive()["w_21"].update
    assert (update.quantity.name.plain, update.rate.name) == ("w_21", "eta")


def test_any_spelling_finds_a_gradient(net: Any) -> None:
    d = net.derive()
    assert d["w12"] is d["w_{12}"] is d["w₁₂"]
    with pytest.raises(sb.NetworkError, match="no quantity called 'w_99'"):
        d["w_99"]


def test_a_deep_chain_chooses_deltas_and_keeps_paths_lazy() -> None:
    lines = ["a_0 = x"]
    for n in range(1, 65):
        lines += [f"z_{n} = w_{n} a_{n - 1} + b_{n}", f"a_{n} = \\tanh(z_{n})"]
    net = sb.read("\n".join([*lines, "E = (a_64 - y)^2"]))
    d = net.derive()
    assert d.style == "delta"
    assert d.path_count(net.find("w_1").base) == 1
    assert sum(len(d.terms(q.base)) for q in d.deltas) == 64
