"""A network: named indexed equations ``u[I] = f``, with roles, ranges, order and checks."""

from symbackprop.network.equation import Assumption, Equation, Quantity, Role, Specification
from symbackprop.network.model import Network

__all__ = ["Assumption", "Equation", "Network", "Quantity", "Role", "Specification"]
