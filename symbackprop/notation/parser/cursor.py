"""Walks over the tokens of one logical line: the lowest layer of the parser.

Contract: holds the position, the vocabulary and the bound indices; knows no grammar. Errors point at tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache

from symbackprop.errors import NotationError, Span
from symbackprop.notation.brackets import CLOSERS, CLOSING
from symbackprop.notation.parser.vocabulary import Vocabulary
from symbackprop.notation.source import Line
from symbackprop.notation.syntax import Node, Number
from symbackprop.notation.tokens import DEEPEST, Token

OPENING = CLOSERS
"""Kinds of opening brackets -> their closing ones."""
SHOWN = {
    "lset": r"\{",
    "rset": r"\}",
    "langle": r"\langle",
    "rangle": r"\rangle",
    "hadamard": r"\odot",
    "cdot": r"\cdot",
    "times": r"\times",
    "dots": "...",
    "top": r"\top",
    "row": r"\\",
    "in": r"\in",
}
NAME_KINDS = frozenset({"run", "letter", "word", "accent"})
"""Tokens with which a name begins."""


class Cursor:
    """A position in a list of tokens that ends with an "end" token."""

    def __init__(self, line: Line, tokens: list[Token], vocabulary: Vocabulary) -> None:
        self.line = line
        self.tokens = tokens
        self.at = 0
        self.vocabulary = vocabulary
        self.bound = vocabulary.indices
        self.nesting = 0

    # What the layers above provide, and the layers between need.

    def comparison(self) -> Node:
        """Read an expression that may be a condition."""
        raise NotImplementedError

    def sum(self) -> Node:
        """Read terms joined by + and -."""
        raise NotImplementedError

    def product(self) -> Node:
        """Read factors."""
        raise NotImplementedError

    def operand(self) -> Node:
        """Read one factor with its scripts."""
        raise NotImplementedError

    def signed_operand(self) -> Node:
        """Read one factor that may have a sign."""
        raise NotImplementedError

    def deeper(self) -> None:
        """Count one more level; an error where a text is nested too deep to be read by recursion."""
        self.nesting += 1
        if self.nesting > DEEPEST:
            token = self.tokens[self.at]
            raise self.error(
                f"the formula is nested more than {DEEPEST} deep",
                (token.start, token.end),
                "give names to the inner parts",
            )

    # ---- looking and moving

    @property
    def token(self) -> Token:
        """The next token."""
        return self.tokens[self.at]

    @property
    def kind(self) -> str:
        """The kind of the next token."""
        return self.tokens[self.at].kind

    def after(self, steps: int = 1) -> str:
        """The kind of a later token."""
        position = self.at + steps
        return self.tokens[position].kind if position < len(self.tokens) else "end"

    def accept(self, kind: str) -> bool:
        """Step over the next token if it is of this kind."""
        if self.tokens[self.at].kind != kind:
            return False
        self.at += 1
        return True

    def expect(self, kind: str) -> Token:
        """Step over the next token, which has to be of this kind."""
        token = self.tokens[self.at]
        if token.kind != kind:
            raise self.unexpected(f"{shown(kind)} is expected here")
        self.at += 1
        return token

    def span(self, start: int) -> Span:
        """From a position of the text to the end of the last token read."""
        return (start, self.tokens[self.at - 1].end if self.at else start)

    def adjacent(self) -> bool:
        """Whether the next token follows the last one without a space."""
        return self.at > 0 and self.tokens[self.at].start == self.tokens[self.at - 1].end

    def closing(self, opening: int) -> int:
        """The position of the bracket that closes the one at a position; brackets match, so there is one."""
        depth = 0
        for position in range(opening, len(self.tokens)):
            kind = self.tokens[position].kind
            if kind in OPENING:
                depth += 1
            elif kind in CLOSING:
                depth -= 1
                if depth == 0:
                    return position
        return len(self.tokens) - 1

    def skip_argument(self) -> None:
        """Step over a group in braces or one token."""
        if self.kind == "end":
            raise self.unexpected()
        self.at = self.closing(self.at) + 1 if self.kind == "{" else self.at + 1

    # ---- errors

    def error(self, message: str, span: Span, hint: str | None = None) -> NotationError:
        """An error at a place of the line."""
        return self.line.error(message, span, hint)

    def unexpected(self, hint: str | None = None) -> NotationError:
        """The error for a token that cannot stand here."""
        token = self.tokens[self.at]
        if token.kind == "end":
            return self.error("something is missing at the end", (token.start, token.start + 1), hint)
        text = self.line.text[token.start : token.end] or shown(token.kind)
        return self.error(f"{text} cannot stand here", (token.start, token.end), hint)


def shown(kind: str) -> str:
    """How a kind of token is shown in a message."""
    return SHOWN.get(kind, kind)


@lru_cache(maxsize=1 << 12)
def number_value(text: str) -> Fraction:
    """The exact value of a number token.

    >>> number_value("0.5"), number_value("1/2"), number_value("1.")
    (Fraction(1, 2), Fraction(1, 2), Fraction(1, 1))
    """
    return Fraction(text)


def number_node(token: Token) -> Number:
    """A number token as a node."""
    return Number(number_value(token.value), token.value, span=token[2:])


def split_run(value: str) -> tuple[str, str]:
    """A run of letters and the number behind it.

    >>> split_run("W12"), split_run("out")
    (('W', '12'), ('out', ''))
    """
    letters = value.rstrip("0123456789")
    return letters, value[len(letters) :]


def top_level(tokens: Sequence[Token], kinds: frozenset[str], start: int = 0) -> list[int]:
    """Positions of the tokens of some kinds that stand outside all brackets."""
    depth = 0
    found: list[int] = []
    for position in range(start, len(tokens)):
        kind = tokens[position].kind
        if kind in OPENING:
            depth += 1
        elif kind in CLOSING:
            depth -= 1
        elif depth == 0 and kind in kinds:
            found.append(position)
    return found
