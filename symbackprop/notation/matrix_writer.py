r"""Matrix trees -> notation in one house style: ``1 - A``, ``\odot``, ``b \mathbf{1}^\top``, ``(W^{[2]})^\top``.

Contract: `MatrixWriter(writer)` prints a `Node`; scalars and entries are left to the index `Writer`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sympy as sp

from symbackprop.functions import Indicator, row_of
from symbackprop.matrix import (
    Along,
    Apply,
    Hadamard,
    LabelSum,
    Leaf,
    Node,
    NoMatrixForm,
    Ones,
    Product,
    Sum,
    Transposed,
    transposed,
)
from symbackprop.notation.writer import LATEX, Markup, Writer

SUM, HADAMARD, PRODUCT, ATOM = range(4)


@dataclass(frozen=True)
class Signs:
    """How a target language spells the signs of matrix notation."""

    hadamard: str
    divide: str
    ones: str
    transpose: str
    between: str


_LATEX = Signs(r" \odot ", r" \oslash ", r"\mathbf{1}", r"\top", r"\, ")
_TEXT = Signs(" ⊙ ", " ⊘ ", "𝟏", "T", " ")


@dataclass(frozen=True)
class MatrixWriter:
    """Prints matrix trees with the names of a `Writer`."""

    writer: Writer

    def __call__(self, node: Node) -> str:
        """The notation of a matrix tree."""
        return self._write(node)[0]

    @property
    def _signs(self) -> Signs:
        return _LATEX if self._markup is LATEX else _TEXT

    @property
    def _markup(self) -> Markup:
        return self.writer.markup

    def _at_least(self, node: Node, strength: int) -> str:
        text, own = self._write(node)
        return self._markup.brackets(text) if own < strength else text

    def _write(self, node: Node) -> tuple[str, int]:
        match node:
            case Leaf():
                return self._leaf(node)
            case Ones():
                return self._signs.ones, ATOM
            case Transposed(operand=operand):
                text = self._at_least(operand, ATOM)
                if "^" in text and not text.endswith(")"):
                    text = self._markup.brackets(text)
                return self._markup.superscript(text, self._signs.transpose), ATOM
            case Product():
                return self._product(node)
            case Hadamard():
                return self._hadamard(node)
            case Sum():
                return self._sum(node)
            case Apply():
                return self._apply(node)
            case Along(kind=kind, operand=operand):
                name = {"logsumexp": "logsumexp"}.get(kind, kind)
                name = rf"\mathrm{{{name}}}" if self._markup is LATEX else name
                return name + self._markup.brackets(self._write(operand)[0]), ATOM
            case LabelSum(limit=limit, body=body):
                index = self.writer(limit.index)
                sign = self._markup.sum_sign("sum", f"{index}={self.writer(limit.low)}", self.writer(limit.high))
                return sign + self._at_least(body, HADAMARD), HADAMARD
            case _:
                raise TypeError(type(node).__name__)

    def _leaf(self, node: Leaf) -> tuple[str, int]:
        if not node.axes:
            e = node.reference
            text = self.writer(e)
            weak = isinstance(e, sp.Add)
            return text, SUM if weak else PRODUCT if isinstance(e, (sp.Mul, sp.Sum)) else ATOM
        if isinstance(node.reference, Indicator):  # [y_s = k]
            label = next(a for a in node.reference.condition.args if isinstance(a, sp.Indexed))
            name = r"\mathrm{onehot}" if self._markup is LATEX else "onehot"
            return name + self._markup.brackets(self.writer.name(label.base)), ATOM
        if any(isinstance(i, sp.Indexed) for i in node.reference.indices):
            raise NoMatrixForm("entries picked by labels")
        return self.writer.whole(node.reference, node.axes), ATOM

    def _product(self, node: Product) -> tuple[str, int]:
        pieces = [self._at_least(f, PRODUCT) for f in node.factors]
        return self._signs.between.join(pieces), PRODUCT

    def _hadamard(self, node: Hadamard) -> tuple[str, int]:
        scalars = [f for f in node.factors if not f.axes]
        others = [f for f in node.factors if f.axes]
        plain = [f.reference for f in scalars if isinstance(f, Leaf)]
        number = sp.Mul(*(p for p in plain if p.is_Number))
        front = [p for p in plain if not p.is_Number]
        sign = "-" if number < 0 else ""
        prefix = self.writer.product([abs(number), *front]) if front or abs(number) != 1 else ""
        rest = [self._at_least(f, PRODUCT) for f in scalars if not isinstance(f, Leaf)]
        body, strength = self._elementwise(others, node) if others else ("", PRODUCT)
        pieces = [p for p in (prefix, *rest) if p]
        if (pieces or sign) and body and strength == SUM:
            body = self._markup.brackets(body)
        text = self._signs.between.join([*pieces, body] if body else pieces)
        return sign + text, HADAMARD if sign else PRODUCT if pieces else strength

    def _elementwise(self, factors: Sequence[Node], whole: Node) -> tuple[str, int]:
        """Factors of full size joined by the elementwise sign; vectors that are spread become diagonal matrices."""
        full = [f for f in factors if (f.row is None) == (whole.row is None) and (f.col is None) == (whole.col is None)]
        left = [f for f in factors if f not in full and f.row is not None]
        right = [f for f in factors if f not in full and f.row is None]
        above = [f for f in full if not _is_reciprocal(f)]
        below = [f for f in full if _is_reciprocal(f)]
        if len(full) == 1 and not below:
            text, strength = self._write(full[0])
        else:
            pieces = [self._bracket_products(f, len(above) + len(below) > 1) for f in above] or ["1"]
            text = self._signs.hadamard.join(pieces)
            for f in below:
                text += self._signs.divide + self._at_least(_reciprocal(f), ATOM)
            strength = HADAMARD if len(full) > 1 else PRODUCT
        if left or right:
            diagonal = r"\mathrm{diag}" if self._markup is LATEX else "diag"
            text = self._markup.brackets(text) if strength < PRODUCT else text
            before = "".join(diagonal + self._markup.brackets(self(f)) + self._signs.between for f in left)
            after = "".join(self._signs.between + diagonal + self._markup.brackets(self(transposed(f))) for f in right)
            text, strength = before + text + after, PRODUCT
        return text, strength

    def _bracket_products(self, f: Node, several: bool) -> str:
        text, strength = self._write(f)
        return self._markup.brackets(text) if several and strength < ATOM else text

    def _sum(self, node: Sum) -> tuple[str, int]:
        text = ""
        written = [(term, *self._write(term)) for term in node.terms]
        if written[0][1].startswith("-"):  # `a - b` rather than `-b + a`
            written.sort(key=lambda w: w[1].startswith("-"))
        for term, piece, strength in written:
            negative = piece.startswith("-")
            piece = piece.removeprefix("-")
            if strength == SUM and negative:
                piece = self._markup.brackets(piece)
            spread_cols, spread_rows = (
                node.col is not None and term.col is None,
                node.row is not None and term.row is None,
            )
            if negative and strength == HADAMARD and self._signs.hadamard not in piece:
                strength = PRODUCT  # only the sign was weak
            if term.axes and (spread_cols or spread_rows):
                ones = self._signs.ones
                piece = self._markup.brackets(piece) if strength < PRODUCT else piece
                if spread_cols:
                    piece += self._signs.between + self._markup.superscript(ones, self._signs.transpose)
                else:
                    piece = ones + self._signs.between + piece
            text += (" - " if negative else " + ") + piece if text else ("-" if negative else "") + piece
        return text, SUM

    def _apply(self, node: Apply) -> tuple[str, int]:
        pattern = node.pattern
        if isinstance(pattern, sp.Pow) and pattern.base in node.slots and pattern.exp == 2:
            inner = self._at_least(node.operands[0], ATOM)
            return inner + self._signs.hadamard + inner, HADAMARD
        slots = {slot: self._write(operand) for slot, operand in zip(node.slots, node.operands, strict=True)}
        bare = (
            row_of(pattern) is not None or isinstance(pattern, sp.core.function.AppliedUndef) or _is_enclosed(pattern)
        )
        names = {
            slot: text if bare or strength == ATOM else self._markup.brackets(text)
            for slot, (text, strength) in slots.items()
        }
        return self.writer.with_names(names)(pattern), ATOM if bare else PRODUCT


def _is_enclosed(pattern: sp.Expr) -> bool:
    """Does the notation of a pattern enclose its argument by itself, as a root and a condition do?"""
    return isinstance(pattern, Indicator) or (isinstance(pattern, sp.Pow) and abs(pattern.exp) == sp.S.Half)


def _is_reciprocal(node: Node) -> bool:
    return (
        isinstance(node, Apply)
        and isinstance(node.pattern, sp.Pow)
        and node.pattern.base in node.slots
        and bool(node.pattern.exp.is_number and node.pattern.exp < 0)
    )


def _reciprocal(node: Node) -> Node:
    assert isinstance(node, Apply)
    power = -node.pattern.exp
    if power == 1:
        return node.operands[0]
    return Apply(node.row, node.col, sp.Pow(node.pattern.base, power), node.slots, node.operands)
