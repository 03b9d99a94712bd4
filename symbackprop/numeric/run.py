"""What one training run starts from: checked parameters and data in the program's order, and when to give up.

Contract: a `Run` holds checked data and says what loops are specialised to; a `Judge` watches validation data and ends
a run by raising `Stop`, which `train` turns into the reason in its `History`.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from symbackprop.derivation.rules import OptimizerName
from symbackprop.errors import DataError, NetworkError
from symbackprop.indexed import Base
from symbackprop.network import Network, Quantity
from symbackprop.numeric.binding import Binding, form_of, is_finite
from symbackprop.numeric.initialise import all_zero, initial_values
from symbackprop.numeric.loops import Setting, States
from symbackprop.numeric.points import not_finite
from symbackprop.numeric.program import Program
from symbackprop.numeric.shapes import Shapes
from symbackprop.numeric.values import Array, by_base, check_shapes, common_dtype, in_one_dtype, require, with_defaults

StopReason = Literal["epochs", "tol", "patience", "diverged", "interrupted"]


class Stop(Exception):  # noqa: N818 - no error
    """Training ends here, for this reason."""

    def __init__(self, reason: StopReason, message: str) -> None:
        super().__init__(message)
        self.reason: StopReason = reason
        self.message = message


class Run:
    """Parameters and data of one training run, in the order of the program's arguments."""

    def __init__(self, program: Program, values: Mapping[Any, Any], data: Mapping[Any, Any], seed: int) -> None:
        self.program = program
        form = form_of(values, data)
        known: Binding | None = program.bindings.get(form)
        given = known.given(values, data) if known is not None else None
        if known is None or given is None:
            known, given = _bound(program, values, data, seed)
            if known.sources:
                program.bindings[form] = known
        self.binding, self.arguments = known, given
        check_finite(program, known.bases, given)
        program.check_assumptions(given)
        if known.started and all_zero([given[n] for n in known.weights]):
            warnings.warn(
                "all weights start at 0: the units of a layer stay equal and learn the same; "
                "leave the weights out, so that they are drawn from the seed",
                stacklevel=4,
            )
        self.samples, self.slots, self.axes = known.samples, known.slots, known.axes

    def start(self, memory: int) -> States:
        """The parameters, and for each of them so many arrays of zeros, to be changed in place."""
        return States([self.arguments[n] for n in self.slots], memory, self.binding.dtype)

    def setting(self, batch: int, optimizer: OptimizerName, constants: Mapping[Any, float]) -> Setting:
        """What the loops of this run are specialised to, for batches of a size."""
        network, quantities, known = self.program.network, self.program.plan.arguments, self.binding
        sizes = known.sizes if network.samples is None else {**known.sizes, network.samples: batch}
        stacked = network.samples is None or network.is_scalar
        return Setting(
            tuple(sizes.items()),
            tuple((q.base, batch) for q, a in zip(quantities, self.axes, strict=True) if stacked and a is not None),
            tuple(self.axes),
            batch,
            batch == self.samples,
            optimizer,
            tuple(constants.items()),
            str(known.dtype),
        )

    @property
    def data(self) -> list[Array]:
        """The arguments that are no parameters."""
        return [value for n, value in enumerate(self.arguments) if n not in self.slots]

    def not_finite(self, parameters: Sequence[Array], rows: Array) -> str:
        """The first quantity that is not finite for a batch."""
        program = self.program
        arguments = [v if a is None else v.take(rows, a) for v, a in zip(self.arguments, self.axes, strict=True)]
        for n, value in zip(self.slots, parameters, strict=True):
            arguments[n] = value[()]
        bases = [q.base for q in program.plan.arguments]
        if program.network.samples is not None or program.network.is_scalar:
            return not_finite(program, dict(zip(bases, arguments, strict=True))) or "a gradient"
        for row in range(len(rows)):
            one = [v if a is None else v[row] for v, a in zip(arguments, self.axes, strict=True)]
            if name := not_finite(program, dict(zip(bases, one, strict=True))):
                return name
        return "a gradient"

    def named(self, parameters: Sequence[Array]) -> dict[str, Array]:
        """The parameters by plain name, in the network's order."""
        return self.binding.named(parameters)


