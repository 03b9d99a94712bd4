"""Plain text for a terminal: Unicode mathematics, wrapped to a width, safe to show.

Contract: `to_text(blocks, folders, width)`; no control character of a name reaches the terminal.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from symbackprop.errors import columns, visible
from symbackprop.sheets.blocks import Block, Details, Formula, Line, Math, Note, Row, Table
from symbackprop.sheets.folding import folded_text
from symbackprop.sheets.formats.words import is_wide, spaced
from symbackprop.sheets.templates import Templates

INDENT = "    "
AFTER = "、，。；：！？"
"""A line may end behind these without a space."""
_WORDS = re.compile(r"\s+|[^\s]+")


def to_text(blocks: Sequence[Block], folders: Sequence[Path], width: int) -> str:
    """The sheet as plain text."""
    return PlainText(folders, width).page(blocks)


class PlainText:
    """Writes blocks as text of a certain width."""

    def __init__(self, folders: Sequence[Path], width: int) -> None:
        self.width = width
        self.templates = Templates(
            folders,
            ["text/blocks.txt.j2"],
            {
                "plain": plain,
                "columns": columns,
                "wrapped": self.wrapped,
                "mathematics": self.mathematics,
                "table": self.table,
                "indented": indented,
                "remark": self.remark,
            },
        )

    def page(self, blocks: Sequence[Block]) -> str:
        """The whole text."""
        return self.templates.page("text/sheet.txt.j2", body=self.body(blocks)).rstrip() + "\n"

    def body(self, blocks: Sequence[Block]) -> str:
        """The blocks, with a blank line between them."""
        return "\n\n".join(self.block(b) for b in blocks)

    def block(self, block: Block) -> str:
        """One block."""
        write = self.templates.block(block.kind)
        written = write(block, self.body(block.blocks)) if isinstance(block, Details) else write(block)
        return written.strip("\n")

    def wrapped(self, line: Line) -> str:
        """A paragraph in lines of the width."""
        return "\n".join(wrapped(plain(line), self.width))

    def mathematics(self, formula: Formula) -> str:
        """A formula; one that is too wide is broken into more lines."""
        return mathematics(folded_text(formula, self.width - len(INDENT) - 2))

    def remark(self, note: Note) -> str:
        """A note with a bar at its side."""
        lines = wrapped(f"{plain(note.label)} {plain(note.content)}", self.width - 2)
        return "\n".join(f"| {line}" for line in lines)

    def table(self, table: Table) -> str:
        """Columns side by side; the column of words wraps."""
        cells = [[plain(cell) for cell in row] for row in (table.header, *table.rows)]
        widths = [max(columns(row[n]) for row in cells) for n in range(len(table.header))]
        rest = sum(w for n, w in enumerate(widths) if n != table.wide) + 2 * (len(widths) - 1)
        widths[table.wide] = min(widths[table.wide], max(18, self.width - rest))
        lines: list[str] = []
        for number, row in enumerate(cells):
            parts = [wrapped(cell, widths[n]) if n == table.wide else [cell] for n, cell in enumerate(row)]
            for depth in range(max(len(part) for part in parts)):
                shown = [part[depth] if depth < len(part) else "" for part in parts]
                lines.append(
                    "  ".join(cell + " " * (w - columns(cell)) for cell, w in zip(shown, widths, strict=True)).rstrip()
                )
            if number == 0:
                lines.append("  ".join("-" * w for w in widths))
        return "\n".join(lines)


def plain(line: Line) -> str:
    """Words and mathematics as one text."""
    return visible("".join(p.text.strip() if isinstance(p, Math) else p.text for p in spaced(line))).replace("\n", " ")


def indented(text: str) -> str:
    """Every line set in."""
    return "\n".join(INDENT + visible(line) for line in text.split("\n"))


def wrapped(text: str, width: int) -> list[str]:
    """Lines of at most `width` columns; Chinese may break anywhere but before its punctuation."""
    lines, current = list[str](), ""
    for word in _pieces(text):
        if current and columns(current + word.rstrip()) > width:
            lines.append(current.rstrip())
            current = word.lstrip()
        else:
            current += word if current else word.lstrip()
    return [*lines, current.rstrip()] if current.strip() or not lines else lines


def _pieces(text: str) -> list[str]:
    """Words with the space behind them; a Chinese character with the punctuation that follows it."""
    found: list[str] = []
    for word in _WORDS.findall(text):
        piece = ""
        for c in word:
            if piece and (is_wide(c) or (piece[-1] in AFTER and c not in AFTER)):
                found.append(piece)
                piece = ""
            piece += c
        found.append(piece)
    return found


def mathematics(formula: Formula) -> str:
    """The rows of a formula, aligned at their relations; a result has a bar at its side."""
    left = max(columns(row.left.text) for row in formula.rows)
    mark = "  ▌ " if formula.boxed else INDENT
    return "\n".join((mark + _row(row, left)).rstrip() for row in formula.rows)


def _row(row: Row, left: int) -> str:
    start = " " * (left - columns(row.left.text)) + row.left.text
    relation = f" {row.relation.text} " if row.relation else "   " if left else ""
    return visible(start + relation + row.line.text)
