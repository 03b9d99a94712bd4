"""SymPy equations as an author writes them in Python -> Specification, in the order in which a human writes.

Contract: accepts ``Eq(target, expression)`` or ``(target, expression)`` over Symbol, Indexed, Sum, Idx and functions;
SymPy sorts sums and products its own way, so they are arranged again: ``w x + b``, ``out - y``, ``1 - a``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import sympy as sp

from symbackprop.errors import NetworkError
from symbackprop.functions import maximum, minimum
from symbackprop.indexed import Base, Limit, base_of
from symbackprop.names import natural_key, parse_name
from symbackprop.network.equation import Equation, Role, Specification
from symbackprop.network.ranges import base_uses
from symbackprop.network.roles import conventional_role


def specification_from_sympy(
    equations: Iterable[Any],
    *,
    roles: Mapping[Role, Iterable[Any]],
    loss: Any = None,
    ranges: Mapping[Any, Any] | None = None,
    samples: Any = None,
    title: str = "",
) -> Specification:
    """Read SymPy equations.

    Args:
        equations: ``Eq(target, expression)`` or pairs; the target is a Symbol or an Indexed.
        roles: declared inputs, targets, parameters and constants.
        loss: the symbol of the loss, where it cannot be told.
        ranges: index -> size or ``(low, high)``, for indices on a left side (inclusive, from 1).
        samples: the size of the sample axis.
        title: the title of the sheet.

    Raises:
        NetworkError: for anything that is not an equation between supported expressions.
    """
    limits = {_index(i): _limit(_index(i), r) for i, r in (ranges or {}).items()}
    built: list[Equation] = []
    axes: dict[Base, tuple[Limit, ...]] = {}
    for number, equation in enumerate(equations, start=1):
        target, expression = _sides(equation, number)
        for indexed in (target, *expression.atoms(sp.Indexed)):
            if isinstance(indexed, sp.Indexed) and indexed.base.shape is not None:
                axes.setdefault(indexed.base, tuple(_shape_axes(indexed)))
        own = {i.label: Limit(i.label, i.lower, i.upper) for i in target.atoms(sp.Idx) if i.lower is not None}
        strip = {i: i.label for i in (target.atoms(sp.Idx) | expression.atoms(sp.Idx))}
        target = target.xreplace(strip)
        at = target.indices if isinstance(target, sp.Indexed) else ()
        chosen = {i: own.get(i) or limits.get(i) for i in at if isinstance(i, sp.Symbol)}
        built.append(
            Equation(
                target,
                arrange(own_functions(expression.xreplace(strip))),
                tuple(limit for limit in chosen.values() if limit),
            )
        )
    known = _by_key(built)
    declared: dict[Base, Role] = {}
    for role, bases in roles.items():
        for base in [bases] if isinstance(bases, (str, sp.Basic)) else bases:
            symbol = _base(base, known)
            if declared.setdefault(symbol, role) != role:
                raise NetworkError(f"{symbol} has two roles: {declared[symbol]} and {role}", hint="declare it once")
    return Specification(
        tuple(built),
        roles=declared,
        axes=axes,
        ranges=limits,
        title=title,
        loss=None if loss is None else _base(loss, known),
        samples=None if samples is None else _size(samples),
    )


def _by_key(equations: Iterable[Equation]) -> dict[str, Base]:
    """The symbols of the equations by the key of their names."""
    found: dict[str, Base] = {}
    for equation in equations:
        for base in (equation.base, *base_uses(equation.expression)):
            name = parse_name(str(base))
            found.setdefault(name.key if name else str(base), base)
    return found


def _base(reference: Any, known: Mapping[str, Base]) -> Base:
    """The symbol of a declaration: a SymPy symbol, or a name in any spelling."""
    if not isinstance(reference, str):
        return base_of(reference)
    name = parse_name(reference)
    base = known.get(name.key if name else reference)
    if base is None:
        raise NetworkError(
            f"no equation uses the name {reference!r}", hint=f"the names are {', '.join(map(str, known.values()))}"
        )
    return base


def _sides(equation: Any, number: int) -> tuple[Any, Any]:
    if isinstance(equation, sp.Eq):
        target, expression = equation.args
    elif isinstance(equation, tuple) and len(equation) == 2:
        target, expression = (
            equation[0],
            sp.sympify(equation[1]) if not isinstance(equation[1], str) else None,
        )
    else:
        target, expression = None, None
    if expression is None:
        raise NetworkError(
            f"equation {number} is not an equation: {equation!r}",
            hint="write sympy.Eq(target, expression), or a pair (target, expression); text goes to read()",
        )
    if not isinstance(target, (sp.Symbol, sp.Indexed)):
        raise NetworkError(
            f"the left side of equation {number} is not a name: {target}",
            hint="write the quantity that the equation defines on the left",
        )
    return target, expression


def _index(index: Any) -> sp.Symbol:
    return index.label if isinstance(index, sp.Idx) else index


def _limit(index: sp.Symbol, given: Any) -> Limit:
    low, high = given if isinstance(given, tuple) else (1, given)
    return Limit(index, _size(low), _size(high))


def _size(given: Any) -> Any:
    """A size as given: a number or a SymPy expression; text is only ever the name of one."""
    if isinstance(given, str):
        name = parse_name(given)
        if name is None:
            raise NetworkError(f"{given!r} is not the name of a size", hint="give a number or a SymPy symbol")
        return sp.Symbol(name.plain, integer=True)
    return sp.sympify(given)


def _shape_axes(indexed: Any) -> Iterator[Limit]:
    """The axes of an IndexedBase with a shape; SymPy's Idx counts from 0, other indices from 1."""
    for n, (index, size) in enumerate(zip(indexed.indices, indexed.base.shape, strict=True)):
        symbol = sp.Symbol("ijkl"[n], integer=True)
        from_zero = any(i.lower == 0 for i in index.atoms(sp.Idx))
        yield Limit(symbol, sp.S.Zero, size - 1) if from_zero else Limit(symbol, sp.S.One, size)


