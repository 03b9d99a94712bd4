"""The command check: exit statuses, texts, reports, and runs that are interrupted and go on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import symbackprop as sb
from symbackprop.cli import main
from symbackprop.homework.marking.journal import Journal, journal_path
from symbackprop.homework.marking.marks import Marked

LINE = "z = w x\nE = \\frac{1}{2} (z - y)^2\n"
RIGHT = "dE/dw = (z - y) x\n"
WRONG = "dE/dw = (y - z) x\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "line.net").write_text(LINE)
    (tmp_path / "right.md").write_text(RIGHT)
    (tmp_path / "wrong.md").write_text(WRONG)
    (tmp_path / "class").mkdir()
    for number in range(12):
        (tmp_path / "class" / f"s{number}.txt").write_text(RIGHT if number % 3 else WRONG)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str, text: str | None = None) -> Result:
    return CliRunner().invoke(main, ["check", *arguments], input=text)


def test_a_right_answer() -> None:
    result = run("two-two-one", "-", text="dE/dz = (out - y) out (1 - out)")
    assert result.exit_code == 1
    assert "✓ correct  dE/dz" in result.stdout
    assert "○ missing  dE/dw_11" in result.stdout


@pytest.mark.usefixtures("folder")
def test_exit_status() -> None:
    assert run("line.net", "right.md").exit_code == 0
    assert run("line.net", "wrong.md").exit_code == 1
    assert run("line.net", "right.md", "wrong.md").exit_code == 1
    assert run("line.net", "right.md", "--report", "r.md").exit_code == 0
    assert run("line.net", "class", "--report", "r.md").exit_code == 1


@pytest.mark.usefixtures("folder")
def test_the_text_of_a_wrong_answer() -> None:
    assert run("line.net", "wrong.md").stdout == (
        "wrong.md\n"
        "  line 1    ✗ wrong  dE/dw\n"
        "            ∂E/∂w = (y − z) x\n"
        "            The sign is wrong.\n"
        "  0 of 1 required targets are correct\n"
    )
    assert "错误" in run("line.net", "wrong.md", "--lang", "zh").stdout


@pytest.mark.usefixtures("folder")
def test_json_is_the_contract() -> None:
    [line] = run("line.net", "wrong.md", "--json").stdout.splitlines()
    row = json.loads(line)
    assert {k: row[k] for k in ("file", "line", "target", "verdict", "links", "first_wrong", "mistake")} == {
        "file": "wrong.md",
        "line": 1,
        "target": "dE/dw",
        "verdict": "wrong",
        "links": ["wrong"],
        "first_wrong": 0,
        "mistake": "sign",
    }
    assert row["follows_from"] is None


def test_a_rubric_gives_points(folder: Path) -> None:
    (folder / "rubric.toml").write_text('[points]\n"dE/dw" = 4\n[deductions]\nsign = 0.25\n')
    assert "[3 points]" in run("line.net", "wrong.md", "--rubric", "rubric.toml").stdout
    assert json.loads(run("line.net", "wrong.md", "--rubric", "rubric.toml", "--json").stdout)["points"] == 3.0


def test_numbers_are_judged_at_the_values(folder: Path) -> None:
    (folder / "v.json").write_text('{"w": 0.5, "x": 2, "y": 3}')
    (folder / "number.md").write_text("dE/dw = (z - y) x = -4")
    assert run("line.net", "number.md", "--values", "v.json").exit_code == 0
    (folder / "v.json").write_text('{"w": 0.5}')
    result = run("line.net", "number.md", "--values", "v.json")
    assert result.exit_code == 2
    assert "not complete" in result.stderr


def test_the_key_of_a_worksheet_is_a_network(folder: Path) -> None:
    (folder / "key.md").write_text(f"# Worksheet\n\nSome words with a = sign.\n\n```net\n{LINE}```\n")
    assert run("key.md", "right.md").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing.net", "right.md"], "nothing.net"),
        (["line.net", "nothing.md"], "there is no file or folder nothing.md"),
        (["line.net", "right.md", "--report", "r.pdf"], "a report cannot be written as r.pdf"),
        (["line.net", "right.md", "--report", "none/r.md"], "cannot be written"),
        (["line.net", "right.md", "--report", "right.md"], "would be overwritten"),
        (["line.net", "right.md", "--rubric", "none.toml"], "none.toml cannot be read"),
        (["line.net", "right.md", "--rubric", "line.net"], "not TOML"),
        (["line.net", "right.md", "--lang", "xx"], "no phrases for the language 'xx'"),
        (["line.net", "right.md", "--lang", "../phrases/en"], "no phrases"),
        (["line.net", "right.md", "--jobs", "0"], "--jobs"),
        (["line.net", "right.md", "--jobs", "2", "--scheduler", "tcp://x"], "exclude each other"),
        (["-", "-"], "cannot both"),
        (["line.net"], "ANSWERS"),
        (["right.md", "right.md"], ""),
    ],
)
def test_what_cannot_be_used_is_one_message(folder: Path, arguments: list[str], message: str) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_files_that_cannot_be_read_do_not_stop_the_others(folder: Path) -> None:
    (folder / "class" / "a.md").write_bytes(b"\xff\xfe\x00")
    (folder / "class" / "b.md").write_bytes(b"")
    (folder / "class" / "c.pdf").write_bytes(b"%PDF-1.7")
    result = run("line.net", "class", "--json")
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.exit_code == 1
    assert {r["file"]: r["message"] for r in rows if r["verdict"] == "unreadable"} == {
        "a.md": "This is no UTF-8 text: save it as UTF-8.",
        "b.md": "The file is empty.",
        "c.pdf": "Files of this kind are not read: hand in .txt, .md, .tex or .py.",
    }
    assert sum(r["verdict"] == "correct" for r in rows) == 8


def test_a_report_in_its_own_folder_is_no_answer(folder: Path) -> None:
    first = run("line.net", "class", "--report", "class/r.md")
    once = (folder / "class" / "r.md").read_text()
    second = run("line.net", "class", "--report", "class/r.md")
    assert (first.exit_code, second.exit_code) == (1, 1)
    assert (folder / "class" / "r.md").read_text() == once


def test_processes_do_not_change_a_byte(folder: Path) -> None:
    for ending in ("md", "html", "csv", "jsonl"):
        run("line.net", "class", "--report", f"one.{ending}")
        run("line.net", "class", "--report", f"two.{ending}", "--jobs", "2")
        assert (folder / f"one.{ending}").read_bytes() == (folder / f"two.{ending}").read_bytes()


def started(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """A child that takes SIGINT, even where the tests run in the background."""
    return subprocess.Popen(
        [sys.executable, "-m", "symbackprop.cli", "check", *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(sb.__file__).parents[1])},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


@pytest.fixture
def large(folder: Path) -> Path:
    """A class that takes seconds."""
    for number in range(1500):
        (folder / "class" / f"t{number}.txt").write_text((RIGHT, WRONG, "dE/dw = z x", "dE/dw = (((")[number % 4] * 3)
    return folder


def wait_for_lines(path: Path, count: int, process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        if path.exists() and path.read_bytes().count(b"\n") >= count:
            return
        time.sleep(0.01)
    raise AssertionError(f"the journal did not grow: {process.communicate()}")


@pytest.mark.skipif(os.name == "nt", reason="sends SIGINT")
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_an_interrupted_run_goes_on_where_it_stopped(large: Path, jobs: str) -> None:
    process = started(large, "line.net", "class", "--report", "r.html", "--jobs", jobs)
    journal = journal_path(str(large / "r.html"))
    wait_for_lines(journal, 50, process)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 1, errors
    assert "interrupted: " in errors
    assert "to go on: symbackprop check line.net class --report r.html" in errors
    assert "Traceback" not in errors
    assert not (large / "r.html").exists()
    kept = journal.read_bytes().count(b"\n")
    assert 50 <= kept < 1512
    journal.write_bytes(journal.read_bytes() + b'{"key": "ab')  # a line that was not finished
    result = run("line.net", "class", "--report", "r.html")
    assert f"{kept} students are marked already" in result.stderr
    assert not journal.exists()
    run("line.net", "class", "--report", "whole.html")
    assert (large / "r.html").read_bytes() == (large / "whole.html").read_bytes()


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the workers under /proc")
def test_a_killed_worker_changes_nothing(large: Path) -> None:
    process = started(large, "line.net", "class", "--report", "r.csv", "--jobs", "2")
    wait_for_lines(journal_path(str(large / "r.csv")), 20, process)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    workers = [int(c) for c in children if b"popen_loky" in Path(f"/proc/{c}/cmdline").read_bytes()]
    os.kill(workers[0], signal.SIGKILL)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1, errors
    assert "Traceback" not in errors
    run("line.net", "class", "--report", "whole.csv")
    assert (large / "r.csv").read_bytes() == (large / "whole.csv").read_bytes()


class TestJournal:
    MARKED = Marked("ann", (), (), {"dE/dw": "correct"})

    def test_what_is_kept_is_read_again(self, tmp_path: Path) -> None:
        path = tmp_path / "j.jsonl"
        with Journal(path) as journal:
            journal.add("ab", self.MARKED)
        with Journal(path) as journal:
            assert "ab" in journal
            assert "cd" not in journal
            journal.add("cd", self.MARKED)
            assert list(journal.read(["cd", "ab"])) == [self.MARKED] * 2
            journal.remove()
        assert not path.exists()

    def test_another_file_is_not_touched(self, tmp_path: Path) -> None:
        path = tmp_path / "j.jsonl"
        path.write_text("my notes\nmore notes\n")
        with pytest.raises(sb.SymbackpropError, match="no side file"):
            Journal(path)
        assert path.read_text() == "my notes\nmore notes\n"

    def test_nothing_is_left_behind_by_a_run_without_results(self, tmp_path: Path) -> None:
        with Journal(tmp_path / "j.jsonl"):
            pass
        assert list(tmp_path.iterdir()) == []


def test_another_rubric_is_marked_anew(folder: Path) -> None:
    (folder / "rubric.toml").write_text('[points]\n"dE/dw" = 4\n')
    (folder / "r.csv.partial.jsonl").write_text("")
    run("line.net", "class", "--report", "r.csv", "--rubric", "rubric.toml")
    assert "s1.txt,4,4,1,1,correct" in (folder / "r.csv").read_text()


def test_derivation_check() -> None:
    d = sb.read(LINE).derive()
    assert [(r.target, r.verdict) for r in d.check(WRONG)] == [("dE/dw", "wrong")]
    assert [r.verdict for r in d.check("", required=["dE/dw", "dE/dz"])] == ["missing", "missing"]
    assert d.check("x (z - y)", target="dE/dw")[0].verdict == "correct"
    assert d.check("dE/dw = -4", values={"w": 0.5, "x": 2.0, "y": 3.0})[0].verdict == "correct"
    assert "符号" in d.check(WRONG, lang="zh")[0].message


def test_code_answers_in_python_files(folder: Path) -> None:
    (folder / "a.py").write_text("import numpy as np\n# dE/dw = 7\ndw = (z - y) * x\n")
    result = run("line.net", "a.py", "--json")
    assert [json.loads(line)["line"] for line in result.stdout.splitlines()] == [3]
    assert result.exit_code == 0
