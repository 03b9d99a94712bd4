"""The work of one process: mark students, from plain data to plain data.

Contract: `Setup` is everything that marking depends on, in a form that goes to any machine; `mark_students(setup,
tasks)` is a pure function of its arguments, the same in every process. The judge of the last setup is kept.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from symbackprop.derivation import Derivation
from symbackprop.derivation.records import DeltaConvention
from symbackprop.errors import DataError
from symbackprop.homework.judging.judge import Judge
from symbackprop.homework.marking.code_answers import without_code
from symbackprop.homework.marking.marks import Marked, Scheme
from symbackprop.homework.marking.rubric import Rubric, read_rubric
from symbackprop.homework.marking.sources import Handed
from symbackprop.homework.messages import Messages
from symbackprop.homework.records import Record
from symbackprop.homework.values.given import world_of_values
from symbackprop.network import Network
from symbackprop.notation.reader import read_specification


@dataclass(frozen=True)
class Setup:
    """What answers are marked against.

    Attributes:
        network: the text of the network file.
        name: its name, which says how it is written (``.md``, ``.tex``).
        delta: the convention for 1/m.
        language: of the messages.
        values: names and numbers of a worked point, as JSON; empty: none.
        rubric: the text of the rubric; None: there is none.
        rubric_name: of its file.
    """

    network: str
    name: str | None = None
    delta: DeltaConvention = "cost"
    language: str = "en"
    values: str = ""
    rubric: str | None = None
    rubric_name: str = "rubric.toml"

    @property
    def key(self) -> str:
        """The same for the same setup and the same release."""
        return _digest(
            version("symbackprop"), self.network, self.name, self.delta, self.language, self.values, self.rubric
        )


@dataclass(frozen=True)
class Task:
    """What one student handed in."""

    student: str
    files: tuple[Handed, ...]

    def key(self, setup: Setup) -> str:
        """The same for the same setup, student and texts: what has it need not be marked again."""
        return _digest(
            setup.key, self.student, *(str(part) for f in self.files for part in (f.label, f.text, f.problem))
        )


def _digest(*parts: str | None) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def values_text(values: Mapping[str, Any] | None) -> str:
    """Values as the JSON of a setup: exact, in the order of their names.

    Raises:
        DataError: a value is no array of numbers.
    """
    if not values:
        return ""
    try:
        return json.dumps({name: np.asarray(values[name], dtype=float).tolist() for name in sorted(values)})
    except (TypeError, ValueError):
        raise DataError("a value is no array of numbers") from None


def judge_of(
    derivation: Derivation, values: Mapping[str, Any] | None, language: str, required: tuple[str, ...] | None
) -> Judge:
    """The judge of a derivation; without values it is made once and kept with the derivation.

    Raises:
        DataError: the values fit nothing, or are not complete.
        NotationError: a required target is not known.
    """
    if not values:
        judges = _JUDGES.setdefault(derivation, {})
        if (language, required) not in judges:
            judges[language, required] = Judge(derivation, Messages(language), None, required)
        return judges[language, required]
    given = world_of_values(derivation, values)
    if given is None:
        raise DataError(
            "the values are not complete, so that no number can be judged",
            hint="give every input, target, parameter and constant",
        )
    return Judge(derivation, Messages(language), given, required)


_JUDGES: WeakKeyDictionary[Derivation, dict[tuple[str, tuple[str, ...] | None], Judge]] = WeakKeyDictionary()


class Marker:
    """Marks students of one setup.

    Raises:
        SymbackpropError: the network or the rubric cannot be used, or values are missing.
    """

    def __init__(self, setup: Setup) -> None:
        self.network = Network(read_specification(setup.network, setup.name))
        self.rubric: Rubric | None = None if setup.rubric is None else read_rubric(setup.rubric, setup.rubric_name)
        wanted = self.rubric.targets if self.rubric is not None else None
        values = json.loads(setup.values) if setup.values else None
        self.judge = judge_of(Derivation(self.network, setup.delta), values, setup.language, wanted)
        self.scheme = Scheme(self.judge, self.rubric)
        self._words = Messages(setup.language, prefix="report.")
        self._lock = threading.Lock()  # a cluster may run several threads in one process

    def mark(self, task: Task) -> Marked:
        """The verdicts on all files of a student; what is missing is missing in all of them."""
        with self._lock, np.errstate(all="ignore"):
            found = [record for handed in task.files for record in self._file(handed)]
        return self.scheme.marked(task.student, _with_missing(found, len(task.files)))

    def _file(self, handed: Handed) -> list[Record]:
        if handed.problem is None:
            return self.judge.mark(without_code(handed.text, handed.label), handed.label)
        trouble = Record("", "unreadable", handed.label, message=self._words(f"file.{handed.problem}"))
        return [trouble, *(r for r in self.judge.mark("", handed.label) if r.verdict == "missing")]


def _with_missing(records: Sequence[Record], files: int) -> list[Record]:
    """The records of all files; a target is missing where every file lacks it."""
    lacking: dict[str, list[Record]] = {}
    for record in records:
        if record.verdict == "missing":
            lacking.setdefault(record.target, []).append(record)
    kept = [r for r in records if r.verdict != "missing"]
    everywhere = [same[0] for same in lacking.values() if len(same) == files]
    return [*kept, *(record if files == 1 else record.in_file("") for record in everywhere)]


@lru_cache(maxsize=1)
def marker(setup: Setup) -> Marker:
    """The marker of a setup, made once in a process."""
    return Marker(setup)


def mark_students(setup: Setup, tasks: Iterable[Task]) -> list[Marked]:
    """Mark students, in their order."""
    own = marker(setup)
    return [own.mark(task) for task in tasks]
