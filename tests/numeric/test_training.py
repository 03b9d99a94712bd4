"""Training against hand-written NumPy loops, and the ways in which it ends."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import sympy as sp

import symbackprop as sb
from symbackprop.numeric import initial_values, train
from tests.numeric.networks import POINT, XOR, two_two_one, unit

PARAMETERS = [name for name in POINT if name[0] in "wb"]
START = {name: POINT[name] for name in PARAMETERS}


def sigma(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


def by_hand(p: dict[str, Any], x1: Any, x2: Any, y: Any) -> tuple[float, dict[str, float]]:
    """Document 000's gradients, typed from its formulas; means over the samples."""
    a1 = sigma(p["w_11"] * x1 + p["w_13"] * x2 + p["b_11"])
    a2 = sigma(p["w_12"] * x1 + p["w_14"] * x2 + p["b_12"])
    out = sigma(p["w_21"] * a1 + p["w_22"] * a2 + p["b_21"])
    d = (out - y) * out * (1 - out)
    d1, d2 = d * p["w_21"] * a1 * (1 - a1), d * p["w_22"] * a2 * (1 - a2)
    gradients = {
        "w_21": d * a1,
        "w_22": d * a2,
        "b_21": d,
        "w_12": d2 * x1,
        "w_14": d2 * x2,
        "b_12": d2,
        "w_11": d1 * x1,
        "w_13": d1 * x2,
        "b_11": d1,
    }
    return float(np.mean((out - y) ** 2 / 2)), {k: float(np.mean(g)) for k, g in gradients.items()}


def columns() -> tuple[Any, Any, Any]:
    return tuple(np.array(XOR[name], dtype=float) for name in ("x_1", "x_2", "y"))


def assert_same(found: dict[str, Any], expected: dict[str, Any], tolerance: float = 1e-12) -> None:
    assert set(found) == set(expected)
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=tolerance, abs=tolerance), name


def test_full_batch_equals_a_hand_written_loop() -> None:
    history = two_two_one().derive().train(START, XOR, rate=0.5, epochs=300)
    p, losses = dict(START), []
    for _ in range(300):
        loss, g = by_hand(p, *columns())
        losses.append(loss)
        p = {k: p[k] - 0.5 * g[k] for k in p}
    assert_same(history.values, p)
    np.testing.assert_allclose(history.loss, losses, rtol=1e-12)
    assert history.stopped_because == "epochs"


@pytest.mark.parametrize("size", [1, 3, 4, 100])
@pytest.mark.parametrize("shuffle", [True, False])
def test_batches_equal_a_hand_written_loop(size: int, shuffle: bool) -> None:
    history = two_two_one().derive().train(START, XOR, rate=0.3, epochs=40, batch_size=size, shuffle=shuffle, seed=9)
    p, losses = dict(START), []
    draw = np.random.default_rng(9)
    for _ in range(40):
        order = draw.permutation(4) if shuffle and size < 4 else np.arange(4)
        total = 0.0
        for start in range(0, 4, size):
            chosen = order[start : start + size]
            loss, g = by_hand(p, *(column[chosen] for column in columns()))
            total += loss * len(chosen)
            p = {k: p[k] - 0.3 * g[k] for k in p}
        losses.append(total / 4)
    assert_same(history.values, p)
    np.testing.assert_allclose(history.loss, losses, rtol=1e-12)


def test_momentum_equals_a_hand_written_loop() -> None:
    v, p = dict.fromkeys(START, 0.0), dict(START)
    for _ in range(60):
        _, g = by_hand(p, *columns())
        v = {k: 0.8 * v[k] + g[k] for k in v}
        p = {k: p[k] - 0.2 * v[k] for k in p}
    for name in ("momentum", "sgd"):
        assert_same(
            two_two_one().derive().train(START, XOR, rate=0.2, epochs=60, optimizer=name, momentum=0.8).values,
            p,
        )


def test_adam_equals_a_hand_written_loop() -> None:
    m, s, p = dict.fromkeys(START, 0.0), dict.fromkeys(START, 0.0), dict(START)
    for t in range(1, 61):
        _, g = by_hand(p, *columns())
        for k in p:
            m[k] = 0.9 * m[k] + 0.1 * g[k]
            s[k] = 0.999 * s[k] + 0.001 * g[k] ** 2
            p[k] -= 0.05 * (m[k] / (1 - 0.9**t)) / (np.sqrt(s[k] / (1 - 0.999**t)) + 1e-8)
    assert_same(two_two_one().derive().train(START, XOR, rate=0.05, epochs=60, optimizer="adam").values, p, 1e-10)


