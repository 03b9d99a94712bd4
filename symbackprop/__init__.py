"""symbackprop: write down the forward pass of a neural network, get the backward pass.

Importing this package is cheap; SymPy and NumPy are imported when a name of the facade is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from symbackprop.errors import DataError, NetworkError, NotationError, SymbackpropError

if TYPE_CHECKING:
    from symbackprop.api import (
        Derivation,
        Network,
        batch_norm,
        check_gradients,
        dense,
        networks,
        read,
        sequential,
        softmax,
    )
    from symbackprop.functions import (
        activation,
        elu,
        gelu,
        identity,
        leaky_relu,
        maximum,
        minimum,
        relu,
        sigmoid,
        silu,
        softplus,
    )

_FUNCTIONS = (
    "activation",
    "elu",
    "gelu",
    "identity",
    "leaky_relu",
    "maximum",
    "minimum",
    "relu",
    "sigmoid",
    "silu",
    "softplus",
)

__all__ = [
    "DataError",
    "Derivation",
    "Network",
    "NetworkError",
    "NotationError",
    "SymbackpropError",
    "activation",
    "batch_norm",
    "check_gradients",
    "dense",
    "elu",
    "gelu",
    "identity",
    "leaky_relu",
    "maximum",
    "minimum",
    "networks",
    "read",
    "relu",
    "sequential",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'symbackprop' has no attribute {name!r}")
    import importlib

    module = importlib.import_module("symbackprop.functions" if name in _FUNCTIONS else "symbackprop.api")
    return getattr(module, name)
