"""Finds the slip behind a wrong answer: the numbers of the answer are matched with those of mutated right formulas.

Contract: `Diagnosis.explain(...)` gives the kind of mistake and the message, or no kind and a message that only says
what differs. Numbers of mutations are computed once for each target and kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from symbackprop.derivation import Derivation
from symbackprop.homework.answers.echo import echo
from symbackprop.homework.answers.reading import Statement
from symbackprop.homework.judging.links import Chains, Outcome, Wrong
from symbackprop.homework.judging.rounding import rounded_agree
from symbackprop.homework.judging.targets import Target, is_numeric
from symbackprop.homework.judging.tolerance import agree, close, fit, ratio
from symbackprop.homework.messages import Messages
from symbackprop.homework.mistakes.formulas import Formula, Formulas
from symbackprop.homework.mistakes.mutations import MOST, Mutation, mutations
from symbackprop.homework.records import MISTAKES, Mistake
from symbackprop.homework.values.interpreter import RATE, Conventions, FreeIndex, Interpreter, Open, Unknown
from symbackprop.homework.values.value import Value, full
from symbackprop.indexed import Base
from symbackprop.names import make_name
from symbackprop.network import Quantity
from symbackprop.notation import syntax as tree
from symbackprop.notation.conform import Clash
from symbackprop.notation.syntax import mapped, walk

Explained = tuple[Mistake | None, str]

PRIORITY: tuple[Mistake, ...] = (
    "forgot_mean",
    "forgot_sum",
    "missing_factor",
    "path_missing",
    "activation_confusion",
    "wrong_derivative",
    "sign",
    "missing_transpose",
    "order",
    "wrong_index",
    "extra_factor",
    "shape",
    "constant_factor",
)
"""Where several slips give the same numbers, the first one is named."""


MOST_SUMMED = 120
"""Mutations of a formula with sums over indices, whose parts are computed anew for each."""


@dataclass(frozen=True)
class _Known:
    """A mutation with its numbers in every world."""

    mutation: Mutation
    values: tuple[Value, ...]


class Diagnosis:
    """Explains wrong links about one network."""

    def __init__(self, derivation: Derivation, chains: Chains, messages: Messages) -> None:
        self.formulas = Formulas(derivation)
        self.by_entry = Formulas(derivation, softmax_by_entry=True)
        self.chains, self.names, self.say = chains, chains.names, messages
        self._known: dict[Base, list[_Known]] = {}
        assert set(PRIORITY) == set(MISTAKES)

    def explain(self, statement: Statement, target: Target, outcome: Outcome, conventions: Conventions) -> Explained:
        """The kind of mistake at the first wrong link, and what to say."""
        wrong = outcome.wrong
        assert wrong is not None
        if target.kind in ("update", "step"):
            wrong = self._as_gradient(target, outcome, wrong)
        found = next((e for e in self._guesses(target, outcome, wrong, conventions) if e is not None), None)
        if found is not None:
            return found
        piece = statement.pieces[wrong.link]
        if wrong.clash is not None:
            return "shape", self._clash(wrong.clash)
        if wrong.answer and self._differs_in_shape(wrong):
            return "shape", self.say("shape", **self._shapes(wrong))
        if target.kind == "own" or not wrong.answer:
            return None, self.say("wrong_link", right=piece.text)
        return None, self.say("wrong")

    def of_numbers(self, target: Target, outcome: Outcome, wrong: Wrong, conventions: Conventions) -> Explained:
        """The kind of mistake behind numbers that no text goes with."""
        guesses = self._guesses(target, outcome, wrong, conventions, repairs=False)
        found = next((e for e in guesses if e is not None), None)
        if found is None and self._differs_in_shape(wrong):
            found = "shape", self.say("shape", **self._shapes(wrong))
        return found or (None, self.say("wrong_numbers"))

    def _guesses(
        self, target: Target, outcome: Outcome, wrong: Wrong, conventions: Conventions, *, repairs: bool = True
    ) -> Iterator[Explained | None]:
        if wrong.free_index:
            yield "forgot_sum", self.say("forgot_sum_over", index=wrong.free_index)
        if wrong.answer:
            yield self._by_ratio(wrong)
            base = outcome.bases[0] if outcome.bases else target.base
            if base is not None and target.kind in ("adjoint", "update", "step"):
                yield self._by_mutation(target, base, wrong, conventions)
                yield self._by_factor(wrong)
                yield self._by_other_target(target, base, wrong)
                yield self._by_number(target, base, wrong)
                yield self._by_mutation(target, base, wrong, conventions, scaled=True)
            else:
                yield self._by_factor(wrong)
        if repairs:
            yield self._by_repair(target, wrong, conventions)
        if wrong.answer and _is_same(wrong.before, [v.transposed() for v in wrong.answer]):
            yield "missing_transpose", self.say("transposed")

    def _as_gradient(self, target: Target, outcome: Outcome, wrong: Wrong) -> Wrong:
        """An update with the gradient that it implies: what was taken off, over the rate."""
        base = outcome.bases[0] if outcome.bases else target.base
        if base is None:
            return wrong
        own = [Interpreter(w, self.names).quantity(base).array for w in self.chains.worlds]

        def gradient(values: Sequence[Value]) -> tuple[Value, ...]:
            start = own if target.kind == "update" else [0.0] * len(values)
            return tuple(
                replace(v, array=(o - v.array) / RATE) if np.ndim(o) in (0, v.array.ndim) else v
                for o, v in zip(start, values, strict=True)
            )

        try:
            return replace(wrong, before=gradient(wrong.before), answer=gradient(wrong.answer))
        except ValueError:  # the shapes of parameter and answer do not fit: there is no such gradient
            return wrong

    # -- constants ---------------------------------------------------------------------------------------------------
    def _by_ratio(self, wrong: Wrong) -> Explained | None:
        """A constant factor: -1, a size, or a number."""
        found: list[float] = []
        for truth, answer in zip(wrong.before, wrong.answer, strict=True):
            array = fit(truth, answer)
            factor = None if array is None else ratio(full(truth), array)
            if factor is None:
                return None
            found.append(factor)
        if all(abs(f + 1) < 1e-6 for f in found):
            return "sign", self.say("sign")
        for size in self.chains.worlds[0].sizes:
            numbers = [float(world.sizes[size]) for world in self.chains.worlds]
            for sign in (1, -1):
                if all(abs(f * sign - n) < 1e-6 * n for f, n in zip(found, numbers, strict=True)):
                    return "forgot_mean", self.say("forgot_mean", factor=f"1/{size}")
                if all(abs(f * sign * n - 1) < 1e-6 for f, n in zip(found, numbers, strict=True)):
                    return "extra_factor", self.say("extra_mean", factor=f"1/{size}")
        if all(abs(f - found[0]) < 1e-6 * abs(found[0]) for f in found):
            return "constant_factor", self.say("constant_factor", factor=_number(found[0]))
        return None

    # -- mutations of the derivation -----------------------------------------------------------------------------------
    def _by_mutation(
        self, target: Target, base: Base, wrong: Wrong, conventions: Conventions, *, scaled: bool = False
    ) -> Explained | None:
        """The slip whose numbers are those of the answer; with `scaled` up to a constant factor, a second slip."""
        hits: list[Mutation] = []
        for known in self._mutated(base):
            answers = self._as_target(known.values, target, base, wrong, conventions)
            if answers is None:
                continue
            hit = (_is_multiple if scaled else _is_same)(answers, wrong.answer)
            if not hit and known.mutation.kind == "forgot_sum":  # what is not summed has no layout of its own
                hit = _is_same([v.transposed() for v in answers], wrong.answer)
            if hit:
                hits.append(known.mutation)
        if not hits:
            return None
        best = min(hits, key=lambda m: PRIORITY.index(m.kind))
        told = self._told(best, base)
        return best.kind, f"{told} {self.say('and_constant')}" if scaled else told

    def _by_number(self, target: Target, base: Base, wrong: Wrong) -> Explained | None:
        """A rounded number: the slip that gives it at the user's numbers."""
        given = self.chains.given
        if given is None or not is_numeric(wrong.piece) or base not in given.network.quantities or target.letters:
            return None
        interpreter = Interpreter(given, self.names)
        for formula in self.formulas.of(base):
            minus = tree.Negate(formula.node)
            if rounded_agree(interpreter, None, wrong.piece, interpreter.value(minus)):
                return "sign", self.say("sign")
            hits = [m for m in mutations(formula.node, self.names) if self._gives(interpreter, m.node, wrong.piece)]
            if hits:
                best = min(hits, key=lambda m: PRIORITY.index(m.kind))
                return best.kind, self._told(best, base)
        return None

    @staticmethod
    def _gives(interpreter: Interpreter, node: tree.Node, piece: tree.Node) -> bool:
        values = _values([interpreter], node)
        return values is not None and rounded_agree(interpreter, None, piece, values[0])

    def _mutated(self, base: Base) -> list[_Known]:
        """The mutations of the formulas of an adjoint, with their numbers."""
        if base not in self._known:
            found: list[_Known] = []
            for formula in self.by_entry.of(base):
                if formula not in self.formulas.of(base):
                    interpreters = [self._interpreter(w, formula, base) for w in range(len(self.chains.worlds))]
                    values = _values(interpreters, formula.node)
                    if values is not None:
                        slip = Mutation(formula.node, "wrong_derivative", "softmax_by_entry")
                        found.append(_Known(slip, values))
            for formula in self.formulas.of(base):
                interpreters = [self._interpreter(w, formula, base) for w in range(len(self.chains.worlds))]
                summed = any(isinstance(n, tree.Reduction) for n in walk(formula.node))
                for mutation in mutations(formula.node, self.names, MOST_SUMMED if summed else MOST):
                    values = _values(interpreters, mutation.node)
                    if values is not None:
                        found.append(_Known(mutation, values))
            self._known[base] = found
        return self._known[base]

    def _interpreter(self, number: int, formula: Formula, base: Base) -> Interpreter:
        """An interpreter that remembers the parts of a formula, unless they stand under an index."""
        world = self.chains.worlds[number]
        interpreter = Interpreter(world, self.names)
        for letter, axis in zip(formula.letters, world.network.quantities[base].axes, strict=False):
            interpreter.bind(letter, world.read.integer(axis.size), world.read.integer(axis.low))
        if not formula.letters and not any(isinstance(n, tree.Reduction) for n in walk(formula.node)):
            for part in walk(formula.node):
                if not isinstance(part, (tree.Script, tree.Limits)):
                    try:
                        interpreter.known[id(part)] = interpreter.value(part)
                    except (Unknown, Open, Clash):
                        continue
        return interpreter

    def _as_target(
        self, values: Sequence[Value], target: Target, base: Base, wrong: Wrong, conventions: Conventions
    ) -> list[Value] | None:
        """Numbers of a mutated adjoint, scaled and turned as the student writes the target."""
        found: list[Value] = []
        for value, world, answer in zip(values, self.chains.worlds, wrong.answer, strict=True):
            interpreter = Interpreter(world, self.names, conventions)
            if target.letters and value.array.ndim == 3:
                entry = _entries(value, answer, interpreter, base)
                if entry is None:
                    return None
                value = entry
            factor = 1.0
            if target.is_delta:
                factor *= float(interpreter.samples or 1) if interpreter.is_mean_free(base) else 1.0
                factor *= -1.0 if conventions.negative_delta and isinstance(target.left, tree.Reference) else 1.0
            value = Value(value.array * factor, value.rows, value.cols, value.label, value.vector)
            if conventions.transposed and not value.is_scalar and not value.vector:
                value = value.transposed()
            found.append(value)
        return found

    def _told(self, mutation: Mutation, base: Base) -> str:
        fillings = dict(mutation.fillings)
        if mutation.message == "forgot_sum":
            return self.say("forgot_sum")
        if mutation.message == "missing_transpose":
            fillings["target"] = self._adjoint_name(base)
        return self.say(mutation.message, **fillings)

    # -- other explanations --------------------------------------------------------------------------------------------
    def _by_other_target(self, target: Target, base: Base, wrong: Wrong) -> Explained | None:
        """The right derivative of something else."""
        if target.letters or target.kind != "adjoint":
            return None
        own = self.chains.worlds[0].network.quantities[base]
        for other in self.chains.worlds[0].network.quantities.values():
            if other.base == base or other.role in ("loss", "target") or len(other.axes) != len(own.axes):
                continue
            if all(
                agree(Interpreter(w, self.names).quantity(other.base, w.adjoints[other.base]), a)
                for w, a in zip(self.chains.worlds, wrong.answer, strict=True)
            ):
                return "wrong_index", self.say(
                    "other_target", other=self._adjoint_name(other.base), target=self._adjoint_name(base)
                )
        return None

    def _by_factor(self, wrong: Wrong) -> Explained | None:
        """A factor too many or too few that is a quantity or a slope of the network."""
        quotients: list[Any] = []
        for truth, answer in zip(wrong.before, wrong.answer, strict=True):
            array = fit(truth, answer)
            if array is None or not np.isfinite(array).all():
                return None
            with np.errstate(all="ignore"):
                quotients.append(array / full(truth))
        for name, values in self._candidates():
            for kind, inverse in (("extra_factor", False), ("missing_factor", True)):
                if all(_is_factor(q, v, inverse=inverse) for q, v in zip(quotients, values, strict=True)):
                    return kind, self.say(kind, factor=name)  # type: ignore[return-value]
        return None

    def _candidates(self) -> Iterator[tuple[str, list[Any]]]:
        """Quantities, slopes of activations, and their complements, with their arrays."""
        for quantity in self.names.network.quantities.values():
            if quantity.role == "loss" or quantity.base in self.names.network.labels:
                continue
            values = [Interpreter(w, self.names).quantity(quantity.base).array for w in self.chains.worlds]
            yield quantity.name.unicode, values
            yield f"(1 − {quantity.name.unicode})", [1 - v for v in values]
        for total, output in self.names.units:
            if output is None:
                continue
            slope = tree.Call("g", (tree.Reference(total.name),), 1)
            values_ = _values([Interpreter(w, self.names) for w in self.chains.worlds], slope)
            if values_ is None:  # softmax has no slope, but students give it one
                arrays = [Interpreter(w, self.names).quantity(output.base).array for w in self.chains.worlds]
                yield f"{output.name.unicode}(1 − {output.name.unicode})", [a * (1 - a) for a in arrays]
            else:
                yield self._slope_name(total, output), [full(v) for v in values_]

    def _slope_name(self, total: Quantity, output: Quantity) -> str:
        return f"∂{output.name.unicode}/∂{total.name.unicode}"

    # -- repairs of the student's own tree -----------------------------------------------------------------------------
    def _by_repair(self, target: Target, wrong: Wrong, conventions: Conventions) -> Explained | None:
        """One change to what the student wrote makes it right: the slip is its opposite."""
        interpreters = []
        for world in self.chains.worlds:
            interpreter = Interpreter(world, self.names, conventions)
            for letter, number in wrong.scope.items():
                interpreter.scope[letter] = np.asarray(number)
            for letter in target.letters:
                if target.left is None:
                    return None
                low, size = interpreter.range_of(letter, target.left)
                interpreter.bind(letter, size, low)
            interpreters.append(interpreter)
        hits: list[Mutation] = []
        for mutation in (*_exchanged(wrong.piece, target.letters), *mutations(wrong.piece, self.names)):
            values = _values(interpreters, mutation.node)
            if (
                values is not None
                and wrong.before
                and all(agree(a, b, free_vectors=False) for a, b in zip(wrong.before, values, strict=True))
            ):
                hits.append(mutation)
        if not hits:
            return None
        best = min(hits, key=lambda m: PRIORITY.index(m.kind))
        return self._opposite(best, wrong)

    def _opposite(self, repair: Mutation, wrong: Wrong) -> Explained:
        """The slip that a repair undoes."""
        told = self.say(f"repair.{repair.kind}", repaired=echo(repair.node))
        if wrong.clash is not None:
            told = f"{self._clash(wrong.clash)} {told}"
        kinds: dict[str, Mistake] = {
            "missing_factor": "extra_factor",
            "extra_factor": "missing_factor",
            "path_missing": "extra_factor",
            "forgot_sum": "extra_factor",
            "forgot_mean": "extra_factor",
        }
        return kinds.get(repair.kind, repair.kind), told

    # -- words --------------------------------------------------------------------------------------------------------
    def _clash(self, clash: Clash) -> str:
        """What clashes, with sizes by their names, and what would fit."""
        if len(clash.parts) != 2:
            return self.say("clash_only", message=clash.message)
        left, right = clash.parts
        texts = {"left": left.label or "…", "right": right.label or "…"}
        told = self.say("clash", **texts, left_shape=self._shape(left), right_shape=self._shape(right))
        repairs = [r.replace("^T", "ᵀ").replace("ᵀᵀ", "").replace("\\odot", "⊙") for r in clash.repairs]
        return f"{told} {self.say('would_fit', repairs=', '.join(repairs))}" if repairs else told

    def _shape(self, value: Value) -> str:
        """``n_1×m``: a shape with the names of the sizes."""
        world = self.chains.worlds[0]
        return "×".join("?" if n is None else "1" if n == 1 else world.size_name(n) for n in (value.rows, value.cols))

    def _differs_in_shape(self, wrong: Wrong) -> bool:
        return any(fit(a, b) is None for a, b in zip(wrong.before, wrong.answer, strict=True))

    def _shapes(self, wrong: Wrong) -> dict[str, str]:
        return {"shape": self._shape(wrong.answer[0]), "wanted": self._shape(wrong.before[0])}

    def _adjoint_name(self, base: Base) -> str:
        network = self.names.network
        return f"∂{network.names[network.loss.base].unicode}/∂{network.names[base].unicode}"


