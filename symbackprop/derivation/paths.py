"""The ways from the loss down to a quantity: listed when asked for, counted without listing.

Contract: `Paths(network, sweep)` never recurses, so that networks may be deep.
"""

from __future__ import annotations

from collections.abc import Iterator

from symbackprop.backprop import ReverseSweep
from symbackprop.derivation.records import Link, Path
from symbackprop.errors import NetworkError
from symbackprop.indexed import Base
from symbackprop.network import Network


class Paths:
    """The paths of one scalar network."""

    def __init__(self, network: Network, sweep: ReverseSweep) -> None:
        self.network, self.sweep = network, sweep
        self._counts: dict[Base, tuple[int, int]] = {}

    def links_into(self, base: Base) -> Iterator[Link]:
        """The arrows from every consumer to a quantity."""
        adjoint = self.sweep[base]
        for c in adjoint.contributions:
            yield Link(
                self.network.quantities[c.consumer.base],
                adjoint.quantity,
                (*c.local, *c.conditions),
                c.rules,
                c.consumer,
            )

    def paths_to(self, base: Base) -> Iterator[Path]:
        """Every path from the loss, by depth-first search (without recursion: networks may be deep)."""
        if not self.network.is_scalar:
            raise NetworkError("paths are for scalar networks: this one has indices", hint="use the adjoint instead")
        stack: list[tuple[Link, ...]] = [(link,) for link in reversed(list(self.links_into(base)))]
        while stack:
            links = stack.pop()
            top = links[0].upper.base
            if top == self.network.loss.base:
                yield Path(links)
            else:
                stack += [(link, *links) for link in reversed(list(self.links_into(top)))]

    def path_count(self, base: Base) -> int:
        """How many paths lead from the loss to a quantity (counted, not enumerated)."""
        return self.count(base)[0]

    def count(self, base: Base) -> tuple[int, int]:
        """The number of paths and of arrows on them; iterative, each quantity once."""
        loss, counts = self.network.loss.base, self._counts
        counts.setdefault(loss, (1, 0))
        stack = [base]
        while stack:
            top = stack[-1]
            if top in counts:
                stack.pop()
                continue
            consumers = [c.consumer.base for c in self.sweep[top].contributions]
            missing = [b for b in consumers if b not in counts]
            if missing:
                stack += missing
                continue
            paths = sum(counts[b][0] for b in consumers)
            counts[top] = paths, sum(counts[b][1] for b in consumers) + paths
            stack.pop()
        return counts[base]
