r"""What a token is, and the patterns that cut a text into tokens.

Contract: data only. The patterns are tried in the order in which they stand; the lexer has a method for each.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from symbackprop.names.alphabet import COMBINING, FONTS, GREEK, SUBSCRIPTS, SUPERSCRIPTS
from symbackprop.notation.tables import METHODS

LONGEST_LINE = 20_000
DEEPEST = 100
MOST_DIGITS = 40
LARGEST_EXPONENT = 400
MOST_TOKENS = 12_000
LONGEST_RUN = 60
"""Letters and digits of one run."""
SHORT_NUMBER = 5
"""Numbers of fewer characters need no check."""


class Token(NamedTuple):
    """One token: its kind is the symbol itself for operators and brackets, else a word; see `tables`."""

    kind: str
    value: str
    start: int
    end: int


# ------------------------------------------------------------------------------------------------- patterns

_FONT = "|".join(sorted(FONTS, key=len, reverse=True))
_WORD = r"[A-Za-z][A-Za-z0-9]*+(?:\\?_[A-Za-z0-9]++)*+"
_SUB, _SUP = "".join(map(re.escape, SUBSCRIPTS)), "".join(map(re.escape, SUPERSCRIPTS))
_MARKS = "".join(COMBINING)
_SKIPPED = "tag|label|color|textcolor|hspace|vspace|phantom|hphantom|vphantom|intertext|vskip|hskip|style|class"

_PATTERNS = {
    "subscript": r"_\{(?:[0-9]{1,9}|[A-Za-z]+[0-9]*)\}",
    "run": r"[A-Za-z]+[0-9]*",
    "operator": r"\*\*|:=|==|<=|>=|=<|!=|=>|\.\.+|\|\||\.\*|\./|\.(?=\s|$)|[-+*/^_=()\[\]{}|,;:<>@']",
    "number": r"(?:[0-9]+(?:\.[0-9]+|\.(?![\w.*]))?|\.[0-9]+)(?:e[+-]?[0-9]+|E[+-][0-9]+)?",
    "word": rf"\\(?:{_FONT})\*?\s*(?:\{{\s*(?:{_WORD}|[01])\s*\}}|[01](?![0-9.])|(?<=\s)[RT](?![A-Za-z]))",
    "prose": r"\\(?:text[a-z]*|mbox)\s*\{[^{}]*\}",
    "environment": r"\\(?:begin|end)\s*\{\s*[A-Za-z]+\*?\s*\}(?:\s*\[[tbc]\])?(?:\s*\{[lcr|@{}\s0-9]*\})?",
    "skipped": rf"\\(?:{_SKIPPED})\*?\s*\{{[^{{}}]*\}}|\\(?:left|right)\s*\.(?![0-9])",
    "overset": r"\\(?:overset|stackrel)\s*\{[^{}]*\}\s*\{\s*(?:=|:=|\\approx|\\equiv)\s*\}",
    "row": r"\\\\(?:\*|\[\s*[0-9.]+\s*(?:pt|em|ex|mm|cm|px)\s*\])?",
    "command": r"\\[A-Za-z]+",
    "escaped": r"\\.?",
    "method": r"\.(?:T(?![A-Za-z0-9_])|(?:" + "|".join(sorted(METHODS)) + r")(?=\s*\())",
}
_UNICODE_PATTERNS = {
    "marked": rf"[A-Za-z{''.join(GREEK)}][{_MARKS}]",
    "run": rf"[A-Za-z]+(?![{_MARKS}])[0-9]*",
    "below": rf"[{_SUB}]+",
    "above": rf"[{_SUP}]+",
}


def _compiled(patterns: dict[str, str]) -> tuple[re.Pattern[str], list[str]]:
    """One pattern with a group for each kind, and the kinds by the number of their group."""
    patterns = {**patterns, "other": "."}
    # Spaces are skipped possessively: no pattern is tried twice on them.
    pattern = r"\s*+(?:" + "|".join(f"({pattern})" for pattern in patterns.values()) + ")"
    return re.compile(pattern, re.DOTALL), ["", *patterns]


ASCII_TOKENS = _compiled(_PATTERNS)
UNICODE_TOKENS = _compiled({"marked": "", **_PATTERNS, **_UNICODE_PATTERNS})
MODULE_PREFIX = re.compile(r"\b(?:np|numpy|jnp|torch|math|scipy|tf)\.(?:[a-z]+\.)*(?=[A-Za-z_]+\s*\()")

FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff"
    "\ufff9-\ufffb\U000e0000-\U000e007f]"
)
