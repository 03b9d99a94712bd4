"""The statements of one file while they are given a meaning, and how trouble gets its line and caret.

Contract: `FileState` holds what the layers above share; `guard` turns trouble into one `NetworkError`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from symbackprop.errors import NetworkError, Span
from symbackprop.notation import syntax as tree
from symbackprop.notation.conform import Clash
from symbackprop.notation.entries import Deferred, Trouble
from symbackprop.notation.lowering import Lowering
from symbackprop.notation.source import Line
from symbackprop.notation.syntax import walk


@dataclass
class Pending:
    """An equation of the file that waits for the shapes it needs."""

    line: Line
    statement: tree.Equation


class FileState:
    """The statements of a file: equations that wait, declarations, what is known of names."""

    def __init__(self) -> None:
        self.low = Lowering()
        self.pending: list[Pending] = []
        self.declarations: list[tuple[Line, Any]] = []
        self.titles: dict[str, str] = {}
        """By the code of the language; without one: any."""
        self.starts: dict[str, int] = {}
        """Names that are declared at one label only, as ``h_0 in R^n``: the start of a recurrence, if given so."""

    def take(self, line: Line, statement: tree.Statement) -> None:
        """Sort a statement into what waits, what declares, and the title."""
        if isinstance(statement, tree.Equation):
            self.pending.append(Pending(line, statement))
        elif isinstance(statement, tree.Title):
            self.titles[statement.language] = statement.text
        else:
            self.declarations.append((line, statement))

    # -- the whole file ------------------------------------------------------------------------------------------

    def declared(self, kind: type) -> list[tuple[Line, Any]]:
        """The declarations of one kind, with their lines."""
        return [(line, s) for line, s in self.declarations if isinstance(s, kind)]

    def guard(self, line: Line, read: Any) -> Any:
        """Run one reading; what has no meaning becomes an error with the line and a caret."""
        try:
            return read()
        except Trouble as trouble:
            raise located(line, trouble.message, trouble.span, trouble.hint) from None
        except Clash as clash:
            raise located(line, clash.message, (0, len(line.text)), clash.hint) from None
        except Deferred as deferred:
            span = next(
                (
                    n.span
                    for n in walk(self.statement_of(line))
                    if isinstance(n, tree.Reference) and n.name == deferred.name
                ),
                (0, len(line.text)),
            )
            name = deferred.name.plain
            raise located(
                line,
                f"the shape of {name} is not known",
                span,
                f"declare it: '{name} in R' for a number, '{name} in R^n', or '{name} in R^(n x m)'",
            ) from None

    def statement_of(self, line: Line) -> Any:
        """The equation that stands on a line."""
        return next((p.statement for p in self.pending if p.line is line), ())


def located(line: Line, message: str, span: Span, hint: str | None = None) -> NetworkError:
    """An error about a stretch of a line."""
    at = line.error(message, span, hint)
    return NetworkError(message, text=at.text, line=at.line, span=at.span, hint=hint, file=at.file)
