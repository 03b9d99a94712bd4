r"""A drawing as a TikZ picture.

Contract: `tikz(drawing)` gives a ``tikzpicture`` that needs ``\usepackage{tikz}`` and
``\usetikzlibrary{arrows.meta}``; names are set in math mode.
"""

from __future__ import annotations

from collections.abc import Iterator

from symbackprop.sheets.diagram.layout import Drawing, PlacedEdge, PlacedNode

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
        r"  weight/.style={fill=white, inner sep=1pt, font=\scriptsize},",
        r"  aside/.style={inner sep=1pt, font=\scriptsize}]",
        *(line for p in drawing.nodes for line in _node(p)),
        *(_arrow(e) for e in drawing.edges),
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
        yield rf"\node ({p.node.key}) at ({p.x:g},{p.y:g}) {{$\vdots$}};"
        return
    inner = r"\;\vert\;".join(name.latex for name in p.node.names)
    text, style = f"${inner}$", "unit"
    if p.node.shape is not None:
        text, style = rf"${inner}$\\[-1pt]{{\scriptsize$({p.node.shape.latex})$}}", "array"
    size = f"minimum width={p.width * SCALE:.2f}cm, minimum height={p.height * SCALE:.2f}cm"
    look = f"{style}, fill={COLOURS[p.node.kind]}, {size}"
    yield rf"\node[{look}] ({p.node.key}) at ({p.x:g},{p.y:g}) {{{text}}};"
    if p.node.marks:
        marks = r",\,".join(name.latex for name in p.node.marks)
        label = rf"node[aside, below, black] {{${marks}$}}"
        yield rf"\draw[<-, black!55] ({p.node.key}.south) -- ++(0,20) {label};"


def _arrow(e: PlacedEdge) -> str:
    style = "->, black!55" + (", dashed" if e.edge.recurrent else "")
    (x1, y1), (x2, y2) = e.start, e.end
    if e.over is not None:
        top = e.over
        bend = rf".. controls ({x1:g},{top:g}) and ({x2:g},{top:g}) .."
        return rf"\draw[{style}] ({x1:g},{y1:g}) {bend} ({x2:g},{y2:g});"
    return rf"\draw[{style}] ({x1:g},{y1:g}) -- ({x2:g},{y2:g});"
