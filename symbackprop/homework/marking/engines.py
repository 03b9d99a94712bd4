"""Where the work is done: in this process, in several, or on a Dask cluster.

Contract: `run(engine, setup, tasks)` yields what students get in the order of the tasks, the same whatever the engine;
a few chunks are on their way at a time, so memory does not grow with the class. A worker that dies loses nothing: its
chunk is sent again, then student by student, and what no worker survives is marked in this process.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from symbackprop.errors import DataError
from symbackprop.homework.marking.marks import Marked
from symbackprop.homework.marking.work import Setup, Task, mark_students

CHUNK = 25
"""Students that go to a worker at a time."""
AHEAD = 3
"""Chunks on their way for each worker."""

Chunk = list[Task]


class Engine(Protocol):
    """Takes chunks, gives futures."""

    width: int
    """How many workers there are."""
    lost: tuple[type[BaseException], ...]
    """What a future raises when its worker has died."""

    def submit(self, setup: Setup, chunk: Chunk) -> Any:
        """A future of the chunk's results."""
        ...

    def renew(self) -> None:
        """Make the workers anew, after one has died."""
        ...

    def close(self) -> None:
        """End the workers."""
        ...


class Here:
    """This process, one student after the other."""

    width = 1
    lost: tuple[type[BaseException], ...] = ()

    def submit(self, setup: Setup, chunk: Chunk) -> Any:
        """The results, computed when they are asked for."""
        return _Later(setup, chunk)

    def renew(self) -> None:
        """There is nothing to renew."""

    def close(self) -> None:
        """There is nothing to end."""


@dataclass(frozen=True)
class _Later:
    setup: Setup
    chunk: Chunk

    def result(self) -> list[Marked]:
        return mark_students(self.setup, self.chunk)


class Processes:
    """Several processes on this machine, through joblib."""

    work = staticmethod(mark_students)

    def __init__(self, jobs: int) -> None:
        from joblib.externals import loky  # half a second that one process does without
        from joblib.externals.loky.process_executor import BrokenProcessPool

        self.width = jobs
        self.lost: tuple[type[BaseException], ...] = (BrokenProcessPool,)
        self._loky: Any = loky
        self._pool: Any = None
        self.renew()

    def submit(self, setup: Setup, chunk: Chunk) -> Any:
        """A future of the chunk's results; a pool that broke in the meantime is replaced."""
        try:
            return self._pool.submit(self.work, setup, chunk)
        except self.lost:
            self.renew()
            return self._pool.submit(self.work, setup, chunk)

    def renew(self) -> None:
        """New processes in place of those that are gone."""
        self._pool = self._loky.get_reusable_executor(max_workers=self.width, timeout=300, reuse="auto")

    def close(self) -> None:
        """End the processes at once."""
        self._pool.shutdown(wait=True, kill_workers=True)


class Cluster:
    """A Dask cluster; symbackprop has to be installed on its workers.

    Raises:
        DataError: dask is not installed, or there is no scheduler at the address.
    """

    def __init__(self, address: str, timeout: float = 10) -> None:
        try:
            import distributed
            from distributed.comm.core import CommClosedError
        except ImportError:
            raise DataError(
                "a cluster needs dask, which is not installed",
                hint='install it with: pip install "symbackprop[cluster]", or leave out --scheduler',
            ) from None
        try:
            self._client: Any = distributed.Client(address, timeout=timeout, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            raise DataError(
                f"there is no Dask scheduler at {address!r}",
                hint="give its address, such as tcp://127.0.0.1:8786",
            ) from error
        from concurrent.futures import CancelledError

        self.lost: tuple[type[BaseException], ...] = (
            distributed.KilledWorker,
            CancelledError,
            CommClosedError,
        )
        self.width = max(1, sum(self._client.nthreads().values()))

    def submit(self, setup: Setup, chunk: Chunk) -> Any:
        """A future of the chunk's results."""
        return self._client.submit(mark_students, setup, chunk, pure=False)

    def renew(self) -> None:
        """The cluster starts its workers itself."""

    def close(self) -> None:
        """Leave the cluster as it was."""
        self._client.close()


def make_engine(jobs: int = 1, scheduler: str | None = None) -> Engine:
    """The engine that was asked for.

    Raises:
        DataError: its package is not installed, or nobody answers at the address.

    >>> make_engine().width
    1
    """
    if scheduler is not None:
        return Cluster(scheduler)
    return Processes(jobs) if jobs > 1 else Here()


def run(engine: Engine, setup: Setup, tasks: Iterable[Task], chunk: int = CHUNK) -> Iterator[Marked]:
    """What the students of the tasks get, in their order."""
    chunks = _chunks(tasks, 1 if isinstance(engine, Here) else chunk)
    flying: deque[tuple[Chunk, Any]] = deque()
    for part in itertools.islice(chunks, engine.width * AHEAD):
        flying.append((part, engine.submit(setup, part)))
    while flying:
        part, future = flying.popleft()
        try:
            found = future.result()
        except engine.lost:
            yield from _again(engine, setup, [part, *(waiting for waiting, _ in flying)])
            flying.clear()
        else:
            yield from found
        for part in itertools.islice(chunks, engine.width * AHEAD - len(flying)):
            flying.append((part, engine.submit(setup, part)))


def _again(engine: Engine, setup: Setup, chunks: Iterable[Chunk]) -> Iterator[Marked]:
    """Chunks that were on their way when a worker died, now one at a time: only one can be to blame."""
    engine.renew()
    for chunk in chunks:
        found = _tried(engine, setup, chunk)
        if found is not None:
            yield from found
            continue
        for task in chunk:
            alone = _tried(engine, setup, [task])
            yield from alone if alone is not None else mark_students(setup, [task])


def _tried(engine: Engine, setup: Setup, chunk: Chunk) -> list[Marked] | None:
    """The results of a chunk; None where its worker died."""
    try:
        return engine.submit(setup, chunk).result()
    except engine.lost:
        engine.renew()
        return None


def _chunks(tasks: Iterable[Task], size: int) -> Iterator[Chunk]:
    """Tasks in lists of a size."""
    rest = iter(tasks)
    while chunk := list(itertools.islice(rest, size)):
        yield chunk
