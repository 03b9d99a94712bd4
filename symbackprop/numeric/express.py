"""A short training of a form that was trained before, without looking anything up again.

Contract: `Express` repeats what `Run` and `Trainer` do for the simplest case: every parameter given, samples as they
stand, no stopping rule, all updates in one call of a loop. Whatever is out of the ordinary, it answers None and has
changed nothing: the long way then says what is wrong, or warns, or goes back to the last good parameters. The numbers
are the same, bit for bit.

Small networks train in a fraction of a millisecond: there the long way costs as much as the training itself, most of
it for memory that is not in the processor's caches.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from symbackprop.numeric.binding import Binding, is_finite
from symbackprop.numeric.initialise import all_zero
from symbackprop.numeric.loops import Loop, States, Unsuited
from symbackprop.numeric.program import Program
from symbackprop.numeric.values import Array


class Express:
    """The loop of a form, and how its arguments are put together.

    Args:
        program: what is trained.
        binding: the form of values and data; it has sources.
        loop: for batches of one size.
        batches: of that size, in an epoch.
        memory: how many arrays the update rule keeps for each parameter.
    """

    def __init__(self, program: Program, binding: Binding, loop: Loop, batches: int, memory: int) -> None:
        self.program, self.binding, self.loop, self.batches, self.memory = program, binding, loop, batches, memory
        self._most = loop.quick // batches
        self._shares = np.full(batches, 1 / batches)
        self._data = [n for n in range(len(binding.bases)) if n not in binding.slots]

    def __call__(
        self, values: Mapping[Any, Any], data: Mapping[Any, Any], rate: float, epochs: Any
    ) -> tuple[Array, dict[str, Array]] | None:
        """The mean cost of every epoch and the parameters, or None where this is not the simplest case."""
        binding = self.binding
        if not (isinstance(epochs, int) and 1 <= epochs <= self._most and 0 <= rate < math.inf):
            return None
        given = binding.given(values, data)
        if given is None or not all(is_finite(value) for value in given):
            return None
        if all_zero([given[n] for n in binding.weights]):
            return None
        self.program.check_assumptions(given)
        states = States([given[n] for n in binding.slots], self.memory, binding.dtype)
        costs = np.empty(epochs * self.batches)
        advance = self.loop.bind([given[n] for n in self._data])
        try:
            done = advance(states, binding.in_order(epochs), costs, 0, -math.inf, rate)
        except Unsuited:
            return None
        if done < costs.size or not is_finite(costs) or not is_finite(states.flat):
            return None
        means = costs if self.batches == 1 else costs.reshape(epochs, self.batches) @ self._shares
        return means, dict(zip(binding.names, states.values(), strict=False))
