"""A training of a form that was trained before takes a shorter way: the same numbers, the same refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symbackprop as sb
from symbackprop.numeric.express import Express
from symbackprop.numeric.loops.loop import has_numba

WAYS = [False, pytest.param(True, marks=pytest.mark.skipif(not has_numba(), reason="numba is not installed"))]
DRAW = np.random.default_rng(3)
COLUMNS = {"x_1": DRAW.standard_normal(12), "x_2": DRAW.standard_normal(12), "y": DRAW.random(12)}
NAMES = ("w_11", "w_12", "w_13", "w_14", "w_21", "w_22", "b_11", "b_12", "b_21")
OPTIONS: dict[str, Any] = {"rate": 0.5, "epochs": 20, "batch_size": 4, "shuffle": False}


def start(scale: float) -> dict[str, float]:
    return {name: scale * (n - 3.5) for n, name in enumerate(NAMES)}


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """For every call of the short way, whether it had an answer."""
    found: list[bool] = []
    original = Express.__call__

    def call(self: Express, *arguments: Any) -> Any:
        result = original(self, *arguments)
        found.append(result is not None)
        return result

    monkeypatch.setattr(Express, "__call__", call)
    return found


def trained_before(compiled: bool) -> sb.Derivation:
    derivation = sb.read("two-two-one").derive()
    derivation.train(start(0.1), COLUMNS, **OPTIONS, compiled=compiled)
    return derivation


@pytest.mark.parametrize("compiled", WAYS)
@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
@pytest.mark.parametrize("size", [1, 4, None])
def test_the_numbers_are_the_same(calls: list[bool], compiled: bool, optimizer: Any, size: int | None) -> None:
    options = {**OPTIONS, "batch_size": size, "optimizer": optimizer, "compiled": compiled, "rate": 0.01}
    derivation = sb.read("two-two-one").derive()
    derivation.train(start(0.1), COLUMNS, **options)
    assert calls == []
    again = derivation.train(start(0.2), COLUMNS, **options)
    assert calls == [True] * ("arrays" not in again.loop)  # they are not so quick that it would matter
    fresh = sb.read("two-two-one").derive().train(start(0.2), COLUMNS, **options)
    assert (again.loss, again.values, again.message) == (fresh.loss, fresh.values, fresh.message)
    assert (again.stopped_because, again.loop, again.source) == ("epochs", fresh.loop, fresh.source)
    assert all(isinstance(value, np.float64) for value in again.values.values())
    assert type(again.loss) is list


@pytest.mark.skipif(not has_numba(), reason="numba is not installed")
def test_arrays_and_labels(calls: list[bool]) -> None:
    network = sb.sequential(sb.dense(4, "relu"), sb.dense(3), inputs=2, loss="softmax_cross_entropy")
    given = {
        "W^(1)": DRAW.standard_normal((2, 4)),
        "b^(1)": np.zeros(4),
        "W^(2)": DRAW.standard_normal((4, 3)),
        "b^(2)": np.zeros(3),
    }
    data = {"X": DRAW.standard_normal((12, 2)), "y": np.arange(12) % 3}
    derivation = network.derive()
    derivation.train({name: value + 1 for name, value in given.items()}, data, **OPTIONS)
    kept = {name: value.copy() for name, value in given.items()}
    again, fresh = derivation.train(given, data, **OPTIONS), network.derive().train(given, data, **OPTIONS)
    assert calls == [True]
    assert again.loss == fresh.loss
    for name, value in fresh.values.items():
        np.testing.assert_array_equal(again.values[name], value)
        np.testing.assert_array_equal(given[name], kept[name])
    with pytest.raises(sb.DataError, match="label"):
        derivation.train(given, {**data, "y": np.arange(12) % 4}, **OPTIONS)


@pytest.mark.parametrize("compiled", WAYS)
def test_what_is_wrong_is_still_said(calls: list[bool], compiled: bool) -> None:
    derivation = trained_before(compiled)
    options = {**OPTIONS, "compiled": compiled}
    with pytest.raises(sb.DataError, match="x_1, sample 3 is not a finite number"):
        derivation.train(start(0.1), {**COLUMNS, "x_1": np.array([1, 2, np.nan, *range(9)])}, **options)
    with pytest.raises(sb.DataError, match="learning rate"):
        derivation.train(start(0.1), COLUMNS, **{**options, "rate": -1.0})
    with pytest.raises(sb.DataError, match="w_11 is not a finite number"):
        derivation.train({**start(0.1), "w_11": np.inf}, COLUMNS, **options)
    with pytest.warns(UserWarning, match="all weights start at 0"):
        derivation.train(start(0.0), COLUMNS, **options)
    assert not any(calls)


@pytest.mark.parametrize("compiled", WAYS)
def test_a_divergence_ends_like_the_long_way(calls: list[bool], compiled: bool) -> None:
    net = "z = w x + b \n E = (z - y)^2 / 2"
    data = {"x": np.array([1.0, 2.0, 3.0]), "y": np.array([1.0, 2.0, 4.0])}
    options: dict[str, Any] = {"rate": 50.0, "shuffle": False, "batch_size": 1, "compiled": compiled}
    derivation = sb.read(net).derive()
    derivation.train({"w": 0.5, "b": 0.1}, data, epochs=2, **options)
    again = derivation.train({"w": 0.5, "b": 0.1}, data, epochs=200, **options)
    fresh = sb.read(net).derive().train({"w": 0.5, "b": 0.1}, data, epochs=200, **options)
    assert calls == [False]
    assert again.stopped_because == "diverged"
    assert (again.loss, again.values, again.message) == (fresh.loss, fresh.values, fresh.message)


def test_an_interrupt_keeps_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    derivation = trained_before(False)

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Express, "__call__", interrupt)
    history = derivation.train(start(0.1), COLUMNS, **OPTIONS, compiled=False)
    assert history.stopped_because == "interrupted"
    assert history.values == start(0.1)
    assert history.loss == []
