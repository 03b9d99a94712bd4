"""The notations of textbooks: one network as z^(l), a^(l) or z_l, a_l or Z^[l], A^[l] or h, alpha, out.

Contract: `with_notation(network, notation)` renames a layered network. Matrices get capital letters, vectors and
numbers small ones. What is no part of a layer keeps its name; so do the letters of a layer that computes more than a
sum and an activation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import sympy as sp

from symbackprop.errors import NetworkError
from symbackprop.indexed import Base, base_of, references
from symbackprop.names import Label, Name, make_name
from symbackprop.names.spelling import Kind
from symbackprop.network.convert import renamed
from symbackprop.network.equation import Quantity, Specification
from symbackprop.network.model import Network
from symbackprop.network.structure import Layer, find_layers

Notation = Literal["paren", "subscript", "bracket", "neuron"]


@dataclass(frozen=True)
class Letters:
    """The letters of one notation; `label` is how the number of a layer is written."""

    label: Kind
    sum: str = "z"
    output: str = "a"
    loss: str = "L"
    rate: str = "eta"
    hat: bool = True
    """Is the output of the network written as the target with a hat?"""


NOTATIONS: dict[str, Letters] = {
    "paren": Letters("paren"),
    "subscript": Letters("sub", loss="C", rate="alpha", hat=False),
    "bracket": Letters("bracket", rate="alpha"),
    "neuron": Letters("sub", sum="h", output="alpha", loss="E", hat=False),
}
"""The notations of documents 001, 002, 003 and 000."""


def with_notation(network: Network, notation: Notation) -> Specification:
    """The network in one of `NOTATIONS`.

    Args:
        network: a network with layers.
        notation: ``paren``, ``subscript``, ``bracket``; ``neuron`` numbers single units and weights through, and is for
            networks of scalars.

    Raises:
        NetworkError: an unknown notation, a network without layers, ``neuron`` for arrays, or two equal names.
    """
    if notation not in NOTATIONS:
        raise NetworkError(f"unknown notation {notation!r}", hint=f"one of {', '.join(NOTATIONS)}")
    layers = find_layers(network)
    if not layers:
        raise NetworkError(
            "this network has no layers to rename: nothing in it is a function of a sum with parameters",
            hint="define a pre-activation and its activation, such as z = w x + b and a = \\sigma(z)",
        )
    if notation == "neuron" and not network.is_scalar:
        raise NetworkError(
            "the notation neuron is for networks of single units, and this one has arrays",
            hint="choose paren, subscript or bracket",
        )
    return _Renaming(network, notation, layers).specification()


class _Renaming:
    def __init__(self, network: Network, notation: Notation, layers: Sequence[Layer]) -> None:
        self.network, self.layers = network, layers
        self.letters, self.by_units = NOTATIONS[notation], notation == "neuron"
        self.names: dict[Base, Name] = {}

    def specification(self) -> Specification:
        for role, letter in (("input", "x"), ("target", "y")):
            self._number_through([q for q in self.network.quantities.values() if q.role == role], letter)
        before, hidden = self._sources(), 0
        for layer in self.layers:
            if layer.number == 0:
                self._name_all(layer.outputs, self.letters.output, layer)
            elif layer.others:
                self._relabel(layer)
            elif self.by_units:
                self._neurons(layer, hidden)
                hidden += len(layer.sums or layer.outputs)
            else:
                self._layer(layer)
            if not layer.others:
                self._parameters(layer, before)
            before = layer.outputs or layer.sums
        self._if_free(self.network.loss.base, make_name(self.letters.loss))
        rate = make_name(self.letters.rate)
        kinds = {b: (self.letters.label, *kind[1:]) for b, kind in self.network.leading.items()}
        return renamed(self.network, self.names, kinds, None if self._is_taken(rate) else rate)

    def _sources(self) -> list[Base]:
        return [q.base for q in self.network.with_role("input")]

    # -- names ---------------------------------------------------------------------------------------------------
    def _own_axes(self, quantity: Quantity) -> int:
        return len(quantity.axes) - len(self.network.leading.get(quantity.base, ()))

    def _name(self, base: Base, letter: str, layer: Layer | None, *subscripts: str, accent: str = "") -> Name:
        """A letter, capital for a matrix, with the layer and then the unit."""
        if self._own_axes(self.network.quantities[base]) >= 2 and len(letter) == 1:
            letter = letter.upper()
        labels = [] if layer is None or base in self.network.leading else [self._label(layer)]
        return make_name(letter, accent, (*labels, *(Label("sub", s) for s in subscripts)))

    def _label(self, layer: Layer) -> Label:
        return Label(self.letters.label, str(layer.number))

    def _number_through(self, quantities: Sequence[Quantity], letter: str) -> None:
        """``x`` for one quantity, ``x_1, x_2`` for several numbers; several arrays keep their names."""
        if len(quantities) == 1:
            self.names[quantities[0].base] = self._name(quantities[0].base, letter, None)
        elif self.network.is_scalar:
            for number, quantity in enumerate(quantities, start=1):
                self.names[quantity.base] = self._name(quantity.base, letter, None, str(number))

    def _name_all(self, bases: Sequence[Base], letter: str, layer: Layer | None, accent: str = "") -> None:
        """One array, or units that are numbered."""
        for number, base in enumerate(bases, start=1):
            unit = (str(number),) if len(bases) > 1 else ()
            self.names[base] = self._name(base, letter, layer, *unit, accent=accent)

    def _if_free(self, base: Base, name: Name) -> None:
        if not self._is_taken(name, base):
            self.names[base] = name

    def _is_taken(self, name: Name, by: Base | None = None) -> bool:
        """Does a size or another quantity have this name, or the letter of it?"""
        final = (
            self.names.get(b, n) for b, n in self.network.names.items() if b != by and b in self.network.quantities
        )
        return name.plain in {s.name for s in self.network.sizes} or any(name in (n, n.stem) for n in final)

    # -- layers --------------------------------------------------------------------------------------------------
    def _layer(self, layer: Layer) -> None:
        self._name_all(layer.sums, self.letters.sum, layer)
        is_last = layer is self.layers[-1] and not any(b in self.network.leading for b in layer.outputs)
        if is_last and self.letters.hat:
            self._name_all(layer.outputs, "y", None, accent="hat")
        else:
            self._name_all(layer.outputs, self.letters.output, layer)

    def _neurons(self, layer: Layer, hidden: int) -> None:
        r"""``h_1, \alpha_1, h_2 ...`` numbered through all hidden layers; ``z`` and ``out`` at the end."""
        if layer is self.layers[-1]:
            self._name_all(layer.sums, "z", None)
            self._name_all(layer.outputs, "out", None)
            return
        for group, letter in ((layer.sums, self.letters.sum), (layer.outputs, self.letters.output)):
            for number, base in enumerate(group, start=hidden + 1):
                self.names[base] = make_name(letter, "", (Label("sub", str(number)),))

    def _relabel(self, layer: Layer) -> None:
        """Only the number of the layer is written anew."""
        for base in (*layer.sums, *layer.outputs, *layer.others, *layer.parameters):
            name = self.network.names[base]
            kept = [s for s in name.scripts if not s.text.isdigit()]
            labels = [] if base in self.network.leading else [self._label(layer)]
            self.names[base] = name.with_scripts((*labels, *kept))

    # -- parameters ----------------------------------------------------------------------------------------------
    def _parameters(self, layer: Layer, before: Sequence[Base]) -> None:
        """Weights and biases: a bias stands alone in the sum, a weight in a product."""
        units = layer.sums or layer.outputs
        uses: dict[Base, list[tuple[int, Any]]] = {}
        for unit, base in enumerate(units, start=1):
            for equation in self.network.definitions(base):
                for term in sp.Add.make_args(_inside(equation.expression)):
                    for parameter in (b for b in layer.parameters if b in map(base_of, references(term))):
                        uses.setdefault(parameter, []).append((unit, term))
        biases = [b for b, own in uses.items() if all(isinstance(t, (sp.Symbol, sp.Indexed)) for _, t in own)]
        weights = [b for b in uses if b not in biases]
        if not self.network.is_scalar:
            for group, letter in ((weights, "w"), (biases, "b")):
                if len(group) == 1:
                    self.names[group[0]] = self._name(group[0], letter, layer)
            return
        for base in biases + weights:
            if len(uses[base]) == 1:
                unit, term = uses[base][0]
                self._scalar_parameter(base, "b" if base in biases else "w", layer, unit, term, before)

    def _scalar_parameter(
        self, base: Base, letter: str, layer: Layer, unit: int, term: Any, before: Sequence[Base]
    ) -> None:
        """``w_{jk}`` leads from unit k to unit j; the notation neuron counts the weights of a layer through."""
        count = len(layer.sums or layer.outputs)
        places = [str(unit)] if count > 1 else []
        if letter == "w":
            others = [b for b in map(base_of, references(term)) if b != base]
            if len(others) != 1 or others[0] not in before:
                return
            source = before.index(others[0]) + 1
            places = [str(unit), str(source)] if count > 1 or len(before) > 1 else []
            unit += (source - 1) * count
        if self.by_units:
            self.names[base] = make_name(letter, "", (Label("sub", _joined(str(layer.number), str(unit))),))
        else:
            self.names[base] = self._name(base, letter, layer, *([_joined(*places)] if places else []))


def _inside(expression: Any) -> Any:
    """The weighted sum in ``f(w x + b)``."""
    if isinstance(expression, sp.Function):
        return next((a for a in expression.args if not a.is_number), expression)
    return expression


def _joined(*numbers: str) -> str:
    """Indices side by side, with commas where one of them has two digits."""
    return ("" if all(len(n) == 1 for n in numbers) else ",").join(numbers)
