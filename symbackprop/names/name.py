r"""How a quantity's name is spelled: `w_{12}`, `w_12`, `w₁₂` are one `Name`; so are `\hat{y}`, `ŷ`, `yhat`.

A name prints as plain text, LaTeX and Unicode, is looked up by its `key`, and becomes a safe identifier.
"""

from __future__ import annotations

import builtins
import keyword
import re
import unicodedata
from collections.abc import Container
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

from symbackprop.errors import visible
from symbackprop.names.alphabet import (
    ACCENTS,
    CALLIGRAPHIC,
    GREEK,
    LETTERS,
    SUBSCRIPTS,
    SUPERSCRIPTS,
    VARIANTS,
)
from symbackprop.names.spelling import Label, spell

_TO_SUPERSCRIPT = str.maketrans({plain: sup for sup, plain in SUPERSCRIPTS.items()})
_TO_SUBSCRIPT = str.maketrans({plain: sub for sub, plain in SUBSCRIPTS.items()})
_CALLIGRAPHIC_OF = {letter: script for script, letter in CALLIGRAPHIC.items()}

_TEXT_ESCAPES = str.maketrans(
    {c: "\\" + c for c in "{}_&%$#"}
    | {"\\": r"\textbackslash{}", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "\n": " ", "\t": " "}
)

_USED_BY_PROGRAMS = """
    np numpy math scipy jax jnp torch add amax amin arange arccos arcsin arctan arctan2 argmax argmin array
    asarray broadcast_to ceil clip concatenate copysign cos cosh cumsum diag diagonal divide dot dtype e
    einsum empty equal erf exp expand_dims expm1 expit exp2 eye fabs flip float32 float64 floor full greater
    greater_equal heaviside identity inf inner isfinite isnan less less_equal linalg log log10 log1p log2
    logaddexp logical_and logical_not logical_or logsumexp matmul max maximum mean min minimum mod moveaxis
    multiply nan negative newaxis nonzero norm not_equal ones ones_like outer pad pi polyval power prod
    reciprocal repeat reshape ravel relu roll select sigmoid sign sin sinc sinh softmax sqrt square squeeze
    stack std subtract sum swapaxes take tan tanh tensordot tile trace transpose triu tril true_divide values
    var vdot where windows xlogy zeros zeros_like self loss grads gradients
"""

RESERVED = frozenset(dir(builtins)) | frozenset(_USED_BY_PROGRAMS.split())
"""Names that a generated program uses itself: no quantity may shadow them."""

_GREEK_WORD = "|".join(sorted(LETTERS, key=len, reverse=True))
_WORD_WITH_ACCENT = re.compile(rf"([A-Za-z]|{_GREEK_WORD})(hat|bar|tilde|dot|vec)|([A-Z])(cal)")
_SIMPLE = re.compile(r"([A-Za-z]+)([0-9]*)(?:_(?:([A-Za-z0-9]+)|\{([A-Za-z0-9]+)\}))?")
_CHUNKS = re.compile(r"[0-9]{1,15}|[^0-9]+")
_UNSAFE = re.compile(r"[^A-Za-z0-9]+")
_LETTER_NUMBER = re.compile(r"(?<=[A-Za-z])_(?=[0-9])")


