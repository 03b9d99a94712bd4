"""What a network file means: its loss against hand-written NumPy, its roles and axes, and what it refuses.

The numbers come from `tests.oracle.Instance`, which writes the network out element by element; every element of every
input and parameter has a value that depends on its name only, so the formula by hand needs nothing from the reader.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp
from sympy.core.function import AppliedUndef

import symbackprop as sb
from tests.numeric.oracle import plain
from tests.oracle import Instance

Hand = Callable[..., Any]


def drawn(element: str) -> float:
    """A number between -1 and 1 for an element such as ``W@1@2``."""
    return zlib.crc32(element.encode()) / 2**31 - 1


def v(name: str, *shape: int) -> Any:
    """The array of a name, from the numbers of its elements; indices start at 1."""
    array = np.empty(shape)
    for at in np.ndindex(*shape):
        array[at] = drawn(name + "".join(f"@{i + 1}" for i in at))
    return array if shape else float(array)


def sizes_of(network: Any, numbers: Mapping[str, int]) -> dict[Any, int]:
    """The network's symbols of sizes with these names."""
    found: dict[Any, int] = {}
    parts = [e for eq in network.equations for e in (eq.target, eq.expression, *(x for r in eq.ranges for x in r))]
    parts += [x for q in network.quantities.values() for axis in q.axes for x in axis]
    for atom in (a for part in map(sp.sympify, parts) for a in part.atoms(sp.Symbol, AppliedUndef)):
        if isinstance(atom, AppliedUndef):  # a size that depends on the layer
            layers = {atom.func(k): numbers.get(f"{atom.func}({k})") for k in range(9)}
            found |= {size: number for size, number in layers.items() if number is not None}
        elif str(atom) in numbers:
            found[atom] = numbers[str(atom)]
    return found


def meant(text: str, sizes: Mapping[str, int], labels: Mapping[str, list[int]]) -> float:
    """The loss of a network file, element by element."""
    network = sb.read(text + "\n")
    classes = {
        (network.find(name).base, (s,)): k for name, found in labels.items() for s, k in enumerate(found, start=1)
    }
    instance = Instance(network, sizes_of(network, sizes), classes)
    defined = instance.definitions
    leaves = {s for e in defined.values() for s in e.free_symbols} - defined.keys()
    values = {s: sp.Float(drawn(s.name)) for s in leaves}
    return float(plain(instance.value(instance.element(network.loss.base, ()), values)))


