"""The graph of a network, from its equations alone: neurons in columns, weights on arrows, biases below.

Contract: `network_graph(derivation)` folds an activation into the neuron it belongs to, puts every neuron
one column right of what it reads, and folds away the middle of long columns and of long rows of columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import sympy as sp

from symbackprop.derivation import Derivation, activation_argument
from symbackprop.indexed import Base, base_of
from symbackprop.names import Label, Name, opaque_name
from symbackprop.network import Quantity
from symbackprop.sheets.blocks import Math
from symbackprop.sheets.diagram.units import units_of
from symbackprop.sheets.mathematics import MathWriter

Kind = Literal["input", "neuron", "output", "loss", "dots"]

TALLEST = 7
"""A column with more neurons is folded: the first three, dots, the last one."""
WIDEST, WIDEST_LAYERS = 9, 6
"""A network with more columns is folded in the middle, the sooner where units are drawn."""
DRAWN_EDGES = 400


@dataclass(frozen=True)
class Node:
    """A neuron (sum and activation), an input, the loss, or the dots for what is folded away."""

    key: str
    kind: Kind
    names: tuple[Name, ...] = ()
    marks: tuple[Name, ...] = ()
    """Biases, targets and other names that enter here without an arrow of their own."""
    shape: Math | None = None
    """The sizes of an array, for a quantity with axes; of dots, how many neurons the column has."""
    units: tuple[Math | None, ...] = ()
    """The numbers of the units of a layer that are drawn one by one; None stands for dots between them."""


@dataclass(frozen=True)
class Edge:
    """An arrow from what is read to what reads it, with the weight that it carries."""

    source: str
    target: str
    weight: Name | None = None
    recurrent: bool = False
    """It leads to a later instance of an earlier equation (the next time step, the next layer)."""
    dense: bool = False
    """Between two layers: every unit reads every unit of the layer before."""


@dataclass(frozen=True)
class Graph:
    """Columns of nodes from the inputs to the loss, and the arrows between them."""

    columns: tuple[tuple[Node, ...], ...]
    edges: tuple[Edge, ...]

    @property
    def nodes(self) -> tuple[Node, ...]:
        """All nodes, column by column."""
        return tuple(node for column in self.columns for node in column)


def network_graph(derivation: Derivation) -> Graph:
    """The graph of a derivation's network."""
    return _folded(_Builder(derivation).graph())


