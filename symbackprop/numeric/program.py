"""A derivation as a function: lambdified NumPy that returns the loss and every gradient.

Contract: `compile_program(derivation)` hands our own ordered, named lines to `sympy.lambdify`;
`Program.source` shows exactly the lines that run. Dimensions are read from the arrays, the dtype is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

import numpy as np
import sympy as sp

from symbackprop.derivation import Derivation
from symbackprop.errors import DataError, NetworkError
from symbackprop.indexed import Base, Limit, free_indices
from symbackprop.names import identifier
from symbackprop.network import Network, Role
from symbackprop.network.ranges import base_uses
from symbackprop.notation.writer import TEXT, Writer
from symbackprop.numeric.dialects import NUMPY, Dialect, dialect_of
from symbackprop.numeric.initialise import weights_of
from symbackprop.numeric.lines import LineWriter
from symbackprop.numeric.plan import Plan, needed_for, plan_of
from symbackprop.numeric.shapes import STACKABLE
from symbackprop.numeric.sharing import with_shared_exponentials
from symbackprop.numeric.source import Line, function_source, helper_names, statements
from symbackprop.numeric.values import (
    Array,
    KnownArrays,
    by_base,
    check_shapes,
    in_one_dtype,
    require,
    with_defaults,
)

Wanted: TypeAlias = "sp.Expr | tuple[sp.Expr, Sequence[Limit]]"


class Identifier(sp.Symbol):
    """A name that is safe in Python, not to be confused with the author's symbol of the same spelling."""


