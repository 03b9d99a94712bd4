"""Functions that know themselves: definition, derivative, LaTeX name, stable NumPy body, kinks.

Contract: every scalar function that an equation may apply has one row in `TABLE`; whoever needs the derivative,
the LaTeX or the NumPy of a function reads that row. `activation(...)` adds a row: one line for a user's own function.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef, UndefinedFunction
from sympy.logic.boolalg import Boolean

Factors = tuple[sp.Expr, ...]


class Indicator(sp.Expr):
    """Iverson bracket ``[condition]``: 1 where the condition holds, else 0.

    >>> Indicator(sp.Symbol("z") > 0)
    [z > 0]
    >>> Indicator(sp.true)
    1
    """

    is_commutative = True
    is_real = True

    def __new__(cls, condition: Any) -> Any:
        """1 or 0 where the condition is decided, else the bracket."""
        condition = sp.sympify(condition)
        if condition is sp.true:
            return sp.S.One
        if condition is sp.false:
            return sp.S.Zero
        return sp.Expr.__new__(cls, condition)

    @property
    def condition(self) -> Boolean:
        """The condition inside the bracket."""
        return self.args[0]  # type: ignore[return-value]

    def _eval_derivative(self, _symbol: sp.Symbol) -> sp.Expr:
        return sp.S.Zero

    def _sympystr(self, printer: Any) -> str:
        return f"[{printer._print(self.condition)}]"

    _sympyrepr = _sympystr


@dataclass(frozen=True)
class FunctionRow:
    """What is known of one function of one or more scalars.

    `derivative(arguments, value)` gives, for each argument, the factors of the local derivative in the order in which
    a human writes them; `value` stands for the function's own value, so ``a (1 - a)`` needs no second evaluation.
    """

    name: str
    latex: str
    numpy: str
    """The NumPy expression; ``{0}``, ``{1}`` are the arguments, names listed in `helpers` are generated functions."""
    derivative: Callable[[Sequence[sp.Expr], sp.Expr], tuple[Factors, ...]]
    definition: Callable[..., sp.Expr] | None = None
    """The textbook formula, shown on sheets: ``sigma(z) = 1/(1+exp(-z))``."""
    because: str = ""
    """The key of the phrase that names the rule on a sheet."""
    kinks: Callable[[Sequence[sp.Expr]], sp.Expr | None] = field(default=lambda _arguments: None)
    """An expression that is zero where the function has no derivative, or None."""
    python: str = ""
    """The body for one number, in terms of Python's `math`; empty: as the definition says."""
    domain: str = ""
    """What the argument must satisfy, in words of mathematics (``x > 0``); empty: every real number."""


TABLE: dict[Any, FunctionRow] = {}
"""Function class -> row. Read top to bottom: this is the list of what symbackprop can differentiate."""


def _function_class(name: str, arity: tuple[int, ...]) -> Any:
    def fdiff(self: sp.Function, argindex: int = 1) -> sp.Expr:
        return sp.Mul(*local_derivative(self, argindex - 1))

    return type(
        name,
        (sp.Function,),
        {
            "nargs": arity,
            "fdiff": fdiff,
            "__module__": __name__,
            "__doc__": f"The function `{name}`; see `TABLE`.",
        },
    )


def activation(
    name: str,
    definition: Callable[[sp.Expr], sp.Expr],
    *,
    derivative: Callable[[sp.Expr, sp.Expr], Factors | sp.Expr] | None = None,
    latex: str | None = None,
    numpy: str | None = None,
    python: str = "",
    because: str = "",
    kink: Callable[[sp.Expr], sp.Expr] | None = None,
) -> Any:
    """Add an elementwise function in one line and return it as a SymPy function class.

    `definition(z)` is a SymPy expression. `derivative(z, a)` may use the value ``a``; without it the definition is
    differentiated. `numpy` is a NumPy expression with ``{0}`` for the argument; without it the definition is printed.

    >>> mish = activation("mish", lambda z: z * sp.tanh(softplus(z)))
    >>> sp.diff(mish(sp.Symbol("z")), sp.Symbol("z")) != 0
    True
    """
    if not name.isidentifier():
        raise ValueError(f"a function's name must be an identifier, not {name!r}")
    cls = _function_class(name, (1,))
    slot = sp.Dummy("z", real=True)

    def differentiate(arguments: Sequence[sp.Expr], value: sp.Expr) -> tuple[Factors, ...]:
        if derivative is None:
            slope = definition(slot).diff(slot).replace(sp.Heaviside, lambda x, _=None: _positive(x))
            return ((slope.xreplace({slot: arguments[0]}),),)
        found = derivative(arguments[0], value)
        return (found if isinstance(found, tuple) else (found,),)

    TABLE[cls] = FunctionRow(
        name,
        latex or rf"\mathrm{{{name.replace('_', ' ')}}}",
        numpy or "",
        differentiate,
        definition,
        because,
        (lambda arguments: kink(arguments[0])) if kink else (lambda _arguments: None),
        python,
    )
    return cls