class _Builder:
    """Collects nodes and arrows from the contributions of every quantity."""

    def __init__(self, derivation: Derivation) -> None:
        self.derivation, self.network = derivation, derivation.network
        self.write = MathWriter(derivation)
        self.key_of: dict[Base, str] = {}
        self.members: dict[str, list[Quantity]] = {}
        self.rank: dict[str, int] = {}
        self.edges: dict[tuple[str, str], Edge] = {}
        self.marks: dict[str, dict[str, Name]] = {}
        self.compares: set[str] = set()
        """The nodes that read a target: the loss and its shares."""

    def graph(self) -> Graph:
        self._place_quantities()
        for quantity in self.network.quantities.values():
            if quantity.base in self.key_of:
                self._arrows_from(quantity)
        for quantity in self.network.quantities.values():
            if quantity.base not in self.key_of:
                self._mark(quantity)
        self._mark_labels()
        ordered = columned(self.members, self.edges.values(), self.rank)
        return Graph(tuple(tuple(self._node(key) for key in column) for column in ordered), tuple(self.edges.values()))

    def _place_quantities(self) -> None:
        """One node for each input and each defined quantity; an activation joins the neuron it acts on."""
        quantities = self.network.quantities
        for quantity in quantities.values():
            if quantity.role == "input":
                self._new_node(quantity)
        for position, equation in enumerate(self.network.equations, start=len(quantities)):
            if equation.base in self.key_of:  # a base case came first: the step tells where it stands
                self.rank[self.key_of[equation.base]] = position
                continue
            argument = activation_argument(equation) if self.derivation.is_inlined(equation.base) else None
            inner = None if argument is None else base_of(argument)
            if inner in self.key_of and quantities[inner].role == "intermediate" and self._only_consumer(inner):
                self.key_of[equation.base] = self.key_of[inner]
                self.members[self.key_of[inner]].append(quantities[equation.base])
            else:
                self._new_node(quantities[equation.base])
                self.rank[self.key_of[equation.base]] = position

    def _new_node(self, quantity: Quantity) -> None:
        key = f"n{len(self.members)}"
        self.key_of[quantity.base] = key
        self.members[key] = [quantity]
        self.rank[key] = len(self.rank)

    def _only_consumer(self, base: Base) -> bool:
        return len({c.consumer.base for c in self.derivation.sweep[base].contributions}) == 1

    def _arrows_from(self, quantity: Quantity) -> None:
        source = self.key_of[quantity.base]
        for contribution in self.derivation.sweep[quantity.base].contributions:
            target = self.key_of[contribution.consumer.base]
            weight = self._weight(contribution.local)
            if source != target:
                recurrent = self.rank[source] > self.rank[target]
                self.edges.setdefault(
                    (source, target), Edge(source, target, weight, recurrent, bool(contribution.limits))
                )
            elif quantity is not self.members[target][0] or contribution.consumer.base == quantity.base:
                self.edges.setdefault((source, target), Edge(source, target, weight, recurrent=True))

    def _weight(self, local: Sequence[sp.Expr]) -> Name | None:
        """The parameter that multiplies, where the local derivative is nothing else."""
        if len(local) != 1 or not isinstance(local[0], (sp.Symbol, sp.Indexed)):
            return None
        quantity = self.network.quantities.get(base_of(local[0]))
        return self._name(quantity) if quantity is not None and quantity.role == "parameter" else None

    def _mark(self, quantity: Quantity) -> None:
        """A name without a node stands beside every neuron that reads it, unless an arrow carries it."""
        for contribution in self.derivation.sweep[quantity.base].contributions:
            target = self.key_of[contribution.consumer.base]
            carried = any(
                isinstance(f, (sp.Symbol, sp.Indexed))
                and base_of(f) in self.key_of
                and (edge := self.edges.get((self.key_of[base_of(f)], target)))
                and edge.weight == self._name(quantity)
                for f in contribution.local
            )
            if not carried:
                self.marks.setdefault(target, {})[quantity.name.key] = self._name(quantity)
                if quantity.role == "target":
                    self.compares.add(target)

    def _mark_labels(self) -> None:
        """Labels stand in the index positions of an equation, which are not differentiated."""
        quantities = self.network.quantities
        for equation in self.network.equations:
            for reference in equation.expression.atoms(sp.Indexed):
                for label in (r for index in reference.indices for r in index.atoms(sp.Indexed)):
                    quantity, target = quantities[base_of(label)], self.key_of[equation.base]
                    self.marks.setdefault(target, {})[quantity.name.key] = self._name(quantity)
                    self.compares.add(target)

    def _name(self, quantity: Quantity) -> Name:
        """The name with its layer, where it has one: ``W^{[l]}``."""
        kinds = self.network.leading.get(quantity.base, ())
        labels = [Label(kind, axis.index.name) for kind, axis in zip(kinds, quantity.axes, strict=False)]  # type: ignore[arg-type]
        return quantity.name.with_scripts((*quantity.name.scripts, *labels)) if labels else quantity.name

    def _node(self, key: str) -> Node:
        members = self.members[key]
        kind: Kind = "neuron"
        if members[0].role == "input":
            kind = "input"
        elif members[-1].role == "loss" or key in self.compares:
            kind = "loss"
        elif any(t in self.compares for s, t in self.edges if s == key):
            kind = "output"
        shape = self.write.shape(members[-1], whole=False) if members[-1].axes else None
        return Node(
            key,
            kind,
            tuple(self._name(q) for q in members),
            _few(list(self.marks.get(key, {}).values())),
            shape,
            self._units(members[-1]),
        )

    def _units(self, quantity: Quantity) -> tuple[Math | None, ...]:
        """The units of a layer: of an array with one axis beside its samples and its steps."""
        network = self.network
        sizes = [
            size
            for n, size in enumerate(quantity.shape)
            if (quantity.base, n) not in network.label_axes and size != network.samples
        ]
        if len(sizes) != 1 or quantity.role == "loss":
            return ()
        return units_of(self.write(sizes[0]), int(sizes[0]) if sizes[0].is_Integer else None)


