"""Sums, products, powers, transposes, norms.

Contract: shapes are checked by `notation.conform`; what does not conform raises `Clash`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symbackprop.homework.answers.echo import echo
from symbackprop.homework.values.indexed import Quantities
from symbackprop.homework.values.interpreter.derivatives import Derivatives
from symbackprop.homework.values.interpreter.state import Open, Unknown
from symbackprop.homework.values.value import Value, elementwise, full, matmul, product, scalar, total
from symbackprop.notation import syntax as tree
from symbackprop.notation.conform import Clash
from symbackprop.notation.products import product_of

Array = Any


class Arithmetic(Derivatives):
    """The layer that computes."""

    def number(self, node: Any) -> Value:
        """A number."""
        return scalar(float(node.value))

    def add(self, node: Any) -> Value:
        """A sum."""
        values = [None if self.is_identity(t) else self.value(t) for t in node.terms]
        if None in values:
            other = next((v for v in values if v is not None and v.rows == v.cols), None)
            size = None if other is None else other.rows
            if size is None:
                raise Unknown("the identity matrix stands beside no square matrix here", node.span)
            signs = [-1.0 if isinstance(t, tree.Negate) else 1.0 for t in node.terms]
            eye = np.eye(size)[None]
            values = [Value(s * eye, size, size, "I") if v is None else v for v, s in zip(values, signs, strict=True)]
        known = [v for v in values if v is not None]
        return elementwise(known, lambda a: sum(a[1:], a[0]), "sum", self.samples)

    def is_identity(self, node: tree.Node) -> bool:
        """Is it the I of ``I + W``, which the network does not have?"""
        inner = node.operand if isinstance(node, tree.Negate) else node
        return (
            isinstance(inner, tree.Reference)
            and inner.name.base == "I"
            and self.names.meaning(inner.name) is None
            and inner.name.key not in self.own
        )

    def negate(self, node: Any) -> Value:
        """The negative."""
        value = self.value(node.operand)
        return Value(-value.array, value.rows, value.cols, value.label, value.vector)

    def multiply(self, node: Any) -> Value:
        """A product, by the first reading that conforms."""
        parts = [v if v.label or v.is_scalar else v.named(echo(f)) for f in node.factors for v in (self.value(f),)]
        return product_of(self, parts, node.joints)

    def matmul(self, a: Value, b: Value) -> Value:
        """The matrix product."""
        return matmul(a, b)

    def elementwise(self, parts: Sequence[Value]) -> Value:
        """The elementwise product."""
        what = "product" if all(p.is_scalar for p in parts) else "elementwise product"
        return elementwise(parts, product, what, self.samples)

    def divide(self, node: Any) -> Value:
        """A quotient, entry by entry."""
        above, below = self.value(node.numerator), self.value(node.denominator)
        if not below.is_scalar and not (above.is_scalar or (above.rows == below.rows and above.cols == below.cols)):
            raise Clash(f"the division does not conform: {above.shape} by {below.shape}", "divide entry by entry")
        return elementwise([above, below], lambda a: a[0] / a[1], "quotient")

    def power(self, node: Any) -> Value:
        """A power of the entries."""
        exponent = self.value(node.exponent)
        if isinstance(node.base, tree.Norm):
            norm = self.norm(node.base)
            return elementwise([norm, exponent], _powers, "power")
        if (
            isinstance(node.base, tree.Reference)
            and node.base.name.key == "e"
            and self.names.meaning(node.base.name) is None
        ):
            return elementwise([exponent], lambda a: np.exp(a[0]), "exponential")
        base = self.value(node.base)
        if not exponent.is_scalar:
            raise Unknown("this exponent is no number", node.exponent.span)
        if not base.is_scalar and base.rows == base.cols and isinstance(node.exponent, tree.Negate):
            raise Open("inverse", node.span)
        result = elementwise([base, exponent], _powers, "power")
        return Value(result.array, base.rows, base.cols, vector=base.vector)

    def transpose(self, node: Any) -> Value:
        """Rows and columns exchanged."""
        return self.value(node.operand).transposed()

    def norm(self, node: Any) -> Value:
        """A norm."""
        inner = self.value(node.operand)
        if node.subscript == "1":
            return total(Value(np.abs(full(inner)), inner.rows, inner.cols), rows=True, cols=True)
        squares = total(Value(full(inner) ** 2, inner.rows, inner.cols), rows=True, cols=True)
        return Value(np.sqrt(squares.array))

    def absolute(self, node: Any) -> Value:
        """Absolute values."""
        return self.mapped(self.value(node.operand), np.abs)

    @staticmethod
    def mapped(value: Value, function: Callable[[Array], Array]) -> Value:
        """A function of every entry."""
        return Value(function(value.array), value.rows, value.cols, vector=value.vector)

    def inner(self, node: Any) -> Value:
        """An inner product."""
        parts = [self.value(node.left), self.value(node.right)]
        return total(elementwise(parts, product, "inner product"), rows=True, cols=True)

    def ones(self, node: Any) -> Value:
        """A vector of ones."""
        one = np.ones((1, 1, 1))
        if node.size is None:
            return Value(one, None, 1, "𝟏")
        size = self.value(node.size)
        length = self.actual(int(size.array.flat[0]))
        return Value(np.ones((1, length, 1)), length, 1, "𝟏")

    def element(self, node: Any) -> Value:
        """Entries of an expression that is no name."""
        inner = self.value(node.operand)
        items = [item for s in node.scripts for item in s.items]
        array = full(inner)
        if len(items) == 1 and inner.cols == 1:
            array = array[:, :, 0]
        elif len(items) == 1 and inner.rows == 1:
            array = array[:, 0]
        elif len(items) != 2 or array.ndim > 3:
            raise Unknown(f"this is {inner.shape}: give one index for each axis", node.span)
        if array.ndim > 3:
            raise Unknown("this has indices already", node.span)
        read = Quantities({None: array}, {None: (1,) * len(items)}, self.world.sizes)
        depth = 3 + self.axes
        places = [np.asarray(self.index(i)) for i in items]
        places = [
            p.reshape(p.shape + (1,) * (depth - p.ndim)) if p.ndim >= 3 else p.reshape((1,) * depth) for p in places
        ]
        return Value(read.entries(None, places))


def _powers(arrays: Sequence[Array]) -> Array:
    base, exponent = arrays
    if exponent.size == 1 and float(exponent.flat[0]).is_integer():
        return base ** int(exponent.flat[0]) if float(exponent.flat[0]) >= 0 else 1.0 / base ** int(-exponent.flat[0])
    return base**exponent
