"""Array trees through the NumPy they print: against `numpy.einsum`, and element by element against the expression."""

from __future__ import annotations

import itertools
import random
from typing import Any

import numpy as np
import pytest
import sympy as sp
from sympy import IndexedBase, Sum, symbols, tanh

from symbackprop.functions import HELPERS, Indicator
from symbackprop.indexed import Limit, LogSumExp, MaxOver, Softmax, at_least_zero
from symbackprop.numeric.arrays import lower
from symbackprop.numeric.arrays.source import ArraySource

i, j, k, s, p, q, t = symbols("i j k s p q t", integer=True)
A, B, K, X, Y, Z, v = map(IndexedBase, ["A", "B", "K", "X", "Y", "Z", "v"])


def run(expression: Any, axes: list[Limit], arrays: dict[Any, Any], labels: Any = ()) -> tuple[str, Any]:
    """The source of an expression over axes, and its value."""
    storage = {
        base: [Limit(sp.Symbol(f"d{n}", integer=True), sp.S(1), sp.Integer(size)) for n, size in enumerate(value.shape)]
        for base, value in arrays.items()
    }
    source = ArraySource({base: str(base) for base in arrays}, storage.__getitem__)
    text = source(lower(expression, axes, labels), [limit.index for limit in axes])
    namespace: dict[str, Any] = {"np": np, **{str(base): value for base, value in arrays.items()}}
    for helper in HELPERS.values():
        exec(helper, namespace)
    return text, eval(text, namespace)


def by_entries(expression: Any, axes: list[Limit], arrays: dict[Any, Any]) -> Any:
    """The same by its definition, entry by entry."""
    shape = [int(limit.size) for limit in axes]
    found = np.empty(shape)
    for at in itertools.product(*(range(n) for n in shape)):
        here = {limit.index: limit.low + n for limit, n in zip(axes, at, strict=True)}
        found[at] = _value(expression.xreplace(here), arrays)
    return found


def _value(e: Any, arrays: dict[Any, Any]) -> float:
    if isinstance(e, sp.Indexed):
        place = tuple(int(n) - 1 for n in e.indices)
        inside = all(0 <= n < size for n, size in zip(place, arrays[e.base].shape, strict=True))
        return float(arrays[e.base][place]) if inside else 0.0
    if isinstance(e, sp.Sum):
        (index, low, high), *rest = e.limits
        inner = Sum(e.function, *rest) if rest else e.function
        return sum(_value(inner.xreplace({index: sp.Integer(n)}), arrays) for n in range(int(low), int(high) + 1))
    if isinstance(e, MaxOver):
        terms = [e.args[0]]
        for index, low, high in e.limits:
            terms = [x.xreplace({index: sp.Integer(n)}) for x in terms for n in range(int(low), int(high) + 1)]
        return max(_value(x, arrays) for x in terms)
    if isinstance(e, (Softmax, LogSumExp)):
        return _value(e.definition(), arrays)
    if not e.args:
        return float(e)
    return float(e.func(*(_value(a, arrays) for a in e.args)))


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
        own = draw.sample(letters, draw.randint(1, 4))
        base = IndexedBase(f"F{number}")
        factors.append(base[tuple(own)])
        arrays[base] = rng.standard_normal([size[x] for x in own])
        spec.append("".join(x.name for x in own))
    used = [x for x in letters if any(x.name in part for part in spec)]
    free = draw.sample(used, min(len(used), draw.randint(0, 3)))
    limits = [(x, 1, size[x]) for x in used if x not in free]
    expression = sp.Mul(*factors, evaluate=False)
    if limits:
        expression = Sum(expression, *limits)
    axes = [Limit(x, sp.S(1), sp.Integer(size[x])) for x in free]
    return expression, axes, ",".join(spec) + "->" + "".join(x.name for x in free), arrays


def test_random_contractions_equal_einsum() -> None:
    for seed in range(600):
        expression, axes, spec, arrays = random_contraction(seed)
        text, value = run(expression, axes, arrays)
        assert np.allclose(value, np.einsum(spec, *arrays.values())), (seed, expression, text)


def limit(index: Any, high: int, low: int = 1) -> Limit:
    return Limit(index, sp.Integer(low), sp.Integer(high))


def within(index: Any, high: int) -> Any:
    return Indicator(sp.And(sp.Ge(index, 1), sp.Le(index, high)))


