r"""The computation graph in every drawing language: SVG, TikZ, Mermaid, and lines of text.

Contract: blue and dashed is what flows back. Names are escaped; the TikZ picture needs ``arrows.meta``.
"""

from __future__ import annotations

from collections.abc import Iterator

from symbackprop.sheets.diagram.flow import FlowGraph, FlowNode, Sign
from symbackprop.sheets.diagram.flow_layout import ADJOINT, LABEL, NAME, Arrow, FlowDrawing, PlacedFlow
from symbackprop.sheets.diagram.source import entities
from symbackprop.sheets.diagram.svg import coordinate, picture, written
from symbackprop.sheets.diagram.tikz import COLOURS, PAGE, SCALE

STYLE = """\
.nw{--back:#2563ab}
@media screen and (prefers-color-scheme:dark){.nw{--back:#7fb2ec}}
.nw .parameter,.nw .target{fill:var(--paper)}
.nw .returns{fill:none;stroke:var(--back);stroke-width:1.3}
.nw .tip-back{fill:var(--back)}
.nw text.adjoint{fill:var(--back)}"""


def flow_svg(drawing: FlowDrawing, title: str, mark: str = "nf") -> str:
    """The drawing as an SVG element; `mark` tells its arrow tips from those of other pictures on a page."""
    parts = [
        *(_svg_arrow(a, mark) for a in drawing.arrows),
        *(line for p in drawing.nodes for line in _svg_node(p)),
        *(written(sign.runs, x, y, LABEL, "halo adjoint") for sign, (x, y) in drawing.labels),
    ]
    return picture(drawing.width, drawing.height, title, parts, STYLE, mark, ("tip", "tip-back"))


def _svg_arrow(a: Arrow, mark: str) -> str:
    n = coordinate
    (x1, y1), (x2, y2) = a.start, a.end
    line = f"L{n(x2)} {n(y2)}"
    if a.bend is not None:
        (u1, v1), (u2, v2) = a.bend
        line = f"C{n(u1)} {n(v1)} {n(u2)} {n(v2)} {n(x2)} {n(y2)}"
    dashes = ' stroke-dasharray="5 3"' if a.recurrent else ""
    kind, tip = ("returns", "tip-back") if a.back else ("go", "tip")
    return f'<path class="{kind}"{dashes} d="M{n(x1)} {n(y1)}{line}" marker-end="url(#{mark}-{tip})"/>'


def _svg_node(p: PlacedFlow) -> Iterator[str]:
    n, small = coordinate, 0.82 if p.is_leaf else 1.0
    if p.node.kind != "dots":
        yield (
            f'<rect class="box {p.node.kind}" x="{n(p.x - p.width / 2)}" y="{n(p.y - p.height / 2)}" '
            f'width="{n(p.width)}" height="{n(p.height)}" rx="8"/>'
        )
    lift = 0.22 * p.height if p.node.adjoint else 0.0
    yield written(p.node.sign.runs, p.x, p.y - lift, small * NAME)
    if p.node.adjoint:
        yield written(p.node.adjoint.runs, p.x, p.y + lift, small * ADJOINT, "adjoint")


TALL = 19.0
"""The height of a page for a picture with its caption, in cm."""


def shrunk(drawing: FlowDrawing) -> float:
    """The scale at which a drawing fits on the page."""
    return min(1.0, PAGE / (drawing.width * SCALE), TALL / (drawing.height * SCALE))


def flow_tikz(drawing: FlowDrawing) -> str:
    """The drawing as a tikzpicture, shrunk where it would be larger than the page."""
    shrink = shrunk(drawing)
    smaller = "" if shrink == 1.0 else f", scale={shrink:.3f}, every node/.append style={{transform shape}}"
    lines = [
        rf"\begin{{tikzpicture}}[x={SCALE}cm, y=-{SCALE}cm, >={{Stealth[length=4pt]}}{smaller},",
        r"  box/.style={draw=black!45, rounded corners=1.6mm, inner sep=0pt},",
        r"  back/.style={blue!60!black},",
        r"  local/.style={back, fill=white, inner sep=0.8pt, font=\scriptsize}]",
        *(line for p in drawing.nodes for line in _tikz_node(p)),
        *(_tikz_arrow(a) for a in drawing.arrows),
        *(rf"\node[local] at ({x:g},{y:g}) {{${sign.latex}$}};" for sign, (x, y) in drawing.labels),
        r"\end{tikzpicture}",
    ]
    return "\n".join(lines)


