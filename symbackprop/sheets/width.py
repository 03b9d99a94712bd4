r"""How wide a formula is when it is set, estimated from its LaTeX.

Contract: `width(latex)` gives the width in em of the text font, right to about a tenth; formats and line
breaking use it to keep every formula on the page without running TeX.
"""

from __future__ import annotations

import re
from functools import lru_cache

_TOKENS = re.compile(r"\\[A-Za-z]+|\\.|\s+|.", re.DOTALL)

_SPACES = {
    r"\,": 0.17,
    r"\:": 0.22,
    r"\;": 0.28,
    r"\ ": 0.33,
    r"\quad": 1.0,
    r"\qquad": 2.0,
    r"\!": -0.17,
    "~": 0.33,
}
_COMMANDS = {
    r"\partial": 0.57,
    r"\sum": 1.62,
    r"\cdot": 0.72,
    r"\times": 1.22,
    r"\odot": 1.22,
    r"\leftarrow": 1.56,
    r"\longrightarrow": 2.17,
    r"\rightarrow": 1.56,
    r"\to": 1.56,
    r"\le": 1.34,
    r"\ge": 1.34,
    r"\ne": 1.34,
    r"\in": 1.22,
    r"\dots": 1.2,
    r"\cdots": 1.2,
    r"\max": 1.9,
    r"\min": 1.8,
    r"\log": 1.45,
    r"\exp": 1.65,
    r"\tanh": 2.15,
    r"\sin": 1.4,
    r"\cos": 1.5,
    r"\wedge": 1.22,
    r"\infty": 1.0,
    r"\left": 0.1,
    r"\right": 0.1,
    r"\bigl": 0.05,
    r"\bigr": 0.05,
    r"\mid": 1.0,
    r"\vert": 0.28,
    r"\lt": 1.34,
    r"\top": 0.8,
}
_CHARACTERS = {
    **dict.fromkeys("+-", 1.22),
    **dict.fromkeys("=<>", 1.34),
    **dict.fromkeys("()[]", 0.39),
    **dict.fromkeys(",;", 0.45),
    **dict.fromkeys("|'.:!", 0.28),
    **dict.fromkeys("mwMW", 0.9),
}
_FONTS = frozenset(
    {
        r"\mathit",
        r"\mathrm",
        r"\mathbf",
        r"\text",
        r"\hat",
        r"\bar",
        r"\tilde",
        r"\dot",
        r"\vec",
        r"\mathcal",
        r"\boldsymbol",
        r"\mathbb",
    }
)
_SCRIPT = 0.72
_MATRICES = frozenset({"bmatrix", "pmatrix"})


@lru_cache(maxsize=1 << 14)
def width(latex: str) -> float:
    r"""The estimated width of a formula, in em.

    >>> width("w_{11}") < width(r"\frac{w_{11}}{2}") < width("w_{11} + w_{12}")
    True
    >>> width(r"\begin{bmatrix} 1 & 2 \\\\ 3 & 4 \end{bmatrix}") > width("1 2")
    True
    """
    tokens = [t for t in _TOKENS.findall(latex) if not t.isspace()]
    return max(_Setter(row).line() for row in _rows(tokens))


def _rows(tokens: list[str], sign: str = r"\\") -> list[list[str]]:
    """The parts between line breaks, or between columns, those of inner matrices aside."""
    rows: list[list[str]] = [[]]
    depth = 0
    for position, token in enumerate(tokens):
        if token in {r"\begin", r"\end"} and _environment(tokens, position) in _MATRICES:
            depth += 1 if token == r"\begin" else -1
        if token == sign and depth == 0:
            rows.append([])
        else:
            rows[-1].append(token)
    return rows


def _environment(tokens: list[str], position: int) -> str:
    r"""The name behind ``\begin`` or ``\end``."""
    start = position + 2
    return "".join(tokens[start : tokens.index("}", start)])


def _matrix(tokens: list[str]) -> float:
    """The columns of a matrix beside each other, with its brackets."""
    rows = [[_Setter(cell).line() for cell in _rows(row, "&")] for row in _rows(tokens)]
    columns = [max(row[n] for row in rows if n < len(row)) for n in range(max(map(len, rows)))]
    return sum(columns) + len(columns) - 1 + 1.1


class _Setter:
    """Adds up the widths of the tokens of one line."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens, self.position = tokens, 0

    def line(self, until: str = "") -> float:
        """Everything up to a closing token, scripts set beside each other where one stands over the other."""
        total, above, below = 0.0, 0.0, 0.0
        while self.position < len(self.tokens):
            token = self._next()
            if token == until:
                break
            if token == "^":
                above += _SCRIPT * self._argument()
            elif token == "_":
                below += _SCRIPT * self._argument()
            else:
                total += max(above, below)
                above = below = 0.0
                total += self._width_of(token)
        return total + max(above, below)

    def _next(self) -> str:
        self.position += 1
        return self.tokens[self.position - 1]

    def _argument(self) -> float:
        if self.position >= len(self.tokens):
            return 0.0
        token = self._next()
        return self.line("}") if token == "{" else self._width_of(token)

    def _until_end(self) -> list[str]:
        """The tokens of the matrix that begins here; the position moves behind it."""
        start = self.position = self.tokens.index("}", self.position) + 1
        depth = 1
        while depth:
            token = self._next()
            if token in {r"\begin", r"\end"} and _environment(self.tokens, self.position - 1) in _MATRICES:
                depth += 1 if token == r"\begin" else -1
        inner = self.tokens[start : self.position - 1]
        self.position = self.tokens.index("}", self.position) + 1
        return inner

    def _width_of(self, token: str) -> float:
        if token == "{":
            return self.line("}")
        if token in {r"\frac", r"\dfrac", r"\tfrac"}:
            return max(self._argument(), self._argument()) * (0.72 if token == r"\tfrac" else 1.0) + 0.3
        if token in {r"\sqrt", r"\boxed"}:
            return self._argument() + 0.9
        if token in _FONTS:
            return self._argument()
        if token == r"\begin" and _environment(self.tokens, self.position - 1) in _MATRICES:
            return _matrix(self._until_end())
        if token in {r"\begin", r"\end"}:
            self._argument()
            return 0.6
        if token in _SPACES:
            return _SPACES[token]
        if token.startswith("\\") and token[1:].isalpha():
            return _COMMANDS.get(token, 0.62)
        character = token[-1]
        return _CHARACTERS.get(character, 0.0 if character in "&}" else 1.0 if ord(character) > 0x2E80 else 0.55)
