"""JAX and PyTorch against the NumPy program, and against their own derivatives of losses written by hand."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp
from click.testing import CliRunner

import symbackprop as sb
from symbackprop.cli import main
from symbackprop.numeric.points import random_point
from tests.numeric.networks import POINT, XOR, unit, zoo

Values = dict[str, Any]
BACKENDS = ("jax", "torch")


@pytest.fixture(autouse=True)
def _float64() -> Iterator[None]:
    """JAX computes in float64, for these tests only."""
    try:
        import jax
    except ImportError:
        yield
        return
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)


ATTENTION = r"""
inputs: X
targets: Y
X \in \mathbb{R}^{n \times c}, Y \in \mathbb{R}^{n \times d}
W_q \in \mathbb{R}^{c \times d}, W_k \in \mathbb{R}^{c \times d}, W_v \in \mathbb{R}^{c \times d}
Q = X W_q
K = X W_k
V = X W_v
S = Q K^\top / \sqrt{d}
P = softmax_rows(S)
O = P V
L = \|O - Y\|_F^2
"""
CONVOLUTION = r"""
inputs: X
targets: Y
parameters: K, B
samples: m
X \in \mathbb{R}^{m \times 9 \times 9}, Y \in \mathbb{R}^{m \times 3 \times 3}
K \in \mathbb{R}^{3 \times 3}, B \in \mathbb{R}^{2 \times 2}
Z_{sij} = \sum_{p=1}^{3} \sum_{q=1}^{3} K_{pq} X_{s,2(i-1)+p,2(j-1)+q}   for s = 1..m, i = 1..4, j = 1..4
A_{sij} = \tanh(Z_{sij})                                                 for s = 1..m, i = 1..4, j = 1..4
U_{sij} = \sum_{p=1}^{2} \sum_{q=1}^{2} B_{pq} A_{s,i+p-1,j+q-1}         for s = 1..m, i = 1..3, j = 1..3
L = \frac{1}{m} \sum_{s=1}^m \sum_{i=1}^3 \sum_{j=1}^3 (U_{sij} - Y_{sij})^2
"""
EMBEDDING = r"""
targets: Y
parameters: E, W
samples: m
t \in \{0..N-1\}^{m}
Y \in \mathbb{R}^{m \times d}, E \in \mathbb{R}^{N \times d}, W \in \mathbb{R}^{d \times d}
X_{sj} = E_{t_s, j}   for s = 1..m, j = 1..d
L = \|X W - Y\|_F^2
"""
MAX_POOLING = r"""
samples: m
X \in \mathbb{R}^{m \times 6}, w \in \mathbb{R}^{6}, Y \in \mathbb{R}^{m \times 3}
H_{sj} = w_j X_{sj}                       for s = 1..m, j = 1..6
z_{sj} = \max_{p=1}^{2} H_{s,2(j-1)+p}    for s = 1..m, j = 1..3
L = \sum_{s=1}^m \sum_{j=1}^3 (z_{sj} - Y_{sj})^2
"""
POSITIONS = r"""
samples: m
X \in \mathbb{R}^{m \times d}, w \in \mathbb{R}^{d}, Y \in \mathbb{R}^{m}
z_s = \sum_{j=1}^d j w_j X_{sj}   for s = 1..m
L = \sum_{s=1}^m (z_s - Y_s)^2 + \sum_{j=1}^d j^2 w_j + \log(d)
"""
SUM_OF_OUTPUTS = "x in R^n, W in R^(k x n), V in R^(k x k)\nz = W x\nu = V z\nL = \\sum_{i=1}^{k} u_i"
HUBER = r"""
samples: m
X \in \mathbb{R}^{m \times d}, w \in \mathbb{R}^{d}, Y \in \mathbb{R}^{m}
z = X w
r = z - Y
L = \sum_{s=1}^m \begin{cases} \frac12 r_s^2 & |r_s| \le 1 \\ |r_s| - \frac13 & \text{otherwise} \end{cases}
"""
RECURRENCE = r"""
h_{i,0} = s_i                                                                                 for i = 1..n
h_{i,t} = \tanh(\sum_{j=1}^{n} U_{ij} h_{j,t-1} + \sum_{j=1}^{d} V_{ij} x_{j,t} + b_i)          for i = 1..n, t = 1..T
Z_{k,t} = \sum_{i=1}^{n} W_{ki} h_{i,t} + c_k                                                  for k = 1..3, t = 1..T
P_{k,t} = \frac{\exp(Z_{k,t})}{\sum_{q=1}^{3} \exp(Z_{q,t})}
y \in \{0..2\}^{T}
parameters: c, s
L = -\frac{1}{T} \sum_{t=1}^{T} \log P_{y_t, t}
n := 4
"""
PADDED = r"""
A_0 = 0
A_{H+1} = 0
A_i = X_i                              for i = 1..H
Z_i = \sum_{p=1}^{3} K_p A_{i+p-2}     for i = 1..H
B_i = \tanh(Z_i)
C_i = \sum_{p=1}^{2} M_p B_{i+p-1}     for i = 1..H-1
E = \frac12 \sum_{i=1}^{H-1} (C_i - Y_i)^2
parameters: M
"""
TWO_LAYERS = r"""
x \in \mathbb{R}^{n_0}, y \in \mathbb{R}^{n_2}
W \in \mathbb{R}^{n_1 \times n_0}, b \in \mathbb{R}^{n_1}, V \in \mathbb{R}^{n_2 \times n_1}
z = W x + b
a = \sigma(z)
u = V a
L = \sum_{i=1}^{n_2} (u_i - y_i)^2
"""


def networks() -> dict[str, Callable[[], sb.Network]]:
    """Every built-in network and one of each kind of array; symbolic depths unrolled, open functions filled in."""
    found: dict[str, Callable[[], sb.Network]] = {name: lambda name=name: built_in(name) for name in sb.networks()}
    texts = {
        "attention": ATTENTION,
        "strided convolution": CONVOLUTION,
        "embedding": EMBEDDING,
        "max pooling": MAX_POOLING,
        "positions": POSITIONS,
        "sum of outputs": SUM_OF_OUTPUTS,
        "huber": HUBER,
        "recurrence": RECURRENCE,
        "padded convolution": PADDED,
    }
    found |= {name: lambda text=text: sb.read(text) for name, text in texts.items()}
    return found | {
        "relu and labels": lambda: sb.sequential(
            sb.dense(6, "relu"), sb.dense(3), inputs=4, loss="softmax_cross_entropy"
        ),
        "columns": lambda: sb.sequential(sb.dense(6, "gelu"), sb.dense(3, "softplus"), inputs=4, layout="columns"),
        "binary cross-entropy": lambda: sb.sequential(
            sb.dense(6, "silu"), sb.dense(1, "sigmoid"), inputs=4, loss="binary_cross_entropy"
        ),
        "with logits": lambda: sb.sequential(
            sb.dense(5, "elu"), sb.dense(1), inputs=4, loss="binary_cross_entropy_with_logits"
        ),
        "batch norm": lambda: sb.sequential(
            sb.dense(6, "tanh"), sb.batch_norm(), sb.dense(3, "leaky_relu"), inputs=4, loss="mean_square"
        ),
    }


def built_in(name: str) -> sb.Network:
    """A built-in network; two layers where their number is open, tanh where a function is."""
    text = (Path(sb.__file__).parent / "networks" / f"{name}.net").read_text(encoding="utf-8")
    net = sb.read(text + ("\nf is tanh\n" if "f(z" in text else ""))
    return net.unroll(L=2) if any(size.name == "L" for size in net.sizes) else net


def compiled(network: sb.Network, backend: str) -> tuple[Any, Any, Values]:
    """The program in NumPy and in the backend, and values of all sizes distinct."""
    pytest.importorskip(backend, reason=f"{backend} is not installed")
    derivation = network.derive()
    program = derivation.compile()
    arguments = random_point(program, {}, np.random.default_rng(0))
    values = {q.name.plain: a for q, a in zip(program.plan.arguments, arguments, strict=True)}
    return program, derivation.compile(backend=backend), values


def largest_error(found: tuple[Any, Mapping[str, Any]], expected: tuple[Any, Mapping[str, Any]]) -> float:
    """Of the loss and all gradients, each relative to its largest entry; shapes and names must agree."""
    (loss, gradients), (wanted_loss, wanted) = found, expected
    assert gradients.keys() == wanted.keys()
    errors = [abs(float(loss) - float(wanted_loss)) / abs(float(wanted_loss))]
    for name, value in wanted.items():
        own, reference = np.asarray(gradients[name]), np.asarray(value)
        assert own.shape == reference.shape, name
        errors.append(float(np.abs(own - reference).max() / max(np.abs(reference).max(), 1e-30)))
    return max(errors)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", networks())
def test_results_equal_numpy(name: str, backend: str) -> None:
    """In float64 to rounding; float32 stays float32 in every line."""
    numpy, program, values = compiled(networks()[name](), backend)
    expected = numpy(values)
    found = traced(program)(values)
    assert largest_error(found, expected) < 1e-12, program.source
    assert found[0].ndim == 0
    ours, theirs = traced(program.forward, backend)(values), numpy.forward(values)
    assert ours.keys() == theirs.keys()
    assert all(np.allclose(np.asarray(ours[k]), theirs[k], rtol=1e-12, atol=1e-14) for k in theirs)
    narrow = {k: v.astype(np.float32) if v.dtype.kind == "f" else v for k, v in values.items()}
    found = traced(program)(narrow)
    computed = {"the loss": found[0], **found[1], **traced(program.forward, backend)(narrow)}
    whole = {k for k, v in values.items() if v.dtype.kind != "f"}
    assert {k for k, v in computed.items() if str(v.dtype).removeprefix("torch.") != "float32"} == whole
    assert largest_error(found, expected) < 1e-3


def traced(function: Any, backend: str = "") -> Any:
    """Under ``jax.jit``, which is faster than one operation at a time."""
    if (backend or function.array_library.dialect.name) == "torch":
        return function
    import jax

    return jax.jit(function)


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_function_equals_numpy(backend: str) -> None:
    for name, network in zoo().items():
        numpy, program, values = compiled(network, backend)
        assert largest_error(program(values), numpy(values)) < 1e-12, (name, program.source)


@pytest.mark.parametrize("backend", BACKENDS)
def test_samples_may_lead(backend: str) -> None:
    """A scalar network with arrays of samples, and a network of one sample with stacked samples: means."""
    pytest.importorskip(backend, reason=f"{backend} is not installed")
    derivation = sb.read("two-two-one").derive()
    values = {**POINT, **{k: np.array(v, float) for k, v in XOR.items()}}
    assert largest_error(derivation.compile(backend=backend)(values), derivation.compile()(values)) < 1e-12
    draw = np.random.default_rng(1)
    for text, data in ((TWO_LAYERS, "xy"), (PADDED, "XY"), (RECURRENCE, "x")):
        numpy, program, values = compiled(sb.read(text), backend)
        values = values | {k: draw.standard_normal((5, *values[k].shape)) for k in data}
        assert largest_error(program(values), numpy(values)) < 1e-12


# -- automatic differentiation of forward passes that are written here ------------------------------------------------
def _two_two_one(p: Any, _lib: Any, nn: Any) -> Any:
    a = nn.sigmoid(p["w_11"] * p["x_1"] + p["w_13"] * p["x_2"] + p["b_11"])
    b = nn.sigmoid(p["w_12"] * p["x_1"] + p["w_14"] * p["x_2"] + p["b_12"])
    return (nn.sigmoid(p["w_21"] * a + p["w_22"] * b + p["b_21"]) - p["y"]) ** 2 / 2


def _relu_classifier(p: Any, _lib: Any, nn: Any) -> Any:
    z = nn.relu(p["X"] @ p["W_1"].T + p["b_1"]) @ p["W_2"].T + p["b_2"]
    picked = sum(nn.log_softmax(z, -1)[s, int(label)] for s, label in enumerate(LABELS))
    return -picked / len(LABELS)


def _softmax_classifier(p: Any, lib: Any, nn: Any) -> Any:
    a = lib.tanh(p["W^[1]"] @ p["X"] + p["b^[1]"][:, None])
    z = p["W^[2]"] @ a + p["b^[2]"][:, None]
    return -(p["Y"] * nn.log_softmax(z, 0)).sum() / p["X"].shape[1]


def _attention(p: Any, _lib: Any, nn: Any) -> Any:
    q, k, v = (p["X"] @ p[w] for w in ("W_q", "W_k", "W_v"))
    return ((nn.softmax(q @ k.T / q.shape[1] ** 0.5, -1) @ v - p["Y"]) ** 2).sum()


def _convolution(p: Any, lib: Any, _nn: Any) -> Any:
    x = p["X"]
    z = sum(p["K"][i, j] * x[:, i : i + 7 : 2, j : j + 7 : 2] for i in range(3) for j in range(3))
    a = lib.tanh(z)
    u = sum(p["B"][i, j] * a[:, i : i + 3, j : j + 3] for i in range(2) for j in range(2))
    return ((u - p["Y"]) ** 2).sum() / x.shape[0]


LABELS = (0, 1, 1, 0, 1)
FORWARD: dict[str, tuple[Callable[[], sb.Network], Callable[[Any, Any, Any], Any]]] = {
    "two-two-one": (lambda: sb.read("two-two-one"), _two_two_one),
    "relu-classifier": (lambda: sb.read("relu-classifier"), _relu_classifier),
    "softmax-classifier": (lambda: sb.read("softmax-classifier"), _softmax_classifier),
    "attention": (lambda: sb.read(ATTENTION), _attention),
    "strided convolution": (lambda: sb.read(CONVOLUTION), _convolution),
}


def point_of(name: str, backend: str) -> tuple[Any, Values]:
    _, program, values = compiled(FORWARD[name][0](), backend)
    if name == "relu-classifier":  # two classes, and labels of our own
        draw = np.random.default_rng(2)
        shapes = {"X": (5, 3), "W_1": (4, 3), "b_1": (4,), "W_2": (2, 4), "b_2": (2,)}
        values = {k: draw.standard_normal(shape) for k, shape in shapes.items()} | {"y": np.array(LABELS)}
    return program, values


@pytest.mark.parametrize("name", FORWARD)
def test_gradients_equal_torch_autograd(name: str) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    program, values = point_of(name, "torch")
    leaves = {k: torch.tensor(v) for k, v in values.items()}
    for parameter in program.plan.gradients:
        leaves[parameter].requires_grad_()
    loss = FORWARD[name][1](leaves, torch, torch)
    loss.backward()
    found = program(leaves)
    assert not any(result.requires_grad for result in (found[0], *found[1].values()))
    expected = {parameter: leaves[parameter].grad.numpy() for parameter in program.plan.gradients}
    assert largest_error(found, (loss.item(), expected)) < 1e-12


@pytest.mark.parametrize("name", FORWARD)
def test_gradients_equal_jax_grad_under_jit(name: str) -> None:
    jax = pytest.importorskip("jax", reason="JAX is not installed")
    program, values = point_of(name, "jax")
    parameters = {k: v for k, v in values.items() if k in program.plan.gradients}

    def loss_of(own: Values) -> Any:
        return FORWARD[name][1]({**values, **own}, jax.numpy, jax.nn)

    assert largest_error(jax.jit(program)(values), jax.value_and_grad(loss_of)(parameters)) < 1e-12


# -- what is particular to a library -----------------------------------------------------------------------------------
def test_jit_never_looks_at_contents() -> None:
    """Labels and assumptions are contents: a trace knows only shapes, and those are checked."""
    jax = pytest.importorskip("jax", reason="JAX is not installed")
    program, values = point_of("relu-classifier", "jax")
    traced = jax.jit(program)
    assert traced.lower(values).as_text().startswith("module")
    with pytest.raises(sb.DataError, match="makes h = 7"):
        traced(values | {"b_1": np.ones(7)})
    with pytest.raises(sb.DataError, match="labels y run from 0 to 2"):
        program(values | {"y": np.array([0, 1, 2, 0, 1])})


SHARDED = r"""
import sys
import jax, numpy as np
jax.config.update("jax_enable_x64", True)
import symbackprop as sb
from jax.sharding import Mesh, NamedSharding, PartitionSpec as P

