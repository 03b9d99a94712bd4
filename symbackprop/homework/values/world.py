"""A world: a network at small sizes and random points, with the numbers of every quantity and every adjoint.

Contract: everything is finite, sizes differ, assumptions hold, both sides of every kink occur, and the same seed gives
the same numbers. Answers are judged against worlds; a world is never changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp

from symbackprop.backprop import ReverseSweep
from symbackprop.errors import DataError
from symbackprop.functions import row_of
from symbackprop.homework.values.indexed import Quantities, value_of
from symbackprop.homework.values.sizes import small_sizes
from symbackprop.indexed import Base, Limit, base_of, bound_limits
from symbackprop.network import Equation, Network, Quantity, Role

Array = Any

SCALAR_POINTS = 6
MATRIX_POINTS = 2
ATTEMPTS = 60
NEAR_KINKS = 0.04
"""At every other point the parameters are this much smaller: what stands in a kink comes close to it on both sides."""

_ANY, _POSITIVE, _SHARE = range(3)
_MANNERS: tuple[Mapping[Role, int], ...] = (
    {},
    {},
    {"target": _SHARE},
    {"input": _POSITIVE},
    {"constant": _POSITIVE},
    {"input": _POSITIVE, "target": _POSITIVE, "constant": _POSITIVE},
    {"input": _POSITIVE, "target": _POSITIVE, "constant": _POSITIVE, "parameter": _POSITIVE},
    {"input": _SHARE, "target": _SHARE, "constant": _SHARE, "parameter": _SHARE},
)
"""How numbers are drawn, attempt after attempt: any, then positive ones or shares of 1 where functions ask for it."""


@dataclass(frozen=True)
class World:
    """A network with numbers.

    Attributes:
        network: its sizes are symbols, or numbers that the user gave.
        sizes: size -> number.
        read: the arrays of all quantities: axis 0 is the point.
        sweep: the adjoints as equations.
        given: are the numbers those of the user (to be compared with rounded ones)?
    """

    network: Network
    sizes: Mapping[Any, int]
    read: Quantities
    sweep: ReverseSweep
    given: bool = False
    originals: Mapping[int, int] = field(default_factory=dict[int, int])
    """A small number of entries -> the number that the user's network has there."""
    partials: dict[tuple[Base, Base], Any] = field(default_factory=dict[tuple[Base, Base], Any])

    @cached_property
    def points(self) -> int:
        """At how many points every quantity is known."""
        return next(iter(self.read.arrays.values())).shape[0]

    @cached_property
    def adjoints(self) -> dict[Base, Array]:
        """The derivative of the loss by every quantity, shaped as the quantity."""
        return self.adjoints_given({})

    def adjoints_given(self, fixed: Mapping[Base, Array]) -> dict[Base, Array]:
        """The adjoints, where some of them have been replaced by other numbers: those downstream follow."""
        network, sweep = self.network, self.sweep
        everything = replace(self.read, arrays=dict(self.read.arrays), lows=dict(self.read.lows))
        found: dict[Base, Array] = {}

        def put(quantity: Quantity, array: Array) -> None:
            found[quantity.base] = array
            symbol = base_of(sweep[quantity.base].symbol)
            everything.arrays[symbol] = array
            everything.lows[symbol] = self.read.lows[quantity.base]

        def compute(quantity: Quantity) -> None:
            if quantity.base in fixed:
                put(quantity, fixed[quantity.base])
            elif quantity.base == network.loss.base:
                put(quantity, np.ones_like(self.read.arrays[quantity.base]))
            else:
                put(quantity, value_of(sweep[quantity.base].expression, everything, quantity.axes))

        for group in reversed(network.groups):
            members = [network.quantities[b] for b in dict.fromkeys(e.base for e in reversed(group.equations))]
            if group.direction:
                for quantity in members:
                    put(quantity, np.zeros_like(self.read.arrays[quantity.base]))
            for _ in range(_steps(self, members) if group.direction else 1):
                for quantity in members:
                    compute(quantity)
        for quantity in network.quantities.values():
            if quantity.base not in found and quantity.base not in network.labels:
                compute(quantity)
        return found

    def local(self, upper: Base, lower: Base) -> Array | None:
        """The derivative of a quantity by another one, both scalars, along every way between them; None if none is."""
        if (upper, lower) not in self.partials:
            quantities = self.network.quantities
            known = not (quantities[upper].axes or quantities[lower].axes)
            self.partials[upper, lower] = self._local(upper, lower) if known else None
        return self.partials[upper, lower]

    def _local(self, upper: Base, lower: Base) -> Array:
        """Forward mode over the equations: the sensitivity of each quantity to `lower`."""
        one = np.ones(self.points)
        moved: dict[Base, Array] = {lower: one}
        sweep = self.sweep
        for quantity in reversed(list(self._between(lower))):
            if quantity.base == lower:
                continue
            total: Any = 0.0 * one
            for base, slopes in self._slopes(quantity.base).items():
                if base in moved:
                    total = total + slopes * moved[base]
            moved[quantity.base] = total
        del sweep
        return moved.get(upper, 0.0 * one)

    def _between(self, _lower: Base) -> Iterator[Quantity]:
        """The defined quantities, the loss first."""
        for group in reversed(self.network.groups):
            for equation in reversed(group.equations):
                yield self.network.quantities[equation.base]

    def _slopes(self, upper: Base) -> dict[Base, Array]:
        """The local derivatives of a scalar by the quantities in its equation."""
        found: dict[Base, Array] = {}
        for lower in self.network.quantities.values():
            for c in self.sweep[lower.base].contributions:
                if c.consumer.base == upper and not (lower.axes or c.limits):
                    local = value_of(sp.Mul(*c.local, *c.conditions), self.read, ())
                    found[lower.base] = found.get(lower.base, 0.0) + local
        return found

    @cached_property
    def given_numbers(self) -> frozenset[float]:
        """The numbers that the user gave, and their negatives, which are exact."""
        if not self.given:
            return frozenset()
        leaves = self.network.with_role("input", "target", "constant", "parameter")
        return frozenset(
            sign * float(x) for q in leaves for x in self.read.arrays[q.base].reshape(-1) for sign in (1, -1)
        )

    def size_name(self, number: int) -> str:
        """How a number of rows or columns is called: ``n_1``."""
        return next((str(s) for s, n in self.sizes.items() if n == number), str(number))


