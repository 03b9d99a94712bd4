"""Matrix forms against `numpy.einsum` on random contractions, and their notation against literal LaTeX."""

from __future__ import annotations

import functools
import itertools
import random
from typing import Any

import numpy as np
import pytest
import sympy as sp
from sympy import IndexedBase, Sum, symbols, tanh

from symbackprop.functions import sigmoid
from symbackprop.indexed import Softmax, product
from symbackprop.matrix import (
    Along,
    Apply,
    Hadamard,
    Leaf,
    NoMatrixForm,
    Ones,
    Product,
    Transposed,
    matrix_form,
)
from symbackprop.matrix import Sum as MatrixSum
from symbackprop.notation.matrix_writer import MatrixWriter
from symbackprop.notation.writer import LATEX, Writer

i, j, k, s, t = symbols("i j k s t", integer=True)
n0, n1, n2, m, T = symbols("n_0 n_1 n_2 m T", integer=True)
A, B, D, W, X, Y, Z, b, v = map(IndexedBase, ["A", "B", "D", "W", "X", "Y", "Z", "b", "v"])


def value_of(node: Any, arrays: dict[Any, Any]) -> Any:
    """The value of a matrix tree, by its definition: always with two axes, one of size 1 where it has none."""
    match node:
        case Leaf(reference=reference):
            value = np.asarray(arrays[reference.base])
            return value if value.ndim == 2 else value[:, None] if node.col is None else value[None]
        case Ones(limit=limit):
            return np.ones((int(limit.size), 1))
        case Transposed(operand=operand):
            return value_of(operand, arrays).T
        case Product(factors=factors):
            return functools.reduce(np.matmul, (value_of(f, arrays) for f in factors))
        case Hadamard(factors=factors):
            return functools.reduce(np.multiply, (value_of(f, arrays) for f in factors))
        case MatrixSum(terms=terms):
            return functools.reduce(np.add, (value_of(t, arrays) for t in terms))
        case Apply(pattern=pattern, slots=slots, operands=operands):
            return sp.lambdify(slots, pattern.replace(sigmoid, lambda z: 1 / (1 + sp.exp(-z))))(
                *(value_of(o, arrays) for o in operands)
            )
        case Along(kind="softmax", axis=axis, operand=operand):
            e = np.exp(value_of(operand, arrays))
            return e / e.sum(axis=0 if axis == operand.row else 1, keepdims=True)
        case _:
            raise NotImplementedError(type(node))


def run(node: Any, row: Any, col: Any, arrays: dict[Any, Any]) -> Any:
    """The value over the axes that there are."""
    value = value_of(node, arrays)
    return value.reshape([n for n, axis in zip(value.shape, (row, col), strict=True) if axis is not None])


def random_contraction(seed: int) -> tuple[Any, list[Any], str, dict[Any, Any]]:
    """A product of two to four factors over four indices, some of them summed; the same for einsum."""
    draw = random.Random(seed)
    letters = [i, j, k, s]
    size = {i: 2, j: 3, k: 4, s: 5}
    rng = np.random.default_rng(seed)
    factors: list[Any] = []
    arrays: dict[Any, Any] = {}
    spec: list[str] = []
    for number in range(draw.randint(2, 4)):
        own = draw.sample(letters, draw.randint(1, 2))
        base = IndexedBase(f"F{number}")
        factors.append(base[tuple(own)])
        arrays[base] = rng.standard_normal([size[x] for x in own])
        spec.append("".join(x.name for x in own))
    used = [x for x in letters if any(x.name in part for part in spec)]
    free = draw.sample(used, min(len(used), draw.randint(0, 2)))
    limits = [(x, 1, size[x]) for x in used if x not in free]
    expression = sp.Mul(*factors, evaluate=False)
    if limits:
        expression = Sum(expression, *limits)
    return expression, free, ",".join(spec) + "->" + "".join(x.name for x in free), arrays


def test_random_contractions_equal_einsum() -> None:
    reduced = 0
    for seed in range(600):
        expression, free, spec, arrays = random_contraction(seed)
        row, col = (*free, None, None)[:2]
        expected = np.einsum(spec, *arrays.values())
        try:
            node = matrix_form(expression, free)
        except NoMatrixForm:
            continue
        reduced += 1
        assert np.allclose(run(node, row, col, arrays), expected), (seed, expression, spec)
    assert reduced > 500


ADJOINTS = [
    (Sum(W[k, i] * D[k, s], (k, 1, n2)), (i, s), r"W^{\top}\, D"),
    (Sum(D[i, s] * X[j, s], (s, 1, m)), (i, j), r"D\, X^{\top}"),
    (Sum(D[i, s], (s, 1, m)), (i,), r"D\, \mathbf{1}"),
    (Sum(D[s, i], (s, 1, m)), (i,), r"D^{\top}\, \mathbf{1}"),
    (product([D[i, s], 1 - tanh(Z[i, s]) ** 2]), (i, s), r"D \odot (1 - \tanh(Z) \odot \tanh(Z))"),
    (
        sp.Add(Sum(W[i, j] * X[j, s], (j, 1, n0)), b[i], evaluate=False),
        (i, s),
        r"W\, X + b\, \mathbf{1}^{\top}",
    ),
    (
        sp.Add(Sum(X[s, j] * W[j, i], (j, 1, n0)), b[i], evaluate=False),
        (s, i),
        r"X\, W + \mathbf{1}\, b^{\top}",
    ),
    (v[i] * b[j], (i, j), r"v\, b^{\top}"),
    (Sum(product([v[i], b[i]]), (i, 1, n0)), (), r"v^{\top}\, b"),
]


@pytest.mark.parametrize(("expression", "axes", "latex"), ADJOINTS)
def test_notation(expression: Any, axes: Any, latex: str) -> None:
    assert MatrixWriter(Writer({}, LATEX))(matrix_form(expression, axes)) == latex


def test_a_shifted_index_stays_a_sum() -> None:
    form = matrix_form(Sum(D[i, t] * A[j, t - 1], (t, 1, T)), (i, j))
    assert MatrixWriter(Writer({}, LATEX))(form) == r"\sum_{t=1}^{T} D^{(t)}\, (A^{(t - 1)})^{\top}"


def test_a_convolution_has_no_matrix_form() -> None:
    with pytest.raises(NoMatrixForm):
        matrix_form(Sum(W[k, t] * X[i + k - 1, j + t - 1], (k, 1, 3), (t, 1, 3)), (i, j))


@pytest.mark.parametrize("axes", list(itertools.permutations((i, s))))
def test_softmax_and_sigmoid_in_both_layouts(axes: Any) -> None:
    z = np.random.default_rng(0).standard_normal((3, 4))
    q = sp.Symbol("q", integer=True)
    soft = matrix_form(Softmax(i, Z[q, s], (q, 1, 3)), axes)
    value = run(soft, *axes, {Z: z})
    assert np.allclose(value.sum(axis=axes.index(i)), 1)
    squashed = run(matrix_form(sigmoid(Z[i, s]), axes), *axes, {Z: z})
    expected = 1 / (1 + np.exp(-z))
    assert np.allclose(squashed, expected if axes[0] == i else expected.T)
