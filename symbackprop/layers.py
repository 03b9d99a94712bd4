"""Layers and losses: they only return equations; the chain rule does the rest.

Contract: `sequential` stacks layers into a Specification with the samples in rows (``Z = X W + b``, W of shape
(in, out)) or in columns (``Z = W X + b``, W of shape (out, in)). A layer is a frozen record that turns the quantity
before it into equations for the quantity after it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import sympy as sp

from symbackprop.errors import NetworkError
from symbackprop.functions import elu, gelu, identity, leaky_relu, relu, sigmoid, silu, softplus
from symbackprop.indexed import Base, Limit, LogSumExp, Softmax, product
from symbackprop.names import Name, parse_name
from symbackprop.network import Assumption, Equation, Role, Specification

Layout = Literal["rows", "columns"]

ACTIVATIONS: dict[str, Any] = {
    "sigmoid": sigmoid,
    "tanh": sp.tanh,
    "relu": relu,
    "leaky_relu": leaky_relu,
    "elu": elu,
    "softplus": softplus,
    "silu": silu,
    "gelu": gelu,
    "identity": identity,
    "exp": sp.exp,
}
"""Elementwise activations by name; ``softmax`` runs over the units of each sample."""

m = sp.Symbol("m", integer=True)


@dataclass(frozen=True)
class Dense:
    """A fully connected layer: ``units`` outputs, an activation by name (None: none), with or without a bias."""

    units: int
    activation: str | None = None
    bias: bool = True


@dataclass(frozen=True)
class BatchNorm:
    """Batch normalisation over the samples, with a learned scale and shift for each unit."""

    epsilon: float = 1e-5


Layer = Dense | BatchNorm


def dense(units: int, activation: str | None = None, *, bias: bool = True) -> Dense:
    """A fully connected layer.

    Args:
        units: the number of outputs.
        activation: one of `ACTIVATIONS`, ``softmax``, or None.
        bias: whether a bias is added.

    Raises:
        NetworkError: an unknown activation, or fewer than one unit.
    """
    if activation is not None and activation not in ACTIVATIONS and activation != "softmax":
        raise NetworkError(f"unknown activation {activation!r}", hint=f"one of {', '.join(ACTIVATIONS)}, softmax")
    if units < 1:
        raise NetworkError(f"a layer needs at least one unit, not {units}")
    return Dense(units, activation, bias)


def batch_norm(epsilon: float = 1e-5) -> BatchNorm:
    """Batch normalisation of the quantity before it."""
    return BatchNorm(epsilon)


@dataclass
class Builder:
    """Equations under construction; `entry(base, unit, sample)` hides the layout."""

    layout: Layout
    equations: list[Equation] = field(default_factory=list[Equation])
    roles: dict[Base, Role] = field(default_factory=dict[Base, Role])
    names: dict[Base, Name] = field(default_factory=dict[Base, Name])
    axes: dict[Base, tuple[Limit, ...]] = field(default_factory=dict[Base, tuple[Limit, ...]])

    def quantity(self, text: str, *, role: Role | None = None, axes: tuple[Limit, ...] = ()) -> sp.IndexedBase:
        """A new quantity with this name."""
        base = sp.IndexedBase(text)
        name = parse_name(text)
        if name is not None:
            self.names[base] = name
        if role:
            self.roles[base] = role
            self.axes[base] = axes
        return base

    def entry(self, base: Any, unit: Any, sample: Any) -> Any:
        """One unit of one sample."""
        return base[sample, unit] if self.layout == "rows" else base[unit, sample]

    def define(self, base: Any, size: Any, expression: Callable[[Any, Any], Any]) -> None:
        """``base[unit, sample] = expression(unit, sample)`` for a quantity with `size` units."""
        unit, sample = sp.symbols("i s", integer=True)
        limits = {unit: Limit(unit, sp.S.One, sp.sympify(size)), sample: Limit(sample, sp.S.One, m)}
        target = self.entry(base, unit, sample)
        self.equations.append(Equation(target, expression(unit, sample), tuple(limits[i] for i in target.indices)))

    def sample_axes(self, size: Any) -> tuple[Limit, ...]:
        """The axes of a batch of `size` units."""
        unit, sample = (Limit(sp.Symbol(x, integer=True), sp.S.One, n) for x, n in (("i", sp.sympify(size)), ("s", m)))
        return (sample, unit) if self.layout == "rows" else (unit, sample)


def sequential(
    *layers: Layer, inputs: int, loss: str = "half_square", layout: Layout = "rows", title: str = ""
) -> Specification:
    """A stack of layers with a loss.

    Args:
        layers: `dense`, `batch_norm`.
        inputs: the number of features of a sample.
        loss: one of `LOSSES`.
        layout: samples in rows (W of shape (in, out)) or in columns (W of shape (out, in)).

    Returns:
        A specification with input X, targets y or Y, parameters ``W^(1)``, ``b^(1)`` ... and loss L.

    Raises:
        NetworkError: an unknown loss, or a loss that does not fit the output.
    """
    if loss not in LOSSES:
        raise NetworkError(f"unknown loss {loss!r}", hint=f"one of {', '.join(LOSSES)}")
    build = Builder(layout)
    size = inputs
    current = build.quantity("X", role="input", axes=build.sample_axes(inputs))
    number = 0
    for layer in layers:
        if isinstance(layer, Dense):
            number += 1
            current, size = _dense(build, layer, number, current, size)
        else:
            current = _batch_norm(build, layer, number, current, size)
    assumptions, labels = LOSSES[loss](build, current, size)
    return Specification(
        tuple(build.equations),
        roles=build.roles,
        names=build.names,
        axes=build.axes,
        samples=m,
        labels=labels,
        assumptions=assumptions,
        title=title or "A sequential network",
        titles={} if title else {"zh": "逐层相连的网络"},
    )


def _dense(build: Builder, layer: Dense, number: int, before: Any, size: int) -> tuple[Any, int]:
    i, j = (Limit(sp.Symbol(x, integer=True), sp.S.One, sp.Integer(n)) for x, n in (("i", layer.units), ("j", size)))
    weights = build.quantity(f"W^({number})", role="parameter", axes=(j, i) if build.layout == "rows" else (i, j))
    bias = build.quantity(f"b^({number})", role="parameter", axes=(i,)) if layer.bias else None
    z = build.quantity(f"Z^({number})")

    def weighted(unit: Any, sample: Any) -> Any:
        if build.layout == "rows":
            factors = (before[sample, j.index], weights[j.index, unit])
        else:
            factors = (weights[unit, j.index], before[j.index, sample])
        total = sp.Sum(product(factors), tuple(j))
        return total if bias is None else sp.Add(total, bias[unit], evaluate=False)

    build.define(z, layer.units, weighted)
    if layer.activation is None:
        return z, layer.units
    a = build.quantity(f"A^({number})")
    if layer.activation == "softmax":
        q = sp.Symbol("q", integer=True)
        build.define(
            a,
            layer.units,
            lambda unit, sample: Softmax(unit, build.entry(z, q, sample), Limit(q, sp.S.One, sp.Integer(layer.units))),
        )
    else:
        build.define(
            a,
            layer.units,
            lambda unit, sample: ACTIVATIONS[layer.activation or ""](build.entry(z, unit, sample)),
        )
    return a, layer.units


def _batch_norm(build: Builder, layer: BatchNorm, number: int, before: Any, size: int) -> Any:
    i, t = sp.symbols("i t", integer=True)
    limit = Limit(i, sp.S.One, sp.Integer(size))
    mu, variance, normal, out = (build.quantity(f"{x}^({number})") for x in ("mu", "v", "N", "B"))
    gamma, beta = (build.quantity(f"{x}^({number})", role="parameter", axes=(limit,)) for x in ("gamma", "beta"))
    mean = product([1 / m, sp.Sum(build.entry(before, i, t), (t, 1, m))])
    build.equations.append(Equation(mu[i], mean, (limit,)))
    spread = product([1 / m, sp.Sum((build.entry(before, i, t) - mu[i]) ** 2, (t, 1, m))])
    build.equations.append(Equation(variance[i], spread, (limit,)))
    build.define(
        normal,
        size,
        lambda unit, sample: product(
            [
                sp.Add(build.entry(before, unit, sample), -mu[unit], evaluate=False),
                sp.Pow(variance[unit] + sp.Rational(str(layer.epsilon)), sp.Rational(-1, 2)),
            ]
        ),
    )
    build.define(
        out,
        size,
        lambda unit, sample: sp.Add(
            product([gamma[unit], build.entry(normal, unit, sample)]), beta[unit], evaluate=False
        ),
    )
    return out


# -- losses --------------------------------------------------------------------------------------------------------
Loss = Callable[[Builder, Any, int], tuple[tuple[Assumption, ...], Mapping[Base, Limit]]]


def _over_all(build: Builder, size: int, factor: Any, entry: Callable[[Any, Any], Any]) -> None:
    """``L = factor * Sum over samples and units``."""
    k, s = sp.symbols("k s", integer=True)
    total = sp.Sum(entry(k, s), (k, 1, size), (s, 1, m))
    build.equations.append(Equation(sp.Symbol("L"), product([factor, total]), ()))


def _difference(factor: Any) -> Loss:
    def add(build: Builder, out: Any, size: int) -> tuple[tuple[Assumption, ...], Mapping[Base, Limit]]:
        target = build.quantity("Y", role="target", axes=build.sample_axes(size))
        _over_all(
            build,
            size,
            factor(size),
            lambda k, s: sp.Pow(sp.Add(build.entry(out, k, s), -build.entry(target, k, s), evaluate=False), 2),
        )
        return (), {}

    return add


def _cross_entropy(build: Builder, out: Any, size: int) -> tuple[tuple[Assumption, ...], Mapping[Base, Limit]]:
    """One-hot targets against probabilities."""
    target = build.quantity("Y", role="target", axes=build.sample_axes(size))
    _over_all(build, size, -1 / m, lambda k, s: product([build.entry(target, k, s), sp.log(build.entry(out, k, s))]))
    k, s = sp.symbols("k s", integer=True)
    return (Assumption(sp.Sum(build.entry(target, k, s), (k, 1, size)), "=", sp.S.One, (Limit(s, sp.S.One, m),)),), {}


def _softmax_cross_entropy(build: Builder, out: Any, size: int) -> tuple[tuple[Assumption, ...], Mapping[Base, Limit]]:
    """Integer labels against logits."""
    k, s = sp.symbols("k s", integer=True)
    labels = build.quantity("y", role="target", axes=(Limit(s, sp.S.One, m),))
    each = sp.Add(
        LogSumExp(build.entry(out, k, s), Limit(k, sp.S.One, sp.Integer(size))),
        -build.entry(out, labels[s], s),
        evaluate=False,
    )
    build.equations.append(Equation(sp.Symbol("L"), product([1 / m, sp.Sum(each, (s, 1, m))]), ()))
    return (), {labels: Limit(k, sp.S.One, sp.Integer(size))}


def _binary(with_logits: bool) -> Loss:
    def add(build: Builder, out: Any, size: int) -> tuple[tuple[Assumption, ...], Mapping[Base, Limit]]:
        target = build.quantity("Y", role="target", axes=build.sample_axes(size))

        def each(k: Any, s: Any) -> Any:
            y, a = build.entry(target, k, s), build.entry(out, k, s)
            if with_logits:
                return sp.Add(softplus(a), product([sp.S.NegativeOne, y, a]), evaluate=False)
            one_minus = sp.Add(1, -y, evaluate=False), sp.log(sp.Add(1, -a, evaluate=False))
            return sp.Add(product([y, sp.log(a)]), product(one_minus), evaluate=False)

        _over_all(build, size, (1 if with_logits else -1) / m, each)
        return (), {}

    return add


LOSSES: dict[str, Loss] = {
    "half_square": _difference(lambda _n: 1 / (2 * m)),
    "mean_square": _difference(lambda n: 1 / (n * m)),
    "sum_of_squares": _difference(lambda _n: sp.S.One),
    "cross_entropy": _cross_entropy,
    "softmax_cross_entropy": _softmax_cross_entropy,
    "binary_cross_entropy": _binary(with_logits=False),
    "binary_cross_entropy_with_logits": _binary(with_logits=True),
}
"""Losses by name. All but ``sum_of_squares`` are means over the samples."""
