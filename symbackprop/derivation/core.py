"""The Derivation: the backward pass of a network over named deltas.

Contract: `Derivation(network)` holds one `Gradient` for each parameter (and, on demand, for any quantity) and the
named deltas they are built from. Products keep the order in which the chain rule produced them, factored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import sympy as sp

from symbackprop.backprop import Contribution, ReverseSweep, collapse
from symbackprop.derivation.gradient import Gradient
from symbackprop.derivation.outputs import Outputs, activation_argument
from symbackprop.derivation.paths import Paths
from symbackprop.derivation.records import Case, DeltaConvention, DerivativeForm, Path, Style, Term
from symbackprop.derivation.terms import at_indices, decided, on_sizes, ordered_sum, scaled
from symbackprop.errors import NetworkError
from symbackprop.functions import Indicator
from symbackprop.indexed import Base, base_of, nonnegative, rename
from symbackprop.matrix import Node, matrix_form
from symbackprop.network import Network, Quantity
from symbackprop.network.ranges import base_uses
from symbackprop.rewrite import ClosedForm, closed_form

LONGEST_PATHS = 160
"""Up to this many factors, counted over all paths of all parameters, a scalar network is shown path by path."""


class Derivation:
    """The backward pass of a network.

    Args:
        network: a checked network.
        delta: what a delta is the derivative of: the whole cost, or one sample's share (m times that).
        style: ``paths`` multiplies out every path from the loss, ``delta`` names shared factors once; None chooses
            paths for small scalar networks.
        derivatives: derivatives of activations by their ``argument`` (``sigma(z)(1-sigma(z))``) or by their
            ``output`` (``a(1-a)``); None chooses argument for paths, output for delta.
    """

    def __init__(
        self,
        network: Network,
        delta: DeltaConvention = "cost",
        style: Style | None = None,
        derivatives: DerivativeForm | None = None,
    ) -> None:
        self.network, self.delta = network, delta
        self.sweep = ReverseSweep(network)
        self._paths = Paths(network, self.sweep)
        self.by_output = Outputs(network)
        self._terms: dict[tuple[Base, bool], tuple[Term, ...]] = {}
        self._computed: dict[Base, ClosedForm] = {}
        self.style: Style = style or self._fitting_style()
        if self.style == "paths" and not self.network.is_scalar:
            raise NetworkError("style paths is for scalar networks: this one has indices", hint="use style 'delta'")
        self.derivatives: DerivativeForm = derivatives or ("argument" if self.style == "paths" else "output")
        self.rate = sp.Symbol(str(network.rate))
        self._gradients: dict[Base, Gradient] = {}

    def __getitem__(self, name: Any) -> Gradient:
        """The gradient of any quantity, by its name in any spelling."""
        quantity = self.network.find(name)
        if quantity.base not in self._gradients:
            self._gradients[quantity.base] = Gradient(self, quantity)
        return self._gradients[quantity.base]

    @property
    def gradients(self) -> Mapping[str, Gradient]:
        """The gradients of all parameters by plain name, those nearest to the loss first."""
        return {q.name.plain: self[q.base] for q in self.parameters}

    @cached_property
    def parameters(self) -> tuple[Quantity, ...]:
        """The parameters in the order of the backward pass: those of the equations nearest to the loss first."""
        position: dict[Base, int] = {}
        for number, equation in enumerate(reversed(self.network.equations)):
            for base in base_uses(equation.expression):
                position.setdefault(base, number)
        wanted = self.network.parameters
        order = {q.base: n for n, q in enumerate(wanted)}
        return tuple(sorted(wanted, key=lambda q: (position.get(q.base, -1), order[q.base])))

    def _fitting_style(self) -> Style:
        if not self.network.is_scalar or len(self.network.parameters) > LONGEST_PATHS:
            return "delta"
        total = sum(self._paths.count(q.base)[1] for q in self.network.parameters)
        return "paths" if total <= LONGEST_PATHS else "delta"

    def paths_to(self, base: Base) -> Iterator[Path]:
        """Every path from the loss to a quantity of a scalar network."""
        return self._paths.paths_to(base)

    def path_count(self, base: Base) -> int:
        """How many paths lead from the loss to a quantity (counted, not enumerated)."""
        return self._paths.path_count(base)

    # -- deltas --------------------------------------------------------------------------------------------------
    def is_inlined(self, base: Base) -> bool:
        """Is the quantity the output of an activation of one named quantity? Its adjoint is no delta of its own."""
        if base == self.network.loss.base:
            return False
        steps = [e for e in self.network.definitions(base) if len(e.index_symbols) == len(e.at)]  # no base cases
        activated = len(steps) == 1 and activation_argument(steps[0]) is not None
        return activated or self._has_constant_adjoint(base)

    def _has_constant_adjoint(self, base: Base) -> bool:
        """Is the derivative of the loss a mere number, as for the parts of ``E = E_1 + E_2``?"""
        return not self.network.quantities[base].axes and self.sweep[base].expression.is_number

    @cached_property
    def deltas(self) -> tuple[Quantity, ...]:
        """The quantities whose adjoint has a name of its own (pre-activations above all), loss side first."""
        reached, order = {q.base for q in self.network.parameters}, list[Base]()
        for equation in self.network.equations:
            if reached & set(base_uses(equation.expression)):
                reached.add(equation.base)
                order.append(equation.base)
        wanted = [b for b in dict.fromkeys(reversed(order)) if b != self.network.loss.base and not self.is_inlined(b)]
        return tuple(self.network.quantities[b] for b in wanted if self.sweep[b].contributions)

    def terms(self, base: Base) -> tuple[Term, ...]:
        """The summands of an adjoint over named deltas: adjoints of activation outputs are multiplied in."""
        return self._terms_of(base, self.is_per_sample(base))

    def _terms_of(self, base: Base, per_sample: bool) -> tuple[Term, ...]:
        if (base, per_sample) not in self._terms:
            self._terms[base, per_sample] = tuple(self._term(c, per_sample) for c in self.sweep[base].contributions)
        return self._terms[base, per_sample]

    def is_per_sample(self, base: Base) -> bool:
        """Does the delta of this quantity leave out the loss's 1/m (convention ``sample``)?"""
        return (
            self.delta == "sample"
            and self._mean_over is not None
            and any(axis.size == self._mean_over for axis in self.network.quantities[base].axes)
            and (self.network.quantities[base].role == "intermediate")
        )

    @cached_property
    def _mean_over(self) -> Any:
        """The number of samples m, where the loss is a mean over them."""
        m = self.network.samples
        if m is None:
            return None
        return m if any(not e.at and e.expression.has(sp.Pow(m, -1)) for e in self.network.equations) else None

    def cases(self, base: Base) -> tuple[Case, ...]:
        """An adjoint along a label axis, apart for its last instance: ``l = L`` is where a recursion starts.

        A quantity without such a condition has one case, without a condition.
        """
        closed = self[base].closed
        found = self.in_cases(base, closed.expression)
        if len(found) == 1:
            return (Case(None, closed),)
        return tuple(Case(condition, self._closed(expression)) for condition, expression in found)

    def in_cases(self, base: Base, expression: Any) -> tuple[tuple[Any, Any], ...]:
        """An expression over the free indices of a quantity, apart for the last instance: conditions and values."""
        for axis in self.network.quantities[base].axes:
            inside = Indicator(sp.Ge(axis.high - axis.index - 1, 0))
            if inside == 1 or not expression.has(inside):
                continue
            at_end = {inside: sp.S.Zero, Indicator(sp.Eq(axis.high, axis.index)): sp.S.One}
            before = {inside: sp.S.One, Indicator(sp.Eq(axis.high, axis.index)): sp.S.Zero}
            last = rename(decided(expression, at_end), {axis.index: axis.high})
            last = decided(last, {i: nonnegative(i.condition.lhs, ()) for i in last.atoms(Indicator) if on_sizes(i)})
            step, condition = decided(expression, before), sp.Lt(axis.index, axis.high)
            begun = Indicator(sp.Ge(axis.index - axis.low - 1, 0))
            if step.has(begun) and self._begins_constant(base, axis.low):
                step = decided(step, {begun: sp.S.One})
                condition = sp.And(sp.Le(axis.low + 1, axis.index), condition, evaluate=False)
            return (sp.Eq(axis.index, axis.high, evaluate=False), last), (condition, step)
        return ((None, expression),)

    def _begins_constant(self, base: Base, low: Any) -> bool:
        """Is the first instance of a recurrence a number, such as ``h_0 = 0``? Nothing asks for its adjoint."""
        return any(low in e.at and e.expression.is_number for e in self.network.definitions(base))

    def _closed(self, expression: sp.Expr) -> ClosedForm:
        return closed_form(expression, self.network.assumptions)

    def computed(self, base: Base) -> ClosedForm:
        """An adjoint as a program computes it: over named deltas, activations by their output, in closed form."""
        if base not in self._computed:
            raw = self.by_output(ordered_sum([term.expression for term in self.terms(base)]))
            self._computed[base] = closed_form(raw, self.network.assumptions)
        return self._computed[base]

    def _term(self, c: Contribution, per_sample: bool) -> Term:
        """One summand; with convention ``sample`` it is scaled by m, or by 1/m where it uses a per-sample delta."""
        limits, outer = list(c.limits), (c.adjoint,) if c.adjoint != 1 else ()
        if outer and self.is_inlined(c.consumer.base):
            inner = [
                at_indices(t, self.network.quantities[c.consumer.base], c.adjoint)
                for t in self._terms_of(c.consumer.base, per_sample)
            ]
            if len(inner) == 1:
                limits += inner[0].limits
                outer = inner[0].factors
            else:
                outer = (ordered_sum([t.expression for t in inner]),)
            return Term(tuple(limits), collapse((*outer, *c.local, *c.conditions)))
        uses = bool(outer) and self.is_per_sample(c.consumer.base)
        factors = (*outer, *c.local, *c.conditions)
        if per_sample != uses:
            factors = scaled(factors, self._mean_over if per_sample else 1 / self._mean_over)
        return Term(tuple(limits), collapse(factors))

    # -- matrix notation -----------------------------------------------------------------------------------------
    @cached_property
    def _label_axes(self) -> frozenset[tuple[Any, int]]:
        """The label axes of quantities, and of their adjoints."""
        network = self.network
        adjoints = {
            (
                base_of(
                    self.sweep.adjoint_symbol(network.quantities[b], (sp.S.One,) * len(network.quantities[b].axes))
                ),
                n,
            )
            for b, n in network.label_axes
        }
        return network.label_axes | adjoints

    def matrix(self, expression: Any, at: Sequence[Any], base: Base | None = None) -> Node:
        """The matrix form of an expression whose entry stands at the indices `at` of `base`, whose labels are no axes.

        Raises:
            NoMatrixForm: where only the index form exists.
        """
        axes = [i for n, i in enumerate(at) if (base, n) not in self.network.label_axes and isinstance(i, sp.Symbol)]
        return matrix_form(expression, axes, self._label_axes)

    # -- forms ---------------------------------------------------------------------------------------------------
    def in_chosen_form(self, expression: sp.Expr) -> sp.Expr:
        """Activations by argument or by output, as the derivation was asked for."""
        return self.by_output(expression) if self.derivatives == "output" else expression
