"""Scalar expressions -> Python source for one number at a time, in terms of `math`.

Contract: `MathSource` prints what `NumPySource` prints, for plain floats: conditions become ``a if c else b``. The text
runs in Python and compiles with numba; where `math` raises (overflow, division by zero) NumPy would have gone on.
"""

from __future__ import annotations

import math
from typing import Any

import sympy as sp

from symbackprop.functions import DEFAULT_SECOND_ARGUMENT, FunctionRow, Indicator
from symbackprop.numeric.bodies import ATOM, CONDITION, POWER, PRODUCT, SIGN, Text, body_of
from symbackprop.numeric.printer import CAN_OVERFLOW, NumPySource, refused

MATH_NAMES = frozenset({name for name in dir(math) if not name.startswith("_")} - {"e", "pow"} | {"abs"})
"""Names that a body for one number may use."""


class MathSource(NumPySource):
    """Prints expressions of numbers.

    >>> z, a = sp.symbols("z a")
    >>> from symbackprop.functions import relu, sigmoid
    >>> MathSource({z: "z", a: "a"}).doprint(sp.Mul(a, sigmoid(z), evaluate=False))
    'a * (1.0 / (1.0 + exp(-z)))'
    >>> MathSource({z: "z"}).doprint(relu(z) + sp.sqrt(z))
    'sqrt(z) + (0.0 if z <= 0 else z)'
    """

    def _constant(self, e: Any) -> Text:
        return repr(float(e)), SIGN if float(e) < 0 else ATOM

    def literal(self, number: float) -> str:
        """Python multiplies a float by a float faster than by a whole number."""
        return repr(float(number))

    def _number(self, e: Any) -> Text:
        if e.is_Rational and not e.is_Integer:
            return repr(float(e)), SIGN if e < 0 else ATOM
        return super()._number(e)

    def _pow(self, e: Any) -> Text:
        base, exponent = e.args
        power: Any = exponent
        if power == sp.S.Half:
            return f"sqrt({self.write(base)[0]})", ATOM
        text, strength = self.write(base)
        if exponent == sp.Integer(2) and strength == ATOM and text.replace("_", "a").isalnum():
            return f"{text} * {text}", PRODUCT
        if power.is_Integer and power > 0:
            return f"{text if strength == ATOM else f'({text})'}**{exponent}", POWER
        if not power.is_number or not power.is_Integer:  # Python's own power would give a complex number
            return f"pow({text}, {self.write(exponent)[0]})", ATOM
        return super()._pow(e)

    def _from_row(self, e: Any, row: FunctionRow) -> Text:
        arguments = [*e.args]
        if len(arguments) == 1 and e.func in DEFAULT_SECOND_ARGUMENT:
            arguments.append(DEFAULT_SECOND_ARGUMENT[e.func])
        if row.python:
            body = body_of(row.python, MATH_NAMES)
            return body.filled([self.write(a) for a in arguments]), body.strength
        if row.definition is None:
            raise refused(f"the function {row.name} of one number")
        return self.write(row.definition(*arguments))

    def _function(self, e: Any) -> Text:
        name = type(e).__name__
        if name in MATH_NAMES:
            return f"{name}({', '.join(self.write(a)[0] for a in e.args)})", ATOM
        text, strength = super()._function(e)
        if text.startswith("np."):
            raise refused(f"the function {name} of one number")
        return text, strength

    def _gated(self, gates: list[Any], rest: list[Any], below: list[Any], number: Any) -> Text:
        if below or any(f.has(*CAN_OVERFLOW) for f in rest):
            condition = " and ".join(self.bracketed(g.condition, ATOM) for g in gates)
            value = self._quotient(number, [self.bracketed(f, POWER) for f in rest], below)[0]
            return f"{value} if {condition} else 0.0", CONDITION
        return self._quotient(number, [self.bracketed(f, POWER) for f in [*rest, *gates]], [])

    def _step(self, condition: Any) -> str:
        return f"({self.write(condition)[0]})"

    def _piecewise(self, e: Any) -> Text:
        text = repr(math.nan)
        for value, condition in reversed(e.args):
            value_text = self.bracketed(value, CONDITION + 1)
            text = value_text if condition is sp.true else f"({value_text} if {self.write(condition)[0]} else {text})"
        return text, ATOM

    def _extreme(self, e: Any) -> Text:
        name = "max" if isinstance(e, sp.Max) else "min"
        return f"{name}({', '.join(self.write(a)[0] for a in e.args)})", ATOM

    def _logical(self, e: Any) -> Text:
        if isinstance(e, sp.Not):
            return f"(not {self.bracketed(e.args[0], ATOM)})", ATOM
        joint = " and " if isinstance(e, sp.And) else " or "
        return f"({joint.join(self.bracketed(a, ATOM) for a in e.args)})", ATOM

    def _indicator(self, e: Indicator) -> Text:
        return self._step(e.condition), ATOM
