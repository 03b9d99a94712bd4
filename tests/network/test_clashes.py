"""One letter with two meanings is found and said; one meaning is silence."""

from __future__ import annotations

import pytest

import symbackprop as sb

MATRICES = "x in R^n, W in R^(h x n), b in R^h, y in R^h\n"
BIASED = "x in R^(D x N), y in R^(C x N), W in R^(D x C), b in R^(C x N)\nz = W^T x + b\nL = \\|z - y\\|_F^2"
CLASHES = {
    "bias of samples": (BIASED, "b has the axis N of the inputs and targets: if N counts samples, every sample"),
    "bias of declared samples": ("samples: N\n" + BIASED, "b has the axis N of the inputs and targets"),
    "samples and units": (
        "samples: m\nX in R^(m x m), Y in R^(n x m), W in R^(n x m)\nZ = W X\nE = \\|Z - Y\\|_F^2",
        "m is the number of samples and a size of the parameter W",
    ),
    "loss and size": (
        "w in R^C, x in R^C, y in R\nz = w \\odot x\nC = (z_1 - y)^2",
        "C is the loss and a size",
    ),
    "loss and label": (
        MATRICES + "z_L = W x + b\na_L = \\tanh(z_L)\nL = \\|a_L - y\\|^2",
        "L is the loss and the label of z_L",
    ),
    "rate and activation": (
        "rate: alpha\nh_1 = w x + b\n\\alpha_1 = \\sigma(h_1)\nE = (\\alpha_1 - y)^2",
        "alpha is the learning rate and the letter of alpha_1: add a line 'rate: eta'",
    ),
    "transposition": (MATRICES + "inputs: T\nT in R^h\nz = W x + b + T\nE = \\|z - y\\|^2", "T is a quantity"),
    "Euler's number": (
        "z = w x + b\ne = \\exp(z) - y\nE = e^2",
        "e is a quantity, and the base of an exponential function",
    ),
    "function and quantity": (
        "parameters: \\sigma_1\nz = \\sigma_1 x + b\na = \\sigma(z)\nE = (a - y)^2",
        "sigma is a function and the letter of sigma_1",
    ),
}


@pytest.mark.parametrize("kind", CLASHES)
def test_a_clash_is_said(kind: str) -> None:
    text, said = CLASHES[kind]
    warnings = sb.read(text).warnings
    assert len([w for w in warnings if w.startswith(said)]) == 1, warnings


def test_the_repair_of_a_bias_of_samples_is_right() -> None:
    (warning,) = sb.read(BIASED).warnings
    declaration = warning.split("share them: ")[1]
    assert declaration == "b in R^(C)"
    network = sb.read(BIASED.replace("b in R^(C x N)", declaration))
    assert network.warnings == ()
    assert str(network.samples) == "N"


@pytest.mark.parametrize(
    "text",
    [
        "x in R^n, y in R^n, W in R^(n x n), b in R^n\nz = W x + b\nL = \\|z - y\\|^2",  # one sample, n units
        # positions of a text, which attention mixes
        "X in R^(d x T), Y in R^(d x T), P in R^(d x T), Q in R^(d x d)\nparameters: P, Q\n"
        "H = X + P\nS = H^T Q H\nA = softmax_columns(S)\nZ = H A\nL = \\|Z - Y\\|_F^2",
    ],
)
def test_an_axis_that_is_not_of_samples_may_have_a_bias(text: str) -> None:
    assert sb.read(text).warnings == ()


@pytest.mark.parametrize("name", sb.networks())
def test_the_built_in_networks_have_none(name: str) -> None:
    assert sb.read(name).warnings == ()


LAST_LAYER = """
x in R^(n_0), y in R^(n_L), W^{[l]} in R^(n_l x n_{l-1})
a^{[0]} = x
z^{[l]} = W^{[l]} a^{[l-1]} for l = 1..L
a^{[l]} = \\tanh(z^{[l]}) for l = 1..L
L = \\|a^{[L]} - y\\|^2
"""


def test_where_the_loss_is_also_the_last_layer_it_is_an_error() -> None:
    with pytest.raises(sb.NetworkError, match="L stands for two things"):
        sb.read(LAST_LAYER)
    assert sb.read(LAST_LAYER.replace("L = ", "J = ")).warnings == ()


def test_in_another_notation_alpha_is_free() -> None:
    net = sb.read(CLASHES["rate and activation"][0])
    assert net.with_notation("bracket").warnings == ()
