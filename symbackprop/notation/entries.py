"""What is known of the names of a file while it is read, and the two ways in which reading can stop.

Contract: data and two exceptions that never leave the reader.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sympy as sp

from symbackprop.errors import Span
from symbackprop.names import Name


class Deferred(Exception):  # noqa: N818
    """The shape of a name is not known yet."""

    def __init__(self, name: Name) -> None:
        super().__init__(name.plain)
        self.name = name


class Trouble(Exception):  # noqa: N818
    """The text has no meaning here; the reader adds the line."""

    def __init__(self, message: str, span: Span, hint: str | None = None) -> None:
        super().__init__(message)
        self.message, self.span, self.hint = message, span, hint


@dataclass
class Entry:
    """What is known of a name: how many leading (layer, time) axes, and the sizes of its own axes."""

    name: Name
    leading: tuple[str, ...] = ()
    """Kinds of the scripts that carry a layer, step or sample label: ``("bracket",)`` for ``W^{[l]}``."""
    sizes: tuple[Any, ...] | None = None
    """One size for each axis (None inside: not known yet); None: not even the number of axes is known."""
    label_index: Any = None
    """The symbol of the leading index in which `sizes` are written."""
    declared: bool = False
    labels: Any = None

    @property
    def base(self) -> Any:
        """The SymPy symbol or IndexedBase."""
        return sp.IndexedBase(self.name.plain) if self.leading or self.sizes else sp.Symbol(self.name.plain)
