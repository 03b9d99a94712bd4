r"""Reads names: which of the written scripts belong to the name, which are indices, which are powers.

Contract: the longest known spelling wins; what is left are indices; where nothing is known, everything that
can be a name is the name. A run of letters is a product only if it is uniquely covered by known names.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from symbackprop.errors import Span
from symbackprop.names import Name, make_name, parse_name
from symbackprop.notation.parser.cursor import NAME_KINDS, number_value, split_run
from symbackprop.notation.parser.indices import MOST_INDICES, Indices
from symbackprop.notation.parser.scripts import Raw, glued_number
from symbackprop.notation.syntax import (
    Call,
    Element,
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


class References(Indices):
    """The layer of the parser that reads names."""

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
            raise self.error("a name has too many scripts", raws[MOST_SCRIPTS].span, "write them as one, with commas")
        find, families = self.vocabulary.find, self.vocabulary.families
        labels = [raw for raw in raws if raw.label]
        if len(labels) == len(raws):
            known = find(self._spelled(name, raws))
            if known is not None:
                return known, []
            if not families and len(raws) == 1 and raws[0].kind == "sub" and find(name) is None:
                return None
        for size in range(len(labels), -1, -1):
            for chosen in combinations(labels, size):
                spelled = self._spelled(name, chosen)
                rest = [raw for raw in raws if raw not in chosen]
                if any(self._stays_in_name(raw, spelled) for raw in rest):
                    continue
                own = [raw for raw in rest if raw.index_kind]
                known = find(spelled)
                if known is None and own and all((spelled.key, raw.kind) in families for raw in own):
                    known = spelled
                if known is not None:
                    return known, rest
        return None

    def _stays_in_name(self, raw: Raw, name: Name) -> bool:
        """Whether a script is part of the name whatever is known of the rest: `z^{(1)}`, `y^*`."""
        if raw.kind == "sub":
            return self._is_mark(raw)
        if raw.kind in {"bracket", "paren"}:
            return raw.numeric and (name.key, raw.kind) not in self.vocabulary.families
        return raw.is_word and raw.label not in self.bound and self.vocabulary.find_text(raw.label) is None

    def _is_mark(self, raw: Raw) -> bool:
        r"""Whether a subscript is a word, and no index: `x_{\text{in}}`, `E_{total}`."""
        token = raw.token
        if token is None or token.kind not in {"word", "run"} or raw.label in self.bound:
            return False
        letters, _ = split_run(token.value)
        if len(letters) < 2 or (token.kind == "run" and len(letters) <= MOST_INDICES):
            return False
        indices = all(letter in self.bound for letter in letters)
        return not indices and self.vocabulary.find_text(raw.label) is None

    def _spelled(self, name: Name, raws: Sequence[Raw]) -> Name:
        if not raws:
            return name
        if len(raws) == 1 and not name.scripts:
            return make_name(name.base, name.accent, (raws[0].as_label(),), raws[0].glued)
        scripts = (*name.scripts, *(raw.as_label() for raw in raws))
        return make_name(name.base, name.accent, scripts, name.glued or (raws[0].glued and not name.scripts))

    def _with_scripts(self, name: Name, rest: list[Raw], start: int) -> Node:
        """The reference, with the scripts that are not part of its name as indices, powers, transposes."""
        if not rest:
            return Reference(name, span=self.span(start))
        scripts: list[Script] = []
        marks: list[Raw] = []
        for raw in rest:
            kind, mark = raw.index_kind, raw
            if raw.kind == "sup" and (name.key, "sup") in self.vocabulary.families:
                kind = "sup"
            elif kind == "paren" and raw.bare and self._is_exponent(name, raw):
                kind, mark = None, raw._replace(kind="sup")
            if kind is None:
                marks.append(mark)
            else:
                scripts.append(self.script(raw, kind))
        end = max((script.span[1] for script in scripts), default=rest[0].span[0])
        return self.marked(Reference(name, tuple(scripts), span=(start, end)), marks)

    def _is_exponent(self, name: Name, raw: Raw) -> bool:
        """Whether `x^(n+1)` is a power: of a known quantity that has no such label."""
        known = self.vocabulary.find(name) is not None
        return known and (name.key, "paren") not in self.vocabulary.families and not self._mentions_bound(raw)

    def marked(self, node: Node, raws: list[Raw]) -> Node:
        """A node with transposes, powers and indices on it, in the order written."""
        start = node.span[0]
        powers = 0
        if len(raws) > MOST_SCRIPTS:
            raise self.error("too many scripts on one factor", raws[MOST_SCRIPTS].span, "write them as one")
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
                case "sub" if raw.label == "+":
                    # The positive part: `[1 - y z]_+`.
                    node = Call("relu", (node,), span=span)
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
            return Call("exp", (Number(number_value("1"), "1", span=self.span(start)),), span=self.span(start))
        exponent = self.exponent(raws[0]) if raws[0].kind in {"sup", "paren"} else None
        if exponent is None:
            raise self.error("e is Euler's number and has no transpose", raws[0].span, "define e, or rename it")
        return self.marked(Call("exp", (exponent,), span=(start, raws[0].span[1])), raws[1:])

    def _is_label(self, raw: Raw) -> bool:
        if not raw.label or raw.kind in {"transpose", "inverse", "prime"}:
            return False
        if raw.kind == "sup":
            return raw.is_word and raw.label not in self.bound
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
