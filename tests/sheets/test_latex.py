"""The LaTeX of sheets goes through TeX without a formula or a table running off the page."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from symbackprop.derivation import Derivation
from symbackprop.errors import SymbackpropError
from symbackprop.network import Network
from symbackprop.sheets import compose
from symbackprop.sheets.formats.pdf import to_pdf
from symbackprop.sheets.width import width
from tests.sheets.networks import chain, dense_batch, hostile, layer, shared_biases, two_two_one

CASES: dict[str, Callable[[], Network]] = {
    "two-two-one": two_two_one,
    "shared biases": shared_biases,
    "chain": lambda: chain(16),
    "layer": lambda: layer(6, 7, 3),
    "batch": dense_batch,
}


def engine(latex: str) -> str:
    name = "xelatex" if "ctexart" in latex else "pdflatex"
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    return name


def compiled(latex: str, folder: Path) -> str:
    """The log of a run, which must succeed."""
    (folder / "sheet.tex").write_text(latex, encoding="utf-8")
    run = subprocess.run(
        [engine(latex), "-interaction=nonstopmode", "-halt-on-error", "sheet.tex"],
        cwd=folder,
        capture_output=True,
        timeout=120,
        check=False,
    )
    log = (folder / "sheet.log").read_text(encoding="utf-8", errors="replace")
    assert run.returncode == 0, log[-2000:]
    return log


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_it_compiles_without_overfull_lines(name: str, language: str, tmp_path: Path) -> None:
    log = compiled(compose(Derivation(CASES[name]()), language).to_latex(), tmp_path)
    assert "Overfull" not in log
    assert "Missing character" not in log


@pytest.mark.slow
def test_hostile_names_compile(tmp_path: Path) -> None:
    compiled(compose(Derivation(hostile())).to_latex(), tmp_path)


def test_the_engine_follows_the_language() -> None:
    assert compose(Derivation(two_two_one())).to_latex().startswith("% !TEX program = pdflatex")
    assert compose(Derivation(two_two_one()), "zh").to_latex().startswith("% !TEX program = xelatex")
    assert r"\documentclass[11pt,a4paper,fontset=fandol]{ctexart}" in compose(Derivation(hostile())).to_latex()


def test_avoided_commands_do_not_occur() -> None:
    for build in CASES.values():
        text = compose(Derivation(build())).to_markdown()
        for command in (r"\operatorname", r"\label", r"\mbox", r"\newcommand", r"\bm", r"\begin{split}"):
            assert command not in text


def test_the_width_of_a_formula() -> None:
    assert width("x") < width("x_1") < width("x_1 + y")
    assert width(r"\frac{a + b}{c}") == pytest.approx(width("a + b") + 0.3)
    assert width("x_1^2") == pytest.approx(width("x_1"))
    assert width(r"\begin{cases} a \\ a + b \end{cases}") > width("a + b")


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_pdf_is_the_same_every_time(language: str, tmp_path: Path) -> None:
    sheet = compose(Derivation(two_two_one()), language)
    engine(sheet.to_latex())
    first, second = sheet.to_pdf(), sheet.save(tmp_path / "sheet.pdf").read_bytes()
    assert first.startswith(b"%PDF-")
    assert first == second


def test_without_a_tex_engine_there_is_a_clear_message(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SymbackpropError, match=r"a PDF needs TeX, and pdflatex .* is not installed"):
        compose(Derivation(two_two_one())).save(tmp_path / "sheet.pdf")
    assert not (tmp_path / "sheet.pdf").exists()


def test_what_tex_cannot_set_is_no_traceback() -> None:
    engine("")
    with pytest.raises(SymbackpropError, match="Undefined control sequence"):
        to_pdf("% !TEX program = pdflatex\n\\documentclass{article}\\begin{document}\\nothing\\end{document}\n")


@pytest.mark.slow
def test_a_document_cannot_read_other_folders(tmp_path: Path) -> None:
    engine("")
    (tmp_path / "secret.tex").write_text("secret", encoding="utf-8")
    source = rf"\documentclass{{article}}\begin{{document}}x\input{{{tmp_path}/secret.tex}}\end{{document}}"
    with pytest.raises(SymbackpropError, match="cannot set the sheet"):
        to_pdf(f"% !TEX program = pdflatex\n{source}\n")
