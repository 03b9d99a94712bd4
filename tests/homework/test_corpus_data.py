"""The corpus itself: well formed, in the vocabulary of the contract, about networks that can be read."""

from __future__ import annotations

import re
from collections import Counter

import pytest

import symbackprop as sb
from tests.homework import corpus

ANSWERS = list(corpus.answers())


def test_ids_are_unique():
    counts = Counter(answer.id for answer in ANSWERS)
    assert [name for name, count in counts.items() if count > 1] == []


def test_no_answer_stands_twice():
    counts = Counter((a.network, a.answer, a.delta, tuple(r.target for r in a.records)) for a in ANSWERS)
    assert [key for key, count in counts.items() if count > 1] == []


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer.id)
def test_labels_are_in_the_vocabulary(answer):
    assert answer.format in corpus.FORMATS
    assert answer.delta in ("cost", "sample")
    assert answer.records
    assert answer.answer.strip()
    for record in answer.records:
        assert record.verdict in corpus.VERDICTS
        assert record.kind in corpus.KINDS
        assert set(record.also) <= {*corpus.VERDICTS, *corpus.MISTAKES}
        assert record.mistake is None or (record.mistake in corpus.MISTAKES and record.verdict == "wrong")
        assert (record.first_wrong is not None) == (record.verdict == "wrong")
        if record.links is not None:
            assert set(record.links) <= {"correct", "wrong"}
            wrong = [n for n, verdict in enumerate(record.links) if verdict == "wrong"]
            assert (wrong[:1] or [None])[0] == record.first_wrong


@pytest.mark.parametrize("name", sorted({answer.network for answer in ANSWERS}))
def test_networks_are_readable_and_have_the_targets(name):
    network = sb.read(name)
    loss = network.loss.target
    targets = {record.target for answer in ANSWERS if answer.network == name for record in answer.records}
    for target in targets:
        assert target.startswith(f"d{loss}/d"), target
        quantity = target.removeprefix(f"d{loss}/d")
        network.find(re.sub(r"(\^\[[lL]\]|_[lL])$", "", quantity))  # of layer l: the family of all layers


def test_values_are_of_the_network():
    for answer in ANSWERS:
        if answer.values:
            network = sb.read(answer.network)
            for name in answer.values:
                network.find(name)


def test_hostile_inputs_are_made_and_unique():
    ids, names = [], set()
    for item in corpus.hostile():
        ids.append(item.id)
        names.add(item.network)
        assert isinstance(item.answer, str)
        assert item.note
    assert len(ids) == len(set(ids)) >= 60
    for name in names:
        sb.read(name)


def test_recipes_repeat_and_count():
    assert (
        corpus.made({"prefix": "<", "text": "(", "times": 3, "middle": "x", "other": ")", "suffix": ">"}) == "<(((x)))>"
    )
    assert corpus.made({"text": "{n}={before} ", "times": 2, "count": True}) == "1=0 2=1 "
