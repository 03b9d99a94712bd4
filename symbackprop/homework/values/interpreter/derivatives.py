"""Derivatives by name: ``dL/dW``, ``dW``, ``E_{w_12}``, and local ones between numbers.

Contract: a derivative of an array by an array has no single meaning and is not judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symbackprop.errors import closest
from symbackprop.functions import by_name
from symbackprop.homework.answers.names import Meaning
from symbackprop.homework.values.interpreter.references import References
from symbackprop.homework.values.interpreter.state import Open, Unknown
from symbackprop.homework.values.value import Value, scalar
from symbackprop.indexed import Base
from symbackprop.names import Name
from symbackprop.notation import syntax as tree
from symbackprop.notation.lowering import ELEMENTWISE

Array = Any


class Derivatives(References):
    """The layer that reads derivatives."""

    def target_of(self, node: tree.Node) -> tuple[Meaning, tuple[tree.Script, ...], bool]:
        """The quantity in a derivative, the indices on it, and whether it stands transposed.

        Raises:
            Unknown: it is no quantity of the network.
        """
        if isinstance(node, tree.Transpose):
            meaning, scripts, flipped = self.target_of(node.operand)
            return meaning, scripts, not flipped
        if isinstance(node, tree.Reference):
            meaning = self.meaning(node)
            if meaning is not None and meaning.base == self.world.network.loss.base and node.scripts:
                meaning = None  # E_{o1} is a part of the loss, not the loss
            if meaning is not None and meaning.kind in ("quantity", "delta"):
                return meaning, self.index_scripts(node), False
            raise Unknown(
                f"{node.name.plain} is no quantity of the network",
                node.span,
                f"did you mean {close}?" if (close := self.close(node.name)) else None,
            )
        raise Unknown("this is no quantity", node.span, "differentiate by one quantity, such as W or w_{12}")

    def close(self, name: Name) -> str | None:
        """The name of a quantity that was probably meant."""
        return closest(name.plain, [q.name.plain for q in self.world.network.quantities.values()])

    def partial(self, node: Any) -> Value:
        """A derivative as a fraction."""
        if isinstance(node.of, tree.Call) and node.of.arguments == (node.wrt,):  # the derivative of sigma(z) by z
            return self.value(tree.Call(node.of.function, node.of.arguments, node.of.order + 1, span=node.span))
        function = self.function_of(node.of)
        if function is not None:  # a slope by its name alone: d sigma / dz
            return self.value(tree.Call(function, (node.wrt,), 1, span=node.span))
        if not isinstance(node.of, (tree.Reference, tree.Transpose)):
            return self.of_expression(node)
        upper, upper_scripts, _ = self.target_of(node.of)
        if upper.base == self.world.network.loss.base and isinstance(node.wrt, tree.Reference):
            counted = self.counted(node.wrt, adjoints=True)
            if counted is not None:
                return counted
        lower, scripts, flipped = self.target_of(node.wrt)
        loss = self.world.network.loss.base
        if upper.base == loss:
            value = self.adjoint_at(lower.base, self.adjoint(lower.base), scripts, node.wrt)
            return value.transposed() if flipped else value
        if upper.base == lower.base and not (upper_scripts or scripts):
            if self.is_number(upper.base):
                return scalar(1.0)
            raise Open("schematic", node.span)
        local = None if upper_scripts or scripts else self.world.local(upper.base, lower.base)
        if local is None:
            raise Open("schematic", node.span)
        return Value(np.asarray(local).reshape(-1, 1, 1), label=f"∂{upper.base}/∂{lower.base}")

    def of_expression(self, node: Any) -> Value:
        """The derivative of an expression: of the loss where it is that, else it has no value here."""
        loss = self.world.network.loss
        value = self.value(node.of)
        own = self.world.read.arrays[loss.base]
        if value.is_scalar and value.array.ndim == 3 and np.allclose(value.array.reshape(-1), own, rtol=1e-9, atol=0):
            name = self.world.network.names[loss.base]
            return self.value(tree.Partial(tree.Reference(name), node.wrt, span=node.span))
        raise Open("operator", node.span)

    def function_of(self, node: tree.Node) -> str | None:
        """The function whose bare name this is; None for quantities and what the student defined."""
        if not isinstance(node, tree.Reference) or node.scripts or self.meaning(node) is not None:
            return None
        name = node.name.key
        known = name in self.names.vocabulary.functions or name in ELEMENTWISE or by_name(name) is not None
        return name if known and name not in self.own else None

    def is_number(self, base: Base) -> bool:
        """Has a quantity no axis?"""
        return not self.world.network.quantities[base].axes

    def adjoint_at(self, base: Base, array: Array, scripts: Sequence[tree.Script], node: Any) -> Value:
        """A derivative of the loss, whole or at indices."""
        inner = node.operand if isinstance(node, tree.Transpose) else node
        if scripts:
            return self.entries(array, base, scripts, inner)
        return self.quantity(
            base, array, f"∂{self.world.network.loss.base}/∂{self.world.network.quantities[base].name.unicode}"
        )

    def gradient(self, node: Any) -> Value:
        """A derivative by its name: ``dW``."""
        if node.kind == "partial":
            raise Open("schematic", node.span)
        lower, scripts, flipped = self.target_of(node.wrt)
        array = self.adjoint(lower.base) if node.kind == "nabla" else self.delta(lower.base, signed=False)
        value = self.adjoint_at(lower.base, array, scripts, node.wrt)
        return value.transposed() if flipped else value
