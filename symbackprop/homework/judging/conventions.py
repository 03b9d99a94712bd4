"""Which of the usual conventions does a file keep?

Contract: `conventions_of(judge, assessed, base)` returns the sheet's own conventions unless the file keeps another one
throughout: then nothing about derivatives is wrong under it, and more than one answer speaks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from symbackprop.homework.answers.reading import Statement
from symbackprop.homework.judging.links import Outcome
from symbackprop.homework.judging.targets import Target
from symbackprop.homework.values.interpreter import Conventions
from symbackprop.notation import syntax as tree
from symbackprop.notation.syntax import walk

Assessed = tuple[Statement, Target, Outcome]
Assess = Callable[[Conventions], Sequence[Assessed]]


def alternatives(base: Conventions) -> Iterator[Conventions]:
    """Other ways to write the same derivation, the most usual first."""
    yield replace(base, per_sample=not base.per_sample)
    yield replace(base, negative_delta=True)
    yield replace(base, transposed=True)
    yield replace(base, per_sample=not base.per_sample, negative_delta=True)
    yield replace(base, per_sample=not base.per_sample, transposed=True)


def conventions_of(
    assess: Assess, base: Conventions, *, batched: bool, matrices: bool
) -> tuple[Conventions, Sequence[Assessed]]:
    """The conventions of a file, and what it says under them.

    Args:
        assess: judges the whole file under conventions.
        base: the conventions of the sheet.
        batched: is the loss a mean over samples?
        matrices: are there matrices, which have a layout?
    """
    first = assess(base)
    if not any(_counts(a) and a[2].is_wrong for a in first):
        return base, first
    for other in alternatives(base):
        if (other.per_sample != base.per_sample and not batched) or (other.transposed and not matrices):
            continue
        second = assess(other)
        if not any(_counts(a) and (a[2].is_wrong or a[2].trouble is not None) for a in second) and _is_kept(
            first, second, other
        ):
            return other, second
    return base, first


def _counts(assessed: Assessed) -> bool:
    """Is it about a derivative?"""
    return assessed[1].kind in ("adjoint", "update", "step", "partial")


def _is_kept(first: Sequence[Assessed], second: Sequence[Assessed], other: Conventions) -> bool:
    """Do several answers speak for the other convention: deltas that change, and gradients that use them?"""
    turned = [b for a, b in zip(first, second, strict=True) if a[2].is_wrong and b[2].answered and not b[2].is_wrong]
    deltas = [t for _, t, o in second if t.is_delta and o.answered]
    gradients = [
        (s, t)
        for s, t, o in second
        if t.kind in ("adjoint", "update", "step") and not t.is_delta and o.answered and not o.is_wrong
    ]
    if other.transposed:
        return bool(deltas) and len(gradients) >= 2 and len(turned) >= 3
    if not other.negative_delta:
        # Both ways to place the 1/m are common: one delta, or one gradient that uses it, is taken as it is meant.
        return bool(deltas) or any(_uses_delta(s) for s, _ in gradients)
    return bool(deltas) and any(_uses_delta(s) for s, _ in gradients)


def _uses_delta(statement: Statement) -> bool:
    """Stands a delta or a dZ on the right?"""
    for piece in statement.pieces:
        for node in walk(piece.node):
            if isinstance(node, tree.Gradient) or (isinstance(node, tree.Reference) and node.name.base == "delta"):
                return True
    return False
