r"""Reads what begins with a bracket or a command: fractions, roots, norms, indicators, derivatives, methods.

Contract: one method for each kind of beginning, listed in `BEGINNINGS`.
"""

from __future__ import annotations

from collections.abc import Callable

from symbackprop.names import make_name
from symbackprop.names.alphabet import LETTERS
from symbackprop.notation.parser.arrays import Arrays
from symbackprop.notation.parser.cursor import CLOSING, NAME_KINDS, number_node, number_value, shown
from symbackprop.notation.parser.scripts import Raw
from symbackprop.notation.parser.vocabulary import Vocabulary
from symbackprop.notation.source import Line
from symbackprop.notation.syntax import (
    Absolute,
    Call,
    Compare,
    Divide,
    Gradient,
    GradientKind,
    Indicator,
    Inner,
    Joint,
    Multiply,
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
from symbackprop.notation.tokens import Token

JOINTS: dict[str, Joint] = {"cdot": "cdot", "*": "star", "@": "at", "times": "times", "hadamard": "hadamard"}
GRADIENT_SIGNS: dict[str, GradientKind] = {"partial": "partial", "nabla": "nabla", "triangle": "triangle"}
SILENT_METHODS = frozenset(["astype", "copy", "clone", "detach", "float", "double", "int", "numpy", "item", "cpu"])
"""Methods that change how an array is kept, not what it is."""
COMPARISONS = frozenset({"<", ">", "<=", ">=", "=", "!=", "≈", "in"})


class Operands(Arrays):
    """The layer of the parser that reads single factors."""

    def __init__(self, line: Line, tokens: list[Token], vocabulary: Vocabulary) -> None:
        super().__init__(line, tokens, vocabulary)
        self.bar = ""
        """The bar that would close an absolute value or a norm here."""

    def number(self, token: Token) -> Node:
        """A number; `1[z > 0]` is an indicator."""
        self.at += 1
        node = number_node(token)
        if token.value == "1" and self.kind in {"_", "[", "(", "lset"}:
            return self._ones_or_indicator(token, node)
        return node

    def reduce(self, token: Token) -> Node:
        r"""`\sum` and `\prod`."""
        self.at += 1
        if self.kind not in {"_", "^"}:
            raise self.error("the sum has no index", token[2:], r"write \sum_{i=1}^{n}, or sum(...)")
        return self.reduction(token.value, token.start)

    def dots(self, token: Token) -> Node:
        """Dots stand for terms that nobody wrote."""
        raise self.error("dots cannot be read", token[2:], r"write the sum with \sum_{i=1}^{n}")

    # ---- brackets

    def bracket(self, token: Token) -> Node:
        r"""`(a + b)`, `[a, b]`, `\{a\}`, `(z > 0)`."""
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
            raise self.unexpected("one expression stands in brackets" if self.kind == "," else hint)
        self.at += 1
        return Indicator(node, span=self.span(token.start)) if isinstance(node, Compare) else node

    def group(self, token: Token) -> Node:
        r"""Braces are invisible: `{W^{(1)}}_{ij}`, `{\partial h_2}`; an underbrace loses its remark."""
        self.at += 1
        if token.kind == "brace":
            node = self.argument()
            while self.kind in {"_", "^"}:
                self.at += 1
                self.skip_argument()
            return node
        if self.accept("}"):
            return self.operand()
        before, self.bar = self.bar, ""
        node = self.comparison()
        if self.accept("over"):  # TeX's own fraction: `{a \over b}`
            below = self.comparison()
            node = self.derivative(node, below, slash=False) or Divide(node, below, span=self.span(token.start))
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

    def bars(self, token: Token) -> Node:
        r"""`|x|`, `\|v\|`."""
        self.at += 1
        before, self.bar = self.bar, token.kind
        node = self.comparison()
        self.bar = before
        if self.kind != token.kind:
            raise self.error(f"{token.kind} is opened here and never closed", (token.start, token.end))
        self.at += 1
        span = self.span(token.start)
        return Absolute(node, span=span) if token.kind == "|" else Norm(node, span=span)

    def norm_scripts(self, node: Node, raws: list[Raw]) -> Node:
        r"""`\|W\|_F^2` and `\|W\|^2_F`."""
        subscripts = [raw for raw in raws if raw.kind == "sub"]
        others = [raw for raw in raws if raw.kind != "sub"]
        if subscripts and isinstance(node, Norm):
            label = subscripts[0].label
            if not label or len(subscripts) > 1:
                raise self.error("this norm is not known", subscripts[0].span, r"write \|v\|, \|v\|_1 or \|W\|_F")
            node = Norm(node.operand, label, span=(node.span[0], subscripts[0].span[1]))
        return self.marked(node, others)

    def inner(self, token: Token) -> Node:
        r"""`\langle a, b \rangle`."""
        self.at += 1
        before, self.bar = self.bar, "|"
        left = self.sum()
        self.bar = before
        if not (self.accept(",") or self.accept("|")):
            raise self.unexpected(r"write \langle a, b \rangle")
        right = self.sum()
        self.expect("rangle")
        return Inner(left, right, span=self.span(token.start))

    def ones(self, token: Token) -> Node:
        r"""`\mathbf{1}`, `\mathbf{1}_m`, `\mathbb{1}[z > 0]`, `\mathbf{1}_{z > 0}`."""
        self.at += 1
        return self._ones_or_indicator(token, None)

    def _ones_or_indicator(self, token: Token, number: Number | None) -> Node:
        """The number is given where the 1 was a plain one."""
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
                condition = self.bracket(self.token)
                if isinstance(condition, Indicator):
                    return Indicator(condition.condition, span=self.span(token.start))
                self.at = here
        if number is not None:
            return number
        span = self.span(token.start)
        return Ones(span=span) if token.value == "1" else Reference(make_name("I"), span=span)

    # ---- fractions, roots, methods

    def fraction(self, token: Token) -> Node:
        r"""`\frac{a}{b}`, `\frac{\partial L}{\partial W}`, `\frac{\partial}{\partial W} L`."""
        self.at += 1
        operator = self._derivative_operator()
        numerator = None if operator else self.argument()
        denominator = self.argument()
        if numerator is None:
            if not isinstance(denominator, Gradient):
                raise self.error("there is no ∂ below", denominator.span, r"write \frac{\partial}{\partial W}")
            of = self.operand()
            if isinstance(of, Number | Divide) and self.kind not in {"end", "+", "-"} and self.kind not in CLOSING:
                of = Multiply((of, self.product()), ("juxtaposition",), span=self.span(of.span[0]))
            return Partial(of, denominator.wrt, span=self.span(token.start))
        partial = self.derivative(numerator, denominator, slash=False)
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

    def derivative(self, above: Node, below: Node, *, slash: bool) -> Node | None:
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
        wrt = self._undifferentiated(below)
        of = self._undifferentiated(above)
        if of is not None and wrt is not None:
            return Partial(of, wrt, span=span)
        return None

    def _undifferentiated(self, node: Node) -> Node | None:
        """The x of dx, whether x is known or dx is merely spelled like it."""
        match node:
            case Gradient("d", wrt):
                return wrt
            case Multiply((Reference(name, ()), factor), ("juxtaposition",)) if name.key == "d":
                return factor
            case Reference(name) if self.vocabulary.find(name) is None:
                if len(name.base) < 2 or name.base[0] != "d" or name.accent or name.base in LETTERS:
                    return None
                wrt = make_name(name.base[1:], "", name.scripts, name.glued)
                return Reference(wrt, node.scripts, span=node.span)
            case _:
                return None

    def root(self, token: Token) -> Node:
        r"""`\sqrt{x}`, `\sqrt[3]{x}`, `√x`."""
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

    def method(self, node: Node) -> Node:
        """`W.T`, `a.dot(b)`, `A.sum(axis=0)`."""
        token = self.tokens[self.at]
        self.at += 1
        start = node.span[0]
        if token.value == "T":
            return Transpose(node, span=self.span(start))
        if token.value in SILENT_METHODS:
            self.at = self.closing(self.at) + 1
            return node
        if self.after() == ")":
            self.at += 2
            arguments, keywords = (), ()
        else:
            arguments, keywords = self.arguments()
        if token.value in {"transpose", "t"}:
            return Transpose(node, span=self.span(start))
        if token.value == "dot":
            if len(arguments) != 1:
                raise self.error("dot is given one array", token[2:], "write a.dot(b)")
            return Multiply((node, *arguments), ("at",), span=self.span(start))
        function = FUNCTIONS[token.value]
        return Call(function, (node, *arguments), keywords=keywords, span=self.span(start))

    # ---- derivatives

    def gradient(self, token: Token) -> Node:
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
                raise self.error("second derivatives are not supported", token[2:], "write the first derivative")
        if token.kind in {"nabla", "partial"} and self.kind == "_":
            self.at += 1
            wrt = self.argument()
            of = self._loss_behind()
            return Gradient("nabla", wrt, of, span=self.span(token.start))
        if self.kind == "end" or self.kind in CLOSING or self.kind in JOINTS:
            raise self.unexpected("the name of a quantity is missing")
        return self.as_gradient(GRADIENT_SIGNS[token.kind], self.operand(), token.start)

    def _loss_behind(self) -> Node | None:
        r"""The L of `\nabla_W L`."""
        if self.kind in NAME_KINDS and self.token.value not in FUNCTIONS:
            return self.named_operand()
        return None


BEGINNINGS: dict[str, Callable[[Operands, Token], Node]] = {
    "number": Operands.number,
    "(": Operands.bracket,
    "[": Operands.bracket,
    "lset": Operands.bracket,
    "{": Operands.group,
    "brace": Operands.group,
    "begin": Operands.environment,
    "frac": Operands.fraction,
    "sqrt": Operands.root,
    "root": Operands.root,
    "reduce": Operands.reduce,
    "|": Operands.bars,
    "||": Operands.bars,
    "langle": Operands.inner,
    "ones": Operands.ones,
    "partial": Operands.gradient,
    "nabla": Operands.gradient,
    "triangle": Operands.gradient,
    "dots": Operands.dots,
}
"""Kind of token -> what begins with it; names are read by `named_operand`."""
