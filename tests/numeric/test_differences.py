"""The gradient check: right gradients pass, wrong ones of the census are found, kinks are no false alarm."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import sympy as sp

import symbackprop as sb
from symbackprop.numeric import gradcheck, gradient_check
from symbackprop.numeric.plan import plan_of
from symbackprop.numeric.program import Program
from tests.numeric.networks import POINT, two_two_one, unit, zoo

ZOO = zoo()


@pytest.mark.parametrize("name", ZOO)
def test_right_gradients_pass(name: str) -> None:
    check = gradient_check(ZOO[name].derive(), seed=5)
    assert check.ok, dict(check)
    assert set(check) == {q.name.plain for q in ZOO[name].parameters}
    assert check.points == 5


def tampered(monkeypatch: pytest.MonkeyPatch, network: sb.Network, changes: dict[str, Any], values: Any = None) -> Any:
    """A check of a program in which adjoints (by quantity) are replaced by something wrong."""
    derivation = network.derive()
    plan = plan_of(derivation)
    targets = {derivation[name].symbol: expression for name, expression in changes.items()}
    wrong = tuple(replace(a, expression=targets.pop(a.target)) if a.target in targets else a for a in plan.assignments)
    assert not targets
    monkeypatch.setattr(gradcheck, "compile_program", lambda _: Program(replace(plan, assignments=wrong)))
    return gradient_check(derivation, values)


d = {name: sp.Symbol(f"∂E/∂{name}") for name in ("z", "h_1", "h_2")}
z, out, y, a1, a2, h1, w22, x1 = sp.symbols("z out y alpha_1 alpha_2 h_1 w_22 x_1")


@pytest.mark.parametrize(
    "changes",
    [
        {"w_21": -d["z"] * a1},  # sign
        {"w_21": d["z"]},  # missing factor
        {"w_21": 2 * d["z"] * a1},  # constant factor
        {"w_12": d["h_1"] * x1},  # wrong index
        {"h_2": d["z"] * w22 * a2 * (1 - a2) * a2 * (1 - a2)},  # census 0.18: one arrow counted twice
        {"h_2": d["z"] * w22},  # the activation's derivative forgotten
        {"h_2": d["z"] * w22 * (1 - a2**2)},  # tanh' for sigma'
        {"z": (out - y)},  # the output's derivative forgotten
    ],
    ids=str,
)
def test_wrong_gradients_are_found(monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]) -> None:
    check = tampered(monkeypatch, two_two_one(), changes)
    assert not check.ok
    assert check[check.worst] > 1e-3


def test_a_mask_by_the_output_of_relu_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Census 0.36: ``grad_a[a < 0] = 0`` masks nothing, since a >= 0."""
    a, target = sp.symbols("a y")
    wrong = sp.Mul(a - target, sb.functions.Indicator(a >= 0))
    check = tampered(monkeypatch, unit(sb.relu), {"z": wrong}, {"x": [-1.0, 1.0], "y": [2.0, 3.0]})
    assert check["b"] > 0.1


def test_an_update_with_new_weights_is_found() -> None:
    """Census 0.20: hidden gradients from the updated w_22 differ from the true ones."""
    program = two_two_one().derive().compile()
    _, gradients = program(POINT)
    _, late = program(POINT | {"w_22": POINT["w_22"] - 0.5 * gradients["w_22"]})
    assert gradcheck.relative_error(late["w_12"], gradients["w_12"]) > 1e-3


class TestKinks:
    @pytest.mark.parametrize(
        ("function", "name"),
        [
            (sb.relu, "relu"),
            (sp.Abs, "abs"),
            (sb.leaky_relu, "leaky_relu"),
            (lambda s: sb.maximum(0, s), "maximum"),
        ],
    )
    def test_at_a_kink_there_is_a_note_and_no_alarm(self, function: Any, name: str) -> None:
        check = gradient_check(unit(function).derive(), {"w": 1.0, "x": 0.5, "b": -0.5, "y": 2.0})
        assert check.ok
        assert {(k.parameter, k.function) for k in check.kinks} == {("w", name), ("b", name)}
        assert "kink" in str(check.kinks[0])

    def test_near_a_kink_the_gradient_is_still_compared(self) -> None:
        values = {"w": 1.0, "x": 0.5, "b": -0.5 + 1e-4, "y": 2.0}
        check = gradient_check(unit(sb.relu).derive(), values)
        assert check.ok
        assert not check.kinks
        assert check["w"] < 1e-6


def test_tiny_gradients_raise_no_false_alarm() -> None:
    """A saturated chain: the difference quotient must not drown in rounding."""
    a: Any = sp.Symbol("x")
    equations: list[Any] = []
    for n in range(1, 13):
        z_n, a_n, w_n, b_n = sp.symbols(f"z_{n} a_{n} w_{n} b_{n}")
        equations += [(z_n, w_n * a + b_n), (a_n, sb.sigmoid(z_n))]
        a = a_n
    network = sb.Network([*equations, (sp.Symbol("E"), (a - sp.Symbol("y")) ** 2 / 2)])
    check = gradient_check(network.derive())
    assert check.ok, dict(check)


def test_values_are_drawn_inside_domains() -> None:
    w, x, y, E, z = sp.symbols("w x y E z")
    network = sb.Network([(z, sp.log(w) + sp.sqrt(x)), (E, (sp.log(z + 5) - y) ** 2)])
    assert gradient_check(network.derive()).ok


def test_samples_and_partial_values() -> None:
    check = gradient_check(two_two_one().derive(), {"x_1": [0.1, 0.2, 0.3], "x_2": [1, 2, 3], "y": [0, 1, 0]})
    assert check.ok
    assert check.points == 5
    assert gradient_check(two_two_one().derive(), POINT).points == 1


def test_float32_has_its_own_tolerance() -> None:
    check = gradient_check(two_two_one().derive(), {k: np.float32(v) for k, v in POINT.items()})
    assert check.ok
    assert check.tolerance == 1e-4
    assert max(check.values()) < 1e-5  # differences are taken in the widest type whatever the program computes in


def test_values_outside_a_domain_are_refused() -> None:
    w, x, y, E = sp.symbols("w x y E")
    network = sb.Network([(sp.Symbol("z"), sp.log(w * x)), (E, (sp.Symbol("z") - y) ** 2)])
    with pytest.raises(sb.DataError, match="z is not finite"):
        gradient_check(network.derive(), {"w": -1, "x": 1, "y": 0})
