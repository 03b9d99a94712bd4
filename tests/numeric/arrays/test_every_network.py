"""Programs of every network of the reverse sweep's tests: loss, quantities and gradients against plain `sympy.diff`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symbackprop as sb
from symbackprop.derivation import Derivation
from symbackprop.errors import NetworkError
from symbackprop.network import Network
from symbackprop.numeric.program import Program, compile_program, lambdified
from tests.oracle import Instance
from tests.test_backprop import NETWORKS

RAGGED = {"symbolic depth"}


def arrays_of(net: Network, instance: Instance, numbers: dict[Any, Any]) -> dict[str, Any]:
    """The values of an instance as arrays; labels count from 0."""
    values: dict[str, Any] = {}
    for quantity in net.with_role("input", "target", "constant", "parameter"):
        entries = {at: instance.element(quantity.base, at) for at in instance.indices(quantity)}
        if quantity.base in net.labels:
            found = {at: instance.labels[quantity.base, at] - 1 for at in entries}
        else:
            found = {at: float(numbers.get(symbol, 0)) for at, symbol in entries.items()}
        values[quantity.name.plain] = as_array(found)
    return values


def as_array(entries: dict[tuple[int, ...], Any]) -> Any:
    low = np.array(list(entries)).min(axis=0)
    shape = np.array(list(entries)).max(axis=0) - low + 1
    array = np.zeros(shape, np.result_type(*(type(v) for v in entries.values())))
    for at, value in entries.items():
        array[tuple(np.array(at, dtype=int) - low.astype(int))] = value
    return array[()]


@pytest.mark.parametrize("name", [name for name in NETWORKS if name not in RAGGED])
def test_programs_equal_scalar_differentiation(name: str) -> None:
    build, sizes, labels = NETWORKS[name]
    net = build()
    instance = Instance(net, sizes, labels)
    numbers = instance.numbers()
    program = compile_program(Derivation(net))
    values = arrays_of(net, instance, numbers)
    loss, gradients = program(values)
    assert loss == pytest.approx(float(instance.value(instance.element(net.loss.base, ()), numbers)), rel=1e-12)
    for quantity in net.parameters:
        expected = as_array({at: instance.derivative(quantity.base, at, numbers) for at in instance.indices(quantity)})
        found = gradients[quantity.name.plain]
        assert np.shape(found) == np.shape(expected)
        assert found == pytest.approx(expected, rel=1e-10, abs=1e-12), quantity.name.plain
    forward = program.forward(values)
    for quantity in net.with_role("intermediate"):
        expected = as_array(
            {
                at: float(instance.value(instance.element(quantity.base, at), numbers))
                for at in instance.indices(quantity)
            }
        )
        assert forward[quantity.name.plain] == pytest.approx(expected, rel=1e-12, abs=1e-14)


@pytest.mark.parametrize("name", [name for name in NETWORKS if name not in RAGGED])
def test_float32_stays_float32(name: str) -> None:
    build, sizes, labels = NETWORKS[name]
    net = build()
    instance = Instance(net, sizes, labels)
    program = compile_program(Derivation(net))
    values = arrays_of(net, instance, instance.numbers())
    single = {
        plain: value if np.asarray(value).dtype.kind == "i" else np.float32(value) for plain, value in values.items()
    }
    check_float32(program, single)


H = r"""
samples: m
X \in \mathbb{R}^{m \times n}, Y \in \mathbb{R}^{m \times n}, w \in \mathbb{R}^{n}
"""
NUMBERS = {
    "an index as a number": r"L = \sum_{s=1}^m \sum_{i=1}^n (X_{si} w_i / i + \sqrt{i} \sin(i) - Y_{si})^2",
    "functions of sizes": r"L = \frac{\log(2)}{\log(n + 1)} \sum_{s=1}^m \sum_{i=1}^n (\sqrt{n} X_{si} w_i - Y_{si})^2",
    "a constant delta": "Z_{si} = X_{si} w_i for s = 1..m, i = 1..n\n" + r"L = \sum_{s=1}^m \sum_{i=1}^n Z_{si}",
    "a constant gradient": "b \\in \\mathbb{R}\nparameters: w, b\n"
    + r"L = \sum_{s=1}^m \sum_{i=1}^n X_{si} w_i Y_{si} + b",
    "positions compared": r"L = \sum_{s=1}^m \sum_{i=1}^n (\sum_{j=1}^{i} X_{sj} w_j - Y_{si})^2",
    "a maximum": r"L = \frac{1}{m} \sum_{s=1}^m \max_{i=1}^n (X_{si} w_i)",
    "labels": "t \\in \\{0..n-1\\}^{m}\n"
    + r"A_{si} = w_{t_s} X_{si} for s = 1..m, i = 1..n"
    + "\n"
    + r"L = \sum_{s=1}^m \sum_{i=1}^n (A_{si} - Y_{si})^2",
}


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_leave_float32_alone(name: str) -> None:
    program = sb.read(H + NUMBERS[name]).derive().compile()
    draw = np.random.default_rng(0)
    values = {"X": draw.random((4, 3)), "Y": draw.random((4, 3)), "w": draw.random(3), "b": 0.5, "t": [0, 2, 1, 2]}
    names = [q.name.plain for q in program.plan.arguments]
    check_float32(program, {n: np.asarray(values[n], int if n == "t" else np.float32) for n in names})


def check_float32(program: Program, values: dict[str, Any]) -> None:
    """Every line of the program keeps the dtype, and so do the results."""
    given = program.bind(values)
    arguments = [given[q.base] for q in program.plan.arguments]
    loss, gradients = program.evaluate(arguments)
    assert np.asarray(loss).dtype == np.float32
    for plain, gradient in zip(program.plan.gradients, gradients, strict=True):
        assert np.asarray(gradient).dtype == np.float32, plain
    names = list(dict.fromkeys(line.name.partition("[")[0] for line in program.lines))
    function = lambdified([program.plan.identifiers[q.base] for q in program.plan.arguments], program.lines, names)
    for line, value in zip(names, function(*arguments), strict=True):
        assert isinstance(value, int) or value.dtype == np.float32, (line, program.source)


def test_layers_of_different_sizes_must_be_unrolled() -> None:
    net = NETWORKS["symbolic depth"][0]()
    with pytest.raises(NetworkError) as error:
        compile_program(Derivation(net))
    assert "net.unroll(L=3)" in str(error.value.hint)


def test_a_plan_says_whether_it_is_straight() -> None:
    straight = {
        name: compile_program(Derivation(NETWORKS[name][0]())).plan.is_straight
        for name in NETWORKS
        if name not in RAGGED
    }
    recurrences = {"recurrence", "loss on the last step, learned start", "backward recurrence", "two steps back"}
    assert {name for name, value in straight.items() if not value} == recurrences | {"padded convolution"}
