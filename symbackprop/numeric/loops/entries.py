"""Steps written out entry by entry: every entry of every array is a variable of its own.

Contract: `ScalarSteps(...).assignments(step)` gives one assignment for each entry of a step's target, as SymPy
expressions over the variables of other entries; `operations` counts what that comes to.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sympy as sp

from symbackprop.functions import Indicator
from symbackprop.indexed import Base, Limit, product
from symbackprop.names import identifier
from symbackprop.numeric.arrays import Counter, Read
from symbackprop.numeric.loops.steps import Contraction, Entrywise, Reduction, Step, Steps
from symbackprop.numeric.math_source import MATH_NAMES

LOOP_NAMES = MATH_NAMES | {
    *("columns", "samples", "record", "order", "costs", "k", "first", "last", "before", "floor", "rate", "step"),
    *("inf", "np", "njit", "pow", "train"),
}
"""Names of the loop itself."""


class Entries:
    """The name of every entry of every array."""

    def __init__(self, names: Mapping[Base, str], storage: Mapping[Base, Sequence[Limit]]) -> None:
        self.names, self.storage = names, storage
        self._found: dict[tuple[Base, tuple[int, ...]], str] = {}
        self._taken = set(LOOP_NAMES)

    def __call__(self, base: Base, place: tuple[int, ...]) -> str:
        """The name of one entry; `place` counts from 0."""
        key = base, place
        if key not in self._found:
            shape = [int(limit.size) for limit in self.storage[base]]
            shown = [str(n + 1) for n, size in zip(place, shape, strict=True) if size > 1]
            text = "_".join([self.names.get(base, str(base).lstrip("_")), *shown])
            self._found[key] = identifier(text, self._taken)
            self._taken.add(self._found[key])
        return self._found[key]

    def fresh(self, word: str) -> sp.Symbol:
        """A variable that is no entry."""
        name = identifier(word, self._taken)
        self._taken.add(name)
        return sp.Symbol(name, real=True)

    def symbol(self, base: Base, place: tuple[int, ...]) -> sp.Symbol:
        """The variable of one entry."""
        return sp.Symbol(self(base, place), real=True)

    def all(self, base: Base) -> list[sp.Symbol]:
        """The variables of all entries in the order in which an array stores them."""
        return [self.symbol(base, place) for place in self.places(base)]

    def known(self, base: Base) -> list[sp.Symbol]:
        """The variables of those entries that have been asked for."""
        return [sp.Symbol(name, real=True) for (b, _), name in self._found.items() if b == base]

    def places(self, base: Base) -> Iterator[tuple[int, ...]]:
        """The places of all entries in the order in which an array stores them."""
        return itertools.product(*(range(int(limit.size)) for limit in self.storage[base]))


Assigned = tuple[sp.Symbol, sp.Expr]
"""A local variable and its expression over others."""


class ScalarSteps:
    """Writes steps out, entry by entry, as assignments of local variables."""

    def __init__(self, steps: Steps, entries: Entries) -> None:
        self.steps, self.entries = steps, entries

    def assignments(self, step: Step) -> Iterator[Assigned]:
        """One assignment for every entry of a step's target."""
        limits = [self.steps.limits[i] for i in step.axes]
        stored = self.steps.storage[step.target]
        for at in _values(limits):
            place = tuple(int(at[i] - axis.low) for i, axis in zip(step.axes, stored, strict=True))
            yield self.entries.symbol(step.target, place), self._expression(step, at)

    def _expression(self, step: Step, at: Mapping[Any, Any]) -> Any:
        match step:
            case Entrywise(pattern=pattern, operands=operands):
                return self._entry(pattern, operands, at)
            case Contraction(left=left, right=right, over=over):
                rows = _values([self.steps.limits[i] for i in over])
                return _sum([product([self._read(left, {**at, **r}), self._read(right, {**at, **r})]) for r in rows])
            case Reduction(kind=kind, operand=operand, over=over):
                rows = _values([self.steps.limits[i] for i in over])
                parts = [self._read(operand, {**at, **r}) for r in rows]
                return _sum(parts) if kind == "sum" else sp.Max(*parts, evaluate=False)
            case _:
                raise TypeError(type(step))

    def _entry(self, pattern: Any, operands: Mapping[Any, Any], at: Mapping[Any, Any]) -> Any:
        found: dict[Any, Any] = {}
        for slot, operand in operands.items():
            if isinstance(operand, Counter):
                found[slot] = at[operand.index] + operand.shift
            else:
                found[slot] = self._read(operand, at)
        for symbol in pattern.free_symbols - operands.keys():
            if symbol in self.entries.storage:
                found[symbol] = self.entries.symbol(symbol, ())
        return _decided(pattern, found)

    def _read(self, read: Read, at: Mapping[Any, Any]) -> Any:
        """The variable of an entry; 0 outside the array, where an indicator hides it."""
        stored = self.entries.storage[read.base]
        index = [i if isinstance(i, sp.Indexed) else sp.sympify(i).xreplace(at) for i in read.at]
        label = next((i for i in index if isinstance(i, sp.Indexed)), None)
        if label is not None:
            return self._picked(read, index, label, at)
        place = tuple(int(i - axis.low) for i, axis in zip(index, stored, strict=True))
        if any(not 0 <= n < int(axis.size) for n, axis in zip(place, stored, strict=True)):
            return sp.S.Zero
        return self.entries.symbol(read.base, place)

    def _picked(self, read: Read, index: Sequence[Any], label: sp.Indexed, at: Mapping[Any, Any]) -> Any:
        """One of several entries, as a label says."""
        chosen = self._read(Read((), label.base, tuple(label.indices)), at)
        axis = self.entries.storage[read.base][list(index).index(label)]
        choices = [
            self._read(Read((), read.base, tuple(axis.low + n if i == label else i for i in index)), at)
            for n in range(int(axis.size))
        ]
        cases = [(choice, sp.Eq(chosen, n)) for n, choice in enumerate(choices[:-1])]
        return sp.Piecewise(*cases, (choices[-1], True), evaluate=False)


