"""Programs against numbers in 40 digits, and everything that users may do wrong with values."""

from __future__ import annotations

import ast
import gc
import weakref
from typing import Any

import numpy as np
import pytest
import sympy as sp

import symbackprop as sb
from symbackprop.numeric import compile_program
from tests.numeric.networks import POINT, XOR, two_two_one, unit, zoo
from tests.numeric.oracle import numeric_derivative, numeric_loss

ZOO = zoo()


def random_values(network: Any, seed: int) -> dict[str, float]:
    """Numbers between 0.1 and 0.9: inside every domain, away from most kinks."""
    draw = np.random.default_rng(seed)
    roles = ("input", "target", "constant", "parameter")
    return {q.name.plain: float(draw.uniform(0.1, 0.9)) for q in network.with_role(*roles)}


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", ZOO)
def test_loss_and_gradients_equal_forty_digit_differences(name: str, seed: int) -> None:
    network = ZOO[name]
    values = random_values(network, seed)
    loss, gradients = network.derive().compile()(values)
    assert loss == pytest.approx(numeric_loss(network, values), rel=1e-13, abs=1e-15)
    assert set(gradients) == {q.name.plain for q in network.parameters}
    for parameter, gradient in gradients.items():
        expected = numeric_derivative(network, values, parameter)
        assert gradient == pytest.approx(expected, rel=1e-11, abs=1e-13), parameter


def test_the_nine_gradients_of_document_000() -> None:
    loss, gradients = two_two_one().derive().compile()(POINT)
    assert loss == pytest.approx(0.055618784490593785, rel=1e-14)
    assert gradients["w_12"] == pytest.approx(-0.005508744, abs=5e-10)
    assert list(gradients) == ["w_21", "w_22", "b_21", "w_12", "w_14", "b_12", "w_11", "w_13", "b_11"]


def test_the_source_reads_like_the_sheet() -> None:
    lines = two_two_one().derive().compile().source.splitlines()
    body = [line.strip() for line in lines]
    for line in (
        "h_1 = w_11 * x_1 + w_13 * x_2 + b_11",
        "alpha_1 = sigmoid(h_1)",
        "E = (out - y)**2 / 2",
        "dE_dz = (out - y) * out * (1 - out)",
        "dE_dh_2 = dE_dz * w_22 * alpha_2 * (1 - alpha_2)",
        "dE_dw_12 = dE_dh_2 * x_1",
        "dE_db_12 = dE_dh_2",
    ):
        assert line in body
    assert max(map(len, lines)) <= 110


@pytest.mark.parametrize("name", ZOO)
def test_the_source_is_what_runs(name: str) -> None:
    network = ZOO[name]
    program = network.derive().compile()
    values = random_values(network, 3)
    namespace: dict[str, Any] = {}
    exec(program.source, namespace)
    arguments = [np.float64(values[q.name.plain]) for q in program.plan.arguments]
    loss, gradients = namespace["loss_and_gradients"](*arguments)
    expected_loss, expected = program(values)
    assert float(loss) == expected_loss
    assert {name: float(g) for name, g in gradients.items()} == {name: float(g) for name, g in expected.items()}


def test_a_long_sum_is_folded_into_several_lines() -> None:
    xs, ws = sp.symbols("x_1:31"), sp.symbols("w_1:31")
    z, y, E = sp.symbols("z y E")
    network = sb.Network([(z, sp.Add(*(w * x for w, x in zip(ws, xs, strict=True)))), (E, (z - y) ** 2)])
    source = network.derive().compile().source
    ast.parse(source)
    assert max(map(len, source.splitlines())) <= 110


