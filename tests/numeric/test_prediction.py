"""Outputs of a network as a table."""

from __future__ import annotations

import csv
import io

import sympy as sp

import symbackprop as sb
from symbackprop.numeric.prediction import csv_table, outputs, prediction
from tests.numeric.networks import POINT, XOR, two_two_one


def test_inputs_outputs_targets_and_loss() -> None:
    program = two_two_one().derive().compile()
    rows = list(csv.DictReader(io.StringIO(csv_table(prediction(program, POINT | XOR)))))
    assert list(rows[0]) == ["x_1", "x_2", "y", "out", "E"]
    assert [float(r["out"]) for r in rows] == program.forward(POINT | XOR)["out"].tolist()


def test_without_targets_there_is_no_loss() -> None:
    program = two_two_one().derive().compile()
    assert list(prediction(program, {k: v for k, v in POINT.items() if k != "y"})) == ["x_1", "x_2", "out"]


def test_outputs_depend_on_inputs_only() -> None:
    w, v, x, y, t, p, q, R, E1, E = sp.symbols("w v x y t p q R E_1 E")
    network = sb.Network(
        [(p, w * x), (q, sp.tanh(v * p)), (R, w**2 + v**2), (E1, (q - y) ** 2 + (p - t) ** 2), (E, E1 + R)]
    )
    assert [str(b) for b in outputs(network)] == ["q"]
