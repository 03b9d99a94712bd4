"""Reads what was handed in: bytes of a file, of a ZIP member or of standard input -> text, or what is wrong with it.

Contract: `Source.read()` never raises for what a student handed in: an empty, binary or too large file is `Handed` with
a problem. No more than the limit is ever read or unpacked, and nothing is unpacked to disk.
"""

from __future__ import annotations

import os
import stat
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Literal

LARGEST_FILE = 1_000_000
"""Bytes of one handed-in file; what is longer is no homework."""
LARGEST_ARCHIVE = 1 << 30
"""Bytes that one ZIP file may unpack to, over all members."""

Problem = Literal["empty", "binary", "encoding", "large", "kind", "archive", "encrypted", "damaged", "link", "unread"]
Content = Callable[[int], bytes]
"""The first bytes of a file, at most as many as asked for."""


class _SpentError(Exception):
    """A ZIP file has unpacked to more than it may."""


@dataclass(frozen=True)
class Handed:
    """One file of a student.

    Attributes:
        label: how the file is called in records; never opened as a path.
        text: what stands in it; empty where there is a problem.
        problem: why it cannot be read: a key of the phrases under ``report.file``.
    """

    label: str
    text: str = ""
    problem: Problem | None = None


@dataclass
class Budget:
    """How many bytes a ZIP file may still unpack to; a ZIP bomb spends them soon."""

    left: int = LARGEST_ARCHIVE

    def spend(self, size: int) -> None:
        """Count what was unpacked."""
        self.left -= size
        if self.left < 0:
            raise _SpentError


@dataclass(frozen=True)
class Source:
    """A file that is read when it is needed.

    Attributes:
        label: how it is called in records.
        content: its bytes; None where `problem` says why not.
        problem: what is known to be wrong before reading.
    """

    label: str
    content: Content | None = field(repr=False, default=None)
    problem: Problem | None = None

    def read(self) -> Handed:
        """The text, or what is wrong.

        >>> Source("a.md", lambda limit: b"dW = 1").read()
        Handed(label='a.md', text='dW = 1', problem=None)
        >>> Source("a.txt", lambda limit: bytes([0xFF, 0xD8])).read().problem
        'encoding'
        """
        if self.content is None:
            return Handed(self.label, problem=self.problem or "unread")
        try:
            found = self.content(LARGEST_FILE + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError):
            return Handed(self.label, problem="damaged")
        except NotImplementedError:  # a way to compress that we do not unpack
            return Handed(self.label, problem="archive")
        except _SpentError:
            return Handed(self.label, problem="large")
        except OSError:
            return Handed(self.label, problem="unread")
        return _text(self.label, found)


def _text(label: str, found: bytes) -> Handed:
    if len(found) > LARGEST_FILE:
        return Handed(label, problem="large")
    try:
        text = found.decode("utf-8-sig")
    except UnicodeDecodeError:
        return Handed(label, problem="encoding")
    if "\0" in text:
        return Handed(label, problem="binary")
    return Handed(label, text) if text.strip() else Handed(label, problem="empty")


def file_source(path: Path, label: str, *, trusted: bool = False) -> Source:
    """A file on disk; links and devices are only read where the user named them (`trusted`)."""
    if not trusted:
        try:
            kind = path.lstat().st_mode
        except OSError:
            return Source(label, problem="unread")
        if not stat.S_ISREG(kind):
            return Source(label, problem="link")

    def content(limit: int) -> bytes:
        flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | (0 if trusted else getattr(os, "O_NOFOLLOW", 0))
        with os.fdopen(os.open(path, flags), "rb") as stream:
            return _upto(stream, limit)

    return Source(label, content)


def member_source(archive: zipfile.ZipFile | Path, member: zipfile.ZipInfo, label: str, budget: Budget) -> Source:
    """A member of a ZIP file, unpacked into memory when it is read; a path is opened for it."""
    if member.flag_bits & 0x1:
        return Source(label, problem="encrypted")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return Source(label, problem="archive")
    if stat.S_ISLNK(member.external_attr >> 16):
        return Source(label, problem="link")

    def content(limit: int) -> bytes:
        budget.spend(0)
        if isinstance(archive, Path):
            with zipfile.ZipFile(archive) as opened, opened.open(member) as stream:
                found = _upto(stream, limit)
        else:
            with archive.open(member) as stream:
                found = _upto(stream, limit)
        budget.spend(len(found))
        return found

    return Source(label, content)


def _upto(stream: IO[bytes], limit: int) -> bytes:
    """At most `limit` bytes; a pipe gives them in pieces."""
    pieces: list[bytes] = []
    while limit > 0 and (piece := stream.read(min(limit, 1 << 16))):
        pieces.append(piece)
        limit -= len(piece)
    return b"".join(pieces)
