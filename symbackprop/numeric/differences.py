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
from symbackprop.network import Network
from symbackprop.numeric.plan import needed_for
from symbackprop.numeric.points import random_point
from symbackprop.numeric.program import Program, compile_program
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


@dataclass(frozen=True)
class Kink:
    """A parameter that was not judged at a point: the loss has no derivative there."""

    parameter: str
    function: str
    point: int

    def __str__(self) -> str:
        return (
            f"{self.parameter}: {self.function} is at its kink at point {self.point}, there is no derivative"
        )


class GradientCheck(dict[str, float]):
    """Parameter -> relative error, the largest over all points.

    Attributes:
        tolerance: the error that is still right: 1e-6, for float32 values 1e-3.
        points: at how many points the gradients were compared.
        kinks: where the loss has no derivative; such a point does not count.
    """

    def __init__(
        self, errors: Mapping[str, float], tolerance: float, points: int, kinks: Sequence[Kink]
    ) -> None:
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


def _errors_at(
    program: Program, loss: CostAround, arguments: Sequence[Array]
) -> Iterator[tuple[str, float, str]]:
    """For every parameter its name, its relative error, and at whose kink the point lies ("" for none)."""
    _, gradients = program.evaluate(arguments)
    precise = [np.asarray(a, dtype=PRECISE) for a in arguments]
    position = {q.name.plain: n for n, q in enumerate(program.plan.arguments)}
    for name, analytic in zip(program.plan.gradients, gradients, strict=True):
        numeric, function = loss.derivative(precise, position[name])
        yield name, 0.0 if numeric is None else relative_error(analytic, numeric), function


class CostAround:
    """The cost of a network, and its kinks, near a point."""

    def __init__(self, program: Program) -> None:
        self.kinks = list(kinks_of(program.network))
        wanted = [program.plan.loss, *(expression for expression, _ in self.kinks)]
        self.function = program.function_of(wanted)

    def derivative(self, arguments: Sequence[Any], position: int) -> tuple[float | None, str]:
        """d(cost)/d(argument) by extrapolated central differences, all steps in one call.

        None, and the function that is at its kink, where even the smallest step crosses one.
        """
        centre = arguments[position]
        offsets = np.concatenate([STEPS, -STEPS]) * max(1.0, abs(float(centre)))
        places = centre + offsets
        moved = list(arguments)
        moved[position] = places.reshape(-1, *(1,) * max(a.ndim for a in arguments))
        loss, *gates = self.function(*moved)
        right, left = np.split(_rows(loss, len(places)).mean(axis=1), 2)
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


def kinks_of(network: Network) -> Iterator[tuple[sp.Expr, str]]:
    """Expressions that are zero where a function in the loss has no derivative, with the function's name."""
    needed = needed_for(network.equations, [network.loss.base])
    seen: set[sp.Expr] = set()
    for equation in network.equations:
        if equation.base not in needed:
            continue
        for node in sp.preorder_traversal(equation.expression):
            for expression, name in _kinks_at(node):
                if expression not in seen:
                    seen.add(expression)
                    yield expression, name


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
