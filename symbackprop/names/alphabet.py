r"""The letters, accents and fonts of mathematical writing, as tables: Unicode <-> LaTeX command.

Imports nothing of the package; `names` and the lexer read the same tables.
"""

from __future__ import annotations

import unicodedata

_GREEK_LETTERS = "αβγδεζηθικλμνξοπρστυφχψωΓΔΘΛΞΠΣΥΦΨΩϵϕϑϱςϖϰℓ"
_GREEK_COMMANDS = """
    alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau upsilon
    phi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega
    varepsilon varphi vartheta varrho varsigma varpi varkappa ell
"""

GREEK: dict[str, str] = dict(zip(_GREEK_LETTERS, _GREEK_COMMANDS.split(), strict=True))
"""Unicode letter -> its LaTeX command without the backslash."""

LETTERS: dict[str, str] = {command: letter for letter, command in GREEK.items()}
"""LaTeX command -> Unicode letter: the letters that have a name of their own."""

VARIANTS = {
    "varepsilon": "epsilon",
    "varphi": "phi",
    "vartheta": "theta",
    "varrho": "rho",
    "varsigma": "sigma",
    "varpi": "pi",
    "varkappa": "kappa",
}
"""Shapes of one letter: they print as written and are looked up as one."""

ACCENTS = {"hat": "\u0302", "bar": "\u0304", "tilde": "\u0303", "dot": "\u0307", "vec": "\u20d7", "cal": ""}
"""Marks on a letter -> the combining character. `cal` (\\mathcal) tells the loss ℒ from the last layer L."""

ACCENT_COMMANDS = {name: name for name in ACCENTS if name != "cal"} | {
    "widehat": "hat",
    "widetilde": "tilde",
    "overline": "bar",
    "mathcal": "cal",
    "mathscr": "cal",
}
"""LaTeX command of an accent -> the accent."""

COMBINING = {mark: name for name, mark in ACCENTS.items() if mark} | {"\u0305": "bar"}
"""Combining character -> accent."""

_FONT_COMMANDS = """
    mathbf boldsymbol bm pmb mathrm mathit mathsf mathtt mathnormal mathbb mathfrak text textbf textit textrm
    textsf texttt textnormal mbox operatorname mathds mathbbm bold rm bf it
"""

FONTS = frozenset(_FONT_COMMANDS.split())
"""LaTeX commands that change how a name looks, not which name it is."""

SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱʲᵏˡᵐᵗˣᵀ", "0123456789+-=()nijklmtxT", strict=True))
SUBSCRIPTS = dict(zip("₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ", "0123456789+-=()aehijklmnoprstuvx", strict=True))
"""Unicode superscript and subscript characters -> what they stand for."""

CALLIGRAPHIC = {"ℒ": "L", "ℰ": "E", "ℱ": "F", "ℋ": "H", "ℛ": "R", "ℬ": "B", "ℐ": "I", "ℳ": "M"}
"""Script capitals that are characters of their own."""


def plain_letter(character: str) -> str:
    """A mathematical or full-width letter as the plain one: 𝑤 and 𝐰 are w, 𝜶 is α; others stay.

    >>> plain_letter("𝑤"), plain_letter("𝜶"), plain_letter("ℎ"), plain_letter("é")
    ('w', 'α', 'h', 'é')
    """
    if character in GREEK:
        return character
    plain = unicodedata.normalize("NFKC", character)
    return plain if len(plain) == 1 and (plain.isascii() or plain in GREEK) else character
