"""Scalar expressions over index symbols: sums with safe bound indices, domains, canonical form.

Contract: a *reference* is a scalar ``Symbol`` or an ``Indexed``; a `Limit` is an index with the range it runs over.
SymPy's own substitution captures bound indices, so every sum that enters a computation gets fresh indices
(`freshen`) and leaves it with canonical ones (`canonical`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import sympy as sp

from symbackprop.functions import Indicator

Base: TypeAlias = sp.Symbol | sp.IndexedBase
Indices: TypeAlias = tuple[sp.Expr, ...]


class Limit(NamedTuple):
    """An index and the inclusive range it runs over."""

    index: sp.Symbol
    low: sp.Expr
    high: sp.Expr

    def replace(self, mapping: Mapping[Any, Any]) -> Limit:
        """The same limit with index and bounds renamed."""
        return Limit(*(part.xreplace(mapping) for part in self))

    @property
    def size(self) -> sp.Expr:
        """How many values the index takes."""
        return self.high - self.low + 1


class Softmax(sp.Expr):
    """``Softmax(at, body, (q, low, high))``: exp(body at q=at) / Sum_q exp(body). One entry of a softmax over q."""

    is_commutative = True
    is_real = True
    is_positive = True

    def __new__(cls, at: Any, body: Any, limit: Any) -> Softmax:
        """One entry: `at` is its index, `limit` binds the index of `body`."""
        return sp.Expr.__new__(cls, sp.sympify(at), sp.sympify(body), sp.Tuple(*limit))

    @property
    def limit(self) -> Limit:
        """The bound index and its range."""
        return Limit(*self.args[2].args)

    def entry(self, at: sp.Expr) -> Softmax:
        """The entry at another index of the same softmax."""
        return Softmax(at, self.args[1], self.args[2].args)

    def definition(self) -> sp.Expr:
        """The explicit quotient of exponentials."""
        at, body, _ = self.args
        return sp.exp(body.xreplace({self.limit.index: at})) / sp.Sum(sp.exp(body), tuple(self.limit))


class LogSumExp(sp.Expr):
    """``LogSumExp(body, (q, low, high))``: log Sum_q exp(body), evaluated without overflow."""

    is_commutative = True
    is_real = True

    def __new__(cls, body: Any, limit: Any) -> LogSumExp:
        """`limit` binds the index of `body`."""
        return sp.Expr.__new__(cls, sp.sympify(body), sp.Tuple(*limit))

    @property
    def limit(self) -> Limit:
        """The bound index and its range."""
        return Limit(*self.args[1].args)

    def definition(self) -> sp.Expr:
        """The explicit logarithm of a sum."""
        return sp.log(sp.Sum(sp.exp(self.args[0]), tuple(self.limit)))


class MaxOver(sp.Expr):
    """``MaxOver(body, (p, low, high), ...)``: the largest value of body over the indices (max pooling)."""

    is_commutative = True
    is_real = True

    def __new__(cls, body: Any, *limits: Any) -> MaxOver:
        """The limits bind the indices of `body`."""
        return sp.Expr.__new__(cls, sp.sympify(body), *(sp.Tuple(*limit) for limit in limits))

    @property
    def limits(self) -> tuple[Limit, ...]:
        """The bound indices and their ranges."""
        return tuple(Limit(*limit.args) for limit in self.args[1:])


REDUCTIONS = (sp.Sum, Softmax, LogSumExp, MaxOver)


def fresh(like: sp.Symbol) -> sp.Symbol:
    """A new index that equals no other, named after `like`."""
    return sp.Dummy(like.name.split("~")[0], integer=True)


def base_of(reference: Any) -> Base:
    """``Z`` of ``Z[i, s]``; a scalar symbol is its own base."""
    return reference.base if isinstance(reference, sp.Indexed) else reference


def indices_of(reference: Any) -> Indices:
    """``(i, s)`` of ``Z[i, s]``; ``()`` of a scalar symbol."""
    return tuple(reference.indices) if isinstance(reference, sp.Indexed) else ()


def references(expression: Any) -> Iterator[Any]:
    """Every Symbol and Indexed in an expression, also inside index positions, not the bases of Indexed."""
    stack = [expression]
    while stack:
        node = stack.pop()
        if isinstance(node, sp.Indexed):
            yield node
            stack.extend(node.indices)
        elif isinstance(node, sp.Symbol):
            yield node
        else:
            stack.extend(node.args)


def bound_limits(node: Any) -> tuple[Limit, ...]:
    """The limits that a reduction binds, outermost first; () for any other node."""
    if isinstance(node, sp.Sum):
        return tuple(Limit(*limit) for limit in reversed(node.limits))
    if isinstance(node, MaxOver):
        return node.limits
    if isinstance(node, (Softmax, LogSumExp)):
        return (node.limit,)
    return ()


def free_indices(expression: Any) -> set[sp.Symbol]:
    """The symbols that occur free (bound indices and the bases of Indexed do not count)."""
    if isinstance(expression, sp.Symbol):
        return {expression}
    if isinstance(expression, sp.Indexed):
        return set().union(*(free_indices(i) for i in expression.indices))
    if isinstance(expression, REDUCTIONS):
        found: set[sp.Symbol] = set()
        for part in expression.args:
            found |= free_indices(part)
        for limit in bound_limits(expression):
            found.discard(limit.index)
        return found
    return set().union(*(free_indices(a) for a in expression.args)) if expression.args else set()


def freshen(node: Any) -> Any:
    """A reduction with new bound indices (only its own, not those of reductions inside it)."""
    names = {limit.index: fresh(limit.index) for limit in bound_limits(node)}
    return _rebind(node, names) if names else node


def _rebind(node: Any, names: Mapping[sp.Symbol, sp.Symbol]) -> Any:
    """Rename the indices that `node` binds; `at` of a Softmax stands outside the binding."""
    if isinstance(node, Softmax):
        return Softmax(node.args[0], rename(node.args[1], names), node.limit.replace(names))
    return node.func(*(rename(a, names) for a in node.args))


def rebuild(node: Any, args: Sequence[Any]) -> Any:
    """The node with other arguments; sums and products keep the order in which they were written."""
    if isinstance(node, (sp.Add, sp.Mul)):
        return node.func(*args, evaluate=False)
    return node.func(*args)


def evaluated(expression: Any) -> Any:
    """SymPy's own canonical sums and products: equal factors cancel, equal terms merge, the written order is lost."""
    if not expression.args or isinstance(expression, (sp.Indexed, Indicator)):
        return expression
    return expression.func(*(evaluated(a) for a in expression.args))