def random_world(network: Network, number: int = 0, seed: int = 0, numbers: Mapping[Any, int] | None = None) -> World:
    """A world at random points; `numbers` are the sizes that the small ones stand for.

    Raises:
        DataError: no point was found at which everything is finite; names a quantity.
    """
    sizes = small_sizes(network, number)
    originals = {sizes[size]: original for size, original in (numbers or {}).items() if size in sizes}
    points = SCALAR_POINTS if network.is_scalar else MATRIX_POINTS
    sweep = ReverseSweep(network)
    broken = ""
    fallback: World | None = None
    for attempt in range(ATTEMPTS):
        draw = np.random.default_rng((seed, number, attempt))
        manner = _MANNERS[attempt % len(_MANNERS)]
        read = _drawn(network, sizes, points, draw, manner)
        with np.errstate(all="ignore"):
            forward(network, read)
            world = World(network, sizes, read, sweep, originals=originals)
            broken = _not_finite(world)
        if not broken:
            if _kinks_exercised(world):
                return world
            fallback = fallback or world
    if fallback is not None:
        return fallback
    raise DataError(
        f"{broken} is not finite wherever values were drawn",
        hint="answers are judged at random points: the functions of the network must be defined there",
    )


def given_world(network: Network, values: Mapping[Base, Array], sizes: Mapping[Any, int]) -> World:
    """A world at the one point that a user gave: arrays by base, labels as indices that count from 1."""
    read = Quantities(sizes=sizes)
    for quantity in network.quantities.values():
        if quantity.base in values:
            _put(read, quantity, np.asarray(values[quantity.base], dtype=float)[None])
    forward(network, read)
    return World(network, sizes, read, ReverseSweep(network), given=True)


def forward(network: Network, read: Quantities) -> None:
    """Compute every defined quantity from those that are given; a recurrence until nothing changes any more."""
    points = next(iter(read.arrays.values())).shape[0]
    for group in network.groups:
        for equation in group.equations:
            quantity = network.quantities[equation.base]
            if equation.base not in read.arrays:
                shape = tuple(read.integer(size) for size in quantity.shape)
                _put(read, quantity, np.zeros((points, *shape)))
        bases = {e.base for e in group.equations}
        steps = 1 + max((max(read.arrays[b].shape[1:], default=0) for b in bases), default=0) if group.direction else 1
        for _ in range(steps):
            for equation in group.equations:
                _define(equation, read)


