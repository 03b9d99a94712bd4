"""Finished students on disk, so that an interrupted run goes on where it stopped and memory stays flat.

Contract: every line of the file is a key and what the student with that key gets; a line that was not finished is cut
off. In memory there are only keys and places.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from symbackprop.errors import DataError
from symbackprop.homework.marking.marks import Marked

ENDING = ".partial.jsonl"


def journal_path(report: str) -> Path:
    """The side file of a report.

    >>> journal_path("marks/class.csv").name
    'class.csv.partial.jsonl'
    """
    return Path(report + ENDING)


class Journal:
    """The results of finished students, by key.

    Args:
        path: of the file; it is made where it is missing, and read where it is there.

    Raises:
        DataError: it cannot be opened, or is no file of ours.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._places: dict[bytes, int] = {}
        try:
            self._stream: BinaryIO = open(path, "r+b" if path.exists() else "w+b")  # noqa: SIM115 - closed by __exit__
        except OSError as error:
            raise DataError(f"{path} cannot be written: {error.strerror or error}") from None
        self._end = self._read_places()
        self._stream.truncate(self._end)

    def _read_places(self) -> int:
        """Where every student begins; the end of the last whole line."""
        place = 0
        for line in self._stream:
            entry = _entry(line)
            if entry is None and line.endswith(b"\n"):
                self._stream.close()
                raise DataError(
                    f"{self.path} is no side file of a report", hint="move it away, or give the report another name"
                )
            if entry is None:
                break
            self._places[bytes.fromhex(entry[0])] = place
            place += len(line)
        return place

    def __contains__(self, key: str) -> bool:
        return bytes.fromhex(key) in self._places

    def __len__(self) -> int:
        return len(self._places)

    def add(self, key: str, marked: Marked) -> None:
        """Keep what a student gets; it is in the hands of the system when this returns."""
        line = json.dumps({"key": key, "marked": marked.to_json()}, ensure_ascii=False).encode() + b"\n"
        try:
            self._stream.seek(self._end)
            self._stream.write(line)
            self._stream.flush()
        except OSError as error:
            raise DataError(f"{self.path} cannot be written: {error.strerror or error}") from None
        self._places[bytes.fromhex(key)] = self._end
        self._end += len(line)

    def read(self, keys: list[str]) -> Iterator[Marked]:
        """What the students with these keys get, in this order."""
        for key in keys:
            self._stream.seek(self._places[bytes.fromhex(key)])
            entry = _entry(self._stream.readline())
            if entry is None:
                raise DataError(f"{self.path} was changed while it was read")
            yield entry[1]

    def remove(self) -> None:
        """The report is complete: the side file goes."""
        self._stream.close()
        self.path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stream.close()
        if not self._places and self.path.exists() and os.path.getsize(self.path) == 0:
            self.path.unlink()


def _entry(line: bytes) -> tuple[str, Marked] | None:
    """Key and result of a line; None where it is not whole."""
    try:
        found: Any = json.loads(line)
        bytes.fromhex(found["key"])
        return found["key"], Marked.from_json(found["marked"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
