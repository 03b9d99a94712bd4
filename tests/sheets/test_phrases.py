"""The sentences: complete in every language, overridden by a teacher's folder, missing ones named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from symbackprop.derivation import Derivation
from symbackprop.functions import TABLE
from symbackprop.phrases import PhraseError, built_in_folder
from symbackprop.sheets import compose
from symbackprop.sheets.blocks import Math, Strong, Text
from symbackprop.sheets.compose.reasons import BUILT_IN, OWN_RULES
from symbackprop.sheets.phrases import Phrases
from symbackprop.sheets.worksheet import worksheet
from tests.sheets.networks import two_two_one

LANGUAGES = ["en", "zh"]


def flat(language: str) -> dict[str, str]:
    return Phrases(language, [built_in_folder()])._sentences


def placeholders(sentence: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", sentence))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_rule_has_its_reason(language: str) -> None:
    say = Phrases(language, [built_in_folder()])
    rules = {row.because for row in TABLE.values() if row.because}
    assert rules == set(BUILT_IN)
    assert [rule for rule in (*OWN_RULES, *BUILT_IN) if f"because.{rule}" not in say] == []
    assert [row.name for row in TABLE.values() if f"function.{row.name}" not in say and row.because] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_has_the_keys_of_english_and_no_others(language: str) -> None:
    english, other = flat("en"), flat(language)
    assert set(other) == set(english)
    for key, sentence in english.items():
        assert placeholders(other[key]) <= placeholders(sentence), key


def test_placeholders_take_words_and_mathematics() -> None:
    say = Phrases("en", [built_in_folder()])
    line = say("because.coefficient", variable=Math("w_1", "w₁"))
    assert line == (Text("coefficient of "), Math("w_1", "w₁"))
    assert Strong("forward pass") in say("overview.many", count=9, loss=Math("E", "E"))


def test_a_teachers_folder_overrides_single_sentences(tmp_path: Path) -> None:
    (tmp_path / "phrases").mkdir()
    (tmp_path / "phrases" / "en.toml").write_text('[forward]\nheading = "Going forward"\n', encoding="utf-8")
    text = compose(Derivation(two_two_one()), templates=tmp_path).to_markdown()
    assert "## Going forward" in text
    assert "## Backward pass" in text


def test_a_teachers_folder_overrides_single_blocks(tmp_path: Path) -> None:
    (tmp_path / "markdown").mkdir()
    (tmp_path / "markdown" / "blocks.md.j2").write_text(
        "{% macro note(b) %}NOTE {{ b.content | inline }}{% endmacro %}", encoding="utf-8"
    )
    text = compose(Derivation(two_two_one()), templates=tmp_path).to_markdown()
    assert "NOTE " in text
    assert "> **A common slip" not in text
    assert "## Backward pass" in text


def test_a_missing_sentence_names_key_and_file(tmp_path: Path) -> None:
    (tmp_path / "phrases").mkdir()
    file = tmp_path / "phrases" / "fr.toml"
    file.write_text('title = "Réseau"\n', encoding="utf-8")
    with pytest.raises(PhraseError) as caught:
        compose(Derivation(two_two_one()), "fr", templates=tmp_path)
    assert "overview.many" in str(caught.value)
    assert str(file) in str(caught.value)


def test_an_unknown_language_lists_those_that_exist() -> None:
    with pytest.raises(PhraseError, match="no phrases for the language 'xx'") as caught:
        compose(Derivation(two_two_one()), "xx")
    assert "en, zh" in str(caught.value)


def test_a_placeholder_that_nothing_fills_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "phrases").mkdir()
    (tmp_path / "phrases" / "en.toml").write_text('[forward]\nintro = "{oops}"\n', encoding="utf-8")
    with pytest.raises(PhraseError, match=r"forward\.intro.*\{oops\}"):
        compose(Derivation(two_two_one()), templates=tmp_path)


def test_a_third_language_is_one_file(tmp_path: Path) -> None:
    (tmp_path / "phrases").mkdir()
    english = (built_in_folder() / "phrases" / "en.toml").read_text(encoding="utf-8")
    french = english.replace('heading = "Forward pass"', 'heading = "Propagation avant"').replace(
        'deltas = "The deltas"', 'deltas = "Les deltas"'
    )
    (tmp_path / "phrases" / "fr.toml").write_text(french, encoding="utf-8")
    assert "## Propagation avant" in compose(Derivation(two_two_one()), "fr", templates=tmp_path).to_markdown()
    work = worksheet(Derivation(two_two_one()), 1, language="fr", templates=tmp_path)
    assert "Les deltas" in work.sheet.to_text()
    assert "Les deltas" in work.key.to_markdown()
