"""Indexed expressions -> matrix notation, by eliminating bound indices from a graph.

Contract: `matrix_form(expression, axes)` gives a `Node` tree whose rows and columns are the given axes, or raises
`NoMatrixForm`. Indices are nodes of the graph, factors with two indices edges, factors with one index labels; every
step removes a bound index of degree at most 2, so it ends, and a matrix form exists exactly when the graph reduces.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from symbackprop.functions import Indicator
from symbackprop.indexed import (
    Limit,
    LogSumExp,
    MaxOver,
    Softmax,
    bound_limits,
    free_indices,
    freshen,
    rename,
)

Index = sp.Symbol | None


class NoMatrixForm(Exception):  # noqa: N818 - an answer, not a mistake
    """The expression is a convolution, a true tensor form, or has a condition on its indices."""


@dataclass(frozen=True)
class Node:
    """A matrix with rows along `row` and columns along `col`; None is a size of 1."""

    row: Index
    col: Index

    @property
    def axes(self) -> set[sp.Symbol]:
        """The indices along which the node has more than one entry."""
        return {i for i in (self.row, self.col) if i is not None}


@dataclass(frozen=True)
class Leaf(Node):
    """A quantity, or any scalar expression without free axes; `reference` is its entry."""

    reference: Any


@dataclass(frozen=True)
class Ones(Node):
    """A column of ones."""

    limit: Limit


@dataclass(frozen=True)
class Transposed(Node):
    """Rows and columns exchanged."""

    operand: Node


@dataclass(frozen=True)
class Product(Node):
    """A chain of matrix products."""

    factors: tuple[Node, ...]


@dataclass(frozen=True)
class Hadamard(Node):
    """An elementwise product; scalars and vectors are spread over the other factors."""

    factors: tuple[Node, ...]


@dataclass(frozen=True)
class Sum(Node):
    """A sum; scalars and vectors are spread over the other terms."""

    terms: tuple[Node, ...]


@dataclass(frozen=True)
class Apply(Node):
    """A function of the entries: `pattern` is the scalar expression over one slot for each operand."""

    pattern: Any
    slots: tuple[sp.Symbol, ...]
    operands: tuple[Node, ...]


@dataclass(frozen=True)
class Along(Node):
    """Softmax (keeps the axis), log-sum-exp or maximum (removes it) along one axis of the operand."""

    kind: str
    axis: sp.Symbol
    operand: Node


@dataclass(frozen=True)
class LabelSum(Node):
    """A sum over an index that only labels (layer, step): it stays a sum of matrices."""

    limit: Limit
    body: Node


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
    return _oriented(_Reduction(set(axes), labels).node(expression, row, col), row, col)


def transposed(node: Node) -> Node:
    """The transpose, moved inside where that needs no further transpose."""
    if isinstance(node, Transposed):
        return node.operand
    if isinstance(node, Leaf) and (not node.axes or isinstance(node.reference, Indicator)):
        return Leaf(node.col, node.row, node.reference)
    if isinstance(node, Product):
        return Product(node.col, node.row, tuple(transposed(f) for f in reversed(node.factors)))
    if isinstance(node, (Hadamard, Sum)):
        parts = tuple(transposed(f) for f in (node.factors if isinstance(node, Hadamard) else node.terms))
        return type(node)(node.col, node.row, parts)
    if isinstance(node, Apply):
        return Apply(node.col, node.row, node.pattern, node.slots, tuple(transposed(o) for o in node.operands))
    if isinstance(node, Along):
        operand = transposed(node.operand) if node.kind == "softmax" else node.operand
        return Along(node.col, node.row, node.kind, node.axis, operand)
    return Transposed(node.col, node.row, node)


def _oriented(node: Node, row: Index, col: Index) -> Node:
    """The node with the wanted rows and columns (it may lack either: then it is spread)."""
    if not node.axes or (node.row in (row, None) and node.col in (col, None)):
        return node
    if node.row in (col, None) and node.col in (row, None):
        return transposed(node)
    raise NoMatrixForm("the axes do not fit")


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
        terms = [_oriented(t, row, col) for t in terms]
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
            if not free_indices(a) & self.graph and not a.has(sp.Sum):
                return a
            if isinstance(a, sp.core.relational.Relational):
                return a.func(*(part(x) for x in a.args), evaluate=False)
            slots.append(sp.Dummy(f"slot{len(slots)}", real=True))
            operands.append(_oriented(self.node(a, row, col), row, col))
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
            inner = _oriented(self.node(rename(body, {limit.index: at}), row, col), row, col)
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
        factors: list[Any] = []
        bound: list[Limit] = []
        self._open(e, factors, bound)
        label_sums = [limit for limit in bound if self._is_label(limit.index, factors)]
        bound = [limit for limit in bound if limit not in label_sums]
        self.graph |= {limit.index for limit in bound}
        graph = _Graph({limit.index: limit for limit in bound})
        for position, factor in enumerate(factors):
            own = free_indices(factor) & self.graph
            if len(own) > 2:
                raise NoMatrixForm(f"{len(own)} axes in {factor}")
            graph.add(position, self._factor(factor, own))
        node = graph.reduce(row, col)
        for limit in label_sums:
            node = LabelSum(node.row, node.col, limit, node)
        return node

    def _open(self, e: Any, factors: list[Any], bound: list[Limit]) -> None:
        if isinstance(e, sp.Mul):
            for a in e.args:
                self._open(a, factors, bound)
        elif isinstance(e, sp.Sum):
            e = freshen(e)
            bound += bound_limits(e)
            self._open(e.function, factors, bound)
        else:
            factors.append(e)

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


class _Graph:
    """The factors of one product over their indices."""

    def __init__(self, bound: dict[sp.Symbol, Limit]) -> None:
        self.bound = bound
        self.scalars: list[tuple[int, Node]] = []
        self.labels: dict[sp.Symbol, list[tuple[int, Node]]] = {}
        self.edges: dict[frozenset[sp.Symbol], list[tuple[int, Node]]] = {}

    def add(self, position: int, node: Node) -> None:
        axes = node.axes
        if not axes:
            self.scalars.append((position, node))
        elif len(axes) == 1:
            index = next(iter(axes))
            self.labels.setdefault(index, []).append((position, _oriented(node, index, None)))
        else:
            self.edges.setdefault(frozenset(axes), []).append((position, node))

    def reduce(self, row: Index, col: Index) -> Node:
        """Eliminate the bound indices, those of lowest degree first; then lay out what is left."""
        remaining = list(self.bound)
        while remaining:
            index = min(remaining, key=lambda i: (len(self._neighbours(i)), self._is_row(i), remaining.index(i)))
            remaining.remove(index)
            self._eliminate(index)
        return self._layout(row, col)

    def _neighbours(self, index: sp.Symbol) -> list[frozenset[sp.Symbol]]:
        return [pair for pair in self.edges if index in pair]

    def _is_row(self, index: sp.Symbol) -> bool:
        """Does the index run along the rows of its edge? Columns go first: then nothing must be transposed."""
        return any(nodes[0][1].row == index for pair, nodes in self.edges.items() if index in pair)

    def _eliminate(self, index: sp.Symbol) -> None:
        pairs = self._neighbours(index)
        if len(pairs) > 2:
            raise NoMatrixForm(f"index {index} joins {len(pairs)} factors")
        label = self._label(index)
        ones = Ones(index, None, self.bound[index])
        if not pairs:
            position, node = label or (len(self.scalars), None)
            if node is None:
                self.scalars.append((position, Leaf(None, None, self.bound[index].size)))
            elif isinstance(node, Hadamard) and len(node.factors) == 2 and all(f.row == index for f in node.factors):
                self.scalars.append((position, _chain(transposed(node.factors[0]), node.factors[1])))
            else:
                self.scalars.append((position, _chain(transposed(ones), node)))
            return
        ends = [next(iter(pair - {index})) for pair in pairs]
        merged = [self._edge(pair, end, index) for pair, end in zip(pairs, ends, strict=True)]
        for pair in pairs:
            del self.edges[pair]
        if len(pairs) == 1:
            position, node = merged[0]
            vector = label[1] if label else ones
            self.add(min(position, label[0]) if label else position, _chain(node, vector))
            return
        (first, left), (second, right) = merged
        right = transposed(right)  # index -> end
        if label:
            right = _spread(label[1], right)
        self.add(min(first, second), _chain(left, right))

    def _label(self, index: sp.Symbol) -> tuple[int, Node] | None:
        found = sorted(self.labels.pop(index, []), key=lambda p: p[0])
        if not found:
            return None
        nodes = tuple(node for _, node in found)
        return found[0][0], nodes[0] if len(nodes) == 1 else Hadamard(index, None, nodes)

    def _edge(self, pair: frozenset[sp.Symbol], row: sp.Symbol, col: sp.Symbol) -> tuple[int, Node]:
        """All parallel edges between two indices as one elementwise product, rows and columns as wanted."""
        found = sorted(self.edges[pair], key=lambda p: p[0])
        nodes = tuple(_oriented(node, row, col) for _, node in found)
        return found[0][0], nodes[0] if len(nodes) == 1 else Hadamard(row, col, nodes)

    def _layout(self, row: Index, col: Index) -> Node:
        parts = list(self.scalars)
        pairs = set(self.edges)
        if row is not None and col is not None and frozenset((row, col)) in pairs:
            pair = frozenset((row, col))
            parts += [(p, _oriented(node, row, col)) for p, node in self.edges[pair]]
            pairs.discard(pair)
            parts += [part for index in (row, col) for part in self._placed(index, row)]
        else:
            down, across = self._label(row) if row else None, self._label(col) if col else None
            if down and across:
                parts.append((min(down[0], across[0]), _chain(down[1], transposed(across[1]))))
            else:
                parts += [down] if down else []
                parts += [(across[0], transposed(across[1]))] if across else []
        if pairs or self.labels:
            raise NoMatrixForm("an index is left over")
        nodes = [node for _, node in sorted(parts, key=lambda p: p[0])]
        scalars = [n for n in nodes if not n.axes]
        others = [n for n in nodes if n.axes]
        nodes = scalars + others
        if len(nodes) == 1:
            return nodes[0]
        return Hadamard(
            next((n.row for n in others if n.row is not None), None),
            next((n.col for n in others if n.col is not None), None),
            tuple(nodes),
        )

    def _placed(self, index: sp.Symbol, row: Index) -> list[tuple[int, Node]]:
        label = self._label(index)
        if label is None:
            return []
        return [(label[0], label[1] if index == row else transposed(label[1]))]


def _chain(left: Node, right: Node) -> Product:
    factors = [f for part in (left, right) for f in (part.factors if isinstance(part, Product) else (part,))]
    return Product(left.row, right.col, tuple(factors))


def _spread(vector: Node, matrix: Node) -> Hadamard:
    """``diag(v) M``: the rows of a matrix scaled by a vector."""
    return Hadamard(matrix.row, matrix.col, (vector, matrix))
