"""Where training starts: seeded weights by fan-in, biases at zero.

Contract: `initial_values(network, seed)` is the same on every machine. A weight is drawn from a normal
distribution with standard deviation gain / sqrt(fan_in): gain is 1 (Glorot and Bengio 2010) or, before a
unit of the ReLU family, sqrt 2 (He et al. 2015); fan_in counts the products of its unit. What is only
added, a bias, starts at 0.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from symbackprop.backprop import Occurrence, linearize
from symbackprop.derivation import activation_argument
from symbackprop.functions import row_of
from symbackprop.indexed import Base, base_of
from symbackprop.network import Equation, Network
from symbackprop.numeric.shapes import Shapes
from symbackprop.numeric.values import Array

RELU_FAMILY = frozenset({"relu", "leaky_relu", "elu", "silu", "gelu", "softplus", "maximum"})


def initial_values(network: Network, seed: int = 0, shapes: Shapes | None = None) -> dict[Base, Array]:
    """A start for every parameter, drawn in order of first appearance from
    ``numpy.random.default_rng(seed)``.

    Args:
        network: whose parameters.
        seed: the same seed gives the same values.
        shapes: the sizes, for parameters that are arrays.

    Raises:
        DataError: a size is not known.

    >>> import sympy as sp, symbackprop as sb
    >>> w, x, b, y, z, E = sp.symbols("w x b y z E")
    >>> net = sb.Network([sp.Eq(z, w * x + b), sp.Eq(E, (z - y) ** 2)])
    >>> {str(base): float(round(value, 4)) for base, value in initial_values(net, seed=0).items()}
    {'w': 0.1257, 'b': 0.0}
    """
    draw = np.random.default_rng(seed)
    shapes = shapes or Shapes(network, {})
    spread = standard_deviations(network, shapes)
    return {
        q.base: spread[q.base] * draw.standard_normal(shapes.of(q)) if spread[q.base] else np.zeros(shapes.of(q))[()]
        for q in network.parameters
    }


def standard_deviations(network: Network, shapes: Shapes | None = None) -> Mapping[Base, float]:
    """The spread of every parameter's initial value; 0 for biases and for parameters that nothing uses."""
    family = {base_of(activation_argument(e)): _family(e) for e in network.equations if activation_argument(e)}
    wanted = {q.base for q in network.parameters}
    spread: dict[Base, float] = {}
    for equation in network.equations:
        found = {o.base: o for o in linearize(equation.expression) if o.base in wanted}
        weights = [base for base, o in found.items() if any(not f.is_number for f in o.factors)]
        gain = math.sqrt(2) if family.get(equation.base) in RELU_FAMILY else 1.0
        for base, occurrence in found.items():
            fan_in = _summed(occurrence, shapes) if occurrence.limits else len(weights)
            spread.setdefault(base, gain / math.sqrt(fan_in) if base in weights else 0.0)
    return {base: spread.get(base, 0.0) for base in wanted}


def _summed(occurrence: Occurrence, shapes: Shapes | None) -> int:
    """How many products are summed where a weight stands: the sizes of the sums around it."""
    return math.prod((shapes.number(limit.size) if shapes else None) or 1 for limit in occurrence.limits)


def _family(equation: Equation) -> str:
    row = row_of(equation.expression)
    return row.name if row else ""


def weights_of(network: Network) -> list[Base]:
    """The parameters that are factors of something, biases aside."""
    return [base for base, spread in standard_deviations(network).items() if spread]


def all_zero(weights: Sequence[Any]) -> bool:
    """Do several weights all start at zero? Then the units of a layer stay equal for ever."""
    return len(weights) > 1 and not any(value.any() if value.shape else value for value in weights)