def _bound(
    program: Program, values: Mapping[Any, Any], data: Mapping[Any, Any], seed: int
) -> tuple[Binding, list[Array]]:
    """Checked arguments in the program's order, and what they are like.

    Raises:
        DataError: values or data do not fit the network.
    """
    network, quantities = program.network, program.plan.arguments
    given, columns = by_base(network, values), by_base(network, data, "data")
    for base in columns:
        if base in network.quantities and network.quantities[base].role == "parameter":
            raise DataError(
                f"data: {network.names[base].plain} is a parameter, and parameters are not data",
                hint="give its start in values, or declare it as an input",
            )
    known = with_defaults(network, given) | columns
    started = any(q.base in known for q in network.parameters)
    if any(q.base not in known for q in network.parameters):
        known = initial_values(network, seed, Shapes(network, known)) | known
    require(network, known, quantities)
    bound = in_one_dtype(network, known)
    samples = check_shapes(network, bound) or 1
    arguments = [bound[q.base] for q in quantities]
    shapes = Shapes(network, bound)
    binding = Binding(
        bases=[q.base for q in quantities],
        sources=[],
        samples=samples,
        slots=[n for n, q in enumerate(quantities) if q.role == "parameter"],
        axes=_sample_axes(network, quantities, arguments),
        sizes={} if network.is_scalar else shapes.sizes,
        dtype=common_dtype(bound[q.base] for q in quantities if q.base not in network.labels),
        names=[q.name.plain for q in quantities if q.role == "parameter"],
        weights=[n for n, q in enumerate(quantities) if q.base in program.weights],
        started=started,
        labels={
            n: shapes.number(network.labels[q.base].size) or 0
            for n, q in enumerate(quantities)
            if q.base in network.labels
        },
    )
    binding.sources.extend(_sources(network, quantities, values, data, binding))
    return binding, arguments


def _sources(
    network: Network,
    quantities: Sequence[Quantity],
    values: Mapping[Any, Any],
    data: Mapping[Any, Any],
    binding: Binding,
) -> list[tuple[bool, Any]]:
    """Where each argument was given, by which name; nothing where one was not, or had to be converted."""
    if len(values) + len(data) != len(quantities):
        return []
    try:
        found = {network.find(name).base: (in_data, name) for in_data, own in enumerate((values, data)) for name in own}
    except NetworkError:  # a size, or a column of an array
        return []
    if found.keys() != {q.base for q in quantities}:
        return []
    sources = [(bool(found[q.base][0]), found[q.base][1]) for q in quantities]
    for n, (in_data, name) in enumerate(sources):
        value = (data if in_data else values)[name]
        dtype = np.dtype(np.intp) if n in binding.labels else binding.dtype
        if not (isinstance(value, float) or (type(value) is np.ndarray and value.dtype == dtype)):
            return []
    return sources


def _sample_axes(network: Network, quantities: Sequence[Quantity], arguments: Sequence[Array]) -> list[int | None]:
    """The sample axis of every argument that has one; without a declared one it stands in front."""
    found: list[int | None] = []
    for quantity, value in zip(quantities, arguments, strict=True):
        if quantity.role == "parameter":
            found.append(None)
        elif network.samples is None or network.is_scalar:
            found.append(0 if np.ndim(value) > len(quantity.axes) else None)
        else:
            found.append(next((n for n, axis in enumerate(quantity.axes) if axis.size == network.samples), None))
    return found


class Judge:
    """The cost of validation data, and when it has not improved for too long."""

    def __init__(self, run: Run, validation: Mapping[Any, Any], patience: int | None) -> None:
        self.run, self.patience = run, patience
        program, network = run.program, run.program.network
        columns = by_base(network, validation, "validation data")
        own = {
            q.base: run.arguments[n]
            for n, q in enumerate(program.plan.arguments)
            if q.role in ("parameter", "constant")
        }
        require(network, own | columns, program.plan.arguments)
        bound = in_one_dtype(network, own | columns)
        check_shapes(network, bound)
        bases = [q.base for q in program.plan.arguments]
        self.arguments = [bound[base] for base in bases]
        check_finite(program, bases, self.arguments)
        self.cost = program.function_of([program.plan.loss])
        self.best: list[Array] | None = None
        self.least, self.waited = np.inf, 0

    def after_epoch(self, parameters: Sequence[Array], costs: list[float]) -> None:
        """Record the validation cost; stop when patience is at its end."""
        for n, value in zip(self.run.slots, parameters, strict=True):
            self.arguments[n] = value[()]
        samples = self.run.program.sample_by_sample(self.arguments)
        cost = float(np.mean([np.mean(self.cost(*own)[0]) for own in samples]))
        costs.append(cost)
        if self.patience is None:
            return
        if cost < self.least:
            self.least, self.waited, self.best = cost, 0, [np.copy(value) for value in parameters]
            return
        self.waited += 1
        if self.waited >= self.patience:
            raise Stop(
                "patience",
                f"the validation cost has not improved on {self.least:.6g} for {self.waited} epochs",
            )


def check_finite(program: Program, bases: Sequence[Base], arguments: Sequence[Array]) -> None:
    """Refuse data and values that hold nan or infinity."""
    for base, value in zip(bases, arguments, strict=True):
        if not is_finite(value):
            where = f", sample {int(np.argmin(np.isfinite(value))) + 1}" if np.ndim(value) else ""
            raise DataError(f"{program.network.names[base].plain}{where} is not a finite number")
