"""The sheet of document 000 in both languages, against what its rows in the census ask for."""

from __future__ import annotations

import re

import pytest

from symbackprop.derivation import Derivation
from symbackprop.sheets import Sheet, compose
from tests.sheets.networks import shared_biases, two_two_one

GRADIENTS = {
    "w_{21}": r"(\mathit{out} - y)\,\sigma(z)(1 - \sigma(z))\,\alpha_1",
    "w_{22}": r"(\mathit{out} - y)\,\sigma(z)(1 - \sigma(z))\,\alpha_2",
    "b_{21}": r"(\mathit{out} - y)\,\sigma(z)(1 - \sigma(z))",
    "w_{12}": r"(\mathit{out} - y)\,\sigma(z)(1 - \sigma(z))\,w_{22}\,\sigma(h_2)(1 - \sigma(h_2))\,x_1",
    "w_{14}": r"(\mathit{out} - y)\,\sigma(z)(1 - \sigma(z))\,w_{22}\,\sigma(h_2)(1 - \sigma(h_2))\,x_2",
    "b_{12}": r"(\mathit{out} - y)\,\sigma(z)(1 - \sigma(z))\,w_{22}\,\sigma(h_2)(1 - \sigma(h_2))",
    "w_{11}": r"(\mathit{out} - y)\,\sigma(z)(1 - \sigma(z))\,w_{21}\,\sigma(h_1)(1 - \sigma(h_1))\,x_1",
    "w_{13}": r"(\mathit{out} - y)\,\sigma(z)(1 - \sigma(z))\,w_{21}\,\sigma(h_1)(1 - \sigma(h_1))\,x_2",
    "b_{11}": r"(\mathit{out} - y)\,\sigma(z)(1 - \sigma(z))\,w_{21}\,\sigma(h_1)(1 - \sigma(h_1))",
}


def sheet(language: str = "en", **options: object) -> Sheet:
    return compose(Derivation(two_two_one()), language, **options)  # type: ignore[arg-type]


def partial(upper: str, lower: str) -> str:
    return rf"\frac{{\partial {upper}}}{{\partial {lower}}}"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_nine_gradients_in_order_and_form(language: str) -> None:
    text = sheet(language).to_markdown()
    found = re.findall(r"\\boxed\{\\frac\{\\partial E\}\{\\partial ([^}]*\})\} = (.*)\}\n", text)
    assert found == list(GRADIENTS.items())


def test_a_chain_has_one_factor_for_each_arrow() -> None:
    chain = r"\,".join(
        [
            partial("E", r"\mathit{out}"),
            partial(r"\mathit{out}", "z"),
            partial("z", r"\alpha_2"),
            partial(r"\alpha_2", "h_2"),
            partial("h_2", "w_{12}"),
        ]
    )
    assert f"{partial('E', 'w_{12}')} = {chain}\n" in sheet().to_markdown()
    assert (
        r"h_2 \longrightarrow \alpha_2 \longrightarrow z \longrightarrow \mathit{out} \longrightarrow E"
        in sheet().to_markdown()
    )


def test_the_forward_pass_writes_the_sigmoid_out() -> None:
    text = sheet().to_markdown()
    assert r"h_1 &= w_{11}\,x_1 + w_{13}\,x_2 + b_{11} &\qquad \alpha_1 &= \sigma(h_1) = \frac{1}{1 + e^{-h_1}}" in text
    assert r"E = \frac{1}{2}\,(\mathit{out} - y)^2" in text


def test_every_factor_says_why() -> None:
    text = sheet().to_markdown()
    assert (
        r"| $\partial E/\partial \mathit{out}$ | $E = \frac{1}{2}\,(\mathit{out} - y)^2$ | $\mathit{out} - y$ | "
        r"power rule; the $\frac{1}{2}$ cancels the $2$ |" in text
    )
    assert r"| $\partial z/\partial b_{21}$ |" in text
    assert r"$1$ | $b_{21}$ is added as it is |" in text


