"""A training loop over whole arrays that allocates nothing: every result has its buffer.

Contract: `buffer_source(design, blas)` writes ``train(batches, costs, before, floor, rate, shared..., states...)``,
which updates the states in place, batch after batch. With `blas`, products go through SciPy's ``gemm`` (NumPy's own is
then not used: two BLAS libraries would fight over the cores) and updates are added by the product itself.
"""

from __future__ import annotations

import re
from collections import Counter as Counted
from collections.abc import Sequence
from dataclasses import replace

import sympy as sp

from symbackprop.indexed import Base
from symbackprop.numeric.arrays import Read
from symbackprop.numeric.loops.array_lines import ArrayLines, comes_first
from symbackprop.numeric.loops.design import Design
from symbackprop.numeric.loops.fusion import fused
from symbackprop.numeric.loops.kernels import iterated
from symbackprop.numeric.loops.memory import Memory
from symbackprop.numeric.loops.steps import Contraction, Entrywise, Reduction, Step, bases_read
from symbackprop.numeric.source import indented, wrapped

_WORD = re.compile(r"[A-Za-z_]\w*")


def buffer_source(design: Design, blas: bool) -> tuple[str, tuple[str, ...]]:
    """The loop of a design, and what was rewritten for it."""
    buffers = _Buffers(design, blas)
    return buffers.source(), buffers.around.design.rewrites


class _Buffers:
    def __init__(self, design: Design, blas: bool) -> None:
        self.around, self.blas = iterated(design), blas
        self.memory = Memory(self.around.design)

    def source(self) -> str:
        """The whole function."""
        design = self.memory.design
        data = [base for base, _ in design.data]
        for base in (*data, *design.states):
            self.memory.name(base)
        if self.blas:
            steps, rules = fused(design)
        else:
            steps, rules = list(design.steps.steps), list(design.rules)
        steps = _squares(steps)
        write = ArrayLines(self.memory, self.blas, self._shared_memory([*steps, *rules]))
        for step in (*self.around.before, *steps, *rules, *self.around.after):
            self.memory.allocate(step.target)
        start = write.lines(self.around.before)
        self.memory.before += start
        body, updates, end = write.lines(steps), write.lines(rules), write.lines(self.around.after)
        cost = self.memory.names[design.cost]
        batch = [self.memory.names[b] for b in data if b in self.memory.in_loop]
        shared = [self.memory.names[b] for b in data if b not in self.memory.in_loop]
        head = ["batches", "costs", "before", "floor", "rate", *shared, *(self.memory.names[b] for b in design.states)]
        unpacked = f"({', '.join(batch)}{',' * (len(batch) == 1)})" if batch else "_"
        loop = [
            *(["step = before + k + 1"] if design.counts_steps else []),
            *self.memory.at_batch,
            *body,
            f"costs[k] = {cost}",
            f"if not floor <= {cost} < inf:",
            "    done = k",
            "    break",
            *updates,
        ]
        lines = [
            wrapped("def train(", head, "):", indent="          "),
            indented(['"""Train in place, one batch after the other; return how far it came."""']),
            indented([*self._used([*start, *loop, *end]), "done = len(costs)"]),
            indented([f"for k, {unpacked} in enumerate(batches):"]),
            indented(loop, " " * 8),
            indented([*end, "return done"]),
        ]
        return "\n".join(lines) + "\n"

    def _used(self, loop: Sequence[str]) -> list[str]:
        """The buffers and views that the loop or another view needs."""
        kept: list[str] = []
        words = set(_WORD.findall("\n".join(loop)))
        for line in reversed(self.memory.before):
            name, _, text = line.partition(" = ")
            if not text or name in words:
                kept.append(line)
                words.update(_WORD.findall(text))
        return kept[::-1]

    def _shared_memory(self, steps: Sequence[Step]) -> dict[Base, sp.Symbol]:
        """A product that only one function of entries reads, at the same entries, may lie where that one's result
        goes.
        """
        uses = Counted(base for step in steps for base in bases_read(step))
        made = {s.target for s in steps if isinstance(s, Contraction) and s.axes}
        first: dict[Base, sp.Symbol] = {}
        for step in steps:
            if not isinstance(step, Entrywise) or step.target in self.memory.names:
                continue
            for slot, operand in step.operands.items():
                if (
                    isinstance(operand, Read)
                    and operand.base in made
                    and operand.base not in self.memory.design.names
                    and uses[operand.base] == 1
                    and operand.at == step.axes
                    and self.memory.shape(operand.base) == self.memory.shape(step.target)
                    and comes_first(step.pattern, slot)
                ):
                    self.memory.allocate(step.target)
                    self.memory.names[operand.base] = self.memory.names[step.target]
                    first[step.target] = slot
                    break
        return first


def _squares(steps: Sequence[Step]) -> list[Step]:
    """A sum of squares is the product of an array with itself."""
    uses = Counted(base for step in steps for base in bases_read(step))
    made = {s.target: s for s in steps if isinstance(s, Entrywise) and uses[s.target] == 1}
    result: list[Step] = []
    for step in steps:
        square = made.get(step.operand.base) if isinstance(step, Reduction) and not step.axes else None
        if square is None or not (square.pattern.is_Pow and square.pattern.exp == 2):
            result.append(step)
            continue
        assert isinstance(step, Reduction)
        root = replace(square, pattern=square.pattern.base)
        result[result.index(square)] = root
        result.append(Contraction(step.target, (), step.operand, step.operand, step.over))
    return result
