"""Points for the answers of one student.

Contract: `Scheme` knows the required targets and the points of a network's rubric; `marked(name, records)` is what a
student gets. Of several answers to one target one counts; answers to the layers of one family share its points.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from symbackprop.errors import DataError
from symbackprop.homework.judging.judge import Judge
from symbackprop.homework.marking.rubric import Rubric
from symbackprop.homework.records import Record, Verdict

_JUDGED = ("correct", "wrong", "follows")


@dataclass(frozen=True)
class Marked:
    """What one student gets.

    Attributes:
        student: the name.
        records: one for each answer, in the order of the files; missing targets at the end.
        points: for each record, None where it does not count or there is no rubric.
        outcome: required target -> the verdict that counts.
        total: the sum of the points; None without a rubric.
    """

    student: str
    records: tuple[Record, ...]
    points: tuple[float | None, ...]
    outcome: Mapping[str, Verdict] = field(default_factory=dict[str, "Verdict"])
    total: float | None = None

    @property
    def right(self) -> bool:
        """Is every required target correct?"""
        return all(verdict == "correct" for verdict in self.outcome.values())

    @property
    def pairs(self) -> list[tuple[Record, float | None]]:
        """Every record with its points."""
        return list(zip(self.records, self.points, strict=True))

    def rows(self) -> list[dict[str, Any]]:
        """One row of plain data for each record, in the order of the contract; student and points at the end."""
        found: list[dict[str, Any]] = []
        for record, points in self.pairs:
            row = {**record.as_dict(), "student": self.student}
            found.append(row if self.total is None else {**row, "points": points})
        return found

    def to_json(self) -> str:
        """Everything as one line of JSON; `from_json` reads it back."""
        return json.dumps(
            {
                "student": self.student,
                "records": [record.as_dict() for record in self.records],
                "points": self.points,
                "outcome": dict(self.outcome),
                "total": self.total,
            },
            ensure_ascii=False,
        )

    @classmethod
    def from_json(cls, line: str) -> Marked:
        """What `to_json` wrote.

        Raises:
            ValueError, KeyError, TypeError: it did not write this.

        >>> marked = Marked("ann", (Record("dE/dw", "correct", links=("correct",)),), (1.0,), {"dE/dw": "correct"}, 1.0)
        >>> Marked.from_json(marked.to_json()) == marked
        True
        """
        found: Any = json.loads(line)
        rows: list[dict[str, Any]] = found["records"]
        for row in rows:
            row["links"] = tuple(row["links"])
        records = tuple(Record(**row) for row in rows)
        return cls(found["student"], records, tuple(found["points"]), found["outcome"], found["total"])


@dataclass(frozen=True)
class Goal:
    """A target of the rubric: its name in records, and those of its layers, where it is a family."""

    target: str
    members: tuple[frozenset[str], ...]
    points: float
    required: bool


class Scheme:
    """The targets that count in a network, with their points.

    Args:
        judge: made with the targets of the rubric as required ones.
        rubric: None: all parameters are required, and there are no points.

    Raises:
        DataError: the rubric names one target twice.
    """

    def __init__(self, judge: Judge, rubric: Rubric | None) -> None:
        self.rubric = rubric
        spelled = (rubric.targets if rubric is not None else None) or tuple(judge.required)
        if len(spelled) != len(judge.required):
            raise DataError(
                "the rubric names a target twice, in two spellings", hint=f"it reads {', '.join(judge.required)}"
            )
        self.goals = tuple(
            Goal(target, _members(judge, target), self._points(name), self._is_required(name))
            for name, target in zip(spelled, judge.required, strict=True)
        )

    def _points(self, spelled: str) -> float:
        return 0.0 if self.rubric is None else self.rubric.points.get(spelled, self.rubric.default)

    def _is_required(self, spelled: str) -> bool:
        return self.rubric is None or self.rubric.required is None or spelled in self.rubric.required

    @property
    def required(self) -> tuple[str, ...]:
        """The required targets, as records name them."""
        return tuple(goal.target for goal in self.goals if goal.required)

    @property
    def maximum(self) -> float | None:
        """All points that there are; None without a rubric."""
        return None if self.rubric is None else round(sum(goal.points for goal in self.goals), 6)

    def marked(self, student: str, records: Sequence[Record]) -> Marked:
        """Points and outcome; targets with points that are not required are not reported missing."""
        voluntary = {goal.target for goal in self.goals if not goal.required}
        records = [r for r in records if r.verdict != "missing" or r.target not in voluntary]
        points: list[float | None] = [None] * len(records)
        outcome: dict[str, Verdict] = {}
        for goal in self.goals:
            counted = self._counted(goal, records)
            if goal.required:
                outcome[goal.target] = _worst([records[n].verdict for n, _ in counted])
            if self.rubric is not None:
                for position, share in counted:
                    points[position] = round(goal.points * share * self.rubric.part(records[position]), 6)
        total = None if self.rubric is None else round(sum(p for p in points if p is not None), 6)
        return Marked(student, tuple(records), tuple(points), outcome, total)

    def _counted(self, goal: Goal, records: Sequence[Record]) -> list[tuple[int, float]]:
        """The records that count for a target, with their share of its points."""
        whole = self._chosen([n for n, r in enumerate(records) if r.target == goal.target], records)
        if whole is not None and (records[whole].verdict != "missing" or len(goal.members) < 2):
            return [(whole, 1.0)]
        found = [
            self._chosen([n for n, r in enumerate(records) if r.target in names], records) for names in goal.members
        ]
        counted = [(n, 1 / len(goal.members)) for n in found if n is not None]
        return counted if whole is None else [*counted, (whole, 0.0)]

    def _chosen(self, positions: Sequence[int], records: Sequence[Record]) -> int | None:
        """Of several answers to one target: the last, best or worst that was judged."""
        judged = [n for n in positions if records[n].verdict in _JUDGED] or list(positions)
        if not judged:
            return None
        rubric = self.rubric or Rubric()
        match rubric.attempts:
            case "last":
                return judged[-1]
            case "best":
                return max(judged, key=lambda n: rubric.part(records[n]))
            case "worst":
                return min(judged, key=lambda n: rubric.part(records[n]))


def _members(judge: Judge, target: str) -> tuple[frozenset[str], ...]:
    """What records call the layers of a family: by number, and the last one also by its letter."""
    network = judge.network
    loss = network.names[network.loss.base].plain
    bases = judge.required[target]
    if len(bases) < 2:
        return (frozenset({target}),)
    found: list[frozenset[str]] = []
    for base in bases:
        name = network.names[base]
        texts = {f"d{loss}/d{name.plain}"}
        if name.scripts and name.scripts[-1].text == str(judge.names.layers):
            last = name.with_scripts((*name.scripts[:-1], name.scripts[-1]._replace(text="L")))
            texts.add(f"d{loss}/d{last.plain}")
        found.append(frozenset(texts))
    return tuple(found)


_ORDER: tuple[Verdict, ...] = ("missing", "wrong", "unreadable", "not_judged", "follows", "correct")


def _worst(verdicts: Sequence[Verdict]) -> Verdict:
    """The verdict of a target whose layers are answered one by one."""
    found: Verdict = "missing" if not verdicts else "correct"
    for verdict in verdicts:
        found = verdict if _ORDER.index(verdict) < _ORDER.index(found) else found
    return found
