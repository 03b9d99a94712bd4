"""The command check: marks answers, one student or a class.

Contract: everything that could be refused is refused before the first answer is marked; a report appears whole or not
at all; an interrupted run says with which command it goes on.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import click

from symbackprop.cli.common import network_argument, network_text, read_values, say, values_option, write_piece
from symbackprop.cli.progress import interrupted_once, progress_bar
from symbackprop.errors import DataError

if TYPE_CHECKING:
    from symbackprop.homework.marking.engines import Engine
    from symbackprop.homework.marking.marks import Marked
    from symbackprop.homework.marking.report import Heading
    from symbackprop.homework.marking.students import Student
    from symbackprop.homework.marking.work import Setup

NOT_RIGHT = 1
COLOURS = {"correct": "green", "wrong": "red", "missing": "red", "follows": "yellow", "unreadable": "yellow"}

EXAMPLES = """\
\b
Examples:
  symbackprop check two-two-one answer.md
  symbackprop check my.net answers/ --report class.html --rubric rubric.toml
  symbackprop check my.net answers.zip --json --lang zh > records.jsonl
  symbackprop check my.net answers/ --report class.csv --jobs 4
  echo 'dE/dw_12 = (out - y) x_1' | symbackprop check two-two-one -

\b
A rubric is a TOML file; everything in it may be left out:
  title = "Homework 3"
  required = ["dE/dw_12", "dE/dw_14"]  # default: those under [points], or all parameters
  attempts = "last"                    # of several answers to a target counts last, best, worst
  [points]
  default = 1                          # of a target that is not named here
  "dE/dw_12" = 3
  [credit]                             # what part of the points an answer earns that is not correct
  follows = 0.5                        # right, given an earlier wrong answer
  steps = 0.4                          # shared among the right links of a wrong answer
  [deductions]                         # a wrong answer with this mistake loses only this part
  sign = 0.25
