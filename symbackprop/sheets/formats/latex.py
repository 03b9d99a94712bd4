r"""LaTeX: a document for pdflatex, or for xelatex where there are Chinese characters.

Contract: `to_latex(blocks, folders)`; words are escaped, formulas are never wider than the page where they
can be broken, tables share the page width among their columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from symbackprop.sheets.blocks import Block, Details, Figure, Formula, Line, Math, Paragraph, Strong, Table
from symbackprop.sheets.folding import folded
from symbackprop.sheets.formats.mathematics import aligned_rows, formula_source, grid_columns
from symbackprop.sheets.templates import LATEX_DELIMITERS, Templates
from symbackprop.sheets.width import width

PAGE = 46.5
"""The width of the text, in em of the small font that tables are set in."""
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
            },
            LATEX_DELIMITERS,
        )

    def page(self, blocks: Sequence[Block]) -> str:
        """The document."""
        body = self.body(blocks)
        chinese = any(ord(c) > 0x2E7F for c in body)
        return self.templates.page("latex/sheet.tex.j2", body=body, chinese=chinese).rstrip() + "\n"

    def body(self, blocks: Sequence[Block]) -> str:
        """The blocks, with a blank line between them; a formula belongs to the paragraph before it."""
        text = ""
        previous: Block | None = None
        for block in blocks:
            runs_on = isinstance(block, Formula) and isinstance(previous, (Paragraph, Formula))
            text += ("" if previous is None else "\n" if runs_on else "\n\n") + self.block(block)
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


def columns(table: Table) -> str:
    """The columns of a table: as wide as their contents, and what is left for the column of words."""
    natural = [max(_width(row[n]) for row in (table.header, *table.rows)) for n in range(len(table.header))]
    total = PAGE - 1.3 * len(natural)
    others = sum(w for n, w in enumerate(natural) if n != table.wide)
    wide = max(9.0, min(natural[table.wide] + 0.5, total - others))
    spare = total - wide
    parts: list[str] = []
    for n, own in enumerate(natural):
        if n == table.wide:
            parts.append(rf">{{\raggedright\arraybackslash}}p{{{wide:.1f}em}}")
        elif others <= spare:
            parts.append("l")
        else:
            parts.append(rf">{{\raggedright\arraybackslash}}p{{{own * spare / others:.1f}em}}")
    return "@{}" + "".join(parts) + "@{}"


def _width(line: Line) -> float:
    return sum(
        width(p.latex) if isinstance(p, Math) else sum(1.0 if ord(c) > 0x2E80 else 0.5 for c in p.text) for p in line
    )
