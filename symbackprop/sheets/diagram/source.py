"""The graph as source of other programs: Mermaid (GitHub draws it), DOT (Graphviz), and as plain text.

Contract: names are written in Unicode; every character that means something to the program is escaped.
"""

from __future__ import annotations

from collections.abc import Sequence

from symbackprop.names import Name
from symbackprop.sheets.diagram.graph import Edge, Graph, Node


def mermaid(graph: Graph) -> str:
    """The graph as a Mermaid flow chart from left to right."""
    lines = ["flowchart LR"]
    for node in graph.nodes:
        brackets = {"input": ("([", "])"), "loss": ("{{", "}}"), "dots": ("[", "]")}.get(node.kind, ("((", "))"))
        if node.shape is not None:
            brackets = ("[", "]")
        lines.append(f'    {node.key}{brackets[0]}"{entities(_content(node))}"{brackets[1]}')
        if node.marks:
            lines.append(f'    {node.key}_in["{entities(_listed(node.marks))}"]:::mark --> {node.key}')
    for edge in graph.edges:
        dashes = "-.->" if edge.recurrent else "-->"
        weight = f'|"{entities(edge.weight.unicode)}"|' if edge.weight and not edge.recurrent else ""
        lines.append(f"    {edge.source} {dashes}{weight} {edge.target}")
    lines.append("    classDef mark fill:none,stroke:none")
    return "\n".join(lines)


def dot(graph: Graph, title: str = "network") -> str:
    """The graph for Graphviz."""
    lines = [f"digraph {_quoted(title)} {{", "    rankdir=LR;", "    node [shape=circle];"]
    for node in graph.nodes:
        shape = {"input": "ellipse", "loss": "doublecircle", "dots": "plaintext"}.get(node.kind, "circle")
        lines.append(f"    {node.key} [label={_quoted(_content(node))}, shape={'box' if node.shape else shape}];")
        if node.marks:
            lines.append(f"    {node.key}_in [label={_quoted(_listed(node.marks))}, shape=plaintext];")
            lines.append(f"    {node.key}_in -> {node.key};")
    for edge in graph.edges:
        label = f" [label={_quoted(edge.weight.unicode)}]" if edge.weight else ""
        lines.append(f"    {edge.source} -> {edge.target}{label};")
    return "\n".join([*lines, "}"]) + "\n"


def plain(graph: Graph) -> str:
    """The graph as lines of text: what every neuron reads, column by column."""
    passed = {node.key: node.names[-1].unicode for node in graph.nodes if node.names}
    arrows: dict[str, list[Edge]] = {}
    for edge in graph.edges:
        arrows.setdefault(edge.target, []).append(edge)
    lines: list[str] = []
    for node in graph.nodes:
        if node.kind == "input":
            continue
        if node.kind == "dots":
            lines.append("⋮")
            continue
        read = [
            passed[e.source] if e.weight is None else f"{e.weight.unicode} · {passed[e.source]}"
            for e in arrows.get(node.key, ())
        ]
        read += [name.unicode for name in node.marks]
        lines.append(f"{', '.join(read)} → ({_content(node)})")
    return "\n".join(lines)


def _content(node: Node) -> str:
    if node.kind == "dots":
        return "⋮"
    names = " | ".join(name.unicode for name in node.names)
    return names if node.shape is None else f"{names} ({node.shape.text})"


def _listed(names: Sequence[Name]) -> str:
    return ", ".join(name.unicode for name in names)


def entities(text: str) -> str:
    """Everything but letters, digits and a few harmless signs as a numeric entity of Mermaid."""
    return "".join(c if c.isalnum() or c in " ,()₀₁₂₃₄₅₆₇₈₉⁽⁾¹²³" or ord(c) > 0x2000 else f"#{ord(c)};" for c in text)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'
