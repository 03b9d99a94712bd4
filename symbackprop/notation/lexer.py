r"""Cuts a logical line into tokens: LaTeX, plain text and Unicode spellings become the same tokens.

Contract: the tokens end with an "end" token, brackets match, and limits on length, depth and digits hold.
What cannot be mathematics is refused here, with its place.
"""

from __future__ import annotations

import re
import unicodedata

from symbackprop.errors import NotationError, closest
from symbackprop.names.alphabet import (
    CALLIGRAPHIC,
    COMBINING,
    FONTS,
    GREEK,
    LETTERS,
    SUBSCRIPTS,
    SUPERSCRIPTS,
)
from symbackprop.notation.brackets import CLOSERS, CLOSING, Brackets
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
    NORMAL,
    REFUSED,
    UNSUPPORTED,
    WORDS,
)
from symbackprop.notation.tokens import (
    ASCII_TOKENS,
    FORBIDDEN,
    LARGEST_EXPONENT,
    LONGEST_LINE,
    LONGEST_RUN,
    MODULE_PREFIX,
    MOST_DIGITS,
    MOST_TOKENS,
    SHORT_NUMBER,
    UNICODE_TOKENS,
    Token,
)

_PLAIN_OPERATORS = frozenset({*"-+*/^_=|,;:<>@'", "<=", ">=", "!=", ":=", "**", "||"})
_OPERATOR_KINDS = {"==": "=", "=<": "<=", "=>": ";", ".*": "hadamard", "./": "/", ".": ";"}
_RUN_KINDS = dict.fromkeys(LETTERS, "letter") | {"partial": "partial", "nabla": "nabla"}
_QUICK_COMMANDS = {"\\" + command: row for command, row in COMMANDS.items() if row[1] and command not in UNSUPPORTED}
_SNAKE_TAILS = frozenset(word.rpartition("_")[2] for word in FUNCTIONS if "_" in word)
_ESCAPED = {
    **dict.fromkeys([f"\\{c}" for c in ",;:! \n\t>-/$&()[]"], ""),
    "\\|": "||",
    "\\{": "lset",
    "\\}": "rset",
    "\\_": "_",
}
_TRAILING = frozenset({",", ";", ":", "quad"})
_BOLD = ("\\mathbf", "\\boldsymbol", "\\bm", "\\pmb", "\\mathbb", "\\textbf", "\\mathds", "\\bf", "\\bold")
_HINTS = {"%": "a comment begins with #", "#": "a comment cannot stand here", "?": "write the formula out"}
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
    forbidden = FORBIDDEN.search(text)
    if forbidden:
        name = unicodedata.name(forbidden.group(), "a control character")
        raise line.error(f"the character U+{ord(forbidden.group()):04X} ({name}) is not allowed", forbidden.span())
    if not text.isascii():
        text = text.translate(NORMAL)
    if "." in text:
        # `np.` before a function says nothing.
        text = MODULE_PREFIX.sub(lambda match: " " * len(match.group()), text)
    lexer = _Lexer(line, text)
    lexer.scan(start, len(text.rstrip()))
    return lexer.finished()