@dataclass(frozen=True, eq=False, repr=False)
class Name:
    r"""The name of a quantity: a base letter or word, an accent, and the scripts that belong to the name.

    Names are equal when they spell the same quantity; `plain`, `latex`, `unicode` keep the writer's choice.

    >>> name = parse_name(r"\hat{y}_{12}^{(1)}")
    >>> name.plain, name.latex, name.unicode, name.stem.plain
    ('yhat_12^(1)', '\\hat{y}_{12}^{(1)}', 'ŷ₁₂⁽¹⁾', 'yhat')
    >>> parse_name("h1") == parse_name("h_{1}") == parse_name("h₁")
    True
    """

    base: str
    accent: str = ""
    scripts: tuple[Label, ...] = ()
    glued: bool = False
    """The first subscript is a number that was written right behind the base: `W1`."""
    opaque: bool = False
    """The base is a text that does not follow the rules of notation."""

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Name) and self.key == other.key)

    def __hash__(self) -> int:
        return hash(self.key)

    def __str__(self) -> str:
        return self.plain

    def __repr__(self) -> str:
        return f"Name({self.plain!r})"

    @cached_property
    def key(self) -> str:
        """What the name is looked up by: one text for all spellings, superscripts before subscripts."""
        if self.opaque:
            return self.base
        head = VARIANTS.get(self.base, self.base) + self.accent
        if not self.scripts:
            return head
        if len(self.scripts) == 1 and self.scripts[0].text.isalnum():
            return head + _plain_script(self.scripts[0])
        return head + "".join(map(_plain_script, _key_scripts(self.scripts)))

    @cached_property
    def plain(self) -> str:
        """The spelling in results and on the command line: `w_12`, `W^(1)`, `yhat`, `W1`."""
        if self.opaque:
            return visible(self.base.replace("\n", " "))
        scripts = "".join(map(_plain_script, _merged(self.scripts)))
        return self.base + self.accent + (scripts[1:] if self.glued else scripts)

    @cached_property
    def latex(self) -> str:
        r"""The spelling in LaTeX math, safe in KaTeX and MathJax: `\mathit{out}`, `\hat{y}_{12}`."""
        if self.opaque:
            return r"\text{" + visible(self.base).translate(_TEXT_ESCAPES) + "}"
        text = _latex_word(self.base, 2)
        if self.accent == "cal":
            text = rf"\mathcal{{{text}}}"
        elif self.accent:
            text = rf"\{self.accent}{{{text}}}"
        superscript = "".join(
            f"[{body}]" if kind == "bracket" else f"({body})" if kind == "paren" else body
            for kind, body in ((s.kind, _latex_label(s.text)) for s in self.scripts if s.kind != "sub")
        )
        subscript = ",".join(_latex_label(s.text) for s in _merged(self.scripts) if s.kind == "sub")
        if superscript.startswith("'"):
            text, superscript = text + "'", superscript[1:]
        below = "_" + _braced(subscript) if subscript else ""
        above = "^" + _braced(superscript) if superscript else ""
        return text + (below + above if self.scripts and self.scripts[0].kind == "sub" else above + below)

    @cached_property
    def unicode(self) -> str:
        """The spelling in a terminal: `w₁₂`, `α₁`, `ŷ`, `W⁽¹⁾`."""
        if self.opaque:
            return self.plain
        text = LETTERS.get(self.base, self.base)
        if self.accent == "cal":
            text = _CALLIGRAPHIC_OF.get(text, text)
        elif self.accent:
            text = unicodedata.normalize("NFC", text + ACCENTS[self.accent])
        return text + "".join(map(_unicode_script, _merged(self.scripts)))

    @property
    def stem(self) -> Name:
        """The name without its scripts."""
        return make_name(self.base, self.accent) if self.scripts else self

    def with_scripts(self, scripts: tuple[Label, ...]) -> Name:
        """The name with other scripts."""
        return make_name(self.base, self.accent, scripts)

    def with_accent(self, accent: str) -> Name:
        r"""The name with an accent: `y_1` -> `\hat{y}_1`."""
        return replace(self, accent=accent)


@lru_cache(maxsize=1 << 16)
def make_name(base: str, accent: str = "", scripts: tuple[Label, ...] = (), glued: bool = False) -> Name:
    r"""The name with these parts; `yhat` and `y_hat` become a `y` with an accent. Names are shared.

    >>> make_name("y", "", (Label("sub", "hat"), Label("sub", "1"))).latex
    '\\hat{y}_1'
    """
    if not accent:
        match = _WORD_WITH_ACCENT.fullmatch(base)
        if match:
            base, accent = match[1] or match[3], match[2] or match[4]
    if not accent:
        for position, (kind, text) in enumerate(scripts):
            if kind == "sub" and text in ACCENTS and text != "cal":
                accent = text
                scripts = scripts[:position] + scripts[position + 1 :]
                break
    return Name(base, accent, scripts, glued)


@lru_cache(maxsize=1 << 14)
def parse_name(text: str) -> Name | None:
    r"""The name that a text spells in LaTeX, plain text or Unicode; None if it is not a single name.

    >>> [parse_name(t).plain for t in (r"\alpha_{1}", "α₁", r"\mathbf{W}^{[1]}", "W^(1)", r"\text{out}")]
    ['alpha_1', 'alpha_1', 'W^[1]', 'W^(1)', 'out']
    >>> parse_name("a + b"), parse_name("w_{t-1}"), parse_name("2x")
    (None, None, None)
    """
    match = _SIMPLE.fullmatch(text)
    if match is None:
        parts = spell(text)
        return make_name(*parts) if parts else None
    base, number, bare, braced = match.groups()
    scripts = (Label("sub", number),) if number else ()
    if bare or braced:
        scripts += (Label("sub", bare or braced),)
    return make_name(base, "", scripts, bool(number))


