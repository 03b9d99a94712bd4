r"""Takes one written name apart: `\hat{y}_{12}^{(1)}`, `ŷ₁₂⁽¹⁾` -> base, accent, labels.

Contract: `spell(text)` gives the parts of a single name in LaTeX, plain text or Unicode, else None.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Literal, NamedTuple

from symbackprop.names.alphabet import (
    ACCENT_COMMANDS,
    CALLIGRAPHIC,
    COMBINING,
    FONTS,
    GREEK,
    LETTERS,
    SUBSCRIPTS,
    SUPERSCRIPTS,
    plain_letter,
)

Kind = Literal["sub", "sup", "bracket", "paren"]
"""Subscript, superscript `^2`, layer superscript `^{[l]}`, label or sample superscript `^{(i)}`."""


class Label(NamedTuple):
    """One script that is part of a name, e.g. `Label("bracket", "1")` in `W^{[1]}`."""

    kind: Kind
    text: str


class Parts(NamedTuple):
    """What a written name consists of; `glued` if a number stands right behind the base, as in `W1`."""

    base: str
    accent: str = ""
    scripts: tuple[Label, ...] = ()
    glued: bool = False


LONGEST = 120
DEEPEST = 10

_ATOMS = re.compile(r"\\[A-Za-z]+|[A-Za-z]+|[0-9]+|\s+|\\?.", re.DOTALL)
_COMMAND_SPACE = re.compile(r"(\\[A-Za-z]+) (?![A-Za-z])")
_SIGNS = frozenset({"*", "+", "-"})
_NOT_LABELS = frozenset({"T", "top", "intercal"})


def spell(text: str) -> Parts | None:
    r"""The parts of the name that a text spells; None if it is not a single name.

    >>> spell(r"\hat{y}_{12}")
    Parts(base='y', accent='hat', scripts=(Label(kind='sub', text='12'),), glued=False)
    >>> spell("a + b")
    """
    return _Speller(text).whole() if len(text) <= LONGEST else None


class _Speller:
    """Reads the atoms of one name from left to right."""

    def __init__(self, text: str) -> None:
        ascii_text = text if text.isascii() else latex_spelling(text)
        self.atoms: list[str] = [a for a in _ATOMS.findall(ascii_text) if not a.isspace()]
        self.position = 0

    def whole(self) -> Parts | None:
        parts = self._scripted(0)
        return parts if self.position == len(self.atoms) else None

    def _next(self) -> str:
        self.position += 1
        return self.atoms[self.position - 1] if self.position <= len(self.atoms) else ""

    def _peek(self) -> str:
        return self.atoms[self.position] if self.position < len(self.atoms) else ""

    def _scripted(self, depth: int) -> Parts | None:
        parts = self._bare(depth)
        if parts is None:
            return None
        scripts = list(parts.scripts)
        glued = parts.glued
        if self._peek().isdigit() and not scripts:
            scripts.append(Label("sub", self._next()))
            glued = True
        while self._peek() in {"_", "^", "'"}:
            mark = self._next()
            if mark == "'":
                scripts.append(Label("sup", "'"))
                continue
            found = self._subscript() if mark == "_" else self._superscript()
            if not found:
                return None
            scripts += found
        return Parts(parts.base, parts.accent, tuple(scripts), glued)

    def _bare(self, depth: int) -> Parts | None:
        atom = self._next()
        if depth > DEEPEST:
            return None
        if atom == "{":
            parts = self._scripted(depth + 1)
            return parts if self._next() == "}" else None
        if atom.startswith("\\"):
            command = atom[1:]
            if command in FONTS:
                return self._bare(depth + 1)
            if command in LETTERS:
                return Parts(command)
            accent = ACCENT_COMMANDS.get(command)
            parts = self._bare(depth + 1) if accent else None
            return parts._replace(accent=accent) if accent and parts and not parts.accent else None
        return Parts(atom) if atom.isascii() and atom.isalpha() else None

    def _subscript(self) -> list[Label] | None:
        text = self._label("}") if self._peek() == "{" else self._unbraced()
        return [Label("sub", text)] if text else None

    def _superscript(self) -> list[Label] | None:
        if self._peek() != "{":
            label = self._bracketed()
            if label:
                return [label]
            text = self._unbraced()
            return [Label("sup", text)] if text and text not in _NOT_LABELS else None
        start = self.position
        self._next()
        labels: list[Label] = []
        while label := self._bracketed():
            labels.append(label)
        if labels:
            return labels if self._next() == "}" else None
        self.position = start
        text = self._label("}")
        return [Label("sup", text)] if text and text not in _NOT_LABELS else None

    def _bracketed(self) -> Label | None:
        closing = {"[": "]", "(": ")"}.get(self._peek())
        if closing is None:
            return None
        text = self._label(closing)
        return Label("bracket" if closing == "]" else "paren", text) if text else None

    def _unbraced(self) -> str:
        parts = [self._next()]
        if parts[0].startswith("\\"):
            return parts[0][1:] if parts[0][1:] in LETTERS else ""
        if parts[0] in _SIGNS:
            return parts[0]
        if not parts[0].isalnum():
            return ""
        # `_h1`, and `_1,2` as plain spellings print it.
        while self._peek().isalnum() or self._peek() == ",":
            parts.append(self._next())
        return label_text(parts)

    def _label(self, closing: str) -> str:
        """The text of a label up to its closing bracket; empty if it is an expression."""
        self._next()
        parts: list[str] = []
        depth = 0
        if self._peek() in _SIGNS:
            sign = self._next()
            return sign if self._next() == closing else ""
        while (atom := self._next()) and (depth or atom != closing):
            depth += (atom == "{") - (atom == "}")
            command = atom[1:] if atom.startswith("\\") else ""
            if command in LETTERS:
                parts.append(command)
            elif command in FONTS or atom in {"{", "}", "_"}:
                continue
            elif atom.isalnum() or atom in {",", "'"}:
                parts.append(atom)
            else:
                return ""
        return label_text(parts) if atom else ""


def label_text(parts: list[str]) -> str:
    """The text of a label from its words, numbers and commas; numbers that follow each other stay apart.

    >>> label_text(["h", "1"]), label_text(["1", "2"]), label_text(["1", ",", "2"])
    ('h1', '1_2', '1,2')
    """
    text = ""
    for part in parts:
        text += "_" + part if text[-1:].isdigit() and part[:1].isalnum() else part
    return text if text.strip(",") == text else ""


def latex_spelling(text: str) -> str:
    r"""A name's Unicode characters as LaTeX commands, scripts and accents.

    >>> latex_spelling("ŷ₁₂"), latex_spelling("𝐖⁽¹⁾"), latex_spelling("α̂")
    ('\\hat{y}_{12}', 'W^{(1)}', '\\hat{\\alpha}')
    """
    result: list[str] = []
    script = ""
    for character in unicodedata.normalize("NFD", text) + " ":
        kind = "^" if character in SUPERSCRIPTS else "_" if character in SUBSCRIPTS else ""
        if kind != script:
            if script:
                result.append("}")
            if kind:
                result.append(kind + "{")
            script = kind
        if kind:
            result.append(SUPERSCRIPTS[character] if kind == "^" else SUBSCRIPTS[character])
        elif character in COMBINING and result:
            result[-1] = rf"\{COMBINING[character]}{{{result[-1].strip()}}}"
        elif character in CALLIGRAPHIC:
            result.append(rf"\mathcal{{{CALLIGRAPHIC[character]}}}")
        else:
            letter = character if character.isascii() else plain_letter(character)
            result.append("\\" + GREEK[letter] + " " if letter in GREEK else letter)
    joined = "".join(result).strip()
    return _COMMAND_SPACE.sub(r"\1", joined)
