r"""A list of tokens whose brackets match: each opening bracket waits for its closing one.

Contract: `opened` and `closed` append tokens or raise; nesting is limited before anything is parsed.
"""

from __future__ import annotations

from symbackprop.notation.source import Line
from symbackprop.notation.tokens import DEEPEST, Token

CLOSERS = {"(": ")", "[": "]", "{": "}", "lset": "rset", "langle": "rangle", "begin": "end_begin"}
_SHOWN = {"lset": r"\{", "rset": r"\}", "langle": r"\langle", "rangle": r"\rangle"}
CLOSING = frozenset(CLOSERS.values())


class Brackets:
    """Tokens, and the brackets that are open."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.tokens: list[Token] = []
        self.open: list[Token] = []
        self.boxes: list[int] = []
        r"""Depths at which `\boxed{` stands, whose braces are dropped."""

    def add(self, kind: str, value: str, start: int, end: int) -> None:
        """Append a token."""
        self.tokens.append(Token(kind, value, start, end))

    def opened(self, token: Token) -> None:
        """Append an opening bracket."""
        if len(self.open) >= DEEPEST:
            raise self.line.error(
                f"brackets are nested more than {DEEPEST} deep",
                (token.start, token.end),
                "give names to the inner parts",
            )
        self.open.append(token)
        if token.kind == "{" and self.tokens and self.tokens[-1].kind == "box":
            self.tokens.pop()
            self.boxes.append(len(self.open))
        else:
            self.tokens.append(token)

    def closed(self, kind: str, start: int, end: int) -> None:
        """Append a closing bracket, which has to match."""
        opening = self.open[-1].kind if self.open else ""
        if CLOSERS.get(opening) != kind and not self._interval(opening, kind):
            shown = _SHOWN.get(kind, kind)
            if not opening or opening == "begin":
                raise self.line.error(
                    f"the bracket {shown} was never opened", (start, end), "remove it, or add the opening one"
                )
            expected = _SHOWN.get(CLOSERS[opening], CLOSERS[opening])
            raise self.line.error(
                f"the bracket {_SHOWN.get(opening, opening)} is closed by {shown}",
                (start, end),
                f"write {expected} here, or open with the matching bracket",
            )
        if self.boxes and self.boxes[-1] == len(self.open):
            self.boxes.pop()
        else:
            self.tokens.append(Token(kind, "", start, end))
        self.open.pop()

    def _interval(self, opening: str, closing: str) -> bool:
        r"""Whether mismatched brackets may be a half-open interval: `x \in [0, 1)`."""
        return {opening, closing} in ({"(", "]"}, {"[", ")"}) and any(t.kind == "in" for t in self.tokens)

    def check_closed(self) -> None:
        """An error if a bracket is still open."""
        if self.open:
            token = self.open[-1]
            shown = _SHOWN.get(token.kind, token.kind)
            if token.kind == "begin":
                raise self.line.error(
                    rf"\begin{{{token.value}}} is never ended",
                    (token.start, token.end),
                    rf"add \end{{{token.value}}}",
                )
            closer = _SHOWN.get(CLOSERS[token.kind], CLOSERS[token.kind])
            raise self.line.error(
                f"the bracket {shown} is never closed", (token.start, token.end), f"add the missing {closer}"
            )
