"""Tokens: LaTeX, plain text and Unicode give the same; what is no mathematics is refused with its place."""

import pytest

from symbackprop.errors import NotationError
from symbackprop.notation.lexer import tokenize
from symbackprop.notation.source import Line


def shown(text: str) -> str:
    """Kinds of the tokens, with their values."""
    tokens = tokenize(Line.of(text))
    assert tokens[-1].kind == "end"
    return " ".join(f"{t.kind}:{t.value}" if t.value else t.kind for t in tokens[:-1])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("w_{12} x", "run:w _ { number:12 } run:x"),
        ("w_12x_1", "run:w _ number:12 run:x _ number:1"),
        ("W1.T", "run:W1 method:T"),
        ("a.dot(b)", "run:a method:dot ( run:b )"),
        ("np.sum(a, axis=1)", "run:sum ( run:a , run:axis = number:1 )"),
        ("np.linalg.norm(v)", "run:norm ( run:v )"),
        ("leaky_relu(z)", "word:leaky_relu ( run:z )"),
        ("log_sum_exp(z)", "word:log_sum_exp ( run:z )"),
        ("alpha + sigma", "letter:alpha + letter:sigma"),
        ("1..H", "number:1 dots run:H"),
        (r"1, \ldots, n", "number:1 , dots , run:n"),
        ("1./m", "number:1. / run:m"),
        ("0.5 .5 1e-3 2E+1", "number:0.5 number:.5 number:1e-3 number:2E+1"),
        ("2x 2e^x", "number:2 run:x number:2 run:e ^ run:x"),
        ("a ** b .* c", "run:a ** run:b hadamard run:c"),
        (r"a \odot b \circ c ⊙ d", "run:a hadamard run:b hadamard run:c hadamard run:d"),
        (r"\left( a \right)", "( run:a )"),
        (r"\left. a \right|", "run:a |"),
        (r"a \, b \; c \! d \quad e ~ $f$", "run:a run:b run:c run:d quad run:e run:f"),
        (r"a \le b \leqslant c <= d ≤ e", "run:a <= run:b <= run:c <= run:d <= run:e"),
        (r"a \leftarrow b := c \gets d ← e", "run:a := run:b := run:c := run:d := run:e"),
        (r"\mathbf{W}^\top \mathbf{1}", "run:W ^ top ones:1"),
        (r"\mathbb{R}^n ℝ \mathbb R", "reals ^ run:n reals reals"),
        (r"\text{out} + \mathrm{softmax}", "word:out + word:softmax"),
        (r"a \text{ for } i", "run:a for:for run:i"),
        (r"a \text{if } z>0", "run:a if:if run:z > number:0"),
        (r"x_{\text{for}}", "run:x _ { word:for }"),
        (r"a = b \text{ (chain rule)}", "run:a = run:b"),
        (r"\text{for i = 1..n}", "for:for run:i = number:1 dots run:n"),
        (r"a \tag{1} \label{eq:x} \nonumber", "run:a"),
        (r"a \overset{(1)}{=} b", "run:a = run:b"),
        (r"\boxed{a} + {b}", "run:a + { run:b }"),
        (r"a &= b \\ c", "run:a = run:b ; run:c"),
        (
            r"\begin{bmatrix} a & b \\ c & d \end{bmatrix}",
            "begin:bmatrix run:a & run:b row run:c & run:d end_begin:bmatrix",
        ),
        ("α₁² ŷ x̂", "letter:alpha _ { number:1 } ^ { number:2 } accent:hat run:y accent:hat run:x"),
        ("W⁽¹⁾ᵀ", "run:W ^ { ( number:1 ) run:T }"),
        ("（a＋b）， c。", "( run:a + run:b ) , run:c"),
        ("𝐖 𝑤 𝛼 𝟏", "run:W run:w letter:alpha ones:1"),
        ("∂L/∂W ∇ √ ‖v‖", "partial run:L / partial run:W nabla root || run:v ||"),
        ("⟨a, b⟩", "langle run:a , run:b rangle"),
        ("½ x", "number:1/2 run:x"),
        ("Σ_i x", "reduce:sum _ run:i run:x"),
        ("Σ x", "letter:Sigma run:x"),
        ("a − b – c", "run:a - run:b - run:c"),
        ("ℒ", "accent:cal run:L"),
        ("a\u200bb \u00a0c", "run:a run:b run:c"),
        ("a = b.", "run:a = run:b"),
        ("a = b,", "run:a = run:b"),
        ("", ""),
    ],
)
def test_tokens(text: str, expected: str) -> None:
    assert shown(text) == expected


