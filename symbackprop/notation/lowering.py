"""Syntax tree -> indexed expressions, driven by what is known of every name.

Contract: `Lowering.tensor(node)` gives the meaning of an expression as a `Tensor`. It raises `Deferred` where a name's
shape is not known yet (the reader tries again when it is) and `Trouble` where the text has no meaning here.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sympy as sp

from symbackprop import functions as fn
from symbackprop.errors import Span
from symbackprop.indexed import MaxOver, evaluated, product, references
from symbackprop.names import Name
from symbackprop.notation import syntax as tree
from symbackprop.notation.conform import Clash, alike
from symbackprop.notation.entries import Deferred, Entry, Trouble
from symbackprop.notation.products import product_of
from symbackprop.notation.syntax import walk
from symbackprop.notation.tensor import (
    ONE,
    Tensor,
    along,
    elementwise,
    matmul,
    scalar,
    total,
    trace,
)

ELEMENTWISE: dict[str, Any] = {
    "sigmoid": fn.sigmoid,
    "sigma": fn.sigmoid,
    "tanh": sp.tanh,
    "relu": fn.relu,
    "leaky_relu": fn.leaky_relu,
    "elu": fn.elu,
    "softplus": fn.softplus,
    "silu": fn.silu,
    "gelu": fn.gelu,
    "identity": fn.identity,
    "exp": sp.exp,
    "log": sp.log,
    "sqrt": sp.sqrt,
    "abs": sp.Abs,
    "sign": sp.sign,
    "sin": sp.sin,
    "cos": sp.cos,
    "tan": sp.tan,
    "sinh": sp.sinh,
    "cosh": sp.cosh,
    "sech": sp.sech,
    "arctan": sp.atan,
    "erf": sp.erf,
}
"""Functions of one number (some with a slope as second argument), by the parser's name."""

ALONG = {
    "softmax": "softmax",
    "softmax_rows": "softmax",
    "softmax_columns": "softmax",
    "log_softmax": "log_softmax",
    "logsumexp": "logsumexp",
}

LARGEST_EXPONENT = 1000
DIGITS = 300
"""Powers of numbers may have this many digits."""

LETTERS = "ijkpqrstuvabcdfgh"


