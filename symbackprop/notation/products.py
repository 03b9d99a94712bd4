"""The readings of a product whose factors stand side by side, in the order in which they are tried.

Contract: a reading takes the factors and how each two are joined, and returns their product, None where it has
nothing to say, or raises `Clash` where the factors do not conform.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from symbackprop.indexed import product
from symbackprop.notation.tensor import Clash, FreshIndex, Tensor, elementwise, matmul, transpose

Reading = Callable[[FreshIndex, Sequence[Tensor], Sequence[str]], Tensor | None]


def product_of(fresh: FreshIndex, parts: Sequence[Tensor], joints: Sequence[str]) -> Tensor:
    """The product by the first reading that conforms.

    Raises:
        Clash: what is wrong with the first reading.
    """
    first: Clash | None = None
    for reading in READINGS:
        try:
            result = reading(fresh, parts, joints)
        except Clash as clash:
            first = first or clash
            continue
        if result is not None:
            return result
    raise first or Clash("the product does not conform")


def products_first(fresh: FreshIndex, parts: Sequence[Tensor], joints: Sequence[str]) -> Tensor:
    """Matrix products bind tighter than elementwise ones."""
    segments: list[list[Tensor]] = [[parts[0]]]
    for joint, part in zip(joints, parts[1:], strict=True):
        previous = segments[-1][-1]
        star = joint == "star" and (alike(previous, part) and not previous.is_scalar)
        if joint == "hadamard" or star:
            segments.append([part])
        else:
            segments[-1].append(part)
    return _hadamard([_chain(fresh, s) for s in segments])


def elementwise_first(fresh: FreshIndex, parts: Sequence[Tensor], joints: Sequence[str]) -> Tensor | None:
    """Elementwise products bind tighter than matrix products."""
    if "hadamard" not in joints:
        return None
    groups: list[list[Tensor]] = [[parts[0]]]
    for joint, part in zip(joints, parts[1:], strict=True):
        if joint == "hadamard":
            groups[-1].append(part)
        else:
            groups.append([part])
    return _chain(fresh, [_hadamard(g) for g in groups])


def left_to_right(fresh: FreshIndex, parts: Sequence[Tensor], joints: Sequence[str]) -> Tensor:
    """Each factor is joined to everything before it."""
    result = parts[0]
    for joint, part in zip(joints, parts[1:], strict=True):
        result = _hadamard([result, part]) if joint == "hadamard" else matmul(result, part, fresh)
    return result


def dot_product(fresh: FreshIndex, parts: Sequence[Tensor], joints: Sequence[str]) -> Tensor | None:
    r"""``a \cdot b`` of two vectors of one length."""
    if len(parts) == 2 and joints[0] == "cdot" and alike(*parts) and parts[0].cols == 1:
        return matmul(transpose(parts[0]), parts[1], fresh)
    return None


def _chain(fresh: FreshIndex, factors: Sequence[Tensor]) -> Tensor:
    """Scalars in place, matrices multiplied from left to right; a scalar quotient such as ``a^T b`` included."""
    if all(f.is_scalar for f in factors):
        return elementwise(factors, product, "product")
    result = factors[0]
    for factor in factors[1:]:
        result = matmul(result, factor, fresh)
    return result


def _hadamard(parts: Sequence[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else elementwise(parts, product, "elementwise product")


def alike(a: Tensor, b: Tensor) -> bool:
    """Have two factors the same shape?"""
    return a.rows == b.rows and a.cols == b.cols


READINGS: tuple[Reading, ...] = (products_first, elementwise_first, left_to_right, dot_product)
