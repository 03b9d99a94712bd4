r"""Formulas copied from web pages, where KaTeX leaves every formula three times: as text, as LaTeX, as text again.

Contract: `untangled(text)` finds the LaTeX copies, which alone are mathematics (the text copies turn fractions
upside down), and where they stand; a text that is no such triple is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from symbackprop.names.alphabet import LETTERS

LONGEST = 2000
"""Longer lines are no copied formula."""

_SIGNS = {
    "partial": "∂", "bigtriangleup": "△", "triangle": "△", "Delta": "Δ", "nabla": "∇", "sum": "∑", "cdot": "⋅",
    "odot": "⊙", "circ": "∘", "times": "×", "le": "≤", "ge": "≥", "top": "⊤", "log": "log", "exp": "exp",
    "tanh": "tanh", "max": "max",
}  # fmt: skip
_COMMAND = re.compile(r"\\([A-Za-z]+)|\\.")
_MARKUP = re.compile(r"[{}_^\s]")


def untangled(text: str) -> list[tuple[int, int]]:
    r"""The spans of the LaTeX copies in a line of copied formulas; empty if it is none.

    >>> line = r"α1=σ(h1)=11+e−h1\alpha_{1}=\sigma(h1)=\frac{1}{1+e^{-h1}}α1=σ(h1)=1+e−h11"
    >>> [line[a:b] for a, b in untangled(line)]
    ['\\alpha_{1}=\\sigma(h1)=\\frac{1}{1+e^{-h1}}']
    >>> untangled("z = w x + b")
    []
    """
    if len(text) > LONGEST or "$" in text or not re.search(r"[\\_^]", text):
        return []
    spans: list[tuple[int, int]] = []
    for start, end in _parts(text):
        span = _latex_copy(text, start, end)
        if span is None:
            return []
        spans.append(span)
    return spans


def _parts(text: str) -> Iterator[tuple[int, int]]:
    """The stretches between commas; in copied pages a formula with commas of its own is rare."""
    start = 0
    for match in re.finditer(r"[,，、;；]\s*|$", text):
        if match.start() > start:
            yield start, match.start()
        start = match.end()


def _latex_copy(text: str, start: int, end: int) -> tuple[int, int] | None:
    """Where the middle copy stands, if the stretch is text, LaTeX and text of one formula."""
    markup = re.search(r"\\|[_^]\{|\{", text[start:end])
    if markup is None:
        return None
    letters = [n for n in range(start, end) if not _MARKUP.match(text[n])]
    for length in range(1, markup.start() + 1):
        plain = _plain(text[start : start + length])
        if not plain or 2 * len(plain) >= len(letters):
            continue
        after = letters[-len(plain)]
        same = after > start + length and sorted(_plain(text[after:end])) == sorted(plain)
        if same and _plain(_COMMAND.sub(_sign, text[start + length : after])) == plain:
            return start + length, after
    return None


def _sign(match: re.Match[str]) -> str:
    r"""A LaTeX command as KaTeX writes it in text; those of layout (`\frac`) as nothing."""
    command = match[1] or ""
    return _SIGNS.get(command) or LETTERS.get(command, "")


def _plain(text: str) -> str:
    return _MARKUP.sub("", text).replace("-", "−").replace("*", "∗")
