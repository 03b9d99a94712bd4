"""Sheets: a derivation as text that people read, in every format and language.

`compose` writes a `Sheet` of blocks; the sheet renders itself as Markdown, LaTeX, HTML, notebook and text.
"""

from symbackprop.sheets.compose import compose
from symbackprop.sheets.sheet import Sheet

__all__ = ["Sheet", "compose"]
