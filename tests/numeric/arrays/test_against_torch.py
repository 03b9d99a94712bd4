"""Programs of networks written as equations against PyTorch, to 1e-10."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symbackprop as sb

torch = pytest.importorskip("torch")
functional = torch.nn.functional


def compared(text: str, shapes: dict[str, tuple[int, ...]], forward: Any, labels: dict[str, Any] | None = None) -> str:
    """Loss and gradients of the program and of PyTorch at one random point; returns the program's source."""
    draw = np.random.default_rng(3)
    values: dict[str, Any] = {name: draw.standard_normal(shape) * 0.7 for name, shape in shapes.items()}
    values |= labels or {}
    program = sb.read(text).derive().compile()
    loss, gradients = program(values)
    tensors = {name: torch.tensor(value, requires_grad=name in gradients) for name, value in values.items()}
    expected = forward(**{name.replace("^", ""): tensor for name, tensor in tensors.items()})
    expected.backward()
    assert loss == pytest.approx(expected.item(), rel=1e-12)
    for name, gradient in gradients.items():
        assert gradient == pytest.approx(tensors[name].grad.numpy(), rel=1e-10, abs=1e-12), (name, program.source)
    single = {name: value if value.dtype.kind == "i" else value.astype(np.float32) for name, value in values.items()}
    given = program.bind(single)
    results = program.evaluate([given[q.base] for q in program.plan.arguments])
    assert {value.dtype for value in (results[0], *results[1])} == {np.dtype(np.float32)}
    return program.source


def test_convolutions_with_channels_stride_and_padding() -> None:
    text = r"""
    A_{s,c,i,j} = 0                           for s = 1..m, c = 1..3, i = 0..0, j = 0..9
    A_{s,c,i,j} = 0                           for s = 1..m, c = 1..3, i = 9..9, j = 0..9
    A_{s,c,i,j} = 0                           for s = 1..m, c = 1..3, i = 1..8, j = 0..0
    A_{s,c,i,j} = 0                           for s = 1..m, c = 1..3, i = 1..8, j = 9..9
    A_{s,c,i,j} = \tanh(X_{s,c,i,j})          for s = 1..m, c = 1..3, i = 1..8, j = 1..8
    Z_{s,o,i,j} = \sum_{c=1}^{3} \sum_{p=1}^{3} \sum_{q=1}^{3} K_{o,c,p,q} A_{s,c,2 i + p - 3,2 j + q - 3} + b_o  EACH
    E = \frac12 \sum_{s=1}^{m} \sum_{o=1}^{5} \sum_{i=1}^{4} \sum_{j=1}^{4} \tanh(Z_{s,o,i,j})^2
    parameters: X
    """.replace("EACH", "for s = 1..m, o = 1..5, i = 1..4, j = 1..4")

    def forward(X: Any, K: Any, b: Any) -> Any:
        return (torch.tanh(functional.conv2d(torch.tanh(X), K, b, stride=2, padding=1)) ** 2).sum() / 2

    compared(text, {"X": (2, 3, 8, 8), "K": (5, 3, 3, 3), "b": (5,)}, forward)


def test_dilated_convolution_and_max_pooling() -> None:
    text = r"""
    Z_{s,o,i,j} = \sum_{p=1}^{3} \sum_{q=1}^{2} K_{o,p,q} X_{s,i + 2 p - 2,j + 3 q - 3} + b_o  EACH
    A_{s,o,i,j} = ReLU(Z_{s,o,i,j})           EACH
    P_{s,o,u,v} = \max_{p=1..2,q=1..3} A_{s,o,2 u + p - 2,3 v + q - 3}   for s = 1..m, o = 1..4, u = 1..4, v = 1..2
    Q_{s,o,u} = \frac12 \sum_{v=1}^{2} P_{s,o,u,v}   for s = 1..m, o = 1..4, u = 1..4
    E = \frac{1}{2m} \sum_{s=1}^{m} \sum_{o=1}^{4} \sum_{u=1}^{4} (Q_{s,o,u} - Y_{s,o,u})^2
    samples: m
    """.replace("EACH", "for s = 1..m, o = 1..4, i = 1..8, j = 1..6")

    def forward(X: Any, K: Any, b: Any, Y: Any) -> Any:
        z = functional.conv2d(X[:, None], K[:, None], b, dilation=(2, 3))
        pooled = functional.max_pool2d(torch.relu(z), (2, 3))
        return ((pooled.mean(dim=3) - Y) ** 2).sum() / (2 * len(X))

    source = compared(text, {"X": (3, 12, 9), "K": (4, 3, 2), "b": (4,), "Y": (3, 4, 4)}, forward)
    assert "clip" not in source


