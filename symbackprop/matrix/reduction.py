"""Indexed expressions -> matrix trees.

Contract: `matrix_form(expression, axes)` gives a `Node` tree whose rows and columns are the given axes, or raises
`NoMatrixForm`. Every step removes a bound index, so it ends, and a matrix form exists exactly when the graph of each
product reduces.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from symbackprop.functions import Indicator
from symbackprop.indexed import LogSumExp, MaxOver, Softmax, bound_limits, free_indices, freshen, opened, rename
from symbackprop.matrix.graph import Graph
from symbackprop.matrix.nodes import (
    Along,
    Apply,
    Index,
    LabelSum,
    Leaf,
    Node,
    NoMatrixForm,
    Sum,
    oriented,
)


def matrix_form(expression: Any, axes: Sequence[sp.Symbol], labels: Collection[tuple[Any, int]] = frozenset()) -> Node:
    """The matrix form of an entry with the given free indices.

    Args:
        expression: a scalar expression.
        axes: no index (a scalar), one (a column vector) or two (rows, columns); other free
            indices are labels (layer, step).
        labels: axes that are labels, as (base, position): a sum over one stays a sum.

    Raises:
        NoMatrixForm: where only the index form exists.
    """
    if len(axes) > 2:
        raise NoMatrixForm(f"{len(axes)} axes")
    row, col = (*axes, None, None)[:2]
    return oriented(_Reduction(set(axes), labels).node(expression, row, col), row, col)


_PAIR = type(sp.Piecewise((sp.Symbol("x"), sp.Symbol("x") > 0), (0, True)).args[0])
"""A value with its condition: one branch of cases."""


@dataclass
class _Reduction:
    """Reduces one expression; `graph` holds the indices that are axes, bound ones included."""

    graph: set[sp.Symbol]
    labels: Collection[tuple[Any, int]]

    def node(self, e: Any, row: Index, col: Index) -> Node:
        """The node of an expression whose free axes are among row and col."""
        if not free_indices(e) & self.graph and not e.has(sp.Sum, Softmax, LogSumExp, MaxOver):
            return Leaf(None, None, e)
        if isinstance(e, sp.Indexed):
            return self._reference(e)
        if isinstance(e, sp.Add):
            return self._sum([self.node(t, row, col) for t in e.args], row, col)
        if isinstance(e, (sp.Mul, sp.Sum)):
            return self._contract(e, row, col)
        if isinstance(e, (Softmax, LogSumExp, MaxOver)):
            return self._along(e, row, col)
        if isinstance(e, Indicator):
            if (one_hot := self._one_hot(e, row, col)) is not None:
                return one_hot
            if not e.condition.has(sp.Indexed):
                raise NoMatrixForm("a condition on indices")
        if e.args:
            return self._apply(e, row, col)
        raise NoMatrixForm(str(e))

    def _reference(self, e: Any) -> Node:
        axes: list[sp.Symbol] = []
        picked: set[sp.Symbol] = set()
        for index in e.indices:
            if index in self.graph:
                axes.append(index)
            elif isinstance(index, sp.Indexed):  # a label picks one entry: Z[y[s], s]
                picked |= free_indices(index) & self.graph
            elif free_indices(index) & self.graph:
                raise NoMatrixForm(f"the index {index}")
        if picked and not (len(picked) == 1 and set(axes) <= picked):
            raise NoMatrixForm(f"the labels in {e}")
        axes = axes or list(picked)
        if len(set(axes)) < len(axes) or len(axes) > 2:
            raise NoMatrixForm(f"the indices of {e}")
        row, col = (*axes, None, None)[:2]
        return Leaf(row, col, e)

    def _one_hot(self, e: Indicator, row: Index, col: Index) -> Node | None:
        """``[y[s] = k]``: the labels as columns (or rows) of a unit matrix."""
        if not isinstance(e.condition, sp.Eq):
            return None
        label, index = e.condition.args if isinstance(e.condition.lhs, sp.Indexed) else reversed(e.condition.args)
        own = free_indices(e) & self.graph
        if not isinstance(label, sp.Indexed) or index not in self.graph or len(own) != 2 or own != {row, col}:
            return None
        return Leaf(row, col, e)

    def _sum(self, terms: Sequence[Node], row: Index, col: Index) -> Node:
        terms = [oriented(t, row, col) for t in terms]
        return Sum(
            next((t.row for t in terms if t.row is not None), None),
            next((t.col for t in terms if t.col is not None), None),
            tuple(terms),
        )

    def _apply(self, e: Any, row: Index, col: Index) -> Node:
        """A function of entries: its largest parts that have axes become operands."""
        slots: list[sp.Symbol] = []
        operands: list[Node] = []

        def part(a: Any) -> Any:
            if isinstance(a, sp.logic.boolalg.BooleanAtom) or (not free_indices(a) & self.graph and not a.has(sp.Sum)):
                return a
            if isinstance(a, _PAIR):
                return a.func(*(part(x) for x in a.args))
            if isinstance(a, sp.core.relational.Relational):
                return a.func(*(part(x) for x in a.args), evaluate=False)
            slots.append(sp.Dummy(f"slot{len(slots)}", real=True))
            operands.append(oriented(self.node(a, row, col), row, col))
            return slots[-1]

        pattern = e.func(*(part(a) for a in e.args))
        return Apply(
            next((o.row for o in operands if o.row is not None), None),
            next((o.col for o in operands if o.col is not None), None),
            pattern,
            tuple(slots),
            tuple(operands),
        )

    def _along(self, e: Any, row: Index, col: Index) -> Node:
        e = freshen(e)
        if len(bound_limits(e)) > 1:
            raise NoMatrixForm("a maximum over several indices")
        limit = bound_limits(e)[0]
        if isinstance(e, Softmax):
            at, body = e.args[0], e.args[1]
            if at not in self.graph:
                raise NoMatrixForm("one entry of a softmax")
            inner = oriented(self.node(rename(body, {limit.index: at}), row, col), row, col)
            return Along(inner.row, inner.col, "softmax", at, inner)
        self.graph.add(limit.index)
        others = free_indices(e.args[0]) & self.graph - {limit.index}
        if len(others) > 1:
            raise NoMatrixForm("a reduction of a tensor")
        other = next(iter(others), None)
        inner = self._factor(e.args[0], {limit.index} | others)
        kind = "logsumexp" if isinstance(e, LogSumExp) else "max"
        return Along(other, None, kind, limit.index, inner)

    # -- products ------------------------------------------------------------------------------------------------
    def _contract(self, e: Any, row: Index, col: Index) -> Node:
        factors, bound = opened(e)
        label_sums = [limit for limit in bound if self._is_label(limit.index, factors)]
        bound = [limit for limit in bound if limit not in label_sums]
        self.graph |= {limit.index for limit in bound}
        graph = Graph({limit.index: limit for limit in bound})
        for position, factor in enumerate(factors):
            own = free_indices(factor) & self.graph
            if len(own) > 2:
                raise NoMatrixForm(f"{len(own)} axes in {factor}")
            graph.add(position, self._factor(factor, own))
        node = graph.reduce(row, col)
        for limit in label_sums:
            node = LabelSum(node.row, node.col, limit, node)
        return node

    def _is_label(self, index: sp.Symbol, factors: Sequence[Any]) -> bool:
        """Does a bound index stand somewhere shifted, or where a label stands? Then its sum stays a sum."""
        return any(
            index in free_indices(place) and (place != index or (reference.base, position) in self.labels)
            for factor in factors
            for reference in factor.atoms(sp.Indexed)
            for position, place in enumerate(reference.indices)
            if not isinstance(place, sp.Indexed)
        )

    def _factor(self, factor: Any, own: set[sp.Symbol]) -> Node:
        """A factor in its own orientation: that of its first reference with two axes."""
        if len(own) < 2:
            return self.node(factor, next(iter(own), None), None)
        for reference in sp.preorder_traversal(factor):
            if isinstance(reference, sp.Indexed):
                axes = [i for i in reference.indices if i in own]
                if len(set(axes)) == 2:
                    return self.node(factor, axes[0], axes[1])
        first, second = sorted(own, key=lambda s: s.name)
        return self.node(factor, first, second)
