"""A training loop over whole arrays that allocates nothing: every result has its buffer.

Contract: `buffer_source(design, blas)` writes ``train(batches, costs, before, floor, rate, shared..., states...)``,
which updates the states in place, batch after batch. With `blas`, products go through SciPy's ``gemm`` (NumPy's own is
then not used: two BLAS libraries would fight over the cores) and updates are added by the product itself.
"""

from __future__ import annotations

import re
from collections import Counter as Counted
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import sympy as sp

from symbackprop.indexed import Base
from symbackprop.names import identifier
from symbackprop.numeric.arrays import Counter, Read
from symbackprop.numeric.arrays.source import ArraySource, Code, TreeWriter
from symbackprop.numeric.bodies import Text
from symbackprop.numeric.dialects import NUMPY
from symbackprop.numeric.loops.design import Design, loop_symbols
from symbackprop.numeric.loops.fusion import fused
from symbackprop.numeric.loops.kernels import iterated
from symbackprop.numeric.loops.module import UFUNCS
from symbackprop.numeric.loops.steps import (
    Accumulation,
    Contraction,
    Entrywise,
    Reduction,
    Step,
    bases_read,
)
from symbackprop.numeric.loops.ufuncs import Ufuncs
from symbackprop.numeric.source import indented, wrapped

OWN = frozenset({"batches", "costs", "before", "floor", "rate", "k", "step", "np", "inf", "gemm", "train", *UFUNCS})


def buffer_source(design: Design, blas: bool) -> str:
    """Write the loop of a design."""
    return _Buffers(design, blas).source()


