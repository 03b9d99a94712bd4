"""Reports: what stands in them, and that nothing from outside is taken for markup or a formula."""

from __future__ import annotations

import csv
import html.parser
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from symbackprop.errors import DataError
from symbackprop.homework.marking.marks import Marked
from symbackprop.homework.marking.report import Heading, escaped, write_report
from symbackprop.homework.marking.shown import student_text
from symbackprop.homework.messages import Messages
from symbackprop.homework.records import Record

EVIL = "<script>alert(1)</script>=cmd|' /C calc'!A0 `x` [a](http://b) $y$ | {{ 7*7 }}"
HEADING = Heading("Homework <3>", ("dE/dw", "dE/db"), 3.0)
ANN = Marked(
    "ann",
    (
        Record("dE/dw", "correct", "ann.md", 2, "∂E/∂w = x", ("correct",), note="Read in the other layout."),
        Record("dE/db", "wrong", "ann.md", 4, "∂E/∂b = 1 = 2", ("correct", "wrong"), 1, "sign", "The sign is wrong."),
    ),
    (2.0, 0.5),
    {"dE/dw": "correct", "dE/db": "wrong"},
    2.5,
)
BOB = Marked(
    "=" + EVIL,
    (
        Record("", "unreadable", EVIL, 1, EVIL, ("unreadable",), message=f"{EVIL}, line 1: no\n    {EVIL}\n    ^^"),
        Record("dE/dw", "wrong", EVIL, 2, EVIL, ("wrong",), 0, None, EVIL),
        Record("dE/db", "missing", EVIL, message="dE/db is required and was not found."),
    ),
    (None, 0.0, 0.0),
    {"dE/dw": "wrong", "dE/db": "missing"},
    0.0,
)


def report(path: Path, *students: Marked, heading: Heading = HEADING, language: str = "en") -> str:
    write_report(str(path), lambda: iter(students), len(students), heading, Messages(language, prefix="report."))
    return path.read_text(encoding="utf-8")


class Tags(html.parser.HTMLParser):
    """The tags and attributes of a page, whether they are balanced, and its words."""

    void = frozenset({"meta", "br"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.attributes: set[str] = set()
        self.words = ""
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in self.void:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


@pytest.mark.parametrize("students", [(BOB,), (ANN, BOB)], ids=["one", "class"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_html_is_self_contained_and_escaped(tmp_path: Path, students: tuple[Marked, ...], language: str) -> None:
    text = report(tmp_path / "r.html", *students, language=language)
    tags = Tags(text)
    assert not tags.seen & {"script", "img", "link", "iframe", "a", "object"}
    assert not {name for name in tags.attributes if name.startswith("on")} | tags.attributes & {"src", "href"}
    assert "<script>alert(1)</script>" in tags.words  # as words
    assert "{{ 7*7 }}" in tags.words
    assert 'name="viewport"' in text
    assert "prefers-color-scheme:dark" in text
    assert f'<html lang="{language}">' in text


def test_one_student_in_html(tmp_path: Path) -> None:
    words = " ".join(Tags(report(tmp_path / "r.html", ANN)).words.split())
    for part in ("Answers of ann", "Homework <3>", "✓ correct dE/dw line 2 2 points", "∂E/∂w = x", "✗ wrong"):
        assert part in words
    assert "The sign is wrong. The first wrong step is number 2." in words
    assert "Note: Read in the other layout." in words
    assert "1 of 2 required targets are correct; 2.5 of 3 points" in words


def test_one_student_in_markdown(tmp_path: Path) -> None:
    assert report(tmp_path / "r.md", ANN) == (
        "# Answers of ann\n\nHomework \\<3\\>\n\n"
        "- ✓ **correct** `dE/dw` (line 2) — 2 points\n\n  `∂E/∂w = x`\n\n  Note: Read in the other layout.\n\n"
        "- ✗ **wrong** `dE/db` (line 4) — 0.5 points\n\n  `∂E/∂b = 1 = 2`\n\n"
        "  The sign is wrong.\\\n  The first wrong step is number 2.\n\n"
        "1 of 2 required targets are correct; 2.5 of 3 points\n"
    )


def test_a_class_in_markdown(tmp_path: Path) -> None:
    text = report(tmp_path / "r.md", ANN, BOB, ANN)
    for row in (
        "# A class: 3 students",
        "Mean: 1.67 of 3 points.",
        "| dE/dw | 2 | 1 | 0 | 0 | 0 | 0 | something else (1) |",
        "| dE/db | 0 | 2 | 0 | 0 | 0 | 1 | wrong sign (2) |",
        "| wrong sign | 2 | dE/db (2) |",
        "| something else | 1 | dE/dw (1) |",
        "| ann | 2.5 | ✓ | ✗ |",
    ):
        assert row in text.splitlines(), row


def test_markdown_is_escaped(tmp_path: Path) -> None:
    text = report(tmp_path / "r.md", ANN, BOB)
    outside = re.sub(r"^  ```$.*?^  ```$", "", text, flags=re.DOTALL | re.MULTILINE)  # blocks of code, pieces of code
    outside = re.sub(r"`` .*? ``", "", outside)
    assert "cmd" in outside
    for markup in ("](", "<script", "`x`", "$y$", "{{"):
        assert re.search(r"(?<!\\)" + re.escape(markup), outside) is None, markup
    assert [len(re.findall(r"(?<!\\)\|", row)) for row in outside.splitlines() if "cmd" in row and row[0] == "|"] == [5]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("- item", r"\- item"),
        ("1. item", r"1\. item"),
        ("a_b*c", r"a\_b\*c"),
        ("see http://x and www.x.y", r"see http\://x and www\.x.y"),
        ("a|b`c", r"a\|b\`c"),
        ("two\nlines", "two lines"),
    ],
)
def test_words_in_markdown(text: str, shown: str) -> None:
    assert escaped(text) == shown


def test_csv_has_a_row_for_each_student_and_no_formulas(tmp_path: Path) -> None:
    text = report(tmp_path / "r.csv", ANN, BOB)
    assert text.startswith("\ufeff")
    rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))
    assert rows[0] == ["student", "points", "maximum", "correct", "required", "dE/dw", "dE/db"]
    assert rows[1] == ["ann", "2.5", "3", "1", "2", "correct", "wrong"]
    assert rows[2] == ["'=" + EVIL, "0", "3", "0", "2", "wrong", "missing"]


