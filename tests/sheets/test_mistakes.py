"""The mistakes that a network invites: each kind where it can be made, with this network's own formulas."""

from __future__ import annotations

import pytest

import symbackprop as sb
from symbackprop.derivation import Derivation
from symbackprop.sheets import compose
from symbackprop.sheets.compose.mistakes import KINDS
from tests.sheets.networks import shared_biases, two_two_one

PUBLISHED = [
    *("sign", "missing_factor", "extra_factor", "wrong_index", "wrong_derivative", "activation_confusion"),
    *("forgot_mean", "forgot_sum", "path_missing", "missing_transpose", "order", "shape", "constant_factor"),
]
"""The kinds of mistakes that a verdict may name, from the public contract."""


def section(derivation: Derivation, language: str = "en") -> str:
    heading = {"en": "## Common mistakes with this network", "zh": "## 这个网络的常见错误"}[language]
    return compose(derivation, language).to_markdown().split(heading)[1]


def built_in(name: str) -> str:
    return section(sb.read(name).derive())


def test_the_kinds_are_those_of_a_verdict() -> None:
    assert sorted(KINDS) == sorted(PUBLISHED)


def test_scalars_sign_factor_and_weight() -> None:
    text = section(Derivation(two_two_one()))
    assert r"$\partial E/\partial \mathit{out} = \mathit{out} - y$, not $y - \mathit{out}$" in text
    assert r"$\partial z/\partial \alpha_2$ is $w_{22}$, the weight on the arrow from $\alpha_2$ to $z$" in text
    assert r"$w_{21}$ stands on another arrow" in text
    assert r"$\alpha_1\,(1 - \alpha_1)$, with the output $\alpha_1$. Writing $h_1\,(1 - h_1)$" in text
    assert r"the fraction $\frac{1}{2}$ cancels it" in text
    assert "Transpose" not in text
    assert "A path missing" not in text


def test_a_path_is_missed_where_there_are_several() -> None:
    text = section(Derivation(shared_biases()))
    assert "**A path missing**." in text
    assert "acts through 2 quantities" in text


def test_batches_transpose_order_sum_and_mean() -> None:
    text = built_in("softmax-classifier")
    product = r"$\delta^{[2]}\, A^{[1]}$ would multiply $(n_2 \times m)\,(n_1 \times m)$: $m$ meets $n_1$"
    assert (
        r"$\partial L/\partial W^{[2]}$ needs $\delta^{[2]}\, (A^{[1]})^{\top}$. Without the transpose, " + product
        in text
    )
    assert (
        r"$(A^{[1]})^{\top}\, \delta^{[2]}$ would multiply $(m \times n_1)\,(n_2 \times m)$: $n_1$ meets $n_2$" in text
    )
    assert r"$\partial L/\partial b^{[2]}$ is $\delta^{[2]}\, \mathbf{1}$, not $\delta^{[2]}$" in text
    assert r"not $W^{[1]}$, which leads into $Z^{[1]}$" in text
    assert r"not $\frac{1}{m}\, (Y - \hat{Y})$" in text
    assert r"comes in exactly once, in $\delta^{[2]}$" in text


def test_convention_sample_has_the_mean_in_front_of_the_gradients() -> None:
    text = section(sb.read("softmax-classifier").derive(delta="sample"))
    assert r"comes in exactly once, in $\partial L/\partial W^{[2]}$" in text


def test_relu_is_gated_by_what_goes_in() -> None:
    text = built_in("relu-classifier")
    assert r"The gate is $\mathbf{1}[Z_1 \gt  0]$" in text
    assert r"keeps where $A_1 \ge 0$ blocks nothing" in text


def test_a_recursion_says_where_it_starts_and_how_it_steps() -> None:
    text = built_in("deep")
    assert r"$\delta^{[L]} = \frac{1}{m}\, (A^{[L]} - Y) \odot A^{[L]} \odot (1 - A^{[L]})$, not" in text
    assert r"$(W^{[l + 1]})^{\top}\, \delta^{[l + 1]}$ is the derivative with respect to $A^{[l]}$" in text
    assert r"contains $W^{[l + 1]}$" in text
    assert r"not $W^{[l]}$, which leads into" in text


@pytest.mark.parametrize("name", sb.networks())
def test_every_network_has_mistakes_in_both_languages(name: str) -> None:
    derivation = sb.read(name).derive()
    english, chinese = (section(derivation, language).count("\n\n**") for language in ("en", "zh"))
    assert english == chinese >= 6
    assert "mistakes" not in compose(derivation, detail="brief").to_markdown()
