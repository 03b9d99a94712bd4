"""The README runs: its Python blocks in order, its networks, its error message."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import symbackprop as sb

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The fenced blocks of a language, in order."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    return [text for name, text in found if name == language]


def test_python_blocks_run(capsys: pytest.CaptureFixture[str]) -> None:
    namespace: dict[str, Any] = {}
    for block in blocks("python"):
        exec(block, namespace)
    assert namespace["gradients"]["w_12"] == pytest.approx(-0.005508744, rel=1e-6)
    assert r"\boxed{\frac{\partial E}{\partial w_{12}}" in capsys.readouterr().out
    assert namespace["history"].loss[-1] < 1e-3


def test_the_shown_line_is_what_the_sheet_says() -> None:
    shown = re.search(r"```math\n(\\frac\{\\partial E\}\{\\partial w_\{12\}\} = .*?)\n```", README, re.DOTALL)
    assert shown is not None
    chain, result = shown[1].split("\n= ")
    sheet = sb.read("two-two-one").derive().sheet().to_markdown(dialect="github")
    assert chain in sheet
    assert result in sheet


def test_the_matrix_network_reads_as_the_built_in_one() -> None:
    block = next(b for b in blocks("") if "hat{Y}" in b)
    shown, built_in = sb.read(block), sb.read("softmax-classifier")
    assert [str(e.target) for e in shown.equations] == [str(e.target) for e in built_in.equations]
    assert str(shown.derive()["Z^[2]"].result) == str(built_in.derive()["Z^[2]"].result)


def test_the_shown_error() -> None:
    with pytest.raises(sb.SymbackpropError) as caught:
        sb.read("X in R^(n x d), W in R^(h x d), b in R^h\n\n# bias\n\nZ = W X + b\nE = \\|Z\\|_F^2")
    lines = [line.removeprefix("    ") for line in README.splitlines()]
    shown = next(n for n, line in enumerate(lines) if line.startswith("net.net, line 5"))
    expected = "\n".join(lines[shown : shown + 4]).removeprefix("net.net, ")
    assert str(caught.value) == expected


def test_the_shown_loop_is_the_one_that_runs() -> None:
    net = sb.read(re.search(r'sb\.read\(r"""(.*?)"""', README, re.DOTALL)[1])  # type: ignore[index]
    data = {"x_1": [0, 0, 1, 1], "x_2": [0, 1, 0, 1], "y": [0, 1, 1, 0]}
    history = net.derive().train(data=data, epochs=1, batch_size=1, compiled=False)
    (shown,) = blocks("py")
    lines = shown.splitlines()
    assert lines.pop() == "    ..."
    assert "\n".join("    " + line for line in lines) in history.source


def test_the_shown_marks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from click.testing import CliRunner

    from symbackprop.cli import main

    (answer,), (rubric,), (shown,) = blocks("markdown"), blocks("toml"), blocks("text")
    monkeypatch.chdir(tmp_path)
    Path("ann.md").write_text(answer, encoding="utf-8")
    Path("rubric.toml").write_text(rubric, encoding="utf-8")
    result = CliRunner().invoke(main, ["check", "two-two-one", "ann.md", "--rubric", "rubric.toml"])
    assert result.exit_code == 1
    assert result.stdout == shown


def test_linked_files_exist() -> None:
    root = Path(__file__).parent.parent
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (root / target).exists(), target
