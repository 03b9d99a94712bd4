"""Numbers that a student has rounded: right to the digits given.

Contract: `rounded_agree` asks whether a number can come from the exact one by rounding every decimal that is written.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from symbackprop.homework.judging.tolerance import fit
from symbackprop.homework.values.interpreter import Interpreter
from symbackprop.homework.values.value import Value, full
from symbackprop.notation import syntax as tree
from symbackprop.notation.syntax import Node, walk

MOST_DECIMALS = 24
SLACK = 1.02
"""Half a unit of the last digit, and a little for rounding twice."""


def rounded_agree(interpreter: Interpreter, before: Node | None, node: Node, truth: Value | None = None) -> bool:
    """Do two sides agree up to the digits in which their decimals are given?

    Args:
        interpreter: at the user's numbers.
        before: the left side of the link.
        node: its right side.
        truth: the value of the left side, where it is no expression of the student.
    """
    left = interpreter.value(before) if truth is None and before is not None else truth
    right = interpreter.value(node)
    assert left is not None
    answer = fit(left, right)
    if answer is None or not np.isfinite(answer).all():
        return False
    exact = full(left)
    slack = _spread(interpreter, node, right)
    if truth is None and before is not None:
        slack = slack + _spread(interpreter, before, left).max()
    if _says_nothing(node, exact):
        return False
    return bool((np.abs(exact - answer) <= SLACK * slack + 1e-9 * (1e-12 + np.abs(exact))).all())


def _spread(interpreter: Interpreter, node: Node, value: Value) -> Any:
    """How far the value may move when each decimal moves by half a unit of its last digit; given ones are exact."""
    given = interpreter.world.given_numbers
    decimals = [n for n in walk(node) if isinstance(n, tree.Number) and _unit(n) and float(n.value) not in given]
    total: Any = np.zeros_like(full(value))
    for number in decimals[:MOST_DECIMALS]:
        moved = _replaced(node, number, number.value + _unit(number) / 2)
        total = total + np.abs(full(interpreter.value(moved)) - full(value))
    return total


def _unit(number: tree.Number) -> Fraction:
    """A unit of the last digit of a decimal; 0 for whole numbers."""
    text = number.text.lower()
    if "/" in text or not ("." in text or "e" in text):
        return Fraction(0)
    mantissa, _, exponent = text.partition("e")
    digits = len(mantissa.partition(".")[2])
    return Fraction(10) ** (int(exponent or 0) - digits)


def _replaced(node: Any, old: tree.Number, value: Fraction) -> Any:
    """The tree with one number (by identity) replaced."""
    if node is old:
        return replace(old, value=value)
    if isinstance(node, tuple):
        return tuple(_replaced(part, old, value) for part in node)
    if not isinstance(node, Node):
        return node
    changed = {
        name: new
        for name in type(node).__dataclass_fields__
        if name != "span" and (new := _replaced(getattr(node, name), old, value)) is not getattr(node, name)
    }
    return replace(node, **changed) if changed else node


def _says_nothing(node: Node, exact: Any) -> bool:
    """Is the answer a zero with digits, ``0.00``, for what is not zero?"""
    return isinstance(node, tree.Number) and node.value == 0 and bool((np.abs(exact) > 1e-12).any())
