"""SymPy matrix equations -> Specification: MatrixSymbol expressions are read entry by entry, as indexed equations.

Contract: an axis of size 1 is no axis: an n x 1 or 1 x n MatrixSymbol is a vector with one axis, a 1 x 1 one a
scalar. SymPy counts matrix entries from 0, networks from 1: ``A[k, i]`` summed over ``(k, 0, n - 1)`` becomes
``A[k, i]`` over ``k = 1..n``. Nothing is spread: a bias says where it goes, ``b * OneMatrix(1, m)``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import sympy as sp
from sympy.matrices.expressions.matexpr import MatrixElement

from symbackprop.errors import NetworkError
from symbackprop.indexed import Base, Limit
from symbackprop.names import Name, opaque_name, parse_name
from symbackprop.network import Equation, Role, Specification
from symbackprop.network.from_sympy import specification_from_sympy
from symbackprop.network.roles import conventional_role
from symbackprop.notation.lowering import Lowering
from symbackprop.notation.matrix_expressions import MatrixReader, softmax
from symbackprop.notation.tensor import ONE

MATRICES = (sp.MatrixExpr, sp.MatrixBase, MatrixElement, sp.Trace, sp.DotProduct, sp.Determinant)


def has_matrices(equation: Any) -> bool:
    """Does an equation (``Eq`` or a pair) contain a matrix anywhere?"""
    sides = equation if isinstance(equation, tuple) else getattr(equation, "args", ())
    return any(isinstance(s, sp.MatrixBase) or (isinstance(s, sp.Basic) and s.has(*MATRICES)) for s in sides)


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
    Sum(W[i, k]*X[k, j], (k, 1, n))
    """
    sides = [_sides(e, number) for number, e in enumerate(equations, start=1)]
    symbols = _matrix_symbols(sides)
    bases = {name: _base(symbol) for name, symbol in symbols.items()}
    resolve = _resolver(sides, bases)
    declared: dict[Role, list[Any]] = {
        role: [resolve(given) for given in ([listed] if isinstance(listed, (str, sp.Basic)) else listed)]
        for role, listed in roles.items()
    }
    shared = samples if samples is not None else _shared_size(sides, symbols, bases, declared)
    used = symbols.keys() - {target.name for target, _ in sides if isinstance(target, sp.MatrixSymbol)}
    reader = MatrixReader(bases, Lowering(samples=None if shared is None else sp.sympify(shared)))
    read = [reader.equation(t, e, n) for n, (t, e) in enumerate(sides, start=1)]
    frame = specification_from_sympy(
        [(t, e) for t, e in read if not isinstance(t, Equation)],
        roles=declared,
        loss=None if loss is None else resolve(loss),
        ranges=ranges,
        samples=shared,
        title=title,
    )
    plain = iter(frame.equations)
    return Specification(
        tuple(t if isinstance(t, Equation) else reader.filled(next(plain)) for t, _ in read),
        roles=frame.roles,
        axes={**frame.axes, **{bases[name]: own for name in used if (own := _axes(symbols[name]))}},
        ranges=frame.ranges,
        labels=reader.labels,
        samples=frame.samples,
        loss=frame.loss,
        title=title,
    )


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


def _resolver(sides: Iterable[tuple[Any, Any]], bases: Mapping[str, Base]) -> Callable[[Any], Any]:
    """What a declaration speaks of: a MatrixSymbol, or a name in any spelling, becomes its base."""
    known: dict[Name, Any] = {}
    for kind in (sp.Symbol, sp.IndexedBase):  # the label of an IndexedBase is a Symbol too: the base wins
        known |= {_spelled(str(s)): s for side in sides for part in side for s in part.atoms(kind)}
    known |= {_spelled(name): base for name, base in bases.items()}

    def resolve(given: Any) -> Any:
        name = given.name if isinstance(given, sp.MatrixSymbol) else given
        if not isinstance(name, str):
            return given
        if _spelled(name) not in known:
            raise NetworkError(
                f"no equation uses the name {name!r}", hint=f"the names are {', '.join(n.plain for n in known)}"
            )
        return known[_spelled(name)]

    return resolve


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


__all__ = ["has_matrices", "softmax", "specification_from_matrices"]
