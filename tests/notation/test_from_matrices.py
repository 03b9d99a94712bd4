"""SymPy matrix equations: every form against NumPy written by hand and the complex step, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy as sp

import symbackprop as sb
from tests.oracle import Instance

Array = Any
Matrix = sp.MatrixSymbol
n, h, c, m = sp.symbols("n h c m")
N, H, C, M = 4, 5, 3, 6
E = sp.Symbol("E")
k, i = sp.symbols("k i")
W, X, Z, A = Matrix("W", h, n), Matrix("X", n, m), Matrix("Z", h, m), Matrix("A", h, m)
b, x, y, v = Matrix("b", h, 1), Matrix("x", n, 1), Matrix("y", h, 1), Matrix("v", h, 1)
Y, S = Matrix("Y", h, m), Matrix("S", h, h)
column, row = sp.OneMatrix(m, 1), sp.OneMatrix(1, m)
draw = np.random.default_rng(5)
POINT = {
    name: draw.uniform(0.2, 1.4, shape)
    for name, shape in {
        "W": (H, N), "X": (N, M), "b": (H,), "x": (N,), "y": (H,), "v": (H,), "Y": (H, M), "S": (H, H), "A": (H, M),
        "lambda": (),
    }.items()
}  # fmt: skip
lam = sp.Symbol("lambda")
D = Z - Y


def complex_step(function: Callable[[dict[str, Array]], Any], values: dict[str, Array], name: str) -> Array:
    gradient = np.zeros(values[name].shape)
    for entry in np.ndindex(gradient.shape):
        moved = values[name].astype(complex)
        moved[entry] += 1e-30j
        gradient[entry] = function({**values, name: moved}).imag / 1e-30
    return gradient


def affine(p: dict[str, Array]) -> Array:
    return p["W"] @ p["X"] + p["b"][:, None]


def sigma(z: Array) -> Array:
    return 1 / (1 + np.exp(-z))


# what -> (expression of the loss over W, b, ..., the same in NumPy, parameters)
BATCH = (Z, W * X + b * row)
LOSSES: dict[str, tuple[list[Any], Callable[[dict[str, Array]], Any]]] = {
    "trace of a square": (
        [BATCH, (E, sp.Trace(D.T * D) / (2 * m))],
        lambda p: ((affine(p) - p["Y"]) ** 2).sum() / (2 * M),
    ),
    "sum over elements from 0": (
        [BATCH, (E, sp.Sum((Z[k, i] - Y[k, i]) ** 2, (k, 0, h - 1), (i, 0, m - 1)) / m)],
        lambda p: ((affine(p) - p["Y"]) ** 2).sum() / M,
    ),
    "a part of the elements": (
        [BATCH, (E, sp.Sum(Z[k, i] ** 2, (k, 1, h - 2), (i, 0, m - 1)) + Z[0, 0] * Z[h - 1, m - 1])],
        lambda p: (affine(p)[1:-1] ** 2).sum() + affine(p)[0, 0] * affine(p)[-1, -1],
    ),
    "sums by vectors of ones": (
        [BATCH, (E, sp.OneMatrix(1, h) * Z.applyfunc(sp.tanh) * column)],
        lambda p: np.tanh(affine(p)).sum(),
    ),
    "functions of entries": (
        [BATCH, (A, Z.applyfunc(sb.sigmoid)), (E, sp.Trace(A * Y.T))],
        lambda p: (sigma(affine(p)) * p["Y"]).sum(),
    ),
    "a function with a parameter": (
        [BATCH, (A, Z.applyfunc(lambda t: sp.log(1 + t**2 * lam))), (E, sp.Trace(A * Y.T))],
        lambda p: (np.log(1 + affine(p) ** 2 * p["lambda"]) * p["Y"]).sum(),
    ),
    "elementwise": (
        [BATCH, (A, sp.HadamardProduct(Z, Y) + sp.HadamardPower(Z, 2)), (E, sp.Trace(A.T * A) ** 2)],
        lambda p: ((affine(p) * p["Y"] + affine(p) ** 2) ** 2).sum() ** 2,
    ),
    "softmax over rows": (
        [BATCH, (A, sb.softmax(Z)), (E, -sp.Sum(Y[k, i] * sp.log(A[k, i]), (k, 0, h - 1), (i, 0, m - 1)) / m)],
        lambda p: -(p["Y"] * np.log(np.exp(affine(p)) / np.exp(affine(p)).sum(axis=0))).sum() / M,
    ),
    "softmax over columns": (
        [BATCH, (A, sb.softmax(Z, axis=1)), (E, sp.Trace(A * Y.T))],
        lambda p: (np.exp(affine(p)) / np.exp(affine(p)).sum(axis=1, keepdims=True) * p["Y"]).sum(),
    ),
    "penalty and a scalar": (
        [BATCH, (E, sp.Trace(Z * Z.T) / m + lam * sp.Trace(W.T * W) / 2)],
        lambda p: (affine(p) ** 2).sum() / M + p["lambda"] * (p["W"] ** 2).sum() / 2,
    ),
    "one sample": (
        [(v, (W * x + b).applyfunc(sp.tanh)), (E, sp.DotProduct(v - y, v - y) / 2)],
        lambda p: ((np.tanh(p["W"] @ p["x"] + p["b"]) - p["y"]) ** 2).sum() / 2,
    ),
    "a quadratic form, and its logarithm": (
        [(v, W * x), (E, sp.log(v.T * S * v) + (b.T * v)[0])],
        lambda p: np.log((p["W"] @ p["x"]) @ p["S"] @ (p["W"] @ p["x"])) + p["b"] @ (p["W"] @ p["x"]),
    ),
    "a diagonal, an identity, a square": (
        [(v, (sp.DiagMatrix(b) + sp.Identity(h)) * W * x), (E, sp.Trace((v * v.T) ** 2))],
        lambda p: (((p["b"] + 1) * (p["W"] @ p["x"])) ** 2).sum() ** 2,
    ),
    "matrices beside Indexed": (
        [(sp.IndexedBase("z")[k], sp.Sum(W[k - 1, i] * X[i, 0], (i, 0, n - 1)) + b[k - 1, 0]),
         (E, sp.Sum(sp.IndexedBase("z")[k] ** 2, (k, 1, h)))],
        lambda p: ((p["W"] @ p["X"][:, 0] + p["b"]) ** 2).sum(),
    ),
}  # fmt: skip


NOT_AS_ARRAYS = ("a part of the elements", "a diagonal, an identity, a square", "matrices beside Indexed")
"""What has no program over whole arrays: only the reading is tested."""


@pytest.mark.parametrize("what", LOSSES)
def test_against_numpy(what: str) -> None:
    equations, oracle = LOSSES[what]
    constants = [s for s in (lam, S) if any(s in e.atoms(sp.Symbol, sp.MatrixSymbol) for _, e in equations)]
    net = sb.Network(equations, parameters=["W", b], constants=constants, ranges={k: h} if "Indexed" in what else None)
    assert loss_by_elements(net) == pytest.approx(float(np.real(oracle(POINT))), rel=1e-12)
    if what in NOT_AS_ARRAYS:
        return
    given = {q.name.plain: POINT[q.name.plain] for q in net.with_role("input", "target", "constant", "parameter")}
    loss, gradients = net.derive().compile()(given)
    assert loss == pytest.approx(float(np.real(oracle(POINT))), rel=1e-12)
    for parameter in ("W", "b"):
        truth = complex_step(oracle, POINT, parameter)
        np.testing.assert_allclose(gradients[parameter], truth, rtol=1e-9, atol=1e-12)


def loss_by_elements(net: sb.Network) -> float:
    """The equations as they were read, written out element by element."""
    instance = Instance(net, {n: N, h: H, m: M})
    loss = instance.loss()
    numbers = {}
    for symbol in loss.free_symbols:
        name, *at = symbol.name.split("@")
        numbers[symbol] = float(POINT[name][tuple(int(j) - 1 for j in at)])
    return float(loss.xreplace(numbers).doit())


def network(*equations: Any, **options: Any) -> sb.Network:
    return sb.Network([*equations, (E, sp.Trace(Z * Z.T))], **options)


def test_it_is_the_network_of_the_text() -> None:
    text = sb.read(
        "X in R^(n x m), W in R^(h x n), b in R^h, Y in R^(h x m)\nZ = W X + b\nE = \\frac{1}{2m} \\|Z - Y\\|_F^2"
    )
    matrices = sb.Network([sp.Eq(Z, W * X + b * row), sp.Eq(E, sp.Trace(D * D.T) / (2 * m))])
    assert matrices.samples == m
    shown = [n.derive().sheet().to_text().split("Backward pass\n")[1] for n in (text, matrices)]
    assert shown[0] == shown[1]


def test_a_column_is_a_vector_with_one_axis() -> None:
    net = network((Z, W * X + b * row + Matrix("w", 1, 1)[0, 0] * sp.OneMatrix(h, 1) * Matrix("u", 1, m)))
    assert {q.name.plain: len(q.axes) for q in net.parameters} == {"W": 2, "b": 1, "u": 1, "w": 0}


def test_terms_stand_as_a_human_writes_them() -> None:
    net = network((Z, b * row + W * X - Y))
    assert list(map(str, net.equations[0].expression.args)) == ["Sum(W[i, j]*X[j, s], (j, 1, n))", "b[i]", "-Y[i, s]"]


def test_integer_labels() -> None:
    labels, P, L = Matrix("y", m, 1), Matrix("P", h, m), sp.Symbol("L")
    net = sb.Network(
        [(Z, W * X + b * row), (P, sb.softmax(Z)), (L, -sp.Sum(sp.log(P[labels[i, 0], i]), (i, 0, m - 1)) / m)]
    )
    given = {key: POINT[key] for key in ("W", "X", "b")} | {"y": np.array([0, 1, 2, 3, 4, 0])}

    def oracle(p: dict[str, Array]) -> Any:
        e = np.exp(affine(p))
        return -np.log((e / e.sum(axis=0))[given["y"], np.arange(M)]).sum() / M

    loss, gradients = net.derive().compile()(given)
    assert loss == pytest.approx(float(oracle(POINT)), rel=1e-12)
    np.testing.assert_allclose(gradients["W"], complex_step(oracle, POINT, "W"), rtol=1e-10)


def test_declarations_take_symbols_and_names() -> None:
    net = network((Z, Matrix("Q", h, n) * Matrix("R", n, m)), inputs=[Matrix("R", n, m)], parameters=["Q"], loss=E)
    assert [q.name.plain for q in net.with_role("input", "parameter")] == ["Q", "R"]


REFUSED = {
    "shapes that differ": ((Z, W * X + b), "the shapes differ"),
    "a product that does not conform": ((Z, X * W), "the matrix product does not conform"),
    "a left side of another shape": ((Z, W * x), "the shapes differ"),
    "an inverse": ((Z, S.inverse() * W * X), "matrix power .* is not supported"),
    "a determinant": ((sp.Symbol("d"), sp.Determinant(S)), "Determinant has no meaning"),
    "a Kronecker product": ((Z, sp.KroneckerProduct(W, X)), "KroneckerProduct has no meaning"),
    "the exponential of a matrix": ((sp.Symbol("q"), sp.exp(S)), "a single number is needed"),
    "a sum that counts from 1": ((sp.Symbol("q"), sp.Sum(W[k, 0], (k, 1, h))), "SymPy counts .* from 0"),
    "an equation that SymPy evaluated": (sp.Eq(sp.Symbol("q"), x.T * x), "equation 1 is not an equation: False"),
    "a left side that is no name": ((W * X, Z), "is not a name"),
    "a declaration of nothing": ((Z, W * X), "no equation uses the name 'V'"),
    "one name with two shapes": ((Z, W * X + Matrix("X", h, m)), "X has two shapes"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_refusals(what: str) -> None:
    equation, said = REFUSED[what]
    with pytest.raises(sb.NetworkError, match=said):
        network(equation, inputs=["V"] if "declaration" in what else [])


def test_softmax_takes_matrices_only() -> None:
    with pytest.raises(sb.NetworkError, match="matrix expression"):
        sb.softmax(sp.Symbol("z"))
    with pytest.raises(sb.NetworkError, match="axes 0 and 1"):
        sb.softmax(Z, axis=2)
