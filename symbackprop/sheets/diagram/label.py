"""A name as runs of text with scripts, for drawings.

Contract: `runs(name)` gives the pieces of a name from left to right, each on the line, below or above it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Literal, NamedTuple

from symbackprop.names import Name
from symbackprop.names.alphabet import ACCENTS, LETTERS

Level = Literal["line", "below", "above"]

SCRIPT = 0.7
"""The size of a script, relative to the line."""


class Run(NamedTuple):
    """Characters at one level."""

    text: str
    level: Level = "line"


def runs(name: Name) -> list[Run]:
    """The pieces of a name.

    >>> from symbackprop.names import parse_name
    >>> [tuple(run) for run in runs(parse_name("alpha_12"))]
    [('α', 'line'), ('12', 'below')]
    """
    if name.opaque:
        return [Run(name.plain)]
    base = LETTERS.get(name.base, name.base)
    if name.accent and ACCENTS[name.accent]:
        base = unicodedata.normalize("NFC", base[0] + ACCENTS[name.accent]) + base[1:]
    found = [Run(base)]
    for kind, text in name.scripts:
        text = LETTERS.get(text, text).replace("_", "")
        level: Level = "below" if kind == "sub" else "above"
        spelled = f"[{text}]" if kind == "bracket" else f"({text})" if kind == "paren" else text
        if found[-1].level == level:
            found[-1] = Run(found[-1].text + spelled, level)
        else:
            found.append(Run(spelled, level))
    return found


_PIECES = re.compile(r"(_\{[^}]*\}|_\w+)|(\^\([^)]*\)|\^\[[^\]]*\]|\^\w+)|([₀-₉]+)|([⁰¹²³⁴-⁹⁽⁾]+)")
_SMALL = str.maketrans("₀₁₂₃₄₅₆₇₈₉⁰¹²³⁴⁵⁶⁷⁸⁹⁽⁾", "01234567890123456789()")


def text_runs(text: str) -> list[Run]:
    """The pieces of a short formula, from its spelling for a terminal.

    >>> [tuple(run) for run in text_runs("n_l×m")]
    [('n', 'line'), ('l', 'below'), ('×', 'line'), ('m', 'line')]
    """
    found: list[Run] = []
    end = 0
    text = text.replace(" - ", " − ")
    for match in _PIECES.finditer(text):
        if match.start() > end:
            found += _words(text[end : match.start()])
        level: Level = "below" if match[1] or match[3] else "above"
        found.append(Run(match[0].lstrip("_^").strip("{}").translate(_SMALL), level))
        end = match.end()
    return [*found, *_words(text[end:])]


def _words(text: str) -> list[Run]:
    """Letters apart from signs and digits: only letters are slanted."""
    return [Run(piece) for piece in re.findall(r"[^\W\d_]+|[\W\d_]+", text)]


def breadth(pieces: Sequence[Run], size: float) -> float:
    """The estimated width of runs in a font of the given size."""
    return sum(_em(run.text) * (size if run.level == "line" else SCRIPT * size) for run in pieces)


def _em(text: str) -> float:
    return sum(
        1.0
        if unicodedata.east_asian_width(c) in "WF"
        else 0.0
        if unicodedata.combining(c)
        else 0.85
        if c in "mwMWαω"
        else 0.32
        if c in "[]()',.ijl|"
        else 0.56
        for c in text
    )