LSTM = r"""
h_{i,s,0} = 0   for i = 1..n, s = 1..m
c_{i,s,0} = 0   for i = 1..n, s = 1..m
p_{i,s,t} = \sigma(\sum_{j=1}^{n} U^{(p)}_{ij} h_{j,s,t-1} + \sum_{j=1}^{d} V^{(p)}_{ij} x_{j,s,t} + b^{(p)}_i)   EACH
f_{i,s,t} = \sigma(\sum_{j=1}^{n} U^{(f)}_{ij} h_{j,s,t-1} + \sum_{j=1}^{d} V^{(f)}_{ij} x_{j,s,t} + b^{(f)}_i)   EACH
g_{i,s,t} = \tanh(\sum_{j=1}^{n} U^{(g)}_{ij} h_{j,s,t-1} + \sum_{j=1}^{d} V^{(g)}_{ij} x_{j,s,t} + b^{(g)}_i)   EACH
o_{i,s,t} = \sigma(\sum_{j=1}^{n} U^{(o)}_{ij} h_{j,s,t-1} + \sum_{j=1}^{d} V^{(o)}_{ij} x_{j,s,t} + b^{(o)}_i)   EACH
c_{i,s,t} = f_{i,s,t} c_{i,s,t-1} + p_{i,s,t} g_{i,s,t}   EACH
h_{i,s,t} = o_{i,s,t} \tanh(c_{i,s,t})   EACH
E = \frac{1}{2 m} \sum_{i=1}^{n} \sum_{s=1}^{m} (h_{i,s,T} - y_{i,s})^2
samples: m
""".replace("EACH", "for i = 1..n, s = 1..m, t = 1..T")


def test_lstm() -> None:
    shapes: dict[str, tuple[int, ...]] = {"x": (2, 4, 5), "y": (3, 4)}
    for gate in "pfgo":
        shapes |= {f"U^({gate})": (3, 3), f"V^({gate})": (3, 2), f"b^({gate})": (3,)}

    def forward(x: Any, y: Any, **weights: Any) -> Any:
        own = {
            "weight_ih_l0": torch.cat([weights[f"V({gate})"] for gate in "pfgo"]),
            "weight_hh_l0": torch.cat([weights[f"U({gate})"] for gate in "pfgo"]),
            "bias_ih_l0": torch.cat([weights[f"b({gate})"] for gate in "pfgo"]),
            "bias_hh_l0": torch.zeros(12, dtype=torch.float64),
        }
        cell = torch.nn.LSTM(2, 3, dtype=torch.float64)
        _, (h, _) = torch.func.functional_call(cell, own, x.permute(2, 1, 0))
        return ((h[0].T - y) ** 2).sum() / (2 * x.shape[1])

    compared(LSTM, shapes, forward)


def test_gru_with_learned_start_and_a_loss_on_every_step() -> None:
    text = r"""
    h_{i,0} = a_i   for i = 1..n
    r_{i,t} = \sigma(\sum_{j=1}^{n} U_{ij} h_{j,t-1} + x_{i,t})   for i = 1..n, t = 1..T
    z_{i,t} = \sigma(\sum_{j=1}^{n} V_{ij} h_{j,t-1} + x_{i,t})   for i = 1..n, t = 1..T
    q_{i,t} = \tanh(r_{i,t} \sum_{j=1}^{n} W_{ij} h_{j,t-1} + x_{i,t})   for i = 1..n, t = 1..T
    h_{i,t} = (1 - z_{i,t}) q_{i,t} + z_{i,t} h_{i,t-1}   for i = 1..n, t = 1..T
    E = \frac12 \sum_{i=1}^{n} \sum_{t=1}^{T} (h_{i,t} - y_{i,t})^2
    parameters: a
    """

    def forward(a: Any, U: Any, V: Any, W: Any, x: Any, y: Any) -> Any:
        h, loss = a, 0.0
        for t in range(x.shape[1]):
            r, z = torch.sigmoid(U @ h + x[:, t]), torch.sigmoid(V @ h + x[:, t])
            h = (1 - z) * torch.tanh(r * (W @ h) + x[:, t]) + z * h
            loss = loss + ((h - y[:, t]) ** 2).sum() / 2
        return loss

    compared(text, {"a": (3,), "U": (3, 3), "V": (3, 3), "W": (3, 3), "x": (3, 6), "y": (3, 6)}, forward)


