"""Races are run when a test asks for the first time; at the end the table is printed and the files are written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.benchmarks.problems import DTYPES, KEYS
from tests.benchmarks.records import Record, contestants

Records = dict[str, Record]
RECORDS = pytest.StashKey[dict[tuple[str, str], Records]]()


@pytest.fixture
def race(request: pytest.FixtureRequest) -> Callable[[str, str], Records]:
    """`race(key, dtype)`: records of the contestants whose tests were chosen (`-k`), measured once."""
    from tests.benchmarks import worker

    kept = request.config.stash.setdefault(RECORDS, {})
    repetitions: int = request.config.getoption("benchmark_min_rounds")

    def once(key: str, dtype: str) -> Records:
        if (key, dtype) not in kept:
            kept[key, dtype] = worker.race(key, dtype, _chosen(request.session.items, key, dtype), repetitions)
        return kept[key, dtype]

    return once


@pytest.hookimpl(trylast=True)  # below pytest-benchmark's own tables
def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """The table; where everybody took part, also the picture and the figures in `outputs/`."""
    kept = config.stash.get(RECORDS, {})
    if not kept:
        return
    from tests.benchmarks import report
    from tests.benchmarks.table import table

    records = [found[name] for (key, _), found in kept.items() for name in contestants(key) if name in found]
    terminalreporter.section("training, side by side")
    terminalreporter.write_line(table(records))
    if len(records) == sum(len(contestants(key)) for key in KEYS) * len(DTYPES):
        written = report.save(records, report.OUTPUTS)
        terminalreporter.write_line(f"\nwritten: {', '.join(str(path) for path in written)}")


def _chosen(items: list[pytest.Item], key: str, dtype: str) -> list[str]:
    """The contestants of a race among the tests that are run."""
    parameters = [item.callspec.params for item in items if item.name.startswith("test_train[")]  # type: ignore[attr-defined]
    chosen = {p["name"] for p in parameters if (p["key"], p["dtype"]) == (key, dtype)}
    return [name for name in contestants(key) if name in chosen]
