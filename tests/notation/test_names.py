"""Spelling of names: every spelling is one name, and prints in three forms."""

import keyword
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symbackprop.names import Label, Name, identifier, make_name, natural_key, opaque_name, parse_name

SPELLINGS = {
    "w_12": ["w_12", "w_{12}", "w₁₂", r"\mathbf{w}_{12}", r"{w}_{12}", "w12", "𝑤₁₂", r"\boldsymbol w_{12}"],
    "h_1": ["h1", "h_1", "h_{1}", "h₁", r"\mathrm{h}_1", r"\mathsf{h}_1"],
    "yhat": [
        r"\hat y",
        r"\hat{y}",
        "ŷ",
        "yhat",
        "y_hat",
        "y\u0302",
        r"\widehat{y}",
        r"\hat{\mathbf{y}}",
        r"y_{hat}",
    ],
    "yhat_1": [r"\hat{y}_1", "ŷ₁", "yhat_1", r"\hat{y_1}", "y_hat_1", r"\hat y_{1}"],
    "alpha": [r"\alpha", "α", "alpha", "𝛼", r"\boldsymbol{\alpha}"],
    "alpha_1": [r"\alpha_1", "α₁", "alpha_1", r"\alpha_{1}", "α1", "alpha1"],
    "epsilon": [r"\epsilon", r"\varepsilon", "ε", "ϵ", "epsilon"],
    "W^(1)": ["W^(1)", "W^{(1)}", r"\mathbf{W}^{(1)}", "W⁽¹⁾", "𝐖⁽¹⁾"],
    "b^[1]": ["b^[1]", "b^{[1]}", r"b^{[1]}"],
    "W^(1)_12": ["W^{(1)}_{12}", "W_{12}^{(1)}", "W^(1)_12"],
    "delta^[l]^(i)": [r"\delta^{[l](i)}", "delta^[l]^(i)", "δ^[l]⁽ⁱ⁾"],
    "out": ["out", r"\text{out}", r"\mathit{out}", r"\mathrm{out}", r"\operatorname{out}"],
    "net_h1": ["net_{h1}", "net_h1", "net_{h_1}", "net_h_1", r"\text{net}_{h1}"],
    "x_in": [r"x_{\text{in}}", "x_in", r"x_{\mathrm{in}}", "xᵢₙ"],
    "w_1,2": ["w_{1,2}", "w_1,2", "w_1_2"],
    "a^2": ["a^2", "a^{2}", "a²"],
    "y^*": ["y^*", "y^{*}"],
    "w^+_5": ["w_5^+", "w^+_5", "w_5^{+}"],
    "x'": ["x'"],
    "Lcal": [r"\mathcal{L}", "ℒ", r"\mathscr{L}"],
}


@pytest.mark.parametrize(("key", "text"), [(key, text) for key, texts in SPELLINGS.items() for text in texts])
def test_every_spelling_has_one_key(key: str, text: str) -> None:
    name = parse_name(text)
    assert name is not None
    assert name.key == key
    assert name == parse_name(SPELLINGS[key][0])
    assert hash(name) == hash(parse_name(SPELLINGS[key][0]))


@pytest.mark.parametrize(
    ("text", "plain", "latex", "unicode"),
    [
        ("w_{12}", "w_12", "w_{12}", "w₁₂"),
        (r"\alpha_1", "alpha_1", r"\alpha_1", "α₁"),
        ("W^{(1)}", "W^(1)", "W^{(1)}", "W⁽¹⁾"),
        ("b^{[1]}", "b^[1]", "b^{[1]}", "b^[1]"),
        (r"\hat{y}", "yhat", r"\hat{y}", "ŷ"),
        ("W1", "W1", "W_1", "W₁"),
        ("out", "out", r"\mathit{out}", "out"),
        ("net_{h1}", "net_h1", r"\mathit{net}_{h1}", "netₕ₁"),
        ("y_pred", "y_pred", r"y_{\mathit{pred}}", "y_pred"),
        ("w_{ij}", "w_ij", "w_{ij}", "wᵢⱼ"),
        (r"\delta^{[l](i)}", "delta^[l]^(i)", r"\delta^{[l](i)}", "δ^[l]⁽ⁱ⁾"),
        ("W_{12}^{(1)}", "W_12^(1)", "W_{12}^{(1)}", "W₁₂⁽¹⁾"),
        (r"\Theta", "Theta", r"\Theta", "Θ"),
        (r"\mathcal{L}", "Lcal", r"\mathcal{L}", "ℒ"),
        ("a^2", "a^2", "a^2", "a²"),
        ("x'", "x'", "x'", "x'"),
        (r"x_{\alpha}", "x_alpha", r"x_{\alpha}", "x_α"),
    ],
)
def test_forms(text: str, plain: str, latex: str, unicode: str) -> None:
    name = parse_name(text)
    assert name is not None
    assert (name.plain, name.latex, name.unicode) == (plain, latex, unicode)
    assert str(name) == plain