class Program:
    """The loss and the gradients of a network as NumPy functions.

    Built by `compile_program`. Values are a mapping from names, in any spelling, to numbers; what the
    network file gives (``w := 0.5``) need not be given again. In a scalar network inputs, targets and
    constants may be arrays with one number for each sample: then the cost is the mean of the loss over the
    samples.

    Attributes:
        network: the network that was derived.
        plan: what is computed, as indexed assignments.
        lines: the same as text.
        source: the NumPy source of ``loss_and_gradients``, runnable on its own, and of the training loops that ran.
    """

    def __init__(self, plan: Plan, dialect: Dialect = NUMPY) -> None:
        self.network: Network = plan.network
        self.plan = plan
        self.dialect = dialect
        self._forward_functions: dict[frozenset[Base], tuple[list[Base], Callable[..., Any], list[Base]]] = {}
        self._write = LineWriter(plan, dialect)
        whole = with_shared_exponentials(plan)
        write = self._write if whole is plan else LineWriter(whole, dialect)
        lines = write(whole.assignments)
        self.lines = [*write.sizes(lines), *lines]
        self._names = [plan.identifiers[q.base] for q in plan.arguments]
        outputs = [plan.identifiers[b] for b in (plan.loss, *plan.gradients.values())]
        self._function = lambdified(self._names, self.lines, outputs, dialect)
        self._stackable = (
            []
            if plan.network.is_scalar or plan.network.samples is not None
            else [(n, len(q.axes)) for n, q in enumerate(plan.arguments) if q.role in STACKABLE]
        )
        self._is_scalar = plan.network.is_scalar
        self._used_assumptions = [a for a in plan.assumptions if a.relation == "="]
        self._checked: Array = None
        self._known = KnownArrays(plan.network, plan.arguments)
        self.loops: dict[Any, Any] = {}
        """Training loops by what they are specialised to."""
        self.bindings: dict[Any, Any] = {}
        """How values and data of a form are bound for training."""
        self.express: dict[Any, Any] = {}
        """Short trainings of a form, by form and options."""

    def __repr__(self) -> str:
        return (
            f"<Program: {len(self._names)} arguments -> {self.network.names[self.plan.loss].plain} and "
            f"{len(self.plan.gradients)} gradients, {len(self.lines)} lines>"
        )

    def __call__(self, values: Mapping[Any, Any]) -> tuple[float, dict[str, Array]]:
        """The loss and the gradient of every parameter.

        Args:
            values: a number for every input, target, constant and parameter.

        Returns:
            The loss as a float, and for every parameter by its plain name the gradient, with the
            parameter's shape and dtype (integers count as float64).

        Raises:
            DataError: a name is missing or unknown, or a value does not fit; says which and what is expected.
        """
        arguments = self._known.arguments(values)
        if arguments is None:
            given = self.bind(values)
            check_shapes(self.network, given)
            arguments = [given[q.base] for q in self.plan.arguments]
            self._known.remember(values, arguments)
        if self._used_assumptions:
            self.check_assumptions(arguments)
        loss, gradients = self.evaluate(arguments)
        return float(loss), dict(zip(self.plan.gradients, gradients, strict=True))

    def bind(self, values: Mapping[Any, Any], optional: Sequence[Role] = ()) -> dict[Base, Array]:
        """Every argument of the program, but for the optional roles, as arrays of one dtype; shapes are not
        checked.

        Raises:
            DataError: a name is missing or unknown, or a value is not a number.
        """
        given = with_defaults(self.network, by_base(self.network, values))
        require(self.network, given, [q for q in self.plan.arguments if q.role not in optional])
        return in_one_dtype(self.network, given)

    def evaluate(self, arguments: Sequence[Array]) -> tuple[Array, list[Array]]:
        """Loss and gradients for arguments in the program's order, means over the samples; nothing is
        checked.
        """
        if self._stackable and self._is_stacked(arguments):
            return self._mean_of_stack(arguments)
        loss, *gradients = self._function(*arguments)
        if not self._is_scalar:
            return loss, gradients
        dtype = np.result_type(*arguments) if arguments else np.dtype(float)
        return _mean(loss, dtype), [_mean(g, dtype) for g in gradients]

    def _is_stacked(self, arguments: Sequence[Array]) -> bool:
        """Do inputs of a network without a sample axis come with one in front?"""
        return any(np.ndim(arguments[n]) > axes for n, axes in self._stackable)

    def sample_by_sample(self, arguments: Sequence[Array]) -> Iterator[list[Array]]:
        """The arguments of every sample, where inputs of a network without a sample axis come with one in front."""
        stacked = [n for n, axes in self._stackable if np.ndim(arguments[n]) > axes]
        if not stacked:
            yield list(arguments)
            return
        for sample in range(len(arguments[stacked[0]])):
            yield [a[sample] if n in stacked else a for n, a in enumerate(arguments)]

    def _mean_of_stack(self, arguments: Sequence[Array]) -> tuple[Array, list[Array]]:
        """Mean loss and gradients over the samples, one sample after the other."""
        total: list[Any] = []
        count = 0
        for own in self.sample_by_sample(arguments):
            results = self._function(*own)
            total = [a + b for a, b in zip(total, results, strict=True)] if total else list(results)
            count += 1
        loss, *gradients = (t / count for t in total)
        return loss, gradients

    def forward(self, values: Mapping[Any, Any]) -> dict[str, Array]:
        """Every named quantity by its plain name: what was given and what is computed from it, sample by
        sample.

        Targets may be left out: then what depends on them, such as the loss, is left out too.

        Raises:
            DataError: an input, parameter or constant is missing, a name is unknown, or a value does not fit.
        """
        network = self.network
        given = self.bind(values, optional=("target",))
        check_shapes(network, given)
        return {network.names[b].plain: v for b, v in (given | self.evaluate_forward(given)).items()}

    def evaluate_forward(self, known: Mapping[Base, Array]) -> dict[Base, Array]:
        """Every quantity that can be computed from the known ones, in evaluation order; nothing is
        checked.
        """
        key = frozenset(known)
        if key not in self._forward_functions:
            missing = self.network.quantities.keys() - known - {a.target for a in self.plan.forward}
            before = -1
            while len(missing) > before:  # what reads something that is missing is missing too
                before = len(missing)
                for assignment in self.plan.forward:
                    if missing & self._quantities_in(assignment.expression):
                        missing.add(assignment.target)
            computed = list(dict.fromkeys(a.target for a in self.plan.forward if a.target not in missing))
            given = [q.base for q in self.plan.arguments if q.base in known]
            self._forward_functions[key] = given, self.function_of(computed, given), computed
        given, function, computed = self._forward_functions[key]
        return dict(zip(computed, function(*(known[b] for b in given)), strict=True))

    def evaluate_backward(self, arguments: Sequence[Array]) -> dict[Base, Array]:
        """Every delta and every gradient at one point, by the base of its symbol; nothing is checked."""
        targets = list(dict.fromkeys(a.target for a in self.plan.assignments if a.section != "forward"))
        outputs = [self.plan.identifiers[b] for b in targets]
        function = lambdified(self._names, self.lines, outputs, self.dialect)
        return dict(zip(targets, function(*arguments), strict=True))

    def check_assumptions(self, arguments: Sequence[Array]) -> None:
        """Refuse arguments for which a closed form would be wrong; data that were checked last are not checked again.

        Raises:
            DataError: names the assumption that does not hold.
        """
        used = self._used_assumptions
        if not used:
            return
        known = dict(zip((q.base for q in self.plan.arguments), arguments, strict=True))
        data = [known[b] for a in used for b in base_uses(a.left) if b in known]
        if all(a is b for a, b in zip(data, self._checked or (), strict=False)) and self._checked:
            return
        for assumption, check in zip(used, self._assumption_functions, strict=True):
            left, right = check(*arguments)
            if not np.allclose(left, right, rtol=1e-3 if np.asarray(left).dtype == np.float32 else 1e-6):
                text = Writer(self.network.names, TEXT)
                raise DataError(
                    f"the data do not satisfy {text(assumption.left)} = {text(assumption.right)}, which the closed "
                    f"form of the gradients uses",
                    hint="normalise the data, or remove the line 'assume: ...'",
                )
        self._checked = data

    @cached_property
    def _assumption_functions(self) -> list[Callable[..., Any]]:
        return [self.function_of([(a.left, a.ranges), (a.right, ())]) for a in self._used_assumptions]

    def function_of(
        self,
        wanted: Sequence[Wanted],
        given: Sequence[Base] | None = None,
        namespace: Mapping[str, Any] | None = None,
    ) -> Callable[..., Any]:
        """A function that returns the wanted expressions over forward quantities as a tuple.

        An expression with axes is given with their limits. The function takes the values of the `given` quantities
        in their order (default: all arguments of the program). What its lines call by a name of the `namespace` is
        taken from there (``np``, helpers).
        """
        given = [q.base for q in self.plan.arguments] if given is None else given
        pairs: list[tuple[Any, Sequence[Limit]]] = [w if isinstance(w, tuple) else (w, ()) for w in wanted]
        spelled = self.plan.identifiers
        read = [b for e, _ in pairs for b in ([e] if e in spelled else base_uses(e))]
        needed = needed_for(self.network.equations, read)
        lines = self._write([a for a in self.plan.forward if a.target in needed])
        taken = set(spelled.values())
        outputs: list[str] = []
        for expression, axes in pairs:
            known = spelled.get(expression)
            if known is not None:
                outputs.append(known)
                continue
            outputs.append(identifier("wanted", taken))
            taken.add(outputs[-1])
            lines.append(Line(outputs[-1], self._write.text(expression, axes), "forward"))
        lines = [*self._write.sizes(lines), *lines]
        return lambdified([spelled[b] for b in given], lines, outputs, self.dialect, namespace)

    def _quantities_in(self, expression: sp.Expr) -> set[Base]:
        """The quantities of the network that an expression reads (indices and sizes are none)."""
        return self.network.quantities.keys() & set(base_uses(expression))

    def can_write(self, expression: sp.Expr, axes: Sequence[Limit]) -> bool:
        """Can the expression be computed by itself (its free indices are the axes)?"""
        known = {limit.index for limit in axes} | set(self.plan.identifiers) | self.network.sizes
        if free_indices(expression) - known:
            return False
        try:
            self._write.text(expression, axes)
        except NetworkError:
            return False
        return True

    @cached_property
    def weights(self) -> list[Base]:
        """The parameters that are factors of something, biases aside."""
        return weights_of(self.network)

    @property
    def source(self) -> str:
        """The source of ``loss_and_gradients``: the lines that run, with what they need to run alone; after them the
        training loops that have run, each a module of its own.
        """
        shown = [self._own_source]
        for (setting, _), (loop, *_) in self.loops.items():
            if loop.kind != "program":
                title = f"training loop: {loop.kind}, {setting.optimizer}, batches of {setting.batch}, {setting.dtype}"
                notes = "".join(f"# rewritten: {words}\n" for words in loop.rewrites)
                shown.append(f"# {title}\n{notes}{loop.source}")
        return "\n\n".join(shown)

    @cached_property
    def _own_source(self) -> str:
        gradients = {plain: self.plan.identifiers[b] for plain, b in self.plan.gradients.items()}
        loss = self.plan.identifiers[self.plan.loss]
        return function_source(self.network, self._names, self.lines, loss, gradients, self.dialect)