CASES: dict[str, tuple[Any, list[Limit], str | None]] = {
    "dense": (Sum(A[i, j] * B[j, s], (j, 1, 4)) + v[i], [limit(i, 3), limit(s, 5)], "v[:, None] + A @ B"),
    "dense in rows": (Sum(B[s, j] * A[j, i], (j, 1, 3)), [limit(s, 4), limit(i, 4)], "B[:, :3] @ A"),
    "outer product": (v[i] * v[j], [limit(i, 3), limit(j, 3)], "v[:, None] * v"),
    "sum over the last": (Sum(A[i, s], (s, 1, 4)), [limit(i, 3)], "A.sum(axis=1)"),
    "difference": (v[i + 1] - v[i], [limit(i, 2)], "-v[:2] + v[1:]"),
    "every second": (v[2 * i - 1], [limit(i, 2)], "v[:3:2]"),
    "reversed": (v[4 - i], [limit(i, 3)], None),
    "diagonal": (A[i, i], [limit(i, 3)], None),
    "fixed row": (A[2, j] * v[3], [limit(j, 4)], "v[2] * A[1]"),
    "convolution": (
        Sum(K[p, q] * X[i + p - 1, j + q - 1], (p, 1, 2), (q, 1, 3)),
        [limit(i, 5), limit(j, 4)],
        None,
    ),
    "convolution with stride 2": (Sum(v[p] * X[2 * (i - 1) + p, 1], (p, 1, 3)), [limit(i, 2)], None),
    "full correlation": (
        Sum(v[p] * X[i - p + 1, 2] * within(i - p + 1, 6), (p, 1, 3)),
        [limit(i, 8)],
        None,
    ),
    "max pooling": (MaxOver(X[2 * (i - 1) + p, j], (p, 1, 2)), [limit(i, 3), limit(j, 6)], None),
    "softmax of rows": (Softmax(j, A[i, q], (q, 1, 4)), [limit(i, 3), limit(j, 4)], "softmax(A, axis=1)"),
    "softmax, transposed": (Softmax(j, A[i, q], (q, 1, 4)), [limit(j, 4), limit(i, 3)], "softmax(A, axis=1).T"),
    "log-sum-exp": (LogSumExp(A[i, q], (q, 1, 4)), [limit(i, 3)], "logsumexp(A, axis=1)"),
    "index as a number": (i * A[i, j] + j, [limit(i, 3), limit(j, 4)], None),
    "causal mask": (Indicator(sp.Le(j, i)) * A[i, j], [limit(i, 3), limit(j, 4)], None),
    "function of a sum": (tanh(Sum(A[i, j] ** 2, (j, 1, 4)) / 9), [limit(i, 3)], None),
    "sum of squares": (Sum((A[i, j] - v[i]) ** 2, (i, 1, 3), (j, 1, 4)), [], "((-v[:, None] + A)**2).sum()"),
    "nothing but a size": (Sum(v[i], (i, 1, 3), (j, 1, 4)), [], None),
    "trace of a product": (Sum(A[i, j] * B[j, i], (i, 1, 3), (j, 1, 4)), [], None),
    "nested sums": (Sum(v[i] * tanh(Sum(A[i, j] * B[j, k], (j, 1, 4))), (i, 1, 3)), [limit(k, 5)], None),
}


@pytest.mark.parametrize("name", CASES)
def test_arrays_equal_their_entries(name: str) -> None:
    expression, axes, expected = CASES[name]
    rng = np.random.default_rng(1)
    shapes = {A: (3, 4), B: (4, 5), K: (2, 3), X: (6, 6), v: (3,)}
    arrays = {base: rng.standard_normal(shape) for base, shape in shapes.items()}
    text, value = run(expression, axes, arrays)
    assert np.allclose(value, by_entries(expression, axes, arrays)), text
    assert np.shape(value) == tuple(int(a.size) for a in axes), text
    if expected is not None:
        assert text == expected


def test_labels_count_from_zero() -> None:
    y, P = IndexedBase("y"), IndexedBase("P")
    arrays = {y: np.array([2, 0, 1, 2, 1]), P: np.random.default_rng(0).standard_normal((5, 3))}
    text, value = run(P[s, y[s]], [limit(s, 5)], arrays, {y})
    assert np.array_equal(value, arrays[P][np.arange(5), arrays[y]]), text
    text, value = run(P[s, k] - Indicator(sp.Eq(y[s], k)), [limit(s, 5), limit(k, 3)], arrays, {y})
    assert text == "P - (y[:, None] == np.arange(3))"
    assert np.array_equal(value, arrays[P] - np.eye(3)[arrays[y]])


def test_float32_stays_float32() -> None:
    arrays = {A: np.ones((3, 4), np.float32), v: np.ones(3, np.float32)}
    expressions = (
        (sp.Rational(1, 3) * A[i, j] - Indicator(A[i, j] > 0), [limit(i, 3), limit(j, 4)]),
        (Sum(A[i, j] * v[i], (i, 1, 3)) / 7, [limit(j, 4)]),
        (Indicator(sp.Le(j, i)) * A[i, j], [limit(i, 3), limit(j, 4)]),
    )
    for expression, axes in expressions:
        text, value = run(expression, axes, arrays)
        assert value.dtype == np.float32, text


def test_what_is_not_proven_to_lie_inside_is_not_sliced() -> None:
    assert not at_least_zero(i - 2, [limit(i, 3)])
    text, _ = run(v[i - 1] * Indicator(i > 1), [limit(i, 3)], {v: np.ones(3)})
    assert "clip" in text
