"""The derivation as syntax trees: the notation in which students write, and make their mistakes.

Contract: `Formulas(derivation).of(base)` gives the right formulas of an adjoint, written out down to quantities of the
forward pass: by the chain rule, with local derivatives of activations as ``f'(z)``, and in closed form. A formula whose
adjoint has no matrix form is written entry by entry, over the letters in `Formula.letters`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import sympy as sp

from symbackprop.backprop import Contribution
from symbackprop.derivation import Derivation, activation_argument, ordered_sum
from symbackprop.functions import Indicator, maximum, row_of
from symbackprop.indexed import (
    Base,
    Limit,
    LogSumExp,
    MaxOver,
    Softmax,
    base_of,
    bound_limits,
    indices_of,
    rename,
    sum_over,
)
from symbackprop.matrix import (
    Along,
    Apply,
    Hadamard,
    Leaf,
    Node,
    NoMatrixForm,
    Ones,
    Product,
    Sum,
    Transposed,
)
from symbackprop.names import make_name, parse_name
from symbackprop.notation import syntax as tree
from symbackprop.notation.syntax import mapped

DERIVATIVE = "D~"
"""Prefix of the stand-in for the derivative of an activation, ``D~tanh(z)``: no author's name has a tilde."""

DEEPEST = 14
"""Adjoints written out inside each other."""

SLOPED = {"sigmoid": "sigma"}

INDEX_LETTERS = "ijkpqrstuvabcdfgh"


@dataclass(frozen=True)
class Formula:
    """A right side; over the entry with these letters, where it is no matrix."""

    node: tree.Node
    letters: tuple[str, ...] = ()


@dataclass
class Formulas:
    """The formulas of one derivation, made when they are asked for."""

    derivation: Derivation
    softmax_by_entry: bool = False
    """Is softmax taken for a function of each entry, as students do?"""
    _made: dict[Base, tuple[Formula, ...]] = field(default_factory=dict[Base, "tuple[Formula, ...]"])

    def of(self, base: Base) -> tuple[Formula, ...]:
        """The formulas of the adjoint of a quantity, the chain rule's first."""
        if base not in self._made:
            found: list[Formula] = []
            for source in (self._by_chain_rule, self._closed):
                formula = source(base)
                if formula is not None and all(formula != other for other in found):
                    found.append(formula)
            self._made[base] = tuple(found)
        return self._made[base]

    # -- two ways to write an adjoint --------------------------------------------------------------------------------
    def _by_chain_rule(self, base: Base, depth: int = 0) -> Formula | None:
        """The sum over the consumers, each adjoint written out in turn."""
        contributions = self.derivation.sweep[base].contributions
        if not contributions or depth > DEEPEST:
            return None
        if self._is_softmax(contributions):
            return self._by_entry(contributions[0], depth) if self.softmax_by_entry else self._closed(base)
        expression = ordered_sum([self._contribution(c) for c in contributions])
        return self._written(base, self.derivation.by_output(expression), depth)

    def _closed(self, base: Base, depth: int = 0) -> Formula | None:
        """The closed form: ``(P - Y) / m``."""
        if not self.derivation.sweep[base].contributions:
            return None
        return self._written(base, self.derivation.computed(base).expression, depth, closed=True)

    def _by_entry(self, c: Contribution, depth: int) -> Formula | None:
        """``P (1 - P)`` times what comes back, as if softmax were a sigmoid."""
        output = c.consumer.base
        inner = self._by_chain_rule(output, depth + 1)
        if inner is None or inner.letters:
            return None
        value = tree.Reference(self.derivation.network.names[output])
        rest = tree.Add((tree.Number(Fraction(1)), tree.Negate(value)))
        return Formula(tree.Multiply((inner.node, value, rest), ("hadamard", "hadamard")))

    @staticmethod
    def _is_softmax(contributions: tuple[Contribution, ...]) -> bool:
        return any("softmax" in c.rules for c in contributions)

    def _contribution(self, c: Contribution) -> sp.Expr:
        """What one consumer passes back; the slope of an activation as one factor."""
        argument = activation_argument(c.consumer)
        local = c.local
        if argument is not None and isinstance(c.consumer.expression, sp.Function) and c.adjoint != 1:
            own = dict(zip(c.consumer.at, indices_of(c.adjoint), strict=True))
            local = (sp.Function(DERIVATIVE + _name_of(c.consumer.expression))(rename(argument, own)),)
        factors = [c.adjoint, *local, *c.conditions] if c.adjoint != 1 else [*local, *c.conditions]
        return sum_over(factors, c.limits)

    def _written(self, base: Base, expression: sp.Expr, depth: int, closed: bool = False) -> Formula | None:
        quantity = self.derivation.network.quantities[base]
        at = [axis.index for axis in quantity.axes]
        inner: Callable[[Base], Formula | None] = (
            (lambda b: self._closed(b, depth + 1)) if closed else (lambda b: self._by_chain_rule(b, depth + 1))
        )
        writer = _Writer(self.derivation, inner if depth < DEEPEST else lambda _b: None)
        if not quantity.axes:
            return Formula(mapped(writer.scalar(expression), _flat_product))
        try:
            return Formula(writer.matrix(self.derivation.matrix(expression, at, base)))
        except NoMatrixForm:
            entry = _Writer(self.derivation, lambda _b: None)
            return Formula(entry.scalar(expression), tuple(str(i) for i in at))