def compile_program(derivation: Derivation, backend: str = "numpy") -> Program:
    """Compile a derivation to functions of an array library; a second call returns the same program.

    Args:
        derivation: the backward pass of a network.
        backend: the array library: ``numpy``, ``jax`` or ``torch`` (see `symbackprop.numeric.backends`).

    Raises:
        NetworkError: a function is unspecified, or something cannot be written in NumPy; says what to write
            instead.
        DataError: the array library is not installed.

    >>> import sympy as sp, symbackprop as sb
    >>> w, x, y, z, E = sp.symbols("w x y z E")
    >>> net = sb.Network([sp.Eq(z, sp.tanh(w * x)), sp.Eq(E, (z - y) ** 2 / 2)])
    >>> program = compile_program(net.derive())
    >>> loss, gradients = program({"w": 0.5, "x": 2.0, "y": 0.0})
    >>> round(loss, 6), round(float(gradients["w"]), 6)
    (0.290013, 0.6397)
    """
    programs = _PROGRAMS.get(derivation)
    if programs is None:
        programs = _PROGRAMS[derivation] = {}
    if backend not in programs:
        dialect = dialect_of(backend)
        programs[backend] = Program(plan_of(derivation)) if dialect is NUMPY else _in_library(derivation, backend)
    return programs[backend]


