"""Gradient check: every gradient against central differences, with kinks recognised.

Contract: `gradient_check(derivation, values)` maps each parameter to max|a - n| / max(1e-8, max|a|, max|n|), a being
the derived gradient and n the difference quotient. Steps from 0.1 down to 6e-6 are extrapolated to zero (Ridders
1982), so n is good to about twelve digits; a step across a kink (relu at 0) is never used.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from symbackprop.derivation import Derivation
from symbackprop.errors import DataError
from symbackprop.functions import Indicator, row_of
from symbackprop.indexed import Base
from symbackprop.network import Network, Quantity
from symbackprop.numeric.plan import needed_for
from symbackprop.numeric.program import Program, compile_program
from symbackprop.numeric.values import Array, by_base, check_shapes, in_one_dtype, with_defaults

TOLERANCE = {np.dtype(np.float64): 1e-6, np.dtype(np.float32): 1e-3}
FLOOR = 1e-8
RATIO = 4.0
STEPS = 0.1 / RATIO ** np.arange(8)
POINTS = 5
ATTEMPTS = 60


@dataclass(frozen=True)
class Kink:
    """A parameter that was not judged at a point: the loss has no derivative there."""

    parameter: str
    function: str
    point: int

    def __str__(self) -> str:
        return f"{self.parameter}: {self.function} is at its kink (point {self.point + 1}), there is no derivative to compare"


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


def gradient_check(derivation: Derivation, values: Mapping[Any, Any] | None = None, *, seed: int = 0,
                   points: int | None = None) -> GradientCheck:
    """Compare every gradient with central differences of the loss.

    Args:
        derivation: the backward pass to check.
        values: what is not given is drawn at random, inside the domains of the functions (``log``: positive).
        seed: of the random values.
        points: how many points to draw (default 5; 1 where every value is given).

    Raises:
        DataError: a value does not fit, or the loss is not finite at the values given.

    >>> import symbackprop as sb
    >>> import sympy as sp
    >>> w, x, y, z, E = sp.symbols("w x y z E")
    >>> check = gradient_check(sb.Network([sp.Eq(z, sb.sigmoid(w * x)), sp.Eq(E, (z - y) ** 2)]).derive())
    >>> check.ok, check["w"] < 1e-8
    (True, True)
    """
    program = compile_program(derivation)
    given = with_defaults(program.network, by_base(program.network, values or {}))
    open_ = [q for q in program.plan.arguments if q.base not in given]
    probe = _Probe(program)
    errors = dict.fromkeys(program.plan.gradients, 0.0)
    kinks: list[Kink] = []
    draw = np.random.default_rng(seed)
    count = points or (POINTS if open_ else 1)
    tolerance = TOLERANCE[np.dtype(np.float64)]
    for point in range(count):
        bound = _point(program, given, open_, draw)
        tolerance = TOLERANCE.get(next(iter(bound.values())).dtype, tolerance)
        with np.errstate(all="ignore"):
            for name, error, function in probe.errors(bound):
                errors[name] = max(errors[name], error)
                if function:
                    kinks.append(Kink(name, function, point))
    return GradientCheck(errors, tolerance, count, kinks)


class _Probe:
    """The loss and the kinks of a network around one point."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.kinks = list(kinks_of(program.network))
        self.function = program.function_of([program.plan.loss, *(expression for expression, _ in self.kinks)])

    def errors(self, bound: Mapping[Base, Array]) -> Iterator[tuple[str, float, str]]:
        """For every parameter its name, its relative error, and the function at whose kink the point lies ("")."""
        arguments = [bound[q.base] for q in self.program.plan.arguments]
        _, gradients = self.program.evaluate(arguments)
        precise = [np.asarray(a, dtype=np.float64) for a in arguments]
        positions = {q.name.plain: n for n, q in enumerate(self.program.plan.arguments)}
        for (name, analytic) in zip(self.program.plan.gradients, gradients, strict=True):
            numeric, function = self.derivative(precise, positions[name])
            if numeric is None:
                yield name, 0.0, function
            else:
                yield name, relative_error(analytic, numeric), ""

    def derivative(self, arguments: list[Any], position: int) -> tuple[float | None, str]:
        """d(cost)/d(argument), or None and the function at whose kink the point lies."""
        centre = arguments[position]
        scale = max(1.0, abs(float(centre)))
        offsets = np.concatenate([STEPS, -STEPS]) * scale
        moved = arguments.copy()
        samples = max((a.ndim for a in arguments), default=0)
        moved[position] = (centre + offsets).reshape(-1, *(1,) * samples)
        loss, *gates = self.function(*moved)
        costs = _by_row(loss, len(offsets))
        crossed = np.zeros(len(STEPS), dtype=bool)
        responsible = ""
        for gate, (_, function) in zip(gates, self.kinks, strict=True):
            signs = np.sign(np.broadcast_to(gate, (len(offsets), *np.shape(gate)[1:])) if np.ndim(gate) else np.full(
                len(offsets), gate)).reshape(len(offsets), -1)
            here = (signs[:len(STEPS)] != signs[len(STEPS):]).any(axis=1)
            responsible = responsible or (function if here[-1] else "")
            crossed |= here
        width = (centre + offsets[:len(STEPS)]) - (centre + offsets[len(STEPS):])
        quotients = (costs[:len(STEPS)] - costs[len(STEPS):]) / width
        usable = ~crossed & np.isfinite(quotients)
        first = int(np.argmax(usable)) if usable.any() else len(STEPS)
        while first < len(STEPS) and not usable[first:].all():
            first += 1
        if first == len(STEPS):
            return (None, responsible) if responsible else (float("nan"), "")
        return extrapolated(quotients[first:]), ""


