"""What the sheets print is read back and judged: one derivation, so not a line of a sheet is wrong."""

from __future__ import annotations

from typing import Any

import pytest

import symbackprop as sb
from symbackprop.homework.judging.judge import Judge
from symbackprop.homework.messages import Messages


@pytest.mark.parametrize("delta", ["cost", "sample"])
@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("network", list(sb.networks()))
def test_every_line_of_a_sheet(network: str, language: str, delta: Any) -> None:
    derivation = sb.read(network).derive(delta=delta)
    records = Judge(derivation, Messages()).mark(derivation.sheet(language).to_markdown(), "sheet.md")
    judged = [r for r in records if r.verdict == "correct"]
    wrong = [(r.line, r.answer, r.message) for r in records if r.verdict in ("wrong", "unreadable", "missing")]
    assert len(judged) >= 12
    general = ("∂max(0, u)/∂u", "/∂v = Σ")  # a rule for any function, the chain rule for any quantity
    assert [w for w in wrong if not any(words in w[1] for words in general)] == []
