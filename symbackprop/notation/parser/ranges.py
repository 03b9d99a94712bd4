r"""Reads the ranges of a statement: `i = 1..H, j = 1..W`, `l = 2, \ldots, L`, `all i`, `1 \le i \le n`."""

from __future__ import annotations

from symbackprop.names import make_name
from symbackprop.notation.parser.expressions import Parser
from symbackprop.notation.parser.vocabulary import Vocabulary
from symbackprop.notation.source import Line
from symbackprop.notation.syntax import Compare, Limits, Reference
from symbackprop.notation.tokens import Token


def parse_ranges(line: Line, tokens: list[Token], vocabulary: Vocabulary) -> tuple[Limits, ...]:
    r"""`i = 1..H, j = 1..W`, `l = 2, \ldots, L`, `all i`, `1 \le i \le n`: what stands behind `for`."""
    if tokens[0].kind == "end":
        return ()
    words = {"to": "dots", "in": "in", "and": ",", "until": "dots"}
    skipped = {"all", "each", "every", "any"}
    tokens = [
        token._replace(kind=words.get(token.value, token.kind)) if token.kind == "run" else token
        for token in tokens
        if token.value not in skipped and token.kind != "quad"
    ]
    parser = Parser(line, tokens, vocabulary)
    found: list[Limits] = []
    while True:
        # `i, j = 1..n`: the first shares the bounds of the second.
        shared: list[Token] = []
        while parser.kind in {"run", "letter"} and parser.after() == ",":
            following = parser.tokens[parser.at + 2]
            if following.kind not in {"run", "letter"}:
                break
            shared.append(parser.token)
            parser.at += 2
        limits = _one_range(parser)
        found += [Limits(make_name(t.value), limits.low, limits.high, span=t[2:]) for t in shared]
        found.append(limits)
        if not parser.accept(","):
            break
    if parser.kind != "end":
        raise parser.unexpected("write the ranges as: for i = 1..n, j = 1..m")
    return tuple(found)


def _one_range(parser: Parser) -> Limits:
    token = parser.token
    if parser.kind in {"run", "letter"} and parser.after() in {"=", "in"}:
        return parser.limits_item()
    if parser.kind in {"run", "letter"} and parser.after() in {",", "end"}:
        parser.at += 1
        return Limits(make_name(token.value), span=token[2:])
    node = parser.comparison()
    match node:
        case Compare((low, Reference(index, ()), high), (("<=" | "<"), "<=")):
            return Limits(index, low, high, span=node.span)
        case _:
            raise parser.error("this is no range", node.span, "write: for i = 1..n")
