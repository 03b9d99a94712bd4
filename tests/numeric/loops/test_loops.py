"""Every way to write a training loop computes the same: against the program and the rule, update by update."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp

import symbackprop as sb
from symbackprop.derivation.rules import RULES
from symbackprop.numeric.loops import Loop
from symbackprop.numeric.loops.design import design
from symbackprop.numeric.loops.loop import BufferLoop, NestLoop, PlainLoop, ScalarLoop, has_numba, has_scipy
from symbackprop.numeric.run import Run

NETWORKS: dict[str, Any] = {
    "two-two-one": "two-two-one",
    "softmax-classifier": "softmax-classifier",
    "relu-regression": "relu-regression",
    "relu-classifier": "relu-classifier",
    "vectors without a sample axis": """
        x in R^2
        y in R^1
        W1 in R^(3 x 2)
        b1 in R^3
        W2 in R^(1 x 3)
        b2 in R^1
        h = W1 x + b1
        a = \\sigma(h)
        z = W2 a + b2
        o = \\tanh(z)
        E = 1/2 \\|o - y\\|^2
    """,
    "weights in a norm": """
        X in R^(n x m)
        Y in R^(k x m)
        W in R^(k x n)
        b in R^k
        P = \\sigma(W X + b)
        J = \\frac{1}{2 m} \\|P - Y\\|_F^2 + 0.01 \\|W\\|_F^2
        samples: m
    """,
    "functions of all kinds": """
        z = w x + b
        a = softplus(z) + \\sin(z) x
        c = leaky_relu(a - 1) + |z|
        q = elu(c) + gelu(v c) + silu(c)
        E = (q - y)^2 / (1 + q^2) + \\max(q, y)
    """,
}
SEQUENTIAL = {
    "tanh, labels": (["tanh"], "softmax_cross_entropy"),
    "relu twice, labels": (["relu", "relu"], "softmax_cross_entropy"),
    "sigmoid, squares": (["sigmoid"], "mean_square"),
}


def networks() -> dict[str, Any]:
    made: dict[str, Any] = {name: sb.read(text) for name, text in NETWORKS.items()}
    for name, (activations, loss) in SEQUENTIAL.items():
        layers = [sb.dense(4 + n, a) for n, a in enumerate(activations)]
        made[name] = sb.sequential(*layers, sb.dense(3), inputs=5, loss=loss)
    return made


ALL = networks()
SAMPLES = 12


def run_of(network: Any, dtype: Any = np.float64) -> Run:
    """A run with random data: seven samples along whichever axis the network wants."""
    program = network.derive().compile()
    draw = np.random.default_rng(1)
    sizes = {s: 3 + n for n, s in enumerate(sorted(network.sizes, key=str))} | {network.samples: SAMPLES}
    values: dict[str, Any] = {}
    data: dict[str, Any] = {}
    for q in program.plan.arguments:
        shape = tuple(int(size.xreplace(sizes)) for size in q.shape)
        if q.role == "parameter":
            values[q.name.plain] = dtype(0.5) * draw.standard_normal(shape).astype(dtype)
        elif q.base in network.labels:
            data[q.name.plain] = draw.integers(0, int(network.labels[q.base].size.xreplace(sizes)), shape)
        else:
            stack = () if network.samples is not None else (SAMPLES,)
            drawn = np.abs(draw.standard_normal((*stack, *shape))) + 0.1
            if q.role == "target" and network.assumptions:
                drawn /= drawn.sum(axis=0)
            data[q.name.plain] = drawn.astype(dtype)
    return Run(program, values, data, 0)


def after(loop: Loop, run: Run, rule: str, size: int, steps: int = 6) -> tuple[list[Any], Any]:
    """States and costs after some updates, batches in a shuffled order."""
    states = run.start(len(RULES[rule].memory))
    draw = np.random.default_rng(2)
    order = np.concatenate([draw.permutation(SAMPLES) for _ in range(steps)])[: steps * size]
    costs = np.full(steps, np.nan)
    assert loop.bind(run.data)(states, order, costs, 0, -np.inf, 0.05) == steps
    return states.arrays, costs


def loops(run: Run, rule: Any, size: int) -> list[Loop]:
    """Every loop that there is for a run."""
    made = design(run.program.plan, run.setting(size, rule, {}))
    found: list[Loop] = [BufferLoop(made, blas=False)]
    if has_scipy():
        found.append(BufferLoop(made, blas=True))
    if size * len(run.data) < 40:
        found.append(ScalarLoop(made, compiled=False))
    if has_numba() and (rule, size) == ("sgd", 4):
        found.append(NestLoop(made))
    return found


@pytest.mark.parametrize("size", [1, 4, SAMPLES])
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", ALL)
def test_loops_agree(name: str, rule: Any, size: int) -> None:
    run = run_of(ALL[name])
    expected, costs = after(PlainLoop(run.program, run.setting(size, rule, {})), run, rule, size)
    assert np.isfinite(costs).all()
    with np.errstate(all="ignore"):
        for loop in loops(run, rule, size):
            found, found_costs = after(loop, run, rule, size)
            np.testing.assert_allclose(found_costs, costs, rtol=1e-9, err_msg=loop.kind)
            for state, value in zip(found, expected, strict=True):
                np.testing.assert_allclose(state, value, rtol=1e-9, atol=1e-12, err_msg=f"{loop.kind}\n{loop.source}")


@pytest.mark.skipif(not has_numba(), reason="numba is not installed")
@pytest.mark.parametrize("name", ["two-two-one", "vectors without a sample axis"])
def test_compiled_scalars_agree(name: str) -> None:
    run = run_of(ALL[name])
    setting = run.setting(1, "momentum", {})
    expected, costs = after(PlainLoop(run.program, setting), run, "momentum", 1)
    found, found_costs = after(ScalarLoop(design(run.program.plan, setting), compiled=True), run, "momentum", 1)
    np.testing.assert_allclose(found_costs, costs, rtol=1e-12)
    for state, value in zip(found, expected, strict=True):
        np.testing.assert_allclose(state, value, rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("name", ["relu-regression", "relu-classifier", "tanh, labels"])
def test_float32_stays_float32(name: str) -> None:
    run = run_of(ALL[name], np.float32)
    setting = run.setting(4, "adam", {})
    assert setting.dtype == "float32"
    expected, _ = after(PlainLoop(run.program, setting), run, "adam", 4)
    for loop in loops(run, "adam", 4)[:2]:
        found, _ = after(loop, run, "adam", 4)
        for state, value in zip(found, expected, strict=True):
            assert state.dtype == np.float32
            np.testing.assert_allclose(state, value, rtol=1e-3, atol=1e-4)
        assert "float64" not in loop.source


def test_a_loop_stops_below_its_floor() -> None:
    run = run_of(ALL["relu-regression"])
    for loop in loops(run, "sgd", SAMPLES):
        states, costs = run.start(0), np.full(4, np.nan)
        advance = loop.bind(run.data)
        assert advance(states, np.tile(np.arange(SAMPLES), 4), costs, 0, 1e9, 0.01) == 0, loop.kind
        assert np.isfinite(costs[0])
        assert np.isnan(costs[1:]).all()
        assert all(np.array_equal(a, b) for a, b in zip(states.arrays, run.start(0).arrays, strict=True)), loop.kind


@pytest.mark.parametrize(("layout", "loss"), [("rows", "mean_square"), ("columns", "half_square")])
def test_fewer_samples_than_inputs_iterate_a_kernel(layout: Any, loss: str) -> None:
    """Where the data of all updates are the same, products with them are iterated instead of the weights."""
    network = sb.sequential(sb.dense(4, "tanh"), sb.dense(2), inputs=SAMPLES + 9, loss=loss, layout=layout)
    run = run_of(network)
    setting = run.setting(SAMPLES, "sgd", {})
    expected, costs = after(PlainLoop(run.program, setting), run, "sgd", SAMPLES)
    for blas in (False, True) if has_scipy() else (False,):
        loop = BufferLoop(design(run.program.plan, setting), blas)
        assert "kernel" in loop.source
        assert any("its product with the data is iterated" in words for words in loop.rewrites)
        found, found_costs = after(loop, run, "sgd", SAMPLES)
        np.testing.assert_allclose(found_costs, costs, rtol=1e-10)
        for state, value in zip(found, expected, strict=True):
            np.testing.assert_allclose(state, value, rtol=1e-10, atol=1e-13)
    assert "kernel" not in BufferLoop(design(run.program.plan, run.setting(4, "sgd", {})), blas=False).source


RECURRENCE = r"""
    h_{i,0} = 0                                                                               for i = 1..n
    h_{i,t} = \tanh(\sum_{j=1}^{n} U_{ij} h_{j,t-1} + \sum_{j=1}^{d} V_{ij} x_{j,t} + b_i)      for i = 1..n, t = 1..T
    E = \frac12 \sum_{i=1}^{n} \sum_{t=1}^{T} (h_{i,t} - y_{i,t})^2
