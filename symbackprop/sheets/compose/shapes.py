"""The shapes in a matrix product: ``(n_1 x m) = (n_1 x n_2)(n_2 x m)``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from symbackprop.derivation import Derivation
from symbackprop.indexed import base_of, indices_of
from symbackprop.matrix import Node, Ones, Product
from symbackprop.network import Quantity
from symbackprop.sheets.blocks import NOTHING, Math, joined
from symbackprop.sheets.mathematics import IS, THIN, MathWriter


def product_shapes(derivation: Derivation, write: MathWriter, quantity: Quantity, node: Node) -> Math:
    """The shapes of a product of matrices; nothing for any other form."""
    if not isinstance(node, Product):
        return NOTHING
    sizes = dict(_sizes(_carriers(derivation), node))
    sizes |= {axis.index: axis.size for axis in quantity.axes}
    shapes = [_shape(write, factor, sizes) for factor in (node, *node.factors)]
    if any(shape is None for shape in shapes):
        return NOTHING
    whole, *factors = (shape for shape in shapes if shape is not None)
    return whole + IS + joined(factors, THIN)


def _shape(write: MathWriter, node: Node, sizes: dict[Any, Any]) -> Math | None:
    own = [index for index in (node.row, node.col) if index is not None]
    if not own or any(index not in sizes for index in own):
        return None
    written = [write(sizes[index]) for index in own]
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
    reference = getattr(node, "reference", None)
    quantity = carriers.get(reference.base) if reference is not None and indices_of(reference) else None
    if quantity is not None:
        at = {axis.index: index for axis, index in zip(quantity.axes, reference.indices, strict=True)}
        yield from (
            (index, axis.size.xreplace(at))
            for index, axis in zip(reference.indices, quantity.axes, strict=True)
        )
    operand = getattr(node, "operand", None)
    for child in (
        *getattr(node, "factors", ()),
        *getattr(node, "terms", ()),
        *getattr(node, "operands", ()),
        *([operand] if operand is not None else []),
    ):
        yield from _sizes(carriers, child)
