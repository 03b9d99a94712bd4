"""What is said to students, in their language: sentences of the phrase files under ``check`` (or ``report``).

Contract: `Messages(language)` gives a sentence with its placeholders filled in, as plain text.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from symbackprop.phrases import PhraseError, phrase_files, read_sentences, template_folders

PREFIX = "check."


class Messages:
    """The messages of one language, of one section of its phrases."""

    def __init__(self, language: str = "en", folders: Sequence[Path] | None = None, prefix: str = PREFIX) -> None:
        self.language, self.prefix = language, prefix
        self.files = phrase_files(language, folders or template_folders())
        self._sentences = {k: v for k, v in read_sentences(self.files).items() if k.startswith(prefix)}

    def __call__(self, key: str, **fillings: str) -> str:
        """The sentence of a key.

        Raises:
            PhraseError: it is missing, or has a placeholder that nothing fills.

        >>> Messages("en")("missing", target="dE/dw")
        'dE/dw is required and was not found.'
        """
        sentence = self._sentences.get(self.prefix + key)
        if sentence is None:
            raise PhraseError(f"the phrase '{self.prefix}{key}' is missing", file=str(self.files[-1]))
        try:
            return sentence.format(**fillings)
        except (KeyError, IndexError, ValueError):
            raise PhraseError(
                f"the phrase '{self.prefix}{key}' has a placeholder that nothing fills",
                file=str(self.files[0]),
                hint=f"it may use {', '.join('{' + f + '}' for f in fillings) or 'no placeholder'}",
            ) from None

    def __contains__(self, key: str) -> bool:
        return self.prefix + key in self._sentences
