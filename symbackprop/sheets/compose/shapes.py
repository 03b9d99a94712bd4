"""The shapes in a matrix product: ``(n_1 x m) = (n_1 x n_2)(n_2 x m)``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from symbackprop.derivation import Derivation
from symbackprop.indexed import base_of, indices_of
from symbackprop.matrix import Hadamard, Leaf, Node, Ones, Product
from symbackprop.network import Quantity
from symbackprop.sheets.blocks import NOTHING, Math, joined
from symbackprop.sheets.mathematics import IS, THIN, MathWriter


def product_shapes(derivation: Derivation, write: MathWriter, quantity: Quantity, node: Node) -> Math:
    """The shapes of a product of matrices, also where it is multiplied entry by entry; nothing for any other form."""
    if isinstance(node, Hadamard):
        return _entrywise_shapes(derivation, write, quantity, node)
    if not isinstance(node, Product):
        return NOTHING
    sizes = dict(_sizes(_carriers(derivation), node))
    sizes |= {axis.index: axis.size for axis in quantity.axes}
    outer = all(len(factor.axes) < 2 for factor in node.factors)  # a column times a row
    shapes = [_shape(write, factor, sizes, ones=outer) for factor in (node, *node.factors)]
    if any(shape is None for shape in shapes):
        return NOTHING
    whole, *factors = (shape for shape in shapes if shape is not None)
    return whole + IS + joined(factors, THIN)


def _entrywise_shapes(derivation: Derivation, write: MathWriter, quantity: Quantity, node: Hadamard) -> Math:
    """``(n_1 x m) = (n_1 x n_2)(n_2 x m) . (n_1 x m)``: what a product leaves has the shape of its partner."""
    products = [f for f in node.factors if isinstance(f, Product)]
    full = [f for f in node.factors if f.axes == node.axes]
    if len(products) != 1 or len(full) != len(node.factors) or len(node.axes) < 2:
        return NOTHING
    inner = product_shapes(derivation, write, quantity, products[0])
    if not inner:
        return NOTHING
    sizes = {axis.index: axis.size for axis in quantity.axes}
    own = _shape(write, node, sizes, ones=False)
    return NOTHING if own is None else inner + Math(r" \odot ", " ⊙ ") + own


def factor_shapes(
    derivation: Derivation, quantity: Quantity, node: Node, factors: Sequence[Node]
) -> list[tuple[Any, ...]] | None:
    """The shapes of other factors with the indices of a form of `quantity`; None where one is not known."""
    sizes = dict(_sizes(_carriers(derivation), node))
    sizes |= {axis.index: axis.size for axis in quantity.axes}
    found: list[tuple[Any, ...]] = []
    for factor in factors:
        own = [index for index in (factor.row, factor.col) if index is not None]
        if not own or any(index not in sizes for index in own):
            return None
        found.append(tuple(sizes[index] for index in own))
    return found


def _shape(write: MathWriter, node: Node, sizes: dict[Any, Any], *, ones: bool) -> Math | None:
    own = [index for index in (node.row, node.col) if ones or index is not None]
    if not own or any(index not in sizes for index in own if index is not None):
        return None
    written = [write(sizes[index]) if index is not None else Math("1", "1") for index in own]
    return Math("(", "(") + joined(written, Math(r" \times ", "×")) + Math(")", ")")


def _carriers(derivation: Derivation) -> dict[Any, Quantity]:
    """The quantity whose axes a base has: its own, or those of the quantity it is the derivative by."""
    found: dict[Any, Quantity] = {}
    for quantity in derivation.network.quantities.values():
        if quantity.axes:
            found[quantity.base] = quantity
            at = tuple(axis.index for axis in quantity.axes)
            found[base_of(derivation.sweep.adjoint_symbol(quantity, at))] = quantity
    return found


def _sizes(carriers: dict[Any, Quantity], node: Any) -> Iterator[tuple[Any, Any]]:
    """The size of every index in a tree, from the quantities that carry it."""
    if isinstance(node, Ones):
        yield node.row or node.col, node.limit.size
    if isinstance(node, Leaf) and indices_of(node.reference):
        quantity = carriers.get(base_of(node.reference))
        axes = quantity.axes if quantity is not None else ()
        pairs = list(zip(axes, indices_of(node.reference), strict=False))
        at = {axis.index: index for axis, index in pairs}
        yield from ((index, axis.size.xreplace(at)) for axis, index in pairs)
    operand = getattr(node, "operand", None)
    for child in (
        *getattr(node, "factors", ()),
        *getattr(node, "terms", ()),
        *getattr(node, "operands", ()),
        *([operand] if operand is not None else []),
    ):
        yield from _sizes(carriers, child)
