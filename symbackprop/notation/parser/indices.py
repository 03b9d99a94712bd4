r"""Reads scripts as indices or exponents: `ki` are two indices, `s(i-1)+p, t-1` two expressions.

Contract: a `Raw` script becomes a `Script` with its index expressions, or the node of an exponent.
"""

from __future__ import annotations

from symbackprop.names import Kind, make_name, parse_name
from symbackprop.notation.parser.cursor import CLOSING, OPENING, number_node, number_value, split_run
from symbackprop.notation.parser.scripts import Raw, Scripts
from symbackprop.notation.syntax import Node, Number, Reference, Script
from symbackprop.notation.tokens import Token

_OPERATORS = frozenset({"+", "-", "*", "/", "cdot", "times", "(", "frac", "<", ">", "<=", ">=", "=", "!="})
MOST_INDICES = 3
"""Longer runs of letters in a script are a word."""


class Indices(Scripts):
    """The layer of the parser that gives scripts their content."""

    def script(self, raw: Raw, kind: Kind) -> Script:
        """A script read as indices."""
        if raw.token is not None:
            items = self._token_items(raw.token, alone=kind == "sub")
            return Script(kind, tuple(items), len(items) > 1, span=raw.span)
        self.deeper()
        here, self.at = self.at, raw.first
        items: list[Node] = []
        packed = False
        commas = any(self.tokens[n].kind == "," for n in range(raw.first, raw.last))
        while True:
            found = self._item(raw.last, alone=kind == "sub" and not commas)
            packed = packed or len(found) > 1
            items += found
            if self.at >= raw.last or not self.accept(","):
                break
        if self.at < raw.last:
            raise self.unexpected("separate indices by commas")
        self.at = here
        self.nesting -= 1
        return Script(kind, tuple(items), packed and not commas, span=raw.span)

    def exponent(self, raw: Raw) -> Node:
        """A superscript read as an exponent."""
        if raw.node is not None:
            return raw.node
        if raw.token is not None:
            return self._whole(raw.token)
        self.deeper()
        here, self.at = self.at, raw.first
        node = self.sum()
        if self.at != raw.last:
            raise self.unexpected()
        self.at = here
        self.nesting -= 1
        return node

    def _item(self, last: int, *, alone: bool) -> list[Node]:
        """What stands between two commas: an expression, or indices that follow each other."""
        depth, operators = 0, False
        for position in range(self.at, last):
            kind = self.tokens[position].kind
            if kind in OPENING:
                depth += 1
                operators = operators or kind == "("
            elif kind in CLOSING:
                depth -= 1
            elif depth == 0:
                if kind == ",":
                    break
                operators = operators or kind in _OPERATORS
        if operators:
            return [self.sum()]
        items: list[Node] = []
        while self.at < last and self.kind != ",":
            token = self.token
            if token.kind in {"run", "number", "word", "letter"} and self.after() not in {"_", "^", "'"}:
                self.at += 1
                items += self._token_items(token, alone=alone)
            else:
                items.append(self.operand())
        if not items:
            raise self.unexpected("an index is missing here")
        return items

    def _token_items(self, token: Token, *, alone: bool) -> list[Node]:
        """The indices in one token: `ki` are two, `12` are two if nothing else stands there."""
        kind, value, start, _ = token
        if kind == "number" and alone and value.isdigit():
            return [
                Number(number_value(digit), digit, span=(start + n, start + n + 1)) for n, digit in enumerate(value)
            ]
        if kind != "run":
            return [self._whole(token)]
        letters, digits = split_run(value)
        name = make_name(letters)
        if len(letters) == 1 or name.key in self.bound or self.vocabulary.find(name) or len(letters) > MOST_INDICES:
            parts = [letters]
        else:
            parts = list(letters)
        items: list[Node] = []
        for part in parts:
            items.append(Reference(make_name(part), span=(start, start + len(part))))
            start += len(part)
        if digits:
            items.append(Number(number_value(digits), digits, span=(start, start + len(digits))))
        return items

    def _whole(self, token: Token) -> Node:
        """One token as an expression."""
        if token.kind == "number":
            return number_node(token)
        name = parse_name(token.value)
        if name is None:
            raise self.error(f"{token.value} cannot be read as a name", token[2:])
        return Reference(name, span=token[2:])
