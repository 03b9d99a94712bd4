"""What is known of all training runs with values and data of one form: names, shapes, dtypes.

Contract: runs whose `form_of` is equal share a `Binding`, which puts their arguments together without another look at
names and shapes. What may differ inside a form, the numbers, is checked for every run.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from symbackprop.indexed import Base
from symbackprop.numeric.values import Array

KEPT_ORDER = 100_000
"""Sample positions that are kept for the next run."""


@dataclass(frozen=True)
class Binding:
    """What is known of all runs with values and data of one form.

    Attributes:
        bases: the arguments of the program.
        sources: for each of them whether it is in the data, and its name there; empty where that may differ.
        samples: how many there are.
        slots: the positions of the parameters among the arguments.
        axes: for every argument the position of its sample axis, None without one.
        sizes: size symbol -> number.
        dtype: of all arguments but labels.
        names: the plain names of the parameters, in the order of `slots`.
        weights: the positions of the parameters that are factors of something.
        started: were starts of parameters given?
        labels: position of labels -> number of classes.
        loops: the loops of such runs.
        straight: samples as they stand, epoch after epoch, as often as was asked for last.
    """

    bases: list[Base]
    sources: list[tuple[bool, Any]]
    samples: int
    slots: list[int]
    axes: list[int | None]
    sizes: Mapping[Any, int]
    dtype: np.dtype[Any]
    names: list[str]
    weights: list[int]
    started: bool
    labels: Mapping[int, int] = field(default_factory=dict[int, int])
    loops: dict[Any, Any] = field(default_factory=dict[Any, Any])
    straight: dict[int, Array] = field(default_factory=dict[int, Array])

    def given(self, values: Mapping[Any, Any], data: Mapping[Any, Any]) -> list[Array] | None:
        """The arguments of a run of this form; None where labels are out of their range."""
        found = [(data if in_data else values)[name] for in_data, name in self.sources]
        for n, classes in self.labels.items():
            if found[n].size and np.maximum.reduce(found[n].view(np.uintp), None) >= classes:
                return None  # a negative label is a large number
        number = self.dtype.type
        return [number(value) if isinstance(value, float) else value for value in found]

    def named(self, parameters: Sequence[Array]) -> dict[str, Array]:
        """The parameters by plain name, in the network's order."""
        return dict(zip(self.names, [value[()] for value in parameters], strict=False))

    def in_order(self, count: int) -> Array:
        """The positions of all samples, `count` times; not to be changed."""
        order = self.straight.get(count)
        if order is None:
            order = np.tile(np.arange(self.samples), count)
            if order.size <= KEPT_ORDER:
                self.straight.clear()
                self.straight[count] = order
        return order


def form_of(values: Mapping[Any, Any], data: Mapping[Any, Any]) -> tuple[Any, ...]:
    """What numbers and arrays are like: what has the same form is bound alike."""
    found: list[Any] = [len(values), *values, *data]
    for value in (*values.values(), *data.values()):
        if type(value) is np.ndarray:
            found += (value.shape, value.dtype)
        else:
            found.append(type(value))
    return tuple(found)


def is_finite(value: Array) -> bool:
    """Are all numbers of an array finite? Their squares are summed at once; only where that overflows each is asked."""
    if isinstance(value, float) or not value.shape:
        return math.isfinite(value)
    return value.dtype.kind != "f" or math.isfinite(np.vdot(value, value)) or bool(np.isfinite(value).all())
