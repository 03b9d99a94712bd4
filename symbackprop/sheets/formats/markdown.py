"""Markdown in two dialects: ``$`` for Jupyter and others, math fences for GitHub.

Contract: `to_markdown(blocks, folders, dialect, picture)`; words are escaped so that none of them acts as
markup.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from symbackprop.sheets.blocks import Block, Details, Figure, Formula, Line, Math, Strong, Text
from symbackprop.sheets.folding import folded
from symbackprop.sheets.formats.mathematics import formula_source
from symbackprop.sheets.formats.words import spaced, tight
from symbackprop.sheets.templates import Templates

PAGE = 46.0
"""The width of a formula on GitHub's page and in a notebook, in em of its font."""

Dialect = Literal["jupyter", "github", "key"]

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|$~&])")
_LIST_MARK = re.compile(r"^(\s*)(\d+)([.)])(\s)|^(\s*)([-+=])")


def to_markdown(blocks: Sequence[Block], folders: Sequence[Path], dialect: Dialect, picture: str | None = None) -> str:
    """The sheet as Markdown."""
    return Markdown(folders, dialect, picture).page(blocks)


class Markdown:
    """One dialect of Markdown."""

    def __init__(self, folders: Sequence[Path], dialect: Dialect, picture: str | None) -> None:
        self.dialect, self.picture = dialect, picture
        own = {"jupyter": ("markdown",), "github": ("github", "markdown"), "key": ("key", "markdown")}[dialect]
        self.templates = Templates(
            folders,
            [f"{name}/blocks.md.j2" for name in own],
            {"inline": self.inline, "cell": self.cell, "mathematics": self.mathematics, "plain": escaped},
        )

    def page(self, blocks: Sequence[Block]) -> str:
        """The page with all blocks."""
        return self.templates.page("markdown/sheet.md.j2", body=self.body(blocks)).rstrip() + "\n"

    def body(self, blocks: Sequence[Block]) -> str:
        """The blocks, with a blank line between them."""
        return "\n\n".join(self.block(b) for b in blocks)

    def block(self, block: Block) -> str:
        """One block."""
        write = self.templates.block(block.kind)
        if isinstance(block, Figure):
            return write(block, self.picture and picture_of(self.picture, block)).strip()
        if isinstance(block, Details):
            return write(block, self.body(block.blocks)).strip()
        return write(block).strip("\n")

    def inline(self, line: Line) -> str:
        """Words and mathematics in one line."""
        return "".join(self._piece(p) for p in spaced(tight(line)))

    def cell(self, line: Line) -> str:
        """The same inside a table, where a bar would end the cell."""
        return "".join(
            self._math(p.latex.replace("|", r"\vert ")) if isinstance(p, Math) else self._piece(p)
            for p in spaced(tight(line))
        )

    def mathematics(self, formula: Formula) -> str:
        """The source of a displayed formula."""
        return _without_tags(formula_source(folded(formula, PAGE)))

    def _piece(self, piece: Text | Strong | Math) -> str:
        if isinstance(piece, Math):
            return self._math(piece.latex)
        return f"**{escaped(piece.text)}**" if isinstance(piece, Strong) else escaped(piece.text)

    def _math(self, latex: str) -> str:
        latex = _without_tags(latex.strip())
        return f"$`{latex}`$" if self.dialect == "github" else f"${latex}$"


def picture_of(first: str, figure: Figure) -> str:
    """The file of a picture, from the file of the first one: ``sheet.svg``, ``sheet-flow.svg``."""
    stem, dot, ending = first.rpartition(".")
    return f"{stem}{figure.suffix}{dot}{ending}"


def escaped(text: str) -> str:
    r"""Text in which nothing acts as Markdown, HTML or mathematics.

    >>> escaped("a_b <i> $x$ # 1")
    'a\\_b \\<i\\> \\$x\\$ \\# 1'
    """
    text = _SPECIAL.sub(r"\\\1", " ".join(text.split("\n")))
    return _LIST_MARK.sub(lambda m: f"{m[1]}{m[2]}\\{m[3]}{m[4]}" if m[2] else f"{m[5]}\\{m[6]}", text)


def _without_tags(latex: str) -> str:
    """A ``<`` in a formula is no tag."""
    return latex.replace("<", r"\lt ").replace(">", r"\gt ")
