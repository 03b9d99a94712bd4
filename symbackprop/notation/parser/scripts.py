r"""Reads subscripts and superscripts: `_{12}`, `_{i,t-1}`, `^{[l](i)}`, `^T`, `'`, `[i, j]`.

Contract: a `Raw` script is what is written, with its label if it can be part of a name; whether it is a
label, an index or a power is decided in `references`, with the vocabulary.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from symbackprop.errors import Span
from symbackprop.names import Kind, Label, Name
from symbackprop.names.spelling import label_text
from symbackprop.notation.parser.cursor import NAME_KINDS, Cursor, split_run
from symbackprop.notation.parser.vocabulary import Vocabulary
from symbackprop.notation.source import Line
from symbackprop.notation.syntax import Node
from symbackprop.notation.tokens import Token

RawKind = Literal["sub", "sup", "bracket", "paren", "transpose", "inverse", "prime"]


_TRANSPOSES = frozenset({"T", "top", "intercal"})
_SIGNS = frozenset({"*", "+", "-"})
_INDEX_KINDS: dict[str, Kind] = {"sub": "sub", "bracket": "bracket", "paren": "paren"}


class Raw(NamedTuple):
    """One written script; its content is one token, the tokens from `first` to before `last`, or a node."""

    kind: RawKind
    label: str
    """The content as part of a name; empty if it is an expression."""
    span: Span
    token: Token | None = None
    first: int = 0
    last: int = 0
    node: Node | None = None
    glued: bool = False
    """A number right behind the base: `W1`."""
    bare: bool = False
    """Round brackets without braces around them: `x^(n+1)`, which may be an exponent."""

    @property
    def numeric(self) -> bool:
        """Whether it is a number or numbers: `^{(1)}`, `_{1,2}`."""
        return self.label.replace(",", "").isdigit()

    @property
    def is_word(self) -> bool:
        """Whether it is a superscript that is no exponent but a mark: `y^*`, `w^+`, `w^{new}`."""
        return self.kind == "sup" and (self.label in _SIGNS or (self.label.isalpha() and len(self.label) > 2))

    @property
    def index_kind(self) -> Kind | None:
        """The kind of script that it is as an index; None for what is an exponent, a prime, a transpose."""
        return _INDEX_KINDS.get(self.kind)

    def as_label(self) -> Label:
        """The script as part of a name."""
        return Label(_INDEX_KINDS.get(self.kind, "sup"), self.label)


_SCRIPT_STARTS = frozenset({"_", "^", "'", "top"})
_LABEL_KINDS = frozenset({"run", "letter", "word", "number", ",", "*", "_", "{", "}"})
_PLAIN_LABELS = frozenset({"run", "number", "letter", "word"})
_EXPONENT_STARTS = NAME_KINDS | {"number", "(", "{", "frac", "sqrt", "["}
_SILENT = frozenset({"_", "{", "}"})
_BEHIND_LABELS = frozenset({"(", "[", "run", "word", "top", "^", "'", "number", "}"})
LONGEST_LABEL = 60
"""Tokens of a label; what is longer is an expression."""


class Scripts(Cursor):
    """The layer of the parser that reads scripts."""

    def __init__(self, line: Line, tokens: list[Token], vocabulary: Vocabulary) -> None:
        super().__init__(line, tokens, vocabulary)
        self.read_before: dict[int, tuple[list[Raw], int]] = {}

    def raw_scripts(self, base: Name | None) -> list[Raw]:
        """All scripts at the cursor. `base` is the name that carries them, if it is a name."""
        start = self.at
        if start in self.read_before:
            raws, self.at = self.read_before[start]
            return raws
        raws = []
        while True:
            kind = self.tokens[self.at].kind
            if kind == "_":
                raws.append(self._subscript(base, raws))
            elif kind == "^":
                self._superscript(base, raws)
            elif kind == "'" or kind == "top":
                token = self.tokens[self.at]
                self.at += 1
                raws.append(Raw("prime" if kind == "'" else "transpose", kind.strip("top"), token[2:]))
            elif kind == "[" and self.adjacent() and self._is_index_list(self.at):
                raws.append(self._braced("sub", self.tokens[self.at].start))
            else:
                break
        # A token may have been cut in two: scripts are read once, also when the parser steps back.
        if raws:
            self.read_before[start] = raws, self.at
        return raws

    # ---- subscripts

    def _subscript(self, base: Name | None, before: list[Raw]) -> Raw:
        start = self.tokens[self.at].start
        self.at += 1
        token = self.tokens[self.at]
        if token.kind == "{" and self.tokens[self.at + 2].kind == "}":
            # The common case, `_{12}`, without looking for the bracket.
            inner, closer = self.tokens[self.at + 1 : self.at + 3]
            if inner.kind in _PLAIN_LABELS and inner.value.isalnum():
                self.at += 3
                return Raw("sub", inner.value, (start, closer.end), inner)
        if token.kind == "{" or token.kind == "(":
            return self._braced("sub", start)
        if token.kind == "run":
            return self._unbraced_run(base, before, token, start)
        if token.kind == "number" and token.value.isdigit():
            self.at += 1
            return Raw("sub", token.value, (start, token.end), token)
        if token.kind == "letter" or token.kind == "word":
            self.at += 1
            return Raw("sub", label_text([token.value]), (start, token.end), token)
        if token.kind in _SIGNS:
            self.at += 1
            return Raw("sub", token.kind, (start, token.end), token)
        raise self.unexpected("a subscript is one letter, a number, or stands in braces: w_{12}")

    def _unbraced_run(self, base: Name | None, before: list[Raw], token: Token, start: int) -> Raw:
        """`w_in` is one subscript, but in `W_la_{l-1}` and `w_ijx_j` a factor follows: known names decide."""
        letters, digits = split_run(token.value)
        length = len(letters)
        if length > 1 and self.after() == "_" and self.after(2) == "{" and self.touches(self.at + 1):
            # No name has two subscripts in a row: LaTeX takes one letter, `W_l a_{l-1}`.
            length = 1
        elif length > 1 and not self._known_with(base, before, token.value):
            indices = next((n for n, c in enumerate(letters) if c not in self.bound), length)
            length = indices or next(
                (
                    n
                    for n in range(length - 1, 0, -1)
                    if self._known_with(base, before, letters[:n]) and self.vocabulary.find_text(token.value[n:])
                ),
                length,
            )
        if length == len(letters):
            self.at += 1
            return Raw("sub", letters + digits, (start, token.end), token)
        return Raw("sub", letters[:length], (start, token.start + length), self._take(token, length))

    def touches(self, position: int) -> bool:
        """Whether a token follows the one before it without a space."""
        return self.tokens[position].start == self.tokens[position - 1].end

    def _known_with(self, base: Name | None, before: list[Raw], text: str) -> bool:
        if base is None:
            return False
        labels = [raw.as_label() for raw in before if raw.label]
        return self.vocabulary.find(base.with_scripts((*base.scripts, *labels, Label("sub", text)))) is not None

    def _take(self, token: Token, length: int) -> Token:
        """The first characters of the token at the cursor; the rest stays there."""
        rest = token.value[length:]
        kind = "number" if rest.isdigit() else "run"
        self.tokens[self.at] = Token(kind, rest, token.start + length, token.end)
        return Token(token.kind, token.value[:length], token.start, token.start + length)

    # ---- superscripts

    def _superscript(self, base: Name | None, raws: list[Raw]) -> None:
        start = self.tokens[self.at].start
        self.at += 1
        token = self.tokens[self.at]
        kind = token.kind
        if kind == "{":
            self._braced_superscript(start, raws)
        elif kind == "[":
            raws.append(self._braced("bracket", start))
        elif kind == "(":
            named = base is not None and self._is_index_list(self.at)
            raws.append(self._braced("paren" if named else "sup", start)._replace(bare=True))
        elif kind == "top":
            self.at += 1
            raws.append(Raw("transpose", "", (start, token.end)))
        elif kind in {"'", "*"} or (kind in _SIGNS and self.after() not in _EXPONENT_STARTS):
            self.at += 1
            raws.append(Raw("prime" if kind == "'" else "sup", kind, (start, token.end), token))
        elif kind == "run":
            raws.append(self._unbraced_exponent(base, raws, token, start))
        elif kind == "word" and token.value in _TRANSPOSES:
            self.at += 1
            raws.append(Raw("transpose", "", (start, token.end)))
        elif kind in {"number", "letter", "word"}:
            self.at += 1
            label = token.value if kind != "number" or token.value.isdigit() else ""
            raws.append(Raw("sup", label, (start, token.end), token))
        else:
            # `e^-z`, `x^\frac12`, `x^\hat{y}`: the exponent is one factor.
            node = self.signed_operand()
            raws.append(Raw("sup", "", self.span(start), node=node))

    def _unbraced_exponent(self, base: Name | None, raws: list[Raw], token: Token, start: int) -> Raw:
        """LaTeX takes one character: `W^Tx` is the transpose times x."""
        letters, _ = split_run(token.value)
        labels = [raw.as_label() for raw in raws if raw.label]
        whole = len(letters) == 1 or (
            base is not None
            and self.vocabulary.find(base.with_scripts((*labels, Label("sup", token.value)))) is not None
        )
        transpose = letters[0] == "T" and (len(token.value) == 1 or len(letters) > 1)
        if whole:
            self.at += 1
            taken, end = token, token.end
        else:
            taken, end = self._take(token, 1), token.start + 1
        return Raw("transpose" if transpose else "sup", "" if transpose else taken.value, (start, end), taken)

    def _braced_superscript(self, start: int, raws: list[Raw]) -> None:
        """What stands in `^{...}`: layer and sample labels first, then a transpose, primes or an exponent."""
        opening = self.at
        last = self.closing(opening)
        self.at += 1
        if self.at == last:
            raise self.error("the superscript is empty", (start, self.tokens[last].end), "remove it, or fill it in")
        while self.kind == "[" or (self.kind == "(" and self._is_index_list(self.at)):
            # `^{(n+1)/2}` is an exponent; `^{(1)T}` and `^{[l](i)}` are labels.
            behind = self.tokens[self.closing(self.at) + 1].kind
            if self.kind == "(" and behind not in _BEHIND_LABELS:
                break
            raws.append(self._braced("bracket" if self.kind == "[" else "paren", self.token.start))
        if self.kind in {"^", "hadamard"} and self.at + 1 < last:
            # `W^{(2)^T}`, and `A^{\odot 2}`, which is what a power of an array means anyway
            self.at += 1
        if self.at < last:
            rest = self.tokens[self.at : last]
            span = (start, self.tokens[last].end)
            kinds = [token.kind for token in rest]
            if _is_transpose(rest):
                raws.append(Raw("transpose", "", span))
            elif kinds[0] == "-" and _is_transpose(rest[1:]):
                raws += [Raw("inverse", "", span), Raw("transpose", "", span)]
            elif set(kinds) == {"'"}:
                raws += [Raw("prime", "'", span)] * len(kinds)
            else:
                label = kinds[0] if len(kinds) == 1 and kinds[0] in _SIGNS else self._label(self.at, last)
                raws.append(Raw("sup", label, span, None, self.at, last))
        self.at = last + 1

    # ---- contents

    def _braced(self, kind: RawKind, start: int) -> Raw:
        """A script whose content stands in brackets at the cursor."""
        first, last = self.at + 1, self.closing(self.at)
        if first == last:
            raise self.error("the script is empty", (start, self.tokens[last].end), "remove it, or fill it in")
        self.at = last + 1
        label = self._label(first, last)
        return Raw(kind, label, (start, self.tokens[last].end), None, first, last)

    def _label(self, first: int, last: int) -> str:
        """The text that tokens are as a part of a name; empty if they are an expression."""
        if last - first > LONGEST_LABEL:
            return ""
        parts: list[str] = []
        for position in range(first, last):
            kind, value = self.tokens[position][:2]
            if kind not in _LABEL_KINDS or (kind == "number" and not value.isdigit()):
                return ""
            if kind not in _SILENT:
                parts.append(value or kind)
        return label_text(parts)

    def _is_index_list(self, opening: int) -> bool:
        """Whether brackets hold what can be indices: numbers, names, names plus or minus something."""
        last = self.closing(opening)
        if last - opening > LONGEST_LABEL or last == opening + 1:
            return False
        expects_item = True
        position = opening + 1
        while position < last:
            kind = self.tokens[position].kind
            if kind == ",":
                expects_item = True
            elif kind in {"+", "-"}:
                if expects_item or position + 1 >= last or self.tokens[position + 1].kind not in {"number", "run"}:
                    return False
                position += 1
            elif kind in {"run", "letter", "word", "number"}:
                if not expects_item or (kind == "number" and not self.tokens[position].value.isdigit()):
                    return False
                expects_item = False
            else:
                return False
            position += 1
        return not expects_item


def _is_transpose(tokens: list[Token]) -> bool:
    return len(tokens) == 1 and (tokens[0].kind == "top" or tokens[0].value in _TRANSPOSES)


def glued_number(token: Token, digits: str) -> Raw:
    """The number at the end of a run, as a subscript: `W1`."""
    start = token.end - len(digits)
    return Raw("sub", digits, (start, token.end), Token("number", digits, start, token.end), glued=True)
