"""Products that are added where they go, instead of being stored first.

Contract: `fused(design)` gives the same steps and rules with `Accumulation`s: a sum of a product and something else
starts from that something, and an update that subtracts a gradient subtracts the gradient's product. No pass over an
array is added, and every array is written before it is read.
"""

from __future__ import annotations

from collections import Counter as Counted
from collections.abc import Mapping
from typing import Any

import sympy as sp

from symbackprop.indexed import Base
from symbackprop.numeric.arrays import Read
from symbackprop.numeric.arrays.nodes import Axes
from symbackprop.numeric.loops.design import Design, subtracted
from symbackprop.numeric.loops.steps import Accumulation, Contraction, Entrywise, Reduction, Step, bases_read


def fused(design: Design) -> tuple[list[Step], list[Step]]:
    """The steps and the rules of a design with products added in place."""
    everything = (*design.steps.steps, *design.rules)
    uses = Counted(base for step in everything for base in bases_read(step))
    products = {s.target: s for s in design.steps.steps if _is_sum(s) and uses[s.target] == 1}
    rules: list[Step] = []
    moved: set[Base] = set()
    for rule in design.rules:
        gradient = subtracted(rule)
        product = None if gradient is None else products.get(gradient)
        if product is not None and not bases_read(product) & set(design.states):
            moved.add(product.target)
            rules.append(_accumulation(product, rule, -1))
        else:
            rules.append(rule)
    steps: list[Step] = []
    for step in design.steps.steps:
        if step.target in moved:
            continue
        found = _added(step, products) if isinstance(step, Entrywise) else None
        if found is None:
            steps.append(step)
            continue
        product, rest = found
        steps.remove(product)
        steps += [rest, _accumulation(product, step, 1)]
    return steps, rules


def _is_sum(step: Step) -> bool:
    return bool(step.axes) and (isinstance(step, Contraction) or (isinstance(step, Reduction) and step.kind == "sum"))


def _accumulation(product: Step, into: Step, sign: int) -> Accumulation:
    """The product with its own indices, added to another target."""
    over: Axes = getattr(product, "over", ())
    if isinstance(product, Contraction):
        return Accumulation(into.target, product.axes, product.left, product.right, over, sign)
    assert isinstance(product, Reduction)
    return Accumulation(into.target, product.axes, product.operand, None, over, sign)


def _added(step: Entrywise, products: Mapping[Base, Step]) -> tuple[Step, Entrywise] | None:
    """The product of ``z = product + rest``, and ``z = rest``."""
    terms = sp.Add.make_args(step.pattern)
    for slot, operand in step.operands.items():
        if not (isinstance(operand, Read) and operand.base in products and slot in terms and len(terms) > 1):
            continue
        rest: Any = [t for t in terms if t != slot]
        if operand.at != step.axes or any(slot in t.free_symbols for t in rest):
            continue
        pattern = rest[0] if len(rest) == 1 else sp.Add(*rest, evaluate=False)
        others = {s: o for s, o in step.operands.items() if s in pattern.free_symbols}
        return products[operand.base], Entrywise(step.target, step.axes, pattern, others)
    return None
