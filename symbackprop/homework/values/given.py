"""The world of the user's own numbers, in which rounded answers are judged.

Contract: `world_of_values(derivation, values)` has every number of the network, from the values and the file's ``:=``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from symbackprop.derivation import Derivation
from symbackprop.errors import DataError
from symbackprop.homework.values.world import World, given_world
from symbackprop.indexed import Base
from symbackprop.network import Network
from symbackprop.numeric.shapes import Shapes


def world_of_values(derivation: Derivation, values: Mapping[str, Any]) -> World | None:
    """The world of given numbers; None where some quantity has none.

    Raises:
        DataError: a value fits nothing, or arrays disagree about a size.
    """
    network = derivation.network
    bound = _bound(network, values)
    if any(q.base not in bound for q in network.with_role("input", "target", "parameter", "constant")):
        return None
    sizes = Shapes(network, bound).sizes
    for base, limit in network.labels.items():
        bound[base] = bound[base] + float(limit.low)  # labels count from 0, indices from 1
    return given_world(network, bound, sizes)


def _bound(network: Network, values: Mapping[str, Any]) -> dict[Base, Any]:
    """Arrays by base; a learning rate among the values is none of the network's."""
    found: dict[Base, Any] = {}
    rate = network.rate.plain if network.rate is not None else ""
    for name, value in {**{str(b): v for b, v in network.values.items()}, **values}.items():
        if name in (rate, "rate", "eta") or any(str(size) == name for size in network.sizes):
            continue
        quantity = network.find(name)
        try:
            found[quantity.base] = np.asarray(value, dtype=float)
        except (TypeError, ValueError):
            raise DataError(f"the value of {quantity.name.plain} is no array of numbers") from None
    return found
