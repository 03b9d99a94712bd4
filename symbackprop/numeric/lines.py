"""Assignments -> lines of an array library: scalars as they are written, arrays through their matrix form.

Contract: `LineWriter(plan)` prints an assignment as one `Line`; `sizes(lines)` are the lines that read the sizes that
others need from the shapes of the arguments. What has no matrix form is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sympy as sp

from symbackprop.errors import NetworkError
from symbackprop.indexed import Base, Limit
from symbackprop.names import identifier
from symbackprop.numeric.arrays import lower
from symbackprop.numeric.arrays.source import ArraySource
from symbackprop.numeric.dialects import NUMPY, Dialect
from symbackprop.numeric.plan import Assignment, Plan
from symbackprop.numeric.printer import NumPySource
from symbackprop.numeric.source import Line

_NAME = re.compile(r"[A-Za-z_]\w*")


class LineWriter:
    """Prints the assignments of one plan."""

    def __init__(self, plan: Plan, dialect: Dialect = NUMPY) -> None:
        self.plan = plan
        self.network = plan.network
        taken = set(plan.identifiers.values())
        self.size_names: dict[Any, str] = {}
        for size in sorted(self.network.sizes, key=lambda s: s.name):
            self.size_names[size] = identifier(size.name, taken)
            taken.add(self.size_names[size])
        self._identifiers: Mapping[Any, str] = {**plan.identifiers, **self.size_names}
        numbers = [plan.identifiers[q.base] for q in plan.arguments if q.base not in self.network.labels]
        dialect = dialect.typed_like(numbers[-1])
        self._scalars = NumPySource(self._identifiers, dialect)
        self._arrays = ArraySource(self._identifiers, plan.storage, dialect)

    def __call__(self, assignment: Assignment) -> Line:
        """The line of an assignment."""
        name = self.plan.identifiers[assignment.target]
        if assignment.expression == 0 and assignment.section == "gradients":
            return Line(name, f"0.0 * {self._parameter_of(assignment.target)}", assignment.section)
        return Line(name, self.text(assignment.expression, assignment.axes, assignment.target), assignment.section)

    def text(self, expression: sp.Expr, limits: Sequence[Limit] = (), target: Base | None = None) -> str:
        """The source of an expression over axes.

        Raises:
            NetworkError: what cannot be written as whole arrays, with what to do instead.
        """
        if self.network.is_scalar:
            return self._scalars.doprint(expression)
        if self.network.label_axes:
            raise NetworkError(
                "a program needs concrete numbers of layers and steps",
                hint=f"unroll the network first: net.unroll({', '.join(f'{s}=3' for s in self._label_sizes())})",
            )
        lowered = lower(expression, limits, self.network.labels)
        return self._arrays(lowered, [limit.index for limit in limits])

    def sizes(self, lines: Iterable[Line]) -> list[Line]:
        """``m = X.shape[1]`` for every size that the lines use."""
        used = {word for line in lines for word in _NAME.findall(line.text)}
        return [Line(name, self._shape_of(size), "forward") for size, name in self.size_names.items() if name in used]

    def _shape_of(self, size: Any) -> str:
        """Where the arguments show a size; an axis of length 2 n shows n by half."""
        for quantity in self.plan.arguments:
            for position, axis in enumerate(quantity.axes):
                if axis.size == size:
                    return f"{self.plan.identifiers[quantity.base]}.shape[{position}]"
        raise NetworkError(f"the size {size} cannot be read from any array", hint="declare an array that has it")

    def _label_sizes(self) -> list[str]:
        found = {
            s.name
            for base, n in self.network.label_axes
            for s in self.network.quantities[base].axes[n].high.free_symbols & self.network.sizes
        }
        return sorted(found)

    def _parameter_of(self, gradient: Base) -> str:
        plain = next(p for p, base in self.plan.gradients.items() if base == gradient)
        return self.plan.identifiers[self.network.find(plain).base]
