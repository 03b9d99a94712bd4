"""HTML: one self-contained page with MathML; no script, nothing to load, light and dark, printable.

Contract: `to_html(blocks, folders, language)`; words are escaped, formulas are converted by math-core.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from markupsafe import Markup, escape

from symbackprop.errors import SymbackpropError
from symbackprop.sheets.blocks import Block, Details, Formula, Heading, Inline, Line, Math, Strong, Text
from symbackprop.sheets.diagram import Diagram
from symbackprop.sheets.formats.mathematics import formula_source
from symbackprop.sheets.formats.words import PUNCTUATION, spaced
from symbackprop.sheets.templates import Templates


def to_html(blocks: Sequence[Block], folders: Sequence[Path], language: str) -> str:
    """The sheet as an HTML page.

    Raises:
        SymbackpropError: math-core is not installed.
    """
    return Html(folders).page(blocks, language)


class Html:
    """Writes blocks as HTML."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._convert = _converter()
        self.templates = Templates(
            folders,
            ["html/blocks.html.j2"],
            {"inline": self.inline, "mathematics": self.mathematics, "picture": _picture},
            escape=True,
        )

    def page(self, blocks: Sequence[Block], language: str) -> str:
        """The page."""
        title = next((b.content for b in blocks if isinstance(b, Heading) and b.level == 1), ())
        return (
            self.templates.page(
                "html/sheet.html.j2",
                body=self.body(blocks),
                language=language,
                title="".join(p.text for p in title),
            ).rstrip()
            + "\n"
        )

    def body(self, blocks: Sequence[Block]) -> Markup:
        """The blocks, one after the other."""
        return Markup("\n").join(self.block(b) for b in blocks)

    def block(self, block: Block) -> Markup:
        """One block."""
        write = self.templates.block(block.kind)
        written = write(block, self.body(block.blocks)) if isinstance(block, Details) else write(block)
        return Markup(str(written).strip())

    def inline(self, line: Line) -> Markup:
        """Words and mathematics in one line."""
        return Markup("").join(self._piece(p) for p in _held(spaced(line)))

    def mathematics(self, formula: Formula) -> Markup:
        """A displayed formula; the box is drawn around it by the page."""
        return Markup(self._convert(formula_source(Formula(formula.narrow.rows)), True))

    def _piece(self, piece: object) -> Markup:
        if isinstance(piece, Math):
            return Markup(self._convert(piece.latex.strip(), False))
        text = escape(piece.text)  # type: ignore[attr-defined]
        return Markup("<strong>{}</strong>").format(text) if isinstance(piece, Strong) else text


def _held(line: Line) -> Line:
    """A word joiner between mathematics and the punctuation behind it, which must not begin a line."""
    found: list[Inline] = []
    for piece in line:
        follows = bool(found) and isinstance(found[-1], Math) and not isinstance(piece, Math)
        if follows and not isinstance(piece, Math) and piece.text[:1] in PUNCTUATION:
            found.append(Text("\u2060"))
        found.append(piece)
    return tuple(found)


def _picture(diagram: Diagram) -> Markup:
    return Markup(diagram.svg())


@cache
def _converter() -> Callable[[str, bool], str]:
    """LaTeX -> MathML; displayed or in a line."""
    try:
        from math_core import LatexToMathML
    except ImportError as error:
        raise SymbackpropError(
            "HTML needs the package math-core, which is not installed",
            hint='install it with: pip install "symbackprop[html]"',
        ) from error
    convert = LatexToMathML().convert_with_local_state
    return lambda latex, displayed: convert(latex, displaystyle=displayed)
