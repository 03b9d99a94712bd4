"""The corpus of answers through the judge: no wrong one accepted, no right one refused, mistakes named."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import pytest

import symbackprop as sb
from symbackprop.homework.judging.judge import Judge
from symbackprop.homework.messages import Messages
from symbackprop.homework.records import Record
from symbackprop.homework.values.given import world_of_values
from tests.homework.corpus import Answer, Expected, answers

ALL = list(answers())


@lru_cache(maxsize=64)
def judge(network: str, delta: Any, values: str) -> Judge:
    derivation = sb.read(network).derive(delta=delta)
    numbers = json.loads(values)
    given = world_of_values(derivation, numbers) if numbers or derivation.network.values else None
    return Judge(derivation, Messages(), given)


@lru_cache(maxsize=4096)
def marked(number: int) -> tuple[Record, ...]:
    answer = ALL[number]
    own = judge(answer.network, answer.delta, json.dumps(answer.values))
    target = answer.records[0].target if answer.no_left_side else None
    return tuple(r for r in own.mark(answer.answer, target=target) if r.verdict != "missing")


def pairs(answer: Answer, records: tuple[Record, ...]) -> Iterator[tuple[Expected, Record | None]]:
    """Expected records with those of the judge: by target, in order."""
    left = list(records)
    for wanted in answer.records:
        fitting = [r for r in left if r.target == wanted.target]
        if not fitting and len(answer.records) == 1:
            fitting = left[-1:]
        record = fitting[-1] if len(answer.records) == 1 and fitting else (fitting[0] if fitting else None)
        if record is not None and len(answer.records) > 1:
            left.remove(record)
        yield wanted, record


@pytest.mark.parametrize("number", range(len(ALL)), ids=[a.id for a in ALL])
def test_verdict(number: int) -> None:
    answer = ALL[number]
    for wanted, record in pairs(answer, marked(number)):
        assert record is not None, f"{wanted.target}: no record for {answer.answer!r}"
        assert record.verdict in wanted.verdicts, f"{answer.answer!r} ({answer.note}): {record.message}"
        if wanted.verdict == record.verdict == "wrong" and wanted.first_wrong is not None:
            assert record.first_wrong == wanted.first_wrong, record.links


def test_no_wrong_answer_is_accepted() -> None:
    accepted = [
        answer.id
        for number, answer in enumerate(ALL)
        for wanted, record in pairs(answer, marked(number))
        if wanted.verdict == "wrong" and record is not None and record.verdict == "correct"
    ]
    assert accepted == []


def test_the_kinds_of_mistakes_are_named() -> None:
    """At least 90% of the wrong answers whose mistake has a name."""
    named, all_ = 0, 0
    for number, answer in enumerate(ALL):
        for wanted, record in pairs(answer, marked(number)):
            if wanted.verdict == "wrong" and wanted.mistakes and record is not None and record.verdict == "wrong":
                all_ += 1
                named += record.mistake in wanted.mistakes
    assert all_ > 300
    assert named >= 0.9 * all_


def test_every_verdict_but_correct_is_explained() -> None:
    for number in range(len(ALL)):
        for record in marked(number):
            assert record.message or record.verdict == "correct", record
