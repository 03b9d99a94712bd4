"""HTML: one self-contained page with MathML; no script, nothing to load, light and dark, printable.

Contract: `to_html(blocks, folders, language)`; words are escaped, formulas are converted by math-core.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path

from markupsafe import Markup, escape

from symbackprop.errors import SymbackpropError
from symbackprop.sheets.blocks import Block, Details, Formula, Heading, Inline, Line, Math, Strong, Text
from symbackprop.sheets.diagram import Diagram, FlowDiagram
from symbackprop.sheets.folding import extent, folded, segments
from symbackprop.sheets.formats.mathematics import formula_source
from symbackprop.sheets.formats.words import PUNCTUATION, spaced
from symbackprop.sheets.templates import Templates

PAGE, TELEPHONE = 38.5, 21.4
"""The width of a formula on a screen and on a telephone, in em of its font."""
BOX = 1.6
"""What the frame of a result takes away from it."""
LONG = 12.0
"""Wider mathematics may break in a line of words, in em."""


class MissingLibraryError(SymbackpropError):
    """A library that a format needs is not installed."""


def to_html(blocks: Sequence[Block], folders: Sequence[Path], language: str, *, fragment: bool = False) -> str:
    """The sheet as an HTML page, or as a fragment of one with its own styles.

    Raises:
        MissingLibraryError: math-core is not installed.
    """
    return Html(folders).page(blocks, language, "html/fragment.html.j2" if fragment else "html/sheet.html.j2")


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

    def page(self, blocks: Sequence[Block], language: str, template: str) -> str:
        """The page."""
        title = next((b.content for b in blocks if isinstance(b, Heading) and b.level == 1), ())
        return (
            self.templates.page(
                template,
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
        found = Markup("")
        for piece, punctuation in _split(spaced(line)):
            if isinstance(piece, Math):
                found += self._inline(piece, punctuation)
            elif isinstance(piece, Strong):
                found += Markup("<strong>{}</strong>").format(piece.text)
            else:
                found += escape(piece.text)
        return found

    def mathematics(self, formula: Formula) -> Markup:
        """A displayed formula; where it is too wide for a telephone, a second one that is not. The page shows one."""
        less = BOX if formula.boxed else 0.0
        wide = self._displayed(formula, PAGE - less)
        if extent(formula) <= TELEPHONE - less:
            return wide
        narrow = self._displayed(formula, TELEPHONE - less)
        if narrow == wide:
            return wide
        return Markup('<div class="wide">{}</div><div class="narrow">{}</div>').format(wide, narrow)

    def _displayed(self, formula: Formula, room: float) -> Markup:
        return Markup(self._convert(formula_source(Formula(folded(formula, room).rows)), True))

    def _inline(self, math: Math, punctuation: str) -> Markup:
        """Mathematics in a line of words; a long piece may break where a formula may."""
        pieces = [Markup(self._convert(piece, False)) for piece in segments(math.latex.strip(), LONG)]
        if punctuation:
            pieces[-1] = Markup('<span class="held">{}{}</span>').format(pieces[-1], punctuation)
        return Markup("<wbr>").join(pieces)


def _split(line: Line) -> Iterator[tuple[Inline, str]]:
    """Every piece with the punctuation that clings to it: a line never begins with a comma behind mathematics."""
    rest = list(line)
    for number, piece in enumerate(rest):
        following = rest[number + 1] if number + 1 < len(rest) else None
        if not isinstance(piece, Math) or not isinstance(following, Text):
            yield piece, ""
            continue
        words = following.text.lstrip(PUNCTUATION)
        rest[number + 1] = Text(words)
        yield piece, following.text[: len(following.text) - len(words)]


def _picture(diagram: Diagram | FlowDiagram) -> Markup:
    """The picture; where it is too wide for a telephone, a second one from the top down. The page shows one."""
    wide, narrow = Markup(diagram.svg()), Markup(diagram.narrow_svg())
    if narrow == wide:
        return wide
    return Markup('<div class="wide">{}</div><div class="narrow">{}</div>').format(wide, narrow)


@cache
def _converter() -> Callable[[str, bool], str]:
    """LaTeX -> MathML; displayed or in a line."""
    try:
        from math_core import LatexToMathML
    except ImportError as error:
        raise MissingLibraryError(
            "HTML needs the package math-core, which is not installed",
            hint='install it with: pip install "symbackprop[html]"',
        ) from error
    convert = LatexToMathML().convert_with_local_state
    return lambda latex, displayed: convert(latex, displaystyle=displayed)
