"""Array trees -> one expression of an array library: ``@``, broadcasting, sums; no transposed copies, no loops.

Contract: `ArraySource(...)(lowered, axes)` prints a tree as an array over the wanted axes, in that order. What an array
library writes differently stands in its `Dialect`.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp
from sympy.core.relational import Relational

from symbackprop.indexed import Base, Limit, at_least_zero, free_indices
from symbackprop.numeric.arrays.conditions import solved
from symbackprop.numeric.arrays.nodes import (
    Array,
    Axes,
    Contract,
    Counter,
    Guard,
    Lowered,
    Map,
    Read,
    Reduce,
    SoftmaxOver,
    sure_axes,
)
from symbackprop.numeric.arrays.places import At, Gather, Picked, Place, Slice, Window, in_reading_order, places, shared
from symbackprop.numeric.bodies import ATOM, CONDITION, POWER, PRODUCT, SUM, Text
from symbackprop.numeric.dialects import NUMPY, Dialect
from symbackprop.numeric.printer import NumPySource, refused


@dataclass(frozen=True)
class Code:
    """An expression, how strongly it binds, and which indices its dimensions run along."""

    text: str
    strength: int
    axes: Axes

    def at_least(self, strength: int) -> str:
        """The text, in brackets where it binds weaker than needed."""
        return self.text if self.strength >= strength else f"({self.text})"


@dataclass(frozen=True)
class ArraySource:
    """Prints array trees with the identifiers of a program.

    Args:
        identifiers: the Python name of every quantity, adjoint and size.
        storage: the ranges of the dimensions of every quantity and adjoint.
        dialect: the array library.
        labels: the quantities that are whole numbers.
    """

    identifiers: Mapping[Any, str]
    storage: Callable[[Base], Sequence[Limit]]
    dialect: Dialect = NUMPY
    labels: Container[Base] = ()

    def scalar(self, identifiers: Mapping[Any, Any], whole: Container[Any] = ()) -> NumPySource:
        """A scalar printer for a table of identifiers, some of which may be arrays of whole numbers."""
        return NumPySource(identifiers, self.dialect, whole)

    def __call__(self, lowered: Lowered, axes: Sequence[sp.Symbol]) -> str:
        """The source of a tree over the wanted axes."""
        writer = TreeWriter(self, lowered.limits, lowered.scope)
        axes = tuple(axes)
        if axes and not lowered.array.axes:
            number = self.dialect.written(self.dialect.asarray, writer.code(lowered.array).text)
            return f"{self.dialect['broadcast_to']}({number}, {writer.shape(axes)}).{self.dialect.word('copy')}()"
        whole = writer.over(lowered.array, axes, every=True).text
        if all(i in lowered.array.axes or lowered.limits[i].size == 1 for i in axes):
            return whole
        return f"{self.dialect['broadcast_to']}({whole}, {writer.shape(axes)}).{self.dialect.word('copy')}()"

    def assigned(self, target: Base, at: Sequence[Any], lowered: Lowered) -> tuple[str, str]:
        """A part of a stored array, and the source of a tree as it is written there."""
        writer = TreeWriter(self, lowered.limits, lowered.scope)
        axes = dict.fromkeys(i for place in at for i in writer.limits if i in free_indices(place))
        left = writer.code(Read(tuple(axes), target, tuple(at)))
        return left.text, writer.over(lowered.array, left.axes).text

    def zeros(self, shape: Sequence[Any]) -> str:
        """A new array of zeros."""
        return self.dialect.written(self.dialect.zeros, _tuple([self.size(size) for size in shape]))

    def condition(self, conditions: Sequence[Any], scope: Sequence[Limit]) -> str:
        """Conditions on indices that have one value, as a person writes them: ``t >= 1 and t < T``."""
        numbers = self.scalar(self.identifiers)
        indices = [limit.index for limit in scope]
        shown = [next((solved(c, i) for i in indices if c.has(i)), c) for c in conditions]
        sides = [(c.lhs, c.rel_op, in_reading_order(c.rhs)) for c in shown]
        return " and ".join(f"{numbers.doprint(left)} {sign} {numbers.doprint(right)}" for left, sign, right in sides)

    def size(self, size: Any) -> str:
        """A number of entries or a position, as a person writes it: ``T + 1``, ``t - 1``."""
        return self.scalar(self.identifiers).doprint(in_reading_order(size))


class TreeWriter:
    """Prints one tree."""

    def __init__(self, source: ArraySource, limits: Mapping[Any, Limit], scope: Sequence[Limit] = ()) -> None:
        self.source, self.limits, self.scope, self.dialect = source, limits, scope, source.dialect
        self._numbers = source.scalar(source.identifiers)

    def code(self, node: Array) -> Code:
        """The source of a node over its own axes."""
        match node:
            case Read():
                return self._read(node)
            case Counter():
                return self._counter(node)
            case Map():
                return self._map(node)
            case Contract():
                return self._contract(node)
            case Guard():
                return self._guarded(node, self.code(node.operand))
            case Reduce():
                return self._reduce(node)
            case SoftmaxOver():
                inner = self.full(node.operand)
                axis = self._axis(inner, [node.index])
                return Code(f"{self.dialect['softmax']}({inner.text}, {axis})", ATOM, inner.axes)
            case _:
                raise refused(type(node).__name__)

    def size(self, size: Any) -> str:
        """A number of entries or a position."""
        return self._numbers.doprint(in_reading_order(size))

    def shape(self, axes: Axes) -> str:
        """The numbers of entries along axes."""
        return _tuple([self.size(self.limits[i].size) for i in axes])

    def full(self, node: Array) -> Code:
        """The source of a node, as an array with all its axes even where guards make it the number 0."""
        code = self.code(node)
        if set(sure_axes(node)) == set(node.axes):
            return code
        text = self.dialect.written(self.dialect.asarray, code.text)
        return Code(f"{self.dialect['broadcast_to']}({text}, {self.shape(code.axes)})", ATOM, code.axes)

    def over(self, node: Array, axes: Axes, every: bool = False) -> Code:
        """A node as an operand of something over `axes`; see `spread`."""
        if isinstance(node, Guard):
            return self._guarded(node, self.over(node.operand, axes, every))
        return self.spread(self.code(node), axes, every)

    def _guarded(self, node: Guard, code: Code) -> Code:
        conditions = node.condition.args if isinstance(node.condition, sp.And) else (node.condition,)
        text = self.source.condition(conditions, self.scope)
        return Code(f"{code.at_least(SUM)} if {text} else 0", CONDITION, code.axes)

    # -- dimensions ----------------------------------------------------------------------------------------------
    def spread(self, code: Code, axes: Axes, every: bool = False) -> Code:
        """The array as an operand of something over `axes`: transposed, with new axes where it has none.

        New axes in front are left out, NumPy adds them, unless `every` one is wanted.
        """
        have = tuple(i for i in axes if i in code.axes)
        code = self.turned(code, have)
        marks = [":" if i in have else "None" for i in axes]
        while not every and marks and marks[0] == "None":
            del marks[0]
        if "None" not in marks:
            return code
        while marks[-1] == ":":
            del marks[-1]
        text = code.at_least(ATOM) if have else self.dialect.written(self.dialect.asarray, code.text)
        return Code(f"{text}[{', '.join(marks)}]", ATOM, axes)

    def turned(self, code: Code, axes: Axes) -> Code:
        """The same array with its dimensions in another order: a view."""
        if code.axes == axes:
            return code
        if code.axes == axes[::-1]:
            return Code(f"{code.at_least(ATOM)}.T", ATOM, axes)
        order = ", ".join(str(code.axes.index(i)) for i in axes)
        return Code(f"{code.at_least(ATOM)}.{self.dialect.word('transpose')}({order})", ATOM, axes)

    # -- leaves --------------------------------------------------------------------------------------------------
    def _counter(self, node: Counter, compared: bool = False) -> Code:
        """An index as an array: of whole numbers where it is only compared, else of the program's dtype."""
        limit = self.limits[node.index]
        start, stop = self.size(limit.low + node.shift), self.size(limit.high + 1 + node.shift)
        bounds = stop if start == "0" else f"{start}, {stop}"
        return Code(
            self.dialect.written(self.dialect.arange if compared else self.dialect.counter, bounds), ATOM, node.axes
        )

    def _arange(self, *bounds: str) -> str:
        return self.dialect.written(self.dialect.arange, ", ".join(bounds))

    def _read(self, node: Read) -> Code:
        name = self.source.identifiers[node.base]
        if not node.at:
            return Code(name, ATOM, ())
        found = places(node, self.limits, self.source.storage(node.base), self.scope)
        fancy = [p for p in found if isinstance(p, (Gather, Picked))]
        if len(fancy) > 1 or shared(found):
            subscripts = [self._position(p, axis, node.axes) for p, axis in zip(found, self._stored(node), strict=True)]
            return Code(f"{name}[{', '.join(subscripts)}]", ATOM, node.axes)
        axes = tuple(i for p in found for i in p.axes)
        subscripts = [self._subscript(p, axis) for p, axis in zip(found, self._stored(node), strict=True)]
        while subscripts and subscripts[-1] == ":":
            subscripts.pop()
        text = f"{name}[{', '.join(subscripts)}]" if subscripts else name
        dimension = 0
        for place in found:
            if isinstance(place, Window):
                counts = ", ".join(self.size(c) for c in place.counts)
                steps = ", ".join(self.size(c) for c in place.steps)
                text = f"windows({text}, {dimension}, {self.size(place.start)}, ({counts}), ({steps}))"
            dimension += len(place.axes)
        return Code(text, ATOM, axes)

    def _stored(self, node: Read) -> Sequence[Limit]:
        return self.source.storage(node.base)

    def _subscript(self, place: Place, axis: Limit) -> str:
        match place:
            case At(position=position):
                return self.size(position)
            case Slice(start=start, count=count, step=step, to_end=to_end):
                first = "" if start == 0 else self.size(start)
                last = "" if to_end else self._stop(start + (count - 1) * step + 1)
                return f"{first}:{last}" + ("" if step == 1 else f":{self.size(step)}")
            case Gather() | Picked():
                return self._position(place, axis, place.axes)
            case _:
                return ":"

    def _stop(self, stop: Any) -> str:
        """The end of a slice, which must not count from the end of the array where the slice is empty."""
        return self.size(stop) if at_least_zero(stop, self.scope) else f"max({self.size(stop)}, 0)"

    def _position(self, place: Place, axis: Limit, axes: Axes) -> str:
        """The positions of a dimension as an index array that is spread over the axes."""
        if isinstance(place, At):
            return self.size(place.position)
        if isinstance(place, Picked):
            return self.spread(self._read(place.label), axes).text
        if isinstance(place, Gather):
            names = dict(self.source.identifiers)
            for index in place.axes:
                limit = self.limits[index]
                counter = self._arange(self.size(limit.low), self.size(limit.high + 1))
                names[index] = self.spread(Code(counter, ATOM, (index,)), axes).text
            text = self.source.scalar(names).doprint(in_reading_order(place.position))
            return text if place.inside else f"{self.dialect['clip']}({text}, 0, {self.size(axis.size - 1)})"
        limit = self.limits[place.axes[0]]
        start, step = (place.start, place.step) if isinstance(place, Slice) else (sp.S.Zero, sp.S.One)
        stop = sp.expand(start + limit.size * step)
        bounds = [self.size(start), self.size(stop), self.size(step)][start == 0 and step == 1 : 3 - (step == 1)]
        return self.spread(Code(self._arange(*bounds), ATOM, place.axes), axes).text

    # -- elementwise ---------------------------------------------------------------------------------------------
    def _map(self, node: Map) -> Code:
        names: dict[Any, str | Text] = dict(self.source.identifiers)
        numbers = _outside_conditions(node.pattern)
        whole: set[Any] = set()
        for slot, operand in zip(node.slots, node.operands, strict=True):
            if self._is_whole(operand) and slot not in numbers:
                whole.add(slot)
            if isinstance(operand, Counter):
                code = self.spread(self._counter(operand, compared=slot in whole), node.axes)
            else:
                code = self.over(operand, node.axes)
            names[slot] = code.text, code.strength
        text, strength = self.source.scalar(names, whole).write(node.pattern)
        return Code(text, strength, node.axes)

    def _is_whole(self, node: Array) -> bool:
        """Is it an array of whole numbers?"""
        return isinstance(node, Counter) or (isinstance(node, Read) and node.base in self.source.labels)

    # -- reductions and products ---------------------------------------------------------------------------------
    def _reduce(self, node: Reduce) -> Code:
        inner = self.full(node.operand)
        left = tuple(i for i in inner.axes if i not in node.over)
        axis = self._axis(inner, node.over)
        if node.kind == "logsumexp":
            return Code(f"{self.dialect['logsumexp']}({inner.text}, {axis})", ATOM, left)
        return Code(f"{inner.at_least(ATOM)}.{self.dialect.word(node.kind)}({axis if left else ''})", ATOM, left)

    def _axis(self, code: Code, over: Sequence[sp.Symbol]) -> str:
        """``axis=1``, ``axis=(0, 2)``."""
        found = [code.axes.index(i) for i in over]
        return f"{self.dialect.word('axis')}={found[0] if len(found) == 1 else tuple(found)}"

    def _contract(self, node: Contract) -> Code:
        left, right = self.full(node.left), self.full(node.right)
        summed = [i for i in left.axes if i not in node.axes]
        batch = [i for i in node.axes if i in left.axes and i in right.axes]
        if node.axes and not batch and node.axes[0] in right.axes:
            left, right = right, left
        mine = tuple(i for i in node.axes if i in left.axes)
        theirs = tuple(i for i in node.axes if i in right.axes)
        if len(summed) == 1 and not batch and len(theirs) <= 1:
            k = summed[0]
            a, b = self.turned(left, (*mine, k)), self.turned(right, (k, *theirs))
            return self._ordered(f"{a.at_least(PRODUCT)} @ {b.at_least(POWER)}", PRODUCT, (*mine, *theirs), node.axes)
        if not node.axes:
            return Code(f"({left.at_least(PRODUCT)} * {self.turned(right, left.axes).at_least(POWER)}).sum()", ATOM, ())
        if len(summed) == 1 and len(mine) == len(theirs) == len(batch) + 1:
            k, stack = summed[0], tuple(batch)
            own, other = (next(i for i in axes if i not in batch) for axes in (mine, theirs))
            a, b = self.turned(left, (*stack, own, k)), self.turned(right, (*stack, k, other))
            return self._ordered(
                f"{a.at_least(PRODUCT)} @ {b.at_least(POWER)}", PRODUCT, (*stack, own, other), node.axes
            )
        if not batch:
            pairs = [[side.axes.index(i) for i in summed] for side in (left, right)]
            text = f"{self.dialect['tensordot']}({left.text}, {right.text}, {self.dialect.word('axes')}={pairs})"
            rest = (*(i for i in left.axes if i in mine), *(i for i in right.axes if i in theirs))
            return self._ordered(text, ATOM, rest, node.axes)
        letter = dict(zip(dict.fromkeys((*left.axes, *right.axes)), "ijklmnopqrstuvwxyz", strict=False))
        a, b, out = ("".join(letter[i] for i in axes) for axes in (left.axes, right.axes, node.axes))
        text = f"{self.dialect['einsum']}({f'{a},{b}->{out}'!r}, {left.text}, {right.text})"
        return Code(text, ATOM, node.axes)

    def _ordered(self, text: str, strength: int, axes: Axes, wanted: Axes) -> Code:
        return self.turned(Code(text, strength, axes), wanted)


def _outside_conditions(e: Any) -> set[Any]:
    """The symbols that an expression computes with, not only compares."""
    if isinstance(e, Relational):
        return set()
    return {e} if e.is_Symbol else set[Any]().union(*map(_outside_conditions, e.args))


def _tuple(sizes: Sequence[str]) -> str:
    return f"({', '.join(sizes)}{',' * (len(sizes) == 1)})"