def test_adam_equals_pytorch() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    p = {k: torch.tensor(v, dtype=torch.float64, requires_grad=True) for k, v in START.items()}
    x1, x2, y = (torch.tensor(c) for c in columns())
    steps = torch.optim.Adam(list(p.values()), lr=0.05)
    for _ in range(60):
        steps.zero_grad()
        a1 = torch.sigmoid(p["w_11"] * x1 + p["w_13"] * x2 + p["b_11"])
        a2 = torch.sigmoid(p["w_12"] * x1 + p["w_14"] * x2 + p["b_12"])
        ((torch.sigmoid(p["w_21"] * a1 + p["w_22"] * a2 + p["b_21"]) - y) ** 2 / 2).mean().backward()
        steps.step()
    assert_same(
        two_two_one().derive().train(START, XOR, rate=0.05, epochs=60, optimizer="adam").values,
        {k: v.item() for k, v in p.items()},
        1e-9,
    )


def test_xor_is_learned_from_the_stated_seed() -> None:
    derivation = two_two_one().derive()
    history = derivation.train(data=XOR, rate=5, epochs=5000, seed=0)
    out = derivation.compile().forward(history.values | {k: XOR[k] for k in ("x_1", "x_2")})["out"]
    assert np.round(out).tolist() == XOR["y"]
    assert history.loss[-1] < 1e-3


def test_one_sample_needs_no_axis() -> None:
    values = {k: v for k, v in POINT.items() if k not in ("x_1", "x_2", "y")}
    one = two_two_one().derive().train(values, {"x_1": 0.3, "x_2": -0.7, "y": 0.2}, epochs=3)
    listed = two_two_one().derive().train(values, {"x_1": [0.3], "x_2": [-0.7], "y": [0.2]}, epochs=3)
    assert one.values == listed.values


class TestInitialisation:
    def test_it_comes_from_the_seed(self) -> None:
        network = two_two_one()
        first, again, other = (initial_values(network, seed) for seed in (1, 1, 2))
        assert first == again != other
        assert {network.names[b].plain for b, v in first.items() if v == 0} == {"b_11", "b_12", "b_21"}

    def test_the_spread_follows_the_fan_in(self) -> None:
        xs, ws = sp.symbols("x_1:101"), sp.symbols("w_1:101")
        z, a, y, E, b = sp.symbols("z a y E b")
        for function, gain in ((sb.sigmoid, 1.0), (sb.relu, 2**0.5)):
            network = sb.Network(
                [
                    (z, sp.Add(*(w * x for w, x in zip(ws, xs, strict=True)), b)),
                    (a, function(z)),
                    (E, (a - y) ** 2),
                ]
            )
            draws = [v for v in initial_values(network, 3).values() if v]
            assert len(draws) == 100
            assert np.std(draws) == pytest.approx(gain / 10, rel=0.25)

    def test_what_is_given_stays(self) -> None:
        history = two_two_one().derive().train({"w_12": 0.25}, XOR, epochs=0)
        assert history.values["w_12"] == 0.25
        assert history.values["w_11"] == initial_values(two_two_one())[sp.Symbol("w_11")]
        assert history.loss == []

    def test_all_zero_weights_are_warned_of(self) -> None:
        with pytest.warns(UserWarning, match="all weights start at 0"):
            two_two_one().derive().train(dict.fromkeys(START, 0.0), XOR, epochs=1)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            two_two_one().derive().train({"b_11": 0, "b_12": 0, "b_21": 0}, XOR, epochs=1)


