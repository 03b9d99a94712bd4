r"""Cuts a logical line into tokens: LaTeX, plain text and Unicode spellings become the same tokens.

Contract: the tokens end with an "end" token, brackets match, and limits on length, depth and digits hold.
What cannot be mathematics is refused here, with its place.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from typing import NamedTuple

from symbackprop.errors import NotationError
from symbackprop.names.alphabet import (
    CALLIGRAPHIC,
    COMBINING,
    FONTS,
    GREEK,
    LETTERS,
    SUBSCRIPTS,
    SUPERSCRIPTS,
)
from symbackprop.notation.source import Line
from symbackprop.notation.tables import (
    CASES_ENVIRONMENTS,
    CHARACTERS,
    COMMANDS,
    DISPLAY_ENVIRONMENTS,
    FRACTIONS,
    FUNCTIONS,
    INNER_ENVIRONMENTS,
    MATRIX_ENVIRONMENTS,
    METHODS,
    NORMAL,
    REFUSED,
    UNSUPPORTED,
    WORDS,
)

LONGEST_LINE = 20_000
DEEPEST = 100
MOST_DIGITS = 40
LARGEST_EXPONENT = 400
MOST_TOKENS = 12_000
LONGEST_RUN = 60
"""Letters and digits of one run."""
SHORT_NUMBER = 5
"""Numbers of fewer characters need no check."""


class Token(NamedTuple):
    """One token: its kind is the symbol itself for operators and brackets, else a word; see `tables`."""

    kind: str
    value: str
    start: int
    end: int


# ------------------------------------------------------------------------------------------------- patterns

_FONT = "|".join(sorted(FONTS, key=len, reverse=True))
_WORD = r"[A-Za-z][A-Za-z0-9]*+(?:\\?_[A-Za-z0-9]++)*+"
_SUB, _SUP = "".join(map(re.escape, SUBSCRIPTS)), "".join(map(re.escape, SUPERSCRIPTS))
_MARKS = "".join(COMBINING)
_SKIPPED = (
    "tag|label|color|textcolor|hspace|vspace|phantom|hphantom|vphantom|intertext|vskip|hskip|style|class"
)

_PATTERNS = {
    "subscript": r"_\{(?:[0-9]{1,9}|[A-Za-z]+[0-9]*)\}",
    "run": r"[A-Za-z]+[0-9]*",
    "operator": r"\*\*|:=|==|<=|>=|=<|!=|=>|\.\.+|\|\||\.\*|\./|\.(?=\s|$)|[-+*/^_=()\[\]{}|,;:<>@']",
    "number": r"(?:[0-9]+(?:\.[0-9]+|\.(?![\w.*]))?|\.[0-9]+)(?:e[+-]?[0-9]+|E[+-][0-9]+)?",
    "word": rf"\\(?:{_FONT})\*?\s*(?:\{{\s*(?:{_WORD}|[01])\s*\}}|[01](?![0-9.])|(?<=\s)[RT](?![A-Za-z]))",
    "prose": r"\\(?:text[a-z]*|mbox)\s*\{[^{}]*\}",
    "environment": r"\\(?:begin|end)\s*\{\s*[A-Za-z]+\*?\s*\}(?:\s*\[[tbc]\])?(?:\s*\{[lcr|@{}\s0-9]*\})?",
    "skipped": rf"\\(?:{_SKIPPED})\*?\s*\{{[^{{}}]*\}}|\\(?:left|right)\s*\.(?![0-9])",
    "overset": r"\\(?:overset|stackrel)\s*\{[^{}]*\}\s*\{\s*(?:=|:=|\\approx|\\equiv)\s*\}",
    "row": r"\\\\(?:\*|\[\s*[0-9.]+\s*(?:pt|em|ex|mm|cm|px)\s*\])?",
    "command": r"\\[A-Za-z]+",
    "escaped": r"\\.?",
    "method": r"\.(?:T(?![A-Za-z0-9_])|(?:" + "|".join(METHODS) + r")(?=\s*\())",
}
_UNICODE_PATTERNS = {
    "subscript": r"_\{(?:[0-9]{1,9}|[A-Za-z]+[0-9]*)\}",
    "marked": rf"[A-Za-z{''.join(GREEK)}][{_MARKS}]",
    "run": rf"[A-Za-z]+(?![{_MARKS}])[0-9]*",
    "below": rf"[{_SUB}]+",
    "above": rf"[{_SUP}]+",
}


def _compiled(patterns: dict[str, str]) -> tuple[re.Pattern[str], list[str]]:
    """One pattern with a group for each kind, and the kinds by the number of their group."""
    patterns = {**patterns, "other": "."}
    # Spaces are skipped possessively: no pattern is tried twice on them.
    pattern = r"\s*+(?:" + "|".join(f"({pattern})" for pattern in patterns.values()) + ")"
    return re.compile(pattern, re.DOTALL), ["", *patterns]


_ASCII = _compiled(_PATTERNS)
_UNICODE = _compiled({"marked": "", **_PATTERNS, **_UNICODE_PATTERNS})
_MODULE = re.compile(r"\b(?:np|numpy|jnp|torch|math|scipy|tf)\.(?:[a-z]+\.)*(?=[A-Za-z_]+\s*\()")

_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff"
    "\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_PLAIN_OPERATORS = frozenset({*"-+*/^_=|,;:<>@'", "<=", ">=", "!=", ":=", "**", "||"})
_OPERATOR_KINDS = {"==": "=", "=<": "<=", "=>": ";", ".*": "hadamard", "./": "/", ".": ";"}
_RUN_KINDS = dict.fromkeys(LETTERS, "letter") | {"partial": "partial", "nabla": "nabla"}
_QUICK_COMMANDS = {
    "\\" + command: row for command, row in COMMANDS.items() if row[1] and command not in UNSUPPORTED
}
_SNAKE_TAILS = frozenset(word.rpartition("_")[2] for word in FUNCTIONS if "_" in word)
_ESCAPED = {
    **dict.fromkeys([f"\\{c}" for c in ",;:! \n\t>-/$&()[]"], ""),
    "\\|": "||",
    "\\{": "lset",
    "\\}": "rset",
    "\\_": "_",
}
_CLOSERS = {"(": ")", "[": "]", "{": "}", "lset": "rset", "langle": "rangle", "begin": "end_begin"}
_SHOWN = {"lset": r"\{", "rset": r"\}", "langle": r"\langle", "rangle": r"\rangle"}
_CLOSING = frozenset(_CLOSERS.values())
_TRAILING = frozenset({",", ";", ":", "quad"})
_BOLD = ("\\mathbf", "\\boldsymbol", "\\bm", "\\pmb", "\\mathbb", "\\textbf", "\\mathds", "\\bf", "\\bold")
_COMMAND_OF = {"∂": "partial", "∇": "nabla", "∑": "sum", "∏": "prod", "√": "sqrt", "⊙": "odot", "×": "times"}


def tokenize(line: Line, start: int = 0) -> list[Token]:
    r"""The tokens of a logical line from position `start` on, with an "end" token behind them.

    >>> [token.value or token.kind for token in tokenize(Line.of(r"\hat{y}_1 = \frac12 x²"))]
    ['hat', '{', 'y', '}', '_', '1', '=', 'frac', '12', 'x', '^', '{', '2', '}', 'end']
    """
    text = line.text
    if len(text) > LONGEST_LINE:
        raise NotationError(
            f"a statement has {len(text):,} characters, more than {LONGEST_LINE:,}",
            text=text[:200],
            line=line.number,
            span=(0, 1),
            hint="split it: give names to its parts",
            file=line.file,
        )
    forbidden = _FORBIDDEN.search(text)
    if forbidden:
        name = unicodedata.name(forbidden.group(), "a control character")
        raise line.error(
            f"the character U+{ord(forbidden.group()):04X} ({name}) is not allowed", forbidden.span()
        )
    if not text.isascii():
        text = text.translate(NORMAL)
    if "." in text:
        # `np.` before a function says nothing.
        text = _MODULE.sub(lambda match: " " * len(match.group()), text)
    lexer = _Lexer(line, text)
    lexer.scan(start, len(text.rstrip()))
    return lexer.finished()


class _Lexer:
    """Collects the tokens of one line; a handler for each kind of pattern."""

    def __init__(self, line: Line, text: str) -> None:
        self.line = line
        self.text = text
        self.tokens: list[Token] = []
        self.open: list[Token] = []
        self.boxes: list[int] = []
        r"""Depths at which `\boxed{` stands, whose braces are dropped."""
        self.environments = 0

    def scan(self, start: int, end: int) -> None:
        """Append the tokens of a stretch of the text."""
        pattern, kinds = _ASCII if self.text.isascii() else _UNICODE
        add, new = self.tokens.append, tuple.__new__
        for match in pattern.finditer(self.text, start, end):
            group = match.lastindex or 0
            kind, value = kinds[group], match[group]
            place = match.span(group)
            # The common kinds first, without a call: this loop is most of the time of reading.
            if kind == "subscript":
                start, end = place
                inner = value[2:-1]
                inner_kind = "number" if inner.isdigit() else _RUN_KINDS.get(inner, "run")
                add(new(Token, ("_", "", start, start + 1)))
                add(new(Token, ("{", "", start + 1, start + 2)))
                add(new(Token, (inner_kind, inner, start + 2, end - 1)))
                add(new(Token, ("}", "", end - 1, end)))
            elif kind == "run":
                if value in _SNAKE_TAILS and self._snake(value, *place):
                    continue
                if len(value) > LONGEST_RUN:
                    raise self.line.error(f"a name has more than {LONGEST_RUN} letters", place)
                add(new(Token, (_RUN_KINDS.get(value, "run"), value, *place)))
            elif kind == "operator":
                if value in _PLAIN_OPERATORS:
                    add(new(Token, (value, "", *place)))
                else:
                    self._operator(_OPERATOR_KINDS.get(value, value), *place)
            elif kind == "command" and value in _QUICK_COMMANDS:
                add(new(Token, (*_QUICK_COMMANDS[value], *place)))
            elif kind == "number" and len(value) < SHORT_NUMBER:
                add(new(Token, (kind, value, *place)))
            else:
                getattr(self, "_" + kind)(value, *place)

    def finished(self) -> list[Token]:
        """All tokens, checked."""
        self._check_closed()
        tokens = self.tokens
        if len(tokens) > MOST_TOKENS:
            token = tokens[MOST_TOKENS]
            raise self.line.error(
                f"a statement has more than {MOST_TOKENS:,} signs",
                (token.start, token.end),
                "split it: give names to its parts",
            )
        while tokens and tokens[-1].kind in _TRAILING:
            tokens.pop()
        if any(token.kind == "prose" for token in tokens):
            tokens[:] = self._without_prose()
        tokens.append(Token("end", "", len(self.line.text.rstrip()), len(self.line.text)))
        return tokens

    def _check_closed(self) -> None:
        if self.open:
            token = self.open[-1]
            shown = _SHOWN.get(token.kind, token.kind)
            if token.kind == "begin":
                raise self.line.error(
                    rf"\begin{{{token.value}}} is never ended",
                    (token.start, token.end),
                    rf"add \end{{{token.value}}}",
                )
            closer = _SHOWN.get(_CLOSERS[token.kind], _CLOSERS[token.kind])
            raise self.line.error(
                f"the bracket {shown} is never closed", (token.start, token.end), f"add the missing {closer}"
            )

    # ---- handlers: the matched text, and where it stands

    def _add(self, kind: str, value: str, start: int, end: int) -> None:
        self.tokens.append(Token(kind, value, start, end))

    def _operator(self, kind: str, start: int, end: int) -> None:
        if kind in _CLOSERS:
            self._opened(Token(kind, "", start, end))
        elif kind in _CLOSING:
            self._closed(kind, start, end)
        else:
            self.tokens.append(Token("dots" if kind.startswith("..") else kind, "", start, end))

    def _opened(self, token: Token) -> None:
        if len(self.open) >= DEEPEST:
            raise self.line.error(
                f"brackets are nested more than {DEEPEST} deep",
                (token.start, token.end),
                "give names to the inner parts",
            )
        self.open.append(token)
        if token.kind == "{" and self.tokens and self.tokens[-1].kind == "box":
            self.tokens.pop()
            self.boxes.append(len(self.open))
        else:
            self.tokens.append(token)

    def _closed(self, kind: str, start: int, end: int) -> None:
        opening = self.open[-1].kind if self.open else ""
        if _CLOSERS.get(opening) != kind and not self._interval(opening, kind):
            shown = _SHOWN.get(kind, kind)
            if not opening or opening == "begin":
                raise self.line.error(
                    f"the bracket {shown} was never opened", (start, end), "remove it, or add the opening one"
                )
            expected = _SHOWN.get(_CLOSERS[opening], _CLOSERS[opening])
            raise self.line.error(
                f"the bracket {_SHOWN.get(opening, opening)} is closed by {shown}",
                (start, end),
                f"write {expected} here, or open with the matching bracket",
            )
        if self.boxes and self.boxes[-1] == len(self.open):
            self.boxes.pop()
        else:
            self.tokens.append(Token(kind, "", start, end))
        self.open.pop()

    def _interval(self, opening: str, closing: str) -> bool:
        r"""Whether mismatched brackets may be a half-open interval: `x \in [0, 1)`."""
        return {opening, closing} in ({"(", "]"}, {"[", ")"}) and any(t.kind == "in" for t in self.tokens)

    def _number(self, value: str, start: int, end: int) -> None:
        mantissa, _, exponent = value.lower().partition("e")
        if len(value) > MOST_DIGITS:
            raise self.line.error(f"a number has more than {MOST_DIGITS} digits", (start, end))
        if exponent and abs(int(exponent)) > LARGEST_EXPONENT:
            raise self.line.error(f"the exponent of {mantissa}e{exponent} is too large", (start, end))
        self._add("number", value, start, end)

    def _marked(self, value: str, start: int, end: int) -> None:
        self._add("accent", COMBINING[value[1]], start, end)
        self._add("letter" if value[0] in GREEK else "run", GREEK.get(value[0], value[0]), start, end)

    def _snake(self, value: str, start: int, end: int) -> bool:
        """Put the words of `leaky_relu` together again; whether there are any."""
        tokens = self.tokens
        name, parts = value, 0
        while len(tokens) >= parts + 2 and tokens[-parts - 1].kind == "_" and tokens[-parts - 2].value:
            name = f"{tokens[-parts - 2].value}_{name}"
            parts += 2
            if name in FUNCTIONS:
                start = tokens[-parts].start
                del tokens[-parts:]
                self._add("word", name, start, end)
                return True
        return False

    def _skipped(self, value: str, start: int, end: int) -> None:
        r"""What only concerns the looks; but `\right.` closes the brace of cases."""
        if value.startswith("\\right") and self.open and self.open[-1].kind == "lset":
            self._closed("rset", start, end)

    def _overset(self, value: str, start: int, end: int) -> None:
        self._add(":=" if ":=" in value else "≈" if "approx" in value else "=", "", start, end)

    def _word(self, value: str, start: int, end: int) -> None:
        content = re.sub(r"^\\[A-Za-z]+\*?\s*", "", value).strip("{} \t\n").replace("\\_", "_")
        bold = value.startswith(_BOLD)
        if content == "1" and bold:
            self._add("ones", "1", start, end)
        elif content in {"0", "1"}:
            self._add("number", content, start, end)
        elif value.startswith("\\mathbb") and content in {"R", "I"}:
            self._add(*(("reals", "") if content == "R" else ("ones", "I")), start, end)
        elif content in WORDS and not bold and not self._in_script():
            self._add(WORDS[content], content, start, end)
        elif content in LETTERS:
            self._add("letter", content, start, end)
        else:
            # Upright letters are one name; bold ones may be several: \mathbf{Wx}.
            self._add("run" if bold and content.isalpha() else "word", content, start, end)

    def _in_script(self) -> bool:
        """Whether the next token is the start of a subscript or superscript."""
        kinds = [token.kind for token in self.tokens[-2:]]
        return bool(kinds) and (kinds[-1] in {"_", "^"} or (kinds[-1] == "{" and kinds[0] in {"_", "^"}))

    def _prose(self, value: str, start: int, end: int) -> None:
        inside = self.text.index("{", start) + 1
        content = self.text[inside : end - 1]
        stripped = content.strip().lower()
        known = next((w for w in sorted(WORDS, key=len, reverse=True) if stripped.startswith(w)), None)
        rest = stripped[len(known) :] if known else ""
        if known and (not rest or not (rest[0].isascii() and rest[0].isalpha())):
            self._add(WORDS[known], known, start, end)
            if "=" in rest or "<" in rest or ">" in rest:
                self.scan(inside + content.lower().index(known) + len(known), end - 1)
        elif stripped:
            self._add("prose", content.strip(), start, end)

    def _environment(self, value: str, start: int, end: int) -> None:
        name = value[value.index("{") + 1 : value.index("}")].strip()
        if name in DISPLAY_ENVIRONMENTS or name in INNER_ENVIRONMENTS:
            return
        if name not in MATRIX_ENVIRONMENTS and name not in CASES_ENVIRONMENTS:
            raise self.line.error(
                f"the environment {name} cannot be read", (start, end), "use bmatrix or cases"
            )
        if value.startswith("\\begin"):
            self.environments += 1
            self._opened(Token("begin", name, start, end))
        else:
            self.environments -= 1
            if not self.open or self.open[-1].kind != "begin":
                raise self.line.error(rf"\end{{{name}}} has no \begin{{{name}}}", (start, end))
            self.open.pop()
            self._add("end_begin", name, start, end)

    def _row(self, value: str, start: int, end: int) -> None:
        self._add("row" if self.environments > 0 else ";", "", start, end)

    def _command(self, value: str, start: int, end: int) -> None:
        command = value[1:]
        if command in UNSUPPORTED:
            raise self.line.error(f"{value} cannot be read", (start, end), UNSUPPORTED[command])
        if command in COMMANDS:
            kind, token_value = COMMANDS[command]
            if kind:
                if token_value:
                    self._add(kind, token_value, start, end)
                elif kind == "row":
                    self._row(value, start, end)
                else:
                    self._operator(kind, start, end)
        elif command in REFUSED:
            raise self.line.error(f"the command {value} is refused: it is not mathematics", (start, end))
        elif command not in FONTS:
            known = [*COMMANDS, "mathbf", "mathrm", "text", "begin", "operatorname"]
            close = difflib.get_close_matches(command, known, 1, 0.6)
            hint = (
                f"did you mean \\{close[0]}?"
                if close
                else f"write a name without a backslash: {command[:40]}"
            )
            raise self.line.error(f"unknown command {value[:40]}", (start, end), hint)

    def _escaped(self, value: str, start: int, end: int) -> None:
        kind = _ESCAPED.get(value)
        if kind:
            self._operator(kind, start, end)
        elif kind is None:
            command = GREEK.get(value[1:]) or _COMMAND_OF.get(value[1:])
            hint = f"write \\{command}" if command else "remove the backslash"
            raise self.line.error(f"{value} is not a command", (start, end), hint)

    def _method(self, value: str, start: int, end: int) -> None:
        self._add("method", value[1:], start, end)

    def _below(self, value: str, start: int, end: int) -> None:
        self._script("_", "".join(SUBSCRIPTS[c] for c in value), start, end)

    def _above(self, value: str, start: int, end: int) -> None:
        self._script("^", "".join(SUPERSCRIPTS[c] for c in value), start, end)

    def _script(self, mark: str, content: str, start: int, end: int) -> None:
        """Unicode scripts become `_{...}` or `^{...}`."""
        last = self.tokens[-1] if self.tokens else None
        if mark == "_" and last and last.value == "Sigma" and last.kind == "letter":
            self.tokens[-1] = last._replace(kind="reduce", value="sum")
        inner = _Lexer(self.line, " " * start + content)
        inner.scan(start, end)
        inner._check_closed()
        self._add(mark, "", start, start)
        self._add("{", "", start, start)
        self.tokens += inner.tokens
        self._add("}", "", end, end)

    def _other(self, value: str, start: int, end: int) -> None:
        if value in CHARACTERS:
            kind, token_value = CHARACTERS[value]
            following = self.text[end : end + 1]
            if value == "Σ" and following == "_":
                kind, token_value = "reduce", "sum"
            if token_value:
                self._add(kind, token_value, start, end)
            else:
                self._operator(kind, start, end)
        elif value in FRACTIONS:
            self._add("number", "/".join(map(str, FRACTIONS[value])), start, end)
        elif value in CALLIGRAPHIC:
            self._add("accent", "cal", start, end)
            self._add("run", CALLIGRAPHIC[value], start, end)
        elif value == "&":
            if self.environments > 0:
                self._add("&", "", start, end)
        elif value not in "$~":
            letter, mark = (*unicodedata.normalize("NFD", value), "", "")[:2]
            if mark in COMBINING and letter.isascii() and letter.isalpha():
                self._marked(letter + mark, start, end)
                return
            hint = (
                "write names in Latin or Greek letters; words after # are comments"
                if value.isalpha()
                else None
            )
            raise self.line.error(f"unexpected character {value!r}", (start, end), hint)

    def _without_prose(self) -> list[Token]:
        r"""Drop `\text{...}` that explains; refuse it where an operand has to stand."""
        kept: list[Token] = []
        tokens = self.tokens
        for n, token in enumerate(tokens):
            if token.kind == "prose":
                following = tokens[n + 1].kind if n + 1 < len(tokens) else ""
                if (kept and kept[-1].kind in _BINARY) or (following in _BINARY):
                    raise self.line.error(
                        f"the text {token.value[:40]!r} cannot be read as a name",
                        (token.start, token.end),
                        "write a name without spaces, or leave the text out",
                    )
            else:
                kept.append(token)
        return kept


_BINARY = frozenset(
    {"=", ":=", "≈", "+", "*", "/", "cdot", "times", "hadamard", "@", "^", "_", "<", ">", "<=", ">="}
)
