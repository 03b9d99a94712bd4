"""The mistakes that this network invites, each with its reason, read off its own derivation.

Contract: `mistakes(c)` gives one paragraph for every kind of mistake that can be made here; the kinds are those that
homework is marked by.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from symbackprop.sheets.blocks import Block, Heading, Line, Paragraph
from symbackprop.sheets.compose.composition import Composition
from symbackprop.sheets.compose.mistakes import factors, products, sums

__all__ = ["KINDS", "mistakes"]

KINDS: dict[str, Callable[[Composition], Iterator[Line]]] = {
    "sign": factors.sign,
    "constant_factor": factors.constant_factor,
    "forgot_mean": sums.forgot_mean,
    "missing_factor": factors.missing_factor,
    "extra_factor": factors.extra_factor,
    "wrong_derivative": factors.wrong_derivative,
    "activation_confusion": factors.activation_confusion,
    "wrong_index": factors.wrong_index,
    "path_missing": sums.path_missing,
    "forgot_sum": sums.forgot_sum,
    "missing_transpose": products.missing_transpose,
    "order": products.order,
    "shape": products.shape,
}
"""Each kind of mistake: what says it of a network; of several sayings the first is printed."""


def mistakes(c: Composition) -> Iterator[Block]:
    """The whole section; nothing in brief."""
    if not c.full:
        return
    found = {kind: said for kind, say in KINDS.items() if (said := next(say(c), None)) is not None}
    if not found:
        return
    yield Heading(2, c.say("mistakes.heading"))
    yield Paragraph(c.say("mistakes.intro"))
    for kind, said in found.items():
        yield Paragraph(c.say("mistakes.one", label=c.say(f"mistakes.label.{kind}"), said=said))