def _sum(terms: Sequence[Any]) -> Any:
    return terms[0] if len(terms) == 1 else sp.Add(*terms, evaluate=False)


def _decided(pattern: Any, numbers: Mapping[Any, Any]) -> Any:
    """The pattern with numbers for indices; conditions on indices alone become 0 or 1."""
    if not numbers:
        return pattern
    if pattern in numbers:
        return numbers[pattern]
    if not pattern.args:
        return pattern
    args = [_decided(a, numbers) for a in pattern.args]
    if isinstance(pattern, sp.Mul):
        return sp.S.Zero if any(a == 0 for a in args) else sp.Mul(*(a for a in args if a != 1), evaluate=False)
    if isinstance(pattern, sp.Add):
        rest = [a for a in args if a != 0]
        return sp.Add(*rest, evaluate=False) if rest else sp.S.Zero
    if isinstance(pattern, Indicator):
        return Indicator(args[0])
    return pattern.func(*args)


def _values(limits: Sequence[Limit]) -> Iterator[dict[Any, Any]]:
    """All values of indices in their ranges."""
    ranges = [range(int(limit.low), int(limit.high) + 1) for limit in limits]
    for values in itertools.product(*ranges):
        yield {limit.index: sp.Integer(n) for limit, n in zip(limits, values, strict=True)}


def operations(steps: Sequence[Step], limits: Mapping[Any, Limit]) -> int:
    """How many scalar operations the steps take, roughly: products and sums, functions counted as several."""
    total = 0
    for step in steps:
        entries = _count(step.axes, limits)
        match step:
            case Entrywise(pattern=pattern):
                total += entries * max(1, int(sp.count_ops(pattern)) + 3 * len(pattern.atoms(sp.Function)))
            case Contraction(over=over):
                total += 2 * entries * _count(over, limits)
            case Reduction(over=over):
                total += entries * _count(over, limits)
            case _:
                raise TypeError(type(step))
    return total


def _count(axes: Sequence[Any], limits: Mapping[Any, Limit]) -> int:
    product = 1
    for index in axes:
        product *= int(limits[index].size)
    return product
