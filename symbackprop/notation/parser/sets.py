r"""Reads what a quantity is declared to be: `\mathbb{R}^{n \times m}`, `R^(n x m)`, `\{0..C-1\}^m`.

Contract: one `Shape` with a size for each axis; sizes are separated by `\times`, `x`, `*` or commas.
"""

from __future__ import annotations

import re

from symbackprop.notation.parser.clauses import cut
from symbackprop.notation.parser.cursor import OPENING, split_run, top_level
from symbackprop.notation.parser.expressions import Parser, parse_tokens
from symbackprop.notation.parser.vocabulary import Vocabulary
from symbackprop.notation.source import Line
from symbackprop.notation.syntax import Limits, Node, Number, Reference, Shape
from symbackprop.notation.tokens import Token

_IN = frozenset({"in"})
_BETWEEN_SIZES = frozenset({"times", ",", "*", ";"})
_AN_X = re.compile(r"([A-Za-z]?)x(.*)")
SET_HINT = r"write NAME \in \mathbb{R}^{n \times m}, or NAME in {0..C-1}^m for labels"


def parse_set(line: Line, tokens: list[Token], ranges: tuple[Limits, ...], vocabulary: Vocabulary) -> Shape:
    """The declaration of one or more names."""
    position = top_level(tokens, _IN)[0]
    known = vocabulary.with_indices(limits.index.key for limits in ranges)
    names: list[Reference] = []
    start = 0
    for stop in [*top_level(tokens[:position], frozenset({","})), position]:
        node = parse_tokens(line, cut(tokens, start, stop), known)
        if not isinstance(node, Reference):
            raise line.error("a name is declared, not an expression", node.span, SET_HINT)
        names.append(node)
        start = stop + 1
    parser = Parser(line, tokens, known)
    parser.at = position + 1
    labels = _set(parser)
    sizes = _sizes(parser, line, known)
    if parser.kind != "end":
        raise parser.unexpected(SET_HINT)
    span = (tokens[0].start, tokens[-1].start)
    return Shape(tuple(names), sizes, labels, ranges, span=span)


def _set(parser: Parser) -> tuple[Node, Node] | None:
    """The set of the entries: nothing for numbers, the first and the last for labels."""
    token = parser.token
    if token.kind == "reals" or token.value in {"R", "Reals", "reals"}:
        parser.at += 1
        if parser.accept("_"):
            # `\mathbb{R}_{+}`: the sign is no part of the shape.
            parser.skip_argument()
        return None
    if token.kind in {"lset", "{"}:
        return _labels(parser, token)
    if token.kind in {"[", "("}:
        # An interval: `p \in [0, 1]^n`.
        parser.at = parser.closing(parser.at) + 1
        return None
    raise parser.unexpected(SET_HINT)


def _labels(parser: Parser, token: Token) -> tuple[Node, Node] | None:
    parser.at += 1
    low, high = parser.series()
    listed = [low]
    while high is None and parser.accept(","):
        listed.append(parser.sum())
    parser.expect(OPENING[token.kind])
    if high is not None:
        return low, high
    values = [node.value if isinstance(node, Number) else None for node in listed]
    if values[0] is None or values != [values[0] + n for n in range(len(values))]:
        # `\{-1, 1\}`: two signs are numbers, not labels.
        return None
    return listed[0], listed[-1]


def _sizes(parser: Parser, line: Line, vocabulary: Vocabulary) -> tuple[Node, ...]:
    """What stands in the exponent: one size for each axis."""
    if parser.kind not in {"^", "**"}:
        return ()
    parser.at += 1
    token = parser.token
    if token.kind in {"{", "("}:
        closing = parser.closing(parser.at)
        inside = parser.tokens[parser.at + 1 : closing]
        stop = parser.tokens[closing]
        parser.at = closing + 1
    elif token.kind in {"number", "run", "letter"}:
        inside = [token]
        parser.at += 1
        while parser.kind in {"_", "number", "run", "times"} or (parser.kind == "{" and parser.after(-1) == "_"):
            last = parser.closing(parser.at) if parser.kind == "{" else parser.at
            inside += parser.tokens[parser.at : last + 1]
            parser.at = last + 1
        stop = parser.token
    else:
        raise parser.unexpected(SET_HINT)
    inside = [part for n in range(len(inside)) for part in _with_times(inside, n)]
    inside.append(Token("end", "", stop.start, stop.end))
    sizes: list[Node] = []
    start = 0
    for mark in [*top_level(inside, _BETWEEN_SIZES), len(inside) - 1]:
        if mark == start:
            raise line.error("a size is missing", (inside[mark].start, inside[mark].end), SET_HINT)
        sizes.append(parse_tokens(line, cut(inside, start, mark), vocabulary))
        start = mark + 1
    return tuple(sizes)


def _with_times(tokens: list[Token], n: int) -> list[Token]:
    r"""A token of a size, in which the letter x between two sizes is a `\times`: `n x m`, `2x3`, `nxm`."""
    token = tokens[n]
    match = _AN_X.fullmatch(token.value) if token.kind == "run" else None
    if match is None or (not match[1] and n == 0) or (not match[2] and n + 1 == len(tokens)):
        return [token]
    if n > 0 and tokens[n - 1].kind == "_":
        return [token]
    found: list[Token] = []
    at = token.start + len(match[1])
    if match[1]:
        found.append(Token("run", match[1], token.start, at))
    found.append(Token("times", "", at, at + 1))
    if match[2]:
        rest = Token("number" if match[2].isdigit() else "run", match[2], at + 1, token.end)
        inner = [*found[-1:], rest]
        again = _with_times(inner, 1) if rest.kind == "run" and len(split_run(rest.value)[0]) > 1 else [rest]
        found += again
    return found
