"""Mistakes in sums: a mean forgotten or taken twice, a path left out, samples not added up."""

from __future__ import annotations

from collections.abc import Iterator

from symbackprop.indexed import indices_of
from symbackprop.sheets.blocks import Line, Math
from symbackprop.sheets.compose.chains import chain_terms
from symbackprop.sheets.compose.composition import Composition
from symbackprop.sheets.compose.mistakes.writing import named, result, written


def forgot_mean(c: Composition) -> Iterator[Line]:
    """The 1/m of the loss, which must come in exactly once."""
    m = c.derivation.network.samples
    if m is not None and any(not e.at and e.expression.has(1 / m) for e in c.derivation.network.equations):
        parameters = [named(c, q) for q in c.derivation.parameters[:1]]
        inside = [named(c, q) for q in c.derivation.deltas[:1]]
        where = (parameters if c.derivation.delta == "sample" else inside) or parameters
        yield c.say("mistakes.forgot_mean", mean=c.write(1 / m), samples=c.write(m), place=where[0])


def path_missing(c: Composition) -> Iterator[Line]:
    """A quantity that reaches the loss in several ways."""
    for quantity in (*c.with_part("activation"), *c.derivation.deltas, *c.derivation.parameters):
        users = c.consumers(quantity)
        if len(users) > 1 and len(chain_terms(c, quantity)) > 1:
            yield c.say(
                "mistakes.path_missing",
                quantity=c.write.name(quantity),
                count=len(users),
                users=c.say.listed(c.users(quantity)),
                gradient=c.write.slashed(c.write.name(c.loss), c.write.name(quantity)),
            )


def forgot_sum(c: Composition) -> Iterator[Line]:
    """A parameter that every sample uses: its gradient is a sum over them."""
    for quantity in sorted(c.derivation.parameters, key=lambda q: c.part(q) != "bias"):
        for x in c.derivation.sweep[quantity.base].contributions:
            own = {symbol for index in indices_of(x.adjoint) for symbol in index.free_symbols}
            extra = [limit for limit in x.limits if limit.index in own]
            user = c.derivation.network.quantities[x.consumer.base]
            if extra and not x.local and quantity.axes and user in c.derivation.deltas:
                shapes = [c.write.shape(q, whole=False) for q in (user, quantity)]
                bracketed = [Math(f"({s.latex})", f"({s.text})") for s in shapes]
                yield c.say(
                    "mistakes.forgot_sum",
                    gradient=named(c, quantity),
                    right=written(c, result(c, quantity), quantity),
                    wrong=named(c, user),
                    parameter=c.write.name(quantity),
                    user=c.write.name(user),
                    wrong_shape=bracketed[0],
                    shape=bracketed[1],
                )
