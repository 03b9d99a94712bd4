"""The functions that a network applies to its neurons: sign, definition, derivative."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import sympy as sp

from symbackprop.derivation import activation_argument
from symbackprop.functions import TABLE, FunctionRow, Indicator, local_derivative, maximum
from symbackprop.indexed import Limit, LogSumExp, Softmax, base_of
from symbackprop.sheets.blocks import EQUALS, Line, Math, Row
from symbackprop.sheets.compose.composition import Composition
from symbackprop.sheets.mathematics import IS

SIMPLE = 10
"""The derivative of a definition is shown up to so many operations: then the short form is seen to be the same."""


class Applied(NamedTuple):
    """A function that the network applies elementwise, and its application to a letter of its own."""

    row: FunctionRow
    letter: sp.Symbol
    application: Any
    place: int
    """Which argument the letter is; the others are constants of the network."""

    @property
    def sign(self) -> Math:
        r"""What stands for the function: ``\sigma``."""
        return Math(self.row.latex, {"sigmoid": "σ"}.get(self.row.name, self.row.name))

    @property
    def known_as(self) -> str:
        """The name of the function: the larger of 0 and a number is the rectified linear unit."""
        is_relu = self.row is TABLE[maximum] and self.application.args[1 - self.place] == 0
        return "relu" if is_relu else self.row.name


def applied_functions(c: Composition) -> Iterator[Applied]:
    """Every activation function of the network, once, in order of appearance."""
    letter = free_letter(c)
    computed = {e.base for e in c.derivation.network.equations}
    seen: set[Any] = set()
    for equation in c.derivation.network.equations:
        node = equation.expression
        places = [n for n, a in enumerate(node.args) if not a.is_number]
        if equation is c.derivation.network.loss or node.func not in TABLE or not places:
            continue
        place = places[0]
        others = (*node.args[:place], *node.args[place + 1 :])
        defined = any(base_of(r) in computed for a in others for r in a.atoms(sp.Symbol, sp.Indexed))
        key = (node.func, place, *others)
        if not defined and key not in seen:
            seen.add(key)
            yield Applied(
                TABLE[node.func], letter, node.func(*node.args[:place], letter, *node.args[place + 1 :]), place
            )


def free_letter(c: Composition) -> sp.Symbol:
    """A letter that the network does not use."""
    used = {q.name.key for q in c.derivation.network.quantities.values()}
    return sp.Symbol(next(letter for letter in "utvsrqpcdk" if letter not in used))


def title_of(c: Composition, f: Applied) -> Line | str:
    """What the function is called in words; a user's own function is called by its name."""
    return c.say(f"function.{f.known_as}") if f"function.{f.known_as}" in c.say else f.known_as


def definition_row(c: Composition, f: Applied) -> Row | None:
    """``sigma(u) = 1/(1+e^{-u})``, where the function is not elementary."""
    if f.row.definition is None:
        return None
    return Row(c.write(f.application), c.write(f.row.definition(*f.application.args)), EQUALS)


def softmax_rows(c: Composition, *, derived: bool = True) -> Iterator[Row]:
    """``dP_q/dZ_k = P_q ([q = k] - P_k)`` for every softmax of the network, on the way the quotient rule."""
    for equation in c.derivation.network.equations:
        e: Any = equation.expression
        argument: Any = activation_argument(equation)
        if not isinstance(e, Softmax) or not isinstance(argument, sp.Indexed):
            continue
        at, other = e.args[0], e.limit.index
        if other == at or other.name.startswith("~"):
            used = {s.name for s in (*equation.index_symbols, at)}
            other = sp.Symbol(next(letter for letter in "jqkpr" if letter not in used), integer=True)
        left = c.write(
            c.write.derivative_symbol(equation.target.xreplace({at: other}), argument.xreplace({e.limit.index: at}))
        )
        own, others = equation.target, equation.target.xreplace({at: other})
        bracket = Indicator(sp.Eq(other, at))
        gate = sp.Add(bracket, -own, evaluate=False)
        short = c.write.product((others, gate))
        yield Row(left, _quotient_rule(c, bracket, e, other) + IS + short if derived else short, EQUALS)


