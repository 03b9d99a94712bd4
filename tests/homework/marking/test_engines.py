"""The same results whatever does the work, and whatever happens to it."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from symbackprop.errors import DataError
from symbackprop.homework.marking import engines
from symbackprop.homework.marking.engines import Cluster, Engine, Here, Processes, make_engine, run
from symbackprop.homework.marking.sources import Handed
from symbackprop.homework.marking.work import Setup, Task, mark_students

SETUP = Setup(r"z = w x + b" + "\n" + r"E = \frac{1}{2} (z - y)^2")
ANSWERS = (
    "dE/dw = (z - y) x",
    "dE/dw = (y - z) x",
    "dE/db = z - y\ndE/dw = (((",
    "",
    "dE/db = z",
    "KILL dE/db = z - y",
)


def tasks(count: int) -> list[Task]:
    return [Task(f"student {n}", (Handed(f"{n}.md", ANSWERS[n % len(ANSWERS)]),)) for n in range(count)]


def lines(engine: Engine, count: int, chunk: int = 4) -> list[str]:
    try:
        return [marked.to_json() for marked in run(engine, SETUP, tasks(count), chunk)]
    finally:
        engine.close()


EXPECTED = lines(Here(), 60)


@pytest.fixture
def processes() -> type[Processes]:
    return Processes


def test_texts_are_read_when_their_turn_comes() -> None:
    taken: list[str] = []

    def lazily() -> Iterator[Task]:
        for task in tasks(50):
            taken.append(task.student)
            yield task

    results = run(Here(), SETUP, lazily())
    next(results)
    assert len(taken) <= engines.AHEAD + 1


def test_processes_give_the_same(processes: type[Processes]) -> None:
    assert lines(processes(2), 60) == EXPECTED


@pytest.mark.parametrize("chunk", [1, 7, 100])
def test_the_size_of_chunks_does_not_matter(processes: type[Processes], chunk: int) -> None:
    assert lines(processes(2), 60, chunk) == EXPECTED


def lethal(also_alone: bool) -> Any:
    """Marks students in a worker, which one of the answers kills; a closure travels by value."""
    parent, marks = os.getpid(), mark_students

    def work(setup: Setup, chunk: list[Task]) -> Any:
        kill = any("KILL" in handed.text for task in chunk for handed in task.files)
        if kill and os.getpid() != parent and (also_alone or len(chunk) > 1):
            os.kill(os.getpid(), signal.SIGKILL)
        return marks(setup, chunk)

    return work


@pytest.mark.parametrize("also_alone", [False, True])
def test_a_worker_that_dies_loses_nothing(processes: type[Processes], also_alone: bool) -> None:
    class Dying(processes):  # type: ignore[misc, valid-type]
        work = staticmethod(lethal(also_alone))

    assert lines(Dying(2), 18) == EXPECTED[:18]


def test_a_worker_killed_from_outside(processes: type[Processes]) -> None:
    engine = processes(2)
    killed = False

    def feeding() -> Iterator[Task]:
        nonlocal killed
        for number, task in enumerate(tasks(60)):
            if number == 30:
                os.kill(engine._pool.submit(os.getpid).result(), signal.SIGKILL)
                killed = True
            yield task

    try:
        assert [marked.to_json() for marked in run(engine, SETUP, feeding(), 4)] == EXPECTED
    finally:
        engine.close()
    assert killed


def test_without_dask_there_is_a_clear_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(DataError, match="needs dask, which is not installed"):
        make_engine(1, "tcp://127.0.0.1:1")


class TestCluster:
    @pytest.fixture(params=[False, pytest.param(True, marks=pytest.mark.slow)], ids=["threads", "processes"])
    def cluster(self, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
        distributed = pytest.importorskip(
            "distributed", reason="a cluster needs dask: pip install symbackprop[cluster]"
        )
        monkeypatch.chdir(tmp_path)
        root = str(Path(__file__).parents[3])
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])]))
        with distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=request.param, dashboard_address=None
        ) as made:
            made.with_processes = request.param
            yield made

    def test_a_cluster_gives_the_same(self, cluster: Any) -> None:
        assert lines(Cluster(cluster.scheduler_address), 60) == EXPECTED

    def test_a_worker_killed_from_outside(self, cluster: Any) -> None:
        if not cluster.with_processes:
            pytest.skip("the workers are threads of this process")
        engine = Cluster(cluster.scheduler_address)

        def feeding() -> Iterator[Task]:
            for number, task in enumerate(tasks(60)):
                if number == 30:
                    os.kill(engine._client.submit(os.getpid, pure=False).result(), signal.SIGKILL)
                yield task

        try:
            assert [marked.to_json() for marked in run(engine, SETUP, feeding(), 4)] == EXPECTED
        finally:
            engine.close()

    def test_nobody_at_the_address(self) -> None:
        pytest.importorskip("distributed", reason="a cluster needs dask: pip install symbackprop[cluster]")
        for address in ("tcp://127.0.0.1:1", "nonsense://x", "tcp://"):
            with pytest.raises(DataError, match="no Dask scheduler"):
                Cluster(address, timeout=1)


def test_no_process_is_left_behind(processes: type[Processes]) -> None:
    before = {child.pid for child in multiprocessing.active_children()}
    assert lines(processes(2), 12) == EXPECTED[:12]
    assert {child.pid for child in multiprocessing.active_children()} <= before
