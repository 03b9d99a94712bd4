"""Who plays which part: roles by declaration, else by the conventions of the field.

Contract: `assign_roles` gives every name that is used and not defined one role, or raises with the line to add.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from symbackprop.errors import NetworkError
from symbackprop.indexed import Base
from symbackprop.names import Name
from symbackprop.network.equation import Role

CONVENTIONS: dict[Role, frozenset[str]] = {
    "parameter": frozenset(
        [
            "w",
            "W",
            "b",
            "B",
            "u",
            "U",
            "v",
            "V",
            "k",
            "K",
            "c",
            "theta",
            "Theta",
            "gamma",
            "beta",
            "omega",
            "Omega",
            "weight",
            "bias",
            "kernel",
        ]
    ),
    "input": frozenset(["x", "X", "i", "in", "input", "inputs", "features"]),
    "target": frozenset(["y", "Y", "t", "target", "targets", "label", "labels", "truth", "desired"]),
    "constant": frozenset(
        [
            "eta",
            "alpha",
            "lambda",
            "lam",
            "epsilon",
            "eps",
            "rho",
            "tau",
            "pi",
            "N",
            "n",
            "m",
            "M",
            "C",
            "D",
            "d",
            "s",
            "slope",
            "margin",
        ]
    ),
}
"""Stems of names that have a role without being declared (the conventions of textbooks and courses)."""

DECLARATIONS: dict[Role, str] = {
    "input": "inputs",
    "target": "targets",
    "parameter": "parameters",
    "constant": "constants",
}


def stem_of(name: Name) -> str:
    """The letters a name begins with: ``w`` of ``w_12`` and of ``w12``, ``target`` of ``target_o1``."""
    match = re.match(r"[A-Za-z]+", name.plain)
    return match.group() if match else name.plain


def conventional_role(name: Name) -> Role | None:
    """The role that a name has by convention, or None where one would have to guess."""
    stem = stem_of(name)
    role: Role | None = next((role for role, stems in CONVENTIONS.items() if stem in stems), None)
    if role is None and re.fullmatch(r"[A-Za-z]+(?:_0|0|\^?[\[(]0[\])])(?:,?_.*)?", name.plain):
        return "input"  # layer 0 of what is computed: a^(0), h_0, A^[0]
    return role


def _covered(text: str, names: Mapping[Base, Name]) -> bool:
    """Is a run of letters made of conventional or known single letters?"""
    known = {name.plain for name in names.values()}
    return all(letter in known or any(letter in stems for stems in CONVENTIONS.values()) for letter in text)


def assign_roles(
    undefined: Iterable[Base], names: Mapping[Base, Name], declared: Mapping[Base, Role]
) -> dict[Base, Role]:
    """A role for every quantity that no equation defines.

    Raises `NetworkError` naming every quantity whose role is open and the line that settles it.
    """
    roles: dict[Base, Role] = {}
    unknown: list[str] = []
    for base in undefined:
        role = declared.get(base) or conventional_role(names[base])
        if role is None:
            unknown.append(names[base].plain)
        else:
            roles[base] = role
    if unknown:
        listed = ", ".join(unknown)
        plural = len(unknown) > 1
        products = [text for text in unknown if len(text) > 1 and text.isalpha() and _covered(text, names)]
        hint = f"if it is a product, write '{' '.join(products[0])}'; else " if products else ""
        raise NetworkError(
            f"{listed} {'are' if plural else 'is'} used, but no equation defines {'them' if plural else 'it'} "
            f"and no convention tells what {'they are' if plural else 'it is'}",
            hint=hint + f"add a definition, or one of the lines 'inputs: {listed}', 'targets: {listed}', "
            f"'parameters: {listed}', 'constants: {listed}'",
        )
    return roles
