"""How results are shown: signs, numbers, and the text for a terminal.

Contract: `student_text(marked, ...)` is plain text without control characters; colours are left to its `paint`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from symbackprop.homework.marking.marks import Marked
from symbackprop.homework.messages import Messages
from symbackprop.homework.records import Record

SIGNS: Mapping[str, str] = {
    "correct": "✓",
    "wrong": "✗",
    "follows": "↪",
    "unreadable": "?",
    "not_judged": "–",
    "missing": "○",
}

Paint = Callable[[str, str], str]
"""Text and verdict -> the text, perhaps in colour."""


def number(value: float | None) -> str:
    """Points without needless zeros.

    >>> number(2.0), number(1 / 3)
    ('2', '0.33')
    """
    return "" if value is None else f"{round(value, 2):g}"


def earned_text(points: float, say: Messages) -> str:
    """What an answer earned, in words."""
    return say("one_point") if points == 1 else say("of_points", points=number(points))


def result_text(marked: Marked, maximum: float | None, say: Messages) -> str:
    """How many required targets are right, and the points."""
    right = sum(verdict == "correct" for verdict in marked.outcome.values())
    text = say("right", right=str(right), required=str(len(marked.outcome)))
    if marked.total is None:
        return text
    return f"{text}; {say('total', points=number(marked.total), maximum=number(maximum))}"


def explanation(record: Record, say: Messages) -> str:
    """What is said of an answer: the message, the step that is wrong, the note."""
    parts = [record.message] if record.message else []
    if record.first_wrong is not None and len(record.links) > 1:
        parts.append(say("first_wrong", step=str(record.first_wrong + 1)))
    if record.note:
        parts.append(say("note", note=record.note))
    return "\n".join(parts)


def missing_targets(marked: Marked) -> str:
    """The targets that were not found, as a list."""
    return ", ".join(r.target for r in marked.records if r.verdict == "missing")


def student_text(
    marked: Marked, maximum: float | None, say: Messages, paint: Paint = lambda text, verdict: text
) -> str:
    """Everything about one student, for a terminal."""
    lines = [marked.student]
    several = len({r.file for r in marked.records if r.verdict != "missing"}) > 1
    for record, points in marked.pairs:
        if record.verdict == "missing":
            continue
        place = say("line", line=str(record.line)) if record.line is not None else ""
        place = f"{record.file} {place}" if several else place
        head = f"{SIGNS[record.verdict]} {say(f'verdict.{record.verdict}')}"
        earned = f"  [{earned_text(points, say)}]" if points is not None else ""
        lines.append(f"  {place:<9} {paint(head, record.verdict)}  {record.target}{earned}".rstrip())
        below = [record.answer, *explanation(record, say).split("\n")]
        lines += [f"            {text}" for text in below if text]
    missing = missing_targets(marked)
    if missing:
        head = f"{SIGNS['missing']} {say('verdict.missing')}"
        lines.append(f"  {'':<9} {paint(head, 'missing')}  {missing}")
    lines.append(f"  {result_text(marked, maximum, say)}")
    return "\n".join(lines)
