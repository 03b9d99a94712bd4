"""Hostile answers: each ends soon, in a clear message, with nothing run and never `correct`."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner

import symbackprop as sb
from symbackprop.cli import main
from symbackprop.errors import is_unprintable
from symbackprop.homework.judging.judge import Judge
from symbackprop.homework.marking.report import Heading, write_report
from symbackprop.homework.marking.sources import Handed
from symbackprop.homework.marking.work import Setup, Task, mark_students
from symbackprop.homework.messages import Messages
from symbackprop.homework.records import Record
from tests.homework import corpus

BUDGET = 0.05
"""Seconds for one answer on a quiet machine; what is asserted leaves room for busy ones."""
SLACK = 12

HOSTILE = {item.id: item for item in corpus.hostile()}
TIMES: dict[str, float] = {}


@cache
def judge(network: str) -> Judge:
    return Judge(sb.read(network).derive(), Messages("en"))


@pytest.fixture(autouse=True)
def nothing_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No program is started, no file appears."""

    def refused(*_: object, **__: object) -> None:
        raise AssertionError("an answer was run")

    for network in {item.network for item in HOSTILE.values()}:
        judge(network).mark("dE/dw = 1")  # what is made once may use whatever it likes
    for name in ("os.system", "os.popen", "subprocess.Popen"):
        monkeypatch.setattr(name, refused)
    monkeypatch.chdir(tmp_path)
    yield
    assert not (tmp_path / "symbackprop-owned").exists()


@pytest.fixture(scope="module", autouse=True)
def slowest_are_printed() -> Iterator[None]:
    yield
    slowest = sorted(TIMES.items(), key=lambda pair: -pair[1])[:5]
    print("\nslowest:", ", ".join(f"{name} {1000 * seconds:.0f} ms" for name, seconds in slowest))


def check_records(records: list[Record]) -> None:
    for record in records:
        assert record.verdict != "correct", record
        for text in (record.target, record.answer, record.message, record.note, record.follows_from or ""):
            assert [c for c in text if is_unprintable(c) and c != "\n"] == []
            assert len(text) < 5000
        if record.verdict in ("unreadable", "not_judged", "missing", "wrong"):
            assert record.message.strip()
            assert "Traceback" not in record.message


@pytest.mark.parametrize("name", HOSTILE)
def test_it_ends_soon_in_a_clear_message(name: str) -> None:
    item = HOSTILE[name]
    own = judge(item.network)
    times: list[float] = []
    records: list[Record] = []
    for _ in range(3):
        start = time.perf_counter()
        records = own.mark(item.answer)
        times.append(time.perf_counter() - start)
    TIMES[name] = statistics.median(times)
    check_records(records)
    assert TIMES[name] < SLACK * BUDGET, f"{1000 * TIMES[name]:.0f} ms: {item.note}"


def in_a_file(item: corpus.Hostile) -> bytes | None:
    """The answer as the bytes of a file; None where it has characters that no file can hold."""
    try:
        return item.answer.encode("utf-8")
    except UnicodeEncodeError:
        return None


@pytest.mark.parametrize("network", sorted({item.network for item in HOSTILE.values()}))
def test_a_class_of_them_on_the_command_line(network: str, tmp_path: Path) -> None:
    (tmp_path / "class").mkdir()
    count = 0
    for item in HOSTILE.values():
        content = in_a_file(item)
        if item.network == network and content is not None:
            (tmp_path / "class" / f"{item.id}.txt").write_bytes(content)
            count += 1
    result = CliRunner().invoke(main, ["check", network, "class", "--json", "--report", "class.html"])
    assert result.exit_code == 1, result.stderr
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert len({row["student"] for row in rows}) == count
    assert all(row["verdict"] != "correct" for row in rows)
    page = (tmp_path / "class.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "<img" not in page
    assert [c for c in set(page) if is_unprintable(c) and c != "\n"] == []


def test_hostile_answers_in_every_report(tmp_path: Path) -> None:
    setup = Setup("z = w x\nE = (z - y)^2")
    tasks = [
        Task(item.answer[:80].encode("utf-8", "replace").decode(), (Handed(f"{item.id}.md", item.answer),))
        for item in HOSTILE.values()
        if len(item.answer) < 3000
    ]
    marked = mark_students(setup, tasks)
    for ending in (".md", ".html", ".csv", ".jsonl"):
        path = tmp_path / f"report{ending}"
        write_report(
            str(path), lambda: iter(marked), len(marked), Heading("", ("dE/dw",)), Messages("en", prefix="report.")
        )
        assert path.stat().st_size > 1000
        if ending == ".html":
            assert "<script" not in path.read_text(encoding="utf-8")
        if ending == ".jsonl":
            assert all("verdict" in json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line)


@pytest.mark.parametrize("part", [" ", "\\,", "...", "中", "，中", "d/d", "(", "9", "`"])
@pytest.mark.parametrize("before", ["", "dE/dw_12 = out"])
def test_long_runs_of_anything_end_soon(before: str, part: str) -> None:
    """No pattern looks at a run again from each of its places."""
    start = time.perf_counter()
    check_records(judge("two-two-one").mark(before + part * (8000 // len(part)) + "= 1"))
    assert time.perf_counter() - start < 2
