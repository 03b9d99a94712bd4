"""The order of evaluation: equations before their consumers, recurrences judged per index instance.

Contract: `evaluation_order` returns groups of equations; a group of several equations, or one that reads itself, is a
recurrence that runs along one index, with a proven base case. Anything else that goes round in a circle is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import sympy as sp

from symbackprop.indexed import Base, at_least_zero, largest_value, smallest_value
from symbackprop.names import Name
from symbackprop.network.equation import Equation, refusal
from symbackprop.network.ranges import Use, base_uses, uses_of


@dataclass(frozen=True)
class Group:
    """Equations that are evaluated together: one, or a recurrence along an axis.

    `direction` is 0 for a single equation, 1 where the recurrence runs from low to high, -1 from high to low.
    """

    equations: tuple[Equation, ...]
    direction: int = 0


def evaluation_order(equations: Sequence[Equation], names: Mapping[Base, Name], guarded: bool = False) -> list[Group]:
    """Sort equations so that every quantity is computed before it is read.

    Recurrences need base cases, unless their reads are `guarded`: adjoints carry the conditions of theirs.
    """
    defined: dict[Base, list[int]] = {}
    for number, equation in enumerate(equations):
        defined.setdefault(equation.base, []).append(number)
    reads = [[n for base in dict.fromkeys(base_uses(e.expression)) for n in defined.get(base, ())] for e in equations]
    groups: list[Group] = []
    for component in _components(reads):
        members = [equations[n] for n in sorted(component)]
        if len(members) == 1 and component[0] not in reads[component[0]]:
            groups.append(Group((members[0],)))
        else:
            known = None if guarded else {b: [equations[n] for n in ns] for b, ns in defined.items()}
            groups.append(_recurrence(members, known, names))
    return groups


def _components(reads: Sequence[Sequence[int]]) -> list[list[int]]:
    """Strongly connected components in dependency order (Tarjan 1972), without recursion."""
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    on_stack: set[int] = set()
    stack: list[int] = []
    components: list[list[int]] = []
    for root in range(len(reads)):
        if root in index:
            continue
        work = [(root, iter(reads[root]))]
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        while work:
            node, successors = work[-1]
            for nxt in successors:
                if nxt not in index:
                    index[nxt] = low[nxt] = len(index)
                    stack.append(nxt)
                    on_stack.add(nxt)
                    work.append((nxt, iter(reads[nxt])))
                    break
                if nxt in on_stack:
                    low[node] = min(low[node], index[nxt])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    component = list[int]()
                    while not component or component[-1] != node:
                        component.append(stack.pop())
                        on_stack.discard(component[-1])
                    components.append(component)
    return components


def running_indices(group: Group) -> list[tuple[sp.Symbol, ...]]:
    """For each equation of a recurrence the indices that it runs along, outermost first."""
    bases = {e.base for e in group.equations}
    places = [list(_member_places(e, bases)) for e in group.equations]
    axes = {(base, n) for own in places for base, n, index, symbol in own if index != symbol}
    while True:
        running = [{symbol for base, n, _, symbol in own if (base, n) in axes} for own in places]
        more = {(b, n) for own, found in zip(places, running, strict=True) for b, n, _, s in own if s in found}
        if more <= axes:
            break
        axes |= more
    return [tuple(i for i in e.index_symbols if i in own) for e, own in zip(group.equations, running, strict=True)]


def _member_places(equation: Equation, bases: AbstractSet[Base]) -> Iterator[tuple[Base, int, sp.Expr, sp.Symbol]]:
    """Where indices of the left side stand in quantities of the group: base, position, index, symbol."""
    own = set(equation.index_symbols)
    for base, at in [(equation.base, equation.at), *((use.base, use.at) for use in uses_of(equation))]:
        if base in bases:
            for position, index in enumerate(at):
                for symbol in own & index.free_symbols:
                    yield base, position, index, symbol


def _recurrence(
    members: list[Equation], defined: Mapping[Base, list[Equation]] | None, names: Mapping[Base, Name]
) -> Group:
    """Check a circle of equations: along one axis every step must lead to an earlier instance."""
    bases = {e.base for e in members}
    directions: set[int] = set()
    same_instance: dict[int, list[int]] = {n: [] for n in range(len(members))}
    for number, equation in enumerate(members):
        for use in uses_of(equation):
            if use.base not in bases:
                continue
            step = _step(use)
            if step == 0:
                same_instance[number] += [n for n, e in enumerate(members) if e.base == use.base]
            else:
                directions.add(1 if step < 0 else -1)
                if defined is not None:
                    _require_base_case(use, defined[use.base], names)
        if any(base in bases and isinstance(base, sp.Symbol) for base in base_uses(equation.expression)):
            same_instance[number] += [n for n, e in enumerate(members) if e.base in set(base_uses(equation.expression))]
    order = _components([same_instance[n] for n in range(len(members))])
    circle = next((c for c in order if len(c) > 1 or c[0] in same_instance[c[0]]), None)
    if circle is not None or len(directions) > 1:
        path = " -> ".join(names[members[n].base].plain for n in (circle or range(len(members))))
        raise refusal(
            members[circle[0] if circle else 0],
            f"these equations go round in a circle: {path} -> {path.split(' -> ')[0]}",
            hint="define each quantity from earlier ones; a recurrence reads an earlier instance, such as h_{i,t-1}",
        )
    return Group(tuple(members[c[0]] for c in order), directions.pop())


def _step(use: Use) -> int:
    """How far a reference reaches back (negative) or ahead along the first index that it shifts; 0 for none."""
    own = set(use.equation.index_symbols)
    for index in use.at:
        for symbol in own & index.free_symbols:
            shift = sp.expand(index - symbol)
            if shift.is_Integer and shift != 0:
                return int(shift)
    return 0


def _require_base_case(use: Use, defining: Sequence[Equation], names: Mapping[Base, Name]) -> None:
    """The instances that the recurrence reads outside its own steps must be defined."""
    step = _step(use)
    for position, index in enumerate(use.at):
        symbols = [s for s in use.equation.index_symbols if sp.expand(index - s) == step]
        if not symbols:
            continue
        edge = smallest_value(index, use.scope) if step < 0 else largest_value(index, use.scope)
        if edge is None:
            continue
        for offset in range(abs(step)):
            value = edge + offset if step < 0 else edge - offset
            if not any(_covers(equation, position, value) for equation in defining):
                name, at = (
                    names[use.base].plain,
                    ",".join(str(value) if n == position else str(i) for n, i in enumerate(use.at)),
                )
                raise refusal(
                    use.equation,
                    f"the recurrence of {names[use.equation.base].plain} reads {name}_{{{at}}}, which nothing defines",
                    hint=f"add its base case, for example '{name}_{{{at}}} = 0'",
                )


def _covers(equation: Equation, position: int, value: sp.Expr) -> bool:
    index = equation.at[position]
    for limit in equation.ranges:
        if limit.index == index:
            return at_least_zero(value - limit.low, ()) and at_least_zero(limit.high - value, ())
    return sp.expand(index - value) == 0