def _native(
    cls: Any,
    name: str,
    latex: str,
    numpy: str,
    derivative: Callable[[sp.Expr, sp.Expr], Factors],
    python: str = "",
    because: str = "",
    kink: Callable[[sp.Expr], sp.Expr] | None = None,
    domain: str = "",
) -> None:
    """A row for a function that SymPy has already."""
    TABLE[cls] = FunctionRow(
        name,
        latex,
        numpy,
        lambda arguments, value: (derivative(arguments[0], value),),
        None,
        because or name,
        (lambda arguments: kink(arguments[0])) if kink else (lambda _arguments: None),
        python or numpy.removeprefix("np."),
        domain,
    )


def _positive(z: sp.Expr) -> Any:
    return Indicator(sp.Gt(z, 0))


def _not_positive(z: sp.Expr) -> Any:
    return Indicator(sp.Le(z, 0))


sigmoid = activation(
    "sigmoid",
    lambda z: 1 / (1 + sp.exp(-z)),
    derivative=lambda z, a: (a, 1 - a),
    latex=r"\sigma",
    numpy="sigmoid({0})",
    python="1.0 / (1.0 + exp(-{0}))",
    because="sigmoid",
)
relu = activation(
    "relu",
    lambda z: sp.Max(0, z),
    derivative=lambda z, a: (_positive(z),),
    latex=r"\mathrm{ReLU}",
    numpy="np.maximum({0}, 0)",
    python="0.0 if {0} <= 0 else {0}",
    because="relu",
    kink=lambda z: z,
)
softplus = activation(
    "softplus",
    lambda z: sp.log(1 + sp.exp(z)),
    derivative=lambda z, a: (sigmoid(z),),
    latex=r"\mathrm{softplus}",
    numpy="np.logaddexp({0}, 0)",
    python="(0.0 if {0} <= 0 else {0}) + log1p(exp(-abs({0})))",
    because="softplus",
)
silu = activation(
    "silu",
    lambda z: z * sigmoid(z),
    derivative=lambda z, a: (sigmoid(z), sp.Add(1, z * (1 - sigmoid(z)), evaluate=False)),
    latex=r"\mathrm{SiLU}",
    numpy="{0} * sigmoid({0})",
    python="{0} / (1.0 + exp(-{0}))",
    because="silu",
)
gelu = activation(
    "gelu",
    lambda z: z * (1 + sp.erf(z / sp.sqrt(2))) / 2,
    derivative=lambda z, a: ((1 + sp.erf(z / sp.sqrt(2))) / 2 + z * sp.exp(-(z**2) / 2) / sp.sqrt(2 * sp.pi),),
    latex=r"\mathrm{GELU}",
    numpy="{0} * (1 + erf({0} / 2**.5)) / 2",
    python="{0} * (1.0 + erf({0} / 2**.5)) / 2.0",
    because="gelu",
)
identity = activation(
    "identity",
    lambda z: z,
    derivative=lambda z, a: (sp.S.One,),
    latex=r"\mathrm{id}",
    numpy="{0}",
    python="{0}",
    because="identity",
)


leaky_relu = _function_class("leaky_relu", (1, 2))
"""``z`` where positive, else ``slope * z`` (slope 0.01 unless given as the second argument)."""
elu = _function_class("elu", (1, 2))
"""``z`` where positive, else ``alpha * (exp(z) - 1)`` (alpha 1 unless given as the second argument)."""
maximum = _function_class("maximum", (2,))
"""The larger of two numbers, in the order written: at a tie the first one passes the gradient on."""
minimum = _function_class("minimum", (2,))
"""The smaller of two numbers, in the order written: at a tie the first one passes the gradient on."""


