"""Functions: activations and their derivatives, softmax, NumPy words.

Contract: a letter that nothing declares is the activation that the network applies to its argument.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import sympy as sp

from symbackprop import functions as fn
from symbackprop.functions import TABLE
from symbackprop.homework.values.functions import apply
from symbackprop.homework.values.indexed import Quantities, value_of
from symbackprop.homework.values.interpreter.conditions import Conditions
from symbackprop.homework.values.interpreter.state import Open, Unknown
from symbackprop.homework.values.value import Value, elementwise, full, scalar, total
from symbackprop.indexed import Softmax
from symbackprop.notation import syntax as tree
from symbackprop.notation.conform import Clash
from symbackprop.notation.lowering import ALONG, ELEMENTWISE

Array = Any


class Calls(Conditions):
    """The layer that applies functions."""

    def call(self, node: Any) -> Value:
        """A function of its arguments."""
        name = node.function
        arguments = [self.value(a) for a in node.arguments]
        if not arguments:
            raise Open("no_argument", node.span)
        if name in ALONG:
            return self.along(name, arguments[0], node)
        if name in ("max", "maximum", "min", "minimum") and len(arguments) >= 2:
            pick = np.maximum if name.startswith("max") else np.minimum
            return elementwise(arguments, lambda a: _reduced(pick, a), name, self.samples)
        special = _WHOLE.get(name)
        if special is not None:
            return special(self, node, arguments)
        cls = self.function_class(node)
        return self.applied(cls, arguments, node)

    def function_class(self, node: Any) -> Any:
        """The class of a function; ``g`` and ``f`` that nothing declares are the activation of their argument."""
        name = node.function
        if name in self.names.vocabulary.functions:
            return sp.Function(name)
        cls = ELEMENTWISE.get(name) or fn.by_name(name)
        if cls is not None:
            return cls
        found = self.activation_of(node.arguments[0])
        if found is None:
            raise Unknown(f"the function {name} is not known here", node.span, "write sigmoid, tanh, relu ...")
        return found

    def activation_of(self, argument: tree.Node) -> Any:
        """The activation that the network applies to this quantity."""
        if not isinstance(argument, tree.Reference):
            return None
        meaning = self.meaning(argument)
        if meaning is None or meaning.kind != "quantity":
            return None
        for total_, output in self.names.units:
            if total_.base == meaning.base and output is not None:
                expression = self.world.network.definitions(output.base)[-1].expression
                if isinstance(expression, fn.maximum) and 0 in expression.args:
                    return fn.relu
                return Softmax if isinstance(expression, Softmax) else expression.func
        return None

    def applied(self, cls: Any, arguments: Sequence[Value], node: Any) -> Value:
        """A function, or its derivative, of every entry."""
        if cls is Softmax:
            if node.order:
                raise Open("softmax_derivative", node.span)
            return self.along("softmax", arguments[0], node)
        slots = [sp.Dummy(f"x{n}") for n in range(len(arguments))]
        expression: Any = cls(*slots)
        for _ in range(node.order):
            expression = _derivative(expression, slots[0])

        def combine(arrays: Sequence[Array]) -> Array:
            shape = np.broadcast_shapes(*(a.shape for a in arrays))
            read = Quantities({s: np.broadcast_to(a, shape).reshape(-1) for s, a in zip(slots, arrays, strict=True)})
            if node.order == 0:
                try:
                    return np.asarray(apply(expression, list(arrays)))
                except KeyError:
                    pass
            return value_of(expression, read).reshape(shape)

        result = elementwise(arguments, combine, node.function, self.samples)
        first = arguments[0]
        return Value(result.array, result.rows, result.cols, vector=first.vector)

    def along(self, name: str, a: Value, node: Any) -> Value:
        """Softmax over the axis that is not the samples'."""
        if name.endswith("_rows"):
            axis = 2
        elif name.endswith("_columns") or a.cols == 1:
            axis = 1
        elif a.rows == 1:
            axis = 2
        else:
            keyword = dict(node.keywords).get("axis")
            columns = self.samples is not None and a.cols == self.samples
            axis = {"0": 1, "1": 2, "-1": 2}.get(keyword or "", 1 if columns else 2)
        array = full(a)
        shifted = np.exp(array - array.max(axis=axis, keepdims=True))
        sums = shifted.sum(axis=axis, keepdims=True)
        if ALONG[name] == "softmax":
            return Value(shifted / sums, a.rows, a.cols, vector=a.vector)
        logs = array.max(axis=axis, keepdims=True) + np.log(sums)
        if ALONG[name] == "log_softmax":
            return Value(array - logs, a.rows, a.cols, vector=a.vector)
        return Value(logs, 1 if axis == 1 else a.rows, 1 if axis == 2 else a.cols)

    def reduce_call(self, node: Any, arguments: Sequence[Value]) -> Value:
        """``np.sum`` and ``np.mean`` with their axis."""
        a = arguments[0]
        keywords = dict(node.keywords)
        axis = keywords.get("axis") or keywords.get("dim")
        if axis is None and len(arguments) > 1:
            axis = str(int(arguments[1].array.flat[0]))  # np.sum(A, 0)
        rows, cols = axis in (None, "None", "0", "-2"), axis in (None, "None", "1", "-1")
        if a.cols == 1 and a.vector and axis == "0":
            cols = True
        result = total(a, rows=rows, cols=cols)
        if node.function == "mean":
            count = (self.count(a.rows) if rows else 1) * (self.count(a.cols) if cols else 1)
            result = Value(result.array / count, result.rows, result.cols)
        if axis is not None and keywords.get("keepdims") != "True" and not result.is_scalar:
            column = result if result.cols == 1 else result.transposed()
            return Value(column.array, column.rows, 1, vector=True)
        return result

    def count(self, size: int | None) -> int:
        """How many entries a size counts: the user's number, where a smaller one stands for it."""
        return self.world.originals.get(size, size) if size is not None else 1

    def length(self, _node: Any, arguments: Sequence[Value]) -> Value:
        """``len(X)``: the number of rows."""
        return scalar(float(self.count(arguments[0].rows)))

    def diagonal(self, _node: Any, arguments: Sequence[Value]) -> Value:
        """A vector as a diagonal matrix, or the diagonal of a matrix."""
        a = arguments[0]
        array = full(a)
        if a.cols == 1 or a.rows == 1:
            column = array if a.cols == 1 else array.swapaxes(1, 2)
            size = column.shape[1]
            eye = np.eye(size).reshape((1, size, size) + (1,) * (array.ndim - 3))
            return Value(column * eye, size, size)
        if a.rows != a.cols:
            raise Clash(f"the diagonal needs a square matrix, but this is {a.shape}")
        return Value(np.einsum("pii...->pi...", array)[:, :, None], a.rows, 1)

    def trace(self, _node: Any, arguments: Sequence[Value]) -> Value:
        """The sum of the diagonal."""
        a = arguments[0]
        if a.rows != a.cols:
            raise Clash(f"the trace needs a square matrix, but this is {a.shape}")
        return Value(np.einsum("pii...->p...", full(a))[:, None, None])

    def encoded(self, node: Any, _arguments: Sequence[Value]) -> Value:
        """``onehot(y)`` of integer labels."""
        meaning = self.meaning(node.arguments[0]) if isinstance(node.arguments[0], tree.Reference) else None
        if meaning is None or meaning.base not in self.world.network.labels:
            raise Unknown("only integer labels become one-hot", node.span)
        return self.one_hot(meaning.base)

    def where(self, node: Any, arguments: Sequence[Value]) -> Value:
        """One value where a condition holds, else another."""
        if len(arguments) != 3:
            raise Unknown("where takes a condition and two values", node.span)
        return elementwise(arguments, lambda a: np.where(a[0] != 0, a[1], a[2]), "where", self.samples)


def _reduced(function: Callable[[Array, Array], Array], arrays: Sequence[Array]) -> Array:
    result = arrays[0]
    for other in arrays[1:]:
        result = function(result, other)
    return result


def _derivative(expression: Any, slot: Any) -> Any:
    if TABLE.get(expression.func) is not None or isinstance(expression, sp.core.function.AppliedUndef):
        return sp.Mul(*fn.local_derivative(expression, 0))
    return expression.diff(slot)


_WHOLE: dict[str, Callable[[Calls, Any, Sequence[Value]], Value]] = {
    "sum": Calls.reduce_call,
    "mean": Calls.reduce_call,
    "diag": Calls.diagonal,
    "trace": Calls.trace,
    "len": Calls.length,
    "where": Calls.where,
    "one_hot": Calls.encoded,
    "transpose": lambda _s, _n, a: a[0].transposed(),
    "norm": lambda s, n, _a: s.norm(tree.Norm(n.arguments[0])),
}
