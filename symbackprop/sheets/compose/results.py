"""What a derivative is: its value as lines, entry by entry or as matrices, with conditions and shapes.

Contract: reads `Derivation.terms` and `Gradient.closed`; a matrix form is shown exactly when there is one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import sympy as sp

from symbackprop.derivation import Case, Factors, Term, ordered_sum
from symbackprop.functions import Indicator
from symbackprop.indexed import indices_of, sum_over
from symbackprop.matrix import Leaf, Node, Product, Transposed
from symbackprop.network import Quantity
from symbackprop.sheets.blocks import EQUALS, NOTHING, Math, Row, joined
from symbackprop.sheets.breaking import ROOM, broken, broken_product, rows
from symbackprop.sheets.compose.composition import Composition, split_conditions
from symbackprop.sheets.compose.shapes import product_shapes
from symbackprop.sheets.matrices import matrix_axes
from symbackprop.sheets.width import width


def lines_of(c: Composition, terms: Sequence[Term], room: float) -> tuple[list[Math], Math]:
    """The lines of a sum of terms; the condition of a single term stands behind it."""
    if len(terms) != 1:
        ordered = [Term(t.limits, _conditions_first(t.factors)) for t in terms]
        return broken(c.write, sp.Add(*(t.expression for t in ordered), evaluate=False), room), NOTHING
    term = terms[0]
    factors, conditions = split_conditions(term.factors)
    bound = {limit.index for limit in term.limits}
    if any(condition.free_symbols & bound for condition in conditions):
        factors, conditions = term.factors, []
    condition = joined([c.write.condition(x) for x in conditions], Math(r",\ ", ", "))
    if not term.limits:
        return broken_product(c.write, factors, room), condition
    return broken(c.write, sum_over(factors, term.limits), room), condition


def _conditions_first(factors: Factors) -> Factors:
    rest, conditions = split_conditions(factors)
    return (*(Indicator(condition) for condition in conditions), *rest)


def chosen_terms(c: Composition, quantity: Quantity) -> list[Term]:
    """The terms of an adjoint, activations in the form that was asked for."""
    return [Term(t.limits, c.chosen(t.factors)) for t in c.derivation.terms(quantity.base)]


Left = Callable[[Mapping[Any, Any]], Math]
"""A left side, at other indices."""


def raw_rows(c: Composition, quantity: Quantity, left: Left | None = None) -> list[Row]:
    """``delta = value`` as the chain rule gave it, entry by entry."""
    return term_rows(c, quantity, chosen_terms(c, quantity), left or symbol_at(c, quantity), ROOM - 4)


def symbol_at(c: Composition, quantity: Quantity) -> Left:
    """The name of an adjoint as a left side."""
    return lambda at: c.write(c.gradient(quantity).symbol.xreplace(dict(at)))


def term_rows(c: Composition, quantity: Quantity, terms: Sequence[Term], left: Left, room: float) -> list[Row]:
    """A left side and the terms of an adjoint; a recursion over layers or steps has a line for its start."""
    if len(terms) != 1 or not any(isinstance(f, Indicator) for f in terms[0].factors):
        cases = c.derivation.in_cases(quantity.base, ordered_sum([t.expression for t in terms]))
        if len(cases) > 1:
            return [row for condition, value in cases for row in _case_rows(c, condition, value, left, room)]
    name = left({})
    lines, condition = lines_of(c, terms, room - width(name.latex))
    return rows(name, lines, condition)


def _case_rows(c: Composition, condition: Any, value: Any, left: Left, room: float) -> list[Row]:
    at_end = isinstance(condition, sp.Eq)
    name = left({condition.lhs: condition.rhs} if at_end else {})
    where = NOTHING if at_end or condition is None else c.write.condition(condition)
    return rows(name, broken(c.write, value, room - width(name.latex) - width(where.latex)), where)


def entry_rows(c: Composition, quantity: Quantity) -> list[Row]:
    """``delta = value`` in its shortest form, entry by entry."""
    gradient = c.gradient(quantity)
    if not gradient.closed.rules:
        return raw_rows(c, quantity)
    cases = [(case.condition, case.closed.expression) for case in c.derivation.cases(quantity.base)]
    left = symbol_at(c, quantity)
    return [row for condition, value in cases for row in _case_rows(c, condition, value, left, ROOM - 4)]


class MatrixResult(NamedTuple):
    """A result in matrix notation: the lines, the tree, and the matrices that are transposed in it."""

    rows: list[Row]
    node: Node


def matrix_result(c: Composition, quantity: Quantity) -> MatrixResult | None:
    """The shortest form as matrices, with the shapes of a product; None where only the index form exists."""
    if not c.matrices or not quantity.axes:
        return None
    if quantity.base not in c.found:
        c.found[quantity.base] = _matrix_result(c, quantity)
    return c.found[quantity.base]


def _matrix_result(c: Composition, quantity: Quantity) -> MatrixResult | None:
    """One row, or for a recursion over layers or steps one for its start and one for its step."""
    found = [_case(c, quantity, case) for case in c.derivation.cases(quantity.base)]
    cases = [row for row in found if row is not None]
    if len(cases) < len(found) or any(width((row.left + row.line).latex) > ROOM + 4 for row, _ in cases):
        return None
    return MatrixResult([row for row, _ in cases], cases[-1][1])


def _case(c: Composition, quantity: Quantity, case: Case) -> tuple[Row, Node] | None:
    """``delta^{[L]} = ...`` with its shapes, or ``delta^{[l]} = ...`` with its condition."""
    at = [axis.index for axis in quantity.axes]
    found = c.write.matrix(_sums_first(case.closed.expression), at, quantity.base)
    if found is None:
        return None
    node, right = found
    symbol = c.gradient(quantity).symbol
    if isinstance(case.condition, sp.Eq):
        symbol = symbol.xreplace({case.condition.lhs: case.condition.rhs})
    left = c.write.whole(symbol, matrix_axes(c.derivation.network, quantity.base, at))
    if case.condition is not None:
        return Row(left, right, EQUALS, _where(c, case)), node
    shapes = product_shapes(c.derivation, c.write, quantity, node)
    if width(left.latex) + width(right.latex) + width(shapes.latex) > ROOM:
        shapes = NOTHING
    return Row(left, right, EQUALS, shapes), node


def _where(c: Composition, case: Case) -> Math:
    return NOTHING if isinstance(case.condition, sp.Eq) else c.write.condition(case.condition)


def final_expression(c: Composition, quantity: Quantity) -> Any:
    """The entry of a result as its matrix form is read from: the shortest form, sums in front."""
    return _sums_first(c.gradient(quantity).result)


def _sums_first(expression: Any) -> Any:
    """A product with its sums in front, so that a matrix product comes before what it is multiplied with."""
    if isinstance(expression, sp.Add):
        terms = [t for part in expression.args for t in sp.Add.make_args(_sums_first(part))]
        return sp.Add(*terms, evaluate=False)
    if not isinstance(expression, sp.Mul):
        return expression
    rank = {True: 1, False: 2}
    ordered = sorted(expression.args, key=lambda f: 0 if f.is_number else rank[isinstance(f, sp.Sum)])
    return sp.Mul(*ordered, evaluate=False)


def final_rows(c: Composition, quantity: Quantity) -> list[Row]:
    """The result as it stands in a summary: as matrices where there is such a form, else entry by entry."""
    matrix = matrix_result(c, quantity)
    return (
        entry_rows(c, quantity)
        if matrix is None
        else [Row(r.left, r.right, condition=r.condition if len(matrix.rows) > 1 else NOTHING) for r in matrix.rows]
    )


def holds(node: Any, kind: type[Node]) -> bool:
    """Does a matrix form hold a node of a kind, such as the ones that add up rows or columns?"""
    children = [child for name in ("factors", "terms", "operands") for child in getattr(node, name, ())]
    return isinstance(node, kind) or any(holds(child, kind) for child in children)


def transposed_factors(node: Any) -> list[tuple[Any, bool]]:
    """The references that a product turns over, each with: is the sum over their rows (left factor)?"""
    found: list[tuple[Any, bool]] = []
    stack = [node]
    while stack:
        top = stack.pop()
        if isinstance(top, Product):
            for position, factor in enumerate(top.factors):
                if isinstance(factor, Transposed) and isinstance(factor.operand, Leaf):
                    found.append((factor.operand.reference, position < len(top.factors) - 1))
        for name in ("factors", "terms", "operands"):
            stack.extend(getattr(top, name, ()))
    return [(reference, rows_) for reference, rows_ in found if indices_of(reference)]
