"""Which indices of a reference are rows and columns, and which label a layer or a step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from symbackprop.network import Network


def matrix_axes(network: Network, base: Any, at: Sequence[Any]) -> list[Any]:
    """The indices of a reference that are rows and columns, not labels."""
    return [index for n, index in enumerate(at) if (base, n) not in network.label_axes and index.is_Symbol]
