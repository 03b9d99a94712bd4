"""SymPy matrix equations -> Specification: MatrixSymbol expressions are read entry by entry, as indexed equations.

Contract: an axis of size 1 is no axis: an n x 1 (or 1 x n) MatrixSymbol is a vector with one axis, a 1 x 1 one a scalar.
SymPy counts matrix entries from 0, networks from 1: ``A[k, i]`` summed over ``(k, 0, n - 1)`` becomes ``A[k, i]`` over
``k = 1..n``. Nothing is spread: a bias says where it goes, ``b * OneMatrix(1, m)``. What is not read is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import sympy as sp
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.matexpr import MatrixElement

from symbackprop.errors import NetworkError
from symbackprop.functions import Indicator
from symbackprop.indexed import Base, Limit, fresh, product, rebuild, rename
from symbackprop.names import Name, opaque_name, parse_name
from symbackprop.network import Equation, Role, Specification
from symbackprop.network.from_sympy import arrange, own_functions, specification_from_sympy
from symbackprop.network.roles import conventional_role
from symbackprop.notation.lowering import Lowering
from symbackprop.notation.tensor import (
    ONE,
    Clash,
    Tensor,
    along,
    elementwise,
    matmul,
    scalar,
    trace,
    transpose,
)

Scope = Mapping[Any, Any]
"""Bound index of the author -> what stands for it here."""

MATRICES = (sp.MatrixExpr, sp.MatrixBase, MatrixElement, sp.Trace, sp.DotProduct, sp.Determinant)


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


def has_matrices(equation: Any) -> bool:
    """Does an equation (``Eq`` or a pair) contain a matrix anywhere?"""
    sides = equation if isinstance(equation, tuple) else getattr(equation, "args", ())
    return any(isinstance(s, sp.MatrixBase) or isinstance(s, sp.Basic) and s.has(*MATRICES) for s in sides)


def specification_from_matrices(
    equations: Iterable[Any],
    *,
    roles: Mapping[Role, Iterable[Any]],
    loss: Any = None,
    ranges: Mapping[Any, Any] | None = None,
    samples: Any = None,
    title: str = "",
) -> Specification:
    """Read SymPy equations some of which contain matrices; the arguments are those of `specification_from_sympy`.

    Args:
        equations: ``Eq(target, expression)`` or pairs; the target is a MatrixSymbol, or what scalar networks allow.
        roles: declared inputs, targets, parameters and constants, as symbols or names.
        loss: the symbol of the loss, where it cannot be told.
        ranges: index -> size or ``(low, high)``, for the indices of Indexed left sides.
        samples: the size of the sample axis; default: what inputs and targets share and no parameter has.
        title: the title of the sheet.

    Raises:
        NetworkError: for what is no equation, does not conform, or has no meaning in a network.

    >>> n, m = sp.symbols("n m")
    >>> W, X, Z = sp.MatrixSymbol("W", 2, n), sp.MatrixSymbol("X", n, m), sp.MatrixSymbol("Z", 2, m)
    >>> specification_from_matrices([sp.Eq(Z, W * X)], roles={}).equations[0].expression
    Sum(W[i, j]*X[j, s], (j, 1, n))
    """
    sides = [_sides(e, number) for number, e in enumerate(equations, start=1)]
    symbols = _matrix_symbols(sides)
    bases = {name: _base(symbol) for name, symbol in symbols.items()}
    declared: dict[Role, list[Any]] = {
        role: [_declared(given, bases) for given in listed] for role, listed in roles.items()
    }
    shared = samples if samples is not None else _shared_size(sides, symbols, bases, declared)
    reader = _Reader(bases, Lowering(samples=None if shared is None else sp.sympify(shared)))
    read = [reader.equation(t, e, n) for n, (t, e) in enumerate(sides, start=1)]
    frame = specification_from_sympy(
        [(t, e) for t, e in read if not isinstance(t, Equation)],
        roles=declared,
        loss=None if loss is None else _declared(loss, bases),
        ranges=ranges,
        samples=shared,
        title=title,
    )
    plain = iter(frame.equations)
    return Specification(
        tuple(t if isinstance(t, Equation) else reader.filled(next(plain)) for t, _ in read),
        roles=frame.roles,
        axes={**frame.axes, **{bases[n]: own for n, s in symbols.items() if (own := _axes(s))}},
        ranges=frame.ranges,
        labels=reader.labels,
        samples=frame.samples,
        loss=frame.loss,
        title=title,
    )


class _Reader:
    """Reads the expressions of one network; `tensors` holds the row of each kind of matrix expression."""

    def __init__(self, bases: Mapping[str, Base], low: Lowering) -> None:
        self.bases, self.low = bases, low
        self.scope: Scope = {}
        self.inside: dict[Any, Any] = {}
        """Placeholder -> the scalar that a matrix expression came to, put in after the rest is arranged."""
        self.labels: dict[Base, Limit] = {}

    # -- equations -----------------------------------------------------------------------------------------------
    def equation(self, target: Any, expression: Any, number: int) -> tuple[Any, Any]:
        """A matrix equation as an `Equation`; any other one as a pair with placeholders."""
        self.low.used = {s.name for s in getattr(expression, "free_symbols", ()) if isinstance(s, sp.Symbol)}
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
        right = self.tensor(expression) if _is_matrix(expression) else scalar(self.scalar(expression))
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
                found = read(self, e)
                return Tensor(found.rows, found.cols, found.at, str(e))
        raise Clash(
            f"a {type(e).__name__} has no meaning in a network: {e}",
            "use sums, products, HadamardProduct, transposes, applyfunc and Trace, or give it a name of its own",
        )

    def _symbol(self, e: Any) -> Tensor:
        return _symbol_tensor(e, self.bases)

    def _sum(self, e: Any) -> Tensor:
        parts = [self.tensor(t) for t in sorted(e.args, key=_term_key)]
        _require_same(parts)
        return elementwise(parts, lambda x: sp.Add(*x, evaluate=False), "sum")

    def _product(self, e: Any) -> Tensor:
        parts = [self.tensor(f) if _is_matrix(f) else scalar(self._arranged(f)) for f in e.args]
        result = parts[0]
        for part in parts[1:]:
            result = matmul(result, part, self.low.fresh)
        return result

    def _hadamard(self, e: Any) -> Tensor:
        parts = [self.tensor(f) for f in e.args]
        _require_same(parts)
        return elementwise(parts, product, "elementwise product")

    def _hadamard_power(self, e: Any) -> Tensor:
        base, power = (self.tensor(a) if _is_matrix(a) else scalar(self._arranged(a)) for a in e.args)
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

    def _softmax(self, e: Any) -> Tensor:
        return along(self.tensor(e.args[0]), over_rows=e.args[1] == 0, fresh=self.low.fresh, kind="softmax")

    def _one_by_one(self, e: Any) -> Tensor:
        return Tensor(*e.shape, lambda _r, _c: sp.S.One)

    tensors: Mapping[Any, Callable[[_Reader, Any], Tensor]] = {
        sp.MatrixSymbol: _symbol,
        sp.MatAdd: _sum,
        sp.MatMul: _product,
        sp.HadamardProduct: _hadamard,
        sp.HadamardPower: _hadamard_power,
        (sp.Transpose, sp.Adjoint): lambda self, e: transpose(self.tensor(e.args[0])),  # entries are real
        ElementwiseApplyFunction: _function,
        Softmax: _softmax,
        sp.MatPow: _power,  # Inverse is one
        sp.OneMatrix: _one_by_one,
        sp.ZeroMatrix: lambda _s, e: Tensor(*e.shape, lambda _r, _c: sp.S.Zero),
        sp.Identity: lambda _s, e: Tensor(*e.shape, lambda r, c: Indicator(sp.Eq(r, c))),
        sp.DiagMatrix: lambda self, e: self.low.diag(None, self.tensor(e.args[0])),
    }

    # -- scalars -------------------------------------------------------------------------------------------------
    def _arranged(self, e: Any, variables: Iterable[Any] = ()) -> Any:
        """A scalar part of a matrix expression, in the order in which a human writes it."""
        outer, self.scope = self.scope, {**self.scope, **{v: v for v in variables}}
        result = arrange(own_functions(self.scalar(e)))
        self.scope = outer
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
            return self._placeholder(self._dot(*(self.tensor(a) for a in e.args)))
        if _is_matrix(e):
            return self._placeholder(self.tensor(e))
        if isinstance(e, sp.Sum):
            return self._summed(e)
        if isinstance(e, (sp.Determinant, sp.Derivative, sp.Integral)):
            raise Clash(f"a {type(e).__name__} has no meaning in a network: {e}")
        if isinstance(e, sp.Indexed):
            return e.base[tuple(self.scalar(i) for i in e.indices)]
        args = [self.scalar(a) for a in e.args]
        return e if args == list(e.args) else rebuild(e, args)

    def _placeholder(self, value: Tensor) -> sp.Symbol:
        hole = sp.Dummy(value.label or "matrix", real=True)
        self.inside[hole] = self._filled(value.scalar())
        return hole

    def _dot(self, a: Tensor, b: Tensor) -> Tensor:
        left, right = (x if x.cols == 1 else transpose(x) for x in (a, b))
        return matmul(transpose(left), right, self.low.fresh)

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
        counted = {(i, n) for x in e.function.atoms(MatrixElement) for i, n in zip(x.indices, x.parent.shape, strict=True)}
        limits: list[Any] = []
        for index, low, high in reversed(e.limits):
            sizes = [n for i, n in counted if index in i.free_symbols and i == index]
            if any(sp.expand(high - n) == 0 for n in sizes):
                raise Clash(
                    f"SymPy counts the entries of a matrix from 0, so {index} = {low}..{high} leaves it",
                    f"sum over ({index}, {low - 1}, {high - 1})",
                )
            offset = 1 if any(index in i.free_symbols for i, _ in counted) else 0
            name = self.low.fresh(sizes[0] if sizes else None) if isinstance(index, sp.Dummy) else fresh(index)
            bounds = (sp.expand(self.scalar(bound) + offset) for bound in (low, high))
            limits.append((name, *bounds))
            self.scope = {**self.scope, index: name - offset}
        body = self.scalar(e.function)
        self.scope = outer
        return sp.Sum(body, *reversed(limits))


# -- symbols -------------------------------------------------------------------------------------------------------
def _sides(equation: Any, number: int) -> tuple[Any, Any]:
    sides = equation.args if isinstance(equation, sp.Eq) else equation
    if not isinstance(sides, tuple) or len(sides) != 2 or isinstance(sides[1], str):
        raise NetworkError(
            f"equation {number} is not an equation: {equation!r}",
            hint="SymPy makes Eq(E, x.T*x) of a number and a 1 x 1 matrix, and an Eq of shapes that differ, False: "
            "write the pair (E, x.T*x), and check the shapes",
        )
    target, expression = sides[0], sp.sympify(sides[1])
    if not isinstance(target, (sp.MatrixSymbol, sp.Symbol, sp.Indexed)):
        raise NetworkError(
            f"the left side of equation {number} is not a name: {target}",
            hint="write the MatrixSymbol or the Symbol that the equation defines on the left",
        )
    return target, expression


def _matrix_symbols(sides: Iterable[tuple[Any, Any]]) -> dict[str, Any]:
    """Every MatrixSymbol by name, in order of appearance."""
    found: dict[str, Any] = {}
    for target, expression in sides:
        for side in (target, expression):
            for symbol in sorted(side.atoms(sp.MatrixSymbol), key=str):
                other = found.setdefault(symbol.name, symbol)
                if other != symbol:
                    raise NetworkError(
                        f"{symbol.name} has two shapes: {_shape(other)} and {_shape(symbol)}",
                        hint="give every quantity a name of its own",
                    )
    return found


def _shape(symbol: Any) -> str:
    return " x ".join(map(str, symbol.shape))


def _base(symbol: Any) -> Base:
    return sp.IndexedBase(symbol.name) if _axes(symbol) else sp.Symbol(symbol.name)


def _axes(symbol: Any) -> tuple[Limit, ...]:
    sizes = [size for size in symbol.shape if size != 1]
    return tuple(Limit(sp.Symbol(x, integer=True), ONE, n) for x, n in zip("ij", sizes, strict=False))


def _declared(given: Any, bases: Mapping[str, Base]) -> Any:
    """What a declaration speaks of: a MatrixSymbol or its name in any spelling becomes its base."""
    if isinstance(given, sp.MatrixSymbol):
        return bases.get(given.name, given.name)
    if isinstance(given, str):
        return next((b for name, b in bases.items() if _spelled(name) == _spelled(given)), given)
    return given


def _spelled(text: str) -> Name:
    return parse_name(text) or opaque_name(text)


def _shared_size(
    sides: Iterable[tuple[Any, Any]],
    symbols: Mapping[str, Any],
    bases: Mapping[str, Base],
    declared: Mapping[Role, Iterable[Any]],
) -> Any:
    """The size that inputs and targets share and no parameter has, where there is one."""
    defined = {str(target) for target, _ in sides}
    told = {base: role for role, listed in declared.items() for base in listed}
    found: dict[Any, set[Any]] = {"input": set(), "target": set(), "parameter": set()}
    for name, symbol in symbols.items():
        role = told.get(bases[name]) or conventional_role(_spelled(name))
        if name not in defined and role in found:
            found[role] |= {size for size in symbol.shape if size != 1}
    shared = (found["input"] & found["target"]) - found["parameter"]
    return shared.pop() if len(shared) == 1 else None


# -- parts ---------------------------------------------------------------------------------------------------------
def _is_matrix(e: Any) -> bool:
    return isinstance(e, (sp.MatrixExpr, sp.MatrixBase))


def _symbol_tensor(symbol: Any, bases: Mapping[str, Base]) -> Tensor:
    """A quantity by its entries; axes of size 1 have no index."""
    base: Any = bases[symbol.name]
    kept = [n for n, size in enumerate(symbol.shape) if size != 1]

    def at(*place: Any) -> Any:
        return base[tuple(place[n] for n in kept)] if kept else base

    return Tensor(*symbol.shape, at, symbol.name)


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
    negative = any(not _is_matrix(f) and f.could_extract_minus_sign() for f in factors)
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
