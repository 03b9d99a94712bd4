"""What a printer asks of scalar expressions: small questions that any array library's printer has.

Contract: expressions in, answers out; nothing is printed but numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp
from sympy.core.relational import Relational

from symbackprop.functions import Indicator

CAN_OVERFLOW = (sp.exp, sp.log, sp.sinh, sp.cosh, sp.tan)
"""Functions that may be infinite where an indicator beside them is 0: ``0 * inf`` is nan, so it is selected
instead."""


def is_gate(e: Any) -> bool:
    """Is it an indicator or its negative?"""
    if e.is_Mul and len(e.args) == 2 and e.args[0] == -1:
        e = e.args[1]
    return isinstance(e, Indicator) and isinstance(e.condition, Relational)


def is_plain(e: Any) -> bool:
    """Is it a Python number when the program runs: a number, or computed from sizes?"""
    return all(symbol.is_integer for symbol in e.free_symbols)


def flat(factors: Sequence[Any]) -> list[Any]:
    """The factors of nested products, in order."""
    if not any(f.is_Mul for f in factors):
        return list(factors)
    return [inner for f in factors for inner in (flat(f.args) if f.is_Mul else (f,))]


def decimal(number: Any) -> str:
    """A fraction as a short decimal where that is exact (0.01), else as a quotient (1 / 3)."""
    for digits in range(1, 7):
        if (number * 10**digits).is_Integer:
            return repr(float(number))
    return f"{number.p} / {number.q}"