def _values(interpreters: Sequence[Interpreter], node: tree.Node) -> tuple[Value, ...] | None:
    """The numbers of a tree in every world; None where it has none."""
    found: list[Value] = []
    for interpreter in interpreters:
        try:
            with np.errstate(all="ignore"):
                found.append(interpreter.value(node))
        except (Unknown, Open, Clash, FreeIndex):
            return None
    return tuple(found)


def _exchanged(piece: tree.Node, letters: Sequence[str]) -> Iterator[Mutation]:
    """The same expression with the two indices of the left side exchanged."""
    if len(letters) != 2:
        return
    turn = {letters[0]: letters[1], letters[1]: letters[0]}

    def change(node: Any) -> Any:
        if isinstance(node, tree.Reference) and not node.scripts and node.name.key in turn:
            return replace(node, name=make_name(turn[node.name.key]))
        return node

    yield Mutation(mapped(piece, change), "wrong_index", "wrong_index")


def _is_same(truths: Sequence[Value], answers: Sequence[Value]) -> bool:
    return all(agree(a, b, free_vectors=False) for a, b in zip(truths, answers, strict=True))


def _is_multiple(truths: Sequence[Value], answers: Sequence[Value]) -> bool:
    """Are the answers the truths times one number in each world?"""
    for truth, answer in zip(truths, answers, strict=True):
        array = fit(truth, answer, free_vectors=False)
        if array is None or ratio(full(truth), array) is None:
            return False
    return True