@dataclass
class Lowering:
    """The meaning of names and functions while one file is read."""

    entries: dict[str, Entry] = field(default_factory=dict[str, Entry])
    sizes: dict[str, Any] = field(default_factory=dict[str, Any])
    """Names that are sizes -> their symbol."""
    functions: dict[str, Any] = field(default_factory=dict[str, Any])
    """Functions that the file declares: ``f is tanh``."""
    size_families: set[str] = field(default_factory=set[str])
    """Names of sizes that depend on the layer: ``n`` of ``n_{l-1}``."""
    samples: Any = None
    scope: dict[str, Any] = field(default_factory=dict[str, Any])
    """Index names in scope -> their symbol."""
    used: set[str] = field(default_factory=set[str])
    open_shapes: bool = False
    """May a labelled name without a known shape stand for any shape (a recurrence that reads itself)?"""

    # -- indices -------------------------------------------------------------------------------------------------
    def fresh(self, size: Any) -> sp.Symbol:
        """An index letter that this equation has not used yet; samples are called s."""
        letters = ("s" + LETTERS) if size is not None and size == self.samples else LETTERS.replace("s", "")
        taken = self.used | self.sizes.keys()
        numbered = (f"i{n}" for n in itertools.count(1))
        letter = next(x for x in itertools.chain(letters, numbered) if x not in taken)
        self.used.add(letter)
        return sp.Symbol(letter, integer=True)

    def bind(self, name: Name) -> sp.Symbol:
        """Put an index into scope."""
        symbol = sp.Symbol(name.plain, integer=True)
        self.scope[name.key] = symbol
        self.used.add(name.plain)
        return symbol

    def index(self, node: tree.Node) -> Any:
        """An index expression: indices, sizes, whole numbers, labels."""
        if isinstance(node, tree.Reference) and not node.scripts and node.name.key not in self.scope:
            if node.name.key in self.sizes:
                return self.sizes[node.name.key]
            entry = self.entries.get(node.name.key)
            if entry is None or entry.labels is None:
                raise Trouble(
                    f"the index {node.name.plain} has no range here",
                    node.span,
                    f"add 'for {node.name.plain} = 1..n' to the line, or sum over it",
                )
        if isinstance(node, tree.Reference) and node.scripts and node.name.key in self.sizes:
            return self.size(node)
        return evaluated(self.tensor(node).scalar())

    def size(self, node: tree.Node) -> Any:
        """A size: ``n``, ``n_{l-1}`` (a function of the layer index), ``2 n``, ``5``."""
        if isinstance(node, tree.Reference):
            key = node.name.key
            if node.scripts:
                items = [self.size(i) for s in node.scripts for i in s.items]
                return sp.Function(node.name.plain, integer=True)(*items)
            if key in self.scope:
                return self.scope[key]
            labels = node.name.scripts
            if len(labels) == 1 and node.name.stem.key in self.size_families:  # n_0 beside n_{l-1}
                text = labels[0].text
                at = sp.Integer(text) if text.isdigit() else self.sizes.setdefault(text, sp.Symbol(text, integer=True))
                return sp.Function(node.name.stem.plain, integer=True)(at)
            return self.sizes.setdefault(key, sp.Symbol(node.name.plain, integer=True))
        if isinstance(node, tree.Number):
            return sp.Rational(node.value)
        if isinstance(node, tree.Add):
            return sp.Add(*(self.size(t) for t in node.terms))
        if isinstance(node, tree.Negate):
            return -self.size(node.operand)
        if isinstance(node, tree.Multiply):
            return sp.Mul(*(self.size(f) for f in node.factors))
        raise Trouble("this is not a size", node.span, "write a number or a name, such as n_1, or a sum of such")

    # -- expressions ---------------------------------------------------------------------------------------------
    def tensor(self, node: tree.Node) -> Tensor:
        """The meaning of an expression."""
        read = self._readers.get(type(node))
        if read is None:
            raise Trouble(f"a {type(node).__name__.lower()} has no meaning in a network", node.span)
        try:
            return read(self, node)
        except Clash as clash:
            raise Trouble(clash.message, node.span, clash.hint) from None

    def _number(self, node: Any) -> Tensor:
        return scalar(sp.Rational(node.value.numerator, node.value.denominator))

    def _reference(self, node: Any) -> Tensor:
        key = node.name.key
        if not node.scripts and key in self.scope:
            return scalar(self.scope[key])
        entry = self.entries.get(key)
        if entry is None:
            if key in self.sizes:
                return scalar(self.size(node))
            if key == "e" and not node.scripts:
                return scalar(sp.E)
            if key == "pi" and not node.scripts:
                return scalar(sp.pi)
            raise Deferred(node.name)
        lead, rest = self.split_scripts(entry, node)
        if entry.sizes is None:
            if not rest and self.open_shapes and lead:
                return Tensor(None, None, lambda _r, _c: sp.S.Zero, node.name.plain)
            if not rest:
                raise Deferred(node.name)
            entry.sizes = (None,) * len(rest)
        sizes = tuple(self.at_label(entry, size, lead) for size in entry.sizes)
        if len(rest) == 1 and len(sizes) == 2 and self._is_sample_script(node):
            return self._one_sample(entry, lead, sizes, rest[0])
        if rest and len(rest) != len(sizes):
            raise Trouble(
                f"{node.name.plain} has {len(sizes)} axes, but {len(rest)} indices stand here",
                node.span,
                "give one index for each axis",
            )
        base = entry.base
        if rest:
            return scalar(base[(*lead, *rest)])
        if not sizes:
            return scalar(base[tuple(lead)] if lead else base)
        label = node.name.plain
        if len(sizes) == 1:
            return Tensor(sizes[0], ONE, lambda r, _c: base[(*lead, r)], label, vector=True)
        if len(sizes) == 2:
            return Tensor(*sizes, lambda r, c: base[(*lead, r, c)], label)
        raise Trouble(f"{label} has {len(sizes)} axes: matrix notation has two", node.span, "write its indices")

    def split_scripts(self, entry: Entry, node: Any) -> tuple[list[Any], list[Any]]:
        """Index expressions of the leading axes, and of the quantity's own axes."""
        lead: list[Any] = []
        rest: list[Any] = []
        waiting = list(entry.leading)
        for script in node.scripts:
            items = [self.index(i) for i in script.items]
            if script.kind in waiting:
                waiting.remove(script.kind)
                lead.append(items[0])
                rest += items[1:]
            else:
                rest += items
        if waiting:
            raise Trouble(f"{node.name.plain} needs its label", node.span, f"write {node.name.plain}^[l], for example")
        return lead, rest

    @staticmethod
    def at_label(entry: Entry, size: Any, lead: Sequence[Any]) -> Any:
        """A size at a concrete label: ``n_l`` at l - 1 is ``n_{l-1}``."""
        if size is None or not lead or entry.label_index is None:
            return size
        return size.xreplace({entry.label_index: lead[0]})

    @staticmethod
    def _is_sample_script(node: Any) -> bool:
        return any(s.kind == "paren" for s in node.scripts)

    def _one_sample(self, entry: Entry, lead: list[Any], sizes: tuple[Any, ...], sample: Any) -> Tensor:
        """``y^{(i)}``: one column (or row) of a batch, as a column vector."""
        base = entry.base
        if sizes[0] == self.samples and sizes[1] != self.samples:
            return Tensor(sizes[1], ONE, lambda r, _c: base[(*lead, sample, r)], entry.name.plain)
        return Tensor(sizes[0], ONE, lambda r, _c: base[(*lead, r, sample)], entry.name.plain)

    def _add(self, node: Any) -> Tensor:
        return elementwise(
            [self.tensor(t) for t in node.terms], lambda e: sp.Add(*e, evaluate=False), "sum", self.samples
        )

    def _negate(self, node: Any) -> Tensor:
        return elementwise([self.tensor(node.operand)], lambda e: _minus(e[0]), "negation")

    def _multiply(self, node: Any) -> Tensor:
        """A flat product: the readings in their order, the first one that conforms."""
        parts = [self.tensor(f) for f in node.factors]
        return product_of(self, parts, node.joints)

    def matmul(self, a: Tensor, b: Tensor) -> Tensor:
        """The matrix product."""
        return matmul(a, b, self.fresh)

    def elementwise(self, parts: Sequence[Tensor]) -> Tensor:
        """The elementwise product."""
        return elementwise(parts, product, "product" if all(p.is_scalar for p in parts) else "elementwise product")

    def _divide(self, node: Any) -> Tensor:
        above, below = self.tensor(node.numerator), self.tensor(node.denominator)
        if below.is_scalar and below.scalar() == 0:
            raise Trouble("this divides by zero", node.denominator.span)
        if not below.is_scalar and not (alike(above, below) or above.is_scalar):
            raise Clash(
                f"the division does not conform: {above.shape} by {below.shape}",
                "divide by a number, or entry by entry",
            )
        return elementwise([above, below], _quotient, "quotient")

    def _power(self, node: Any) -> Tensor:
        exponent = self.tensor(node.exponent).scalar()
        if isinstance(node.base, tree.Norm):
            return self.norm(node.base, exponent)
        if isinstance(node.base, tree.Reference) and node.base.name.key == "e" and "e" not in self.entries:
            return elementwise([self.tensor(node.exponent)], lambda e: sp.exp(e[0]), "exponential")
        base = self.tensor(node.base)
        if base.is_scalar and exponent.is_number and base.scalar().is_number:
            _refuse_huge(base.scalar(), exponent, node)
        if not base.is_scalar and exponent == -1 and base.rows == base.cols:
            raise Trouble("the inverse of a matrix is not supported", node.span)
        return elementwise([base], lambda e: sp.Pow(e[0], exponent), "power")

    def _exponential(self, node: Any) -> Tensor:
        return elementwise([self.tensor(node)], lambda e: sp.exp(e[0]), "exponential")

    def _transpose(self, node: Any) -> Tensor:
        inner = self.tensor(node.operand)
        if inner.is_scalar and isinstance(node.operand, tree.Reference) and not node.operand.scripts:
            name = node.operand.name.plain
            raise Trouble(
                f"{name} is a number here, and a number has no transpose",
                node.span,
                f"declare a shape, such as '{name} in R^n'; a prime is not read as part of a name: write {name}_p",
            )
        return inner.transposed()

    def norm(self, node: Any, power: Any = 1) -> Tensor:
        """A norm to a power; the square needs no root."""
        inner = self.tensor(node.operand)
        if node.subscript == "1":
            result = total(inner, self.fresh, rows=True, cols=True, inside=sp.Abs)
            return elementwise([result], lambda e: sp.Pow(e[0], power), "power")
        if node.subscript not in (None, "2", "F"):
            raise Trouble(f"the norm with subscript {node.subscript} is not supported", node.span, "use F, 2 or 1")
        if node.subscript == "2" and inner.cols not in (ONE, None) and inner.rows != 1:
            raise Trouble(
                "the 2-norm of a matrix is its largest singular value, which is not supported",
                node.span,
                r"write \|W\|_F for the square root of the sum of squares",
            )
        squares = total(inner, self.fresh, rows=True, cols=True, inside=lambda e: sp.Pow(e, 2))
        return elementwise([squares], lambda e: sp.Pow(e[0], sp.Rational(power) / 2), "norm")

    def _absolute(self, node: Any) -> Tensor:
        return elementwise([self.tensor(node.operand)], lambda e: sp.Abs(e[0]), "absolute value")

    def _inner(self, node: Any) -> Tensor:
        parts = [self.tensor(node.left), self.tensor(node.right)]
        return total(elementwise(parts, product, "inner product"), self.fresh, rows=True, cols=True)

    def _ones(self, node: Any) -> Tensor:
        return Tensor(None if node.size is None else self.size(node.size), ONE, lambda _r, _c: sp.S.One, "1")

    def _element(self, node: Any) -> Tensor:
        inner = self.tensor(node.operand)
        items = [self.index(i) for s in node.scripts for i in s.items]
        if len(items) == 1 and inner.cols == 1:
            return scalar(inner.at(items[0], ONE))
        if len(items) == 2:
            return scalar(inner.at(*items))
        raise Trouble(f"this is {inner.shape}: give one index for each axis", node.span)

    def _reduction(self, node: Any) -> Tensor:
        outer = dict(self.scope)
        names = [limit.index for limit in node.indices] or self._open_indices(node.body)
        given = {limit.index.key: limit for limit in node.indices}
        symbols = [self.bind(name) for name in names]
        limits: list[Any] = []
        for name, symbol in zip(names, symbols, strict=True):
            limit = given.get(name.key)
            low = ONE if limit is None or limit.low is None else self.index(limit.low)
            high = None if limit is None or limit.high is None else self.size_or_index(limit.high)
            if isinstance(high, sp.Integer) and isinstance(low, sp.Integer) and high < low:
                raise Trouble(f"this sum is empty: {symbol} runs from {low} to {high}", node.span)
            limits.append([symbol, low, high])
        body = self.tensor(node.body)
        self.scope = outer
        if not names:
            return total(body, self.fresh, rows=True, cols=True)

        def at(r: Any, c: Any) -> Any:
            entry = body.at(r, c)
            if node.condition is not None:
                raise Trouble(
                    "a condition under a sum is not supported",
                    node.condition.span,
                    "write the condition as a factor [j != i]",
                )
            bounds = [
                (s, low, high if high is not None else self.range_of(s, entry, node.span)) for s, low, high in limits
            ]
            if node.kind == "mean":
                return product([1 / b[2] for b in bounds] + [sp.Sum(entry, *reversed(bounds))])
            if node.kind == "max":
                return MaxOver(entry, *bounds)
            if node.kind == "min":
                return _minus(MaxOver(_minus(entry), *bounds))
            if node.kind == "prod":
                raise Trouble("a product over an index is not supported", node.span, "take the sum of logarithms")
            return sp.Sum(entry, *reversed(bounds))

        return Tensor(body.rows, body.cols, at)

    def size_or_index(self, node: tree.Node) -> Any:
        """An upper bound: a size, or an expression of indices."""
        try:
            return self.size(node)
        except Trouble:
            return self.index(node)

    def _open_indices(self, body: tree.Node) -> list[Name]:
        """Letters that stand as indices in the body of a bare sum and are bound nowhere."""
        found: dict[str, Name] = {}
        for node in walk(body):
            if isinstance(node, tree.Reference):
                for script in node.scripts:
                    for item in script.items:
                        if (
                            isinstance(item, tree.Reference)
                            and not item.scripts
                            and item.name.key not in self.scope
                            and item.name.key not in self.sizes
                            and item.name.key not in self.entries
                        ):
                            found[item.name.key] = item.name
        return list(found.values())

    def range_of(self, index: sp.Symbol, entry: Any, span: Span) -> Any:
        """The size of the axis that an index without bounds runs over."""
        for reference in references(entry):
            if isinstance(reference, sp.Indexed):
                known = next((e for e in self.entries.values() if e.base == reference.base), None)
                if known is None or known.sizes is None:
                    continue
                at = reference.indices[len(known.leading) :]
                for size, place in zip(known.sizes, at, strict=False):
                    if place == index and size is not None:
                        return self.at_label(known, size, reference.indices[: len(known.leading)])
        raise Trouble(
            f"the sum over {index} has no bounds, and no declared axis tells them",
            span,
            rf"write \sum_{{{index}=1}}^{{n}}",
        )

    # -- functions -----------------------------------------------------------------------------------------------
    def _call(self, node: Any) -> Tensor:
        name = self.functions.get(node.function, node.function)
        if node.scripts and name == "log":
            return self._logarithm(node)
        if node.scripts:
            raise Trouble(f"{node.function} has no meaning with a subscript here", node.span)
        arguments = [self.tensor(a) for a in node.arguments]
        if not arguments:
            raise Trouble(f"{node.function} needs an argument in brackets", node.span)
        if name in ALONG:
            return self._along(node, name, arguments[0])
        if name in ("max", "maximum", "min", "minimum") and len(arguments) >= 2:
            chosen = fn.maximum if name.startswith("max") else fn.minimum
            return elementwise(arguments, lambda e: _nested(chosen, e), name)
        if name in _WHOLE and (len(arguments) == 1 or (name in ("sum", "mean") and len(arguments) == 2)):
            return _WHOLE[name](self, node, arguments[0])
        if name == "dot" and len(arguments) == 2:
            return self._dot(arguments)
        if name == "multiply" and len(arguments) == 2:
            return elementwise(arguments, product, "product")
        cls = ELEMENTWISE.get(name) or fn.by_name(name) or sp.Function(name)
        result = elementwise(arguments, lambda e: cls(*e), name)
        for _ in range(node.order):
            result = _derivative_of(cls, arguments, name)
        return result

    def _logarithm(self, node: Any) -> Tensor:
        r"""``\log_2 x``: the natural logarithm over that of the base."""
        base = self.tensor(node.scripts[0].items[0]).scalar()
        if not (base.is_number and base > 0 and base != 1):
            raise Trouble("this is not the base of a logarithm", node.span, "write \\log x for the natural one")
        inner = [self.tensor(a) for a in node.arguments]
        return elementwise(inner, lambda e: product([sp.Pow(sp.log(base), -1), sp.log(e[0])]), "logarithm")

    def _dot(self, parts: Sequence[Tensor]) -> Tensor:
        a, b = parts
        if a.vector and b.vector:
            return self.matmul(a.transposed(), b)
        return self.matmul(a, b)

    def _along(self, node: Any, name: str, a: Tensor) -> Tensor:
        if name.endswith("_rows"):
            over_rows = False
        elif name.endswith("_columns") or a.cols == 1:
            over_rows = True
        elif a.rows == 1:
            over_rows = False
        elif self.samples is not None and (a.cols == self.samples) != (a.rows == self.samples):
            over_rows = a.cols == self.samples
        else:
            raise Trouble(
                f"over which axis does the softmax of a {a.shape} matrix run?",
                node.span,
                "write softmax_columns(...) or softmax_rows(...), or declare 'samples: ...'",
            )
        return along(a, over_rows=over_rows, fresh=self.fresh, kind=ALONG[name])

    def reduce_call(self, node: Any, a: Tensor) -> Tensor:
        """``np.sum`` and ``np.mean`` with their axis."""
        axis = dict(node.keywords).get("axis")
        if axis is None and len(node.arguments) > 1:
            axis = str(self.tensor(node.arguments[1]).scalar())  # np.sum(A, 0)
        rows, cols = axis in (None, "None", "0", "-2"), axis in (None, "None", "1", "-1")
        result = total(a, self.fresh, rows=rows, cols=cols)
        if node.function != "mean":
            return result
        count = sp.Mul(*(size for summed, size in ((rows, a.rows), (cols, a.cols)) if summed and size is not None))
        return elementwise([scalar(sp.Pow(count, -1)), result], product, "mean")

    def diag(self, _node: Any, a: Tensor) -> Tensor:
        """A vector as a diagonal matrix, or the diagonal of a matrix."""
        if a.cols == 1:
            return Tensor(a.rows, a.rows, lambda r, c: product([fn.Indicator(sp.Eq(r, c)), a.at(r, ONE)]))
        return Tensor(a.rows, ONE, lambda r, _c: a.at(r, r))

    def _indicator(self, node: Any) -> Tensor:
        condition = node.condition
        if not isinstance(condition, tree.Compare):
            raise Trouble("this is not a condition", condition.span, "write a comparison, such as z > 0")
        operators = {">": sp.Gt, "<": sp.Lt, ">=": sp.Ge, "<=": sp.Le, "=": sp.Eq, "==": sp.Eq, "!=": sp.Ne}
        parts = [self.tensor(o) for o in condition.operands]
        tests = [
            elementwise([a, b], lambda e, op=op: fn.Indicator(operators[op](*e)), "comparison")
            for op, a, b in zip(condition.operators, parts, parts[1:], strict=False)
        ]
        return elementwise(tests, product, "comparison")

    def _cases(self, node: Any) -> Tensor:
        rows: list[tuple[Tensor, Tensor | None]] = []
        for value, condition in node.branches:
            test = None if condition is None else self._indicator(tree.Indicator(condition, span=condition.span))
            rows.append((self.tensor(value), test))
        flat = [part for value, test in rows for part in ((value, test) if test else (value,))]

        def combine(entries: Sequence[Any]) -> Any:
            left = list(entries)
            branches: list[Any] = []
            for _, test in rows:
                value = left.pop(0)
                gate = left.pop(0) if test else None
                branches.append((value, sp.true if gate is None else _condition_of(gate)))
            return sp.Piecewise(*branches)

        return elementwise(flat, combine, "cases")

    _readers: Mapping[type, Callable[..., Tensor]] = field(
        init=False,
        default_factory=lambda: {
            tree.Number: Lowering._number,
            tree.Reference: Lowering._reference,
            tree.Add: Lowering._add,
            tree.Negate: Lowering._negate,
            tree.Multiply: Lowering._multiply,
            tree.Divide: Lowering._divide,
            tree.Power: Lowering._power,
            tree.Transpose: Lowering._transpose,
            tree.Norm: Lowering.norm,
            tree.Absolute: Lowering._absolute,
            tree.Inner: Lowering._inner,
            tree.Ones: Lowering._ones,
            tree.Element: Lowering._element,
            tree.Reduction: Lowering._reduction,
            tree.Call: Lowering._call,
            tree.Indicator: Lowering._indicator,
            tree.Cases: Lowering._cases,
            tree.Compare: lambda s, n: s._indicator(tree.Indicator(n, span=n.span)),
        },
    )


