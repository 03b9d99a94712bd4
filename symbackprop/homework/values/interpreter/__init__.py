"""Syntax tree -> numbers: what a student's expression is worth in a world.

Contract: `Interpreter(world, names).value(node)` computes with NumPy, never with SymPy, and never executes text. What
has no value raises `Unknown` (a name, a construct: it cannot be read), `Open` (it has no single meaning: not judged),
or `Clash` (the shapes do not conform: wrong). Each module is one layer and knows only those below it, in this order:
state, quantities, references, derivatives, arithmetic, sums, conditions, calls.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from symbackprop.homework.values.interpreter.calls import Calls
from symbackprop.homework.values.interpreter.state import RATE, Conventions, FreeIndex, NoLayer, Open, Own, Unknown
from symbackprop.homework.values.value import Value
from symbackprop.notation import syntax as tree


class Interpreter(Calls):
    """Evaluates the trees of one answer in one world."""

    def value(self, node: tree.Node) -> Value:
        """The numbers of an expression."""
        found = self.known.get(id(node))
        if found is not None:
            return found
        read = READERS.get(type(node))
        if read is None:
            raise Unknown(f"a {type(node).__name__.lower()} cannot stand here", node.span)
        return read(self, node)


READERS: dict[type, Callable[[Interpreter, Any], Value]] = {
    tree.Number: Interpreter.number,
    tree.Reference: Interpreter.reference,
    tree.Add: Interpreter.add,
    tree.Negate: Interpreter.negate,
    tree.Multiply: Interpreter.multiply,
    tree.Divide: Interpreter.divide,
    tree.Power: Interpreter.power,
    tree.Transpose: Interpreter.transpose,
    tree.Norm: Interpreter.norm,
    tree.Absolute: Interpreter.absolute,
    tree.Inner: Interpreter.inner,
    tree.Ones: Interpreter.ones,
    tree.Element: Interpreter.element,
    tree.Reduction: Interpreter.reduction,
    tree.Call: Interpreter.call,
    tree.Indicator: Interpreter.indicator,
    tree.Compare: lambda s, n: s.condition(n),
    tree.Cases: Interpreter.cases,
    tree.Matrix: Interpreter.matrix,
    tree.Partial: Interpreter.partial,
    tree.Gradient: Interpreter.gradient,
}
"""Kind of node -> what reads it."""

__all__ = ["RATE", "Conventions", "FreeIndex", "Interpreter", "NoLayer", "Open", "Own", "Unknown"]
