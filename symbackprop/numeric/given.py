"""Gradients that a user wrote, in any spelling, for the parameters of a network.

Contract: `given_gradients` sorts them into those that can be judged and those whose shape is wrong already; a name that
is no parameter is a `DataError`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from symbackprop.errors import DataError, NetworkError
from symbackprop.network import Network, Quantity
from symbackprop.numeric.values import Array, as_numbers, common_dtype

ByName: TypeAlias = Mapping[Any, Any]
Gradients: TypeAlias = ByName | Callable[[dict[str, Array]], ByName | tuple[Any, ByName]]
"""Parameter -> gradient, or a function from values to that, alone or behind the loss."""


def given_gradients(
    network: Network, gradients: Gradients, values: Mapping[str, Array]
) -> tuple[dict[str, Array], dict[str, str]]:
    """What fits, by plain name, and for every gradient of a wrong shape a sentence about it.

    Args:
        network: whose parameters the gradients are about.
        gradients: a mapping, or a function that is called with `values`.
        values: every argument of the network by plain name.

    Raises:
        DataError: a name is no parameter or given twice, or a gradient is not numbers.
    """
    returned: Any = gradients if isinstance(gradients, Mapping) else gradients(dict(values))
    found: Any = returned[-1] if isinstance(returned, tuple) else returned
    if not isinstance(found, Mapping):
        raise DataError(
            f"the gradients are a {type(found).__name__}", hint="return a dict from parameters to gradients"
        )
    fitting: dict[str, Array] = {}
    misfits: dict[str, str] = {}
    for spelling, value in found.items():
        quantity = _parameter(network, spelling)
        name = quantity.name.plain
        if name in fitting or name in misfits:
            raise DataError(f"gradients: {name} is given twice, in two spellings", hint="give it once")
        array = as_numbers(quantity, value, common_dtype([value]))
        shape = np.shape(values[name])
        if np.shape(array) == shape:
            fitting[name] = array
        else:
            misfits[name] = f"{name} has shape {shape}, its gradient {np.shape(array)}{_guess(shape, np.shape(array))}"
    return fitting, misfits


def _parameter(network: Network, name: Any) -> Quantity:
    try:
        quantity = network.find(name)
    except NetworkError as error:
        raise DataError(f"gradients: {error.message}", hint=error.hint) from None
    if quantity.role != "parameter":
        raise DataError(
            f"gradients: {quantity.name.plain} is no parameter",
            hint=f"parameters are {', '.join(q.name.plain for q in network.parameters)}",
        )
    return quantity


def _guess(wanted: Sequence[int], shape: Sequence[int]) -> str:
    """What may have been forgotten."""
    if len(wanted) == len(shape) and tuple(wanted) == tuple(shape)[::-1]:
        return ": is it transposed?"
    if len(shape) == len(wanted) + 1 and tuple(wanted) in (tuple(shape)[1:], tuple(shape)[:-1]):
        return ": is it the sum over the samples?" if 1 not in shape else ": a vector has one axis"
    return ""
