r"""Reads statements: equations with their ranges, and declarations.

Contract: `parse_statements(line, vocabulary)` gives the statements of a logical line in order; an error says
which part of which line cannot be read, and what to write instead.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from symbackprop.notation.parser.clauses import RELATIONS, Clause, cut, split_clauses
from symbackprop.notation.parser.cursor import NAME_KINDS, top_level
from symbackprop.notation.parser.declarations import parse_assumption, parse_function, parse_names
from symbackprop.notation.parser.expressions import Parser, parse_tokens
from symbackprop.notation.parser.ranges import parse_ranges
from symbackprop.notation.parser.sets import parse_set
from symbackprop.notation.parser.vocabulary import NOTHING_KNOWN, Vocabulary
from symbackprop.notation.source import Line
from symbackprop.notation.syntax import (
    Add,
    Divide,
    Element,
    Equation,
    Gradient,
    Matrix,
    Multiply,
    Negate,
    Node,
    Number,
    Partial,
    Power,
    Reference,
    Roles,
    RoleWord,
    Statement,
    Title,
    Transpose,
    Value,
)
from symbackprop.notation.tables import FUNCTION_LETTERS, FUNCTIONS
from symbackprop.notation.tokens import Token


def parse_statement(text: Line | str, vocabulary: Vocabulary = NOTHING_KNOWN) -> Statement:
    r"""The one statement of a line.

    >>> statement = parse_statement(r"h_{i,t} = z_{i,t}  for i = 1..n, t = 1..T")
    >>> statement.left, statement.right, [limits.index.plain for limits in statement.ranges]
    (h<sub i, t>, z<sub i, t>, ['i', 't'])
    """
    line = Line.of(text) if isinstance(text, str) else text
    statements = parse_statements(line, vocabulary)
    if len(statements) != 1:
        start = statements[1].span[0] if statements else 0
        raise line.error("one statement is expected", (start, start + 1), "write one statement a line")
    return statements[0]


def parse_statements(text: Line | str, vocabulary: Vocabulary = NOTHING_KNOWN) -> tuple[Statement, ...]:
    r"""All statements of a line.

    >>> [type(s).__name__ for s in parse_statements(r"x \in \mathbb{R}^n, W \in \mathbb{R}^{m \times n}")]
    ['Shape', 'Shape']
    """
    line = Line.of(text) if isinstance(text, str) else text
    found: list[Statement] = []
    for clause in split_clauses(line):
        found += _statement(line, clause, vocabulary)
    return tuple(found)


# ----------------------------------------------------------------------------------------------- statements


def _statement(line: Line, clause: Clause, vocabulary: Vocabulary) -> list[Statement]:
    match clause.kind:
        case "title":
            return [Title(clause.word, clause.language, span=(0, len(line.text)))]
        case "roles":
            return _roles(line, clause, vocabulary)
        case "is":
            return [parse_function(line, clause.tokens)]
        case "in":
            ranges = parse_ranges(line, clause.ranges, vocabulary)
            return [parse_set(line, clause.tokens, ranges, vocabulary)]
        case "assume":
            return [parse_assumption(line, clause, vocabulary)]
        case "equation":
            return [_equation(line, clause, vocabulary)]


def _equation(line: Line, clause: Clause, vocabulary: Vocabulary) -> Statement:
    tokens = clause.tokens
    end = tokens[-1]
    marks = top_level(tokens, RELATIONS)
    if not marks:
        place = (tokens[0].start, max(tokens[0].start + 1, end.start))
        raise line.error("this is no equation and no declaration", place, "write NAME = expression")
    if marks[0] == 0:
        raise line.error("the left side is missing", (tokens[0].start, tokens[0].end), "write NAME = expression")
    ranges = parse_ranges(line, clause.ranges, vocabulary)
    where = tuple(_equation(line, part, vocabulary) for part in clause.where)
    for definition in where:
        if not isinstance(definition, Equation):
            raise line.error("a definition is expected behind where", definition.span)
    definitions = cast(tuple[Equation, ...], where)
    known = vocabulary.with_names(d.left.name for d in definitions if isinstance(d.left, Reference))
    known = known.with_indices(limits.index.key for limits in ranges)
    left, arguments = left_side(line, cut(tokens, 0, marks[0]), known)
    known = known.with_indices(index_keys(left, known))
    rights: list[Node] = []
    stops = [*marks[1:], len(tokens) - 1]
    for mark, stop in zip(marks, stops, strict=True):
        if stop == mark + 1:
            sign = tokens[mark]
            raise line.error("the right side is missing", (sign.start, sign.end), "write NAME = expression")
        rights.append(parse_tokens(line, cut(tokens, mark + 1, stop), known))
    relations = tuple(tokens[mark].kind for mark in marks)
    span = (tokens[0].start, max(rights[-1].span[1], tokens[0].end))
    if relations == (":=",) and isinstance(left, Reference) and not (ranges or definitions):
        value = _value(rights[0], tokens[marks[0] + 1])
        if value is not None:
            return Value(left, value, span=span)
    return Equation(left, tuple(rights), relations, ranges, arguments, definitions, span=span)


def left_side(line: Line, tokens: list[Token], vocabulary: Vocabulary) -> tuple[Node, tuple[Node, ...]]:
    r"""The left side; a quantity written with its arguments, `L(y, \hat{y})`, is split from them."""
    if tokens[-2].kind == ")" and tokens[0].kind in NAME_KINDS:
        parser = Parser(line, tokens, vocabulary)
        name, glued = parser.base_name()
        parser.raw_scripts(name)
        is_call = name.base in FUNCTIONS or name.base in FUNCTION_LETTERS or name.key in vocabulary.functions
        if parser.kind == "(" and parser.closing(parser.at) == len(tokens) - 2 and not is_call and not glued:
            stop = parser.at
            arguments, _ = parser.arguments()
            if all(isinstance(argument, Reference) for argument in arguments):
                return parse_tokens(line, cut(tokens, 0, stop), vocabulary), arguments
    return parse_tokens(line, tokens, vocabulary), ()


def index_keys(left: Node, vocabulary: Vocabulary) -> Iterable[str]:
    """The indices on a left side, which are bound on the right."""
    match left:
        case Partial(_, wrt) | Gradient(_, wrt):
            yield from index_keys(wrt, vocabulary)
            return
        case Transpose(operand):
            yield from index_keys(operand, vocabulary)
            return
        case _:
            scripts = left.scripts if isinstance(left, Reference | Element) else ()
    stack: list[Node] = [item for script in scripts for item in script.items]
    while stack:
        node = stack.pop()
        if isinstance(node, Reference) and not node.scripts and vocabulary.find(node.name) is None:
            yield node.name.key
        elif isinstance(node, Add):
            stack += node.terms
        elif isinstance(node, Multiply):
            stack += node.factors
        elif isinstance(node, Negate):
            stack.append(node.operand)


def _value(node: Node, first: Token) -> Node | None:
    """A number or an array of numbers; None for anything else."""
    if not _is_constant(node):
        return None
    return Matrix(((node,),), True, span=node.span) if first.kind == "[" and not isinstance(node, Matrix) else node


def _is_constant(node: Node) -> bool:
    match node:
        case Number():
            return True
        case Negate(operand):
            return _is_constant(operand)
        case Divide(a, b) | Power(a, b):
            return _is_constant(a) and _is_constant(b)
        case Multiply(parts):
            return all(map(_is_constant, parts))
        case Matrix(rows):
            return all(_is_constant(cell) for row in rows for cell in row)
        case _:
            return False


def _roles(line: Line, clause: Clause, vocabulary: Vocabulary) -> list[Statement]:
    """`inputs: x_1, x_2`; names may be declared or defined at once: `inputs: x in R^n`, `loss: E = ...`."""
    tokens = clause.tokens
    role = cast(RoleWord, clause.word)
    relations = top_level(tokens, RELATIONS)
    more: list[Statement] = []
    if relations:
        more = [_equation(line, Clause("equation", tokens, clause.ranges), vocabulary)]
        tokens = cut(tokens, 0, relations[0])
    elif any(token.kind == "in" or token.value == "in" for token in tokens):
        start = tokens[0].start
        blank = Line(" " * start + line.text[start:], line.pieces, line.file)
        more = [s for part in split_clauses(blank) for s in _statement(line, part, vocabulary)]
        names = tuple(name for s in more if hasattr(s, "names") for name in cast(Roles, s).names)
        return [Roles(role, names, span=(0, tokens[-1].start)), *more]
    names: tuple[Reference, ...] = tuple(parse_names(line, tokens, vocabulary))
    if not names:
        raise line.error(f"a name is missing behind {role}:", (0, len(line.text)), f"write {role}: NAME")
    return [Roles(role, names, span=(0, tokens[-1].start)), *more]