assert len(jax.devices()) == 2
mesh = Mesh(np.array(jax.devices()), ("samples",))
draw = np.random.default_rng(0)
for name, shapes, axis in (
    ("softmax-classifier", dict(X=(5, 8), Y=(3, 8), W1=(4, 5), b1=(4,), W2=(3, 4), b2=(3,)), 1),
    ("relu-classifier", dict(X=(8, 5), y=(8,), W_1=(4, 5), b_1=(4,), W_2=(3, 4), b_2=(3,)), 0),
):
    values = {
        k if axis == 0 or k in "XY" else f"{k[0]}^[{k[1]}]": draw.standard_normal(shape) for k, shape in shapes.items()
    }
    if "Y" in values:
        values["Y"] = np.exp(values["Y"]) / np.exp(values["Y"]).sum(axis=0)
    else:
        values["y"] = draw.integers(0, 3, 8)
    derivation = sb.read(name).derive()
    spread = {
        k: jax.device_put(v, NamedSharding(mesh, P(*[None] * axis, "samples") if k in "XYy" else P()))
        for k, v in values.items()
    }
    assert spread["X"].sharding.num_devices == 2 and not spread["X"].sharding.is_fully_replicated
    expected = derivation.compile()(values)
    program = derivation.compile(backend="jax")
    for run in (jax.jit(program), program):
        loss, gradients = run(spread)
        assert all(len(g.devices()) == 2 for g in gradients.values())
        assert abs(float(loss) - expected[0]) <= 1e-12 * abs(expected[0])
        for k, g in expected[1].items():
            assert np.abs(np.asarray(gradients[k]) - g).max() <= 1e-12 * np.abs(g).max(), k
    assert "all-reduce" in jax.jit(program).lower(spread).compile().as_text()
