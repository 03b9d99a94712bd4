"""The figures as a picture: a panel for each problem, bars on a logarithmic axis that begin at clean NumPy.

Contract: `draw` writes SVG or PNG by the file's ending. The SVG follows the reader's light or dark colours; both
have a ground of their own, so they can be read on any page.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks.peers import NUMPY
from tests.benchmarks.problems import problem
from tests.benchmarks.records import Record
from tests.benchmarks.table import number

LIGHT = {
    "paper": "#fffffe",
    "ink": "#1f2933",
    "soft": "#66727f",
    "grid": "#e3e7ec",
    "fast": "#1f6feb",
    "ours": "#79aef5",
    "peer": "#b6bfc9",
}
DARK = {
    "paper": "#14181d",
    "ink": "#e6ebf0",
    "soft": "#a3aebb",
    "grid": "#2a3038",
    "fast": "#5b9dff",
    "ours": "#2f5f9e",
    "peer": "#4b5663",
}
SOFT = {"color": LIGHT["soft"], "fontstyle": "italic"}


def draw(records: Sequence[Record], path: Path) -> None:
    """The float64 records, fastest first in each panel."""
    import matplotlib
    from matplotlib.figure import Figure

    shown = [r for r in records if r.dtype == "float64" and r.contestant != NUMPY]
    keys = list(dict.fromkeys(r.problem for r in shown))
    style = {"svg.hashsalt": "symbackprop", "svg.fonttype": "path", "font.family": "DejaVu Sans", "font.size": 9}
    with matplotlib.rc_context(style):
        rows = math.ceil(len(keys) / 2)
        figure = Figure(figsize=(10, 0.9 + 2.6 * rows), layout="constrained", facecolor=LIGHT["paper"])
        for place, key in enumerate(keys, start=1):
            panel = sorted((r for r in shown if r.problem == key), key=lambda r: r.speed if r.installed else 0)
            _panel(figure.add_subplot(rows, 2, place), key, panel)
        figure.get_layout_engine().set(w_pad=0.12, h_pad=0.12, wspace=0.04, hspace=0.06)
        figure.suptitle(
            "Training, times faster than clean NumPy (one thread, float64)", color=LIGHT["ink"], fontsize=11.5
        )
        stream = io.BytesIO()
        ending = path.suffix[1:]
        figure.savefig(stream, format=ending, dpi=120, metadata={"Date": None} if ending == "svg" else None)
    path.write_bytes(in_two_colour_schemes(stream.getvalue()) if ending == "svg" else stream.getvalue())


def in_two_colour_schemes(svg: bytes) -> bytes:
    """Every colour becomes a variable that is light or dark by the reader's choice."""
    text = svg.decode()
    for name, colour in LIGHT.items():
        text = text.replace(colour, f"var(--{name})")
    light, dark = (";".join(f"--{name}:{colour}" for name, colour in c.items()) for c in (LIGHT, DARK))
    style = f"<style>svg{{{light}}}\n@media(prefers-color-scheme:dark){{svg{{{dark}}}}}</style>"
    head, tag, rest = text.partition("<defs>")
    return f"{head}{style}\n {tag}{rest}".encode()


def ticks(low: float, high: float) -> list[float]:
    """Round numbers between two others, at least two: powers of ten, or what lies between them."""
    for between in ([1], [1, 3], [1, 2, 5], [1, 1.5, 2, 3, 5, 7], [1, 1.2, 1.5, 2, 3, 5, 6, 7, 8, 9]):
        found = [step * 10.0**power for power in range(-6, 7) for step in between if low <= step * 10.0**power <= high]
        if len(found) > 2:
            break
    return [float(f"{tick:.2g}") for tick in found]


def _panel(axes: Any, key: str, records: Sequence[Record]) -> None:
    """Bars to the right are faster than clean NumPy, to the left slower; a thin line from minimum to maximum."""
    speeds = [speed for r in records for speed in r.against_numpy]
    low, high = min(*speeds, 1), max(*speeds, 1)
    margin = (high / low) ** 0.25  # room for the numbers
    axes.set(xscale="log", xlim=(low / margin, high * margin), ylim=(-0.6, len(records) - 0.4))
    for row, record in enumerate(records):
        if not record.installed:
            axes.annotate("not installed", (1, row), xytext=(5, 0), textcoords="offset points", va="center", **SOFT)
            continue
        colour = LIGHT["fast" if record.fast else "ours" if record.ours else "peer"]
        axes.barh(row, record.speed - 1, left=1, height=0.68, color=colour, linewidth=0)
        axes.plot(
            [min(record.against_numpy), max(record.against_numpy)], [row, row], color=LIGHT["soft"], linewidth=1.2
        )
        faster = record.speed >= 1
        end = max(record.against_numpy) if faster else min(record.against_numpy)
        axes.annotate(
            number(record.speed),
            (end, row),
            xytext=(5 if faster else -5, 0),
            textcoords="offset points",
            ha="left" if faster else "right",
            va="center",
            color=LIGHT["ink"],
            fontweight="bold" if record.ours else "normal",
        )
    axes.axvline(1, color=LIGHT["soft"], linewidth=1)
    axes.set_title(f"{key}   {problem(key, 'float64').title}", loc="left", color=LIGHT["ink"], fontsize=9.5)
    axes.set_yticks(range(len(records)), [r.contestant for r in records], color=LIGHT["ink"])
    shown = ticks(low / margin, high * margin)
    axes.set_xticks(shown, [f"{tick:g}" for tick in shown])
    axes.set_xticks([], minor=True)
    axes.tick_params(axis="both", which="both", length=0, labelcolor=LIGHT["soft"])
    axes.tick_params(axis="y", labelcolor=LIGHT["ink"])
    axes.grid(axis="x", color=LIGHT["grid"], linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_facecolor(LIGHT["paper"])
    axes.spines[:].set_visible(False)