def _slope(arguments: Sequence[sp.Expr], default: sp.Expr) -> sp.Expr:
    return arguments[1] if len(arguments) > 1 else default


def _leaky_derivative(arguments: Sequence[sp.Expr], _value: sp.Expr) -> tuple[Factors, ...]:
    z, slope = arguments[0], _slope(arguments, sp.Rational(1, 100))
    return (sp.Add(_positive(z), slope * _not_positive(z), evaluate=False),), (_not_positive(z), z)


def _elu_derivative(arguments: Sequence[sp.Expr], _value: sp.Expr) -> tuple[Factors, ...]:
    z, alpha = arguments[0], _slope(arguments, sp.S.One)
    return (
        (sp.Add(_positive(z), alpha * sp.exp(z) * _not_positive(z), evaluate=False),),
        (_not_positive(z), sp.exp(z) - 1),
    )


def _gates(a: sp.Expr, b: sp.Expr, beats: Any, ties: Any) -> tuple[Factors, ...]:
    """Which argument passes the gradient on. Against a number both gates are strict: ``max(z, 0)`` is relu."""
    first = beats if a.is_number or b.is_number else ties
    return (Indicator(first(a, b)),), (Indicator(beats(b, a)),)


TABLE[leaky_relu] = FunctionRow(
    "leaky_relu",
    r"\mathrm{LeakyReLU}",
    "np.where({0} > 0, {0}, {1} * {0})",
    _leaky_derivative,
    lambda z, slope=sp.Rational(1, 100): sp.Piecewise((z, z > 0), (slope * z, True)),
    "leaky_relu",
    lambda a: a[0],
    "{0} if {0} > 0 else {1} * {0}",
)
TABLE[elu] = FunctionRow(
    "elu",
    r"\mathrm{ELU}",
    "np.where({0} > 0, {0}, {1} * np.expm1(np.minimum({0}, 0)))",
    _elu_derivative,
    lambda z, alpha=sp.S.One: sp.Piecewise((z, z > 0), (alpha * (sp.exp(z) - 1), True)),
    "elu",
    lambda a: a[0],
    "{0} if {0} > 0 else {1} * expm1({0})",
)
TABLE[maximum] = FunctionRow(
    "maximum",
    r"\max",
    "np.maximum({0}, {1})",
    lambda a, _v: _gates(a[0], a[1], sp.Gt, sp.Ge),
    None,
    "maximum",
    lambda a: a[0] - a[1],
    "{1} if {0} <= {1} else {0}",
)
TABLE[minimum] = FunctionRow(
    "minimum",
    r"\min",
    "np.minimum({0}, {1})",
    lambda a, _v: _gates(a[0], a[1], sp.Lt, sp.Le),
    None,
    "minimum",
    lambda a: a[0] - a[1],
    "{1} if {0} >= {1} else {0}",
)


DEFAULT_SECOND_ARGUMENT: dict[Any, sp.Expr] = {leaky_relu: sp.Rational(1, 100), elu: sp.S.One}

_native(sp.exp, "exp", r"\exp", "np.exp({0})", lambda z, a: (a,))
_native(sp.log, "log", r"\log", "np.log({0})", lambda z, a: (1 / z,), domain="x > 0")
_native(sp.tanh, "tanh", r"\tanh", "np.tanh({0})", lambda z, a: (1 - a**2,))
_native(sp.sin, "sin", r"\sin", "np.sin({0})", lambda z, a: (sp.cos(z),))
_native(sp.cos, "cos", r"\cos", "np.cos({0})", lambda z, a: (-sp.sin(z),))
_native(sp.tan, "tan", r"\tan", "np.tan({0})", lambda z, a: (1 + a**2,))
_native(sp.sinh, "sinh", r"\sinh", "np.sinh({0})", lambda z, a: (sp.cosh(z),))
_native(sp.cosh, "cosh", r"\cosh", "np.cosh({0})", lambda z, a: (sp.sinh(z),))
_native(sp.sech, "sech", r"\mathrm{sech}", "1 / np.cosh({0})", lambda z, a: (-a, sp.tanh(z)), "1.0 / cosh({0})")
_native(sp.atan, "arctan", r"\arctan", "np.arctan({0})", lambda z, a: (1 / (1 + z**2),), "atan({0})")
_native(sp.erf, "erf", r"\mathrm{erf}", "erf({0})", lambda z, a: (2 / sp.sqrt(sp.pi), sp.exp(-(z**2))))
_native(sp.Abs, "abs", "", "np.abs({0})", lambda z, a: (sp.sign(z),), kink=lambda z: z)
_native(
    sp.sign,
    "sign",
    r"\mathrm{sign}",
    "np.sign({0})",
    lambda z, a: (sp.S.Zero,),
    "({0} > 0) - ({0} < 0)",
    kink=lambda z: z,
)

