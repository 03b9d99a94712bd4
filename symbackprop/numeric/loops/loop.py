"""Training loops, compiled and bound to data.

Contract: a `Loop` belongs to one `Setting`; `bind(data)` prepares the data of one run, and `advance` does updates on
states that it changes in place. All loops compute the same numbers up to rounding; `choose` takes the fastest that the
sizes, the dtype and the installed libraries allow.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from importlib.util import find_spec
from typing import Any, Protocol

import numpy as np

from symbackprop.derivation.rules import RULES
from symbackprop.errors import DataError, NetworkError
from symbackprop.numeric.loops.buffers import buffer_source
from symbackprop.numeric.loops.design import Design, Setting, design, folds_rate
from symbackprop.numeric.loops.entries import operations
from symbackprop.numeric.loops.module import function, whole
from symbackprop.numeric.loops.nests import nest_source
from symbackprop.numeric.loops.prepared import prepared
from symbackprop.numeric.loops.scalars import scalar_source
from symbackprop.numeric.loops.states import States
from symbackprop.numeric.optimizers import update_function
from symbackprop.numeric.program import Program
from symbackprop.numeric.values import Array

Advance = Callable[[States, "np.ndarray[Any, Any]", "np.ndarray[Any, Any]", int, float, float], int]
"""``advance(states, order, costs, before, floor, rate)``: updates on batches of the samples in `order`, one cost each;
returns how many were done before a cost fell below `floor`. Where a cost is not finite it may stop or go on."""

SMALL, SMALL_COMPILED, NESTED = 600, 400, 100_000
"""Scalar operations of one update up to which it is written entry by entry, in Python, compiled, and as nested loops.
"""


QUICK_OPERATIONS = 50_000_000
"""Scalar operations of compiled loops that surely take less than a moment."""


class Loop(Protocol):
    """A training loop for one setting."""

    kind: str
    source: str
    rewrites: tuple[str, ...]
    """What was changed by algebra, in words."""
    quick: int
    """So many updates surely take less than a moment."""

    def bind(self, data: Sequence[Array]) -> Advance:
        """The loop on the data of one run, in the order of the program's arguments without parameters."""
        ...


class Unsuited(Exception):  # noqa: N818 - an answer, not a mistake
    """The numbers left the range of Python's own arithmetic: arrays go on from the same states."""


@cache
def has_numba() -> bool:
    """Is numba installed?"""
    return find_spec("numba") is not None


@cache
def has_scipy() -> bool:
    """Is SciPy installed?"""
    return find_spec("scipy") is not None


def choose(program: Program, setting: Setting, compiled: bool) -> list[Loop]:
    """The loops for a setting, the fastest first; each later one can do what an earlier one cannot.

    Raises:
        DataError: a compiled loop is asked for, and numba is not installed.
    """
    if compiled and not has_numba():
        raise DataError("a compiled loop needs numba", hint="pip install symbackprop[fast]")
    plain = PlainLoop(program, setting)
    if not program.plan.is_straight:
        return [plain]
    try:
        found = design(program.plan, setting)
    except NetworkError:  # what cannot be cut into steps is computed line by line
        return [plain]
    work = operations_of(found)
    loops: list[Loop] = []
    compiled = compiled and setting.dtype in ("float32", "float64")  # numba and BLAS know no others
    if compiled and work <= SMALL_COMPILED:
        loops += _made(lambda: ScalarLoop(found, compiled=True))
    elif compiled and work <= NESTED:
        loops += _made(lambda: NestLoop(found))
    elif setting.dtype == "float64" and work <= SMALL:
        loops += _made(lambda: ScalarLoop(found, compiled=False))
    return [*loops, *_made(lambda: BufferLoop(found, blas=has_scipy())), plain]


def operations_of(made: Design) -> int:
    """The scalar operations of an update."""
    return operations((*made.steps.steps, *made.rules), made.steps.limits)


def _made(make: Callable[[], Loop]) -> list[Loop]:
    """The loop, if its functions can be written in its way."""
    try:
        return [make()]
    except NetworkError:
        return []


