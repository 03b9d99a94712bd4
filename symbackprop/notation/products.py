"""The readings of a product whose factors stand side by side, in the order in which they are tried.

Contract: a reading takes the factors and how each two are joined, and returns their product, None where it has
nothing to say, or raises `Clash` where the factors do not conform. The `Algebra` multiplies: entries of a network that
is read, numbers of an answer that is judged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from symbackprop.notation.conform import Clash, Sized, alike

T = TypeVar("T", bound=Sized)


class Algebra(Protocol[T]):
    """The two products."""

    def matmul(self, a: T, b: T) -> T:
        """The matrix product; a 1 x 1 factor only scales."""
        ...

    def elementwise(self, parts: Sequence[T]) -> T:
        """The elementwise product; a size 1 is spread."""
        ...


Reading = Callable[["Algebra[T]", Sequence[T], Sequence[str]], T | None]


def product_of(algebra: Algebra[T], parts: Sequence[T], joints: Sequence[str]) -> T:
    """The product by the first reading that conforms.

    Raises:
        Clash: what is wrong with the first reading.
    """
    first: Clash | None = None
    for reading in READINGS:
        try:
            result = reading(algebra, parts, joints)
        except Clash as clash:
            first = first or clash
            continue
        if result is not None:
            return result
    raise first or Clash("the product does not conform")


def products_first(algebra: Algebra[T], parts: Sequence[T], joints: Sequence[str]) -> T:
    """Matrix products bind tighter than elementwise ones."""
    segments: list[list[T]] = [[parts[0]]]
    for joint, part in zip(joints, parts[1:], strict=True):
        previous = segments[-1][-1]
        star = joint == "star" and (alike(previous, part) and not previous.is_scalar)
        if joint == "hadamard" or star:
            segments.append([part])
        else:
            segments[-1].append(part)
    return _hadamard(algebra, [_chain(algebra, s) for s in segments])


def elementwise_first(algebra: Algebra[T], parts: Sequence[T], joints: Sequence[str]) -> T | None:
    """Elementwise products bind tighter than matrix products."""
    if "hadamard" not in joints:
        return None
    groups: list[list[T]] = [[parts[0]]]
    for joint, part in zip(joints, parts[1:], strict=True):
        if joint == "hadamard":
            groups[-1].append(part)
        else:
            groups.append([part])
    return _chain(algebra, [_hadamard(algebra, g) for g in groups])


def stars_apart(algebra: Algebra[T], parts: Sequence[T], joints: Sequence[str]) -> T | None:
    """Code: a star between arrays is elementwise and binds weaker than ``@``, ``W2.T @ dZ2 * (1 - A1**2)``."""
    if "star" not in joints:
        return None
    segments: list[list[T]] = [[parts[0]]]
    for joint, part in zip(joints, parts[1:], strict=True):
        if joint in ("hadamard", "star"):
            segments.append([part])
        else:
            segments[-1].append(part)
    return _hadamard(algebra, [_chain(algebra, s) for s in segments])


def left_to_right(algebra: Algebra[T], parts: Sequence[T], joints: Sequence[str]) -> T:
    """Each factor is joined to everything before it."""
    result = parts[0]
    for joint, part in zip(joints, parts[1:], strict=True):
        result = _hadamard(algebra, [result, part]) if joint == "hadamard" else algebra.matmul(result, part)
    return result


def dot_product(algebra: Algebra[T], parts: Sequence[T], joints: Sequence[str]) -> T | None:
    r"""``a \cdot b`` of two vectors of one length."""
    if len(parts) == 2 and joints[0] == "cdot" and alike(*parts) and parts[0].cols == 1:
        return algebra.matmul(parts[0].transposed(), parts[1])
    return None


def _chain(algebra: Algebra[T], factors: Sequence[T]) -> T:
    """Scalars in place, matrices multiplied from left to right; a scalar quotient such as ``a^T b`` included."""
    if all(f.is_scalar for f in factors):
        return algebra.elementwise(factors)
    result = factors[0]
    for factor in factors[1:]:
        result = algebra.matmul(result, factor)
    return result


def _hadamard(algebra: Algebra[T], parts: Sequence[T]) -> T:
    return parts[0] if len(parts) == 1 else algebra.elementwise(parts)


READINGS: tuple[Reading[Any], ...] = (products_first, elementwise_first, stars_apart, left_to_right, dot_product)
