"""Hostile texts: an answer in time, nothing executed, no error but our own."""

import random
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symbackprop.errors import NotationError, SymbackpropError
from symbackprop.names import parse_name
from symbackprop.notation.parser import Vocabulary, collect_vocabulary, parse_expression, parse_statements
from symbackprop.notation.source import Line, read_lines

KNOWN = Vocabulary.of(
    "x",
    "y",
    "z",
    "q",
    "a",
    "b",
    "L",
    "W^(1)",
    "out",
    families=[("A", "bracket"), ("h", "sub")],
    indices=["i", "j"],
)


def collect(text: str, _: Vocabulary) -> object:
    return collect_vocabulary([Line.of(text)])


def answered(action: Callable[[], object]) -> str:
    """What a user sees: the result, or one of our errors; anything else is raised."""
    try:
        return repr(action())
    except SymbackpropError as error:
        return str(error)


LONG = [
    "(" * 100_000,
    "(" * 20_000,
    "(" * 90 + "x",
    "{" * 20_000,
    r"\left(" * 3_000,
    "-" * 19_999 + "x",
    r"\sqrt" * 3_000,
    r"\frac" * 3_900,
    r"\sum_i" * 3_000,
    r"\log" * 4_000,
    r"\hat " * 3_900,
    r"\nabla_" * 2_500,
    r"\partial" * 2_400,
    r"\Delta " * 2_500,
    "√" * 11_000,
    "x^{" * 99 + "x" + "}" * 99,
    "x_{" * 99 + "x" + "}" * 99,
    "sin(" * 99 + "x" + ")" * 99,
    "f(" * 99 + "x" + ")" * 99,
    "[" * 99 + "x" + "]" * 99,
    "|" * 9_999,
    "x'" * 5_000,
    "x" + "'" * 9_999,
    "x" + ".T" * 5_000,
    "x" + "**2" * 5_000,
    "x" + "/x" * 5_000,
    "e^-" * 3_900,
    "a=" * 5_900 + "a",
    "a;" * 5_900,
    "a=b," * 2_900,
    "a_i=b_i;" * 1_400,
    "a," * 5_900,
    r"a \\ " * 2_400,
    "for " * 4_900,
    "a = b for i = 1" + ", a" * 3_000,
    "1" * 20_000,
    "9" * 41,
    "1e999999999",
    "x" * 20_000,
    "x_{" + "a" * 19_000 + "}",
    "\\" + "a" * 19_000,
    r"\text{" + "a " * 9_000 + "}",
    r"\text{" * 3_000,
    r"\mathbf{" + "a" * 15_000,
    r"\text{for" + "_a" * 8_000,
    " " * 19_000 + "?",
    "$" * 19_000,
    "&" * 19_000,
    "ₐ" * 19_000,
    "⁽" * 5_000,
    "α" * 11_000,
    "x̂" * 5_000,
    "ŷ" * 5_000,
    r"\label{" * 2_500,
    r"\begin{cases}" * 1_000,
    "x_{" + "i," * 5_000 + "j}",
    r"\sum_{" + "i," * 5_000 + "j} x",
    "W := [" + "[1, 2], " * 1_900 + "[3, 4]]",
]


@pytest.mark.parametrize("text", LONG, ids=[text[:12] + f"... {len(text)}" for text in LONG])
@pytest.mark.parametrize("read", [parse_expression, parse_statements, collect])
def test_long_texts_are_answered_in_time(text: str, read: Callable[[str, Vocabulary], object]) -> None:
    start = time.process_time()
    answered(lambda: read(text, KNOWN))
    # On a quiet machine less than 0.05 s; a quadratic algorithm or backtracking takes seconds.
    assert time.process_time() - start < 1.0


def nested(depth: int, action: Callable[[], object]) -> None:
    if depth:
        nested(depth - 1, action)
    else:
        action()