"""
PADDED = r"""
    A_0 = 0
    A_{H+1} = 0
    A_i = X_i                              for i = 1..H
    Z_i = \sum_{p=1}^{3} K_p A_{i+p-2}     for i = 1..H
    B_i = \tanh(Z_i)
    C_i = \sum_{p=1}^{2} M_p B_{i+p-1}     for i = 1..H-1
    E = \frac12 \sum_{i=1}^{H-1} (C_i - Y_i)^2
    parameters: M
"""


@pytest.mark.parametrize(
    ("text", "shapes"),
    [
        (RECURRENCE, {"x": (2, 5), "y": (3, 5), "U": (3, 3), "V": (3, 2), "b": 3}),
        (PADDED, {"X": 6, "Y": 5, "K": 3, "M": 2}),
    ],
)
def test_what_is_written_part_by_part_trains(text: str, shapes: dict[str, Any]) -> None:
    draw = np.random.default_rng(0)
    values = {name: draw.standard_normal(shape) for name, shape in shapes.items()}
    derivation = sb.read(text).derive()
    program = derivation.compile()
    parameters = {name: values.pop(name) for name in program.plan.gradients}
    history = derivation.train(parameters, values, rate=0.1, epochs=20)
    by_hand, losses = dict(parameters), []
    for _ in range(20):
        loss, gradients = program({**values, **by_hand})
        losses.append(loss)
        by_hand = {name: value - 0.1 * gradients[name] for name, value in by_hand.items()}
    assert history.loss == pytest.approx(losses, rel=1e-12)
    for name, value in by_hand.items():
        assert history.values[name] == pytest.approx(value, rel=1e-12)


NAMES = (
    *("sum_1", "row_1", "row", "record", "samples", "columns", "order", "costs", "done", "n0", "n", "all_x", "total"),
    *("largest", "spare0", "exp", "inf", "pow", "k", "floor", "step", "batches", "dot", "mask1"),
)


@pytest.mark.parametrize("role", ["input", "parameter"])
@pytest.mark.parametrize("name", NAMES)
def test_names_of_users_and_names_of_loops_do_not_meet(name: str, role: str) -> None:
    own, w, b, y, z, E = sp.symbols(f"{name} w b y z E")
    inputs, parameters = ([own], [w, b]) if role == "input" else ([w], [own, b])
    network = sb.Network(
        [sp.Eq(z, w * own + b), sp.Eq(E, (sp.tanh(z) * own - y) ** 2)],
        inputs=inputs,
        targets=[y],
        parameters=parameters,
    )
    run = run_of(network)
    for size in (1, 2):
        setting = run.setting(size, "sgd", {})
        expected, _ = after(PlainLoop(run.program, setting), run, "sgd", size)
        made = design(run.program.plan, setting)
        found: list[Loop] = [ScalarLoop(made, compiled=False), BufferLoop(made, blas=False)]
        if has_numba() and name in ("sum_1", "row_1", "all_x", "n0", "total"):
            found.append(NestLoop(made))
        for loop in found:
            states, _ = after(loop, run, "sgd", size)
            for state, value in zip(states, expected, strict=True):
                np.testing.assert_allclose(state, value, rtol=1e-10, err_msg=loop.source)
