"""The memory of a loop over arrays: a buffer for every result, spare ones, and views that are made once.

Contract: `Memory` names every array; lines that have to stand before the loop gather in `before`, those at the
beginning of a batch in `at_batch`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import sympy as sp

from symbackprop.indexed import Base
from symbackprop.names import identifier
from symbackprop.numeric.arrays import Counter, Read
from symbackprop.numeric.arrays.source import ArraySource, Code, TreeWriter
from symbackprop.numeric.dialects import NUMPY
from symbackprop.numeric.loops.design import Design
from symbackprop.numeric.loops.module import UFUNCS

OWN = frozenset(
    {"batches", "costs", "before", "floor", "rate", "k", "step", "done", "np", "inf", "gemm", "train", *UFUNCS}
)
"""Names of the loop itself."""
_COUNTED = re.compile(r"np\.arange\(\d+(?:, \d+)?\)(?:\[[:, None]+\])?")


class Memory:
    """The arrays of one loop by name."""

    def __init__(self, design: Design) -> None:
        self.design = design
        self.limits = dict(design.steps.limits)
        self.storage = dict(design.steps.storage)
        self.names: dict[Base, str] = {}
        self.before: list[str] = []
        self.at_batch: list[str] = []
        self.in_loop = {b for b, axis in design.data if axis is not None and not design.setting.whole}
        self._taken = set(OWN)
        self._views: dict[tuple[str, str], str] = {}
        self._dialect = replace(NUMPY, dtype=f"np.{design.setting.dtype}")

    def name(self, base: Base) -> str:
        """The name of an array."""
        if base not in self.names:
            self.names[base] = identifier(self.design.names.get(base, str(base).lstrip("_")), self._taken)
            self._taken.add(self.names[base])
        return self.names[base]

    def shape(self, base: Base) -> tuple[int, ...]:
        """Its shape."""
        return tuple(int(limit.size) for limit in self.storage[base])

    def allocate(self, base: Base) -> None:
        """A buffer for an array that has none; scalars need none."""
        if base in self.names:
            return
        name = self.name(base)
        if self.storage[base]:
            self.before.append(f"{name} = np.empty({self.shape(base)}, np.{self.design.setting.dtype})")

    def scratch(self, shape: tuple[int, ...], kind: str, depth: int) -> str:
        """A spare buffer, ``float`` or ``bool``; `depth` tells those apart that are in use together."""
        word = {"bool": "mask", "float": "spare"}.get(kind, kind)
        key = f"{word}{depth}", "x".join(map(str, shape))
        if key not in self._views:
            self._views[key] = identifier("_".join([key[0], *map(str, shape)]), self._taken)
            self._taken.add(self._views[key])
            dtype = "bool" if kind == "bool" else f"np.{self.design.setting.dtype}"
            self.before.append(f"{self._views[key]} = np.empty({shape}, {dtype})")
        return self._views[key]

    def writer(self) -> TreeWriter:
        """What writes array trees with these names."""
        return TreeWriter(
            ArraySource(self.names, self.storage.__getitem__, self._dialect, self.design.labels), self.limits
        )

    def view(self, read: Read | Counter, axes: Sequence[Any], exact: bool = False) -> str:
        """An operand over axes: views of what stays are made before the loop, those of a batch at its beginning."""
        writer = self.writer()
        code = writer.code(read)
        code = writer.turned(code, tuple(axes)) if exact else writer.spread(code, tuple(axes))
        return self._kept(code, read)

    def _kept(self, code: Code, read: Read | Counter) -> str:
        text = code.text
        if isinstance(read, Counter):
            return self.hoist(text, "index", self.before)
        if text == self.names[read.base]:
            return text
        gathers = "arange" in text or "clip" in text or any(isinstance(i, sp.Indexed) for i in read.at)
        if gathers:
            return _COUNTED.sub(lambda match: self.hoist(match[0], "index", self.before), text)
        if not code.axes or not self.storage[read.base]:
            return text
        where = self.at_batch if read.base in self.in_loop else self.before
        return self.hoist(text, f"{self.names[read.base]}_{'T' if text.endswith('.T') else 'view'}", where)

    def hoist(self, text: str, word: str, where: list[str]) -> str:
        """A name for what is computed once."""
        key = "view", text
        if key not in self._views:
            self._views[key] = identifier(word, self._taken)
            self._taken.add(self._views[key])
            where.append(f"{self._views[key]} = {text}")
        return self._views[key]

    def scalar(self, base: Base) -> str:
        """The text of a scalar: those that are given are arrays without axes."""
        name = self.names[base]
        given = base in self.design.states or any(base == b for b, _ in self.design.data)
        return f"{name}[()]" if given and not self.storage[base] else name

    def ones(self, index: sp.Symbol) -> str:
        """A vector of ones: a product with it is the quickest sum."""
        length = int(self.limits[index].size)
        return self.hoist(f"np.ones({length}, np.{self.design.setting.dtype})", f"ones_{length}", self.before)