def test_stacked_recurrence_along_layers_and_time() -> None:
    text = r"""
    h_{l,i,t} = x_{i,t}   for l = 0..0, i = 1..n, t = 1..T
    h_{l,i,t} = 0         for l = 1..L, i = 1..n, t = 0..0
    h_{l,i,t} = \tanh(\sum_{j=1}^{n} W_{l,i,j} h_{l-1,j,t} + \sum_{j=1}^{n} U_{l,i,j} h_{l,j,t-1})  EACH
    E = \frac12 \sum_{i=1}^{n} (h_{L,i,T} - y_i)^2
    """.replace("EACH", "for l = 1..L, i = 1..n, t = 1..T")

    def forward(W: Any, U: Any, x: Any, y: Any) -> Any:
        below = [x[:, t] for t in range(x.shape[1])]
        for w, u in zip(W, U, strict=True):
            above, h = [], torch.zeros(3, dtype=torch.float64)
            for value in below:
                h = torch.tanh(w @ value + u @ h)
                above.append(h)
            below = above
        return ((below[-1] - y) ** 2).sum() / 2

    compared(text, {"W": (2, 3, 3), "U": (2, 3, 3), "x": (3, 4), "y": (3,)}, forward)


def test_embedding_lookup_and_labels() -> None:
    text = r"""
    Z_{k,s} = \sum_{j=1}^{d} W_{kj} V_{w_s,j} + b_k   for k = 1..c, s = 1..m
    L = -\frac{1}{m} \sum_{s=1}^{m} \log \frac{\exp(Z_{y_s,s})}{\sum_{q=1}^{c} \exp(Z_{q,s})}
    V \in \mathbb{R}^{v \times d}
    w \in \{0..6\}^{m}
    y \in \{0..3\}^{m}
    inputs: w
    """
    text = text.replace("1..c", "1..4").replace("^{c}", "^{4}").replace("R}^{v", "R}^{7")

    def forward(W: Any, V: Any, b: Any, w: Any, y: Any) -> Any:
        return functional.cross_entropy(functional.embedding(w, V) @ W.T + b, y)

    labels = {"w": np.array([0, 6, 2, 2, 5]), "y": np.array([3, 0, 1, 1, 2])}
    compared(text, {"W": (4, 3), "V": (7, 3), "b": (4,)}, forward, labels)


def test_batch_and_layer_normalisation() -> None:
    text = r"""
    Z_{i,s} = \sum_{j=1}^{d} W_{ij} x_{j,s}   for i = 1..n, s = 1..m
    \mu_i = \frac1m \sum_{s=1}^{m} Z_{i,s}   for i = 1..n
    v_i = \frac1m \sum_{s=1}^{m} (Z_{i,s} - \mu_i)^2   for i = 1..n
    A_{i,s} = \gamma_i \frac{Z_{i,s} - \mu_i}{\sqrt{v_i + 0.00001}} + \beta_i   for i = 1..n, s = 1..m
    M_s = \frac1n \sum_{i=1}^{n} A_{i,s}   for s = 1..m
    N_s = \frac1n \sum_{i=1}^{n} (A_{i,s} - M_s)^2   for s = 1..m
    B_{i,s} = \frac{A_{i,s} - M_s}{\sqrt{N_s + 0.00001}}   for i = 1..n, s = 1..m
    E = \frac12 \sum_{i=1}^{n} \sum_{s=1}^{m} (B_{i,s} - Y_{i,s})^2
    samples: m
    """

    def forward(W: Any, x: Any, gamma: Any, beta: Any, Y: Any) -> Any:
        a = functional.batch_norm((W @ x).T, None, None, gamma, beta, training=True, eps=1e-5)
        return ((functional.layer_norm(a, (4,), eps=1e-5).T - Y) ** 2).sum() / 2

    compared(text, {"W": (4, 3), "x": (3, 6), "gamma": (4,), "beta": (4,), "Y": (4, 6)}, forward)


