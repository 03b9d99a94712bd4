"""A chain of equalities, link by link: every expression against the one on its left, at every point of every world.

Contract: `Chains(worlds, names).judged(statement, target, setting)` gives an `Outcome`: a verdict for each link and
the numbers of the first wrong one. Whatever stops an evaluation is told apart: it cannot be read, it has no single
meaning, or its shapes do not conform.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from symbackprop.homework.answers.names import Names
from symbackprop.homework.answers.reading import Piece, Statement
from symbackprop.homework.judging.rounding import rounded_agree
from symbackprop.homework.judging.targets import Target, is_numeric
from symbackprop.homework.judging.tolerance import agree
from symbackprop.homework.records import LinkVerdict
from symbackprop.homework.values.interpreter import (
    RATE,
    Conventions,
    FreeIndex,
    Interpreter,
    NoLayer,
    Open,
    Own,
    Unknown,
)
from symbackprop.homework.values.value import Value, elementwise
from symbackprop.homework.values.world import World
from symbackprop.indexed import Base
from symbackprop.names import make_name
from symbackprop.notation import syntax as tree
from symbackprop.notation.conform import Clash
from symbackprop.notation.syntax import mapped, walk

Array = Any

_PRIME = re.compile(r"[A-Za-z}\]]\s*(?:['′]|\^\{?\\prime\}?)(?!\s*[({\[])")
"""A prime on what is no function."""


@dataclass(frozen=True)
class Setting:
    """What a statement is judged with: conventions, the student's definitions, adjoints that replace the true ones."""

    conventions: Conventions = field(default_factory=Conventions)
    own: Mapping[str, Own] = field(default_factory=dict[str, Own])
    adjoints: Sequence[Mapping[Base, Array]] = ()
    """One for each world; empty: the true ones."""


@dataclass(frozen=True)
class Wrong:
    """The numbers at the first wrong link.

    Attributes:
        link: which link, from 0.
        piece: the expression on its right.
        before: what stands on its left, one value for each world.
        answer: what stands on its right; empty where its shapes do not conform.
        truth: what is asked for.
        clash: why its shapes do not conform.
        scope: the layer for which it is wrong.
    """

    link: int
    piece: tree.Node
    before: tuple[Value, ...]
    answer: tuple[Value, ...]
    truth: tuple[Value, ...]
    clash: Clash | None = None
    scope: Mapping[str, int] = field(default_factory=dict[str, int])
    free_index: str = ""
    """An index that is bound by no sum."""


@dataclass(frozen=True)
class Outcome:
    """What is known of a statement.

    Attributes:
        links: one verdict for each expression of the chain.
        answered: is there an expression that answers, and no mere restatement?
        reason: why something is not judged: the key of a message.
        trouble: why something cannot be read.
        wrong: the first wrong link.
        bases: the quantities that it is about, one for each layer it was judged for.
        last: the last value of the chain in each world.
    """

    links: tuple[LinkVerdict, ...]
    answered: bool
    reason: str = ""
    trouble: Unknown | None = None
    wrong: Wrong | None = None
    bases: tuple[Base, ...] = ()
    last: tuple[Value, ...] = ()
    truth: tuple[Value, ...] = ()
    covers: bool = True
    """Does it say what the derivative is, and not only use it, as ``w - eta dE/dw`` does?"""

    @property
    def is_wrong(self) -> bool:
        """Is a link wrong?"""
        return self.wrong is not None


class NotApplicable(Exception):  # noqa: N818
    """The statement says nothing for this layer: ``l + 1`` of the last one."""


