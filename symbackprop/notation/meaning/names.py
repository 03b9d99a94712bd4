"""What is known of every name before any equation is read: declared shapes, labels, roles, plain numbers.

Contract: fills `Lowering.entries` and `Lowering.sizes`; what contradicts itself is refused with its place.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any

import sympy as sp

from symbackprop.indexed import Limit
from symbackprop.names import Name
from symbackprop.network import Role
from symbackprop.network.roles import conventional_role
from symbackprop.notation import syntax as tree
from symbackprop.notation.entries import Entry, Trouble
from symbackprop.notation.meaning.file import FileState, Pending, located
from symbackprop.notation.source import Line
from symbackprop.notation.syntax import walk

RESERVED_FUNCTIONS = frozenset(
    {"exp", "log", "ln", "sqrt", "tanh", "sin", "cos", "softmax", "relu", "sigmoid", "max", "min"}
)
"""Names of functions that no quantity may take (Greek letters may: sigma is also a standard deviation)."""

ROLE_OF: dict[str, Role] = {
    "inputs": "input",
    "targets": "target",
    "parameters": "parameter",
    "constants": "constant",
}


class Names(FileState):
    """Names of a file: who is an array, who a number, who a size."""

    def declare_shape(self, shape: tree.Shape) -> None:
        """Take over a declared shape, with its layer label if it has one."""
        for reference in shape.names:
            leading = tuple(s.kind for s in reference.scripts)
            label = None
            if leading:
                item = reference.scripts[0].items[0]
                label = self.low.bind(item.name) if isinstance(item, tree.Reference) else None
                if isinstance(item, tree.Number):
                    self.starts[reference.name.key] = int(item.value)
            sizes = tuple(self.low.size(s) for s in shape.sizes)
            self.low.scope.clear()
            limit = None
            if shape.labels is not None:
                low, high = (self.low.size(bound) for bound in shape.labels)
                limit = Limit(sp.Symbol("k", integer=True), low + 1, high + 1)
            entry = Entry(reference.name, leading, sizes, label, declared=True, labels=limit)
            if reference.name.key in self.low.entries:
                raise Trouble(f"{reference.name.plain} is declared twice", reference.span, "remove one of the two")
            self.low.entries[reference.name.key] = entry

    def shapes_of_values(self) -> None:
        """``b := [[1, -2], [3, 4]]`` declares the shape of b, ``w := 1/2`` that w is a number."""
        for _, value in self.declared(tree.Value):
            literal = value.value
            sizes: tuple[Any, ...] = ()
            if isinstance(literal, tree.Matrix):
                columns = sp.Integer(len(literal.rows[0]))
                sizes = (columns,) if literal.flat else (sp.Integer(len(literal.rows)), columns)
            name = value.target.name
            if not value.target.scripts and name.key in self.mentioned:
                self.low.entries.setdefault(name.key, Entry(name, sizes=sizes, declared=bool(sizes)))

    def _leading(self, left: Any) -> tuple[str, ...]:
        """The kinds of scripts that are labels: brackets, and subscripts that label in some equation (``h_t``)."""
        labels = {kind for entry in self.low.entries.values() for kind in entry.leading}
        subscript = "sub" in labels or left.name.key in self._labelled
        return tuple(
            s.kind for s in left.scripts if s.kind in ("bracket", "paren") or (subscript and len(s.items) == 1)
        )

    @cached_property
    def _labelled(self) -> set[str]:
        """Names with one index over a range whose equation reads whole arrays: the index labels steps or layers."""
        arrays = {key for key, entry in self.low.entries.items() if entry.declared and entry.sizes}
        found: set[str] = set()
        for waiting in self.pending:
            left: Any = waiting.statement.left
            indices = [i for s in getattr(left, "scripts", ()) for i in s.items]
            whole = any(
                isinstance(n, tree.Reference)
                and n.name.key in arrays
                and len(n.scripts) == len(self.low.entries[n.name.key].leading)
                for n in walk(waiting.statement.rights)
            )
            if len(indices) == 1 and waiting.statement.ranges and whole:
                found.add(left.name.key)
        return found

    def split_chains(self) -> None:
        """``yhat = a = f(z)`` where nothing else defines a: ``yhat = f(z)``, and ``a = yhat`` where a is used."""
        known = {w.statement.left.name.key for w in self.pending if isinstance(w.statement.left, tree.Reference)}
        known |= self.low.entries.keys()
        result: list[Pending] = []
        for waiting in self.pending:
            first, *rest = waiting.statement.rights
            if rest and isinstance(first, tree.Reference) and first.name.key not in known:
                known.add(first.name.key)
                statement = replace(waiting.statement, rights=tuple(rest), relations=())
                result.append(Pending(waiting.line, statement))
                if self._is_used(first.name, but=waiting):
                    alias = replace(waiting.statement, left=first, rights=(waiting.statement.left,), relations=())
                    result.append(Pending(waiting.line, alias))
            else:
                result.append(waiting)
        self.pending = result

    def _is_used(self, name: Name, but: Pending) -> bool:
        return any(
            isinstance(n, tree.Reference) and n.name == name
            for w in self.pending
            if w is not but
            for n in walk(w.statement.rights)
        )

    def names_on_the_left(self) -> None:
        """Every defined name, its labels, and the sizes in the bounds of ranges and sums."""
        bounds: list[tuple[Line, tree.Node]] = []
        for waiting in self.pending:
            left = waiting.statement.left
            if not isinstance(left, tree.Reference):
                raise located(
                    waiting.line,
                    "the left side is not a name",
                    left.span,
                    "write the quantity that the equation defines on the left, such as z = w x + b",
                )
            if left.name.plain in RESERVED_FUNCTIONS:
                raise located(waiting.line, f"{left.name.plain} is the name of a function", left.span, "rename it")
            entry = self.low.entries.get(left.name.key)
            if entry is None:
                leading = self._leading(left)
                own = [i for s in left.scripts if s.kind not in leading for i in s.items]
                spans = {x.index.key: x for x in waiting.statement.ranges}
                self.low.entries[left.name.key] = Entry(
                    left.name,
                    leading,
                    tuple(self._size_of_range(waiting.line, spans, i) for i in own) if own else None,
                    sp.Symbol("l", integer=True) if leading else None,
                )
            summed = [x for n in walk(waiting.statement.rights) if isinstance(n, tree.Reduction) for x in n.indices]
            limits = (*waiting.statement.ranges, *summed)
            bounds += [(waiting.line, bound) for x in limits for bound in (x.low, x.high) if bound is not None]
        for line, bound in bounds:
            self.guard(line, lambda b=bound: self._touch_size(b))

    def _size_of_range(self, line: Line, spans: dict[str, tree.Limits], item: tree.Node) -> Any:
        """The size of an axis that an equation's own index runs over from 1, else None."""
        limits = spans.get(item.name.key) if isinstance(item, tree.Reference) else None
        if limits is None or not isinstance(limits.low, tree.Number) or limits.low.value != 1 or limits.high is None:
            return None
        high = limits.high
        return self.guard(line, lambda: self.low.size(high))

    def _touch_size(self, bound: tree.Node) -> None:
        """Names in the bounds of a range are sizes."""
        for node in walk(bound):
            known = self._indices_anywhere | self.low.entries.keys()
            if isinstance(node, tree.Reference) and not node.scripts and node.name.key not in known:
                self.low.size(node)

    @cached_property
    def mentioned(self) -> set[str]:
        """Names that the equations use."""
        return {
            n.name.key
            for w in self.pending
            for n in walk((w.statement.left, w.statement.rights))
            if isinstance(n, tree.Reference)
        }

    @cached_property
    def _indices_anywhere(self) -> set[str]:
        """Letters that are indices in some equation: bounds may hold them too."""
        found: set[str] = set()
        for waiting in self.pending:
            found |= {x.index.key for x in waiting.statement.ranges}
            found |= {
                x.index.key for n in walk(waiting.statement.rights) if isinstance(n, tree.Reduction) for x in n.indices
            }
        return found

    def roles(self) -> tuple[dict[str, Role], str | None, Name | None]:
        """Declared roles by key, the loss, and the name of the learning rate."""
        roles: dict[str, Role] = {}
        loss: str | None = None
        rate: Name | None = None
        for line, declared in self.declared(tree.Roles):
            for reference in declared.names:
                key = reference.name.key
                if declared.role == "samples":
                    self.low.samples = self.guard(line, lambda r=reference: self.low.size(r))
                elif declared.role == "loss":
                    loss = key
                    if key not in self.low.entries:
                        raise located(
                            line,
                            f"{reference.name.plain} is not defined by any equation",
                            reference.span,
                            f"add an equation '{reference.name.plain} = ...'",
                        )
                elif declared.role == "rate":
                    rate = reference.name
                elif declared.role in ROLE_OF:
                    if key not in self.mentioned:  # kept, with a warning
                        self.low.entries.setdefault(key, Entry(reference.name, sizes=()))
                    role = ROLE_OF[declared.role]
                    if roles.setdefault(key, role) != role:
                        raise located(
                            line,
                            f"{reference.name.plain} has two roles: {roles[key]} and {role}",
                            reference.span,
                            "declare it once",
                        )
        return roles, loss, rate

    def shared_dimension(self, roles: dict[str, Role]) -> Any:
        """The dimension that inputs and targets share and no parameter has."""
        found: dict[str, set[Any]] = {"input": set(), "target": set(), "parameter": set()}
        for key, entry in self.low.entries.items():
            role = roles.get(key) or conventional_role(entry.name)
            if role in found and entry.sizes and entry.declared:
                found[role] |= {s for s in entry.sizes if s is not None}
        shared = (found["input"] & found["target"]) - found["parameter"]
        return shared.pop() if len(shared) == 1 else None

    def scalars(self, roles: dict[str, Role]) -> None:
        """Names that are used, not declared and not defined: numbers, unless the file speaks of matrices."""
        matrices = any(e.declared and e.sizes for e in self.low.entries.values())
        for waiting in self.pending:
            used = {n.name.key: n for n in walk(waiting.statement.rights) if isinstance(n, tree.Reference)}
            bound = _index_letters(waiting.statement)
            for key, node in used.items():
                if key in self.low.entries or key in self.low.sizes or key in ("e", "pi"):
                    continue
                role = roles.get(key) or conventional_role(node.name)
                if node.scripts:
                    own = [i for s in node.scripts for i in s.items]
                    self.low.entries[key] = Entry(node.name, (), (None,) * len(own))
                elif key not in bound and (not matrices or role == "constant"):
                    self.low.entries[key] = Entry(node.name, sizes=())


def _index_letters(statement: tree.Equation) -> set[str]:
    """Names that are indices in a statement: bound ones, and those that stand in index positions."""
    found = {limits.index.key for limits in statement.ranges}
    for node in walk((statement.left, statement.rights)):
        if isinstance(node, tree.Reduction):
            found |= {limits.index.key for limits in node.indices}
        elif isinstance(node, tree.Reference):
            found |= {i.name.key for s in node.scripts for i in s.items if isinstance(i, tree.Reference)}
    return found