def opaque_name(text: str) -> Name:
    r"""A name that is shown as the text it is, for symbols whose names do not follow the notation.

    >>> opaque_name("my var{").latex
    '\\text{my var\\{}'
    """
    return Name(text, opaque=True)


def natural_key(name: Name | str) -> tuple[tuple[int, str], ...]:
    """A sort key in which numbers count as numbers.

    >>> sorted(["w_10", "w_2", "b_1"], key=natural_key)
    ['b_1', 'w_2', 'w_10']
    """
    text = name if isinstance(name, str) else name.plain
    # Chunks of 15 digits: long ones would make `int` slow, and then refuse.
    return tuple((int(chunk), "") if chunk.isdigit() else (-1, chunk) for chunk in _CHUNKS.findall(text))


def identifier(name: Name | str, taken: Container[str] = ()) -> str:
    """A Python identifier for the name: ASCII, no keyword, no builtin or NumPy function, not in `taken`.

    >>> identifier(parse_name("W^{(1)}")), identifier("lambda"), identifier("x", taken={"x"})
    ('W_1', 'lambda_', 'x_2')
    """
    text = name if isinstance(name, str) else name.plain
    text = unicodedata.normalize("NFKD", "".join(GREEK.get(c, c) for c in text[:200]))
    safe = _UNSAFE.sub("_", text).strip("_") or "x"
    if not safe[0].isalpha():
        safe = "x_" + safe
    if keyword.iskeyword(safe) or keyword.issoftkeyword(safe) or safe in RESERVED:
        safe += "_"
    candidate, number = safe, 2
    while candidate in taken:
        candidate = f"{safe.rstrip('_')}_{number}"
        number += 1
    return candidate


def _key_scripts(scripts: tuple[Label, ...]) -> list[Label]:
    """Superscripts first, then subscripts as one, where `_` is a comma: `w_1_2` is `w_{1,2}`."""
    above = [s for s in scripts if s.kind != "sub"]
    below = _merged(tuple(s for s in scripts if s.kind == "sub"))
    return above + [Label("sub", s.text.replace("_", ",")) for s in below]


@lru_cache(maxsize=1 << 12)
def _merged(scripts: tuple[Label, ...]) -> tuple[Label, ...]:
    """Subscripts that follow each other as one, so that `net_h_1`, `net_{h_1}` and `net_h1` agree."""
    result: list[Label] = []
    for kind, written in scripts:
        text = _LETTER_NUMBER.sub("", written)
        if kind == "sub" and result and result[-1].kind == "sub":
            before = result[-1].text
            join = "" if before[-1:].isalpha() and text[:1].isdigit() else "_"
            result[-1] = Label("sub", before + join + text)
        else:
            result.append(Label(kind, text))
    return tuple(result)


def _plain_script(script: Label) -> str:
    match script.kind:
        case "sub":
            return "_" + script.text
        case "bracket":
            return f"^[{script.text}]"
        case "paren":
            return f"^({script.text})"
        case "sup":
            return script.text if script.text == "'" else "^" + script.text


def _unicode_script(script: Label) -> str:
    text = script.text
    if text in LETTERS:
        return _plain_script(Label(script.kind, LETTERS[text]))
    if script.kind == "sub" and all(c in _TO_SUBSCRIPT_CHARACTERS for c in text):
        return text.translate(_TO_SUBSCRIPT)
    if script.kind in {"sup", "paren"} and all(c in _TO_SUPERSCRIPT_CHARACTERS for c in text):
        return (f"({text})" if script.kind == "paren" else text).translate(_TO_SUPERSCRIPT)
    return _plain_script(script)


_TO_SUBSCRIPT_CHARACTERS = frozenset(SUBSCRIPTS.values())
_TO_SUPERSCRIPT_CHARACTERS = frozenset(SUPERSCRIPTS.values())


def _latex_word(word: str, italic_from: int) -> str:
    """A letter, a Greek letter, or a word of at least `italic_from` letters set as one."""
    if word in LETTERS and word != "omicron":
        return "\\" + word
    return rf"\mathit{{{word}}}" if word.isalpha() and len(word) >= italic_from else word


def _latex_label(text: str) -> str:
    r"""A label: `h1`, `\alpha`, `1,2`, `\mathit{new}`; two letters are two indices."""
    if len(text) <= 2 and text not in LETTERS:
        return text
    words = re.split(r"([A-Za-z]+)", text.replace("_", ","))
    return "".join(_latex_word(word, 3) for word in words)


def _braced(text: str) -> str:
    return text if len(text) == 1 else "{" + text + "}"