class ScalarLoop:
    """Every entry a local variable, in Python or compiled."""

    def __init__(self, made: Design, compiled: bool) -> None:
        self.kind, self.quick = ("compiled scalars", 10_000) if compiled else ("scalars", 1000)
        self.design, self._is_compiled, self.rewrites = made, compiled, made.rewrites
        self._trains: dict[bool, Any] = {}
        self._columns = scalar_source(made, compiled, checked=False).columns
        self.source = self._module(False)
        self._train(False)

    def _module(self, checked: bool) -> str:
        text = scalar_source(self.design, self._is_compiled, checked).text
        return whole(text, arrays=False, compiled=self._is_compiled)

    def _train(self, checked: bool) -> Any:
        """The function that looks at every cost, or the one that leaves that to the end."""
        if checked not in self._trains:
            self._trains[checked] = function(self._module(checked), "train")
        return self._trains[checked]

    def bind(self, data: Sequence[Array]) -> Advance:
        """Columns of numbers: one for every entry of the data, along the samples."""
        by_base = dict(zip((base for base, _ in self.design.data), data, strict=True))
        axes = dict(self.design.data)
        columns: list[Any] = []
        for base, place in self._columns:
            at: list[Any] = [*place]
            at.insert(axes[base] or 0, slice(None))
            columns.append(np.ascontiguousarray(by_base[base][tuple(at)]))
        constants = [v for base, axis in self.design.data if axis is None for v in np.ravel(by_base[base]).tolist()]
        samples: list[tuple[float, ...]] = []
        if not self._is_compiled:
            samples = list(zip(*(column.tolist() for column in columns), strict=True)) or [()]
        size = self.design.setting.batch

        def advance(states: States, order: Any, costs: Any, before: int, floor: float, rate: float) -> int:
            numbers = states.flat.tolist()
            train = self._train(floor > -math.inf)
            if self._is_compiled:
                rows = order.reshape(len(costs), size)
                numbers = train(tuple(columns), rows, costs, before, floor, rate, *constants, *numbers)
            else:
                found: list[float] = []
                rows = order.tolist()
                rows = rows if size == 1 else zip(*[iter(rows)] * size, strict=True)
                try:
                    numbers = train(samples, rows, found.append, before, floor, rate, *constants, *numbers)
                except (OverflowError, ZeroDivisionError, ValueError):  # NumPy goes on with infinity or nan
                    raise Unsuited from None
                costs[: len(found)] = found
            states.flat[:] = numbers
            return _done(costs, floor)

        return advance


def _done(costs: Array, floor: float) -> int:
    """How many updates were done: all, unless a cost was below the floor, where the loop stopped."""
    if floor == -math.inf:
        return len(costs)
    good = (costs >= floor) & (costs < math.inf)
    return int(len(costs) if good.all() else np.argmin(good))


class NestLoop:
    """Nested loops over entries, compiled."""

    kind = "compiled loops"

    def __init__(self, made: Design) -> None:
        self.design, self.rewrites = made, made.rewrites
        self.quick = QUICK_OPERATIONS // max(operations_of(made), 1)
        self.source = whole(nest_source(made), arrays=False, compiled=True)
        self._train = function(self.source, "train")

    def bind(self, data: Sequence[Array]) -> Advance:
        """The data as contiguous arrays."""
        given = [np.ascontiguousarray(value) for value in data]
        given = [g.reshape(np.shape(value)) for g, value in zip(given, data, strict=True)]

        def advance(states: States, order: Any, costs: Any, before: int, floor: float, rate: float) -> int:
            return int(self._train(order, costs, 0, len(costs), before, floor, rate, *given, *states.arrays))

        return advance


