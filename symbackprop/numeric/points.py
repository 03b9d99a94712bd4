"""Random points at which a network can be evaluated: finite values, inside the domains of its functions.

Contract: `random_point` keeps what is given and draws the rest, first from a normal distribution, then
positive or between 0 and 1, until every quantity and every gradient is finite.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from symbackprop.errors import DataError
from symbackprop.indexed import Base
from symbackprop.network import Role
from symbackprop.numeric.program import Program
from symbackprop.numeric.values import Array, check_shapes, in_one_dtype

Draw = Callable[[np.random.Generator], float]

ATTEMPTS = 80


def _normal(draw: np.random.Generator) -> float:
    return draw.standard_normal()


def _positive(draw: np.random.Generator) -> float:
    return abs(draw.standard_normal()) + 0.05


def _fraction(draw: np.random.Generator) -> float:
    return draw.uniform(0.05, 0.95)


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
    open_ = [q for q in program.plan.arguments if q.base not in given]
    broken: str | None = None
    for attempt in range(ATTEMPTS if open_ else 1):
        manner = MANNERS[attempt % len(MANNERS)]
        bound = in_one_dtype(
            program.network, dict(given) | {q.base: manner.get(q.role, _normal)(draw) for q in open_}
        )
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


def not_finite(program: Program, bound: Mapping[Base, Array]) -> str | None:
    """The plain name of the first quantity, in order of evaluation, that is nan or infinite."""
    with np.errstate(all="ignore"):
        every = dict(bound) | program.evaluate_forward(bound)
    return next((program.network.names[b].plain for b, v in every.items() if not np.isfinite(v).all()), None)


def _gradient_not_finite(program: Program, arguments: Sequence[Array]) -> str | None:
    with np.errstate(all="ignore"):
        _, gradients = program.evaluate(arguments)
    for name, gradient in zip(program.plan.gradients, gradients, strict=True):
        if not np.isfinite(gradient).all():
            return f"the gradient of {name}"
    return None
