"""Update rules on sheets: gradient descent, momentum and Adam as their authors wrote them, in every format."""

from __future__ import annotations

import pytest
import sympy as sp

import symbackprop as sb
from symbackprop.derivation import Derivation
from symbackprop.derivation.rules import RULES
from symbackprop.sheets import Sheet, compose
from tests.sheets.networks import network, two_two_one

POINT = {"x": 2.0, "y": 1.0, "w": 0.5, "b": -1.0, "eta": 0.1}


def line() -> Derivation:
    w, x, b, y, z, E = sp.symbols("w x b y z E")
    return Derivation(network([(z, w * x + b), (E, (z - y) ** 2 / 2)]))


def section(sheet: Sheet, heading: str = "## Update rules") -> str:
    return sheet.to_markdown().split(heading)[1].split("\n## ")[0]


def test_gradient_descent_is_what_a_sheet_shows_by_itself() -> None:
    assert compose(line()).to_markdown() == compose(line(), optimizer="sgd").to_markdown()
    assert r"w \leftarrow w - \eta\,\frac{\partial E}{\partial w}" in section(compose(line()))


def test_momentum() -> None:
    text = section(compose(line(), optimizer="momentum"))
    assert "**Momentum** (Polyak 1964)" in text
    assert r"$\mu = 0.9$" in text
    assert r"v_{w} &\leftarrow \mu\,v_{w} + \frac{\partial E}{\partial w} &\qquad w &\leftarrow w - \eta\,v_{w}" in text
    assert r"v_{b} &\leftarrow \mu\,v_{b} + \frac{\partial E}{\partial b} &\qquad b &\leftarrow b - \eta\,v_{b}" in text


def test_adam() -> None:
    text = section(compose(line(), optimizer="adam"))
    assert "**Adam** (Kingma and Ba 2015)" in text
    assert r"$\beta_1 = 0.9$, $\beta_2 = 0.999$, $\epsilon = 10^{-8}$" in text
    assert r"m_{w} &\leftarrow \beta_1\,m_{w} + (1 - \beta_1)\,\frac{\partial E}{\partial w}" in text
    assert r"v_{w} \leftarrow \beta_2\,v_{w} + (1 - \beta_2)\,\left(\frac{\partial E}{\partial w}\right)^2" in text
    assert r"\hat{m}_{w} &= \frac{m_{w}}{1 - \beta_1^t},\qquad \hat{v}_{w} = \frac{v_{w}}{1 - \beta_2^t}" in text
    assert r"w \leftarrow w - \frac{\eta\,\hat{m}_{w}}{\sqrt{\hat{v}_{w}} + \epsilon}" in text
    assert "entry by entry" not in text


def test_the_symbols_of_a_rule_are_in_the_table() -> None:
    for optimizer, symbols in (("momentum", [r"v_{\theta}", r"\mu"]), ("adam", [r"m_{\theta}", r"\beta_2", "t"])):
        for detail in ("full", "brief"):
            table = section(compose(line(), optimizer=optimizer, detail=detail), "## Symbols")  # type: ignore[arg-type]
            assert [s for s in symbols if f"| ${s}$ |" not in table] == []


def test_arrays_are_updated_whole_and_entry_by_entry() -> None:
    sheet = sb.read("relu-regression").derive().sheet(optimizer="adam")
    text = section(sheet)
    assert "Squares, roots and quotients are taken entry by entry." in text
    assert r"\left(\frac{\partial L}{\partial W_2}\right)^2" in text
    assert r"W_2 \leftarrow W_2 - \frac{\eta\,\hat{m}_{W_2}}{\sqrt{\hat{v}_{W_2}} + \epsilon}" in text


def test_many_parameters_share_one_rule() -> None:
    text = section(compose(Derivation(two_two_one()), optimizer="adam"))
    assert r"For every parameter $\theta$, with the learning rate $\eta$:" in text
    assert r"\theta \leftarrow \theta - \frac{\eta\,\hat{m}_{\theta}}{\sqrt{\hat{v}_{\theta}} + \epsilon}" in text
    assert "w_{21} \\leftarrow" not in text


def test_letters_that_mean_something_else_are_left_alone() -> None:
    x, y, theta, mu, v, z, E = sp.symbols("x y theta mu v z E")
    sheet = compose(
        Derivation(
            network([(z, theta * x + v * mu), (E, (z - y) ** 2)], roles={"parameter": [theta, v], "constant": [mu]})
        ),
        optimizer="momentum",
    )
    assert r"u_{\theta} &\leftarrow \rho\,u_{\theta} + \frac{\partial E}{\partial \theta}" in section(sheet)
    assert r"| $u_{\omega}$ | velocity of a parameter $\omega$" in section(sheet, "## Symbols")
    samples = sb.read("softmax-classifier").derive().sheet(optimizer="adam").to_markdown()
    assert r"m_{\theta}" not in samples  # m is the number of samples
    assert r"p_{\theta}" in samples


@pytest.mark.parametrize("optimizer", RULES)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_format_and_language(optimizer: str, language: str) -> None:
    sheet = compose(line(), language, optimizer=optimizer, values=POINT)  # type: ignore[arg-type]
    source = RULES[optimizer].source
    for write in (sheet.to_markdown, sheet.to_latex, sheet.to_text, sheet.to_notebook, sheet.to_html):
        assert source in write()


def test_chinese() -> None:
    text = section(compose(line(), "zh", optimizer="adam"), "## 更新参数")
    assert "滑动平均" in text
    assert "学习率" in text


def test_the_first_update_in_numbers() -> None:
    """At w = 0.5, x = 2, b = -1, y = 1 the gradients are -2 and -1."""
    text = {name: compose(line(), optimizer=name, values=POINT).to_text().split("One update with")[1] for name in RULES}  # type: ignore[arg-type]
    assert "w ← 0.5 - 0.1 · (-2) = 0.7\n" in text["sgd"]
    assert "v_w ← 0.9 · 0 + (-2) = -2\n" in text["momentum"]
    assert "w ← 0.5 - 0.1 · (-2) = 0.7\n" in text["momentum"]
    assert "m_w ← 0.9 · 0 + (1 - 0.9) · (-2) = -0.2\n" in text["adam"]
    assert "v_w ← 0.999 · 0 + (1 - 0.999) · (-2)^2 = 0.004\n" in text["adam"]
    assert "m̂_w = (-0.2)/(1 - 0.9^1) = -2\n" in text["adam"]
    assert "v̂_w = 0.004/(1 - 0.999^1) = 4\n" in text["adam"]
    assert "w ← 0.5 - (0.1 · (-2))/(√(4) + (1e-08)) = 0.6\n" in text["adam"]
    assert "E was 0.5 and is now 0.245." in text["adam"]  # w = 0.6, b = -0.9: z = 0.3


def test_a_column_of_squares_is_bracketed() -> None:
    """(dE/dw)^2 is not dE/d(w^2)."""
    assert "(∂E/∂w)^2" in compose(line(), optimizer="adam").to_text()


def test_long_formulas_of_a_terminal_are_unfolded() -> None:
    text = sb.read("two-layers").derive().sheet(optimizer="adam").to_text()
    assert max(map(len, text.split("Update rules")[1].split("All formulas")[0].splitlines())) <= 96


def test_an_unknown_optimizer() -> None:
    with pytest.raises(sb.DataError, match="no optimizer called 'rmsprop'"):
        sb.read("two-two-one").derive().sheet(optimizer="rmsprop")  # type: ignore[arg-type]
