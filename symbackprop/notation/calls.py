r"""Reads functions and reductions: `\sigma'(z)`, `\log \hat y`, `np.sum(A, axis=1)`, `\sum_{i=1}^m`.

Contract: a name in front of brackets is a function if the tables, the vocabulary or convention say so, a
factor if it is a quantity, and an error with both repairs where nothing can tell.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import replace

from symbackprop.names import Name, make_name
from symbackprop.names.alphabet import LETTERS
from symbackprop.notation.cursor import (
    CLOSING,
    NAME_KINDS,
    OPENING,
    number_value,
    shown,
    split_run,
    top_level,
)
from symbackprop.notation.lexer import Token
from symbackprop.notation.references import References
from symbackprop.notation.syntax import (
    Absolute,
    Call,
    Compare,
    Indicator,
    Limits,
    Multiply,
    Negate,
    Node,
    Norm,
    Number,
    Power,
    Reduction,
    Reference,
    Script,
    Transpose,
)
from symbackprop.notation.tables import (
    DERIVATIVE_WORDS,
    FUNCTION_LETTERS,
    FUNCTIONS,
    KEYWORDS,
    NEED_BRACKETS,
    REDUCTIONS,
)

TWO = Number(number_value("2"), "2")
QUANTITY_LETTERS = frozenset("wWbBuUvVkKcCxXyYtsmnNaAzZodeiI")
"""Letters that nobody uses for a function: in front of brackets they are factors, also where undefined."""
ARGUMENT_STARTS = NAME_KINDS | {
    "number",
    "frac",
    "sqrt",
    "root",
    "reduce",
    "|",
    "||",
    "-",
    "partial",
    "ones",
    "begin",
}
"""Tokens with which an argument without brackets begins."""
SHORT = 20
"""How far `1, 2, ..., n` is looked through for its dots, in tokens."""
BRACKETS = {"(": ")", "[": "]", "lset": "rset"}

_CODE_WORDS: dict[str, Callable[[tuple[Node, ...]], Node | None]] = {
    "dot": lambda a: Multiply(a, ("at",)) if len(a) == 2 else None,
    "matmul": lambda a: Multiply(a, ("at",)) if len(a) == 2 else None,
    "multiply": lambda a: Multiply(a, ("hadamard",)) if len(a) == 2 else None,
    "square": lambda a: Power(a[0], TWO) if len(a) == 1 else None,
    "transpose": lambda a: Transpose(a[0]) if len(a) == 1 else None,
    "norm": lambda a: Norm(a[0]) if len(a) == 1 else None,
    "abs": lambda a: Absolute(a[0]) if len(a) == 1 else None,
}
"""Functions of code that are notation elsewhere."""


class Calls(References):
    """The layer of the parser that reads functions and reductions."""

    def named_operand(self) -> Node:
        """What begins with a name: a function's value, a reduction, or a quantity."""
        token = self.tokens[self.at]
        value = token.value
        function = FUNCTIONS.get(value)
        if function is not None and token.kind != "accent":
            if self._is_function(value, function):
                return self.function(function)
        elif (value in FUNCTION_LETTERS or value in self.vocabulary.functions) and self._is_letter_function(
            value
        ):
            return self.function(value)
        node = self.reference()
        if self.tokens[self.at].kind == "(" and isinstance(node, Reference):
            return self._in_front_of_brackets(node, token)
        return node

    # ---- is it a function?

    def _is_function(self, value: str, function: str) -> bool:
        if self.vocabulary.find(make_name(value)) is not None:
            return False
        after = self._behind_scripts()
        if value == "sigma":
            return after in BRACKETS or after in NAME_KINDS or self.after() == "'"
        if function in NEED_BRACKETS:
            return after == "(" or (function in REDUCTIONS and self.after() == "_")
        return True

    def _is_letter_function(self, value: str) -> bool:
        if self.vocabulary.find(make_name(value)) is not None:
            return False
        after = self._behind_scripts()
        return (
            after == "("
            or self.after() == "'"
            or (value in self.vocabulary.functions and after in NAME_KINDS)
        )

    def _behind_scripts(self) -> str:
        """The kind of the token behind the scripts of the word at the cursor."""
        position = self.at + 1
        while self.tokens[position].kind in {"'", "_", "^"}:
            if self.tokens[position].kind != "'":
                position += 1
                if self.tokens[position].kind in OPENING:
                    position = self.closing(position)
            if self.tokens[position].kind == "end":
                return "end"
            position += 1
        return self.tokens[position].kind

    def _in_front_of_brackets(self, node: Reference, token: Token) -> Node:
        """A quantity in front of a bracket: a product, unless it may as well be a function."""
        name = node.name
        closing = self.closing(self.at)
        commas = top_level(self.tokens[self.at + 1 : closing], frozenset({","}))
        known = self.vocabulary.find(name) is not None or name.key in self.bound
        if name.key in self.vocabulary.applied or (known and commas and self._only_names(closing)):
            # `L(y, \hat{y})` is the quantity L, written with what it depends on.
            self.at = closing + 1
            return node
        if name.base == "I" and not known and not commas:
            condition = self.operand()
            return (
                condition
                if isinstance(condition, Indicator)
                else Multiply((node, condition), ("juxtaposition",))
            )
        if commas or not (known or node.scripts or name.scripts or name.base in LETTERS):
            self._refuse_unknown_function(name, token, closing, commas=bool(commas))
        return node

    def _only_names(self, closing: int) -> bool:
        kinds = {token.kind for token in self.tokens[self.at + 1 : closing]}
        return kinds <= {*NAME_KINDS, ",", ";", "_", "^", "{", "}", "[", "]", "(", ")", "number", "'"}

    def _refuse_unknown_function(self, name: Name, token: Token, closing: int, *, commas: bool) -> None:
        plain = name.plain
        word = len(name.base) > 1
        one_name = all(
            t.kind in {*NAME_KINDS, "_", "{", "}", "number"} for t in self.tokens[self.at + 1 : closing]
        )
        one_name = one_name and self.tokens[self.at + 1].kind in NAME_KINDS
        if not (commas or word or (one_name and name.base not in QUANTITY_LETTERS)):
            return
        if word or commas:
            close = difflib.get_close_matches(name.base, FUNCTIONS, 1, 0.7)
            hint = (
                f"did you mean {close[0]}?"
                if close
                else f"declare it: {plain} is tanh; or write {plain} * (...)"
            )
            raise self.error(f"{plain} is neither a known quantity nor a known function", token[2:], hint)
        raise self.error(
            f"{plain}(...) may be a function or a product",
            token[2:],
            f"write {plain} * (...) for the product, or declare the function: {plain} is tanh",
        )

    # ---- calls

    def function(self, name: str) -> Node:
        """A function with its primes, scripts, power and arguments."""
        start = self.tokens[self.at].start
        self.at += 1
        if name in REDUCTIONS and self.kind == "_":
            return self.reduction(name, start)
        order, exponent = 0, None
        scripts: list[Script] = []
        for raw in self.raw_scripts(None):
            if raw.kind == "prime" or (raw.kind == "sub" and raw.label in DERIVATIVE_WORDS):
                order += 1
            elif raw.kind in {"sub", "bracket", "paren"}:
                scripts.append(self.script(raw, raw.kind))  # type: ignore[arg-type]
            elif raw.kind == "sup" and exponent is None:
                exponent = self.exponent(raw)
                if isinstance(exponent, Negate) or raw.label == "*":
                    raise self.error(
                        f"this may be the inverse of {name}, or one over it", raw.span, f"write 1/{name}(z)"
                    )
            else:
                raise self.error(
                    f"{name} is a function: this stands on a value", raw.span, f"write {name}(z)^..."
                )
        node = self._with_arguments(name, order, tuple(scripts), start)
        return node if exponent is None else Power(node, exponent, span=self.span(start))

    def _with_arguments(self, name: str, order: int, scripts: tuple[Script, ...], start: int) -> Node:
        token = self.tokens[self.at]
        if token.kind in BRACKETS:
            before = self.bound
            if name in {"sum", "prod"}:
                self.bound = before | self._index_of_call()
            arguments, keywords = self.arguments()
            self.bound = before
            return self._call(name, arguments, order, scripts, keywords, start)
        if token.kind == "{":
            self.at += 1
            argument = self.comparison()
            self.expect("}")
        elif token.kind in ARGUMENT_STARTS and not (order and token.kind == "-"):
            argument = self._argument_without_brackets(name)
        elif order:
            return Call(name, (), order, scripts, span=self.span(start))
        else:
            raise self.error(
                f"the function {name} has no argument",
                self.span(start),
                f"write its argument in brackets: {name}(z)",
            )
        return Call(name, (argument,), order, scripts, span=self.span(start))

    def _argument_without_brackets(self, name: str) -> Node:
        r"""`\log \hat y`, `\sin 2x`, `\exp -z`; what may end in two places is refused."""
        start = self.tokens[self.at].start
        self.deeper()
        if name == "trace":
            argument = self.product()
        elif self.accept("-"):
            argument = Negate(self._argument_without_brackets(name), span=self.span(start))
        else:
            argument = self.operand()
            if isinstance(argument, Number) and self.kind in NAME_KINDS:
                argument = Multiply((argument, self.operand()), ("juxtaposition",), span=self.span(start))
            token = self.tokens[self.at]
            if (
                token.kind in NAME_KINDS
                and token.value not in FUNCTIONS
                and not isinstance(argument, Reduction)
            ):
                raise self.error(
                    f"where does the argument of {name} end?",
                    (start, token.end),
                    f"write it in brackets: {name}(...)",
                )
        self.nesting -= 1
        return argument

    def arguments(self) -> tuple[tuple[Node, ...], tuple[tuple[str, str], ...]]:
        """What stands in the brackets at the cursor: expressions and NumPy's keyword arguments."""
        closer = BRACKETS[self.tokens[self.at].kind]
        self.at += 1
        found: list[Node] = []
        keywords: list[tuple[str, str]] = []
        self.deeper()
        while True:
            token = self.tokens[self.at]
            if token.kind == "run" and self.after() == "=":
                if token.value in KEYWORDS:
                    keywords.append((token.value, self._keyword_value()))
                elif found and token.value in self.bound:
                    found.append(self._limits_item())
                else:
                    found.append(self.comparison())
            else:
                found.append(self.comparison())
            if not (self.accept(",") or self.accept(";")):
                break
        self.nesting -= 1
        if self.kind != closer:
            raise self.unexpected(f"an argument ends with a comma or with {shown(closer)}")
        self.at += 1
        return tuple(found), tuple(keywords)

    def _keyword_value(self) -> str:
        """The text behind `axis=`."""
        self.at += 2
        first = self.tokens[self.at]
        while self.kind not in {",", "end"} and self.kind not in CLOSING:
            if self.kind in OPENING:
                self.at = self.closing(self.at)
            self.at += 1
        return self.line.text[first.start : self.tokens[self.at - 1].end]

    def _index_of_call(self) -> frozenset[str]:
        """The index in `sum(expression, i, 1, n)`, which is bound in the expression before it."""
        inside = self.tokens[self.at + 1 : self.closing(self.at)]
        commas = top_level(inside, frozenset({","}))
        if not commas or commas[0] + 1 >= len(inside):
            return frozenset()
        index = inside[commas[0] + 1]
        behind = inside[commas[0] + 2].kind if commas[0] + 2 < len(inside) else ","
        if index.kind not in {"run", "letter"} or behind not in {",", "="} or index.value in KEYWORDS:
            return frozenset()
        return frozenset({index.value})

    def _call(
        self,
        name: str,
        arguments: tuple[Node, ...],
        order: int,
        scripts: tuple[Script, ...],
        keywords: tuple[tuple[str, str], ...],
        start: int,
    ) -> Node:
        span = self.span(start)
        if name in {"sum", "prod"} and len(arguments) > 1:
            return self._reduction_call(name, arguments, start)
        if name in _CODE_WORDS and not (order or scripts or keywords):
            node = _CODE_WORDS[name](arguments)
            if node is None:
                raise self.error(f"{name} is given {len(arguments)} arguments", span)
            return replace(node, span=span)
        return Call(name, arguments, order, scripts, keywords, span=span)

    def _reduction_call(self, name: str, arguments: tuple[Node, ...], start: int) -> Node:
        body, *rest = arguments
        match rest:
            case [Limits() as limits]:
                pass
            case [Reference(index, ())]:
                limits = Limits(index, span=rest[0].span)
            case [Reference(index, ()), low, high]:
                limits = Limits(index, low, high, span=(rest[0].span[0], high.span[1]))
            case _:
                raise self.error(f"the {name} is not clear", self.span(start), f"write {name}(x_i, i, 1, n)")
        return Reduction(name, (limits,), body, span=self.span(start))  # type: ignore[arg-type]

    # ---- reductions

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
        return Reduction(kind, tuple(indices), body, condition, span=self.span(start))  # type: ignore[arg-type]

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
            item = self._condition_or_limits()
            for part in item if isinstance(item, list) else [item]:
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
        if token.kind == "letter":
            self.at += 1
            return [Limits(make_name(token.value), span=token[2:])]
        if token.kind != "run":
            raise self.unexpected(r"write the index in braces: \sum_{i=1}")
        letters, digits = split_run(token.value)
        following = self.tokens[self.at + 1]
        if len(letters) > 1 and (
            digits or (following.kind in {"_", "^", "("} and following.start == token.end)
        ):
            first = self._take(token, 1)
            return [Limits(make_name(first.value), span=first[2:])]
        self.at += 1
        return [
            Limits(make_name(c), span=(token.start + n, token.start + n + 1)) for n, c in enumerate(letters)
        ]

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

    def _condition_or_limits(self) -> list[Limits] | Limits | Node:
        """One item below the sign: `i`, `ij`, `i=1`, `i=1..n`, `j \\ne i`, `1 \\le i \\le n`, `i \\in S`."""
        token = self.tokens[self.at]
        behind = self.after()
        if token.kind in {"run", "letter", "word"}:
            if behind in {"=", "in"}:
                return self._limits_item()
            if behind in {",", "}", ";"}:
                self.at += 1
                if token.kind != "run" or len(token.value) == 1:
                    return Limits(make_name(token.value), span=token[2:])
                letters, digits = split_run(token.value)
                if digits:
                    raise self.error(f"{token.value} is no index", token[2:], "an index is a letter")
                return [
                    Limits(make_name(c), span=(token.start + n, token.start + n + 1))
                    for n, c in enumerate(letters)
                ]
        node = self.comparison()
        match node:
            case Compare((low, Reference(index, ()), high), (("<=" | "<"), "<=")):
                return Limits(index, low, high, span=node.span)
            case Compare((Reference(index, ()), _), ("!=",)) if index.key not in self.bound:
                # `\sum_{j \ne i}` binds j, and restricts it.
                return [Limits(index, span=node.span), node]  # type: ignore[list-item]
            case Compare():
                return node
            case _:
                raise self.error("this is no index", node.span, r"write \sum_{i=1}^{n} or \sum_i")

    def _limits_item(self) -> Limits:
        r"""`i=1`, `i=1..n`, `i = 1, \dots, n`, `i \in \{1..n\}`."""
        token = self.tokens[self.at]
        name = self._whole(token)
        assert isinstance(name, Reference)
        self.at += 1
        if self.accept("in"):
            opener = self.kind
            if opener not in {"lset", "{", "["}:
                self.operand()
                return Limits(name.name, span=self.span(token.start))
            self.at += 1
            low, high = self.series()
            self.expect(OPENING[opener])
            return Limits(name.name, low, high, span=self.span(token.start))
        self.expect("=")
        low, high = self.series()
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