print("equal on", len(jax.devices()))
"""


def test_samples_sharded_over_two_devices() -> None:
    pytest.importorskip("jax", reason="JAX is not installed")
    flags = {"XLA_FLAGS": "--xla_force_host_platform_device_count=2", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-c", SHARDED], env=os.environ | flags, capture_output=True, text=True, check=False
    )
    assert done.stdout == "equal on 2\n", done.stderr


def test_numbers_take_the_dtype_of_the_arrays_under_jit_too() -> None:
    jax = pytest.importorskip("jax", reason="JAX is not installed")
    program = sb.read("two-two-one").derive().compile(backend="jax")
    values = POINT | {k: np.array(v, np.float32) for k, v in XOR.items()}
    for run in (program, jax.jit(program)):
        loss, gradients = run(values)
        assert {loss.dtype, *(g.dtype for g in gradients.values())} == {np.dtype(np.float32)}


def test_jax_says_that_float64_is_rounded() -> None:
    jax = pytest.importorskip("jax", reason="JAX is not installed")
    _, program, values = compiled(unit(sp.tanh), "jax")
    jax.config.update("jax_enable_x64", False)
    with pytest.warns(UserWarning, match="jax_enable_x64"):
        loss, _ = program(values)
    assert loss.dtype == np.float32


def test_torch_keeps_device_and_dtype() -> None:
    """On the device without contents everything that the lines make must be made there."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    for name in ("relu and labels", "attention", "strided convolution", "positions", "embedding"):
        _, program, values = compiled(networks()[name](), "torch")
        loss, gradients = program({k: torch.tensor(v, device="meta") for k, v in values.items()})
        assert loss.is_meta, name
        assert all(g.is_meta and g.shape == values[k].shape for k, g in gradients.items()), name


