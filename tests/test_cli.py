"""The command line: what goes where, exit statuses, and one clear message for everything that is wrong."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

import symbackprop as sb
from symbackprop.cli import main

XOR = "x_1,x_2,y\n0,0,0\n0,1,1\n1,0,1\n1,1,0\n"
LINE = "z = w x + b\nE = \\frac{1}{2} (z - y)^2\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, with the XOR data."""
    (tmp_path / "xor.csv").write_text(XOR)
    (tmp_path / "line.net").write_text(LINE)
    (tmp_path / "line.csv").write_text("x,y\n0,1\n1,3\n2,5\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str, text: str | None = None) -> Result:
    return CliRunner().invoke(main, arguments, input=text)


def started(*arguments: str, cwd: Path, stderr: int = subprocess.PIPE) -> subprocess.Popen[str]:
    """A child that takes SIGINT, even where the tests run in the background."""
    return subprocess.Popen(
        [sys.executable, "-m", "symbackprop.cli", *arguments],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        preexec_fn=None if os.name == "nt" else lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def test_help_imports_neither_sympy_nor_numpy() -> None:
    script = (
        "import sys\nfrom symbackprop.cli import main\n"
        "main(['--help'], standalone_mode=False)\nmain(['derive', '--help'], standalone_mode=False)\n"
        "sys.exit(','.join({'sympy', 'numpy', 'jinja2'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Derive the backward pass" in done.stdout


@pytest.mark.parametrize(
    "command", [[], ["derive"], ["check"], ["gradcheck"], ["train"], ["predict"], ["code"], ["networks"]]
)
def test_every_help_has_examples(command: list[str]) -> None:
    result = run(*command, "--help")
    assert result.exit_code == 0
    assert "Example" in result.stdout
    assert f"symbackprop {command[0]}" in result.stdout if command else True


def test_networks_lists_names_first() -> None:
    result = run("networks")
    assert result.exit_code == 0
    assert any(line.split()[0] == "two-two-one" for line in result.stdout.splitlines())


class TestDerive:
    def test_markdown_to_standard_output_and_roles_to_standard_error(self) -> None:
        result = run("derive", "two-two-one")
        assert result.exit_code == 0, result.stderr
        assert r"\frac{\partial E}{\partial w_{12}}" in result.stdout
        assert "inputs x_1 x_2; targets y; parameters w_11" in result.stderr
        assert "loss E" in result.stderr

    def test_quiet(self) -> None:
        assert run("derive", "two-two-one", "--quiet").stderr == ""

    @pytest.mark.parametrize(
        ("name", "sign"),
        [
            ("sheet.md", "#"),
            ("sheet.tex", r"\documentclass"),
            ("sheet.html", "<html"),
            ("sheet.ipynb", '"cells"'),
        ],
    )
    def test_the_ending_chooses_the_format(self, folder: Path, name: str, sign: str) -> None:
        result = run("derive", "two-two-one", "-o", name)
        assert result.exit_code == 0, result.stderr
        assert result.stdout == ""
        assert sign in (folder / name).read_text()

    @pytest.mark.parametrize("options", [[], ["-f", "github"], ["--detail", "brief"]])
    def test_beside_markdown_stands_the_picture(self, folder: Path, options: list[str]) -> None:
        result = run("derive", "two-two-one", "-o", "my sheet.md", *options)
        assert result.exit_code == 0, result.stderr
        text = (folder / "my sheet.md").read_text()
        assert "mermaid" not in text
        assert "](my%20sheet.svg)" in text
        assert (folder / "my sheet.svg").read_text().startswith("<svg")

    def test_markdown_to_standard_output_draws_with_mermaid(self, folder: Path) -> None:
        before = sorted(folder.iterdir())
        assert "```mermaid" in run("derive", "two-two-one").stdout
        assert sorted(folder.iterdir()) == before

    @pytest.mark.parametrize("folder_in_the_way", ["sheet.md", "sheet.svg"])
    def test_a_sheet_and_its_picture_are_written_both_or_neither(self, folder: Path, folder_in_the_way: str) -> None:
        (folder / folder_in_the_way).mkdir()
        before = sorted(folder.iterdir())
        result = run("derive", "two-two-one", "-o", "sheet.md")
        assert result.exit_code == 2
        assert f"{folder_in_the_way} cannot be written: it is a folder" in result.stderr
        assert sorted(folder.iterdir()) == before

    @pytest.mark.skipif(not Path("/dev/null").is_char_device(), reason="needs /dev/null")
    def test_a_device_is_written_to_and_not_replaced(self) -> None:
        assert run("derive", "two-two-one", "-f", "md", "-o", "/dev/null").exit_code == 0
        assert Path("/dev/null").is_char_device()

    @pytest.mark.parametrize(("digits", "shown"), [([], "0.3333"), (["--digits", "7"], "0.3333333")])
    def test_digits(self, folder: Path, digits: list[str], shown: str) -> None:
        (folder / "v.net").write_text("w := 1/3\nx := 1\nb := 0\ny := 2\n")
        result = run("derive", "line.net", "--values", "v.net", *digits)
        assert result.exit_code == 0, result.stderr
        assert shown in result.stdout
        assert shown + "3" not in result.stdout

    def test_the_update_rule(self) -> None:
        assert (
            "v_w₂₁ ← μ v_w₂₁ + ∂E/∂w₂₁" in run("derive", "two-two-one", "--optimizer", "momentum", "-f", "txt").stdout
        )
        assert "v_" not in run("derive", "two-two-one", "-f", "txt").stdout

    def test_an_unknown_ending_asks_for_the_format(self, folder: Path) -> None:
        result = run("derive", "two-two-one", "-o", "sheet.doc")
        assert result.exit_code == 2
        assert "add -f" in result.stderr

    def test_chinese(self) -> None:
        assert "反向传播" in run("derive", "two-two-one", "--lang", "zh").stdout

    def test_standard_input(self) -> None:
        result = run("derive", "-", text=LINE)
        assert result.exit_code == 0, result.stderr
        assert r"\partial w" in result.stdout


class TestGradcheck:
    def test_all_right(self) -> None:
        result = run("gradcheck", "two-two-one", "--seed", "3")
        assert result.exit_code == 0, result.stderr
        lines = result.stdout.splitlines()
        assert lines[0].split() == ["parameter", "relative", "error", "verdict"]
        assert {line.split()[0] for line in lines[1:]} == {
            *("w_11", "w_12", "w_13", "w_14", "w_21", "w_22"),
            *("b_11", "b_12", "b_21"),
        }
        assert all(line.endswith("right") for line in lines[1:])
        assert "9 of 9 gradients are right at 5 points" in result.stderr

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("g.json", '{"w": -4, "b": -3}'),
            ("g.net", "# by hand\nw := -4\nb := -3\n"),
        ],
    )
    def test_a_wrong_gradient_has_status_1(self, folder: Path, name: str, text: str) -> None:
        (folder / "v.net").write_text("x := 1\ny := 2\nw := 3\nb := -4\n")
        (folder / name).write_text(text)
        result = run("gradcheck", "line.net", "--values", "v.net", "--gradients", name)
        assert result.exit_code == 1
        verdicts = {line.split()[0]: line.split()[2] for line in result.stdout.splitlines()[1:]}
        assert verdicts == {"w": "WRONG", "b": "right"}
        assert "1 of 2 gradients are right at 1 point" in result.stderr
        loose = run("gradcheck", "line.net", "--values", "v.net", "--gradients", name, "--tolerance", "0.5")
        assert loose.exit_code == 0

    def test_gradients_of_another_shape_are_wrong_and_missing_ones_not_judged(self, folder: Path) -> None:
        (folder / "v.net").write_text("x := 1\ny := 2\nw := 3\nb := -4\n")
        np.savez(folder / "g.npz", w=np.ones(3))
        result = run("gradcheck", "line.net", "--values", "v.net", "--gradients", "g.npz")
        assert result.exit_code == 1
        assert result.stdout.split()[-3:] == ["w", "inf", "WRONG"]
        assert "w has shape (), its gradient (3,)" in result.stderr
        assert "no gradient is given for b" in result.stderr

    def test_gradients_without_all_values_are_refused(self, folder: Path) -> None:
        (folder / "g.json").write_text('{"w": 1}')
        result = run("gradcheck", "line.net", "--gradients", "g.json")
        assert result.exit_code == 2
        assert "no value for x, y, w, b" in result.stderr

    def test_a_kink_is_not_judged(self, folder: Path) -> None:
        (folder / "kink.net").write_text("a = relu(w x)\nE = (a - y)^2\nw := 0\nx := 1\ny := 1\n")
        result = run("gradcheck", "kink.net")
        assert result.exit_code == 0
        assert result.stdout.splitlines()[1].endswith("not judged")
        assert "relu is at its kink" in result.stderr

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("v.json", '{"x": 1, "y": 2, "w": 3, "b": -4}'),
            ("v.net", "# a point\nx := 1\ny := 2\nw := 9/3\nb := -4\n"),
        ],
    )
    def test_values(self, folder: Path, name: str, text: str) -> None:
        (folder / name).write_text(text)
        result = run("gradcheck", "line.net", "--values", name)
        assert result.exit_code == 0, result.stderr
        assert "at 1 point" in result.stderr


