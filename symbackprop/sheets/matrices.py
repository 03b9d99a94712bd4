"""Which indices of a reference are rows and columns, and the shapes in a matrix product.

Contract: reads the labels of the network (layer, step) and the tree of a matrix form.
"""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import sympy as sp

from symbackprop.indexed import indices_of
from symbackprop.matrix import Node, Ones, Product
from symbackprop.network import Network, Quantity
from symbackprop.sheets.blocks import NOTHING, Math, joined
from symbackprop.sheets.mathematics import MathWriter


def matrix_axes(network: Network, base: Any, at: Sequence[Any]) -> list[Any]:
    """The indices of a reference that are rows and columns, not labels."""
    return [index for n, index in enumerate(at) if (base, n) not in network.label_axes and index.is_Symbol]


def product_shapes(network: Network, write: MathWriter, quantity: Quantity, node: Node) -> Math:
    """``(n_1 x m) = (n_1 x n_2)(n_2 x m)`` for a product of matrices; nothing for any other form."""
    if not isinstance(node, Product):
        return NOTHING
    sizes = dict(_sizes(network, node))
    sizes |= {axis.index: axis.size for axis in quantity.axes}
    shapes = [_shape(write, factor, sizes) for factor in (node, *node.factors)]
    if any(shape is None for shape in shapes):
        return NOTHING
    whole, *factors = (shape for shape in shapes if shape is not None)
    return whole + Math(" = ", " = ") + joined(factors, Math(r"\,", " "))


def _shape(write: MathWriter, node: Node, sizes: dict[Any, Any]) -> Math | None:
    own = [index for index in (node.row, node.col) if index is not None]
    if any(index not in sizes for index in own):
        return None
    written = [write(sizes[index]) for index in own]
    return Math("(", "(") + joined(written, Math(r" \times ", "×")) + Math(")", ")") if written else None


def _sizes(network: Network, node: Any) -> Iterator[tuple[Any, Any]]:
    """The size of every index in a tree, from the quantities that carry it."""
    if isinstance(node, Ones):
        yield node.row or node.col, node.limit.size
    reference = getattr(node, "reference", None)
    if reference is not None and indices_of(reference):
        name = str(reference.base).split("/∂")[-1]
        quantity = network.quantities.get(reference.base) or network.quantities.get(sp.IndexedBase(name)) or next(
            (q for q in network.quantities.values() if q.name.plain == name), None)
        if quantity is not None:
            at = {axis.index: index for axis, index in zip(quantity.axes, reference.indices, strict=True)}
            yield from ((index, axis.size.xreplace(at))
                        for index, axis in zip(reference.indices, quantity.axes, strict=True))
    for child in (*getattr(node, "factors", ()), *getattr(node, "terms", ()), *getattr(node, "operands", ()),
                  *([node.operand] if hasattr(node, "operand") else [])):
        yield from _sizes(network, child)