class _Lexer(Brackets):
    """Collects the tokens of one line; a handler for each kind of pattern."""

    def __init__(self, line: Line, text: str) -> None:
        super().__init__(line)
        self.text = text
        self.environments = 0

    def scan(self, start: int, end: int) -> None:
        """Append the tokens of a stretch of the text."""
        pattern, kinds = ASCII_TOKENS if self.text.isascii() else UNICODE_TOKENS
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
        self.check_closed()
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

    # ---- handlers: the matched text, and where it stands

    def _operator(self, kind: str, start: int, end: int) -> None:
        if kind in CLOSERS:
            self.opened(Token(kind, "", start, end))
        elif kind in CLOSING:
            self.closed(kind, start, end)
        else:
            self.tokens.append(Token("dots" if kind.startswith("..") else kind, "", start, end))

    def _number(self, value: str, start: int, end: int) -> None:
        mantissa, _, exponent = value.lower().partition("e")
        if len(value) > MOST_DIGITS:
            raise self.line.error(f"a number has more than {MOST_DIGITS} digits", (start, end))
        if exponent and abs(int(exponent)) > LARGEST_EXPONENT:
            raise self.line.error(f"the exponent of {mantissa}e{exponent} is too large", (start, end))
        self.add("number", value, start, end)

    def _marked(self, value: str, start: int, end: int) -> None:
        self.add("accent", COMBINING[value[1]], start, end)
        self.add("letter" if value[0] in GREEK else "run", GREEK.get(value[0], value[0]), start, end)

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
                self.add("word", name, start, end)
                return True
        return False

    def _skipped(self, value: str, start: int, end: int) -> None:
        r"""What only concerns the looks; but `\right.` closes the brace of cases."""
        if value.startswith("\\right") and self.open and self.open[-1].kind == "lset":
            self.closed("rset", start, end)

    def _overset(self, value: str, start: int, end: int) -> None:
        self.add(":=" if ":=" in value else "≈" if "approx" in value else "=", "", start, end)

    def _word(self, value: str, start: int, end: int) -> None:
        content = re.sub(r"^\\[A-Za-z]+\*?\s*", "", value).strip("{} \t\n").replace("\\_", "_")
        bold = value.startswith(_BOLD)
        if content == "E" and value.startswith("\\mathbb"):
            raise self.line.error("expectations cannot be read", (start, end), r"write \frac{1}{m} \sum_{i=1}^{m}")
        if content == "1" and bold:
            self.add("ones", "1", start, end)
        elif content in {"0", "1"}:
            self.add("number", content, start, end)
        elif value.startswith("\\mathbb") and content in {"R", "I"}:
            self.add(*(("reals", "") if content == "R" else ("ones", "I")), start, end)
        elif content in WORDS and not bold and not self._in_script():
            self.add(WORDS[content], content, start, end)
        elif content in LETTERS:
            self.add("letter", content, start, end)
        else:
            # Upright letters are one name; bold ones may be several: \mathbf{Wx}.
            self.add("run" if bold and content.isalpha() else "word", content, start, end)

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
            self.add(WORDS[known], known, start, end)
            if "=" in rest or "<" in rest or ">" in rest:
                self.scan(inside + content.lower().index(known) + len(known), end - 1)
        elif stripped:
            self.add("prose", content.strip(), start, end)

    def _environment(self, value: str, start: int, end: int) -> None:
        name = value[value.index("{") + 1 : value.index("}")].strip()
        if name in DISPLAY_ENVIRONMENTS or name in INNER_ENVIRONMENTS:
            return
        if name not in MATRIX_ENVIRONMENTS and name not in CASES_ENVIRONMENTS:
            raise self.line.error(f"the environment {name} cannot be read", (start, end), "use bmatrix or cases")
        if value.startswith("\\begin"):
            self.environments += 1
            self.opened(Token("begin", name, start, end))
        else:
            self.environments -= 1
            if not self.open or self.open[-1].kind != "begin":
                raise self.line.error(rf"\end{{{name}}} has no \begin{{{name}}}", (start, end))
            self.open.pop()
            self.add("end_begin", name, start, end)

    def _row(self, value: str, start: int, end: int) -> None:
        self.add("row" if self.environments > 0 else ";", "", start, end)

    def _command(self, value: str, start: int, end: int) -> None:
        command = value[1:]
        if command in UNSUPPORTED:
            raise self.line.error(f"{value} cannot be read", (start, end), UNSUPPORTED[command])
        if command in COMMANDS:
            kind, token_value = COMMANDS[command]
            if kind:
                if token_value:
                    self.add(kind, token_value, start, end)
                elif kind == "row":
                    self._row(value, start, end)
                else:
                    self._operator(kind, start, end)
        elif command in REFUSED:
            raise self.line.error(f"the command {value} is refused: it is not mathematics", (start, end))
        elif command not in FONTS:
            known = [*COMMANDS, "mathbf", "mathrm", "text", "begin", "operatorname"]
            close = closest(command, known)
            hint = f"did you mean \\{close}?" if close else f"write a name without a backslash: {command[:40]}"
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
        self.add("method", value[1:], start, end)

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
        inner.check_closed()
        self.add(mark, "", start, start)
        self.add("{", "", start, start)
        self.tokens += inner.tokens
        self.add("}", "", end, end)

    def _other(self, value: str, start: int, end: int) -> None:
        if value in CHARACTERS:
            kind, token_value = CHARACTERS[value]
            following = self.text[end : end + 1]
            if value == "Σ" and following == "_":
                kind, token_value = "reduce", "sum"
            if token_value:
                self.add(kind, token_value, start, end)
            else:
                self._operator(kind, start, end)
        elif value in FRACTIONS:
            self.add("number", "/".join(map(str, FRACTIONS[value])), start, end)
        elif value in CALLIGRAPHIC:
            self.add("accent", "cal", start, end)
            self.add("run", CALLIGRAPHIC[value], start, end)
        elif value == "&":
            if self.environments > 0:
                self.add("&", "", start, end)
        elif value not in "$~":
            letter, mark = (*unicodedata.normalize("NFD", value), "", "")[:2]
            if mark in COMBINING and letter.isascii() and letter.isalpha():
                self._marked(letter + mark, start, end)
                return
            hint = _HINTS.get(value)
            if value.isalpha():
                hint = "write names in Latin or Greek letters; words after # are comments"
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


_BINARY = frozenset({"=", ":=", "≈", "+", "*", "/", "cdot", "times", "hadamard", "@", "^", "_", "<", ">", "<=", ">="})
