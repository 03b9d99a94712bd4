"""The loss curve as a file."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import pytest

import symbackprop as sb
from symbackprop.numeric import History
from symbackprop.numeric.plot import plot_loss

HISTORY = History(loss=[1.0, 0.5, 0.2], validation_loss=[1.1, 0.7, 0.6])


@pytest.mark.parametrize(("name", "head"), [("a.png", b"\x89PNG"), ("a.svg", b"<?xml"), ("a.pdf", b"%PDF")])
def test_formats(tmp_path: Path, name: str, head: bytes) -> None:
    pytest.importorskip("matplotlib")
    plot_loss(HISTORY, tmp_path / name)
    first = (tmp_path / name).read_bytes()
    assert first.startswith(head)
    plot_loss(HISTORY, tmp_path / name)
    assert (tmp_path / name).read_bytes() == first


def test_the_axes_are_labelled(tmp_path: Path) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        plot_loss(HISTORY, tmp_path / "a.svg", title="XOR")
    text = (tmp_path / "a.svg").read_text()
    for label in ("epoch", "mean cost", "training", "validation", "XOR"):
        assert label in text


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
