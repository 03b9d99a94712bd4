"""The loss curve as a picture (extra: matplotlib).

Contract: `plot_loss` writes PNG, SVG or PDF by the file's ending, with labelled axes, or raises `DataError`.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from symbackprop.errors import DataError
from symbackprop.numeric.files import check_writable, whole_file
from symbackprop.numeric.training import History

FORMATS = (".png", ".svg", ".pdf")

TRAINING, VALIDATION = "#1f5fa8", "#c2571a"
"""Blue and orange are told apart by readers who see no red or no green."""

FEW = 30
"""Curves with at most so many epochs show every epoch as a dot."""

CHINESE_FONTS = ("Noto Sans CJK SC", "Source Han Sans SC", "WenQuanYi Micro Hei", "PingFang SC", "Microsoft YaHei")

STYLE: dict[str, Any] = {
    "svg.hashsalt": "symbackprop",  # the same identifiers, so the same bytes, in every run
    "svg.fonttype": "path",
    "axes.edgecolor": "#888888",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e4e4e4",
    "axes.axisbelow": True,
    "axes.labelcolor": "#333333",
    "axes.titleweight": "bold",
    "axes.titlesize": "medium",
    "axes.titlepad": 12.0,
    "xtick.color": "#888888",
    "ytick.color": "#888888",
    "xtick.labelcolor": "#333333",
    "ytick.labelcolor": "#333333",
    "lines.linewidth": 1.8,
    "legend.frameon": False,
}


def plot_loss(history: History, path: str | Path, title: str = "") -> None:
    """Draw the mean cost of every epoch, and the validation cost where there is one.

    Args:
        history: of a training run with at least one epoch.
        path: where to write; the ending chooses the format.
        title: stands above the picture.

    Raises:
        DataError: another ending, nothing to draw, matplotlib is not installed, or the file cannot be
            written.
    """
    path = Path(path)
    ending = check_format(path)
    if not history.loss:
        raise DataError("there is no epoch to draw")
    figure_class, matplotlib = _matplotlib()
    with matplotlib.rc_context({**STYLE, "font.family": _fonts()}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # no font has it: a box stands for it
        figure = figure_class(figsize=(6.4, 4.0), layout="constrained")
        _draw(figure.add_subplot(), history, title)
        with whole_file(path) as stream:
            figure.savefig(stream, format=ending[1:], metadata=_undated(ending), dpi=150)


def _draw(axes: Any, history: History, title: str) -> None:
    """The curves with their axes; validation with a dot where it was best."""
    _curve(axes, history.loss, "training", TRAINING, "-")
    if history.validation_loss:
        _curve(axes, history.validation_loss, "validation", VALIDATION, "--")
        epoch = min(range(len(history.validation_loss)), key=history.validation_loss.__getitem__)
        best = history.validation_loss[epoch]
        axes.plot(epoch + 1, best, "o", color=VALIDATION, label=f"best validation: {best:.4g} in epoch {epoch + 1}")
        axes.legend()
    logarithmic = _spans_decades(history.loss + history.validation_loss)
    axes.set_yscale("log" if logarithmic else "linear")
    axes.set_xlabel("epoch")
    axes.set_ylabel("mean cost (logarithmic)" if logarithmic else "mean cost")
    axes.set_title(title, loc="left", parse_math=False)
    axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    axes.margins(x=0.02)


def _curve(axes: Any, costs: Sequence[float], label: str, color: str, line: str) -> None:
    """A line; a few epochs are points, too, for a single one would not be seen."""
    marker = "." if len(costs) <= FEW else ""
    axes.plot(range(1, len(costs) + 1), costs, color=color, linestyle=line, marker=marker, label=label)


def _spans_decades(costs: Sequence[float]) -> bool:
    """Do positive costs differ by more than a factor of ten? Then their logarithm shows more."""
    return min(costs) > 0 and max(costs) > 10 * min(costs)


def check_picture(path: str | Path) -> None:
    """Refuse before training what `plot_loss` would refuse after it.

    Raises:
        DataError: another ending, matplotlib is not installed, or the file cannot be written.
    """
    check_format(path)
    _matplotlib()
    check_writable(path)


def check_format(path: str | Path) -> str:
    """The ending of a picture's file.

    Raises:
        DataError: it is none of .png, .svg, .pdf.
    """
    ending = Path(path).suffix.lower()
    if ending not in FORMATS:
        raise DataError(
            f"a picture is written as {', '.join(FORMATS)}, not as {ending or 'a file without ending'!r}",
            hint=f"write for example {Path(path).stem or 'loss'}.png",
        )
    return ending


def _undated(ending: str) -> dict[str, Any]:
    """No date in the file: the same run gives the same bytes."""
    return {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(ending, {})


def _fonts() -> list[str]:
    """The font that comes with matplotlib, and behind it what is installed for Chinese titles."""
    from matplotlib.font_manager import fontManager

    installed = {font.name for font in fontManager.ttflist}
    return ["DejaVu Sans", *(name for name in CHINESE_FONTS if name in installed)]


def _matplotlib() -> tuple[Any, Any]:
    try:
        import matplotlib
        from matplotlib.figure import Figure  # a figure of its own: no window, no global state
    except ImportError:
        raise DataError(
            "drawing needs matplotlib, which is not installed", hint="pip install 'symbackprop[plot]'"
        ) from None
    return Figure, matplotlib
