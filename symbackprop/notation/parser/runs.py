r"""Reads runs of letters: one name, or the product or gradient that it is: `out`, `qz`, `dW2`, `grad_W`.

Contract: a known name comes first, then a d in front of one, then a product if exactly one way of cutting the
run into known names exists; else the run is a new name.
"""

from __future__ import annotations

from symbackprop.names import Label, Name, make_name
from symbackprop.notation.parser.cursor import NAME_KINDS, split_run
from symbackprop.notation.parser.references import EULER, References
from symbackprop.notation.parser.scripts import Raw, glued_number
from symbackprop.notation.syntax import Gradient, GradientKind, Multiply, Node, Power, Reference, Transpose

MOST_COVERED = 12
"""Letters of a run that may be a product."""


class Runs(References):
    """The layer of the parser that reads what begins with a name."""

    split_product: Node | None = None
    """The last product that was written as one run of letters."""

    def reference(self) -> Node:
        """A name with its scripts, or the product or gradient that a run of letters stands for."""
        position = self.at
        token = self.tokens[position]
        name, glued = self.base_name()
        raws = glued + self.raw_scripts(name)
        if not raws:
            known = self.vocabulary.find(name)
            if known is not None:
                return Reference(known, span=(token.start, token.end))
            if name.key in self.bound:
                return Reference(name, span=(token.start, token.end))
        else:
            found = self._known(name, raws)
            if found is not None:
                return self._with_scripts(*found, token.start)
        if token.kind in {"run", "word"} and len(token.value) > 1:
            behind = self.at
            special = self._run(position) if token.kind == "run" else self._word_gradient(position)
            if special is not None:
                return special
            self.at = behind
        return self.unknown(name, raws, token.start)

    def _run(self, position: int) -> Node | None:
        """What a run that is no known name stands for: `dW2`, `grad_W`, `qz`; None for a new name."""
        token = self.tokens[position]
        if token.value == "grad":
            return self._word_gradient(position)
        if token.value[0] == "d":
            gradient = self._differential(position)
            if gradient is not None:
                return gradient
        return self._covered(position)

    def _differential(self, position: int) -> Node | None:
        """`dW2`, `dZ^{[2]}`: a d in front of a known name."""
        token = self.tokens[position]
        letters, digits = split_run(token.value)
        if len(letters) < 2:
            return None
        self.at = position + 1
        base = make_name(letters[1:])
        glued = [glued_number(token, digits)] if digits else []
        # `dW` is a name that carries its scripts, so they are read as those of W.
        found = self._known(base, glued + self.raw_scripts(base))
        if found is None:
            return None
        return self.as_gradient("d", self._with_scripts(*found, token.start + 1), token.start)

    def _word_gradient(self, position: int) -> Node | None:
        """`grad_W`, `grad_y_pred`."""
        token = self.tokens[position]
        if token.value != "grad" and not token.value.startswith("grad_"):
            return None
        if token.value == "grad":
            if self.tokens[position + 1].kind != "_":
                return None
            braced = self.tokens[position + 2].kind == "{"
            self.at = position + (3 if braced else 2)
            if self.kind not in NAME_KINDS:
                return None
            name, glued = self.base_name()
            found = self._known(name, glued + self.raw_scripts(name))
            if found is None or (braced and not self.accept("}")):
                return None
            node = self._with_scripts(*found, self.tokens[position + 2].start)
            return self.as_gradient("grad", node, token.start)
        known = self.vocabulary.find_text(token.value.removeprefix("grad_"))
        self.at = position + 1
        return Gradient("grad", Reference(known), span=token[2:]) if known else None

    def as_gradient(self, kind: GradientKind, node: Node, start: int) -> Node:
        """The gradient of a quantity; transposes and powers on the quantity are meant for the gradient."""
        span = self.span(start)
        match node:
            case Transpose(operand):
                return Transpose(self.as_gradient(kind, operand, start), span=span)
            case Power(base, exponent):
                return Power(self.as_gradient(kind, base, start), exponent, span=span)
            case _:
                return Gradient(kind, node, span=span)

    def _covered(self, position: int) -> Node | None:
        """The product that a run is, if known names cover it in exactly one way."""
        token = self.tokens[position]
        letters, digits = split_run(token.value)
        if len(letters) > MOST_COVERED:
            return None
        self.at = position + 1
        pieces = self._cover(letters, digits)
        if pieces is None:
            return None
        start = token.start
        factors: list[Node] = []
        for piece in pieces[:-1]:
            known = self.vocabulary.find_text(piece) or make_name(piece)
            factors.append(Reference(known, span=(start, start + len(piece))))
            start += len(piece)
        base = make_name(pieces[-1])
        glued = [glued_number(token, digits)] if digits else []
        raws = glued + self.raw_scripts(base)
        found = self._known(base, raws)
        last = self._with_scripts(*found, start) if found else self.unknown(base, raws, start)
        joints = ("juxtaposition",) * len(factors)
        self.split_product = Multiply((*factors, last), joints, span=self.span(token.start))
        return self.split_product

    def _cover(self, letters: str, digits: str) -> list[str] | None:
        """The names that a run consists of; None if there is no way, or more than one."""
        find = self.vocabulary.find
        after = self.kind
        ways: list[list[list[str]]] = [[[]]]
        for end in range(1, len(letters) + 1):
            here: list[list[str]] = []
            for begin in range(end):
                piece = letters[begin:end]
                if not ways[begin]:
                    continue
                if end == len(letters):
                    name = make_name(piece)
                    fits = self._fits_at_the_end(name, digits) or (piece == EULER and after in {"^", "**"})
                else:
                    fits = find(make_name(piece)) is not None or (len(piece) == 1 and piece in self.bound)
                if fits:
                    here += [[*way, piece] for way in ways[begin][:2]]
            ways.append(here[:3])
        return ways[-1][0] if len(ways[-1]) == 1 and len(ways[-1][0]) > 1 else None

    def _fits_at_the_end(self, name: Name, digits: str) -> bool:
        if digits:
            return self.vocabulary.find(name.with_scripts((Label("sub", digits),))) is not None
        if self.vocabulary.find(name) is not None or name.key in self.bound:
            return True
        return self.kind in {"_", "^"} and self._known(name, self._peeked(name)) is not None

    def _peeked(self, name: Name) -> list[Raw]:
        here = self.at
        raws = self.raw_scripts(name)
        self.at = here
        return raws
