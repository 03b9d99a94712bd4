"""A sheet: blocks in order, which any format can render.

Contract: a `Sheet` is frozen; every ``to_...`` gives the same bytes for the same sheet.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from symbackprop.errors import SymbackpropError
from symbackprop.sheets.blocks import Block, Figure, Formula, Heading, walked
from symbackprop.sheets.folding import folded
from symbackprop.sheets.formats.html import MissingLibraryError, to_html
from symbackprop.sheets.formats.latex import to_latex
from symbackprop.sheets.formats.markdown import PAGE, picture_of, to_markdown
from symbackprop.sheets.formats.mathematics import formula_source
from symbackprop.sheets.formats.notebook import to_notebook
from symbackprop.sheets.formats.pdf import to_pdf
from symbackprop.sheets.formats.text import to_text

Dialect = Literal["jupyter", "github", "key"]


@dataclass(frozen=True)
class Sheet:
    """A derivation, written down."""

    blocks: tuple[Block, ...]
    language: str
    folders: tuple[Path, ...]
    program: Callable[[], tuple[Block, ...]] = tuple
    """What a notebook adds: the cells that compute what the text derives, made when they are asked for."""

    def to_markdown(self, dialect: Dialect = "jupyter", picture: str | None = None) -> str:
        """Markdown; ``jupyter`` with ``$``, ``github`` with ``math`` fences.

        Pictures are drawn by Mermaid, or are files: `picture` and those that `pictures` names after it.
        """
        return to_markdown(self.blocks, self.folders, dialect, picture)

    def to_latex(self) -> str:
        """A LaTeX document: for pdflatex, or for xelatex where there are Chinese characters."""
        return to_latex(self.blocks, self.folders)

    def to_pdf(self) -> bytes:
        """The LaTeX document as a PDF, set by the TeX engine of this machine.

        Raises:
            SymbackpropError: there is no TeX engine, or it cannot set the sheet.
        """
        return to_pdf(self.to_latex())

    def to_html(self) -> str:
        """A self-contained HTML page with MathML: no script, nothing to load.

        Raises:
            SymbackpropError: math-core is not installed.
        """
        return to_html(self.blocks, self.folders, self.language)

    def to_notebook(self) -> str:
        """A Jupyter notebook as JSON text, with runnable cells."""
        return to_notebook((*self.blocks, *self.program()), self.folders)

    def to_text(self, width: int = 96) -> str:
        """Plain text for a terminal of `width` columns."""
        return to_text(self.blocks, self.folders, width)

    def save(self, path: Path | str, dialect: Dialect = "jupyter") -> Path:
        """Write the sheet to a file in the format of its ending; beside Markdown also the pictures as SVG.

        Raises:
            SymbackpropError: the ending is not one of .md, .tex, .html, .ipynb, .txt, .pdf; or it is .pdf and there
                is no TeX engine.
        """
        path = Path(path)
        if path.suffix == ".pdf":
            path.write_bytes(self.to_pdf())
            return path
        match path.suffix:
            case ".md":
                picture = path.with_suffix(".svg")
                for name, drawn in self.pictures(picture.name).items():
                    path.with_name(name).write_text(drawn, encoding="utf-8", newline="\n")
                content = self.to_markdown(dialect, picture.name)
            case ".tex":
                content = self.to_latex()
            case ".html":
                content = self.to_html()
            case ".ipynb":
                content = self.to_notebook()
            case ".txt":
                content = self.to_text()
            case other:
                raise SymbackpropError(
                    f"a sheet cannot be written as '{other}'",
                    hint="use a file that ends in .md, .tex, .html, .ipynb, .txt or .pdf",
                )
        path.write_text(content, encoding="utf-8", newline="\n")
        return path

    def pictures(self, first: str) -> dict[str, str]:
        """The pictures of the sheet as SVG by the names of their files, from the name of the first one's."""
        return {picture_of(first, b): b.diagram.svg() for b in walked(self.blocks) if isinstance(b, Figure)}

    # What Jupyter shows: HTML in a cell, Markdown where HTML is not wanted, the results alone as LaTeX.
    def _repr_html_(self) -> str | None:
        """The sheet as a part of a page; None, so that Markdown is shown, where math-core is not installed."""
        try:
            return to_html(self.blocks, self.folders, self.language, fragment=True)
        except MissingLibraryError:
            return None

    def _repr_markdown_(self) -> str:
        return self.to_markdown()

    def _repr_latex_(self) -> str:
        """The results, which stand in boxes on the sheet, as one displayed formula."""
        rows = tuple(row for b in walked(self.blocks) if isinstance(b, Formula) and b.boxed for row in b.rows)
        return f"$$\n{formula_source(folded(Formula(rows), PAGE))}\n$$"

    def __repr__(self) -> str:
        title = next((b.content for b in self.blocks if isinstance(b, Heading)), ())
        return f"<Sheet {''.join(p.text for p in title)!r}, {self.language}>"
