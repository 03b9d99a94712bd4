"""Where training starts: seeded weights by fan-in, biases at zero.

Contract: `initial_values(network, seed)` is the same on every machine. A weight is drawn from a normal
distribution with standard deviation gain / sqrt(fan_in): gain is 1 (Glorot and Bengio 2010) or, before a
unit of the ReLU family, sqrt 2 (He et al. 2015); fan_in counts the products of its unit. What is only
added, a bias, starts at 0.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from symbackprop.backprop import linearize
from symbackprop.derivation import activation_argument
from symbackprop.functions import row_of
from symbackprop.indexed import Base, base_of
from symbackprop.network import Equation, Network
from symbackprop.numeric.values import Array

RELU_FAMILY = frozenset({"relu", "leaky_relu", "elu", "silu", "gelu", "softplus", "maximum"})


def initial_values(network: Network, seed: int = 0) -> dict[Base, Array]:
    """A start for every parameter, drawn in order of first appearance from
    ``numpy.random.default_rng(seed)``.

    >>> import sympy as sp, symbackprop as sb
    >>> w, x, b, y, z, E = sp.symbols("w x b y z E")
    >>> net = sb.Network([sp.Eq(z, w * x + b), sp.Eq(E, (z - y) ** 2)])
    >>> {str(base): float(round(value, 4)) for base, value in initial_values(net, seed=0).items()}
    {'w': 0.1257, 'b': 0.0}
    """
    draw = np.random.default_rng(seed)
    spread = standard_deviations(network)
    return {
        q.base: spread[q.base] * draw.standard_normal() if spread[q.base] else np.float64(0)
        for q in network.parameters
    }


def standard_deviations(network: Network) -> Mapping[Base, float]:
    """The spread of every parameter's initial value; 0 for biases and for parameters that nothing uses."""
    family = {
        base_of(activation_argument(e)): _family(e) for e in network.equations if activation_argument(e)
    }
    wanted = {q.base for q in network.parameters}
    spread: dict[Base, float] = {}
    for equation in network.equations:
        factors = {o.base: o.factors for o in linearize(equation.expression) if o.base in wanted}
        weights = [base for base, around in factors.items() if any(not f.is_number for f in around)]
        gain = math.sqrt(2) if family.get(equation.base) in RELU_FAMILY else 1.0
        for base in factors:
            spread.setdefault(base, gain / math.sqrt(len(weights)) if base in weights else 0.0)
    return {base: spread.get(base, 0.0) for base in wanted}


def _family(equation: Equation) -> str:
    row = row_of(equation.expression)
    return row.name if row else ""


def all_weights_zero(network: Network, values: Mapping[Base, Any]) -> bool:
    """Do all weights (biases aside) start at zero? Then the units of a layer stay equal for ever."""
    weights = [base for base, spread in standard_deviations(network).items() if spread]
    return len(weights) > 1 and all(not np.any(values[base]) for base in weights)
