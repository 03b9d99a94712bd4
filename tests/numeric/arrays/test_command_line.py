"""Network files with convolutions and recurrences on the command line: gradcheck, train, and modules that run alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from symbackprop.cli import main

NETWORKS = {
    "convolution": r"""
        title: a convolution with stride s
        Z_{ij} = \sum_{p=1}^{k} \sum_{q=1}^{k} K_{pq} X_{s(i-1)+p, s(j-1)+q} + c   for i = 1..H, j = 1..W
        E = \frac12 \sum_{i=1}^{H} \sum_{j=1}^{W} (Z_{ij} - Y_{ij})^2
        parameters: c
        k := 3
        """,
    "padded": r"""
        A_0 = 0
        A_{H+1} = 0
        A_i = X_i  for i = 1..H
        Z_i = \sum_{p=1}^{3} K_p A_{i+p-2}  for i = 1..H
        B_i = \tanh(Z_i)
        C_i = \sum_{p=1}^{2} M_p B_{i+p-1}  for i = 1..H-1
        E = \frac12 \sum_{i=1}^{H-1} (C_i - Y_i)^2
        parameters: M
        """,
    "recurrence": r"""
        title: a recurrence with integer labels
        h_{i,0} = 0                                                                for i = 1..n
        h_{i,t} = \tanh(\sum_{j=1}^{n} U_{ij} h_{j,t-1} + \sum_{j=1}^{d} V_{ij} x_{j,t} + b_i)   for i = 1..n, t = 1..T
        Z_{k,t} = \sum_{i=1}^{n} W_{ki} h_{i,t} + c_k   for k = 1..3, t = 1..T
        P_{k,t} = \frac{\exp(Z_{k,t})}{\sum_{q=1}^{3} \exp(Z_{q,t})}
        y \in \{0..2\}^{T}
        parameters: c
        L = -\frac{1}{T} \sum_{t=1}^{T} \log P_{y_t, t}
        n := 4
        """,
}
draw = np.random.default_rng(0)
DATA = {
    "convolution": {"X": draw.standard_normal((7, 9)), "Y": draw.standard_normal((3, 4))},
    "padded": {"X": draw.standard_normal(6), "Y": draw.standard_normal(5)},
    "recurrence": {"x": draw.standard_normal((2, 7)), "y": draw.integers(0, 3, 7)},
}


@pytest.fixture(params=NETWORKS)
def network(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a network with its file and its data in the current folder."""
    monkeypatch.chdir(tmp_path)
    name: str = request.param
    Path(f"{name}.net").write_text("\n".join(line.strip() for line in NETWORKS[name].splitlines()))
    np.savez(f"{name}.npz", **DATA[name])
    return name


def test_gradients_are_right(network: str) -> None:
    result = CliRunner().invoke(main, ["gradcheck", f"{network}.net"])
    assert result.exit_code == 0, result.output
    assert "gradients are right" in result.output


def test_training_lowers_the_cost(network: str) -> None:
    arguments = ["train", f"{network}.net", "--data", f"{network}.npz", "--rate", "0.05", "--epochs", "300"]
    result = CliRunner().invoke(main, [*arguments, "-o", "trained.npz"])
    assert result.exit_code == 0, result.output
    again = CliRunner().invoke(main, [*arguments[:-1], "0", "--resume", "trained.npz", "-o", "same.npz"])
    assert again.exit_code == 0, again.output
    first, last = result.output.split("mean cost ")[1].split(" in ")[0].split(" -> ")
    assert float(last) < 0.6 * float(first)


@pytest.mark.parametrize("options", [[], ["--train"]])
def test_the_module_runs_alone(network: str, options: list[str]) -> None:
    result = CliRunner().invoke(main, ["code", f"{network}.net", *options, "-o", "module.py"])
    assert result.exit_code == 0, result.output
    done = subprocess.run([sys.executable, "-I", "module.py"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "loss" in done.stdout
