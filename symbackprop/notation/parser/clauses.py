r"""Cuts a logical line into clauses: `a = b, c = d for i = 1..n where e = f` are three equations and a range.

Contract: works on tokens outside brackets only; no name is read here. Both the first pass over a file, which
collects its vocabulary, and the second, which reads it, start from the same clauses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from symbackprop.notation.lexer import tokenize
from symbackprop.notation.parser.cursor import OPENING, top_level
from symbackprop.notation.source import Line
from symbackprop.notation.tokens import Token

ClauseKind = Literal["equation", "in", "is", "assume", "roles", "title"]

RELATIONS = frozenset({"=", ":=", "≈"})
_RELATIONS_OR_IN = RELATIONS | {"in"}
_COMMA = frozenset({","})
_QUAD = frozenset({"quad"})
_SEMICOLON = frozenset({";"})

_ROLES = {
    "input": "inputs",
    "target": "targets",
    "parameter": "parameters",
    "constant": "constants",
    "output": "outputs",
    "loss": "loss",
    "rate": "rate",
    "sample": "samples",
    "assume": "assume",
    "assumption": "assume",
}
_KEYWORD = re.compile(r"\s*(" + "|".join(_ROLES) + r")s?\s*[:：](?!=)\s*", re.IGNORECASE)
_TITLE = re.compile(r"\s*title(?:\s*\(([\w-]+)\))?\s*[:：](?!=)\s*", re.IGNORECASE)
_KEYWORD_STARTS = frozenset("title".join(_ROLES) + "title".join(_ROLES).upper() + " \t")


@dataclass(frozen=True, slots=True)
class Clause:
    """One statement, still in tokens; every list of tokens ends with an "end" token."""

    kind: ClauseKind
    tokens: list[Token]
    ranges: list[Token]
    """What stands behind `for`; only an "end" token if nothing does."""
    word: str = ""
    """The role of a declaration, or the text of a title."""
    where: tuple[Clause, ...] = ()
    language: str = ""
    """Of a title: the code of its language; empty: any."""


def split_clauses(line: Line) -> list[Clause]:
    """The statements of a logical line.

    >>> clauses = split_clauses(Line.of("a = b, c_i = 1 for i = 1..n"))
    >>> [(clause.kind, clause.tokens[0].value, len(clause.ranges)) for clause in clauses]
    [('equation', 'a', 6), ('equation', 'c', 6)]
    """
    title = _TITLE.match(line.text) if line.text[:1] in _KEYWORD_STARTS else None
    if title is not None:
        return [Clause("title", [], [], line.text[title.end() :].strip(), language=title[1] or "")]
    keyword = _KEYWORD.match(line.text) if line.text[:1] in _KEYWORD_STARTS else None
    if keyword is None:
        return _statements(_without_leading_word(tokenize(line)), "equation")
    word = _ROLES[keyword[1].lower()]
    tokens = tokenize(line, keyword.end())
    if word == "assume":
        return _statements(tokens, "assume")
    return [Clause("roles", tokens, [tokens[-1]], word)]


def cut(tokens: list[Token], first: int, last: int) -> list[Token]:
    """Some of the tokens, with an "end" token where they end."""
    stop = tokens[last]
    return [*tokens[first:last], stop if stop.kind == "end" else Token("end", "", stop.start, stop.end)]


def _without_leading_word(tokens: list[Token]) -> list[Token]:
    """`Then dW = ...` without its first word, which is no factor."""
    word = tokens[0]
    if word.kind in {"run", "where"} and word.value.lower() in _LEADING_WORDS and len(tokens) > 2:
        after = tokens[1]
        if after.kind not in RELATIONS and after.kind not in {"_", "^", "(", "in", "*", "+", "-", "/"}:
            return tokens[1:]
    return tokens


def _statements(tokens: list[Token], kind: ClauseKind) -> list[Clause]:
    last = len(tokens) - 1
    if not any(token.kind in _SEPARATING or token.value in _SEPARATING_WORDS for token in tokens):
        # The common case: one equation, and nothing else.
        return [Clause(_kind(tokens, kind), tokens, [tokens[last]])]
    tokens = [_as_keyword(tokens, n) for n in range(len(tokens))]
    found: list[Clause] = []
    start = 0
    marks = [n for n in top_level(tokens, _SEMICOLON) if tokens[n + 1].kind not in RELATIONS]
    if len(marks) < sum(token.kind == ";" for token in tokens):
        # A row that begins with `=` goes on with the row before it.
        tokens = [t for n, t in enumerate(tokens) if t.kind != ";" or tokens[n + 1].kind not in RELATIONS]
        last = len(tokens) - 1
        marks = top_level(tokens, _SEMICOLON)
    for stop in [*marks, last]:
        if stop > start:
            found += _sentence(cut(tokens, start, stop), kind)
        start = stop + 1
    return found


_SEPARATING = frozenset({",", ";", "quad", "for", "where", "dots", "in"})
_SEPARATING_WORDS = frozenset({"for", "where", "in", "is", "with", "and"})
_LEADING_WORDS = frozenset({"let", "then", "so", "thus", "hence", "therefore", "and", "where", "with", "also"})


def _as_keyword(tokens: list[Token], n: int) -> Token:
    """Words of a plain text that are no names where they stand."""
    token = tokens[n]
    if token.kind != "run" or n == 0:
        return token
    before, after = tokens[n - 1].kind, tokens[n + 1]
    if token.value == "and":
        return token._replace(kind=",")
    names = before not in OPENING and before not in {"_", "^", "="}
    if token.value in {"for", "where", "with"} and names and after.kind not in {"(", "_", "^", "=", "end"}:
        return token._replace(kind="for" if token.value == "for" else "where")
    is_set = after.kind in {"reals", "{", "lset", "[", "("} or after.value in {"R", "Reals", "reals"}
    if token.value == "in" and names and (is_set or after.kind == "number"):
        return token._replace(kind="in")
    return token


def _sentence(tokens: list[Token], kind: ClauseKind) -> list[Clause]:
    """What stands between two semicolons: statements, then `for`, then `where`."""
    last = len(tokens) - 1
    where: tuple[Clause, ...] = ()
    marks = top_level(tokens, frozenset({"where"}))
    if marks and marks[0] > 0:
        where = tuple(_sentence(cut(tokens, marks[0] + 1, last), "equation"))
        tokens = cut(tokens, 0, _without_comma(tokens, marks[0]))
        last = len(tokens) - 1
    first, start = _range_start(tokens)
    ranges = cut(tokens, start, last)
    tokens = cut(tokens, 0, first)
    return [Clause(_kind(part, kind), part, ranges, where=where) for part in _parts(tokens)]


def _without_comma(tokens: list[Token], position: int) -> int:
    """The position before the commas and spaces that stand in front of a position."""
    while position > 0 and tokens[position - 1].kind in {",", "quad"}:
        position -= 1
    return position


def _range_start(tokens: list[Token]) -> tuple[int, int]:
    r"""Where the statement ends and its ranges begin: at `for`, at `, i = 1, \dots, n`, at `(l = 1..L)`."""
    last = len(tokens) - 1
    marks = top_level(tokens, frozenset({"for"}))
    if marks:
        return _without_comma(tokens, marks[0]), marks[0] + 1
    dots = [n for n, token in enumerate(tokens) if token.kind == "dots"]
    if not dots:
        return last, last
    if tokens[last - 1].kind == ")":
        opening = next(n for n in range(dots[-1], -1, -1) if tokens[n].kind == "(" or n == 0)
        if opening > 0 and _is_range(tokens, opening + 1):
            tokens[last - 1] = tokens[last]._replace(start=tokens[last - 1].start)
            return _without_comma(tokens, opening), opening + 1
    for comma in top_level(tokens, frozenset({",", "quad"})):
        behind = comma + 1
        while tokens[behind].kind in {",", "quad"}:
            behind += 1
        if _is_range(tokens, behind) and behind < dots[-1]:
            return _without_comma(tokens, behind), behind
    return last, last


def _is_range(tokens: list[Token], position: int) -> bool:
    """Whether `i = ` or `i in ` stands at a position."""
    return (
        position + 1 < len(tokens)
        and tokens[position].kind in {"run", "letter"}
        and tokens[position + 1].kind in {"=", "in"}
        and len(tokens[position].value) == 1
    )


def _parts(tokens: list[Token]) -> list[list[Token]]:
    r"""Statements that commas or wide spaces separate: `a = b, c = d`, `x \in R^n, W, b \in R^m`."""
    last = len(tokens) - 1
    marks = [*top_level(tokens, _COMMA | _QUAD), last]
    relations = [*top_level(tokens, _RELATIONS_OR_IN), last]
    parts: list[list[Token]] = []
    start = begin = reached = 0
    related: str | None = None
    for mark in marks:
        own = tokens[relations[reached]].kind if relations[reached] < mark else None
        while relations[reached] < mark:
            reached += 1
        if begin == mark:
            pass
        elif related is not None and (own is not None or related == "in"):
            parts.append(cut(tokens, start, _without_comma(tokens, begin)))
            start, related = begin, own
        elif related is None:
            related = own
        begin = mark + 1
    parts.append(cut(tokens, start, _without_comma(tokens, last)))
    return [[token for token in part if token.kind != "quad"] for part in parts]


def _kind(tokens: list[Token], kind: ClauseKind) -> ClauseKind:
    if kind == "assume":
        return kind
    if any(token.kind == "run" and token.value == "is" for token in tokens[1:3]) or (
        any(token.value == "is" for token in tokens) and not top_level(tokens, RELATIONS)
    ):
        return "is"
    if any(token.kind == "in" for token in tokens) and top_level(tokens, _RELATIONS_OR_IN):
        first = tokens[top_level(tokens, _RELATIONS_OR_IN)[0]]
        return "in" if first.kind == "in" else "equation"
    return "equation"
