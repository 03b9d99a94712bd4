"""Reports: one student or a class, in Markdown, HTML, CSV or JSON lines.

Contract: `write_report` writes the whole file or leaves the old one; it goes through the students one by one. All that
comes from outside is escaped: in HTML by the template, in Markdown with backslashes, in CSV against formulas.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from symbackprop.errors import DataError
from symbackprop.homework.marking.marks import Marked
from symbackprop.homework.marking.session import Results
from symbackprop.homework.marking.shown import SIGNS, earned_text, explanation, missing_targets, number, result_text
from symbackprop.homework.marking.summary import ranked, summarise
from symbackprop.homework.messages import Messages
from symbackprop.numeric.files import whole_file
from symbackprop.phrases import built_in_folder

FORMATS = (".md", ".html", ".csv", ".jsonl")
MOST_LISTED = 500
"""Students whose answers are listed in the report of a class; above, it holds only the tables."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "|", "%", "＝", "＋", "－", "＠")
_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|$~&!@]|:(?=//)|(?<=www)\.|^[-+=]|(?<=^[0-9])[.)])")


@dataclass(frozen=True)
class Heading:
    """What a report says of the exercise.

    Attributes:
        title: of the rubric or the network.
        required: the required targets.
        maximum: all points that there are; None without a rubric.
    """

    title: str
    required: tuple[str, ...]
    maximum: float | None = None


def report_format(path: str) -> str:
    """The ending of a report, which chooses its format.

    Raises:
        DataError: there is no such format.

    >>> report_format("class.HTML")
    '.html'
    """
    ending = PurePath(path).suffix.lower()
    if ending not in FORMATS:
        raise DataError(f"a report cannot be written as {path}", hint=f"its name ends in {', '.join(FORMATS)}")
    return ending


def write_report(path: str, results: Results, students: int, heading: Heading, say: Messages) -> None:
    """The report, in the format of its ending.

    Raises:
        DataError: it cannot be written.
    """
    match report_format(path):
        case ".csv":
            pieces = csv_lines(results(), heading)
        case ".jsonl":
            pieces = json_lines(results())
        case ending:
            pieces = page(ending, results, students, heading, say)
    with whole_file(path) as stream:
        for piece in pieces:
            stream.write(piece.encode("utf-8"))


def json_lines(results: Iterable[Marked]) -> Iterator[str]:
    """A line of JSON for each record."""
    for marked in results:
        for row in marked.rows():
            yield json.dumps(row, ensure_ascii=False) + "\n"


def csv_lines(results: Iterable[Marked], heading: Heading) -> Iterator[str]:
    """A row for each student, for spreadsheets: it begins with a byte order mark, and no cell is a formula."""
    points = [] if heading.maximum is None else ["points", "maximum"]
    yield "\ufeff" + _row(["student", *points, "correct", "required", *heading.required])
    for marked in results:
        right = sum(verdict == "correct" for verdict in marked.outcome.values())
        earned = [] if heading.maximum is None else [number(marked.total), number(heading.maximum)]
        verdicts = [marked.outcome[target] for target in heading.required]
        yield _row([marked.student, *earned, str(right), str(len(heading.required)), *verdicts])


def _row(cells: Iterable[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow([defused(cell) for cell in cells])
    return buffer.getvalue()


def defused(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula.

    >>> defused("=HYPERLINK(1)"), defused("dE/dw")
    ("'=HYPERLINK(1)", 'dE/dw')
    """
    return f"'{cell}" if cell.lstrip().startswith(_FORMULA) or cell.startswith(_FORMULA) else cell


def page(ending: str, results: Results, students: int, heading: Heading, say: Messages) -> Iterator[str]:
    """The pieces of a page in Markdown or HTML."""
    environment = Environment(
        loader=FileSystemLoader(str(built_in_folder())),
        undefined=StrictUndefined,
        autoescape=ending == ".html",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(_filters())
    template = environment.get_template(f"report/report{ending}.j2")
    return template.generate(
        results=results,
        single=students == 1,
        listed=students <= MOST_LISTED,
        most=MOST_LISTED,
        heading=heading,
        summary=None if students == 1 else summarise(results(), heading.required),
        say=say,
        signs=SIGNS,
        verdicts=tuple(SIGNS),
        earned=lambda points: earned_text(points, say),
        explanation=lambda record: explanation(record, say),
        missing=missing_targets,
        result=lambda marked: result_text(marked, heading.maximum, say),
        language=say.language,
    )


def _filters() -> Mapping[str, Callable[..., Any]]:
    """What templates call by name."""
    return {"words": escaped, "code": code, "fenced": fenced, "number": number, "ranked": ranked}


def escaped(text: str) -> str:
    r"""Text that stands in Markdown as it is, in one line.

    >>> escaped("a*b <c>")
    'a\\*b \\<c\\>'
    """
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))


def fenced(text: str, indent: str) -> str:
    r"""Text as a block of code, line by line, below an item of a list.

    >>> fenced("a = (\n    ^", "  ")
    '  ```\n  a = (\n      ^\n  ```'
    """
    fence = "`" * max(3, _longest_run(text) + 1)
    return "\n".join(indent + line for line in (fence, *text.split("\n"), fence))


def code(text: str) -> str:
    r"""Text as a piece of code in a line of Markdown.

    >>> code("a `b` c")
    '`` a `b` c ``'
    """
    text = " ".join(text.split())
    longest = _longest_run(text)
    fence = "`" * (longest + 1)
    return f"{fence} {text} {fence}" if longest or not text else f"`{text}`"


def _longest_run(text: str) -> int:
    """Backticks that stand side by side."""
    return max((len(run) for run in re.findall(r"`+", text)), default=0)