def _quotient_rule(c: Composition, bracket: Any, softmax: Softmax, other: sp.Symbol) -> Math:
    """``([q = k] e^{z_q} S - e^{z_q} e^{z_k})/S^2``, with S the denominator of the softmax."""
    total = denominator(c)
    upper, lower = (sp.exp(softmax.args[1].xreplace({softmax.limit.index: at})) for at in (other, softmax.args[0]))
    first = sp.Mul(bracket, upper, total, evaluate=False)
    above = c.write(sp.Add(first, sp.Mul(-1, upper, lower, evaluate=False), evaluate=False))
    below = c.write(total**2)
    return Math(rf"\frac{{{above.latex}}}{{{below.latex}}}", f"({above.text})/{below.text}")


def denominator(c: Composition) -> sp.Symbol:
    """A letter for the sum below a softmax that the network does not use."""
    used = {q.name.key for q in c.derivation.network.quantities.values()} | {str(s) for s in c.derivation.network.sizes}
    return sp.Symbol(next(letter for letter in "SRQDGH" if letter not in used))


def softmax_sums(c: Composition) -> Iterator[Row]:
    """``S = Sum_q e^{z_q}`` for every softmax of the network."""
    for equation in c.derivation.network.equations:
        e: Any = equation.expression
        if isinstance(e, Softmax) and isinstance(activation_argument(equation), sp.Indexed):
            yield Row(c.write(denominator(c)), c.write(sp.Sum(sp.exp(e.args[1]), tuple(e.limit))), EQUALS)


def logsumexp_sentences(c: Composition) -> Iterator[Line]:
    """Where the softmax comes from in a loss of scores: the derivative of ``log Sum_k e^{z_k}``."""
    for equation in c.derivation.network.equations:
        for e in sorted(equation.expression.atoms(LogSumExp), key=str):
            body, limit = e.args[0], Limit(*e.args[1])
            if isinstance(body, sp.Indexed):
                taken = {str(s) for s in body.free_symbols - {limit.index}}
                letters = [sp.Symbol(letter, integer=True) for letter in "ikqpr" if letter not in taken]
                bound, at = letters[:2]  # the letters that are printed
                inner = body.xreplace({limit.index: bound})
                softmax: Any = Softmax(at, inner, Limit(bound, limit.low, limit.high))
                yield c.say(
                    "backward.logsumexp",
                    log=c.write(e),
                    entry=c.write(inner.xreplace({bound: at})),
                    quotient=c.write(softmax.definition()),
                    softmax=c.write(softmax),
                )


def has_softmax(c: Composition) -> bool:
    """Does a softmax occur, in the network or in the derivative of its loss?"""
    return any(e.expression.has(Softmax, LogSumExp) for e in c.derivation.network.equations)


def derivative_row(c: Composition, f: Applied) -> Row:
    """``sigma'(u) = sigma(u)(1-sigma(u))``; of a function with several arguments ``d max(0, u)/du``."""
    application = c.write(f.application)
    if len(f.application.args) == 1:
        bracket = application.latex.find("("), application.text.find("(")
        left = Math(
            f.row.latex + "'" + application.latex[bracket[0] :], f"{f.sign.text}′{application.text[bracket[1] :]}"
        )
    else:
        left = c.write.partial(f.application, f.letter)
    right = c.write.product(local_derivative(f.application, f.place))
    definition = f.row.definition
    if definition is not None and f.row.kinks(f.application.args) is None:
        slope = definition(*f.application.args).diff(f.letter)
        if sp.count_ops(slope) <= SIMPLE:
            right = c.write(slope) + IS + right
    return Row(left, right, EQUALS)
