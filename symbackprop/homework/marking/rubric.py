r"""A rubric: what is required, and how many points there are for it.

Contract: `read_rubric(text, file)` reads TOML; every mistake in it is one `DataError`. `Rubric.points(...)` is a pure
function of a verdict, its links and its mistake. Everything may be left out:

    title = "Homework 3"
    required = ["dE/dw_12", "dE/dw_14"]  # default: the targets under [points], or else all parameters
    attempts = "last"                    # of several answers to one target count: last, best or worst

    [points]
    default = 1                          # of a target that is not named here
    "dE/dw_12" = 3                       # any spelling of a target
    "dE/dz" = 1

    [credit]                             # what part of a target's points there is for an answer that is not correct
    follows = 0.5                        # right, given an earlier wrong answer
    steps = 0.4                          # shared among the links of a wrong answer, for those that are right
    not_judged = 0

    [deductions]                         # a wrong answer with this mistake loses only this part of the points
    sign = 0.25
    missing_factor = 0.5
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, cast, get_args

from symbackprop.errors import DataError, closest
from symbackprop.homework.records import MISTAKES, Record

Attempts = Literal["last", "best", "worst"]
CREDITS = ("follows", "steps", "not_judged", "unreadable")
_NOTHING: Mapping[str, float] = MappingProxyType({})
_SETTINGS = ("title", "required", "attempts", "points", "credit", "deductions")


@dataclass(frozen=True)
class Rubric:
    """Points for targets.

    Attributes:
        title: of the reports.
        required: targets in the author's spelling; None: those with points, or all parameters.
        points: target in the author's spelling -> points.
        default: points of a required target without an entry.
        credit: word -> part of the points, from 0 to 1.
        deductions: mistake -> part of the points that it costs.
        attempts: which of several answers to a target counts.
    """

    title: str = ""
    required: tuple[str, ...] | None = None
    points: Mapping[str, float] = field(default_factory=lambda: _NOTHING)
    default: float = 1.0
    credit: Mapping[str, float] = field(default_factory=lambda: _NOTHING)
    deductions: Mapping[str, float] = field(default_factory=lambda: _NOTHING)
    attempts: Attempts = "last"

    @property
    def targets(self) -> tuple[str, ...] | None:
        """What has points or is required, in the author's spelling; None: all parameters."""
        if self.required is None:
            return tuple(self.points) or None
        return (*self.required, *(t for t in self.points if t not in self.required))

    def part(self, record: Record) -> float:
        """What part of its target's points an answer earns, from 0 to 1.

        >>> rubric = Rubric(credit={"steps": 0.4, "follows": 0.5}, deductions={"sign": 0.25})
        >>> rubric.part(Record("dE/dw", "follows"))
        0.5
        >>> rubric.part(Record("dE/dw", "wrong", links=("correct", "wrong"), mistake="order"))
        0.2
        >>> rubric.part(Record("dE/dw", "wrong", links=("correct", "wrong"), mistake="sign"))
        0.75
        """
        if record.verdict == "correct":
            return 1.0
        if record.verdict != "wrong":
            return self.credit.get(record.verdict, 0.0)
        right = record.links.count("correct") / len(record.links) if record.links else 0.0
        steps = self.credit.get("steps", 0.0) * right
        if record.mistake is not None and record.mistake in self.deductions:
            return max(steps, 1.0 - self.deductions[record.mistake])
        return steps


def read_rubric(text: str, file: str) -> Rubric:
    r"""The rubric of a TOML file.

    Raises:
        DataError: it is no TOML, or has an entry that means nothing.

    >>> read_rubric('required = ["dW"]\n[points]\n"dW" = 2', "rubric.toml").targets
    ('dW',)
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DataError(
            f"the rubric is not TOML: {error}", file=file, hint='write  "dE/dw_12" = 2  under [points]'
        ) from None
    except RecursionError:
        raise DataError("the rubric is nested too deeply", file=file) from None
    _check_words(table, _SETTINGS, "", file)
    points = _numbers(table, "points", file)
    default = points.pop("default", 1.0)
    credit = _parts(table, "credit", CREDITS, file)
    deductions = _parts(table, "deductions", MISTAKES, file)
    attempts = table.get("attempts", "last")
    if attempts not in get_args(Attempts):
        raise DataError(f"attempts is {attempts!r}", file=file, hint=f"write one of {', '.join(get_args(Attempts))}")
    title = table.get("title", "")
    if not isinstance(title, str):
        raise DataError("the title of the rubric is no text", file=file, hint='write  title = "Homework 3"')
    return Rubric(title, _required(table, file), points, default, credit, deductions, cast("Attempts", attempts))


def _required(table: Mapping[str, Any], file: str) -> tuple[str, ...] | None:
    required = table.get("required")
    if required is None:
        return None
    if not isinstance(required, list) or not all(isinstance(t, str) for t in required):
        raise DataError("required is no list of targets", file=file, hint='write  required = ["dE/dw_12"]')
    if not required:
        raise DataError("required is empty", file=file, hint="leave it out to require all parameters")
    return tuple(dict.fromkeys(required))


def _numbers(table: Mapping[str, Any], name: str, file: str) -> dict[str, float]:
    """The entries of a table, which are numbers from 0."""
    entries = table.get(name, {})
    if not isinstance(entries, dict):
        raise DataError(f"{name} is no table", file=file, hint=f"write  [{name}]  and entries below it")
    found: dict[str, float] = {}
    for key, value in entries.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1e6:
            raise DataError(f"{name}: {key} is {value!r}", file=file, hint='write a number from 0:  "dE/dw_12" = 2')
        found[str(key)] = float(value)
    return found


def _parts(table: Mapping[str, Any], name: str, words: tuple[str, ...], file: str) -> dict[str, float]:
    """The entries of a table whose words are known and whose numbers are parts of the points."""
    found = _numbers(table, name, file)
    _check_words(found, words, f"{name}: ", file)
    for key, value in found.items():
        if value > 1:
            raise DataError(
                f"{name}: {key} is {value:g}", file=file, hint="write a part of the target's points, from 0 to 1"
            )
    return found


def _check_words(table: Mapping[str, Any], words: tuple[str, ...], where: str, file: str) -> None:
    for key in table:
        if key not in words:
            near = closest(key, words)
            hint = f"did you mean {near}?" if near else f"there are {', '.join(words)}"
            raise DataError(f"{where}there is no setting {key!r}", file=file, hint=hint)
