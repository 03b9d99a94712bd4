"""The derivation of a network: gradients, paths, deltas and updates, as a record that everything else reads.

Contract: `Derivation(network)` holds one `Gradient` for each parameter (and, on demand, for any quantity) and the
named deltas they are built from. Products keep the order in which the chain rule produced them, factored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import sympy as sp

from symbackprop.backprop import Adjoint, Contribution, ReverseSweep, collapse
from symbackprop.errors import NetworkError
from symbackprop.indexed import (
    Base,
    Limit,
    Softmax,
    base_of,
    canonical,
    freshen_limits,
    indices_of,
    match_indices,
    rebuild,
    rename,
    sum_over,
)
from symbackprop.matrix import Node, matrix_form
from symbackprop.network import Equation, Network, Quantity
from symbackprop.rewrite import ClosedForm, closed_form

Factors = tuple[sp.Expr, ...]
Style = Literal["paths", "delta"]
DeltaConvention = Literal["cost", "sample"]
DerivativeForm = Literal["argument", "output"]

LONGEST_PATHS = 160
"""Up to this many factors, counted over all paths of all parameters, a scalar network is shown path by path."""


@dataclass(frozen=True)
class Link:
    """One arrow of a path: the local derivative of `upper` with respect to `lower`."""

    upper: Quantity
    lower: Quantity
    factors: Factors
    rules: tuple[str, ...]
    equation: Equation


@dataclass(frozen=True)
class Path:
    """One way from the loss down to a quantity."""

    links: tuple[Link, ...]

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """The stations from the quantity up to the loss."""
        return (*(link.lower for link in reversed(self.links)), self.links[0].upper)

    @cached_property
    def factors(self) -> Factors:
        """The product along the path: one group of factors for each arrow, numbers collected, ones dropped."""
        return collapse(tuple(f for link in self.links for f in link.factors))


@dataclass(frozen=True)
class Term:
    """``Sum_limits Mul(factors)``: one summand of a gradient or a delta, in the order a human writes it."""

    limits: tuple[Limit, ...]
    factors: Factors

    @property
    def expression(self) -> sp.Expr:
        """The term as one unevaluated expression."""
        return sum_over(self.factors, self.limits)


@dataclass(frozen=True)
class Update:
    """One step of gradient descent: ``parameter <- parameter - rate * gradient``, all gradients at the old values."""

    quantity: Quantity
    rate: sp.Symbol
    gradient: sp.Symbol | sp.Indexed


@dataclass(frozen=True)
class Step:
    """One line of reasoning: `left` equals `right` by `rule` (the key of a phrase)."""

    rule: str
    left: Any
    right: Any
    conditions: Factors = ()


class Gradient:
    """The derivative of the loss with respect to one quantity: how it comes about, and what it is."""

    def __init__(self, derivation: Derivation, quantity: Quantity) -> None:
        self.derivation, self.quantity = derivation, quantity

    def __repr__(self) -> str:
        return f"<Gradient of {self.derivation.network.loss.base} with respect to {self.quantity.name.plain}: {self.result}>"

    @property
    def adjoint(self) -> Adjoint:
        """The equation of the derivative over the consumers' adjoints."""
        return self.derivation.sweep[self.quantity.base]

    @property
    def symbol(self) -> sp.Symbol | sp.Indexed:
        """The symbol that stands for this derivative: ``∂E/∂w``."""
        return self.adjoint.symbol

    @cached_property
    def paths(self) -> tuple[Path, ...]:
        """Every way from the loss to the quantity (scalar networks), found when asked for."""
        return tuple(self.derivation.paths_to(self.quantity.base))

    @property
    def chain(self) -> tuple[Link, ...] | None:
        """The chain of local derivatives, if there is exactly one path."""
        return self.paths[0].links if self.derivation.path_count(self.quantity.base) == 1 else None

    @cached_property
    def terms(self) -> tuple[Term, ...]:
        """The summands of the result: one for each path (style paths) or for each consumer (style delta)."""
        if self.derivation.style == "paths":
            return tuple(Term((), path.factors) for path in self.paths)
        return self.derivation.terms(self.quantity.base)

    @property
    def factors(self) -> Factors:
        """The factors of the result in order; a sum over several paths is a single factor."""
        return self.terms[0].factors if len(self.terms) == 1 and not self.terms[0].limits else (self.result,)

    @cached_property
    def closed(self) -> ClosedForm:
        """The result with the rules that simplified it (style delta; paths stay as the chain rule wrote them)."""
        raw = self.unsimplified
        if self.derivation.style == "paths":
            return ClosedForm(raw)
        return closed_form(raw, self.derivation.network.assumptions)

    @cached_property
    def unsimplified(self) -> sp.Expr:
        """The result as the chain rule gave it."""
        return self.derivation.in_chosen_form(ordered_sum([term.expression for term in self.terms]))

    @property
    def result(self) -> sp.Expr:
        """The gradient as a SymPy expression in the network's symbols and (style delta) the deltas."""
        return self.closed.expression

    @property
    def update(self) -> Update:
        """The step of gradient descent for this quantity."""
        return Update(self.quantity, self.derivation.rate, self.symbol)

    @property
    def steps(self) -> tuple[Step, ...]:
        """The derivation of this gradient, line by line."""
        lines = [Step("chain", self.symbol, c, c.conditions) for c in self.adjoint.contributions]
        return (*lines, Step("result", self.symbol, self.result))


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
        self._path_counts: dict[Base, tuple[int, int]] = {}
        self._terms: dict[tuple[Base, bool], tuple[Term, ...]] = {}
        self._computed: dict[Base, ClosedForm] = {}
        self.style: Style = style or self._fitting_style()
        if self.style == "paths" and not self.network.is_scalar:
            raise NetworkError(
                "style paths is for scalar networks: this one has indices", hint="use style 'delta'"
            )
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
            for base in _bases(equation.expression):
                position.setdefault(base, number)
        wanted = self.network.parameters
        order = {q.base: n for n, q in enumerate(wanted)}
        return tuple(sorted(wanted, key=lambda q: (position.get(q.base, -1), order[q.base])))

    # -- paths ---------------------------------------------------------------------------------------------------
    def links_into(self, base: Base) -> Iterator[Link]:
        """The arrows from every consumer to a quantity."""
        adjoint = self.sweep[base]
        for c in adjoint.contributions:
            yield Link(
                self.network.quantities[c.consumer.base],
                adjoint.quantity,
                tuple((*c.local, *c.conditions)),
                c.rules,
                c.consumer,
            )

    def paths_to(self, base: Base) -> Iterator[Path]:
        """Every path from the loss, by depth-first search (without recursion: networks may be deep)."""
        if not self.network.is_scalar:
            raise NetworkError(
                "paths are for scalar networks: this one has indices", hint="use the adjoint instead"
            )
        stack = [((link,), iter(())) for link in reversed(list(self.links_into(base)))]
        while stack:
            links, _ = stack.pop()
            top = links[0].upper.base
            if top == self.network.loss.base:
                yield Path(links)
            else:
                stack += [((link, *links), iter(())) for link in reversed(list(self.links_into(top)))]

    def path_count(self, base: Base) -> int:
        """How many paths lead from the loss to a quantity (counted, not enumerated)."""
        return self._count(base)[0]

    def _count(self, base: Base) -> tuple[int, int]:
        """The number of paths and of arrows on them; iterative, each quantity once."""
        loss, counts = self.network.loss.base, self._path_counts
        counts.setdefault(loss, (1, 0))
        stack = [base]
        while stack:
            top = stack[-1]
            if top in counts:
                stack.pop()
                continue
            consumers = [c.consumer.base for c in self.sweep[top].contributions]
            missing = [b for b in consumers if b not in counts]
            if missing:
                stack += missing
                continue
            paths = sum(counts[b][0] for b in consumers)
            counts[top] = paths, sum(counts[b][1] for b in consumers) + paths
            stack.pop()
        return counts[base]

    def _fitting_style(self) -> Style:
        if not self.network.is_scalar or len(self.network.parameters) > LONGEST_PATHS:
            return "delta"
        total = sum(self._count(q.base)[1] for q in self.network.parameters)
        return "paths" if total <= LONGEST_PATHS else "delta"

    # -- deltas --------------------------------------------------------------------------------------------------
    def is_inlined(self, base: Base) -> bool:
        """Is the quantity the output of an activation of one named quantity? Its adjoint is no delta of its own."""
        equations = self.network.definitions(base)
        if base == self.network.loss.base or len(equations) != 1:
            return False
        return activation_argument(equations[0]) is not None or self._has_constant_adjoint(base)

    def _has_constant_adjoint(self, base: Base) -> bool:
        """Is the derivative of the loss a mere number, as for the parts of ``E = E_1 + E_2``?"""
        return not self.network.quantities[base].axes and self.sweep[base].expression.is_number

    @cached_property
    def deltas(self) -> tuple[Quantity, ...]:
        """The quantities whose adjoint has a name of its own (pre-activations above all), loss side first."""
        reached, order = {q.base for q in self.network.parameters}, list[Base]()
        for equation in self.network.equations:
            if reached & set(_bases(equation.expression)):
                reached.add(equation.base)
                order.append(equation.base)
        wanted = [
            b
            for b in dict.fromkeys(reversed(order))
            if b != self.network.loss.base and not self.is_inlined(b)
        ]
        return tuple(self.network.quantities[b] for b in wanted if self.sweep[b].contributions)

    def terms(self, base: Base) -> tuple[Term, ...]:
        """The summands of an adjoint over named deltas: adjoints of activation outputs are multiplied in."""
        return self._terms_of(base, self._is_per_sample(base))

    def _terms_of(self, base: Base, per_sample: bool) -> tuple[Term, ...]:
        if (base, per_sample) not in self._terms:
            self._terms[base, per_sample] = tuple(
                self._term(c, per_sample) for c in self.sweep[base].contributions
            )
        return self._terms[base, per_sample]

    def _is_per_sample(self, base: Base) -> bool:
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
        return (
            m if any(not e.at and e.expression.has(sp.Pow(m, -1)) for e in self.network.equations) else None
        )

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
                _at(t, self.network.quantities[c.consumer.base], c.adjoint)
                for t in self._terms_of(c.consumer.base, per_sample)
            ]
            if len(inner) == 1:
                limits += inner[0].limits
                outer = inner[0].factors
            else:
                outer = (ordered_sum([t.expression for t in inner]),)
            return Term(tuple(limits), collapse((*outer, *c.local, *c.conditions)))
        uses = bool(outer) and self._is_per_sample(c.consumer.base)
        factors = (*outer, *c.local, *c.conditions)
        if per_sample != uses:
            factors = _scaled(factors, self._mean_over if per_sample else 1 / self._mean_over)
        return Term(tuple(limits), collapse(factors))

    # -- matrix notation -----------------------------------------------------------------------------------------
    @cached_property
    def _label_axes(self) -> frozenset[tuple[Any, int]]:
        """The label axes of quantities, and of their adjoints."""
        network = self.network
        adjoints = {
            (
                base_of(
                    self.sweep.adjoint_symbol(
                        network.quantities[b], (sp.S.One,) * len(network.quantities[b].axes)
                    )
                ),
                n,
            )
            for b, n in network.label_axes
        }
        return network.label_axes | adjoints

    def matrix(self, expression: Any, at: Sequence[Any], base: Base | None = None) -> Node:
        """The matrix form of an expression whose entry stands at the indices `at` (of `base`, whose labels are no axes).

        Raises:
            NoMatrixForm: where only the index form exists.
        """
        axes = [
            i
            for n, i in enumerate(at)
            if (base, n) not in self.network.label_axes and isinstance(i, sp.Symbol)
        ]
        return matrix_form(expression, axes, self._label_axes)

    # -- forms ---------------------------------------------------------------------------------------------------
    @cached_property
    def _outputs(self) -> tuple[dict[Any, Any], dict[Any, list[tuple[Equation, Any]]]]:
        """Right sides ``f(...)`` -> the scalar they define; and by function, the indexed equations they are in."""
        scalar: dict[Any, Any] = {}
        indexed: dict[Any, list[tuple[Equation, Any]]] = {}
        for e in self.network.equations:
            if not isinstance(e.expression, (sp.Function, Softmax)) or e.base == self.network.loss.base:
                continue
            pattern = canonical(e.expression)
            if e.at:
                indexed.setdefault(e.expression.func, []).append((e, pattern))
            else:
                scalar.setdefault(pattern, e.target)
        return scalar, indexed

    def in_chosen_form(self, expression: sp.Expr) -> sp.Expr:
        """Activations by argument or by output, as the derivation was asked for."""
        return self.by_output(expression) if self.derivatives == "output" else expression

    def by_output(self, expression: Any) -> Any:
        """Fold function applications into their names: ``sigma(z)`` becomes ``a`` where ``a = sigma(z)``."""
        if not expression.args or isinstance(expression, sp.Indexed):
            return expression
        if isinstance(expression, (sp.Function, Softmax)):
            scalar, indexed = self._outputs
            same = canonical(expression)
            if same in scalar:
                return scalar[same]
            for equation, pattern in indexed.get(expression.func, ()):
                found = match_indices(pattern, same, set(equation.index_symbols))
                if found is not None:
                    return equation.base[tuple(i.xreplace(found) for i in equation.at)]
        args = [self.by_output(a) for a in expression.args]
        return expression if args == list(expression.args) else rebuild(expression, args)


