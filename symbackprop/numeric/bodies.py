"""Bodies of functions: ``np.maximum({0}, 0)`` with its arguments filled in, in the words of an array library.

Contract: a body may use NumPy, its arguments and the functions of `HELPERS`; any other name is refused.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from functools import lru_cache

from symbackprop.errors import NetworkError
from symbackprop.functions import HELPERS
from symbackprop.numeric.dialects import NUMPY, Dialect

# Binding strength of Python's operators: a part is bracketed where it binds weaker than its place demands.
CONDITION, SUM, PRODUCT, SIGN, POWER, ATOM = range(6)
Text = tuple[str, int]


class Body:
    """The NumPy body of a function's row: what it uses, and how strongly it binds."""

    def __init__(self, text: str, known: frozenset[str]) -> None:
        self.text = text
        tree = ast.parse(_SLOT.sub(r"slot\1", text), mode="eval").body
        atoms = (ast.Call, ast.Name)
        products = isinstance(tree, ast.BinOp) and isinstance(tree.op, (ast.Mult, ast.Div))
        self.strength = ATOM if isinstance(tree, atoms) else PRODUCT if products else CONDITION
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        self.helpers = names & HELPERS.keys()
        unknown = {name for name in names if not name.startswith("slot")} - known - self.helpers
        if unknown:
            raise NetworkError(
                f"the NumPy body {text!r} uses {', '.join(sorted(unknown))}, which no program knows",
                hint=f"use {' and '.join(sorted(known))} and the arguments {{0}}, {{1}} only",
            )

    def filled(self, arguments: Sequence[Text], dialect: Dialect = NUMPY) -> str:
        """The body with its arguments, in brackets unless they stand alone in a call."""
        body = dialect.functions.get(self.text) or _FUNCTION.sub(lambda m: dialect[m[1] or m[2]], self.text)

        def argument(match: re.Match[str]) -> str:
            text, strength = arguments[int(match[1])]
            before, after = body[: match.start()].rstrip(), body[match.end() :]
            alone = before.endswith(("(", ",")) and after.startswith((")", ","))
            return text if alone or strength == ATOM else f"({text})"

        return _SLOT.sub(argument, body)


_SLOT = re.compile(r"\{(\d)\}")
_FUNCTION = re.compile(rf"\bnp\.(\w+)|\b({'|'.join(HELPERS)})(?=\()")


@lru_cache(maxsize=256)
def body_of(text: str, known: frozenset[str] = frozenset({"np"})) -> Body:
    """The body of a row, read once; `known` are the names that it may use."""
    return Body(text, known)
