"""Assignments -> lines of an array library: scalars as they are written, arrays through their trees.

Contract: `LineWriter(plan)` prints assignments in order as `Line`s, recurrences as loops, and puts in front the lines
that read the sizes that others need from the shapes of the arguments. What cannot be written is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

from symbackprop.errors import NetworkError
from symbackprop.indexed import Base, Limit, at_least_zero
from symbackprop.names import identifier
from symbackprop.numeric.arrays import lower
from symbackprop.numeric.arrays.conditions import rectangular
from symbackprop.numeric.arrays.places import in_reading_order
from symbackprop.numeric.arrays.source import ArraySource
from symbackprop.numeric.blocks import Block, Target
from symbackprop.numeric.dialects import NUMPY, Dialect
from symbackprop.numeric.plan import Assignment, Loop, Plan
from symbackprop.numeric.printer import NumPySource
from symbackprop.numeric.scalars import is_plain
from symbackprop.numeric.sizes import Reading, readings
from symbackprop.numeric.source import Line

_NAME = re.compile(r"[A-Za-z_]\w*")


class LineWriter:
    """Prints the assignments of one plan."""

    def __init__(self, plan: Plan, dialect: Dialect = NUMPY) -> None:
        self.plan = plan
        self.network = plan.network
        self._require_rectangles()
        self._taken = set(plan.identifiers.values())
        self.size_names: dict[Any, str] = {}
        for size in sorted(self.network.sizes, key=lambda s: s.name):
            self.size_names[size] = identifier(size.name, self._taken)
            self._taken.add(self.size_names[size])
        self._identifiers: Mapping[Any, str] = {**plan.identifiers, **self.size_names}
        dialect = self._typed(dialect)
        self._scalars = NumPySource(self._identifiers, dialect)
        self._arrays = ArraySource(self._identifiers, plan.storage, dialect, self.network.labels)

    def __call__(self, assignments: Iterable[Assignment]) -> list[Line]:
        """The lines of assignments, which stand in an order in which they can be computed."""
        allocated: set[Base] = set()
        lines: list[Line] = []
        for loop, steps in groupby(assignments, key=lambda a: a.loop):
            for assignment in (own := list(steps)):
                if self.plan.is_part(assignment) and assignment.target not in allocated:
                    allocated.add(assignment.target)
                    lines.append(self._allocation(assignment))
            for assignment in own:
                lines += self._lines(assignment, loop)
        return lines

    def text(self, expression: sp.Expr, limits: Sequence[Limit] = ()) -> str:
        """The source of an expression over axes.

        Raises:
            NetworkError: what cannot be written as whole arrays, with what to do instead.
        """
        if self.network.is_scalar:
            return self._scalars.doprint(expression)
        lowered = lower(rectangular(expression, limits), limits, self.network.labels)
        return self._arrays(lowered, [limit.index for limit in limits])

    # -- one assignment ------------------------------------------------------------------------------------------
    def _lines(self, assignment: Assignment, loop: Loop | None) -> Iterator[Line]:
        name, section = self.plan.identifiers[assignment.target], assignment.section
        if self.network.is_scalar:
            yield Line(name, self._scalars.doprint(assignment.expression), section)
        elif assignment.expression == 0 and section == "gradients":
            yield Line(name, f"0.0 * {self._parameter_of(assignment.target)}", section)
        elif section == "gradients" and not assignment.axes and is_plain(assignment.expression):
            dialect = self._arrays.dialect
            number = self._arrays.scalar(self._identifiers).doprint(assignment.expression)
            yield Line(name, dialect.written(dialect.asarray, number), section)
        elif assignment.expression != 0 or not self.plan.is_part(assignment):
            steps = [] if loop is None else [limit.index for limit in loop.limits]
            scope = [limit for limit in assignment.axes if limit.index in steps]
            axes = [limit for limit in assignment.axes if limit.index not in steps]
            names = self._loop_names(steps)
            source = replace(self._arrays, identifiers={**self._identifiers, **names})
            block = Block(source, self.network.labels, section, self._taken | {*names.values()})
            at = assignment.at or tuple(limit.index for limit in axes)
            heads = () if loop is None else (*_steps(source, loop), *_guards(source, loop, scope))
            target = Target(assignment.target, at, self.plan.is_part(assignment))
            yield from block.lines(target, assignment.expression, axes, scope, heads)

    def _loop_names(self, indices: Sequence[Any]) -> dict[Any, str]:
        names: dict[Any, str] = {}
        for index in indices:
            names[index] = identifier(index.name, self._taken | {*names.values()})
        return names

    def _allocation(self, assignment: Assignment) -> Line:
        shape = [axis.size for axis in self.plan.storage(assignment.target)]
        name = self.plan.identifiers[assignment.target]
        return Line(name, self._arrays.zeros(shape), assignment.section)

    def _typed(self, dialect: Dialect) -> Dialect:
        """The dialect with the dtype of the program, from an array that every call has."""
        known = [q for q in self.plan.arguments if q.base not in self.network.labels and q.role != "target"]
        best = max(known, key=lambda q: (bool(q.axes), q.role == "parameter"), default=self.plan.arguments[0])
        return dialect.typed_like(self.plan.identifiers[best.base], bool(best.axes))

    def _parameter_of(self, gradient: Base) -> str:
        plain = next(p for p, base in self.plan.gradients.items() if base == gradient)
        return self.plan.identifiers[self.network.find(plain).base]

    # -- sizes ---------------------------------------------------------------------------------------------------
    def sizes(self, lines: Iterable[Line]) -> list[Line]:
        """``m = X.shape[1]`` for every size that the lines use, and for those that it is computed from."""
        used = {word for line in lines for word in _NAME.findall(line.whole)}
        wanted = {size for size, name in self.size_names.items() if name in used}
        found: list[Line] = []
        for reading in reversed(readings(self.plan.arguments, self.network.sizes)):
            if reading.size in wanted:
                wanted |= (reading.factor.free_symbols | reading.rest.free_symbols) - {reading.size}
                wanted.discard(reading.size)
                found.insert(0, Line(self.size_names[reading.size], self._length(reading), "forward"))
        if wanted:
            size = min(wanted, key=str)
            raise NetworkError(f"the size {size} cannot be read from any array", hint="declare an array that has it")
        return found

    def _length(self, reading: Reading) -> str:
        """``X.shape[0]``, ``X.shape[0] - 2``, ``(X.shape[0] - 1) // 2``."""
        shape = sp.Symbol("shape", integer=True)
        length = f"{self.plan.identifiers[reading.quantity.base]}.shape[{reading.position}]"
        scalars = NumPySource({**self._identifiers, shape: length})
        rest = [-term for term in sp.Add.make_args(reading.rest) if term != 0]
        text = scalars.doprint(sp.Add(shape, *rest, evaluate=False) if rest else shape)
        if reading.factor == 1:
            return text
        factor = scalars.doprint(in_reading_order(reading.factor))
        if not reading.factor.is_Integer and not at_least_zero(reading.factor - 1, ()):
            factor = f"max({factor}, 1)"  # where it is 0, every value fits
        elif reading.factor.is_Add or reading.factor.is_Mul:
            factor = f"({factor})"
        return f"{text if reading.rest == 0 else f'({text})'} // {factor}"

    def _require_rectangles(self) -> None:
        """Layers of different sizes cannot be stored in one array."""
        axes = [axis for q in self.network.quantities.values() for axis in q.axes]
        if any(axis.size.has(AppliedUndef) for axis in axes):
            labels = {self.network.quantities[base].axes[n].high for base, n in self.network.label_axes}
            depths = sorted({s.name for high in labels for s in high.free_symbols & self.network.sizes})
            raise NetworkError(
                "a program needs a concrete number of layers where layers have sizes of their own",
                hint=f"unroll the network first: net.unroll({', '.join(f'{s}=3' for s in depths)})",
            )


def _steps(source: ArraySource, loop: Loop) -> Iterator[str]:
    """``for t in range(1, T + 1):``, for each index of a recurrence."""
    for index, low, high in loop.limits:
        if loop.backward:
            bounds = f"{source.size(high)}, {source.size(low - 1)}, -1"
        else:
            bounds = f"{source.size(low)}, {source.size(high + 1)}" if low != 0 else source.size(high + 1)
        yield f"for {source.identifiers[index]} in range({bounds}):"


def _guards(source: ArraySource, loop: Loop, own: Sequence[Limit]) -> Iterator[str]:
    """``if t >= 1:`` around a step that does not take part in all of the loop."""
    conditions: list[Any] = []
    for mine in own:
        whole = next(limit for limit in loop.limits if limit.index == mine.index)
        if sp.expand(mine.low - whole.low) != 0:
            conditions.append(sp.Ge(mine.index, mine.low, evaluate=False))
        if sp.expand(mine.high - whole.high) != 0:
            conditions.append(sp.Le(mine.index, mine.high, evaluate=False))
    if conditions:
        yield f"if {source.condition(conditions, ())}:"
