"""The sheet as a program: the source that symbackprop compiles, example values, one call, one check.

Contract: what `running` returns runs from top to bottom in a notebook that has NumPy only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, cast

import numpy as np
import sympy as sp

from symbackprop.derivation import DeltaConvention, Derivation
from symbackprop.errors import NetworkError
from symbackprop.network import Network
from symbackprop.network.unroll import unroll
from symbackprop.numeric import compile_program
from symbackprop.numeric.points import random_point
from symbackprop.sheets.blocks import Block, Code, Heading, Math, Paragraph
from symbackprop.sheets.compose.composition import Composition
from symbackprop.sheets.mathematics import IS, MathWriter

LENGTH = 3
"""So many layers or steps has a program where the network leaves their number open."""

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
    own, lengths = _unrolled(c)
    try:
        program = compile_program(own.derivation)
    except NetworkError as refused:  # an answer, not a failure: a function that is left open has no program
        yield Paragraph(c.say("program.refused", reason=refused.message))
        return
    if lengths:
        said = [c.write(size) + IS + Math(str(length), str(length)) for size, length in lengths.items()]
        yield Paragraph(c.say("program.unrolled", lengths=c.say.listed(said)))
    yield Paragraph(c.say("program.intro"))
    yield Code(program.source.strip(), runnable=True)
    yield Paragraph(c.say("program.values"))
    yield Code("\n".join(_values(own, program, values or {})), runnable=True)
    yield Paragraph(c.say("program.check"))
    yield Code(CHECK.strip(), runnable=True)


def _unrolled(c: Composition) -> tuple[Composition, dict[sp.Symbol, int]]:
    """The sheet's network with an open number of layers or steps made concrete, and which numbers these are."""
    network, derivation = c.derivation.network, c.derivation
    values = {str(base): value for base, value in network.values.items()}
    lengths = {size: int(values.get(str(size), LENGTH)) for size in sorted(c.counts, key=str)}
    if not lengths:
        return c, lengths
    concrete = Network(unroll(network, {size.name: length for size, length in lengths.items()}))
    unrolled = Derivation(concrete, cast(DeltaConvention, derivation.delta), derivatives=derivation.derivatives)
    return replace(c, derivation=unrolled, write=MathWriter(unrolled), found={}), lengths


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
