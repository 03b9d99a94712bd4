"""A training loop of nested loops over entries, for compilation with numba.

Contract: `nest_source(design)` writes a function over arrays that are changed in place. Every step is one nest of loops
with numbers for bounds; the last axis of a result runs innermost, so that the compiler can use vector instructions.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sympy as sp

from symbackprop.indexed import Base, Limit, at_least_zero
from symbackprop.names import identifier
from symbackprop.numeric.arrays import Counter, Read
from symbackprop.numeric.bodies import ATOM, SUM, Text
from symbackprop.numeric.loops.design import Design, loop_symbols
from symbackprop.numeric.loops.entries import LOOP_NAMES
from symbackprop.numeric.loops.fusion import fused
from symbackprop.numeric.loops.steps import Accumulation, Contraction, Entrywise, Reduction, Step, bases_read, reads
from symbackprop.numeric.math_source import MathSource
from symbackprop.numeric.printer import NumPySource
from symbackprop.numeric.source import indented, wrapped

UNROLLED = 32
"""Up to this length a sum is written for each entry by itself: the compiler unrolls it and adds entries side by side.
"""


def nest_source(design: Design) -> str:
    """The source of ``train(order, costs, first, last, before, floor, rate, data..., states...)``.

    It does updates `first` to `last` in place and returns how far it came; it stops where a cost is below `floor` or
    not finite. Scalar states are arrays without axes.
    """
    nest = _Nest(design)
    steps, updates = fused(design)
    body, rules = nest.text(steps), nest.text(updates)
    cost = nest.names[design.cost]
    batch, given = nest.batch()
    written = dict.fromkeys(step.target for step in steps)
    buffers = [
        f"{nest.names[base]} = np.empty({design.shape(base)}, np.{design.setting.dtype})"
        for base in written
        if design.steps.storage[base]
    ]
    buffers += nest.batch_buffers()
    loop = [
        *(["step = before + k + 1"] if design.counts_steps else []),
        *batch,
        *body,
        f"costs[k] = {cost}",
        f"if not floor <= {cost} < inf:",
        "    return k",
        *rules,
    ]
    head = ["order", "costs", "first", "last", "before", "floor", "rate", *given]
    head += [nest.names[base] for base in design.states]
    lines = [
        wrapped("def train(", head, "):", indent="          "),
        indented(['"""Train in place, one batch after the other; return how far it came."""', *buffers]),
        indented(["for k in range(first, last):"]),
        indented(loop, " " * 8),
        indented(["return last"]),
    ]
    return "\n".join(lines) + "\n"


class _Nest:
    """Prints steps as nested loops."""

    def __init__(self, design: Design) -> None:
        self.design, self.limits, self.storage = design, design.steps.limits, design.steps.storage
        taken = set(LOOP_NAMES) | {"total", "largest"}
        self.names: dict[Base, str] = {}
        steps = (*design.steps.steps, *design.rules)
        read = {base for step in steps for base in bases_read(step)} & self.storage.keys()
        for base in (*(b for b, _ in design.data), *design.states, *(s.target for s in steps), *read):
            if base not in self.names:
                self.names[base] = identifier(design.names.get(base, str(base).lstrip("_")), taken)
                taken.add(self.names[base])
        self._taken = taken

    def batch(self) -> tuple[list[str], list[str]]:
        """Lines that copy the samples of a batch, and the names of the data that they are copied from."""
        lines: list[str] = []
        given: list[str] = []
        row = self._fresh("row")
        for base, axis in self.design.data:
            name = self.names[base]
            if axis is None:
                given.append(name)
                continue
            given.append(self._fresh(f"all_{name}"))
            shape = self.design.shape(base)
            at = [self._fresh("n") for _ in shape]
            whole = [f"order[{row} + {i}]" if position == axis else i for position, i in enumerate(at)]
            body = [f"{name}[{', '.join(at)}] = {given[-1]}[{', '.join(whole)}]"]
            rest = [(i, size) for position, (i, size) in enumerate(zip(at, shape, strict=True)) if position != axis]
            for i, size in [*reversed(rest), (at[axis], shape[axis])]:
                body = [f"for {i} in range({size}):", *("    " + line for line in body)]
            lines += body
        return [f"{row} = {self.design.setting.batch} * k", *lines], given

    def _fresh(self, word: str) -> str:
        name = identifier(word, self._taken)
        self._taken.add(name)
        return name

    def batch_buffers(self) -> list[str]:
        """Buffers for the samples of a batch."""
        return [
            f"{self.names[b]} = np.empty({self.design.shape(b)}, {self.dtype(b)})"
            for b, axis in self.design.data
            if axis is not None
        ]

    def dtype(self, base: Base) -> str:
        """Labels are whole numbers."""
        return "np.intp" if base in self.design.labels else f"np.{self.design.setting.dtype}"

    def text(self, steps: Sequence[Step]) -> list[str]:
        """The loops of steps; neighbours that run over the same ranges share theirs."""
        lines: list[str] = []
        group: list[Step] = []
        for step in steps:
            if group and not self._fits(step, group):
                lines += self._together(group)
                group = []
            group.append(step)
        return lines + self._together(group)

    def _fits(self, step: Step, group: Sequence[Step]) -> bool:
        """May a step stand in the loops of others? It then sees only their entries at its own place."""
        written = {s.target for s in group}
        same = [int(self.limits[i].size) for i in step.axes] == [int(self.limits[i].size) for i in group[0].axes]
        here = all(not isinstance(o, Read) or o.base not in written or o.at == step.axes for o in reads(step))
        labels = {i.base for o in reads(step) if isinstance(o, Read) for i in o.at if isinstance(i, sp.Indexed)}
        scalars = {s.target for s in group if not s.axes}
        return same and here and not (labels & written) and not scalars and all(map(self._is_entrywise, [step, *group]))

    def _is_entrywise(self, step: Step) -> bool:
        """Is an entry of the step complete inside the loops over its axes?"""
        return isinstance(step, Entrywise) or self._length(step) <= UNROLLED

    def _length(self, step: Step) -> int:
        return math.prod(int(self.limits[i].size) for i in over_of(step))

    def _together(self, group: Sequence[Step]) -> list[str]:
        """The loops of one step, or of several over the same ranges."""
        if not group:
            return []
        first = group[0]
        if not self._is_entrywise(first) and first.axes and not _is_largest(first):
            return self._side_by_side(first)
        body: list[str] = []
        shared = self._variables(first.axes)
        for step in group:
            own = {mine: shared[theirs] for mine, theirs in zip(step.axes, first.axes, strict=True)}
            body += self._at_entry(step, own | self._variables(over_of(step), own.values()))
        return self._loops(first.axes, shared, body)

    def _at_entry(self, step: Step, variables: Mapping[Any, str]) -> list[str]:
        """What a step does for one entry of its target."""
        target = self._entry(step.target, step.axes, variables)
        match step:
            case Entrywise(pattern=pattern, operands=operands):
                return [f"{target} = {self._pattern(pattern, operands, variables)}"]
            case Reduction(kind="max", operand=operand, over=over):
                more = f"largest = max(largest, {self._read(operand, variables)})"
                return ["largest = -inf", *self._loops(over, variables, [more]), f"{target} = largest"]
            case _:
                more = f"total += {self._term(step, variables)}"
                body = ["total = 0.0", *self._loops(over_of(step), variables, [more])]
                return [*body, f"{target} {_sign_of(step)} total"]

    def _side_by_side(self, step: Step) -> list[str]:
        """A long sum: the last axis of the target runs innermost, so that neighbours are added to together."""
        variables = self._variables((*step.axes, *over_of(step)))
        target = self._entry(step.target, step.axes, variables)
        sign = _sign_of(step)
        start = self._loops(step.axes, variables, [f"{target} = 0.0"]) if sign == "=" else []
        order = (*step.axes[:-1], *over_of(step), *step.axes[-1:])
        more = f"{target} {'+=' if sign == '=' else sign} {self._term(step, variables)}"
        return [*start, *self._loops(order, variables, [more])]

    def _term(self, step: Step, variables: Mapping[Any, str]) -> str:
        match step:
            case Contraction(left=left, right=right) | Accumulation(left=left, right=right):
                text = self._read(left, variables)
                return text if right is None else f"{text} * {self._read(right, variables)}"
            case Reduction(operand=operand):
                return self._read(operand, variables)
            case _:
                raise TypeError(type(step))

    def _loops(self, axes: Sequence[Any], variables: Mapping[Any, str], body: list[str]) -> list[str]:
        for index in reversed(axes):
            body = [f"for {variables[index]} in range({self.limits[index].size}):", *("    " + line for line in body)]
        return body

    def _variables(self, indices: Sequence[Any], others: Iterable[str] = ()) -> dict[Any, str]:
        """A loop variable for each index; it counts from 0."""
        taken = self._taken.union(others)
        found: dict[Any, str] = {}
        for index in indices:
            found[index] = identifier(index.name.lstrip("_") or "i", taken)
            taken.add(found[index])
        return found

    def _position(self, index: Any, axis: Limit, variables: Mapping[Any, str]) -> str:
        shifted = sp.expand(sp.sympify(index).xreplace({i: i + self.limits[i].low for i in variables}) - axis.low)
        return NumPySource(dict(variables)).doprint(shifted)

    def _entry(self, base: Base, at: Sequence[Any], variables: Mapping[Any, str]) -> str:
        """An entry, as a source text; scalars that are computed are local variables."""
        name = self.names[base]
        stored = self.storage[base]
        if not stored:
            return f"{name}[()]" if base in self.design.states else name
        places: list[str] = []
        for index, axis in zip(at, stored, strict=True):
            if isinstance(index, sp.Indexed):
                places.append(self._entry(index.base, index.indices, variables))
                continue
            places.append(self._position(index, axis, variables))
        return f"{name}[{', '.join(places)}]"

    def _read(self, read: Read, variables: Mapping[Any, str]) -> str:
        """An entry that is read; 0 where it may lie outside, which an indicator hides."""
        text = self._entry(read.base, read.at, variables)
        guards: list[str] = []
        ranges = [self.limits[i] for i in variables]
        for index, axis in zip(read.at, self.storage[read.base], strict=True):
            if isinstance(index, sp.Indexed):
                continue
            if not (at_least_zero(index - axis.low, ranges) and at_least_zero(axis.high - index, ranges)):
                guards.append(f"0 <= {self._position(index, axis, variables)} < {axis.size}")
        return f"({text} if {' and '.join(guards)} else 0.0)" if guards else text

    def _pattern(self, pattern: Any, operands: Mapping[Any, Any], variables: Mapping[Any, str]) -> str:
        names: dict[Any, str | Text] = dict(loop_symbols())
        for slot, operand in operands.items():
            if isinstance(operand, Counter):
                low = int(self.limits[operand.index].low) + operand.shift
                name = variables[operand.index]
                names[slot] = (f"{name} + {low}", SUM) if low else name
            else:
                names[slot] = self._read(operand, variables), ATOM
        for symbol in pattern.free_symbols - operands.keys():
            if symbol in self.names:
                names[symbol] = self._entry(symbol, (), variables)
        return MathSource(names).doprint(pattern)


def over_of(step: Step) -> Sequence[Any]:
    """The indices that a step sums over."""
    return getattr(step, "over", ())


def _is_largest(step: Step) -> bool:
    return isinstance(step, Reduction) and step.kind == "max"


def _sign_of(step: Step) -> str:
    if isinstance(step, Accumulation):
        return "+=" if step.sign > 0 else "-="
    return "="