def _define(equation: Equation, read: Quantities) -> None:
    """Set the entries that an equation defines."""
    value = value_of(equation.expression, read, equation.ranges)
    array = read.arrays[equation.base].copy()
    if not equation.at:
        read.arrays[equation.base] = value
        return
    order = [limit.index for limit in equation.ranges]
    places: list[Any] = []
    for index, low in zip(equation.at, read.lows[equation.base], strict=True):
        if index in order:
            limit = equation.ranges[order.index(index)]
            values = np.arange(read.integer(limit.low), read.integer(limit.high) + 1)
            places.append(values.reshape(tuple(-1 if n == order.index(index) else 1 for n in range(len(order)))) - low)
        else:
            places.append(np.asarray(read.integer(index) - low))
    shape = np.broadcast_shapes(*(np.shape(p) for p in places))
    points = np.arange(array.shape[0]).reshape(-1, *(1,) * len(shape))
    array[(points, *places)] = (
        value.reshape(array.shape[0], *shape) if value.size == array.shape[0] * int(np.prod(shape)) else value
    )
    read.arrays[equation.base] = array


def _put(read: Quantities, quantity: Quantity, array: Array) -> None:
    read.arrays[quantity.base] = array
    read.lows[quantity.base] = tuple(read.integer(axis.low) for axis in quantity.axes)


def _steps(world: World, members: list[Quantity]) -> int:
    """Enough rounds for a recurrence to run through its longest axis."""
    return 2 + max((max(world.read.arrays[q.base].shape[1:], default=0) for q in members), default=0)


def _drawn(
    network: Network, sizes: Mapping[Any, int], points: int, draw: np.random.Generator, manner: Mapping[Role, int]
) -> Quantities:
    read = Quantities(sizes=sizes)
    for quantity in network.with_role("input", "target", "constant", "parameter"):
        shape = (points, *(read.integer(size) for size in quantity.shape))
        label = network.labels.get(quantity.base)
        if label is not None:
            low, high = read.integer(label.low), read.integer(label.high)
            array = draw.integers(low, high + 1, shape).astype(float)
        else:
            array = _random(manner.get(quantity.role, _ANY), draw, shape)
        _put(read, quantity, array)
        if quantity.role == "parameter" and _has_kinks(network):
            array[1::2] *= NEAR_KINKS
    for assumption in network.assumptions:
        _impose(assumption, read)
    return read


def _has_kinks(network: Network) -> bool:
    return any(True for e in network.equations for _ in _kinks(e.expression))


def _random(manner: int, draw: np.random.Generator, shape: tuple[int, ...]) -> Array:
    if manner == _SHARE:
        return draw.uniform(0.1, 0.9, shape)
    drawn = draw.standard_normal(shape)
    return np.abs(drawn) + 0.1 if manner == _POSITIVE else drawn


def _impose(assumption: Any, read: Quantities) -> None:
    """Make drawn numbers satisfy ``Sum_k y_k = 1`` or ``x > 0``."""
    left = assumption.left
    if isinstance(left, sp.Sum) and isinstance(left.function, sp.Indexed) and left.function.base in read.arrays:
        base, bound = left.function.base, {limit.index for limit in bound_limits(left)}
        axes = tuple(1 + n for n, i in enumerate(left.function.indices) if i in bound)
        positive = np.abs(read.arrays[base]) + 0.1
        read.arrays[base] = positive / positive.sum(axis=axes, keepdims=True) * float(assumption.right)
    elif assumption.relation != "=" and base_of(left) in read.arrays:
        distance = np.abs(read.arrays[base_of(left)] - float(assumption.right)) + 0.05
        sign = 1 if assumption.relation in (">", ">=") else -1
        read.arrays[base_of(left)] = float(assumption.right) + sign * distance


def _not_finite(world: World) -> str:
    """The plain name of a quantity that is nan or infinite, or whose adjoint is; empty if there is none."""
    names = world.network.names
    for base, array in world.read.arrays.items():
        if not np.isfinite(array).all():
            return names[base].plain
    for base, array in world.adjoints.items():
        if not np.isfinite(array).all():
            return f"the derivative by {names[base].plain}"
    return ""


def _kinks_exercised(world: World) -> bool:
    """Does every kink (relu at 0, a maximum) have numbers on both sides?"""
    for equation in world.network.equations:
        for kink in _kinks(equation.expression):
            free = [r for r in equation.ranges if r.index in kink.free_symbols]
            extra = kink.free_symbols - {r.index for r in equation.ranges} - world.read.arrays.keys()
            if any(isinstance(s, sp.Dummy) for s in extra):
                continue
            try:
                side = value_of(kink, world.read, tuple(free))
            except KeyError:  # inside a sum: its indices are not in scope here
                continue
            if side.min() >= 0 or side.max() <= 0:
                return False
    return True


def _kinks(expression: Any) -> Iterator[Any]:
    stack = [expression]
    while stack:
        node = stack.pop()
        row = row_of(node)
        kink = row.kinks(node.args) if row is not None else None  # type: ignore[arg-type]
        if kink is not None:
            yield kink
        stack.extend(node.args)


__all__ = ["Limit", "World", "forward", "given_world", "random_world"]
