"""Formulas that are too wide become more lines, broken at the right places."""

from __future__ import annotations

import re

import pytest

from symbackprop.derivation import Derivation
from symbackprop.errors import columns
from symbackprop.sheets import compose
from symbackprop.sheets.blocks import NOTHING, Formula, Math, Row
from symbackprop.sheets.folding import extent, folded, folded_text, segments
from symbackprop.sheets.width import width
from tests.sheets.networks import layer, shared_biases, two_two_one


def lines(left: str, right: str, room: float, condition: str = "") -> list[tuple[str, str]]:
    """Relation and right side of every line."""
    row = Row(Math(left, left), Math(right, right), condition=Math(condition, condition))
    return [(r.relation.latex, r.line.latex) for r in folded(Formula((row,)), room).rows]


def test_what_fits_is_left_alone() -> None:
    formula = Formula((Row(Math("a", "a"), Math("b + c", "b + c")),))
    assert folded(formula, 20) is formula
    assert extent(formula) == pytest.approx(width("a = b + c"))


def test_a_line_begins_with_a_relation_rather_than_a_sign() -> None:
    assert lines("d", r"a\,b\,c + a\,b\,d = a\,b\,(c + d)", 9) == [
        ("=", r"a\,b\,c + a\,b\,d "),
        ("=", r"a\,b\,(c + d)"),
    ]


def test_a_line_begins_with_a_sign_rather_than_a_factor() -> None:
    assert lines("d", r"aaaa\,bbbb\,cccc - dddd\,eeee", 11) == [
        ("=", r"aaaa\,bbbb\,cccc "),
        ("", r"\quad {} - dddd\,eeee"),
    ]


def test_a_product_goes_on_with_a_dot() -> None:
    assert lines("d", r"(a + b)\,(c + d)\,(e + f)", 8)[1][1].startswith(r"\quad \cdot (")
    assert lines("d", r"(aaa + b) \odot (c + ddd)", 8)[1][1].startswith(r"\quad {} \odot (")


def test_brackets_stay_together_where_they_can() -> None:
    found = [right for _, right in lines("d", r"(aaa + bbb)\,(ccc + ddd)", 9.5)]
    assert all(line.count("(") == line.count(")") for line in found)


def test_brackets_that_are_torn_apart_keep_a_size_of_their_own() -> None:
    found = " ".join(right for _, right in lines("d", r"f\left(aaaa + bbbb + cccc + \left(e\right)\right)", 7))
    assert found.count(r"\Bigl") == found.count(r"\Bigr") == 1
    assert found.count(r"\left") == found.count(r"\right") == 1


def test_a_fraction_and_an_environment_are_never_broken() -> None:
    for atom in (
        r"\frac{aaaa + bbbb + cccc}{d = e}",
        r"\begin{cases} aaaa + bbbb \\ cccc \end{cases}",
        "x_{i + j + k}",
    ):
        assert lines("d", atom, 2) == [("=", atom)]


def test_a_sign_in_front_is_no_place_to_break() -> None:
    assert lines("d", r"-aaaaaa\,(-bbbbbb)\,e^{-cccccc}", 5)[0][1].startswith("-aaaaaa")
    assert "(" not in [right.split()[-1] for _, right in lines("d", r"-aaaaaa\,(-bbbbbb)", 5)]


def test_a_condition_without_room_stands_below() -> None:
    assert lines("d", "aaaa + bbbb", 9, "(i = 1)") == [("=", "aaaa + bbbb"), ("", r"\quad {} (i = 1)")]


def test_inline_mathematics_breaks_between_pieces() -> None:
    path = r"w \longrightarrow h \longrightarrow z \longrightarrow E"
    assert segments(path, 100) == [path]
    pieces = segments(path, 5)
    assert len(pieces) == 4
    assert "".join(pieces).replace("{}", "") == path
    assert segments(r"f(aaaa + bbbb)", 2) == [r"f(aaaa + bbbb)"]


@pytest.mark.parametrize("build", [two_two_one, shared_biases, lambda: layer(8, 16, 8)])
@pytest.mark.parametrize("room", [20, 38])
def test_nothing_is_lost(build, room: float) -> None:  # type: ignore[no-untyped-def]
    def marks(formula: Formula) -> str:
        text = "".join(r.left.latex + r.relation.latex + r.line.latex for r in formula.narrow.rows)
        return re.sub(r"\\(Bigl|Bigr|left|right|quad|qquad|cdot|,)(?![A-Za-z])|\{\}|\s", "", text)

    for block in compose(Derivation(build())).blocks:
        if isinstance(block, Formula):
            assert marks(folded(block, room)) == marks(block)


def test_a_terminal_has_lines_too() -> None:
    text = "aaaa·bbbb + cccc·dddd + eeee·ffff"
    found = folded_text(Formula((Row(Math("z", "z"), Math(text, text)),)), 24)
    assert [r.line.text for r in found.rows] == ["aaaa·bbbb + cccc·dddd", "  + eeee·ffff"]
    assert found.rows[1].relation is NOTHING
    for language in ("en", "zh"):
        sheet = compose(Derivation(layer(8, 16, 8)), language).to_text(80)
        wide = [line for line in sheet.splitlines() if columns(line) > 80]
        assert not [line for line in wide if not line.startswith(("    ⋮", "w", "∂", "x", "    x"))], wide[:3]


def test_a_condition_that_is_wide_itself_is_broken_too() -> None:
    found = lines("d", "aaaa", 9, r"(m \times 256) = (m \times 128)\,(128 \times 256)")
    assert len(found) >= 3
    assert all(width(right) <= 10 for _, right in found)
