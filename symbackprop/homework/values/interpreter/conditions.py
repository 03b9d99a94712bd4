"""Conditions, cases and matrices written out.

Contract: a condition is 1 or 0; labels compare with indices.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symbackprop.homework.values.interpreter.state import Unknown
from symbackprop.homework.values.interpreter.sums import Sums
from symbackprop.homework.values.value import Value, elementwise, product, scalar
from symbackprop.notation import syntax as tree

Array = Any

_COMPARE: dict[str, Callable[[Array, Array], Array]] = {
    ">": np.greater,
    "<": np.less,
    ">=": np.greater_equal,
    "<=": np.less_equal,
    "=": np.equal,
    "==": np.equal,
    "!=": np.not_equal,
}


class Conditions(Sums):
    """The layer that reads conditions."""

    def condition(self, condition: tree.Node) -> Value:
        """1 where a comparison holds, else 0."""
        if not isinstance(condition, tree.Compare):
            raise Unknown("this is not a condition", condition.span, "write a comparison, such as z > 0")
        layers = any(self.is_layer(o) for o in condition.operands)
        parts = [scalar(float(self.index(o))) if layers else self.side(o) for o in condition.operands]
        tests: list[Value] = []
        for operator, a, b in zip(condition.operators, parts, parts[1:], strict=False):
            if operator not in _COMPARE:
                raise Unknown(f"the comparison {operator} cannot be read", condition.span)
            test = _COMPARE[operator]
            tests.append(elementwise([a, b], lambda v, test=test: test(v[0], v[1]).astype(float), "comparison"))
        return elementwise(tests, product, "comparison")

    def is_layer(self, node: tree.Node) -> bool:
        """Is it a letter that counts layers, as in ``[l < L]``?"""
        return (
            isinstance(node, tree.Reference) and np.ndim(self.scope.get(node.name.key, [0])) == 0 and not node.scripts
        )

    def side(self, node: tree.Node) -> Value:
        """A side of a comparison; labels compare with indices."""
        try:
            return self.value(node)
        except Unknown:
            place = np.asarray(self.index(node), dtype=float)
            return Value(place.reshape(self.index_shape(place)))

    def indicator(self, node: Any) -> Value:
        """An Iverson bracket."""
        return self.condition(node.condition)

    def cases(self, node: Any) -> Value:
        """The first case whose condition holds."""
        values = [self.value(v) for v, _ in node.branches]
        tests = [scalar(1.0) if c is None else self.condition(c) for _, c in node.branches]

        def combine(arrays: Sequence[Array]) -> Array:
            half = len(values)
            result: Any = np.nan
            for value, test in reversed(list(zip(arrays[:half], arrays[half:], strict=True))):
                result = np.where(test != 0, value, result)
            return result

        return elementwise([*values, *tests], combine, "cases", self.samples)

    def matrix(self, node: Any) -> Value:
        """A matrix written out."""
        rows = [[self.value(cell) for cell in row] for row in node.rows]
        if not all(cell.is_scalar for row in rows for cell in row) or len({len(row) for row in rows}) != 1:
            raise Unknown("the entries of this matrix are no numbers, or its rows differ", node.span)
        points = max(cell.array.shape[0] for row in rows for cell in row)
        grid = np.stack([np.stack([np.broadcast_to(c.array[:, 0, 0], (points,)) for c in row], -1) for row in rows], -2)
        if node.flat:
            return Value(grid.swapaxes(1, 2), grid.shape[2], 1, vector=True)
        return Value(grid, grid.shape[1], grid.shape[2], vector=grid.shape[2] == 1)