HELPERS: dict[str, str] = {
    "sigmoid": '''\
def sigmoid(z):
    """Logistic function without overflow: the exponential's argument is never positive."""
    e = np.exp(-np.abs(z))
    return np.where(z >= 0, 1, e) / (1 + e)
''',
    "softmax": '''\
def softmax(z, axis=0):
    """Softmax along an axis; the largest entry is taken off first, so nothing overflows."""
    e = np.exp(z - z.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)
''',
    "logsumexp": '''\
def logsumexp(z, axis=0):
    """log(sum(exp(z))) along an axis, without overflow."""
    largest = z.max(axis=axis)
    return largest + np.log(np.exp(z - np.expand_dims(largest, axis)).sum(axis=axis))
''',
    "windows": '''\
def windows(x, axis, start, counts, steps):
    """A view in which one axis becomes several: entry (i, p, ...) is x[start + i*steps[0] + p*steps[1] + ...]."""
    first = x[(slice(None),) * axis + (slice(start, None),)]
    shape = x.shape[:axis] + counts + x.shape[axis + 1:]
    strides = x.strides[:axis] + tuple(s * x.strides[axis] for s in steps) + x.strides[axis + 1:]
    return np.lib.stride_tricks.as_strided(first, shape, strides, writeable=False)
''',
    "erf": '''\
def erf(z):
    """Error function, element by element (NumPy has none)."""
    import math
    z = np.asarray(z)
    return np.vectorize(math.erf, otypes=[z.dtype if z.dtype.kind == "f" else float])(z)
''',
}
"""Source of the functions that generated programs may need beside NumPy's own."""


def unspecified(name: str, order: int = 0) -> UndefinedFunction:
    """A function that is only named: ``f``; its derivatives are ``f'``, ``f''``."""
    return UndefinedFunction(name + "'" * order)


def by_name(name: str) -> Any:
    """The function of a name in the table (a user's own among them), or None."""
    return next((cls for cls, row in TABLE.items() if row.name == name), None)


def row_of(node: sp.Basic) -> FunctionRow | None:
    """The row of a function application, or None if nothing is known of it."""
    return TABLE.get(node.func)


def local_derivative(node: sp.Expr, argument: int, value: sp.Expr | None = None) -> Factors:
    """The derivative of a function application with respect to its `argument`-th argument, as ordered factors.

    `value` is what stands for the function's own value (default: the application itself).

    >>> z = sp.Symbol("z")
    >>> local_derivative(sigmoid(z), 0)
    (sigmoid(z), 1 - sigmoid(z))
    >>> local_derivative(sigmoid(z), 0, value=sp.Symbol("a"))
    (a, 1 - a)
    """
    arguments = node.args
    row = row_of(node)
    if row is not None:
        return row.derivative(arguments, node if value is None else value)[argument]  # type: ignore[arg-type]
    if isinstance(node, AppliedUndef):
        if len(arguments) == 1:
            return (unspecified(node.func.__name__, 1)(*arguments),)
        return (UndefinedFunction(f"{node.func.__name__}_{argument + 1}'")(*arguments),)
    hole = sp.Dummy("hole", real=True)
    holes = [hole if n == argument else a for n, a in enumerate(arguments)]
    return (node.func(*holes).diff(hole).xreplace({hole: arguments[argument]}),)
