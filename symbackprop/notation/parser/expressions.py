r"""Reads an expression: conditions, sums, products, and one factor with what stands behind it.

Contract: one pass from left to right, one method for each level of precedence; the tree keeps the author's
order, and products stay flat.
"""

from __future__ import annotations

from symbackprop.notation.lexer import tokenize
from symbackprop.notation.parser.cursor import NAME_KINDS
from symbackprop.notation.parser.operands import BEGINNINGS, COMPARISONS, JOINTS, Operands
from symbackprop.notation.parser.vocabulary import NOTHING_KNOWN, Vocabulary
from symbackprop.notation.source import Line
from symbackprop.notation.syntax import (
    Add,
    Compare,
    Divide,
    Indicator,
    Joint,
    Multiply,
    Negate,
    Node,
    Norm,
    Number,
    Power,
)
from symbackprop.notation.tokens import Token

STARTS = (NAME_KINDS | BEGINNINGS.keys()) - {"dots"}
"""Tokens with which a factor begins."""
_BEHIND = frozenset({"_", "^", "'", "top", "[", "**", "method"})
"""Tokens that may stand behind a factor and belong to it."""
MOST_BEHIND = 12
"""Methods, powers and scripts behind one factor: each makes the tree deeper, and readers of trees recurse."""
MOST_SLASHES = 60


def parse_expression(text: Line | str, vocabulary: Vocabulary = NOTHING_KNOWN) -> Node:
    r"""The tree of one expression, such as a homework answer without its left side.

    >>> parse_expression(r"2 w_{12}")
    Multiply(factors=(Number(2), w_12), joints=('juxtaposition',))
    """
    line = Line.of(text) if isinstance(text, str) else text
    return parse_tokens(line, [t for t in tokenize(line) if t.kind != "quad"], vocabulary)


def parse_tokens(line: Line, tokens: list[Token], vocabulary: Vocabulary) -> Node:
    """The tree of tokens that are one expression; a condition becomes its indicator."""
    parser = Parser(line, tokens, vocabulary)
    node = parser.comparison()
    if parser.kind != "end":
        raise parser.unexpected("one formula is expected" if parser.kind in {",", ";"} else None)
    return Indicator(node, span=node.span) if isinstance(node, Compare) else node


class Parser(Operands):
    """The top layer of the parser: precedence."""

    slashes = 0

    def comparison(self) -> Node:
        """`a`, or `a < b <= c`."""
        first = self.sum()
        if self.tokens[self.at].kind not in COMPARISONS:
            return first
        operands, operators = [first], list[str]()
        while self.kind in COMPARISONS:
            operators.append(self.kind)
            self.at += 1
            operands.append(self.sum())
        return Compare(tuple(operands), tuple(operators), span=self.span(first.span[0]))

    def sum(self) -> Node:
        """Terms joined by + and -."""
        tokens = self.tokens
        start = tokens[self.at].start
        terms: list[Node] = []
        while True:
            begin = tokens[self.at].start
            negative = False
            while (kind := tokens[self.at].kind) in {"+", "-"}:
                negative ^= kind == "-"
                self.at += 1
            term = self.product()
            terms.append(Negate(term, span=(begin, term.span[1])) if negative else term)
            if tokens[self.at].kind not in {"+", "-"}:
                break
        return terms[0] if len(terms) == 1 else Add(tuple(terms), span=self.span(start))

    def product(self) -> Node:
        """Factors, flat; a slash divides all that stands before it in the product."""
        first = self.operand()
        kind = self.tokens[self.at].kind
        if kind not in STARTS and kind not in JOINTS and kind != "/":
            return first
        factors: list[Node] = []
        joints: list[Joint] = []
        self._append(factors, joints, first, None)
        while True:
            token = self.tokens[self.at]
            kind = token.kind
            if kind in JOINTS:
                self.at += 1
                self._append(factors, joints, self.signed_operand(), JOINTS[kind])
            elif kind in STARTS and kind != self.bar:
                if kind == "number":
                    raise self.error(
                        "a number stands right behind a factor",
                        (token.start, token.end),
                        rf"write ^{token.value} for a power, or \cdot {token.value} for a product",
                    )
                self._append(factors, joints, self.operand(), "juxtaposition")
            elif kind == "/":
                self._slash(factors, joints)
            else:
                break
        return self._product_of(factors, joints)

    def _product_of(self, factors: list[Node], joints: list[Joint]) -> Node:
        if len(factors) == 1:
            return factors[0]
        return Multiply(tuple(factors), tuple(joints), span=(factors[0].span[0], factors[-1].span[1]))

    def _append(self, factors: list[Node], joints: list[Joint], factor: Node, joint: Joint | None) -> None:
        if joint is not None:
            joints.append(joint)
        if factor is self.split_product and isinstance(factor, Multiply):
            factors += factor.factors
            joints += factor.joints
        else:
            factors.append(factor)

    def _slash(self, factors: list[Node], joints: list[Joint]) -> None:
        """`a b / c`: the product so far over the next factor; `dL / dW` is one thing."""
        slash = self.tokens[self.at]
        self.at += 1
        divisor = self.signed_operand()
        following = self.tokens[self.at]
        glued = isinstance(divisor, Number) and following.kind in NAME_KINDS and self.adjacent()
        if glued or divisor is self.split_product:
            place = (divisor.span[0], following.end if glued else divisor.span[1])
            below = self.line.text[place[0] : place[1]]
            above = self.line.text[factors[-1].span[0] : factors[-1].span[1]]
            raise self.error(
                f"how far does the slash reach: is {below} all below it?",
                place,
                f"write {above}/({below}), or a space behind the first factor below",
            )
        partial = self.derivative(factors[-1], divisor, slash=True)
        if partial is not None:
            factors[-1] = partial
            return
        dividend = self._product_of(factors, joints)
        self.slashes += 1
        if self.slashes > MOST_SLASHES:
            raise self.error("too many slashes in one formula", slash[2:], "give names to the parts")
        factors[:] = [Divide(dividend, divisor, True, span=self.span(dividend.span[0]))]
        joints.clear()

    def signed_operand(self) -> Node:
        """A factor that may have a sign: `a * -b`, `x^-1`."""
        start = self.tokens[self.at].start
        negative = False
        while (kind := self.tokens[self.at].kind) in {"+", "-"}:
            negative ^= kind == "-"
            self.at += 1
        node = self.operand()
        return Negate(node, span=(start, node.span[1])) if negative else node

    def operand(self) -> Node:
        """One factor: what begins here, with the scripts, methods and powers behind it."""
        token = self.tokens[self.at]
        self.deeper()
        if token.kind in NAME_KINDS:
            node = self.named_operand()
        else:
            beginning = BEGINNINGS.get(token.kind)
            if beginning is None:
                raise self.unexpected()
            node = beginning(self, token)
        behind = 0
        while self.tokens[self.at].kind in _BEHIND:
            before = self.at
            node = self._with_behind(node)
            if self.at == before:
                break
            behind += 1
            if behind > MOST_BEHIND:
                raise self.error("too much stands behind one factor", node.span, "give names to the parts")
        self.nesting -= 1
        return node

    def _with_behind(self, node: Node) -> Node:
        kind = self.tokens[self.at].kind
        if kind == "method":
            return self.method(node)
        if kind == "**":
            self.at += 1
            exponent = self.signed_operand()
            return Power(node, exponent, span=self.span(node.span[0]))
        raws = self.raw_scripts(None)
        return self.norm_scripts(node, raws) if isinstance(node, Norm) else self.marked(node, raws)
