r"""Displayed formulas as LaTeX source, for every format that reads LaTeX.

Contract: `formula_source(formula)` gives the source without delimiters: one line, or ``aligned`` lines,
boxed or not.
"""

from __future__ import annotations

from symbackprop.sheets.blocks import Formula, Row
from symbackprop.sheets.width import width

GRID = 38.0
"""Short formulas stand in columns where these together are not wider, in em."""


def formula_source(formula: Formula) -> str:
    r"""The source of a formula, for ``$$`` and ``\[``."""
    if len(formula.rows) == 1 and not formula.rows[0].left:
        body = formula.rows[0].right.latex
    elif len(formula.rows) == 1:
        body = _plain_row(formula.rows[0])
    else:
        body = "\\begin{aligned}\n" + aligned_rows(formula) + "\n\\end{aligned}"
    return rf"\boxed{{{body}}}" if formula.boxed else body


def aligned_rows(formula: Formula) -> str:
    """The rows for ``aligned`` and ``align*``."""
    if not any(row.left or row.relation for row in formula.rows):
        return " \\\\\n".join("& " + row.right.latex for row in formula.rows)
    write = _aligned if grid_columns(formula) > 1 else _running
    return " \\\\\n".join(write(row) for row in formula.rows)


def grid_columns(formula: Formula) -> int:
    """How many short formulas stand beside each other in every row, each in a column of its own; else 1."""
    count = 1 + len(formula.rows[0].beside)
    if any(1 + len(row.beside) != count for row in formula.rows[:-1]) or len(formula.rows[-1].beside) >= count:
        return 1
    cells = [[row, *row.beside] for row in formula.rows]
    breadths = [max(_breadth(row[n]) for row in cells if n < len(row)) for n in range(count)]
    return count if sum(breadths) + 2 * count <= GRID else 1


def _breadth(row: Row) -> float:
    return width(row.left.latex) + width(row.relation.latex) + width(row.right.latex)


def _running(row: Row) -> str:
    return (row.left.latex + " &" + _relation(row) + row.line.latex).strip()


def _aligned(row: Row) -> str:
    """A row with the short ones beside it in columns of their own."""
    line = (row.left.latex + " &" + _relation(row) + row.right.latex).strip()
    for other in row.beside:
        line += rf" &\qquad {other.left.latex} &{_relation(other)}{other.right.latex}"
    return line + (rf" \qquad {row.condition.latex}" if row.condition else "")


def _plain_row(row: Row) -> str:
    return row.left.latex + " " + _relation(row) + row.line.latex


def _relation(row: Row) -> str:
    return f"{row.relation.latex} " if row.relation else " "
