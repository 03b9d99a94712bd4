"""The words of marking: a verdict for every link, a record for every answer.

Contract: frozen data that serialises to one line of JSON; the names are those of the public contract.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

Verdict = Literal["correct", "wrong", "follows", "unreadable", "not_judged", "missing"]
Mistake = Literal[
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
]
LinkVerdict = Literal["correct", "wrong", "not_judged", "unreadable"]

VERDICTS: tuple[str, ...] = get_args(Verdict)
MISTAKES: tuple[str, ...] = get_args(Mistake)


@dataclass(frozen=True)
class Record:
    """What is said of one answer.

    Attributes:
        file: the file it stands in; empty for a text.
        line: the line on which it begins, from 1; None for what is missing.
        target: what it is about: ``dE/dw_12``.
        verdict: see the contract.
        answer: the whole chain as it was read.
        links: one verdict for each ``=``.
        first_wrong: the first wrong link, from 0.
        mistake: the kind of mistake, where a known one fits.
        message: what to tell the student, in words.
        follows_from: the target of the earlier wrong answer from which this one follows.
        note: what is good to know of a right answer: a convention that was recognised.
    """

    target: str
    verdict: Verdict
    file: str = ""
    line: int | None = None
    answer: str = ""
    links: tuple[LinkVerdict, ...] = ()
    first_wrong: int | None = None
    mistake: Mistake | None = None
    message: str = ""
    follows_from: str | None = None
    note: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The record as plain data, in the order of the contract."""
        return {
            "file": self.file,
            "line": self.line,
            "target": self.target,
            "verdict": self.verdict,
            "answer": self.answer,
            "links": list(self.links),
            "first_wrong": self.first_wrong,
            "mistake": self.mistake,
            "message": self.message,
            "follows_from": self.follows_from,
            "note": self.note,
        }

    def to_json(self) -> str:
        """The record as one line of JSON.

        >>> Record("dE/dw", "missing").to_json()[:40]
        '{"file": "", "line": null, "target": "dE'
        """
        return json.dumps(self.as_dict(), ensure_ascii=False)

    def in_file(self, file: str) -> Record:
        """The same record of another file."""
        return replace(self, file=file)
