"""A network of arrays in numbers: symbol = formula, then with the matrices put in, then the value."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sympy as sp

from symbackprop.indexed import bound_limits, indices_of, product, rebuild, rename
from symbackprop.sheets.blocks import EQUALS, NOTHING, Block, Formula, Math, Row
from symbackprop.sheets.breaking import ROOM, broken
from symbackprop.sheets.compose.numbers.known import Known, in_product, is_whole, without_noise
from symbackprop.sheets.compose.numbers.substitution import in_lines, single_brackets
from symbackprop.sheets.compose.results import final_expression
from symbackprop.sheets.mathematics import number
from symbackprop.sheets.matrices import matrix_axes
from symbackprop.sheets.width import width

TERMS = 12
"""A sum of up to this many terms is written out."""


class Arrays:
    """Writes the equations, deltas and gradients of a network of arrays with their numbers."""

    def __init__(self, known: Known) -> None:
        self.known, self.c = known, known.c

    def forward(self) -> Iterator[Block]:
        """Every equation."""
        network = self.c.derivation.network
        for e in network.equations:
            if e.base in self.known and len(network.definitions(e.base)) == 1:
                yield self._formula(self.c.write.whole(e.target, self._axes(e)), e.expression, e.at, e.base, e.base)

    def backward(self) -> Iterator[Block]:
        """Every delta and every gradient."""
        for quantity in (*self.c.derivation.deltas, *(q for group in self.c.groups for q in group.parameters)):
            symbol = self.c.gradient(quantity).symbol
            at = [axis.index for axis in quantity.axes]
            left = self.c.write.whole(symbol, matrix_axes(self.c.derivation.network, quantity.base, indices_of(symbol)))
            base = self.known.gradient_base(quantity)
            yield self._formula(left, final_expression(self.c, quantity), at, quantity.base, base)

    def _axes(self, equation: Any) -> list[Any]:
        return matrix_axes(self.c.derivation.network, equation.base, equation.at)

    def _formula(self, left: Math, expression: Any, at: Any, base: Any, result: Any) -> Formula:
        """The rows of one quantity: its formula, the numbers put in, the value."""
        value = self.known.of(result)
        formula = self.c.write.matrix(expression, at, base) if at else None
        if formula is None:
            return Formula(tuple(self._entry(left, expression, at, value)))
        found = [Row(left, formula[1])]
        room = ROOM - width(left.latex) - 2
        put_in = self._put_in(expression, at, base)
        if put_in is not None:
            lines = in_lines(put_in, room)
            found += [Row(NOTHING, line, NOTHING if n else EQUALS) for n, line in enumerate(lines)]
        return Formula((*found, Row(NOTHING, value)))

    def _put_in(self, expression: Any, at: Any, base: Any) -> Math | None:
        """The formula with its matrices, where all of them are small enough."""
        read = {b for b in self.known.names if b in self.known and expression.has(b)}
        if not all(is_whole(self.known.numbers[b]) for b in read):
            return None
        found = self.c.write.with_names(self.known.names).matrix(expression, at, base)
        return None if found is None else single_brackets(found[1])

    def _entry(self, left: Math, expression: Any, at: Any, value: Math) -> Iterator[Row]:
        """Without a matrix form: a number with its sum written out, an array by its formula entry by entry."""
        if at:
            yield Row(left, value)
            return
        room = ROOM - width(left.latex) - 2
        for n, line in enumerate(broken(self.c.write, expression, room)):
            yield Row(NOTHING if n else left, line, NOTHING if n else EQUALS)
        spelled = self._written_out(expression)
        if spelled is not None:
            for n, line in enumerate(spelled):
                yield Row(NOTHING, line, NOTHING if n else EQUALS)
        yield Row(NOTHING, value)

    def _written_out(self, expression: Any) -> list[Math] | None:
        """A sum over entries term by term, every entry as its number."""
        sizes = {size: sp.Integer(n) for size, n in self.known.sizes.items()}
        terms = self._terms(rename(expression, sizes) if sizes else expression)
        entries = {e for e in terms.atoms(sp.Indexed) if all(i.is_Integer or i.is_Indexed for i in e.indices)}
        if len(sp.Add.make_args(terms)) > TERMS or terms.atoms(sp.Sum):
            return None
        names = {sp.Dummy(f"entry{n}"): e for n, e in enumerate(sorted(entries, key=str))}
        numbers = {letter: in_product(number(self._entry_value(e), self.known.digits)) for letter, e in names.items()}
        spelled = product(sp.Mul.make_args(rename(terms, {e: letter for letter, e in names.items()})))
        write = self.c.write.with_dots().with_names(numbers)
        return [single_brackets(line) for line in broken(write, spelled, ROOM - 6)]

    def _terms(self, expression: Any) -> Any:
        """Sums with numbers as limits, instance by instance, in order."""
        if not expression.args or isinstance(expression, sp.Indexed):
            return expression
        if not isinstance(expression, sp.Sum):
            args = [self._terms(a) for a in expression.args]
            return expression if args == list(expression.args) else rebuild(expression, args)
        instances = [expression.function]
        for limit in reversed(bound_limits(expression)):
            if not (limit.low.is_Integer and limit.high.is_Integer):
                return expression
            span = range(int(limit.low), int(limit.high) + 1)
            if len(instances) * len(span) > TERMS:
                return expression
            instances = [rename(one, {limit.index: sp.Integer(n)}) for n in span for one in instances]
        return sp.Add(*(self._terms(one) for one in instances), evaluate=False)

    def _entry_value(self, entry: Any) -> float:
        """The number of one entry: indices count from their low limit, labels from 0."""
        quantity = self.c.derivation.network.quantities[entry.base]
        at = [
            int(self._entry_value(i)) if i.is_Indexed else int(i - axis.low)
            for i, axis in zip(entry.indices, quantity.axes, strict=True)
        ]
        return without_noise(self.known.numbers[entry.base])[tuple(at)].item()
