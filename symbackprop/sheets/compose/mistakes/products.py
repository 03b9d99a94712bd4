"""Mistakes in matrix products: no transpose, factors exchanged, a matrix product where entries are multiplied."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from symbackprop.matrix import Hadamard, Leaf, Node, Ones, Product, Transposed
from symbackprop.network import Quantity
from symbackprop.sheets.blocks import Line, Math, joined
from symbackprop.sheets.compose.composition import Composition
from symbackprop.sheets.compose.mistakes.writing import fits, named
from symbackprop.sheets.compose.results import matrix_result, transposed_factors
from symbackprop.sheets.compose.shapes import factor_shapes
from symbackprop.sheets.mathematics import THIN


def missing_transpose(c: Composition) -> Iterator[Line]:
    """A product without its transpose: what does not fit, and where the transpose comes from."""
    for quantity, node in _forms(c):
        product = _product_in(node)
        if product is None or not transposed_factors(product):
            continue
        bare = tuple(f.operand if isinstance(f, Transposed) else f for f in product.factors)
        turned = next(f.operand for f in product.factors if isinstance(f, Transposed))
        said = _judged(c, quantity, product, bare)
        if said is not None:
            right, wrong, shapes, verdict = said
            yield (
                *c.say(
                    "mistakes.missing_transpose", gradient=named(c, quantity), right=right, wrong=wrong, shapes=shapes
                ),
                *verdict,
                *c.say("mistakes.whence", matrix=c.write.node(turned)),
            )


def order(c: Composition) -> Iterator[Line]:
    """The factors of a product exchanged."""
    for quantity, node in _forms(c):
        product = _product_in(node)
        if product is None or len(product.factors) != 2 or any(len(f.axes) < 2 for f in product.factors):
            continue
        said = _judged(c, quantity, product, tuple(reversed(product.factors)))
        if said is not None and quantity.role == "parameter":
            right, wrong, shapes, verdict = said
            yield (
                *c.say("mistakes.order", gradient=named(c, quantity), right=right, wrong=wrong, shapes=shapes),
                *verdict,
            )


def shape(c: Composition) -> Iterator[Line]:
    """A matrix product where an activation works entry by entry; a gradient without its parameter's shape."""
    for quantity, node in _forms(c):
        if isinstance(node, Hadamard) and sum(len(f.axes) == len(node.axes) for f in node.factors) > 1:
            sign, name = Math(r"\odot", "⊙"), c.write.name(quantity)
            yield c.say("mistakes.shape", gradient=named(c, quantity), quantity=name, hadamard=sign)
    for quantity in c.derivation.parameters:
        if len(quantity.axes) > 1:
            size = c.write.shape(quantity, whole=False)
            yield c.say(
                "mistakes.shape_of_gradient", gradient=named(c, quantity), shape=size, parameter=c.write.name(quantity)
            )


def _forms(c: Composition) -> Iterator[tuple[Quantity, Node]]:
    """The results that are matrices, those of the parameters first."""
    for quantity in (*c.derivation.parameters, *c.derivation.deltas):
        matrix = matrix_result(c, quantity)
        if matrix is not None:
            yield quantity, matrix.node


def _product_in(node: Any) -> Product | None:
    """The matrix product of a form, which may stand in an elementwise one."""
    if isinstance(node, Product):
        return node
    found = [f for f in node.factors if isinstance(f, Product)] if isinstance(node, Hadamard) else []
    return found[0] if len(found) == 1 else None


def _judged(
    c: Composition, quantity: Quantity, product: Product, wrong: Sequence[Node]
) -> tuple[Math, Math, Math, Line] | None:
    """Right and wrong product, the shapes of the wrong one, and whether they fit each other."""
    shapes = factor_shapes(c.derivation, quantity, product, wrong)
    if shapes is None or any(isinstance(f, (Ones, Leaf)) and not f.axes for f in wrong):
        return None
    formulas = [c.write.node(Product(product.row, product.col, tuple(p))) for p in (product.factors, wrong)]
    if not fits(*formulas):
        return None
    clash = next(((left[-1], right[0]) for left, right in pairwise(shapes) if left[-1] != right[0]), None)
    verdict = c.say("mistakes.fits")
    if clash is not None:
        verdict = c.say("mistakes.clash", left=c.write(clash[0]), right=c.write(clash[1]))
    return formulas[0], formulas[1], joined([_bracketed(c, shape) for shape in shapes], THIN), verdict


def _bracketed(c: Composition, shape: tuple[Any, ...]) -> Math:
    return Math("(", "(") + joined([c.write(size) for size in shape], Math(r" \times ", "×")) + Math(")", ")")
