r"""Reads an expression: sums, products, fractions, brackets, norms, derivatives. The top layer of the parser.

Contract: one pass from left to right, precedence by one method a level; the tree keeps the author's order.
"""

from __future__ import annotations

from symbackprop.names import make_name
from symbackprop.notation.arrays import Arrays
from symbackprop.notation.cursor import CLOSING, NAME_KINDS, number_node, number_value, shown
from symbackprop.notation.lexer import Token, tokenize
from symbackprop.notation.scripts import Raw
from symbackprop.notation.source import Line
from symbackprop.notation.syntax import (
    Absolute,
    Add,
    Call,
    Compare,
    Divide,
    Element,
    Gradient,
    Indicator,
    Inner,
    Joint,
    Multiply,
    Negate,
    Node,
    Norm,
    Number,
    Ones,
    Partial,
    Power,
    Reference,
    Transpose,
)
from symbackprop.notation.tables import FUNCTIONS
from symbackprop.notation.vocabulary import NOTHING_KNOWN, Vocabulary

JOINTS: dict[str, Joint] = {"cdot": "cdot", "*": "star", "@": "at", "times": "times", "hadamard": "hadamard"}
COMPARISONS = frozenset({"<", ">", "<=", ">=", "=", "!=", "≈", "in"})
_STARTS = """
    number ( [ { lset frac sqrt root reduce partial nabla triangle ones langle | || brace begin
"""
STARTS = NAME_KINDS | frozenset(_STARTS.split())
"""Tokens with which a factor begins."""


def parse_expression(text: Line | str, vocabulary: Vocabulary = NOTHING_KNOWN) -> Node:
    r"""The tree of one expression, such as a homework answer without its left side.

    >>> parse_expression(r"\frac12 x")
    Multiply(factors=(Divide(numerator=Number(1), denominator=Number(2)), x), joints=('juxtaposition',))
    """
    line = Line.of(text) if isinstance(text, str) else text
    return parse_tokens(line, tokenize(line), vocabulary)


def parse_tokens(line: Line, tokens: list[Token], vocabulary: Vocabulary) -> Node:
    """The tree of tokens that are one expression."""
    parser = Parser(line, tokens, vocabulary)
    node = parser.comparison()
    if parser.kind != "end":
        hint = "a row of formulas is read one by one" if parser.kind in {",", ";"} else None
        raise parser.unexpected(hint)
    return Indicator(node, span=node.span) if isinstance(node, Compare) else node


