"""Steps as lines of NumPy that write into buffers.

Contract: `ArrayLines(memory, blas).lines(steps)` are the lines of steps; buffers and views that they need are added to
the memory. With `blas`, products of matrices go through SciPy's ``gemm``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import sympy as sp

from symbackprop.indexed import Base
from symbackprop.numeric.arrays import Contract, Read
from symbackprop.numeric.arrays.source import Code
from symbackprop.numeric.bodies import ATOM, Text
from symbackprop.numeric.loops.design import loop_symbols
from symbackprop.numeric.loops.memory import Memory
from symbackprop.numeric.loops.steps import Accumulation, Contraction, Entrywise, Reduction, Step
from symbackprop.numeric.loops.ufuncs import Ufuncs


class ArrayLines:
    """Writes steps with the buffers of a memory.

    Args:
        memory: the buffers.
        blas: use SciPy's product of matrices.
        first: for arrays that begin as a product in their own memory, the slot of that product.
    """

    def __init__(self, memory: Memory, blas: bool, first: Mapping[Base, sp.Symbol]) -> None:
        self.memory, self.blas, self.first = memory, blas, first
        self._inside: list[str] = []

    def lines(self, steps: Iterable[Step]) -> list[str]:
        """The lines of steps in order."""
        self._inside = []
        for step in steps:
            self._write(step)
        return self._inside

    def _write(self, step: Step) -> None:
        match step:
            case Entrywise():
                self._entrywise(step)
            case Contraction():
                self._contraction(step)
            case Reduction():
                self._reduction(step)
            case Accumulation():
                self._accumulation(step)
            case _:
                raise TypeError(type(step))

    def _entrywise(self, step: Entrywise) -> None:
        target = self.memory.names[step.target]
        symbols: dict[Any, str | Text] = dict(loop_symbols())
        symbols |= {s: self.memory.scalar(s) for s in step.pattern.free_symbols if s in self.memory.names}
        arrays: dict[Any, str] = {}
        for slot, operand in step.operands.items():
            if operand.axes:
                arrays[slot] = self.memory.view(operand, step.axes)
            elif isinstance(operand, Read):
                entry = operand.at and self.memory.writer().code(operand).text
                symbols[slot] = entry or self.memory.scalar(operand.base)
        if not step.axes:
            text = Ufuncs(lambda kind, depth: "", symbols).text(step.pattern)
            name = f"{target}[()]" if step.target in self.memory.design.states else target
            self._inside.append(f"{name} = {text}")
            return
        shape = self.memory.shape(step.target)
        writer = Ufuncs(lambda kind, depth: self.memory.scratch(shape, kind, depth), symbols)
        own = next((s for s, o in step.operands.items() if isinstance(o, Read) and o.base == step.target), None)
        if own is not None and not comes_first(step.pattern, own):
            spare = self.memory.scratch(shape, "result", 0)
            self._inside += [*writer.assign(step.pattern, arrays, spare), f"copyto({target}, {spare})"]
        else:
            self._inside += writer.assign(step.pattern, arrays, target, own or self.first.get(step.target))

    def _contraction(self, step: Contraction) -> None:
        target = self.memory.names[step.target]
        left, right = step.left, step.right
        batch = [i for i in step.axes if i in left.axes and i in right.axes]
        axes = tuple(i for i in step.axes if i in left.axes or i in right.axes)
        if axes and not batch and axes[0] in right.axes:
            left, right = right, left
        mine = tuple(i for i in axes if i in left.axes)
        theirs = tuple(i for i in axes if i in right.axes)
        over = tuple(step.over)
        if axes != step.axes:
            self._assign_text(step)
        elif not axes and len(over) == 1:
            self._inside.append(f"{target} = dot({self.memory.view(left, over)}, {self.memory.view(right, over)})")
        elif not axes:
            self._inside.append(f"{target} = vdot({self.memory.view(left, over)}, {self.memory.view(right, over)})")
        elif len(over) == 1 and not batch and len(mine) <= 1 and len(theirs) <= 1:
            a, b = self.memory.view(left, (*mine, *over), True), self.memory.view(right, (*over, *theirs), True)
            if self.blas and len(axes) == 2 and self._gemm(step.target, left, right, mine, over, theirs, "1.0", "0.0"):
                return
            self._inside.append(f"dot({a}, {b}, out={target})")
        elif (
            len(over) == 1
            and batch
            and len(mine) == len(theirs) == len(batch) + 1
            and step.axes[: len(batch)] == tuple(batch)
        ):
            a = self.memory.view(left, (*batch, *(i for i in mine if i not in batch), *over), True)
            b = self.memory.view(right, (*batch, *over, *(i for i in theirs if i not in batch)), True)
            self._inside.append(f"matmul({a}, {b}, out={target})")
        else:
            self._assign_text(step)

    def _assign_text(self, step: Contraction) -> None:
        """What has no function that writes into a buffer is computed and copied."""
        axes = tuple(i for i in step.axes if i in step.left.axes or i in step.right.axes)
        writer = self.memory.writer()
        text = writer.spread(writer.code(Contract(axes, step.left, step.right)), step.axes).text
        name = self.memory.names[step.target]
        self._inside.append(f"{name}[...] = {text}" if step.axes else f"{name} = {text}")

    def _gemm(
        self, target: Base, left: Read, right: Read, mine: Any, over: Any, theirs: Any, alpha: str, beta: str
    ) -> bool:
        """``target = alpha left @ right + beta target`` through SciPy, where the arrays lie as they are stored."""
        found = [self._stored(right, (*over, *theirs)), self._stored(left, (*mine, *over))]
        if None in found:
            return False
        (b, b_turned), (a, a_turned) = found  # type: ignore[misc] - gemm counts columns first: (left right)^T = right^T left^T
        out = self.memory.hoist(f"{self.memory.names[target]}.T", f"{self.memory.names[target]}_T", self.memory.before)
        self._inside.append(f"gemm({alpha}, {b}, {a}, {beta}, {out}, {b_turned}, {a_turned}, 1)")
        return True

    def _stored(self, read: Read, axes: Sequence[Any]) -> tuple[str, int] | None:
        """The transpose of a whole array, and whether the product wants it turned."""
        name = self.memory.names[read.base]
        if len(read.at) != 2 or self.memory.writer().code(read).text != name:
            return None
        where = self.memory.at_batch if read.base in self.memory.in_loop else self.memory.before
        return self.memory.hoist(f"{name}.T", f"{name}_T", where), int(read.at != tuple(axes))

    def _accumulation(self, step: Accumulation) -> None:
        target = self.memory.names[step.target]
        sign = "1.0" if step.sign > 0 else "-1.0"
        if self.blas and step.right is not None and len(step.axes) == 2 and len(step.over) == 1:
            left, right = step.left, step.right
            if step.axes[0] in right.axes:
                left, right = right, left
            mine, theirs = step.axes[:1], step.axes[1:]
            fits = set(left.axes) == {*mine, *step.over} and set(right.axes) == {*theirs, *step.over}
            if fits and self._gemm(step.target, left, right, mine, step.over, theirs, sign, "1.0"):
                return
        made = (
            Contraction(sp.Dummy("x"), step.axes, step.left, step.right, step.over)
            if step.right
            else Reduction(sp.Dummy("x"), step.axes, "sum", step.left, step.over)
        )
        buffer = sp.IndexedBase(sp.Dummy(f"sum_{target}"))
        self.memory.storage[buffer] = self.memory.storage[step.target]
        self.memory.allocate(buffer)
        self._write(replace(made, target=buffer))
        name = "add" if step.sign > 0 else "subtract"
        self._inside.append(f"{name}({target}, {self.memory.names[buffer]}, out={target})")

    def _reduction(self, step: Reduction) -> None:
        target, operand = self.memory.names[step.target], step.operand
        name = "add" if step.kind == "sum" else "maximum"
        text = self.memory.view(operand, operand.axes, True)
        kept = tuple(i for i in operand.axes if i in step.axes)
        if not step.axes and step.kind == "sum" and len(operand.axes) == 1 and not self.blas:
            self._inside.append(f"{target} = dot({text}, {self.memory.ones(step.over[0])})")
        elif not step.axes:
            self._inside.append(f"{target} = np.{name}.reduce({text}, None)")
        elif kept != step.axes:
            turned = f"np.{name}.reduce({text}, {_positions(operand.axes, step.over)})"
            writer, order = self.memory.writer(), tuple(i for i in step.axes if i in kept)
            shaped = writer.spread(writer.turned(Code(turned, ATOM, kept), order), step.axes)
            self._inside.append(f"{target}[...] = {shaped.text}")
        elif step.kind == "sum" and len(operand.axes) == 2 and len(step.over) == 1 and not self.blas:
            ones = self.memory.ones(step.over[0])
            both = (ones, text) if operand.axes[0] == step.over[0] else (text, ones)
            self._inside.append(f"dot({both[0]}, {both[1]}, out={target})")
        else:
            self._inside.append(f"np.{name}.reduce({text}, {_positions(operand.axes, step.over)}, out={target})")


def _positions(axes: Sequence[Any], over: Sequence[Any]) -> str:
    found = tuple(axes.index(i) for i in over)
    return str(found[0]) if len(found) == 1 else str(found)


def comes_first(e: Any, slot: sp.Symbol) -> bool:
    """Can the value of a slot be read before anything else is computed?"""
    if e == slot:
        return True
    if isinstance(e, (sp.Add, sp.Mul)):
        own = [a for a in e.args if slot in a.free_symbols]
        return len(own) == 1 and comes_first(own[0], slot)
    return isinstance(e, sp.Function) and len(e.args) == 1 and comes_first(e.args[0], slot)
