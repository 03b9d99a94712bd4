"""Statements as equations over indices, and assumptions.

Contract: matrix notation is gone behind this layer: every equation is scalar, with a range for each of its indices.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import sympy as sp

from symbackprop.errors import Span
from symbackprop.indexed import Limit
from symbackprop.names import Label, Name
from symbackprop.network import Assumption, Equation
from symbackprop.notation import syntax as tree
from symbackprop.notation.entries import Entry, Trouble
from symbackprop.notation.meaning.shapes import Shapes
from symbackprop.notation.sameness import differ
from symbackprop.notation.source import Line
from symbackprop.notation.syntax import walk
from symbackprop.notation.tensor import ONE, Tensor
from symbackprop.recognise import recognise


class Equations(Shapes):
    """Lowers the statements of a file."""

    def equations(self, statement: tree.Equation, line: Line) -> list[Equation]:
        """One statement as an equation over indices; a chain ``a = b = c`` defines a by b, c says it again."""
        meaning = self.meaning(statement)
        for other in statement.chain:
            self._require_same(meaning, self.low.tensor(other), other.span)
        left: Any = statement.left
        entry = self.low.entries[left.name.key]
        lead, own = self.low.split_scripts(entry, left)
        ranges = [self._limit(limits) for limits in statement.ranges]
        if own or not entry.sizes:
            at = [*lead, *own]
            expression = meaning.scalar()
        else:
            sizes = [self.low.at_label(entry, s, lead) for s in entry.sizes]
            indices = [self.low.fresh(s) for s in sizes]
            at = [*lead, *indices]
            ranges += [Limit(i, ONE, s) for i, s in zip(indices, sizes, strict=True) if s is not None]
            expression = meaning.at(*(indices if len(indices) == 2 else [indices[0], ONE]))
        at, ranges, expression = _plain_left_side(at, ranges, expression)
        target = entry.base[tuple(at)] if at else entry.base
        return [Equation(target, expression, tuple(r for r in ranges if r.index in at), where=line)]

    def given_starts(self, equations: Sequence[Equation]) -> Iterator[Equation]:
        """``h[0, i] = h_0[i]`` with an input h_0, where ``h_0 in R^n`` is declared and no equation defines it."""
        for key, label in self.starts.items():
            entry = self.low.entries[key]
            if any(e.base == entry.base and e.at[0] == label for e in equations):
                continue
            name = entry.name.with_scripts((*entry.name.scripts, Label("sub", str(label))))
            start = Entry(name, sizes=entry.sizes, declared=True)
            self.low.entries[name.key] = start
            self.low.used = set()
            limits = tuple(Limit(self.low.fresh(s), ONE, s) for s in entry.sizes or ())
            at = tuple(limit.index for limit in limits)
            given = start.base[at] if at else start.base
            yield Equation(entry.base[(sp.Integer(label), *at)], given, limits)

    def _require_same(self, first: Tensor, second: Tensor, span: Span) -> None:
        """The sides of a chain must be equal, as far as that can be told by numbers."""
        row, col = self.low.fresh(first.rows), self.low.fresh(first.cols)
        if differ(recognise(first.at(row, col)), recognise(second.at(row, col))):
            raise Trouble("this is not equal to the side before it", span, "correct it, or leave it out")

    def _limit(self, limits: tree.Limits) -> Limit:
        if limits.low is None or limits.high is None:
            raise Trouble(
                f"the range of {limits.index.plain} needs two ends",
                limits.span,
                f"write 'for {limits.index.plain} = 1..n'",
            )
        return Limit(
            sp.Symbol(limits.index.plain, integer=True),
            self.low.size_or_index(limits.low),
            self.low.size_or_index(limits.high),
        )

    def assumption(self, statement: tree.Assumption) -> Assumption:
        """A declared condition on the data."""
        condition = statement.condition
        self.low.scope, self.low.used = {}, set()
        bound = {x.index.key for n in walk(condition) if isinstance(n, tree.Reduction) for x in n.indices}
        free: dict[str, Name] = {}
        for node in walk(condition):
            if isinstance(node, tree.Reference):
                for item in (i for s in node.scripts for i in s.items):
                    if isinstance(item, tree.Reference) and item.name.key not in bound | self.low.sizes.keys():
                        free[item.name.key] = item.name
        symbols = [self.low.bind(name) for name in free.values()]
        if (
            not isinstance(condition, tree.Compare)
            or len(condition.operators) != 1
            or condition.operators[0] not in ("=", ">", ">=", "<", "<=")
        ):
            raise Trouble(
                "this assumption is not supported",
                condition.span,
                r"write a sum over an axis (\sum_k Y_{ki} = 1), a sign or a range (x > 0)",
            )
        left, right = (self.low.tensor(o).scalar() for o in condition.operands)
        summed = isinstance(left, sp.Sum) and isinstance(left.function, sp.Indexed) and condition.operators[0] == "="
        ranged = isinstance(left, (sp.Symbol, sp.Indexed)) and condition.operators[0] != "="
        if not (right.is_number and (summed or ranged)):
            raise Trouble(
                "this assumption is not supported",
                condition.span,
                r"write a sum over an axis (\sum_k Y_{ki} = 1), a sign or a range (x > 0)",
            )
        limits = tuple(Limit(s, ONE, self.low.range_of(s, left, condition.span)) for s in symbols)
        return Assumption(left, condition.operators[0], right, limits)  # type: ignore[arg-type]


def _plain_left_side(at: Sequence[Any], ranges: Sequence[Limit], expression: Any) -> tuple[list[Any], list[Limit], Any]:
    """``h[t+1] = f(h[t])`` for t = 0..T-1 as ``h[t] = f(h[t-1])`` for t = 1..T."""
    at, ranges = list(at), list(ranges)
    for position, index in enumerate(at):
        for n, limit in enumerate(ranges):
            shift = sp.expand(index - limit.index)
            if index != limit.index and shift.is_Integer:
                back = {limit.index: limit.index - shift}
                expression = expression.xreplace(back)
                at[position] = limit.index
                ranges[n] = Limit(limit.index, limit.low + shift, limit.high + shift)
    return at, ranges, expression
