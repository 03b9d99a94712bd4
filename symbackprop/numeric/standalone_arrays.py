"""The parts of a standalone module that differ where quantities are arrays: shapes, start, batches, demonstration.

Contract: text in the style of `standalone`; sizes stand in a table that the reader of the module may change.
"""

from __future__ import annotations

import math
from typing import Any

from symbackprop.backprop import linearize
from symbackprop.network import Quantity
from symbackprop.numeric.arrays.places import in_reading_order
from symbackprop.numeric.bodies import ATOM
from symbackprop.numeric.initialise import standard_deviations
from symbackprop.numeric.points import SMALL
from symbackprop.numeric.printer import NumPySource
from symbackprop.numeric.program import Program
from symbackprop.numeric.source import indented, quoted


def tables(program: Program) -> str:
    """``SIZES`` of the demonstration, and ``SAMPLE_AXIS`` of the arrays that are cut into batches."""
    network = program.network
    sizes = sorted(network.sizes, key=lambda s: s.name)
    numbers = {s: 8 if s == network.samples else SMALL[n % len(SMALL)] for n, s in enumerate(sizes)}
    axes = {
        q.name.plain: position
        for q in _data(program)
        for position, axis in enumerate(q.axes)
        if network.samples is not None and axis.size == network.samples
    }
    shown = ", ".join(f"{quoted(s.name)}: {n}" for s, n in numbers.items())
    placed = ", ".join(f"{quoted(name)}: {axis}" for name, axis in axes.items())
    return f"SIZES = {{{shown}}}\nSAMPLE_AXIS = {{{placed}}}\n"


def initial_parameters(program: Program) -> str:
    """``initial_parameters(sizes, seed)`` with the shape of every parameter."""
    body = [
        '"""Weights from a normal distribution, scaled by what their unit adds up; biases zero."""',
        "draw = np.random.default_rng(seed)",
        "return {",
    ]
    spread = standard_deviations(program.network)
    for quantity in program.network.parameters:
        shape = _shape(quantity)
        scale = _scale(program, quantity, spread[quantity.base])
        value = f"{scale} * draw.standard_normal({shape})" if scale else f"np.zeros({shape})"
        body.append(f"    {quoted(quantity.name.plain)}: {value},")
    return "def initial_parameters(sizes, seed=0):\n" + indented([*body, "}"]) + "\n"


def demonstration(program: Program, train: bool) -> str:
    """Random data of the right shapes, then one call or a short training."""
    loss = program.network.names[program.plan.loss].plain
    body = ["draw = np.random.default_rng(0)", "sizes = SIZES", "data = {"]
    for quantity in _data(program):
        label = program.network.labels.get(quantity.base)
        drawn = f"draw.uniform(0.1, 0.9, {_shape(quantity)})"
        if label is not None:
            drawn = f"draw.integers(0, {_size(label.size)}, {_shape(quantity)})"
        body.append(f"    {quoted(quantity.name.plain)}: {drawn},")
    body += ["}"]
    if train:
        body += [
            "params, losses, reason = train(initial_parameters(sizes), data, rate=0.1, epochs=200)",
            'print(f"mean loss {losses[0]:.6g} -> {losses[-1]:.6g}, stopped because of {reason}")',
        ]
    else:
        body += [
            f"params = {{{', '.join(_drawn(q) for q in program.network.parameters)}}}",
            "loss, gradients = loss_and_gradients(params, data)",
            'print(f"loss {loss:.6g}")',
            "for name, gradient in gradients.items():",
            f'    print(f"d{loss}/d{{name}} has shape {{gradient.shape}}")',
        ]
    return 'if __name__ == "__main__":\n' + indented(body) + "\n"


def batches(train: str) -> str:
    """The training loop with batches cut along each array's own sample axis."""
    return train.replace(
        "    samples = max((len(value) for value in data.values() if value.ndim), default=1)\n",
        "    samples = max((data[name].shape[axis] for name, axis in SAMPLE_AXIS.items()), default=1)\n",
    ).replace(
        "            batch = {name: value[chosen] if value.ndim else value for name, value in data.items()}\n",
        "            batch = data | {name: data[name].take(chosen, axis) for name, axis in SAMPLE_AXIS.items()}\n",
    )


def _data(program: Program) -> list[Quantity]:
    return [q for q in program.plan.arguments if q.role != "parameter"]


def _drawn(quantity: Quantity) -> str:
    return f"{quoted(quantity.name.plain)}: draw.standard_normal({_shape(quantity)})"


def _shape(quantity: Quantity) -> str:
    sizes = [_size(size) for size in quantity.shape]
    return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"


def _size(size: Any) -> str:
    """A size as Python: ``sizes["n"]``, a number, or a sum of such."""
    names = {symbol: f"sizes[{quoted(symbol.name)}]" for symbol in size.free_symbols}
    text, strength = NumPySource(names).write(in_reading_order(size))
    return text if strength == ATOM else f"({text})"


def _scale(program: Program, quantity: Quantity, unit: float) -> str:
    """The standard deviation: a gain over the square root of the sizes that are summed over."""
    if not unit:
        return ""
    for equation in program.network.equations:
        for occurrence in linearize(equation.expression):
            if occurrence.base == quantity.base and occurrence.limits:
                summed = " * ".join(_size(limit.size) for limit in occurrence.limits)
                return f"{round(unit, 12)!r} / np.sqrt({summed})" if unit != 1 else f"1 / np.sqrt({summed})"
    return repr(unit) if math.isfinite(unit) else ""
