"""What an interpreter holds while it reads one answer, and the three ways in which a tree can have no value.

Contract: `State` knows no notation; `value` is provided by the last layer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from symbackprop.errors import Span
from symbackprop.homework.answers.names import Names
from symbackprop.homework.values.value import Value
from symbackprop.homework.values.world import World
from symbackprop.indexed import Base
from symbackprop.notation import syntax as tree

Array = Any

DEEPEST_OWN = 30
"""Definitions of the student inside each other."""

RATE = 0.37
"""The number that the learning rate has while answers are judged."""


class Unknown(Exception):  # noqa: N818
    """There is no such name, or no such notation: the answer cannot be read here."""

    def __init__(self, message: str, span: Span, hint: str | None = None) -> None:
        super().__init__(message)
        self.message, self.span, self.hint = message, span, hint


class NoLayer(Unknown):
    """A label that no layer has: ``W^{[l+1]}`` of the last layer."""


class FreeIndex(Unknown):
    """An index that nothing binds: a forgotten sum, or an entry for which the whole stands on the left."""

    def __init__(self, index: str, span: Span) -> None:
        super().__init__(
            f"the index {index} has no range here", span, f"sum over {index}, or write it on the left side too"
        )
        self.index = index


class Open(Exception):  # noqa: N818
    """The expression has no single meaning: it is not judged. `reason` is the key of a message."""

    def __init__(self, reason: str, span: Span) -> None:
        super().__init__(reason)
        self.reason, self.span = reason, span


@dataclass(frozen=True)
class Conventions:
    """How a file writes what books write in two ways.

    Attributes:
        per_sample: do delta, dZ, dA stand for the derivative of one sample's loss (m times the derivative of the mean)?
        negative_delta: is delta minus the derivative?
        transposed: are matrices written in the other layout (samples in rows instead of columns)?
    """

    per_sample: bool = False
    negative_delta: bool = False
    transposed: bool = False


@dataclass(frozen=True)
class Own:
    """A definition of the student: a tree over index letters, or numbers that stand for it."""

    node: tree.Node | None
    indices: tuple[str, ...] = ()
    value: Value | None = None
    known: Mapping[str, Own] = field(default_factory=dict[str, "Own"])
    """The definitions that it was made from: a name may be used again for something new."""


@dataclass
class State:
    """The world, the names, the conventions, and the indices in scope."""

    world: World
    names: Names
    conventions: Conventions = field(default_factory=Conventions)
    own: Mapping[str, Own] = field(default_factory=dict[str, Own])
    adjoints: Mapping[Base, Array] = field(default_factory=dict[Base, Array])
    """Adjoints that replace the true ones (follow-through); empty: the true ones."""
    known: dict[int, Value] = field(default_factory=dict[int, Value])
    """Values of trees that are used again and again, by identity (kept alive by their owner)."""
    scope: dict[str, Array] = field(default_factory=dict[str, Array])
    """Indices in scope: arrays over the index axes, or whole numbers for labels."""
    axes: int = 0
    """How many index axes there are."""
    depth: int = 0

    def value(self, node: tree.Node) -> Value:
        """The numbers of an expression."""
        raise NotImplementedError

    def condition(self, condition: tree.Node) -> Value:
        """1 where a comparison holds, else 0."""
        raise NotImplementedError

    def bind(self, index: str, size: int, low: int = 1) -> None:
        """Put an index into scope along a new axis."""
        values = np.arange(low, low + size)
        self.scope[index] = values.reshape((1, 1, 1) + (1,) * self.axes + (-1,))
        self.axes += 1

    def actual(self, number: int) -> int:
        """A number of entries as it is here: 64 samples of the user's network may be 3."""
        found = [small for small, original in self.world.originals.items() if original == number]
        return found[0] if len(found) == 1 else number

    @property
    def samples(self) -> int | None:
        """The number of samples."""
        size = self.world.network.samples
        return None if size is None else self.world.read.integer(size)