def freshen_limits(limits: Sequence[Limit]) -> tuple[tuple[Limit, ...], dict[Any, Any]]:
    """The limits with new indices, and the renaming that goes with them."""
    names = {limit.index: fresh(limit.index) for limit in limits}
    return tuple(limit.replace(names) for limit in limits), names


def freshen_all(expression: Any) -> Any:
    """The expression with every bound index renamed to one that occurs nowhere else."""
    if not expression.has(*REDUCTIONS):
        return expression
    rebuilt = rebuild(expression, [freshen_all(a) for a in expression.args])
    return freshen(rebuilt) if isinstance(rebuilt, REDUCTIONS) else rebuilt


def rename(expression: Any, mapping: Mapping[Any, Any]) -> Any:
    """Replace indices, keeping the order in which sums and products were written.

    The new indices must not be bound inside the expression: give fresh ones, or freshen its sums first.
    """
    if not mapping or not expression.args:
        return mapping.get(expression, expression)
    if isinstance(expression, sp.Indexed):
        return expression.xreplace(mapping)
    args = [rename(a, mapping) for a in expression.args]
    return expression if args == list(expression.args) else rebuild(expression, args)


def sum_over(factors: Sequence[sp.Expr], limits: Sequence[Limit]) -> sp.Expr:
    """``Sum_limits Mul(factors)``, with every factor outside the sums that it does not depend on.

    >>> i, n, a = sp.Symbol("i"), sp.Symbol("n"), sp.Symbol("a")
    >>> x = sp.IndexedBase("x")
    >>> sum_over((a, x[i]), [Limit(i, sp.S(1), n)])
    a*Sum(x[i], (i, 1, n))
    >>> sum_over((a,), [Limit(i, sp.S(1), n)])
    a*n
    """
    if not limits:
        return product(factors)
    *outer, limit = _innermost_last(limits)
    inside = [f for f in factors if limit.index in free_indices(f)]
    outside = [f for f in factors if limit.index not in free_indices(f)]
    if not inside:
        return sum_over([*outside, limit.size], outer)
    if (
        len(inside) == 1
        and isinstance(inside[0], sp.Sum)
        and limit.index
        not in free_indices(sp.Tuple(*(part for inner in bound_limits(inside[0]) for part in inner[1:])))
    ):
        inner = inside[0]
        summed: sp.Expr = sp.Sum(inner.function, *inner.limits, tuple(limit))
    else:
        summed = sp.Sum(product(inside), tuple(limit))
    return sum_over([*outside, summed], outer)