def test_multi_head_attention_with_a_causal_mask() -> None:
    text = r"""
    Q_{h,t,a} = \sum_{j=1}^{d} W_{h,a,j} x_{t,j}   for h = 1..H, t = 1..T, a = 1..e
    K_{h,t,a} = \sum_{j=1}^{d} U_{h,a,j} x_{t,j}   for h = 1..H, t = 1..T, a = 1..e
    V_{h,t,a} = \sum_{j=1}^{d} B_{h,a,j} x_{t,j}   for h = 1..H, t = 1..T, a = 1..e
    S_{h,t,u} = \frac{1}{\sqrt{e}} \sum_{a=1}^{e} Q_{h,t,a} K_{h,u,a} + M_{t,u}   for h = 1..H, t = 1..T, u = 1..T
    P_{h,t,u} = \frac{\exp(S_{h,t,u})}{\sum_{q=1}^{T} \exp(S_{h,t,q})}   for h = 1..H, t = 1..T, u = 1..T
    A_{h,t,a} = \sum_{u=1}^{T} P_{h,t,u} V_{h,u,a}   for h = 1..H, t = 1..T, a = 1..e
    O_{t,i} = \sum_{h=1}^{H} \sum_{a=1}^{e} C_{i,h,a} A_{h,t,a}   for t = 1..T, i = 1..d
    L = \frac12 \sum_{t=1}^{T} \sum_{i=1}^{d} (O_{t,i} - Y_{t,i})^2
    inputs: M, x
    parameters: W, U, B, C
    """.replace("{e}", "{k}").replace("1..e", "1..k")

    def forward(W: Any, U: Any, B: Any, C: Any, x: Any, Y: Any, M: Any) -> Any:
        q, k, v = (torch.einsum("haj,tj->hta", w, x) for w in (W, U, B))
        a = functional.scaled_dot_product_attention(q, k, v, attn_mask=M)
        return ((torch.einsum("iha,hta->ti", C, a) - Y) ** 2).sum() / 2

    mask = np.where(np.tril(np.ones((5, 5))) > 0, 0.0, -1e9)
    head: tuple[int, ...] = (2, 3, 4)
    compared(
        text,
        {"W": head, "U": head, "B": head, "C": (4, 2, 3), "x": (5, 4), "Y": (5, 4)},
        forward,
        {"M": mask},
    )


def test_causal_attention_as_sums_up_to_now() -> None:
    text = r"""
    S_{t,u} = \sum_{j=1}^{d} Q_{tj} K_{uj}   for t = 1..T, u = 1..T
    P_{t,u} = \frac{\exp(S_{t,u})}{\sum_{q=1}^{t} \exp(S_{t,q})}   for t = 1..T, u = 1..T
    A_{t,j} = \sum_{u=1}^{t} P_{t,u} V_{u,j}   for t = 1..T, j = 1..d
    C_t = \max_{u=1..t} S_{t,u}   for t = 1..T
    E = \sum_{t=1}^{T} \sum_{j=1}^{d} (C_t A_{t,j} - Y_{t,j})^2
    parameters: Q, K, V
    """

    def forward(Q: Any, K: Any, V: Any, Y: Any) -> Any:
        seen = torch.tril(torch.ones(5, 5, dtype=torch.bool))
        scores = (Q @ K.T).masked_fill(~seen, -torch.inf)
        return ((scores.max(dim=1, keepdim=True).values * (torch.softmax(scores, dim=1) @ V) - Y) ** 2).sum()

    compared(text, {"Q": (5, 3), "K": (5, 3), "V": (5, 3), "Y": (5, 3)}, forward)
