"""Mistakes in the factors of a chain: a sign, a number, a factor too few or too many, the wrong one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import sympy as sp

from symbackprop.functions import Indicator, local_derivative, row_of
from symbackprop.indexed import Softmax, indices_of
from symbackprop.network import Quantity
from symbackprop.sheets.blocks import Line, Math
from symbackprop.sheets.compose.chains import reference_of
from symbackprop.sheets.compose.composition import Composition
from symbackprop.sheets.compose.functions import applied_functions, derivative_row
from symbackprop.sheets.compose.mistakes.writing import (
    activated,
    before_the_end,
    fits,
    named,
    nearest_the_loss,
    only_activation,
    over_deltas,
    result,
    written,
)
from symbackprop.sheets.mathematics import IS
from symbackprop.sheets.matrices import matrix_axes


def sign(c: Composition) -> Iterator[Line]:
    """The difference between output and target, the wrong way round."""
    for quantity in c.with_part("output") if c.scalar else c.derivation.deltas[:1]:
        name, value = nearest_the_loss(c, quantity)
        turned = _turned(c, value)
        if turned is not None:
            yield c.say(
                "mistakes.sign",
                gradient=name + IS + written(c, value, quantity),
                wrong=written(c, turned, quantity),
                loss=c.write.name(c.loss),
            )


def _turned(c: Composition, value: Any) -> Any:
    """The value with the difference of output and target turned over."""
    targets = {q.base for q in c.with_part("target")}
    for node in sp.preorder_traversal(value):
        if isinstance(node, sp.Add) and len(node.args) == 2 and any(_reads(a, targets) for a in node.args):
            first, second = node.args
            turned = sp.Add(-second, -first, evaluate=False) if _is_negative(second) else None
            return None if turned is None else _replaced(value, node, turned)
    return None


def _reads(expression: Any, bases: set[Any]) -> bool:
    return any(expression.has(base) for base in bases)


def _is_negative(term: Any) -> bool:
    return bool(term.as_coeff_Mul()[0].is_negative)


def _replaced(expression: Any, old: Any, new: Any) -> Any:
    if expression == old:
        return new
    if not expression.args or isinstance(expression, sp.Indexed):
        return expression
    args = [_replaced(a, old, new) for a in expression.args]
    return (
        expression.func(*args, evaluate=False) if isinstance(expression, (sp.Add, sp.Mul)) else expression.func(*args)
    )


def constant_factor(c: Composition) -> Iterator[Line]:
    """The 2 of a square, with or without the half that cancels it."""
    targets = {q.base for q in c.with_part("target")}
    for x in (x for q in c.derivation.network.quantities.values() for x in c.derivation.sweep[q.base].contributions):
        squares = [p for p in x.consumer.expression.atoms(sp.Pow) if p.exp == 2 and _reads(p, targets)]
        if "power" in x.rules and squares:
            number = next((abs(f) for f in x.local if f.is_Number), sp.S.One)
            half = any(f.q == 2 for f in x.consumer.expression.atoms(sp.Rational))
            if half or number == 2:
                loss = c.derivation.network.quantities[x.consumer.base]
                key = f"mistakes.constant_{'half' if half else 'two'}"
                yield c.say(key, loss=c.write.name(loss), half=Math(r"\frac{1}{2}", "½"))


def missing_factor(c: Composition) -> Iterator[Line]:
    """The derivative by the output of an activation taken for the one by its argument."""
    for quantity, x in activated(c):
        output = c.derivation.network.quantities[x.consumer.base]
        wrong = written(c, before_the_end(c, output), output)
        slope = written(c, _product(c.chosen(x.local)), quantity)
        if fits(wrong, slope):
            yield c.say(
                "mistakes.missing_factor",
                gradient=named(c, quantity),
                wrong=wrong,
                output=c.write.name(output),
                argument=c.write.name(quantity),
                slope=slope,
            )


def extra_factor(c: Composition) -> Iterator[Line]:
    """The slope of an output whose derivative has cancelled already, or a factor counted twice."""
    for quantity in c.derivation.deltas[:1]:
        x = only_activation(c, quantity)
        if x is not None and c.gradient(quantity).closed.rules:
            output = c.derivation.network.quantities[x.consumer.base]
            value = written(c, result(c, quantity), quantity)
            yield c.say(
                "mistakes.extra_cancelled", gradient=named(c, quantity) + IS + value, output=c.write.name(output)
            )
    for quantity, x in activated(c):
        output = c.derivation.network.quantities[x.consumer.base]
        yield c.say("mistakes.extra_twice", factor=c.write.slashed(c.write.name(output), c.write.name(quantity)))


def wrong_derivative(c: Composition) -> Iterator[Line]:
    """The derivative of an activation at the wrong place: at its output where the argument belongs, or reversed."""
    for quantity, x in activated(c):
        output = c.derivation.network.quantities[x.consumer.base]
        gates = [f for f in x.local if isinstance(f, Indicator)]
        if gates:
            name = c.write.name(output)
            yield c.say(
                "mistakes.gate",
                gate=written(c, gates[0], quantity),
                output=name,
                kept=name + Math(r" \ge 0", " ≥ 0"),
                same=name + Math(" > 0", " > 0"),
            )
            continue
        by_output = [c.derivation.by_output(f) for f in x.local]
        if list(x.local) != by_output and not any(f.has(sp.Function) for f in by_output):
            right = written(c, _product(by_output), quantity)
            swapped = [_replaced(f, reference_of(x), quantity.entry) for f in by_output]
            yield c.say(
                "mistakes.wrong_derivative",
                right=right,
                wrong=written(c, _product(swapped), quantity),
                output=c.write.name(output),
                argument=c.write.name(quantity),
            )


def _product(factors: Sequence[Any]) -> Any:
    return factors[0] if len(factors) == 1 else sp.Mul(*factors, evaluate=False)


CONFUSED = {"sigmoid": "tanh", "tanh": "sigmoid"}
"""Activations whose derivatives are taken for each other; both are functions of the output alone."""


def activation_confusion(c: Composition) -> Iterator[Line]:
    """The derivative of another activation, or a softmax differentiated entry by entry."""
    for quantity in c.derivation.deltas:
        x = only_activation(c, quantity)
        if x is not None and isinstance(x.consumer.expression, Softmax):
            output = c.derivation.network.quantities[x.consumer.base]
            yield c.say("mistakes.softmax", output=c.write.name(output), argument=c.write.name(quantity))
    for f in applied_functions(c):
        if f.row.name in CONFUSED and row_of(f.application) is not None:
            short = c.write.product(local_derivative(f.application, 0))
            yield c.say(f"mistakes.confused_{f.row.name}", right=derivative_row(c, f).left + IS + short)


def wrong_index(c: Composition) -> Iterator[Line]:
    """A neighbour's weight, or a neighbour's input."""
    yield from _neighbour(c) if c.scalar else _own_weight(c)


def _neighbour(c: Composition) -> Iterator[Line]:
    """Scalars: the coefficient of one activation taken for that of another in the same sum."""
    network = c.derivation.network
    sums: dict[Any, dict[Any, Quantity]] = {}
    for quantity in c.with_part("activation"):
        for x in c.derivation.sweep[quantity.base].contributions:
            if len(x.local) == 1 and x.local[0].is_Symbol:
                sums.setdefault(x.consumer.base, {})[x.local[0]] = quantity
    for base, into in reversed(sums.items()):
        if len(into) > 1:
            (other, _), (weight, quantity) = list(into.items())[:2]
            upper = network.quantities[base]
            yield c.say(
                "mistakes.wrong_index",
                factor=c.write.slashed(c.write.name(upper), c.write.name(quantity)),
                right=c.write(weight),
                wrong=c.write(other),
                lower=c.write.name(quantity),
                upper=c.write.name(upper),
            )


def _own_weight(c: Composition) -> Iterator[Line]:
    """Arrays: the weights that lead into a layer taken for those that lead out of it."""
    network = c.derivation.network
    weights = {q.base: q for q in c.with_part("weight") if len(q.axes) >= 2}
    for quantity, x in activated(c):
        output = network.quantities[x.consumer.base]
        out = [e for e in over_deltas(c, output).atoms(sp.Indexed) if e.base in weights]
        own = [w for w in weights.values() if quantity in c.consumers(w)]
        if len(out) == 1 and len(own) == 1:
            inner = next(iter(own))
            labels = [n for n in range(len(inner.axes)) if (inner.base, n) in network.label_axes]
            at = [i.index for i in quantity.axes[: len(labels)]] + list(indices_of(inner.entry))[len(labels) :]
            yield c.say(
                "mistakes.own_weight",
                gradient=named(c, quantity),
                right=_whole(c, out[0]),
                wrong=_whole(c, inner.at(*at)),
                quantity=c.write.name(quantity),
            )


def _whole(c: Composition, reference: Any) -> Math:
    return c.write.whole(reference, matrix_axes(c.derivation.network, reference.base, indices_of(reference)))
