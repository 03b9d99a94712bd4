"""A drawing as SVG: self-contained, light and dark, no script.

Contract: `svg(drawing, title)` gives one ``<svg>`` element; every name in it is escaped text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from symbackprop.names import Name
from symbackprop.sheets.diagram.label import SCRIPT, Run, breadth, runs, text_runs
from symbackprop.sheets.diagram.layout import (
    HEIGHT,
    MARK,
    SIZE,
    SMALL,
    Drawing,
    PlacedEdge,
    PlacedNode,
    row_breadth,
)
from symbackprop.sheets.diagram.units import RADIUS

STYLE = """\
.nw{--ink:#1f2933;--soft:#66727f;--line:#8a97a6;--paper:#fff;--input:#e3effb;--neuron:#f4f5f7;--output:#e2f4e6;--loss:#fdeadf;\
--edge:#b9c3cf;font-family:"STIX Two Text",Cambria,STIX,"Times New Roman","Liberation Serif",Georgia,serif}
@media(prefers-color-scheme:dark){.nw{--ink:#e6ebf0;--soft:#a3aebb;--line:#7d8a99;--paper:#14181d;--input:#1c3450;--neuron:#2a3038;\
--output:#1d3d28;--loss:#4a2d1c;--edge:#596675}}
@media print{.nw{--ink:#1f2933;--soft:#66727f;--line:#8a97a6;--paper:#fff;--input:#e3effb;\
--neuron:#f4f5f7;--output:#e2f4e6;--loss:#fdeadf}}
.nw .paper{fill:var(--paper)}
.nw text{fill:var(--ink);text-anchor:middle}
.nw .v{font-style:italic}
.nw .ring{fill:none;stroke:var(--paper);stroke-width:5px;stroke-linejoin:round}
.nw .box{stroke:var(--line);stroke-width:1.3}
.nw .input{fill:var(--input)}.nw .neuron{fill:var(--neuron)}
.nw .output{fill:var(--output)}.nw .loss{fill:var(--loss)}
.nw .go{fill:none;stroke:var(--line);stroke-width:1.3}
.nw .wire{fill:none;stroke:var(--edge);stroke-width:.9}
.nw .unit{fill:var(--paper);stroke:var(--line);stroke-width:1.1}
.nw .tip{fill:var(--line)}
.nw .bar{stroke:var(--line);stroke-width:1}
.nw .soft{fill:var(--soft)}"""


def svg(drawing: Drawing, title: str, mark: str = "nw") -> str:
    """The drawing as an SVG element; `mark` tells its arrow tips from those of other pictures on a page."""
    parts = [
        *(_layer(p) for p in drawing.nodes if p.units),
        *(_wires(e) if e.wires else _arrow(e, mark) for e in drawing.edges),
        *(line for p in drawing.nodes for line in _node(p, mark)),
        *(_text(e.edge.weight, *e.label_at, SMALL, "halo") for e in drawing.edges if e.label_at and e.edge.weight),
    ]
    return picture(drawing.width, drawing.height, title, parts, mark=mark)


def picture(
    width: float,
    height: float,
    title: str,
    parts: Sequence[str],
    style: str = "",
    mark: str = "nw",
    tips: Sequence[str] = ("tip",),
) -> str:
    """A whole SVG element around its parts, on paper of the page's colour: it can be read on any background.

    Args:
        width, height: the size in points.
        title: what is read out.
        parts: the elements.
        style: more rules of style.
        mark: what the names of the arrow tips begin with, one for each kind of picture on a page.
        tips: the kinds of arrow tips.
    """
    wide, high = coordinate(width), coordinate(height)
    markers = "".join(
        f'<marker id="{mark}-{tip}" viewBox="0 0 8 8" refX="7.2" refY="4" markerWidth="7" markerHeight="7" '
        f'orient="auto-start-reverse"><path class="{tip}" d="M0.6 0.8 7.6 4 0.6 7.2z"/></marker>'
        for tip in tips
    )
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="nw" role="img" aria-label="{escape(title)}" '
        f'viewBox="0 0 {wide} {high}" width="{wide}" height="{high}">',
        f"<title>{escape(title)}</title>",
        f"<style>{STYLE}{style and chr(10) + style}</style>",
        f"<defs>{markers}</defs>",
        f'<rect class="paper" width="{wide}" height="{high}" rx="8"/>',
        *parts,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _wires(e: PlacedEdge) -> str:
    path = "".join(f"M{coordinate(x)} {coordinate(y)}L{coordinate(u)} {coordinate(v)}" for (x, y), (u, v) in e.wires)
    return f'<path class="wire" d="{path}"/>'


def _layer(p: PlacedNode) -> str:
    """The box behind the units of a layer."""
    return _box(p, 12)


def _box(p: PlacedNode, radius: float) -> str:
    return (
        f'<rect class="box {p.node.kind}" x="{coordinate(p.x - p.width / 2)}" y="{coordinate(p.y - p.height / 2)}" '
        f'width="{coordinate(p.width)}" height="{coordinate(p.height)}" rx="{coordinate(radius)}"/>'
    )


def _units(p: PlacedNode) -> Iterator[str]:
    top = p.y - p.height / 2
    for unit in p.units:
        x, y = p.x + unit.x, top + unit.y
        if unit.label is None:
            yield written([Run("⋯" if p.upright else "⋮")], x, y - 1, 20)
            continue
        yield f'<circle class="unit" cx="{coordinate(x)}" cy="{coordinate(y)}" r="{coordinate(RADIUS)}"/>'
        size = 11.0 if len(unit.label.text) <= 3 else 8.5
        yield written(text_runs(unit.label.text), x, y, size, "soft")


def _arrow(e: PlacedEdge, mark: str) -> str:
    n = coordinate
    (x1, y1), (x2, y2) = e.start, e.end
    line = f"L{n(x2)} {n(y2)}"
    if e.bend is not None:
        (u1, v1), (u2, v2) = e.bend
        line = f"C{n(u1)} {n(v1)} {n(u2)} {n(v2)} {n(x2)} {n(y2)}"
    dashes = ' stroke-dasharray="5 3"' if e.edge.recurrent else ""
    return f'<path class="go"{dashes} d="M{n(x1)} {n(y1)}{line}" marker-end="url(#{mark}-tip)"/>'


def _node(p: PlacedNode, mark: str) -> Iterator[str]:
    if p.node.kind == "dots":
        yield written([Run("⋮" if bool(p.node.shape) != p.upright else "⋯")], p.x, p.y - 1, 22)
        if p.node.shape is not None:
            yield written(text_runs(p.node.shape.text), p.x + 19, p.y, SMALL, "soft")
        return
    if not p.units:
        yield _box(p, HEIGHT / 2 if p.node.shape is None else 10)
    lines = p.y if p.node.shape is None else p.y - 9
    middle = p.x
    if p.head:
        middle = p.x - p.width / 2 + p.head / 2
    elif p.units:
        lines = p.y - p.height / 2 + 19
    yield from _names(p.node.names, middle, lines)
    if p.node.shape is not None:
        yield written(
            text_runs(p.node.shape.text), middle, lines + (17 if p.units and not p.head else 22), SMALL, "soft"
        )
    yield from _units(p)
    if p.node.marks:
        yield from _marks(p, mark)


def _marks(p: PlacedNode, mark: str) -> Iterator[str]:
    """What enters beside the arrows: from below, or from the right."""
    n = coordinate
    if p.upright:
        right = p.x + p.width / 2
        stem = f"M{n(right + MARK - 6)} {n(p.y)}H{n(right + 1.5)}"
        middle = right + MARK + row_breadth(p.node.marks) / 2
        at = middle, p.y
    else:
        bottom = p.y + p.height / 2
        stem = f"M{n(p.x)} {n(bottom + MARK - 6)}V{n(bottom + 1.5)}"
        at = p.x, bottom + MARK + 4
    yield f'<path class="go" d="{stem}" marker-end="url(#{mark}-tip)"/>'
    yield from _row(p.node.marks, *at)


def _names(names: Sequence[Name], x: float, y: float) -> Iterator[str]:
    """The names in a neuron, with a bar between what it sums up and what it passes on."""
    widths = [breadth(runs(name), SIZE) for name in names]
    at = x - (sum(widths) + 18 * (len(names) - 1)) / 2
    for number, (name, own) in enumerate(zip(names, widths, strict=True)):
        if number:
            yield f'<path class="bar" d="M{coordinate(at + 9)} {coordinate(y - 13)}V{coordinate(y + 13)}"/>'
            at += 18
        yield _text(name, at + own / 2, y, SIZE)
        at += own


def _row(names: Sequence[Name], x: float, y: float) -> Iterator[str]:
    widths = [breadth(runs(name), SMALL) for name in names]
    at = x - row_breadth(names) / 2
    for name, own in zip(names, widths, strict=True):
        yield _text(name, at + own / 2, y, SMALL)
        at += own + 9


def _text(name: Name, x: float, y: float, size: float, kind: str = "") -> str:
    return written(runs(name), x, y, size, kind)


def written(pieces: Sequence[Run], x: float, y: float, size: float, kind: str = "") -> str:
    """Runs around a point."""
    inner, level = "", "line"
    for run in pieces:
        shift = _offset(run.level, size) - _offset(level, size)
        dy = f' dy="{coordinate(shift)}"' if shift else ""
        small = "" if run.level == "line" else f' font-size="{coordinate(size * SCRIPT)}"'
        inner += f"<tspan{_slanted(run)}{dy}{small}>{escape(run.text)}</tspan>"
        level = run.level
    lift = size * 0.33
    if "halo" in kind:  # behind the whole text, or the halo of a script would cover the letter before it
        return written(pieces, x, y, size, "ring") + written(pieces, x, y, size, kind.replace("halo", "").strip())
    mark = f' class="{kind}"' if kind else ""
    return f'<text{mark} x="{coordinate(x)}" y="{coordinate(y + lift)}" font-size="{coordinate(size)}">{inner}</text>'


def _slanted(run: Run) -> str:
    return ' class="v"' if run.text.isalpha() else ""


def _offset(level: str, size: float) -> float:
    return {"below": 0.22 * size, "above": -0.36 * size}.get(level, 0.0)


def coordinate(value: float) -> str:
    """A coordinate with at most one digit behind the point."""
    return f"{value:.1f}".removesuffix(".0") if abs(value) >= 0.05 else "0"
