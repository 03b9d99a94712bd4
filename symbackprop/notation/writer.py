r"""Scalar expressions over indices -> mathematical notation, in LaTeX or as plain text.

Contract: a `Writer` prints an expression in the order in which it stands, factored as it is, with names from a table;
bound indices get letters that fit their range and clash with nothing around them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

from symbackprop.functions import Indicator, row_of
from symbackprop.indexed import REDUCTIONS, Limit, LogSumExp, MaxOver, Softmax, bound_limits, free_indices
from symbackprop.names import Name, opaque_name, parse_name
from symbackprop.names.alphabet import LETTERS
from symbackprop.notation.markup import LATEX, TEXT, Markup

# Binding strength of what is printed: a part is bracketed where it binds weaker than its place demands.
SUM, PRODUCT, SIGN, POWER, ATOM = range(5)

SPARE_LETTERS = "ijkpqrstuvabcdfghlmn"


@dataclass(frozen=True)
class Partial:
    """The name of a derivative: its indices are those of `upper` (the first `upper_axes`), then those of `lower`."""

    upper: Any
    lower: Any
    upper_axes: int = 0


@dataclass
class Writer:
    """Prints expressions of one network.

    Args:
        names: how each base or symbol is called; a `Partial` is printed as a derivative.
        markup: `LATEX` or `TEXT`.
        letters: preferred letters of bound indices by their range, as the author used them.
        leading: how the first indices of a base are written: ``("bracket",)`` for the layer of ``W^{[l]}_{ij}``.
        single: axes of size 1, as (base, position): they are not written where a matrix is written whole.
        times: what stands between factors, where it is not the markup's own (a dot for products of numbers).
    """

    names: Mapping[Any, Name | Partial | str]
    markup: Markup = LATEX
    letters: Mapping[tuple[Any, Any], Sequence[str]] = field(default_factory=dict[tuple[Any, Any], Sequence[str]])
    leading: Mapping[Any, Sequence[str]] = field(default_factory=dict[Any, Sequence[str]])
    single: Collection[tuple[Any, int]] = frozenset()
    times: str = ""

    def __call__(self, expression: Any) -> str:
        """The notation of an expression, or of a relation such as an equation."""
        expression = sp.sympify(expression)
        return self._write(expression, self._free_letters([expression]))[0]

    def product(self, factors: Sequence[Any]) -> str:
        """The notation of ordered factors as one product."""
        return self._product(list(factors), self._free_letters(factors))[0] if factors else "1"

    def _free_letters(self, parts: Sequence[Any]) -> dict[Any, str]:
        """How the free indices are written, so that no bound index takes their letter anywhere in the formula."""
        if not any(part.has(*REDUCTIONS) for part in parts):
            return {}
        return {s: self._write(s, {})[0] for part in parts for s in free_indices(part)}

    def name(self, base: Any) -> str:
        """The notation of a name."""
        name = self.names.get(base)
        if name is None:
            text = base.name if isinstance(base, sp.Symbol) else str(base)
            name = parse_name(text) or opaque_name(text)
        if isinstance(name, Partial):
            return self.markup.partial(self.name(name.upper), self.name(name.lower))
        return name if isinstance(name, str) else self.markup.name(name)

    def with_names(self, more: Mapping[Any, Name | str]) -> Writer:
        """The same writer with some symbols spelled otherwise."""
        return replace(self, names={**self.names, **more})

    def whole(self, reference: Any, axes: Any) -> str:
        """A quantity as a whole matrix: its axes are not written, other indices (layer, step) become labels."""
        named = self.names.get(reference.base)
        if isinstance(named, Partial) and named.upper_axes == 0:
            return self.markup.partial(self.name(named.upper), self.whole(named.lower[reference.indices], axes))
        kinds = self.leading.get(reference.base, ())
        labels = [
            (n, self._index(i, {}))
            for n, i in enumerate(reference.indices)
            if i not in axes and (reference.base, n) not in self.single
        ]
        text = self._labelled(self.name(reference.base), [(kinds[n], label) for n, label in labels if n < len(kinds)])
        others = [label for n, label in labels if n >= len(kinds)]
        return self._labelled(text, [("paren", ",".join(others))] if others else [])

    def _labelled(self, text: str, labels: Sequence[tuple[str, str]]) -> str:
        """A name with the index of a layer or a step at its place: ``W^{[l]}``, ``a_l``."""
        for kind, label in labels:
            taken = "_" if kind == "sub" else "^"
            text = self.markup.brackets(text) if taken in text.replace(r"\_", "") else text
            if kind == "sub":
                text = self.markup.subscript(text, label)
            else:
                text = self.markup.superscript(text, {"bracket": f"[{label}]", "paren": f"({label})"}.get(kind, label))
        return text

    def _bracketed(self, e: Any, letters: dict[Any, str], needed: int) -> str:
        text, strength = self._write(e, letters)
        return self.markup.brackets(text) if strength < needed else text

    def _write(self, e: Any, letters: dict[Any, str]) -> tuple[str, int]:
        for kinds, write in self._table:
            if isinstance(e, kinds):
                return write(self, e, letters)
        return self._function(e, letters)

    # -- leaves --------------------------------------------------------------------------------------------------
    def _symbol(self, e: Any, letters: dict[Any, str]) -> tuple[str, int]:
        if e in letters:
            return letters[e], ATOM
        if e.is_Dummy and e not in self.names:
            return self.markup.name(parse_name(e.name) or opaque_name(e.name)), ATOM
        return self.name(e), ATOM

    def _number(self, e: Any, _letters: dict[Any, str]) -> tuple[str, int]:
        if e.is_Rational and not e.is_Integer:
            sign, p = ("-", -e.p) if e.p < 0 else ("", e.p)
            return sign + self.markup.fraction(str(p), str(e.q)), SIGN if sign else PRODUCT
        text = sp.sstr(e, full_prec=False)
        return text, SIGN if text.startswith("-") else ATOM

    def _constant(self, e: Any, _letters: dict[Any, str]) -> tuple[str, int]:
        named = {sp.pi: "pi", sp.E: "e"}.get(e)
        if named:
            return self.markup.name(parse_name(named) or opaque_name(named)), ATOM
        return (self.markup.infinity, ATOM) if e is sp.oo else (str(e), ATOM)

    def _indexed(self, e: Any, letters: dict[Any, str]) -> tuple[str, int]:
        named = self.names.get(e.base)
        if isinstance(named, Partial):
            parts = (named.upper, e.indices[: named.upper_axes]), (named.lower, e.indices[named.upper_axes :])
            return self.markup.partial(*(self._write(base[at] if at else base, letters)[0] for base, at in parts)), ATOM
        kinds = self.leading.get(e.base, ())
        entries = [self._index(i, letters) for i in e.indices]
        text = self._labelled(self.name(e.base), list(zip(kinds, entries, strict=False)))
        entries = entries[len(kinds) :]
        if not entries:
            return text, ATOM
        simple = all(len(i) == 1 or i in _SHORT for i in entries)
        below = (
            ("" if self.markup is TEXT or all(len(i) == 1 for i in entries) else " ").join(entries)
            if simple
            else (", ".join(entries) if self.markup is LATEX else ",".join(entries))
        )
        if (
            "_" in text.replace(r"\_", "")
            or text.startswith(r"\frac")
            or (self.markup is TEXT and any(c in text for c in "₀₁₂₃₄₅₆₇₈₉/"))
        ):
            text = self.markup.brackets(text)
        return self.markup.subscript(text, below), ATOM

    def _index(self, e: Any, letters: dict[Any, str]) -> str:
        """What stands at an index position; as text without spaces: ``t-1``."""
        text = self._write(e, letters)[0]
        return text.replace(" ", "") if self.markup is TEXT else text

    # -- sums and products ---------------------------------------------------------------------------------------
    def _add(self, e: Any, letters: dict[Any, str]) -> tuple[str, int]:
        parts: list[str] = []
        indices = not e.has(sp.Indexed) and all(s.is_integer for s in free_indices(e))
        for term in sorted(e.args, key=_index_order) if indices else self._positive_first(e.args):
            text = (
                self._bracketed(term, letters, PRODUCT)
                if not isinstance(term, sp.Add)
                else self._write(term, letters)[0]
            )
            negative = self._is_negative(term)
            if negative:
                positive = -term if term.is_number else _negated(term)
                text = self._bracketed(positive, letters, PRODUCT)
            parts.append((" - " if parts else "-") + text if negative else (" + " if parts else "") + text)
        return "".join(parts), SUM

    def _positive_first(self, terms: Sequence[Any]) -> Sequence[Any]:
        """``a - b`` rather than ``-b + a``, of two quantities."""
        plain = all(isinstance(t.args[-1] if isinstance(t, sp.Mul) else t, (sp.Symbol, sp.Indexed)) for t in terms)
        if len(terms) == 2 and plain and self._is_negative(terms[0]) and not self._is_negative(terms[1]):
            return terms[::-1]
        return terms

    @staticmethod
    def _is_negative(term: Any) -> bool:
        first = term.args[0] if isinstance(term, sp.Mul) else term
        return bool(first.is_Number and first < 0)

    def _mul(self, e: Any, letters: dict[Any, str]) -> tuple[str, int]:
        return self._product(list(_flat_factors(e)), letters)

    def _product(self, factors: list[Any], letters: dict[Any, str]) -> tuple[str, int]:
        number = sp.Mul(*(f for f in factors if f.is_Number))
        rest = [f for f in factors if not f.is_Number]
        sign = "-" if number < 0 else ""
        above = [f for f in rest if not _is_denominator(f)]
        below = [sp.Pow(f.base, -f.exp) for f in rest if _is_denominator(f)]
        number = abs(number)
        pieces: list[str] = []
        if not below:
            if number != 1 or not above:
                pieces.append(self._write(number, letters)[0])
        elif (
            len(above) == 1
            and number.is_Integer
            and not isinstance(above[0], sp.Sum)
            and (number == 1 or above[0].is_Symbol or isinstance(above[0], sp.Indexed))
        ):
            top = self._product([number, *above], letters)[0] if number != 1 else self._write(above[0], letters)[0]
            pieces.append(self.markup.fraction(top, self._denominator(below, letters)))
            above = []
        elif number.is_Integer and (early := _names_before_denominator(rest)):
            top = self._product([number, *early], letters)[0]
            pieces.append(self.markup.fraction(top, self._denominator(below, letters)))
            above = above[len(early) :]
        else:
            denominator = [sp.Integer(number.q), *below] if number.is_Rational and number.q != 1 else below
            top = number.p if number.is_Rational else number
            pieces.append(self.markup.fraction(str(top), self._denominator(denominator, letters)))
        for position, factor in enumerate(above):
            last = position == len(above) - 1
            text, strength = self._write(factor, letters)
            if strength < PRODUCT or strength == SIGN or (isinstance(factor, sp.Sum) and not last):
                text = self.markup.brackets(text)
            pieces.append(text)
        joined = pieces[0]
        for previous, piece in pairwise(pieces):
            digits = previous[-1].isdigit() and piece[0].isdigit()
            tight = (previous.endswith(")") and piece.startswith("(")) or (previous.isdigit() and not digits)
            between = self.times or ("" if tight and self.markup is LATEX else self.markup.times)
            joined += (self.markup.dot if digits else between) + piece
        return sign + joined, SIGN if sign else PRODUCT if len(pieces) > 1 else self._strength(rest, number)

    def _denominator(self, factors: list[Any], letters: dict[Any, str]) -> str:
        """What stands below a fraction bar: a single sum needs no brackets there."""
        return self._write(factors[0], letters)[0] if len(factors) == 1 else self._product(factors, letters)[0]

    @staticmethod
    def _strength(rest: list[Any], number: Any) -> int:
        if len(rest) == 1 and number == 1:
            return PRODUCT if isinstance(rest[0], (sp.Sum, sp.Add)) or _is_denominator(rest[0]) else ATOM
        return PRODUCT

    def _pow(self, e: Any, letters: dict[Any, str]) -> tuple[str, int]:
        base, exponent = e.args
        if exponent == sp.Rational(1, 2):
            return self.markup.root(self._write(base, letters)[0]), ATOM
        if exponent.is_number and exponent < 0:
            return self.markup.fraction("1", self._write(sp.Pow(base, -exponent), letters)[0]), PRODUCT
        power = self._write(exponent, letters)[0]
        text = self._bracketed(base, letters, ATOM)
        torn = ("^" in text or text.startswith(r"\frac")) if self.markup is LATEX else "/" in text
        if torn and not text.endswith(")"):
            text = self.markup.brackets(text)
        return self.markup.superscript(text, power), POWER

    # -- reductions ----------------------------------------------------------------------------------------------
    def _reduction(self, sign: str, body: Any, limits: Sequence[Limit], letters: dict[Any, str]) -> tuple[str, int]:
        letters = dict(letters)
        text = ""
        for limit in limits:
            low, high = self._write(limit.low, letters)[0], self._write(limit.high, letters)[0]
            letters[limit.index] = self._letter(limit, body, letters)
            text += self.markup.sum_sign(sign, f"{letters[limit.index]}={low}", high)
        inner, strength = self._write(body, letters)
        return text + (self.markup.brackets(inner) if strength == SUM else inner), PRODUCT

    def _letter(self, limit: Limit, body: Any, letters: dict[Any, str]) -> str:
        """A letter for a bound index: the author's for this range, unless it means something else here."""
        taken = set(letters.values()) | {self._write(s, letters)[0] for s in free_indices(body) if s != limit.index}
        own = [] if limit.index.name.startswith("~") else [limit.index.name]
        preferred = self.letters.get((limit.low, limit.high), ())
        for letter in (*preferred, *own, *SPARE_LETTERS):
            if letter not in taken:
                return letter
        return limit.index.name

    def _sum(self, e: Any, letters: dict[Any, str]) -> tuple[str, int]:
        return self._reduction("sum", e.function, bound_limits(e), letters)

    def _max_over(self, e: Any, letters: dict[Any, str]) -> tuple[str, int]:
        return self._reduction("max", e.args[0], e.limits, letters)

    def _softmax(self, e: Any, letters: dict[Any, str]) -> tuple[str, int]:
        index, body = e.args[0], e.args[1]
        vector = body.base if isinstance(body, sp.Indexed) else body
        name = r"\mathrm{softmax}" if self.markup is LATEX else "softmax"
        if isinstance(body, sp.Indexed):
            inner = self.name(vector)
            at = [index if e.limit.index in free_indices(i) else i for i in body.indices]
            below = "".join(self._write(i, letters)[0] for i in at)
            return self.markup.subscript(self.markup.function(name, self.markup.brackets(inner)), below), ATOM
        return self._write(e.definition(), letters)

    def _logsumexp(self, e: Any, letters: dict[Any, str]) -> tuple[str, int]:
        return self._write(e.definition(), letters)

    # -- functions and conditions --------------------------------------------------------------------------------
    def _function(self, e: Any, letters: dict[Any, str]) -> tuple[str, int]:
        inner = ", ".join(self._write(a, letters)[0] for a in e.args)
        row = row_of(e)
        if isinstance(e, AppliedUndef):
            if all(a.is_integer for a in e.args):  # the size of a layer: `n_l`
                return self._size(e, letters), ATOM
            name, primes = e.func.__name__.rstrip("'"), len(e.func.__name__) - len(e.func.__name__.rstrip("'"))
            text = self.markup.name(parse_name(name) or opaque_name(name)) + "'" * primes
        elif row is not None:
            text = row.latex if self.markup is LATEX else {"sigmoid": "σ"}.get(row.name, row.name)
        elif isinstance(e, (sp.Max, sp.Min)):
            text = ("\\" if self.markup is LATEX else "") + type(e).__name__.lower()
        else:
            text = rf"\mathrm{{{type(e).__name__}}}" if self.markup is LATEX else type(e).__name__
        return self.markup.function(text, self.markup.brackets(inner)), ATOM

    def _size(self, e: Any, letters: dict[Any, str]) -> str:
        """A size that depends on the layer: ``n_l``, ``n_0``."""
        entries = [self._write(a, letters)[0] for a in e.args]
        spelled = parse_name(f"{e.func.__name__}_{entries[0]}") if entries[0].isdigit() else None
        if spelled is not None and len(entries) == 1:
            return self.markup.name(spelled)
        return self.markup.subscript(
            self.markup.name(parse_name(e.func.__name__) or opaque_name(e.func.__name__)), ",".join(entries)
        )

    def _exp(self, e: Any, letters: dict[Any, str]) -> tuple[str, int]:
        return self.markup.superscript("e", self._write(e.args[0], letters)[0]), POWER

    def _log(self, e: Any, letters: dict[Any, str]) -> tuple[str, int]:
        text, strength = self._write(e.args[0], letters)
        name = r"\log" if self.markup is LATEX else "log"
        return (
            (f"{name} {text}", PRODUCT)
            if strength == ATOM and not text.endswith(")")
            else (name + self.markup.brackets(text), ATOM)
        )

    def _abs(self, e: Any, letters: dict[Any, str]) -> tuple[str, int]:
        return self.markup.absolute(self._write(e.args[0], letters)[0]), ATOM

    def _indicator(self, e: Any, letters: dict[Any, str]) -> tuple[str, int]:
        return self.markup.indicator(self.condition(e.condition, letters)), ATOM

    def condition(self, c: Any, letters: dict[Any, str] | None = None) -> str:
        """A condition; ``T - t - 1 >= 0`` between indices is written ``t < T``."""
        letters = letters or {}
        if isinstance(c, sp.And):
            between = next(((a, b) for a in c.args for b in c.args if isinstance(a, sp.Le) and a.rhs == b.lhs), None)  # type: ignore[attr-defined]
            if between is not None and len(c.args) == 2:
                upper = self.condition(between[1], letters)
                low, relation = self._write(between[0].lhs, letters)[0], self.markup.relations["Le"]  # type: ignore[attr-defined]
                return f"{low} {relation} {upper}"
            return f" {self.markup.relations['And']} ".join(self.condition(a, letters) for a in c.args)
        if not isinstance(c, sp.core.relational.Relational):
            return str(c)
        left: Any = c.lhs
        right: Any = c.rhs
        kind = type(c).__name__
        relation = {
            "StrictGreaterThan": "Gt",
            "GreaterThan": "Ge",
            "StrictLessThan": "Lt",
            "LessThan": "Le",
            "Equality": "Eq",
            "Unequality": "Ne",
        }[kind]
        if relation == "Ge" and right.is_zero and not c.atoms(sp.Indexed, sp.Function):
            left, right, relation = _balanced(left)
        sides = [side.name if isinstance(side, sp.Symbol) else "" for side in (left, right)]
        if relation == "Eq" and sides[0].isupper() and sides[1].islower():
            left, right = right, left  # `l = L`: an index equals a size
        text = [self._write(side, letters)[0] for side in (left, right)]
        return f"{text[0]} {self.markup.relations[relation]} {text[1]}"

    def _relation(self, e: Any, letters: dict[Any, str]) -> tuple[str, int]:
        return self.condition(e, letters), SUM

    def _piecewise(self, e: Any, letters: dict[Any, str]) -> tuple[str, int]:
        return self.markup.cases(
            [(self._write(v, letters)[0], "" if c is sp.true else self.condition(c, letters)) for v, c in e.args]
        ), ATOM

    _table = (
        (sp.Symbol, _symbol),
        (sp.Indexed, _indexed),
        (sp.IndexedBase, lambda s, e, _l: (s.name(e), ATOM)),
        (sp.Number, _number),
        (sp.NumberSymbol, _constant),
        (sp.Add, _add),
        (sp.Mul, _mul),
        (sp.exp, _exp),
        (sp.Pow, _pow),
        (sp.Sum, _sum),
        (MaxOver, _max_over),
        (Softmax, _softmax),
        (LogSumExp, _logsumexp),
        (sp.log, _log),
        (sp.Abs, _abs),
        (Indicator, _indicator),
        (sp.Piecewise, _piecewise),
        (sp.core.relational.Relational, _relation),
    )


