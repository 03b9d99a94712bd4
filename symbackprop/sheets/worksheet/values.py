"""Numbers that stay pleasant: few digits, nothing dead, nothing that overflows.

Contract: `pleasant_values(derivation, seed, given)` keeps what is given and draws the rest; the same seed draws the
same numbers on every machine.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import sympy as sp

from symbackprop.derivation import Derivation
from symbackprop.functions import row_of
from symbackprop.names import parse_name
from symbackprop.network import Network, Quantity, Role
from symbackprop.numeric import Program, compile_program
from symbackprop.numeric.kinks import gates_of
from symbackprop.numeric.shapes import Shapes
from symbackprop.numeric.values import by_base

ATTEMPTS = 400
SIZES = (2, 3)
"""Sizes that nothing tells: matrices that are multiplied by hand are small."""
LARGE = 8
"""Arrays with more rows or columns are nothing to calculate by hand."""
DEAD, EXTREME = 1e-3, 30.0
"""A gradient, a loss or the distance from a kink below the first, or a value above the second, is unpleasant."""
OPEN = 0.5
"""So many of the units behind a kink should pass something on."""
GRIDS: Mapping[Role, Sequence[float]] = {
    "input": (-2, -1, -0.5, 0.5, 1, 1.5, 2),
    "target": (-1, -0.5, 0, 0.5, 1),
    "constant": (0.1, 0.5, 1, 2),
    "parameter": (-1, -0.8, -0.6, -0.5, -0.4, -0.2, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1),
}
"""What values are drawn from, by role."""


def pleasant_values(derivation: Derivation, seed: int | None, given: Mapping[str, Any]) -> Mapping[Any, Any] | None:
    """A value for every quantity that must be given, by its base; None without a seed where one is missing.

    Raises:
        NetworkError: the network has no program.
        DataError: a given value does not fit.
    """
    network = derivation.network
    program = compile_program(derivation)
    stated = {k: v for k, v in given.items() if parse_name(str(k)) != network.rate}
    known = {**dict(network.values), **by_base(network, stated)}
    open_ = [q for q in program.plan.arguments if q.base not in known]
    if open_ and seed is None:
        return None
    draw = random.Random(f"numbers {seed}")
    sizes = _sizes(network, known, draw)
    shapes = Shapes(network, {**known, **sizes})
    if any(max(shapes.of(q), default=0) > LARGE for q in open_):
        return None
    judge = _Judge(program)
    best: tuple[int, dict[Any, Any]] | None = None
    for _ in range(ATTEMPTS if open_ else 1):
        point = {**known, **{q.base: _drawn(network, q, shapes, draw) for q in open_}}
        flaws = judge.flaws(point)
        if best is None or flaws < best[0]:
            best = flaws, point
        if not flaws:
            break
    return None if best is None else {**best[1]}


def _sizes(network: Network, known: Mapping[Any, Any], draw: random.Random) -> dict[Any, int]:
    """A small number for every size that the given values do not tell, neighbours different where they can be."""
    told = Shapes(network, known).sizes
    found: dict[Any, int] = {}
    for size in sorted(network.sizes, key=str):
        if size not in told:
            last = next(reversed(found.values()), 0)
            found[size] = draw.choice([n for n in SIZES if n != last])
    return found


def _drawn(network: Network, quantity: Quantity, shapes: Shapes, draw: random.Random) -> Any:
    """A value from the grid of the role; labels are whole numbers, a column that adds up to 1 is one-hot."""
    shape = () if network.is_scalar else shapes.of(quantity)
    label = network.labels.get(quantity.base)
    if label is not None:
        return _filled(shape, lambda: draw.randrange(shapes.number(label.size) or 1))
    axis = _one_hot_axis(network, quantity)
    if axis is not None:
        rest = [n for i, n in enumerate(shape) if i != axis]
        places = _filled(tuple(rest), lambda: draw.randrange(shape[axis]))
        return np.moveaxis(np.eye(shape[axis])[np.asarray(places, dtype=int)], -1, axis)
    grid = (0.0, 1.0) if _is_probability(network, quantity) else GRIDS.get(quantity.role, (1.0,))
    return _filled(shape, lambda: draw.choice(grid))


def _filled(shape: tuple[int, ...], one: Any) -> Any:
    return np.array([one() for _ in range(int(np.prod(shape)))]).reshape(shape) if shape else one()


def _one_hot_axis(network: Network, quantity: Quantity) -> int | None:
    """The axis along which an assumption lets the entries add up to 1."""
    for assumption in network.assumptions:
        left: Any = assumption.left
        if assumption.relation == "=" and assumption.right == 1 and isinstance(left, sp.Sum):
            entry: Any = left.function
            if isinstance(entry, sp.Indexed) and entry.base == quantity.base:
                return next(n for n, i in enumerate(entry.indices) if i == left.limits[0][0])
    return None


def _is_probability(network: Network, quantity: Quantity) -> bool:
    """Is a target compared with the output of a sigmoid?"""
    sigmoids = [e for e in network.equations if (row := row_of(e.expression)) is not None and row.name == "sigmoid"]
    readers = [e for e in network.equations if quantity.role == "target" and e.expression.has(quantity.base)]
    return any(reader.expression.has(e.base) for e in sigmoids for reader in readers)


class _Judge:
    """Counts what is unpleasant at a point: not finite, extreme, without a gradient, on a kink."""

    def __init__(self, program: Program) -> None:
        self.program = program
        gates = list(gates_of(program.network))
        self.kinks = program.function_of([(g.expression, g.limits) for g in gates]) if gates else None

    def flaws(self, point: Mapping[Any, Any]) -> int:
        """0 at a pleasant point."""
        bound = self.program.bind(point)
        arguments = [bound[q.base] for q in self.program.plan.arguments]
        with np.errstate(all="ignore"):
            forward = self.program.evaluate_forward(bound)
            loss, gradients = self.program.evaluate(arguments)
            kinks = self.kinks(*arguments) if self.kinks is not None else ()
        found = sum(10 for value in (*forward.values(), *gradients) if not np.all(np.isfinite(value)))
        found += sum(1 for value in forward.values() if np.any(np.abs(value) > EXTREME))
        found += sum(1 for gradient in gradients if not np.any(np.abs(gradient) > DEAD))
        found += sum(5 for value in kinks if np.any(np.abs(value) < DEAD))
        found += sum(1 for value in kinks if not np.mean(np.asarray(value) > 0) >= OPEN)
        return found + int(not DEAD < float(loss) < EXTREME)
