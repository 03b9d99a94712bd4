"""The generated module runs alone, imports only NumPy, and gives what the program gives."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp

import symbackprop as sb
from symbackprop.numeric import initial_values
from symbackprop.numeric.standalone import standalone_source
from tests.numeric.networks import POINT, XOR, two_two_one, zoo
from tests.numeric.test_program import random_values

ZOO = zoo()


def module(source: str) -> dict[str, Any]:
    namespace: dict[str, Any] = {"__name__": "generated"}
    exec(compile(source, "generated.py", "exec"), namespace)
    return namespace


@pytest.mark.parametrize("name", ZOO)
def test_it_gives_what_the_program_gives(name: str) -> None:
    network = ZOO[name]
    values = random_values(network, 6)
    loss, gradients = module(standalone_source(network.derive()))["loss_and_gradients"](values, values)
    expected_loss, expected = network.derive().compile()(values)
    assert loss == expected_loss
    assert {k: float(g) for k, g in gradients.items()} == {k: float(g) for k, g in expected.items()}


@pytest.mark.parametrize("train", [False, True])
def test_it_imports_only_numpy_and_runs(tmp_path: Path, train: bool) -> None:
    source = standalone_source(two_two_one().derive(), train=train)
    imports = [node for node in ast.walk(ast.parse(source)) if isinstance(node, (ast.Import, ast.ImportFrom))]
    assert [ast.unparse(node) for node in imports] == ["import numpy as np"]
    assert max(map(len, source.splitlines())) <= 100
    path = tmp_path / "network.py"
    path.write_text(source)
    done = subprocess.run([sys.executable, "-I", str(path)], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "loss" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize("options", [{}, {"batch_size": 3, "seed": 5}, {"tol": 0.1, "rate": 5}])
def test_its_training_is_ours(options: dict[str, Any]) -> None:
    derivation = two_two_one().derive()
    generated = module(standalone_source(derivation, train=True))
    start = generated["initial_parameters"](3)
    ours = {derivation.network.names[b].plain: v for b, v in initial_values(derivation.network, 3).items()}
    assert start == ours
    params, losses, reason = generated["train"](start, XOR, epochs=50, **options)
    history = derivation.train(ours, XOR, epochs=50, **options)
    assert losses == pytest.approx(history.loss, rel=1e-12)
    assert params == pytest.approx(history.values, rel=1e-12)
    assert reason == history.stopped_because


def test_its_early_stopping_is_ours() -> None:
    data, held_out = {"x": [0.0, 1.0, 2.0], "y": [0.0, 2.0, 3.0]}, {"x": [1.0, 2.0], "y": [1.2, 2.4]}
    network = ZOO["unit identity"]
    params, losses, reason = module(standalone_source(network.derive(), train=True))["train"](
        {"w": 0.0, "b": 0.5}, data, rate=0.1, epochs=500, validation=held_out, patience=3
    )
    history = network.derive().train({"w": 0.0, "b": 0.5}, data, rate=0.1, epochs=500, validation=held_out, patience=3)
    assert (reason, len(losses)) == ("patience", len(history.loss))
    assert params == pytest.approx(history.values, rel=1e-12)


@pytest.mark.parametrize("name", ["data", "params", "draw", "gradients", "train", 'E"""', "\\"])
def test_a_quantity_may_be_called_anything(name: str) -> None:
    w, x, y, z, E = sp.symbols("w x y z E")
    x = sp.Symbol(name)
    network = sb.Network([(z, w * x), (E, (z - y) ** 2)], inputs=[x])
    plain = network.with_role("input")[0].name.plain
    generated = module(standalone_source(network.derive(), train=True))
    loss, gradients = generated["loss_and_gradients"]({"w": 2.0}, {plain: 3.0, "y": 5.0})
    assert (loss, gradients) == (1.0, {"w": 6.0})
    assert generated["train"]({"w": 2.0}, {plain: [3.0], "y": [5.0]}, epochs=1)[2] == "epochs"


def test_its_head_shows_the_equations() -> None:
    head = standalone_source(two_two_one().derive()).split('"""')[1]
    assert "h₁ = w₁₁ x₁ + w₁₃ x₂ + b₁₁" in head
    assert "σ(h₁)" in head


def test_values_are_numbers_of_the_point() -> None:
    loss, gradients = module(standalone_source(two_two_one().derive()))["loss_and_gradients"](POINT, POINT)
    assert loss == pytest.approx(0.055618784490593785)
    assert gradients["w_12"] == pytest.approx(-0.005508744, abs=5e-10)
    assert isinstance(gradients["w_12"], np.floating)