class _Buffers:
    def __init__(self, design: Design, blas: bool) -> None:
        self.around = iterated(design)
        self.design, self.blas = self.around.design, blas
        design = self.design
        self.limits = dict(design.steps.limits)
        self.storage = dict(design.steps.storage)
        self.names: dict[Base, str] = {}
        self._taken = set(OWN)
        self._views: dict[tuple[str, str], str] = {}
        self._before: list[str] = []
        self._at_batch: list[str] = []
        self._inside: list[str] = []
        self._in_loop = {b for b, axis in design.data if axis is not None and not design.setting.whole}
        self._dialect = replace(NUMPY, dtype=f"np.{design.setting.dtype}")

    def source(self) -> str:
        """The whole function."""
        design = self.design
        data = [base for base, _ in design.data]
        for base in (*data, *design.states):
            self._name(base)
        if self.blas:
            steps, rules = fused(design)
        else:
            steps, rules = list(design.steps.steps), list(design.rules)
        steps = _squares(steps)
        self._share_memory([*steps, *rules])
        for step in (*self.around.before, *steps, *rules, *self.around.after):
            self._allocate(step.target)
        start = self._lines(self.around.before)
        self._before += start
        body, updates, end = self._lines(steps), self._lines(rules), self._lines(self.around.after)
        cost = self.names[design.cost]
        batch = [self.names[b] for b in data if b in self._in_loop]
        shared = [self.names[b] for b in data if b not in self._in_loop]
        head = ["batches", "costs", "before", "floor", "rate", *shared, *(self.names[b] for b in design.states)]
        unpacked = f"({', '.join(batch)}{',' * (len(batch) == 1)})" if batch else "_"
        loop = [
            *(["step = before + k + 1"] if design.counts_steps else []),
            *self._at_batch,
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

    def _lines(self, steps: Iterable[Step]) -> list[str]:
        """The lines of steps; buffers and views that they need are added before the loop."""
        self._inside = []
        for step in steps:
            self._write(step)
        return self._inside

    def _used(self, loop: Sequence[str]) -> list[str]:
        """The buffers and views that the loop or another view needs."""
        kept: list[str] = []
        words = set(_WORD.findall("\n".join(loop)))
        for line in reversed(self._before):
            name, _, text = line.partition(" = ")
            if not text or name in words:
                kept.append(line)
                words.update(_WORD.findall(text))
        return kept[::-1]

    # -- names and memory ----------------------------------------------------------------------------------------
    def _name(self, base: Base) -> str:
        if base not in self.names:
            self.names[base] = identifier(self.design.names.get(base, str(base).lstrip("_")), self._taken)
            self._taken.add(self.names[base])
        return self.names[base]

    def _shape(self, base: Base) -> tuple[int, ...]:
        return tuple(int(limit.size) for limit in self.storage[base])

    def _allocate(self, base: Base) -> None:
        if base in self.names:
            return
        name = self._name(base)
        if self.storage[base]:
            self._before.append(f"{name} = np.empty({self._shape(base)}, np.{self.design.setting.dtype})")

    def _scratch(self, shape: tuple[int, ...], kind: str, depth: int) -> str:
        word = {"bool": "mask", "float": "spare"}.get(kind, kind)
        key = f"{word}{depth}", "x".join(map(str, shape))
        if key not in self._views:
            self._views[key] = identifier("_".join([key[0], *map(str, shape)]), self._taken)
            self._taken.add(self._views[key])
            dtype = "bool" if kind == "bool" else f"np.{self.design.setting.dtype}"
            self._before.append(f"{self._views[key]} = np.empty({shape}, {dtype})")
        return self._views[key]

    def _share_memory(self, steps: Sequence[Step]) -> None:
        """A product that only one function of entries reads, at the same entries, may lie where that one's result
        goes.
        """
        uses = Counted(base for step in steps for base in bases_read(step))
        made = {s.target for s in steps if isinstance(s, Contraction) and s.axes}
        self.first: dict[Base, sp.Symbol] = {}
        for step in steps:
            if not isinstance(step, Entrywise) or step.target in self.names:
                continue
            for slot, operand in step.operands.items():
                if (
                    isinstance(operand, Read)
                    and operand.base in made
                    and operand.base not in self.design.names
                    and uses[operand.base] == 1
                    and operand.at == step.axes
                    and self._shape(operand.base) == self._shape(step.target)
                    and _comes_first(step.pattern, slot)
                ):
                    self._allocate(step.target)
                    self.names[operand.base] = self.names[step.target]
                    self.first[step.target] = slot
                    break

    # -- operands ------------------------------------------------------------------------------------------------
    def _writer(self) -> TreeWriter:
        return TreeWriter(
            ArraySource(self.names, self.storage.__getitem__, self._dialect, self.design.labels), self.limits
        )

    def _view(self, read: Read | Counter, axes: Sequence[Any], exact: bool = False) -> str:
        """An operand over axes: views of what stays are made before the loop, those of a batch at its beginning."""
        writer = self._writer()
        code = writer.code(read)
        code = writer.turned(code, tuple(axes)) if exact else writer.spread(code, tuple(axes))
        return self._kept(code, read)

    def _kept(self, code: Code, read: Read | Counter) -> str:
        text = code.text
        if isinstance(read, Counter):
            return self._hoist(text, "index", self._before)
        if text == self.names[read.base]:
            return text
        gathers = "arange" in text or "clip" in text or any(isinstance(i, sp.Indexed) for i in read.at)
        if gathers:
            return _COUNTED.sub(lambda match: self._hoist(match[0], "index", self._before), text)
        if not code.axes or not self.storage[read.base]:
            return text
        where = self._at_batch if read.base in self._in_loop else self._before
        return self._hoist(text, f"{self.names[read.base]}_{'T' if text.endswith('.T') else 'view'}", where)

    def _hoist(self, text: str, word: str, where: list[str]) -> str:
        key = "view", text
        if key not in self._views:
            self._views[key] = identifier(word, self._taken)
            self._taken.add(self._views[key])
            where.append(f"{self._views[key]} = {text}")
        return self._views[key]

    # -- steps ---------------------------------------------------------------------------------------------------
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
        target = self.names[step.target]
        symbols: dict[Any, str | Text] = dict(loop_symbols())
        symbols |= {s: self._scalar(s) for s in step.pattern.free_symbols if s in self.names}
        arrays: dict[Any, str] = {}
        for slot, operand in step.operands.items():
            if operand.axes:
                arrays[slot] = self._view(operand, step.axes)
            elif isinstance(operand, Read):
                symbols[slot] = self._writer().code(operand).text if operand.at else self._scalar(operand.base)
        if not step.axes:
            text = Ufuncs(lambda kind, depth: "", symbols).text(step.pattern)
            name = f"{target}[()]" if step.target in self.design.states else target
            self._inside.append(f"{name} = {text}")
            return
        shape = self._shape(step.target)
        writer = Ufuncs(lambda kind, depth: self._scratch(shape, kind, depth), symbols)
        own = next((s for s, o in step.operands.items() if isinstance(o, Read) and o.base == step.target), None)
        if own is not None and not _comes_first(step.pattern, own):
            spare = self._scratch(shape, "result", 0)
            self._inside += [*writer.assign(step.pattern, arrays, spare), f"copyto({target}, {spare})"]
        else:
            self._inside += writer.assign(step.pattern, arrays, target, own or self.first.get(step.target))

    def _scalar(self, base: Base) -> str:
        name = self.names[base]
        given = base in self.design.states or any(base == b for b, _ in self.design.data)
        return f"{name}[()]" if given and not self.storage[base] else name

    def _contraction(self, step: Contraction) -> None:
        target = self.names[step.target]
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
            self._inside.append(f"{target} = dot({self._view(left, over)}, {self._view(right, over)})")
        elif not axes:
            self._inside.append(f"{target} = vdot({self._view(left, over)}, {self._view(right, over)})")
        elif len(over) == 1 and not batch and len(mine) <= 1 and len(theirs) <= 1:
            a, b = self._view(left, (*mine, *over), True), self._view(right, (*over, *theirs), True)
            if self.blas and len(axes) == 2 and self._gemm(step.target, left, right, mine, over, theirs, "1.0", "0.0"):
                return
            self._inside.append(f"dot({a}, {b}, out={target})")
        elif (
            len(over) == 1
            and batch
            and len(mine) == len(theirs) == len(batch) + 1
            and step.axes[: len(batch)] == tuple(batch)
        ):
            a = self._view(left, (*batch, *(i for i in mine if i not in batch), *over), True)
            b = self._view(right, (*batch, *over, *(i for i in theirs if i not in batch)), True)
            self._inside.append(f"matmul({a}, {b}, out={target})")
        else:
            self._assign_text(step)

    def _assign_text(self, step: Contraction) -> None:
        """What has no function that writes into a buffer is computed and copied."""
        from symbackprop.numeric.arrays import Contract

        axes = tuple(i for i in step.axes if i in step.left.axes or i in step.right.axes)
        writer = self._writer()
        text = writer.spread(writer.code(Contract(axes, step.left, step.right)), step.axes).text
        name = self.names[step.target]
        self._inside.append(f"{name}[...] = {text}" if step.axes else f"{name} = {text}")

    def _gemm(
        self, target: Base, left: Read, right: Read, mine: Any, over: Any, theirs: Any, alpha: str, beta: str
    ) -> bool:
        """``target = alpha left @ right + beta target`` through SciPy, where the arrays lie as they are stored."""
        found = [self._stored(right, (*over, *theirs)), self._stored(left, (*mine, *over))]
        if None in found:
            return False
        (b, b_turned), (a, a_turned) = found  # type: ignore[misc] - gemm counts columns first: (left right)^T = right^T left^T
        out = self._hoist(f"{self.names[target]}.T", f"{self.names[target]}_T", self._before)
        self._inside.append(f"gemm({alpha}, {b}, {a}, {beta}, {out}, {b_turned}, {a_turned}, 1)")
        return True

    def _stored(self, read: Read, axes: Sequence[Any]) -> tuple[str, int] | None:
        """The transpose of a whole array, and whether the product wants it turned."""
        name = self.names[read.base]
        if len(read.at) != 2 or self._writer().code(read).text != name:
            return None
        where = self._at_batch if read.base in self._in_loop else self._before
        return self._hoist(f"{name}.T", f"{name}_T", where), int(read.at != tuple(axes))

    def _accumulation(self, step: Accumulation) -> None:
        target = self.names[step.target]
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
        self.storage[buffer] = self.storage[step.target]
        self._allocate(buffer)
        self._write(replace(made, target=buffer))
        name = "add" if step.sign > 0 else "subtract"
        self._inside.append(f"{name}({target}, {self.names[buffer]}, out={target})")

    def _ones(self, index: sp.Symbol) -> str:
        """A vector of ones: a product with it is the quickest sum."""
        length = int(self.limits[index].size)
        return self._hoist(f"np.ones({length}, np.{self.design.setting.dtype})", f"ones_{length}", self._before)

    def _reduction(self, step: Reduction) -> None:
        target, operand = self.names[step.target], step.operand
        name = "add" if step.kind == "sum" else "maximum"
        text = self._view(operand, operand.axes, True)
        kept = tuple(i for i in operand.axes if i in step.axes)
        if not step.axes and step.kind == "sum" and len(operand.axes) == 1 and not self.blas:
            self._inside.append(f"{target} = dot({text}, {self._ones(step.over[0])})")
        elif not step.axes:
            self._inside.append(f"{target} = np.{name}.reduce({text}, None)")
        elif kept != step.axes:
            turned = f"np.{name}.reduce({text}, {_positions(operand.axes, step.over)})"
            shaped = self._writer().spread(
                self._writer().turned(Code(turned, 5, kept), tuple(i for i in step.axes if i in kept)), step.axes
            )
            self._inside.append(f"{target}[...] = {shaped.text}")
        elif step.kind == "sum" and len(operand.axes) == 2 and len(step.over) == 1 and not self.blas:
            ones = self._ones(step.over[0])
            both = (ones, text) if operand.axes[0] == step.over[0] else (text, ones)
            self._inside.append(f"dot({both[0]}, {both[1]}, out={target})")
        else:
            self._inside.append(f"np.{name}.reduce({text}, {_positions(operand.axes, step.over)}, out={target})")


_WORD = re.compile(r"[A-Za-z_]\w*")
_COUNTED = re.compile(r"np\.arange\(\d+(?:, \d+)?\)(?:\[[:, None]+\])?")


def _positions(axes: Sequence[Any], over: Sequence[Any]) -> str:
    found = tuple(axes.index(i) for i in over)
    return str(found[0]) if len(found) == 1 else str(found)


def _comes_first(e: Any, slot: sp.Symbol) -> bool:
    """Can the value of a slot be read before anything else is computed?"""
    if e == slot:
        return True
    if isinstance(e, (sp.Add, sp.Mul)):
        own = [a for a in e.args if slot in a.free_symbols]
        return len(own) == 1 and _comes_first(own[0], slot)
    return isinstance(e, sp.Function) and len(e.args) == 1 and _comes_first(e.args[0], slot)


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
