"""What a student reads on sheets of arrays, recursions and deep networks; expectations written by hand."""

from __future__ import annotations

import json

import pytest

import symbackprop as sb
from symbackprop.sheets.diagram import FlowDiagram
from symbackprop.sheets.diagram.flow import flow_graph, outermost
from symbackprop.sheets.diagram.flow_layout import flow_layout
from tests.sheets.networks import shared_biases

CONVOLUTION = r"""
Z_{ij} = \sum_{p=1}^{k} \sum_{q=1}^{k} K_{pq} X_{i+p-1, j+q-1} + c   for i = 1..H, j = 1..W
A_{ij} = \max(0, Z_{ij})
L = \frac{1}{2} \sum_{i=1}^{H} \sum_{j=1}^{W} (A_{ij} - Y_{ij})^2
"""
RECURRENT = r"""
h_{i,0} = 0   for i = 1..n
h_{i,t} = \tanh(\sum_{j=1}^{n} U_{ij} h_{j,t-1} + \sum_{j=1}^{d} V_{ij} x_{j,t} + b_i)   for i = 1..n, t = 1..T
L = \frac{1}{2} \sum_{t=1}^{T} \sum_{i=1}^{n} (h_{i,t} - y_{i,t})^2
"""
NORMALIZED = r"""
X \in \mathbb{R}^{m \times d}, Y \in \mathbb{R}^{m \times d}, \gamma \in \mathbb{R}^{d}
constants: \epsilon
samples: m
\mu_j = \frac{1}{m} \sum_{s=1}^m X_{sj} for j = 1..d
v_j = \frac{1}{m} \sum_{s=1}^m (X_{sj} - \mu_j)^2 for j = 1..d
Z_{sj} = \gamma_j \frac{X_{sj} - \mu_j}{\sqrt{v_j + \epsilon}} for s = 1..m, j = 1..d
L = \frac{1}{2m} \sum_{s=1}^m \sum_{j=1}^d (Z_{sj} - Y_{sj})^2
"""
NUMBERS = """
z = w x + b
E = (z - y)^2
x := 2
y := 1
w := 3
b := 4
"""


def read(network: str, language: str = "en", **options: str) -> str:
    return sb.read(network).derive().sheet(lang=language, **options).to_markdown()  # type: ignore[arg-type]


def test_the_derivative_of_the_larger_of_zero_and_a_number_is_that_of_the_relu() -> None:
    text = read("relu-regression")
    assert r"\frac{\partial \max(0, u)}{\partial u} = \mathbf{1}[u \gt  0]" in text
    assert r"| $\max$ | activation function: rectified linear unit (ReLU) |" in text


def test_a_kernel_is_used_once_for_every_entry_of_the_picture() -> None:
    text = read(CONVOLUTION)
    assert r"$K_{pq}$ is used in $H\,W$ entries of $Z$" in text
    assert "The same entry by entry" not in text  # the first line has no matrix form


def test_a_recurrent_state_is_used_by_the_next_one() -> None:
    text = read(RECURRENT)
    assert r"$h^{(t)}$ is used by $L$ and $h^{(t + 1)}$" in text
    assert r"acts through 2 quantities: $L$ and $h^{(t + 1)}$" in text


def test_a_recurrence_is_told_by_its_last_step_and_the_steps_before() -> None:
    text = read(RECURRENT)
    end = r"(\delta_h)_{iT} = \frac{\partial L}{\partial h_{iT}} &= h_{iT} - y_{iT}"
    step = r"(\delta_h)_{it} = \frac{\partial L}{\partial h_{it}} &= \sum_{j=1}^{n} (\delta_h)_{j, t + 1}\,"
    step += r"\frac{\partial h_{j, t + 1}}{\partial h_{it}} + h_{it} - y_{it} \qquad (1 \le t \lt  T)"
    assert end in text
    assert step in text
    assert r"\mathbf{1}[" not in text


def test_an_activation_of_a_sum_is_differentiated_first() -> None:
    assert r"\tanh'(u) = 1 - \tanh(u)^2" in read(RECURRENT)


def test_what_stands_in_the_loss_and_elsewhere_is_no_circle() -> None:
    """``E = e + w^2/2``: the chain must not say that dE/dw is something plus dE/dw."""
    text = read("z = w x + b\ne = (z - y)^2\nE = e + \\frac{1}{2} w^2")
    assert r"& {} + w" in text
    assert text.count(r"\frac{\partial E}{\partial w}") - text.count(r"\eta\,\frac{\partial E}{\partial w}") == 3


