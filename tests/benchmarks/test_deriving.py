"""Deriving and compiling scalar networks, side by side with substitute-and-differentiate.

Within a group, the number in brackets is the ratio to the fastest. The peer grows with about the square of
the number of parameters, so it is measured on small networks: dense 8-8-1 and a chain of 16 units.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symbackprop.derivation import Derivation
from symbackprop.numeric import compile_program
from tests.benchmarks.scalar_networks import chain, dense, network, substitute_and_differentiate

SMALL = {"dense 8-8-1, 81 parameters": dense(8, 8, 1), "chain of 16 units, 32 parameters": chain(16)}
LARGE = {
    "dense 39-39-1, 1,600 parameters": (dense(39, 39, 1), 0.5e-3 * 1600),
    "dense 78-78-1, 6,241 parameters": (dense(78, 78, 1), 0.5e-3 * 6241),
    "chain of 64 units, 128 parameters": (chain(64), 2.0),
    "chain of 512 units, 1,024 parameters": (chain(512), 0.5e-3 * 1024),
}
"""Equations, and the time in seconds that they may take."""


def derive_and_compile(equations: Any) -> Any:
    return compile_program(Derivation(network(equations)))


@pytest.mark.parametrize("name", SMALL)
def test_symbackprop(name: str, benchmark: Any) -> None:
    benchmark.group = f"derive and compile: {name}"
    program = benchmark(derive_and_compile, SMALL[name])
    equal_at_a_random_point(program, SMALL[name])


@pytest.mark.parametrize("name", SMALL)
def test_substitute_and_differentiate(name: str, benchmark: Any) -> None:
    benchmark.group = f"derive and compile: {name}"
    benchmark.pedantic(substitute_and_differentiate, [SMALL[name]], rounds=3)


@pytest.mark.parametrize("name", LARGE)
def test_full_size(name: str, benchmark: Any) -> None:
    equations, budget = LARGE[name]
    benchmark.group = f"derive and compile: {name}, {budget:.2g} s allowed"
    benchmark.pedantic(derive_and_compile, [equations], rounds=5, warmup_rounds=1)
    assert benchmark.stats.stats.median < budget


def equal_at_a_random_point(program: Any, equations: Any) -> None:
    """What is faster must also be the same."""
    draw = np.random.default_rng(0)
    values = {q.name.plain: draw.normal() for q in program.plan.arguments}
    by_symbol = {str(q.base): values[q.name.plain] for q in program.plan.arguments}
    loss, gradients = program(values)
    symbols = sorted(by_symbol)
    expected = substitute_and_differentiate(equations)(*(by_symbol[s] for s in symbols))
    names = {str(q.base): q.name.plain for q in program.plan.arguments}
    assert loss == pytest.approx(expected[0], rel=1e-12)
    found = [gradients[names[s]] for s in symbols if s[0] in "wb"]
    np.testing.assert_allclose(found, expected[1:], rtol=1e-9, atol=1e-15)
