"""Finds the students in files, folders and ZIP files.

Contract: a file is one student; in a folder of folders, a folder is. `find_students` lists names, in natural order, and
reads nothing but lists of files; the texts are read when a student's turn comes.
"""

from __future__ import annotations

import os
import re
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from symbackprop.errors import DataError, visible
from symbackprop.homework.marking.folders import Entry, archive_entries, folder_entries
from symbackprop.homework.marking.sources import Handed, Source, file_source

ENDINGS = (".txt", ".md", ".markdown", ".tex", ".py")
"""Files that are read as answers in folders; a file named on its own may have any ending."""
MOST_FILES = 100
"""Files of one student."""

_DIGITS = re.compile(r"([0-9]+)")


@dataclass(frozen=True)
class Student:
    """Someone who handed something in.

    Attributes:
        name: the name of the file or folder, within the folder that was given.
        sources: the files.
        place: the folder or ZIP file in which the name is looked for.
    """

    name: str
    sources: tuple[Source, ...]
    place: str = ""

    def read(self) -> tuple[Handed, ...]:
        """The texts, read now."""
        return tuple(source.read() for source in self.sources)


def find_students(places: Sequence[str], stack: ExitStack, leave_out: Iterable[str] = ()) -> list[Student]:
    """The students of files, folders, ZIP files and ``-`` (standard input).

    Args:
        places: what was named on the command line, in its order.
        stack: closes the ZIP files when everything is read.
        leave_out: files in the folders that are no answers: the network, the rubric, the report.

    Raises:
        DataError: a place does not exist, is no ZIP file, or holds no answers.
    """
    kept_out = {os.path.realpath(path) for path in leave_out}
    return _with_unique_names([student for place in places for student in _at(place, stack, kept_out)])


def _at(place: str, stack: ExitStack, leave_out: set[str]) -> list[Student]:
    path = Path(place)
    if place == "-":
        return [Student("-", (Source("-", _standard_input),))]
    if path.is_dir():
        found = _students(folder_entries(path, leave_out))
    elif not path.exists():
        raise DataError(f"there is no file or folder {place}", hint="give files, folders, ZIP files, or -")
    elif path.suffix.lower() == ".zip":
        found = _students(archive_entries(path, stack))
    else:
        return [Student(_clean(path.name), (file_source(path, _clean(place), trusted=True),), _clean(str(path.parent)))]
    if not found:
        raise DataError(f"{place} holds no answers", hint=f"answers end in {', '.join(ENDINGS)}")
    return [replace(student, place=_clean(str(path))) for student in found]


def _standard_input(limit: int) -> bytes:
    return sys.stdin.buffer.read(limit)


def _students(entries: Iterable[Entry]) -> list[Student]:
    """Files directly in a folder are students, and so are its folders, with all that is below them."""
    found: list[Student] = []
    folders: dict[str, list[Entry]] = {}
    for entry in entries:
        if len(entry.parts) == 1:
            found.append(Student(_clean(entry.parts[0]), (_source(entry),)))
        else:
            folders.setdefault(entry.parts[0], []).append(entry)
    found += [Student(_clean(name), _sources(members)) for name, members in folders.items()]
    return sorted(found, key=lambda student: _natural(student.name))


def _sources(members: list[Entry]) -> tuple[Source, ...]:
    """The answers of one student; pictures and the like are left out where there are answers beside them."""
    members = sorted(members, key=lambda entry: _natural("/".join(entry.parts)))
    answers = [e for e in members if _is_answer(e)]
    return tuple(_source(entry) for entry in (answers or members)[:MOST_FILES])


def _source(entry: Entry) -> Source:
    label = _clean("/".join(entry.parts))
    return entry.source(label) if _is_answer(entry) else Source(label, problem=entry.problem or "kind")


def _is_answer(entry: Entry) -> bool:
    return entry.parts[-1].lower().endswith(ENDINGS)


def _clean(name: str) -> str:
    """A name that can be printed in one line."""
    return visible(name).replace("\n", "\ufffd").replace("\t", "\ufffd")


def _natural(name: str) -> tuple[list[tuple[int, int, str]], str]:
    """Order in which ``student-2`` comes before ``student-10``."""
    return [
        (0, int(p[:18]), "") if p.isdigit() and p.isascii() else (1, 0, p.casefold()) for p in _DIGITS.split(name)
    ], name


def _with_unique_names(students: Sequence[Student]) -> list[Student]:
    """No two students with one name: where files have the same, their places tell them apart, else a number."""
    counts = Counter(student.name for student in students)
    found: list[Student] = []
    taken: set[str] = set()
    for student in students:
        name = student.name
        if counts[name] > 1 and student.place:
            name = f"{student.place}/{name}"
        number, unique = 1, name
        while unique in taken:
            number += 1
            unique = f"{name} ({number})"
        taken.add(unique)
        found.append(replace(student, name=unique))
    return found