def _few(names: list[Name]) -> tuple[Name, ...]:
    """Up to three names; of more the first and the last."""
    return tuple(names) if len(names) <= 3 else (names[0], opaque_name("…"), names[-1])


def columned(keys: Iterable[str], edges: Iterable[Edge], rank: Mapping[str, int]) -> list[list[str]]:
    """Every node right of all that it reads, an input just left of its first reader; the columns in a good order.

    Args:
        keys: the nodes.
        edges: the arrows; a recurrent one leads back.
        rank: the position of every node in the order of computation.
    """
    keys, edges = list(keys), list(edges)
    column: dict[str, int] = {}
    reads: dict[str, list[str]] = {key: [] for key in keys}
    readers: dict[str, list[str]] = {key: [] for key in keys}
    for edge in edges:
        if not edge.recurrent:
            reads[edge.target].append(edge.source)
            readers[edge.source].append(edge.target)
    for key in sorted(keys, key=rank.__getitem__):
        column[key] = 1 + max((column[k] for k in reads[key]), default=-1)
    for key in keys:
        if not reads[key] and readers[key]:
            column[key] = max(0, min(column[k] for k in readers[key]) - 1)
    columns: list[list[str]] = [[] for _ in range(max(column.values(), default=0) + 1)]
    for key in keys:
        columns[column[key]].append(key)
    return _ordered(columns, edges)


def _ordered(columns: Sequence[Sequence[str]], edges: Iterable[Edge]) -> list[list[str]]:
    """Order every column by the mean position of its neighbours (barycentre), to and fro."""
    before: dict[str, list[str]] = {}
    after: dict[str, list[str]] = {}
    for edge in edges:
        if not edge.recurrent:
            before.setdefault(edge.target, []).append(edge.source)
            after.setdefault(edge.source, []).append(edge.target)
    ordered = [list(column) for column in columns]
    for neighbours, sequence in ((before, ordered), (after, ordered[::-1]), (before, ordered)):
        position = {key: (n + 0.5) / len(column) for column in ordered for n, key in enumerate(column)}
        for column in sequence:
            column.sort(key=lambda key: _mean(neighbours.get(key, ()), position, position[key]))
            position |= {key: (n + 0.5) / len(column) for n, key in enumerate(column)}
    return ordered


def _mean(keys: Sequence[str], position: Mapping[str, float], default: float) -> float:
    return round(sum(position[k] for k in keys) / len(keys), 9) if keys else default


def _dots(key: str, count: int) -> Node:
    return Node(key, "dots", shape=Math(rf"\times {count}", f"×{count}"))


def _folded(graph: Graph) -> Graph:
    """Dots for the middle of tall columns, and for the columns in the middle of a long network."""
    columns = [
        column if len(column) <= TALLEST else (*column[:3], _dots(f"dots{n}", len(column)), column[-1])
        for n, column in enumerate(graph.columns)
    ]
    widest = WIDEST_LAYERS if any(node.units for node in graph.nodes) else WIDEST
    if len(columns) > widest:
        kept = widest // 2
        columns = [*columns[:kept], (Node("dots", "dots"),), *columns[-kept:]]
    shown = {node.key for column in columns for node in column}
    edges = tuple(e for e in graph.edges if e.source in shown and e.target in shown)
    if len(edges) > DRAWN_EDGES:
        edges = tuple(replace(e, weight=None) for e in edges)
    return Graph(tuple(tuple(column) for column in columns), edges)