def test_json_lines_keep_the_shape_of_the_contract(tmp_path: Path) -> None:
    rows = [json.loads(line) for line in report(tmp_path / "r.jsonl", ANN, BOB).splitlines()]
    assert len(rows) == 5
    assert list(rows[0])[:10] == [
        "file",
        "line",
        "target",
        "verdict",
        "answer",
        "links",
        "first_wrong",
        "mistake",
        "message",
        "follows_from",
    ]
    assert (rows[1]["student"], rows[1]["points"]) == ("ann", 0.5)
    assert rows[2]["answer"] == EVIL


def test_without_a_rubric_there_are_no_points(tmp_path: Path) -> None:
    plain = Marked("ann", ANN.records, (None, None), ANN.outcome)
    heading = Heading("", HEADING.required)
    for ending in ("md", "html", "csv", "jsonl"):
        assert "points" not in report(tmp_path / f"r.{ending}", plain, heading=heading).replace(".points{", "")


def test_a_large_class_is_not_listed(tmp_path: Path) -> None:
    text = report(tmp_path / "r.md", *[ANN] * 501)
    assert "more than 500 students" in text
    assert "∂E/∂w = x" not in text


def test_a_report_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "r.md"
    path.write_text("old")

    def broken() -> Iterator[Marked]:
        yield ANN
        raise DataError("no more")

    with pytest.raises(DataError, match="no more"):
        write_report(str(path), broken, 2, HEADING, Messages("en", prefix="report."))
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["r.pdf", "r", "r.md.gz"])
def test_other_formats_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=r"\.md, \.html, \.csv, \.jsonl"):
        write_report(str(tmp_path / name), lambda: iter(()), 0, HEADING, Messages("en", prefix="report."))


def test_the_text_for_a_terminal() -> None:
    assert student_text(ANN, 3.0, Messages("en", prefix="report.")).splitlines() == [
        "ann",
        "  line 2    ✓ correct  dE/dw  [2 points]",
        "            ∂E/∂w = x",
        "            Note: Read in the other layout.",
        "  line 4    ✗ wrong  dE/db  [0.5 points]",
        "            ∂E/∂b = 1 = 2",
        "            The sign is wrong.",
        "            The first wrong step is number 2.",
        "  1 of 2 required targets are correct; 2.5 of 3 points",
    ]


def test_both_languages_have_the_same_phrases() -> None:
    english, chinese = (Messages(language, prefix="report.")._sentences for language in ("en", "zh"))
    assert set(english) == set(chinese)
