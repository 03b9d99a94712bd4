"""Gradient check: every gradient against central differences, with kinks recognised.

Contract: `gradient_check(derivation, values)` maps each parameter to max|a - n| / max(1e-8, max|a|, max|n|),
a being the derived gradient and n the difference quotient. Steps from 1 down to 4e-6 are extrapolated to zero
(Ridders 1982), so n is good to about twelve digits; a step across a kink (relu at 0) is never used.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from symbackprop.derivation import Derivation
from symbackprop.functions import Indicator, row_of
from symbackprop.numeric.plan import needed_for
from symbackprop.numeric.points import random_point
from symbackprop.numeric.program import Program, Wanted, compile_program
from symbackprop.numeric.values import Array, by_base, with_defaults

TOLERANCE = {"float64": 1e-6, "float32": 1e-3}
"""The largest error that is still right, by the dtype in which the gradients were computed."""

FLOOR = 1e-8
RATIO = 4.0
STEPS = RATIO ** -np.arange(10)
"""Steps relative to max(1, |parameter|)."""

PRECISE = np.longdouble
"""Differences are taken in the widest floating type, whatever the program computes in: on most machines three
digits more than float64, so that tiny gradients do not drown in the rounding of the loss."""

POINTS = 5

ENTRIES = 40
"""So many entries of an array are compared at each point."""


@dataclass(frozen=True)
class Kink:
    """A parameter that was not judged at a point: the loss has no derivative there."""

    parameter: str
    function: str
    point: int

    def __str__(self) -> str:
        return f"{self.parameter}: {self.function} is at its kink at point {self.point}, there is no derivative"


class GradientCheck(dict[str, float]):
    """Parameter -> relative error, the largest over all points.

    Attributes:
        tolerance: the error that is still right: 1e-6, for float32 values 1e-3.
        points: at how many points the gradients were compared.
        kinks: where the loss has no derivative; such a point does not count.
    """

    def __init__(self, errors: Mapping[str, float], tolerance: float, points: int, kinks: Sequence[Kink]) -> None:
        super().__init__(errors)
        self.tolerance, self.points, self.kinks = tolerance, points, tuple(kinks)

    @property
    def ok(self) -> bool:
        """Is every gradient right?"""
        return all(error <= self.tolerance for error in self.values())

    @property
    def worst(self) -> str | None:
        """The parameter with the largest error."""
        return max(self, key=lambda name: self[name]) if self else None


def gradient_check(
    derivation: Derivation,
    values: Mapping[Any, Any] | None = None,
    *,
    seed: int = 0,
    points: int | None = None,
) -> GradientCheck:
    """Compare every gradient with central differences of the loss.

    Args:
        derivation: the backward pass to check.
        values: what is not given is drawn at random, inside the domains of the functions (``log``: positive).
        seed: of the random values.
        points: how many points to draw (default 5; 1 where every value is given).

    Raises:
        DataError: a value does not fit, or the loss is not finite at the values given.

    >>> import symbackprop as sb, sympy as sp
    >>> w, x, y, z, E = sp.symbols("w x y z E")
    >>> check = gradient_check(sb.Network([sp.Eq(z, sb.sigmoid(w * x)), sp.Eq(E, (z - y) ** 2)]).derive())
    >>> check.ok, check["w"] < 1e-8
    (True, True)
    """
    program = compile_program(derivation)
    given = with_defaults(program.network, by_base(program.network, values or {}))
    complete = all(q.base in given for q in program.plan.arguments)
    count = points or (1 if complete else POINTS)
    draw = np.random.default_rng(seed)
    loss = CostAround(program)
    errors = dict.fromkeys(program.plan.gradients, 0.0)
    kinks: list[Kink] = []
    dtype = "float64"
    for point in range(1, count + 1):
        arguments = random_point(program, given, draw)
        dtype = str(np.result_type(*arguments))
        with np.errstate(all="ignore"):
            for name, error, function in _errors_at(program, loss, arguments):
                errors[name] = max(errors[name], error)
                if function:
                    kinks.append(Kink(name, function, point))
    return GradientCheck(errors, TOLERANCE.get(dtype, TOLERANCE["float32"]), count, kinks)


def _errors_at(program: Program, loss: CostAround, arguments: Sequence[Array]) -> Iterator[tuple[str, float, str]]:
    """For every parameter its name, its relative error, and at whose kink the point lies ("" for none)."""
    _, gradients = program.evaluate(arguments)
    labels = program.network.labels
    quantities = program.plan.arguments
    precise = [
        np.asarray(a) if q.base in labels else np.asarray(a, dtype=PRECISE)
        for q, a in zip(quantities, arguments, strict=True)
    ]
    position = {q.name.plain: n for n, q in enumerate(quantities)}
    for name, analytic in zip(program.plan.gradients, gradients, strict=True):
        if np.ndim(analytic):
            yield name, *_array_error(loss, precise, position[name], analytic)
            continue
        numeric, function = loss.derivative(precise, position[name])
        yield name, 0.0 if numeric is None else relative_error(analytic, numeric), function


def _array_error(loss: CostAround, precise: Sequence[Any], position: int, analytic: Array) -> tuple[float, str]:
    """The relative error of an array, entry by entry (of a large array a fixed sample of entries)."""
    entries = list(np.ndindex(np.shape(analytic)))
    if len(entries) > ENTRIES:
        chosen = np.random.default_rng(0).choice(len(entries), ENTRIES, replace=False)
        entries = [entries[n] for n in sorted(chosen)]
    pairs: list[tuple[float, float]] = []
    responsible = ""
    for entry in entries:
        numeric, function = loss.derivative(precise, position, entry)
        responsible = responsible or function
        if numeric is not None:
            pairs.append((float(analytic[entry]), numeric))
    if not pairs:
        return 0.0, responsible
    derived, numbers = (np.array(side) for side in zip(*pairs, strict=True))
    return relative_error(derived, numbers), responsible


class CostAround:
    """The cost of a network, and its kinks, near a point."""

    def __init__(self, program: Program) -> None:
        self.kinks = list(kinks_of(program))
        self.function = program.function_of([program.plan.loss, *(wanted for wanted, _ in self.kinks)])
        self.is_scalar = program.network.is_scalar

    def derivative(
        self, arguments: Sequence[Any], position: int, entry: tuple[int, ...] = ()
    ) -> tuple[float | None, str]:
        """d(cost)/d(one entry of an argument) by extrapolated central differences.

        None, and the function that is at its kink, where even the smallest step crosses one.
        """
        centre = arguments[position]
        offsets = np.concatenate([STEPS, -STEPS]) * max(1.0, abs(float(centre[entry])))
        places = centre[entry] + offsets
        losses, *gates = (
            self._all_at_once(arguments, position, places)
            if self.is_scalar
            else self._one_by_one(arguments, position, entry, places)
        )
        return self._limit(places, _rows(losses, len(places)), gates)

    def _all_at_once(self, arguments: Sequence[Any], position: int, places: Any) -> Sequence[Array]:
        """Loss and gates of a scalar network at all places in one call, by broadcasting."""
        moved = list(arguments)
        moved[position] = places.reshape(-1, *(1,) * max(a.ndim for a in arguments))
        return self.function(*moved)

    def _one_by_one(
        self, arguments: Sequence[Any], position: int, entry: tuple[int, ...], places: Any
    ) -> Sequence[Array]:
        """Loss and gates with one entry of an array at each place."""
        results: list[Any] = []
        for place in places:
            moved = list(arguments)
            moved[position] = arguments[position].copy()
            moved[position][entry] = place
            results.append(self.function(*moved))
        return [np.array(column) for column in zip(*results, strict=True)]

    def _limit(self, places: Any, losses: Any, gates: Sequence[Array]) -> tuple[float | None, str]:
        """The difference quotients at the places, extrapolated to a step of zero."""
        right, left = np.split(losses.mean(axis=1), 2)
        from_place, to_place = np.split(places, 2)
        width = from_place - to_place
        quotients = (right - left) / width
        noise = 4 * np.finfo(PRECISE).eps * np.maximum(np.abs(right), np.abs(left)) / width
        usable, function = self._usable(gates, len(places))
        usable &= np.isfinite(quotients)
        if not usable[-1]:
            return (None, function) if function else (float("nan"), "")
        first = len(usable) - int(np.argmin(usable[::-1])) if not usable.all() else 0
        return extrapolated(quotients[first:].astype(float), noise[first:].astype(float)), ""

    def _usable(self, gates: Sequence[Array], rows: int) -> tuple[Any, str]:
        """Which steps cross no kink, and whose kink the smallest step crosses."""
        usable = np.ones(rows // 2, dtype=bool)
        responsible = ""
        for gate, (_, function) in zip(gates, self.kinks, strict=True):
            right, left = np.split(np.sign(_rows(gate, rows)), 2)
            crossed = (right != left).any(axis=1)
            responsible = responsible or (function if crossed[-1] else "")
            usable &= ~crossed
        return usable, responsible


def _rows(value: Array, rows: int) -> Any:
    """A value at every offset (first axis) and for every sample (second axis)."""
    array = np.asarray(value)
    if not array.ndim or array.shape[0] != rows:
        array = np.broadcast_to(array, (rows, *array.shape[1:]))
    return array.reshape(rows, -1)


def extrapolated(quotients: Iterable[float], noise: Iterable[float]) -> float:
    """The limit of difference quotients whose steps shrink by `RATIO`: the least estimated error wins.

    `noise` is the rounding error of each quotient: without it two quotients that agree by chance would win.

    >>> steps = [0.1, 0.025, 0.00625]
    >>> abs(extrapolated([(np.exp(h) - np.exp(-h)) / (2 * h) for h in steps], [0, 0, 0]) - 1) < 1e-12
    True
    """
    best, least = float("nan"), np.inf
    before: list[float] = []
    for quotient, rounding in zip(quotients, noise, strict=True):
        row = [float(quotient)]
        best = row[0] if np.isinf(least) else best
        for order, previous in enumerate(before, start=1):
            power = RATIO ** (2 * order)
            row.append((power * row[-1] - previous) / (power - 1))
            error = max(abs(row[-1] - row[-2]), abs(row[-1] - previous)) + rounding
            if error < least:
                best, least = row[-1], error
        before = row
    return best


def relative_error(analytic: Any, numeric: Any) -> float:
    """max|a - n| / max(1e-8, max|a|, max|n|); infinite where one of them is not finite."""
    a, n = np.asarray(analytic, dtype=float), np.asarray(numeric, dtype=float)
    if not (np.isfinite(a).all() and np.isfinite(n).all()):
        return float("inf")
    return float(np.max(np.abs(a - n)) / max(FLOOR, np.max(np.abs(a)), np.max(np.abs(n))))


def kinks_of(program: Program) -> Iterator[tuple[Wanted, str]]:
    """Expressions (with their axes) that are zero where a function has no derivative, and its name."""
    network = program.network
    needed = needed_for(network.equations, [network.loss.base])
    seen: set[sp.Expr] = set()
    for equation in network.equations:
        if equation.base not in needed:
            continue
        for node in sp.preorder_traversal(equation.expression):
            for expression, name in _kinks_at(node):
                if expression not in seen:
                    seen.add(expression)
                    if program.can_write(expression, equation.ranges):
                        yield ((expression, equation.ranges) if equation.ranges else expression), name


def _kinks_at(node: Any) -> Iterator[tuple[sp.Expr, str]]:
    if isinstance(node, (sp.Piecewise, Indicator)):
        for condition in node.atoms(sp.core.relational.Relational):
            sides: Any = condition.args
            yield sides[0] - sides[1], "a condition"
    elif isinstance(node, sp.Function) and (row := row_of(node)) is not None:
        arguments: Any = node.args
        expression = row.kinks(arguments)
        if expression is not None:
            yield expression, row.name
