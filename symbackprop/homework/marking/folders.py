"""The files below a folder or in a ZIP file, as entries: a path inside, and how it is read.

Contract: names are only labels: nothing is opened by the name of a ZIP member. What operating systems leave behind
(``__MACOSX``, ``.DS_Store``, hidden files) is passed over; links to folders are not followed.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from symbackprop.errors import DataError
from symbackprop.homework.marking.sources import Budget, Problem, Source, file_source, member_source

MOST_MEMBERS = 200_000
"""Files of one folder or ZIP file."""

_JUNK = frozenset({"__macosx", "thumbs.db", "desktop.ini", "__pycache__"})
_UTF8 = 0x800


@dataclass(frozen=True)
class Entry:
    """A file within a folder or a ZIP file: its path there, and how it becomes a source with a label."""

    parts: tuple[str, ...]
    source: Callable[[str], Source]
    problem: Problem | None = None


def folder_entries(path: Path, leave_out: set[str]) -> Iterator[Entry]:
    """The files below a folder; a ZIP file among them counts as a folder.

    Raises:
        DataError: there are too many.
    """
    count = 0
    for where, folders, names in os.walk(path):
        folders[:] = [name for name in folders if not _is_junk(name)]
        for name in names:
            file = Path(where) / name
            if _is_junk(name) or os.path.realpath(file) in leave_out:
                continue
            parts = file.relative_to(path).parts
            for entry in _inside(file, parts) if name.lower().endswith(".zip") else [Entry(parts, _reader(file))]:
                count += 1
                _check_count(count, str(path))
                yield entry


def _reader(file: Path) -> Callable[[str], Source]:
    return lambda label: file_source(file, label)


def _inside(file: Path, parts: tuple[str, ...]) -> list[Entry]:
    """The members of a ZIP file in a folder; each opens it anew, since there may be thousands."""
    problem: Problem = "damaged"
    if file.is_symlink() or not file.is_file():
        problem = "link"
    else:
        try:
            with zipfile.ZipFile(file) as archive:
                found = _members(archive, file)
            return [replace(e, parts=parts + e.parts) for e in found] or [_broken(parts, "empty")]
        except (zipfile.BadZipFile, EOFError, NotImplementedError, OSError):
            problem = "damaged"
    return [_broken(parts, problem)]


def _broken(parts: tuple[str, ...], problem: Problem) -> Entry:
    return Entry(parts, lambda label: Source(label, problem=problem), problem)


def archive_entries(path: Path, stack: ExitStack) -> list[Entry]:
    """The members of a ZIP file, which stays open in `stack`.

    Raises:
        DataError: it cannot be read, or holds too many.
    """
    try:
        archive = stack.enter_context(zipfile.ZipFile(path))
    except (zipfile.BadZipFile, EOFError, NotImplementedError):
        raise DataError(f"{path} is not a ZIP file, or it is damaged") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from None
    return _members(archive, archive)


def _members(archive: zipfile.ZipFile, opened: zipfile.ZipFile | Path) -> list[Entry]:
    budget = Budget()
    found: list[Entry] = []
    _check_count(len(archive.infolist()), str(archive.filename))
    for member in archive.infolist():
        parts = tuple(p for p in _name(member).replace("\\", "/").split("/") if p not in ("", ".", ".."))
        if not parts or member.is_dir() or any(map(_is_junk, parts)):
            continue
        if parts[-1].lower().endswith(".zip"):
            found.append(_broken(parts, "archive"))
        else:
            found.append(Entry(parts, _unpacker(opened, member, budget)))
    return _without_top(found)


def _unpacker(opened: zipfile.ZipFile | Path, member: zipfile.ZipInfo, budget: Budget) -> Callable[[str], Source]:
    return lambda label: member_source(opened, member, label, budget)


def _name(member: zipfile.ZipInfo) -> str:
    """The name of a member; many programs write UTF-8 without saying so."""
    if member.flag_bits & _UTF8:
        return member.filename
    try:
        return member.filename.encode("cp437").decode("utf-8")
    except (UnicodeEncodeError, UnicodeDecodeError):
        return member.filename


def _without_top(entries: list[Entry]) -> list[Entry]:
    """A ZIP file that holds one folder is that folder."""
    tops = {entry.parts[0] for entry in entries}
    if len(tops) == 1 and all(len(entry.parts) > 1 for entry in entries):
        return [replace(entry, parts=entry.parts[1:]) for entry in entries]
    return entries


def _check_count(count: int, place: str) -> None:
    if count > MOST_MEMBERS:
        raise DataError(f"{place} holds more than {MOST_MEMBERS:,} files")


def _is_junk(name: str) -> bool:
    return name.startswith((".", "~$")) or name.lower() in _JUNK
