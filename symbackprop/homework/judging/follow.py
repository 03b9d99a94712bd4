"""Follow-through: is an answer right, given the student's own earlier wrong one?

Contract: `follows(chains, later, earlier)` computes the backward pass again with the earlier answer in place of the
true derivative. Answers that make the rest trivial (zero, or the same for every entry) carry nothing on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from symbackprop.homework.answers.reading import Statement
from symbackprop.homework.judging.links import Chains, Outcome, Setting
from symbackprop.homework.judging.targets import Target
from symbackprop.homework.judging.tolerance import close, fit
from symbackprop.homework.values.interpreter import Interpreter
from symbackprop.homework.values.value import Value
from symbackprop.indexed import Base

Array = Any
Overrides = list[Mapping[Base, Array]]


def carried(chains: Chains, target: Target, outcome: Outcome, setting: Setting) -> Overrides | None:
    """The adjoints that follow from a wrong answer, one mapping for each world; None where it carries nothing on."""
    if target.kind != "adjoint" or len(outcome.bases) != 1 or outcome.wrong is None or target.letters:
        return None
    values = outcome.last if outcome.wrong.answer else ()
    if len(values) != len(chains.worlds):
        return None
    found: Overrides = []
    base = outcome.bases[0]
    for world, value, truth in zip(chains.worlds, values, outcome.truth, strict=True):
        array = fit(truth, value)
        if array is None or not np.isfinite(array).all() or _is_trivial(array, truth):
            return None
        interpreter = Interpreter(world, chains.names, setting.conventions)
        found.append(world.adjoints_given({base: _as_adjoint(interpreter, base, array, target)}))
    return found


def _is_trivial(array: Array, truth: Value) -> bool:
    """Is it zero somewhere where the truth is not, or the same number everywhere?"""
    dead = (np.abs(array) < 1e-12) & (np.abs(truth.array) > 1e-12)
    return bool(dead.any()) or close(array[:1].reshape(-1)[:1].reshape((1,) * array.ndim), array)


def _as_adjoint(interpreter: Interpreter, base: Base, array: Array, target: Target) -> Array:
    """The student's numbers as an adjoint in the layout of the quantity, conventions taken off."""
    shape = interpreter.world.read.arrays[base].shape
    conventions = interpreter.conventions
    if len(shape) == 3 and conventions.transposed:
        array = array.swapaxes(1, 2)
    rows, cols = (*shape[1:], 1, 1)[:2]
    array = np.broadcast_to(array, (shape[0], rows, cols)).reshape(shape)
    if target.is_delta:
        if interpreter.is_mean_free(base):
            array = array / float(interpreter.samples or 1)
        if conventions.negative_delta and interpreter.names.vocabulary and _is_signed(target):
            array = -array
    return array


def _is_signed(target: Target) -> bool:
    from symbackprop.notation import syntax as tree

    return isinstance(target.left, tree.Reference)


def follows(
    chains: Chains, statement: Statement, target: Target, setting: Setting, sources: Sequence[tuple[str, Overrides]]
) -> tuple[str, Outcome] | None:
    """The earlier wrong answer, nearest first, from which a statement follows."""
    for name, overrides in reversed(sources):
        outcome = chains.judged(statement, target, Setting(setting.conventions, setting.own, overrides))
        if outcome.answered and not outcome.is_wrong and outcome.trouble is None and _is_alive(outcome):
            return name, outcome
    return None


def _is_alive(outcome: Outcome) -> bool:
    """Is the result more than zero?"""
    return all(bool((np.abs(v.array) > 1e-12).any()) for v in outcome.last)
