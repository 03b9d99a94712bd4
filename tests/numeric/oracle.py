"""Independent numbers: SymPy's definitions evaluated by mpmath, and difference quotients in forty digits."""

from __future__ import annotations

from typing import Any

import mpmath
import sympy as sp

from symbackprop.functions import Indicator, row_of


def loss_of(network: Any) -> sp.Expr:
    """The loss with everything substituted and every function spelled out."""
    expression: Any = network.loss.expression
    definitions = {e.target: e.expression for e in network.equations}
    for _ in range(len(definitions)):
        expression = expression.xreplace(definitions)
    return plain(expression)


def plain(e: Any) -> Any:
    """Own functions by their definitions."""
    if not e.args:
        return e
    args = [plain(a) for a in e.args]
    if isinstance(e, Indicator):
        return sp.Piecewise((1, args[0]), (0, True))
    name = type(e).__name__
    if name in ("maximum", "minimum"):
        return (sp.Max if name == "maximum" else sp.Min)(*args)
    row = row_of(e) if isinstance(e, sp.Function) else None
    if row is not None and row.definition is not None:
        return plain(row.definition(*args))
    return e.func(*args)


def numeric_derivative(network: Any, values: dict[Any, float], name: Any) -> float:
    """dE/dname by central differences in 40 digits."""
    loss = loss_of(network)
    symbols = sorted(loss.free_symbols, key=str)
    function = sp.lambdify(symbols, loss, "mpmath")
    with mpmath.workdps(40):
        step = mpmath.mpf(10) ** -12
        at = [mpmath.mpf(values[s.name]) for s in symbols]
        if name not in [s.name for s in symbols]:
            return 0.0
        n = [s.name for s in symbols].index(name)
        up, down = at.copy(), at.copy()
        up[n] += step
        down[n] -= step
        return float((function(*up) - function(*down)) / (2 * step))


def numeric_loss(network: Any, values: dict[Any, float]) -> float:
    """The loss in 40 digits."""
    loss = loss_of(network)
    with mpmath.workdps(40):
        symbols = sorted(loss.free_symbols, key=str)
        return float(sp.lambdify(symbols, loss, "mpmath")(*(mpmath.mpf(values[s.name]) for s in symbols)))
