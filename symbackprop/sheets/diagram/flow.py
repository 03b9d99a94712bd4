"""The computation graph, with the derivative of the loss that flows back along every arrow.

Contract: `flow_graph(derivation)` has one node for every quantity, with its adjoint; a parameter that one quantity
reads hangs below that quantity. Long columns and long rows of columns are folded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

import sympy as sp

from symbackprop.backprop import Contribution
from symbackprop.derivation import Derivation, activation_argument
from symbackprop.functions import TABLE
from symbackprop.indexed import Base, Softmax, base_of
from symbackprop.names import Label, Name
from symbackprop.network import Quantity
from symbackprop.sheets.blocks import Math
from symbackprop.sheets.diagram.graph import Edge, columned
from symbackprop.sheets.diagram.label import Run, runs, text_runs
from symbackprop.sheets.mathematics import MathWriter
from symbackprop.sheets.naming import delta_names

Kind = Literal["input", "neuron", "output", "loss", "parameter", "target", "dots"]

TALLEST, WIDEST = 5, 11
"""Longer columns, and longer rows of columns, are folded in the middle."""
HANGING = 4
"""Of more parameters below a quantity the first two and the last are shown."""
SHORT = 11
"""A local derivative with more characters has no room on its arrow."""


class Sign(NamedTuple):
    """A piece of mathematics that a drawing can write: in pieces, in LaTeX, as text."""

    runs: tuple[Run, ...]
    latex: str
    text: str


_LATEX_MARKS = re.compile(r"\\(mathrm)?|[{}]")

DOTS = Sign((Run("⋯"),), r"\cdots", "⋯")


@dataclass(frozen=True)
class FlowNode:
    """A quantity, the derivative of the loss with respect to it, and what hangs below it."""

    key: str
    kind: Kind
    sign: Sign
    adjoint: Sign | None = None
    hanging: tuple[FlowNode, ...] = ()


@dataclass(frozen=True)
class FlowGraph:
    """Columns from the inputs to the loss; the local derivative of an arrow, where it is short."""

    columns: tuple[tuple[FlowNode, ...], ...]
    edges: tuple[Edge, ...]
    local: Mapping[tuple[str, str], Sign] = field(default_factory=dict[tuple[str, str], Sign])

    @property
    def nodes(self) -> tuple[FlowNode, ...]:
        """All nodes but those that hang, column by column."""
        return tuple(node for column in self.columns for node in column)


def flow_graph(derivation: Derivation) -> FlowGraph:
    """The graph of a derivation."""
    return _Builder(derivation).graph()


def outermost(graph: FlowGraph) -> set[str]:
    """The first node of every column of several: its parameters hang outside, where no arrow leads to the next node."""
    column_of = {node.key: n for n, column in enumerate(graph.columns) for node in column}
    arched = {k for e in graph.edges if column_of[e.target] - column_of[e.source] != 1 for k in (e.source, e.target)}
    return {column[0].key for column in graph.columns if len(column) > 1 and column[0].key not in arched}


class _Builder:
    """Collects nodes and arrows from the contributions of every quantity."""

    def __init__(self, derivation: Derivation) -> None:
        self.derivation, self.network = derivation, derivation.network
        self.write = MathWriter(derivation)
        self.deltas = delta_names(derivation) if derivation.style == "delta" else {}
        self.kept: dict[Base, Quantity] = {}
        self.hanging: dict[Base, list[Quantity]] = {}

    def graph(self) -> FlowGraph:
        for quantity in self.network.quantities.values():
            users = self._users(quantity)
            if quantity.role in ("target", "constant") or (quantity.role == "parameter" and len(users) == 1):
                for user in users:
                    self.hanging.setdefault(user, []).append(quantity)
            elif users or quantity.role in ("intermediate", "loss"):
                self.kept[quantity.base] = quantity
        key = {base: f"q{n}" for n, base in enumerate(self.kept)}
        rank = dict.fromkeys(key.values(), -1)
        rank |= {key[e.base]: n for n, e in enumerate(self.network.equations)}
        edges: dict[tuple[str, str], Edge] = {}
        local: dict[tuple[str, str], Sign] = {}
        for base, quantity in self.kept.items():
            for c in self.derivation.sweep[base].contributions:
                ends = key[base], key[c.consumer.base]
                edges.setdefault(ends, Edge(*ends, recurrent=rank[ends[0]] >= rank[ends[1]]))
                sign = self._local(c) if quantity.role != "input" else None
                if sign is not None:
                    local.setdefault(ends, sign)
        base_at = {k: base for base, k in key.items()}
        returns = {k for e in edges.values() if e.recurrent for k in (e.source, e.target)}
        # What an arch leads to stands on top of its column, where the arch has room.
        columns = [
            [self._node(k, base_at[k]) for k in sorted(column, key=lambda k: k not in returns)]
            for column in columned(rank, edges.values(), rank)
        ]
        return _folded(FlowGraph(tuple(map(tuple, columns)), tuple(edges.values()), local))

    def _users(self, quantity: Quantity) -> list[Base]:
        found = dict.fromkeys(c.consumer.base for c in self.derivation.sweep[quantity.base].contributions)
        for equation in self.network.equations:  # labels stand in index positions
            for reference in equation.expression.atoms(sp.Indexed):
                if any(base_of(r) == quantity.base for index in reference.indices for r in index.atoms(sp.Indexed)):
                    found[equation.base] = None
        return list(found)

    def _node(self, key: str, base: Base) -> FlowNode:
        quantity = self.kept[base]
        below = [self._leaf(f"{key}p{n}", q) for n, q in enumerate(self.hanging.get(base, ()))]
        if len(below) > HANGING:
            below = [*below[:2], FlowNode(f"{key}dots", "dots", DOTS), below[-1]]
        if quantity.role == "loss":
            one = Sign((Run("1"),), "1", "1")
            return FlowNode(key, "loss", self._named(quantity), one, tuple(below))
        return replace(self._leaf(key, quantity), hanging=tuple(below))

    def _leaf(self, key: str, quantity: Quantity) -> FlowNode:
        kinds: dict[str, Kind] = {"input": "input", "parameter": "parameter", "intermediate": "neuron"}
        kind: Kind = kinds.get(quantity.role, "target")
        adjoint = self._adjoint(quantity) if kind in ("neuron", "parameter") else None
        return FlowNode(key, kind, self._named(quantity), adjoint)

    def _name(self, quantity: Quantity) -> Name:
        kinds = self.network.leading.get(quantity.base, ())
        labels = [Label(kind, axis.index.name) for kind, axis in zip(kinds, quantity.axes, strict=False)]  # type: ignore[arg-type]
        return quantity.name.with_scripts((*quantity.name.scripts, *labels)) if labels else quantity.name

    def _named(self, quantity: Quantity) -> Sign:
        name = self._name(quantity)
        return Sign(tuple(runs(name)), name.latex, name.unicode)

    def _adjoint(self, quantity: Quantity) -> Sign:
        own = self._named(quantity)
        if quantity in self.derivation.deltas and quantity.base in self.deltas:
            name = self.deltas[quantity.base]
            if name is not None:
                labels = self._name(quantity).scripts if quantity.base in self.network.leading else name.scripts
                name = name.with_scripts(labels)
                return Sign(tuple(runs(name)), name.latex, name.unicode)
            below = "".join(run.text for run in own.runs)
            return Sign((Run("δ"), Run(below, "below")), rf"\delta_{{{own.latex}}}", f"δ_{own.text}")
        loss = self._named(self.network.quantities[self.network.loss.base])
        return Sign(
            (Run("∂"), *loss.runs, Run("/∂"), *own.runs),
            rf"\partial {loss.latex}/\partial {own.latex}",
            f"∂{loss.text}/∂{own.text}",
        )

    def _local(self, c: Contribution) -> Sign | None:
        """The local derivative: a weight, the derivative of an activation, or what is short enough."""
        argument = activation_argument(c.consumer)
        if isinstance(c.consumer.expression, Softmax):  # a whole matrix, for which there is no short name
            return None
        if argument is not None and c.consumer is not self.network.loss:
            row = TABLE.get(c.consumer.expression.func)
            name = self.write.function_name(c.consumer.expression)
            if row is not None:
                name = Math(row.latex, {"sigmoid": "σ"}.get(row.name, _LATEX_MARKS.sub("", row.latex)))
            inner = self._named(self.network.quantities[base_of(argument)])
            if len(name.text) + len(inner.text) > SHORT:
                return None
            return Sign(
                (Run(name.text), Run("′("), *inner.runs, Run(")")),
                f"{name.latex}'({inner.latex})",
                f"{name.text}′({inner.text})",
            )
        if len(c.local) == 1 and isinstance(c.local[0], (sp.Symbol, sp.Indexed)):
            quantity = self.network.quantities.get(base_of(c.local[0]))
            return None if quantity is None else self._named(quantity)
        if not c.local or not self.network.is_scalar:
            return None
        math = self.write.product(c.local)
        return Sign(tuple(text_runs(math.text)), math.latex, math.text) if len(math.text) <= SHORT else None


def _folded(graph: FlowGraph) -> FlowGraph:
    columns: Sequence[tuple[FlowNode, ...]] = [
        column if len(column) <= TALLEST else (*column[:2], _dots(f"dots{n}"), *column[-1:])
        for n, column in enumerate(graph.columns)
    ]
    if len(columns) > WIDEST:
        columns = [*columns[:4], (_dots("dots"),), *columns[-6:]]
    shown = {node.key for column in columns for node in column}
    edges = tuple(e for e in graph.edges if e.source in shown and e.target in shown)
    return FlowGraph(tuple(columns), edges, graph.local)


def _dots(key: str) -> FlowNode:
    return FlowNode(key, "dots", DOTS)
