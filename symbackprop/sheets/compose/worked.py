"""The sheet in numbers: symbol = substitution = value, forward and backward, the check, and one update.

Contract: `worked(c, values, digits)` computes with the program that symbackprop compiles; every number on the
sheet is what a user's program would compute from the same values.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import sympy as sp

from symbackprop.derivation import Gradient, rules
from symbackprop.functions import TABLE
from symbackprop.network import Quantity, Role
from symbackprop.numeric import Program, compile_program, gradient_check
from symbackprop.sheets.blocks import BECOMES, EQUALS, Block, Formula, Heading, Line, Math, Paragraph, Row
from symbackprop.sheets.breaking import ROOM, broken, rows
from symbackprop.sheets.compose.composition import Composition
from symbackprop.sheets.compose.rule_names import RuleNames
from symbackprop.sheets.mathematics import IS, number
from symbackprop.sheets.width import width

ROLES: tuple[Role, ...] = ("input", "target", "constant", "parameter")
LARGEST = 8
"""Arrays with more rows or columns are not printed."""


def worked(c: Composition, values: Mapping[Any, Any], digits: int) -> Iterator[Block]:
    """The whole section.

    Raises:
        DataError: a value is missing, unknown, or does not fit.
    """
    rate = next((float(v) for k, v in values.items() if c.is_rate(k)), None)
    values = {k: v for k, v in values.items() if not c.is_rate(k)}
    program = compile_program(c.derivation)
    _, gradients = program(values)
    given = program.bind(values)
    known = given | program.evaluate_forward(given)
    yield Heading(2, c.say("numbers.heading"))
    numbers = Numbers(c, known, digits)
    yield Paragraph(
        c.say("numbers.given") if not c.scalar else c.say("numbers.values", values=_given(c, numbers, given))
    )
    if not c.scalar:
        yield from numbers.arrays([q for q in c.derivation.network.quantities.values() if q.base in given])
    yield Paragraph(c.say("numbers.forward"))
    yield from numbers.forward()
    yield Paragraph(c.say("numbers.backward"))
    yield from numbers.backward(gradients)
    worst = max(gradient_check(c.derivation, values).values(), default=0.0)
    yield Paragraph(c.say("numbers.check", error=number(worst, 2)))
    if rate is not None and c.scalar:
        yield from _update(c, program, values, gradients, rate, digits)


def _given(c: Composition, numbers: Numbers, given: Mapping[Any, Any]) -> Line:
    network = c.derivation.network
    quantities = [q for role in ROLES for q in network.with_role(role) if q.base in given]
    return c.say.commas([c.write.name(q) + IS + numbers.of(q) for q in quantities])


class Numbers:
    """Writes quantities and expressions with their values."""

    def __init__(self, c: Composition, known: Mapping[Any, Any], digits: int) -> None:
        self.c, self.digits = c, digits
        self.known = dict(known)

    def of(self, quantity: Quantity) -> Math:
        """The value of a quantity: a number, or a matrix while it is small."""
        return array(self.known[quantity.base], self.digits)

    def forward(self) -> Iterator[Block]:
        """Every equation: symbol = substitution = value."""
        network = self.c.derivation.network
        defined = [e for e in network.equations if e.base in self.known]
        if not self.c.scalar:
            quantities = dict.fromkeys(network.quantities[e.base] for e in defined)
            yield from self.arrays(list(quantities))
            return
        lines = [r for e in defined for r in self._rows(self.c.write(e.target), e.expression, self.known[e.base])]
        yield Formula(tuple(lines))

    def backward(self, gradients: Mapping[str, Any]) -> Iterator[Block]:
        """Every delta and every gradient: derivative = substitution = value."""
        parameters = [q for group in self.c.groups for q in group.parameters]
        if not self.c.scalar:
            for quantity in parameters:
                left = self.c.write.whole(self.c.gradient(quantity).symbol, [a.index for a in quantity.axes])
                yield Formula((Row(left, array(gradients[quantity.name.plain], self.digits)),))
            return
        found: list[Row] = []
        deltas = self.c.derivation.deltas if self.c.derivation.style == "delta" else ()
        for quantity in (*deltas, *parameters):
            gradient = self.c.gradient(quantity)
            result = self.c.derivation.by_output(gradient.result)
            value = gradients[quantity.name.plain] if quantity in parameters else self._value(result)
            found += self._rows(self.c.write(gradient.symbol), self._ordered(gradient, result), value)
            self.known[gradient.symbol] = value
        yield Formula(tuple(found))

    def arrays(self, quantities: list[Quantity]) -> Iterator[Block]:
        """Matrices, each in a formula of its own."""
        for quantity in quantities:
            yield Formula((Row(self.c.write.name(quantity), self.of(quantity)),))

    def _ordered(self, gradient: Gradient, result: Any) -> Any:
        """A single product in the order of the derivation, everything else as it is."""
        terms = gradient.terms
        if len(terms) != 1 or gradient.closed.rules:
            return result
        return sp.Mul(*(self.c.derivation.by_output(f) for f in terms[0].factors), evaluate=False)

    def _value(self, expression: Any) -> float:
        """The value of an expression over known scalars."""
        for function, row in TABLE.items():
            if row.definition is not None:
                expression = expression.replace(function, row.definition)
        return float(expression.xreplace({base: sp.Float(float(v)) for base, v in self.known.items()}))

    def _rows(self, left: Math, expression: Any, value: Any) -> list[Row]:
        factor = {base: in_product(number(float(v), self.digits)) for base, v in self.known.items() if not np.ndim(v)}
        write = self.c.write.with_names(factor)
        lines = [_single_brackets(m) for m in broken(write, expression, ROOM - width(left.latex) - 4)]
        return rows(left, _with_value(lines, number(float(value), self.digits)))


def _single_brackets(math: Math) -> Math:
    """``f((-1))`` as ``f(-1)``: the brackets of the function are enough."""
    return Math(_DOUBLE.sub(r"(\1)", math.latex), _DOUBLE.sub(r"(\1)", math.text))


_DOUBLE = re.compile(r"\(\(([^()]*)\)\)")


def _with_value(lines: list[Math], value: Math) -> list[Math]:
    """The value behind the last line, unless it says the same already."""
    if len(lines) == 1 and lines[0].text in (value.text, f"({value.text})"):
        return [value]
    return [*lines[:-1], lines[-1] + IS + value]


def _update(
    c: Composition,
    program: Program,
    values: Mapping[Any, Any],
    gradients: Mapping[str, Any],
    rate: float,
    digits: int,
) -> Iterator[Block]:
    """The first update: new values line by line of the rule, loss before and after."""
    before, _ = program(values)
    names = RuleNames(c)
    steps: list[tuple[Row, ...]] = []
    new: dict[str, float] = {}
    for quantity in (q for group in c.groups for q in group.parameters):
        plain = quantity.name.plain
        known = {
            rules.PARAMETER: float(program.bind(values)[quantity.base]),
            rules.GRADIENT: float(gradients[plain]),
            rules.RATE: rate,
            rules.STEP: 1,
        }
        after = c.rule.update(known)
        steps.append(tuple(_in_numbers(c, names.of(c.write.name(quantity)), c.rule.start | known, after, digits)))
        new[plain] = after[rules.PARAMETER]
    yield Paragraph(c.say("numbers.update", rate=c.write(c.derivation.rate) + IS + number(rate, digits)))
    if len(c.rule.lines) == 1:
        steps = [tuple(row for step in steps for row in step)]
    yield from map(Formula, steps)
    yield Paragraph(
        c.say(
            "numbers.after",
            loss=c.write.name(c.loss),
            before=number(before, digits),
            after=number(program({**values, **new})[0], digits),
        )
    )


def _in_numbers(
    c: Composition,
    names: Mapping[sp.Symbol, Math],
    known: Mapping[sp.Symbol, float],
    after: Mapping[sp.Symbol, float],
    digits: int,
) -> Iterator[Row]:
    """The lines of the rule for one parameter: symbol, substitution, value."""
    shown = {symbol: in_product(number(value, digits)) for symbol, value in known.items()}
    shown[rules.PARAMETER] = number(known[rules.PARAMETER], digits)  # begins its line
    for left, right in c.rule.lines:
        value = number(after[left], digits)
        substituted = _single_brackets(c.write.with_dots().with_names(shown)(right))
        yield Row(names[left], substituted + IS + value, BECOMES if left in c.rule.kept else EQUALS)
        shown[left] = in_product(value)


def in_product(value: Math) -> Math:
    """A number as a factor: a negative one and a power of ten stand in brackets."""
    if value.text.startswith("-") or "e" in value.text:
        return Math(f"({value.latex})", f"({value.text})")
    return value


def array(value: Any, digits: int) -> Math:
    """A number, or a vector or matrix while it is small."""
    if np.ndim(value) == 0:
        return number(float(value), digits)
    if np.ndim(value) > 2 or max(np.shape(value)) > LARGEST:
        size = " × ".join(map(str, np.shape(value)))
        return Math(rf"\text{{[{size}]}}".replace("×", r"$\times$"), f"[{size}]")
    table = [[number(float(x), digits) for x in np.atleast_1d(row)] for row in np.asarray(value)]
    latex = r" \\ ".join(" & ".join(x.latex for x in row) for row in table)
    text = "; ".join(" ".join(x.text for x in row) for row in table)
    return Math(rf"\begin{{bmatrix}} {latex} \end{{bmatrix}}", f"[{text}]")
