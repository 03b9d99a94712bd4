"""Matrix trees -> whole-array NumPy: ``@``, broadcasting, sums over an axis; no transposed copies, no loops.

Contract: `array_source(node, ...)` prints a `Node` as one NumPy expression whose axes are the node's rows and columns
in that order (an axis of size 1 is absent: a vector is 1-D). What it cannot express it refuses.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sympy as sp

from symbackprop.functions import Indicator
from symbackprop.matrix import (
    Along, Apply, Hadamard, Index, LabelSum, Leaf, Node, Ones, Product, Sum, Transposed, transposed,
)
from symbackprop.numeric.printer import ATOM, POWER, PRODUCT, SUM, NumPySource, refused


@dataclass(frozen=True)
class Code:
    """A NumPy expression, how strongly it binds, and which indices its axes run along."""

    text: str
    strength: int
    axes: tuple[sp.Symbol, ...]

    def at_least(self, strength: int) -> str:
        """The text, in brackets where it binds weaker than needed."""
        return self.text if self.strength >= strength else f"({self.text})"


@dataclass(frozen=True)
class ArraySource:
    """Prints matrix trees with the identifiers of a program.

    Args:
        identifiers: the Python name of every quantity and every adjoint.
        scalar: makes a scalar printer for a table of identifiers (and shares what helpers it used).
    """

    identifiers: Mapping[Any, str]
    scalar: Callable[[Mapping[Any, str]], NumPySource]

    def __call__(self, node: Node, row: Index, col: Index) -> str:
        """The source of a node, spread to the wanted axes where it has fewer."""
        code = self.code(node)
        wanted = tuple(i for i in (row, col) if i is not None)
        if code.axes == wanted:
            return code.text
        raise refused(f"an array without its axis {set(wanted) - set(code.axes)}")

    def code(self, node: Node) -> Code:
        """The source of a node over its own axes."""
        match node:
            case Leaf():
                return self._leaf(node)
            case Transposed(operand=operand):
                inner = self.code(operand)
                if len(inner.axes) < 2:
                    return inner
                return Code(inner.at_least(ATOM) + ".T", ATOM, inner.axes[::-1])
            case Product():
                return self._product(node)
            case Hadamard():
                return self._hadamard(node)
            case Sum():
                return self._sum(node)
            case Apply():
                return self._apply(node)
            case Along():
                return self._along(node)
            case Ones() | LabelSum():
                raise refused(f"a {type(node).__name__} by itself")
            case _:
                raise refused(type(node).__name__)

    def _axes(self, node: Node) -> tuple[sp.Symbol, ...]:
        return tuple(i for i in (node.row, node.col) if i is not None)

    def _leaf(self, node: Leaf) -> Code:
        e = node.reference
        axes = self._axes(node)
        if isinstance(e, Indicator) and axes:
            return self._one_hot(e, axes)
        if isinstance(e, sp.Indexed):
            name = self.identifiers[e.base]
            if any(isinstance(i, sp.Indexed) for i in e.indices):
                at = [self._pick(i) for i in e.indices]
                return Code(f"{name}[{', '.join(at)}]", ATOM, axes)
            fixed = [i for i in e.indices if i not in axes]
            if fixed:
                at = [":" if i in axes else self._position(i) for i in e.indices]
                return Code(f"{name}[{', '.join(at)}]", ATOM, axes)
            return Code(name, ATOM, axes)
        return Code(*self.scalar(self.identifiers).write(e), axes)

    def _position(self, index: Any) -> str:
        """A mathematical index (from 1) as a position (from 0)."""
        if not index.is_Integer:
            raise refused(f"the index {index}")
        return str(int(index) - 1)

    def _pick(self, index: Any) -> str:
        """A label (its data count from 0), or the running sample it belongs to."""
        if isinstance(index, sp.Indexed):
            return self.identifiers[index.base]
        return f"np.arange({self._length(index)})"

    def _length(self, index: Any) -> str:
        raise refused(f"a running index {index}")

    def _one_hot(self, e: Indicator, axes: tuple[sp.Symbol, ...]) -> Code:
        label, index = e.condition.args if isinstance(e.condition.lhs, sp.Indexed) else reversed(e.condition.args)
        name = self.identifiers[label.base]
        classes = f"np.arange({self._length(index)})"
        if axes[0] == index:
            return Code(f"{classes}[:, None] == {name}", SUM - 1, axes)
        return Code(f"{name}[:, None] == {classes}", SUM - 1, axes)

    # -- products ------------------------------------------------------------------------------------------------
    def _product(self, node: Product) -> Code:
        """A chain of products, from the side that keeps it narrow; sums against ones become ``.sum(axis)``."""
        parts = list(node.factors)
        code = self._unless_ones(parts[-1])
        if code is None or len(code.axes) == 1 and parts[-1].col is None:
            rest = list(reversed(parts[:-1]))
            while rest:
                left = rest.pop(0)
                code = self._times(left, code, parts)
            return code  # type: ignore[return-value]
        result = self._unless_ones(parts[0])
        for factor in parts[1:]:
            result = self._join(result, self._unless_ones(factor), factor)
        return result  # type: ignore[return-value]

    def _unless_ones(self, node: Node) -> Code | None:
        if isinstance(node, Ones) or isinstance(node, Transposed) and isinstance(node.operand, Ones):
            return None
        return self.code(node)

    def _times(self, left: Node, right: Code | None, _parts: list[Node]) -> Code:
        """``left @ right`` for a right side that is a vector over left's columns (None: a vector of ones)."""
        if isinstance(left, Transposed) and isinstance(left.operand, Ones):
            assert right is not None
            return Code(f"{right.at_least(ATOM)}.sum()", ATOM, ())
        code = self.code(left)
        if right is None:
            if isinstance(left, Hadamard) and len(left.factors) == 2 and all(
                    self.code(f).axes == code.axes and len(code.axes) == 2 for f in left.factors):
                a, b = (self.code(f).text for f in left.factors)
                return Code(f"np.einsum('ij,ij->i', {a}, {b})", ATOM, code.axes[:1])
            if len(code.axes) == 1:
                return Code(f"{code.at_least(ATOM)}.sum()", ATOM, ())
            return Code(f"{code.at_least(ATOM)}.sum(axis=1)", ATOM, code.axes[:1])
        if not right.axes:
            return Code(f"{code.at_least(PRODUCT)} * {right.at_least(POWER)}", PRODUCT, code.axes)
        return Code(f"{code.at_least(PRODUCT)} @ {right.at_least(POWER)}", PRODUCT, code.axes[:-1])

    def _join(self, left: Code | None, right: Code | None, factor: Node) -> Code:
        if left is None:
            assert right is not None
            return Code(f"{right.at_least(ATOM)}.sum(axis=0)" if len(right.axes) == 2 else
                        f"{right.at_least(ATOM)}.sum()", ATOM, right.axes[1:])
        if right is None:
            raise refused("a product with ones in the middle")
        if factor.row is None:  # an outer product: column times row
            return Code(f"np.outer({left.text}, {right.text})", ATOM, left.axes + right.axes)
        return Code(f"{left.at_least(PRODUCT)} @ {right.at_least(POWER)}", PRODUCT, left.axes[:-1] + right.axes[1:])

    # -- elementwise ---------------------------------------------------------------------------------------------
    def _spread(self, code: Code, whole: tuple[sp.Symbol, ...], strength: int) -> str:
        """A vector over the rows gets a column axis where the whole has one; NumPy does the rest."""
        if len(code.axes) == 1 and len(whole) == 2 and code.axes[0] == whole[0]:
            return code.at_least(ATOM) + "[:, None]"
        return code.at_least(strength)

    def _hadamard(self, node: Hadamard) -> Code:
        whole = self._axes(node)
        above: list[str] = []
        below: list[str] = []
        sign, number = "", sp.S.One
        for factor in node.factors:
            inverse = _inverse(factor)
            if isinstance(factor, Leaf) and not factor.axes and factor.reference.is_Number:
                number = number * factor.reference
            elif inverse is not None:
                below.append(self._spread(self.code(inverse), whole, POWER))
            else:
                above.append(self._spread(self.code(factor), whole, POWER))
        if number < 0:
            sign, number = "-", -number
        if number.p != 1 or not above:
            above.insert(0, str(number.p))
        if number.q != 1:
            below.insert(0, str(number.q))
        text = sign + " * ".join(above)
        if below:
            text += " / " + (below[0] if len(below) == 1 else f"({' * '.join(below)})")
        return Code(text, PRODUCT, whole)

    def _sum(self, node: Sum) -> Code:
        whole = self._axes(node)
        text = ""
        for term in node.terms:
            piece = self._spread(self.code(term), whole, PRODUCT)
            text += (f" - {piece[1:]}" if piece.startswith("-") else f" + {piece}") if text else piece
        return Code(text, SUM, whole)

    def _apply(self, node: Apply) -> Code:
        whole = self._axes(node)
        if node.pattern.func == sp.log and isinstance(node.operands[0], Along) and node.operands[0].kind == "softmax" \
                and node.pattern.args[0] == node.slots[0]:
            return self._log_softmax(node.operands[0])
        only_call = node.pattern.args and node.pattern.args[0] in node.slots and isinstance(node.pattern, sp.Function)
        names = dict(self.identifiers)
        for slot, operand in zip(node.slots, node.operands, strict=True):
            names[slot] = self._spread(self.code(operand), whole, SUM if only_call and len(node.slots) == 1 and
                                       self._is_pure_call(node.pattern) else ATOM)
        text, strength = self.scalar(names).write(node.pattern)
        return Code(text, strength, whole)

    @staticmethod
    def _is_pure_call(pattern: Any) -> bool:
        return pattern.func in (sp.exp, sp.log, sp.tanh, sp.sin, sp.cos)

    def _along(self, node: Along) -> Code:
        inner = self.code(node.operand)
        axis = inner.axes.index(node.axis)
        last = f", axis={axis}" if len(inner.axes) == 2 else ""
        if node.kind == "softmax":
            return Code(f"softmax({inner.text}{last})", ATOM, inner.axes)
        left = tuple(i for i in inner.axes if i != node.axis)
        if node.kind == "max":
            return Code(f"{inner.at_least(ATOM)}.max(axis={axis})", ATOM, left)
        return Code(f"logsumexp({inner.text}{last})", ATOM, left)

    def _log_softmax(self, node: Along) -> Code:
        inner = self.code(node.operand)
        axis = inner.axes.index(node.axis)
        lse = f"logsumexp({inner.text}{f', axis={axis}' if len(inner.axes) == 2 else ''})"
        if len(inner.axes) == 2 and axis == 1:
            lse += "[:, None]"
        return Code(f"{inner.at_least(SUM)} - {lse}", SUM, inner.axes)


def _inverse(node: Node) -> Node | None:
    """``x`` of ``1/x``, for scalars and entry by entry."""
    if isinstance(node, Leaf) and not node.axes and isinstance(node.reference, sp.Pow) and node.reference.exp == -1:
        return Leaf(None, None, node.reference.base)
    if isinstance(node, Apply) and isinstance(node.pattern, sp.Pow) and node.pattern.base in node.slots \
            and node.pattern.exp == -1:
        return node.operands[0]
    return None


__all__ = ["ArraySource", "Code", "transposed"]