_WHOLE: dict[str, Callable[[Lowering, Any, Tensor], Tensor]] = {
    "sum": Lowering.reduce_call,
    "mean": Lowering.reduce_call,
    "diag": Lowering.diag,
    "trace": lambda s, _n, a: trace(a, s.fresh),
    "norm": lambda s, n, _a: s.norm(tree.Norm(n.arguments[0])),
    "transpose": lambda _s, _n, a: a.transposed(),
}
"""Functions of a whole matrix."""


def _refuse_huge(base: Any, exponent: Any, node: tree.Node) -> None:
    """A number to a power with more than a few hundred digits is a slip or an attack."""
    if abs(exponent) > LARGEST_EXPONENT or (abs(base) > 1 and abs(exponent) * sp.log(abs(base), 10).evalf() > DIGITS):
        raise Trouble("this number is too large", node.span, "write a smaller power")


def _minus(e: Any) -> Any:
    return -e if e.is_number else product([sp.S.NegativeOne, e])


def _quotient(e: Sequence[Any]) -> Any:
    above, below = e
    if above.is_number and below.is_number:
        return above / below
    return product([above, sp.Pow(below, -1)]) if above != 1 else sp.Pow(below, -1)


def _nested(cls: Any, entries: Sequence[Any]) -> Any:
    first, *rest = entries
    return cls(first, _nested(cls, rest)) if rest else first


def _derivative_of(cls: Any, arguments: Sequence[Tensor], name: str) -> Tensor:
    return elementwise(arguments, lambda e: sp.Mul(*fn.local_derivative(cls(*e), 0), evaluate=False), name + "'")


def _condition_of(gate: Any) -> Any:
    if isinstance(gate, fn.Indicator):
        return gate.condition
    return sp.And(*(f.condition for f in gate.args)) if isinstance(gate, sp.Mul) else sp.true