@dataclass
class Chains:
    """Judges chains in the worlds of one network.

    Attributes:
        worlds: seeded worlds.
        given: the world with the user's numbers, where there is one.
    """

    worlds: Sequence[World]
    names: Names
    given: World | None = None

    def judged(self, statement: Statement, target: Target, setting: Setting) -> Outcome:
        """The outcome of a statement, for every layer that it speaks of; the first wrong one counts."""
        if target.kind == "differential":
            return Outcome(("not_judged",) * len(statement.pieces), False, "differential")
        outcomes: list[Outcome] = []
        for scope in self._instances(statement, target, setting):
            try:
                outcome = self._one(statement, target, setting, scope)
                entry = self._by_entry(target, outcome)
                outcomes.append(outcome if entry is None else self._one(statement, entry, setting, scope))
            except NotApplicable:
                continue
        if not outcomes:
            return Outcome(("not_judged",) * len(statement.pieces), False, "no_layer")
        bases = tuple(b for o in outcomes for b in o.bases)
        worst = next((o for o in outcomes if o.is_wrong), None)
        worst = worst or next((o for o in outcomes if o.trouble is not None), None)
        worst = worst or next((o for o in outcomes if not o.answered), outcomes[0])
        return replace(worst, bases=bases)

    def _instances(self, statement: Statement, target: Target, setting: Setting) -> Iterator[dict[str, int]]:
        """The layers for which a statement holds."""
        if not target.labels:
            yield {}
            return
        ranges = {limits.index.key: limits for limits in statement.ranges}
        interpreter = Interpreter(self.worlds[0], self.names, setting.conventions, setting.own)
        spans: list[range] = []
        for letter in target.labels:
            low, high = 0, self.names.layers
            limits = ranges.get(letter)
            if limits is not None and limits.low is not None and limits.high is not None:
                with suppress(Unknown, Open, TypeError):
                    low, high = int(interpreter.index(limits.low)), int(interpreter.index(limits.high))
            spans.append(range(low, high + 1))
        for numbers in itertools.product(*spans):
            yield dict(zip(target.labels, numbers, strict=True))

    def _by_entry(self, target: Target, outcome: Outcome) -> Target | None:
        r"""``\partial L/\partial b = \sum_s (P_{ks} - Y_{ks})``: a vector on the left, its entry k on the right."""
        trouble, base = outcome.trouble, target.base
        if not isinstance(trouble, FreeIndex) or target.letters or base not in self.names.network.quantities:
            return None
        if len(self.names.network.quantities[base].axes) != 1 or target.left is None:
            return None
        name = self.names.network.names[base]
        index = tree.Script("sub", (tree.Reference(make_name(trouble.index)),))

        def entry(node: Any) -> Any:
            return (
                replace(node, scripts=(*node.scripts, index))
                if (isinstance(node, tree.Reference) and self.names.meaning(node.name) == self.names.meaning(name))
                else node
            )

        left = mapped(target.left, entry)
        return replace(target, left=left, letters=(trouble.index,)) if left != target.left else None

    # -- one layer -----------------------------------------------------------------------------------------------
    def _interpreters(
        self, target: Target, statement: Statement, setting: Setting, scope: Mapping[str, int]
    ) -> list[Interpreter]:
        found: list[Interpreter] = []
        for number, world in enumerate(self.worlds):
            adjoints = setting.adjoints[number] if setting.adjoints else {}
            interpreter = Interpreter(world, self.names, setting.conventions, setting.own, adjoints)
            self._enter(interpreter, target, statement, scope)
            found.append(interpreter)
        return found

    def _enter(self, interpreter: Interpreter, target: Target, statement: Statement, scope: Mapping[str, int]) -> None:
        """Put the letters of the left side into scope: layers as numbers, indices along axes."""
        for letter, number in scope.items():
            interpreter.scope[letter] = np.asarray(number)
        interpreter.own = {**interpreter.own, **self._variables(interpreter, target)}
        limits = {x.index.key: x for x in statement.ranges}
        for letter in target.letters:
            known = limits.get(letter)
            if known is not None and known.low is not None and known.high is not None:
                low, high = int(interpreter.bound(known.low)), int(interpreter.bound(known.high))
                interpreter.bind(letter, high - low + 1, low)
            elif target.left is not None:
                low, size = interpreter.range_of(letter, target.left)
                interpreter.bind(letter, size, low)

    def _variables(self, interpreter: Interpreter, target: Target) -> dict[str, Own]:
        """``sigma(u) = ...``: the letter in the brackets of a function that is defined stands for any number."""
        if target.kind != "identity" or not isinstance(target.left, tree.Call):
            return {}
        found: dict[str, Own] = {}
        for argument in target.left.arguments:
            if isinstance(argument, tree.Reference) and not argument.scripts and self._is_free(argument, interpreter):
                numbers = np.linspace(-1.7, 1.9, interpreter.world.points) + 0.1 * len(found)
                found[argument.name.key] = Own(None, value=Value(numbers.reshape(-1, 1, 1)))
        return found

    def _is_free(self, node: tree.Reference, interpreter: Interpreter) -> bool:
        key = node.name.key
        return self.names.meaning(node.name) is None and key not in interpreter.own and key not in interpreter.scope

    def _one(self, statement: Statement, target: Target, setting: Setting, scope: Mapping[str, int]) -> Outcome:
        bases: tuple[Base, ...] = ()
        truths: tuple[Value, ...] | None = None
        interpreters: list[Interpreter] = []
        try:
            interpreters = self._interpreters(target, statement, setting, scope)
            if target.kind not in ("own", "nothing"):
                truths = tuple(self._left(i, target) for i in interpreters)
            bases = self._bases(interpreters[0], target)
        except Unknown as unknown:
            if scope:
                raise NotApplicable from None
            if not interpreters or target.kind not in ("own",):
                return Outcome(("not_judged",) * len(statement.pieces), False, trouble=unknown)
        except Open as open_:
            if target.kind != "partial":
                return Outcome(("not_judged",) * len(statement.pieces), False, open_.reason)
        except Clash:
            return Outcome(("not_judged",) * len(statement.pieces), False, "left_side")
        return self._links(statement, target, interpreters, truths, bases, setting, scope)

    def _links(
        self,
        statement: Statement,
        target: Target,
        interpreters: Sequence[Interpreter],
        truths: tuple[Value, ...] | None,
        bases: tuple[Base, ...],
        setting: Setting,
        scope: Mapping[str, int],
    ) -> Outcome:
        links: list[LinkVerdict] = []
        reason, trouble, wrong, answered = "", None, None, False
        before, before_node = truths, target.left
        for number, piece in enumerate(statement.pieces):
            if piece.node is None:
                links.append("unreadable")
                continue
            restated = self._restates(piece.node, target, bases, interpreters[0])
            literal = is_literal(piece.node) or (before_node is not None and is_literal(before_node))
            if self.given is not None and literal:
                verdict = self._compare_numbers(before_node, piece.node, setting, target, statement, scope)
                links.append(verdict)
                if verdict == "wrong" and wrong is None:
                    wrong = Wrong(number, piece.node, before or (), (), truths or (), None, scope)
                answered = answered or (verdict == "correct" and not restated)
                before_node = piece.node
                continue
            try:
                values = tuple(i.value(piece.node) for i in interpreters)
            except FreeIndex as free:
                if truths is not None and self._lacks_sum(piece.node, interpreters, truths):
                    links.append("wrong")
                    wrong = wrong or Wrong(number, piece.node, before or (), (), truths, None, scope, free.index)
                elif truths is None:
                    links.append("not_judged")
                    reason = reason or "own"
                else:
                    links.append("unreadable")
                    trouble = trouble or free
                continue
            except Unknown as unknown:
                if scope and isinstance(unknown, NoLayer):
                    raise NotApplicable from None
                links.append("unreadable")
                trouble = trouble or unknown
                continue
            except Open as open_:
                links.append("not_judged")
                reason = reason or open_.reason
                continue
            except Clash as clash:
                if _PRIME.search(piece.text):
                    links.append("unreadable")
                    hint = (
                        "a prime on an array is read as a transpose: write f'(z) for a derivative, W^T for a transpose"
                    )
                    trouble = trouble or Unknown("the shapes do not conform here", piece.node.span, hint)
                    continue
                if is_literal(piece.node):
                    links.append("not_judged")
                    reason = reason or "numbers"
                    continue
                links.append("wrong")
                if wrong is None and truths is not None:
                    wrong = Wrong(number, piece.node, before or (), (), truths, clash, scope)
                elif wrong is None:
                    reason = reason or "own"
                continue
            if before is None:
                links.append("not_judged")
                before, before_node = values, piece.node
                reason = reason or "own"
                continue
            verdict = self._compare(before, before_node, values, piece, setting, target, statement, scope)
            links.append(verdict)
            if verdict == "wrong" and wrong is None:
                wrong = Wrong(number, piece.node, before, values, truths or before, None, scope)
            if verdict == "not_judged":
                reason = reason or "numbers"
                continue
            if restated:
                reason = reason or restated
            elif verdict == "correct":
                answered = True
            before, before_node = values, piece.node
        covers = not any(self._uses(p.node, bases, interpreters[0]) for p in statement.pieces if p.node is not None)
        return Outcome(tuple(links), answered, reason, trouble, wrong, bases, before or (), truths or (), covers)

    def _lacks_sum(self, node: tree.Node, interpreters: Sequence[Interpreter], truths: Sequence[Value]) -> bool:
        """Would a sum over every index that nothing binds make the expression right?"""
        for _ in range(3):
            try:
                values = [i.value(node) for i in interpreters]
            except FreeIndex as free:
                node = tree.Reduction("sum", (tree.Limits(make_name(free.index)),), node)
                continue
            except (Unknown, Open, Clash):
                return False
            return all(agree(a, b) for a, b in zip(truths, values, strict=True))
        return False

    # -- comparing -----------------------------------------------------------------------------------------------
    def _compare(
        self,
        before: Sequence[Value],
        before_node: tree.Node | None,
        values: Sequence[Value],
        piece: Piece,
        setting: Setting,
        target: Target,
        statement: Statement,
        scope: Mapping[str, int],
    ) -> LinkVerdict:
        free = self.names.network.samples is not None
        if all(agree(a, b, free_vectors=free) for a, b in zip(before, values, strict=True)):
            return "correct"
        assert piece.node is not None
        numeric = is_numeric(piece.node) or (before_node is not None and is_numeric(before_node))
        if not numeric and not (self.given is not None and has_decimals(piece.node)):
            return "wrong"
        if self.given is not None:
            return self._compare_numbers(before_node, piece.node, setting, target, statement, scope)
        # A whole number is no rounded one: where the left side varies, or is another number, it is wrong.
        sides = [n for n in (before_node, piece.node) if n is not None and is_numeric(n)]
        return "wrong" if not any(has_decimals(n) for n in sides) else "not_judged"

    def _compare_numbers(
        self,
        before: tree.Node | None,
        node: tree.Node,
        setting: Setting,
        target: Target,
        statement: Statement,
        scope: Mapping[str, int],
    ) -> LinkVerdict:
        """Compare at the user's numbers, to the digits that the student gave."""
        assert self.given is not None
        interpreter = Interpreter(self.given, self.names, setting.conventions, setting.own)
        try:
            self._enter(interpreter, target, statement, scope)
            truth = self._left(interpreter, target) if before is target.left else None
            return "correct" if rounded_agree(interpreter, before, node, truth) else "wrong"
        except (Unknown, Open, Clash):
            return "not_judged"

    # -- left sides ------------------------------------------------------------------------------------------------
    def _left(self, interpreter: Interpreter, target: Target) -> Value:
        """What the left side is worth: the truth."""
        assert target.left is not None
        if target.kind in ("update", "step"):
            own = target.own or (target.left.wrt if isinstance(target.left, tree.Gradient) else target.left)
            slope = interpreter.value(tree.Partial(tree.Reference(self._loss_name()), own))
            step = Value(-RATE * slope.array, slope.rows, slope.cols, vector=slope.vector)
            if target.kind == "step":
                return step
            return elementwise([interpreter.value(own), step], lambda a: a[0] + a[1], "sum")
        if isinstance(target.left, tree.Element) and target.letters:
            return interpreter.value(target.left)
        return interpreter.value(target.left)

    def _loss_name(self) -> Any:
        network = self.names.network
        return network.names[network.loss.base]

    def _bases(self, interpreter: Interpreter, target: Target) -> tuple[Base, ...]:
        """The quantity that the statement is about in this layer."""
        if target.base is None or target.kind not in ("adjoint", "update", "step", "value"):
            return ()
        if not target.labels or target.left is None:
            return (target.base,)
        for node in walk(target.left):
            if isinstance(node, tree.Reference) and node.scripts:
                meaning = interpreter.meaning(node)
                if meaning is not None and meaning.base != self.names.network.loss.base:
                    return (meaning.base,)
        return (target.base,)

    @staticmethod
    def _uses(node: tree.Node, bases: tuple[Base, ...], interpreter: Interpreter) -> bool:
        """Does an expression name the derivative that it is about?"""
        return any(adjoint_base(part, interpreter) in bases for part in walk(node)) if bases else False

    # -- what is no answer -----------------------------------------------------------------------------------------
    def _restates(self, node: tree.Node, target: Target, bases: tuple[Base, ...], interpreter: Interpreter) -> str:
        """Why an expression is no answer by itself: it says the target again, or leaves a chain of partials."""
        if target.kind in ("adjoint", "partial"):
            node = written_out(node, interpreter.own)
            for part in walk(node):
                lower = adjoint_base(part, interpreter)
                if lower is not None and lower in bases:
                    return "restatement"
            partials = [p for p in walk(node) if isinstance(p, tree.Partial)]
            if any(self._is_local(p, interpreter) for p in partials):
                return "unexpanded"
            if partials and isinstance(node, tree.Partial):
                return "restatement"
        if target.kind == "value" and target.left == node:
            return "restatement"
        return ""

    def _is_local(self, node: tree.Partial, interpreter: Interpreter) -> bool:
        try:
            upper, _, _ = interpreter.target_of(node.of)
        except Unknown:
            return True
        return upper.base != self.names.network.loss.base


