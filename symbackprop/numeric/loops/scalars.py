"""A training loop of plain numbers: every entry of every array is a local variable, one line each.

Contract: `scalar_source(design, ...)` writes a Python function that trains on batches of a fixed size. It needs no
NumPy and is many times faster than arrays where a network has a few dozen entries; in its other form it compiles with
numba.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sympy as sp

from symbackprop.indexed import Base
from symbackprop.numeric.loops.design import Design, loop_symbols
from symbackprop.numeric.loops.entries import Entries, ScalarSteps
from symbackprop.numeric.loops.tidy import tidied
from symbackprop.numeric.math_source import MathSource
from symbackprop.numeric.source import indented, wrapped

Column = tuple[Base, tuple[int, ...]]
"""An entry of the data, without its place along the samples."""


@dataclass(frozen=True)
class ScalarSource:
    """The source of a loop, and the data entry that each of its columns holds."""

    text: str
    columns: tuple[Column, ...]


def scalar_source(design: Design, compiled: bool, checked: bool) -> ScalarSource:
    """The source of ``train`` in one of two forms; both return the states at the end.

    For Python: ``train(samples, order, record, before, floor, rate, constants..., states...)``, with a tuple of columns
    for each sample, the positions of a batch in each item of `order`, and a function that takes the costs. For numba:
    ``train(columns, order, costs, before, floor, rate, constants..., states...)`` over arrays.

    Args:
        design: the update.
        compiled: the form for numba.
        checked: stop before the update where a cost is below `floor` or not finite.
    """
    entries = Entries(design.names, design.steps.storage)
    steps = ScalarSteps(design.steps, entries)
    states = [s for base in design.states for s in entries.all(base)]
    cost = entries.symbol(design.cost, ())
    named = {s for base in design.names if base in entries.storage for s in entries.known(base)}
    gradients = {s for step in design.steps.steps[-design.parameters :] for s in entries.all(step.target)}
    assigned = [a for step in (*design.steps.steps, *design.rules) for a in steps.assignments(step)]
    assigned = tidied(assigned, (named - gradients) | {cost}, set(states), entries.fresh)
    used = {s for _, e in assigned for s in e.free_symbols}
    symbols = loop_symbols()
    printer = MathSource(symbols | {s: s.name for a, e in assigned for s in {a, *e.free_symbols} if s not in symbols})
    lines = [f"{name} = {printer.doprint(e)}" for name, e in assigned]
    rules = next((n for n, (name, _) in enumerate(assigned) if name in set(states)), len(lines))
    size = design.setting.batch
    rows = [entries.fresh("row" if size == 1 else f"row_{n + 1}").name for n in range(size)]
    columns, samples, constants = _data(design, entries, len(rows))
    body = [
        *(["step += 1"] if design.counts_steps else []),
        *lines[:rules],
        f"costs[k] = {cost}" if compiled else f"record({cost})",
        *([f"if not floor <= {cost} < inf:", "    break"] if checked else []),
        *lines[rules:],
    ]
    shown = [s.name for s in states]
    start = ["step = before"] if design.counts_steps else []
    if compiled:
        reads = [
            f"{symbol} = columns[{n}][{row}]"
            for row, own in zip(rows, samples, strict=True)
            for n, symbol in enumerate(own)
            if symbol in used
        ]
        places = [f"{row} = order[k, {n}]" for n, row in enumerate(rows)]
        head, loop = ["columns", "order", "costs"], "for k in range(len(costs)):"
        body = [*places, *reads, *body]
    else:
        head, loop = ["samples", "order", "record"], f"for {', '.join(rows)} in order:"
        if size == 1:
            loop = f"for {_target(samples[0])} in map(samples.__getitem__, order):"
        else:
            body = [*(f"{_target(own)} = samples[{row}]" for row, own in zip(rows, samples, strict=True)), *body]
    text = [
        wrapped("def train(", [*head, "before", "floor", "rate", *constants, *shown], "):", indent="          "),
        indented(['"""Train on batches of plain numbers; return the states."""', *start, loop]),
        indented(body, " " * 8),
        indented(wrapped("return (", shown, ",)" if len(shown) == 1 else ")").split("\n")),
    ]
    return ScalarSource("\n".join(text) + "\n", tuple(columns))


def _target(names: Sequence[sp.Symbol]) -> str:
    """Variables that a tuple is unpacked into."""
    return ", ".join(s.name for s in names) + ("," if len(names) == 1 else "") if names else "_"


def _data(design: Design, entries: Entries, count: int) -> tuple[list[Column], list[list[sp.Symbol]], list[str]]:
    """The columns of the data, for each sample of a batch its variables in their order, and what all samples share."""
    columns: dict[Column, None] = {}
    samples: list[list[sp.Symbol]] = [[] for _ in range(count)]
    constants: list[str] = []
    for base, axis in design.data:
        for place in entries.places(base):
            symbol = entries.symbol(base, place)
            if axis is None:
                constants.append(symbol.name)
            else:
                columns[base, (*place[:axis], *place[axis + 1 :])] = None
                samples[place[axis]].append(symbol)
    return list(columns), samples, constants
