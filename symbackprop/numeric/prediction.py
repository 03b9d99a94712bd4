"""What a network answers: its outputs for given inputs, as a table.

Contract: `prediction` returns inputs, outputs and (where targets are given) targets and loss by plain name;
outputs are what is computed from the inputs alone and read by nothing else that is.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from symbackprop.indexed import Base
from symbackprop.network import Network
from symbackprop.network.ranges import base_uses
from symbackprop.numeric.program import Program
from symbackprop.numeric.values import Array


def prediction(program: Program, values: Mapping[Any, Any]) -> dict[str, Array]:
    """The outputs of a network for the values given; targets may be left out.

    Raises:
        DataError: an input, parameter or constant is missing, a name is unknown, or a value does not fit.
    """
    every = program.forward(values)
    network = program.network
    loss = [network.loss.base] if network.names[network.loss.base].plain in every else []
    shown = [q.base for q in network.with_role("input", "target")] + outputs(network) + loss
    found = {plain: every[plain] for base in shown if (plain := network.names[base].plain) in every}
    return found if network.is_scalar else dict(_columns(network, found))


def _columns(network: Network, arrays: Mapping[str, Array]) -> Iterator[tuple[str, Array]]:
    """Arrays as columns with one number for each sample: ``P[1]``, ``P[2]`` of a matrix, its samples in rows."""
    for name, value in arrays.items():
        quantity = network.find(name)
        samples = [n for n, axis in enumerate(quantity.axes) if axis.size == network.samples]
        table = np.moveaxis(np.asarray(value), samples[0], 0) if samples else np.asarray(value)[None]
        table = table.reshape(len(table), -1)
        if len(quantity.axes) <= len(samples):
            yield name, table[:, 0]
        else:
            yield from ((f"{name}[{n + 1}]", table[:, n]) for n in range(table.shape[1]))


def outputs(network: Network) -> list[Base]:
    """The quantities that depend on inputs, not on targets, and feed nothing else of that kind."""
    from_inputs = {q.base for q in network.with_role("input")}
    from_targets = {q.base for q in network.with_role("target")}
    for equation in network.equations:
        read = set(base_uses(equation.expression))
        if read & from_inputs:
            from_inputs.add(equation.base)
        if read & from_targets:
            from_targets.add(equation.base)
    own = [e for e in network.equations if e.base in from_inputs - from_targets]
    consumed = {base for e in own for base in base_uses(e.expression) if base != e.base}
    return [base for base in dict.fromkeys(e.base for e in own) if base not in consumed]


def csv_table(columns: Mapping[str, Array]) -> str:
    """Columns as CSV, one row for each sample; numbers keep every digit.

    >>> print(csv_table({"x": np.array([0.0, 1.0]), "out": np.array([0.5, 0.25])}), end="")
    x,out
    0.0,0.5
    1.0,0.25
    """
    rows = max((len(c) for c in columns.values() if np.ndim(c)), default=1)
    table = [np.broadcast_to(column, rows).tolist() for column in columns.values()]
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*table, strict=True))
    return stream.getvalue()
