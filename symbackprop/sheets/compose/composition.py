"""What all sections of a sheet share: the derivation, its mathematics, the sentences, what each quantity is.

Contract: a `Composition` is made once for a sheet and only read by the sections.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import sympy as sp

from symbackprop.backprop import Contribution
from symbackprop.derivation import Derivation, Factors, Gradient, activation_argument
from symbackprop.derivation.rules import OptimizerName, UpdateRule, rule_of
from symbackprop.functions import Indicator
from symbackprop.indexed import Softmax, base_of, indices_of
from symbackprop.names import parse_name
from symbackprop.network import Equation, Quantity
from symbackprop.sheets.blocks import Line, Math
from symbackprop.sheets.mathematics import MathWriter
from symbackprop.sheets.matrices import matrix_axes
from symbackprop.sheets.naming import is_preactivation
from symbackprop.sheets.phrases import Phrases

Detail = Literal["full", "brief"]
Form = Literal["scalar", "index", "matrix"]
Part = Literal[
    "input",
    "target",
    "constant",
    "weight",
    "bias",
    "parameter",
    "sum",
    "activation",
    "output",
    "share",
    "intermediate",
    "loss",
]


@dataclass(frozen=True)
class Group:
    """Parameters that act through the same quantity, or through several where a parameter is shared."""

    through: tuple[Quantity, ...]
    parameters: tuple[Quantity, ...]

    @property
    def nearest(self) -> Quantity:
        """The place nearest to the loss."""
        return next(iter(self.through))


@dataclass(frozen=True)
class Composition:
    """One sheet in the making."""

    derivation: Derivation
    write: MathWriter
    say: Phrases
    detail: Detail = "full"
    form: Form | None = None
    optimizer: OptimizerName = "sgd"
    found: dict[Any, Any] = field(default_factory=dict[Any, Any], repr=False)
    """Matrix forms that were looked for once."""

    @property
    def full(self) -> bool:
        """Are explanations wanted, or formulas only?"""
        return self.detail == "full"

    @property
    def rule(self) -> UpdateRule:
        """How parameters are updated."""
        return rule_of(self.optimizer)

    @property
    def matrices(self) -> bool:
        """Are results written as matrices where they can be?"""
        return not self.scalar and self.form != "index"

    @property
    def scalar(self) -> bool:
        """Has no quantity an axis?"""
        return self.derivation.network.is_scalar

    @property
    def loss(self) -> Quantity:
        """The loss."""
        return self.derivation.network.quantities[self.derivation.network.loss.base]

    @property
    def title(self) -> str:
        """The title of the network, in the language of the sheet where it has one in it."""
        network = self.derivation.network
        return network.titles.get(self.say.language, network.title)

    def names(self, quantities: Sequence[Quantity]) -> Line:
        """The names of quantities as an enumeration."""
        return self.say.listed(self.write.names(quantities))

    def gradient(self, quantity: Quantity) -> Gradient:
        """The gradient of a quantity."""
        return self.derivation[quantity.base]

    def scale(self, quantity: Quantity) -> Any:
        """A delta as a multiple of the derivative of the loss: m with the convention ``sample``, else 1."""
        per_sample = self.derivation.is_per_sample(quantity.base)  # pyright: ignore[reportPrivateUsage]
        return self.derivation.network.samples if per_sample else sp.S.One

    def is_rate(self, name: Any) -> bool:
        """Is it a spelling of the learning rate?"""
        return parse_name(str(name)) == self.derivation.network.rate

    @property
    def stated(self) -> Mapping[Any, Any] | None:
        """The values that the network itself states, if there is one for everything that is given."""
        network = self.derivation.network
        given = [q for q in network.quantities.values() if q.role not in ("intermediate", "loss")]
        return network.values if all(q.base in network.values for q in given) else None

    @property
    def counts(self) -> set[sp.Symbol]:
        """The sizes that say how many layers or steps there are."""
        network = self.derivation.network
        axes = [
            q.axes[n]
            for q in network.quantities.values()
            for n in range(len(q.axes))
            if (q.base, n) in network.label_axes
        ]
        return {axis.high for axis in axes if isinstance(axis.high, sp.Symbol)}

    def chosen(self, factors: Factors) -> Factors:
        """Factors with the derivatives of activations in the form that was asked for."""
        return tuple(self.derivation.in_chosen_form(f) for f in factors)

    @cached_property
    def has_indicators(self) -> bool:
        """Does a derivative hold only where a condition is true, other than the start of a recursion?"""
        derivation = self.derivation
        if any(isinstance(e.expression, Softmax) for e in derivation.network.equations):
            return True
        return any(
            value.has(Indicator)
            for quantity in (*derivation.deltas, *derivation.parameters)
            for _, value in derivation.in_cases(
                quantity.base, sp.Add(*(t.expression for t in derivation.terms(quantity.base)), evaluate=False)
            )
        )

    # -- who is who ------------------------------------------------------------------------------------------
    def consumers(self, quantity: Quantity) -> list[Quantity]:
        """The quantities whose equations read it, the one nearest to the loss first."""
        network = self.derivation.network
        bases = dict.fromkeys(c.consumer.base for c in self.derivation.sweep[quantity.base].contributions)
        return [network.quantities[b] for b in sorted(bases, key=lambda b: -self._position[b])]

    def users(self, quantity: Quantity) -> list[Math]:
        """The names of the consumers, at the layer or step at which they read it: ``h^{(t+1)}`` reads ``h^{(t)}``."""
        found: list[Math] = []
        for user in self.consumers(quantity):
            contributions = self.derivation.sweep[quantity.base].contributions
            found += [self.user(x) for x in contributions if x.consumer.base == user.base]
        return list(dict.fromkeys(found))

    def user(self, x: Contribution) -> Math:
        """The name of a consumer at the layer or step at which it reads; without it where it reads at all of them."""
        user, at = self.derivation.network.quantities[x.consumer.base], indices_of(x.adjoint)
        labels = [i for n, i in enumerate(at) if (user.base, n) in self.derivation.network.label_axes]
        bound = {limit.index for limit in x.limits}
        if not labels or any(i.free_symbols & bound for i in labels):
            return self.write.stem(user)
        return self.write.whole(user.base[at], matrix_axes(self.derivation.network, user.base, at))

    @cached_property
    def _position(self) -> dict[Any, int]:
        return {e.base: n for n, e in enumerate(self.derivation.network.equations)}

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """The parameters in the order of the backward pass, grouped by what they act through.

        A shared parameter comes after all of its neurons.
        """
        found: dict[tuple[Quantity, ...], list[Quantity]] = {}
        for quantity in self.derivation.parameters:
            consumers = self.consumers(quantity)
            if consumers:
                found.setdefault(tuple(consumers), []).append(quantity)
        ordered = sorted(found.items(), key=lambda item: (-self._position[item[0][-1].base], len(item[0])))
        return tuple(Group(through, tuple(members)) for through, members in ordered)

    @cached_property
    def idle(self) -> tuple[Quantity, ...]:
        """Parameters that the loss does not depend on."""
        return tuple(q for q in self.derivation.parameters if not self.consumers(q))

    def part(self, quantity: Quantity) -> Part:
        """What a quantity is in the network, told from the equations alone."""
        if quantity.base not in self._parts:
            self._parts[quantity.base] = self._part(quantity)
        return self._parts[quantity.base]

    @cached_property
    def _parts(self) -> dict[Any, Part]:
        """What was found out once."""
        return {}

    def _part(self, quantity: Quantity) -> Part:
        if quantity.role == "parameter":
            return self._kind_of_parameter(quantity)
        if quantity.role != "intermediate":
            return quantity.role
        if self._after_targets(quantity):
            return "share"
        if quantity in self._beside_targets:
            return "output"
        if any(self.is_activation(e) for e in self.derivation.network.definitions(quantity.base)):
            return "activation"
        return "sum" if is_preactivation(self.derivation, quantity) else "intermediate"

    def is_activation(self, equation: Equation) -> bool:
        """Does an equation apply one function to one named quantity?"""
        return equation is not self.derivation.network.loss and activation_argument(equation) is not None

    def _kind_of_parameter(self, quantity: Quantity) -> Part:
        locals_ = [c.local for c in self.derivation.sweep[quantity.base].contributions]
        if locals_ and all(not local for local in locals_):
            return "bias"
        if locals_ and all(len(f) == 1 and isinstance(f[0], (sp.Symbol, sp.Indexed)) for f in locals_):
            return "weight"
        return "parameter"

    def _reads(self, equation: Equation) -> set[Quantity]:
        return self._read_by[equation.base]

    @cached_property
    def _read_by(self) -> dict[Any, set[Quantity]]:
        network = self.derivation.network
        found: dict[Any, set[Quantity]] = {e.base: set() for e in network.equations}
        for quantity in network.quantities.values():
            for c in self.derivation.sweep[quantity.base].contributions:
                found[c.consumer.base].add(quantity)
        for equation in network.equations:  # labels stand in index positions, which are not differentiated
            for indexed in equation.expression.atoms(sp.Indexed):
                for index in indexed.indices:
                    found[equation.base] |= {network.quantities[base_of(r)] for r in index.atoms(sp.Indexed)}
        return found

    @cached_property
    def _beside_targets(self) -> set[Quantity]:
        """Everything that one equation reads together with a target."""
        equations = self.derivation.network.equations
        return {q for e in equations if self._reads_target(e) for q in self._reads(e)}

    def _reads_target(self, equation: Equation) -> bool:
        return any(q.role == "target" for q in self._reads(equation))

    def _after_targets(self, quantity: Quantity) -> bool:
        return quantity.base in self._behind_targets

    @cached_property
    def _behind_targets(self) -> set[Any]:
        """Everything that is computed with a target: the loss and its shares."""
        found: set[Any] = set()
        for equation in self.derivation.network.equations:
            if any(q.role == "target" or q.base in found for q in self._reads(equation)):
                found.add(equation.base)
        return found

    def with_part(self, *parts: Part) -> list[Quantity]:
        """The quantities that are one of these, in order of appearance."""
        return [q for q in self.derivation.network.quantities.values() if self.part(q) in parts]


def split_conditions(factors: Sequence[sp.Expr]) -> tuple[tuple[sp.Expr, ...], list[Any]]:
    """The factors without those that only say for which index values they hold, and these conditions."""
    conditions = [f.condition for f in factors if isinstance(f, Indicator) and is_index_condition(f.condition)]
    rest = tuple(f for f in factors if not (isinstance(f, Indicator) and is_index_condition(f.condition)))
    return rest, conditions


def is_index_condition(condition: Any) -> bool:
    """Does a condition speak of indices and sizes only, not of values?"""
    symbols: Iterator[sp.Symbol] = (s for s in condition.free_symbols if isinstance(s, sp.Symbol))
    return not condition.atoms(sp.Indexed, sp.Function) and all(s.is_integer for s in symbols)
