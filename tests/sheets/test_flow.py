"""The computation graph with the derivatives that flow back."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from itertools import pairwise

import pytest

import symbackprop as sb
from symbackprop.derivation import Derivation
from symbackprop.sheets.diagram import FlowDiagram
from symbackprop.sheets.diagram.flow_layout import flow_layout
from tests.sheets.networks import chain, dense_batch, hostile, layer, shared_biases, two_two_one


def test_every_quantity_has_its_derivative() -> None:
    graph = FlowDiagram(Derivation(two_two_one())).graph
    assert [[node.sign.text for node in column] for column in graph.columns] == [
        ["x₁", "x₂"],
        ["h₁", "h₂"],
        ["α₁", "α₂"],
        ["z"],
        ["out"],
        ["E"],
    ]
    adjoints = {node.sign.text: node.adjoint and node.adjoint.text for node in graph.nodes}
    assert adjoints == {
        "x₁": None,
        "x₂": None,
        "h₁": "∂E/∂h₁",
        "h₂": "∂E/∂h₂",
        "α₁": "∂E/∂α₁",
        "α₂": "∂E/∂α₂",
        "z": "∂E/∂z",
        "out": "∂E/∂out",
        "E": "1",
    }


def test_parameters_hang_below_what_reads_them() -> None:
    graph = FlowDiagram(Derivation(two_two_one())).graph
    below = {node.sign.text: [leaf.sign.text for leaf in node.hanging] for node in graph.nodes if node.hanging}
    assert below == {"h₁": ["w₁₁", "w₁₃", "b₁₁"], "h₂": ["w₁₂", "w₁₄", "b₁₂"], "z": ["w₂₁", "w₂₂", "b₂₁"], "E": ["y"]}


def test_a_shared_parameter_is_a_node_with_an_arrow_from_each_user() -> None:
    graph = FlowDiagram(Derivation(shared_biases())).graph
    names = {node.key: node.sign.text for node in graph.nodes}
    assert sum(names[edge.source] == "b₁" for edge in graph.edges) == 2


def test_local_derivatives_stand_on_the_arrows() -> None:
    graph = FlowDiagram(Derivation(two_two_one())).graph
    names = {node.key: node.sign.text for node in graph.nodes}
    assert {(names[a], names[b]): sign.text for (a, b), sign in graph.local.items()} == {
        ("h₁", "α₁"): "σ′(h₁)",
        ("h₂", "α₂"): "σ′(h₂)",
        ("α₁", "z"): "w₂₁",
        ("α₂", "z"): "w₂₂",
        ("z", "out"): "σ′(z)",
        ("out", "E"): "out - y",
    }


def test_deltas_have_their_names() -> None:
    graph = FlowDiagram(sb.read("two-layers").derive(style="delta")).graph
    named = {node.sign.text: node.adjoint.text for node in graph.nodes if node.adjoint}
    assert [text for text in named.values() if text.startswith("δ")] == ["δ⁽¹⁾", "δ⁽²⁾"]


def test_a_recurrence_arches_back() -> None:
    graph = FlowDiagram(sb.read("deep").derive()).graph
    drawing = flow_layout(graph)
    assert any(edge.recurrent for edge in graph.edges)
    assert {a.back for a in drawing.arrows if a.bend is not None} == {True, False}


@pytest.mark.parametrize(
    "build", [two_two_one, shared_biases, dense_batch, hostile, lambda: chain(30), lambda: layer(9, 12, 9)]
)
@pytest.mark.parametrize("down", [False, True])
def test_boxes_do_not_overlap_and_everything_is_inside(build, down: bool) -> None:  # type: ignore[no-untyped-def]
    drawing = flow_layout(FlowDiagram(Derivation(build())).graph, down=down)
    boxes = [(p.x - p.width / 2, p.y - p.height / 2, p.x + p.width / 2, p.y + p.height / 2) for p in drawing.nodes]
    for n, a in enumerate(boxes):
        assert a[0] >= 0
        assert a[1] >= 0
        assert a[2] <= drawing.width
        assert a[3] <= drawing.height
        assert not any(a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3] for b in boxes[n + 1 :])


@pytest.mark.parametrize("build", [two_two_one, dense_batch, hostile, lambda: chain(30), lambda: layer(9, 12, 9)])
def test_names_are_text_in_every_drawing_language(build) -> None:  # type: ignore[no-untyped-def]
    diagram = FlowDiagram(Derivation(build()), "a < b & c")
    root = ElementTree.fromstring(diagram.svg())
    assert not [e for e in root.iter() if e.tag.endswith(("script", "foreignObject"))]
    assert "<b>" not in diagram.mermaid()
    assert diagram.tikz().count("{") == diagram.tikz().count("}") or build is hostile


def test_the_way_back_as_lines_of_text() -> None:
    lines = FlowDiagram(Derivation(two_two_one())).text().splitlines()
    assert lines[:3] == [
        "∂E/∂out ⟵ out - y",
        "∂E/∂z ⟵ ∂E/∂out · σ′(z)",
        "∂E/∂w₂₁, ∂E/∂w₂₂, ∂E/∂b₂₁ ⟵ ∂E/∂z",
    ]


def test_long_networks_are_folded() -> None:
    graph = FlowDiagram(Derivation(chain(30))).graph
    assert len(graph.columns) == 11
    drawing = flow_layout(graph)
    columns = sorted({p.x for p in drawing.nodes if not p.is_leaf})
    assert all(b - a > 40 for a, b in pairwise(columns))


def test_functions_are_called_as_in_the_formulas() -> None:
    net = sb.sequential(sb.dense(4, "relu"), sb.dense(3, "tanh"), sb.dense(2), inputs=5, loss="softmax_cross_entropy")
    local = [sign.text for sign in FlowDiagram(net.derive()).graph.local.values()]
    assert "tanh′(Z⁽²⁾)" in local
    assert "ReLU′(Z⁽¹⁾)" in local
    softmax = FlowDiagram(sb.read("softmax-classifier").derive()).graph.local.values()
    assert not [sign for sign in softmax if "oftmax" in sign.text]