class TestTrain:
    def test_xor_truth_table_from_the_stated_seed(self, folder: Path) -> None:
        options = ["--rate", "5", "--epochs", "5000", "--seed", "0"]
        result = run("train", "two-two-one", "--data", "xor.csv", *options, "-o", "trained.npz")
        assert result.exit_code == 0, result.stderr
        assert result.stdout == ""
        assert "5000 epochs" in result.stderr
        assert "stopped because of epochs" in result.stderr
        table = run("predict", "two-two-one", "--values", "trained.npz", "--data", "xor.csv")
        rows = list(csv.DictReader(io.StringIO(table.stdout)))
        assert [round(float(row["out"])) for row in rows] == [0, 1, 1, 0]

    def test_parameters_to_standard_output_are_values_again(self, folder: Path) -> None:
        result = run("train", "line.net", "--data", "line.csv", "--rate", "0.2", "--epochs", "400")
        found = json.loads(result.stdout)
        assert found == pytest.approx({"w": 2, "b": 1}, abs=1e-6)
        (folder / "v.json").write_text(result.stdout)
        again = run("train", "line.net", "--data", "line.csv", "--epochs", "0", "--values", "v.json")
        assert json.loads(again.stdout) == found

    def test_to_stop_and_go_on_is_to_go_through(self, folder: Path) -> None:
        base = ["train", "line.net", "--data", "line.csv", "--rate", "0.1"]
        run(*base, "--epochs", "30", "-o", "half.npz")
        run(*base, "--epochs", "30", "--resume", "half.npz", "-o", "whole.npz")
        run(*base, "--epochs", "60", "-o", "through.npz")
        with np.load(folder / "whole.npz") as whole, np.load(folder / "through.npz") as through:
            assert {k: whole[k] for k in whole} == {k: through[k] for k in through}

    @pytest.mark.parametrize(
        ("options", "reason"),
        [
            (["--tol", "0.1"], "tol"),
            (["--validation", "line.csv", "--patience", "2", "--epochs", "20000"], "patience"),
            (["--batch", "2", "--optimizer", "adam", "--rate", "0.01", "--epochs", "3"], "epochs"),
        ],
    )
    def test_stopping(self, folder: Path, options: list[str], reason: str) -> None:
        result = run("train", "line.net", "--data", "line.csv", "--rate", "0.2", *options)
        assert result.exit_code == 0, result.stderr
        assert f"stopped because of {reason}" in result.stderr

    def test_divergence_has_status_1_and_names_the_quantity(self, folder: Path) -> None:
        result = run("train", "line.net", "--data", "line.csv", "--rate", "1e200", "-o", "p.npz")
        assert result.exit_code == 1
        assert "is not finite; try a smaller rate" in result.stderr
        assert (folder / "p.npz").exists()

    def test_plot(self, folder: Path) -> None:
        pytest.importorskip("matplotlib")
        result = run("train", "line.net", "--data", "line.csv", "--epochs", "5", "--rate", "0.1", "--plot", "l.svg")
        assert result.exit_code == 0, result.stderr
        assert (folder / "l.svg").read_text().startswith("<?xml")

    def test_zero_weights_are_warned_of(self, folder: Path) -> None:
        (folder / "v.json").write_text(json.dumps(dict.fromkeys(WEIGHTS, 0)))
        result = run("train", "two-two-one", "--data", "xor.csv", "--epochs", "1", "--values", "v.json")
        assert result.stderr.startswith("warning: all weights start at 0")

    def test_the_seed_decides(self, folder: Path) -> None:
        options = ["train", "two-two-one", "--data", "xor.csv", "--epochs", "20", "--batch", "2"]
        first, again, other = (run(*options, "--seed", seed).stdout for seed in ("1", "1", "2"))
        assert first == again != other

    def test_a_pipe_sees_no_progress(self, folder: Path) -> None:
        process = started("train", "line.net", "--data", "line.csv", "--epochs", "40000", "--rate", "0.01", cwd=folder)
        output, error = process.communicate(timeout=120)
        assert set(json.loads(output)) == {"w", "b"}
        assert [line.split()[0] for line in error.splitlines()] == ["mean", "stopped"]

    @pytest.mark.parametrize("option", ["-o", "--plot"])
    def test_a_folder_that_is_missing_is_found_before_training(self, folder: Path, option: str) -> None:
        pytest.importorskip("matplotlib")
        ending = {"-o": "npz", "--plot": "png"}[option]
        result = run("train", "line.net", "--data", "line.csv", "--epochs", "100000000", option, f"no/such.{ending}")
        assert result.exit_code == 2
        assert f"no/such.{ending} cannot be written" in result.stderr

    def test_where_a_file_fails_at_last_standard_output_gets_the_parameters(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(_from: str, _to: str) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "replace", full)
        result = run("train", "line.net", "--data", "line.csv", "--rate", "0.2", "--epochs", "400", "-o", "p.npz")
        assert result.exit_code == 2
        assert "p.npz cannot be written: No space left on device" in result.stderr
        assert json.loads(result.stdout) == pytest.approx({"w": 2, "b": 1}, abs=1e-6)

    def test_parameters_keep_every_bit_and_the_names_of_layers(self, folder: Path) -> None:
        (folder / "deep.net").write_text(
            "samples: m\nX in R^(2 x m), Y in R^(1 x m)\nW^{[1]} in R^(1 x 2)\nb^{[1]} in R^1\n"
            "Z^{[1]} = W^{[1]} X + b^{[1]}\nL = \\frac{1}{m} \\|Z^{[1]} - Y\\|_F^2\n"
        )
        rng = np.random.default_rng(0)
        for dtype in ("float32", "float64"):
            np.savez(folder / "d.npz", X=rng.random((2, 5)).astype(dtype), Y=rng.random((1, 5)).astype(dtype))
            start = {"W^[1]": rng.random((1, 2)).astype(dtype), "b^[1]": rng.random(1).astype(dtype)}
            with (folder / "s.npz").open("wb") as file:
                np.savez(file, **start)
            result = run("train", "deep.net", "--data", "d.npz", "--epochs", "0", "--resume", "s.npz", "-o", "t.npz")
            assert result.exit_code == 0, result.stderr
            with np.load(folder / "t.npz") as found:
                assert {name: found[name].tobytes() for name in found} == {n: v.tobytes() for n, v in start.items()}
                assert {found[name].dtype for name in found} == {np.dtype(dtype)}


