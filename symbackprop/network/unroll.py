"""A symbolic depth or length made concrete: one equation for each layer or step.

Contract: `unroll(network, {L: 3})` replaces every axis whose range is bounded by a given size by separate quantities
(``W^{[l]}`` becomes ``W^{[1]}``, ``W^{[2]}``, ``W^{[3]}``); everything else stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

from symbackprop.errors import NetworkError
from symbackprop.functions import Indicator
from symbackprop.indexed import Base, Limit, bound_limits, evaluated, rebuild
from symbackprop.names import Label, Name, parse_name
from symbackprop.network.equation import Equation, Role, Specification
from symbackprop.network.model import Network

LONGEST = 2000
"""More layers or steps than this are refused."""


def unroll(network: Network, sizes: Mapping[str, int]) -> Specification:
    """The network at concrete sizes.

    Args:
        network: a network with axes of symbolic length, such as layers ``l = 1..L``.
        sizes: name of a size -> number.

    Raises:
        NetworkError: an unknown size, or one that is not a positive whole number.
    """
    known = {s.name: s for s in network.sizes}
    for name, value in sizes.items():
        if name not in known:
            raise NetworkError(
                f"the network has no size called {name}", hint=f"its sizes are {', '.join(sorted(known))}"
            )
        if not 1 <= value <= LONGEST:
            raise NetworkError(f"{name} must be a whole number from 1 to {LONGEST}, not {value}")
    return _Unrolling(network, {known[n]: sp.Integer(v) for n, v in sizes.items()}).specification()


class _Unrolling:
    def __init__(self, network: Network, sizes: Mapping[Any, Any]) -> None:
        self.network, self.sizes = network, sizes
        self.names: dict[Base, Name] = {}
        self.origin: dict[Base, tuple[Base, dict[Any, Any]]] = {}

    def _is_unrolled(self, limit: Limit) -> bool:
        return bool((limit.low.free_symbols | limit.high.free_symbols) & self.sizes.keys()) and all(
            bound.xreplace(self.sizes).is_Integer for bound in limit[1:]
        )

    def specification(self) -> Specification:
        old = self.network.specification
        equations = tuple(e for equation in self.network.equations for e in self._equations(equation))
        used = {e.base for e in equations} | self.origin.keys()
        roles: dict[Base, Role] = {}
        axes: dict[Base, tuple[Limit, ...]] = {}
        values: dict[Base, Any] = {}
        for base in used:
            before, env = self.origin.get(base, (base, {}))
            quantity = self.network.quantities.get(before)
            if quantity is None:
                continue
            if quantity.role not in ("intermediate", "loss"):
                roles[base] = quantity.role
                axes[base] = tuple(self._limit(a, env) for a in quantity.axes if not self._is_unrolled(a))
            if before in old.values and not env:
                values[base] = old.values[before]
        samples = None if old.samples is None else self._size(old.samples)
        return replace(
            old,
            equations=equations,
            roles=roles,
            names={**old.names, **self.names},
            axes=axes,
            ranges={},
            leading={b: k for b, k in old.leading.items() if b in used and b not in self.origin},
            samples=samples,
            values=values,
        )

    def _equations(self, equation: Equation) -> Iterator[Equation]:
        for env in self._values([r for r in equation.ranges if self._is_unrolled(r)], {}):
            target: Any = self._expand(equation.target, env)
            at = set(target.indices) if isinstance(target, sp.Indexed) else set[Any]()
            ranges = tuple(self._limit(r, env) for r in equation.ranges if r.index in at)
            expression = self._expand(equation.expression, env)
            if expression == target:  # the start h[0] = h_0 of a recurrence is now the input h_0 itself
                continue
            yield replace(equation, target=target, expression=expression, ranges=ranges)

    def _values(self, limits: list[Limit], env: dict[Any, Any]) -> Iterator[dict[Any, Any]]:
        if not limits:
            yield env
            return
        first, *rest = limits
        low, high = (int(bound.xreplace({**self.sizes, **env})) for bound in first[1:])
        for value in range(low, high + 1):
            yield from self._values(rest, {**env, first.index: sp.Integer(value)})

    def _limit(self, limit: Limit, env: Mapping[Any, Any]) -> Limit:
        return Limit(limit.index, self._size(limit.low.xreplace(env)), self._size(limit.high.xreplace(env)))

    def _size(self, size: Any) -> Any:
        """``n(2)`` becomes the symbol n_2."""
        size = size.xreplace(self.sizes)
        return size.xreplace(
            {
                f: sp.Symbol(f"{f.func.__name__}_{f.args[0]}", integer=True)
                for f in size.atoms(AppliedUndef)
                if f.args[0].is_Integer
            }
        )

    def _expand(self, e: Any, env: Mapping[Any, Any]) -> Any:
        if isinstance(e, sp.Symbol):
            return env.get(e, self.sizes.get(e, e))
        if isinstance(e, sp.Indexed):
            return self._reference(e, env)
        if not e.args:
            return e
        limits = bound_limits(e)
        if isinstance(e, sp.Sum) and any(self._is_unrolled(r) for r in limits):
            inner = [self._limit(r, env) for r in limits if not self._is_unrolled(r)]
            terms = [
                self._expand(e.function, {**env, **more})
                for more in self._values([r for r in limits if self._is_unrolled(r)], {})
            ]
            return sp.Add(*(sp.Sum(t, *(tuple(r) for r in reversed(inner))) if inner else t for t in terms))
        if isinstance(e, Indicator) or not isinstance(e, sp.Expr):
            return e.func(*(self._expand(a, env) for a in e.args))
        if isinstance(e, AppliedUndef) and e.is_integer:  # a size n(l), and no function f(z) left open
            size = self._size(e.xreplace(dict(env)))
            if size != e:
                return size
        return rebuild(
            e,
            [
                self._expand(a, env)
                if not isinstance(a, sp.Tuple)
                else sp.Tuple(a.args[0], *(self._size(x.xreplace(dict(env))) for x in a.args[1:]))
                for a in e.args
            ],
        )

    def _reference(self, e: Any, env: Mapping[Any, Any]) -> Any:
        quantity = self.network.quantities.get(e.base)
        axes = quantity.axes if quantity else ()
        own: dict[Any, Any] = {}
        rest: list[Any] = []
        texts: list[Label] = []
        leading = self.network.leading.get(e.base, ())
        for position, (index, axis) in enumerate(zip(e.indices, axes, strict=True)):
            value = evaluated(self._expand(index, env))
            if self._is_unrolled(axis):
                if not value.is_Integer:
                    raise NetworkError(f"the index {index} of {e.base} cannot be unrolled")
                own[axis.index] = value
                kind = leading[position] if position < len(leading) else "sub"
                texts.append(Label(kind, str(value)))  # type: ignore[arg-type]
            else:
                rest.append(value)
        if not own:
            return e.base[tuple(rest)]
        before = self.network.names[e.base]
        name = before.with_scripts((*before.scripts, *texts))
        base: Any = sp.IndexedBase(name.plain) if rest else sp.Symbol(name.plain)
        self.names[base] = parse_name(name.plain) or name
        self.origin[base] = (e.base, own)
        return base[tuple(rest)] if rest else base
