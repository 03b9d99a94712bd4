"""An assignment as lines: in one where it can be written so, else into zeros, part by part.

Contract: `Block(...).lines(target, expression, axes, scope, heads)` writes an expression over its axes into a new array
or into a part of one that stands there already; `scope` are indices that a loop around gives a value.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sympy as sp

from symbackprop.indexed import Base, Indices, Limit, rebuild
from symbackprop.names import identifier
from symbackprop.numeric.arrays.conditions import decided, rectangular
from symbackprop.numeric.arrays.lowering import lower
from symbackprop.numeric.arrays.nodes import Read
from symbackprop.numeric.arrays.parts import Part, hoisted, parts
from symbackprop.numeric.arrays.source import ArraySource
from symbackprop.numeric.plan import Section
from symbackprop.numeric.source import Line


@dataclass(frozen=True)
class Target:
    """What is assigned to: a quantity at the indices of its left side; `exists` where it is allocated already."""

    base: Base
    at: Indices
    exists: bool


@dataclass(frozen=True)
class Block:
    """Writes the lines of assignments.

    Args:
        source: prints array trees.
        labels: the quantities whose data count from 0.
        section: the section of the lines.
        taken: identifiers that stand for something else.
    """

    source: ArraySource
    labels: Container[Base]
    section: Section
    taken: set[str]

    def lines(
        self, target: Target, expression: Any, axes: Sequence[Limit], scope: Sequence[Limit], heads: tuple[str, ...]
    ) -> Iterator[Line]:
        """The lines of an assignment, inside blocks with the given heads."""
        expression = decided(rectangular(expression, axes), (*scope, *axes))
        if target.exists and parts(expression, axes, scope) is not None:
            yield from self._parts(target, expression, axes, scope, heads)
            return
        block, names = self, dict[Any, Any]()
        for unit, own in hoisted(expression, axes, scope):
            if unit == expression:
                yield from self._parts(target, unit, axes, scope, heads)
                return
            block, part = block._with_temporary(target, own)
            names[unit] = part.base[part.at]
            yield from block._parts(part, unit, own, scope, heads)
        expression = _replaced(expression, names)
        name = block.source.identifiers[target.base]
        lowered = lower(expression, axes, self.labels, tuple(scope))
        if target.exists:
            left, text = block.source.assigned(target.base, target.at, lowered)
            yield self._line(_place(left), "=", text, heads)
        else:
            yield Line(name, block.source(lowered, [limit.index for limit in axes]), self.section, "=", heads)

    def _with_temporary(self, target: Target, axes: Sequence[Limit]) -> tuple[Block, Target]:
        """A new array over axes that holds a part of the expression."""
        name = identifier(f"{self.source.identifiers[target.base]}_sum", self.taken)
        base: Any = sp.IndexedBase(sp.Dummy(name))
        storage = self.source.storage
        source = replace(
            self.source,
            identifiers={**self.source.identifiers, base: name},
            storage=lambda b: tuple(axes) if b == base else storage(b),
        )
        block = replace(self, source=source, taken=self.taken | {name})
        return block, Target(base, tuple(limit.index for limit in axes), False)

    def _parts(
        self, target: Target, expression: Any, axes: Sequence[Limit], scope: Sequence[Limit], heads: tuple[str, ...]
    ) -> Iterator[Line]:
        """Zeros, and every part added where it holds."""
        found = parts(expression, axes, scope) or []
        name = self.source.identifiers[target.base]
        if not target.exists:
            first = lower(found[0].expression, axes, self.labels, tuple(scope))
            if tuple(found[0].axes) == tuple(axes) and found[0].at == target.at and not isinstance(first.array, Read):
                del found[0]
                yield Line(name, self.source(first, target.at), self.section, "=", heads)
            else:
                shape = [limit.size for limit in axes]
                yield Line(name, self.source.zeros(shape), self.section, "=", heads)
        for part in found:
            values = dict(zip((limit.index for limit in axes), part.at, strict=True))
            at = tuple(sp.expand(sp.sympify(i).xreplace(values)) for i in target.at)
            yield self._added(target.base, at, part, scope, heads)

    def _added(self, base: Base, at: Indices, part: Part, scope: Sequence[Limit], heads: tuple[str, ...]) -> Line:
        """``for p, q in np.ndindex(3, 3): dX[p:p + H, q:q + W] += K[p, q] * dZ``."""
        names: dict[Any, str] = {}
        for limit in part.loops:
            names[limit.index] = identifier(limit.index.name.strip("_") or "p", self.taken | {*names.values()})
        source = replace(self.source, identifiers={**self.source.identifiers, **names})
        lowered = lower(part.expression, part.axes, self.labels, (*scope, *part.loops))
        left, text = source.assigned(base, at, lowered)
        guards = (f"if {source.condition(part.guards, scope)}:",) if part.guards else ()
        return self._line(left, "+=", text, (*heads, *guards), _counting(source, part.loops))

    def _line(self, place: str, sign: str, text: str, heads: tuple[str, ...], over: str = "") -> Line:
        """A line that writes into an array that stands there already."""
        name, sign, text = self.source.dialect.stored(place, sign, text)
        return Line(name, text, self.section, sign, heads, over)


def _counting(source: ArraySource, loops: Sequence[Limit]) -> str:
    """The head of a loop over all values of indices that count from 0."""
    counters = ", ".join(source.identifiers[limit.index] for limit in loops)
    sizes = ", ".join(source.size(limit.size) for limit in loops)
    return f"for {counters} in {'range' if len(loops) == 1 else source.dialect['ndindex']}({sizes}):" if loops else ""


def _place(left: str) -> str:
    """All of an array that stands there already is ``h[:]``."""
    return left if left.endswith("]") else f"{left}[...]"


def _replaced(expression: Any, names: Mapping[Any, Any]) -> Any:
    """The expression with whole parts replaced, in the order in which it was written."""
    if expression in names:
        return names[expression]
    if not names or not expression.args or isinstance(expression, sp.Indexed):
        return expression
    args = [_replaced(a, names) for a in expression.args]
    return expression if args == list(expression.args) else rebuild(expression, args)