class TestValues:
    def test_any_spelling(self) -> None:
        program = two_two_one().derive().compile()
        spelled = {r"w_{12}" if name == "w_12" else "x₁" if name == "x_1" else name: v for name, v in POINT.items()}
        spelled[sp.Symbol("y")] = spelled.pop("y")
        assert program(spelled) == program(POINT)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"w_12": None}, "w_12 is not a real number"),
            ({"w_12": "0.5"}, "w_12 is not a real number"),
            ({"w_12": 1j}, "w_12 is not a real number"),
            ({"w_12": [0.5, 1]}, "w_12 is a scalar parameter"),
            ({"x_1": [[1, 2]]}, r"x_1 is a scalar, but its value has shape \(1, 2\)"),
            ({"x_1": [1, 2], "x_2": [1, 2, 3]}, "x_2 has 3 samples, but x_1 has 2"),
            ({"x_1": [[1], [1, 2]]}, "rows of different lengths"),
            ({"x_1": []}, "x_1 has no samples"),
            ({"w_99": 1}, "no quantity called 'w_99'"),
            ({"h_1": 1}, "h_1 is computed by the network"),
            ({"w_{12}": 1}, "w_12 is given twice"),
        ],
    )
    def test_what_does_not_fit_is_named(self, change: dict[str, Any], message: str) -> None:
        program = two_two_one().derive().compile()
        with pytest.raises(sb.DataError, match=message):
            program({**POINT, **change})

    def test_everything_that_is_missing_is_named(self) -> None:
        given = {k: v for k, v in POINT.items() if k not in ("w_12", "y")}
        with pytest.raises(sb.DataError, match="no value for y, w_12") as caught:
            two_two_one().derive().compile()(given)
        assert "inputs x_1, x_2; targets y; parameters w_11" in str(caught.value)

    @pytest.mark.parametrize(
        ("kind", "dtype"),
        [(np.float32, np.float32), (np.float64, np.float64), (int, np.float64), (np.int8, np.float64)],
    )
    @pytest.mark.parametrize("name", ZOO)
    def test_dtype_in_is_dtype_out(self, name: str, kind: Any, dtype: Any) -> None:
        network = ZOO[name]
        values = {
            name: kind(round(v + 1)) if kind in (int, np.int8) else kind(v)
            for name, v in random_values(network, 4).items()
        }
        with np.errstate(all="ignore"):
            _, gradients = network.derive().compile()(values)
            every = network.derive().compile().forward(values)
        assert {g.dtype for g in gradients.values()} == {np.dtype(dtype)}
        if np.dtype(dtype) == np.float32:
            assert {np.asarray(v).dtype for v in every.values()} == {np.dtype(np.float32)}

    def test_python_numbers_take_the_dtype_of_the_arrays(self) -> None:
        values = POINT | {"x_1": np.float32([0.1, 0.2])}
        _, gradients = two_two_one().derive().compile()(values)
        assert gradients["w_12"].dtype == np.float32


def test_what_the_file_gives_need_not_be_given_again() -> None:
    network = sb.read("rate: eta\neta := 0.1\nw := 3\nx := 2\nb := 1\nz = w x + b\nE = (z - y)^2")
    program = network.derive().compile()
    assert program({"y": 5})[1] == {"w": 8.0, "b": 4.0}
    assert program({"y": 5, "w": 2})[1] == {"w": 0.0, "b": 0.0}
    assert network.derive().train(data={"y": 5}, epochs=1, rate=0).values == {"w": 3.0, "b": 1.0}


class TestSamples:
    def test_the_cost_is_the_mean_over_the_samples(self) -> None:
        program = two_two_one().derive().compile()
        loss, gradients = program(POINT | XOR)
        single = [program(POINT | {k: v[s] for k, v in XOR.items()}) for s in range(4)]
        assert loss == pytest.approx(np.mean([e for e, _ in single]), rel=1e-15)
        for name, gradient in gradients.items():
            assert gradient.shape == ()
            assert gradient == pytest.approx(np.mean([g[name] for _, g in single]), rel=1e-13)

    def test_a_gradient_that_sees_no_sample_keeps_its_value(self) -> None:
        network = ZOO["decay"]
        program = network.derive().compile()
        values = {"w": 2.0, "b": 0.0, "lambda": 0.5, "x": [0.0, 0.0], "y": [0.0, 0.0]}
        assert program(values)[1]["w"] == 1.0

    def test_forward_keeps_every_sample(self) -> None:
        every = two_two_one().derive().compile().forward(POINT | XOR)
        assert every["out"].shape == every["E"].shape == (4,)
        assert every["w_11"] == POINT["w_11"]

    def test_forward_without_targets_computes_what_it_can(self) -> None:
        every = two_two_one().derive().compile().forward({k: v for k, v in POINT.items() if k != "y"})
        assert "out" in every
        assert "E" not in every

    def test_forward_needs_everything_else(self) -> None:
        with pytest.raises(sb.DataError, match="no value for x_1"):
            two_two_one().derive().compile().forward({k: v for k, v in POINT.items() if k != "x_1"})


@pytest.mark.parametrize("z", [-800.0, 800.0])
@pytest.mark.parametrize("name", ["sigmoid", "tanh", "relu", "softplus", "silu", "gelu", "elu", "leaky_relu"])
def test_nothing_overflows_far_out(name: str, z: float) -> None:
    with np.errstate(over="ignore", under="ignore", invalid="raise", divide="raise"):
        loss, gradients = ZOO[f"unit {name}"].derive().compile()({"w": 1, "x": z, "b": 0, "y": 0})
    assert np.isfinite(loss)
    assert all(np.isfinite(g) for g in gradients.values())


def test_an_unspecified_function_is_derivable_not_trainable() -> None:
    network = unit(sp.Function("f"))
    assert network.derive()["w"]
    with pytest.raises(sb.NetworkError, match="f is not specified") as caught:
        network.derive().compile()
    assert "f is tanh" in str(caught.value)


def test_what_numpy_lacks_is_refused() -> None:
    with pytest.raises(sb.NetworkError, match="loggamma"):
        unit(sp.loggamma).derive().compile()


def test_a_users_own_function() -> None:
    mish = sb.activation("mish", lambda z: z * sp.tanh(sb.softplus(z)))
    network = unit(mish)
    values = {"w": 0.4, "x": 0.7, "b": -0.2, "y": 0.1}
    assert network.derive().compile()(values)[1]["w"] == pytest.approx(
        numeric_derivative(network, values, "w"), rel=1e-11
    )


