"""Programs of array libraries other than NumPy: the same lines in another dialect, over that library's arrays.

Contract: `LibraryProgram(plan, library)` is a `Program` that takes and returns arrays of the library. While the
library traces it (``jax.jit``, ``torch.compile``), shapes are checked and contents are never looked at.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import compress
from typing import Any

import numpy as np

from symbackprop.errors import NetworkError
from symbackprop.indexed import Base
from symbackprop.network import Role
from symbackprop.numeric.libraries import Library
from symbackprop.numeric.plan import Plan
from symbackprop.numeric.program import Program
from symbackprop.numeric.values import Array, by_base, check_shapes, in_one_dtype, require, with_defaults


class LibraryProgram(Program):
    """The loss and the gradients of a network as functions of JAX or PyTorch arrays.

    As a NumPy `Program`, but for its results: the loss is an array without axes, a gradient an array of the library,
    in the dtype and on the device of the values. Two gradients, or a gradient and a value, may be the same array.
    """

    def __init__(self, plan: Plan, library: Library) -> None:
        super().__init__(plan, library.dialect)
        self.array_library = library
        self._seen: list[Any] = []
        self._ranks = [len(q.axes) for q in plan.arguments]
        self._floating = [q.base not in plan.network.labels for q in plan.arguments]
        self._arguments = library.untraced(self._bound)
        self._writes = any(line.sign != "=" or "[" in line.name for line in self.lines)
        self._require_functions()

    def __call__(self, values: Mapping[Any, Any]) -> tuple[Array, dict[str, Array]]:
        """The loss and the gradient of every parameter.

        Args:
            values: a number or array (of the library or NumPy's) for every input, target, constant and parameter.

        Returns:
            The loss as an array without axes, and for every parameter by its plain name the gradient.

        Raises:
            DataError: a name is missing or unknown, or a value does not fit; says which and what is expected.
        """
        loss, gradients = self.evaluate(self._arguments(values))
        return loss, dict(zip(self.plan.gradients, gradients, strict=True))

    def forward(self, values: Mapping[Any, Any]) -> dict[str, Array]:
        """Every named quantity by its plain name; see `Program.forward`."""
        given = self.bind(values, optional=("target",))
        with self.array_library.quiet():
            found = given | self.evaluate_forward(given)
        return {self.network.names[base].plain: value for base, value in found.items()}

    def _bound(self, values: Mapping[Any, Any]) -> list[Array]:
        given = self.bind(values)
        return [given[q.base] for q in self.plan.arguments]

    def bind(self, values: Mapping[Any, Any], optional: Sequence[Role] = ()) -> dict[Base, Array]:
        """Every argument of the program, but for the optional roles, as arrays of the library, checked."""
        network, library = self.network, self.array_library
        given = with_defaults(network, by_base(network, values))
        require(network, given, [q for q in self.plan.arguments if q.role not in optional])
        given = {base: value for base, value in given.items() if base not in network.sizes}
        typed = [v for b, v in given.items() if b not in network.labels and hasattr(v, "dtype")]
        kind = library.kind(typed)
        plain = in_one_dtype(network, {base: value for base, value in given.items() if not library.owns(value)})
        arrays = {
            base: library.array(value, **kind | ({"dtype": library.integer} if base in network.labels else {}))
            for base, value in (given | plain).items()
        }
        # Stand-ins of the same shapes: nothing is read, nothing is copied.
        check_shapes(network, {base: np.broadcast_to(0, tuple(array.shape)) for base, array in arrays.items()})
        if (network.labels or self.plan.assumptions) and not any(map(library.hides, arrays.values())):
            self._check_contents(given, arrays)
        return arrays

    def _check_contents(self, given: Mapping[Base, Any], arrays: Mapping[Base, Array]) -> None:
        """Labels and assumptions, once for the same data."""
        data = [value for base, value in given.items() if self.network.quantities[base].role != "parameter"]
        if len(data) == len(self._seen) and all(a is b for a, b in zip(data, self._seen, strict=True)):
            return
        numbers = in_one_dtype(
            self.network, {base: self.array_library.as_numpy(array) for base, array in arrays.items()}
        )
        check_shapes(self.network, numbers)
        if len(numbers) == len(self.plan.arguments):
            self._in_numpy.check_assumptions([numbers[q.base] for q in self.plan.arguments])
        self._seen = data

    @cached_property
    def _in_numpy(self) -> Program:
        """The program that looks at contents."""
        return Program(self.plan)

    def _require_functions(self) -> None:
        """Refuse what the library cannot compute, before it is asked to."""
        dialect, text = self.array_library.dialect, "\n".join(line.whole for line in self.lines)
        for function in re.findall(rf"\b{dialect.module}\.(\w+)", text):
            if not hasattr(self.array_library.module, function):
                raise NetworkError(
                    f"{dialect.name} has no function {function}, which NumPy has",
                    hint="compile with backend='numpy', or write the network with other functions",
                )

    def evaluate(self, arguments: Sequence[Array]) -> tuple[Array, list[Array]]:
        """Loss and gradients for arguments in the program's order, means over the samples; nothing is checked."""
        library = self.array_library
        kind = library.kind(list(compress(arguments, self._floating)))

        def of_one(*own: Array) -> tuple[Array, ...]:
            return tuple(library.array(result, **kind) for result in self._function(*own))

        axes = [0 if a.ndim > rank else None for a, rank in zip(arguments, self._ranks, strict=True)]
        with library.quiet():
            if 0 in axes:
                loss, *gradients = (a.mean(0) for a in library.over_samples(of_one, axes, self._writes)(*arguments))
            else:
                loss, *gradients = of_one(*arguments)
        return loss, gradients