def sigma(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


def softmax(z: Any, axis: int) -> Any:
    return np.exp(z) / np.exp(z).sum(axis=axis, keepdims=True)


def two_two_one() -> float:
    w = {k: v(f"w_{k}") for k in (11, 12, 13, 14, 21, 22)}
    a1 = sigma(w[11] * v("x_1") + w[13] * v("x_2") + v("b_11"))
    a2 = sigma(w[12] * v("x_1") + w[14] * v("x_2") + v("b_12"))
    return (sigma(w[21] * a1 + w[22] * a2 + v("b_21")) - v("y")) ** 2 / 2


def softmax_batch() -> float:
    a = np.tanh(v("W^[1]", 3, 2) @ v("X", 2, 2) + v("b^[1]", 3)[:, None])
    p = softmax(v("W^[2]", 2, 3) @ a + v("b^[2]", 2)[:, None], 0)
    return -(v("Y", 2, 2) * np.log(p)).sum() / 2


def convolution() -> float:
    kernel, image, target = v("K", 2, 2), v("X", 5, 7), v("Y", 2, 3)
    z = [[(kernel * image[2 * i : 2 * i + 2, 2 * j : 2 * j + 2]).sum() + v("c") for j in range(3)] for i in range(2)]
    return ((np.array(z) - target) ** 2).sum() / 2


def recurrence() -> float:
    h = np.zeros(2)
    for t in range(3):
        h = np.tanh(v("U", 2, 2) @ h + v("V", 2, 2) @ v("x", 2, 3)[:, t] + v("b", 2))
    return (h**2).sum()


def steps() -> float:
    """The recurrence of whole vectors: x_t is the t-th row of an array with the step first."""
    h = np.zeros(2)
    for t in range(3):
        h = np.tanh(v("W", 2, 2) @ h + v("U", 2, 3) @ v("x", 3, 3)[t] + v("b", 2))
    return ((h - v("y", 2)) ** 2).sum()


def integer_labels() -> float:
    p = softmax(v("W", 3, 2) @ v("X", 2, 2), 0)
    return -(np.log(p[2, 0]) + np.log(p[0, 1])) / 2


def depth() -> float:
    a = v("X", 2, 2)
    for layer in range(2):
        a = np.tanh(v("W", 2, 2, 2)[layer] @ a + v("b", 2, 2)[layer][:, None])
    return ((a - v("Y", 2, 2)) ** 2).sum() / 4


def nielsen() -> float:
    a = v("x", 2)
    for layer in range(2):
        a = sigma(v("w", 2, 2, 2)[layer] @ a + v("b", 2, 2)[layer])
    return ((a - v("y", 2)) ** 2).sum() / 2


def huber() -> float:
    z = v("w") * v("x") * 3
    return z**2 / 2 if abs(z) <= 1 else abs(z) - 0.5


def line_loss() -> float:
    return (v("w") * v("x") + v("b") - v("y")) ** 2


def logistic() -> float:
    a = sigma(v("w") * v("x") + v("b"))
    return -(v("y") * np.log(a) + (1 - v("y")) * np.log(1 - a))


MEANINGS: dict[str, tuple[str, dict[str, int], Hand]] = {
    "document 000": (
        r"""
        h_1 = w_{11} x_1 + w_{13} x_2 + b_{11}
        \alpha_1 = \sigma(h_1)
        h_2 = w_{12} x_1 + w_{14} x_2 + b_{12}
        \alpha_2 = \sigma(h_2)
        z = w_{21} \alpha_1 + w_{22} \alpha_2 + b_{21}
        out = \sigma(z)
        E = \frac{1}{2} (out - y)^2""",
        {},
        two_two_one,
    ),
    "document 000, mixed spellings in any order": (
        r"""
        E = ½ (out − y)²
        out = 1/(1 + e^{-z})
        h1 = w₁₁*x_1 + w_13 \cdot x₂ + b_{11}     # plain, Unicode and LaTeX
        α₁ = sigmoid(h_1)
        h_{2} = w_12 x_1 + w_{14}x_{2} + b_12
        α_2 = \frac{1}{1 + \exp(-h_2)}
        z = w_{21} \alpha_{1} + w_{22} \times \alpha_2 + b_{21}""",
        {},
        two_two_one,
    ),
    "document 003": (
        r"""
        X \in \mathbb{R}^{n_0 \times m}
        Y \in \mathbb{R}^{n_2 \times m}
        W^{[1]} \in \mathbb{R}^{n_1 \times n_0}
        b^{[1]} \in \mathbb{R}^{n_1}
        W^{[2]} \in \mathbb{R}^{n_2 \times n_1}
        b^{[2]} \in \mathbb{R}^{n_2}
        Z^{[1]} = W^{[1]} X + b^{[1]}
        A^{[1]} = \tanh(Z^{[1]})
        Z^{[2]} = W^{[2]} A^{[1]} + b^{[2]}
        \hat{Y} = softmax(Z^{[2]})
        L = -\frac{1}{m} \sum_{i=1}^{m} \sum_{k=1}^{n_2} Y_{ki} \log \hat{Y}_{ki}
        assume: \sum_k Y_{ki} = 1""",
        {"n_0": 2, "n_1": 3, "n_2": 2, "m": 2},
        softmax_batch,
    ),
    "a convolution with stride": (
        r"""
        Z_{ij} = \sum_{p=1}^{k} \sum_{q=1}^{k} K_{pq} X_{s(i-1)+p, s(j-1)+q} + c   for i = 1..H, j = 1..W
        E = \frac{1}{2} \sum_{i=1}^{H} \sum_{j=1}^{W} (Z_{ij} - Y_{ij})^2""",
        {"k": 2, "s": 2, "H": 2, "W": 3},
        convolution,
    ),
    "a recurrence with its base case": (
        r"""
        h_{i,0} = 0                                       for i = 1..n
        h_{i,t} = \tanh(\sum_{j=1}^{n} U_{ij} h_{j,t-1} + \sum_{j=1}^{d} V_{ij} x_{j,t} + b_i)   for i = 1..n, t = 1..T
        E = \sum_{i=1}^{n} h_{i,T}^2""",
        {"n": 2, "d": 2, "T": 3},
        recurrence,
    ),
    "a recurrence of vectors": (
        r"""
        W in R^(n x n), U in R^(n x d), x_t in R^d, b in R^n, y in R^n
        h_0 = 0
        h_t = \tanh(W h_{t-1} + U x_t + b) for t=1..T
        L = \|h_T - y\|^2""",
        {"n": 2, "d": 3, "T": 3},
        steps,
    ),
    "integer labels": (
        r"""
        W in R^(3 x d), X in R^(d x m)
        P = softmax(W X)
        y \in \{0..2\}^{m}
        L = -\frac{1}{m} \sum_{s=1}^{m} \log P_{y_s, s}""",
        {"d": 2, "m": 2},
        integer_labels,
    ),
    "a symbolic depth": (
        r"""
        X in R^(n_0 x m), Y in R^(n_L x m), b^{[l]} in R^{n_l}
        W^{[l]} \in \mathbb{R}^{n_l \times n_{l-1}}
        A^{[0]} = X
        Z^{[l]} = W^{[l]} A^{[l-1]} + b^{[l]}        for l = 1..L
        A^{[l]} = \tanh(Z^{[l]})                     for l = 1..L
        J = \frac{1}{2m} \|A^{[L]} - Y\|_F^2""",
        {"L": 2, "m": 2, "n(0)": 2, "n(1)": 2, "n(2)": 2},
        depth,
    ),
    "layers with elements": (
        r"""
        a^{(0)}_j = x_j for j=1..n
        z^{(l)}_j = \sum_{k=1}^n w^{(l)}_{jk} a^{(l-1)}_k + b^{(l)}_j for l=1..L, j=1..n
        a^{(l)}_j = \sigma(z^{(l)}_j) for l=1..L, j=1..n
        C = \frac12 \sum_{j=1}^n (a^{(L)}_j - y_j)^2""",
        {"L": 2, "n": 2},
        nielsen,
    ),
    "mean square over samples": (
        r"J = \frac{1}{n}\sum_{i=1}^n (y_i - w x_i)^2",
        {"n": 3},
        lambda: ((v("y", 3) - v("w") * v("x", 3)) ** 2).mean(),
    ),
    "a bias in columns": (
        "X in R^(d x m), W in R^(c x d), b in R^c\nZ = W X + b\nJ = \\|Z\\|_F^2",
        {"d": 2, "c": 3, "m": 3},
        lambda: ((v("W", 3, 2) @ v("X", 2, 3) + v("b", 3)[:, None]) ** 2).sum(),
    ),
    "a bias in rows": (
        "X in R^(m x d), W in R^(d x c), b in R^c\nsamples: m\nZ = X W + b\nJ = \\|Z\\|_F^2",
        {"d": 2, "c": 3, "m": 3},
        lambda: ((v("X", 3, 2) @ v("W", 2, 3) + v("b", 3)) ** 2).sum(),
    ),
    "a bias declared n x 1": (
        "X in R^(d x m), W in R^(c x d), b in R^(c x 1)\nZ = W X + b\nJ = \\|Z\\|_F^2",
        {"d": 2, "c": 3, "m": 3},
        lambda: ((v("W", 3, 2) @ v("X", 2, 3) + v("b", 3, 1)) ** 2).sum(),
    ),
    "softmax over the classes, in rows": (
        "X in R^(m x d), W in R^(d x c)\nsamples: m\nP = softmax(X W)\nJ = \\sum_{s=1}^m \\sum_{k=1}^c P_{sk}^2",
        {"d": 2, "c": 3, "m": 2},
        lambda: (softmax(v("X", 2, 2) @ v("W", 2, 3), 1) ** 2).sum(),
    ),
    "softmax over the rows of each column, by name": (
        "X in R^(n x k)\nK in R^(n x k)\nP = softmax_columns(X \\odot K)\nJ = \\|P\\|_F^2",
        {"n": 2, "k": 3},
        lambda: (softmax(v("X", 2, 3) * v("K", 2, 3), 0) ** 2).sum(),
    ),
    "softmax over the entries of each row, by name": (
        "X in R^(n x k)\nK in R^(n x k)\nP = softmax_rows(X \\odot K)\nJ = \\|P\\|_F^2",
        {"n": 2, "k": 3},
        lambda: (softmax(v("X", 2, 3) * v("K", 2, 3), 1) ** 2).sum(),
    ),
    "a bare star between equal shapes": (
        "W in R^(n x n), V in R^(n x n)\nC = W * V\nE = \\sum_{i=1}^n \\sum_{j=1}^n C_{ij}",
        {"n": 2},
        lambda: (v("W", 2, 2) * v("V", 2, 2)).sum(),
    ),
    "a bare star between shapes that chain": (
        "W in R^(n x k), V in R^(k x n)\nC = W * V\nE = \\sum_{i=1}^n \\sum_{j=1}^n C_{ij}",
        {"n": 2, "k": 3},
        lambda: (v("W", 2, 3) @ v("V", 3, 2)).sum(),
    ),
    "products and transposes": (
        "W in R^(n x n), V in R^(n x n)\nE = \\mathrm{Tr}(W V^\\top W)",
        {"n": 2},
        lambda: np.trace(v("W", 2, 2) @ v("V", 2, 2).T @ v("W", 2, 2)),
    ),
    "queries and keys": (
        "W_q in R^(d x k), W_k in R^(d x k), X in R^(m x d)\nQ = X W_q\nK = X W_k\nE = \\|Q - K\\|_F^2",
        {"d": 2, "k": 3, "m": 2},
        lambda: ((v("X", 2, 2) @ (v("W_q", 2, 3) - v("W_k", 2, 3))) ** 2).sum(),
    ),
    "the square of a vector's element": (
        "w in R^K, x in R^K\nL = (w^T x)^2 + \\sum_{i=1}^K w_i^2",
        {"K": 3},
        lambda: (v("w", 3) @ v("x", 3)) ** 2 + (v("w", 3) ** 2).sum(),
    ),
    "a binary logarithm": (r"E = \log_2 (5 + w x)", {}, lambda: np.log2(5 + v("w") * v("x"))),
    "Euler's number": ("E = e^{w x}", {}, lambda: np.exp(v("w") * v("x"))),
    "e, where it is defined": ("e = y - w x\nE = e^2", {}, lambda: (v("y") - v("w") * v("x")) ** 2),
    "an Iverson bracket": ("E = w x + [w > 0]", {}, lambda: v("w") * v("x") + (v("w") > 0)),
    "a ReLU": ("z = w x\nE = z + 2 \\max(0, z)", {}, lambda: _leaky(v("w") * v("x"))),
    "Huber's cases": (
        "z = 3 w x\nE = \\begin{cases} z^2/2 & |z| \\le 1 \\\\ |z| - 1/2 & \\text{otherwise} \\end{cases}",
        {},
        huber,
    ),
    "a chain of equalities": (
        "z = w x + b\n\\hat{y} = a = \\sigma(z)\nJ = -(y \\log a + (1-y)\\log(1-a))",
        {},
        logistic,
    ),
    "a function that the file declares": (
        "f is tanh\nE = (f(w x) - y)^2",
        {},
        lambda: (np.tanh(v("w") * v("x")) - v("y")) ** 2,
    ),
    "letters that known names cover": (
        "q = w x\nz = q + y\nE = (qz)^2",
        {},
        lambda: (v("w") * v("x") * (v("w") * v("x") + v("y"))) ** 2,
    ),
    "theta": (
        r"h = \theta_0 + \theta_1 x" + "\nJ = (h-y)^2",
        {},
        lambda: (v("theta_0") + v("theta_1") * v("x") - v("y")) ** 2,
    ),
}


def _leaky(z: float) -> float:
    return 3 * z if z > 0 else z


@pytest.mark.parametrize("name", MEANINGS)
def test_the_loss_is_the_one_by_hand(name: str) -> None:
    text, sizes, hand = MEANINGS[name]
    text = "\n".join(line.strip() for line in text.splitlines())
    labels = {"y": [3, 1]} if "0..2" in text else {}
    assert meant(text, sizes, labels) == pytest.approx(hand(), rel=1e-12)


MARKDOWN = """# A line

We start from w = 3, and $z$ is a number; `E = 7` is prose.

$$
z = w x + b
$$

| a = 1 | b = 2 |

```net
E = (z - y)^2   # the loss
```

```python
q = 1 / 0
```
"""
LATEX = r"""\documentclass{article}
\begin{document}
Here $q = 7$ and E = 8 are prose. % z = 9
\begin{align*}
  z &= w x + b, \\
  E &= (z - y)^2 \nonumber
\end{align*}
\end{document}
"""


@pytest.mark.parametrize(("name", "text"), [("line.md", MARKDOWN), ("line.tex", LATEX)])
def test_only_the_mathematics_of_a_document_counts(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    network = sb.read(str(tmp_path / name))
    assert [str(e.target) for e in network.equations] == ["z", "E"]
    instance = Instance(network, {})
    leaves = {sp.Symbol(x, real=True): sp.Float(drawn(x)) for x in "wxby"}
    assert float(instance.value(instance.element("E", ()), leaves)) == pytest.approx(line_loss(), rel=1e-12)


ROLES = [
    ("z = w x + b\nE = (z - y)^2", "input x, target y, parameter w b"),
    ("h = \\theta_0 + \\theta_1 x\nJ = (h - t)^2", "input x, target t, parameter theta_0 theta_1"),
    ("w = u x\nE = (w - y)^2", "input x, target y, parameter u"),
    ("inputs: w\nparameters: x\nE = (w x - y)^2", "input w, target y, parameter x"),
    ("constants: c\nE = c (w x - y)^2", "input x, target y, parameter w, constant c"),
    ("E = (w_1 i_1 + w_2 i_2 - target)^2", "input i_1 i_2, target target, parameter w_1 w_2"),
    ("J = \\frac{1}{n} \\sum_{i=1}^n (y_i - w x_i)^2", "input x, target y, parameter w"),
    ("A^{[0]} in R^n, W in R^(k x n)\nE = \\|W A^{[0]}\\|^2", "input A^[0], parameter W"),
]


@pytest.mark.parametrize(("text", "expected"), ROLES)
def test_roles(text: str, expected: str) -> None:
    network = sb.read(text + "\n")
    wanted = {words.split()[0]: set(words.split()[1:]) for words in expected.split(", ")}
    roles: list[Any] = ["input", "target", "parameter", "constant"]
    found = {r: {q.name.plain for q in network.with_role(r)} for r in roles}
    assert {r: names for r, names in found.items() if names} == wanted


@pytest.mark.parametrize(
    ("text", "samples"),
    [
        ("X in R^(d x m), Y in R^(c x m), W in R^(c x d)\nE = \\|W X - Y\\|_F^2", "m"),
        ("X in R^(m x d), Y in R^(m x c), W in R^(d x c)\nE = \\|X W - Y\\|_F^2", "m"),
        ("X in R^(d x m), W in R^(c x d)\nsamples: m\nE = \\|W X\\|_F^2", "m"),
        ("X in R^(d x d), Y in R^(d x d), W in R^(d x d)\nE = \\|W X - Y\\|_F^2", "None"),
    ],
)
def test_samples_are_the_dimension_that_no_parameter_has(text: str, samples: str) -> None:
    assert str(sb.read(text).samples) == samples


def test_declarations_are_kept() -> None:
    text = "title: A line\nrate: \\alpha\nw := 1/2\nb := [[1, -2], [3, 4]]\nb in R^(2 x 2), w in R, x in R, y in R\n"
    text += "loss: E\nF = w y\nE = w x + Tr(b)"
    network = sb.read(text)
    assert network.title == "A line"
    assert str(getattr(network.rate, "plain", None)) == "alpha"
    assert {str(k): x for k, x in network.values.items()} == {"w": 0.5, "b": [[1, -2], [3, 4]]}
    assert str(network.loss.target) == "E"


REFUSED = [
    ("E = w/0", 1, "this divides by zero"),
    ("E = w + 9**9**9**9", 1, "this number is too large"),
    ("E = w + 9^{9999999}", 1, "this number is too large"),
    ("E = w\nF = E + \\sum_{i=5}^{2} w_i x_i", 2, "this sum is empty: i runs from 5 to 2"),
    ("z = w x + w' x'\nE = z^2", 1, "a prime is not read as part of a name: write w_p"),
    ("exp = w x\nE = exp(-exp)", 1, "exp is the name of a function"),
    ("z = wx + b\nE = z^2", None, "if it is a product, write 'w x'"),
    ("z = w x\nz = b x\nE = z^2", None, "call the second one z_2"),
    ("z = a + w\na = z x\nE = a^2", 1, "round in a circle: z -> a -> z"),
    ("A = w x\nB = w y", None, "add a line 'loss: B'"),
    ("loss: Q\nE = w x", 1, "Q is not defined by any equation"),
    ("w in R^n\nw in R^m\nE = \\|w\\|^2", 2, "w is declared twice"),
    ("inputs: w\nparameters: w\nE = w", 2, "w has two roles: input and parameter"),
    (
        "X in R^(n x n), W in R^(n x n)\nP = softmax(W X)\nE = \\|P\\|_F^2",
        2,
        "softmax_columns(...) or softmax_rows(...)",
    ),
    ("X in R^(n x n), b in R^n\nE = \\|X + b\\|_F^2", 2, "\\mathbf{1}"),
    ("W in R^(n x k), X in R^(d x m)\nE = \\|W X\\|_F^2", 2, "k"),
    ("assume: \\sin(w)\nE = w x", 1, "an assumption is a condition"),
    (
        "Y in R^(c x m), X in R^(d x m), W in R^(c x d)\nA = W X\nL = \\sum_{i=1}^m \\sum_{k=1}^c (Y_{ik} - A_{ki})^2",
        None,
        "index 1 of Y runs from 1 to m here (i), but that axis of Y runs from 1 to c",
    ),
]


@pytest.mark.parametrize(("text", "line", "message"), REFUSED)
def test_what_has_no_meaning_is_refused_with_its_line_and_advice(text: str, line: int | None, message: str) -> None:
    with pytest.raises(sb.SymbackpropError) as caught:
        sb.read(text + "\n")
    assert message in str(caught.value)
    if line is not None:
        assert str(caught.value).startswith(f"line {line}, column ")
