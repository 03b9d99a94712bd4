"""The sheet as a program: the source that symbackprop compiles, example values, one call, one check.

Contract: what `running` returns runs from top to bottom in a notebook that has NumPy only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from symbackprop.errors import NetworkError
from symbackprop.numeric import compile_program
from symbackprop.numeric.points import random_point
from symbackprop.sheets.blocks import Block, Code, Heading, Paragraph
from symbackprop.sheets.compose.composition import Composition

CHECK = '''\
def numerical_gradient(values, name, step=1e-6):
    """Central differences of the loss with respect to one parameter."""
    value = np.array(values[name], dtype=float)
    slope = np.zeros_like(value)
    for at in np.ndindex(value.shape):
        above, below = value.copy(), value.copy()
        above[at] += step
        below[at] -= step
        higher, _ = loss_and_gradients(**{**values, name: above})
        lower, _ = loss_and_gradients(**{**values, name: below})
        slope[at] = (higher - lower) / (2 * step)
    return slope


for argument, name in parameters.items():
    difference = np.max(np.abs(gradients[name] - numerical_gradient(values, argument)))
    print(f"{name}: differs from central differences by {difference:.1e}")
'''


def running(c: Composition, values: Mapping[Any, Any] | None) -> Iterator[Block]:
    """The program, values for it, its call, and the gradient check."""
    yield Heading(2, c.say("program.heading"))
    try:
        program = compile_program(c.derivation)
    except NetworkError as refused:  # an answer, not a failure: some networks have no program before they are unrolled
        yield Paragraph(c.say("program.refused", reason=refused.message))
        return
    yield Paragraph(c.say("program.intro"))
    yield Code(program.source.strip(), runnable=True)
    yield Paragraph(c.say("program.values"))
    yield Code("\n".join(_values(c, program, values or {})), runnable=True)
    yield Paragraph(c.say("program.check"))
    yield Code(CHECK.strip(), runnable=True)


def _values(c: Composition, program: Any, values: Mapping[Any, Any]) -> Iterator[str]:
    """Assignments of the given values, or of seeded ones, and the call."""
    network = c.derivation.network
    given = {network.find(k).base: v for k, v in {**dict(network.values), **values}.items() if _is_quantity(c, k)}
    arguments = random_point(program, given, np.random.default_rng(0))
    names = [program.plan.identifiers[q.base] for q in program.plan.arguments]
    digits = 8 if network.assumptions else 3
    yield "values = {"
    for name, quantity, value in zip(names, program.plan.arguments, arguments, strict=True):
        yield f'    "{name}": {_literal(value, None if quantity.base in given else digits)},'
    yield "}"
    owned = ", ".join(f'"{program.plan.identifiers[q.base]}": "{q.name.plain}"' for q in c.derivation.parameters)
    yield f"parameters = {{{owned}}}"
    yield "loss, gradients = loss_and_gradients(**values)"
    yield "loss, gradients"


def _is_quantity(c: Composition, key: Any) -> bool:
    network = c.derivation.network
    return not c.is_rate(key) and key not in network.sizes


def _literal(value: Any, digits: int | None) -> str:
    rounded = value if digits is None or np.asarray(value).dtype.kind in "iu" else np.round(value, digits)
    if np.ndim(rounded) == 0:
        return repr(np.asarray(rounded).item())
    return f"np.array({np.asarray(rounded).tolist()})"
