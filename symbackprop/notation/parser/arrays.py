r"""Reads what has rows: `[[1, 2], [3, 4]]`, `\begin{bmatrix}`, `\begin{cases}`, and the brackets around them.

Contract: `[x]` around one expression is a bracket, `[z > 0]` an indicator, `[a, b]` a vector.
"""

from __future__ import annotations

from symbackprop.notation.parser.calls import Calls
from symbackprop.notation.parser.cursor import CLOSING
from symbackprop.notation.syntax import Cases, Compare, Indicator, Matrix, Node
from symbackprop.notation.tables import CASES_ENVIRONMENTS
from symbackprop.notation.tokens import Token


class Arrays(Calls):
    """The layer of the parser that reads matrices and cases."""

    def array(self, token: Token) -> Node:
        r"""What stands in square brackets, or cases behind a lone `\{`."""
        self.at += 1
        if token.kind == "lset":
            node = self.environment(self.token, cases=True)
            self.expect("rset")
            return node
        if self.kind == "[" and self._is_literal():
            rows: list[tuple[Node, ...]] = []
            while self.accept("["):
                rows.append(self._cells("]"))
                if not (self.accept(",") or self.accept(";")):
                    break
            self.expect("]")
            return self._matrix(rows, token, flat=False)
        rows = [self._cells(";]")]
        while self.tokens[self.at - 1].kind == ";":
            rows.append(self._cells(";]"))
        if len(rows) == 1 and len(rows[0]) == 1:
            node = rows[0][0]
            return Indicator(node, span=self.span(token.start)) if isinstance(node, Compare) else node
        return self._matrix(rows, token, flat=len(rows) == 1)

    def _is_literal(self) -> bool:
        """Whether rows in brackets follow: `[[1, 2], ...`; `[[z > 0] x]` is none."""
        closing = self.closing(self.at)
        return self.tokens[closing + 1].kind in {",", ";", "]"} if closing + 1 < len(self.tokens) else False

    def _cells(self, closers: str) -> tuple[Node, ...]:
        """Expressions separated by commas, up to one of the closing characters, which is stepped over."""
        cells: list[Node] = []
        self.deeper()
        while True:
            cells.append(self.comparison())
            if not self.accept(","):
                break
        self.nesting -= 1
        if self.kind not in closers:
            raise self.unexpected("] is expected here")
        self.at += 1
        return tuple(cells)

    def _matrix(self, rows: list[tuple[Node, ...]], token: Token, *, flat: bool) -> Node:
        widths = {len(row) for row in rows}
        if len(widths) > 1:
            raise self.error("the rows of the matrix have different lengths", self.span(token.start))
        return Matrix(tuple(rows), flat, span=self.span(token.start))

    def environment(self, token: Token, *, cases: bool = False) -> Node:
        r"""`\begin{bmatrix} ... \end{bmatrix}` and `\begin{cases} ... \end{cases}`."""
        self.at += 1
        rows: list[tuple[Node, ...]] = []
        branches: list[tuple[Node, Node | None]] = []
        cases = cases or token.value in CASES_ENVIRONMENTS
        while self.kind != "end_begin":
            if cases:
                branches.append(self._branch())
            else:
                rows.append(self._row())
            if not self.accept("row"):
                break
        self.expect("end_begin")
        if cases and branches:
            return Cases(tuple(branches), span=self.span(token.start))
        if not rows:
            raise self.error("nothing stands in it", self.span(token.start))
        return self._matrix(rows, token, flat=False)

    def _row(self) -> tuple[Node, ...]:
        cells = [self.comparison()]
        while self.accept("&"):
            cells.append(self.comparison())
        return tuple(cells)

    def _branch(self) -> tuple[Node, Node | None]:
        value = self.sum()
        separated = False
        while self.kind in {"&", ",", "if", "quad", "for"} or self._is_word("if"):
            self.at += 1
            separated = True
        if self.kind == "otherwise" or self._is_word("otherwise") or self._is_word("else"):
            self.at += 1
            return value, None
        if self.kind == "row" or self.kind in CLOSING:
            if separated:
                raise self.unexpected("the condition is missing")
            return value, None
        condition = self.comparison()
        if not isinstance(condition, Compare):
            raise self.error("this is no condition", condition.span, r"write: x & x > 0 \\ 0 & \text{otherwise}")
        while self.accept(",") or self.accept(";"):
            pass
        return value, condition

    def _is_word(self, word: str) -> bool:
        return self.kind == "run" and self.token.value == word
