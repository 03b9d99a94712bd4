"""Shapes of defined names: forward from what is declared, until nothing changes.

Contract: after `settle_shapes` every defined name has its sizes, or what is missing was asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp

from symbackprop.notation import syntax as tree
from symbackprop.notation.entries import Deferred, Entry, Trouble
from symbackprop.notation.meaning.file import Pending, located
from symbackprop.notation.meaning.names import Names
from symbackprop.notation.syntax import walk
from symbackprop.notation.tensor import Tensor


class Shapes(Names):
    """Gives every defined name a shape."""

    def settle_shapes(self) -> None:
        """Forward from what is declared to what is defined, until nothing changes; then ask for what is missing.

        A recurrence reads its own shape: where all else is settled, it is tried with its own shape left open.
        """
        while True:
            blocked, changed = self._forward()
            if not changed and blocked:
                self.low.open_shapes = True
                _, changed = self._forward()
                self.low.open_shapes = False
            if not changed:
                break
        for waiting in blocked:
            self._refuse_circle(waiting, blocked)
            self.guard(waiting.line, lambda w=waiting: self.meaning(w.statement))

    def _forward(self) -> tuple[list[Pending], bool]:
        """One pass over the equations: those that wait for a shape, and whether anything was learned."""
        blocked, changed = list[Pending](), False
        for waiting in self.pending:
            entry = self.low.entries[waiting.statement.left.name.key]  # type: ignore[attr-defined]
            if (entry.sizes is not None and None not in entry.sizes) or self._has_all_indices(waiting, entry):
                continue
            try:
                changed |= self._guard_shape(waiting, entry)
            except Deferred:
                blocked.append(waiting)
        return blocked, changed

    def _refuse_circle(self, waiting: Pending, blocked: Sequence[Pending]) -> None:
        """Equations whose shapes wait for each other go round in a circle."""
        left = {w.statement.left.name.key: w for w in blocked}  # type: ignore[attr-defined]
        path: list[Pending] = []
        current: Pending | None = waiting
        while current is not None and current not in path:
            path.append(current)
            read = [n.name.key for n in walk(current.statement.rights) if isinstance(n, tree.Reference)]
            current = next((left[key] for key in read if key in left), None)
        if current is not None:
            names = [w.statement.left.name.plain for w in path[path.index(current) :]]  # type: ignore[attr-defined]
            raise located(
                current.line,
                f"these equations go round in a circle: {' -> '.join([*names, names[0]])}",
                current.statement.left.span,
                "define each quantity from earlier ones; a recurrence reads an earlier instance, such as h_{i,t-1}",
            )

    @staticmethod
    def _has_all_indices(waiting: Pending, entry: Entry) -> bool:
        """Is the equation written for one entry, so that its ranges come from its indices?"""
        left: Any = waiting.statement.left
        own = [i for s in left.scripts if s.kind not in entry.leading for i in s.items]
        return bool(own) and len(own) == len(entry.sizes or ())

    def _guard_shape(self, waiting: Pending, entry: Entry) -> bool:
        try:
            meaning = self.meaning(waiting.statement)
        except Trouble as trouble:
            raise located(waiting.line, trouble.message, trouble.span, trouble.hint) from None
        left: Any = waiting.statement.left
        lead = [self.low.index(i) for s in left.scripts if s.kind in entry.leading for i in s.items[:1]]
        sizes = (meaning.rows, meaning.cols)
        found: tuple[Any, ...] = () if meaning.is_scalar else sizes[:1] if meaning.cols == 1 else sizes
        if lead and isinstance(lead[0], sp.Symbol):
            found = tuple(None if s is None else s.xreplace({lead[0]: entry.label_index}) for s in found)
        elif lead and meaning.is_scalar:  # a base case such as h_0 = 0 tells nothing of the shape
            return False
        elif lead:  # a base case: only what does not depend on the label holds for every label
            found = tuple(None if s is None or s.atoms(sp.core.function.AppliedUndef) else s for s in found)
        merged = (
            found
            if entry.sizes is None
            else tuple(new if old is None else old for old, new in zip(entry.sizes, found, strict=False))
        )
        changed = merged != entry.sizes
        entry.sizes = merged
        return changed

    def meaning(self, statement: tree.Equation) -> Tensor:
        """The right side of an equation, with its left-side indices in scope."""
        self.enter(statement)
        return self.low.tensor(statement.right)

    def enter(self, statement: tree.Equation) -> None:
        """Start one equation: its left-side indices are in scope."""
        self.low.scope = {}
        self.low.used = set()
        left: Any = statement.left
        for script in left.scripts:
            for item in script.items:
                for node in walk(item):
                    if isinstance(node, tree.Reference) and not node.scripts and node.name.key not in self.low.sizes:
                        self.low.bind(node.name)
        for limits in statement.ranges:
            self.low.bind(limits.index)
