"""Functions of entries as calls of NumPy's universal functions that write into buffers.

Contract: `Ufuncs.assign(pattern, operands, target)` gives the lines that compute a scalar pattern over arrays into an
array that exists already. Nothing is allocated in the loop but what has no universal function of its own, which is
computed by its text and copied.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sympy as sp
from sympy.core.relational import Relational

from symbackprop.functions import Indicator, maximum, minimum, relu, sigmoid, softplus
from symbackprop.indexed import product
from symbackprop.numeric.bodies import Text
from symbackprop.numeric.printer import NumPySource
from symbackprop.numeric.scalars import CAN_OVERFLOW

UNARY: Mapping[Any, str] = {
    sp.exp: "exp",
    sp.log: "log",
    sp.tanh: "tanh",
    sp.sin: "sin",
    sp.cos: "cos",
    sp.sinh: "sinh",
    sp.cosh: "cosh",
    sp.atan: "arctan",
    sp.Abs: "absolute",
    sp.sign: "sign",
}
"""Functions of one argument -> universal function."""
RELATIONS: Mapping[Any, str] = {
    sp.StrictGreaterThan: "greater",
    sp.GreaterThan: "greater_equal",
    sp.StrictLessThan: "less",
    sp.LessThan: "less_equal",
    sp.Equality: "equal",
    sp.Unequality: "not_equal",
}
PAIRS: Mapping[Any, str] = {maximum: "maximum", minimum: "minimum"}


class Ufuncs:
    """Writes entrywise computations.

    Args:
        scratch: the name of a spare buffer of the target's shape; `kind` is ``float`` or ``bool``, `depth` tells
        buffers
            apart that are in use together.
        symbols: the text of what is no operand (the rate, scalars).
    """

    def __init__(self, scratch: Callable[[str, int], str], symbols: Mapping[Any, str | Text]) -> None:
        self.scratch, self.symbols = scratch, symbols
        self.lines: list[str] = []
        self._arrays: dict[Any, str] = {}

    def assign(self, pattern: Any, arrays: Mapping[sp.Symbol, str], target: str, first: Any = None) -> list[str]:
        """``target[...] = pattern``; `arrays` are the texts of the operands that are arrays.

        `first` is the operand that stands in the target's own memory, if one does: it is read before anything is
        written.
        """
        self._arrays, self.lines, self._first = dict(arrays), [], first
        found = self._value(pattern, target, 0)
        if found != target:
            self.lines.append(f"copyto({target}, {found})")
        return self.lines

    def _is_array(self, e: Any) -> bool:
        return not self._arrays.keys().isdisjoint(e.free_symbols)

    def text(self, e: Any) -> str:
        """The text of a pattern without arrays."""
        return self._text(e)[0]

    def _text(self, e: Any) -> Text:
        return NumPySource({**self.symbols, **self._arrays}).write(e)

    def _scalar(self, e: Any) -> str:
        return self._text(e)[0]

    def _value(self, e: Any, into: str, depth: int) -> str:
        """The name of the value; it is computed into a buffer unless it has a name already."""
        if e in self._arrays:
            return self._arrays[e]
        if not self._is_array(e):
            return self._scalar(e)
        if isinstance(e, sp.Add):
            return self._sum(e, into, depth)
        if isinstance(e, sp.Mul):
            return self._product(e, into, depth)
        if isinstance(e, sp.Pow):
            return self._power(e, into, depth)
        if isinstance(e, Indicator) and isinstance(e.condition, Relational):
            return self._mask(e.condition, into, depth)
        if e.func in UNARY:
            return self._call(UNARY[e.func], [self._value(e.args[0], into, depth)], into)
        if e.func is relu:
            return self._call("maximum", [self._value(e.args[0], into, depth), "0"], into)
        if e.func is softplus:
            return self._call("logaddexp", [self._value(e.args[0], into, depth), "0"], into)
        if e.func is sigmoid:
            self._call("negative", [self._value(e.args[0], into, depth)], into)
            self._call("exp", [into], into)
            self._call("add", [into, "1"], into)
            return self._call("reciprocal", [into], into)
        if e.func in PAIRS:
            return self._call(PAIRS[e.func], self._both(e.args, into, depth), into)
        self.lines.append(f"{into}[...] = {self._scalar(e)}")
        return into

    def _call(self, name: str, arguments: Sequence[str], into: str) -> str:
        self.lines.append(f"{name}({', '.join(arguments)}, out={into})")
        return into

    def _both(self, args: Sequence[Any], into: str, depth: int) -> list[str]:
        """Two values at once: the first that needs a buffer has `into`, the other a spare one."""
        order = sorted(range(len(args)), key=lambda n: (not self._holds_first(args[n]), self._is_leaf(args[n])))
        found: dict[int, str] = {}
        free = into
        for n in order:
            found[n] = self._value(args[n], free, depth)
            if found[n] == into:
                free = self.scratch("float", depth)
                depth += 1
        return [found[n] for n in range(len(args))]

    def _holds_first(self, e: Any) -> bool:
        return self._first is not None and self._first in e.free_symbols

    def _is_leaf(self, e: Any) -> bool:
        return e in self._arrays or not self._is_array(e)

    def _sum(self, e: Any, into: str, depth: int) -> str:
        arrays = [t for t in e.args if self._is_array(t)]
        scalars = [t for t in e.args if not self._is_array(t)]
        terms = [(-1, product([sp.S.NegativeOne, t])) if t.is_Mul and t.args[0].is_negative else (1, t) for t in arrays]
        if scalars:
            terms.append((1, scalars[0] if len(scalars) == 1 else sp.Add(*scalars, evaluate=False)))
        terms.sort(key=lambda t: (not self._holds_first(t[1]), self._is_leaf(t[1]), t[0] < 0))
        (sign, first), *rest = terms
        total = self._value(first, into, depth)
        for other_sign, term in rest:
            spare = self.scratch("float", depth) if total == into else into
            value = self._value(term, spare, depth + 1)
            if sign < 0 and other_sign > 0:
                total, sign = self._call("subtract", [value, total], into), 1
            else:
                total = self._call("add" if sign == other_sign else "subtract", [total, value], into)
        return self._call("negative", [total], into) if sign < 0 else total

    def _product(self, e: Any, into: str, depth: int) -> str:
        factors = list(sp.Mul.make_args(e))
        flat = [f for factor in factors for f in (factor.args if factor.is_Mul else (factor,))]
        if any(isinstance(f, Indicator) for f in flat) and any(f.has(*CAN_OVERFLOW) for f in flat):
            self.lines.append(f"{into}[...] = {self._scalar(e)}")
            return into
        below = [f.base for f in flat if self._is_array(f) and f.is_Pow and f.exp == -1]
        above = [f for f in flat if self._is_array(f) and not (f.is_Pow and f.exp == -1)]
        scalars = [f for f in flat if not self._is_array(f)]
        above.sort(key=lambda f: (not self._holds_first(f), isinstance(f, Indicator), self._is_leaf(f)))
        total = ""
        for factor in above:
            spare = self.scratch("float", depth) if total == into else into
            value = self._value(factor, spare, depth + bool(total))
            total = self._call("multiply", [total, value], into) if total else value
        scale = sp.Mul(*scalars, evaluate=False) if scalars else None
        if below:
            numerator = total or (self._scalar(scale) if scale is not None else "1")
            scale = scale if total else None
            for factor in below:
                spare = self.scratch("float", depth) if numerator == into else into
                numerator = self._call("divide", [numerator, self._value(factor, spare, depth + 1)], into)
            total = numerator
        if scale is None or scale == 1:
            return total
        if scale == -1:
            return self._call("negative", [total], into)
        return self._call("multiply", [total, self._scalar(scale)], into)

    def _power(self, e: Any, into: str, depth: int) -> str:
        base, exponent = e.args
        if not self._is_array(base) or self._is_array(exponent):
            self.lines.append(f"{into}[...] = {self._scalar(e)}")
            return into
        value = self._value(base, into, depth)
        if exponent == 2:
            return self._call("multiply", [value, value], into)
        if exponent == -1:
            return self._call("reciprocal", [value], into)
        if exponent == sp.S.Half:
            return self._call("sqrt", [value], into)
        return self._call("power", [value, self._scalar(exponent)], into)

    def _mask(self, condition: Any, into: str, depth: int) -> str:
        """A condition as a buffer of truth values; beside numbers they count as 0 and 1."""
        left, right = (self._value(a, into, depth) if self._is_array(a) else self._scalar(a) for a in condition.args)
        mask = self.scratch("bool", depth)
        return self._call(RELATIONS[condition.func], [left, right], mask)
