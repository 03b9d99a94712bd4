"""Random points at which a network can be evaluated: finite values, inside the domains of its functions.

Contract: `random_point` keeps what is given and draws the rest, first from a normal distribution, then
positive or between 0 and 1, until every quantity and every gradient is finite.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import sympy as sp

from symbackprop.errors import DataError
from symbackprop.indexed import Base
from symbackprop.network import Network, Quantity, Role
from symbackprop.numeric.program import Program
from symbackprop.numeric.shapes import Shapes
from symbackprop.numeric.values import Array, check_shapes, in_one_dtype, one_by_one

Draw = Callable[[np.random.Generator, tuple[int, ...]], Array]

ATTEMPTS = 80


SMALL = (3, 4, 2, 5, 6, 7)
"""Sizes that nothing tells are drawn from these, all different while they last, so that shapes are tested."""


def _normal(draw: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return draw.standard_normal(shape) if shape else draw.standard_normal()


def _positive(draw: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return abs(_normal(draw, shape)) + 0.05


def _fraction(draw: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return draw.uniform(0.05, 0.95, shape) if shape else draw.uniform(0.05, 0.95)


GIVEN_ROLES: tuple[Role, ...] = ("input", "target", "constant", "parameter")

MANNERS: Sequence[Mapping[Role, Draw]] = (
    {},
    {},
    {"target": _fraction},
    {"input": _positive},
    {"constant": _positive},
    {"input": _positive, "target": _positive, "constant": _positive},
    dict.fromkeys(GIVEN_ROLES, _positive),
    dict.fromkeys(GIVEN_ROLES, _fraction),
)
"""How values are drawn, role by role, attempt after attempt: any number, then positive, then in (0, 1)."""


def random_point(program: Program, given: Mapping[Base, Any], draw: np.random.Generator) -> list[Array]:
    """The arguments of the program at a point where everything is finite.

    Raises:
        DataError: a given value does not fit, or no such point was found; names the quantity.
    """
    network = program.network
    open_ = [q for q in program.plan.arguments if q.base not in given]
    shapes = Shapes(network, _with_small_sizes(network, given))
    broken: str | None = None
    for attempt in range(ATTEMPTS if open_ else 1):
        manner = MANNERS[attempt % len(MANNERS)]
        drawn = {q.base: _drawn(q, manner.get(q.role, _normal), draw, shapes) for q in open_}
        bound = in_one_dtype(network, dict(given) | _assumed(network, drawn))
        check_shapes(program.network, bound)
        arguments = [bound[q.base] for q in program.plan.arguments]
        broken = not_finite(program, bound) or _gradient_not_finite(program, arguments)
        if broken is None:
            return arguments
    where = "wherever values were drawn" if open_ else "at these values"
    raise DataError(
        f"{broken} is not finite {where}",
        hint="give values inside the domains of the functions (log, square root: positive arguments)",
    )


def _drawn(quantity: Quantity, manner: Draw, draw: np.random.Generator, shapes: Shapes) -> Array:
    """A random value of the right shape; labels are whole numbers."""
    if shapes.network.is_scalar:
        return manner(draw, ())
    label = shapes.network.labels.get(quantity.base)
    if label is not None:
        return draw.integers(0, shapes.number(label.size) or 1, shapes.of(quantity))
    return manner(draw, shapes.of(quantity))


def _with_small_sizes(network: Network, given: Mapping[Base, Any]) -> dict[Base, Any]:
    """The values, and small distinct numbers for the sizes that they do not tell."""
    known = Shapes(network, given).sizes
    unused = [n for n in SMALL if n not in known.values()]
    missing = [s for s in sorted(network.sizes, key=lambda s: s.name) if s not in known]
    return dict(given) | {size: unused[n % len(unused)] for n, size in enumerate(missing)}


def _assumed(network: Network, drawn: Mapping[Base, Array]) -> dict[Base, Array]:
    """Random values that satisfy assumptions of the form ``Sum_k y_k = 1``: scaled along that axis."""
    result = dict(drawn)
    for assumption in network.assumptions:
        left = assumption.left
        if assumption.relation != "=" or not isinstance(left, sp.Sum) or not isinstance(left.function, sp.Indexed):
            continue
        base, indices = left.function.base, left.function.indices
        axes = tuple(n for n, i in enumerate(indices) if any(i == limit[0] for limit in left.limits))
        if base in result and assumption.right.is_number:
            positive = np.abs(result[base]) + 0.1
            result[base] = positive / positive.sum(axis=axes, keepdims=True) * float(assumption.right)
    return result


def not_finite(program: Program, bound: Mapping[Base, Array]) -> str | None:
    """The plain name of the first quantity, in order of evaluation, that is nan or infinite."""
    for own in one_by_one(program.network, bound):
        with np.errstate(all="ignore"):
            every = dict(own) | program.evaluate_forward(own)
        for base, value in every.items():
            if not np.isfinite(value).all():
                return program.network.names[base].plain
    return None


def _gradient_not_finite(program: Program, arguments: Sequence[Array]) -> str | None:
    with np.errstate(all="ignore"):
        _, gradients = program.evaluate(arguments)
    for name, gradient in zip(program.plan.gradients, gradients, strict=True):
        if not np.isfinite(gradient).all():
            return f"the gradient of {name}"
    return None
