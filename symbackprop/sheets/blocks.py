"""The blocks of a sheet: what is said, in which order, without any markup.

Contract: frozen data only. Words are `Text` and `Strong`, mathematics is `Math` (LaTeX and its twin for a
terminal); a format decides what they look like and escapes what is text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar


@dataclass(frozen=True)
class Text:
    """Plain words."""

    text: str


@dataclass(frozen=True)
class Strong:
    """Words that carry weight."""

    text: str


@dataclass(frozen=True)
class Math:
    """A piece of mathematics: LaTeX, and the same for a terminal."""

    latex: str
    text: str

    def __add__(self, other: Math) -> Math:
        return Math(self.latex + other.latex, self.text + other.text)

    def __bool__(self) -> bool:
        return bool(self.latex)


Inline = Text | Strong | Math
Line = tuple[Inline, ...]
"""Words and mathematics that run on in one line."""

NOTHING = Math("", "")
EQUALS = Math("=", "=")
BECOMES = Math(r"\leftarrow", "←")


def joined(pieces: Iterable[Math], glue: Math) -> Math:
    """Pieces of mathematics with something between them.

    >>> joined([Math("a", "a"), Math("b", "b")], Math(" = ", " = ")).latex
    'a = b'
    """
    found = list(pieces)
    return Math(glue.latex.join(p.latex for p in found), glue.text.join(p.text for p in found))


@dataclass(frozen=True)
class Heading:
    """The title of a section; `level` 1 is the title of the sheet."""

    level: int
    content: Line
    kind: ClassVar[str] = "heading"


@dataclass(frozen=True)
class Paragraph:
    """A paragraph of words and inline mathematics."""

    content: Line
    kind: ClassVar[str] = "paragraph"


@dataclass(frozen=True)
class Row:
    """One aligned line of a formula: ``left relation right``, then a condition such as ``i = 1, ..., n``.

    A row without a left side continues the one above, a row without a relation continues its right side.
    `beside` are short rows of their own that may stand on the same line where there is room.
    """

    left: Math
    right: Math
    relation: Math = EQUALS
    condition: Math = NOTHING
    beside: tuple[Row, ...] = ()

    @property
    def line(self) -> Math:
        """What stands right of the relation when everything is on one line."""
        found = self.right
        for row in self.beside:
            found = found + Math(r",\qquad ", ",   ") + row.left
            found = found + Math(f" {row.relation.latex} ", f" {row.relation.text} ") + row.right
        if not self.condition:
            return found
        return found + Math(r" \qquad ", "    ") + self.condition


@dataclass(frozen=True)
class Formula:
    """A displayed formula of one or more aligned lines; a boxed one is a result."""

    rows: tuple[Row, ...]
    boxed: bool = False
    kind: ClassVar[str] = "formula"

    @property
    def narrow(self) -> Formula:
        """The same with every row on a line of its own, for narrow screens."""
        single = tuple(r for row in self.rows for r in (replace(row, beside=()), *row.beside))
        return Formula(single, self.boxed)


@dataclass(frozen=True)
class Table:
    """A table; `wide` is the column that takes the room which is left (words that may wrap)."""

    header: tuple[Line, ...]
    rows: tuple[tuple[Line, ...], ...]
    wide: int
    kind: ClassVar[str] = "table"


@dataclass(frozen=True)
class Figure:
    """A picture; `diagram` knows how to draw itself. `suffix` tells the files of several pictures apart."""

    diagram: Any
    caption: Line
    suffix: str = ""
    kind: ClassVar[str] = "figure"


@dataclass(frozen=True)
class Note:
    """A remark beside the derivation; `label` says what it is: a common slip, a hint."""

    label: Line
    content: Line
    kind: ClassVar[str] = "note"


@dataclass(frozen=True)
class Code:
    """A program; a runnable one becomes a code cell of a notebook."""

    source: str
    language: str = "python"
    runnable: bool = False
    kind: ClassVar[str] = "code"


@dataclass(frozen=True)
class Details:
    """Steps that a reader may fold away, under a heading of `level` (0: under a line of text)."""

    summary: Line
    blocks: tuple[Block, ...]
    level: int = 0
    open: bool = True
    kind: ClassVar[str] = "details"


Block = Heading | Paragraph | Formula | Table | Figure | Note | Code | Details


def walked(blocks: Iterable[Block]) -> Iterator[Block]:
    """All blocks in order, those that may be folded away among them."""
    for block in blocks:
        yield block
        if isinstance(block, Details):
            yield from walked(block.blocks)