class BufferLoop:
    """Whole arrays in buffers that are allocated once."""

    quick = 0

    def __init__(self, made: Design, blas: bool) -> None:
        ready = prepared(made)
        self.design, self._prepared = ready.design, ready.count
        product = {"float64": "dgemm", "float32": "sgemm"}.get(made.setting.dtype, "") if blas else ""
        self.kind = "arrays with BLAS" if product else "arrays"
        text, self.rewrites = buffer_source(ready.design, bool(product))
        self.source = whole(text, arrays=True, blas=product)
        self._train = function(self.source, "train")
        self._prepare = function(whole(ready.source, arrays=True), "prepare")

    def bind(self, data: Sequence[Array]) -> Advance:
        """Batches as views where the samples of a batch lie side by side, else as copies."""
        axes = [axis for _, axis in self.design.data]
        lengths = [np.shape(value)[axis] for value, axis in zip(data, axes, strict=False) if axis is not None]
        samples, size, whole = (lengths or [1])[0], self.design.setting.batch, self.design.setting.whole
        data = [*data, *(self._prepare(samples, *data) if self._prepared else ())]
        cut = [(value, axis) for value, axis in zip(data, axes, strict=True) if axis is not None and not whole]
        shared = [value for value, axis in zip(data, axes, strict=True) if axis is None or whole]
        views: dict[int, tuple[Array, ...]] = {}

        def batches(order: Any, count: int) -> Iterator[Any]:
            if whole:
                return itertools.repeat(None, count)
            rows = order.reshape(count, size)
            straight = (rows == rows[:, :1] + np.arange(size)).all(axis=1)
            return map(batch, rows, rows[:, 0].tolist(), straight.tolist())

        def batch(rows: Any, first: int, straight: bool) -> tuple[Array, ...]:
            if not straight:
                return tuple(v.take(rows, a) for v, a in cut)
            if first not in views:
                views[first] = tuple(v[(slice(None),) * a + (slice(first, first + size),)] for v, a in cut)
            return views[first]

        def advance(states: States, order: Any, costs: Any, before: int, floor: float, rate: float) -> int:
            recorded = [math.nan] * len(costs)
            done = self._train(batches(order, len(costs)), recorded, before, floor, rate, *shared, *states.arrays)
            costs[:] = recorded
            return int(done)

        return advance


class PlainLoop:
    """The program itself, one batch after the other: what every network has."""

    kind = "program"
    quick = 0
    rewrites = ()

    def __init__(self, program: Program, setting: Setting) -> None:
        self.program, self.setting = program, setting
        self.source = program.source
        self._update = update_function(setting.optimizer, dict(setting.constants))
        self._folds = folds_rate(program.plan, setting.optimizer)
        self._memory = len(RULES[setting.optimizer].memory)
        self._slots = [n for n, q in enumerate(program.plan.arguments) if q.role == "parameter"]
        order = list(program.plan.gradients)
        self._gradients = [order.index(q.name.plain) for q in program.network.parameters]

    def bind(self, data: Sequence[Array]) -> Advance:
        """The arguments of the program, without parameters."""
        axes = [axis for n, axis in enumerate(self.setting.sample_axes) if n not in self._slots]
        axes = [None if self.setting.whole else axis for axis in axes]
        size, count, memory = self.setting.batch, len(self._slots), self._memory

        def advance(states: States, order: Any, costs: Any, before: int, floor: float, rate: float) -> int:
            for k in range(len(costs)):
                rows = order[k * size : (k + 1) * size]
                batch = [v if a is None else v.take(rows, a) for v, a in zip(data, axes, strict=True)]
                cost, gradients = self.program.evaluate([*batch, *(state[()] for state in states.arrays[:count])])
                costs[k] = cost
                if not floor <= cost < math.inf:
                    return k
                for n, place in enumerate(self._gradients):
                    kept = [*states.arrays[count + memory * n : count + memory * (n + 1)], states.arrays[n]]
                    own = (rate * gradients[place], 1.0) if self._folds else (gradients[place], rate)
                    new = self._update(kept, *own, before + k + 1)
                    for state, value in zip(kept, new, strict=True):
                        state[...] = value
            return len(costs)

        return advance


__all__ = ["Advance", "Loop", "Setting", "Unsuited", "choose"]