@pytest.mark.parametrize("text", LONG, ids=[text[:12] + f"... {len(text)}" for text in LONG])
def test_the_stack_is_deep_enough(text: str) -> None:
    """A caller that is itself 250 calls deep gets an answer too."""

    nested(250, lambda: answered(lambda: parse_expression(text, KNOWN)))


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('ls')",
        "().__class__.__bases__[0].__subclasses__()",
        "eval('1')",
        "exec('1')",
        "open('/etc/passwd')",
        "lambda x: x",
        "<script>alert(1)</script>",
        r"\input{/etc/passwd}",
        r"\include{x}",
        r"\write18{ls}",
        r"\immediate\write18{ls}",
        r"\def\a{\a\a}\a",
        r"\newcommand{\a}{\a}",
        r"\catcode`\%=0",
        r"\csname x\endcsname",
        r"\href{javascript:x}{y}",
        r"\openout1=x",
        r"\usepackage{x}",
        r"\loop\repeat",
        "a\x00b",
        "a\x1b[31mb",
        "\u202ea = b",
        "a\u2066b",
        "\ud800",
        "a\ufff9b",
        "a = b #",
        "'; drop table networks; --",
        "${HOME?}",
        "`ls`",
        "%s%s%n",
        "x = 1e400000",
        "\U000e0041",
    ],
)
def test_no_command_is_followed(text: str) -> None:
    with pytest.raises(NotationError) as caught:
        parse_statements("z = " + text, KNOWN)
    assert caught.value.span is not None
    shown = str(caught.value)
    assert not any(c in shown for c in "\x00\x1b\u202e\u2066")


FRAGMENT_TEXT = r"""
    \frac { } ( ) [ ] _ ^ ' , ; : = := + - * / @ & \\ | || \| \{ \} < > <= \le x y w_{12} W^{(1)} A^{[l-1]} \hat
    \sqrt \sum \sum_{i=1}^{m} \max_ \sigma \sigma' \tanh f g h \log dW dZ grad_ grad_W \nabla \nabla_ \partial
    \Delta \triangle e e^ 1 2 0.5 12 .5 1. .. \dots ... \text{if} \text{for} \text{otherwise} \mathbf{1} \mathbb{R}
    \mathbb{1} \mathrm{d} \begin{cases} \end{cases} \begin{bmatrix} \end{bmatrix} for where in is \in \forall i j k
    l t .T .dot( .sum( np.sum( axis=1 sum( max( T \top ^T ² ₁ ᵀ ⁽¹⁾ α ŷ ∂ ∑ √ ⊙ ‖ ⟨ ⟩ ½ 𝐖 Σ _ij _{ij} _{i,t-1}
    \odot \cdot \times ** inputs: assume: loss: title: R^ \quad \left \right \left. \right. \boxed{ \underbrace
    \langle \rangle \mathcal L qz ab out ones_ \, # % ! ? $ $$ \label{x} \infty \hat{y} \bar x'' [z>0] one-hot and
"""
FRAGMENTS = FRAGMENT_TEXT.split()


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=25), st.sampled_from(["", " "]))
def test_fragments_raise_nothing_but_our_errors(parts: list[str], separator: str) -> None:
    text = separator.join(parts)
    for action in (
        lambda: parse_expression(text, KNOWN),
        lambda: parse_statements(text, KNOWN),
        lambda: collect_vocabulary([Line.of(text)]),
        lambda: [parse_statements(line) for line in read_lines(text)],
        lambda: parse_name(text),
    ):
        assert answered(action)


@given(st.text(max_size=80))
def test_any_text_raises_nothing_but_our_errors(text: str) -> None:
    for action in (
        lambda: parse_expression(text, KNOWN),
        lambda: parse_statements(text),
        lambda: [parse_statements(line) for line in read_lines(text)],
    ):
        answered(action).encode()


def test_six_thousand_lines_in_a_second() -> None:
    random.seed(1)
    lines: list[str] = []
    for n in range(3_000):
        terms = " + ".join(f"w_{{{random.randrange(9999)}}} a_{{{random.randrange(n + 1)}}}" for _ in range(3))
        lines += [f"h_{{{n}}} = {terms} + b_{{{n}}}", f"a_{{{n}}} = \\sigma(h_{{{n}}})"]
    start = time.process_time()
    read = read_lines("\n".join(lines), "net")
    vocabulary = collect_vocabulary(read)
    count = sum(len(parse_statements(line, vocabulary)) for line in read)
    assert count == 6_000
    assert time.process_time() - start < 4.0  # 0.7 s on a quiet machine