def _tikz_node(p: PlacedFlow) -> Iterator[str]:
    if p.node.kind != "dots":
        size = f"minimum width={p.width * SCALE:.2f}cm, minimum height={p.height * SCALE:.2f}cm"
        yield rf"\node[box, fill={COLOURS.get(p.node.kind, 'white')}, {size}] at ({p.x:g},{p.y:g}) {{}};"
    lift = 0.22 * p.height if p.node.adjoint else 0.0
    font = r", font=\small" if p.is_leaf else ""
    yield rf"\node[inner sep=0pt{font}] at ({p.x:g},{p.y - lift:g}) {{${p.node.sign.latex}$}};"
    if p.node.adjoint:
        font = r"\scriptsize" if p.is_leaf else r"\footnotesize"
        yield rf"\node[inner sep=0pt, back, font={font}] at ({p.x:g},{p.y + lift:g}) {{${p.node.adjoint.latex}$}};"


def _tikz_arrow(a: Arrow) -> str:
    (x1, y1), (x2, y2) = a.start, a.end
    style = ("->, back" if a.back else "->, black!55") + (", dashed" if a.recurrent else "")
    bend = "--"
    if a.bend is not None:
        (u1, v1), (u2, v2) = a.bend
        bend = f".. controls ({u1:g},{v1:g}) and ({u2:g},{v2:g}) .."
    return rf"\draw[{style}] ({x1:g},{y1:g}) {bend} ({x2:g},{y2:g});"


def flow_mermaid(graph: FlowGraph) -> str:
    """A Mermaid flow chart: what computes from left to right, dotted what flows back."""
    lines = ["flowchart LR"]
    for node in graph.nodes:
        lines += [f'    {one.key}["{entities(_content(one))}"]' for one in (node, *node.hanging)]
    for node in graph.nodes:
        for leaf in node.hanging:
            if leaf.kind != "dots":
                lines += _mermaid_pair(leaf, node.key, None)
    found = {node.key: node for node in graph.nodes}
    for edge in graph.edges:
        lines += _mermaid_pair(found[edge.source], edge.target, graph.local.get((edge.source, edge.target)))
    return "\n".join(lines)


def _mermaid_pair(source: FlowNode, target: str, local: Sign | None) -> Iterator[str]:
    yield f"    {source.key} --> {target}"
    if source.adjoint is not None:
        label = f'|"{entities(local.text)}"|' if local else ""
        yield f"    {target} -.->{label} {source.key}"


def flow_text(graph: FlowGraph) -> str:
    """Lines of text: from where every derivative is passed on, from the loss back."""
    signs = {node.key: node for node in graph.nodes}
    lines: list[str] = []
    for column in reversed(graph.columns):
        for node in column:
            users = [e for e in graph.edges if e.source == node.key]
            adjoints = [(signs[e.target].adjoint, graph.local.get((e.source, e.target))) for e in users]
            parts = [_passed_on(a, local) for a, local in adjoints if a]
            if node.adjoint and parts:
                lines.append(f"{node.adjoint.text} ⟵ {', '.join(parts)}")
            passed = [leaf.adjoint.text for leaf in node.hanging if leaf.adjoint]
            if node.adjoint and passed:
                lines.append(f"{', '.join(passed)} ⟵ {node.adjoint.text}")
    return "\n".join(lines)


def _passed_on(adjoint: Sign, local: Sign | None) -> str:
    """What an arrow brings back: the adjoint times the local derivative."""
    if local is None:
        return adjoint.text
    if adjoint.text == "1":
        return local.text
    return f"{adjoint.text} · ({local.text})" if " " in local.text else f"{adjoint.text} · {local.text}"


def _content(node: FlowNode) -> str:
    return f"{node.sign.text} | {node.adjoint.text}" if node.adjoint else node.sign.text
