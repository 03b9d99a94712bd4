"""An independent oracle: a network instantiated element by element and differentiated by plain `sympy.diff`.

Nothing here uses the package's chain rule, its substitution or its printers. Sizes are small numbers, every element
of every quantity is one symbol, and sums are written out.
"""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import Any

import sympy as sp

from symbackprop.functions import Indicator
from symbackprop.indexed import LogSumExp, MaxOver, Softmax


class Instance:
    """A network at concrete sizes: `sizes` maps size symbols (and functions of a layer index) to integers."""

    def __init__(self, network: Any, sizes: dict[Any, int], labels: dict[Any, int] | None = None) -> None:
        self.network, self.sizes, self.labels = network, sizes, labels or {}
        self.definitions: dict[sp.Symbol, sp.Expr] = {}
        for equation in network.equations:
            for env in self.assignments(equation.ranges, {}):
                at = tuple(self.integer(i, env) for i in equation.at)
                self.definitions[self.element(equation.base, at)] = self.expand(equation.expression, env)

    def integer(self, expression: Any, env: dict[Any, int]) -> int:
        """The value of an index expression."""
        if isinstance(expression, sp.Indexed):  # a label
            at = tuple(self.integer(i, env) for i in expression.indices)
            return self.labels[(expression.base, at)]
        value = sp.sympify(expression).xreplace(
            {a: sp.Integer(self.integer(a, env)) for a in sp.sympify(expression).atoms(sp.Indexed)}
        )
        value = value.subs(dict(env)).doit()
        for _ in range(3):
            value = value.subs(self.sizes)
        return int(value)

    def assignments(self, limits: Any, env: dict[Any, int]) -> Any:
        """Every assignment of values to the indices, outermost first."""
        limits = list(limits)
        if not limits:
            yield env
            return
        ready = next(
            n
            for n, limit in enumerate(limits)
            if not any(
                other.index in sp.Tuple(limit.low, limit.high).free_symbols for other in limits if other is not limit
            )
        )
        limit = limits.pop(ready)
        for value in range(self.integer(limit.low, env), self.integer(limit.high, env) + 1):
            yield from self.assignments(limits, env | {limit.index: value})

    def element(self, base: Any, at: tuple[int, ...]) -> sp.Symbol:
        """The scalar symbol of one element."""
        return sp.Symbol(f"{base}" + "".join(f"@{i}" for i in at), real=True)

    def expand(self, e: Any, env: dict[Any, int]) -> Any:
        """An indexed expression written out in scalar elements."""
        from symbackprop.indexed import Limit

        if isinstance(e, sp.Indexed):
            return self.element(e.base, tuple(self.integer(i, env) for i in e.indices))
        if isinstance(e, sp.Symbol):
            if e in env:
                return sp.Integer(env[e])
            return sp.Integer(self.sizes[e]) if e in self.sizes else self.element(e, ())
        if isinstance(e, Indicator):
            return self.condition(e.condition, env)
        if isinstance(e, sp.Mul):
            gates = [self.condition(a.condition, env) for a in e.args if isinstance(a, Indicator)]
            if any(g == 0 for g in gates):
                return sp.S.Zero
            return sp.Mul(*gates, *(self.expand(a, env) for a in e.args if not isinstance(a, Indicator)))
        if isinstance(e, sp.Sum):
            limits = [Limit(*x) for x in e.limits]
            return sp.Add(*(self.expand(e.function, inner) for inner in self.assignments(limits, env)))
        if isinstance(e, (Softmax, LogSumExp)):
            return self.expand(e.definition(), env)
        if isinstance(e, MaxOver):
            return sp.Max(*(self.expand(e.args[0], inner) for inner in self.assignments(e.limits, env)))
        if not e.args:
            return e
        return e.func(*(self.expand(a, env) for a in e.args))

    def condition(self, c: Any, env: dict[Any, int]) -> Any:
        """An Iverson bracket: index conditions become 0 or 1, conditions on data a Piecewise."""
        if any(
            isinstance(a, sp.Symbol) and a not in env and a not in self.sizes for a in sp.preorder_traversal(c)
        ) and not self._is_index_condition(c, env):
            relation = c.func(*(self.expand(a, env) for a in c.args))
            return sp.Piecewise((1, relation), (0, True))
        return sp.Integer(int(bool(c.func(*(self.integer(a, env) for a in c.args)))))

    def _is_index_condition(self, c: Any, env: dict[Any, int]) -> bool:
        try:
            for a in c.args:
                self.integer(a, env)
        except (KeyError, TypeError, ValueError):
            return False
        return True

    def loss(self) -> sp.Expr:
        """The loss with everything substituted, a function of inputs and parameters."""
        expression = self.element(self.network.loss.base, ())
        while True:
            inner = {s: self.definitions[s] for s in expression.free_symbols if s in self.definitions}
            if not inner:
                return expression
            expression = expression.xreplace(inner)

    def numbers(self, seed: int = 1) -> dict[sp.Symbol, Any]:
        """Random rationals for everything that is not defined, then values of everything that is."""
        import random

        draw = random.Random(seed)
        values: dict[sp.Symbol, Any] = {}
        leaves = {s for e in self.definitions.values() for s in e.free_symbols} - self.definitions.keys()
        for leaf in sorted(leaves, key=str):
            values[leaf] = sp.Rational(Fraction(draw.randint(-80, 80) or 7, 97))
        return values

    def derivative(self, base: Any, at: tuple[int, ...], values: dict[sp.Symbol, Any]) -> float:
        """dE/d(element) by cutting the network at the element and differentiating the whole loss."""
        target, hole = self.element(base, at), sp.Dummy("hole", real=True)
        cut = {s: e for s, e in self.definitions.items() if s != target}
        expression = self.element(self.network.loss.base, ()).xreplace({target: hole})
        while True:
            inner = {s: cut[s].xreplace({target: hole}) for s in expression.free_symbols if s in cut}
            if not inner:
                break
            expression = expression.xreplace(inner)
        number = self.value(target, values)
        return float(expression.diff(hole).xreplace({hole: number}).doit().xreplace(values).evalf())

    def value(self, element: sp.Symbol, values: dict[sp.Symbol, Any]) -> sp.Expr:
        """The number of one element."""
        expression: Any = element
        while True:
            inner = {s: self.definitions[s] for s in expression.free_symbols if s in self.definitions}
            if not inner:
                return sp.N(expression.xreplace(values), 30)
            expression = expression.xreplace(inner)

    def indices(self, quantity: Any) -> list[tuple[int, ...]]:
        """Every index tuple of a quantity."""
        return [tuple(env[a.index] for a in quantity.axes) for env in self.assignments(quantity.axes, {})]

    def adjoint_values(self, sweep: Any, values: dict[sp.Symbol, Any]) -> dict[Any, dict[tuple[int, ...], float]]:
        """Every element of every adjoint, from the sweep's expressions evaluated element by element."""
        forward = {s: self.value(s, values) for s in self.definitions} | values
        network, cache = self.network, {}

        def evaluate(base: Any, at: tuple[int, ...]) -> float:
            key = (base, at)
            if key not in cache:
                adjoint = sweep[base]
                env = {axis.index: i for axis, i in zip(adjoint.quantity.axes, at, strict=True)}
                expanded = self.expand(adjoint.expression, env)
                inner = {}
                for symbol in expanded.free_symbols:
                    if symbol.name.startswith("∂"):
                        inner[symbol] = sp.Float(evaluate(*names[symbol]), 30)
                cache[key] = sp.N(expanded.xreplace(inner).xreplace(forward), 20)
            return cache[key]

        names = {}
        for quantity in network.quantities.values():
            for at in self.indices(quantity):
                symbol = sweep.adjoint_symbol(quantity, at)
                base = symbol.base if isinstance(symbol, sp.Indexed) else symbol
                names[self.element(base, at)] = (quantity.base, at)
        return {
            q.base: {at: float(evaluate(q.base, at)) for at in self.indices(q)}
            for q in network.quantities.values()
            if q.role in ("parameter", "input", "intermediate")
        }


def all_indices(*ranges: int) -> Any:
    """1-based index tuples of a box."""
    return itertools.product(*(range(1, r + 1) for r in ranges))