def _in_library(derivation: Derivation, backend: str) -> Program:
    from symbackprop.numeric.backends import LibraryProgram
    from symbackprop.numeric.libraries import LIBRARIES

    return LibraryProgram(plan_of(derivation), LIBRARIES[backend]())


_PROGRAMS: WeakKeyDictionary[Derivation, dict[str, Program]] = WeakKeyDictionary()
"""Compiled programs by backend live as long as their derivation (a program keeps its network, not the derivation)."""


def lambdified(
    arguments: Iterable[str],
    lines: Sequence[Line],
    outputs: Iterable[str],
    dialect: Dialect = NUMPY,
    own: Mapping[str, Any] | None = None,
) -> Callable[..., Any]:
    """A function of positional arguments whose body is the lines and whose result is the tuple of outputs."""
    body = statements(lines, titles=False)
    first, _, rest = "\n    ".join(body).partition(" = ")
    code = [(Identifier(first), rest)] if body else []  # SymPy writes "first = rest": all lines, as they are
    own = own or {}
    namespace: dict[str, Any] = {}
    exec("\n".join(dialect.imports.values()), namespace)
    namespace.update(own)
    for name in helper_names(lines, dialect):
        exec(dialect.helpers[name], namespace)  # the package's own source, never a user's
    namespace.update(own)
    wanted = tuple(Identifier(name) for name in outputs)
    return sp.lambdify(
        [Identifier(a) for a in arguments],
        wanted,
        modules=[namespace],
        printer=_verbatim,
        cse=lambda _: (code, wanted),  # type: ignore[arg-type] - SymPy takes a callable, its stub says bool
        use_imps=False,
        docstring_limit=0,
    )


def _verbatim(node: Any) -> str:
    """Lines are text already, printed once: what runs is what `source` shows."""
    return node if isinstance(node, str) else node.name


def _mean(value: Array, dtype: np.dtype[Any]) -> Array:
    """The mean over the samples, as a NumPy scalar of the dtype."""
    return dtype.type(value.mean() if isinstance(value, np.ndarray) and value.ndim else value)
