"""Gradient check: derived or hand-written gradients against the change of the loss, with kinks recognised.

Contract: `gradient_check(derivation, values)` maps each parameter to max|a - n| / max(1e-8, max|a|, max|n|), a being
the gradient and n the central difference of the loss. Where the loss is smooth, the complex step is asked too and
decides: it is exact to rounding. A kink (relu at 0) is reported, never judged.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, get_args

import numpy as np

from symbackprop.derivation import Derivation
from symbackprop.errors import DataError
from symbackprop.numeric.around import PRECISE, precise
from symbackprop.numeric.complex_step import ComplexStep
from symbackprop.numeric.differences import FLOOR, CentralDifferences
from symbackprop.numeric.given import Gradients, given_gradients
from symbackprop.numeric.points import random_point
from symbackprop.numeric.program import Program, compile_program
from symbackprop.numeric.values import Array, by_base, common_dtype, with_defaults
from symbackprop.numeric.verdicts import GradientCheck, Kink, Method, relative_error

TOLERANCE = {"float16": 3e-2, "float32": 1e-4}
"""The largest relative error that is still right, by the dtype of the gradients; wider types: 1e-6."""

POINTS = 5

PROBES = 40
"""So many derivatives of an array are compared at each point."""

CERTAIN = 1e-7
"""A difference quotient whose own relative error may be larger judges nobody."""


def gradient_check(
    derivation: Derivation,
    values: Mapping[Any, Any] | None = None,
    gradients: Gradients | None = None,
    *,
    method: Method | None = None,
    tolerance: float | None = None,
    seed: int = 0,
    points: int | None = None,
) -> GradientCheck:
    r"""Compare every gradient with the change of the loss.

    Every entry counts: each by itself in an array of up to 40 entries, else in 40 random combinations.

    Args:
        derivation: the backward pass to check.
        values: what is not given is drawn at random, inside the domains of the functions (``log``: positive).
        gradients: gradients of your own, to be checked instead of the derived ones: parameter -> array of its shape,
            or a function from values by name to that, or to a pair of loss and that, as a program is. A parameter
            that is left out is not judged, a gradient of another shape is wrong.
        method: ``central``: differences only. ``complex``: errors are those of the complex step where the loss is
            smooth, and of central differences elsewhere. None: errors are those of central differences, and the
            complex step decides where the loss is smooth.
        tolerance: the largest relative error that is right (default: 1e-6, for float32 1e-4).
        seed: of the random values.
        points: how many points to draw (default 5; 1 where every value is given).

    Raises:
        DataError: a value does not fit, the loss is not finite at the values given, or the gradients are numbers
            and a value that they belong to is missing.

    >>> import symbackprop as sb
    >>> derivation = sb.read("z = w x\na = sigmoid(z)\nE = (a - y)^2").derive()
    >>> check = gradient_check(derivation)
    >>> check.ok, check["w"] < 1e-8, check.method["w"]
    (True, True, 'complex')
    >>> point = {"w": 0, "x": 2, "y": 0}  # E' is 1, a (1 - a) is 1/4
    >>> gradient_check(derivation, point, gradients={"w": 0.5}).ok
    True
    >>> gradient_check(derivation, point, gradients={"w": 0.25}).wrong
    ('w',)
    """
    if method not in (None, *get_args(Method)):
        raise DataError(f"there is no method {method!r} of checking gradients", hint="use 'central' or 'complex'")
    program = compile_program(derivation)
    network, quantities = program.network, program.plan.arguments
    given = with_defaults(network, by_base(network, values or {}))
    missing = [q.name.plain for q in quantities if q.base not in given]
    if isinstance(gradients, Mapping) and missing:
        raise DataError(
            f"the gradients are numbers, but there is no value for {', '.join(missing)}",
            hint="give every value, or a function that computes the gradients from values",
        )
    loss = _Loss(program, method)
    draw = np.random.default_rng(seed)
    check = GradientCheck(tolerance or 0.0, points or (POINTS if missing else 1))
    for point in range(1, check.points + 1):
        arguments = random_point(program, given, draw)
        exact = precise(program, arguments)
        if gradients is None:
            found, formulas = loss.gradients(arguments), loss.gradients(exact)
        else:
            by_name = {q.name.plain: a for q, a in zip(quantities, arguments, strict=True)}
            found, misfits = given_gradients(network, gradients, by_name)
            formulas = found
            check.misfits |= misfits
        if tolerance is None:
            numbers = [a for q, a in zip(quantities, arguments, strict=True) if q.base not in network.labels]
            check.tolerance = max(tolerance_of(numbers), tolerance_of(found.values()))
        for name, gradient in found.items():
            _judge(check, point, name, gradient, formulas[name], loss, exact)
    for name in check.misfits:
        check.enter(name, math.inf, math.inf)
    check.missing = tuple(name for name in program.plan.gradients if name not in check)
    return check


def tolerance_of(arrays: Iterable[Array]) -> float:
    """The largest relative error that is right for numbers of the dtype of the arrays."""
    return TOLERANCE.get(str(common_dtype(arrays)), 1e-6)


def _judge(
    check: GradientCheck, point: int, name: str, gradient: Array, formula: Array, loss: _Loss, exact: Sequence[Array]
) -> None:
    """Enter the error of one gradient at one point; `formula` is the same without rounding, where that is known."""
    directions = list(directions_in(np.shape(gradient)))
    with np.errstate(all="ignore"):
        sharp = loss.by_complex_step(exact, name, directions)
        slopes, function = (
            (sharp, "") if sharp and loss.method == "complex" else loss.by_differences(exact, name, directions)
        )
    check.method[name] = "complex" if sharp else "central"
    check.size[name] = max([check.size.get(name, 0.0), *(abs(n) for n in sharp or slopes if n is not None)])
    check.enter(name, _error(gradient, directions, slopes) or 0.0, _error(formula, directions, sharp or slopes))
    if function:
        check.kinks.append(Kink(name, function, point))
    elif None in slopes and not sharp:
        check.hidden.add(name)


class _Loss:
    """The loss of a program with its derivatives: derived, by differences, by the complex step."""

    def __init__(self, program: Program, method: Method | None) -> None:
        self.program, self.method = program, method
        self._central = CentralDifferences(program)
        self._complex = ComplexStep(program)
        self._position = {q.name.plain: n for n, q in enumerate(program.plan.arguments)}

    def gradients(self, arguments: Sequence[Array]) -> dict[str, Array]:
        """The derived gradients by plain name."""
        with np.errstate(all="ignore"):
            _, gradients = self.program.evaluate(arguments)
        return dict(zip(self.program.plan.gradients, gradients, strict=True))

    def by_differences(
        self, arguments: Sequence[Array], name: str, directions: Sequence[Array]
    ) -> tuple[list[float | None], str]:
        """Slopes of the loss along directions of a parameter, and whose kink is to blame where one is missing.

        None is a slope that is not certain beside the largest one.
        """
        position, amplified = self._position[name], self._amplified(arguments)
        found = [self._central.derivative(arguments, position, direction, amplified) for direction in directions]
        enough = CERTAIN * max([FLOOR, *(abs(slope.value) for slope in found if math.isfinite(slope.error))])
        kinks = [slope.function for slope in found if slope.error > enough and slope.function]
        return [None if slope.error > enough else slope.value for slope in found], kinks[0] if kinks else ""

    def _amplified(self, arguments: Sequence[Array]) -> float:
        """How much the loss changes where all parameters change by their own size, to first order."""
        sizes = [
            np.sum(np.abs(gradient * arguments[self._position[name]]))
            for name, gradient in self.gradients(arguments).items()
        ]
        return float(np.nan_to_num(sum(sizes)))

    def by_complex_step(
        self, arguments: Sequence[Array], name: str, directions: Sequence[Array]
    ) -> list[float | None] | None:
        """The same by the complex step; None where the loss is not smooth in the parameter."""
        if self.method == "central":
            return None
        found = [self._complex.derivative(arguments, self._position[name], d) for d in directions]
        return None if None in found else found


def directions_in(shape: tuple[int, ...]) -> Iterator[Array]:
    """Directions that between them meet every entry of an array: every entry by itself, or random groups of a large
    array with random weights, so that errors in one group do not cancel.

    >>> [direction.tolist() for direction in directions_in((2,))]
    [[1.0, 0.0], [0.0, 1.0]]
    """
    size = math.prod(shape)
    groups, weights = np.arange(size), np.ones(size)
    if size > PROBES:
        draw = np.random.default_rng(0)
        groups = draw.permutation(size) % PROBES
        weights = draw.choice([-1, 1], size) * draw.integers(8, 17, size) / 16  # sixteenths: steps stay exact
    for group in range(min(size, PROBES)):
        yield np.where(groups == group, weights, 0).reshape(shape)


def _error(gradient: Array, directions: Sequence[Array], slopes: Sequence[float | None]) -> float | None:
    """The relative error of a gradient along directions; None where the loss has kinks along all of them."""
    precisely = np.asarray(gradient, dtype=PRECISE)
    pairs = [(np.sum(precisely * d), n) for d, n in zip(directions, slopes, strict=True) if n is not None]
    return relative_error(*zip(*pairs, strict=True)) if pairs else None
