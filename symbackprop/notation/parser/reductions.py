r"""Reads reductions and their limits: `\sum_{i=1}^{m}`, `\max_{p,q}`, `\sum_{j \ne i}`, `i = 1, \dots, n`.

Contract: the body is the product to the right, in which the indices are bound.
"""

from __future__ import annotations

from symbackprop.names import make_name
from symbackprop.notation.parser.cursor import CLOSING, NAME_KINDS, OPENING, split_run
from symbackprop.notation.parser.runs import Runs
from symbackprop.notation.syntax import Compare, Limits, Negate, Node, Number, Reduction, ReductionKind, Reference
from symbackprop.notation.tokens import Token

REDUCTION_KINDS: dict[str, ReductionKind] = {
    "sum": "sum",
    "prod": "prod",
    "max": "max",
    "min": "min",
    "mean": "mean",
}
SHORT = 20
"""How far `1, 2, ..., n` is looked through for its dots, in tokens."""


class Reductions(Runs):
    """The layer of the parser that reads reductions."""

    def reduction(self, kind: str, start: int) -> Node:
        r"""`\sum_{i=1}^{m}` and its like, behind the sign; the body is the product to the right."""
        indices: list[Limits] = []
        condition: Node | None = None
        before = self.bound
        high: Node | None = None
        while self.kind in {"_", "^"}:
            if self.accept("_"):
                found, condition = self._lower_limits()
                indices += found
                self.bound |= {limits.index.key for limits in found}
            else:
                self.at += 1
                high = self._upper_limit()
        if not indices:
            raise self.error("the sum has no index", self.span(start), r"write \sum_{i=1}^{n}, or sum(...)")
        if high is not None:
            indices = [Limits(i.index, i.low, i.high or high, span=i.span) for i in indices]
        self.deeper()
        begin = self.tokens[self.at].start
        negative = self.accept("-")
        if self.kind in {"end", ",", "+"} or self.kind in CLOSING:
            raise self.unexpected("what is summed is missing")
        body = self.product()
        self.nesting -= 1
        if negative:
            body = Negate(body, span=(begin, body.span[1]))
        self.bound = before
        span = self.span(start)
        return Reduction(REDUCTION_KINDS[kind], tuple(indices), body, condition, span=span)

    def _lower_limits(self) -> tuple[list[Limits], Node | None]:
        token = self.tokens[self.at]
        if token.kind != "{":
            return self._unbraced_indices(token), None
        closing = self.closing(self.at)
        self.at += 1
        found: list[Limits] = []
        condition: Node | None = None
        while self.at < closing:
            self._skip_spaces()
            for part in self._condition_or_limits():
                if isinstance(part, Limits):
                    if all(part.index != limits.index for limits in found):
                        found.append(part)
                else:
                    condition = part
            if not (self.accept(",") or self.accept(";")):
                break
        if self.at != closing:
            raise self.unexpected("write the limits as i=1, j=1")
        self.at += 1
        return found, condition

    def _skip_spaces(self) -> None:
        while self.accept("quad"):
            pass

    def _unbraced_indices(self, token: Token) -> list[Limits]:
        r"""`\sum_i`; in `\sum_iw_i` LaTeX takes one letter, in `sum_ij a_ij` both are indices."""
        if token.kind not in {"letter", "run"}:
            raise self.unexpected(r"write the index in braces: \sum_{i=1}")
        letters, digits = split_run(token.value)
        goes_on = digits or (self.after() in {"_", "^", "("} and self.touches(self.at + 1))
        if token.kind == "run" and len(letters) > 1 and goes_on:
            return _without_bounds(self._take(token, 1))
        self.at += 1
        return _without_bounds(token)

    def _upper_limit(self) -> Node:
        token = self.tokens[self.at]
        if token.kind == "{":
            self.at += 1
            node = self.sum()
            self.expect("}")
            return node
        if token.kind == "run" and len(split_run(token.value)[0]) > 1:
            return self._whole(self._take(token, 1))
        if token.kind in {"run", "number", "letter", "word"}:
            self.at += 1
            return self._whole(token)
        raise self.unexpected(r"write the upper limit in braces: \sum_{i=1}^{n}")

    def _condition_or_limits(self) -> list[Node]:
        r"""One item below the sign: `i`, `ij`, `i=1`, `i=1..n`, `j \ne i`, `1 \le i \le n`, `i \in S`."""
        token = self.tokens[self.at]
        behind = self.after()
        if token.kind in {"run", "letter", "word"}:
            if behind in {"=", "in"}:
                return [self.limits_item()]
            if behind in {",", "}", ";"}:
                self.at += 1
                if not token.value.isalpha():
                    raise self.error(f"{token.value} is no index", token[2:], "an index is a letter")
                return [*_without_bounds(token)]
        node = self.comparison()
        match node:
            case Compare((low, Reference(index, ()), high), (("<=" | "<"), "<=")):
                return [Limits(index, low, high, span=node.span)]
            case Compare((Reference(index, ()), _), ("!=",)) if index.key not in self.bound:
                # `\sum_{j \ne i}` binds j, and restricts it.
                return [Limits(index, span=node.span), node]
            case Compare():
                return [node]
            case _:
                raise self.error("this is no index", node.span, r"write \sum_{i=1}^{n} or \sum_i")

    def limits_item(self) -> Limits:
        r"""`i=1`, `i=1..n`, `i = 1, \dots, n`, `i \in \{1..n\}`."""
        token = self.tokens[self.at]
        name = self._whole(token)
        assert isinstance(name, Reference)
        self.at += 1
        if self.accept("in"):
            opener = self.kind
            if opener not in {"lset", "{", "["}:
                first, last = self.series()
                if last is None:
                    # A set without a name for its bounds: `i \in S`.
                    return Limits(name.name, span=self.span(token.start))
                return Limits(name.name, first, last, span=self.span(token.start))
            self.at += 1
            low, high = self.series()
            self.expect(OPENING[opener])
            return Limits(name.name, low, high, span=self.span(token.start))
        self.expect("=")
        low, high = self.series()
        if isinstance(high, Number) and not isinstance(low, Number):
            # `l = L-1, ..., 1` counts down.
            low, high = high, low
        return Limits(name.name, low, high, span=self.span(token.start))

    def series(self) -> tuple[Node, Node | None]:
        r"""`1`, `1..n`, `1, \dots, n`, `1, 2, \ldots, n`, `1:n`: the first and the last."""
        low = self.sum()
        if self.accept("dots") or self.accept(":"):
            self.accept(",")
            return low, self.sum()
        here = self.at
        while self.accept(","):
            if self.accept("dots"):
                self.accept(",")
                return low, self.sum()
            if self.kind != "number" and not (self.kind in NAME_KINDS and self._dots_follow()):
                break
            self.sum()
        self.at = here
        return low, None

    def _dots_follow(self) -> bool:
        """Whether dots come before the next relation."""
        for token in self.tokens[self.at : self.at + SHORT]:
            if token.kind == "dots":
                return True
            if token.kind in {"=", "in", "end"} or token.kind in CLOSING:
                return False
        return False


def _without_bounds(token: Token) -> list[Limits]:
    """The indices of which only the letters are written: one for each letter of a run."""
    if token.kind != "run":
        return [Limits(make_name(token.value), span=token[2:])]
    letters, _ = split_run(token.value)
    return [Limits(make_name(c), span=(token.start + n, token.start + n + 1)) for n, c in enumerate(letters)]
