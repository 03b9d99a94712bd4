"""A network at sizes that test every shape: numbers given as sizes become free, a symbolic depth becomes three layers.

Contract: `judging_network(network)` is a network of the same equations whose sizes are symbols, one for each axis that
no equation ties to another; `small_sizes` gives them small numbers, all different.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

from symbackprop.indexed import Base, Limit, bound_limits, freshen_all, rebuild, rename
from symbackprop.network import Equation, Network, Specification
from symbackprop.network.unroll import unroll

DEPTH = 3
"""Layers that a symbolic depth is judged with: a first one, one in between, a last one."""

NUMBERS = ((3, 5, 4, 2, 6, 7, 8, 9), (4, 3, 2, 5, 7, 6, 9, 8))
"""Small numbers in two orders: what is right for both owes nothing to a size."""

Place = tuple[Base, int]


def judging_network(network: Network) -> Network:
    """The network with free sizes and a concrete depth."""
    depths = {s.name: DEPTH for s in _depths(network)}
    if depths:
        network = Network(unroll(network, depths))
    if any(_number(limit) for q in network.quantities.values() for limit in q.axes):
        network = Network(_freed(network))
    return network


def original_numbers(network: Network, judged: Network) -> dict[Any, int]:
    """The number that each free size had in the user's network."""
    found: dict[Any, int] = {}
    for base, quantity in judged.quantities.items():
        own = network.quantities.get(base)
        for axis, before in zip(quantity.axes, own.axes if own is not None else (), strict=False):
            if axis.size.is_Symbol and axis.size not in network.sizes and before.size.is_Integer:
                found[axis.size] = int(before.size)
    return found


def small_sizes(network: Network, world: int) -> dict[Any, int]:
    """A number for every size, different ones while they last."""
    numbers = NUMBERS[world % len(NUMBERS)]
    return {s: numbers[n % len(numbers)] for n, s in enumerate(sorted(network.sizes, key=str))}


def _depths(network: Network) -> set[Any]:
    """The sizes that count layers of different sizes: ``L``, where ``n_l`` depends on l."""
    varying = any(axis.size.atoms(AppliedUndef) for q in network.quantities.values() for axis in q.axes)
    if not varying:
        return set()
    ends = [q.axes[n].high for q in network.quantities.values() for n in range(len(q.axes))
            if (q.base, n) in network.label_axes]  # fmt: skip
    return {s for end in ends for s in end.free_symbols & network.sizes}


# -- numbers become symbols --------------------------------------------------------------------------------------------
def _number(limit: Limit) -> int | None:
    """The size of a range that is a number greater than 1."""
    return int(limit.high) if limit.low == 1 and limit.high.is_Integer and limit.high > 1 else None


class _Ties:
    """Which axes and indices must have the same size (union-find)."""

    def __init__(self) -> None:
        self.parent: dict[Any, Any] = {}
        self.fixed: set[Any] = set()

    def root(self, item: Any) -> Any:
        self.parent.setdefault(item, item)
        while self.parent[item] != item:
            item = self.parent[item]
        return item

    def tie(self, a: Any, b: Any) -> None:
        self.parent[self.root(a)] = self.root(b)

    def fix(self, item: Any) -> None:
        self.fixed.add(item)

    def is_fixed(self, item: Any) -> bool:
        return any(self.root(f) == self.root(item) for f in self.fixed)


