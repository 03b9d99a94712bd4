"""A process for measuring: one thread, one core, with or without SciPy and numba.

Contract: `race(...)` is called by the tests; it starts `python -m tests.benchmarks.worker ORDER`, which sets what
must be set before NumPy is imported, measures, and answers in JSON. NumPy alone runs in a process that cannot
import SciPy and numba; ours with [fast] runs together with the other libraries. Each has its own clean NumPy.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.benchmarks.records import Record

ROOT = Path(__file__).parents[2]
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def race(
    key: str, dtype: str, names: Sequence[str], repetitions: int, most_epochs: int | None = None
) -> dict[str, Record]:
    """The records of the named contestants and of clean NumPy, by name; see `measure.measure`."""
    from tests.benchmarks.records import FAST, OURS, Record, installed

    found = {name: Record(key, dtype, name, installed=False) for name in names if not installed(name)}
    present = [name for name in names if name not in found]
    alone = [name for name in present if name.startswith(OURS) and not name.endswith(FAST)]
    together = [name for name in present if name not in alone]
    for blocked, chosen in ((["scipy", "numba"], alone), ([], together)):
        if chosen:
            print(f"measuring {key} {dtype}: {'; '.join(chosen)}", file=sys.__stderr__, flush=True)
            order = {"key": key, "dtype": dtype, "names": chosen, "repetitions": repetitions}
            answer = _answer({"blocked": blocked, "measure": {**order, "most_epochs": most_epochs}})
            found |= {record["contestant"]: Record(**record) for record in answer}
    return found


def _answer(order: dict[str, Any]) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", __name__, json.dumps(order)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, encoding="utf-8", check=True)
    return json.loads(done.stdout)


def one_thread() -> None:
    """Every library that reads its number of threads when it is imported gets one, and one core."""
    os.environ.update(dict.fromkeys(THREADS, "1"))
    os.environ.update(JAX_PLATFORMS="cpu", XLA_FLAGS="--xla_cpu_multi_thread_eigen=false")
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def block(modules: Sequence[str]) -> None:
    """Importing these fails from now on, as where they are not installed."""
    for module in modules:
        sys.modules[module] = None  # type: ignore[assignment]  # this is what the import system looks for


def main() -> None:
    order = json.loads(sys.argv[1])
    one_thread()
    block(order["blocked"])
    warnings.simplefilter("ignore")
    from tests.benchmarks.measure import measure

    json.dump([asdict(record) for record in measure(**order["measure"])], sys.stdout)


if __name__ == "__main__":
    main()
