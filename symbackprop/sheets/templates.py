"""Where templates and phrases are found, and how a format renders its template.

Contract: a teacher's folder is searched first, then the templates that come with symbackprop; a template that reads a
name which does not exist is an error.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from symbackprop.errors import SymbackpropError


def built_in_folder() -> Path:
    """The templates of the package: inside it when installed, beside it in a checkout."""
    inside = Path(str(files("symbackprop") / "templates"))
    return inside if inside.is_dir() else Path(__file__).resolve().parents[2] / "templates"


def template_folders(own: Path | str | None = None) -> tuple[Path, ...]:
    """The folders to search, a teacher's own first.

    Raises:
        SymbackpropError: the folder does not exist.
    """
    if own is None:
        return (built_in_folder(),)
    if not Path(own).is_dir():
        raise SymbackpropError(f"there is no folder {own}", hint="give the folder that holds phrases/ or markdown/ ...")
    return Path(own), built_in_folder()


def render(template: str, folders: tuple[Path, ...], filters: Mapping[str, Callable[..., Any]], *,
           latex: bool = False, escape: bool = False, **names: Any) -> str:
    """Fill in a template; in LaTeX the delimiters are ``<< >>`` and ``<% %>``."""
    delimiters: dict[str, Any] = {
        "variable_start_string": "<<", "variable_end_string": ">>", "block_start_string": "<%",
        "block_end_string": "%>", "comment_start_string": "<#", "comment_end_string": "#>"} if latex else {}
    environment = Environment(
        loader=FileSystemLoader([str(f) for f in folders]), undefined=StrictUndefined, autoescape=escape,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, **delimiters)
    environment.filters.update(filters)
    return environment.get_template(template).render(**names)
