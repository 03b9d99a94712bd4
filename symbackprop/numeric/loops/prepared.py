"""Functions of the data alone, such as one-hot labels: computed once for all samples, then cut into batches like data.

Contract: `prepared(design)` gives a design whose steps read them as data, and the source of
``prepare(n, data...)``, which computes them for n samples. A sum of entries that labels pick becomes a product with the
one-hot labels.
"""

from __future__ import annotations

from collections import Counter as Counted
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import sympy as sp

from symbackprop.functions import Indicator
from symbackprop.indexed import Base, Limit
from symbackprop.names import identifier
from symbackprop.numeric.arrays import Counter, Lowered, Map, Read
from symbackprop.numeric.arrays.source import ArraySource
from symbackprop.numeric.dialects import NUMPY
from symbackprop.numeric.loops.design import Design
from symbackprop.numeric.loops.steps import Contraction, Entrywise, Reduction, Step, bases_read, filled
from symbackprop.numeric.source import wrapped

LARGEST = 256
"""A function of the data alone is prepared where it has at most so many entries a sample."""


@dataclass(frozen=True)
class Prepared:
    """A design that reads prepared data; they stand at the end of its data."""

    design: Design
    count: int
    source: str
    """``prepare(n, data...)``: the prepared arrays for n samples."""


def prepared(design: Design) -> Prepared:
    """The design with conditions on data alone as data of their own."""
    finder = _Finder(design)
    steps = [finder.with_data(step) for step in finder.without_picks(design.steps.steps)]
    found = replace(
        design,
        steps=replace(design.steps, steps=steps, storage=finder.storage),
        data=(*design.data, *((base, axis) for base, (_, axis) in finder.made.items())),
        rewrites=(*design.rewrites, *finder.rewrites),
    )
    return Prepared(found, len(finder.made), finder.source())


