"""Files of values as ``:=`` lines, in the notation of network files."""

from __future__ import annotations

from typing import Any

from symbackprop.notation import syntax as tree
from symbackprop.notation.parser import collect_vocabulary, parse_statement
from symbackprop.notation.source import Line, read_lines

_NUMBERS = "write a number, or [[1, 2], [3, 4]]"


def read_assignments(text: str, file: str) -> dict[str, Any]:
    r"""Names and numbers (or nested lists) of lines such as ``w_12 := 0.5`` and ``W := [[1, 2], [3, 4]]``.

    Raises:
        NotationError: a line is something else; points at it.

    >>> read_assignments("w_{12} := 1/2\nW := [[1, -2], [3, 4]]", "values.net")
    {'w_12': 0.5, 'W': [[1.0, -2.0], [3.0, 4.0]]}
    """
    lines = read_lines(text, "net", file)
    vocabulary = collect_vocabulary(lines)
    found: dict[str, Any] = {}
    for line in lines:
        statement = parse_statement(line, vocabulary)
        if isinstance(statement, tree.Equation) and statement.assignment:
            raise line.error("this is not a number", statement.right.span, _NUMBERS)
        if not isinstance(statement, tree.Value):
            raise line.error("this gives no value", statement.span, "write lines such as 'w_12 := 0.5'")
        name = statement.target.name.plain
        if name in found:
            raise line.error(f"{name} is given twice", statement.target.span, "keep one of the lines")
        found[name] = _number(statement.value, line)
    return found


def _number(node: tree.Node, line: Line) -> Any:
    match node:
        case tree.Number():
            return float(node.value)
        case tree.Negate():
            return -_scalar(node.operand, line)
        case tree.Divide() if _scalar(node.denominator, line) != 0:
            return _scalar(node.numerator, line) / _scalar(node.denominator, line)
        case tree.Matrix():
            rows = [[_scalar(entry, line) for entry in row] for row in node.rows]
            return rows[0] if node.flat else rows
        case _:
            raise line.error("this is not a number", node.span, _NUMBERS)


def _scalar(node: tree.Node, line: Line) -> float:
    value = _number(node, line)
    if isinstance(value, float):
        return value
    raise line.error("this is not a single number", node.span, _NUMBERS)