def activation_argument(equation: Equation) -> sp.Expr | None:
    """``z`` of ``a = f(z)``: the argument, where the right side is one function of one reference."""
    e = equation.expression
    if isinstance(e, Softmax):
        return e.args[1] if isinstance(e.args[1], (sp.Symbol, sp.Indexed)) else None
    if isinstance(e, sp.Function):
        arguments = [a for a in e.args if not a.is_number]
        if len(arguments) == 1 and isinstance(arguments[0], (sp.Symbol, sp.Indexed)):
            return arguments[0]
    return None


def ordered_sum(terms: Sequence[sp.Expr]) -> sp.Expr:
    """A sum that keeps its terms in order, unless equal terms merge."""
    if len(terms) < 2:
        return terms[0] if terms else sp.S.Zero
    evaluated = sp.Add(*(canonical(t) for t in terms))
    return sp.Add(*terms, evaluate=False) if len(evaluated.args) >= len(terms) else evaluated


def _at(term: Term, quantity: Quantity, reference: Any) -> Term:
    """A term of a quantity's adjoint at other indices, with its own bound indices made fresh."""
    if not quantity.axes:
        return term
    limits, names = freshen_limits(term.limits)
    names |= dict(zip((axis.index for axis in quantity.axes), indices_of(reference), strict=True))
    return Term(
        tuple(limit.replace(names) for limit in limits), tuple(rename(f, names) for f in term.factors)
    )


def _scaled(factors: Factors, scale: Any) -> Factors:
    """The factors times m or 1/m; where the inverse stands among them, both go."""
    flat = [f for factor in factors for f in (factor.args if isinstance(factor, sp.Mul) else (factor,))]
    inverse = 1 / scale
    if inverse in flat:
        flat.remove(inverse)
        return tuple(flat)
    return (scale, *factors)


def _bases(expression: Any) -> list[Base]:
    from symbackprop.network.ranges import base_uses

    return list(dict.fromkeys(base_uses(expression)))