def own_functions(expression: Any) -> Any:
    """SymPy's Max and Min sort their arguments; ours keep them, numbers first: ``max(0, z)``."""

    def nested(cls: Any, args: tuple[Any, ...]) -> Any:
        first, *rest = sorted(args, key=lambda a: (not a.is_number, sp.default_sort_key(a)))
        return cls(first, nested(cls, tuple(rest))) if rest else first

    if not expression.args or isinstance(expression, sp.Indexed):
        return expression
    args = tuple(own_functions(a) for a in expression.args)
    if isinstance(expression, sp.Max):
        return nested(maximum, args)
    if isinstance(expression, sp.Min):
        return nested(minimum, args)
    return expression if args == expression.args else expression.func(*args)


def arrange(expression: Any) -> Any:
    """The same expression, unevaluated, with terms and factors in the order in which a human writes them.

    >>> w, x, b = sp.symbols("w x b")
    >>> arrange(b + x * w).args
    (w*x, b)
    """
    if not expression.args or isinstance(expression, sp.Indexed):
        return expression
    args = [arrange(a) for a in expression.args]
    if isinstance(expression, sp.Add):
        return sp.Add(*sorted(args, key=_term_key), evaluate=False)
    if isinstance(expression, sp.Mul):
        return sp.Mul(*sorted(args, key=_factor_key), evaluate=False)
    return expression.func(*args)


def _term_key(term: Any) -> tuple[Any, ...]:
    factors = sp.Mul.make_args(term)
    negative = any(f.is_Number and f < 0 for f in factors)
    return (
        negative,
        not factors[0].is_number if negative else bool(term.is_number),
        -len(factors),
        _spelling_key(term),
    )


def _factor_key(factor: Any) -> tuple[Any, ...]:
    return not factor.is_number, isinstance(factor, sp.Sum), _rank(factor), natural_key(str(factor))


def _spelling_key(expression: Any) -> Any:
    """Sort by the names that occur, numbers counted as numbers: ``w_2 x_1`` before ``w_10 x_1``."""
    factors = sorted(sp.Mul.make_args(expression), key=_rank)
    return natural_key(" ".join(str(f) for f in factors if not f.is_number))


def _rank(factor: Any) -> int:
    base = factor.base if isinstance(factor, sp.Pow) else factor
    if not isinstance(base, (sp.Symbol, sp.Indexed)):
        return 3
    name = parse_name(str(base_of(base)))
    role = conventional_role(name) if name else None
    return 1 if role == "parameter" else 0 if role == "constant" and name and name.base != "alpha" else 2