WEIGHTS = ["w_11", "w_12", "w_13", "w_14", "w_21", "w_22"]
LONG_TRAINING = ["train", "two-two-one", "--data", "xor.csv", "--epochs", "100000000", "--rate", "0.25", "--seed", "3"]


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT for a child on Windows")
class TestInterrupt:
    def interrupted(self, folder: Path, *options: str, signals: int = 1) -> tuple[str, str]:
        """What an interrupted run writes: it says that weights are zero when its training begins."""
        (folder / "zero.json").write_text(json.dumps(dict.fromkeys(WEIGHTS, 0)))
        process = started(*LONG_TRAINING, "--values", "zero.json", *options, cwd=folder)
        assert process.stderr is not None
        assert "all weights start at 0" in process.stderr.readline()
        time.sleep(4)  # on a busy machine the first epochs take a while to begin
        for _ in range(signals):
            process.send_signal(signal.SIGINT)
            time.sleep(0.002)
        output, error = process.communicate(timeout=60)
        assert process.returncode == 1
        assert "stopped because of interrupted" in error
        assert "Traceback" not in error
        return output, error

    def go_on(self, error: str, folder: Path) -> Result:
        """Run the command that an interrupted run proposes, with few epochs."""
        words = shlex.split(error.split("to go on: ")[1])
        assert words[0] == "symbackprop"
        at = words.index("--epochs") + 1
        assert 0 < int(words[at]) <= 100_000_000
        words[at] = "2"
        return run(*words[1:])

    @pytest.mark.parametrize("signals", [1, 3])
    def test_parameters_are_written_and_training_can_go_on(self, folder: Path, signals: int) -> None:
        output, error = self.interrupted(folder, "-o", "my p.npz", signals=signals)
        assert output == ""
        with np.load(folder / "my p.npz") as found:
            kept = {name: found[name] for name in found}
        assert set(kept) == {*WEIGHTS, "b_11", "b_12", "b_21"}
        result = self.go_on(error, folder)
        assert result.exit_code == 0, result.stderr
        assert f"mean cost {self.cost(kept):.6g}" in result.stderr  # the first epoch is where the other run stopped
        assert "--rate 0.25 --seed 3" in error
        assert "--values zero.json" in error

    def test_without_a_file_standard_output_has_the_parameters(self, folder: Path) -> None:
        output, error = self.interrupted(folder)
        kept = json.loads(output)
        assert "on standard output; keep them in a file, for example parameters.json" in error
        (folder / "parameters.json").write_text(output)
        result = self.go_on(error, folder)
        assert result.exit_code == 0, result.stderr
        assert f"mean cost {self.cost(kept):.6g}" in result.stderr

    def cost(self, parameters: Mapping[str, Any]) -> float:
        data = {"x_1": [0.0, 0, 1, 1], "x_2": [0.0, 1, 0, 1], "y": [0.0, 1, 1, 0]}
        return sb.read("two-two-one").derive().compile()({**parameters, **data})[0]

    def on_a_terminal(self, folder: Path, *arguments: str, interrupt_at: bytes = b"") -> tuple[int, bytes]:
        """Exit status and messages of a run whose standard error is a terminal; SIGINT once it shows something."""
        pty = pytest.importorskip("pty")
        ours, theirs = pty.openpty()
        process = started(*arguments, cwd=folder, stderr=theirs)
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # the terminal is gone when the child has ended
            while chunk := os.read(ours, 4096):
                if interrupt_at and interrupt_at not in shown and interrupt_at in shown + chunk:
                    process.send_signal(signal.SIGINT)
                shown += chunk
        os.close(ours)
        process.communicate()
        return process.returncode, shown

    def test_a_terminal_shows_progress(self, folder: Path) -> None:
        status, shown = self.on_a_terminal(folder, *LONG_TRAINING, "-o", "p.npz", interrupt_at=b"mean cost")
        assert status == 1
        assert b"training  [----" in shown
        assert b"--resume p.npz -o p.npz" in shown
        assert (folder / "p.npz").exists()

    def test_short_work_shows_no_bar(self, folder: Path) -> None:
        short = ["train", "line.net", "--data", "line.csv", "--epochs", "3", "--rate", "0.1", "-o", "p.npz"]
        status, shown = self.on_a_terminal(folder, *short)
        assert status == 0
        assert shown.startswith(b"mean cost")