_SHORT = frozenset("\\" + letter for letter in LETTERS)


def _flat_factors(e: Any) -> Any:
    for factor in e.args:
        if isinstance(factor, sp.Mul):
            yield from _flat_factors(factor)
        else:
            yield factor


def _names_before_denominator(factors: Sequence[Any]) -> list[Any]:
    """The names that are written before the last denominator: they go above it."""
    last = max(n for n, f in enumerate(factors) if _is_denominator(f))
    early = [f for f in factors[:last] if not _is_denominator(f)]
    return early if all(isinstance(f, (sp.Symbol, sp.Indexed)) for f in early) else []


def _index_order(term: Any) -> Any:
    """``2i + p - 2``, ``t - 1``: SymPy puts the number first, a human puts it last."""
    number, rest = term.as_coeff_Mul()
    return bool(rest == 1), bool(number < 0), -abs(number), str(rest)


def _negated(term: Any) -> Any:
    number, *rest = term.args
    rest = rest if number == -1 else [-number, *rest]
    return rest[0] if len(rest) == 1 else sp.Mul(*rest, evaluate=False)


def _is_denominator(factor: Any) -> bool:
    return isinstance(factor, sp.Pow) and bool(factor.exp.is_number and factor.exp < 0)


def _balanced(difference: Any) -> tuple[Any, Any, str]:
    """``T - t - 1 >= 0`` as ``t < T``: negative terms move to the other side."""
    terms = sp.Add.make_args(difference)
    right = sp.Add(*(t for t in terms if not t.could_extract_minus_sign()))
    left = -sp.Add(*(t for t in terms if t.could_extract_minus_sign()))
    constant, rest = left.as_coeff_Add()
    if constant == 1 and rest != 0:
        return rest, right, "Lt"
    return left, right, "Le"
