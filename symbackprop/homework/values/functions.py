"""Functions of numbers: what the rows of the function table compute, and stand-ins for functions left open.

Contract: `numeric(cls)` is a NumPy function of arrays. A function that is only named (``f``) becomes a smooth one with
its exact derivatives, the same for every use of the name, so that equal formulas have equal numbers and others do not.
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import sympy as sp
from sympy.core.function import AppliedUndef

from symbackprop.functions import DEFAULT_SECOND_ARGUMENT, HELPERS, TABLE

Array = Any
NumericFunction = Callable[..., Array]

_NAMESPACE: dict[str, Any] = {"np": np}
for _source in HELPERS.values():
    exec(_source, _NAMESPACE)  # the package's own source, never a user's
_NAMESPACE["erf"] = np.vectorize(math.erf, otypes=[float])


@lru_cache(maxsize=256)
def numeric(cls: Any) -> NumericFunction | None:
    """The NumPy function of a class in the table; None where only a definition is known.

    >>> import sympy as sp
    >>> float(numeric(sp.tanh)(0.5)) == math.tanh(0.5)
    True
    """
    row = TABLE.get(cls)
    if row is None or not row.numpy:
        return None
    names = [f"x{n}" for n in range(2)]
    body = row.numpy.format(*(f"({name})" for name in names))
    default = DEFAULT_SECOND_ARGUMENT.get(cls)
    second = "x1=None" if default is None else f"x1={float(default)!r}"
    return eval(f"lambda x0, {second}: {body}", _NAMESPACE)  # a row of our own table


def stand_in(name: str, arguments: tuple[Array, ...]) -> Array:
    """The value of an unspecified function at some arguments: ``f``, ``f'`` and ``f''`` of one; ``g_1'`` of several.

    The numbers of the function come from its name: ``c_1 sin(a z + b) + c_2 z^2 + c_3 z``.
    """
    stem, order, position = _open_name(name)
    draw = np.random.default_rng(zlib.crc32(stem.encode()))
    rates, shifts = draw.uniform(0.6, 1.3, len(arguments)), draw.uniform(0.2, 1.0, len(arguments))
    squares, slopes = draw.uniform(0.2, 0.6, len(arguments)), draw.uniform(0.3, 0.9, len(arguments))

    def part(n: int, order: int) -> Array:
        z = arguments[n]
        wave = rates[n] ** order * np.sin(rates[n] * z + shifts[n] + order * math.pi / 2)
        power = (squares[n] * z * z + slopes[n] * z, 2 * squares[n] * z + slopes[n], 2 * squares[n] + 0 * z)
        return wave + (power[order] if order < len(power) else 0)

    if position is not None:
        return part(position, 1)
    if order:
        return part(0, order)
    return sum(part(n, 0) for n in range(len(arguments)))


_PARTIAL = re.compile(r"(.*)_(\d+)'")


def _open_name(name: str) -> tuple[str, int, int | None]:
    """Stem, order of the derivative, and by which argument (counted from 0): ``f''`` is f, 2; ``g_1'`` is g by 0."""
    match = _PARTIAL.fullmatch(name)
    if match:
        return match[1], 1, int(match[2]) - 1
    stem = name.rstrip("'")
    return stem, len(name) - len(stem), None


_UNARY: dict[Any, NumericFunction] = {
    sp.exp: np.exp,
    sp.log: np.log,
    sp.sinh: np.sinh,
    sp.cosh: np.cosh,
    sp.asin: np.arcsin,
    sp.acos: np.arccos,
    sp.Abs: np.abs,
    sp.sign: np.sign,
    sp.floor: np.floor,
}
_MANY: dict[Any, Any] = {sp.Max: np.maximum, sp.Min: np.minimum}


def apply(node: Any, arguments: list[Array]) -> Array:
    """The value of a function application at the values of its arguments.

    Raises:
        KeyError: nothing is known of the function.
    """
    if isinstance(node, AppliedUndef):
        return stand_in(node.func.__name__, tuple(arguments))
    if node.func in _MANY:
        result = arguments[0]
        for other in arguments[1:]:
            result = _MANY[node.func](result, other)
        return result
    found = numeric(node.func) or _UNARY.get(node.func)
    if found is None:
        raise KeyError(node.func.__name__)
    return found(*arguments)
