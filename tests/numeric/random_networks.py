"""Random networks with random values, for tests that ask whether anything ever goes wrong.

Run it to see how often: ``python -m tests.numeric.random_networks 500``.
"""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any

import numpy as np

import symbackprop as sb
from symbackprop.layers import ACTIVATIONS, LOSSES

SCALAR_ACTIVATIONS = [*ACTIVATIONS, "abs", "sin", "arctan"]
SCALAR_LOSSES = {
    "half square": r"\frac{1}{2} (out - y)^2",
    "L1": "|out - y|",
    "hinge": r"\max(0, 1 - y out)",
    "log cosh": r"\log(\cosh(out - y))",
    "logistic": r"\log(1 + \exp(-y out))",
    "decay": r"(out - y)^2 + \frac{w_1^2}{10} + |b_1|",
}


def random_network(seed: int) -> tuple[sb.Network, dict[str, Any]]:
    """A network, and a value for every argument: any magnitude, float64 or float32, integers now and then."""
    draw = np.random.default_rng(seed)
    return _scalar_network(draw) if draw.random() < 0.5 else _layers(draw)


def _magnitude(draw: np.random.Generator) -> float:
    return float(10.0 ** draw.choice([0, 0, 0, 0, 0, 0, 1, -1, 2, -2, 4, -4, 8, -8]))


def _scalar_network(draw: np.random.Generator) -> tuple[sb.Network, dict[str, Any]]:
    """A chain of units with skips, each a random activation of two earlier units."""
    lines = ["a_0 = x"]
    values = {"x": _magnitude(draw) * draw.standard_normal()}
    units = int(draw.integers(1, 7))
    for n in range(1, units + 1):
        f = draw.choice(SCALAR_ACTIVATIONS)
        lines.append(f"z_{n} = w_{n} a_{n - 1} + v_{n} a_{draw.integers(0, n)} + b_{n}")
        z = f"z_{n}" if f != "exp" else f"-z_{n}^2"
        lines.append(f"a_{n} = {f}({z})")
        values |= {f"{kind}_{n}": draw.standard_normal() for kind in "wvb"}
    values[f"w_{draw.integers(1, units + 1)}"] *= _magnitude(draw)
    loss = draw.choice([*SCALAR_LOSSES])
    lines += [f"out = a_{units}", f"E = {SCALAR_LOSSES[loss]}", "targets: y"]
    values["y"] = float(draw.choice([-1, 1])) if loss in ("hinge", "logistic") else draw.standard_normal()
    if draw.random() < 0.1:
        values |= {name: round(v) for name, v in values.items()}
    if draw.random() < 0.2:
        values |= {name: np.float32(v) for name, v in values.items()}
    return sb.read("\n".join(lines) + "\n"), values


def _layers(draw: np.random.Generator) -> tuple[sb.Network, dict[str, Any]]:
    loss = str(draw.choice([*LOSSES]))
    binary = "binary" in loss
    sizes = [int(n) for n in draw.integers(1, 7, draw.integers(2, 5))]
    if binary:
        sizes[-1] = 1
    elif "cross" in loss:
        sizes[-1] = max(2, sizes[-1])
    inner = [sb.dense(n, str(draw.choice([*ACTIVATIONS])).replace("exp", "tanh")) for n in sizes[1:-1]]
    last = {"cross_entropy": "softmax", "binary_cross_entropy": "sigmoid"}.get(loss)
    layout = str(draw.choice(["rows", "columns"]))
    net = sb.sequential(*inner, sb.dense(sizes[-1], last), inputs=sizes[0], loss=loss, layout=layout)  # type: ignore[arg-type]
    m = int(draw.integers(1, 6))
    values: dict[str, Any] = {}
    for quantity in (*net.with_role("input"), *net.with_role("target"), *net.parameters):
        shape = tuple(m if size == net.samples else int(size) for size in quantity.shape)
        if quantity.base in net.labels:
            values[quantity.name.plain] = draw.integers(0, sizes[-1], shape)
        elif quantity.role == "target" and "cross" in loss:
            y = draw.uniform(0.05, 1, shape)
            axis = next((n for n, size in enumerate(quantity.shape) if size != net.samples), None)
            values[quantity.name.plain] = y if binary or axis is None else y / y.sum(axis=axis, keepdims=True)
        else:
            values[quantity.name.plain] = draw.standard_normal(shape)
    if "cross" not in loss:
        values["X"] = values["X"] * _magnitude(draw)
    if draw.random() < 0.2:
        values = {name: v if v.dtype.kind == "i" else v.astype(np.float32) for name, v in values.items()}
    return net, values


def trouble(seed: int, counts: Counter[str] | None = None) -> dict[str, str]:
    """What goes wrong at one random network, by parameter; empty where nothing does.

    False alarms, and factors of 1.001 (put in by hand) that are not found. Values at which the loss overflows are
    refused, which is no trouble.
    """
    counts = Counter() if counts is None else counts
    network, values = random_network(seed)
    derivation = network.derive()
    try:
        check = derivation.gradient_check(values)
    except sb.DataError as error:
        if "is not finite" not in error.message:
            raise
        counts["not finite"] += 1
        return {}
    found = {name: f"false alarm: {check.judged[name]:.2g}" for name in check.wrong}
    _, gradients = derivation.compile()(values)
    by_hand = derivation.gradient_check(values, {n: np.asarray(g) * np.float32(1.001) for n, g in gradients.items()})
    for name, error in by_hand.judged.items():
        excused = name in by_hand.faint or name in check.rounded or by_hand.size[name] == 0
        if name not in by_hand.wrong and not excused:
            found[name] = f"missed: {error:.2g}"
    counts["networks"] += 1
    counts["networks with trouble"] += bool(found)
    counts["parameters"] += len(check)
    counts["by complex step"] += list(check.method.values()).count("complex")
    counts["at kinks"] += len(check.kinks)
    counts["hidden by rounding of the loss"] += len(check.hidden)
    counts["rounded"] += len(check.rounded)
    counts["faint"] += len(by_hand.faint)
    return found


def main(count: int) -> None:
    """Print what goes wrong, and how much was seen."""
    counts: Counter[str] = Counter()
    for seed in range(count):
        with np.errstate(all="ignore"):
            found = trouble(seed, counts)
        if found:
            print(seed, found)
    print(dict(counts))


if __name__ == "__main__":
    main(int(sys.argv[1]))
