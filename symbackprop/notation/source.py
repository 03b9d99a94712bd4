r"""Finds the logical lines of a network file: plain text, the formulas of a Markdown or of a LaTeX file.

Contract: every `Line` holds the text of one statement and knows, for each character, where it stands in the
file. Comments, environments and row ends are gone, continued lines are joined; nothing is read yet.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from symbackprop.errors import NotationError, Span
from symbackprop.notation.scraped import untangled
from symbackprop.notation.tables import DISPLAY_ENVIRONMENTS, INNER_ENVIRONMENTS

Format = Literal["net", "md", "tex"]

LARGEST_FILE = 1_000_000
"""Characters of a file."""


class Piece(NamedTuple):
    """A stretch of a logical line that stands in one line of the file."""

    start: int
    """Where the stretch begins in the logical line."""
    number: int
    """The line of the file, from 1."""
    column: int
    """Where the stretch begins in the line of the file."""
    source: str
    """The whole line of the file."""


@dataclass(frozen=True, slots=True)
class Line:
    r"""One logical line: the text of a statement, and where it comes from.

    >>> line = Line.of("z = ?")
    >>> print(line.error("unexpected character", (4, 5)))
    line 1, column 5: unexpected character
        z = ?
            ^
    """

    text: str
    pieces: tuple[Piece, ...]
    file: str | None = None

    @staticmethod
    def of(text: str, number: int = 1, file: str | None = None) -> Line:
        """A text that is one line."""
        return Line(text, (Piece(0, number, 0, text),), file)

    @property
    def number(self) -> int:
        """The line of the file on which it begins."""
        return self.pieces[0].number

    def error(self, message: str, span: Span, hint: str | None = None) -> NotationError:
        """An error that points at a stretch of this line, in the words of the file."""
        piece = self.pieces[0]
        for candidate in self.pieces:
            if candidate.start <= span[0]:
                piece = candidate
        shift = piece.column - piece.start
        start = max(0, min(span[0] + shift, len(piece.source)))
        end = max(start, min(span[1] + shift, len(piece.source)))
        return NotationError(
            message, text=piece.source, line=piece.number, span=(start, end), hint=hint, file=self.file
        )


def read_lines(text: str, form: Format | None = None, file: str | None = None) -> list[Line]:
    r"""The logical lines of a network file; without `form` it is told by the text.

    >>> [line.text for line in read_lines("a = b  # comment\n\nc = d\n  + e")]
    ['a = b', 'c = d\n  + e']
    >>> [line.text for line in read_lines("Prose $x$.\n\n$$ a = b \\\\ c = d $$")]
    ['a = b', 'c = d']
    """
    if len(text) > LARGEST_FILE:
        raise NotationError(
            f"the text has {len(text):,} characters, more than {LARGEST_FILE:,}",
            hint="a network file is short: check that this is the file you meant",
            file=file,
        )
    rows = [Stretch(n, 0, row, row) for n, row in enumerate(physical_lines(text), 1)]
    readers = {"net": plain_groups, "md": _markdown, "tex": _latex}
    lines = [joined_line(group, file) for group in readers[form or guess_format(text)](rows)]
    return [copy for line in lines for copy in _latex_copies(line)]


def _latex_copies(line: Line) -> Iterator[Line]:
    """The LaTeX copies in a line of formulas copied from a web page; any other line as it is."""
    spans = untangled(line.text) if len(line.pieces) == 1 else []
    piece = line.pieces[0]
    for start, end in spans:
        yield Line(line.text[start:end], (piece._replace(column=piece.column + start),), line.file)
    if not spans:
        yield line


def guess_format(text: str) -> Format:
    r"""How a text without a file name is written.

    >>> guess_format(r"\[ z = x \]"), guess_format("# Net\n$$ z = x $$"), guess_format("z = x")
    ('tex', 'md', 'net')
    """
    if _FENCE_SOMEWHERE.search(text):
        return "md"
    if r"\documentclass" in text or ("$$" not in text and _DISPLAY.search(text)):
        return "tex"
    return "md" if "$$" in text else "net"


# ----------------------------------------------------------------------------------------------- stretches


class Stretch(NamedTuple):
    """A stretch of one line of the file."""

    number: int
    column: int
    text: str
    source: str

    def cut(self, start: int, end: int | None = None) -> Stretch:
        """A part of the stretch."""
        return self._replace(column=self.column + start, text=self.text[start:end])

    def stripped(self) -> Stretch:
        """The stretch without spaces around it."""
        text = self.text.rstrip()
        return self.cut(len(text) - len(text.lstrip()), len(text))


Group = list[Stretch]
"""The stretches that make up one logical line."""


def physical_lines(text: str) -> list[str]:
    """Lines as an editor counts them: `str.splitlines` would count form feeds and the like too."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")


