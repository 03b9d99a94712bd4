"""One letter with two meanings: m as samples and units, L as loss and last layer, alpha as activation and rate.

A bias with the axis of the samples is one, too: the letter that counts samples counts numbers of a parameter.

Contract: `clashes(network)` returns warnings in words, each naming the letter, both meanings and a repair. A clash is
allowed: the network itself tells its symbols apart, its readers may not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import sympy as sp
from sympy.core.function import AppliedUndef

from symbackprop.functions import sigmoid
from symbackprop.indexed import Base, bound_limits

if TYPE_CHECKING:
    from symbackprop.network.model import Network


def clashes(network: Network) -> tuple[str, ...]:
    """The letters of a network that mean two things.

    Returns:
        One sentence for each clash, in a fixed order; empty where every letter has one meaning.
    """
    return tuple(sentence for rule in RULES for sentence in rule(network))


def _bias_of_samples(network: Network) -> Iterator[str]:
    """A matrix that is added, with the axis along which inputs and targets lie side by side: no bias, data."""
    added = [q for q in network.parameters if len(q.shape) > 1 and _is_added(network, q.base)]
    if not added:
        return
    samples = [network.samples] if network.samples is not None else _columns(network)
    for quantity in added:
        for size in samples:
            if size in quantity.shape:
                name, rest = quantity.name.plain, " x ".join(str(s) for s in quantity.shape if s != size)
                yield (
                    f"{name} has the axis {size} of the inputs and targets: if {size} counts samples, every sample "
                    f"trains numbers of its own that no other sample uses; share them: {name} in R^({rest})"
                )


def _columns(network: Network) -> list[sp.Expr]:
    """Sizes that every input and target has, and over which nothing but the loss sums: samples, it seems."""
    shapes = [set(q.shape) for q in network.with_role("input", "target")]
    mixed = {
        limit.size
        for e in network.equations
        if e.at
        for node in sp.preorder_traversal(e.expression)
        for limit in bound_limits(node)
    }
    return sorted(set[sp.Expr]().union(*shapes).intersection(*shapes) - mixed, key=str)


def _is_added(network: Network, base: Base) -> bool:
    terms = (term for e in network.equations for term in sp.Add.make_args(e.expression))
    return any(isinstance(term, sp.Indexed) and term.base == base for term in terms)


def _samples_and_units(network: Network) -> Iterator[str]:
    for quantity in network.parameters:
        if network.samples is not None and network.samples in quantity.shape and not _is_added(network, quantity.base):
            yield (
                f"{network.samples} is the number of samples and a size of the parameter {quantity.name.plain}: "
                f"call one of them n"
            )


def _quantity_and_size(network: Network) -> Iterator[str]:
    sizes = {s.name for s in network.sizes}
    for quantity in network.quantities.values():
        if quantity.name.plain in sizes:
            what = "the loss" if quantity.base == network.loss.base else f"a quantity ({quantity.role})"
            yield f"{quantity.name.plain} is {what} and a size, such as a number of layers or units: rename one of them"


def _loss_and_label(network: Network) -> Iterator[str]:
    loss = network.names[network.loss.base]
    for quantity in network.quantities.values():
        if any(script.text == loss.plain for script in quantity.name.scripts):
            yield f"{loss.plain} is the loss and the label of {quantity.name.plain}: call the loss J or C"
            return


def _rate(network: Network) -> Iterator[str]:
    for quantity in network.quantities.values():
        if network.rate is not None and network.rate in (quantity.name, quantity.name.stem):
            other = "eta" if network.rate.plain != "eta" else "alpha"
            yield (
                f"{network.rate.plain} is the learning rate and the letter of {quantity.name.plain}: "
                f"add a line 'rate: {other}'"
            )
            return


def _transposition(network: Network) -> Iterator[str]:
    matrices = any(len(q.axes) > 1 for q in network.quantities.values())
    for quantity in network.quantities.values():
        if matrices and quantity.name.plain == "T":
            yield "T is a quantity and the sign of transposition: rename the quantity"


def _euler(network: Network) -> Iterator[str]:
    exponentials = any(e.expression.has(sp.exp, sp.E) for e in network.equations)
    for quantity in network.quantities.values():
        if exponentials and quantity.name.plain == "e":
            yield "e is a quantity, and the base of an exponential function is written e too: rename the quantity"


def _functions(network: Network) -> Iterator[str]:
    letters = {f.func.__name__ for e in network.equations for f in e.expression.atoms(AppliedUndef)}
    if any(e.expression.has(sigmoid) for e in network.equations):
        letters.add("sigma")
    for quantity in network.quantities.values():
        if quantity.name.stem.plain in letters:
            letter, name = quantity.name.stem.plain, quantity.name.plain
            yield f"{letter} is a function and the letter of {name}: rename one of them"


RULES = (
    _bias_of_samples,
    _samples_and_units,
    _quantity_and_size,
    _loss_and_label,
    _rate,
    _transposition,
    _euler,
    _functions,
)
"""Each rule yields the sentences of one kind of clash."""
