"""The factors of one product as a graph: indices are its nodes, factors its edges and labels.

Contract: `Graph.reduce` removes bound indices of degree at most 2, those of lowest degree first, and lays out what is
left; where an index joins more factors there is no matrix form.
"""

from __future__ import annotations

import sympy as sp

from symbackprop.indexed import Limit
from symbackprop.matrix.nodes import (
    Hadamard,
    Index,
    Leaf,
    Node,
    NoMatrixForm,
    Ones,
    chain,
    oriented,
    spread,
    transposed,
)


class Graph:
    """The factors of one product over their indices."""

    def __init__(self, bound: dict[sp.Symbol, Limit]) -> None:
        self.bound = bound
        self.scalars: list[tuple[int, Node]] = []
        self.labels: dict[sp.Symbol, list[tuple[int, Node]]] = {}
        self.edges: dict[frozenset[sp.Symbol], list[tuple[int, Node]]] = {}

    def add(self, position: int, node: Node) -> None:
        """A factor, with its place among the factors: an edge, a label or a scalar."""
        axes = node.axes
        if not axes:
            self.scalars.append((position, node))
        elif len(axes) == 1:
            index = next(iter(axes))
            self.labels.setdefault(index, []).append((position, oriented(node, index, None)))
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
                self.scalars.append((position, chain(transposed(node.factors[0]), node.factors[1])))
            else:
                self.scalars.append((position, chain(transposed(ones), node)))
            return
        ends = [next(iter(pair - {index})) for pair in pairs]
        merged = [self._edge(pair, end, index) for pair, end in zip(pairs, ends, strict=True)]
        for pair in pairs:
            del self.edges[pair]
        if len(pairs) == 1:
            position, node = merged[0]
            vector = label[1] if label else ones
            self.add(min(position, label[0]) if label else position, chain(node, vector))
            return
        (first, left), (second, right) = merged
        right = transposed(right)  # index -> end
        if label:
            right = spread(label[1], right)
        self.add(min(first, second), chain(left, right))

    def _label(self, index: sp.Symbol) -> tuple[int, Node] | None:
        found = sorted(self.labels.pop(index, []), key=lambda p: p[0])
        if not found:
            return None
        nodes = tuple(node for _, node in found)
        return found[0][0], nodes[0] if len(nodes) == 1 else Hadamard(index, None, nodes)

    def _edge(self, pair: frozenset[sp.Symbol], row: sp.Symbol, col: sp.Symbol) -> tuple[int, Node]:
        """All parallel edges between two indices as one elementwise product, rows and columns as wanted."""
        found = sorted(self.edges[pair], key=lambda p: p[0])
        nodes = tuple(oriented(node, row, col) for _, node in found)
        return found[0][0], nodes[0] if len(nodes) == 1 else Hadamard(row, col, nodes)

    def _layout(self, row: Index, col: Index) -> Node:
        parts = list(self.scalars)
        pairs = set(self.edges)
        if row is not None and col is not None and frozenset((row, col)) in pairs:
            pair = frozenset((row, col))
            parts += [(p, oriented(node, row, col)) for p, node in self.edges[pair]]
            pairs.discard(pair)
            parts += [part for index in (row, col) for part in self._placed(index, row)]
        else:
            down, across = self._label(row) if row else None, self._label(col) if col else None
            if down and across:
                parts.append((min(down[0], across[0]), chain(down[1], transposed(across[1]))))
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
