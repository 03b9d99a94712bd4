"""The matrix tree: every node has rows and columns, named by the indices they run along.

Contract: frozen data, and the transpose, which moves inside where that needs no further transpose.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sympy as sp

from symbackprop.functions import Indicator
from symbackprop.indexed import Limit

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


def oriented(node: Node, row: Index, col: Index) -> Node:
    """The node with the wanted rows and columns (it may lack either: then it is spread)."""
    if not node.axes or (node.row in (row, None) and node.col in (col, None)):
        return node
    if node.row in (col, None) and node.col in (row, None):
        return transposed(node)
    raise NoMatrixForm("the axes do not fit")


def chain(left: Node, right: Node) -> Product:
    """``left right`` as one chain of matrix products."""
    factors = [f for part in (left, right) for f in (part.factors if isinstance(part, Product) else (part,))]
    return Product(left.row, right.col, tuple(factors))


def spread(vector: Node, matrix: Node) -> Hadamard:
    """``diag(v) M``: the rows of a matrix scaled by a vector."""
    return Hadamard(matrix.row, matrix.col, (vector, matrix))
