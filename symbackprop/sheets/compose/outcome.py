"""From what the chain rule gave to the boxed result: factors put in, simplified by named rules, as matrices.

Contract: `outcome(c, quantity)` reads the closed form and its steps; each rule and each transpose has its reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sympy as sp

from symbackprop.functions import Indicator
from symbackprop.indexed import Softmax, indices_of
from symbackprop.matrix import Hadamard, Ones, Product
from symbackprop.network import Quantity
from symbackprop.sheets.blocks import Block, Formula, Line, Math, Paragraph
from symbackprop.sheets.breaking import rows
from symbackprop.sheets.compose.chains import named_partial
from symbackprop.sheets.compose.composition import Composition
from symbackprop.sheets.compose.forward import aligned
from symbackprop.sheets.compose.results import (
    MatrixResult,
    entry_rows,
    holds,
    matrix_result,
    raw_rows,
    symbol_at,
    transposed_factors,
)
from symbackprop.sheets.mathematics import IS
from symbackprop.sheets.matrices import matrix_axes


def outcome(c: Composition, quantity: Quantity, *, lead: bool) -> Iterator[Block]:
    """From what the chain rule gave to the boxed result: simplified, as matrices, in entries."""
    gradient = c.gradient(quantity)
    matrix = matrix_result(c, quantity)
    closed = gradient.closed
    named = named_partial(c, quantity) if lead else symbol_at(c, quantity)
    if closed.rules:
        if c.full and not lead:
            yield Paragraph(_put_in(c, quantity))
        yield Formula(tuple(raw_rows(c, quantity, named)))
        yield from _simplified(c, quantity)
    elif c.full and not lead:
        yield Paragraph(c.say("deltas.put_in"))
    if matrix is None:
        final = entry_rows(c, quantity) if closed.rules or not lead else raw_rows(c, quantity, named)
        yield Formula(tuple(final), boxed=True)
        return
    yield Formula(tuple(entry_rows(c, quantity) if closed.rules or not lead else raw_rows(c, quantity, named)))
    yield from matrix_form(c, matrix)


def _simplified(c: Composition, quantity: Quantity) -> Iterator[Block]:
    """The rules that made a result shorter, each with its reason."""
    closed = c.gradient(quantity).closed
    if not c.full:
        return
    steps = [
        Formula(tuple(rows(c.write(c.gradient(quantity).symbol), [c.write(step)]))) for step in closed.intermediate
    ]
    relations = [c.write(aligned(c, a).left) + IS + c.write(a.right) for a in closed.assumptions]
    used = [c.say("closed.assumption", assumption=relation) for relation in relations]
    label = _picked(c, quantity)
    picked = c.say("closed.label", label=c.write(label)) if label is not None else ()
    said = picked + c.say(f"closed.{closed.rules[0]}")
    if not steps:
        yield Paragraph(sum(used, said))
        return
    yield Paragraph(said)
    yield from steps
    for sentence in used:
        yield Paragraph(sentence)


def _picked(c: Composition, quantity: Quantity) -> Any:
    """The label that leaves a single term of a sum, such as ``y_s``; None where there is no such sum."""
    for term in c.derivation.terms(quantity.base):
        for inner in term.expression.atoms(sp.Sum):
            for bracket in inner.function.atoms(Indicator):
                return next(iter(bracket.condition.atoms(sp.Indexed)), None)
    return None


def _put_in(c: Composition, quantity: Quantity) -> Line:
    """What happens when the factors are put into the chain: for a softmax the bracket picks one term of the sum."""
    for x in c.derivation.sweep[quantity.base].contributions:
        if isinstance(x.consumer.expression, Softmax):
            return c.say("deltas.put_in_softmax")
    return c.say("deltas.put_in")


def matrix_form(c: Composition, matrix: MatrixResult) -> Iterator[Block]:
    """The result as matrices, and why it looks as it does."""
    if c.full:
        entrywise = isinstance(matrix.node, Hadamard) and any(isinstance(f, Product) for f in matrix.node.factors)
        said = c.say("matrix.entrywise", sign=Math(r"\odot", "⊙")) if entrywise else ()
        yield Paragraph(_as_matrices(c, matrix.node, said))
    yield Formula(tuple(matrix.rows), boxed=True)


def _as_matrices(c: Composition, node: Any, more: Line) -> Line:
    """Why the matrix form looks as it does: what adds up, where each transpose comes from; `more` comes last."""
    if holds(node, Ones):
        return c.say("matrix.ones", one=Math(r"\mathbf{1}", "𝟏"))
    for reference, over_rows in transposed_factors(node)[:1]:
        axes = matrix_axes(c.derivation.network, reference.base, indices_of(reference))
        name = c.write.whole(reference, axes)
        if len(axes) < 2:
            return c.say("matrix.outer", vector=name)
        return c.say("matrix.transpose_left" if over_rows else "matrix.transpose_right", matrix=name) + more
    return c.say("matrix.intro_entrywise", sign=Math(r"\odot", "⊙")) if more else c.say("matrix.intro")