def product(factors: Sequence[sp.Expr]) -> sp.Expr:
    """The product in the given order, not evaluated; numbers in front are collected, ones dropped."""
    flat = [f for factor in factors for f in (factor.args if isinstance(factor, sp.Mul) else (factor,))]
    number = sp.Mul(*(f for f in flat if f.is_Number))
    rest = [f for f in flat if not f.is_Number]
    if number == 0 or not rest:
        return number
    parts = rest if number == 1 else [number, *rest]
    return parts[0] if len(parts) == 1 else sp.Mul(*parts, evaluate=False)


def opened(expression: Any) -> tuple[list[Any], list[Limit]]:
    """The factors of nested products and sums, in order, and the limits of the sums with fresh indices."""
    if isinstance(expression, sp.Sum):
        summed = freshen(expression)
        factors, limits = opened(summed.function)
        return factors, [*bound_limits(summed), *limits]
    if not isinstance(expression, sp.Mul):
        return [expression], []
    parts = [opened(a) for a in expression.args]
    return [f for factors, _ in parts for f in factors], [limit for _, limits in parts for limit in limits]


def _innermost_last(limits: Sequence[Limit]) -> list[Limit]:
    """Order limits so that bounds depend only on indices to their left."""
    remaining, ordered = list(limits), list[Limit]()
    while remaining:
        pending = {limit.index for limit in remaining}
        ready = next(limit for limit in remaining if not pending & (free_indices(limit.low) | free_indices(limit.high)))
        ordered.append(ready)
        remaining.remove(ready)
    return ordered


def match_indices(pattern: Any, candidate: Any, wild: set[Any]) -> dict[Any, Any] | None:
    """A replacement of the wild indices under which two expressions are the same, or None."""
    found: dict[Any, Any] = {}
    stack = [(pattern, candidate)]
    while stack:
        left, right = stack.pop()
        if left in wild:
            if found.setdefault(left, right) != right:
                return None
        elif isinstance(left, sp.Add) and len(own := free_indices(left) & wild) == 1 and _is_index(left):
            index = own.pop()  # `t - 1` against `t`: the wild t is t + 1
            if affine_coefficient(left, index) != 1 or not _is_index(right):
                return None
            value = sp.expand(right - left + index)
            if found.setdefault(index, value) != value:
                return None
        elif not left.args or not right.args:
            if left != right:
                return None
        elif left.func != right.func or len(left.args) != len(right.args):
            return None
        else:
            stack += zip(left.args, right.args, strict=True)
    return found


def _is_index(expression: Any) -> bool:
    """Is it a sum of index symbols and numbers?"""
    return all(term.is_Integer or (term.is_Symbol and term.is_integer) for term in sp.Add.make_args(expression))