def adjoint_base(node: tree.Node, interpreter: Interpreter) -> Base | None:
    """The quantity whose adjoint a node names."""
    loss = interpreter.world.network.loss.base
    try:
        match node:
            case tree.Partial(of, wrt):
                return interpreter.target_of(wrt)[0].base if interpreter.target_of(of)[0].base == loss else None
            case tree.Gradient(kind, wrt) if kind != "partial":
                return interpreter.target_of(wrt)[0].base
            case tree.Reference(name):
                if name.key in interpreter.own:
                    return None
                meaning = interpreter.meaning(node)
                if meaning is not None and meaning.kind == "delta":
                    return meaning.base
                return interpreter.names.adjoint_of(name) if meaning is None else None
            case _:
                return None
    except Unknown:
        return None


def is_literal(node: tree.Node) -> bool:
    """Holds an expression a matrix of numbers, whose size is that of the user's arrays?"""
    return any(isinstance(n, tree.Matrix) for n in walk(node))


def written_out(node: tree.Node, own: Mapping[str, Own], depth: int = 0) -> tree.Node:
    """An expression with the student's own names replaced by what they stand for."""
    if depth > 8:
        return node

    def change(part: Any) -> Any:
        known = own.get(part.name.key) if isinstance(part, tree.Reference) else None
        if known is None or known.node is None:
            return part
        return written_out(known.node, known.known or own, depth + 1)

    return mapped(node, change)


def has_decimals(node: tree.Node) -> bool:
    """Holds an expression a number with a decimal point?"""
    return any(isinstance(n, tree.Number) and "." in n.text for n in walk(node))
