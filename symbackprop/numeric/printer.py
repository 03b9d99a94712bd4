"""Scalar expressions -> NumPy source text, in the order in which the derivation wrote them.

Contract: `NumPySource` prints an expression over named quantities as one NumPy expression that works for
scalars and, element by element, for arrays of samples; dtype in = dtype out. What it cannot express it
refuses, it never guesses. Other array libraries are written through their `Dialect`.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any, ClassVar

import sympy as sp
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational
from sympy.printing.numpy import NumPyPrinter

from symbackprop.errors import NetworkError
from symbackprop.functions import DEFAULT_SECOND_ARGUMENT, FunctionRow, Indicator, row_of
from symbackprop.numeric.bodies import ATOM, CONDITION, POWER, PRODUCT, SIGN, SUM, Text, body_of
from symbackprop.numeric.dialects import NUMPY, Dialect
from symbackprop.numeric.scalars import CAN_OVERFLOW, decimal, flat, is_gate, is_plain


class NumPySource(NumPyPrinter):
    """Prints expressions with given identifiers, in the words of an array library.

    >>> w, x, out, y = sp.symbols("w x out y")
    >>> P = NumPySource({w: "w", x: "x", out: "out", y: "y"})
    >>> print(P.doprint(sp.Mul(sp.Rational(1, 2), (out - y) ** 2, evaluate=False)))
    (out - y)**2 / 2
    >>> print(P.doprint(sp.tanh(w * x) / sp.sqrt(8)))
    2**0.5 * np.tanh(w * x) / 4
    """

    def __init__(
        self, identifiers: Mapping[Any, str | Text], dialect: Dialect = NUMPY, whole: Container[Any] = ()
    ) -> None:
        """Identifiers of the symbols, and which of them stand for arrays of whole numbers."""
        super().__init__()
        self.identifiers = identifiers
        self.dialect = dialect
        self.whole = whole

    def doprint(self, expr: Any, assign_to: Any = None) -> str:  # noqa: D102 - SymPy's interface
        return expr if isinstance(expr, str) else self.write(expr)[0]

    def write(self, e: Any) -> Text:
        """The source of an expression, and how strongly it binds."""
        writer = self._writers.get(type(e))
        if writer is None:
            for kind, candidate in self._kinds:
                if isinstance(e, kind):
                    writer = self._writers[type(e)] = candidate
                    break
            else:
                raise refused(type(e).__name__)
        return getattr(self, writer.__name__)(e)  # a subclass may write it differently

    def bracketed(self, e: Any, needed: int) -> str:
        """The source, in brackets where it binds weaker than its place needs."""
        text, strength = self.write(e)
        return text if strength >= needed else f"({text})"

    # -- leaves --------------------------------------------------------------------------------------------
    def _symbol(self, e: Any) -> Text:
        try:
            found = self.identifiers[e]
        except KeyError:
            raise refused(f"the symbol {e}, which is no quantity of this network,") from None
        return (found, ATOM) if isinstance(found, str) else found

    def literal(self, number: float) -> str:
        """A number as it stands in the source; whole numbers leave a dtype alone."""
        return repr(number)

    def _number(self, e: Any) -> Text:
        if e.is_Integer:
            text = self.literal(int(e))
        elif e.is_Rational:
            text = decimal(e)
            if "/" in text:
                return text, SIGN if e < 0 else PRODUCT
        elif e.is_Float:
            text = repr(float(e))
        else:
            raise refused(f"the number {e}")
        return text, SIGN if text[0] == "-" else ATOM

    def _constant(self, e: Any) -> Text:
        if e is sp.S.NegativeInfinity:
            return f"-{self.dialect['inf']}", SIGN
        known = {sp.pi: "pi", sp.E: "e", sp.oo: "inf"}
        return self.dialect[known[e]] if e in known else repr(float(e)), ATOM

    # -- arithmetic ----------------------------------------------------------------------------------------
    def _add(self, e: Any) -> Text:
        parts: list[str] = []
        mixed = not all(is_gate(term) or is_plain(term) for term in e.args)
        terms = sorted(e.args, key=is_gate) if mixed and is_gate(e.args[0]) else e.args
        for term in terms:
            text, strength = self._counted(term) if mixed and is_gate(term) else self.write(term)
            if strength <= SUM and (parts or strength < SUM):
                text = f"({text})"
            if not parts:
                parts.append(text)
            elif text[0] == "-":
                parts += (" - ", text[1:])
            else:
                parts += (" + ", text)
        return "".join(parts), SUM

    def _counted(self, gate: Any) -> Text:
        """An indicator beside numbers: a truth value counts as 0 or 1 and leaves their dtype alone."""
        negative = gate.is_Mul
        condition = self.write((gate.args[1] if negative else gate).condition)[0]
        text = f"({condition})" if self.dialect.counts_truth else self.dialect.written(self.dialect.truth, condition)
        return ("-" + text, SIGN) if negative else (text, ATOM)

    def _mul(self, e: Any) -> Text:
        number: Any = sp.S.One
        above: list[Any] = []
        below: list[Any] = []
        for factor in flat(e.args):
            if factor.is_Number and not factor.is_infinite:
                number = number * factor
            elif factor.is_Pow and factor.exp.is_Number and factor.exp.is_negative:
                below.append(sp.Pow(factor.base, -factor.exp))
            else:
                above.append(factor)
        gates = [f for f in above if isinstance(f, Indicator)]
        if gates:
            return self._gated(gates, [f for f in above if not isinstance(f, Indicator)], below, number)
        return self._quotient(number, [self.bracketed(f, POWER) for f in above], below)

    def _quotient(self, number: Any, above: list[str], below: list[Any]) -> Text:
        """``number * above / below`` with the number's own denominator below."""
        sign = "-" if number.is_negative else ""
        number = abs(number)
        numerator, denominator = (number.p, number.q) if number.is_Rational else (float(number), 1)
        if numerator != 1 or not above:
            above = [self.literal(numerator), *above]
        under = [self.bracketed(f, POWER) for f in below]
        if denominator != 1:
            under = [self.literal(denominator), *under]
        text = sign + " * ".join(above)
        if under:
            text += f" / {under[0]}" if len(under) == 1 else f" / ({' * '.join(under)})"
        elif len(above) == 1 and not sign:
            return text, POWER if "**" in text else ATOM
        return text, PRODUCT

    def _gated(self, gates: list[Any], rest: list[Any], below: list[Any], number: Any) -> Text:
        """A product with indicators: masks multiply, unless what they hide can be infinite there."""
        if all(map(is_plain, (*rest, *below))):
            steps = [self._step(g.condition) for g in gates]
            return self._quotient(number, [*(self.bracketed(f, POWER) for f in rest), *steps], below)
        if below or any(f.has(*CAN_OVERFLOW) for f in rest):
            condition = self.write(sp.And(*(g.condition for g in gates)))[0]
            value = self._quotient(number, [self.bracketed(f, POWER) for f in rest], below)[0]
            return f"{self.dialect['where']}({condition}, {value}, 0)", ATOM
        masks = [f"({self.write(g.condition)[0]})" for g in gates]
        return self._quotient(number, [*(self.bracketed(f, POWER) for f in rest), *masks], [])

    def _indicator(self, e: Any) -> Text:
        return self._step(e.condition), ATOM

    def _step(self, condition: Any) -> str:
        """``[condition]`` as 0 or 1 in the dtype of its operands, which a sum of booleans would not keep."""
        if is_plain(condition):
            return f"int({self.write(condition)[0]})"
        if not self.dialect.counts_truth or any(s in self.whole for s in condition.free_symbols):
            return self.dialect.written(self.dialect.truth, self.write(condition)[0])
        if isinstance(condition, sp.And):
            return " * ".join(self._step(c) for c in condition.args)
        if not isinstance(condition, Relational):
            raise refused(f"the indicator of {condition}")
        above, below = condition.lhs, condition.rhs
        if isinstance(condition, (sp.Eq, sp.Ne)):
            equal = f"np.heaviside(-np.abs({self._difference(above, below)}), 1)"
            return equal if isinstance(condition, sp.Eq) else f"(1 - {equal})"
        if isinstance(condition, (sp.Lt, sp.Le)):
            above, below = below, above
        at_zero = int(isinstance(condition, (sp.Ge, sp.Le)))
        return f"np.heaviside({self._difference(above, below)}, {at_zero})"

    def _difference(self, a: Any, b: Any) -> str:
        if b == 0:
            return self.write(a)[0]
        left = "" if a == 0 else self.bracketed(a, SUM) + " "
        return f"{left}-{' ' if left else ''}{self.bracketed(b, PRODUCT)}"

    def _pow(self, e: Any) -> Text:
        base, exponent = e.args
        if exponent.is_Number and exponent.is_negative:
            return f"1 / {self.bracketed(sp.Pow(base, -exponent), POWER)}", PRODUCT
        if exponent == sp.S.Half and not is_plain(base):  # np.sqrt of a number would be float64
            return f"{self.dialect['sqrt']}({self.write(base)[0]})", ATOM
        return f"{self.bracketed(base, ATOM)}**{self.bracketed(exponent, ATOM)}", POWER

    # -- functions and conditions --------------------------------------------------------------------------
    def _function(self, e: Any) -> Text:
        row = row_of(e)
        if row is not None:
            return self._from_row(e, row)
        known = self.known_functions.get(type(e).__name__, "")
        if not known.startswith("numpy."):
            raise refused(f"the function {type(e).__name__}")
        name = self.dialect[known.removeprefix("numpy.")]
        return self._number_of(e, f"{name}({', '.join(text for text, _ in self._arguments(e.args))})"), ATOM

    def _from_row(self, e: Any, row: FunctionRow) -> Text:
        arguments = [*e.args]
        if len(arguments) == 1 and e.func in DEFAULT_SECOND_ARGUMENT:
            arguments.append(DEFAULT_SECOND_ARGUMENT[e.func])
        if not row.numpy:
            if row.definition is None:
                raise refused(f"the function {row.name}")
            return self.write(row.definition(*arguments))
        body = body_of(row.numpy)
        text = body.filled(self._arguments(arguments), self.dialect)
        number = self._number_of(e, text)
        return number, body.strength if number == text else ATOM

    def _number_of(self, e: Any, text: str) -> str:
        """A function of numbers: of them NumPy makes float64, which a Python number leaves to what it meets."""
        return f"float({text})" if self.dialect.counts_truth and is_plain(e) and not e.is_integer else text

    def _arguments(self, arguments: Sequence[Any]) -> list[Text]:
        """What a function is applied to: some libraries want an array among its arguments."""
        texts = [self.write(a) for a in arguments]
        if self.dialect.number == "{0}" or not all(map(is_plain, arguments)):
            return texts
        return [(self._plain(text), ATOM) for text, _ in texts]

    def _plain(self, text: str) -> str:
        return self.dialect.written(self.dialect.number, text)

    def _unspecified(self, e: Any) -> Text:
        name = type(e).__name__.rstrip("'")
        raise NetworkError(
            f"the function {name} is not specified: the network can be derived, but not computed",
            hint=f"add a line such as '{name} is tanh'",
        )

    def _piecewise(self, e: Any) -> Text:
        text = self.dialect["nan"]
        for value, condition in reversed(e.args):
            branch = self._plain(self.write(value)[0]) if is_plain(value) else self.write(value)[0]
            if condition is sp.true:
                text = branch
            else:
                text = f"{self.dialect['where']}({self.write(condition)[0]}, {branch}, {text})"
        if self.dialect.counts_truth and self.dialect.like and all(is_plain(value) for value, _ in e.args):
            text = f"{text}.astype({self.dialect.dtype})"  # NumPy selects float64 from numbers
        return text, ATOM

    def _extreme(self, e: Any) -> Text:
        name = self.dialect["maximum" if isinstance(e, sp.Max) else "minimum"]
        text = self.write(e.args[0])[0]
        for argument in e.args[1:]:
            text = f"{name}({text}, {self.write(argument)[0]})"
        return text, ATOM

    def _relation(self, e: Any) -> Text:
        left, right = self.bracketed(e.lhs, SUM), self.bracketed(e.rhs, SUM)
        return f"{left} {e.rel_op} {right}", CONDITION

    def _logical(self, e: Any) -> Text:
        if isinstance(e, sp.Not):
            return f"{self.dialect['logical_not']}({self.write(e.args[0])[0]})", ATOM
        name = self.dialect["logical_and" if isinstance(e, sp.And) else "logical_or"]
        text = self.write(e.args[0])[0]
        for argument in e.args[1:]:
            text = f"{name}({text}, {self.write(argument)[0]})"
        return text, ATOM

    def _truth(self, e: Any) -> Text:
        return str(bool(e)), ATOM

    _kinds: ClassVar[Sequence[tuple[Any, Callable[[Any, Any], Text]]]] = (
        (sp.Symbol, _symbol),
        (sp.Add, _add),
        (sp.Mul, _mul),
        (sp.Pow, _pow),
        (Indicator, _indicator),
        (sp.NumberSymbol, _constant),
        ((sp.core.numbers.Infinity, sp.core.numbers.NegativeInfinity), _constant),
        (sp.Number, _number),
        (sp.Piecewise, _piecewise),
        ((sp.Max, sp.Min), _extreme),
        (AppliedUndef, _unspecified),
        (sp.Function, _function),
        (Relational, _relation),
        ((sp.And, sp.Or, sp.Not), _logical),
        (sp.logic.boolalg.BooleanAtom, _truth),
    )
    _writers: ClassVar[dict[type, Callable[[Any, Any], Text]]] = {}


def refused(what: str) -> NetworkError:
    """What the printer does not know; never printed as a guess."""
    return NetworkError(
        f"symbackprop cannot yet write {what} as NumPy",
        hint="write it with sums, products, powers and the functions that 'symbackprop' lists",
    )
