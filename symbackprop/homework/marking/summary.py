"""A class in numbers: verdicts by target, and the commonest mistakes by target and by kind.

Contract: `summarise(results)` goes through the students once and keeps only counts; everything is ordered by count and
then by name, so that it depends on the answers only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from symbackprop.homework.marking.marks import Marked

OTHER = "other"
"""A wrong answer that no known mistake explains."""


@dataclass
class TargetCounts:
    """How a target was answered: students by verdict, and by mistake."""

    target: str
    verdicts: Counter[str] = field(default_factory=Counter[str])
    mistakes: Counter[str] = field(default_factory=Counter[str])

    @property
    def commonest(self) -> tuple[str, int] | None:
        """The commonest mistake, and how many students made it."""
        return next(iter(ranked(self.mistakes)), None)


@dataclass
class Summary:
    """A class in numbers."""

    students: int = 0
    all_right: int = 0
    total: float = 0.0
    targets: dict[str, TargetCounts] = field(default_factory=dict[str, TargetCounts])
    kinds: Counter[str] = field(default_factory=Counter[str])
    places: dict[str, Counter[str]] = field(default_factory=dict[str, "Counter[str]"])

    def add(self, marked: Marked) -> None:
        """Count a student."""
        self.students += 1
        self.all_right += marked.right
        self.total += marked.total or 0.0
        for target, verdict in marked.outcome.items():
            self.targets[target].verdicts[verdict] += 1
        made = {(r.mistake or OTHER, r.target) for r in marked.records if r.verdict == "wrong"}
        self.kinds.update({kind for kind, _ in made})
        for kind, target in made:
            self.places.setdefault(kind, Counter())[target] += 1
            if target in self.targets:
                self.targets[target].mistakes[kind] += 1

    @property
    def mean(self) -> float:
        """Points of the average student."""
        return self.total / self.students if self.students else 0.0

    def commonest_places(self, kind: str, most: int = 3) -> list[tuple[str, int]]:
        """Where a mistake was made most often."""
        return ranked(self.places[kind])[:most]


def ranked(counts: Counter[str]) -> list[tuple[str, int]]:
    """Words by count, the largest first; equal ones by name, what no known mistake explains at the end.

    >>> ranked(Counter("abbcc"))
    [('b', 2), ('c', 2), ('a', 1)]
    """
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0] == OTHER, pair[0]))


def summarise(results: Iterable[Marked], required: Sequence[str]) -> Summary:
    """The counts of a class.

    >>> summarise([Marked("ann", (), (), {"dE/dw": "correct"})], ["dE/dw"]).targets["dE/dw"].verdicts["correct"]
    1
    """
    summary = Summary(targets={target: TargetCounts(target) for target in required})
    for marked in results:
        summary.add(marked)
    return summary
