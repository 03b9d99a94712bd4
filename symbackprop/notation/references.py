r"""Reads names: which of the written scripts belong to the name, which are indices, which are powers.

Contract: the longest known spelling wins; what is left are indices; where nothing is known, everything that
can be a name is the name. A run of letters is a product only if it is uniquely covered by known names.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from symbackprop.errors import Span
from symbackprop.names import Kind, Label, Name, make_name, parse_name
from symbackprop.notation.cursor import NAME_KINDS, number_value, split_run
from symbackprop.notation.lexer import Token
from symbackprop.notation.scripts import Raw, Scripts
from symbackprop.notation.syntax import (
    Call,
    Element,
    Gradient,
    Multiply,
    Negate,
    Node,
    Number,
    Power,
    Reference,
    Script,
    Transpose,
)

MOST_SCRIPTS = 6
MINUS_ONE = Number(number_value("-1"), "-1")
EULER = "e"


class References(Scripts):
    """The layer of the parser that reads names."""

    split_product: Node | None = None
    """The last product that was written as one run of letters."""

    def base_name(self) -> tuple[Name, list[Raw]]:
        """The name at the cursor without its scripts; a number glued to it (`W1`) is its first script."""
        token = self.tokens[self.at]
        kind, value, start, end = token
        self.at += 1
        if kind == "run":
            letters, digits = split_run(value)
            if not digits:
                return make_name(value), []
            return make_name(letters), [glued_number(token, digits)]
        if kind == "letter":
            number = self.tokens[self.at]
            if number.kind == "number" and number.start == end and number.value.isdigit():
                self.at += 1
                return make_name(value), [Raw("sub", number.value, number[2:], number, glued=True)]
            return make_name(value), []
        if kind == "word":
            name = parse_name(value)
            if name is None:
                raise self.error(f"{value} cannot be read as a name", (start, end))
            return name, []
        return self._accented(value, start), []

    def _accented(self, accent: str, start: int) -> Name:
        r"""The name under an accent: `\hat{y}`, `\hat y_1`, `\hat{y_1}`."""
        token = self.tokens[self.at]
        if token.kind == "run" and len(token.value) > 1:
            name = make_name(self._take(token, 1).value)
        elif token.kind in NAME_KINDS:
            self.deeper()
            name, raws = self.base_name()
            self.nesting -= 1
            name = name.with_scripts(tuple(raw.as_label() for raw in raws))
        elif token.kind == "{" and self.after() in {*NAME_KINDS, "{"}:
            self.deeper()
            self.at += 1
            name = self._accented("", start) if self.kind == "{" else self._name_in_braces()
            self.nesting -= 1
            self.expect("}")
        else:
            raise self.unexpected("an accent stands on a name: \\hat{y}")
        if accent and name.accent:
            raise self.error("a name has one accent", self.span(start), "give the quantity a name of its own")
        return name.with_accent(accent) if accent else name

    def _name_in_braces(self) -> Name:
        name, raws = self.base_name()
        raws = [*raws, *self.raw_scripts(name)]
        for raw in raws:
            if not raw.label:
                raise self.error("an accent stands on a name", raw.span, "write \\hat{y}_{...}")
        return name.with_scripts((*name.scripts, *(raw.as_label() for raw in raws)))

    # ---- which scripts belong to the name

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

    def named(self, name: Name, raws: list[Raw], start: int) -> Node:
        """A name that was read already, with more scripts."""
        found = self._known(name, raws)
        return self._with_scripts(*found, start) if found else self.unknown(name, raws, start)

    def is_known(self, node: Node) -> bool:
        """Whether a node is a reference to a known quantity."""
        return isinstance(node, Reference) and (
            self.vocabulary.find(node.name) is not None
            or any((node.name.key, script.kind) in self.vocabulary.families for script in node.scripts)
        )

    def _known(self, name: Name, raws: list[Raw]) -> tuple[Name, list[Raw]] | None:
        """The longest spelling that is known, and the scripts that are left over."""
        if len(raws) > MOST_SCRIPTS:
            raise self.error(
                "a name has too many scripts", raws[MOST_SCRIPTS].span, "write them as one, with commas"
            )
        find, families = self.vocabulary.find, self.vocabulary.families
        labels = [raw for raw in raws if raw.label]
        for size in range(len(labels), -1, -1):
            for chosen in combinations(labels, size):
                spelled = self._spelled(name, chosen)
                rest = [raw for raw in raws if raw not in chosen]
                own = [raw for raw in rest if raw.kind in {"sub", "bracket", "paren"}]
                if any(
                    raw.numeric and raw.kind != "sub" and (spelled.key, raw.kind) not in families
                    for raw in own
                ):
                    continue
                known = find(spelled)
                if known is None and own and all((spelled.key, raw.kind) in families for raw in own):
                    known = spelled
                if known is not None:
                    return known, rest
        return None

    def _spelled(self, name: Name, raws: Sequence[Raw]) -> Name:
        if not raws:
            return name
        scripts = (*name.scripts, *(raw.as_label() for raw in raws))
        return make_name(name.base, name.accent, scripts, name.glued or (raws[0].glued and not name.scripts))

    def _with_scripts(self, name: Name, rest: list[Raw], start: int) -> Node:
        """The reference, with the scripts that are not part of its name as indices, powers, transposes."""
        if not rest:
            return Reference(name, span=self.span(start))
        scripts: list[Script] = []
        marks: list[Raw] = []
        for raw in rest:
            kind: Kind | None = raw.kind if raw.kind in {"sub", "bracket", "paren"} else None  # type: ignore[assignment]
            if raw.kind == "sup" and (name.key, "sup") in self.vocabulary.families:
                kind = "sup"
            if kind is None:
                marks.append(raw)
            else:
                scripts.append(self.script(raw, kind))
        end = max((script.span[1] for script in scripts), default=rest[0].span[0])
        return self.marked(Reference(name, tuple(scripts), span=(start, end)), marks)

    def marked(self, node: Node, raws: list[Raw]) -> Node:
        """A node with transposes, powers and indices on it, in the order written."""
        start = node.span[0]
        powers = 0
        for raw in raws:
            span: Span = (start, raw.span[1])
            match raw.kind:
                case "transpose" | "prime":
                    node = Transpose(node, span=span)
                case "inverse":
                    node = Power(node, MINUS_ONE, span=span)
                case "sup":
                    powers += 1
                    if powers > 1:
                        raise self.error("two exponents on one base", raw.span, "write x^{a b} or (x^a)^b")
                    node = Power(node, self.exponent(raw), span=span)
                case "sub" | "bracket" | "paren":
                    script = self.script(raw, raw.kind)
                    before = node.scripts if isinstance(node, Element) else ()
                    inner = node.operand if isinstance(node, Element) else node
                    node = Element(inner, (*before, script), span=span)
        return node

    # ---- what is not known

    def unknown(self, name: Name, raws: list[Raw], start: int) -> Node:
        """A name of which nothing is known: everything that can be a name is the name."""
        if name.key == EULER and all(raw.kind in {"sup", "paren", "transpose", "inverse"} for raw in raws):
            return self._exponential(raws, start)
        labels = [raw for raw in raws if self._is_label(raw)]
        rest = [raw for raw in raws if raw not in labels] if labels else raws
        return self._with_scripts(self._spelled(name, labels), rest, start)

    def _exponential(self, raws: list[Raw], start: int) -> Node:
        """`e^{-z}`."""
        if not raws:
            if self.accept("**"):
                return Call("exp", (self.signed_operand(),), span=self.span(start))
            return Call(
                "exp", (Number(number_value("1"), "1", span=self.span(start)),), span=self.span(start)
            )
        exponent = self.exponent(raws[0]) if raws[0].kind in {"sup", "paren"} else None
        if exponent is None:
            raise self.error(
                "e is Euler's number and has no transpose", raws[0].span, "define e, or rename it"
            )
        return self.marked(Call("exp", (exponent,), span=(start, raws[0].span[1])), raws[1:])

    def _is_label(self, raw: Raw) -> bool:
        if not raw.label or raw.kind in {"transpose", "inverse", "prime"}:
            return False
        if raw.kind == "sup":
            return raw.label == "*" or (
                raw.label.isalpha() and len(raw.label) > 2 and raw.label not in self.bound
            )
        return ("," not in raw.label or raw.numeric) and not self._mentions_bound(raw)

    def _mentions_bound(self, raw: Raw) -> bool:
        """Whether a script holds a bound index, so that it must be read as indices."""
        if not self.bound:
            return False
        tokens = [raw.token] if raw.token else self.tokens[raw.first : raw.last]
        for token in tokens:
            if token.kind in {"letter", "word"} and token.value in self.bound:
                return True
            if token.kind == "run":
                letters, _ = split_run(token.value)
                inside = [letter in self.bound for letter in letters]
                if letters in self.bound or (any(inside) if len(letters) < 3 else all(inside)):
                    return True
        return False

    # ---- runs of letters

    def _run(self, position: int) -> Node | None:
        """What a run of letters that is no known name stands for: `dW2`, `grad_W`, `qz`; None for a new name."""
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

    def as_gradient(self, kind: str, node: Node, start: int) -> Node:
        """The gradient of a quantity; transposes and powers on the quantity are meant for the gradient."""
        span = self.span(start)
        match node:
            case Transpose(operand):
                return Transpose(self.as_gradient(kind, operand, start), span=span)
            case Power(base, exponent):
                return Power(self.as_gradient(kind, base, start), exponent, span=span)
            case _:
                return Gradient(kind, node, span=span)  # type: ignore[arg-type]

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


MOST_COVERED = 12
"""Letters of a run that may be a product."""


def glued_number(token: Token, digits: str) -> Raw:
    """The number at the end of a run, as a subscript: `W1`."""
    start = token.end - len(digits)
    return Raw("sub", digits, (start, token.end), Token("number", digits, start, token.end), glued=True)


def negated(node: Node, negative: bool, start: int) -> Node:
    """The node, or its negative."""
    return Negate(node, span=(start, node.span[1])) if negative else node
