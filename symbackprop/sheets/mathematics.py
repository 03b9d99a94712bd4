"""Expressions of a derivation as `Math`: LaTeX and its terminal twin, written once.

Contract: a `MathWriter` spells names, expressions, products and derivatives of one derivation in both
notations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import Any

import sympy as sp

from symbackprop.derivation import Derivation, Factors
from symbackprop.indexed import Limit, bound_limits, indices_of
from symbackprop.matrix import Node, NoMatrixForm
from symbackprop.names import opaque_name, parse_name
from symbackprop.network import Quantity
from symbackprop.notation.matrix_writer import MatrixWriter
from symbackprop.notation.writer import LATEX, TEXT, Partial, Writer
from symbackprop.sheets.blocks import NOTHING, Math, joined
from symbackprop.sheets.matrices import matrix_axes
from symbackprop.sheets.naming import derivative_names, leading_indices, single_axes

IS = Math(" = ", " = ")
THIN = Math(r"\,", " ")
ARROW = Math(r" \longrightarrow ", " → ")
COMMA = Math(r",\ ", ", ")


class MathWriter:
    """Writes the mathematics of one derivation."""

    def __init__(self, derivation: Derivation) -> None:
        self.derivation = derivation
        letters = _letters(derivation)
        leading = leading_indices(derivation)
        self._writers = tuple(
            Writer(
                {**derivation.network.names, **derivative_names(derivation, markup)},
                markup,
                letters,
                leading,
                single_axes(derivation),
            )
            for markup in (LATEX, TEXT)
        )

    def with_names(self, names: Mapping[Any, Math]) -> MathWriter:
        """A writer that puts other names, or numbers, for some symbols."""
        other = copy(self)
        latex, text = self._writers
        other._writers = (
            latex.with_names({k: m.latex for k, m in names.items()}),
            text.with_names({k: m.text for k, m in names.items()}),
        )
        return other

    def with_dots(self) -> MathWriter:
        """A writer that puts a dot between factors, for products of numbers."""
        other = copy(self)
        latex, text = (replace(w, times=w.markup.dot) for w in self._writers)
        other._writers = latex, text
        return other

    @property
    def times(self) -> Math:
        """What stands between two factors."""
        latex, text = self._writers
        return Math(latex.times or latex.markup.times, text.times or text.markup.times)

    def _both(self, write: Callable[[Writer], str]) -> Math:
        latex, text = self._writers
        return Math(write(latex), write(text))

    def __call__(self, expression: Any) -> Math:
        """An expression as it stands."""
        return self._both(lambda w: w(expression))

    def product(self, factors: Factors) -> Math:
        """Ordered factors as one product; a single factor stands alone."""
        if len(factors) == 1:
            return self(factors[0])
        return self._both(lambda w: w.product(factors))

    def function_name(self, application: Any) -> Math:
        """The name of a function that is only named: ``f``."""
        name = parse_name(type(application).__name__) or opaque_name(type(application).__name__)
        return self._both(lambda w: w.markup.name(name))

    def name(self, quantity: Quantity) -> Math:
        """The name of a quantity, without its row and column; a layer or step stays: ``W^{[l]}``."""
        network = self.derivation.network
        at = [axis.index for axis in quantity.axes]
        axes = matrix_axes(network, quantity.base, at)
        return self.whole(quantity.entry, axes) if len(axes) < len(at) else self._both(lambda w: w.name(quantity.base))

    def stem(self, quantity: Quantity) -> Math:
        """The name of a quantity without any index."""
        return self._both(lambda w: w.name(quantity.base))

    def names(self, quantities: Iterable[Quantity]) -> list[Math]:
        """The names of several quantities."""
        return [self.name(q) for q in quantities]

    def partial(self, upper: Any, lower: Any) -> Math:
        """The derivative of one reference with respect to another, as a fraction."""
        return self._both(lambda w: w.markup.partial(w(upper), w(lower)))

    def slashed(self, upper: Math, lower: Math) -> Math:
        """A derivative for a line of text: ``∂E/∂w``."""
        return Math(rf"\partial {upper.latex}/\partial {lower.latex}", f"∂{upper.text}/∂{lower.text}")

    def derivative_symbol(self, upper: Any, lower: Any) -> Any:
        """A symbol that is printed as the derivative of one reference with respect to another."""
        name = f"local ∂{getattr(upper, 'base', upper)}/∂{getattr(lower, 'base', lower)}"
        at = (*indices_of(upper), *indices_of(lower))
        symbol = sp.IndexedBase(name)[at] if at else sp.Symbol(name)
        key = symbol.base if at else symbol
        for writer in self._writers:
            writer.names.setdefault(  # type: ignore[attr-defined]
                key,
                Partial(getattr(upper, "base", upper), getattr(lower, "base", lower), len(indices_of(upper))),
            )
        return symbol

    def matrix(self, expression: Any, at: Sequence[Any], base: Any = None) -> tuple[Node, Math] | None:
        """The entry of `base` at some indices as a matrix, or None where there is only the index form."""
        try:
            node = self.derivation.matrix(expression, at, base)
            return node, self._both(lambda w: MatrixWriter(w)(node))
        except NoMatrixForm:
            return None

    def node(self, node: Node) -> Math:
        """A matrix tree."""
        return self._both(lambda w: MatrixWriter(w)(node))

    def whole(self, reference: Any, axes: Sequence[Any]) -> Math:
        """A reference as a whole matrix, its row and column not written."""
        if not indices_of(reference):
            return self(reference)
        return self._both(lambda w: w.whole(reference, axes))

    def condition(self, condition: Any) -> Math:
        """A condition on indices: ``(t < T)``."""
        return Math("(", "(") + self._both(lambda w: w.condition(condition)) + Math(")", ")")

    def ranges(self, limits: Sequence[Limit]) -> Math:
        """``i = 1, ..., n;  s = 1, ..., m``: for which index values a formula holds."""
        parts = [
            self._both(
                lambda w, limit=limit: (
                    f"{w(limit.index)} = {w(limit.low)}" + (r",\dots," if w.markup is LATEX else "..") + w(limit.high)
                )
            )
            for limit in limits
        ]
        return Math("(", "(") + joined(parts, Math(r",\; ", ", ")) + Math(")", ")")

    def shape(self, quantity: Quantity, *, whole: bool = True) -> Math:
        r"""``n_1 \times m``; nothing for a scalar; unless `whole`, without layer and step."""
        if not quantity.axes:
            return NOTHING
        labels = self.derivation.network.label_axes
        kept = [size for n, size in enumerate(quantity.shape) if whole or (quantity.base, n) not in labels]
        sizes = [self(size) for size in kept]
        if len(sizes) > 1:
            sizes = [
                Math(f"({m.latex})", f"({m.text})") if size.is_Add else m for m, size in zip(sizes, kept, strict=True)
            ]
        return joined(sizes, Math(r" \times ", "×"))

    def path(self, quantities: Iterable[Quantity]) -> Math:
        """``w -> z -> E``."""
        return joined(self.names(quantities), ARROW)


def number(value: float, digits: int) -> Math:
    """A number with so many significant digits.

    >>> number(-0.0000123456, 3).text, number(12.5, 4).latex
    ('-1.23e-05', '12.5')
    """
    text = f"{value + 0.0:.{digits}g}"  # no minus in front of 0
    mantissa, _, exponent = text.partition("e")
    factor = "" if mantissa == "1" else rf"{mantissa} \cdot "
    return Math(f"{factor}10^{{{int(exponent)}}}" if exponent else text, text)


def _letters(derivation: Derivation) -> dict[tuple[Any, Any], Sequence[str]]:
    """The letters that the author used for indices, by the range they run over."""
    found: dict[tuple[Any, Any], dict[str, None]] = {}
    for limit in _limits(derivation):
        if not limit.index.name.startswith("~"):
            found.setdefault((limit.low, limit.high), {}).setdefault(limit.index.name.split("~")[0])
    return {span: tuple(names) for span, names in found.items()}


def _limits(derivation: Derivation) -> Iterator[Limit]:
    network = derivation.network
    for equation in network.equations:
        yield from equation.ranges
        stack: list[Any] = [equation.expression]
        while stack:
            node = stack.pop()
            yield from bound_limits(node)
            stack.extend(node.args)
    for quantity in network.quantities.values():
        yield from quantity.axes