class Parser(Arrays):
    """The layer of the parser that knows precedence."""

    def __init__(self, line: Line, tokens: list[Token], vocabulary: Vocabulary) -> None:
        super().__init__(line, tokens, vocabulary)
        self.bar = ""
        """The bar that would close an absolute value or a norm here."""

    # ---- conditions and sums

    def comparison(self) -> Node:
        """`a`, or `a < b <= c`."""
        first = self.sum()
        if self.tokens[self.at].kind not in COMPARISONS:
            return first
        operands, operators = [first], list[str]()
        while self.kind in COMPARISONS:
            operators.append(self.token.kind)
            self.at += 1
            operands.append(self.sum())
        return Compare(tuple(operands), tuple(operators), span=self.span(first.span[0]))

    def sum(self) -> Node:
        """Terms joined by + and -."""
        start = self.tokens[self.at].start
        first = self._signed_product(negative=False)
        if self.tokens[self.at].kind not in {"+", "-"}:
            return first
        terms = [first]
        while (kind := self.tokens[self.at].kind) in {"+", "-"}:
            begin = self.tokens[self.at].start
            self.at += 1
            term = self._signed_product(negative=kind == "-")
            terms.append(
                Negate(term.operand, span=(begin, term.span[1])) if isinstance(term, Negate) else term
            )
        return Add(tuple(terms), span=self.span(start))

    def _signed_product(self, *, negative: bool) -> Node:
        start = self.tokens[self.at].start
        while (kind := self.tokens[self.at].kind) in {"+", "-"}:
            negative ^= kind == "-"
            self.at += 1
        product = self.product()
        return Negate(product, span=(start, product.span[1])) if negative else product

    # ---- products

    def product(self) -> Node:
        """Factors, flat; a slash divides all that stands before it in the product."""
        first = self.operand()
        kind = self.tokens[self.at].kind
        if kind not in JOINTS and kind != "/" and kind not in STARTS:
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
            elif kind == "/":
                self._slash(factors, joints)
            elif kind in STARTS and kind != self.bar:
                if kind == "number":
                    raise self.error(
                        "a number stands right behind a factor",
                        (token.start, token.end),
                        rf"write ^{token.value} for a power, or \cdot {token.value} for a product",
                    )
                self._append(factors, joints, self.operand(), "juxtaposition")
            else:
                break
        if len(factors) == 1:
            return factors[0]
        return Multiply(tuple(factors), tuple(joints), span=self.span(factors[0].span[0]))

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
        self.at += 1
        divisor = self.signed_operand()
        following = self.tokens[self.at]
        glued = isinstance(divisor, Number) and following.kind in NAME_KINDS and self.adjacent()
        if divisor is self.split_product or glued:
            end = following.end if glued else divisor.span[1]
            text = self.line.text[divisor.span[0] : end]
            raise self.error(
                f"1/{text} may be 1/({text}) or (1/...)...",
                (divisor.span[0], end),
                f"write /({text}), or a space or bracket behind the first factor",
            )
        partial = self._derivative(factors[-1], divisor, slash=True)
        if partial is not None:
            factors[-1] = partial
            return
        start = factors[0].span[0]
        product = (
            factors[0]
            if len(factors) == 1
            else Multiply(tuple(factors), tuple(joints), span=self.span(start))
        )
        factors[:] = [Divide(product, divisor, True, span=self.span(start))]
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

    # ---- operands

    def operand(self) -> Node:
        """One factor: what begins here, with the scripts, methods and powers behind it."""
        token = self.tokens[self.at]
        kind = token.kind
        if kind in NAME_KINDS:
            node = self.named_operand()
        elif kind == "number":
            node = self._number(token)
        else:
            self.deeper()
            node = self._other(token)
            self.nesting -= 1
        if self.tokens[self.at].kind in _POSTFIX:
            return self._postfix(node)
        return node

    def _postfix(self, node: Node) -> Node:
        while True:
            kind = self.tokens[self.at].kind
            if kind in {"_", "^", "'", "top", "["}:
                raws = self.raw_scripts(None)
                if not raws:
                    return node
                node = self._norm_scripts(node, raws) if isinstance(node, Norm) else self.marked(node, raws)
            elif kind == "**":
                self.at += 1
                exponent = self.signed_operand()
                node = Power(node, exponent, span=self.span(node.span[0]))
            elif kind == "method":
                node = self._method(node)
            else:
                return node

    def _number(self, token: Token) -> Node:
        self.at += 1
        number = number_node(token)
        if token.value == "1" and self.kind in {"_", "[", "(", "lset"}:
            return self._ones(token, number)
        return number

    def _other(self, token: Token) -> Node:
        """What begins with a bracket, a sign or a command."""
        match token.kind:
            case "(" | "[" | "lset":
                return self._bracket(token)
            case "{" | "brace":
                return self._group(token)
            case "frac":
                return self._fraction(token)
            case "sqrt" | "root":
                return self._root(token)
            case "reduce":
                self.at += 1
                if self.kind not in {"_", "^"}:
                    raise self.error("the sum has no index", token[2:], r"write \sum_{i=1}^{n}, or sum(...)")
                return self.reduction(token.value, token.start)
            case "partial" | "nabla" | "triangle":
                return self._gradient(token)
            case "|" | "||":
                return self._bars(token)
            case "langle":
                return self._inner(token)
            case "ones":
                self.at += 1
                return self._ones(token, None)
            case "begin":
                return self.environment(token)
            case "dots":
                raise self.error("dots cannot be read", token[2:], r"write the sum with \sum_{i=1}^{n}")
            case _:
                raise self.unexpected()

    # ---- brackets

    def _bracket(self, token: Token) -> Node:
        if token.kind == "[" or (token.kind == "lset" and self.after() == "begin"):
            before, self.bar = self.bar, ""
            node = self.array(token)
            self.bar = before
            return node
        self.at += 1
        before, self.bar = self.bar, ""
        node = self.comparison()
        self.bar = before
        closer = ")" if token.kind == "(" else "rset"
        if self.kind != closer:
            hint = f"{shown(closer)} is expected here"
            raise self.unexpected("a list cannot stand here" if self.kind == "," else hint)
        self.at += 1
        return Indicator(node, span=self.span(token.start)) if isinstance(node, Compare) else node

    def _group(self, token: Token) -> Node:
        r"""Braces are invisible: `{W^{(1)}}_{ij}`, `{\partial h_2}`; an underbrace loses its remark."""
        self.at += 1
        if token.kind == "brace":
            node = self.argument()
            while self.kind in {"_", "^"}:
                self.at += 1
                self.at = self.closing(self.at) + 1 if self.kind == "{" else self.at + 1
            return node
        if self.accept("}"):
            return self.operand()
        before, self.bar = self.bar, ""
        node = self.comparison()
        self.bar = before
        self.expect("}")
        if isinstance(node, Reference) and not node.scripts and self.kind in {"_", "^", "'"}:
            return self.named(node.name, self.raw_scripts(node.name), token.start)
        return Indicator(node, span=self.span(token.start)) if isinstance(node, Compare) else node

    def argument(self) -> Node:
        r"""What a LaTeX command takes: a group in braces, or one character: `\frac12`, `\frac1mA`."""
        token = self.tokens[self.at]
        if token.kind == "{":
            closing = self.closing(self.at)
            if closing == self.at + 1:
                raise self.error("the braces are empty", (token.start, token.end), "fill them in")
            self.at += 1
            node = self.comparison()
            self.expect("}")
            return node
        if token.kind in {"number", "run"} and len(token.value) > 1 and token.value.isalnum():
            return self._whole(self._take(token, 1))
        if token.kind in {"number", "run", "letter", "word"}:
            self.at += 1
            return self._whole(token)
        if token.kind in {"end", "/", ")", "}", "_", "^"} or token.kind in JOINTS:
            raise self.unexpected("a command needs its argument in braces")
        return self.operand()

    def _bars(self, token: Token) -> Node:
        self.at += 1
        before, self.bar = self.bar, token.kind
        node = self.comparison()
        self.bar = before
        if self.kind != token.kind:
            raise self.error(f"{token.kind} is opened here and never closed", (token.start, token.end))
        self.at += 1
        span = self.span(token.start)
        return Absolute(node, span=span) if token.kind == "|" else Norm(node, span=span)

    def _norm_scripts(self, node: Node, raws: list[Raw]) -> Node:
        r"""`\|W\|_F^2` and `\|W\|^2_F`."""
        subscripts = [raw for raw in raws if raw.kind == "sub"]
        others = [raw for raw in raws if raw.kind != "sub"]
        if subscripts and isinstance(node, Norm):
            label = subscripts[0].label
            if not label or len(subscripts) > 1:
                raise self.error(
                    "this norm is not known", subscripts[0].span, r"write \|v\|, \|v\|_1 or \|W\|_F"
                )
            node = Norm(node.operand, label, span=(node.span[0], subscripts[0].span[1]))
        return self.marked(node, others)

    def _inner(self, token: Token) -> Node:
        self.at += 1
        before, self.bar = self.bar, "|"
        left = self.sum()
        self.bar = before
        if not (self.accept(",") or self.accept("|")):
            raise self.unexpected(r"write \langle a, b \rangle")
        right = self.sum()
        self.expect("rangle")
        return Inner(left, right, span=self.span(token.start))

    def _ones(self, token: Token, number: Number | None) -> Node:
        r"""`\mathbf{1}`, `\mathbf{1}_m`, `\mathbb{1}[z > 0]`, `\mathbf{1}_{z > 0}`; with a number, a plain 1."""
        here = self.at
        if self.kind == "_" and self.after() == "{":
            self.at += 2
            inside = self.comparison()
            self.expect("}")
            if isinstance(inside, Compare):
                return Indicator(inside, span=self.span(token.start))
            if number is None and token.value == "1":
                return Ones(inside, span=self.span(token.start))
            self.at = here
        elif self.kind == "_" and number is None and token.value == "1":
            self.at += 1
            return Ones(self.argument(), span=self.span(token.start))
        elif self.kind in {"[", "(", "lset"}:
            inside = self.tokens[self.at + 1 : self.closing(self.at)]
            if any(t.kind in COMPARISONS for t in inside):
                condition = self._bracket(self.token)
                if isinstance(condition, Indicator):
                    return Indicator(condition.condition, span=self.span(token.start))
                self.at = here
        if number is not None:
            return number
        span = self.span(token.start)
        return Ones(span=span) if token.value == "1" else Reference(make_name("I"), span=span)

    # ---- fractions, roots, methods

    def _fraction(self, token: Token) -> Node:
        self.at += 1
        operator = self._derivative_operator()
        numerator = None if operator else self.argument()
        denominator = self.argument()
        if numerator is None:
            if not isinstance(denominator, Gradient):
                raise self.error(
                    "there is no ∂ below", denominator.span, r"write \frac{\partial}{\partial W}"
                )
            of = self.operand()
            return Partial(of, denominator.wrt, span=self.span(token.start))
        partial = self._derivative(numerator, denominator, slash=False)
        return partial or Divide(numerator, denominator, span=self.span(token.start))

    def _derivative_operator(self) -> bool:
        r"""Whether the numerator is a bare `\partial` or d; then it is stepped over."""
        if self.kind == "{" and self.after(2) == "}":
            sign = self.tokens[self.at + 1]
            if sign.kind == "partial" or (sign.value == "d" and sign.kind in {"run", "word"}):
                below = self.tokens[self.at + 4 : self.at + 5]
                if sign.kind == "partial" or (below and below[0].value.startswith("d")):
                    self.at += 3
                    return True
        return False

    def _derivative(self, above: Node, below: Node, *, slash: bool) -> Node | None:
        """The derivative that a quotient of two differentials is; None for an ordinary quotient."""
        span = self.span(above.span[0])
        if isinstance(above, Gradient) and isinstance(below, Gradient) and above.kind == below.kind:
            return Partial(above.wrt, below.wrt, span=span) if above.kind in {"partial", "d"} else None
        for one, other in ((above, below), (below, above)):
            if isinstance(one, Gradient) and one.kind == "partial":
                raise self.error(
                    "∂ stands only above or only below",
                    other.span,
                    r"write \frac{\partial L}{\partial W}" if not slash else "write ∂L/∂W",
                )
        # `dE/dw_99`: at least one of the two names is known, or the pattern is unmistakable.
        wrt = _undifferentiated(below)
        of = _undifferentiated(above)
        if of is not None and wrt is not None:
            return Partial(of, wrt, span=span)
        return None

    def _root(self, token: Token) -> Node:
        self.at += 1
        if token.kind == "root":
            return Call("sqrt", (self.operand(),), span=self.span(token.start))
        degree: Node | None = None
        if self.kind == "[":
            self.at += 1
            degree = self.sum()
            self.expect("]")
        radicand = self.argument() if self.kind != "(" else self.operand()
        span = self.span(token.start)
        if degree is None:
            return Call("sqrt", (radicand,), span=span)
        return Power(radicand, Divide(Number(number_value("1"), "1"), degree), span=span)

    def _method(self, node: Node) -> Node:
        """`W.T`, `a.dot(b)`, `A.sum(axis=0)`."""
        token = self.tokens[self.at]
        self.at += 1
        start = node.span[0]
        if token.value == "T":
            return Transpose(node, span=self.span(start))
        if token.value in {"astype", "copy"}:
            self.at = self.closing(self.at) + 1
            return node
        if self.after() == ")":
            self.at += 2
            arguments, keywords = (), ()
        else:
            arguments, keywords = self.arguments()
        if token.value == "transpose":
            return Transpose(node, span=self.span(start))
        if token.value == "dot":
            if len(arguments) != 1:
                raise self.error("dot is given one array", token[2:], "write a.dot(b)")
            return Multiply((node, *arguments), ("at",), span=self.span(start))
        function = FUNCTIONS[token.value]
        return Call(function, (node, *arguments), keywords=keywords, span=self.span(start))

    # ---- derivatives

    def _gradient(self, token: Token) -> Node:
        r"""`\partial L`, `\nabla_W L`, `\triangle w`."""
        self.at += 1
        if token.kind == "partial":
            if self.kind == "/":
                self.at += 1
                below = self.operand()
                if not isinstance(below, Gradient):
                    raise self.error("there is no ∂ below", below.span, "write ∂L/∂W")
                return Partial(self.operand(), below.wrt, span=self.span(token.start))
            if self.kind == "^":
                raise self.error(
                    "second derivatives are not supported", token[2:], "write the first derivative"
                )
        if token.kind == "nabla" and self.kind == "_":
            self.at += 1
            wrt = self.argument()
            of = self._loss_behind()
            return Gradient("nabla", wrt, of, span=self.span(token.start))
        if self.kind == "end" or self.kind in CLOSING or self.kind in JOINTS:
            raise self.unexpected("the name of a quantity is missing")
        return self.as_gradient(token.kind, self.operand(), token.start)

    def _loss_behind(self) -> Node | None:
        r"""The L of `\nabla_W L`."""
        if self.kind in NAME_KINDS and self.token.value not in FUNCTIONS:
            return self.named_operand()
        return None


_POSTFIX = frozenset({"_", "^", "'", "top", "[", "**", "method"})


def _undifferentiated(node: Node) -> Node | None:
    """The x of dx, whether known as one or merely spelled like one."""
    match node:
        case Gradient("d", wrt):
            return wrt
        case Reference(name) if len(name.base) > 1 and name.base[0] == "d" and not name.accent:
            return Reference(
                make_name(name.base[1:], "", name.scripts, name.glued), node.scripts, span=node.span
            )
        case Element(Reference() as inner, scripts):
            found = _undifferentiated(inner)
            return None if found is None else Element(found, scripts, span=node.span)
        case _:
            return None
