"""What is not a network is refused with one message that says what, where and what to write instead."""

from __future__ import annotations

import pytest

import symbackprop as sb

BROKEN = {
    "a cycle": ("a = b x\nb = a y\nE = a^2", "go round in a circle", "reads an earlier instance"),
    "a name reads itself": ("a = a x\nE = a^2", "go round in a circle", "reads an earlier instance"),
    "a recurrence without a start": (
        "h_{t} = \\tanh(w h_{t-1} + x_{t})  for t = 1..T\nE = \\sum_{t=1}^T (h_{t} - y_{t})^2",
        "reads h_{0}, which nothing defines",
        "add its base case",
    ),
    "a name defined twice": ("z = w x\nz = w x + b\nE = z^2", "z is defined twice", "z_2"),
    "a name without a role": ("z = w x + q\nE = z^2", "q is used, but no equation defines it", "parameters: q"),
    "two losses": ("z = w x\nE = z^2\nC = z^3", "could each be the loss", "loss: "),
    "a loss with axes": (
        "X in R^(n x m), W in R^(h x n)\nsamples: m\nZ = W X",
        "there is no scalar loss: Z has axes left",
        "sums over them",
    ),
    "two roles": ("inputs: w\nparameters: w\nz = w x\nE = z^2", "w has two roles", "declare it once"),
    "a defined parameter": ("parameters: z\nz = w x\nE = z^2", "z has two roles", "remove"),
    "shapes that do not match": (
        "X in R^(n x d), W in R^(h x d), b in R^h, y in R^(n x h)\nsamples: n\nZ = W X + b\nE = \\|Z - y\\|_F^2",
        "the matrix product does not conform: W is h x d, X is n x d",
        "X W^T",
    ),
    "a sum beyond an axis": (
        "X in R^(n x m), w in R^n\nE = \\sum_{i=1}^{n} \\sum_{s=1}^{m} X_{si} w_i",
        "runs from 1 to",
        "make the two sizes the same",
    ),
    "no equation": ("# nothing\n", "there is no equation", "write one equation a line"),
    "a loss that is not there": ("loss: J\nz = w x\nE = z^2", "J is not defined by any equation", "J = "),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_networks(name: str) -> None:
    text, message, hint = BROKEN[name]
    with pytest.raises(sb.SymbackpropError) as caught:
        sb.read(text)
    assert message in str(caught.value)
    assert hint in str(caught.value)


def test_the_place_is_shown_with_a_caret() -> None:
    with pytest.raises(sb.SymbackpropError) as caught:
        sb.read("X in R^(n x d), W in R^(h x d)\n\nZ = W X\nE = \\|Z\\|_F^2")
    assert str(caught.value).splitlines()[:3] == [
        "line 3, column 5: the matrix product does not conform: W is h x d, X is n x d",
        "    Z = W X",
        "        ^^^",
    ]


def test_warnings_name_what_the_loss_does_not_use() -> None:
    net = sb.read("z = w x\nq = v x\nloss: E\nE = z^2")
    assert "the loss does not depend on the parameter v: its gradient is 0" in net.warnings
    loss, gradients = net.derive().compile()({"w": 2.0, "x": 3.0, "v": 1.0})
    assert (loss, gradients["w"], gradients["v"]) == (36.0, 36.0, 0.0)


@pytest.mark.parametrize("text", ["E = w_{12} x", "E = w_12 x", "E = w₁₂ x"])
def test_spellings_of_one_name(text: str) -> None:
    assert sb.read(text + "\n").derive()["w12"].quantity.role == "parameter"


def test_roles_by_convention_and_by_declaration() -> None:
    net = sb.read("inputs: u\nconstants: k\nz = w u + b\nE = k (z - t)^2")
    assert {q.name.plain: q.role for q in net.quantities.values()} == {
        "w": "parameter",
        "u": "input",
        "b": "parameter",
        "z": "intermediate",
        "k": "constant",
        "t": "target",
        "E": "loss",
    }


def test_a_value_for_nothing_is_refused() -> None:
    with pytest.raises(sb.NetworkError, match="nothing in this network is called v"):
        sb.read("z = w x\nE = (z - y)^2\nv := 3")
    assert sb.read("z = w x\nE = (z - y)^2\neta := 0.1\nw := 2").values
