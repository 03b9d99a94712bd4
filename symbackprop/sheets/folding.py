r"""Formulas that are too wide for a page, a screen or a terminal, as more lines.

Contract: `folded(formula, room)` gives a formula whose lines are at most `room` em wide where they can be broken:
before a relation rather than before a sign, before a sign rather than a factor, outside of brackets rather than
inside. `segments(latex, room)` breaks mathematics that runs on in a line of words. A fraction is never broken.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from symbackprop.errors import columns
from symbackprop.sheets.blocks import NOTHING, Formula, Math, Row
from symbackprop.sheets.width import width

RELATION, TERM, FACTOR = 0, 1, 2
"""What a line may begin with, the best first."""

INDENT = 2.0
"""How far a line that goes on is set in."""

Measure = Callable[[str], float]

_TOKENS = re.compile(r"\\[A-Za-z]+|\\.|\s+|.", re.DOTALL)
_RELATIONS = frozenset({"=", r"\leftarrow", r"\longrightarrow", r"\rightarrow", r"\to", r"\approx"})
_SIGNS = frozenset("+-")
_PRODUCTS = frozenset({r"\,", r"\odot", r"\cdot", r"\times"})
_OPENING, _CLOSING = frozenset({"(", "[", r"\{", r"\lVert"}), frozenset({")", "]", r"\}", r"\rVert"})
_SHORTEST = 0.3
"""A line that is filled less than this is broken there only where nothing else can be."""


class Break(NamedTuple):
    """A place where a line may end: what stands before `end` stays, what stands from `start` on goes to the next."""

    end: int
    start: int
    kind: int
    depth: int


@dataclass(frozen=True)
class _Notation:
    """One way to write mathematics: how wide a piece is, where it may break, how the next line begins."""

    measure: Measure
    breaks: Callable[[str], list[Break]]
    lead: Callable[[str, Break], str]
    repair: Callable[[list[str]], list[str]]

    def lines(self, text: str, first: float, room: float) -> list[tuple[str, Break | None]]:
        """The lines of a text, the first at most `first` wide, the others `room`; with the break before each."""
        if self.measure(text) <= first:
            return [(text, None)]
        breaks = self.breaks(text)
        found: list[tuple[str, Break | None]] = []
        start, before, limit = 0, None, first
        while self.measure(text[start:]) > limit:
            chosen = self._best([b for b in breaks if b.end > start], text, start, limit)
            if chosen is None:
                break
            found.append((text[start : chosen.end], before))
            start, before = chosen.start, chosen
            limit = first if chosen.kind == RELATION and not chosen.depth else room
        return [*found, (text[start:], before)]

    def _best(self, breaks: Sequence[Break], text: str, start: int, limit: float) -> Break | None:
        best, lowest = None, 99.0
        for b in breaks:
            wide = self.measure(text[start : b.end])
            if wide > limit:  # nothing later fits; if nothing fits at all, the first one is the least bad
                return best or b
            cost = 3 * b.depth + b.kind + (4 if wide < _SHORTEST * limit else 0) - wide / limit
            if cost < lowest:
                best, lowest = b, cost
        return best


def folded(formula: Formula, room: float) -> Formula:
    """The formula with lines of at most `room` em, as far as that is possible."""
    return _folded(formula, room, _LATEX, lambda math: math.latex, lambda text: Math(text, text))


def folded_text(formula: Formula, room: float) -> Formula:
    """The same for a terminal: lines of at most `room` columns."""
    return _folded(formula, room, _TEXT, lambda math: math.text, lambda text: Math(text, text))


def extent(formula: Formula) -> float:
    """How wide a formula is, in em, when none of its lines is broken."""
    left = max(width(row.left.latex) for row in formula.rows)
    return left + max(_reach(row, width, lambda math: math.latex) for row in formula.rows)


def segments(latex: str, room: float) -> list[str]:
    r"""Mathematics in a line of words as pieces between which the line may break.

    >>> segments(r"a \longrightarrow b \longrightarrow c", 3)
    ['a ', '{}\\longrightarrow b ', '{}\\longrightarrow c']
    """
    if width(latex) <= room:
        return [latex]
    starts = [b.end for b in _latex_breaks(latex) if b.depth == 0]
    pieces = [latex[a:b] for a, b in zip([0, *starts], [*starts, None], strict=True)]
    return [("{}" if n else "") + piece for n, piece in enumerate(pieces) if piece]


def unbroken(latex: str) -> list[str]:
    r"""The pieces between which TeX breaks mathematics in a line: before or behind relations and signs.

    >>> unbroken(r"E = (out - y)^2 + a\,b")
    ['E ', '= (out - y)^2 ', '+ a\\,b']
    """
    starts = [b.end for b in _latex_breaks(latex) if b.depth == 0 and b.kind != FACTOR]
    return [latex[a:b] for a, b in zip([0, *starts], [*starts, None], strict=True)]


def _folded(
    formula: Formula, room: float, notation: _Notation, side: Callable[[Math], str], made: Callable[[str], Math]
) -> Formula:
    measure = notation.measure
    left = max(measure(side(row.left)) for row in formula.rows)
    if left + max(_reach(row, measure, side) for row in formula.rows) <= room:
        return formula
    rows = list(formula.narrow.rows)
    left = max(measure(side(row.left)) for row in rows)
    found: list[Row] = []
    for row in rows:
        relation = measure(side(row.relation)) if row.relation else 0.0
        reach = max(room - left - relation, 0.4 * room)
        found += _rows(row, reach, notation, side, made)
    return Formula(tuple(found), formula.boxed)


def _reach(row: Row, measure: Measure, side: Callable[[Math], str]) -> float:
    return (measure(side(row.relation)) if row.relation else 0.0) + measure(side(row.line))


def _rows(
    row: Row, room: float, notation: _Notation, side: Callable[[Math], str], made: Callable[[str], Math]
) -> Iterator[Row]:
    """The rows that one row becomes; a condition that does not fit behind it stands below."""
    if notation.measure(side(row.line)) <= room:
        yield row
        return
    lines = notation.lines(side(row.right), room, room - INDENT)
    texts = notation.repair([text for text, _ in lines])
    last = len(lines) - 1
    fits = False
    for number, (text, (_, before)) in enumerate(zip(texts, lines, strict=True)):
        fits = notation.measure(text) + 2 + notation.measure(side(row.condition)) <= room
        condition = row.condition if number == last and fits else NOTHING
        if before is None:
            yield replace(row, right=made(text), condition=condition)
        elif before.kind == RELATION and before.depth == 0:
            sign = _relation_at(text)
            yield Row(NOTHING, made(text[len(sign) :].strip()), made(sign.strip()), condition)
        else:
            yield Row(NOTHING, made(notation.lead(text, before)), NOTHING, condition)
    if row.condition and not fits:
        for text, _ in notation.lines(side(row.condition), room - INDENT, room - INDENT):
            yield Row(NOTHING, made(notation.lead(text, Break(0, 0, TERM, 0))), NOTHING)


def _relation_at(text: str) -> str:
    """The relation that a text begins with, and the space before it."""
    found = re.match(r"\s*(\\[A-Za-z]+|.)", text)
    return found[0] if found else ""


# -- LaTeX ---------------------------------------------------------------------------------------------------------
def _latex_breaks(latex: str) -> list[Break]:
    found: list[Break] = []
    hard, depth, position = 0, 0, 0
    previous = ""
    sized = False
    for token in _TOKENS.findall(latex):
        start, position = position, position + len(token)
        if token.isspace():
            continue
        if token in {"{", r"\begin"}:
            hard += 1
        elif token in {"}", r"\end"}:
            hard -= 1
        elif not hard:
            if token == r"\left" or (not sized and token in _OPENING):
                depth += 1
            elif token == r"\right" or (not sized and token in _CLOSING):
                depth -= 1
            elif previous and token in _RELATIONS:
                found.append(Break(start, start, RELATION, depth))
            elif token in _SIGNS and previous and previous not in (*_RELATIONS, *_OPENING, *_PRODUCTS, "^", "_", ","):
                found.append(Break(start, start, TERM, depth))
            elif token in _PRODUCTS and previous not in _PRODUCTS and previous not in _RELATIONS:
                found.append(Break(start, position if token == r"\," else start, FACTOR, depth))
        sized = token in {r"\left", r"\right"}
        previous = token
    return found


def _latex_lead(text: str, before: Break) -> str:
    indent = r"\quad " + (r"\quad " if before.depth else "")
    text = text.strip()
    if before.kind == FACTOR and before.start > before.end and not text.startswith((r"\odot", r"\cdot")):
        return indent + r"\cdot " + text
    return f"{indent}{{}} {text}"


def _latex_repair(lines: list[str]) -> list[str]:
    r"""``\left`` and ``\right`` must be in one line: those that are not become brackets of a fixed size."""
    pairs: list[tuple[int, int]] = []
    opened: list[tuple[int, int]] = []
    loose: list[tuple[int, int]] = []
    for number, line in enumerate(lines):
        for match in re.finditer(r"\\(left|right)(?![A-Za-z])", line):
            if match[1] == "left":
                opened.append((number, match.start()))
            elif opened:
                before = opened.pop()
                if before[0] != number:
                    loose += [before, (number, match.start())]
                pairs.append(before)
    for number, start in sorted(loose, reverse=True):
        line = lines[number]
        size = re.sub(r"^\\left", r"\\Bigl", re.sub(r"^\\right", r"\\Bigr", line[start:]))
        lines[number] = line[:start] + size
    return lines


# -- text ----------------------------------------------------------------------------------------------------------
_TEXT_MARKS = {" = ": RELATION, " ← ": RELATION, " + ": TERM, " - ": TERM, " · ": FACTOR, " ⊙ ": FACTOR, " × ": FACTOR}


def _text_breaks(text: str) -> list[Break]:
    found: list[Break] = []
    depth = 0
    for position, character in enumerate(text):
        if character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
        kind = _TEXT_MARKS.get(text[position : position + 3])
        if kind is not None and position:
            found.append(Break(position, position + 1, kind, depth))
    return found


def _text_lead(text: str, before: Break) -> str:
    return "  " + ("  " if before.depth else "") + text.strip()


_LATEX = _Notation(width, _latex_breaks, _latex_lead, _latex_repair)
_TEXT = _Notation(columns, _text_breaks, _text_lead, lambda lines: lines)
