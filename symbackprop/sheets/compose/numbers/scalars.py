"""A scalar network in numbers: every line as symbol = substitution = value."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sympy as sp

from symbackprop.derivation import Gradient
from symbackprop.sheets.blocks import Block, Formula, Math, Paragraph, Row
from symbackprop.sheets.breaking import ROOM, broken, rows
from symbackprop.sheets.compose.numbers.known import Known
from symbackprop.sheets.compose.numbers.substitution import single_brackets, with_value
from symbackprop.sheets.compose.summary import with_deltas
from symbackprop.sheets.width import width


class Scalars:
    """Writes the equations and the gradients of a scalar network with their numbers."""

    def __init__(self, known: Known) -> None:
        self.known, self.c = known, known.c

    def forward(self) -> Iterator[Block]:
        """Every equation."""
        equations = [e for e in self.c.derivation.network.equations if e.base in self.known]
        lines = [r for e in equations for r in self._rows(self.c.write(e.target), e.expression, e.base)]
        yield Formula(tuple(lines))

    def backward(self) -> Iterator[Block]:
        """Every gradient; before them every delta, where there are deltas or gradients are sums over several paths."""
        c = self.c
        if c.derivation.style == "paths" and any(len(c.gradient(q).paths) > 1 for q in c.derivation.parameters):
            c = with_deltas(c)
            if c.full:
                yield Paragraph(c.say("numbers.deltas"))
        found: list[Row] = []
        deltas = c.derivation.deltas if c.derivation.style == "delta" else ()
        for quantity in (*deltas, *(q for group in c.groups for q in group.parameters)):
            gradient = c.gradient(quantity)
            result = self._ordered(gradient, c.derivation.by_output(gradient.result))
            found += self._rows(c.write(gradient.symbol), result, gradient.symbol)
        yield Formula(tuple(found))

    def _ordered(self, gradient: Gradient, result: Any) -> Any:
        """A single product in the order of the derivation, everything else as it is."""
        terms = gradient.terms
        if len(terms) != 1 or gradient.closed.rules:
            return result
        return sp.Mul(*(gradient.derivation.by_output(f) for f in terms[0].factors), evaluate=False)

    def _rows(self, left: Math, expression: Any, base: Any) -> list[Row]:
        write = self.c.write.with_dots().with_names(self.known.names)
        lines = [single_brackets(m) for m in broken(write, expression, ROOM - width(left.latex) - 4)]
        return rows(left, with_value(lines, self.known.of(base)))
