"""A generated loop as a module that runs alone: its imports, the functions it needs, and itself.

Contract: `whole(text)` puts in front of a function what it calls; `function(source, name)` runs a module of our own
making (every name in it is an identifier that we made) and returns the function. What runs is what is shown.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

from symbackprop.functions import HELPERS
from symbackprop.numeric.source import wrapped

UFUNCS = (
    *("add", "subtract", "multiply", "divide", "negative", "reciprocal", "power", "sqrt", "exp", "log", "tanh"),
    *("sin", "cos", "sinh", "cosh", "arctan", "absolute", "sign", "maximum", "minimum", "logaddexp", "copyto"),
    *("greater", "greater_equal", "less", "less_equal", "equal", "not_equal", "dot", "vdot", "matmul", "einsum"),
)
"""NumPy's functions that stand in a loop without their module: one look-up less for each call."""
COMPILED = '@njit(fastmath={"reassoc", "contract", "arcp", "nsz"}, error_model="numpy")\n'
"""numba may reorder sums, but nan and infinity stay what they are."""

_MATH = frozenset(name for name in dir(math) if not name.startswith("_"))
_NAME = re.compile(r"(?<![\w.])[A-Za-z_]\w*")


def whole(text: str, *, arrays: bool, compiled: bool = False, blas: str = "") -> str:
    """The module of a function.

    Args:
        text: its source.
        arrays: are its functions NumPy's, over arrays? Else they are those of `math`.
        compiled: let numba compile it.
        blas: the product of SciPy that it calls ``gemm``; empty where it calls none.
    """
    used = set(_NAME.findall(text))
    helpers = [source.rstrip("\n") + "\n" for name, source in HELPERS.items() if arrays and name in used]
    words = used | {word for helper in helpers for word in _NAME.findall(helper)}
    from_math = ["inf"] * ("inf" in used) if arrays else sorted(used & _MATH)
    imports = [
        *([wrapped("from math import ", from_math, "")] if from_math else []),
        *(["import numpy as np"] if "np" in words else []),
        *(["from numba import njit"] if compiled else []),
    ]
    if arrays and (found := sorted(used & set(UFUNCS))):
        imports.append("from numpy import " + ", ".join(found))
    if blas:
        imports.append(f"from scipy.linalg.blas import {blas} as gemm")
    parts = ["\n".join(imports) + "\n", *helpers, (COMPILED if compiled else "") + text]
    return "\n\n".join(part for part in parts if part.strip())


def function(source: str, name: str) -> Callable[..., Any]:
    """The function of a module; `name` is what it is called there."""
    scope: dict[str, Any] = {}
    exec(compile(source, f"<symbackprop {name}>", "exec"), scope)
    return scope[name]