def _freed(network: Network) -> Specification:
    """The specification with a symbol for every size that was a number and is not used as an index."""
    equations = [_apart(e) for e in network.equations]
    ties = _Ties()
    numbers: dict[Any, int] = {}
    labels = set(network.labels)
    for equation in equations:
        for limit in _limits(equation):
            size = _number(limit)
            if size is not None:
                numbers[limit.index] = size
        for base, position, index in _places(equation):
            place = (base, position)
            if isinstance(index, sp.Symbol) and index in numbers:
                ties.tie(place, index)
            elif isinstance(index, sp.Indexed) and index.base in labels:
                ties.tie(place, ("label", index.base))
            else:
                ties.fix(place)
                for symbol in index.free_symbols:  # p of i + p - 1: other sizes follow from its own
                    ties.fix(symbol)
    for quantity in network.quantities.values():
        for n, axis in enumerate(quantity.axes):
            size = _number(axis)
            if size is not None:
                numbers[quantity.base, n] = size
    symbols: dict[Any, sp.Symbol] = {}
    taken = {s.name for s in network.sizes} | {str(b) for b in network.quantities}
    free: dict[Any, Any] = {}
    for item, size in numbers.items():
        root = ties.root(item)
        if ties.is_fixed(item):
            continue
        if root not in symbols:
            name = next(n for k in range(1, 10_000) if (n := f"N{k}") not in taken)
            taken.add(name)
            symbols[root] = sp.Symbol(name, integer=True)
        free[item] = symbols[root]
        del size
    old = network.specification

    def axis_limit(base: Base, n: int, limit: Limit) -> Limit:
        return limit._replace(high=free[base, n]) if (base, n) in free else limit

    given = {q.base: tuple(axis_limit(q.base, n, axis) for n, axis in enumerate(q.axes))
             for q in network.quantities.values() if q.axes and q.role not in ("intermediate", "loss")}  # fmt: skip
    return replace(
        old,
        equations=tuple(_named(_with_sizes(e, free)) for e in equations),
        roles={q.base: q.role for q in network.quantities.values() if q.role not in ("intermediate", "loss")},
        names=dict(network.names),
        axes=given,
        ranges={},
        labels={
            base: limit._replace(high=symbols.get(ties.root(("label", base)), limit.high))
            for base, limit in network.labels.items()
        },
        samples=_samples(network, free),
        loss=network.loss.base,
        values={},
    )


def _samples(network: Network, free: Mapping[Any, Any]) -> Any:
    """The symbol that replaces a number of samples: of an axis of an input that a target shares."""
    samples = network.samples
    if samples is None or not samples.is_Integer:
        return samples
    own: dict[str, set[Any]] = {"input": set(), "target": set()}
    for q in network.with_role("input", "target"):
        own[q.role] |= {free[q.base, n] for n, a in enumerate(q.axes) if a.size == samples and (q.base, n) in free}
    shared = own["input"] & own["target"]
    return shared.pop() if len(shared) == 1 else samples


def _apart(equation: Equation) -> Equation:
    """The equation with indices of its own, bound and on the left."""
    names = {limit.index: sp.Dummy(limit.index.name, integer=True) for limit in equation.ranges}
    return replace(
        equation,
        target=equation.target.xreplace(names),
        expression=freshen_all(equation.expression.xreplace(names)),
        ranges=tuple(limit.replace(names) for limit in equation.ranges),
    )


def _named(equation: Equation) -> Equation:
    """The equation with symbols for the indices that were set apart."""
    dummies = sorted(equation.target.atoms(sp.Dummy) | equation.expression.atoms(sp.Dummy), key=lambda d: d.dummy_index)
    names: dict[Any, Any] = {d: sp.Symbol(f"index{n}", integer=True) for n, d in enumerate(dummies)}
    return replace(
        equation,
        target=equation.target.xreplace(names),
        expression=rename(equation.expression, names),
        ranges=tuple(limit.replace(names) for limit in equation.ranges),
    )


def _limits(equation: Equation) -> Iterator[Limit]:
    yield from equation.ranges
    stack: list[Any] = [equation.expression]
    while stack:
        node = stack.pop()
        yield from bound_limits(node)
        stack.extend(node.args)


def _places(equation: Equation) -> Iterator[tuple[Base, int, Any]]:
    stack: list[Any] = [equation.target, equation.expression]
    while stack:
        node = stack.pop()
        if isinstance(node, sp.Indexed):
            yield from ((node.base, n, i) for n, i in enumerate(node.indices))
            stack.extend(node.indices)
        else:
            stack.extend(node.args)


def _with_sizes(equation: Equation, free: Mapping[Any, Any]) -> Equation:
    """The equation with its ranges at the new sizes."""

    def freed(e: Any) -> Any:
        if isinstance(e, sp.Tuple) and len(e) == 3 and e[0] in free:
            return sp.Tuple(e[0], e[1], free[e[0]])
        if not e.args or isinstance(e, sp.Indexed):
            return e
        return rebuild(e, [freed(a) for a in e.args])

    ranges = tuple(r._replace(high=free[r.index]) if r.index in free else r for r in equation.ranges)
    return replace(equation, expression=freed(equation.expression), ranges=ranges)
