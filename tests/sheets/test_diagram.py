"""The picture of a network, from its equations alone."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

from symbackprop.derivation import Derivation
from symbackprop.sheets.diagram import Diagram
from symbackprop.sheets.diagram.layout import layout
from tests.sheets.networks import chain, dense_batch, hostile, layer, shared_biases, two_two_one


def test_an_activation_joins_its_neuron() -> None:
    graph = Diagram(Derivation(two_two_one())).graph
    assert [[tuple(n.plain for n in node.names) for node in column] for column in graph.columns] == [
        [("x_1",), ("x_2",)],
        [("h_1", "alpha_1"), ("h_2", "alpha_2")],
        [("z", "out")],
        [("E",)],
    ]
    assert [node.kind for node in graph.nodes] == ["input", "input", "neuron", "neuron", "output", "loss"]


def test_weights_stand_on_arrows_and_biases_below() -> None:
    graph = Diagram(Derivation(two_two_one())).graph
    names = {node.key: node.names[0].plain for node in graph.nodes}
    arrows = {(names[e.source], names[e.target]): e.weight and e.weight.plain for e in graph.edges}
    assert arrows == {
        ("x_1", "h_1"): "w_11",
        ("x_1", "h_2"): "w_12",
        ("x_2", "h_1"): "w_13",
        ("x_2", "h_2"): "w_14",
        ("h_1", "z"): "w_21",
        ("h_2", "z"): "w_22",
        ("z", "E"): None,
    }
    assert [[m.plain for m in node.marks] for node in graph.nodes] == [[], [], ["b_11"], ["b_12"], ["b_21"], ["y"]]


def test_labels_do_not_cover_each_other() -> None:
    for build in (two_two_one, shared_biases, dense_batch):
        placed = [e.label_at for e in layout(Diagram(Derivation(build())).graph).edges if e.label_at]
        assert len(placed) == len(set(placed)) > 0
        for n, (x, y) in enumerate(placed):
            assert all(abs(x - u) > 10 or abs(y - v) > 10 for u, v in placed[n + 1 :])


def test_the_svg_is_well_formed_and_names_are_text() -> None:
    for build in (two_two_one, shared_biases, dense_batch, hostile, lambda: chain(30), lambda: layer(9, 12, 9)):
        root = ElementTree.fromstring(Diagram(Derivation(build()), "a < b & c").svg())
        assert root.tag.endswith("svg")
        assert not [e for e in root.iter() if e.tag.endswith(("script", "foreignObject"))]
    assert "w & <b>" in "".join(ElementTree.fromstring(Diagram(Derivation(hostile())).svg()).itertext())


def test_large_networks_are_folded() -> None:
    tall = Diagram(Derivation(layer(9, 12, 9))).graph
    assert [len(column) for column in tall.columns] == [5, 5, 5, 1]
    assert sum(node.kind == "dots" for node in tall.nodes) == 3
    assert len(Diagram(Derivation(chain(30))).graph.columns) == 9


def test_an_array_is_one_node_with_its_shape() -> None:
    graph = Diagram(Derivation(dense_batch())).graph
    assert [node.shape.text for node in graph.nodes if node.shape] == ["n₀×m", "n₁×m"]


def test_mermaid_dot_tikz_and_text() -> None:
    diagram = Diagram(Derivation(two_two_one()), "net")
    assert '    n0 -->|"w₁₁"| n2' in diagram.mermaid()
    assert 'n2 [label="h₁ | α₁", shape=circle];' in diagram.dot()
    assert r"{$h_1\;\vert\;\alpha_1$};" in diagram.tikz()
    assert diagram.text().splitlines()[0] == "w₁₁ · x₁, w₁₃ · x₂, b₁₁ → (h₁ | α₁)"
    hostile_source = Diagram(Derivation(hostile())).mermaid()
    assert "<b>" not in hostile_source
    assert "#60;b#62;" in hostile_source
