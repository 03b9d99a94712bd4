"""The gradient check in numbers: one parameter moved by hand, all of them by program."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from symbackprop.numeric import gradient_check
from symbackprop.sheets.blocks import Block, Formula, Heading, Math, Paragraph, Row
from symbackprop.sheets.compose.numbers.known import Known
from symbackprop.sheets.mathematics import IS, number

STEP = 1e-3
MORE = 4
"""The losses on either side agree in their first digits, so that their difference needs more of them."""


def check(known: Known) -> Iterator[Block]:
    """One central difference written out, and the largest difference of all."""
    c = known.c
    yield Heading(3, c.say("numbers.check"))
    if c.full:
        yield from _by_hand(known)
    worst = max(gradient_check(c.derivation, known.values).values(), default=0.0)
    yield Paragraph(c.say("numbers.agreed", error=number(worst, 2)))


def _by_hand(known: Known) -> Iterator[Block]:
    """A parameter that is farthest from the loss is moved a little to either side."""
    c = known.c
    quantity = next((g.parameters[0] for g in reversed(c.groups)), None)
    if quantity is None:
        return
    value = np.array(known.numbers[quantity.base], dtype=float)
    at = (0,) * value.ndim
    losses: list[float] = []
    for step in (STEP, -STEP):
        moved = value.copy()
        moved[at] += step
        losses.append(known.program({**known.values, quantity.base: moved})[0])
    entry = quantity.base[tuple(axis.low for axis in quantity.axes)] if quantity.axes else quantity.base
    name, loss = c.write(entry), c.write.name(c.loss)
    yield Paragraph(c.say("numbers.moved", parameter=name, step=number(STEP, known.digits), loss=loss))
    above, below = (number(x, known.digits + MORE) for x in losses)
    slope = number((losses[0] - losses[1]) / (2 * STEP), known.digits)
    yield Formula((Row(_quotient(loss, name), _fraction(above, below, number(2 * STEP, 4)) + IS + slope),))
    derived = number(np.asarray(known.gradients[quantity.name.plain])[at].item(), known.digits)
    yield Paragraph(c.say("numbers.derived", gradient=c.write.slashed(loss, name) + IS + derived))


def _quotient(loss: Math, name: Math) -> Math:
    step = Math(r"\varepsilon", "ε")
    sides = [Math(f"{loss.latex}({name.latex} {s} {step.latex})", f"{loss.text}({name.text} {s} ε)") for s in "+-"]
    return _fraction(sides[0], sides[1], Math(r"2\varepsilon", "2ε"))


def _fraction(above: Math, below: Math, step: Math) -> Math:
    return Math(
        rf"\frac{{{above.latex} - {below.latex}}}{{{step.latex}}}", f"({above.text} - {below.text})/({step.text})"
    )
