r"""A line of an answer -> statements: a left side, and a chain of expressions that it is said to equal.

Contract: `read_statements(line, names, own)` never raises for what a student wrote: a part that cannot be read is a
`Piece` with its error, and the parts around it are still there. Nothing is evaluated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from symbackprop.errors import NotationError
from symbackprop.names import make_name
from symbackprop.names.alphabet import LETTERS
from symbackprop.notation.parser.clauses import RELATIONS, Clause, cut, split_clauses
from symbackprop.notation.parser.cursor import top_level
from symbackprop.notation.parser.expressions import Parser, parse_tokens
from symbackprop.notation.parser.ranges import parse_ranges
from symbackprop.notation.parser.statements import index_keys, left_side
from symbackprop.notation.parser.vocabulary import Vocabulary
from symbackprop.notation.source import Line
from symbackprop.notation.syntax import Cases, Element, Limits, Multiply, Node, Number, Reference, mapped, walk
from symbackprop.notation.tables import FUNCTIONS
from symbackprop.notation.tokens import Token

_COMPARING = frozenset({"<", ">", "<=", ">=", "!="})
MOST_LINKS = 40
"""Expressions of one chain."""

_PROSE = re.compile(
    r"\s*(?:[^\W\d_]{2,}['’]?[^\W\d_]*|[\u4e00-\u9fff]+|[,.:;，。：；、!?()（）\u201c\u201d\"-]|\d{1,2}(?=\s))\s*"
)
MOST_WORDS = 60
"""Words of prose behind which a statement may begin."""
_RELATION = re.compile(r"[:：]?[=＝]|≈|←|\\approx|\\gets|\\leftarrow")
_COLON = re.compile(r"[:：](?![=＝])\s*")
_TAIL_START = re.compile(
    r"\s*(?:[,，;；。(（\[]|\.(?=\s|\Z)|[^\W\d_]{2,}|\\(?:text|mbox|mathrm|quad|qquad|tag)(?![A-Za-z]))"
)
_TAIL = re.compile(
    r"(?:\s|[,，;；:：。.!！]|\\(?:text|mbox|textrm)\s*\{[^{}\d=+*/^_\\]*\}|\\tag\s*\{[^{}]*\}|\\q?quad"
    r"|[(（]\s*(?:[^\W\d_]+[\s,'’-]*)+[)）]|[\[(（]\s*\d+\s*(?:points?|marks?|pts|分)\s*[\])）]|[^\W\d_]+['’]?|[-–—])*\Z"
)
"""A remark behind a formula: words and signs of prose, no numbers, no operators."""
_REASON = re.compile(r"\s*[,，;(（]?\s*(?:because|since|using|due to|from|by|as|因为|由于|根据)\b[^=<>+*/^@]*\Z")
"""A reason may name quantities."""
_CHANGES = frozenset(
    [
        "if",
        "else",
        "otherwise",
        "when",
        "unless",
        "times",
        "multiplied",
        "divided",
        "plus",
        "minus",
        "over",
        "squared",
        "twice",
        "half",
        "double",
        "doubled",
        "and",
        "or",
        "but",
        "except",
        "not",
        "without",
        "with",
        "only",
        "really",
        "instead",
        "negative",
        "transposed",
        "transpose",
    ]
)
"""Words that change what stands before them."""


@dataclass(frozen=True)
class Piece:
    """One expression of a chain: its tree, or why it cannot be read."""

    node: Node | None
    error: NotationError | None
    text: str
    relation: str = ""
    """The sign in front of it: ``=``, ``:=``, ``≈``."""


@dataclass(frozen=True)
class Statement:
    """``left = pieces[0] = pieces[1] = ...``; without a left side it is about the target that the caller names."""

    line: Line
    left: Piece | None
    pieces: tuple[Piece, ...]
    ranges: tuple[Limits, ...] = ()
    own: bool = False
    """Is it a definition behind `where`?"""

    @property
    def error(self) -> NotationError | None:
        """The first part that cannot be read."""
        parts = (*((self.left,) if self.left else ()), *self.pieces)
        return next((p.error for p in parts if p.error is not None), None)


def read_statements(line: Line, vocabulary: Vocabulary, target: bool = False) -> list[Statement]:
    r"""The statements of a line, the definitions behind `where` first.

    Args:
        line: one logical line.
        vocabulary: the names that are known.
        target: may the left side be missing, because the caller names it?

    >>> from symbackprop.notation.parser import NOTHING_KNOWN
    >>> [statement] = read_statements(Line.of(r"Hence dW = 2 a = b"), NOTHING_KNOWN)
    >>> statement.left.text, [piece.text for piece in statement.pieces]
    ('dW', ['2 a', 'b'])
    """
    found, first = _readings(line, vocabulary, target)
    if found or first is None:
        return found
    return [Statement(line, _left_alone(line, vocabulary), (Piece(None, first, line.text),))]


def _readings(line: Line, vocabulary: Vocabulary, target: bool) -> tuple[list[Statement], NotationError | None]:
    """The best reading of a line; where there is none, why."""
    first: NotationError | None = None
    best: list[Statement] = []
    for start in _starts(line):
        try:
            clauses = split_clauses(_from(line, start))
        except NotationError as error:
            first = first or error
            continue
        found = [s for c in clauses for s in _statements(_from(line, start), c, vocabulary, target)]
        stray = next((c for c in clauses[1:] if _is_stray(c)), None)
        if found and found[-1].pieces and stray is not None:
            place = (stray.tokens[0].start, max(stray.tokens[-1].start, stray.tokens[0].end))
            error = line.error(
                "this belongs to no equation", place, "leave out the sign before it, or write NAME = ..."
            )
            found[-1] = replace(
                found[-1], pieces=(*found[-1].pieces[:-1], Piece(None, error, found[-1].pieces[-1].text))
            )
        if found and (not best or _readable(found) > _readable(best)):
            best = found
        if found and found[-1].left is not None and _is_plain(found[-1].left.node, vocabulary):
            break
    return best, first


def _is_stray(clause: Clause) -> bool:
    """Is it a formula without a relation, behind a full stop or a semicolon?"""
    operators = {"*", "@", "+", "-", "/", "cdot", "times", "hadamard", "^", "frac"}
    kinds = {t.kind for t in clause.tokens}
    return clause.kind == "equation" and not top_level(clause.tokens, RELATIONS) and bool(kinds & operators)


def _left_alone(line: Line, vocabulary: Vocabulary) -> Piece | None:
    """The left side of a line whose right side has brackets that do not match: what the answer is about."""
    relation = _RELATION.search(line.text)
    if relation is None:
        return None
    before = Line(line.text[: relation.start()] + " = 0", line.pieces, line.file)
    found, _ = _readings(before, vocabulary, False)
    lefts = [s.left for s in found if s.left is not None and s.left.error is None]
    return lefts[-1] if lefts else None


def _readable(statements: Sequence[Statement]) -> int:
    """How good a reading is: a left side that can be read counts."""
    return sum(1 for s in statements if s.left is not None and s.left.error is None)


def _is_plain(left: Node | None, vocabulary: Vocabulary) -> bool:
    """Is a left side no product of words, such as `we get dW`?"""
    words = [n for n in walk(left) if isinstance(n, Reference) and len(n.name.base) > 1 and n.name.base not in LETTERS]
    unknown = [n for n in words if vocabulary.find(n.name) is None]
    return left is not None and (not isinstance(left, Multiply) or not unknown)


def _starts(line: Line) -> Iterator[int]:
    """Where the statement may begin: at once, behind a colon, behind words."""
    text = line.text
    relation = _RELATION.search(text)
    end = relation.start() if relation else len(text)
    yield 0
    colons = [m.end() for m in _COLON.finditer(text, 0, end)]
    yield from reversed(colons[-MOST_WORDS:])
    start = 0
    for _ in range(MOST_WORDS):
        match = _PROSE.match(text, start)
        if match is None or match.end() >= end:
            return
        start = match.end()
        yield start


def _from(line: Line, start: int) -> Line:
    """The line with what stands before a position blanked out, so that places stay right."""
    if start == 0:
        return line
    return Line(" " * start + line.text[start:], line.pieces, line.file)


def _statements(line: Line, clause: Clause, vocabulary: Vocabulary, target: bool) -> Iterator[Statement]:
    """One clause and its definitions."""
    if clause.kind in ("title", "roles", "assume", "is"):
        return
    known = vocabulary
    for part in clause.where:
        for statement in _statements(line, part, known, False):
            yield Statement(line, statement.left, statement.pieces, statement.ranges, own=True)
            if statement.left is not None and isinstance(statement.left.node, Reference):
                known = known.with_names([statement.left.node.name])
    tokens = clause.tokens
    marks = top_level(tokens, RELATIONS)
    if not marks and not target:
        return
    ranges: tuple[Limits, ...] = ()
    try:
        ranges = parse_ranges(line, clause.ranges, known)
    except NotationError as error:
        if any(t.kind in _COMPARING or t.kind == "number" for t in clause.ranges):
            yield Statement(line, _left_alone(line, known), (Piece(None, error, ""),))
            return
        # else words behind `for` that are no range: "for the hidden layer"
    known = known.with_indices(limits.index.key for limits in ranges)
    if len(marks) > MOST_LINKS:
        where = (tokens[marks[MOST_LINKS]].start, tokens[marks[MOST_LINKS]].end)
        error = line.error(f"the chain has more than {MOST_LINKS} links", where, "write it as several")
        yield Statement(line, None, (Piece(None, error, ""),))
        return
    left: Piece | None = None
    if marks and marks[0] > 0:
        left = _piece(line, cut(tokens, 0, marks[0]), known, "", is_left=True)
        if left.node is not None:
            known = known.with_indices(index_keys(left.node, known))
    elif not marks:
        yield Statement(line, None, (_piece(line, tokens, known, ""),), ranges)
        return
    pieces: list[Piece] = []
    stops = [*marks[1:], len(tokens) - 1]
    for mark, stop in zip(marks, stops, strict=True):
        sign = tokens[mark]
        if stop == mark + 1:
            if stop == len(tokens) - 1 and pieces:
                continue  # `a = b =` at the end of a row goes on nowhere
            error = line.error("the right side is missing", (sign.start, sign.end), "write what it equals")
            pieces.append(Piece(None, error, "", sign.kind))
            continue
        pieces.append(_piece(line, cut(tokens, mark + 1, stop), known, sign.kind, last=stop == len(tokens) - 1))
    yield Statement(line, left, tuple(pieces), ranges)


def _piece(
    line: Line, tokens: list[Token], vocabulary: Vocabulary, relation: str, is_left: bool = False, last: bool = False
) -> Piece:
    tokens = [t for t in tokens if t.kind != "quad"]
    if last:
        tokens = _without_remark(tokens, vocabulary)
    branches = _branches(tokens)
    if branches:
        return _cases(line, tokens, branches, vocabulary, relation)
    text = line.text[tokens[0].start : max(tokens[-1].start, tokens[0].end)].strip()
    if is_left and text == "e":
        return Piece(Reference(make_name("e"), span=(tokens[0].start, tokens[0].end)), None, text)
    try:
        node = left_side(line, tokens, vocabulary)[0] if is_left else parse_tokens(line, tokens, vocabulary)
    except NotationError as error:
        shorter = _without_tail(line, tokens, vocabulary) if last else None
        if shorter is not None:
            return _piece(line, shorter, vocabulary, relation)
        return Piece(None, error, text, relation)
    return Piece(_flat(node), None, text, relation)


_REASONS = frozenset({"by", "because", "since", "using", "due", "from", "as", "via", "per", "see"})


def _without_remark(tokens: list[Token], vocabulary: Vocabulary) -> list[Token]:
    """The tokens without `(chain rule)`, `[chain rule]`, `by eq. (2)` at their end: words that nothing is called."""
    last = len(tokens) - 1
    if last > 1 and tokens[last - 1].kind in {")", "]"}:
        opening = next(n for n in range(last - 1, -1, -1) if tokens[n].kind in {"(", "["} or n == 0)
        inside = tokens[opening + 1 : last - 1]
        words = all(t.kind in {"run", ",", "-", "for", "where"} and _is_word(t, vocabulary) for t in inside)
        if opening > 1 and inside and words:
            return _without_remark(cut(tokens, 0, opening), vocabulary)
    for n, token in enumerate(tokens[1:-1], 1):
        if token.kind == "run" and token.value in _REASONS and vocabulary.find_text(token.value) is None:
            return cut(tokens, 0, n)
    return tokens


def _is_word(token: Token, vocabulary: Vocabulary) -> bool:
    """Is it a word of prose: at least two letters, and no name?"""
    if token.kind != "run":
        return True
    return (
        len(token.value) > 1
        and token.value.isalpha()
        and vocabulary.find_text(token.value) is None
        and (token.value not in FUNCTIONS)
    )


def _branches(tokens: list[Token]) -> list[int]:
    """The positions of `if` and `else` outside of brackets: `x if z > 0 else 0`."""
    words = [n for n in top_level(tokens, frozenset({"run", "if", "otherwise"})) if n and _is_branch(tokens[n])]
    return words[:2]


def _is_branch(token: Token) -> bool:
    return token.kind in {"if", "otherwise"} or token.value in {"if", "else", "otherwise"}


def _cases(line: Line, tokens: list[Token], branches: list[int], vocabulary: Vocabulary, relation: str) -> Piece:
    """A value with its condition; without `else` it is 0 where the condition does not hold."""
    first, *more = branches
    stop = more[0] if more else len(tokens) - 1
    text = line.text[tokens[0].start : max(tokens[-1].start, tokens[0].end)].strip()
    try:
        value = parse_tokens(line, cut(tokens, 0, first), vocabulary)
        condition = Parser(line, cut(tokens, first + 1, stop), vocabulary).comparison()
        other: Node = Number(Fraction(0), "0")
        if more and more[0] + 1 < len(tokens) - 1:
            other = parse_tokens(line, cut(tokens, more[0] + 1, len(tokens) - 1), vocabulary)
    except NotationError as error:
        return Piece(None, error, text, relation)
    span = (tokens[0].start, tokens[-1].start)
    return Piece(Cases(((_flat(value), _flat(condition)), (_flat(other), None)), span=span), None, text, relation)


def _flat(node: Node) -> Node:
    """``(Z_2)_{sk}`` as the entry of Z_2 that it is."""
    return mapped(
        node,
        lambda n: (
            replace(n.operand, scripts=(*n.operand.scripts, *n.scripts), span=n.span)
            if isinstance(n, Element) and isinstance(n.operand, Reference)
            else n
        ),
    )


def _is_said(text: str, vocabulary: Vocabulary) -> bool:
    """Are these words that name no quantity, and change nothing?"""
    words = re.findall(r"[^\W\d_]+", re.sub(r"\\[A-Za-z]+", " ", text))
    return not any(w.lower() in _CHANGES or vocabulary.find_text(w) is not None for w in words)


def _without_tail(line: Line, tokens: list[Token], vocabulary: Vocabulary) -> list[Token] | None:
    """The tokens before a remark: `..., by the chain rule`, `(chain rule)`, `[2 points]`; a remark holds words only."""
    for position, token in enumerate(tokens[1:-1], 1):
        if _TAIL_START.match(line.text, token.start) is None:
            continue
        rest = line.text[token.start :]
        if not (_TAIL.match(rest) and _is_said(rest, vocabulary)) and not _REASON.match(rest):
            continue
        shorter = cut(tokens, 0, position)
        depth = sum((t.kind in {"(", "[", "{"}) - (t.kind in {")", "]", "}"}) for t in shorter)
        if depth == 0:
            return shorter
    return None
