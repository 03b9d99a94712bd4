r"""A drawing as a TikZ picture.

Contract: `tikz(drawing)` gives a ``tikzpicture`` that needs ``\usepackage{tikz}`` and
``\usetikzlibrary{arrows.meta}``; names are set in math mode.
"""

from __future__ import annotations

from collections.abc import Iterator

from symbackprop.sheets.diagram.layout import Drawing, PlacedEdge, PlacedNode
from symbackprop.sheets.diagram.units import RADIUS

SCALE = 0.026
"""Centimetres for one point of the layout."""
PAGE = 16.4
"""The widest picture, in centimetres."""

COLOURS = {"input": "blue!7", "neuron": "black!4", "output": "green!9", "loss": "orange!16"}


def tikz(drawing: Drawing) -> str:
    """The drawing as a tikzpicture, shrunk where it would be wider than the page."""
    shrink = min(1.0, PAGE / (drawing.width * SCALE))
    smaller = "" if shrink == 1.0 else f", scale={shrink:.3f}, every node/.append style={{transform shape}}"
    lines = [
        rf"\begin{{tikzpicture}}[x={SCALE}cm, y=-{SCALE}cm, >={{Stealth[length=4.5pt]}}{smaller},",
        r"  unit/.style={draw=black!45, rounded corners=5.5mm, inner sep=0pt},",
        r"  array/.style={draw=black!45, rounded corners=2mm, inner sep=0pt, align=center},",
        rf"  neuron/.style={{draw=black!45, fill=white, circle, inner sep=0pt, "
        rf"minimum size={2 * RADIUS * SCALE:.2f}cm,",
        r"    font=\fontsize{5.5}{6}\selectfont, text=black!65},",
        r"  weight/.style={fill=white, inner sep=1pt, font=\scriptsize},",
        r"  aside/.style={inner sep=1pt, font=\scriptsize}]",
        *(_box(p) for p in drawing.nodes if p.units),
        *(_wires(e) for e in drawing.edges if e.wires),
        *(line for p in drawing.nodes for line in (_layer(p) if p.units else _node(p))),
        *(_arrow(e) for e in drawing.edges if not e.wires),
        *(
            rf"\node[weight] at ({e.label_at[0]:g},{e.label_at[1]:g}) {{${e.edge.weight.latex}$}};"
            for e in drawing.edges
            if e.label_at and e.edge.weight
        ),
        r"\end{tikzpicture}",
    ]
    return "\n".join(lines)


def _node(p: PlacedNode) -> Iterator[str]:
    if p.node.kind == "dots":
        dots = r"\vdots" if p.node.shape else r"\cdots"
        yield rf"\node ({p.node.key}) at ({p.x:g},{p.y:g}) {{${dots}$}};"
        if p.node.shape is not None:
            yield rf"\node[aside, right] at ({p.x + 8:g},{p.y:g}) {{${p.node.shape.latex}$}};"
        return
    inner = r"\;\vert\;".join(name.latex for name in p.node.names)
    text, style = f"${inner}$", "unit"
    if p.node.shape is not None:
        text, style = rf"${inner}$\\[-1pt]{{\scriptsize$({p.node.shape.latex})$}}", "array"
    size = f"minimum width={p.width * SCALE:.2f}cm, minimum height={p.height * SCALE:.2f}cm"
    look = f"{style}, fill={COLOURS[p.node.kind]}, {size}"
    yield rf"\node[{look}] ({p.node.key}) at ({p.x:g},{p.y:g}) {{{text}}};"
    yield from _marks(p)


def _marks(p: PlacedNode) -> Iterator[str]:
    if p.node.marks:
        marks = r",\,".join(name.latex for name in p.node.marks)
        label = rf"node[aside, below, black] {{${marks}$}}"
        yield rf"\draw[<-, black!55] ({p.node.key}.south) -- ++(0,20) {label};"


def _layer(p: PlacedNode) -> Iterator[str]:
    """The name, the shape and the units of a layer."""
    top = p.y - p.height / 2
    inner = r"\;\vert\;".join(name.latex for name in p.node.names)
    yield rf"\node[inner sep=0pt] at ({p.x:g},{top + 17:g}) {{${inner}$}};"
    if p.node.shape is not None:
        yield rf"\node[inner sep=0pt, font=\scriptsize, black!60] at ({p.x:g},{top + 37:g}) {{${p.node.shape.latex}$}};"
    for unit in p.units:
        y = top + unit.y
        if unit.label is None:
            yield rf"\node at ({p.x:g},{y - 2:g}) {{$\vdots$}};"
        else:
            yield rf"\node[neuron] at ({p.x:g},{y:g}) {{${unit.label.latex}$}};"
    yield from _marks(p)


def _box(p: PlacedNode) -> str:
    size = f"minimum width={p.width * SCALE:.2f}cm, minimum height={p.height * SCALE:.2f}cm"
    return rf"\node[array, fill={COLOURS[p.node.kind]}, {size}] ({p.node.key}) at ({p.x:g},{p.y:g}) {{}};"


def _wires(e: PlacedEdge) -> str:
    lines = " ".join(f"({x:g},{y:g}) -- ({u:g},{v:g})" for (x, y), (u, v) in e.wires)
    return rf"\draw[black!22, line width=0.3pt] {lines};"


def _arrow(e: PlacedEdge) -> str:
    style = "->, black!55" + (", dashed" if e.edge.recurrent else "")
    (x1, y1), (x2, y2) = e.start, e.end
    if e.bend is not None:
        (u1, v1), (u2, v2) = e.bend
        bend = rf".. controls ({u1:g},{v1:g}) and ({u2:g},{v2:g}) .."
        return rf"\draw[{style}] ({x1:g},{y1:g}) {bend} ({x2:g},{y2:g});"
    return rf"\draw[{style}] ({x1:g},{y1:g}) -- ({x2:g},{y2:g});"
