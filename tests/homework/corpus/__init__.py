"""Homework answers as data: what a student hands in, and the verdict it deserves.

`answers()` yields the labelled answers of `*.jsonl`, `hostile()` the inputs that only have to end in a clear result.
Every label was verified apart from the package: a hand-written forward pass, PyTorch's autograd and a translation of
each link by hand, with all sizes distinct; most were then judged once more from their text by a second small reader.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parent.parent.parent

VERDICTS = ("correct", "wrong", "follows", "unreadable", "not_judged", "missing")
MISTAKES = (
    "sign",
    "missing_factor",
    "extra_factor",
    "wrong_index",
    "wrong_derivative",
    "activation_confusion",
    "forgot_mean",
    "forgot_sum",
    "path_missing",
    "missing_transpose",
    "order",
    "shape",
    "constant_factor",
)
KINDS = ("gradient", "element", "update", "step")
FORMATS = ("txt", "md", "tex")


@dataclass(frozen=True)
class Expected:
    """What `check` should say about one record of an answer.

    `target` is the quantity in plain spelling, `dE/dw_12`; a delta is spelled as the derivative it is, an element
    (`kind` element) as its whole array, `w := ...` (update) and `Delta w = -eta ...` (step) as the gradient they use.
    `mistake` None on a wrong answer: nothing in the vocabulary describes it. `links` None: not asserted.
    `also` holds verdicts or mistakes that would do as well, where two names fit one slip.
    """

    target: str
    verdict: str
    mistake: str | None = None
    first_wrong: int | None = None
    links: tuple[str, ...] | None = None
    kind: str = "gradient"
    also: tuple[str, ...] = ()

    @property
    def verdicts(self) -> frozenset[str]:
        """The verdicts that are right for this record."""
        return frozenset({self.verdict, *(word for word in self.also if word in VERDICTS)})

    @property
    def mistakes(self) -> frozenset[str]:
        """The names of the mistake that are right; empty where none is asserted."""
        return frozenset({*([self.mistake] if self.mistake else []), *(w for w in self.also if w in MISTAKES)})


@dataclass(frozen=True)
class Answer:
    """One file of a student: `records` are the expected ones, in the file's order; others are not asserted.

    `network` is a built-in name or a path; `values` are numbers for a numeric answer; `no_left_side` marks an
    answer that only states a right side, for `check(text, target=...)`.
    """

    id: str
    network: str
    format: str
    answer: str
    records: tuple[Expected, ...]
    delta: str = "cost"
    values: dict[str, Any] = field(default_factory=dict)
    no_left_side: bool = False
    note: str = ""

    @property
    def right(self) -> bool:
        """Whether every record is correct."""
        return all(record.verdict == "correct" for record in self.records)


@dataclass(frozen=True)
class Hostile:
    """One hostile input; it must end soon, without a traceback, without side effects, and never as `correct`.

    Some hold lone surrogates, which no UTF-8 file can hold; some would create a file `symbackprop-owned` if they ran.
    """

    id: str
    network: str
    answer: str
    note: str


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """The JSON objects of one file, one a line."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def expected(row: dict[str, Any]) -> Expected:
    """One record from its JSON object."""
    links = row["links"]
    return Expected(
        target=row["target"],
        verdict=row["verdict"],
        mistake=row["mistake"],
        first_wrong=row["first_wrong"],
        links=None if links is None else tuple(links),
        kind=row.get("kind", "gradient"),
        also=tuple(row.get("also", ())),
    )


def answers(name: str = "*") -> Iterator[Answer]:
    """The labelled answers of `name.jsonl`, or of all files."""
    for path in sorted(HERE.glob(f"{name}.jsonl")):
        if path.stem == "hostile":
            continue
        for row in rows(path):
            network = row["network"]
            yield Answer(
                id=row["id"],
                network=str(ROOT / network) if network.endswith(".net") else network,
                format=row["format"],
                answer=row["answer"],
                records=tuple(map(expected, row.get("records", [row]))),
                delta=row.get("delta", "cost"),
                values=row.get("values", {}),
                no_left_side=row.get("no_left_side", False),
                note=row.get("note", ""),
            )


def made(recipe: dict[str, Any]) -> str:
    """The text of a recipe: prefix, text times over, middle, other times over, suffix.

    Where `count` is set, `{n}` in text is the number of the repetition, from 1, and `{before}` the one before it.
    """
    text, times = recipe["text"], recipe["times"]
    if recipe.get("count"):
        body = "".join(text.replace("{n}", str(n)).replace("{before}", str(n - 1)) for n in range(1, times + 1))
    else:
        body = text * times
    other = recipe.get("other", "") * times
    return recipe.get("prefix", "") + body + recipe.get("middle", "") + other + recipe.get("suffix", "")


def hostile() -> Iterator[Hostile]:
    """The hostile inputs, the long ones made from their recipes one at a time."""
    path = HERE / "hostile.jsonl"
    for row in rows(path) if path.exists() else ():
        answer = row["answer"] if "answer" in row else made(row["make"])
        yield Hostile(id=row["id"], network=row["network"], answer=answer, note=row["note"])
