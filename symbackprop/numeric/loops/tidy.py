"""Assignments of local variables, tidied: copies and what is used once disappear, repeated sums are computed once.

Contract: `tidied(...)` computes the same values for the variables that are kept.
"""

from __future__ import annotations

from collections import Counter as Counted
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

import sympy as sp

from symbackprop.numeric.loops.entries import Assigned
from symbackprop.numeric.loops.steps import filled


def tidied(
    assigned: Sequence[Assigned],
    kept: Collection[sp.Symbol],
    states: Collection[sp.Symbol],
    fresh: Callable[[str], sp.Symbol],
) -> list[Assigned]:
    """The same computation without copies, without what is used once and has no name of its own, and with sums that
    are used twice computed once.

    Args:
        assigned: assignments in order; those of states come last and are not moved.
        kept: variables that stay, because somebody reads them by name.
        states: variables that change at the end: what reads them is not moved behind.
        fresh: makes a new variable named after a word.
    """
    values: dict[Any, Any] = {}
    uses = Counted(s for _, e in assigned for s in _symbols_in(e))
    result: list[Assigned] = []
    for name, expression in assigned:
        expression = filled(expression, values)
        own = expression.free_symbols
        copy = expression.is_Symbol and not own & states
        once = uses[name] == 1 and not own & states
        if name not in states and name not in kept and (copy or once):
            values[name] = expression  # later lines read this instead
        elif name in states or uses[name] or name in kept:
            result.append((name, expression))
    return _sharing(result, states, fresh)


def _sharing(
    assigned: Sequence[Assigned], states: Collection[sp.Symbol], fresh: Callable[[str], sp.Symbol]
) -> list[Assigned]:
    """Sums of variables that stand in several places, computed once."""
    counts = Counted(a for _, e in assigned for a in sp.preorder_traversal(e) if isinstance(a, sp.Add))
    squares = {a.base for _, e in assigned for a in e.atoms(sp.Pow) if a.exp == 2 and isinstance(a.base, sp.Add)}
    names: dict[Any, sp.Symbol] = {}
    result: list[Assigned] = []
    for name, expression in assigned:
        for a in sp.preorder_traversal(expression):
            shared = counts[a] > 1 or a in squares
            if shared and a not in names and a != expression and _costs(a) and not a.free_symbols & states:
                names[a] = fresh(f"sum_{len(names) + 1}")
                result.append((names[a], a))
        result.append((name, filled(expression, names) if expression not in names else names[expression]))
    return result


def _costs(e: Any) -> bool:
    """Is the sum worth a name of its own?"""
    return len(e.free_symbols) > 1 or e.has(sp.Pow, sp.Function)


def _symbols_in(expression: Any) -> Iterator[sp.Symbol]:
    return (a for a in sp.preorder_traversal(expression) if isinstance(a, sp.Symbol))
