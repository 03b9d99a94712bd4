"""The same trainings as people write them by hand: NumPy, PyTorch, JAX, autograd.

Contract: a peer builds `run(epochs)` for a problem: it trains from the problem's start and returns the
parameters, in the problem's order and shapes. Every step computes its loss. Building imports what is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

import numpy as np

from tests.benchmarks.problems import Arrays, Problem

Run = Callable[[int], Arrays]
Step = Callable[[Arrays, Any, Any], tuple[Any, Arrays]]


@dataclass(frozen=True)
class Peer:
    """A way to train, the module that it needs, and the share of the epochs that is enough to time it."""

    build: Callable[[Problem], Run]
    module: str = "numpy"
    share: Mapping[str, float] = field(default_factory=dict[str, float])

    @property
    def installed(self) -> bool:
        return find_spec(self.module) is not None

    def epochs(self, problem: Problem) -> int:
        return max(1, round(problem.epochs * self.share.get(problem.key, 1)))


# ---- NumPy, clean: every line of the mathematics is a line, nothing is tuned


def regression_step(parameters: Arrays, x: Any, y: Any) -> tuple[Any, Arrays]:
    w1, b1, w2, b2 = parameters
    h = w1.T @ x + b1[:, None]
    a = np.maximum(h, 0)
    error = w2.T @ a + b2[:, None] - y
    loss = np.square(error).sum()
    dp = 2 * error
    dh = w2 @ dp
    dh[h <= 0] = 0
    return loss, [x @ dh.T, dh.sum(axis=1), a @ dp.T, dp.sum(axis=1)]


def exclusive_or_step(parameters: Arrays, x: Any, y: Any) -> tuple[Any, Arrays]:
    w1, b1, w2, b2 = parameters
    a = 1 / (1 + np.exp(-(w1 @ x + b1)))
    out = 1 / (1 + np.exp(-(w2 @ a + b2)))
    error = out - y
    loss = 0.5 * np.square(error).sum()
    dz = error * out * (1 - out)
    dh = (w2.T @ dz) * a * (1 - a)
    return loss, [np.outer(dh, x), dh, np.outer(dz, a), dz]


def classifier_step(parameters: Arrays, x: Any, y: Any) -> tuple[Any, Arrays]:
    weights, biases = parameters[::2], parameters[1::2]
    activations, z = [x], x @ weights[0] + biases[0]
    for w, b in zip(weights[1:], biases[1:], strict=True):
        activations.append(np.maximum(z, 0))
        z = activations[-1] @ w + b
    e = np.exp(z - z.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    rows = np.arange(len(y))
    loss = -np.log(p[rows, y]).mean()
    dz = p
    dz[rows, y] -= 1
    dz /= len(y)
    gradients: Arrays = []
    for layer in reversed(range(len(weights))):
        gradients = [activations[layer].T @ dz, dz.sum(axis=0), *gradients]
        if layer:
            dz = dz @ weights[layer].T
            dz[activations[layer] <= 0] = 0
    return loss, gradients


STEPS: dict[str, Step] = {
    "P1": regression_step,
    "P2": exclusive_or_step,
    "P3": classifier_step,
    "P4": classifier_step,
}


def descend(problem: Problem, step: Step, batches: list[tuple[Any, Any]], epochs: int) -> Arrays:
    """Gradient descent on arrays of NumPy."""
    parameters, rate = [p.copy() for p in problem.start], problem.rate
    for _ in range(epochs):
        for x, y in batches:
            _, gradients = step(parameters, x, y)
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter -= rate * gradient
    return parameters


def clean_numpy(problem: Problem) -> Run:
    return lambda epochs: descend(problem, STEPS[problem.key], problem.batches, epochs)


# ---- the loss alone, for those who differentiate it themselves; `xp` is their NumPy


def loss_function(problem: Problem, xp: Any) -> Callable[[Any, Any, Any], Any]:
    def regression(parameters: Any, x: Any, y: Any) -> Any:
        w1, b1, w2, b2 = parameters
        a = xp.maximum(xp.dot(w1.T, x) + b1[:, None], 0)
        return xp.sum((xp.dot(w2.T, a) + b2[:, None] - y) ** 2)

    def exclusive_or(parameters: Any, x: Any, y: Any) -> Any:
        w1, b1, w2, b2 = parameters
        a = 1 / (1 + xp.exp(-(xp.dot(w1, x) + b1)))
        return 0.5 * xp.sum((1 / (1 + xp.exp(-(xp.dot(w2, a) + b2))) - y) ** 2)

    def classifier(parameters: Any, x: Any, y: Any) -> Any:
        *hidden, w, b = parameters
        for w_hidden, b_hidden in zip(hidden[::2], hidden[1::2], strict=True):
            x = xp.maximum(xp.dot(x, w_hidden) + b_hidden, 0)
        z = xp.dot(x, w) + b
        z = z - xp.max(z, axis=1, keepdims=True)
        return xp.mean(xp.log(xp.sum(xp.exp(z), axis=1)) - xp.sum(z * y, axis=1))

    return {"P1": regression, "P2": exclusive_or, "P3": classifier, "P4": classifier}[problem.key]


def one_hot_batches(problem: Problem) -> list[tuple[Any, Any]]:
    """The batches, with labels as one-hot rows."""
    if problem.key not in ("P3", "P4"):
        return problem.batches
    rows = np.eye(len(problem.start[-1]), dtype=problem.dtype)
    return [(x, rows[y]) for x, y in problem.batches]


def autograd(problem: Problem) -> Run:
    import autograd.numpy as xp
    from autograd import value_and_grad

    step = value_and_grad(loss_function(problem, xp))
    batches = one_hot_batches(problem)
    return lambda epochs: descend(problem, step, batches, epochs)


def _jax_step(problem: Problem) -> Callable[[Any, Any, Any], Any]:
    import jax

    jax.config.update("jax_enable_x64", True)
    value_and_gradients = jax.value_and_grad(loss_function(problem, jax.numpy))
    rate = problem.dtype.type(problem.rate)

    def step(parameters: Any, x: Any, y: Any) -> Any:
        loss, gradients = value_and_gradients(parameters, x, y)
        return [p - rate * g for p, g in zip(parameters, gradients, strict=True)], loss

    return step


def jax_step(problem: Problem) -> Run:
    """One compiled step, called from Python."""
    import jax

    step = jax.jit(_jax_step(problem), donate_argnums=0)
    batches = [(jax.numpy.array(x), jax.numpy.array(y)) for x, y in one_hot_batches(problem)]

    def run(epochs: int) -> Arrays:
        parameters = [jax.numpy.array(p) for p in problem.start]
        for _ in range(epochs):
            for x, y in batches:
                parameters, _ = step(parameters, x, y)
        return [np.asarray(p) for p in parameters]

    return run


def jax_loop(problem: Problem) -> Run:
    """The whole loop as one compiled program."""
    import jax

    step = _jax_step(problem)
    xs, ys = (jax.numpy.array(np.stack(arrays)) for arrays in zip(*one_hot_batches(problem), strict=True))
    count = len(problem.batches)

    @jax.jit
    def train(parameters: Any, xs: Any, ys: Any, steps: Any) -> Any:
        start = (parameters, jax.numpy.zeros((), problem.dtype))
        return jax.lax.fori_loop(0, steps, lambda i, state: step(state[0], xs[i % count], ys[i % count]), start)

    def run(epochs: int) -> Arrays:
        parameters, _ = train([jax.numpy.array(p) for p in problem.start], xs, ys, epochs * count)
        return [np.asarray(p) for p in parameters]

    return run


def torch_eager(problem: Problem) -> Run:
    """`nn.Sequential` with samples in rows and weights as PyTorch stores them, which is what it likes best."""
    import torch
    from torch import nn

    torch.set_num_threads(1)
    stored = problem.start if problem.key == "P2" else [p.T.copy() for p in problem.start]
    activation = nn.Sigmoid if problem.key == "P2" else nn.ReLU
    layers: list[Any] = []
    for weights in stored[::2]:
        layers += [nn.Linear(*reversed(weights.shape), dtype=getattr(torch, problem.dtype.name)), activation()]
    network = nn.Sequential(*layers) if problem.key == "P2" else nn.Sequential(*layers[:-1])
    batches = [(torch.from_numpy(x), torch.from_numpy(y)) for x, y in problem.batches]
    if problem.key == "P1":
        batches = [(x.T.contiguous(), y.T.contiguous()) for x, y in batches]
    losses: dict[str, Callable[[Any, Any], Any]] = {
        "P1": lambda p, y: (p - y).square().sum(),
        "P2": lambda p, y: 0.5 * (p - y).square().sum(),
    }
    loss = losses.get(problem.key, nn.functional.cross_entropy)
    optimizer = torch.optim.SGD(network.parameters(), lr=problem.rate)

    def run(epochs: int) -> Arrays:
        with torch.no_grad():
            for parameter, value in zip(network.parameters(), stored, strict=True):
                parameter.copy_(torch.from_numpy(value))
        for _ in range(epochs):
            for x, y in batches:
                optimizer.zero_grad()
                loss(network(x), y).backward()
                optimizer.step()
        trained = [p.detach().numpy().copy() for p in network.parameters()]
        return [
            p.reshape(p0.shape) if problem.key == "P2" else p.T for p, p0 in zip(trained, problem.start, strict=True)
        ]

    return run


NUMPY = "clean NumPy"
TORCH = "PyTorch eager"
PEERS = {
    NUMPY: Peer(clean_numpy),
    TORCH: Peer(torch_eager, "torch", {"P1": 0.25, "P2": 0.1, "P3": 0.25, "P4": 0.1}),
    "JAX, jit step": Peer(jax_step, "jax", {"P1": 0.25, "P3": 0.25}),
    "JAX, jit loop": Peer(jax_loop, "jax", {"P1": 0.25, "P3": 0.25}),
    "autograd": Peer(autograd, "autograd", {"P1": 0.25, "P2": 0.04, "P3": 0.25, "P4": 0.04}),
}
