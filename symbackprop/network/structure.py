"""The layers of a network, found from its equations and not from its names.

Contract: `find_layers(network)` numbers the layers from the inputs on. A pre-activation is a quantity whose only
consumer applies one function; a layer ends with that function, or where the loss begins. Each layer has at least one
parameter.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import sympy as sp

from symbackprop.indexed import Base, LogSumExp, Softmax, base_of
from symbackprop.network.equation import Equation
from symbackprop.network.model import Network
from symbackprop.network.ranges import base_uses


@dataclass
class Layer:
    """One layer: what it computes, in evaluation order, and the parameters that only it reads."""

    number: int
    sums: list[Base] = field(default_factory=list[Base])
    """Pre-activations, or logits: one array, or one number for each unit."""
    outputs: list[Base] = field(default_factory=list[Base])
    """What the activation gives; the weighted sums themselves, where a last layer has no activation."""
    others: list[Base] = field(default_factory=list[Base])
    """What is computed on the way from the layer below, such as the mean of a normalisation."""
    parameters: list[Base] = field(default_factory=list[Base])


@dataclass
class _State:
    """What a quantity has behind it."""

    finished: int = 0
    """How many layers."""
    is_open: bool = False
    """A parameter since the last of them."""
    has_data: bool = True
    """An input: a penalty on weights has none."""
    has_target: bool = False


def find_layers(network: Network) -> list[Layer]:
    """The layers from the inputs to the outputs; empty where the network has none.

    A layer index (``W^{[l]}``) makes one layer of all its instances.
    """
    finder = _Finder(network)
    for equation in network.equations:
        if equation is not network.loss:
            finder.see(equation)
    return finder.layers()


def applied_to(expression: Any) -> Any:
    """``z`` of ``f(z)``: the reference that one function is applied to, else None."""
    if isinstance(expression, (Softmax, LogSumExp)):
        arguments = [expression.args[1 if isinstance(expression, Softmax) else 0]]
    elif isinstance(expression, sp.Function):
        arguments = [a for a in expression.args if not a.is_number]
    else:
        return None
    return arguments[0] if len(arguments) == 1 and isinstance(arguments[0], (sp.Symbol, sp.Indexed)) else None


class _Finder:
    def __init__(self, network: Network) -> None:
        self.network = network
        self.states: dict[Base, _State] = {}
        self.sums: dict[Base, int] = {}
        self.outputs: dict[Base, int] = {}
        self.consumers: dict[Base, list[Equation]] = {}
        for equation in network.equations:
            for base in self._reads(equation):
                self.consumers.setdefault(base, []).append(equation)

    def _reads(self, equation: Equation) -> Iterator[Base]:
        return (b for b in dict.fromkeys(base_uses(equation.expression)) if b in self.network.quantities)

    def _role(self, base: Base) -> str:
        return self.network.quantities[base].role

    def _state(self, base: Base) -> _State:
        role = self._role(base)
        default = _State(has_data=role not in ("parameter", "constant"), has_target=role == "target")
        return self.states.get(base, default)

    def see(self, equation: Equation) -> None:
        """Take one more equation into account."""
        reads = list(self._reads(equation))
        states = [self._state(b) for b in reads]
        state = _State(
            max((s.finished for s in states), default=0),
            any(s.is_open for s in states) or any(self._role(b) == "parameter" for b in reads),
            any(s.has_data for s in states),
            any(s.has_target for s in states),
        )
        argument = applied_to(equation.expression)
        below = base_of(argument) if argument is not None else None
        if state.is_open and state.has_data and not state.has_target:
            if below is not None and self._is_only_applied(below):
                self.sums[below] = self.outputs[equation.base] = state.finished + 1
            elif isinstance(equation.expression, (sp.Function, Softmax)) and argument is None:
                self.outputs[equation.base] = state.finished + 1
        elif isinstance(equation.expression, (sp.Symbol, sp.Indexed)) and self._role(reads[0]) == "input":
            self.outputs[equation.base] = 0
        if equation.base in self.outputs:
            state = _State(self.outputs[equation.base], False, state.has_data, state.has_target)
        self.states[equation.base] = state

    def _is_only_applied(self, base: Base) -> bool:
        """Is one function of it all that is read of a computed quantity?"""
        users = self.consumers[base]
        return self._role(base) == "intermediate" and all(
            e.base == users[0].base and (argument := applied_to(e.expression)) is not None and base_of(argument) == base
            for e in users
        )

    def layers(self) -> list[Layer]:
        """The layers, once every equation was seen."""
        for base, state in self.states.items():
            if base not in self.sums and self._ends_a_layer(base, state):
                place = self.sums if self._is_logit(base) else self.outputs
                place[base] = state.finished + 1
        found: dict[int, Layer] = {}
        readers: dict[Base, set[int]] = {}
        for equation in self.network.equations:
            base, state = equation.base, self._state(equation.base)
            number = self.sums.get(base, self.outputs.get(base))
            inside = number is None and state.is_open and state.has_data and not state.has_target
            if equation is self.network.loss or (number is None and not inside):
                continue
            number = state.finished + 1 if number is None else number
            layer = found.setdefault(number, Layer(number))
            group = layer.others if inside else layer.sums if base in self.sums else layer.outputs
            if base not in group:
                group.append(base)
            for parameter in (b for b in self._reads(equation) if self._role(b) == "parameter"):
                readers.setdefault(parameter, set()).add(number)
        for parameter, numbers in readers.items():
            if len(numbers) == 1:
                found[next(iter(numbers))].parameters.append(parameter)
        return [found[n] for n in sorted(found)] if any(found) else []

    def _ends_a_layer(self, base: Base, state: _State) -> bool:
        """Is it a last layer without activation: does the loss, or what compares with a target, read it?"""
        if base in self.outputs or not (state.is_open and state.has_data) or state.has_target:
            return False
        loss = self.network.loss
        return any(e is loss or self._state(e.base).has_target for e in self.consumers.get(base, ()))

    def _is_logit(self, base: Base) -> bool:
        """Does a consumer apply a function to it directly, as a cross-entropy from logits does?"""
        return any(
            base_of(argument) == base
            for e in self.consumers.get(base, ())
            for part in sp.preorder_traversal(e.expression)
            if (argument := applied_to(part)) is not None
        )