def test_a_network_of_layers_says_which_layer() -> None:
    text = read("deep")
    assert r"$A^{[l]}$ is used by $J$ and $Z^{[l + 1]}$" in text
    assert r"\frac{\partial J}{\partial A^{[L]}_{is}} &= \frac{A^{[L]}_{is} - Y_{is}}{m}" in text
    assert r"| $W^{[l]}$ | weights (parameters) | $n_l \times n_{l - 1}$ $(l = 1,\dots,L)$ |" in text
    assert r"| $L$ | how many layers or steps there are |" in text
    assert r"\mathbf{1}[" not in text


def test_many_layers_share_a_row_of_the_table() -> None:
    layers = [sb.dense(10, "relu") for _ in range(8)]
    net = sb.sequential(*layers, sb.dense(3), inputs=4, loss="softmax_cross_entropy")
    text = net.derive().sheet().to_markdown()
    row = r"| $W^{(1)}$, $\dots$, $W^{(9)}$ | weights (parameters) | $4 \times 10$, $\dots$, $10 \times 3$ |"
    assert row in text
    assert "This network has 18 arrays of parameters" in text


@pytest.mark.parametrize("name", sb.networks())
def test_titles_of_built_in_networks_are_translated(name: str) -> None:
    title = read(name, "zh").splitlines()[0]
    assert title != f"# {sb.read(name).title}"
    assert sb.read(name).title not in title


def test_a_title_in_another_language_survives_the_network_file() -> None:
    net = sb.read("title: One neuron\ntitle (zh): 一个神经元\nz = w x\nE = (z - y)^2")
    assert net.title == "One neuron"
    assert net.derive().sheet(lang="zh").to_text().split("\n")[0].endswith("一个神经元")
    assert net.derive().sheet(lang="en").to_text().split("\n")[0] == "One neuron"


def test_values_of_the_network_are_worked_out() -> None:
    """z = 3 * 2 + 4 = 10, E = 81, dE/dw = 2 * 9 * 2 = 36."""
    text = read(NUMBERS)
    assert r"z &= 3 \cdot 2 + 4 = 10" in text
    assert "= 36" in text
    assert "In numbers" not in read(NUMBERS.replace("b := 4", ""))


def test_a_root_and_a_condition_need_no_brackets_of_their_own() -> None:
    assert r"\sqrt{(" not in read(NORMALIZED)
    assert r"(\mu)" not in read(NORMALIZED)
    assert r"\odot \mathbf{1}[h \gt  0]" in read("relu-regression")


@pytest.mark.parametrize("network", ["deep", RECURRENT])
def test_a_notebook_of_an_open_number_of_layers_has_a_program(network: str) -> None:
    notebook = json.loads(sb.read(network).derive().sheet().to_notebook())
    sources = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    scope: dict[str, object] = {}
    for source in sources:
        exec(source, scope)  # our own program
    assert len(sources) == 3


def test_parameters_of_the_first_neuron_hang_where_no_arrow_passes() -> None:
    graph = flow_graph(sb.Network(shared_biases().specification).derive())
    drawing = flow_layout(graph)
    outer = outermost(graph)
    at = {p.node.key: p for p in drawing.nodes}
    hung = [(p, at[leaf.key]) for p in at.values() if p.node.key in outer for leaf in p.node.hanging]
    assert hung
    assert all(leaf.y < p.y for p, leaf in hung)


def test_a_wide_graph_is_drawn_from_the_top_down() -> None:
    wide = FlowDiagram(sb.Network(shared_biases().specification).derive())
    width, height = (float(x) for x in wide.svg().split('viewBox="0 0 ')[1].split('"')[0].split())
    assert width < 760
    assert height > width


def test_a_loss_of_scores_says_where_the_softmax_comes_from() -> None:
    net = sb.sequential(sb.dense(10), inputs=4, loss="softmax_cross_entropy")
    text = net.derive().sheet().to_markdown()
    said = r"Its derivative with respect to one entry $Z^{(1)}_{sk}$ is"
    quotient = r"$\frac{e^{Z^{(1)}_{sk}}}{\sum_{i=1}^{10} e^{Z^{(1)}_{si}}}$"
    assert r"The loss contains $\log\left(\sum_{i=1}^{10} e^{Z^{(1)}_{si}}\right)$. " + said in text
    assert quotient in text
    assert r"$\mathrm{onehot}$ | labels as an array" in text


def test_of_many_layers_the_first_of_each_kind_is_explained() -> None:
    net = sb.sequential(*[sb.dense(10, "relu") for _ in range(9)], sb.dense(3), inputs=4, loss="softmax_cross_entropy")
    text = net.derive().sheet().to_markdown()
    assert text.count("#### The gradient of") == 2
    assert text.count("(i = 1,\\dots,10)") + text.count("i = 1,\\dots,10)") <= 4
    row = r"\frac{\partial L}{\partial W^{(1)}} &= X^{\top}\, \delta^{(1)}"
    assert row in text