class TestCode:
    def test_it_runs(self, folder: Path) -> None:
        result = run("code", "two-two-one", "--train", "-o", "net.py")
        assert result.exit_code == 0, result.stderr
        subprocess.run([sys.executable, "-I", "net.py"], cwd=folder, check=True, capture_output=True)

    def test_to_standard_output(self) -> None:
        assert "def loss_and_gradients(params, data):" in run("code", "two-two-one").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["derive"], "Missing argument 'NETWORK'"),
        (["derve"], "No such command"),
        (["derive", "two-two-one", "--style", "fast"], "'fast' is not one of"),
        (["derive", "two-two-two"], "two-two-one"),
        (["derive", "-"], "standard input is empty"),
        (["derive", "two-two-one", "-o", "no/such/sheet.md"], "cannot be written"),
        (["gradcheck", "two-two-one", "--values", "none.json"], "there is no file none.json"),
        (["gradcheck", "broken.net"], "broken.net"),
        (["gradcheck", "two-two-one", "--values", "deep.json"], "deep.json: these brackets are nested too deeply"),
        (["gradcheck", "two-two-one", "--values", "long.json"], "long.json: a number has thousands of digits"),
        (["gradcheck", "two-two-one", "--seed", "-1"], "Invalid value for '--seed'"),
        (["train", "two-two-one", "--data", "xor.csv", "--seed", "-1"], "Invalid value for '--seed'"),
        (["derive", "two-two-one", "--digits", "0"], "Invalid value for '--digits'"),
        (["train", "two-two-one"], "Missing option '--data'"),
        (["train", "two-two-one", "--data", "line.csv"], "no quantity called 'x'"),
        (["train", "two-two-one", "--data", "xor.csv", "--rate", "-1"], "rate"),
        (["train", "two-two-one", "--data", "xor.csv", "--epochs", "-1"], "--epochs"),
        (["train", "two-two-one", "--data", "xor.csv", "--patience", "3"], "no validation data"),
        (["train", "two-two-one", "--data", "xor.csv", "-o", "p.txt"], ".npz or .json"),
        (["train", "two-two-one", "--data", "xor.npz", "-o", "xor.npz"], "xor.npz is read, and would be overwritten"),
        (["train", "two-two-one", "--data", "xor.csv", "--plot", "l.gif"], ".png, .svg, .pdf"),
        (["predict", "two-two-one", "--values", "part.json"], "no value for"),
        (
            ["predict", "two-two-one", "--values", "odd.net"],
            "odd.net, line 2, column 9: this is not a number",
        ),
        (
            ["predict", "two-two-one", "--values", "line.net"],
            "line.net, line 1, column 1: this gives no value",
        ),
        (["code", "open.net"], "f is tanh"),
    ],
)
def test_what_is_wrong_is_one_message_with_status_2(folder: Path, arguments: list[str], message: str) -> None:
    (folder / "broken.net").write_text("z = w x +\nE = z^2\n")
    (folder / "open.net").write_text("z = w x\na = f(z)\nE = (a - y)^2\n")
    (folder / "odd.net").write_text("w_11 := 1\nw_12 := x\n")
    (folder / "deep.json").write_text("[" * 100_000)
    (folder / "long.json").write_text('{"w_11": ' + "1" * 5000 + "}")
    (folder / "part.json").write_text('{"w_11": 1}')
    np.savez(folder / "xor.npz", x_1=[0], x_2=[0], y=[0])
    before = sorted(folder.iterdir())
    result = run(*arguments, text="")
    assert result.exit_code == 2, result.output
    assert message in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert sorted(folder.iterdir()) == before


