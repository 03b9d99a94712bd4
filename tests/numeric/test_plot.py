"""The loss curve as a file."""

from __future__ import annotations

import builtins
import html
from pathlib import Path
from typing import Any

import pytest

import symbackprop as sb
from symbackprop.numeric import History, plot
from symbackprop.numeric.plot import plot_loss

HISTORY = History(loss=[1.0, 0.5, 0.2], validation_loss=[1.1, 0.7, 0.6])


def texts(path: Path, history: History, title: str = "") -> str:
    """The picture as SVG whose words are words."""
    matplotlib = pytest.importorskip("matplotlib")
    plot.STYLE["svg.fonttype"] = "none"
    try:
        plot_loss(history, path / "t.svg", title)
    finally:
        plot.STYLE["svg.fonttype"] = "path"
    assert matplotlib.rcParams["svg.fonttype"] == "path"
    return (path / "t.svg").read_text()


@pytest.mark.parametrize(("name", "head"), [("a.png", b"\x89PNG"), ("a.svg", b"<?xml"), ("a.pdf", b"%PDF")])
def test_formats(tmp_path: Path, name: str, head: bytes) -> None:
    pytest.importorskip("matplotlib")
    plot_loss(HISTORY, tmp_path / name)
    first = (tmp_path / name).read_bytes()
    assert first.startswith(head)
    plot_loss(HISTORY, tmp_path / name)
    assert (tmp_path / name).read_bytes() == first


def test_the_axes_are_labelled(tmp_path: Path) -> None:
    text = texts(tmp_path, HISTORY, "XOR")
    for label in ("epoch", "mean cost", "training", "validation", "best validation: 0.6 in epoch 3", "XOR"):
        assert f">{label}<" in text


@pytest.mark.parametrize(
    ("losses", "validation", "logarithmic"),
    [
        ([1.0, 0.05], [], True),
        ([1.0, 0.5], [], False),  # a factor of two needs no logarithm
        ([1.0, 0.5], [0.9, 0.01], True),
        ([1.0, 0.0], [], False),  # has no logarithm
        ([1.0, -5.0], [], False),
        ([0.5], [], False),
    ],
)
def test_a_logarithmic_axis_where_costs_span_decades(
    tmp_path: Path, losses: list[float], validation: list[float], logarithmic: bool
) -> None:
    text = texts(tmp_path, History(loss=losses, validation_loss=validation))
    assert (">mean cost (logarithmic)<" in text) is logarithmic
    assert (">validation<" in text) is bool(validation)


def test_epochs_are_whole_numbers(tmp_path: Path) -> None:
    for losses in ([0.5], [0.5, 0.4], [1.0, 0.9, 0.7, 0.6]):
        text = texts(tmp_path, History(loss=losses))
        for epoch in range(1, len(losses) + 1):
            assert f">{epoch}<" in text
        assert ">1.5<" not in text


@pytest.mark.parametrize("title", ["cost $5 & more_ $", r"$\frac$ {", "神经网络 <b>", "a\nb"])
def test_any_title_is_shown_as_it_is(tmp_path: Path, title: str, recwarn: pytest.WarningsRecorder) -> None:
    text = texts(tmp_path, HISTORY, title)
    for word in html.escape(title, quote=False).splitlines():
        assert word in html.escape(html.unescape(text), quote=False)
    assert not recwarn.list


def test_a_long_history_is_a_small_picture(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    plot_loss(History(loss=[1 / n for n in range(1, 200_001)]), tmp_path / "a.svg")
    assert (tmp_path / "a.svg").stat().st_size < 300_000


def test_what_cannot_be_drawn(tmp_path: Path) -> None:
    with pytest.raises(sb.DataError, match=r"\.png, \.svg, \.pdf"):
        plot_loss(HISTORY, tmp_path / "a.gif")
    with pytest.raises(sb.DataError, match="no epoch"):
        plot_loss(History(), tmp_path / "a.png")
    assert not list(tmp_path.iterdir())


def test_without_matplotlib_there_is_a_hint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(sb.DataError, match="matplotlib, which is not installed"):
        plot_loss(HISTORY, tmp_path / "a.png")
