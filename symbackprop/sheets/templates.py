"""The templates of a format, and how it fills them in.

Contract: a teacher's folder is searched first, then the templates that come with symbackprop. A format has
one macro for each kind of block and one page; a teacher's file may hold a single macro, the others are
found behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from symbackprop.errors import SymbackpropError

LATEX_DELIMITERS = {
    "variable_start_string": "<<",
    "variable_end_string": ">>",
    "block_start_string": "<%",
    "block_end_string": "%>",
    "comment_start_string": "<#",
    "comment_end_string": "#>",
}


class Templates:
    """The templates of one format.

    Args:
        folders: where to look, in this order.
        sources: the files that hold the macros of the blocks, in this order (``github`` before ``markdown``).
        filters: how words and mathematics are written in the format.
        delimiters: Jinja's delimiters, where the usual ones mean something in the format.
        escape: is text escaped on its own (HTML)?
    """

    def __init__(
        self,
        folders: Sequence[Path],
        sources: Sequence[str],
        filters: Mapping[str, Callable[..., Any]],
        delimiters: Mapping[str, Any] = MappingProxyType({}),
        *,
        escape: bool = False,
    ) -> None:
        self._environments: list[Environment] = []
        for position in range(len(folders)):
            environment = Environment(
                loader=FileSystemLoader([str(f) for f in folders[position:]]),
                undefined=StrictUndefined,
                autoescape=escape,
                trim_blocks=True,
                lstrip_blocks=True,
                keep_trailing_newline=True,
                **delimiters,
            )
            environment.filters.update(filters)
            self._environments.append(environment)
        self._modules: list[Any] = [
            environment.get_template(source).module
            for environment, folder in zip(self._environments, folders, strict=True)
            for source in sources
            if (folder / source).is_file()
        ]

    def block(self, kind: str) -> Callable[..., str]:
        """The macro that writes one kind of block."""
        for module in self._modules:
            macro = getattr(module, kind, None)
            if macro is not None:
                return macro
        raise SymbackpropError(f"no template has a macro for the block '{kind}'")

    def page(self, name: str, **values: Any) -> str:
        """The page around the blocks."""
        return self._environments[0].get_template(name).render(**values)
