"""The errors that users see: what is wrong, where it stands, and what to write instead.

Every error of the package derives from `SymbackpropError`; its text shows the line, with a caret under the
mistake. Imports nothing of the package.
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable
from typing import Self

INDENT = "    "
WINDOW = 96
"""Widest excerpt of a source line, in terminal columns."""
TAB = 4

Span = tuple[int, int]
"""Half-open range of character positions, `text[start:end]`."""


class SymbackpropError(Exception):
    r"""Something the user wrote or gave cannot be used.

    `text` is the source line, `line` its number in `file` (from 1), `span` the characters of `text` that are
    wrong (from 0, end excluded), `hint` what to write instead. All of them are optional and may be filled in
    later with `located`, by a caller that knows more.

    >>> hint = r"write \sigma instead"
    >>> print(SymbackpropError("unknown command", text=r"a = \simga(z)", line=3, span=(4, 10), hint=hint))
    line 3, column 5: unknown command
        a = \simga(z)
            ^^^^^^
        write \sigma instead
    """

    message: str
    text: str | None
    line: int | None
    span: Span | None
    hint: str | None
    file: str | None

    def __init__(
        self,
        message: str,
        *,
        text: str | None = None,
        line: int | None = None,
        span: Span | None = None,
        hint: str | None = None,
        file: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.text = text
        self.line = line
        self.span = span
        self.hint = hint
        self.file = file

    def located(
        self,
        *,
        text: str | None = None,
        line: int | None = None,
        span: Span | None = None,
        file: str | None = None,
    ) -> Self:
        """This error, with what it does not yet know about its place filled in."""
        if self.text is None:
            self.text, self.span = text, span
        self.line = line if self.line is None else self.line
        self.file = file if self.file is None else self.file
        return self

    @property
    def place(self) -> str:
        """Where it is, in words: `net.md, line 3, column 5`; empty if unknown."""
        parts: list[str] = []
        if self.file is not None:
            parts.append(visible(self.file))
        if self.line is not None:
            parts.append(f"line {self.line}")
        if self.text is not None and self.span is not None:
            parts.append(f"column {self.span[0] + 1}")
        return ", ".join(parts)

    def __str__(self) -> str:
        place = self.place
        lines = [f"{place}: {visible(self.message)}" if place else visible(self.message)]
        if self.text is not None:
            lines += [INDENT + row for row in excerpt(self.text, self.span)]
        if self.hint is not None:
            lines.append(INDENT + visible(self.hint))
        return "\n".join(lines)


class NotationError(SymbackpropError):
    """The text cannot be read: an unknown command, a missing bracket, an ambiguous notation."""


class NetworkError(SymbackpropError):
    """The text can be read, but it is not a network: a cycle, shapes that do not fit, two losses."""


class DataError(SymbackpropError):
    """Values, data or files that do not fit the network."""


def excerpt(text: str, span: Span | None) -> list[str]:
    r"""The source line and, below it, carets under `span`; long lines are cut to a window around the caret.

    Tabs are expanded and wide (Chinese) characters count two columns, so that the caret stands right in a
    terminal.

    >>> print("\n".join(excerpt("损失 = x ? y", (7, 8))))
    损失 = x ? y
             ^
    """
    start, end = span if span is not None else (0, 0)
    start = min(max(start, 0), len(text))
    end = min(max(end, start), len(text))
    # Cut by characters first: a line of a megabyte must not be measured as a whole.
    first = max(0, start - WINDOW)
    cells = _cells(text[first : start + WINDOW])
    at = start - first
    left, right = at, at
    width = 0
    while right < len(cells) and width + columns(cells[right]) <= WINDOW // 2:
        width += columns(cells[right])
        right += 1
    while left > 0 and width + columns(cells[left - 1]) <= WINDOW:
        left -= 1
        width += columns(cells[left])
    while right < len(cells) and width + columns(cells[right]) <= WINDOW:
        width += columns(cells[right])
        right += 1
    head = "…" if first + left > 0 else ""
    tail = "…" if first + right < len(text) else ""
    rows = [(head + "".join(cells[left:right]) + tail).rstrip()]
    if span is not None:
        offset = len(head) + sum(map(columns, cells[left:at]))
        marked = sum(map(columns, cells[at : min(end - first, right)]))
        rows.append(" " * offset + "^" * max(1, marked))
    return rows


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant: one with the same letters first, else the most similar.

    >>> closest("tahn", ["tan", "tanh"]), closest("simga", ["sigma", "sim"]), closest("xyz", ["tanh"])
    ('tanh', 'sigma', None)
    """
    close = difflib.get_close_matches(word, known, 5, 0.6)
    letters = sorted(word)
    return next((c for c in close if sorted(c) == letters), close[0] if close else None)


def visible(text: str) -> str:
    """The text with control, bidirectional and unprintable characters replaced, safe to show in a terminal.

    >>> visible("a" + chr(0x202E) + "b")
    'a\ufffdb'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c in {"\n", "\t"} or not is_unprintable(c) else "\ufffd" for c in text)


def is_unprintable(character: str) -> bool:
    """Whether a character is a control, format (bidirectional), surrogate, private or line-separator one."""
    return unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def columns(cell: str) -> int:
    """Number of terminal columns that a string takes.

    >>> columns("损"), columns("x")
    (2, 1)
    """
    if cell.isascii():
        return len(cell)
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in cell)


def _cells(text: str) -> list[str]:
    """What is printed for every character of the text."""
    cells: list[str] = []
    column = 0
    for character in text:
        shown = "\ufffd" if is_unprintable(character) else character
        cell = " " * (TAB - column % TAB) if character == "\t" else shown
        cells.append(cell)
        column += columns(cell)
    return cells
