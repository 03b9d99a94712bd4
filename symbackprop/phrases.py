"""Sentences from phrase files, one file per language, and the folders in which they and the templates lie.

Contract: `read_sentences(language, folders)` gives key -> sentence; a folder that comes earlier overrides single keys
of the later ones. What fills the placeholders is left to the rooms that write: a sheet wants pieces, a verdict wants
text.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from symbackprop.errors import SymbackpropError


class PhraseError(SymbackpropError):
    """A phrase file lacks a sentence, or cannot be read."""


def built_in_folder() -> Path:
    """The templates of the package: inside it when installed, beside it in a checkout."""
    inside = Path(str(files("symbackprop") / "templates"))
    return inside if inside.is_dir() else Path(__file__).resolve().parents[1] / "templates"


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


def phrase_files(language: str, folders: Sequence[Path]) -> list[Path]:
    """The files of a language, the first folder's first.

    Raises:
        PhraseError: there is none.
    """
    is_name = language.replace("-", "").replace("_", "").isalnum()  # and no path
    found = [file for folder in folders if is_name and (file := folder / "phrases" / f"{language}.toml").is_file()]
    if not found:
        known = sorted({file.stem for folder in folders for file in (folder / "phrases").glob("*.toml")})
        raise PhraseError(
            f"there are no phrases for the language {language!r}",
            hint=f"there are {', '.join(known)}; a new language is one file phrases/{language}.toml",
        )
    return found


def read_sentences(paths: Sequence[Path]) -> dict[str, str]:
    """Key -> sentence; files that come earlier win.

    Raises:
        PhraseError: a file cannot be read.
    """
    sentences: dict[str, str] = {}
    for file in reversed(paths):
        sentences.update(_flat(_read(file)))
    return sentences


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise PhraseError(
            f"the phrase file cannot be read: {error}", file=str(file), hint='every line is  key = "sentence"'
        ) from error


def _flat(table: dict[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested tables as dotted keys."""
    found: dict[str, str] = {}
    for key, value in table.items():
        if isinstance(value, dict):
            found |= _flat(value, f"{prefix}{key}.")
        else:
            found[prefix + key] = str(value)
    return found
