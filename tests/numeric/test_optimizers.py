"""The optimizers against the rules that sheets print, and the rules against arithmetic done by hand."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

import symbackprop as sb
from symbackprop.derivation.rules import (
    GRADIENT,
    MOMENTUM,
    PARAMETER,
    RATE,
    RULES,
    SQUARE,
    STEP,
    VELOCITY,
    UpdateRule,
    rule_of,
)
from symbackprop.numeric.optimizers import chosen_rule, update_function


def steps(
    rule: UpdateRule, start: float, gradients: list[float], constants: Mapping[Any, float] = MappingProxyType({})
) -> list[dict[Any, float]]:
    """The rule's numbers after each update."""
    found: list[dict[Any, float]] = []
    known = {PARAMETER: start, RATE: 0.1, **constants}
    for count, gradient in enumerate(gradients, start=1):
        known = rule.update({**known, GRADIENT: gradient, STEP: count})
        found.append(known)
    return found


def test_gradient_descent_by_hand() -> None:
    assert [s[PARAMETER] for s in steps(RULES["sgd"], 1.0, [2, -1])] == pytest.approx([0.8, 0.9])


def test_momentum_by_hand() -> None:
    found = steps(RULES["momentum"], 1.0, [2, -1, 0])
    assert [s[VELOCITY] for s in found] == pytest.approx([2, 0.8, 0.72])
    assert [s[PARAMETER] for s in found] == pytest.approx([0.8, 0.72, 0.648])


def test_momentum_is_polyaks_heavy_ball() -> None:
    gradients = [2.0, -1.0, 0.5, 3.0]
    places = [1.0, *(s[PARAMETER] for s in steps(RULES["momentum"], 1.0, gradients))]
    for before, now, after, gradient in zip(places, places[1:], places[2:], gradients[1:], strict=False):
        assert after == pytest.approx(now - 0.1 * gradient + 0.9 * (now - before))


def test_adam_by_hand() -> None:
    """Gradients 1 and -1: the means are 0.1 and -0.01 of 1 and 0.19, the squares are 1 once corrected."""
    found = steps(RULES["adam"], 1.0, [1, -1])
    assert found[1][SQUARE] == pytest.approx(0.001999)
    first = 1 - 0.1 / (1 + 1e-8)
    assert [s[PARAMETER] for s in found] == pytest.approx([first, first + 0.1 * 0.01 / 0.19 / (1 + 1e-8)], rel=1e-14)


def test_adam_moves_by_the_rate_whatever_the_size_of_a_steady_gradient() -> None:
    for gradient in (1e-4, 1.0, 1e4):
        assert steps(RULES["adam"], 0.0, [gradient] * 5)[-1][PARAMETER] == pytest.approx(-0.5, rel=1e-3)


@pytest.mark.parametrize(
    ("name", "constants"), [("sgd", {}), ("momentum", {}), ("momentum", {MOMENTUM: 0.5}), ("adam", {})]
)
def test_an_optimizer_computes_what_the_sheet_says(name: str, constants: dict[Any, float]) -> None:
    draw = np.random.default_rng(1)
    gradients = draw.standard_normal((12, 5)) * 10.0 ** draw.integers(-6, 6, (12, 5))
    start = draw.standard_normal(5)
    updated = update_function(*chosen_rule(name, 0.1, constants.get(MOMENTUM, 0.0)))
    values = [np.zeros(5) for _ in RULES[name].memory] + [start]
    for count, gradient in enumerate(gradients, start=1):
        values = updated(values, gradient, 0.1, count)
    for entry, first in enumerate(start.tolist()):
        last = steps(RULES[name], first, gradients[:, entry].tolist(), constants)[-1]
        assert values[-1][entry] == pytest.approx(last[PARAMETER], rel=1e-13, abs=1e-13)


def test_an_unknown_rule() -> None:
    for ask in (rule_of, lambda name: chosen_rule(name, 0.1)):
        with pytest.raises(sb.DataError, match="no optimizer called 'adams'") as caught:
            ask("adams")
        assert "sgd, momentum, adam" in str(caught.value)
