"""Network: a checked specification, in evaluation order, with a role and axes for every quantity.

Contract: `Network(specification)` either is a network that can be derived, or raises one `NetworkError` that says
what is wrong and what to write instead.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import sympy as sp

from symbackprop.errors import NetworkError
from symbackprop.indexed import Base, Limit, at_least_zero, bound_limits, freshen_all
from symbackprop.names import Name, opaque_name, parse_name
from symbackprop.network.clashes import clashes
from symbackprop.network.equation import Equation, Quantity, Role, Specification, refusal
from symbackprop.network.labels import label_axes
from symbackprop.network.order import Group, evaluation_order
from symbackprop.network.ranges import base_uses, check_uses, infer_ranges, uses_of
from symbackprop.network.roles import assign_roles, conventional_role
from symbackprop.recognise import recognise


class Network:
    """Named equations with roles, axes and an order of evaluation.

    Attributes:
        equations: the equations in evaluation order.
        quantities: every quantity by its base, in order of first appearance.
        groups: the evaluation order as groups (a recurrence is one group).
        loss: the equation of the scalar that is differentiated.
        warnings: what is allowed but deserves a look, in words.
    """

    def __init__(self, specification: Specification) -> None:
        self.specification = specification
        if not specification.equations:
            raise NetworkError("there is no equation here", hint="write one equation a line, such as z = w x + b")
        self.names = _names(specification)
        equations, axes = infer_ranges(
            [_without_shadows(replace(e, expression=recognise(e.expression))) for e in specification.equations],
            specification.axes,
            specification.ranges,
            self.names,
        )
        self.sizes = _sizes(equations, axes)
        self.groups: tuple[Group, ...] = tuple(evaluation_order(equations, self.names))
        check_uses(equations, axes, self.names)
        self.equations: tuple[Equation, ...] = tuple(e for g in self.groups for e in g.equations)
        self._check_targets_once()
        roles = self._given_roles()
        self.loss = self._find_loss()
        self.quantities = self._collect(roles, axes)
        self.samples = specification.samples
        self.assumptions = specification.assumptions
        self.title = specification.title
        self.titles = {code: text for code, text in specification.titles.items() if self.title}
        self.values = specification.values
        self.labels = {**self._labels_in_use(), **specification.labels}
        self.leading = specification.leading
        self.label_axes = label_axes(self.groups, specification.leading)
        self.rate = specification.rate or parse_name("eta")
        self._check_values()
        self.warnings: tuple[str, ...] = (*self._warn(), *clashes(self))

    def _check_values(self) -> None:
        """A value for nothing is a slip of the pen."""
        others = {size.name for size in self.sizes} | ({self.rate.plain} if self.rate else set())
        for base in self.values:
            if base not in self.quantities and str(base) not in others:
                raise NetworkError(
                    f"'{base} := ...' gives a value, but nothing in this network is called {base}",
                    hint="check the spelling, or remove the line",
                )

    # -- look-up -------------------------------------------------------------------------------------------------
    @cached_property
    def _by_key(self) -> dict[str, Base]:
        return {name.key: base for base, name in self.names.items()}

    def find(self, name: Any) -> Quantity:
        """The quantity of a name in any spelling (or of its SymPy symbol).

        Raises `NetworkError` with near misses for a name that is not in the network.
        """
        if isinstance(name, sp.Indexed):
            name = name.base
        if isinstance(name, (sp.Symbol, sp.IndexedBase)) and name in self.quantities:
            return self.quantities[name]
        text = str(name)
        spelled = parse_name(text)
        base = self._by_key.get(spelled.key) if spelled else None
        if base is None or base not in self.quantities:
            plain = [q.name.plain for q in self.quantities.values()]
            near = difflib.get_close_matches(text, plain, n=3)
            raise NetworkError(
                f"the network has no quantity called {text!r}",
                hint=f"did you mean {' or '.join(near)}?" if near else f"it has {', '.join(plain[:20])}",
            )
        return self.quantities[base]

    def with_role(self, *roles: Role) -> tuple[Quantity, ...]:
        """The quantities that play one of the roles, in order of first appearance."""
        return tuple(q for q in self.quantities.values() if q.role in roles)

    @cached_property
    def is_scalar(self) -> bool:
        """Has no quantity an axis?"""
        return not any(q.axes for q in self.quantities.values())

    @property
    def parameters(self) -> tuple[Quantity, ...]:
        """The weights and biases."""
        return self.with_role("parameter")

    def definitions(self, base: Base) -> tuple[Equation, ...]:
        """The equations that define a quantity (a base case and a step are two)."""
        return self._definitions.get(base, ())

    @cached_property
    def _definitions(self) -> dict[Base, tuple[Equation, ...]]:
        found: dict[Base, tuple[Equation, ...]] = {}
        for equation in self.equations:
            found[equation.base] = (*found.get(equation.base, ()), equation)
        return found

    # -- checks --------------------------------------------------------------------------------------------------
    def _check_targets_once(self) -> None:
        seen: dict[Base, list[Equation]] = {}
        for equation in self.equations:
            for other in seen.get(equation.base, ()):
                if _overlap(equation, other):
                    name = self.names[equation.base].plain
                    raise refusal(
                        equation,
                        f"{name} is defined twice",
                        hint=f"call the second one {name}_2, or {name}_new; every name stands for one quantity",
                    )
            seen.setdefault(equation.base, []).append(equation)

    def _find_loss(self) -> Equation:
        read = {base for e in self.equations for base in base_uses(e.expression)}
        defined = {e.base: e for e in self.equations}
        wanted = self.specification.loss
        if wanted is not None:
            if wanted not in defined:
                raise NetworkError(
                    f"the loss {wanted} is not defined by any equation",
                    hint=f"add an equation '{wanted} = ...'",
                )
            if defined[wanted].at:
                raise NetworkError(
                    f"the loss {self.names[wanted].plain} is not a scalar",
                    hint="sum or average it over its axes in one more equation",
                )
            return defined[wanted]
        ends = [e for e in self.equations if e.base not in read]
        scalars = [e for e in ends if not e.at]
        if len(scalars) == 1:
            return scalars[0]
        named = ", ".join(dict.fromkeys(self.names[e.base].plain for e in scalars or ends))
        if scalars:
            raise NetworkError(
                f"{named} could each be the loss: nothing consumes them",
                hint=f"add a line 'loss: {self.names[scalars[-1].base].plain}'",
            )
        raise NetworkError(
            f"there is no scalar loss: {named} {'has' if len(ends) == 1 else 'have'} axes left",
            hint="add an equation for the loss that sums over them, such as E = \\frac12 \\sum_i (...)^2",
        )

    def _given_roles(self) -> dict[Base, Role | None]:
        """Every quantity in order of first appearance, with its role where no equation defines it."""
        defined = {e.base for e in self.equations}
        index_symbols = {limit.index for e in self.equations for limit in e.ranges}
        used: dict[Base, None] = {}
        for equation in self.equations:
            bound = _bound_symbols(equation.expression)
            for base in (*base_uses(equation.expression), equation.base):
                if base not in index_symbols and base not in bound and base not in self.sizes:
                    used.setdefault(base)
        declared = self.specification.roles
        for base, role in declared.items():
            name = self.names[base].plain
            if base in defined and role != "loss":
                raise NetworkError(
                    f"{name} has two roles: it is declared as {role}, and an equation defines it",
                    hint="remove the declaration or the equation",
                )
            used.setdefault(base)
        labels = {i.base for e in self.equations for use in uses_of(e) for i in use.at if isinstance(i, sp.Indexed)}
        data: dict[Base, Role] = {
            b: "input" for b in labels if conventional_role(self.names[b]) not in ("input", "target")
        }
        roles = assign_roles([b for b in used if b not in defined], self.names, {**data, **declared})
        return {base: roles.get(base) for base in used}

    def _collect(
        self, roles: Mapping[Base, Role | None], axes: Mapping[Base, tuple[Limit, ...]]
    ) -> dict[Base, Quantity]:
        """The quantities with their roles and axes."""
        return {
            base: Quantity(
                base,
                self.names[base],
                role or ("loss" if base == self.loss.base else "intermediate"),
                axes.get(base, ()),
            )
            for base, role in roles.items()
        }

    def _labels_in_use(self) -> dict[Base, Limit]:
        """Integer quantities that pick an entry, ``P[y[s], s]``, with the range of the axis they stand in."""
        return {
            index.base: Limit(axis.index, axis.low, axis.high)
            for equation in self.equations
            for use in uses_of(equation)
            for index, axis in zip(use.at, self.quantities[use.base].axes, strict=True)
            if isinstance(index, sp.Indexed)
        }

    def _warn(self) -> Iterator[str]:
        reached = {self.loss.base}
        for group in reversed(self.groups):
            if any(e.base in reached for e in group.equations):
                for equation in group.equations:
                    reached.update(base_uses(equation.expression))
        for quantity in self.quantities.values():
            if quantity.base in reached:
                continue
            if quantity.role == "parameter":
                yield f"the loss does not depend on the parameter {quantity.name.plain}: its gradient is 0"
            elif quantity.role in ("input", "target", "constant"):
                yield f"no equation uses {quantity.name.plain}"
            elif quantity.role == "intermediate":
                yield f"the loss does not depend on {quantity.name.plain}"
        if not self.parameters:
            yield "the network has no parameters"


def _spelled(base: Base) -> Name:
    text = str(base)
    return parse_name(text) or opaque_name(text)


def _names(specification: Specification) -> dict[Base, Name]:
    """A name for every base, and no two bases with one name."""
    names: dict[Base, Name] = {}
    by_key: dict[str, Base] = {}
    for equation in specification.equations:
        for base in (equation.base, *base_uses(equation.expression)):
            if base in names:
                continue
            name = specification.names.get(base) or _spelled(base)
            other = by_key.setdefault(name.key, base)
            if other != base:
                before = names[other].plain
                raise NetworkError(
                    f"{name.plain} stands for two things, such as a loss and a number of layers"
                    if name.plain == before
                    else f"{name.plain} and {before} are two spellings of one name, but stand for different quantities",
                    hint="rename one of them",
                )
            names[base] = name
    for base in (*specification.roles, *specification.names):
        names.setdefault(base, specification.names.get(base) or _spelled(base))
    return names


def _without_shadows(equation: Equation) -> Equation:
    """Give bound indices new names where one hides an index of the left side or of a sum around it."""
    seen: list[sp.Symbol] = [limit.index for limit in equation.ranges]
    stack: list[tuple[Any, tuple[sp.Symbol, ...]]] = [(equation.expression, tuple(seen))]
    while stack:
        node, scope = stack.pop()
        own = tuple(limit.index for limit in bound_limits(node))
        if set(own) & set(scope):
            return replace(equation, expression=freshen_all(equation.expression))
        stack.extend((a, scope + own) for a in node.args)
    return equation


def _bound_symbols(expression: Any) -> set[sp.Symbol]:
    found: set[sp.Symbol] = set()
    stack = [expression]
    while stack:
        node = stack.pop()
        found.update(limit.index for limit in bound_limits(node))
        stack.extend(node.args)
    return found


def _sizes(equations: list[Equation], axes: Mapping[Base, tuple[Limit, ...]]) -> frozenset[sp.Symbol]:
    """The symbols that stand for sizes: those in the bounds of ranges."""
    found: set[sp.Symbol] = set()
    indices: set[sp.Symbol] = set()
    limits = [limit for e in equations for limit in e.ranges]
    limits += [limit for own in axes.values() for limit in own]
    for equation in equations:
        stack: list[Any] = [equation.expression]
        while stack:
            node = stack.pop()
            limits += bound_limits(node)
            stack.extend(node.args)
    for limit in limits:
        indices.add(limit.index)
        found |= limit.low.free_symbols | limit.high.free_symbols
    return frozenset(found - indices)


def _overlap(first: Equation, second: Equation) -> bool:
    """Can two definitions of one name meet in an instance? Only a proof that they cannot makes them two cases."""
    for a, b in zip(first.at, second.at, strict=True):
        (low_a, high_a), (low_b, high_b) = _span(first, a), _span(second, b)
        if at_least_zero(low_b - high_a - 1, ()) or at_least_zero(low_a - high_b - 1, ()):
            return False
    return True


def _span(equation: Equation, index: Any) -> tuple[sp.Expr, sp.Expr]:
    return next(((r.low, r.high) for r in equation.ranges if r.index == index), (index, index))