"""


@click.command(epilog=EXAMPLES)
@network_argument
@click.argument("answers", metavar="ANSWERS...", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line for each answer.")
@click.option(
    "--report", metavar="FILE", help="Write a report: .md, .html, .csv (a row a student) or .jsonl, by the ending."
)
@click.option("--rubric", metavar="FILE", help="Points, and what is required (TOML; see below).")
@values_option("Numbers of a worked point, against which numbers in answers are judged")
@click.option(
    "--delta",
    type=click.Choice(["cost", "sample"]),
    default="cost",
    show_default=True,
    help="A delta in an answer is the derivative of the whole cost, or of one sample's loss.",
)
@click.option("--lang", default="en", metavar="en|zh", show_default=True, help="Language of messages and reports.")
@click.option("--jobs", type=click.IntRange(1), default=1, metavar="N", show_default=True, help="Mark in N processes.")
@click.option("--scheduler", metavar="ADDRESS", help="Mark on the Dask cluster at ADDRESS: tcp://127.0.0.1:8786.")
def check(
    network: str,
    answers: tuple[str, ...],
    as_json: bool,
    report: str | None,
    rubric: str | None,
    values: str | None,
    delta: Any,
    lang: str,
    jobs: int,
    scheduler: str | None,
) -> None:
    """Mark the ANSWERS of students about NETWORK: files (.txt, .md, .tex, .py), folders, ZIP files, or -.

    A file is one student; in a folder of folders, a folder is. Every chain of equalities gets a verdict for
    each of its links; wrong ones are explained. Exit status 1 if a required target is not correct.
    """
    from symbackprop.homework.marking.engines import make_engine
    from symbackprop.homework.marking.report import Heading
    from symbackprop.homework.marking.students import find_students
    from symbackprop.homework.marking.work import Setup, marker, values_text

    if network == "-" and "-" in answers:
        raise click.UsageError("the network and the answers cannot both come from standard input")
    if jobs > 1 and scheduler is not None:
        raise click.UsageError("--jobs and --scheduler exclude each other")
    read = [path for path in (network, rubric, values) if path is not None]
    if report is not None:
        _check_report(report, [*read, *answers])
    text, name = network_text(network)
    setup = Setup(text, name, delta, lang, values_text(read_values(values)), *(_rubric_text(rubric) or ()))
    own = marker(setup)
    title = (own.rubric.title if own.rubric is not None else "") or own.network.title
    heading = Heading(title, own.scheme.required, own.scheme.maximum)
    with ExitStack() as stack:
        students = find_students(answers, stack, [*read, *_beside(report)])
        stack.enter_context(interrupted_once())
        engine = make_engine(jobs if len(students) > 1 else 1, scheduler)
        stack.callback(engine.close)
        run = _Run(engine, setup, students, heading, as_json)
        right = run.printed() if report is None else run.reported(report)
    if not right:
        sys.exit(NOT_RIGHT)


@dataclass(frozen=True)
class _Run:
    """Everything is known and checked: who is marked, how, and what is shown."""

    engine: Engine
    setup: Setup
    students: Sequence[Student]
    heading: Heading
    as_json: bool

    def printed(self) -> bool:
        """Mark, and print what every student gets as soon as it is known; are all of them right?"""
        from symbackprop.homework.marking.session import stream

        right = 0
        try:
            for done, marked in enumerate(stream(self.engine, self.setup, self.students)):
                self._print(marked, first=done == 0)
                right += marked.right
        except KeyboardInterrupt:
            say("interrupted; with --report FILE a run can go on where it stopped")
            sys.exit(NOT_RIGHT)
        if len(self.students) > 1:
            self._say_summary(right)
        return right == len(self.students)

    def reported(self, report: str) -> bool:
        """Mark, write the report, and print records where they are asked for; are all students right?"""
        from symbackprop.homework.marking.journal import Journal, journal_path
        from symbackprop.homework.marking.report import write_report
        from symbackprop.homework.marking.session import kept
        from symbackprop.homework.messages import Messages

        with Journal(journal_path(report)) as journal:
            if len(journal):
                say(f"{len(journal)} students are marked already, in {journal.path}")
            try:
                with progress_bar(len(self.students), "marking", _shown_name) as progress:
                    results = kept(self.engine, self.setup, self.students, journal, progress)
                words = Messages(self.setup.language, prefix="report.")
                write_report(report, results, len(self.students), self.heading, words)
            except KeyboardInterrupt:
                say(f"interrupted: {len(journal)} of {len(self.students)} are marked, and kept in {journal.path}")
                say(f"to go on: {_this_command()}")
                sys.exit(NOT_RIGHT)
            right = 0
            for marked in results():
                right += marked.right
                if self.as_json:
                    self._print(marked, first=False)
            journal.remove()
        self._say_summary(right)
        return right == len(self.students)

    def _print(self, marked: Marked, *, first: bool) -> None:
        from symbackprop.homework.marking.report import json_lines
        from symbackprop.homework.marking.shown import student_text
        from symbackprop.homework.messages import Messages

        if self.as_json:
            write_piece("".join(json_lines([marked])))
            return
        words = Messages(self.setup.language, prefix="report.")
        text = student_text(marked, self.heading.maximum, words, _painted if _has_colours() else _plain)
        write_piece(("" if first else "\n") + text + "\n")

    def _say_summary(self, right: int) -> None:
        count = len(self.students)
        students = "1 student has" if right == 1 else f"{right} students have"
        say(f"{students} every required target right, of {count}")


def _beside(report: str | None) -> list[str]:
    """What a run writes, which must not be taken for answers by the next one."""
    from symbackprop.homework.marking.journal import journal_path

    return [] if report is None else [report, str(journal_path(report))]


def _check_report(report: str, read: Sequence[str]) -> None:
    """Refuse a report that could not or should not be written, before anything is marked."""
    from symbackprop.homework.marking.report import report_format
    from symbackprop.numeric.files import check_writable

    report_format(report)
    for path in read:
        if path != "-" and os.path.exists(path) and os.path.exists(report) and os.path.samefile(path, report):
            raise DataError(f"{report} is read, and would be overwritten", hint="write to another file")
    check_writable(report)


def _rubric_text(path: str | None) -> tuple[str, str] | None:
    """The text of the rubric and the name of its file."""
    if path is None:
        return None
    from symbackprop.homework.marking.sources import LARGEST_FILE

    try:
        with open(path, "rb") as stream:
            text = stream.read(LARGEST_FILE).decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise DataError(f"{path} cannot be read: it is not UTF-8 text") from None
    return text, PurePath(path).name


def _this_command() -> str:
    """The command line that was given, ready to be given again."""
    return shlex.join(["symbackprop", *sys.argv[1:]])


def _shown_name(name: str | None) -> str:
    return name or ""


def _has_colours() -> bool:
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ


def _plain(text: str, _verdict: str) -> str:
    return text


def _painted(text: str, verdict: str) -> str:
    return click.style(text, fg=COLOURS.get(verdict), bold=True)
