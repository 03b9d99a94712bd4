"""The state of one training run: parameters, data in the program's order, and when to give up.

Contract: a `Run` holds checked data and replaces all parameters at once; a `Judge` watches validation data.
Both end a run by raising `Stop`, which `train` turns into the reason in its `History`.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from symbackprop.errors import DataError
from symbackprop.indexed import Base
from symbackprop.network import Network, Quantity
from symbackprop.numeric.initialise import all_weights_zero, initial_values
from symbackprop.numeric.points import not_finite
from symbackprop.numeric.program import Program
from symbackprop.numeric.shapes import Shapes
from symbackprop.numeric.values import Array, by_base, check_shapes, in_one_dtype, require, with_defaults

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
        self.program, network = program, program.network
        quantities = program.plan.arguments
        given = by_base(network, values)
        columns = by_base(network, data, "data")
        for base in columns:
            if base in network.quantities and network.quantities[base].role == "parameter":
                raise DataError(
                    f"data: {network.names[base].plain} is a parameter, and parameters are not data",
                    hint="give its start in values, or declare it as an input",
                )
        known = with_defaults(network, given) | columns
        started = [q.base for q in network.parameters if q.base in known]
        if any(q.base not in known for q in network.parameters):
            known = initial_values(network, seed, Shapes(network, known)) | known
        require(network, known, quantities)
        bound = in_one_dtype(network, known)
        self.samples = check_shapes(network, bound) or 1
        check_finite(program, bound)
        program.check_assumptions(bound)
        if started and all_weights_zero(network, bound):
            warnings.warn(
                "all weights start at 0: the units of a layer stay equal and learn the same; "
                "leave the weights out, so that they are drawn from the seed",
                stacklevel=4,
            )
        self.places = {q.base: n for n, q in enumerate(quantities)}
        self.arguments = [bound[q.base] for q in quantities]
        self.batched = dict(_sample_axes(network, quantities, self.arguments))
        self.names = list(program.plan.gradients)
        self.slots = [self.places[network.find(name).base] for name in self.names]
        self.parameters: list[Array] = [self.arguments[n] for n in self.slots]
        self.before: list[Array] = self.parameters

    def step(self, chosen: Any, epoch: int) -> tuple[float, list[Array]]:
        """Cost and gradients of a batch at the present parameters."""
        arguments = self.with_parameters(self.arguments)
        if chosen is not None:
            for n, axis in self.batched.items():
                arguments[n] = arguments[n][(slice(None),) * axis + (chosen,)]
        cost, gradients = self.program.evaluate(arguments)
        if not np.isfinite(cost):
            self.diverged(arguments, f"in epoch {epoch + 1}")
        return float(cost), gradients

    def with_parameters(self, arguments: Sequence[Array]) -> list[Array]:
        """The arguments with the present parameters in their places."""
        result = list(arguments)
        for n, value in zip(self.slots, self.parameters, strict=True):
            result[n] = value
        return result

    def replace(self, parameters: list[Array]) -> None:
        """Take over all new parameters at once; an interrupt leaves the old ones or the new ones, no
        mixture.
        """
        self.before, self.parameters = self.parameters, parameters

    def require_finite(self) -> None:
        """After the last update nobody computes a cost: look at the parameters themselves."""
        if not all(np.isfinite(p).all() for p in self.parameters):
            self.diverged(self.with_parameters(self.arguments), "in the last update")

    def diverged(self, arguments: Sequence[Array], when: str) -> None:
        """Go back to the last parameters with a finite cost, and say which quantity was not finite."""
        bound = {base: arguments[n] for base, n in self.places.items()}
        name = not_finite(self.program, bound) or "a gradient"
        self.parameters = self.before
        raise Stop("diverged", f"training diverged {when}: {name} is not finite; try a smaller rate")

    def named_parameters(self) -> dict[str, Array]:
        """The parameters by plain name, in the network's order."""
        found = dict(zip(self.names, self.parameters, strict=True))
        return {q.name.plain: found[q.name.plain] for q in self.program.network.parameters}


def _sample_axes(
    network: Network, quantities: Sequence[Quantity], arguments: Sequence[Array]
) -> Iterator[tuple[int, int]]:
    """Position and sample axis of every argument that has one; without a declared one it stands in front."""
    for n, (quantity, value) in enumerate(zip(quantities, arguments, strict=True)):
        if quantity.role == "parameter":
            continue
        if network.samples is None or network.is_scalar:
            if np.ndim(value) > len(quantity.axes):
                yield n, 0
            continue
        yield from ((n, k) for k, axis in enumerate(quantity.axes) if axis.size == network.samples)


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
        check_finite(program, bound)
        self.arguments = [bound[q.base] for q in program.plan.arguments]
        self.cost = program.function_of([program.plan.loss])
        self.best: list[Array] | None = None
        self.least, self.waited = np.inf, 0

    def after_epoch(self, costs: list[float]) -> None:
        """Record the validation cost; stop when patience is at its end."""
        cost = float(np.mean(self.cost(*self.run.with_parameters(self.arguments))[0]))
        costs.append(cost)
        if self.patience is None:
            return
        if cost < self.least:
            self.least, self.waited, self.best = cost, 0, self.run.parameters
            return
        self.waited += 1
        if self.waited >= self.patience:
            raise Stop(
                "patience",
                f"the validation cost has not improved on {self.least:.6g} for {self.waited} epochs",
            )


def check_finite(program: Program, bound: Mapping[Base, Array]) -> None:
    """Refuse data and values that hold nan or infinity."""
    for base, value in bound.items():
        if not np.isfinite(value).all():
            where = f", sample {int(np.argmin(np.isfinite(value))) + 1}" if np.ndim(value) else ""
            raise DataError(f"{program.network.names[base].plain}{where} is not a finite number")