def test_chinese_uses_the_terms_of_the_document() -> None:
    text = sheet("zh").to_markdown()
    for term in ("前向传播", "损失函数", "反向传播", "求导", "更新", "学习率", "真实值", "输入", "权重", "偏置"):
        assert term in text
    assert "幂函数求导；$\\frac{1}{2}$ 与指数 $2$ 相消" in text


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("en", "**First all 9 gradients, with the parameters as they are; only then all updates**."),
        ("zh", "**先用旧的参数求出全部 9 个梯度，然后再一起更新**。"),
    ],
)
def test_all_gradients_come_before_all_updates(language: str, sentence: str) -> None:
    text = sheet(language).to_markdown()
    assert sentence in text
    assert text.index(sentence) > text.rindex(r"\boxed{\frac{\partial E}{\partial b_{11}}")
    assert text.count(r"\leftarrow") == 9
    assert r"w_{21} &\leftarrow w_{21} - \eta\,\frac{\partial E}{\partial w_{21}} &\qquad w_{22} &\leftarrow" in text


def test_it_says_which_gradient_the_wrong_order_falsifies() -> None:
    assert r"$\partial E/\partial w_{12}$ contains $w_{22}$" in sheet().to_markdown()


def test_shared_factors_are_named_at_the_end() -> None:
    box = sheet().to_markdown().split("## All formulas at a glance")[1]
    assert r"\delta_{h_2} &= \delta_z\,w_{22}\,\sigma(h_2)(1 - \sigma(h_2))" in box
    assert r"\frac{\partial E}{\partial b_{11}} = \delta_{h_1}" in box


def test_style_delta_names_them_from_the_start() -> None:
    text = compose(Derivation(two_two_one(), style="delta")).to_markdown()
    assert r"\boxed{\delta_{h_1} = \delta_z\,w_{21}\,\alpha_1\,(1 - \alpha_1)}" in text
    assert (
        r"\frac{\partial E}{\partial w_{11}} = \delta_{h_1}\,\frac{\partial h_1}{\partial w_{11}} = \delta_{h_1}\,x_1"
        in text
    )


def test_brief_has_formulas_only() -> None:
    brief = sheet(detail="brief").to_markdown()
    assert "because" not in brief
    assert brief.count(r"\boxed{\frac") == 9
    assert len(brief) < 0.6 * len(sheet().to_markdown())


def test_several_paths_add_up() -> None:
    text = compose(Derivation(shared_biases())).to_markdown()
    shared = text.split("### Shared by")[1]
    assert r"$b_2$ is used in 2 places" in shared
    assert shared.index(r"b_2 \longrightarrow \mathit{net}_{o1}") < shared.index(r"\boxed{\begin{aligned}")
    assert r"-(\mathit{target}_{o1} - \mathit{out}_{o1})\,\sigma(\mathit{net}_{o1})" in shared
    assert r"the $\frac{1}{2}$ cancels the $2$, and the inner derivative is −1" in text


def test_numbers_are_those_of_the_published_extract() -> None:
    values = {
        "x_1": 0.3,
        "x_2": -0.7,
        "y": 0.2,
        "w_11": 0.1,
        "w_12": -0.4,
        "w_13": 0.6,
        "w_14": 0.9,
        "b_11": 0.05,
        "b_12": -0.2,
        "w_21": 0.7,
        "w_22": -1.1,
        "b_21": 0.15,
        "eta": 0.5,
    }
    text = sheet(values=values).to_text().split("In numbers")[1]
    assert "h₁ = 0.1 · 0.3 + 0.6 · (-0.7) + 0.05 = -0.34" in text
    assert "∂E/∂b₁₂ = (0.5335 - 0.2) · 0.5335 · (1 - 0.5335) · (-1.1) · 0.2789 · (1 - 0.2789) = -0.01836" in text
    assert " · (1 - 0.2789) · 0.3 = -0.005509" in text
    assert "w₁₂ ← -0.4 - 0.5 · (-0.005509) = -0.3972" in text
    assert "E was 0.05562 and is now 0.05098." in text
    assert "The derivation says ∂E/∂w₁₁ = 0.004234." in text
    assert "= (0.055623019 - 0.05561455)/(0.002) = 0.004234" in text
