"""How the sizes of a network are read from the lengths of its arrays.

Contract: `readings(quantities)` says for every size that can be known from which axis, in an order in which each is
known when it is needed: ``n`` from an axis of n entries, then ``H`` from one of ``2 H + 1``.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import Any, NamedTuple

import sympy as sp

from symbackprop.indexed import affine_coefficient
from symbackprop.network import Quantity


class Reading(NamedTuple):
    """``size = (length of the axis - rest) / factor``."""

    size: sp.Symbol
    quantity: Quantity
    position: int
    factor: Any = sp.S.One
    rest: Any = sp.S.Zero


def readings(quantities: Iterable[Quantity], sizes: Container[Any], known: Iterable[Any] = ()) -> list[Reading]:
    """Where each size that is not known yet can be read: plain axes first, then sums and multiples.

    Args:
        quantities: those whose shapes are seen.
        sizes: the size symbols of the network.
        known: sizes that have a value already.
    """
    axes = [(q, n, axis.size) for q in quantities for n, axis in enumerate(q.axes)]
    have = set(known)
    found: list[Reading] = []
    for quantity, position, size in axes:
        if size.is_Symbol and size in sizes and size not in have:
            have.add(size)
            found.append(Reading(size, quantity, position))
    sums = [(q, n, sp.expand(size)) for q, n, size in axes if not size.is_Atom and size.free_symbols - have]
    while True:
        reading = next((r for q, n, size in sums if (r := _solved(q, n, size, have)) is not None), None)
        if reading is None or reading.size not in sizes:
            return found
        have.add(reading.size)
        found.append(reading)


def _solved(quantity: Quantity, position: int, size: Any, known: Container[Any]) -> Reading | None:
    """The reading of the only unknown of an axis that is affine in it."""
    unknown = [s for s in size.free_symbols if s not in known]
    if len(unknown) != 1:
        return None
    factor = affine_coefficient(size, unknown[0])
    if factor is None:
        return None
    return Reading(unknown[0], quantity, position, factor, sp.expand(size - factor * unknown[0]))
