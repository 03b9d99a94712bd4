"""One network in another layout or under other names: the same equations, permuted or renamed.

Contract: `permuted` moves axes, `renamed` changes names; both return a Specification of the same network. `with_layout`
says which axes move: the samples to the front or to the back, weights stored the other way round.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import sympy as sp

from symbackprop.errors import NetworkError
from symbackprop.indexed import Base, Limit, bound_limits, indices_of, rebuild
from symbackprop.names import Name
from symbackprop.network.equation import Assumption, Equation, Quantity, Role, Specification
from symbackprop.network.model import Network

SampleLayout = Literal["rows", "columns"]
Weights = Literal["keep", "transpose"]
Permutation = Sequence[int]
"""``new axis n is old axis permutation[n]``, as in `numpy.transpose`."""


def with_layout(network: Network, layout: SampleLayout, weights: Weights = "keep") -> Specification:
    """The network with its samples in rows or in columns.

    Args:
        network: a network with a sample axis.
        layout: ``rows``: the sample axis is the first axis of everything that has one (after layer labels);
            ``columns``: the last.
        weights: ``transpose``: parameters with two axes are stored the other way round, W^T for W.

    Raises:
        NetworkError: an unknown choice, or no sample axis.
    """
    for given, known in ((layout, ("rows", "columns")), (weights, ("keep", "transpose"))):
        if given not in known:
            raise NetworkError(f"unknown layout {given!r}", hint=f"one of {', '.join(known)}")
    if network.samples is None:
        raise NetworkError(
            "this network has no sample axis, so it has no layout",
            hint="name the size of the sample axis, for example 'samples: m'",
        )
    moves: dict[Base, Permutation] = {}
    for quantity in network.quantities.values():
        labels = len(network.leading.get(quantity.base, ()))
        order = list(range(len(quantity.axes)))
        own = sample_axes(network, quantity)
        if len(own) == 1:
            order.remove(own[0])
            order.insert(labels if layout == "rows" else len(order), own[0])
        elif weights == "transpose" and quantity.role == "parameter" and len(order) == labels + 2:
            order[labels:] = reversed(order[labels:])
        moves[quantity.base] = order
    return permuted(network, moves)


def sample_axes(network: Network, quantity: Quantity) -> list[int]:
    """The positions of the axes of a quantity that run over the samples."""
    return [
        n
        for n, axis in enumerate(quantity.axes)
        if axis.size == network.samples and (quantity.base, n) not in network.label_axes
    ]


def permuted(network: Network, moves: Mapping[Base, Permutation]) -> Specification:
    """The network with the axes of some quantities in another order.

    Args:
        network: any network.
        moves: quantity -> permutation of its axes, as `numpy.transpose` takes it.

    Returns:
        The same quantities under the same names; values and gradients are transposed accordingly.

    >>> A, x, i, j = sp.IndexedBase("A"), sp.IndexedBase("x"), *sp.symbols("i j", integer=True)
    >>> total = sp.Sum(A[i, j] * x[j], (i, 1, 2), (j, 1, 3))
    >>> net = Network(Specification((Equation(sp.Symbol("E"), total),), roles={A: "parameter"}))
    >>> permuted(net, {A: (1, 0)}).equations[0].expression
    Sum(A[j, i]*x[j], (i, 1, 2), (j, 1, 3))
    """
    moves = {base: order for base, order in moves.items() if list(order) != sorted(order)}

    def move(x: Any) -> Any:
        return x.func(x.base, *(move_all(x.indices[n]) for n in moves.get(x.base, range(len(x.indices)))))

    def move_all(e: Any) -> Any:
        return _with_references(e, move)

    old = _spelled_out(network)
    return replace(
        old,
        equations=tuple(_equation(e, move_all) for e in old.equations),
        axes={b: tuple(own[n] for n in moves.get(b, range(len(own)))) for b, own in old.axes.items()},
        values={b: _transposed(v, moves[b]) if b in moves else v for b, v in old.values.items()},
        assumptions=tuple(replace(a, left=move_all(a.left), right=move_all(a.right)) for a in old.assumptions),
    )


def renamed(
    network: Network,
    names: Mapping[Base, Name],
    leading: Mapping[Base, tuple[str, ...]] | None = None,
    rate: Name | None = None,
) -> Specification:
    """The network under other names.

    Args:
        network: any network.
        names: quantity -> its new name; the others keep theirs.
        leading: quantity -> how its labels are written (see `Specification.leading`), where that changes.
        rate: the name of the learning rate, where that changes.

    Raises:
        NetworkError: two quantities, or a quantity and a size, would have one name.
    """
    old = _spelled_out(network)
    everything = {**{b: network.names[b] for b in network.quantities}, **names}
    taken: dict[str, str] = {s.name: "a size" for s in network.sizes}
    for base, name in everything.items():
        before = network.names[base].plain
        if other := taken.get(name.plain) or taken.get(name.key):
            raise NetworkError(
                f"{before} and {other} would both be called {name.plain}",
                hint="rename one of them in the network, then ask for the notation again",
            )
        taken[name.key] = taken[name.plain] = before
    new: dict[Base, Base] = {
        base: (sp.IndexedBase if isinstance(base, sp.IndexedBase) else sp.Symbol)(everything[base].plain)
        for base in network.quantities
    }

    def to(base: Base) -> Base:
        return new.get(base, base)

    def all_to(e: Any) -> Any:
        return _with_references(e, lambda x: x.func(to(x.base), *map(all_to, x.indices)), to)

    kinds = {**old.leading, **(leading or {})}
    return replace(
        old,
        equations=tuple(_equation(e, all_to) for e in old.equations),
        roles={to(b): role for b, role in old.roles.items()},
        names={to(b): name for b, name in everything.items()},
        axes={to(b): own for b, own in old.axes.items()},
        labels={to(b): limit for b, limit in old.labels.items()},
        leading={to(b): kind for b, kind in kinds.items()},
        values={to(b): value for b, value in old.values.items()},
        loss=to(network.loss.base),
        rate=rate or old.rate,
        assumptions=tuple(Assumption(all_to(a.left), a.relation, all_to(a.right), a.ranges) for a in old.assumptions),
    )


def _spelled_out(network: Network) -> Specification:
    """The specification with everything written in that the network worked out: ranges, roles, axes."""
    given = [q for q in network.quantities.values() if q.role not in ("intermediate", "loss")]
    roles: dict[Base, Role] = {q.base: q.role for q in given}
    axes: dict[Base, tuple[Limit, ...]] = {q.base: q.axes for q in given}
    return replace(network.specification, equations=network.equations, roles=roles, axes=axes)


def _equation(equation: Equation, move: Any) -> Equation:
    target = move(equation.target)
    places = {index: n for n, index in enumerate(indices_of(target))}
    ranges = tuple(sorted(equation.ranges, key=lambda limit: places.get(limit.index, len(places))))
    return replace(equation, target=target, expression=move(equation.expression), ranges=ranges, notation=None)


def _with_references(e: Any, reference: Any, symbol: Any = lambda s: s) -> Any:
    """The expression with every Indexed replaced, in the written order; bound indices stay."""
    if isinstance(e, sp.Indexed):
        return reference(e)
    if isinstance(e, sp.Symbol):
        return symbol(e)
    if not e.args:
        return e
    bound = {limit.index for limit in bound_limits(e)}
    args = [_with_references(a, reference, lambda s: s if s in bound else symbol(s)) for a in e.args]
    return e if args == list(e.args) else rebuild(e, args)


def _transposed(value: Any, order: Permutation) -> Any:
    """A nested list (or an array) with its axes permuted."""
    if hasattr(value, "transpose"):
        return value.transpose(order)
    if len(order) == 2 and isinstance(value, list):
        return [list(row) for row in zip(*value, strict=True)]  # type: ignore[arg-type]
    raise NetworkError("the values of a quantity with more than two axes cannot be rearranged")