@pytest.mark.usefixtures("folder")
def test_debug_shows_the_traceback() -> None:
    result = run("--debug", "gradcheck", "none.net")
    assert isinstance(result.exception, Exception)
    assert not isinstance(result.exception, SystemExit)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a shell with pipes")
def test_a_reader_that_leaves_early_is_no_error() -> None:
    script = f"{sys.executable} -m symbackprop.cli derive two-two-one --quiet | head -n 1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


def test_a_pdf_where_tex_is_found(folder: Path) -> None:
    if shutil.which("pdflatex") is None:
        pytest.skip("pdflatex is not installed")
    assert run("derive", "line.net", "-o", "sheet.pdf").exit_code == 0
    assert (folder / "sheet.pdf").read_bytes().startswith(b"%PDF-")
    assert run("derive", "line.net", "-f", "pdf", "-o", "sheet.out").exit_code == 0
    assert (folder / "sheet.out").read_bytes() == (folder / "sheet.pdf").read_bytes()


def test_a_clear_message_where_tex_is_not_found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(folder))
    done = run("derive", "line.net", "-q", "-o", "sheet.pdf")
    assert done.exit_code == 2
    assert done.stderr.startswith(
        "symbackprop: a PDF needs TeX, and pdflatex or xelatex or lualatex is not installed\n"
    )
    assert "texlive" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (folder / "sheet.pdf").exists()
