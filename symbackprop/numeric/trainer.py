"""One training run over compiled loops: batches, checkpoints, and the way back when something goes wrong.

Contract: `Trainer.epochs(n)` does n epochs in place and returns their mean costs. Loops run for moments at a time;
before each the states are kept, so that after a divergence or an interrupt the run goes back and repeats, bit for bit,
the updates up to the last good one.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from symbackprop.derivation.rules import RULES, OptimizerName
from symbackprop.numeric.binding import is_finite
from symbackprop.numeric.loops import Advance, Loop, Unsuited, choose
from symbackprop.numeric.run import Run, Stop
from symbackprop.numeric.values import Array

MOMENT = 0.1
"""Seconds that a loop runs before progress is reported and an interrupt can be heard."""
LONGEST_ORDER = 4_000_000
"""Sample positions that are written down in advance."""


@dataclass
class _Bound:
    """The loops for one batch size on the data of a run; later ones take over where an earlier one cannot go on."""

    loops: list[Loop]
    advance: Advance


@dataclass(frozen=True)
class _Moment:
    """What a moment began with: enough to repeat it."""

    states: Array
    order: Array
    updates: int
    before: int
    epochs: int
    """Epochs that were done before it."""


class Trainer:
    """The states of a run and the loops that change them."""

    def __init__(
        self,
        run: Run,
        size: int,
        optimizer: OptimizerName,
        constants: Mapping[Any, float],
        rate: float,
        compiled: bool,
    ) -> None:
        self.run, self.size, self.rate, self.compiled = run, size, rate, compiled
        self.optimizer: OptimizerName = optimizer
        self.constants = constants
        self.memory = len(RULES[optimizer].memory)
        self.states = run.start(self.memory)
        self.before = 0
        full, rest = divmod(run.samples, size)
        self.sizes = [size] * full + [rest] * (rest > 0)
        self._shares = np.array(self.sizes) / run.samples
        self._bound: dict[int, _Bound] = {}
        self._moments: list[_Moment] = []
        self.loop: Loop | None = None
        self.fitting_epochs = 1

    def prepare(self) -> None:
        """Choose the loop, and compile it where that has to be done."""
        self.loop = self._at(self.sizes[0]).loops[0]
        self.fitting_epochs = max(1, self.loop.quick // self.batches)

    @property
    def only_loop(self) -> Loop | None:
        """The loop, where all batches have one size and it is quick and did not have to give way to another."""
        bound = self._bound.get(self.sizes[-1])
        loop = None if bound is None or len(self._bound) > 1 else bound.loops[0]
        return loop if loop is not None and loop.quick and loop is self._loops(self.sizes[0])[0] else None

    @property
    def batches(self) -> int:
        """Batches in an epoch."""
        return len(self.sizes)

    @property
    def parameters(self) -> list[Array]:
        """The parameters in the order of the program's arguments."""
        return self.states.arrays[: len(self.run.slots)]

    def epochs(
        self, count: int, draw: np.random.Generator | None, floor: float | None, done: int
    ) -> tuple[list[float], str | None]:
        """Go through the data `count` times.

        Args:
            count: the number of epochs.
            draw: what orders the samples of each epoch anew; None: as they stand.
            floor: stop before an update where the cost is below this.
            done: the number of epochs before these, for messages.

        Returns:
            The mean costs of the epochs that are complete (an epoch that `floor` ended counts), and where the cost was
            not finite a message; then the parameters are the last ones with a finite cost.
        """
        samples = self.run.samples
        if draw is None:
            order = self.run.binding.in_order(count)
        else:
            order = np.concatenate([draw.permutation(samples) for _ in range(count)])
        moment = _Moment(self.states.flat.copy(), order, count * self.batches, self.before, done)
        self._moments = [*self._moments[-1:], moment]
        began = time.perf_counter()
        costs = self._advance(moment, moment.updates, -math.inf if floor is None else floor)
        taken = time.perf_counter() - began
        if taken < MOMENT / 4:
            longest = max(1, LONGEST_ORDER // max(samples, 1))
            self.fitting_epochs = min(max(count, self.fitting_epochs) * 4, longest)
        elif taken > MOMENT:
            self.fitting_epochs = max(1, count // 2)
        last = len(costs) if is_finite(costs) else int(np.argmin(np.isfinite(costs)))
        whole = last // self.batches  # what came after is worth nothing
        by_epoch = costs[: whole * self.batches].reshape(whole, self.batches)
        means: list[float] = (by_epoch @ self._shares).tolist()
        if last == len(costs):
            return means, None
        first = (last // self.batches) * samples + sum(self.sizes[: last % self.batches])
        self._back(moment.updates - last)
        name = self.run.not_finite(self.parameters, order[first : first + self.sizes[last % self.batches]])
        self._back(moment.updates - last + 1)
        return means, _diverged(f"in epoch {done + whole + 1}", name)

    def require_finite(self) -> None:
        """After the last update nobody computes a cost: look at the parameters themselves.

        Raises:
            Stop: they are not finite; the parameters are those before the update.
        """
        if is_finite(self.states.flat):
            return
        name = self.run.not_finite(self.parameters, np.arange(self.run.samples))
        self._back(1)
        raise Stop("diverged", _diverged("in the last update", name))

    def back_to(self, epochs: int) -> None:
        """The states as they were after so many epochs, where an interrupt came in the middle of a moment."""
        if self._moments and self._moments[-1].epochs == epochs:
            self._restore(self._moments[-1])

    def _back(self, updates: int) -> None:
        """Take back updates: those of the last moment, and at most one of the moment before it."""
        moment = self._moments[-1]
        keep = moment.updates - updates
        if keep < 0 and len(self._moments) > 1:
            moment = self._moments[-2]
            keep = moment.updates - 1
        self._restore(moment)
        self._advance(moment, max(keep, 0), -math.inf)

    def _restore(self, moment: _Moment) -> None:
        self.states.flat[:] = moment.states
        self.before = moment.before

    def _advance(self, moment: _Moment, updates: int, floor: float) -> Array:
        """The first updates of a moment; their costs, the last one where it stopped."""
        costs = np.empty(updates) if floor == -math.inf else np.full(updates, math.nan)
        done = first = 0
        while done < updates:
            size, count = self._alike(done % self.batches, updates - done)
            order = moment.order[first : first + count * size]
            advanced = self._batches(size, order, costs[done : done + count], floor)
            self.before += advanced
            done += advanced
            first += count * size
            if advanced < count:
                return costs[: done + 1]
        return costs

    def _alike(self, batch: int, updates: int) -> tuple[int, int]:
        """The size of a batch of an epoch, and how many of that size follow: only the last one may be short."""
        if self.sizes[-1] == self.sizes[0]:
            return self.sizes[0], updates
        full = self.batches - 1 - batch
        return (self.sizes[0], min(full, updates)) if full else (self.sizes[-1], 1)

    def _batches(self, size: int, order: Array, costs: Array, floor: float) -> int:
        while True:
            bound = self._at(size)
            try:
                return bound.advance(self.states, order, costs, self.before, floor, self.rate)
            except Unsuited:
                loops = bound.loops[1:]
                self._bound[size] = _Bound(loops, loops[0].bind(self.run.data))
                self.loop = loops[0]

    def _at(self, size: int) -> _Bound:
        if size not in self._bound:
            loops = self._loops(size)
            self._bound[size] = _Bound(loops, loops[0].bind(self.run.data))
        return self._bound[size]

    def _loops(self, size: int) -> list[Loop]:
        """The loops for a batch size; kept with the program, so that a second run compiles nothing."""
        run = self.run
        key = size, self.optimizer, tuple(self.constants.items()), self.compiled
        if key not in run.binding.loops:
            setting = run.setting(size, self.optimizer, self.constants), self.compiled
            if setting not in run.program.loops:
                run.program.loops[setting] = choose(run.program, *setting)
            run.binding.loops[key] = run.program.loops[setting]
        return run.binding.loops[key]


def _diverged(when: str, name: str) -> str:
    return f"training diverged {when}: {name} is not finite; try a smaller rate"
