"""A network file -> Specification: statements are parsed, then given their meaning layer by layer.

Contract: `read_specification(text)` returns what the author said; it raises `NotationError` for text that cannot be
read and `NetworkError` for what does not fit together, both with the line and a caret.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import sympy as sp

from symbackprop.functions import TABLE
from symbackprop.indexed import Limit
from symbackprop.network import Equation, Specification
from symbackprop.notation import syntax as tree
from symbackprop.notation.entries import Entry, Trouble
from symbackprop.notation.meaning.equations import Equations
from symbackprop.notation.parser.collect import collect_vocabulary
from symbackprop.notation.parser.statements import parse_statements
from symbackprop.notation.source import read_lines
from symbackprop.notation.syntax import walk
from symbackprop.notation.tensor import ONE


def read_specification(text: str, file: str | None = None) -> Specification:
    r"""Read the text of a network file (plain text, Markdown or LaTeX).

    >>> spec = read_specification("z = w x + b\nE = (z - y)^2")
    >>> [str(e.target) for e in spec.equations]
    ['z', 'E']
    """
    form = {"md": "md", "tex": "tex", "net": "net", "txt": "net"}.get((file or "").rsplit(".", 1)[-1].lower())
    lines = read_lines(text, form, file)  # type: ignore[arg-type]
    vocabulary = collect_vocabulary(lines)
    known = frozenset(row.name for row in TABLE.values())
    vocabulary = replace(vocabulary, functions=vocabulary.functions | (known - vocabulary.names.keys()))
    reader = _Reader()
    for line in lines:
        for statement in parse_statements(line, vocabulary):
            reader.take(line, statement)
    return reader.specification()


class _Reader(Equations):
    """One file."""

    def specification(self) -> Specification:
        for _, shape in self.declared(tree.Shape):
            self.low.size_families |= {
                n.name.key for n in walk(shape.sizes) if isinstance(n, tree.Reference) and n.scripts
            }
        for line, shape in self.declared(tree.Shape):
            self.guard(line, lambda s=shape: self.declare_shape(s))
        for _, function in self.declared(tree.FunctionIs):
            self.low.functions[function.name] = function.function
        self.shapes_of_values()
        self.split_chains()
        self.names_on_the_left()
        roles, loss, rate = self.roles()
        if self.low.samples is None:
            self.low.samples = self.shared_dimension(roles)
        self.scalars(roles)
        self.settle_shapes()
        equations: list[Equation] = []
        for waiting in self.pending:
            equations += self.guard(waiting.line, lambda w=waiting: self.equations(w.statement, w.line))
        equations += self.given_starts(equations)
        bases = dict(self.low.entries)
        values: dict[Any, Any] = {}
        for line, s in self.declared(tree.Value):
            name = s.target.name  # of a quantity, or of a size that only shapes speak of
            base = bases[name.key].base if name.key in bases else sp.Symbol(name.plain, integer=True)
            values[base] = self.guard(line, lambda v=s: _number(v.value))
        return Specification(
            tuple(equations),
            roles={bases[key].base: role for key, role in roles.items() if key in bases},
            names={entry.base: entry.name for entry in bases.values()},
            axes={e.base: axes for e in bases.values() if (axes := _axes(e)) is not None},
            leading={e.base: e.leading for e in bases.values() if e.leading},
            labels={e.base: e.labels for e in bases.values() if e.labels is not None},
            samples=self.low.samples,
            loss=bases[loss].base if loss in bases else None,
            rate=rate,
            title=self.titles.get("", ""),
            titles={language: text for language, text in self.titles.items() if language},
            assumptions=tuple(
                self.guard(line, lambda a=a: self.assumption(a)) for line, a in self.declared(tree.Assumption)
            ),
            values=values,
        )


def _axes(entry: Entry) -> tuple[Limit, ...] | None:
    """The axes of a declared quantity; leading axes are left to the ranges of its uses."""
    if not entry.declared or entry.leading or not entry.sizes or None in entry.sizes:
        return None
    letters = [sp.Symbol(x, integer=True) for x in "ijkl"[: len(entry.sizes)]]
    return tuple(Limit(i, ONE, size) for i, size in zip(letters, entry.sizes, strict=True))


def _number(node: Any) -> Any:
    """The value of a ``:=`` declaration: a number or nested lists."""
    if isinstance(node, tree.Number):
        return float(node.value)
    if isinstance(node, tree.Negate):
        return -_number(node.operand)
    if isinstance(node, tree.Divide):
        below = _number(node.denominator)
        if below == 0:
            raise Trouble("this divides by zero", node.denominator.span)
        return _number(node.numerator) / below
    if isinstance(node, tree.Matrix):
        rows = [[_number(x) for x in row] for row in node.rows]
        return rows[0] if node.flat else rows
    raise Trouble("this is not a number", node.span, "write a number such as 0.5, or [[1, 2], [3, 4]]")