@pytest.mark.parametrize("text", ["a＝b₁ − ½ŷ", "  α = 𝐖ᵀ x̂", r"\hat{y}_1 = \frac12 x²"])
def test_positions_are_those_of_the_text(text: str) -> None:
    tokens = tokenize(Line.of(text))
    starts = [token.start for token in tokens]
    assert starts == sorted(starts)
    for token in tokens:
        assert 0 <= token.start <= token.end <= len(text)
        if token.kind == "run" and text[token.start : token.end].isascii():
            assert text[token.start : token.end] == token.value


@pytest.mark.parametrize(
    ("text", "message", "span", "hint"),
    [
        (r"a = \simga(z)", r"unknown command \simga", (4, 10), r"\sigma"),
        (r"\frac{\partial L}{\∂ b_l}", r"\∂ is not a command", (18, 20), r"write \partial"),
        (r"\α x", r"\α is not a command", (0, 2), r"write \alpha"),
        ("(a + b", "the bracket ( is never closed", (0, 1), "add the missing )"),
        (r"\frac{a}{b", "the bracket { is never closed", (8, 9), "add the missing }"),
        ("a) + b", "the bracket ) was never opened", (1, 2), None),
        ("(a + b]", "the bracket ( is closed by ]", (6, 7), None),
        (r"\left\{ a \right)", r"the bracket \{ is closed by )", (16, 17), None),
        (r"\begin{cases} a", r"\begin{cases} is never ended", (0, 13), None),
        (r"\begin{tikzpicture}", "the environment tikzpicture cannot be read", (0, 19), None),
        (r"\input{/etc/passwd}", r"the command \input is refused", (0, 6), None),
        (r"\write18{ls}", r"the command \write is refused", (0, 6), None),
        (r"\def\a{\a\a}", r"the command \def is refused", (0, 4), None),
        (r"\catcode", r"the command \catcode is refused", (0, 8), None),
        (r"A \otimes B", r"\otimes cannot be read", (2, 9), r"\odot"),
        ("a ? b", "unexpected character '?'", (2, 3), None),
        ("前向传播", "unexpected character '前'", (0, 1), "#"),
        ("a\x00b", "the character U+0000", (1, 2), None),
        ("a\u202eb", "U+202E (RIGHT-TO-LEFT OVERRIDE)", (1, 2), None),
        ("a\ud800", "U+D800", (1, 2), None),
        ("1" * 41, "more than 40 digits", (0, 41), None),
        ("1e999999", "the exponent of 1e999999 is too large", (0, 8), None),
        ("a" * 61, "more than 60 letters", (0, 61), None),
        ("x + " + "(" * 101, "nested more than 100 deep", (104, 105), None),
        (r"E = \text{net input} + b", "the text 'net input' cannot be read as a name", (4, 20), None),
        (r"\mathbb{E}[x]", "expectations cannot be read", (0, 10), None),
    ],
)
def test_errors(text: str, message: str, span: tuple[int, int], hint: str | None) -> None:
    with pytest.raises(NotationError) as caught:
        tokenize(Line.of(text))
    error = caught.value
    assert message in error.message
    assert error.span == span
    assert hint is None or (error.hint is not None and hint in error.hint)


@pytest.mark.parametrize(
    ("text", "message"), [("x" * 20_001, "more than 20,000"), ("x+" * 9_999, "more than 12,000 signs")]
)
def test_limits(text: str, message: str) -> None:
    with pytest.raises(NotationError, match=message):
        tokenize(Line.of(text))