def _entries(value: Value, answer: Value, interpreter: Interpreter, base: Base) -> Value | None:
    """A matrix as the entries over index axes that the student wrote."""
    axes = len(interpreter.world.network.quantities[base].axes)
    array = full(value)
    if answer.array.ndim != 3 + axes or axes > 2:
        return None
    if axes == 1 and array.shape[2] == 1:
        return Value(array[:, None, None, :, 0])
    return Value(array[:, None, None]) if axes == 2 else None


def _is_factor(quotient: Any, value: Any, *, inverse: bool) -> bool:
    """Is a quotient this value (or one over it)?"""
    if quotient.shape[1:3] != value.shape[1:3] or not np.isfinite(quotient).all():
        return False
    with np.errstate(all="ignore"):
        wanted = 1 / value if inverse else value
    if not np.isfinite(wanted).all():
        return False
    return close(np.broadcast_to(wanted.reshape(wanted.shape + (1,) * (quotient.ndim - 3)), quotient.shape), quotient)


def _number(factor: float) -> str:
    """A constant as a student would write it: 2, 1/2, 1.001."""
    from fractions import Fraction

    simple = Fraction(factor).limit_denominator(12)
    return str(simple) if abs(float(simple) - factor) < 1e-9 * abs(factor) else f"{factor:.6g}"
