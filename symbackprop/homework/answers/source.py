r"""Finds the statements in a handed-in text: formulas between prose, numbered lists, displays, code, plain lines.

Contract: every `Line` holds one statement and knows where each character stands in the file. Prose without a relation
is left out; nothing is read yet. Texts that are too long are refused before anything looks at them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from symbackprop.errors import NotationError
from symbackprop.homework.answers.shorthand import as_written
from symbackprop.notation.source import (
    Group,
    Line,
    Stretch,
    display_groups,
    joined_line,
    physical_lines,
    plain_groups,
)
from symbackprop.notation.tables import DISPLAY_ENVIRONMENTS

LONGEST_TEXT = 100_000
"""Characters of one handed-in text."""
MOST_STATEMENTS = 400

_ENVIRONMENTS = "|".join(
    sorted(map(re.escape, DISPLAY_ENVIRONMENTS | {"aligned", "split", "gathered", "alignedat"}), key=len, reverse=True)
)
_OPENING = re.compile(
    r"(?<!\\)\$\$|\\\[|\\\(|(?<![\\$])\$(?!\$)|\\begin\s*\{("
    + _ENVIRONMENTS
    + r")\}(?:\{\d+\})?|(?:^|(?<=\s))(?:```+|~~~+)"
)
_DISPLAY_MATH = frozenset({"$$", "\\["})
_RELATION = re.compile(r"=|＝|≈|←|:=|\\(?:approx|gets|leftarrow|equiv|coloneqq|triangleq|doteq)(?![A-Za-z])|:＝")
_LIST_MARK = re.compile(
    r"\s*(?:>\s*)*(?:#{1,6}\s+)?(?:[-*+•·]\s+)?(?:(?:\(?(?:[0-9]{1,3}|[a-hA-H]|[ivx]{1,4})[.)、）]|（[0-9一二三四五六七八九十]+）"
    r"|[①-⑳])(?=\s|\$|\\|[^\x00-\x7f])\s*)?"
)
_SIGN = re.compile(r"\s*[-+*·•]\s")
_BOLD = re.compile(
    r"(?<![\w)\]}*])\*\*(?=[^\s*])|(?<=[^\s*])\*\*(?=\s*(?:$|[.:：,;=]))|(?<!\w)__(?=\S)|(?<=\S)__(?!\w)"
)
_BOX = re.compile(r"\\(?:boxed|fbox|colorbox)\s*\{\s*(?=\\begin)")
_BOX_END = re.compile(r"(\\end\s*\{(?:aligned|array|gathered|split|alignedat|gathered)\})\s*\}")
_REMARK = re.compile(r"\s*\(.*(?:dots|\.\.|\\le).*\)\s*\Z")
_PREAMBLE = re.compile(r"\\begin\s*\{document\}")
_PERCENT = re.compile(r"(?<!\\)%.*")
_STOP = re.compile(
    r"(?<![\s.,;\\])(?:\s++//.*|(?:\s{2,}+|\\q?quad\s*|\t)\(\d{1,3}[a-z]?\)|\s++|[.,;。，；✓✔□■∎]|\\[,;:!]"
    r"|\\(?:q?quad|checkmark|square|blacksquare|qed|Box)(?![A-Za-z])|\bQED\b)+\Z"
)
"""What ends a sentence, a proof, a numbered equation."""
_SENTENCE_END = re.compile(
    r"(?<=[A-Za-z)\]}])\.\s+(?=[A-Z][a-z]+\b)|[。；！？]|[;.]\s*$"
    r"|[，,、]\s*(?=(?:则|所以|因此|故|得|于是|从而|即|可得|那么)\s*[^\s\u4e00-\u9fff])"
)


def answer_lines(text: str, file: str | None = None) -> list[Line]:
    r"""The lines of a text that hold a relation, formulas of a display row by row.

    Raises:
        NotationError: the text is too long.

    >>> [line.text for line in answer_lines("1. The gradient: $dW = d x^T$, so\n\n$$ db = d \\\\ dX = W^T d $$")]
    ['dW = d x^T', 'db = d', 'dX = W^T d']
    """
    if len(text) > LONGEST_TEXT:
        raise NotationError(
            f"the text has {len(text):,} characters, more than {LONGEST_TEXT:,}",
            hint="hand in the formulas only",
            file=file,
        )
    scan = _Scan(tex=r"\documentclass" in text)
    start = _PREAMBLE.search(text)
    skipped = text.count("\n", 0, start.end()) + 1 if start else 0
    rows = physical_lines(text)
    for number, row in enumerate(rows, 1):
        if number > skipped:
            scan.row(Stretch(number, 0, row, row))
        if len(scan.groups) > MOST_STATEMENTS:
            raise NotationError(
                f"there are more than {MOST_STATEMENTS} formulas", hint="hand in one sheet at a time", file=file
            )
    scan.end()
    lines = [as_written(_without_stop(joined_line(group, file))) for group in scan.groups]
    return [line for line in lines if _RELATION.search(line.text)]


def _without_stop(line: Line) -> Line:
    """The line without the full stop or comma that ends the sentence."""
    return Line(_STOP.sub("", line.text), line.pieces, line.file)


@dataclass
class _Scan:
    """Goes through the rows; `closing` ends the display, or the fence, that is open."""

    tex: bool
    groups: list[Group] = field(default_factory=list[Group])
    plain: list[Stretch] = field(default_factory=list[Stretch])
    display: list[Stretch] | None = None
    closing: re.Pattern[str] | None = None
    fence: str = ""

    def row(self, row: Stretch) -> None:
        """Take the next row of the file."""
        if self.fence:
            self._fenced(row)
            return
        if self.tex:
            comment = _PERCENT.search(row.text)
            row = row.cut(0, comment.start()) if comment else row
        if self.display is None and not row.text.strip():  # a file may hold thousands of these
            if not self.tex:
                self._flush()
            return
        start = 0
        pieces: list[tuple[int, int]] = []
        while True:
            if self.display is not None:
                assert self.closing is not None
                match = self.closing.search(row.text, start)
                self.display.append(row.cut(start, match.start() if match else None))
                if match is None:
                    return
                self._close_display()
                start = match.end()
                continue
            match = _OPENING.search(row.text, start)
            if match is None:
                break
            mark = match.group()
            if mark.strip()[:3] in {"```", "~~~"}:
                self._flush()
                self.fence = mark.strip()[:3]
                return
            if mark in _DISPLAY_MATH or match[1]:
                self._between(row, start, match.start(), pieces)
                pieces = []
                self._flush()
                self.display = []
                self.closing = _closing(match)
                start = match.end()
                continue
            closer = re.compile(r"\\\)") if mark == r"\(" else re.compile(r"(?<!\\)\$")
            closed = closer.search(row.text, match.end())
            if closed is None:
                break
            pieces.append((match.end(), closed.start()))
            start = closed.end()
        self._between(row, start if not pieces else 0, len(row.text), pieces)

    def _between(self, row: Stretch, start: int, stop: int, pieces: list[tuple[int, int]]) -> None:
        """What stands outside of displays: a plain line, or formulas in dollars."""
        if not pieces and not row.text[start:stop].strip():
            if not self.tex:
                self._flush()
            return
        outside = _without(row.text, start, stop, pieces)
        if pieces and not _RELATION.search(outside):
            inside = [row.cut(a, b) for a, b in pieces if not _REMARK.match(row.text[a:b])]
            if any(_RELATION.search(s.text) for s in inside):
                self._flush()
                for stretch in inside:
                    self.groups += display_groups([stretch._replace(text=_unboxed(stretch.text))])
            return
        if self.tex and not pieces:
            return
        text = row.text[start:stop]  # only this stretch: a row may hold thousands of displays
        text = text.replace("$", " ").replace("`", " ").replace(r"\(", "  ").replace(r"\)", "  ")
        text = _BOLD.sub(lambda m: " " * len(m.group()), text)
        mark = _LIST_MARK.match(text)
        begin = mark.end() if mark else 0
        if self.plain and mark and _SIGN.match(text) and not _RELATION.search(text, begin):
            begin = 0  # a formula goes on with an operator: no list
        if not text[begin:].strip():
            self._flush()
            return
        for a, b in _sentences(text, begin):
            self.plain.append(row._replace(column=row.column + start + a, text=text[a:b]))

    def _fenced(self, row: Stretch) -> None:
        if row.text.strip().startswith(self.fence):
            self.fence = ""
            self._flush()
        elif row.text.strip():
            self.plain.append(row)

    def _flush(self) -> None:
        """Plain rows become statements; a row without a relation of its own may go on with the one before."""
        if self.plain:
            self.groups += plain_groups(self.plain)
            self.plain = []

    def _close_display(self) -> None:
        if any(stretch.text.strip() for stretch in self.display or ()):
            self.groups += display_groups([s._replace(text=_unboxed(s.text)) for s in self.display or []])
        self.display, self.closing = None, None

    def end(self) -> None:
        """The end of the file closes what is open."""
        if self.display:
            self._close_display()
        self._flush()


def _unboxed(text: str) -> str:
    """A box around whole rows is no bracket of one of them: blanks take its place, so that columns stay right."""
    text = _BOX.sub(lambda m: " " * len(m.group()), text)
    return _BOX_END.sub(lambda m: m[1] + " " * (len(m.group()) - len(m[1])), text)


def _closing(opening: re.Match[str]) -> re.Pattern[str]:
    if opening[1]:
        return re.compile(r"\\end\s*\{" + re.escape(opening[1]) + r"\}")
    return re.compile(r"(?<!\\)\$\$") if opening.group() == "$$" else re.compile(r"\\\]")


def _without(text: str, start: int, stop: int, pieces: list[tuple[int, int]]) -> str:
    """The text outside of inline formulas."""
    found = ""
    for a, b in pieces:
        found += text[start:a] if a > start else ""
        start = b
    return found + text[start:stop]


def _sentences(text: str, begin: int) -> Iterator[tuple[int, int]]:
    """Sentences of a plain row: `a = b. Then c = d.` are two; the last sign goes."""
    start = begin
    for match in _SENTENCE_END.finditer(text, begin):
        if text[start : match.start()].strip():
            yield start, match.start()
        start = match.end()
    if text[start:].strip():
        yield start, len(text.rstrip())
