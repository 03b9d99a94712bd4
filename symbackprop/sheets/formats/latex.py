r"""LaTeX: a document for pdflatex, or for xelatex where there are Chinese characters.

Contract: `to_latex(blocks, folders)`; words are escaped, formulas are never wider than the page where they
can be broken, tables share the page width among their columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from symbackprop.sheets.blocks import Block, Details, Figure, Formula, Line, Math, Paragraph, Strong, Table
from symbackprop.sheets.folding import folded, unbroken
from symbackprop.sheets.formats.mathematics import aligned_rows, formula_source, grid_columns
from symbackprop.sheets.templates import LATEX_DELIMITERS, Templates
from symbackprop.sheets.width import width

PAGE = 46.5
"""The width of the text, in em of the small font that tables are set in."""
SLACK = 1.06
"""Widths are estimated; a column is so much wider."""
SHORT = 5
"""A table with more rows may go on on the next page."""
LINE = 42.0
"""The width of the text, in em of its own font."""
BOX = 1.5
"""What the frame of a result takes away from it."""
_SPECIAL = str.maketrans(
    {
        **{c: "\\" + c for c in "{}_&%$#"},
        "\\": r"\textbackslash{}",
        "^": r"\textasciicircum{}",
        "~": r"\textasciitilde{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        '"': "''",
        "−": "$-$",
        "→": r"$\to$",
        "×": r"$\times$",
        "½": r"$\tfrac12$",
        "\n": " ",
    }
)


def to_latex(blocks: Sequence[Block], folders: Sequence[Path]) -> str:
    """The sheet as a LaTeX document."""
    return Latex(folders).page(blocks)


class Latex:
    """Writes blocks as LaTeX."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self.templates = Templates(
            folders,
            ["latex/blocks.tex.j2"],
            {
                "inline": inline,
                "mathematics": mathematics,
                "columns": columns,
                "is_long": is_long,
            },
            LATEX_DELIMITERS,
        )

    def page(self, blocks: Sequence[Block]) -> str:
        """The document."""
        body = self.body(blocks)
        chinese = any(ord(c) > 0x2E7F for c in body)
        return self.templates.page("latex/sheet.tex.j2", body=body, chinese=chinese).rstrip() + "\n"

    def body(self, blocks: Sequence[Block]) -> str:
        """The blocks, with a blank line between them; a formula and a table belong to the paragraph before."""
        text = ""
        previous: Block | None = None
        for block in blocks:
            runs_on = isinstance(block, Formula) and isinstance(previous, (Paragraph, Formula))
            leads_in = isinstance(block, Table) and isinstance(previous, Paragraph)
            gap = "\n" if runs_on else "\n\n\\nopagebreak\n" if leads_in else "\n\n"
            text += ("" if previous is None else gap) + self.block(block)
            previous = block
        return text

    def block(self, block: Block) -> str:
        """One block."""
        write = self.templates.block(block.kind)
        if isinstance(block, Figure):
            return write(block, None).strip()
        if isinstance(block, Details):
            return write(block, self.body(block.blocks)).strip()
        return write(block).strip()


def escaped(text: str) -> str:
    r"""Text in which nothing acts as LaTeX.

    >>> escaped("50% of a_b & \\input{x}")
    '50\\% of a\\_b \\& \\textbackslash{}input\\{x\\}'
    """
    return text.translate(_SPECIAL)


def inline(line: Line) -> str:
    """Words and mathematics in one line."""
    return "".join(_piece(p) for p in line)


def _piece(piece: object) -> str:
    if isinstance(piece, Math):
        return f"${piece.latex.strip()}$"
    if isinstance(piece, Strong):
        return rf"\textbf{{{escaped(piece.text)}}}"
    return escaped(piece.text)  # type: ignore[attr-defined]


def mathematics(formula: Formula) -> str:
    """A displayed formula that is not wider than the page; one of several lines may go on on the next page."""
    found = folded(formula, LINE - (BOX if formula.boxed else 0.0))
    if found.boxed or len(found.rows) == 1:
        return "\\[\n" + formula_source(found) + "\n\\]"
    columns = grid_columns(found)
    begin = f"{{alignat*}}{{{columns}}}" if columns > 1 else "{align*}"
    return rf"\begin{begin}" + "\n" + aligned_rows(found) + "\n" + rf"\end{begin.removesuffix(f'{{{columns}}}')}"


def is_long(table: Table) -> bool:
    """May a table go on on the next page?"""
    return len(table.rows) > SHORT


def columns(table: Table) -> str:
    """The columns of a table: as wide as their contents, and what is left for the column of words."""
    fixed = is_long(table)
    numbers = range(len(table.header))
    cells = [[row[n] for row in (table.header, *table.rows)] for n in numbers]
    natural = [SLACK * max(map(_width, column)) + (0.6 if fixed else 0.0) for column in cells]
    least = [SLACK * max(map(_least, column)) + 0.3 for column in cells]
    rest = [n for n in numbers if n != table.wide]
    total = PAGE - 1.3 * len(natural)
    wide = max(9.0, min(natural[table.wide] + 0.5, total - sum(natural[n] for n in rest)))
    need, have, want = sum(least[n] for n in rest), total - wide, sum(natural[n] for n in rest)
    share = max(0.0, min(1.0, (have - need) / (want - need))) if want > need else 1.0
    parts: list[str] = []
    for n in numbers:
        if n != table.wide and want <= have and not fixed:
            parts.append("l")
            continue
        own = wide if n == table.wide else least[n] + share * max(0.0, natural[n] - least[n])
        parts.append(rf">{{\raggedright\arraybackslash}}p{{{own:.1f}em}}")
    return "@{}" + "".join(parts) + "@{}"


def _width(line: Line) -> float:
    return sum(width(p.latex) if isinstance(p, Math) else _breadth(p.text) for p in line)


def _least(line: Line) -> float:
    """The widest piece that TeX does not break."""
    found = [0.0]
    for piece in line:
        if isinstance(piece, Math):
            found += map(width, unbroken(piece.latex))
        else:
            found += map(_breadth, piece.text.split())
    return max(found)


def _breadth(text: str) -> float:
    return sum(1.0 if ord(c) > 0x2E80 else 0.5 for c in text)
