"""SymPy matrix expressions -> entries: what a MatAdd, a MatMul, a Trace ... is at a row and a column.

Contract: `MatrixReader.equation` turns one equation into an indexed one. SymPy counts matrix entries from 0, networks
from 1, so indices are shifted. Nothing is spread; what does not conform or has no meaning raises `Clash`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import sympy as sp
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.matexpr import MatrixElement

from symbackprop.errors import NetworkError
from symbackprop.functions import Indicator
from symbackprop.indexed import Base, Limit, product, rebuild, rename
from symbackprop.network import Equation
from symbackprop.network.from_sympy import arrange, own_functions
from symbackprop.notation.conform import Clash
from symbackprop.notation.lowering import Lowering
from symbackprop.notation.tensor import (
    ONE,
    Tensor,
    along,
    elementwise,
    matmul,
    scalar,
    trace,
)

Scope = Mapping[Any, Any]
"""Bound index of the author -> what stands for it here."""


class Softmax(sp.MatrixExpr):
    """``softmax(Z, axis)`` of a matrix expression; see `softmax`."""

    @property
    def shape(self) -> Any:
        """The shape of the operand."""
        return self.args[0].shape  # type: ignore[attr-defined]

    def _entry(self, i: Any, j: Any, **_options: Any) -> Any:
        return MatrixElement(self, i, j)


def softmax(matrix: Any, axis: int = 0) -> Softmax:
    """The softmax of a SymPy matrix expression along one axis.

    Args:
        matrix: a matrix expression.
        axis: 0 makes every column sum to 1 (samples in columns), 1 every row.

    Raises:
        NetworkError: `matrix` is no matrix expression, or there is no such axis.

    >>> softmax(sp.MatrixSymbol("Z", 3, 4)).shape
    (3, 4)
    """
    if not isinstance(matrix, sp.MatrixExpr):
        raise NetworkError("softmax takes a matrix expression", hint="give it a MatrixSymbol, such as Z")
    if axis not in (0, 1):
        raise NetworkError(f"a matrix has the axes 0 and 1, not {axis}")
    return Softmax(matrix, sp.Integer(axis))


class MatrixReader:
    """Reads the expressions of one network; `tensors` holds the row of each kind of matrix expression."""

    def __init__(self, bases: Mapping[str, Base], low: Lowering) -> None:
        self.bases, self.low = bases, low
        self.scope: Scope = {}
        self.inside: dict[Any, Any] = {}
        """Placeholder -> the scalar that a matrix expression came to, put in after the rest is arranged."""
        self.labels: dict[Base, Limit] = {}
        self.tensors: dict[Any, Callable[[Any], Tensor]] = {
            sp.MatrixSymbol: self._symbol,
            sp.MatAdd: self._sum,
            sp.MatMul: self._product,
            sp.HadamardProduct: self._hadamard,
            sp.HadamardPower: self._hadamard_power,
            (sp.Transpose, sp.Adjoint): lambda e: self.tensor(e.args[0]).transposed(),  # entries are real
            ElementwiseApplyFunction: self._function,
            Softmax: lambda e: along(
                self.tensor(e.args[0]), over_rows=e.args[1] == 0, fresh=self.low.fresh, kind="softmax"
            ),
            sp.MatPow: self._power,  # Inverse is one
            sp.OneMatrix: lambda e: _filled_with(e, lambda _r, _c: sp.S.One),
            sp.ZeroMatrix: lambda e: _filled_with(e, lambda _r, _c: sp.S.Zero),
            sp.Identity: lambda e: _filled_with(e, lambda r, c: Indicator(sp.Eq(r, c))),
            sp.DiagMatrix: lambda e: self.low.diag(None, self.tensor(e.args[0])),
        }

    # -- equations -----------------------------------------------------------------------------------------------
    def equation(self, target: Any, expression: Any, number: int) -> tuple[Any, Any]:
        """A matrix equation as an `Equation`; any other one as a pair with placeholders."""
        self.low.used = {*self.bases, *(s.name for s in expression.atoms(sp.Symbol))}
        try:
            if not isinstance(target, sp.MatrixSymbol):
                return target, self.scalar(expression)
            return self._matrix_equation(target, expression), None
        except Clash as clash:
            raise NetworkError(f"equation {number}: {clash.message}", hint=clash.hint) from None

    def filled(self, equation: Equation) -> Equation:
        """The equation with placeholders replaced by what they stand for."""
        return Equation(equation.target, self._filled(equation.expression), equation.ranges)

    def _filled(self, expression: Any) -> Any:
        return _with_squares(rename(expression, self.inside))

    def _matrix_equation(self, target: Any, expression: Any) -> Equation:
        right = self.tensor(expression) if is_matrix(expression) else scalar(self.scalar(expression))
        _require_same([_symbol_tensor(target, self.bases), right])
        at = [ONE if size == 1 else self.low.fresh(size) for size in target.shape]
        limits = tuple(Limit(i, ONE, n) for i, n in zip(at, target.shape, strict=True) if i != 1)
        base = self.bases[target.name]
        left = base[tuple(limit.index for limit in limits)] if limits else base
        return Equation(left, self._filled(right.at(*at)), limits)

    # -- matrices ------------------------------------------------------------------------------------------------
    def tensor(self, e: Any) -> Tensor:
        """The meaning of a matrix expression."""
        for kind, read in self.tensors.items():
            if isinstance(e, kind):
                found = read(e)
                return Tensor(found.rows, found.cols, found.at, str(e))
        raise Clash(
            f"{type(e).__name__} has no meaning in a network: {e}",
            "use sums, products, HadamardProduct, transposes, applyfunc and Trace, or give it a name of its own",
        )

    def _symbol(self, e: Any) -> Tensor:
        return _symbol_tensor(e, self.bases)

    def _sum(self, e: Any) -> Tensor:
        parts = [self.tensor(t) for t in sorted(e.args, key=_term_key)]
        _require_same(parts)
        return elementwise(parts, lambda x: sp.Add(*x, evaluate=False), "sum")

    def _product(self, e: Any) -> Tensor:
        parts = [self.tensor(f) if is_matrix(f) else scalar(self._arranged(f)) for f in e.args]
        result = parts[0]
        for part in parts[1:]:
            result = matmul(result, part, self.low.fresh)
        return result

    def _hadamard(self, e: Any) -> Tensor:
        parts = [self.tensor(f) for f in e.args]
        _require_same(parts)
        return elementwise(parts, product, "elementwise product")

    def _hadamard_power(self, e: Any) -> Tensor:
        base, power = (self.tensor(a) if is_matrix(a) else scalar(self._arranged(a)) for a in e.args)
        return elementwise([base, power], lambda x: sp.Pow(x[0], x[1]), "elementwise power")

    def _power(self, e: Any) -> Tensor:
        base, power = self.tensor(e.args[0]), self.scalar(e.args[1])
        if base.is_scalar:
            return scalar(sp.Pow(base.scalar(), power))
        if not (power.is_Integer and power > 0):
            raise Clash(f"the matrix power {e} is not supported", "HadamardPower(A, p) is the power of every entry")
        result = base
        for _ in range(int(power) - 1):
            result = matmul(result, base, self.low.fresh)
        return result

    def _function(self, e: Any) -> Tensor:
        variable, body = e.function.variables[0], self._arranged(e.function.expr, e.function.variables)
        return elementwise([self.tensor(e.expr)], lambda x: rename(body, {variable: x[0]}), "function")

    # -- scalars -------------------------------------------------------------------------------------------------
    def _arranged(self, e: Any, variables: Iterable[Any] = ()) -> Any:
        """A scalar part of a matrix expression, in the order in which a human writes it."""
        outer, self.scope = self.scope, {**self.scope, **{v: v for v in variables}}
        result, self.scope = arrange(own_functions(self.scalar(e))), outer
        return result

    def scalar(self, e: Any) -> Any:
        """The meaning of a scalar expression; whole matrices in it become placeholders."""
        if isinstance(e, sp.Symbol):
            return self.scope.get(e, e)
        if isinstance(e, MatrixElement):
            return self._element(e)
        if isinstance(e, sp.Trace):
            return self._placeholder(trace(self.tensor(e.arg), self.low.fresh))
        if isinstance(e, sp.DotProduct):
            left, right = (x if x.cols == 1 else x.transposed() for x in map(self.tensor, e.args))
            return self._placeholder(matmul(left.transposed(), right, self.low.fresh))
        if is_matrix(e):
            return self._placeholder(self.tensor(e))
        if isinstance(e, sp.Sum):
            return self._summed(e)
        if isinstance(e, (sp.Determinant, sp.Derivative, sp.Integral)):
            raise Clash(f"{type(e).__name__} has no meaning in a network: {e}")
        if isinstance(e, sp.Indexed):
            return e.base[tuple(self.scalar(i) for i in e.indices)]
        args = [self.scalar(a) for a in e.args]
        return e if args == list(e.args) else rebuild(e, args)

    def _placeholder(self, value: Tensor) -> sp.Symbol:
        hole = sp.Dummy(value.label or "matrix", real=True)
        self.inside[hole] = self._filled(value.scalar())
        return hole

    def _element(self, e: Any) -> Any:
        """``A[i, j]``, which counts from 0; an entry of integer labels counts as it is."""
        at: list[Any] = []
        for index, size in zip(e.indices, e.parent.shape, strict=True):
            place = self.scalar(index)
            if isinstance(place, sp.Indexed):
                self.labels[place.base] = Limit(sp.Symbol("k", integer=True), ONE, size)
                at.append(place)
            else:
                at.append(sp.expand(place + 1))
        return self.tensor(e.parent).at(*at)

    def _summed(self, e: Any) -> Any:
        """A sum whose indices count matrix entries from 0 as one that counts from 1."""
        outer = self.scope
        counted = {
            (i, n) for x in e.function.atoms(MatrixElement) for i, n in zip(x.indices, x.parent.shape, strict=True)
        }
        limits: list[Any] = []
        for index, low, high in reversed(e.limits):
            sizes = [n for i, n in counted if index in i.free_symbols and i == index]
            if any(sp.expand(high - n) == 0 for n in sizes):
                raise Clash(
                    f"SymPy counts the entries of a matrix from 0, so {index} = {low}..{high} leaves it",
                    f"sum over ({index}, {low - 1}, {high - 1})",
                )
            offset = 1 if any(index in i.free_symbols for i, _ in counted) else 0
            name = sp.Symbol(index.name, integer=True)
            if isinstance(index, sp.Dummy):
                name = self.low.fresh(sizes[0] if sizes else None)
            bounds = (sp.expand(self.scalar(bound) + offset) for bound in (low, high))
            limits.append((name, *bounds))
            self.scope = {**self.scope, index: name - offset}
        body = self.scalar(e.function)
        self.scope = outer
        return sp.Sum(body, *reversed(limits))


# -- parts ---------------------------------------------------------------------------------------------------------
def is_matrix(e: Any) -> bool:
    """Is it a matrix as a whole, and no entry of one?"""
    return isinstance(e, (sp.MatrixExpr, sp.MatrixBase))


def _filled_with(e: Any, entry: Callable[[Any, Any], Any]) -> Tensor:
    rows, cols = e.shape
    return Tensor(rows, cols, entry)


def _symbol_tensor(symbol: Any, bases: Mapping[str, Base]) -> Tensor:
    """A quantity by its entries; axes of size 1 have no index."""
    base: Any = bases[symbol.name]
    kept = [n for n, size in enumerate(symbol.shape) if size != 1]

    def at(*place: Any) -> Any:
        return base[tuple(place[n] for n in kept)] if kept else base

    rows, cols = symbol.shape
    return Tensor(rows, cols, at, symbol.name)


def _require_same(parts: Iterable[Tensor]) -> None:
    """Sums and elementwise products of SymPy matrices are not spread."""
    first, *rest = parts
    for part in rest:
        for a, b in ((first.rows, part.rows), (first.cols, part.cols)):
            if sp.expand(sp.sympify(a) - sp.sympify(b)) != 0:
                raise Clash(
                    f"the shapes differ: {first.label or 'the left side'} is {first.shape}, "
                    f"{part.label or 'the right side'} is {part.shape}",
                    "spread a bias with b*OneMatrix(1, m) or OneMatrix(m, 1)*b, or transpose one of them",
                )


def _term_key(term: Any) -> tuple[bool, bool, int]:
    """Human order: what is subtracted last, what is spread after what it is added to, long products first."""
    factors = term.args if isinstance(term, sp.MatMul) else (term,)
    negative = any(not is_matrix(f) and f.could_extract_minus_sign() for f in factors)
    return negative, any(isinstance(f, sp.OneMatrix) for f in factors), -len(factors)


def _with_squares(e: Any) -> Any:
    """Equal factors as a power: ``D[i, s]*D[i, s]`` of a trace is ``D[i, s]**2``."""
    if not e.args or isinstance(e, sp.Indexed):
        return e
    args = [_with_squares(a) for a in e.args]
    if isinstance(e, sp.Mul):
        kinds = list(dict.fromkeys(args))
        args = [a if args.count(a) == 1 or a.is_number else sp.Pow(a, args.count(a)) for a in kinds]
        return product(args)
    return e if args == list(e.args) else rebuild(e, args)
