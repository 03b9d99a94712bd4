"""The formats: escaping, structure, the same bytes every time."""

from __future__ import annotations

import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest

import symbackprop as sb
from symbackprop.derivation import Derivation
from symbackprop.errors import SymbackpropError
from symbackprop.sheets import Sheet, compose
from symbackprop.sheets.formats.html import _converter
from tests.sheets.networks import HOSTILE, dense_batch, hostile, shared_biases, two_two_one

pytest.importorskip("math_core")


def sheet(language: str = "en") -> Sheet:
    return compose(Derivation(two_two_one()), language)


class Outline(HTMLParser):
    """Tags and text of a page; complains about tags that do not close."""

    VOID = frozenset({"meta", "br", "hr", "mspace", "path", "rect", "wbr"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def outline(page: str) -> Outline:
    found = Outline()
    found.feed(page)
    assert found.open == []
    return found


def test_html_is_well_formed_and_loads_nothing() -> None:
    page = outline(sheet().to_html())
    assert "script" not in page.tags
    assert {"math", "svg", "details", "table", "figure"} <= page.tags
    assert not [name for name, value in page.attributes if name.startswith("on") or name == "src"]
    assert not [value for _, value in page.attributes if "http" in value and "w3.org" not in value]


def test_html_says_its_language() -> None:
    assert sheet("zh").to_html().startswith('<!DOCTYPE html>\n<html lang="zh">')


def test_a_hostile_title_is_text_in_every_format() -> None:
    hostile_sheet = compose(Derivation(hostile()))
    page = outline(hostile_sheet.to_html())
    assert "script" not in page.tags
    assert HOSTILE in page.text
    assert re.search(r"^# a\\_b\\\*c \\<script\\>alert\(1\)", hostile_sheet.to_markdown(), re.MULTILINE)
    latex = hostile_sheet.to_latex()
    assert r"\input{" not in latex
    assert r"\textbackslash{}input\{secret\} `code` [l](u) \textasciitilde{}\textasciicircum{} \{b\}" in latex
    assert hostile_sheet.to_text().splitlines()[0] == HOSTILE


def test_a_hostile_name_is_text_in_every_format() -> None:
    hostile_sheet = compose(Derivation(hostile()))
    assert (
        r"\text{w \& <b>\_*\#\%\$\{\}\textbackslash{}|\textasciitilde{}\textasciicircum{} 重}"
        in hostile_sheet.to_latex()
    )
    assert "<b>" not in hostile_sheet.to_markdown()
    assert "<b>" not in hostile_sheet.to_html()
    assert "w & <b>_*#%${}" in hostile_sheet.to_text()


def test_two_dialects_of_markdown() -> None:
    jupyter, github = sheet().to_markdown(), sheet().to_markdown("github")
    assert "$$\n" in jupyter
    assert "```math" not in jupyter
    assert "$$" not in github
    assert "$`\\partial E" in github
    assert jupyter.count("$$\n") / 2 == github.count("```math\n")


def test_bars_do_not_end_a_cell_of_a_table() -> None:
    for line in compose(Derivation(shared_biases())).to_markdown().splitlines():
        if line.startswith("|"):
            assert line.count("|") in (3, 5)


def test_the_notebook_is_valid_and_runs() -> None:
    text = sheet().to_notebook()
    notebook = nbformat.reads(text, 4)
    nbformat.validate(notebook)
    assert "image/svg+xml" in json.dumps(notebook["cells"])
    namespace: dict[str, object] = {}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            exec(cell["source"], namespace)
    gradients = namespace["gradients"]
    assert isinstance(gradients, dict)
    assert list(gradients)[:2] == ["w_21", "w_22"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_same_bytes_every_time(language: str) -> None:
    first, second = sheet(language), sheet(language)
    for render in (Sheet.to_markdown, Sheet.to_latex, Sheet.to_html, Sheet.to_text, Sheet.to_notebook):
        assert render(first) == render(second)
        assert "\r" not in render(first)
        assert render(first).endswith("\n")


def test_saving_writes_the_picture_beside_markdown(tmp_path: Path) -> None:
    saved = sheet().save(tmp_path / "sheet.md")
    assert "](sheet.svg)" in saved.read_text(encoding="utf-8")
    assert (tmp_path / "sheet.svg").read_text(encoding="utf-8").startswith("<svg")
    for ending in ("tex", "html", "ipynb", "txt"):
        assert sheet().save(tmp_path / f"sheet.{ending}").stat().st_size > 5000
    with pytest.raises(SymbackpropError, match=r"\.docx"):
        sheet().save(tmp_path / "sheet.docx")


def test_text_fits_a_terminal() -> None:
    for language in ("en", "zh"):
        text = sheet(language).to_text(80)
        prose = [line for line in text.splitlines() if not line.startswith(("    ", "  ▌", "∂"))]
        assert max(map(len, prose)) <= 80


def test_arrays_are_written_as_matrices_and_entry_by_entry() -> None:
    text = compose(Derivation(dense_batch())).to_markdown()
    assert r"Z^{[1]} &= W^{[1]}\, X + b^{[1]}\, \mathbf{1}^{\top}" in text
    assert r"\frac{\partial Z^{[1]}_{is}}{\partial W^{[1]}_{ij}} = \sum_{s=1}^{m} \delta^{[1]}_{is}\,X_{js}" in text
    assert r"\boxed{\frac{\partial L}{\partial W^{[1]}} = \delta^{[1]}\, X^{\top}" in text
    entries = compose(Derivation(dense_batch()), form="index").to_markdown()
    assert r"X^{\top}" not in entries
    assert r"\boxed{\frac{\partial L}{\partial W^{[1]}_{ij}} = \sum_{s=1}^{m}" in entries


def test_jupyter_shows_a_part_of_a_page() -> None:
    derivation = sb.read("two-two-one").derive()
    shown = derivation._repr_html_()
    assert shown is not None
    assert shown == derivation.sheet()._repr_html_()
    page = outline(shown)
    assert not page.tags & {"html", "head", "body", "script"}
    style = shown[shown.index("<style>") : shown.index("</style>")]
    selectors = re.findall(r"(?:^|[{}\n])\s*([^@{};\n][^{};]*)\{", re.sub(r"@[a-z]+[^{]*\{", "\n", style[7:]))
    assert selectors
    assert all(selector.startswith(".sheet") for selector in selectors), "styles of a cell do not change the notebook"
    assert derivation._repr_markdown_().startswith("# A 2-2-1 network")
    assert derivation._repr_latex_().startswith("$$\n\\begin{aligned}\n\\frac{\\partial E}{\\partial w_{21}} &= ")
    assert derivation._repr_latex_().endswith("\n$$")


def test_jupyter_shows_markdown_where_html_cannot_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "math_core", None)
    _converter.cache_clear()
    try:
        assert sheet()._repr_html_() is None
        with pytest.raises(SymbackpropError, match="math-core"):
            sheet().to_html()
    finally:
        _converter.cache_clear()


@pytest.mark.parametrize("name", ["two-two-one", "relu-classifier", "relu-regression", "softmax-classifier"])
def test_the_cells_of_every_notebook_run(name: str) -> None:
    notebook = nbformat.reads(sb.read(name).derive().sheet().to_notebook(), 4)
    nbformat.validate(notebook)
    namespace: dict[str, object] = {}
    cells = [cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert len(cells) >= 2
    for source in cells:
        exec(source, namespace)


def test_every_picture_of_a_notebook_is_in_it() -> None:
    for cell in nbformat.reads(sheet().to_notebook(), 4)["cells"]:
        shown = re.findall(r"\(attachment:([^)]*)\)", cell["source"])
        assert sorted(shown) == sorted(cell.get("attachments", {}))


def test_pictures_beside_markdown_have_names_of_their_own() -> None:
    pictures = sheet().pictures("a b.svg")
    assert list(pictures) == ["a b.svg", "a b-flow.svg"]
    assert "](a%20b-flow.svg)" in sheet().to_markdown("github", "a%20b.svg")


def test_arrow_tips_of_several_pictures_on_a_page_have_names_of_their_own() -> None:
    page = sb.read("softmax-classifier").derive().sheet().to_html()
    tips = re.findall(r'<marker id="([^"]*)"', page)
    assert len(tips) == len(set(tips)) >= 4
    assert set(re.findall(r"url\(#([^)]*)\)", page)) <= set(tips)
