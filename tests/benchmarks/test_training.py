"""Training as fast as the best that people write by hand: our `train` beside NumPy, PyTorch, JAX and autograd.

`make bench` measures; `make bench ARGS="-k 'P2 and float64 and symbackprop' --benchmark-min-rounds=3"` measures
less: pytest's `-k` chooses problems, dtypes and contestants, and the number of repetitions is pytest-benchmark's.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from tests.benchmarks import report, worker
from tests.benchmarks.measure import difference, measure, ours
from tests.benchmarks.peers import NUMPY, PEERS, STEPS, clean_numpy, loss_function, one_hot_batches
from tests.benchmarks.picture import ticks
from tests.benchmarks.problems import DTYPES, KEYS, problem
from tests.benchmarks.records import FAST, OURS, TOLERANCE, Record, contestants, installed
from tests.benchmarks.table import COMPILE_SECONDS, aligned, number, table


class Replay:
    """A clock that shows pytest-benchmark the times that another process measured."""

    def __init__(self) -> None:
        self.time = 0.0
        self.seconds: Iterator[float] = iter(())

    def now(self) -> float:
        return self.time

    def play(self) -> None:
        self.time += next(self.seconds)


REPLAY = Replay()
RUNS = [(key, dtype, name) for key in KEYS for dtype in DTYPES for name in contestants(key)]


def identifier(run: tuple[str, str, str]) -> str:
    return "-".join(re.findall(r"\w+", " ".join(run)))


@pytest.mark.benchmark(timer=REPLAY.now)
@pytest.mark.parametrize(("key", "dtype", "name"), RUNS, ids=map(identifier, RUNS))
def test_train(key: str, dtype: str, name: str, benchmark: Any, race: Any) -> None:
    record: Record = race(key, dtype)[name]
    if not record.installed:
        pytest.skip(f"{name} is not installed")
    assert record.difference is not None
    assert record.difference <= TOLERANCE[dtype]
    benchmark.group = f"a step of {key}, {dtype}"
    REPLAY.seconds = iter(record.seconds)
    benchmark.pedantic(REPLAY.play, rounds=len(record.seconds))
    if (key, name) == ("P3", OURS):
        assert record.compile_seconds is not None
        assert record.compile_seconds < COMPILE_SECONDS


# ---- the harness itself, in a few steps


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("key", "name"), [(key, name) for key in KEYS for name in contestants(key)])
def test_everybody_trains_the_same(key: str, dtype: str, name: str) -> None:
    if not installed(name):
        pytest.skip(f"{name} is not installed")
    subject = problem(key, dtype)
    run = PEERS[name].build(subject) if name in PEERS else ours(subject, name)[0]
    trained, expected = run(2), clean_numpy(subject)(2)
    assert [np.shape(p) for p in trained] == [p.shape for p in subject.start]
    assert {np.asarray(p).dtype for p in trained} == {subject.dtype}
    steps, expected_steps = ([p - p0 for p, p0 in zip(ps, subject.start, strict=True)] for ps in (trained, expected))
    assert difference(steps, expected_steps) < {"float64": 1e-7, "float32": 0.05}[dtype]
    assert difference(run(2), expected) <= TOLERANCE[dtype]  # from the same start again


@pytest.mark.parametrize("key", KEYS)
def test_clean_numpy_descends_the_loss(key: str) -> None:
    """Its gradients are central differences of its loss, and the loss is the one that others differentiate."""
    subject = problem(key, "float64")
    (x, y), (_, hot) = subject.batches[0], one_hot_batches(subject)[0]
    loss, gradients = STEPS[key](subject.start, x, y)
    assert loss == pytest.approx(loss_function(subject, np)(subject.start, x, hot), rel=1e-12)
    draw = np.random.default_rng(1)
    direction = [draw.normal(size=p.shape) for p in subject.start]
    ahead, back = (
        STEPS[key]([p + s * d for p, d in zip(subject.start, direction, strict=True)], x, y)[0] for s in (1e-8, -1e-8)
    )
    slope = sum(np.sum(g * d) for g, d in zip(gradients, direction, strict=True))
    assert (ahead - back) / 2e-8 == pytest.approx(slope, rel=1e-5)  # so near that no relu has its kink between


def test_turns_are_compared_within_a_repetition() -> None:
    clean, own = measure("P4", "float64", [OURS], repetitions=2, most_epochs=2)
    assert (clean.contestant, own.contestant) == (NUMPY, OURS)
    assert clean.against_numpy == clean.step_against_numpy == [1, 1]
    for turn in range(2):
        assert own.against_numpy[turn] == clean.seconds[turn] / own.seconds[turn]
    assert own.difference is not None
    assert own.difference < 1e-12
    assert own.compile_seconds
    assert own.peak_bytes
    assert len(own.step_against_numpy) == 2


def test_a_race_is_run_in_processes_of_their_own() -> None:
    names = [OURS, f"{OURS} {FAST}", NUMPY, "autograd"]
    found = worker.race("P4", "float32", names, repetitions=1, most_epochs=1)
    assert set(found) == set(names)
    assert [found[name].installed for name in names] == [installed(name) for name in names]
    assert found[OURS].dtype == "float32"


def test_blocked_modules_cannot_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "colorsys", None)  # so that it is put back
    worker.block(["colorsys"])
    with pytest.raises(ModuleNotFoundError, match="colorsys"):
        import_module("colorsys")


RECORDS = [
    Record("P4", "float64", OURS, True, [2e-5, 2e-5], [1.0, 1.2], [4.0, 4.1], [0.9, 0.8], 0.05, 0.0, 1e-15, 2**21),
    Record("P4", "float64", NUMPY, True, [2e-5, 2.4e-5], [1, 1], [4, 4], [1, 1], None, 0.0, 0.0, 2**20),
    Record("P4", "float64", "autograd", installed=False),
]


def test_the_table_in_full() -> None:
    lines = table(RECORDS).splitlines()
    assert lines[0] == "P4: 5-16-2 relu, batches of 10, 5,000 steps"
    ours = "symbackprop 1.00 1.10 1.20 1.5! 4.05 0.850 1! 20.00 0.05 + 0.00 s 2.00 MB 1e-15"
    clean = "clean NumPy 1.00 1.00 1.00 4.00 1.00 22.00 1.00 MB 0e+00"
    assert [" ".join(line.split()) for line in lines[3:6]] == [ours, clean, "autograd not installed"]


def test_numbers_have_three_digits() -> None:
    assert [number(v) for v in (0.0457, 1.25, 93.3, 3120.4)] == ["0.0457", "1.25", "93.3", "3,120"]


def test_an_axis_has_at_least_three_ticks() -> None:
    assert ticks(0.02, 300) == [0.1, 1, 10, 100]
    assert ticks(0.5, 2) == [0.5, 1, 2]
    assert ticks(0.9, 1.6) == [0.9, 1, 1.2, 1.5]


def test_columns_are_aligned() -> None:
    assert aligned([["a", "bc"], ["def", "g"]]) == "a    bc\n-------\ndef   g"


def test_the_files(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    figures, picture, bitmap = report.save(RECORDS, tmp_path)
    assert [r["contestant"] for r in json.loads(figures.read_text())["records"]] == [OURS, NUMPY, "autograd"]
    ElementTree.parse(picture)
    text = picture.read_text()
    assert "<!-- not installed -->" in text  # Matplotlib's comments say which words its outlines show
    assert "prefers-color-scheme:dark" in text
    assert not re.search(r"(fill|stroke): #", text)  # every colour follows the scheme
    assert bitmap.read_bytes().startswith(b"\x89PNG")
