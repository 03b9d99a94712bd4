"""A program as a list of steps, each one pass over arrays: products, reductions, and functions of entries.

Contract: `steps_of(statements, ...)` cuts array trees into `Step`s that read only named arrays; what is computed twice
is computed once. Softmax and log-sum-exp are cut into the same maximum, exponential and sum, so they share them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import sympy as sp

from symbackprop.functions import Indicator
from symbackprop.indexed import Base, Limit, base_of, product
from symbackprop.numeric.arrays import Array, Contract, Counter, Lowered, Map, Read, Reduce, SoftmaxOver
from symbackprop.numeric.arrays.nodes import Axes

Operand = Read | Counter


@dataclass(frozen=True)
class Step:
    """``target[axes] = ...`` for all values of the axes."""

    target: Base
    axes: Axes


@dataclass(frozen=True)
class Entrywise(Step):
    """A function of entries: `pattern` over slots, each an entry of a named array or an index."""

    pattern: Any
    operands: Mapping[sp.Symbol, Operand]


@dataclass(frozen=True)
class Contraction(Step):
    """The product of two arrays, summed over indices."""

    left: Read
    right: Read
    over: Axes


@dataclass(frozen=True)
class Reduction(Step):
    """The sum or the largest of the entries of an array along indices."""

    kind: Literal["sum", "max"]
    operand: Read
    over: Axes


@dataclass(frozen=True)
class Accumulation(Step):
    """``target += sign * left @ right`` in place; without `right`, the sum of `left` over indices."""

    left: Read
    right: Read | None
    over: Axes
    sign: int


@dataclass(frozen=True)
class Statement:
    """A named array and the tree that computes it."""

    target: Base
    axes: tuple[Limit, ...]
    lowered: Lowered


@dataclass
class Steps:
    """Steps in order, and the ranges of all their indices and of the arrays that they write."""

    steps: list[Step] = field(default_factory=list[Step])
    limits: dict[sp.Symbol, Limit] = field(default_factory=dict[sp.Symbol, Limit])
    storage: dict[Base, tuple[Limit, ...]] = field(default_factory=dict[Base, tuple[Limit, ...]])


def steps_of(statements: Iterable[Statement], storage: Mapping[Base, tuple[Limit, ...]]) -> Steps:
    """The steps of statements in order.

    Args:
        statements: what is computed, each reading only given arrays and targets before it.
        storage: the ranges of the dimensions of every named array.
    """
    cutter = _Cutter(Steps(storage=dict(storage)))
    for statement in statements:
        cutter.cut(statement)
    return cutter.result


class _Cutter:
    def __init__(self, result: Steps) -> None:
        self.result = result
        self._known: dict[Any, Base] = {}
        self._count = 0

    def cut(self, statement: Statement) -> None:
        """Add the steps of one statement."""
        self.result.limits |= statement.lowered.limits
        axes = tuple(limit.index for limit in statement.axes)
        whole = self._whole(statement.target, axes)
        step = self._step(statement.lowered.array, statement.target, axes)
        self.result.steps.append(step)
        if set(axes) == set(statement.lowered.array.axes):
            self._known.setdefault(self._key(step), whole.base)

    @staticmethod
    def _whole(base: Base, axes: Axes) -> Read:
        return Read(axes, base, axes)

    def _step(self, array: Array, target: Base, axes: Axes) -> Step:
        """The last step of an array; those before it are added."""
        match array:
            case Contract(left=left, right=right):
                return Contraction(target, axes, self._read(left), self._read(right), array.summed)
            case Reduce(kind="logsumexp", operand=operand, over=over):
                largest, _, total = self._exponentials(operand, over)
                return self._entrywise(target, axes, lambda a, b: a + sp.log(b), largest, total)
            case Reduce(kind=kind, operand=operand, over=over):
                return Reduction(target, axes, kind, self._read(operand), over)  # type: ignore[arg-type]
            case SoftmaxOver(operand=operand, index=index):
                _, powers, total = self._exponentials(operand, (index,))
                return self._entrywise(target, axes, lambda a, b: a / b, powers, total)
            case Map():
                return self._map(array, target, axes)
            case Read():
                return self._entrywise(target, axes, lambda a: a, array)
            case Counter():
                return self._entrywise(target, axes, lambda a: a, array)
            case _:
                raise TypeError(type(array))

    def _entrywise(self, target: Base, axes: Axes, pattern: Callable[..., Any], *operands: Operand) -> Entrywise:
        slots = {sp.Dummy(f"slot{n}", real=True): operand for n, operand in enumerate(operands)}
        return Entrywise(target, axes, pattern(*slots), slots)

    def _map(self, array: Map, target: Base, axes: Axes) -> Entrywise:
        operands: dict[sp.Symbol, Operand] = {}
        patterns: dict[sp.Symbol, Any] = {}
        for slot, operand in zip(array.slots, array.operands, strict=True):
            if isinstance(operand, Map) and (operand.axes == array.axes or isinstance(operand.pattern, Indicator)):
                inner = self._map(operand, target, axes)
                operands |= inner.operands
                patterns[slot] = inner.pattern
            else:
                operands[slot] = operand if isinstance(operand, Counter) else self._read(operand)
        pattern = array.pattern if not patterns else filled(array.pattern, patterns)
        return Entrywise(target, axes, *_merged(pattern, operands))

    def _exponentials(self, operand: Array, over: Axes) -> tuple[Read, Read, Read]:
        """The largest entry, ``exp(entry - largest)``, and its sum."""
        inner = self._read(operand)
        left = tuple(i for i in operand.axes if i not in over)
        largest = self._stored(Reduction(sp.S.NaN, left, "max", inner, over), "max", inner)
        powers = self._stored(
            self._entrywise(sp.S.NaN, operand.axes, lambda a, b: sp.exp(a - b), inner, largest), "exp", inner
        )
        return largest, powers, self._stored(Reduction(sp.S.NaN, left, "sum", powers, over), "total", inner)

    def _read(self, array: Array) -> Read:
        """The array as entries of a named array; what has no name yet gets one."""
        if isinstance(array, Read):
            return array
        return self._stored(self._step(array, sp.S.NaN, array.axes), "part")

    def _stored(self, step: Step, word: str, of: Read | None = None) -> Read:
        """A step that gets a name for its result, unless the same is known already."""
        key = self._key(step)
        if key not in self._known:
            self._count += 1
            name = f"{word}_{of.base}" if of is not None else f"{word}_{self._count}"
            base: Base = sp.IndexedBase(sp.Dummy(name)) if step.axes else sp.Dummy(name, real=True)
            self._known[key] = base
            self.result.storage[base] = tuple(self.result.limits[i] for i in step.axes)
            self.result.steps.append(type(step)(**{**vars(step), "target": base}))
        return self._whole(self._known[key], step.axes)

    def _key(self, step: Step) -> Any:
        """Equal for steps that compute the same array, whatever their indices are called."""
        over: Axes = getattr(step, "over", ())
        numbers = {
            i: sp.Symbol(f"{n}:{self.result.limits[i].low}..{self.result.limits[i].high}")
            for n, i in enumerate((*step.axes, *over))
        }

        def place(read: Operand) -> Any:
            if isinstance(read, Counter):
                return numbers[read.index], read.shift
            return read.base, tuple(i.xreplace(numbers) for i in read.at)

        match step:
            case Entrywise(pattern=pattern, operands=operands):
                names = {slot: sp.Symbol(str(place(operand))) for slot, operand in operands.items()}
                return Entrywise, tuple(numbers.values()), pattern.xreplace(names)
            case Contraction(left=left, right=right):
                return Contraction, tuple(numbers.values()), place(left), place(right)
            case Reduction(kind=kind, operand=operand):
                return Reduction, kind, tuple(numbers.values()), place(operand)
            case _:
                raise TypeError(type(step))


def filled(pattern: Any, patterns: Mapping[Any, Any]) -> Any:
    """The pattern with other parts in place of some of its own; sums and products keep their order."""
    if pattern in patterns:
        return patterns[pattern]
    if not pattern.args:
        return pattern
    args = [filled(a, patterns) for a in pattern.args]
    if isinstance(pattern, sp.Mul):
        return product(args)
    return sp.Add(*args, evaluate=False) if isinstance(pattern, sp.Add) else pattern.func(*args)


def _merged(pattern: Any, operands: Mapping[sp.Symbol, Operand]) -> tuple[Any, dict[sp.Symbol, Operand]]:
    """One slot for each operand, however often it is read."""
    first: dict[Operand, sp.Symbol] = {}
    names = {slot: first.setdefault(operand, slot) for slot, operand in operands.items()}
    same = {slot: name for slot, name in names.items() if slot != name}
    return (filled(pattern, same) if same else pattern), {slot: operand for operand, slot in first.items()}


def reads(step: Step) -> Sequence[Operand]:
    """The entries that a step reads."""
    match step:
        case Entrywise(operands=operands):
            return tuple(operands.values())
        case Contraction(left=left, right=right):
            return left, right
        case Accumulation(left=left, right=right):
            return (left,) if right is None else (left, right)
        case Reduction(operand=operand):
            return (operand,)
        case _:
            raise TypeError(type(step))


def bases_read(step: Step) -> set[Base]:
    """The named arrays that a step reads, labels and scalars included."""
    found = {o.base for o in reads(step) if isinstance(o, Read)}
    found |= {base_of(i) for o in reads(step) if isinstance(o, Read) for i in o.at if isinstance(i, sp.Indexed)}
    if isinstance(step, Entrywise):
        found |= {s for s in step.pattern.free_symbols if s not in step.operands}
    return found
