"""Programs of every network of the reverse sweep's tests: loss, quantities and gradients against plain `sympy.diff`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symbackprop.derivation import Derivation
from symbackprop.errors import NetworkError
from symbackprop.network import Network
from symbackprop.numeric.program import compile_program
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
    given = program.bind(single)
    loss, gradients = program.evaluate([given[q.base] for q in program.plan.arguments])
    assert np.asarray(loss).dtype == np.float32
    for plain, gradient in zip(program.plan.gradients, gradients, strict=True):
        assert np.asarray(gradient).dtype == np.float32, plain


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
