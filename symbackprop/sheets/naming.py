r"""What the derivatives of a network are called: ``\delta_z``, ``\delta^{(1)}``, ``\partial E/\partial w``.

Contract: `derivative_names(derivation, markup)` maps the symbols of adjoints to names that a `Writer`
prints; names of deltas follow the names of their quantities and are unique.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from symbackprop.derivation import Derivation, activation_argument
from symbackprop.indexed import Base, base_of
from symbackprop.names import Name, make_name
from symbackprop.network import Quantity
from symbackprop.notation.writer import LATEX, Markup, Partial


def delta_names(derivation: Derivation) -> dict[Base, Name | None]:
    r"""The name of each delta: with the quantity's own scripts where they tell layer or unit, else None.

    ``z^{(1)}`` has ``\delta^{(1)}``, ``net_{o1}`` has ``\delta_{o1}``, ``Z^{[l]}`` with an index ``l`` has
    ``\delta^{[l]}``; ``z`` and ``h_1`` keep their letter, and so does every quantity whose scripts another
    one shares: ``\delta_z``, ``\delta_{h_1}``.
    """
    leading = derivation.network.leading
    short = {
        q.base: make_name("delta") if q.base in leading and is_preactivation(derivation, q) else _by_scripts(q.name)
        for q in derivation.deltas
    }
    shared = Counter(name.key for name in short.values() if name is not None)
    return {base: name if name is not None and shared[name.key] == 1 else None for base, name in short.items()}


def is_preactivation(derivation: Derivation, quantity: Quantity) -> bool:
    """Is the quantity only used as the argument of activations?"""
    users = [c.consumer for c in derivation.sweep[quantity.base].contributions]
    return bool(users) and all(
        (argument := activation_argument(e)) is not None and base_of(argument) == quantity.base for e in users
    )


def _by_scripts(name: Name) -> Name | None:
    """Delta with the scripts of a name, if these name a layer (in brackets) or a unit (with a letter)."""
    telling = any(
        s.kind in {"bracket", "paren"} or (s.kind == "sub" and s.text[:1].isalpha() and len(s.text) > 1)
        for s in name.scripts
    )
    return make_name("delta", "", name.scripts) if telling and not name.opaque else None


def spelled_delta(quantity: Quantity, name: Name | None, markup: Markup) -> str:
    r"""The name of a delta in LaTeX or as text: ``\delta_{h_1}``, ``δ_h₁``."""
    if name is not None:
        return markup.name(name)
    own = markup.name(quantity.name)
    if markup is LATEX:
        return rf"\delta_{own}" if len(own) == 1 else rf"\delta_{{{own}}}"
    return f"δ_{own}"


def derivative_names(derivation: Derivation, markup: Markup) -> dict[Any, Name | Partial | str]:
    """The names of all adjoints: deltas by name in style ``delta``, the rest as derivatives of the loss."""
    loss = derivation.network.loss.base
    found: dict[Any, Name | Partial | str] = {
        base_of(_symbol(derivation, q)): Partial(loss, q.base) for q in derivation.network.quantities.values()
    }
    if derivation.style == "delta":
        for quantity, spelled in _spelled(derivation, markup):
            found[base_of(_symbol(derivation, quantity))] = spelled
    return found


def leading_indices(derivation: Derivation) -> dict[Any, Sequence[str]]:
    """How the layer of a quantity is written, for the quantities and for their adjoints."""
    network = derivation.network
    found: dict[Any, Sequence[str]] = dict(network.leading)
    for base, kinds in network.leading.items():
        if base in network.quantities:
            found[base_of(_symbol(derivation, network.quantities[base]))] = kinds
    return found


def single_axes(derivation: Derivation) -> frozenset[tuple[Any, int]]:
    """The axes of size 1 of the quantities and of their adjoints."""
    return frozenset(
        (base, position)
        for quantity in derivation.network.quantities.values()
        for position, axis in enumerate(quantity.axes)
        if axis.size == 1
        for base in (quantity.base, base_of(_symbol(derivation, quantity)))
    )


def _spelled(derivation: Derivation, markup: Markup) -> Iterable[tuple[Quantity, str]]:
    names = delta_names(derivation)
    return ((q, spelled_delta(q, names[q.base], markup)) for q in derivation.deltas)


def _symbol(derivation: Derivation, quantity: Quantity) -> Any:
    return derivation.sweep.adjoint_symbol(quantity, tuple(axis.index for axis in quantity.axes))
