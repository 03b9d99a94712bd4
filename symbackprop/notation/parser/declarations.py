r"""Reads declarations: names behind a role, `f is tanh`, `assume: \sum_k y_k = 1`; sets are read in `sets`.

Contract: one function for each kind of declaration, from its tokens to its node.
"""

from __future__ import annotations

from collections.abc import Iterable

from symbackprop.errors import closest
from symbackprop.names import parse_name
from symbackprop.notation.parser.clauses import Clause, cut
from symbackprop.notation.parser.cursor import NAME_KINDS, top_level
from symbackprop.notation.parser.expressions import Parser, parse_tokens
from symbackprop.notation.parser.ranges import parse_ranges
from symbackprop.notation.parser.vocabulary import Vocabulary
from symbackprop.notation.source import Line
from symbackprop.notation.syntax import Assumption, Call, Compare, FunctionIs, Matrix, Reference, Statement
from symbackprop.notation.tables import FUNCTIONS
from symbackprop.notation.tokens import Token

NAMES_HINT = "names are separated by commas: inputs: x_1, x_2"


def parse_names(line: Line, tokens: list[Token], vocabulary: Vocabulary) -> Iterable[Reference]:
    """Names separated by commas or spaces."""
    parser = Parser(line, [token for token in tokens if token.kind != "quad"], vocabulary)
    while parser.kind != "end":
        start = parser.token
        if start.kind not in NAME_KINDS:
            raise parser.unexpected(NAMES_HINT)
        node = parser.reference()
        if not isinstance(node, Reference):
            raise line.error("this is no single name", node.span, NAMES_HINT)
        yield node
        while parser.accept(",") or parser.accept(";"):
            pass


def parse_function(line: Line, tokens: list[Token]) -> Statement:
    """`f is tanh`."""
    position = next(n for n, token in enumerate(tokens) if token.value == "is")
    name = parse_name(line.text[tokens[0].start : tokens[position].start].strip()) if position else None
    words = tokens[position + 1 : -1]
    if name is None:
        raise line.error("a name is missing before 'is'", (tokens[0].start, tokens[position].end), "f is tanh")
    if not words:
        raise line.error("a function is missing behind 'is'", tokens[position][2:], "f is tanh")
    function = FUNCTIONS.get(words[0].value) if len(words) == 1 else None
    if function is None:
        place = (words[0].start, words[-1].end)
        written = line.text[place[0] : place[1]]
        close = closest(written, FUNCTIONS)
        hint = f"did you mean {close}?" if close else "known functions: sigmoid, tanh, relu, softplus, softmax, ..."
        raise line.error(f"{written} is no known function", place, hint)
    return FunctionIs(name.key, function, span=(tokens[0].start, words[-1].end))


_ACTIVATIONS = (
    "sigmoid",
    "tanh",
    "relu",
    "leaky_relu",
    "elu",
    "softplus",
    "silu",
    "gelu",
    "identity",
    "softmax",
)


def parse_assumption(line: Line, clause: Clause, vocabulary: Vocabulary) -> Statement:
    r"""`assume: \sum_k y_k = 1`, `assume: p \in [0, 1]`, `assume: y is one-hot`."""
    tokens = clause.tokens
    ranges = parse_ranges(line, clause.ranges, vocabulary)
    known = vocabulary.with_indices(limits.index.key for limits in ranges)
    span = (tokens[0].start, tokens[-1].start)
    words = [token.value for token in tokens[:-1] if token.value != "is"]
    one_hot = "onehot" if "onehot" in words else "one" if words[-3:-2] == ["one"] and words[-1] == "hot" else ""
    if one_hot:
        subject = cut(tokens, 0, next(n for n, t in enumerate(tokens) if t.value in {one_hot, "is"}))
        if len(subject) > 1:
            node = parse_tokens(line, subject, known)
            return Assumption(Call("one_hot", (node,), span=span), ranges, span=span)
    inside = top_level(tokens, frozenset({"in"}))
    if inside:
        return Assumption(_membership(line, tokens, inside[0], known), ranges, span=span)
    parser = Parser(line, tokens, known)
    condition = parser.comparison()
    if parser.kind != "end":
        raise parser.unexpected()
    if not isinstance(condition, Compare):
        raise line.error("an assumption is a condition", span, r"write assume: \sum_k y_k = 1, or assume: x > 0")
    return Assumption(condition, ranges, span=span)


def _membership(line: Line, tokens: list[Token], position: int, vocabulary: Vocabulary) -> Compare:
    r"""`p \in [0, 1]` as `0 <= p <= 1`; `y \in \{0, 1\}` as a comparison "in" with a list."""
    subject = parse_tokens(line, cut(tokens, 0, position), vocabulary)
    parser = Parser(line, tokens, vocabulary)
    parser.at = position + 1
    opener = parser.token
    start = opener.start
    if opener.kind not in {"lset", "{", "[", "("}:
        raise parser.unexpected(r"write a set, \{0, 1\}, or an interval, [0, 1]")
    parser.at += 1
    cells = [parser.sum()]
    while parser.accept(","):
        cells.append(parser.sum())
    closer = parser.token
    parser.at += 1
    span = (tokens[0].start, closer.end)
    if opener.kind in {"lset", "{"} or len(cells) != 2:
        return Compare((subject, Matrix((tuple(cells),), True, span=(start, closer.end))), ("in",), span=span)
    below = "<" if opener.kind == "(" else "<="
    above = "<" if closer.kind == ")" else "<="
    return Compare((cells[0], subject, cells[1]), (below, above), span=span)
