"""Why a local derivative is what it is, in words: the rules of differentiation that gave it.

Contract: `reason(c, link)` says which rule was used, from the rules that the sweep recorded.
"""

from __future__ import annotations

import sympy as sp

from symbackprop.derivation import Factors, Link
from symbackprop.functions import TABLE, row_of
from symbackprop.network import Equation, Quantity
from symbackprop.sheets.blocks import Line
from symbackprop.sheets.compose.composition import Composition

OWN_RULES = (
    "power",
    "reciprocal",
    "exponential",
    "sum",
    "several",
    "cases",
    "softmax",
    "logsumexp",
    "maximum",
    "function",
)
"""The rules of the sweep itself; every function of `TABLE` adds one of its own."""


def reason(c: Composition, link: Link) -> Line:
    """The rules behind one link, outermost first."""
    return because(c, link.equation, link.lower, link.factors, link.rules)


def because(c: Composition, equation: Equation, lower: Quantity, factors: Factors, rules: tuple[str, ...]) -> Line:
    """The rules that gave the local derivative of an equation with respect to `lower`."""
    name = c.write.name(lower)
    if not rules and row_of(equation.expression) is not None:
        rules = ("function",)
    if not rules:
        return _linear(c, lower, factors)
    phrases = [_rule(c, equation, rule) for rule in dict.fromkeys(rules)]
    said = phrases[0]
    for phrase in phrases[1:]:
        said = c.say("because.then", first=said, second=phrase)
    extra = _about_the_number(c, equation, factors, rules)
    return c.say("because.with", reason=said, extra=extra, variable=name) if extra else said


def _linear(c: Composition, lower: Quantity, factors: Factors) -> Line:
    """A quantity that stands in its sum as a plain factor."""
    name = c.write.name(lower)
    if not factors:
        return c.say("because.one", variable=name)
    if len(factors) == 1 and factors[0].is_Number:
        return c.say("because.minus" if factors[0] == -1 else "because.number", variable=name)
    return c.say("because.coefficient", variable=name)


def _rule(c: Composition, equation: Equation, rule: str) -> Line:
    """The phrase of one rule; a user's own function is called by its name."""
    key = f"because.{rule}"
    row = row_of(equation.expression)
    if rule == "function" or (key not in c.say and rule not in _known()):
        return c.say("because.function", function=row.name if row else rule)
    return c.say(key)


def _known() -> set[str]:
    """Rules that every phrase file must have."""
    return {*OWN_RULES, *BUILT_IN}


BUILT_IN = tuple(dict.fromkeys(row.because for row in TABLE.values() if row.because))
"""The rules of the functions that come with symbackprop."""


def _about_the_number(c: Composition, equation: Equation, factors: Factors, rules: tuple[str, ...]) -> Line:
    """What became of the numbers of a power: the half that cancels the 2, the inner minus."""
    if rules[0] != "power":
        return ()
    number = next((f for f in factors if f.is_Number), sp.S.One)
    fronts = [f for f in sp.Mul.make_args(equation.expression) if f.is_Rational and not f.is_Integer]
    exponents = [p.exp for p in equation.expression.atoms(sp.Pow) if p.exp.is_Integer and p.exp > 1]
    pairs = [(f, e) for f in fronts for e in exponents if abs(f * e) == 1 and abs(number) == 1]
    for front, exponent in pairs:
        key = "because.cancels" if number == 1 else "because.cancels_and_minus"
        return c.say(key, fraction=c.write(front), exponent=c.write(exponent))
    return c.say("because.inner_minus") if number.is_negative else ()
