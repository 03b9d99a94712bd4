"""The sentences of a sheet, from one file per language.

Contract: `Phrases(language, folders)` gives the sentence of a key with its ``{placeholders}`` filled in, as
inline pieces; ``**words**`` are strong. A folder that comes earlier overrides single keys of the later
ones.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from symbackprop.phrases import PhraseError, phrase_files, read_sentences
from symbackprop.sheets.blocks import Inline, Line, Math, Strong, Text

_PIECES = re.compile(r"\{(\w+)\}|\*\*(.+?)\*\*", re.DOTALL)

Filling = Inline | Line | str | int


class Phrases:
    """The sentences of one language."""

    def __init__(self, language: str, folders: Sequence[Path]) -> None:
        self.language = language
        self.files = phrase_files(language, folders)
        self._sentences = read_sentences(self.files)

    def __contains__(self, key: str) -> bool:
        return key in self._sentences

    def __call__(self, key: str, **fillings: Filling) -> Line:
        """The sentence of a key, with its placeholders filled in."""
        return tuple(_merged(self._pieces(key, self._sentence(key), fillings)))

    def word(self, key: str) -> str:
        """A phrase that is only words."""
        return self._sentence(key)

    def _sentence(self, key: str) -> str:
        if key not in self._sentences:
            raise PhraseError(
                f"the phrase '{key}' is missing",
                file=str(self.files[-1]),
                hint=f"add it to the file; what it says in English is in phrases/en.toml under '{key}'",
            )
        return self._sentences[key]

    def _pieces(self, key: str, sentence: str, fillings: dict[str, Filling]) -> list[Inline]:
        found: list[Inline] = []
        position = 0
        for match in _PIECES.finditer(sentence):
            found.append(Text(sentence[position : match.start()]))
            position = match.end()
            name, strong = match.groups()
            if strong is not None:
                inner = self._pieces(key, strong, fillings)
                found += [Strong(p.text) if isinstance(p, Text) else p for p in inner]
            elif name in fillings:
                found += _as_line(fillings[name])
            else:
                raise PhraseError(
                    f"the phrase '{key}' has a placeholder {{{name}}} that nothing fills",
                    file=str(self.files[0]),
                    hint=f"it may use {', '.join('{' + f + '}' for f in fillings) or 'no placeholder'}",
                )
        return [*found, Text(sentence[position:])]

    def listed(self, items: Sequence[Filling]) -> Line:
        """Items as an enumeration: ``a``, ``a and b``, ``a, b and c``."""
        pieces: list[Inline] = []
        for position, item in enumerate(items):
            if position:
                pieces.append(Text(self.word("list.last" if position == len(items) - 1 else "list.between")))
            pieces += _as_line(item)
        return tuple(_merged(pieces))

    def commas(self, items: Sequence[Filling]) -> Line:
        """Items with commas between them."""
        pieces: list[Inline] = []
        for position, item in enumerate(items):
            pieces += [Text(self.word("list.between"))] if position else []
            pieces += _as_line(item)
        return tuple(_merged(pieces))


def _as_line(filling: Filling) -> Line:
    if isinstance(filling, (str, int)):
        return (Text(str(filling)),)
    return (filling,) if isinstance(filling, (Text, Strong, Math)) else filling


def _merged(pieces: Sequence[Inline]) -> list[Inline]:
    """Neighbouring words as one piece, empty ones dropped."""
    found: list[Inline] = []
    for piece in pieces:
        if isinstance(piece, Math):
            found.append(piece)
        elif piece.text and found and type(found[-1]) is type(piece):
            found[-1] = type(piece)(found[-1].text + piece.text)  # type: ignore[union-attr]
        elif piece.text:
            found.append(piece)
    return found
