"""Networks as text: what is written reads back as the same network."""

from __future__ import annotations

import pytest

import symbackprop as sb
from symbackprop.errors import NetworkError
from symbackprop.notation.network_file import network_file
from tests.sheets.networks import hostile, shared_biases


@pytest.mark.parametrize("name", sb.networks())
def test_every_built_in_network(name: str) -> None:
    network = sb.read(name)
    text = network_file(network)
    again = sb.read(text)
    assert again.parameters == network.parameters
    assert network_file(again) == text


def test_everything_is_declared() -> None:
    text = network_file(
        sb.read("i \\in \\mathbb{R}^n\nq \\in \\mathbb{R}\nparameters: q\nz_j = q i_j for j = 1..n\nE = \\sum_j z_j^2")
    )
    assert text.startswith("inputs: i\nparameters: q\nloss: E\n")
    assert r"i \in \mathbb{R}^{n}" in text
    assert "q \\in \\mathbb{R}\n" in text


def test_from_layers_and_from_sympy() -> None:
    stack = sb.sequential(sb.dense(3, "tanh"), sb.dense(2), inputs=4, loss="softmax_cross_entropy")
    assert r"y \in \{0..1\}^{m}" in network_file(stack)
    assert r"\mathit{net}_{h1} = w_1\,i_1 + w_2\,i_2 + b_1" in network_file(shared_biases())


def test_what_cannot_be_written_is_refused() -> None:
    with pytest.raises(NetworkError, match="cannot be written as a network file"):
        network_file(hostile())
