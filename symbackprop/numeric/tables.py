"""Tables of numbers: CSV text -> columns by name, every mistake with its line and column.

Contract: `read_csv` reads the table at once, which is fast; only where that fails does it look for the place.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symbackprop.errors import DataError, Span

SEPARATORS = (";", "\t", ",")
"""The first that stands in the head separates: an element such as X[1,2] has a comma of its own."""

HEAD_HINT = "the first line names the columns: x_1,x_2,y"
NUMBER_HINT = "columns are separated by commas, semicolons or tabs, and a decimal point is a point: 0.5"


@dataclass(frozen=True)
class _Line:
    """A line of a file that is not empty and not a comment, with the file's separator."""

    file: str
    number: int
    text: str
    separator: str

    def error(self, message: str, span: Span | None = None, hint: str | None = None) -> DataError:
        return DataError(message, text=self.text, line=self.number, span=span, file=self.file, hint=hint)

    def cells(self) -> list[tuple[str, Span]]:
        """The cells without their quotes, and where they stand.

        Raises:
            DataError: a quotation mark is not closed.
        """
        if self.text.count('"') % 2:
            at = self.text.rindex('"')
            raise self.error("a quotation mark is not closed", (at, at + 1))
        found: list[tuple[str, Span]] = []
        end = 0
        for cell in _split(self.text, self.separator):
            start = max(self.text.find(cell.strip(), end), end)
            found.append((cell.strip(), (start, start + max(1, len(cell.strip())))))
            after = self.text.find(self.separator, start + len(cell.strip()))
            end = len(self.text) if after < 0 else after + 1
        return found


def read_csv(text: str, file: str) -> dict[str, Any]:
    r"""Columns by header, each an array of float64 with one number for each row.

    Columns are separated by commas, semicolons or tabs; cells may be quoted, empty lines and lines that begin
    with ``#`` are skipped.

    Raises:
        DataError: with line and column of what is no name, no finite number, missing, or too much.

    >>> {name: column.tolist() for name, column in read_csv("x_1,y\n0,1\n0.5,0\n", "xor.csv").items()}
    {'x_1': [0.0, 0.5], 'y': [1.0, 0.0]}
    """
    rows = [
        (number, line)
        for number, line in enumerate(text.splitlines(), start=1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    if not rows:
        raise DataError("the file is empty", file=file, hint=HEAD_HINT)
    separator = next((c for c in SEPARATORS if c in rows[0][1]), ",")
    head = _Line(file, *rows[0], separator)
    names = _names(head)
    if len(rows) == 1:
        raise head.error("there are names, but no rows of numbers")
    table = _at_once([line for _, line in rows[1:]], separator, len(names))
    if table is None:
        raise next(_mistakes((_Line(file, *row, separator) for row in rows[1:]), names))
    return dict(zip(names, table, strict=True))


def _names(head: _Line) -> list[str]:
    """The names of the columns."""
    found: dict[str, Span] = {}
    for name, span in head.cells():
        if not name:
            raise head.error("a column without a name", span, HEAD_HINT)
        if _is_number(name):
            raise head.error(f"the first line holds {name}, a number, where a name should stand", span, HEAD_HINT)
        if name in found:
            raise head.error(f"the column {name} stands twice", span, "give every column a name of its own")
        found[name] = span
    return list(found)


def _at_once(lines: Sequence[str], separator: str, width: int) -> Any:
    """The table with columns in front, or None where something in it is wrong."""
    if any('"' in line and line.count('"') % 2 for line in lines):
        return None
    try:
        table = np.array([[float(cell) for cell in _split(line, separator)] for line in lines])
    except ValueError:  # no number, or rows of different lengths
        return None
    return np.ascontiguousarray(table.T) if table.shape[1] == width and np.isfinite(table).all() else None


def _mistakes(lines: Iterable[_Line], names: Sequence[str]) -> Iterator[DataError]:
    """What is wrong in the rows of numbers, from the top."""
    for line in lines:
        cells = line.cells()
        if len(cells) != len(names):
            span = cells[min(len(cells), len(names)) - 1][1]
            count = "1 number" if len(cells) == 1 else f"{len(cells)} numbers"
            yield line.error(f"{count} for {len(names)} columns", span, f"the columns are {', '.join(names)}")
        for name, (cell, span) in zip(names, cells, strict=False):
            if not cell:
                yield line.error(f"{name}: a number is missing", span)
            elif not _is_number(cell):
                yield line.error(f"{name}: {cell!r} is not a number", span, NUMBER_HINT)
            elif not np.isfinite(float(cell)):
                yield line.error(f"{name}: {cell} is not a finite number", span)


def _split(line: str, separator: str) -> list[str]:
    """The cells of a line without their quotes."""
    if '"' not in line:
        return line.split(separator)
    return next(csv.reader([line], delimiter=separator, skipinitialspace=True))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