def affine_coefficient(expression: sp.Expr, index: sp.Symbol) -> sp.Expr | None:
    """The coefficient of an index in an expression that is affine in it, else None."""
    if index not in free_indices(expression):
        return sp.S.Zero
    if isinstance(expression, sp.Symbol):
        return sp.S.One
    coefficient = sp.S.Zero
    for term in sp.Add.make_args(sp.expand(expression)):
        rest = [f for f in sp.Mul.make_args(term) if f != index]
        power = len(sp.Mul.make_args(term)) - len(rest)
        if any(index in free_indices(f) for f in rest):
            return None
        if power:
            coefficient += sp.Mul(*rest)
    return coefficient


def at_least_zero(expression: sp.Expr, ranges: Iterable[Limit]) -> bool:
    """Can ``expression >= 0`` be proven for all values of the indices in their ranges and all sizes >= 1?

    >>> t, n = sp.symbols("t n", integer=True)
    >>> at_least_zero(n - t, [Limit(t, sp.S(1), n)]), at_least_zero(n - t - 1, [Limit(t, sp.S(1), n)])
    (True, False)
    """
    smallest = _extreme(expression, ranges, lowest=True)
    return smallest is not None and _sizes_nonnegative(smallest)


def _extreme(expression: sp.Expr, ranges: Iterable[Limit], *, lowest: bool) -> sp.Expr | None:
    """The smallest (largest) value of an affine expression over its index ranges, in terms of sizes."""
    value = sp.expand(expression)
    for limit in reversed(_innermost_last(list(ranges))):
        coefficient = affine_coefficient(value, limit.index)
        if coefficient is None:
            return None
        if coefficient == 0:
            continue
        if _sizes_nonnegative(coefficient):
            end = limit.low if lowest else limit.high
        elif _sizes_nonnegative(-coefficient):
            end = limit.high if lowest else limit.low
        else:
            return None
        value = sp.expand(value.xreplace({limit.index: end}))
    return value


def smallest_value(expression: sp.Expr, ranges: Iterable[Limit]) -> sp.Expr | None:
    """The least value of an affine index expression over its ranges, or None where it cannot be told."""
    return _extreme(expression, ranges, lowest=True)


def largest_value(expression: sp.Expr, ranges: Iterable[Limit]) -> sp.Expr | None:
    """The greatest value of an affine index expression over its ranges, or None where it cannot be told."""
    return _extreme(expression, ranges, lowest=False)


def _sizes_nonnegative(expression: sp.Expr) -> bool:
    """Is a polynomial in sizes >= 0 whenever every size is >= 1? (Sufficient: no negative size coefficient.)"""
    terms = [term.as_coeff_Mul() for term in sp.Add.make_args(sp.expand(expression))]
    return sum(number for number, _ in terms) >= 0 and all(number > 0 for number, size in terms if size != 1)


def nonnegative(expression: sp.Expr, ranges: Iterable[Limit]) -> Any:
    """``[expression >= 0]`` for an affine index expression: 1 where it can be proven, else an `Indicator`."""
    if at_least_zero(expression, ranges):
        return sp.S.One
    return Indicator(sp.Ge(sp.expand(expression), 0))


def canonical(expression: sp.Expr) -> sp.Expr:
    """Rename bound indices by range and nesting height, so that equal sums become the same object.

    >>> i, j, n = sp.symbols("i j n"); x = sp.IndexedBase("x")
    >>> canonical(sp.Sum(x[i], (i, 1, n)) - sp.Sum(x[j], (j, 1, n)))
    0
    """
    return _by_height(freshen_all(expression))[0]


def _by_height(expression: Any) -> tuple[Any, int]:
    if not expression.has(*REDUCTIONS):
        return expression, 0
    parts = [_by_height(a) for a in expression.args]
    height = max(h for _, h in parts)
    rebuilt = expression.func(*(p for p, _ in parts))
    if not isinstance(rebuilt, REDUCTIONS):
        return rebuilt, height
    names: dict[sp.Symbol, sp.Symbol] = {}
    for limit in reversed(bound_limits(rebuilt)):
        height += 1
        name = f"~{height}({sp.sstr(limit.low.xreplace(names))}..{sp.sstr(limit.high.xreplace(names))})"
        names[limit.index] = sp.Symbol(name, integer=True)
    return _rebind(rebuilt, names), height