@pytest.mark.slow
def test_torch_compile() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    program, values = point_of("relu-classifier", "torch")
    tensors = {k: torch.tensor(v) for k, v in values.items()}
    try:
        torch.compile(lambda x: x + 1)(torch.ones(2))
    except Exception as error:  # whatever is missing: a C compiler, Python's headers
        pytest.skip(f"torch.compile does not work here: {type(error).__name__}")
    assert largest_error(torch.compile(program)(tensors), program(tensors)) < 1e-12


@pytest.mark.parametrize("backend", BACKENDS)
def test_source_runs_alone(backend: str) -> None:
    numpy, program, values = compiled(networks()["relu and labels"](), backend)
    library = __import__(backend)
    array = library.numpy.asarray if backend == "jax" else library.tensor
    namespace: dict[str, Any] = {}
    exec(program.source, namespace)
    found = namespace["loss_and_gradients"](*(array(v) for v in values.values()))
    assert largest_error(found, numpy(values)) < 1e-12
    assert "numpy" not in program.source.replace("jax.numpy", "")


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_command_writes_the_source(backend: str) -> None:
    pytest.importorskip(backend, reason=f"{backend} is not installed")
    result = CliRunner().invoke(main, ["code", "two-two-one", "--backend", backend])
    assert result.exit_code == 0, result.stderr
    assert result.stdout == sb.read("two-two-one").derive().compile(backend=backend).source
    refused = CliRunner().invoke(main, ["code", "two-two-one", "--train", "--backend", backend])
    assert (refused.exit_code, refused.stdout) == (2, "")