def extrapolated(quotients: Sequence[float] | np.ndarray[Any, Any]) -> float:
    """The limit of difference quotients whose steps shrink by `RATIO`: the entry with the least estimated error.

    >>> steps = [0.1, 0.025, 0.00625]
    >>> abs(extrapolated([(np.exp(h) - np.exp(-h)) / (2 * h) for h in steps]) - 1) < 1e-12
    True
    """
    best, least = float(quotients[-1]), np.inf
    before: list[float] = []
    for quotient in quotients:
        row = [float(quotient)]
        for order, previous in enumerate(before, start=1):
            power = RATIO ** (2 * order)
            row.append((power * row[-1] - previous) / (power - 1))
            error = max(abs(row[-1] - row[-2]), abs(row[-1] - previous))
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
    row = row_of(node) if isinstance(node, sp.Function) else None
    if row is not None:
        expression = row.kinks(node.args)
        if expression is not None:
            yield expression, row.name
    elif isinstance(node, (sp.Piecewise, Indicator)):
        for condition in node.atoms(sp.core.relational.Relational):
            yield condition.lhs - condition.rhs, "a condition"


def _by_row(value: Array, rows: int) -> Any:
    """The cost at each offset: the mean over the samples, if there are any."""
    array = np.asarray(value)
    if array.ndim == 0 or array.shape[0] != rows:
        array = np.broadcast_to(array, (rows, *array.shape[1:]))
    return array.reshape(rows, -1).mean(axis=1)


# -- random points -----------------------------------------------------------------------------------------------
def _normal(draw: np.random.Generator) -> float:
    return draw.standard_normal()


def _positive(draw: np.random.Generator) -> float:
    return abs(draw.standard_normal()) + 0.05


def _fraction(draw: np.random.Generator) -> float:
    return draw.uniform(0.05, 0.95)


MANNERS: Sequence[Mapping[str, Callable[[np.random.Generator], float]]] = (
    {}, {}, {"target": _fraction}, {"input": _positive}, {"constant": _positive},
    {"input": _positive, "target": _positive, "constant": _positive},
    {role: _positive for role in ("input", "target", "constant", "parameter")},
    {role: _fraction for role in ("input", "target", "constant", "parameter")})
"""How values are drawn, role by role, until the loss is finite: any number first, then inside (0, inf) and (0, 1)."""


def _point(program: Program, given: Mapping[Base, Any], open_: Sequence[Quantity],
           draw: np.random.Generator) -> dict[Base, Array]:
    """A point at which every quantity is finite."""
    for attempt in range(ATTEMPTS if open_ else 1):
        manner = MANNERS[attempt % len(MANNERS)]
        values = dict(given) | {q.base: manner.get(q.role, _normal)(draw) for q in open_}
        bound = in_one_dtype(program.network, values)
        check_shapes(program.network, bound, samples=True)
        with np.errstate(all="ignore"):
            broken = not_finite(program, bound)
            if broken is None:
                loss, gradients = program.evaluate([bound[q.base] for q in program.plan.arguments])
                if np.isfinite(loss) and all(np.isfinite(g).all() for g in gradients):
                    return bound
                broken = "a gradient"
    raise DataError(f"{broken} is not finite {'at these values' if not open_ else 'wherever values were drawn'}",
                    hint="give values inside the domains of the functions (log, square root: positive arguments)")


def not_finite(program: Program, bound: Mapping[Base, Array]) -> str | None:
    """The plain name of the first quantity, in order of evaluation, that is nan or infinite."""
    for base, value in (dict(bound) | program.evaluate_forward(bound)).items():
        if not np.isfinite(value).all():
            return program.network.names[base].plain
    return None
