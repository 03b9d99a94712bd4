"""Time the contestants of a problem in turns: A B C, A B C, ...

Contract: `measure` builds everybody, lets everybody train once (which compiles, and shows whether the
parameters are clean NumPy's), and then takes the turns. Clean NumPy is always among them: a ratio is of two
times of one repetition. Times are CPU times of the process, which other people's load changes little.
"""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from time import process_time
from typing import Any

import numpy as np

from tests.benchmarks.peers import NUMPY, PEERS, STEPS, TORCH, Run, clean_numpy
from tests.benchmarks.problems import Arrays, Problem, problem
from tests.benchmarks.records import FAST, Record, our_names

STEPS_SECONDS = 0.02
"""How long single steps are repeated in each turn."""


@dataclass
class Contestant:
    """Somebody who is ready to run."""

    record: Record
    run: Run
    epochs: int
    step: Callable[[], Any] | None = None


def measure(
    key: str, dtype: str, names: Sequence[str], repetitions: int, most_epochs: int | None = None
) -> list[Record]:
    """The records of the named contestants and of clean NumPy; `most_epochs` shortens every run."""
    subject = problem(key, dtype)
    field = [_ready(subject, name, most_epochs) for name in dict.fromkeys([NUMPY, *names])]
    for _ in range(repetitions):
        _train_in_turns(field, len(subject.batches))
        _step_in_turns([c for c in field if c.step])
    for contestant in field:
        record = contestant.record
        assert record.first_seconds is not None
        usual = median(record.seconds) * contestant.epochs * len(subject.batches)
        record.first_seconds = max(0.0, record.first_seconds - usual)
        if contestant.step:  # other libraries' memory is not seen by tracemalloc
            record.peak_bytes = peak_bytes(contestant.run)
    return [contestant.record for contestant in field]


def ours(subject: Problem, name: str) -> tuple[Run, Callable[[], Any], float]:
    """Our training by the public verbs, our single step, and the seconds that deriving and compiling took."""
    model = subject.models[our_names(subject.key)[name.removesuffix(f" {FAST}")]]
    network = model.network()
    seconds, (derivation, program) = timed(lambda: ((d := network.derive()), d.compile()))
    start = model.named(subject.start)
    values = {**start, **model.first_step}
    options = {"rate": subject.rate, "batch_size": subject.batch_size, "shuffle": False}

    def run(epochs: int) -> Arrays:
        return model.unnamed(derivation.train(start, model.data, epochs=epochs, **options).values)

    return run, lambda: program(values), seconds


def difference(found: Iterable[Any], expected: Iterable[Any]) -> float:
    """The largest difference of two lists of arrays, relative to the largest number of each array."""
    pairs = zip(map(np.asarray, found), map(np.asarray, expected), strict=True)
    return max(float(np.abs(a.astype(float) - b).max() / np.abs(b).max()) for a, b in pairs)


def peak_bytes(run: Run) -> int:
    """What two epochs hold at once, beyond what was there before."""
    gc.collect()
    tracemalloc.start()
    try:
        run(2)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def timed(function: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds of the process, and the result."""
    gc.collect()
    begin = process_time()
    result = function()
    return process_time() - begin, result


def _ready(subject: Problem, name: str, most_epochs: int | None) -> Contestant:
    record = Record(subject.key, str(subject.dtype), name)
    step = None
    if name in PEERS:
        epochs, run = PEERS[name].epochs(subject), PEERS[name].build(subject)
        if name == NUMPY:
            step = lambda: STEPS[subject.key](subject.start, *subject.batches[0])  # noqa: E731
    else:
        epochs = subject.epochs
        run, step, record.compile_seconds = ours(subject, name)
    epochs = min(epochs, most_epochs or epochs)
    record.first_seconds, trained = timed(lambda: run(epochs))
    record.difference = difference(trained, clean_numpy(subject)(epochs))
    return Contestant(record, run, epochs, step)


def _train_in_turns(field: list[Contestant], steps_of_an_epoch: int) -> None:
    """One repetition; the first contestant is clean NumPy."""
    seconds = {c.record.contestant: timed(lambda c=c: c.run(c.epochs))[0] / c.epochs / steps_of_an_epoch for c in field}
    for contestant in field:
        record, own = contestant.record, seconds[contestant.record.contestant]
        record.seconds.append(own)
        record.against_numpy.append(seconds[NUMPY] / own)
        if TORCH in seconds:
            record.against_torch.append(seconds[TORCH] / own)


def _step_in_turns(field: list[Contestant]) -> None:
    """The same for single steps, as many as take `STEPS_SECONDS` by clean NumPy."""

    def steps(contestant: Contestant, count: int) -> float:
        assert contestant.step
        step = contestant.step
        return timed(lambda: [None for _ in range(count) if step() is None])[0] / count

    count = max(1, round(STEPS_SECONDS / max(steps(field[0], 3), 1e-6)))
    seconds = [steps(contestant, count) for contestant in field]
    for contestant, own in zip(field, seconds, strict=True):
        contestant.record.step_against_numpy.append(seconds[0] / own)
