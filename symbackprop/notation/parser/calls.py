r"""Reads functions and reductions: `\sigma'(z)`, `\log \hat y`, `np.sum(A, axis=1)`, `\sum_{i=1}^m`.

Contract: a name in front of brackets is a function if the tables, the vocabulary or convention say so, a
factor if it is a quantity, and an error with both repairs where nothing can tell.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from symbackprop.errors import closest
from symbackprop.names import Name, make_name
from symbackprop.names.alphabet import LETTERS
from symbackprop.notation.parser.cursor import (
    CLOSING,
    NAME_KINDS,
    OPENING,
    number_value,
    shown,
    top_level,
)
from symbackprop.notation.parser.reductions import REDUCTION_KINDS, Reductions
from symbackprop.notation.syntax import (
    Absolute,
    Call,
    Divide,
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
from symbackprop.notation.tokens import Token

TWO = Number(number_value("2"), "2")
_INEQUALITIES = frozenset({"<", ">", "<=", ">="})
_PREFIXES = frozenset({"Delta", "d"})
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
BRACKETS = {"(": ")", "[": "]", "lset": "rset"}

_CODE_WORDS: dict[str, Callable[[tuple[Node, ...]], Node | None]] = {
    "dot": lambda a: Multiply(a, ("at",)) if len(a) == 2 else None,
    "matmul": lambda a: Multiply(a, ("at",)) if len(a) == 2 else None,
    "multiply": lambda a: Multiply(a, ("hadamard",)) if len(a) == 2 else None,
    "divide": lambda a: Divide(a[0], a[1]) if len(a) == 2 else None,
    "outer": lambda a: Multiply((a[0], Transpose(a[1])), ("at",)) if len(a) == 2 else None,
    "power": lambda a: Power(a[0], a[1]) if len(a) == 2 else None,
    "square": lambda a: Power(a[0], TWO) if len(a) == 1 else None,
    "transpose": lambda a: Transpose(a[0]) if len(a) == 1 else None,
    "norm": lambda a: Norm(a[0]) if len(a) == 1 else None,
    "abs": lambda a: Absolute(a[0]) if len(a) == 1 else None,
}
"""Functions of code that are notation elsewhere."""


class Calls(Reductions):
    """The layer of the parser that reads functions and reductions."""

    def named_operand(self) -> Node:
        """What begins with a name: a function's value, a reduction, or a quantity."""
        token = self.tokens[self.at]
        value = token.value
        function = FUNCTIONS.get(value)
        if function is not None and token.kind != "accent":
            if self._is_function(value, function):
                return self.function(function)
        elif (value in FUNCTION_LETTERS or value in self.vocabulary.functions) and self._is_letter_function(value):
            return self.function(value)
        elif value in _PREFIXES and self.vocabulary.find(make_name(value)) is None:
            gradient = self._prefixed(token)
            if gradient is not None:
                return gradient
        node = self.reference()
        if self.tokens[self.at].kind == "(" and isinstance(node, Reference):
            return self._in_front_of_brackets(node, token)
        return node

    def _prefixed(self, token: Token) -> Node | None:
        r"""`\Delta w`, `\mathrm{d}W`: a sign in front of a known name."""
        if self.after() not in NAME_KINDS or (token.value == "d" and not self.touches(self.at + 1)):
            return None
        here = self.at
        self.at += 1
        self.deeper()
        node = self.reference()
        self.nesting -= 1
        inner = node
        while isinstance(inner, Transpose | Power):
            inner = inner.operand if isinstance(inner, Transpose) else inner.base
        if self.is_known(inner) or (token.value == "d" and token.kind == "word"):
            return self.as_gradient("d" if token.value == "d" else "Delta", node, token.start)
        self.at = here
        return None

    # ---- is it a function?

    def _is_function(self, value: str, function: str) -> bool:
        if self._is_quantity(value):
            return False
        after = self._behind_scripts()
        if value == "sigma":
            return after in BRACKETS or after in NAME_KINDS or self.after() == "'"
        if function in NEED_BRACKETS:
            return after == "(" or (function in REDUCTIONS and self.after() == "_")
        return True

    def _is_letter_function(self, value: str) -> bool:
        if self._is_quantity(value):
            return False
        after = self._behind_scripts()
        return after == "(" or self.after() == "'" or (value in self.vocabulary.functions and after in NAME_KINDS)

    def _is_quantity(self, value: str) -> bool:
        r"""Whether a word that may be a function is a known quantity here: `f_t` of an LSTM, `\sigma^2`."""
        if self.vocabulary.find(make_name(value)) is not None:
            return True
        if not self.vocabulary.names or self.after() not in {"_", "^"}:
            return False
        here = self.at
        name, glued = self.base_name()
        known = self._known(name, glued + self.raw_scripts(name)) is not None
        self.at = here
        return known

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
            inside = {t.kind for t in self.tokens[self.at + 1 : closing]}
            return self.operand() if inside & _INEQUALITIES else node
        if commas or not (known or node.scripts or name.scripts or name.base in LETTERS):
            self._refuse_unknown_function(name, token, closing, commas=bool(commas))
        return node

    def _only_names(self, closing: int) -> bool:
        kinds = {token.kind for token in self.tokens[self.at + 1 : closing]}
        return kinds <= {*NAME_KINDS, ",", ";", "_", "^", "{", "}", "[", "]", "(", ")", "number", "'"}

    def _refuse_unknown_function(self, name: Name, token: Token, closing: int, *, commas: bool) -> None:
        plain = name.plain
        word = len(name.base) > 1
        one_name = all(t.kind in {*NAME_KINDS, "_", "{", "}", "number"} for t in self.tokens[self.at + 1 : closing])
        one_name = one_name and self.tokens[self.at + 1].kind in NAME_KINDS
        if not (commas or word or (one_name and name.base not in QUANTITY_LETTERS)):
            return
        if word or commas:
            close = closest(name.base, FUNCTIONS)
            hint = f"did you mean {close}?" if close else f"declare it: {plain} is tanh; or write {plain} * (...)"
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
            elif raw.index_kind is not None:
                scripts.append(self.script(raw, raw.index_kind))
            elif raw.kind == "sup" and exponent is None:
                exponent = self.exponent(raw)
                if isinstance(exponent, Negate) or raw.label == "*":
                    raise self.error(
                        f"this may be the inverse of {name}, or one over it", raw.span, f"write 1/{name}(z)"
                    )
            else:
                raise self.error(f"{name} is a function: this stands on a value", raw.span, f"write {name}(z)^...")
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
            if token.kind in NAME_KINDS and token.value not in FUNCTIONS and not isinstance(argument, Reduction):
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
                    found.append(self.limits_item())
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
            case [Number() | Negate(Number()) as axis]:
                return Call(name, (body, axis), span=self.span(start))  # np.sum(A, 0)
            case _:
                raise self.error(f"the {name} is not clear", self.span(start), f"write {name}(x_i, i, 1, n)")
        return Reduction(REDUCTION_KINDS[name], (limits,), body, span=self.span(start))