def test_a_users_own_function_with_corners() -> None:
    values = {"w": 0.4, "x": 0.7, "b": -0.2, "y": 0.1}
    for definition in (lambda z: z / (1 + sp.Abs(z)), lambda z: sp.Max(0, z) ** 2, lambda z: sp.Max(z, -2 * z)):
        network = unit(sb.activation("cornered", definition))
        gradient = network.derive().compile()(values)[1]["w"]
        assert gradient == pytest.approx(numeric_derivative(network, values, "w"), rel=1e-11)


@pytest.mark.parametrize("name", ["W X", "Z"])
def test_elu_far_out(name: str) -> None:
    """What the exponential is where the gate is closed does not count: no ``0 * inf``."""
    text = r"""
        a in R, X in R^(n x m), W in R^(k x n)
        parameters: W, a
        Z = W X
        A = elu(NAME, a)
        E = \|A\|_F^2
    """
    program = sb.read(text.replace("NAME", name)).derive().compile()
    for dtype in (np.float64, np.float32):
        given = {"X": dtype([[1000, -2, 0]]), "W": dtype([[1]]), "a": dtype(0.5)}
        with np.errstate(over="ignore"):
            loss, gradients = program(given)
        below = np.expm1(-2)
        assert loss == pytest.approx(1e6 + (0.5 * below) ** 2)
        assert gradients["a"] == pytest.approx(2 * 0.5 * below**2, rel=1e-6)
        assert gradients["W"] == pytest.approx(2e6 - 4 * 0.5 * below * 0.5 * np.exp(-2), rel=1e-6)


@pytest.mark.parametrize(
    "name",
    [
        "lambda",
        "np",
        "sigmoid",
        "params",
        "__import__('os').system('true')",
        "w\nimport os",
        'w"""',
        "W^{(1)}",
        r"\theta_{1}",
        "E2) or (1",
        "权重",
    ],
)
def test_no_text_of_a_name_reaches_the_code(name: str) -> None:
    w, x, y, z, E = sp.symbols(r"w x y z E")
    w = sp.Symbol(name)
    network = sb.Network([(z, sb.sigmoid(w * x)), (E, (z - y) ** 2)], parameters=[w])
    derivation = network.derive()
    program = derivation.compile()
    (plain,) = program({w: 1, "x": 1, "y": 0})[1]
    assert plain == network.parameters[0].name.plain
    names = {node.id for node in ast.walk(ast.parse(program.source)) if isinstance(node, ast.Name)}
    assert all(n.isascii() for n in names)
    assert not names & {"os", "__import__", "system"}


def test_two_names_with_one_identifier_stay_apart() -> None:
    a, b = sp.Symbol("w^(1)"), sp.Symbol("w^[1]")
    x, y, z, E = sp.symbols("x y z E")
    network = sb.Network([(z, a * x + b), (E, (z - y) ** 2)], parameters=[a, b])
    assert network.derive().compile()({a: 2, b: 3, "x": 1, "y": 4})[1] == {"w^(1)": 2.0, "w^[1]": 2.0}


def test_a_program_is_compiled_once_and_goes_with_its_derivation() -> None:
    derivation = two_two_one().derive()
    program = compile_program(derivation)
    assert compile_program(derivation) is program
    gone = weakref.ref(derivation)
    del derivation
    gc.collect()
    assert gone() is None
    assert program(POINT)[0] > 0


def test_gradients_equal_pytorch() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    values = {k: torch.tensor(v, dtype=torch.float64, requires_grad=True) for k, v in POINT.items()}
    a1 = torch.sigmoid(values["w_11"] * values["x_1"] + values["w_13"] * values["x_2"] + values["b_11"])
    a2 = torch.sigmoid(values["w_12"] * values["x_1"] + values["w_14"] * values["x_2"] + values["b_12"])
    out = torch.sigmoid(values["w_21"] * a1 + values["w_22"] * a2 + values["b_21"])
    ((out - values["y"]) ** 2 / 2).backward()
    for name, gradient in two_two_one().derive().compile()(POINT)[1].items():
        assert gradient == pytest.approx(values[name].grad.item(), rel=1e-12)


def test_a_quantity_beside_the_loss_is_computed_and_costs_no_gradient() -> None:
    w, x, y, z, a, E, accuracy = sp.symbols("w x y z a E accuracy")
    network = sb.Network([(z, w * x), (a, sp.tanh(z)), (accuracy, 2 * a), (E, (a - y) ** 2)], loss=E)
    program = network.derive(style="delta").compile()
    values = {"w": 0.5, "x": 2.0, "y": 0.0}
    assert program(values)[1]["w"] == pytest.approx(4 * np.tanh(1) * (1 - np.tanh(1) ** 2))
    assert program.forward(values)["accuracy"] == 2 * np.tanh(1)
    assert "accuracy" not in program.source
