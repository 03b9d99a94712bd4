"""The range of every index and axis: from sums, declarations and plain uses, to a fixpoint; then checked.

Contract: `infer_ranges` returns the equations with a limit for every index on their left side and the axes of every
quantity; what cannot be told is asked for. `check_uses` refuses what does not fit, with both sizes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import sympy as sp

from symbackprop.indexed import (
    Base,
    Indices,
    Limit,
    Softmax,
    affine_coefficient,
    at_least_zero,
    base_of,
    bound_limits,
    free_indices,
    indices_of,
    largest_value,
    smallest_value,
)
from symbackprop.names import Name
from symbackprop.network.equation import Equation, refusal

Axes = tuple[Limit, ...]


class Use:
    """One reference ``v[J]`` in an equation, with the limits of the indices in scope."""

    __slots__ = ("at", "base", "equation", "scope")

    def __init__(self, base: Base, at: Indices, scope: tuple[Limit, ...], equation: Equation) -> None:
        self.base, self.at, self.scope, self.equation = base, at, scope, equation

    def limit_of(self, index: Any) -> Limit | None:
        """The range of a plain index, innermost scope first."""
        return next((limit for limit in reversed(self.scope) if limit.index == index), None)


def uses_of(equation: Equation) -> Iterator[Use]:
    """Every reference with indices on the right side, with its scope."""
    stack: list[tuple[Any, tuple[Limit, ...]]] = [(equation.expression, equation.ranges)]
    while stack:
        node, scope = stack.pop()
        if isinstance(node, sp.Indexed):
            yield Use(node.base, indices_of(node), scope, equation)
            stack.extend((i, scope) for i in node.indices if not isinstance(i, sp.Symbol))
        elif node.args:
            inner = scope + bound_limits(node)
            stack.extend((a, inner) for a in node.args)


def infer_ranges(
    equations: Iterable[Equation],
    declared: Mapping[Base, Axes],
    ranges: Mapping[sp.Symbol, Limit],
    names: Mapping[Base, Name],
) -> tuple[list[Equation], dict[Base, Axes]]:
    """Give every left-side index a limit and every quantity its axes."""
    pending = [_with_declared_ranges(e, declared, ranges) for e in equations]
    axes: dict[Base, Axes] = dict(declared)
    _axes_of_defined(pending, axes)
    while True:
        uses = [use for e in pending for use in uses_of(e)]
        changed = _axes_from_plain_uses(uses, axes)
        pending, more = _ranges_from_uses(pending, axes)
        changed |= more | _axes_of_defined(pending, axes)
        if not changed:
            break
    uses = [use for e in pending for use in uses_of(e)]
    _axes_from_shifted_uses(uses, axes)
    _require_everything(pending, uses, axes, names)
    return pending, axes


def check_uses(equations: Iterable[Equation], axes: Mapping[Base, Axes], names: Mapping[Base, Name]) -> None:
    """Every reference must stay inside the axes of its quantity."""
    for equation in equations:
        for use in uses_of(equation):
            _check_use(use, axes, names)


def _with_declared_ranges(
    equation: Equation, declared: Mapping[Base, Axes], ranges: Mapping[sp.Symbol, Limit]
) -> Equation:
    """Ranges that are known without looking at the right side."""
    limits = {limit.index: limit for limit in equation.ranges}
    for position, index in enumerate(equation.at):
        if not isinstance(index, sp.Symbol) or index in limits:
            continue
        if index in ranges:
            limits[index] = ranges[index]
        elif equation.base in declared:
            axis = declared[equation.base][position]
            limits[index] = Limit(index, axis.low, axis.high)
    return replace(equation, ranges=tuple(limits.values()))


def _axes_of_defined(equations: Iterable[Equation], axes: dict[Base, Axes]) -> bool:
    """Axes of quantities from the left sides that define them: the hull over base case and step."""
    definitions: dict[Base, list[Equation]] = {}
    for equation in equations:
        definitions.setdefault(equation.base, []).append(equation)
    changed = False
    for base, defining in definitions.items():
        if base in axes:
            continue
        ready = [e for e in defining if len(e.index_symbols) == sum(isinstance(i, sp.Symbol) for i in e.at)]
        if len(ready) < len(defining):
            continue
        general = max(ready, key=lambda e: len(e.index_symbols))
        hull = [_axis_of_target(general, position) for position in range(len(general.at))]
        for equation in ready:
            for position in range(len(hull)):
                hull[position] = covering(hull[position], _axis_of_target(equation, position))
        axes[base] = tuple(hull)
        changed = True
    return changed


def _axis_of_target(equation: Equation, position: int) -> Limit:
    index = equation.at[position]
    for limit in equation.ranges:
        if limit.index == index:
            return limit
    return Limit(sp.Symbol(f"fixed{position}", integer=True), index, index)


def covering(first: Limit, second: Limit) -> Limit:
    """The smallest range that covers two, with the index of the first."""
    low = first.low if at_least_zero(second.low - first.low, ()) else second.low
    high = first.high if not at_least_zero(second.high - first.high, ()) else second.high
    return Limit(first.index, low, high)


def _axes_from_plain_uses(uses: Iterable[Use], axes: dict[Base, Axes]) -> bool:
    """Axes of undefined quantities from references whose every position is a plain index with a known range."""
    found: dict[Base, list[Limit]] = {}
    for use in uses:
        if use.base in axes:
            continue
        own = [limit for i in use.at if (limit := use.limit_of(i))]
        foreign = {limit.index for limit in use.scope} - set(use.at)
        bounds = sp.Tuple(*(bound for limit in own for bound in limit[1:]))
        if len(set(use.at)) < len(use.at) or len(own) < len(use.at) or foreign & free_indices(bounds):
            continue
        if use.base in found:
            renamed = dict(zip((limit.index for limit in own), (limit.index for limit in found[use.base]), strict=True))
            own = [limit.replace(renamed) for limit in own]
            found[use.base] = [covering(a, b) for a, b in zip(found[use.base], own, strict=True)]
        else:
            found[use.base] = own
    for base, limits in found.items():
        axes[base] = tuple(limits)
    return bool(found)


def _ranges_from_uses(equations: list[Equation], axes: Mapping[Base, Axes]) -> tuple[list[Equation], bool]:
    """Ranges of left-side indices from plain uses of quantities whose axes are known."""
    result, changed = list[Equation](), False
    for equation in equations:
        missing = [i for i in equation.at if isinstance(i, sp.Symbol) and i not in equation.index_symbols]
        if missing:
            limits = {limit.index: limit for limit in equation.ranges}
            for softmax in equation.expression.atoms(Softmax):
                if softmax.args[0] in missing and softmax.args[0] not in limits:
                    limits[softmax.args[0]] = softmax.limit._replace(index=softmax.args[0])
                    changed = True
            for use in uses_of(equation):
                known = axes.get(use.base)
                if known is None or len(known) != len(use.at):
                    continue
                at = dict(zip((axis.index for axis in known), use.at, strict=True))
                for index, axis in zip(use.at, known, strict=True):
                    if index in missing and index not in limits and use.limit_of(index) is None:
                        limits[index] = Limit(index, axis.low.xreplace(at), axis.high.xreplace(at))  # type: ignore[arg-type]
                        changed = True
            equation = replace(equation, ranges=tuple(limits.values()))
        result.append(equation)
    return result, changed


def _axes_from_shifted_uses(uses: Iterable[Use], axes: dict[Base, Axes]) -> None:
    """Axes that are only reached through ``X[i+p-1]``: the smallest range that covers every use."""
    reached: dict[Base, list[Limit | None]] = {}
    for use in uses:
        if use.base in axes:
            continue
        spans: list[Limit | None] = []
        for position, at in enumerate(use.at):
            low, high = smallest_value(at, use.scope), largest_value(at, use.scope)
            index = sp.Symbol(f"{'abcdef'[position]}", integer=True)
            spans.append(None if low is None or high is None else Limit(index, low, high))
        before = reached.get(use.base)
        if before is not None:
            spans = [covering(a, b) if a and b else None for a, b in zip(before, spans, strict=True)]
        reached[use.base] = spans
    for base, spans in reached.items():
        if all(spans):
            axes[base] = tuple(span for span in spans if span)


def _require_everything(
    equations: Iterable[Equation], uses: Iterable[Use], axes: Mapping[Base, Axes], names: Mapping[Base, Name]
) -> None:
    for equation in equations:
        for index in equation.at:
            if isinstance(index, sp.Symbol) and index not in equation.index_symbols:
                raise refusal(
                    equation,
                    f"the range of index {index} in {names[equation.base].plain} cannot be told",
                    hint=f"write '{names[equation.base].plain}_{{...}} = ...   for {index} = 1..n'",
                )
    for use in uses:
        if use.base not in axes:
            raise refusal(
                use.equation,
                f"the shape of {names[use.base].plain} cannot be told from its uses",
                hint=f"declare it, for example '{names[use.base].plain} in R^(n x m)'",
            )


def _check_use(use: Use, axes: Mapping[Base, Axes], names: Mapping[Base, Name]) -> None:
    """Every reference must stay inside the axes: refused unless it can be proven."""
    known, name = axes[use.base], names[use.base].plain
    if len(known) != len(use.at):
        raise refusal(
            use.equation, f"{name} has {len(known)} axes, but it is used here with {len(use.at)} indices: {use.at}"
        )
    at = dict(zip((axis.index for axis in known), use.at, strict=True))
    for position, (index, axis) in enumerate(zip(use.at, known, strict=True), start=1):
        if any(isinstance(part, sp.Indexed) for part in sp.preorder_traversal(index)):
            continue  # an integer label: its values are checked with the data
        low, high = axis.low.xreplace(at), axis.high.xreplace(at)
        if free_indices(index) and any(affine_coefficient(index, limit.index) is None for limit in use.scope):
            raise refusal(use.equation, f"index {position} of {name} is not a sum of indices and sizes: {index}")
        if at_least_zero(index - low, use.scope) and at_least_zero(high - index, use.scope):
            continue
        smallest, largest = smallest_value(index, use.scope), largest_value(index, use.scope)
        raise refusal(
            use.equation,
            f"index {position} of {name} runs from {smallest} to {largest} here ({index}), "
            f"but that axis of {name} runs from {low} to {high}",
            hint=f"make the two sizes the same symbol, or declare the shape of {name}, or add the missing base case",
        )


def base_uses(expression: Any) -> Iterator[Base]:
    """The bases of every reference in written order, bound indices and index positions included."""
    stack = [expression]
    while stack:
        node = stack.pop()
        if isinstance(node, sp.Indexed):
            yield node.base
            stack.extend(i for i in node.indices if i.args)
        elif isinstance(node, sp.Symbol):
            yield base_of(node)
        else:
            stack.extend(reversed(node.args))
