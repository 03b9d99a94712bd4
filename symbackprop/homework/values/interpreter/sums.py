"""Sums and maxima over indices, with the ranges that their axes give.

Contract: a bound index is an axis while its body is computed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from symbackprop.homework.values.interpreter.arithmetic import Arithmetic
from symbackprop.homework.values.interpreter.state import NoLayer, Open, Unknown
from symbackprop.homework.values.value import Value, aligned, total
from symbackprop.notation import syntax as tree

Array = Any


class Sums(Arithmetic):
    """The layer that sums over indices."""

    def reduction(self, node: Any) -> Value:
        """A sum, mean, product or extreme over indices."""
        before, axes = dict(self.scope), self.axes
        names = [limit.index for limit in node.indices]
        if not names:
            value = self.value(node.body)
            return total(value, rows=True, cols=True)
        masks = [self.enter(limit, node) for limit in node.indices]
        if node.condition is not None:
            masks.append(self.condition(node.condition).array != 0)
        try:
            body = self.value(node.body)
        finally:
            depth, self.scope, self.axes = 3 + self.axes, before, axes
        arrays = aligned([body.array.reshape(body.array.shape + (1,) * (depth - body.array.ndim)), *masks])
        shape = np.broadcast_shapes(*(a.shape[3:] for a in arrays))
        inside: Any = np.ones((1, 1, 1, *shape), dtype=bool)
        for mask in arrays[1:]:
            inside = inside & mask
        wide = np.broadcast_to(arrays[0], (*arrays[0].shape[:3], *shape))
        own = tuple(range(3 + axes, depth))
        if node.kind in ("sum", "mean"):
            result = np.where(inside, wide, 0.0).sum(axis=own)
            if node.kind == "mean":
                result = result / np.broadcast_to(inside, wide.shape).sum(axis=own)
        elif node.kind == "max":
            result = np.where(inside, wide, -np.inf).max(axis=own)
        elif node.kind == "min":
            result = np.where(inside, wide, np.inf).min(axis=own)
        else:
            result = np.where(inside, wide, 1.0).prod(axis=own)
        return Value(result, body.rows, body.cols, vector=body.vector)

    def enter(self, limit: Any, node: Any) -> Array:
        """Bind a summation index; where it is inside its range."""
        index = limit.index.key
        if limit.high is None:
            low, size = self.range_of(index, node.body)
            if limit.low is not None:
                start = np.asarray(self.index(limit.low))
                low, size = int(start.min()), low + size - int(start.min())
            self.bind(index, size, low)
            return np.ones((1,) * (3 + self.axes), dtype=bool)
        low_at = np.asarray(self.bound(limit.low)) if limit.low is not None else np.asarray(1)
        high_at = np.asarray(self.bound(limit.high))
        first, last = int(low_at.min()), int(high_at.max())
        if last < first or last - first > 10_000:
            raise Unknown("this sum is empty", limit.span if limit.span != tree.NOWHERE else node.span)
        self.bind(index, last - first + 1, first)
        own = self.scope[index]
        parts = [p.reshape(p.shape + (1,) * (own.ndim - p.ndim)) if p.ndim >= 3 else p for p in (low_at, high_at)]
        return (own >= parts[0]) & (own <= parts[1])

    def bound(self, node: tree.Node) -> Array:
        """An end of a range: an index, a size, a number."""
        if isinstance(node, tree.Number) and node.value > 1:
            return np.asarray(self.actual(int(node.value)))
        try:
            return self.index(node)
        except Unknown:
            value = self.value(node)
            if not value.is_scalar or value.array.size != 1:
                raise
            return np.asarray(int(value.array.flat[0]))

    def range_of(self, index: str, node: tree.Node) -> tuple[int, int]:
        """The first value and the size of an index without bounds: of the axis that it runs over in an expression."""
        beyond: NoLayer | None = None
        for reference in tree.walk(node):
            if not isinstance(reference, tree.Reference) or not reference.scripts:
                continue
            try:
                found = self.axis_of(index, reference)
            except NoLayer as trouble:
                beyond = trouble
                continue
            except (Unknown, Open):
                continue
            if found is not None:
                return found
        if beyond is not None:
            raise beyond
        raise Unknown(
            f"the sum over {index} has no bounds, and no axis tells them",
            node.span,
            rf"write \sum_{{{index}=1}}^{{n}}",
        )

    def axis_of(self, index: str, reference: tree.Reference) -> tuple[int, int] | None:
        """The first value and the size of the axis on which an index stands alone."""
        meaning = self.meaning(reference)
        if meaning is None or reference.name.key in self.own:
            return self.labels_with(index, reference)
        if meaning.kind not in ("quantity", "delta"):
            return None
        items = [item for s in self.index_scripts(reference) for item in s.items]
        quantity = self.world.network.quantities[meaning.base]
        lows, shape = self.world.read.lows[meaning.base], self.world.read.arrays[meaning.base].shape[1:]
        if len(items) == 1 and len(shape) == 2 and 1 in shape:
            position = 1 - shape.index(1)
            return (lows[position], shape[position]) if _is_letter(items[0], index) else None
        if len(items) == 1 and len(shape) == 2:
            sizes = [axis.size for axis in quantity.axes]
            position = sizes.index(self.world.network.samples) if self.world.network.samples in sizes else -1
            if position >= 0 and _is_letter(items[0], index):
                return lows[position], shape[position]
            return None
        for position, item in enumerate(items[: len(shape)]):
            if _is_letter(item, index):
                return lows[position], shape[position]
        return None

    def labels_with(self, index: str, reference: tree.Reference) -> tuple[int, int] | None:
        """The range of an index that counts units: ``w_{2j}`` for j = 1, 2 of a scalar network."""
        for script in reference.scripts:
            if not any(_is_letter(item, index) for item in script.items):
                continue
            found: list[int] = []
            for candidate in range(0, 30):
                numbers = tuple(candidate if _is_letter(item, index) else self.label(item) for item in script.items)
                if None not in numbers and self.names.instance(reference.name, script.kind, numbers):  # type: ignore[arg-type]
                    found.append(candidate)
            if found and found == list(range(found[0], found[-1] + 1)):
                return found[0], len(found)
        return None


def _is_letter(item: tree.Node, index: str) -> bool:
    return isinstance(item, tree.Reference) and not item.scripts and item.name.key == index
