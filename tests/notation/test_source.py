"""Logical lines of plain text, Markdown and LaTeX, and where they stand in the file."""

import time

import pytest

from symbackprop.errors import NotationError
from symbackprop.notation.source import Format, Line, guess_format, read_lines


def texts(text: str, form: Format | None = None) -> list[str]:
    return [line.text for line in read_lines(text, form)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = b\nc = d", ["a = b", "c = d"]),
        ("a = b  # comment\n# comment\n\n  c = d  ", ["a = b", "c = d"]),
        ("a = b\n  + c\n  - d", ["a = b\n  + c\n  - d"]),
        ("a = b\n  = c", ["a = b\n  = c"]),
        ("a = f(b,\n  c)\nd = e", ["a = f(b,\n  c)", "d = e"]),
        ("a = b +\nc", ["a = b +\nc"]),
        ("W := [[1, 2],\n      [3, 4]]", ["W := [[1, 2],\n      [3, 4]]"]),
        ("z = a\n\\odot b", ["z = a\n\\odot b"]),
        ("title: A # net (one\na = b", ["title: A # net (one", "a = b"]),
        ("a = (b\nc = d", ["a = (b", "c = d"]),  # a forgotten bracket spoils one line only
        ("a = b\r\nc = d\r\n", ["a = b", "c = d"]),
        ("\ufeffa = b", ["a = b"]),
        ("a = b\n-c = d", ["a = b", "-c = d"]),
        ("inputs: x_1, x_2\nloss: E", ["inputs: x_1, x_2", "loss: E"]),
        ("u_i = v_i\n  for i = 1..n\na = b", ["u_i = v_i\n  for i = 1..n", "a = b"]),
        ("u = v x,\n  where v = 1", ["u = v x,\n  where v = 1"]),
        (
            "a = \\begin{cases}\n z & z > 0 \\\\\n 0 & z \\le 0\n\\end{cases}\nb = c",
            ["a = \\begin{cases}\n z & z > 0 \\\\\n 0 & z \\le 0\n\\end{cases}", "b = c"],
        ),
        ("", []),
    ],
)
def test_plain_text(text: str, expected: list[str]) -> None:
    assert texts(text, "net") == expected


def test_markdown() -> None:
    text = """# Title

Prose with $inline = math$ and a = b.

$$ a = b \\\\ c = d $$

```math
e = f
g = h
```

```python
x = 1
```

```net
i = j  # comment
```

~~~
k = l
~~~

$$
m =
n + o
$$

> $$
> p = q
> $$
"""
    assert texts(text, "md") == ["a = b", "c = d", "e = f", "g = h", "i = j", "k = l", "m =\nn + o", "p = q"]


def test_latex() -> None:
    text = r"""\documentclass{article}
\begin{document}
Inline $x = 1$ and 50\% of it. % a comment $$ q = 1 $$
\begin{align*}
  a &= b + {} \label{one} % b = c
     c, \\
    &= d \\[2pt]
  e &= \begin{cases} 1 & x > 0 \\ 0 & x \le 0 \end{cases} \\
\end{align*}
\[ f = \begin{bmatrix} 1 & 2 \\ 3 & 4 \end{bmatrix} \]
\begin{equation}\begin{aligned} g &= h \\ i &= j \end{aligned}\end{equation}
$$k = l$$ and $$m = n$$
\end{document}
"""
    assert [" ".join(t.split()) for t in texts(text, "tex")] == [
        r"a &= b + {} \label{one} c, &= d",
        r"e &= \begin{cases} 1 & x > 0 \\ 0 & x \le 0 \end{cases}",
        r"f = \begin{bmatrix} 1 & 2 \\ 3 & 4 \end{bmatrix}",
        "g &= h",
        "i &= j",
        "k = l",
        "m = n",
    ]


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("z = w x", "net"),
        ("$$ z = w x $$", "md"),
        ("```\nz = w x\n```", "md"),
        (r"\[ z = w x \]", "tex"),
        ("\\begin{align}\nz &= w x\n\\end{align}", "tex"),
        ("\\documentclass{article}", "tex"),
    ],
)
def test_format_is_told_by_the_text(text: str, form: str) -> None:
    assert guess_format(text) == form
    assert form == "tex" or texts(text) == ["z = w x"]


@pytest.mark.parametrize(
    ("text", "form", "find", "number", "column"),
    [
        ("a = b\n\n   c = ?", "net", "?", 3, 7),
        ("a = b\n   + ?", "net", "?", 2, 5),
        ("Prose\n$$ a = b \\\\\n  c = ? $$", "md", "?", 3, 6),
        ("\\begin{align}\na &= b \\\\ c &= ?\n\\end{align}", "tex", "?", 2, 15),
        ("Text. \\[ a = ? \\]", "tex", "?", 1, 13),
    ],
)
def test_errors_point_into_the_file(text: str, form: Format, find: str, number: int, column: int) -> None:
    line = next(line for line in read_lines(text, form, "f.x") if find in line.text)
    position = line.text.index(find)
    error = line.error("wrong", (position, position + 1))
    assert (error.file, error.line, error.span) == ("f.x", number, (column, column + 1))
    assert text.split("\n")[number - 1] == error.text
    assert text.split("\n")[number - 1][column] == find


def test_error_of_a_line_without_a_file() -> None:
    error = Line.of("abc", 7).error("wrong", (1, 99))
    assert (error.line, error.span, error.text) == (7, (1, 3), "abc")


def test_file_too_large() -> None:
    with pytest.raises(NotationError, match="1,000,001 characters"):
        read_lines("x" * 1_000_001)


@pytest.mark.parametrize("unit", ["(", "a = b\n", "$$", "\\\\", "#", " ", "\n", "\\[", "\\begin{align}", "> ", "```\n"])
def test_long_files_are_read_in_linear_time(unit: str) -> None:
    text = unit * (100_000 // len(unit))
    start = time.process_time()
    for form in ("net", "md", "tex"):
        read_lines(text, form)
    assert time.process_time() - start < 2.0  # 0.1 s on a quiet machine; quadratic would take minutes


def test_formulas_copied_from_a_web_page_are_read_once() -> None:
    r"""Document 000 as it was scraped: each formula three times, the fractions of the text copies upside down."""
    text = "\n".join(
        [
            r"h1=w11x1+b11h_{1}=w_{11}x_{1}+b_{11}h1=w11x1+b11,"
            r"α1=σ(h1)=11+e−h1\alpha_{1}=\sigma(h1)=\frac{1}{1+e^{-h1}}α1=σ(h1)=1+e−h11",
            r"E=12(out−y)2E=\frac{1}{2}(out-y)^2E=21(out−y)2",
        ]
    )
    lines = read_lines(text)
    assert [line.text for line in lines] == [
        r"h_{1}=w_{11}x_{1}+b_{11}",
        r"\alpha_{1}=\sigma(h1)=\frac{1}{1+e^{-h1}}",
        r"E=\frac{1}{2}(out-y)^2",
    ]
    assert lines[1].number == 1
    assert lines[2].error("here", (0, 1)).span == (12, 13)
