"""Marking answers: one at a time, and a class in one process and in two.

The texts are those of the corpus, right and wrong mixed; `-s` prints answers a second.
"""

from __future__ import annotations

import statistics
from typing import Any

import pytest

import symbackprop as sb
from symbackprop.homework.judging.judge import Judge
from symbackprop.homework.marking.engines import make_engine, run
from symbackprop.homework.marking.sources import Handed
from symbackprop.homework.marking.work import Setup, Task
from symbackprop.homework.messages import Messages
from tests.homework import corpus

SINGLE = {"scalar": "two-two-one", "matrix": "softmax-classifier"}
STUDENTS, ANSWERS = 200, 10
BUDGET = 30 / 10_000
"""Seconds for an answer of a class, on two cores."""


def texts(network: str) -> list[str]:
    """Answers of one statement each."""
    found = [
        a.answer
        for a in corpus.answers()
        if a.network == network and len(a.records) == 1 and not (a.values or a.no_left_side)
    ]
    assert len(found) > 20
    return found


@pytest.mark.parametrize("kind", SINGLE)
def test_one_answer(kind: str, benchmark: Any) -> None:
    benchmark.group = "mark one answer"
    answers = texts(SINGLE[kind])
    judge = Judge(sb.read(SINGLE[kind]).derive(), Messages("en"))
    for answer in answers:
        judge.mark(answer)
    benchmark.extra_info["answers"] = len(answers)
    position = 0

    def one() -> None:
        nonlocal position
        judge.mark(answers[position % len(answers)])
        position += 1

    benchmark.pedantic(one, rounds=5 * len(answers))
    assert statistics.median(benchmark.stats.stats.data) < 10 * BUDGET


def students(network: str) -> list[Task]:
    """A class in which everyone has handed in several answers."""
    pool = texts(network)
    return [
        Task(
            f"student {n}",
            tuple(Handed(f"{n}-{k}.md", pool[(7 * n + 13 * k) % len(pool)] + "\n" * (n % 3)) for k in range(ANSWERS)),
        )
        for n in range(STUDENTS)
    ]


@pytest.mark.parametrize("kind", SINGLE)
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_class(kind: str, jobs: int, benchmark: Any) -> None:
    count = STUDENTS * ANSWERS
    benchmark.group = f"mark a class: {count:,} {kind} answers, {BUDGET * count:.0f} s allowed with two processes"
    tasks = students(SINGLE[kind])
    setup = Setup(*_source(SINGLE[kind]))
    engine = make_engine(jobs)
    try:
        list(run(engine, setup, tasks[: 50 * jobs]))  # processes start, judges are made
        benchmark.pedantic(lambda: list(run(engine, setup, tasks)), rounds=3)
    finally:
        engine.close()
    seconds = benchmark.stats.stats.min  # what else runs on the machine only makes it slower
    benchmark.extra_info["answers a second"] = round(count / seconds)
    print(f"\n{kind}, {jobs} processes: {count / seconds:,.0f} answers a second")
    if jobs == 2:
        assert seconds < BUDGET * count


def _source(network: str) -> tuple[str, str | None]:
    from symbackprop.api import source_text

    return source_text(network)