def joined_line(group: Group, file: str | None) -> Line:
    """One logical line; the stretches are joined by line ends, which are spaces to the lexer."""
    group = [group[0].stripped(), *group[1:]]
    pieces: list[Piece] = []
    length = 0
    for stretch in group:
        pieces.append(Piece(length, stretch.number, stretch.column, stretch.source))
        length += len(stretch.text) + 1
    return Line("\n".join(stretch.text for stretch in group).rstrip(), tuple(pieces), file)


# ----------------------------------------------------------------------------------------------- joining

_COMMENT = re.compile(r"(?<!\\)#.*")
_PERCENT = re.compile(r"(?<!\\)%.*")
_TITLE = re.compile(r"\s*title\s*(?:\([\w-]+\))?\s*[:：]", re.IGNORECASE)
_NOISE = r"(?:[\s&$]|\\[,;:!]|\\q?quad(?![A-Za-z])|\{\})*"
_EQUALS = r"[=≈＝]|\\(?:approx|equiv|overset\{[^{}]*\}\{=\})(?![A-Za-z])"
_TAIL = r"(?:for|where)\s+[\w\\]|\\forall(?![A-Za-z])|\\text\s*\{\s*(?:for|where)(?![A-Za-z])"
_OPERATOR = r"(?:[-+*/@⊙∘⋅·×−＋]|\\(?:cdot|times|odot|circ)(?![A-Za-z]))"
_BROKEN_ROW = rf"\s*&(?:[\s&]|\\q?quad(?![A-Za-z])|\{{\}})*(?:\\q?quad(?![A-Za-z])|\{{\}})\s*{_OPERATOR}"
"""A row of a display that goes on with the row before: an indent, then an operator."""
_STARTS_INSIDE = re.compile(f"{_NOISE}(?:{_EQUALS}|{_TAIL})|{_BROKEN_ROW}")
_STARTS_OPERATOR = re.compile(_NOISE + _OPERATOR)
_UNFINISHED = re.compile(r"(?:[-+*/@=,⊙∘⋅·×−＝＋]|\\(?:cdot|times|odot|circ))\s*\Z")
_MARKS = re.compile(
    r"\\[\\{}]|[(\[{（【]|[)\]}）】]|:?[=＝]|[≈∈←]|\\(?:in|approx|gets|leftarrow|begin|end)(?![A-Za-z])"
)


class _Joiner:
    """Puts stretches together to logical lines: where does one statement end and the next begin?"""

    def __init__(self) -> None:
        self.groups: list[Group] = []
        self.depth = 0
        self.related = False

    def add(self, stretch: Stretch, *, new: bool) -> None:
        """Take the next stretch; `new` if it starts a statement unless it is clearly a continuation."""
        if not stretch.text.strip():
            return
        balance, relation = _scan(stretch.text)
        if self._goes_on(stretch.text, balance, relation, new=new):
            self.groups[-1].append(stretch)
            self.depth = max(0, self.depth + balance)
            self.related |= relation
        else:
            self.groups.append([stretch])
            self.depth, self.related = max(0, balance), relation

    def _goes_on(self, text: str, balance: int, relation: bool, *, new: bool) -> bool:
        if not self.groups:
            return False
        if _STARTS_INSIDE.match(text):
            return True
        if relation and self.related and balance >= 0:
            # Two relations are two statements, even if a bracket was forgotten: mistakes stay in their line.
            return False
        if self.depth > 0:
            return True
        before = self.groups[-1][-1].text[-20:]
        return not new or bool(_STARTS_OPERATOR.match(text) or _UNFINISHED.search(before))


def _scan(text: str) -> tuple[int, bool]:
    """How many brackets stay open, and whether there is a relation outside brackets."""
    depth, relation = 0, False
    for match in _MARKS.finditer(text):
        mark = match.group()
        if mark in "([{（【" or mark == r"\begin":
            depth += 1
        elif mark in ")]}）】" or mark == r"\end":
            depth -= 1
        elif depth <= 0 and mark not in {"\\\\", "\\{", "\\}"}:
            relation = True
    return depth, relation


def plain_groups(rows: Iterable[Stretch]) -> list[Group]:
    """Every line is a statement, unless it goes on where the one before it stopped."""
    joiner = _Joiner()
    for row in rows:
        if _TITLE.match(row.text):
            joiner.groups.append([row])
            joiner.depth, joiner.related = 0, False
            continue
        comment = _COMMENT.search(row.text)
        joiner.add(row.cut(0, comment.start()) if comment else row, new=True)
    return joiner.groups


