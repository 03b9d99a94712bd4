"""Worksheets: blanks with a key that fits them, variants that stay pleasant, the same bytes from the same seed."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import symbackprop as sb
from symbackprop.cli import main
from symbackprop.derivation import Derivation
from symbackprop.errors import DataError, NetworkError
from symbackprop.phrases import built_in_folder
from symbackprop.sheets.blocks import Row
from symbackprop.sheets.compose.composition import Composition
from symbackprop.sheets.mathematics import MathWriter
from symbackprop.sheets.phrases import Phrases
from symbackprop.sheets.worksheet import STEPS, Worksheet
from tests.sheets.test_latex import compiled

SEEDS = range(12)


def paper(name: str = "two-two-one", *args: object, **options: object) -> Worksheet:
    return sb.read(name).derive().worksheet(*args, **options)  # type: ignore[arg-type]


def blanks(text: str) -> list[str]:
    """The left sides of all lines that are to be filled in."""
    return re.findall(r"^(.*?) (?:=|\\leftarrow) \\underline", text, re.MULTILINE)


def test_a_blank_is_a_display_of_its_own_with_its_left_side() -> None:
    text = paper(steps=("gradients",)).sheet.to_markdown()
    assert "$$\n\\frac{\\partial E}{\\partial w_{12}} = \\underline{" in text
    assert len(blanks(text)) == 9


def test_the_key_answers_every_blank_in_order() -> None:
    work = paper(seed=5)
    key = work.key.to_markdown().split("```\n", 1)[-1]
    position = 0
    for left in blanks(work.sheet.to_markdown()):
        found = re.search(re.escape(left) + r" *(?:&?=|&?\\leftarrow)", key[position:])
        assert found, left
        position += found.start()


def test_answers_are_those_of_the_derivation() -> None:
    key = paper(steps=("partials", "deltas", "gradients", "updates")).key.to_markdown()
    for answer in (
        r"\frac{\partial z}{\partial \alpha_2} = w_{22}$",
        r"\delta_z = (\mathit{out} - y)\,\mathit{out}\,(1 - \mathit{out})$",
        r"\delta_{h_2} = \delta_z\,w_{22}\,\alpha_2\,(1 - \alpha_2)$",
        r"\frac{\partial E}{\partial w_{12}} = \delta_{h_2}\,x_1$",
        r"w_{12} \leftarrow w_{12} - \eta\,\frac{\partial E}{\partial w_{12}}$",
    ):
        assert answer in key


def test_entries_of_arrays_have_indices_of_their_own() -> None:
    text = paper("softmax-classifier", steps=("partials",)).key.to_markdown()
    assert r"\frac{\partial Z^{[2]}_{ks}}{\partial A^{[1]}_{is}} = W^{[2]}_{ki}" in text
    assert r"\frac{\partial Z^{[2]}_{is}}{\partial W^{[2]}_{ij}} = A^{[1]}_{js}" in text
    assert r"\frac{\partial Z^{[2]}_{is}}{\partial b^{[2]}_i} = 1" in text


@pytest.mark.parametrize("name", sb.networks())
@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_key_is_the_network_of_the_variant(name: str, language: str) -> None:
    for seed in (None, 1, 2):
        work = paper(name, seed, lang=language)
        again = sb.read(work.key.to_markdown())
        assert again.parameters == work.network.parameters
        written, read = ([str(q.base) for q in net.quantities.values()] for net in (work.network, again))
        assert sorted(written) == sorted(read)
        assert {again.names[b].plain for b in again.values} == set(work.values)


def test_the_gradients_of_the_key_are_those_of_the_variant() -> None:
    work = paper(seed=3)
    again = sb.read(work.key.to_markdown()).derive()
    assert again.gradient_check(dict(work.values)).ok


def test_the_same_seed_gives_the_same_bytes() -> None:
    first, second = paper(seed=11), paper(seed=11)
    assert first.sheet.to_markdown() == second.sheet.to_markdown()
    assert first.key.to_markdown() == second.key.to_markdown()
    assert first.key.to_latex() == second.key.to_latex()


def test_seeds_differ_in_size_activation_loss_and_numbers() -> None:
    papers = [paper(seed=seed) for seed in SEEDS]
    assert len({work.sheet.to_markdown() for work in papers}) == len(papers)
    assert {len(work.network.with_role("input")) for work in papers} == {1, 2}
    text = "".join(work.key.to_markdown() for work in papers)
    assert {r"\tanh(h_", r"\mathrm{ReLU}(h_", r"\sigma(h_"} <= set(
        re.findall(r"\\(?:tanh|mathrm\{ReLU\}|sigma)\(h_", text)
    )
    losses = {line for line in text.splitlines() if line.startswith("E = ")}
    assert len(losses) == 4  # with and without the half, either way round


@pytest.mark.parametrize("name", ["two-two-one", "softmax-classifier", "relu-classifier", "relu-regression"])
def test_numbers_stay_pleasant(name: str) -> None:
    for seed in SEEDS:
        work = paper(name, seed)
        for value in work.values.values():
            assert np.all(np.abs(np.asarray(value) * 10 - np.round(np.asarray(value) * 10)) < 1e-9)
            assert max(np.shape(value), default=1) <= 3
        loss, gradients = work.network.derive().compile()(dict(work.values))  # type: ignore[attr-defined]
        assert 1e-3 < loss < 30
        assert all(np.all(np.isfinite(g)) for g in gradients.values())


def test_sums_of_targets_are_one() -> None:
    values = paper("softmax-classifier", 4).values
    assert np.all(np.asarray(values["Y"]).sum(axis=0) == 1)


def test_given_numbers_are_kept() -> None:
    values = dict.fromkeys(
        ["x_1", "x_2", "y", "w_11", "w_12", "w_13", "w_14", "b_11", "b_12", "w_21", "w_22", "b_21"], 0
    )
    work = paper(steps=("numbers",), values=values | {"eta": 0.5})
    assert r"\mathit{out} &= \sigma(0) = 0.5" in work.key.to_markdown()
    assert "w_{11} := 0\n" in work.key.to_markdown()


def test_without_seed_and_values_there_is_nothing_to_calculate() -> None:
    work = paper()
    assert work.values == {}
    assert "In numbers" not in work.sheet.to_markdown()


def test_what_cannot_be_asked_is_refused() -> None:
    with pytest.raises(DataError, match="no step 'guesses'"):
        paper(steps=("guesses",))
    with pytest.raises(DataError, match="needs a step"):
        paper(steps=())
    with pytest.raises(NetworkError, match="concrete number of layers"):
        paper("deep", 1, steps=("numbers",))


def test_chinese() -> None:
    text = paper(seed=1, lang="zh").sheet.to_markdown()
    for words in ("练习", "姓名", "局部导数", "求各个 delta", "更新参数", "代入数值"):
        assert words in text


@pytest.mark.slow
@pytest.mark.parametrize("name", ["two-two-one", "softmax-classifier"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_both_halves_are_typeset(name: str, language: str, tmp_path: Path) -> None:
    work = paper(name, 2, lang=language)
    for half in (work.sheet, work.key):
        assert "Missing character" not in compiled(half.to_latex(), tmp_path)
        assert "<math" in half.to_html()
        assert "____" in half.to_text() or half is work.key


def test_command_line(tmp_path: Path) -> None:
    sheet, key = tmp_path / "work.md", tmp_path / "key.md"
    arguments = [
        "worksheet",
        "two-two-one",
        "--seed",
        "7",
        "--steps",
        "deltas, gradients",
        "-o",
        str(sheet),
        "--key",
        str(key),
    ]
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 0
    assert sheet.read_text(encoding="utf-8") == paper(seed=7, steps=("deltas", "gradients")).sheet.to_markdown()
    assert sb.read(key).parameters == paper(seed=7).network.parameters


def test_the_steps_are_in_order() -> None:
    assert list(STEPS) == ["partials", "deltas", "gradients", "updates", "numbers"]


def filled(work: Worksheet) -> str:
    """The worksheet with the answers of its key, as a student would write them."""
    text = work.sheet.to_markdown()
    for answer in (row.right.latex for row in answers_of(work)):
        text = re.sub(r"\\underline\{[\\a-z]*\}$", lambda _, a=answer: a, text, count=1, flags=re.MULTILINE)
    return text


def answers_of(work: Worksheet) -> list[Row]:
    """The first row of every answer, in order."""
    derivation = Derivation(work.network, style="delta", derivatives="output")
    c = Composition(derivation, MathWriter(derivation), Phrases("en", [built_in_folder()]))
    return [blank.answer[0] for step in ("deltas", "gradients") for blank in STEPS[step](c, None)]


@pytest.mark.parametrize("name", ["two-two-one", "softmax-classifier", "relu-classifier", "relu-regression"])
def test_a_worksheet_filled_from_its_key_is_marked_correct(name: str) -> None:
    work = paper(name, 3, steps=("deltas", "gradients"))
    marker = sb.read(work.key.to_markdown()).derive()
    if not hasattr(marker, "check"):
        pytest.skip("homework is not there yet")
    records = marker.check(filled(work))
    assert {record.verdict for record in records} == {"correct"}
    assert len(records) >= len(answers_of(work))
