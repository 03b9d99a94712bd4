"""The gradient check at its edges: gradients by hand, both methods, kinks, scales, dtypes, random networks."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy as sp

import symbackprop as sb
from symbackprop.numeric import around, differences
from symbackprop.numeric.complex_step import ComplexStep
from symbackprop.numeric.gradcheck import directions_in
from symbackprop.numeric.kinks import gates_of
from tests.numeric.networks import POINT
from tests.numeric.random_networks import random_network, trouble

UNIT = "z = w x + b\na = {}(z)\nE = (a - y)^2 / 2"
ROWS = "X in R^(m x n)\ny in R^(m)\nw in R^(n)\nsamples: m\nz = X w\n"
LOSSES = {
    "hinge": r"L = \frac{1}{m} \sum_{s=1}^m \max(0, 1 - y_s z_s)",
    "L1": r"L = \frac{1}{m} \sum_{s=1}^m |z_s - y_s|",
    "huber": "r = z - y\n"
    r"L = \sum_{s=1}^m \begin{cases} r_s^2/2 & |r_s| \le 1 \\ |r_s| - 1/2 & |r_s| > 1 \end{cases}",
}
AT_THE_KINK = {
    "hinge": {"X": [[1.0, 2], [3, 4]], "y": [1.0, -1], "w": [1.0, 0]},
    "L1": {"X": [[1.0, 2], [3, 4]], "y": [1.0, -1], "w": [1.0, 0]},
    "huber": {"X": [[1.0, 2], [3, 4]], "y": [0.0, -1], "w": [1.0, 0]},
}


class TestByHand:
    def check(self, gradients: Any, **options: Any) -> Any:
        return sb.read("two-two-one").derive().gradient_check(POINT, gradients, **options)

    def test_any_spelling_and_what_is_missing(self) -> None:
        _, right = sb.read("two-two-one").derive().compile()(POINT)
        check = self.check({"w_{12}": right["w_12"], "b21": float(right["b_21"]), "w₂₁": -right["w_21"]})
        assert check.wrong == ("w_21",)
        assert set(check) == {"w_12", "b_21", "w_21"}
        assert set(check.missing) == {"w_11", "w_13", "w_14", "w_22", "b_11", "b_12"}

    def test_a_program_is_a_function_to_check(self) -> None:
        derivation = sb.read("two-two-one").derive()
        check = derivation.gradient_check(gradients=derivation.compile())
        assert check.ok
        assert check.points == 5

    def test_a_small_factor_is_found_in_each_entry_of_a_large_array(self) -> None:
        draw = np.random.default_rng(0)
        shapes = {"x": (30, 8), "y": (3, 8), "W_1": (30, 20), "b_1": (20,), "W_2": (20, 3), "b_2": (3,)}
        values = {name: draw.standard_normal(shape) for name, shape in shapes.items()}
        derivation = sb.read("relu-regression").derive()
        _, gradients = derivation.compile()(values)
        assert derivation.gradient_check(values, gradients).ok
        for entry in draw.integers(0, 600, 3):
            wrong = gradients["W_1"].copy()
            wrong.flat[entry] += 1e-3 * np.abs(wrong).max()
            assert derivation.gradient_check(values, {"W_1": wrong}).wrong == ("W_1",), entry

    @pytest.mark.parametrize(
        ("gradients", "message"),
        [
            ({"out": 1.0}, "out is no parameter"),
            ({"x_1": 1.0}, "x_1 is no parameter"),
            ({"w_99": 1.0}, "no quantity called 'w_99'"),
            ({"w_12": 1.0, "w_{12}": 1.0}, "given twice"),
            ({"w_12": "much"}, "not a real number"),
            (lambda v: 1.0, "are a float"),
        ],
    )
    def test_what_cannot_be_read_is_refused(self, gradients: Any, message: str) -> None:
        with pytest.raises(sb.DataError, match=message):
            self.check(gradients)

    def test_numbers_belong_to_a_point(self) -> None:
        with pytest.raises(sb.DataError, match="no value for y"):
            sb.read("two-two-one").derive().gradient_check({n: v for n, v in POINT.items() if n != "y"}, {"w_12": 1.0})

    @pytest.mark.parametrize(
        ("shape", "hint"),
        [((2, 3), "transposed"), ((3, 2, 5), "sum over the samples"), ((3, 2, 1), "one axis"), ((4, 2), r"\(4, 2\)")],
    )
    def test_shapes(self, shape: tuple[int, ...], hint: str) -> None:
        net = sb.read("x in R^(n)\ny in R^(p)\nW in R^(p x n)\nz = W x\nL = \\sum_i (z_i - y_i)^2")
        values = {"W": np.ones((3, 2)), "x": np.ones(2), "y": np.ones(3)}
        check = net.derive().gradient_check(values, {"W": np.ones(shape)})
        assert check.wrong == ("W",)
        assert check["W"] == np.inf
        assert check.misfits["W"].endswith(check.notes[0])
        assert re.search(hint, check.misfits["W"])

    def test_tolerance_and_dtype(self) -> None:
        _, right = sb.read("two-two-one").derive().compile()(POINT)
        rough = {name: float(f"{g:.3g}") for name, g in right.items()}
        assert not self.check(rough).ok
        assert self.check(rough, tolerance=0.01).ok
        assert self.check({name: np.float32(g) for name, g in right.items()}).tolerance == 1e-4
        assert not self.check({name: np.float32(1.001 * g) for name, g in right.items()}).ok


class TestComplexStep:
    def test_where_it_is_used(self) -> None:
        methods = sb.read("relu-classifier").derive().gradient_check().method
        assert methods == {"W_2": "complex", "b_2": "complex", "W_1": "central", "b_1": "central"}
        decay = sb.read("z = w x + b\nE = (z - y)^2 + |w|").derive().gradient_check().method
        assert decay == {"w": "central", "b": "complex"}

    @pytest.mark.parametrize("f", ["sigmoid", "tanh", "softplus", "silu", "gelu", "sin", "arctan", "erf"])
    @pytest.mark.parametrize("z", [-40.0, -2.0, 0.0, 0.3, 30.0])
    def test_is_exact_where_the_derivative_is_known(self, f: str, z: float) -> None:
        """Against forty digits, stable branches included."""
        s = sp.Symbol("s")
        native = {"tanh": sp.tanh, "sin": sp.sin, "arctan": sp.atan, "erf": sp.erf}
        formula = native[f](s) if f in native else sb.functions.TABLE[sb.functions.by_name(f)].definition(s)
        while formula.atoms(sb.sigmoid):
            formula = formula.replace(sb.sigmoid, lambda q: 1 / (1 + sp.exp(-q)))
        with mpmath.workdps(60):
            truth = float(sp.lambdify(s, sp.diff(formula, s), "mpmath")(mpmath.mpf(z)))
        program = sb.read(f"E = {f}(w)\nparameters: w").derive().compile()
        found = ComplexStep(program).derivative([np.longdouble(z)], 0, np.ones(()))
        assert found == pytest.approx(truth, rel=1e-12, abs=1e-30)

    def test_methods_on_demand(self) -> None:
        derivation = sb.read("relu-classifier").derive()
        assert set(derivation.gradient_check(method="central").method.values()) == {"central"}
        check = derivation.gradient_check(method="complex")
        assert check.ok
        assert check.method["W_2"] == "complex"
        with pytest.raises(sb.DataError, match="'central' or 'complex'"):
            derivation.gradient_check(method="forward")

    def test_it_decides_where_differences_drown(self) -> None:
        """A target of 1e8 beside a slope of 1e-11: the loss has no digits left for it."""
        values = {"w": -25.0, "x": 1.0, "b": 0.0, "y": -1e8}
        check = sb.read(UNIT.format("sigmoid")).derive().gradient_check(values)
        assert check.ok
        assert check.method == {"w": "complex", "b": "complex"}


class TestKinks:
    @pytest.mark.parametrize("loss", LOSSES)
    def test_inside_a_sum(self, loss: str) -> None:
        derivation = sb.read(ROWS + LOSSES[loss]).derive()
        assert derivation.gradient_check().ok
        check = derivation.gradient_check(AT_THE_KINK[loss])
        assert check.ok
        assert [kink.parameter for kink in check.kinks] == ["w"]
        assert not check.judged

    @pytest.mark.parametrize("loss", LOSSES)
    def test_away_from_the_kink_the_gradient_is_pytorchs(self, loss: str) -> None:
        torch = pytest.importorskip("torch")

        def gradients(v: dict[str, Any]) -> dict[str, Any]:
            w = torch.tensor(v["w"], requires_grad=True)
            z, y = torch.tensor(v["X"]) @ w, torch.tensor(v["y"])
            {
                "hinge": lambda: torch.relu(1 - y * z).mean(),
                "L1": lambda: (z - y).abs().mean(),
                "huber": lambda: torch.nn.functional.huber_loss(z, y, reduction="sum"),
            }[loss]().backward()
            return {"w": w.grad.numpy()}

        check = sb.read(ROWS + LOSSES[loss]).derive().gradient_check(gradients=gradients)
        assert check.ok
        assert check.judged

    @pytest.mark.parametrize("distance", [1e-3, 1e-5, 1e-7, 1e-8])
    @pytest.mark.parametrize("side", [-1, 1])
    def test_so_near_a_kink_the_gradient_is_still_compared(self, distance: float, side: int) -> None:
        values = {"w": 1.0, "x": 0.5, "b": -0.5 + side * distance, "y": 2.0}
        derivation = sb.read(UNIT.format("leaky_relu")).derive()
        check = derivation.gradient_check(values)
        assert check.ok
        assert not check.kinks
        assert check["w"] < 1e-7
        assert not derivation.gradient_check(values, {"w": 1.001 * derivation.compile()(values)[1]["w"]}).ok

    @pytest.mark.parametrize("b", [-0.3, -0.3 + 1e-12, -0.3 - 1e-12])
    def test_nearer_than_that_the_kink_is_reported(self, b: float) -> None:
        values = {"w": 0.1, "x": 3.0, "b": b, "y": 2.0}  # 0.1 * 3 - 0.3 is 5e-17, not 0
        check = sb.read(UNIT.format("leaky_relu")).derive().gradient_check(values)
        assert check.ok
        assert {kink.parameter for kink in check.kinks} == {"w", "b"}

    def test_a_dead_unit_is_no_kink(self) -> None:
        values = {"w": 1.0, "x": 0.0, "b": 0.0, "y": 2.0}  # z is 0 wherever w goes
        check = sb.read(UNIT.format("relu")).derive().gradient_check(values)
        assert {kink.parameter for kink in check.kinks} == {"b"}
        assert check.judged == {"w": 0.0}

    def test_some_entries_of_an_array(self) -> None:
        """One unit at its kink: the others are judged, so a wrong gradient is found."""
        values = {
            "x": np.ones((2, 3)),
            "y": np.ones((1, 3)),
            "W_1": np.array([[1.0, 1], [-1, 1]]),
            "b_1": np.zeros(2),
            "W_2": np.ones((2, 1)),
            "b_2": np.zeros(1),
        }
        derivation = sb.read("relu-regression").derive()
        check = derivation.gradient_check(values)
        assert check.ok
        assert {kink.parameter for kink in check.kinks} == {"W_1", "b_1"}
        _, gradients = derivation.compile()(values)
        wrong = {name: 1.001 * gradient for name, gradient in gradients.items()}
        assert set(derivation.gradient_check(values, wrong).wrong) == set(gradients)

    def test_the_winner_of_a_maximum_over_an_axis(self) -> None:
        net = sb.read("x in R^(n)\nW in R^(p x n)\nz = W x\nM = \\max_{i} z_i\nL = (M - 1)^2")
        (gate,) = gates_of(net)
        assert gate.function == "max"
        assert len(gate.limits) == 1  # z_i - max z: zero for the winner

    def test_own_functions_by_their_definition(self) -> None:
        sb.activation("hardtanh", lambda z: sb.relu(z + 1) - sb.relu(z - 1) - 1)
        derivation = sb.read(UNIT.format("hardtanh")).derive()
        check = derivation.gradient_check({"w": 1, "x": 1, "b": 0, "y": 3})
        assert {(k.parameter, k.function) for k in check.kinks} == {("w", "hardtanh"), ("b", "hardtanh")}


class TestScales:
    @pytest.mark.parametrize("f", ["sigmoid", "tanh", "relu", "softplus", "silu", "gelu", "elu", "leaky_relu"])
    @pytest.mark.parametrize(
        "values",
        [
            {"w": 1e-8, "x": 1e8, "b": 0.5, "y": 0.3},
            {"w": -1e-8, "x": 1e8, "b": 0.5, "y": 0.3},
            {"w": 3e7, "x": 1e-8, "b": 0.5, "y": 0.3},
            {"w": 1e-8, "x": 1e-8, "b": 1e-8, "y": 0.3},
            {"w": 0.3, "x": 2, "b": 0.1, "y": 1e8},
            {"w": 36, "x": 1, "b": 0, "y": 0},
            {"w": -36, "x": 1, "b": 0, "y": 0},
            {"w": 1, "x": 2, "b": 1, "y": 3},
        ],
        ids=str,
    )
    def test_no_false_alarm_and_no_miss(self, f: str, values: dict[str, float]) -> None:
        derivation = sb.read(UNIT.format(f)).derive()
        check = derivation.gradient_check(values)
        assert check.ok, (dict(check), check.notes)
        _, gradients = derivation.compile()(values)
        wrong = derivation.gradient_check(values, {n: g * 1.001 for n, g in gradients.items()})
        seen = {n for n in wrong.judged if n not in wrong.faint and wrong.size[n]}
        assert set(wrong.wrong) == seen
        assert seen or all(abs(g) < 1e-11 for g in gradients.values())

    def test_a_rounded_gradient_is_right_and_says_so(self) -> None:
        values = {n: np.float32(v) for n, v in {"w": 14, "x": 1.3, "b": 0.5, "y": 0.3}.items()}
        check = sb.read(UNIT.format("sigmoid")).derive().gradient_check(values)
        assert check.ok
        assert check.rounded == ("w", "b")
        assert "rounding" in check.notes[0]

    def test_a_slope_that_the_loss_is_too_coarse_for_is_not_judged_by_differences(self) -> None:
        derivation = sb.read("a = w x\nE = (a - y)^2 + c\nconstants: c").derive()
        point = {"w": 1.0, "x": 1e-6, "y": 0.0, "c": 1e15}
        check = derivation.gradient_check(point, method="central")
        assert check.hidden == {"w"}
        assert not check.judged
        assert "hides" in check.notes[0]
        assert derivation.gradient_check(point, {"w": 1.0}).wrong == ("w",)  # the complex step sees it

    def test_float32_labels(self) -> None:
        """Whole numbers beside float32 do not make the tolerance that of float64."""
        draw = np.random.default_rng(0)
        shapes = {"X": (10, 5), "W_1": (16, 5), "b_1": (16,), "W_2": (2, 16), "b_2": (2,)}
        values = {n: draw.standard_normal(s).astype(np.float32) for n, s in shapes.items()}
        check = sb.read("relu-classifier").derive().gradient_check(values | {"y": draw.integers(0, 2, 10)})
        assert check.ok
        assert check.tolerance == 1e-4

    def test_faint_gradients_are_named(self) -> None:
        lines = ["h_0 = x"] + [f"h_{k} = \\sigma(w_{k} h_{k - 1} + b_{k})" for k in range(1, 30)]
        check = sb.read("\n".join([*lines, "E = (h_29 - y)^2"])).derive().gradient_check()
        assert check.ok
        assert "w_1" in check.faint
        assert "w_29" not in check.faint

    def test_samples_stacked_in_front_of_a_network_without_samples(self) -> None:
        net = sb.read("x in R^(n)\ny in R^(p)\nW in R^(p x n)\nb in R^(p)\nz = W x + b\nL = \\sum_i |z_i - y_i|")
        draw = np.random.default_rng(0)
        shapes = {"x": (5, 4), "y": (5, 3), "W": (3, 4), "b": (3,)}
        values = {name: draw.standard_normal(shape) for name, shape in shapes.items()}
        check = net.derive().gradient_check(values)
        assert check.ok
        sign = np.sign(values["x"] @ values["W"].T + values["b"] - values["y"])
        by_hand = {"W": sign.T @ values["x"] / 5, "b": sign.mean(axis=0)}
        assert net.derive().gradient_check(values, by_hand).ok
        assert not net.derive().gradient_check(values, {"b": sign.sum(axis=0)}).ok

    def test_where_no_type_is_wider_than_float64(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """As on ARM."""
        for module in (around, differences, sb.numeric.gradcheck):
            monkeypatch.setattr(module, "PRECISE", np.float64)
        monkeypatch.setattr(differences, "STEPS", differences.STEPS.astype(np.float64))
        for name in ("two-two-one", "relu-classifier", "softmax-classifier", "relu-regression"):
            assert sb.read(name).derive().gradient_check(method="central").ok
        for seed in range(30):
            with np.errstate(all="ignore"):
                assert not trouble(seed)


def test_every_entry_is_met() -> None:
    for shape in ((), (3,), (5, 8), (9, 11), (20, 30)):
        assert np.all(sum(np.abs(d) for d in directions_in(shape)) >= 0.5)
        assert len(list(directions_in(shape))) <= 40


def test_random_networks() -> None:
    """No false alarm, and no factor of 1.001 missed (``python -m tests.numeric.random_networks 1000``)."""
    counts: Counter[str] = Counter()
    for seed in range(60):
        with np.errstate(all="ignore"):
            assert trouble(seed, counts) == {}, seed
    assert counts["networks"] > 50
    assert counts["parameters"] > 300
    assert counts["by complex step"] > 100


@pytest.mark.parametrize("seed", range(12))
def test_random_layers_agree_with_the_compiled_program_by_either_method(seed: int) -> None:
    network, _ = random_network(1000 + seed)
    derivation = network.derive()
    by_either = [derivation.gradient_check(seed=seed, method=method) for method in ("central", "complex")]
    assert all(check.ok for check in by_either)
