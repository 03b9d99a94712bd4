r"""Displayed formulas as LaTeX source, for every format that reads LaTeX.

Contract: `formula_source(formula)` gives the source without delimiters: one line, or ``aligned`` lines,
boxed or not.
"""

from __future__ import annotations

from symbackprop.sheets.blocks import Formula, Row


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
    return " \\\\\n".join((row.left.latex + " &" + _relation(row) + row.line.latex).strip() for row in formula.rows)


def _plain_row(row: Row) -> str:
    return row.left.latex + " " + _relation(row) + row.line.latex


def _relation(row: Row) -> str:
    return f"{row.relation.latex} " if row.relation else " "