def _flat_product(node: Any) -> Any:
    """A product of numbers without products inside: its factors are those of the whole path."""
    if not isinstance(node, tree.Multiply) or not any(isinstance(f, tree.Multiply) for f in node.factors):
        return node
    factors = tuple(g for f in node.factors for g in (f.factors if isinstance(f, tree.Multiply) else (f,)))
    return tree.Multiply(factors, ("cdot",) * (len(factors) - 1))


def _name_of(expression: Any) -> str:
    if isinstance(expression, maximum) and 0 in expression.args:
        return "relu"
    row = row_of(expression)
    return row.name if row is not None else expression.func.__name__


class _Writer:
    """SymPy expressions and matrix trees -> syntax trees."""

    def __init__(self, derivation: Derivation, inner: Callable[[Base], Formula | None]) -> None:
        self.derivation, self.inner = derivation, inner
        network = derivation.network
        self.adjoints: dict[Any, Base] = {
            base_of(derivation.sweep.adjoint_symbol(q, (sp.S.One,) * len(q.axes))): q.base
            for q in network.quantities.values()
        }
        self.letters: dict[Any, Any] = {}
        self.loss = tree.Reference(network.names[network.loss.base])

    # -- names -------------------------------------------------------------------------------------------------------
    def whole(self, base: Any) -> tree.Node:
        """A quantity, or an adjoint: written out where it has a matrix form."""
        if base in self.adjoints:
            own = self.adjoints[base]
            formula = self.inner(own)
            if formula is not None and not formula.letters:
                return formula.node
            return tree.Partial(self.loss, tree.Reference(self.derivation.network.names[own]))
        name = self.derivation.network.names.get(base) or parse_name(str(base)) or make_name("x")
        return tree.Reference(name)

    def entry(self, reference: Any) -> tree.Node:
        """An entry: ``W_{ij}``, the derivative by ``Z_{is}``."""
        indices = tuple(self.scalar(i) for i in reference.indices)
        scripts = (tree.Script("sub", indices),)
        network = self.derivation.network
        if reference.base in self.adjoints:
            name = network.names[self.adjoints[reference.base]]
            return tree.Partial(self.loss, tree.Reference(name, scripts))
        return tree.Reference(network.names[reference.base], scripts)

    def _index(self, symbol: Any) -> Any:
        """A letter for an index, a name for a size."""
        if symbol in self.derivation.network.sizes:
            return parse_name(symbol.name) or make_name("n")
        if symbol not in self.letters:
            plain = symbol.name if len(symbol.name) == 1 else ""
            free = [x for x in (plain, *INDEX_LETTERS) if x and make_name(x) not in self.letters.values()]
            self.letters[symbol] = make_name(free[0])
        return self.letters[symbol]

    # -- scalars -----------------------------------------------------------------------------------------------------
    def scalar(self, e: Any, slots: Mapping[Any, tree.Node] | None = None) -> tree.Node:
        """The tree of a scalar expression; `slots` are operands of a matrix function."""
        slots = slots or {}
        if e in slots:
            return slots[e]
        if isinstance(e, sp.Indexed):
            return self.entry(e)
        if isinstance(e, sp.Symbol):
            if e in self.adjoints or e in self.derivation.network.quantities:
                return self.whole(e)
            return tree.Reference(self._index(e))
        if e.is_Rational:
            return tree.Number(Fraction(int(e.p), int(e.q)))
        if e.is_number and not e.args:
            return tree.Number(Fraction(float(e)).limit_denominator(10**9))
        if isinstance(e, sp.Add):
            return tree.Add(tuple(self.scalar(a, slots) for a in e.args))
        if isinstance(e, sp.Mul):
            return self._product(e, slots)
        if isinstance(e, sp.Pow):
            if e.exp == -1:
                return tree.Divide(tree.Number(Fraction(1)), self.scalar(e.base, slots))
            return tree.Power(self.scalar(e.base, slots), self.scalar(e.exp, slots))
        if isinstance(e, Indicator):
            return tree.Indicator(self._condition(e.condition, slots))
        if isinstance(e, sp.Sum):
            limits = tuple(self._limits(limit, slots) for limit in bound_limits(e))
            return tree.Reduction("sum", limits, self.scalar(e.function, slots))
        if isinstance(e, MaxOver):
            return tree.Reduction("max", tuple(self._limits(x, slots) for x in e.limits), self.scalar(e.args[0], slots))
        if isinstance(e, (Softmax, LogSumExp)):
            return self.scalar(e.definition(), slots)
        if isinstance(e, sp.Piecewise):
            rows = [(self.scalar(v, slots), None if c == sp.true else self._condition(c, slots)) for v, c in e.args]
            return tree.Cases(tuple(rows))
        if isinstance(e, sp.Function):
            return self._function(e, slots)
        raise NoMatrixForm(str(e))

    def _product(self, e: Any, slots: Mapping[Any, tree.Node]) -> tree.Node:
        negative = bool(e.args[0].is_number and e.args[0] < 0)
        factors = [a for a in e.args if a != -1]
        if negative and e.args[0] != -1:
            factors = [-e.args[0], *e.args[1:]]
        nodes = tuple(self.scalar(f, slots) for f in factors)
        result = nodes[0] if len(nodes) == 1 else tree.Multiply(nodes, ("cdot",) * (len(nodes) - 1))
        return tree.Negate(result) if negative else result

    def _function(self, e: Any, slots: Mapping[Any, tree.Node]) -> tree.Node:
        name = _name_of(e)
        order = 0
        if name.startswith(DERIVATIVE):
            name, order = name.removeprefix(DERIVATIVE), 1
        while name.endswith("'"):
            name, order = name[:-1], order + 1
        arguments = tuple(self.scalar(a, slots) for a in e.args)
        return tree.Call(SLOPED.get(name, name), arguments, order)

    def _limits(self, limit: Limit, slots: Mapping[Any, tree.Node]) -> tree.Limits:
        index = self.scalar(limit.index)
        assert isinstance(index, tree.Reference)
        return tree.Limits(index.name, self.scalar(limit.low, slots), self.scalar(limit.high, slots))

    def _condition(self, condition: Any, slots: Mapping[Any, tree.Node]) -> tree.Node:
        sign = _RELATIONS.get(type(condition))
        if sign is None:
            raise NoMatrixForm(str(condition))
        return tree.Compare(tuple(self.scalar(a, slots) for a in condition.args), (sign,))

    # -- matrices ----------------------------------------------------------------------------------------------------
    def matrix(self, node: Node) -> tree.Node:
        """The tree of a matrix expression."""
        match node:
            case Leaf():
                return self._leaf(node)
            case Ones(limit=limit):
                return tree.Ones(self.scalar(limit.size))
            case Transposed(operand=operand):
                return tree.Transpose(self.matrix(operand))
            case Product(factors=factors):
                parts = tuple(self.matrix(f) for f in factors)
                return tree.Multiply(parts, ("juxtaposition",) * (len(parts) - 1))
            case Hadamard(factors=factors):
                return self._hadamard(factors)
            case Sum(terms=terms):
                return tree.Add(tuple(self.matrix(t) for t in terms))
            case Apply(pattern=pattern, slots=slots, operands=operands):
                return self.scalar(pattern, dict(zip(slots, map(self.matrix, operands), strict=True)))
            case Along(kind=kind, operand=operand):
                return tree.Call(kind, (self.matrix(operand),))
            case _:
                raise NoMatrixForm(type(node).__name__)

    def _leaf(self, node: Leaf) -> tree.Node:
        e = node.reference
        if not node.axes:
            return self.scalar(e)
        if isinstance(e, Indicator):
            label = next(a for a in e.condition.args if isinstance(a, sp.Indexed))
            return tree.Call("one_hot", (self.whole(label.base),))
        if any(isinstance(i, sp.Indexed) for i in e.indices):
            raise NoMatrixForm("entries picked by labels")
        whole = self.whole(e.base)
        axes = [i for i in e.indices if i in node.axes]
        return tree.Transpose(whole) if len(axes) == 2 and (node.row, node.col) == (axes[1], axes[0]) else whole

    def _hadamard(self, factors: tuple[Node, ...]) -> tree.Node:
        scalars = [f for f in factors if not f.axes]
        others = [f for f in factors if f.axes]
        numbers = [f.reference for f in scalars if isinstance(f, Leaf)]
        negative = bool(sp.Mul(*(n for n in numbers if n.is_Number)) < 0)
        parts = [self.matrix(f) for f in scalars if not (isinstance(f, Leaf) and f.reference == -1)]
        parts += [self.matrix(f) for f in others]
        joints: list[Any] = ["juxtaposition" for _ in range(len(parts) - len(others))]
        joints += ["hadamard" for _ in others[1:]]
        joints = joints[: len(parts) - 1] if others else joints[:-1]
        result = parts[0] if len(parts) == 1 else tree.Multiply(tuple(parts), tuple(joints))
        if negative and any(isinstance(f, Leaf) and f.reference == -1 for f in scalars):
            return tree.Negate(result)
        return result


_RELATIONS: dict[type, str] = {
    sp.StrictGreaterThan: ">",
    sp.GreaterThan: ">=",
    sp.StrictLessThan: "<",
    sp.LessThan: "<=",
    sp.Equality: "=",
    sp.Unequality: "!=",
}