@pytest.mark.parametrize("text", [text for texts in SPELLINGS.values() for text in texts])
def test_what_is_printed_can_be_read(text: str) -> None:
    name = parse_name(text)
    assert name is not None
    for form in (name.plain, name.latex, name.unicode, name.key):
        assert parse_name(form) == name


@pytest.mark.parametrize("text", ["W^{(1)}_{12}", "w_{12}", r"\hat{y}", "out_1"])
def test_stem(text: str) -> None:
    name = parse_name(text)
    assert name is not None
    assert name.stem.scripts == ()
    assert name.stem.with_scripts(name.scripts) == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "a b",
        "a+b",
        "2x",
        "w_{t-1}",
        "_x",
        "x_",
        "x^",
        "w__1",
        "__import__",
        "x.y",
        r"\input{x}",
        r"\frac{a}{b}",
        "W^T",
        r"W^\top",
        "é",
        "损失",
        "\x00",
        "{" * 50,
        "x" * 10_000 + "_{",
        r"\hat{\hat{y}}",
        r"\hat{a+b}",
        "x_{,}",
        "W^(l-1)",
        "\u202e",
        "x)",
    ],
)
def test_what_is_no_name(text: str) -> None:
    assert parse_name(text) is None


def test_case_matters() -> None:
    assert parse_name("w") != parse_name("W")
    assert parse_name("w_1") != "w_1"


def test_accents_in_words_need_a_single_letter() -> None:
    assert make_name("crowbar").accent == ""
    assert make_name("xbar").accent == "bar"
    assert make_name("alphahat").latex == r"\hat{\alpha}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("w_12", "w_12"),
        ("W^{(1)}", "W_1"),
        (r"\hat{y}", "yhat"),
        ("lambda", "lambda_"),
        ("sum", "sum_"),
        ("np", "np_"),
        ("exp", "exp_"),
        ("y^*", "y"),
        ("match", "match_"),
        ("pi", "pi_"),
        ("α₁", "alpha_1"),
    ],
)
def test_identifier(text: str, expected: str) -> None:
    name = parse_name(text)
    assert name is not None
    assert identifier(name) == expected


def test_identifier_is_unique() -> None:
    taken: set[str] = set()
    for text in ["W^{(1)}", "W_1", "W^{[1]}", "W1"]:
        name = parse_name(text)
        assert name is not None
        new = identifier(name, taken)
        assert new not in taken
        taken.add(new)


@given(st.text(max_size=60))
def test_identifier_of_anything_is_safe(text: str) -> None:
    result = identifier(opaque_name(text))
    assert result.isidentifier()
    assert result.isascii()
    assert not keyword.iskeyword(result)
    assert not result.startswith("_")


@given(st.text(max_size=60))
def test_any_text_gives_a_name_or_none(text: str) -> None:
    name = parse_name(text)
    if name is not None:
        assert name.key
        assert "\n" not in name.plain + name.latex + name.unicode


@given(st.text(max_size=60))
def test_opaque_latex_is_escaped(text: str) -> None:
    latex = opaque_name(text).latex
    inside = latex.removeprefix(r"\text{")[:-1]
    for known in (
        r"\textbackslash{}",
        r"\textasciicircum{}",
        r"\textasciitilde{}",
        *("\\" + c for c in "{}_&%$#"),
    ):
        inside = inside.replace(known, "")
    assert not set(inside) & set("\\{}^~&%$#_")


def test_opaque_names_keep_their_text() -> None:
    name = opaque_name("my <var>")
    assert (name.plain, name.key, name.latex) == ("my <var>", "my <var>", r"\text{my <var>}")
    assert opaque_name("a\x1bb").plain == "a\ufffdb"


def test_natural_order() -> None:
    names = [Name("w", scripts=(Label("sub", str(n)),)) for n in (10, 2, 1)]
    assert [name.plain for name in sorted(names, key=natural_key)] == ["w_1", "w_2", "w_10"]
    assert natural_key("w_" + "9" * 10_000)


def test_names_are_shared() -> None:
    assert parse_name("w_{12}") is parse_name("w_12")


def test_speed() -> None:
    texts = [f"w_{{{n}}}" for n in range(3000)] + [f"b^{{({n})}}_{{1}}" for n in range(3000)]
    start = time.process_time()
    keys = {name.key for text in texts if (name := parse_name(text))}
    assert time.process_time() - start < 0.5  # 0.05 s on a quiet machine
    assert len(keys) == 6000


def test_front_end_imports_without_sympy() -> None:
    rooms = "errors, symbackprop.names, symbackprop.notation.parser, symbackprop.notation.source"
    code = f"import sys, symbackprop.{rooms}; print({{'sympy', 'numpy'}} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
