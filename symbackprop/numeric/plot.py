"""The loss curve as a picture (extra: matplotlib).

Contract: `plot_loss` writes PNG, SVG or PDF by the file's ending, with labelled axes, or raises `DataError`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from symbackprop.errors import DataError
from symbackprop.numeric.files import whole_file
from symbackprop.numeric.training import History

FORMATS = (".png", ".svg", ".pdf")


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
    with matplotlib.rc_context({"svg.hashsalt": "symbackprop", "svg.fonttype": "path"}):
        figure = figure_class(figsize=(6.4, 4.0), layout="constrained")
        axes = figure.add_subplot()
        epochs = range(1, len(history.loss) + 1)
        axes.plot(epochs, history.loss, color="#1f5fa8", label="training")
        if history.validation_loss:
            axes.plot(
                range(1, len(history.validation_loss) + 1),
                history.validation_loss,
                color="#c2571a",
                linestyle="--",
                label="validation",
            )
            axes.legend(frameon=False)
        if all(cost > 0 for cost in history.loss + history.validation_loss):
            axes.set_yscale("log")
        axes.set_xlabel("epoch")
        axes.set_ylabel("mean cost")
        axes.set_title(title)
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
        with whole_file(path) as stream:
            figure.savefig(stream, format=ending[1:], metadata=_undated(ending), dpi=150)


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


def _matplotlib() -> tuple[Any, Any]:
    try:
        import matplotlib
        from matplotlib.figure import Figure  # a figure of its own: no window, no global state
    except ImportError:
        raise DataError(
            "drawing needs matplotlib, which is not installed", hint="pip install 'symbackprop[plot]'"
        ) from None
    return Figure, matplotlib
