r"""Long right sides as several lines, broken where a human breaks: between terms, then between factors.

Contract: `broken(write, expression, room)` gives the lines of one right side, none wider than `room` em
where its parts allow that; a line that continues a sum begins with its sign, one that continues a product
with a dot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import sympy as sp

from symbackprop.derivation import Factors
from symbackprop.sheets.blocks import NOTHING, Math, Row
from symbackprop.sheets.mathematics import MathWriter
from symbackprop.sheets.width import width

ROOM = 37.0
"""The width of a formula on an A4 page in 11 point, in em."""

PLUS, MINUS = Math(" + ", " + "), Math(" - ", " - ")
NEW_PLUS, NEW_MINUS = Math(r"\quad {} + ", "  + "), Math(r"\quad {} - ", "  - ")
NEW_DOT = Math(r"\quad \cdot ", "  · ")
OPEN, CLOSE = Math(r"\bigl(", "("), Math(r"\bigr)", ")")


class Atom(NamedTuple):
    """A part that is not broken, what joins it to the part before it, what begins a line with it instead."""

    math: Math
    glue: Math = NOTHING
    newline: Math = NOTHING


def broken(write: MathWriter, expression: Any, room: float = ROOM) -> list[Math]:
    """The lines of an expression."""
    whole = write(expression)
    if width(whole.latex) <= room:
        return [whole]
    return packed(_atoms(write, expression, room), room)


def broken_product(write: MathWriter, factors: Factors, room: float = ROOM) -> list[Math]:
    """The lines of a product of ordered factors."""
    whole = write.product(factors)
    if width(whole.latex) <= room:
        return [whole]
    return packed(_factor_atoms(write, factors, room), room)


def packed(atoms: Sequence[Atom], room: float) -> list[Math]:
    """Fill lines with atoms from left to right."""
    lines: list[Math] = []
    for atom in atoms:
        if lines and width((longer := lines[-1] + atom.glue + atom.math).latex) <= room:
            lines[-1] = longer
        else:
            lines.append((atom.newline if lines else atom.glue) + atom.math)
    return lines


def rows(left: Math, lines: Sequence[Math], condition: Math = NOTHING) -> list[Row]:
    """Aligned rows: the left side stands once, the condition behind the last line."""
    first, *rest = lines
    made = [Row(left, first), *(Row(NOTHING, line, NOTHING) for line in rest)]
    last = made[-1]
    return [*made[:-1], Row(last.left, last.right, last.relation, condition)]


def side_by_side(single: Sequence[Row], room: float = ROOM) -> list[Row]:
    """Short formulas that belong together, several on one line where they fit."""
    found: list[Row] = []
    for row in single:
        previous = found[-1] if found else None
        if previous is not None and row.left and not previous.condition and not row.condition:
            longer = replace(previous, beside=(*previous.beside, row))
            if width(longer.left.latex) + width(longer.line.latex) <= room:
                found[-1] = longer
                continue
        found.append(row)
    return found


def _atoms(write: MathWriter, expression: Any, room: float) -> list[Atom]:
    if isinstance(expression, sp.Add):
        return _term_atoms(write, expression.args, room)
    if isinstance(expression, sp.Mul):
        return _factor_atoms(write, expression.args, room)
    return [Atom(write(expression))]


def _term_atoms(write: MathWriter, terms: Sequence[Any], room: float) -> list[Atom]:
    found: list[Atom] = []
    for term in terms:
        math = write(term)
        negative = math.latex.startswith("-")
        if negative:
            math = Math(math.latex[1:], math.text[1:])
        inner = [Atom(math)] if width(math.latex) <= room or negative else _atoms(write, term, room)
        if not found:
            glue = newline = Math("-", "-") if negative else NOTHING
        else:
            glue, newline = (MINUS, NEW_MINUS) if negative else (PLUS, NEW_PLUS)
        found += [Atom(inner[0].math, glue, newline), *inner[1:]]
    return found


def _factor_atoms(write: MathWriter, factors: Factors, room: float) -> list[Atom]:
    if len(factors) == 1:
        return _atoms(write, next(iter(factors)), room)
    if factors[0] == -1:  # the sign of what follows, no factor of its own
        first, *rest = _factor_atoms(write, tuple(factors[1:]), room)
        return [Atom(Math("-" + first.math.latex, "-" + first.math.text), first.glue, first.newline), *rest]
    found: list[Atom] = []
    for number, factor in enumerate(factors):
        glue, newline = (write.times, NEW_DOT) if found else (NOTHING, NOTHING)
        math = write.product((sp.S.One, factor)) if isinstance(factor, sp.Add) else write(factor)
        if isinstance(factor, sp.Add) and width(math.latex) > room:
            inner = _term_atoms(write, factor.args, room)
            found.append(Atom(OPEN + inner[0].math, glue, newline))
            found += inner[1:-1]
            last = inner[-1]
            found.append(Atom(last.math + CLOSE, last.glue, last.newline))
            continue
        if isinstance(factor, sp.Sum) and number < len(factors) - 1:
            math = Math(r"\left(" + math.latex + r"\right)", f"({math.text})")
        found.append(Atom(math, glue, newline))
    return found
