"""Weights that only meet constant data: their products are iterated, the weights are updated once at the end.

Contract: `iterated(design)` rewrites an update for gradient descent on one batch that stays the same. A weight W that
enters only through P = W x, with gradient g x^T, moves by -g x^T, so P moves by -g (x^T x): the same numbers up to
rounding, from a kernel x^T x that is small where there are fewer samples than inputs. `before` and `after` are the
steps that start P and that bring the collected gradients into W.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import sympy as sp

from symbackprop.indexed import Base, fresh
from symbackprop.numeric.arrays import Read
from symbackprop.numeric.loops.design import Design, subtracted
from symbackprop.numeric.loops.steps import Accumulation, Contraction, Entrywise, Step, bases_read


@dataclass(frozen=True)
class Iterated:
    """An update with products in place of weights, and what has to be done around the loop."""

    design: Design
    before: tuple[Step, ...]
    after: tuple[Step, ...]


def iterated(design: Design) -> Iterated:
    """The rewritten update; the same one where nothing is to be gained."""
    result = Iterated(design, (), ())
    if design.setting.optimizer != "sgd" or not design.setting.whole:
        return result
    for rule in design.rules:
        product, gradient = _product_and_gradient(design, rule)
        if product is not None and gradient is not None:
            result = _with_kernel(result, rule, product, gradient)
    return result


def _product_and_gradient(design: Design, rule: Step) -> tuple[Contraction | None, Contraction | None]:
    """The only step that reads a weight, and the step of its gradient, where both are products with the same data."""
    weight = rule.target
    readers = [s for s in design.steps.steps if weight in bases_read(s)]
    gradient = next((s for s in design.steps.steps if s.target in bases_read(rule) and s.target != weight), None)
    if len(readers) != 1 or not isinstance(product := readers[0], Contraction) or not isinstance(gradient, Contraction):
        return None, None
    samples = dict(design.data)
    if sum(gradient.target in bases_read(s) for s in (*design.steps.steps, *design.rules)) != 1:
        return None, None
    data = _other(product, weight)
    inner, outer = _parts(gradient, data.base)
    axis = samples.get(data.base)
    good = (
        subtracted(rule) == gradient.target
        and axis is not None
        and len(data.at) == len(product.axes) == len(gradient.axes) == 2
        and len(product.over) == len(gradient.over) == 1
        and data.at[axis] in product.axes
        and data.at[1 - axis] in product.over
        and inner is not None
        and outer is not None
        and inner.at[axis] in gradient.over
        and inner.at[1 - axis] in gradient.axes
        and len(outer.at) == 2
        and design.shape(data.base)[axis] < design.shape(data.base)[1 - axis]
    )
    return (product, gradient) if good else (None, None)


def _other(product: Contraction, weight: Base) -> Read:
    return product.right if product.left.base == weight else product.left


def _parts(gradient: Contraction, data: Base) -> tuple[Read | None, Read | None]:
    """The data and the adjoint that a gradient is the product of."""
    if gradient.left.base == data and gradient.right.base != data:
        return gradient.left, gradient.right
    if gradient.right.base == data and gradient.left.base != data:
        return gradient.right, gradient.left
    return None, None


def _with_kernel(known: Iterated, rule: Step, product: Contraction, gradient: Contraction) -> Iterated:
    design = known.design
    storage, limits = dict(design.steps.storage), dict(design.steps.limits)
    data = _other(product, rule.target)
    axis = dict(design.data)[data.base] or 0
    _, adjoint = _parts(gradient, data.base)
    assert adjoint is not None
    sample = data.at[axis]
    unit = next(i for i in product.axes if i != sample)
    other = fresh(sample)
    limits[other] = limits[sample]._replace(index=other)
    kernel, total = (sp.IndexedBase(sp.Dummy(f"{word}_{rule.target}")) for word in ("kernel", "total"))
    storage[kernel] = (limits[other], limits[sample])
    storage[total] = storage[adjoint.base]
    turned = tuple(other if i == sample else i for i in data.at)
    whole = Contraction(kernel, (other, sample), Read(turned, data.base, turned), data, product.over)
    at = tuple(other if i in gradient.over else unit for i in adjoint.at)
    moved = Accumulation(
        product.target,
        product.axes,
        Read(at, adjoint.base, at),
        Read((other, sample), kernel, (other, sample)),
        (other,),
        -1,
    )
    slots = sp.symbols("total adjoint", real=True, cls=sp.Dummy)
    own = adjoint.axes
    collected = Entrywise(
        total,
        own,
        sp.Add(*slots, evaluate=False),
        {slots[0]: Read(own, total, own), slots[1]: Read(own, adjoint.base, own)},
    )
    start = Entrywise(total, own, sp.S.Zero, {})
    left, right = (r if r.base == data.base else replace(r, base=total) for r in (gradient.left, gradient.right))
    final = Accumulation(rule.target, gradient.axes, left, right, gradient.over, -1)
    steps = [s for s in design.steps.steps if s not in (product, gradient)]
    rules = tuple(new for old in design.rules for new in ((moved, collected) if old is rule else (old,)))
    return Iterated(
        replace(
            design,
            steps=replace(design.steps, steps=steps, storage=storage, limits=limits),
            rules=rules,
            rewrites=(
                *design.rewrites,
                f"{_name(design, rule)} moves at the end: its product with the data is iterated",
            ),
        ),
        (*known.before, product, whole, start),
        (*known.after, final),
    )


def _name(design: Design, rule: Step) -> str:
    return design.names.get(rule.target, str(rule.target))