_ROW_END = re.compile(r"\\\\(?:\*|\[[^\]\n]*\])?|\\(?:begin|end)\s*\{([A-Za-z]+\*?)\}(?:\[[tbc]\])?(?:\{\d+\})?")


def display_groups(stretches: Iterable[Stretch]) -> list[Group]:
    r"""Displayed LaTeX: rows end with `\\`, except in matrices and cases; `%` starts a comment."""
    joiner = _Joiner()
    new, inner = True, 0
    for whole in stretches:
        comment = _PERCENT.search(whole.text)
        stretch = whole.cut(0, comment.start()) if comment else whole
        start = 0
        for match in _ROW_END.finditer(stretch.text):
            environment = match[1]
            if environment is None and inner == 0:
                joiner.add(stretch.cut(start, match.start()), new=new)
                start, new = match.end(), True
            elif environment in INNER_ENVIRONMENTS or environment in DISPLAY_ENVIRONMENTS:
                # The markers of `aligned` are no part of a statement.
                if stretch.text[start : match.start()].strip():
                    joiner.add(stretch.cut(start, match.start()), new=new)
                start = match.end()
            elif environment is not None:
                inner = max(0, inner + (1 if match.group().startswith("\\b") else -1))
        rest = stretch.cut(start)
        if rest.text.strip():
            joiner.add(rest, new=new)
            new = False
    return joiner.groups


# ----------------------------------------------------------------------------------------------- documents

_ENVIRONMENTS = "|".join(re.escape(name) for name in sorted(DISPLAY_ENVIRONMENTS, key=len, reverse=True))
_DISPLAY = re.compile(r"(?<!\\)\\\[|\$\$|\\begin\s*\{(" + _ENVIRONMENTS + r")\}(?:\{\d+\})?")
_FENCE = re.compile(r"\s*(?:[-*+>] +)*(`{3,}|~{3,})\s*([\w+-]*)\s*(?:\{[^}]*\})?\s*$")
_FENCE_SOMEWHERE = re.compile(r"^[ \t]*(?:```|~~~)", re.MULTILINE)
_QUOTE = re.compile(r"\s*(?:>\s*)+")
_DOLLARS = re.compile(r"(?<!\\)\$\$")


def _markdown(rows: Iterable[Stretch]) -> list[Group]:
    r"""The formulas of a Markdown file: `$$`, and fences labelled `math`, `net` or not at all."""
    groups: list[Group] = []
    fence, label = "", ""
    block: list[Stretch] | None = None
    for quoted in rows:
        quote = _QUOTE.match(quoted.text)
        row = quoted.cut(quote.end()) if quote else quoted
        match = _FENCE.match(row.text)
        if fence:
            if match and match[1].startswith(fence) and not match[2]:
                groups += display_groups(block or ()) if label == "math" else plain_groups(block or ())
                fence, block = "", None
            elif block is not None:
                block.append(row)
        elif match and block is None:
            fence, label = match[1], match[2].lower()
            block = [] if label in {"", "math", "net"} else None
        else:
            start = 0
            for dollars in _DOLLARS.finditer(row.text):
                if block is None:
                    block = []
                else:
                    block.append(row.cut(start, dollars.start()))
                    groups += display_groups(block)
                    block = None
                start = dollars.end()
            if block is not None:
                block.append(row.cut(start))
    if block:
        groups += display_groups(block) if not fence or label == "math" else plain_groups(block)
    return groups


def _latex(rows: Iterable[Stretch]) -> list[Group]:
    r"""The displayed formulas of a LaTeX file: `\[ \]`, `$$`, `equation`, `align` and their like."""
    groups: list[Group] = []
    block: list[Stretch] | None = None
    closing = re.compile("")
    for whole in rows:
        comment = _PERCENT.search(whole.text)
        row = whole.cut(0, comment.start()) if comment else whole
        start = 0
        while True:
            match = (_DISPLAY if block is None else closing).search(row.text, start)
            if match is None:
                break
            if block is None:
                block = []
                closing = _closing(match)
            else:
                block.append(row.cut(start, match.start()))
                groups += display_groups(block)
                block = None
            start = match.end()
        if block is not None:
            block.append(row.cut(start))
    return groups + display_groups(block or ())


def _closing(opening: re.Match[str]) -> re.Pattern[str]:
    """What ends the display that `opening` begins."""
    if opening[1]:
        return re.compile(r"\\end\s*\{" + re.escape(opening[1]) + r"\}")
    return _DOLLARS if opening.group() == "$$" else re.compile(r"(?<!\\)\\\]")