class _Finder:
    def __init__(self, design: Design) -> None:
        self.design, self.limits = design, design.steps.limits
        self.storage = dict(design.steps.storage)
        self.axis = dict(design.data)
        self.made: dict[Base, tuple[Entrywise, int]] = {}
        self._known: dict[Any, Base] = {}
        self.rewrites: list[str] = []

    def with_data(self, step: Step) -> Step:
        """The step with data in place of conditions on data alone."""
        if not isinstance(step, Entrywise):
            return step
        operands = dict(step.operands)
        parts: dict[Any, Any] = {}
        for part in step.pattern.atoms(Indicator):
            own = {s: step.operands[s] for s in part.free_symbols & step.operands.keys()}
            if len(own) < len(part.free_symbols):
                continue
            axes = tuple(i for i in step.axes if any(i in o.axes for o in own.values()))
            base = self._base(Entrywise(step.target, axes, part, own))
            if base is not None:
                slot = sp.Dummy("chosen", real=True)
                parts[part], operands[slot] = slot, Read(axes, base, axes)
        pattern = filled(step.pattern, parts) if parts else step.pattern
        return replace(step, pattern=pattern, operands={s: o for s, o in operands.items() if s in pattern.free_symbols})

    def _base(self, step: Entrywise) -> Base | None:
        """The prepared array of a function of the data alone, or None where it is none, or large."""
        samples = {i for o in step.operands.values() for i in self._samples(o)}
        data = all(isinstance(o, Counter) or o.base in self.axis for o in step.operands.values())
        rest = [int(self.limits[i].size) for i in step.axes if i not in samples]
        if not data or len(samples) != 1 or sp.prod(rest) > LARGEST:
            return None
        places = {i: sp.Symbol(f"{n}:{self.limits[i].size}") for n, i in enumerate(step.axes)}
        names = {
            slot: sp.Symbol(str((o.shift, places[o.index])))
            if isinstance(o, Counter)
            else sp.Symbol(str((o.base, tuple(sp.sympify(i).xreplace(places) for i in o.at))))
            for slot, o in step.operands.items()
        }
        key = step.pattern.xreplace(names), tuple(places.values())
        if key not in self._known:
            base = sp.IndexedBase(sp.Dummy("chosen"))
            self._known[key] = base
            self.storage[base] = tuple(self.limits[i] for i in step.axes)
            self.made[base] = replace(step, target=base), step.axes.index(samples.pop())
        return self._known[key]

    def _samples(self, operand: Read | Counter) -> list[Any]:
        """The index along which an operand has the samples of the data."""
        axis = self.axis.get(operand.base) if isinstance(operand, Read) else None
        return (
            [operand.at[axis]] if isinstance(operand, Read) and axis is not None and operand.at[axis].is_Symbol else []
        )

    # -- picked entries ------------------------------------------------------------------------------------------
    def without_picks(self, steps: Sequence[Step]) -> list[Step]:
        """``sum_s (a_s - Z[s, y_s])`` as ``sum_s a_s - sum_sk [y_s = k] Z[s, k]``."""
        uses = Counted(base for step in steps for base in bases_read(step))
        made = {s.target: s for s in steps if isinstance(s, Entrywise) and uses[s.target] == 1}
        result: list[Step] = []
        for step in steps:
            terms = made.get(step.operand.base) if isinstance(step, Reduction) and not step.axes else None
            split = self._split(step, terms) if terms is not None and isinstance(step, Reduction) else None
            if split is None:
                result.append(step)
            else:
                self.rewrites.append("entries that labels pick are summed as a product with one-hot labels")
                result.remove(terms)  # type: ignore[arg-type] - it is among the steps before
                result += split
        return result

    def _split(self, total: Reduction, terms: Entrywise) -> list[Step] | None:
        """The other terms, their sum, the product with the one-hot labels, and what they come to."""
        if not isinstance(terms.pattern, sp.Add) or total.kind != "sum" or len(terms.axes) != 1:
            return None
        for slot, operand in terms.operands.items():
            labels = [i for i in operand.at if isinstance(i, sp.Indexed)] if isinstance(operand, Read) else []
            sign = next((n for n in (1, -1) if sp.Mul(n, slot) in terms.pattern.args), 0)
            rest = [t for t in terms.pattern.args if slot not in t.free_symbols]
            if len(labels) != 1 or not sign or len(rest) != len(terms.pattern.args) - 1 or not rest:
                continue
            assert isinstance(operand, Read)
            (label,) = labels
            axis = self.storage[operand.base][operand.at.index(label)]
            index = sp.Dummy("k", integer=True)
            self.limits[index] = axis._replace(index=index)
            at = tuple(index if i == label else i for i in operand.at)
            names = sp.symbols("label index", real=True, cls=sp.Dummy)
            chosen = Indicator(sp.Eq(*names))
            read = Read(tuple(label.indices), label.base, tuple(label.indices))
            own = {names[0]: read, names[1]: Counter((index,), -int(axis.low))}
            base = self._base(Entrywise(terms.target, at, chosen, own))
            if base is None or set(at) != {*terms.axes, index}:
                continue
            pattern = rest[0] if len(rest) == 1 else sp.Add(*rest, evaluate=False)
            others = {s: o for s, o in terms.operands.items() if s in pattern.free_symbols}
            sums = sp.symbols("sum picked", real=True, cls=sp.Dummy)
            for name in sums:
                self.storage[name] = ()
            slots = sp.symbols("a b", real=True, cls=sp.Dummy)
            reads = {s: Read((), name, ()) for s, name in zip(slots, sums, strict=True)}
            picked = Contraction(sums[1], (), Read(at, base, at), Read(at, operand.base, at), at)
            alone = others.get(pattern)
            first = replace(total, target=sums[0])
            if isinstance(alone, Read):
                first = replace(first, operand=alone, over=alone.axes)
            return [
                *([] if isinstance(alone, Read) else [replace(terms, pattern=pattern, operands=others)]),
                first,
                picked,
                Entrywise(total.target, (), sp.Add(slots[0], sign * slots[1], evaluate=False), reads),
            ]
        return None

    # -- source --------------------------------------------------------------------------------------------------
    def source(self) -> str:
        """The function that computes what is prepared."""
        taken = {"n", "np", "prepare"}
        names: dict[Any, str] = {}
        for base, _ in self.design.data:
            names[base] = identifier(self.design.names.get(base, "data"), taken)
            taken.add(names[base])
        count = sp.Symbol("n", integer=True, positive=True)
        storage = {b: _lengthened(self.storage[b], axis, count) for b, axis in self.design.data}
        dialect = replace(NUMPY, dtype=f"np.{self.design.setting.dtype}")
        source = ArraySource({**names, count: "n"}, storage.__getitem__, dialect, self.design.labels)
        lines: list[str] = []
        for step, axis in self.made.values():
            limits = dict(self.limits)
            sample = step.axes[axis]
            limits[sample] = Limit(sample, sp.S.One, count)
            slots = tuple(step.operands)
            tree = Map(step.axes, step.pattern, slots, tuple(step.operands[s] for s in slots))
            text = source(Lowered(tree, limits), step.axes)
            lines.append(f"np.asarray({text}, np.{self.design.setting.dtype})")
        body = [
            '"""Functions of the data alone, for all samples at once."""',
            *wrapped("return (", [*lines, ""], ")").split("\n"),
        ]
        return (
            wrapped("def prepare(", ["n", *names.values()], "):")
            + "\n"
            + "\n".join("    " + line for line in body)
            + "\n"
        )


def _lengthened(axes: Sequence[Limit], axis: int | None, count: Any) -> tuple[Limit, ...]:
    return tuple(Limit(a.index, sp.S.One, count) if n == axis else a for n, a in enumerate(axes))