def test_source_reads_like_the_library() -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed")
    source = sb.read("relu-classifier").derive().compile(backend="torch").source
    assert "    A_1 = torch.relu(Z_1)\n" in source
    assert "    exp_Z_2 = torch.exp(Z_2 - max_Z_2[:, None])\n" in source
    assert "    dL_db_1 = dL_dZ_1.sum(dim=0)\n" in source


def test_names_in_any_spelling_numbers_and_defaults() -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed")
    derivation = sb.read("b := 0.5\nz = w_1 x + b\nE = (z - y)^2").derive()
    loss, gradients = derivation.compile(backend="torch")({"w_{1}": 2, "x": 3.0, "y": 1})
    assert (loss.item(), gradients["w_1"].item(), gradients["b"].item()) == (30.25, 33.0, 11.0)


def test_programs_are_kept() -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed")
    derivation = sb.read("two-two-one").derive()
    assert derivation.compile(backend="torch") is derivation.compile(backend="torch")
    assert derivation.compile(backend="torch") is not derivation.compile()


def test_unknown_backends_and_missing_libraries_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    derivation = sb.read("two-two-one").derive()
    with pytest.raises(sb.NetworkError, match=r"no backend called 'tensorflow'[\s\S]*numpy, jax, torch"):
        derivation.compile(backend="tensorflow")
    for backend in BACKENDS:
        monkeypatch.setitem(sys.modules, backend, None)
        with pytest.raises(sb.DataError, match=rf"not installed[\s\S]*symbackprop\[{backend}\]"):
            derivation.compile(backend=backend)


def test_a_function_that_the_library_has_not_is_named() -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed")
    cube_root = sb.activation("cube_root", lambda z: sp.cbrt(z), numpy="np.cbrt({0})")
    with pytest.raises(sb.NetworkError, match="torch has no function cbrt"):
        unit(cube_root).derive().compile(backend="torch")


def test_nothing_is_imported_before_it_is_asked_for() -> None:
    code = (
        "import sys, symbackprop as sb; sb.read('two-two-one').derive().compile(); "
        "print({'jax', 'torch'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