class TestStopping:
    def test_tol_with_a_full_batch_keeps_the_parameters_that_reached_it(self) -> None:
        derivation = two_two_one().derive()
        history = derivation.train(START, XOR, rate=5, epochs=5000, tol=0.1)
        assert history.stopped_because == "tol"
        assert history.loss[-1] < 0.1 <= history.loss[-2]
        assert derivation.compile()(history.values | XOR)[0] == pytest.approx(history.loss[-1], rel=1e-12)
        assert f"epoch {len(history.loss)}" in history.message

    def test_tol_with_batches(self) -> None:
        history = two_two_one().derive().train(START, XOR, rate=1, epochs=5000, tol=0.1, batch_size=2)
        assert history.stopped_because == "tol"
        assert history.loss[-1] < 0.1

    def test_patience_returns_the_best_parameters(self) -> None:
        data = {"x": [0.0, 1.0, 2.0], "y": [0.0, 2.0, 3.0]}
        held_out = {"x": [1.0, 2.0], "y": [1.2, 2.4]}
        derivation = unit(sb.identity).derive()
        history = derivation.train({"w": 0.0, "b": 0.5}, data, rate=0.1, epochs=500, validation=held_out, patience=3)
        assert history.stopped_because == "patience"
        best = int(np.argmin(history.validation_loss))
        assert len(history.validation_loss) == best + 1 + 3
        assert derivation.compile()(history.values | held_out)[0] == pytest.approx(history.validation_loss[best])

    def test_validation_without_patience_only_watches(self) -> None:
        history = two_two_one().derive().train(START, XOR, epochs=5, validation=XOR)
        assert len(history.validation_loss) == 5
        assert_same(history.values, two_two_one().derive().train(START, XOR, epochs=5).values)

    def test_divergence_names_the_quantity(self) -> None:
        w, x, y, z, E = sp.symbols("w x y z E")
        derivation = sb.Network([(z, w**3 * x), (E, sp.Abs(z - y))]).derive()
        history = derivation.train({"w": 2.0}, {"x": [1.0, 2.0], "y": [0.0, 1.0]}, rate=1, epochs=100)
        assert history.stopped_because == "diverged"
        assert "z is not finite" in history.message
        assert np.isfinite(history.values["w"])
        assert np.isfinite(derivation.compile()(history.values | {"x": [1.0, 2.0], "y": [0.0, 1.0]})[0])
        assert np.isfinite(history.loss).all()

    def test_a_last_update_that_overflows_is_seen(self) -> None:
        w, x, y, z, E = sp.symbols("w x y z E")
        derivation = sb.Network([(z, sp.exp(w * x)), (E, z - y)]).derive()
        history = derivation.train({"w": 700.0}, {"x": [1.0], "y": [0.0]}, rate=1e300, epochs=1)
        assert history.stopped_because == "diverged"
        assert history.values["w"] == 700.0

    def test_an_interrupt_keeps_the_parameters(self) -> None:
        def stop(epoch: int, _loss: float) -> None:
            if epoch >= 7:
                raise KeyboardInterrupt

        derivation = two_two_one().derive()
        history = derivation.train(START, XOR, epochs=20_000, progress=stop)
        assert history.stopped_because == "interrupted"
        done = len(history.loss)
        assert 7 <= done < 20_000
        assert_same(history.values, derivation.train(START, XOR, epochs=done).values)
        resumed = derivation.train(history.values, XOR, epochs=20_000 - done)
        assert_same(resumed.values, derivation.train(START, XOR, epochs=20_000).values)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rate": -1}, "rate"),
        ({"rate": float("nan")}, "rate"),
        ({"epochs": -1}, "epochs"),
        ({"batch_size": 0}, "batch"),
        ({"optimizer": "sdg"}, "no optimizer called 'sdg'"),
        ({"momentum": 1.5}, "momentum"),
        ({"tol": -1}, "tol"),
        ({"patience": 3}, "no validation data"),
        ({"patience": 0, "validation": XOR}, "patience"),
        ({"optimizer": "adam", "momentum": 0.9}, "adam has no momentum"),
        ({"validation": {"x_1": [0]}}, "no value for x_2, y"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(sb.DataError, match=message):
        train(two_two_one().derive(), START, XOR, **options)


@pytest.mark.parametrize(
    ("values", "data", "message"),
    [
        (START, {"x_1": [0], "x_2": [0]}, "no value for y"),
        (START, XOR | {"w_11": [1, 2, 3, 4]}, "w_11 is a parameter, and parameters are not data"),
        (START, XOR | {"id": [1, 2, 3, 4]}, "data: the network has no quantity called 'id'"),
        (START, XOR | {"y": [0, 1, float("nan"), 0]}, "y, sample 3 is not a finite number"),
        (START | {"w_11": float("inf")}, XOR, "w_11 is not a finite number"),
        (START, XOR | {"y": [0, 1]}, "y has 2 samples, but"),
    ],
)
def test_data_that_do_not_fit_are_refused(values: Any, data: Any, message: str) -> None:
    with pytest.raises(sb.DataError, match=message):
        train(two_two_one().derive(), values, data)


def test_float32_stays_float32() -> None:
    data = {k: np.float32(v) for k, v in XOR.items()}
    values = {k: np.float32(v) for k, v in START.items()}
    for name in ("sgd", "momentum", "adam"):
        history = two_two_one().derive().train(values, data, epochs=3, optimizer=name)
        assert {v.dtype for v in history.values.values()} == {np.dtype(np.float32)}


class TestForms:
    """A second run binds values of a known form at once, and only those."""

    REGULARISED = """
        X in R^(n x m)
        Y in R^(k x m)
        W in R^(k x n)
        b in R^k
        constants: c
        Z = W X + b
        J = \\frac{1}{2 m} \\|Z - Y\\|_F^2 + c \\|W\\|_F^2
        samples: m
    """

    def test_a_constant_as_a_python_number(self) -> None:
        draw = np.random.default_rng(0)
        derivation = sb.read(self.REGULARISED).derive()
        values = {"W": draw.random((7, 40)), "b": draw.random(7)}
        data = {"X": draw.random((40, 100)), "Y": draw.random((7, 100)), "c": 0.1}
        runs = [derivation.train(values, data, rate=0.01, epochs=2) for _ in range(3)]
        assert runs[0].loss == runs[1].loss == runs[2].loss
        single = {name: np.asarray(value, np.float32) for name, value in data.items()}
        for _ in range(2):
            assert derivation.train(values, single, rate=0.01, epochs=2).loss == pytest.approx(runs[0].loss, rel=1e-6)
        swapped = {name: value.astype(">f8") for name, value in values.items()}
        for _ in range(2):
            assert derivation.train(swapped, data, rate=0.01, epochs=2).loss == runs[0].loss

    def test_other_numbers_of_the_same_form(self) -> None:
        derivation = two_two_one().derive()
        derivation.train(START, XOR, epochs=3)
        other = {name: np.asarray(value)[::-1] for name, value in XOR.items()}
        start = {name: 2 * value for name, value in START.items()}
        again = derivation.train(start, other, epochs=3)
        assert_same(again.values, two_two_one().derive().train(start, other, epochs=3).values)

    def test_sizes_and_columns_are_no_quantities(self) -> None:
        text = "X in R^(n x m)\ny in R^m\nw in R^n\nb in R\nsamples: m\nz_i = \\sum_j w_j X_{j i} + b\n"
        derivation = sb.read(text + "J = \\frac{1}{m}\\sum_{i=1}^m (z_i - y_i)^2").derive()
        columns = {f"X[{n}]": np.arange(8.0) / n for n in (1, 2, 3)}
        history = derivation.train(None, {**columns, "y": np.ones(8)}, rate=0.01, epochs=2)
        assert history.loss[1] < history.loss[0]

    def test_a_size_that_only_shapes_speak_of(self) -> None:
        text = "X in R^(n x m)\nY in R^(k x m)\nW1 in R^(h x n)\nW2 in R^(k x h)\nZ = W2 \\tanh(W1 X)\nsamples: m\n"
        text += "J = \\frac{1}{2 m} \\|Z - Y\\|_F^2\nh := 5"
        data = {"X": np.ones((3, 8)), "Y": np.ones((2, 8))}
        assert sb.read(text).derive().train(None, data, epochs=1).values["W1"].shape == (5, 3)


def test_validation_of_vectors_without_a_sample_axis() -> None:
    net = sb.read("x in R^d\ny in R^c\nW in R^(c x d)\nb in R^c\nz = W x + b\no = \\tanh(z)\nE = 1/2 \\|o - y\\|^2")
    draw = np.random.default_rng(0)
    for samples, d, c in ((3, 3, 3), (6, 3, 2)):
        data = {"x": draw.random((samples, d)), "y": draw.random((samples, c))}
        start = {"W": draw.random((c, d)), "b": draw.random(c)}
        history = net.derive().train(start, data, rate=0.05, epochs=3, validation=data, patience=2)
        expected = net.derive().compile()({**history.values, **data})[0]
        assert history.validation_loss[-1] == pytest.approx(expected, rel=1e-12)


def test_a_power_that_python_would_make_complex() -> None:
    w, x, y, z, E = sp.symbols("w x y z E")
    derivation = sb.Network([(z, (w * x) ** sp.Rational(3, 2)), (E, (z - y) ** 2)]).derive()
    data = {"x": [1.0, -1.0], "y": [0.0, 0.0]}
    history = derivation.train({"w": 1.0}, data, rate=0.5, epochs=2, batch_size=1, shuffle=False)
    assert history.stopped_because == "diverged"  # w goes 1, -0.5, -0.125 by hand, and (-0.125)^1.5 is no real number
    assert history.values["w"] == pytest.approx(-0.5, rel=1e-14)


def test_labels_out_of_their_range_are_refused_in_a_second_run_too() -> None:
    derivation = sb.sequential(sb.dense(2), inputs=3, loss="softmax_cross_entropy").derive()
    draw = np.random.default_rng(0)
    values = {"W^(1)": draw.random((3, 2)), "b^(1)": np.zeros(2)}
    data = {"X": draw.random((4, 3)), "y": np.array([0, 1, 0, 1])}
    derivation.train(values, data, epochs=1)
    derivation.train(values, data, epochs=1)
    for wrong in (2, -1):
        with pytest.raises(sb.DataError, match="labels y run from"):
            derivation.train(values, {**data, "y": np.array([0, 1, 0, wrong])}, epochs=1)
