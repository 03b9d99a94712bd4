"""Marks one text: every statement gets a record, every required target that is not there, too.

Contract: `Judge(derivation)` is made once for a network and marks any number of texts; nothing of a text stays behind.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from symbackprop.derivation import Derivation
from symbackprop.errors import NotationError, visible
from symbackprop.homework.answers.echo import echo
from symbackprop.homework.answers.names import Names
from symbackprop.homework.answers.reading import Piece, Statement, read_statements
from symbackprop.homework.answers.source import answer_lines
from symbackprop.homework.judging.conventions import Assessed, conventions_of
from symbackprop.homework.judging.follow import Overrides, carried, follows
from symbackprop.homework.judging.links import Chains, Outcome, Setting
from symbackprop.homework.judging.targets import Target, is_numeric, meaning_of, target_of, turned
from symbackprop.homework.messages import Messages
from symbackprop.homework.mistakes.diagnosis import Diagnosis
from symbackprop.homework.records import LinkVerdict, Record
from symbackprop.homework.values.interpreter import Conventions, Interpreter, Own, Unknown
from symbackprop.homework.values.sizes import judging_network, original_numbers
from symbackprop.homework.values.world import World, random_world
from symbackprop.indexed import Base
from symbackprop.network import Network
from symbackprop.notation import syntax as tree
from symbackprop.notation.parser import Vocabulary
from symbackprop.notation.source import Line
from symbackprop.notation.syntax import mapped, walk

COUNTERS = frozenset("ijklmnpqstLN")
"""Letters that count: a number for one of them is no definition."""
_BLANK = re.compile(
    r"(?:\s|\\underline\s*\{(?:\s|\\[a-zA-Z]+|\\[,;:! ]|[~_])*\}|_{2,}|\?+|\\(?:q?quad|dots|ldots|cdots|square|Box)"
    r"|…|\.{2,}"
    r"|[{}~]|\\[,;:! ]|□|▢|&)+"
)
"""What stands where an answer should: a line to write on, dots, a question mark."""


@dataclass(frozen=True)
class _Found:
    """A statement with its verdict, before it becomes a record."""

    statement: Statement
    target: Target
    outcome: Outcome
    follows_from: str | None = None


class Judge:
    """Marks answers about one network.

    Args:
        derivation: the backward pass; its ``delta`` is the convention of the sheet.
        language: of the messages.
        given: a world with the user's numbers, to judge rounded ones.
        folders: where phrases are looked for.
    """

    def __init__(
        self,
        derivation: Derivation,
        messages: Messages,
        given: World | None = None,
        required: Sequence[str] | None = None,
    ) -> None:
        self.derivation = derivation
        self.network: Network = judging_network(derivation.network)
        self.names = Names(self.network)
        numbers = original_numbers(derivation.network, self.network)
        worlds = [random_world(self.network, n, numbers=numbers) for n in range(1 if self.network.is_scalar else 2)]
        self.chains = Chains(worlds, self.names, given)
        self.messages = messages
        self.diagnosis = Diagnosis(Derivation(self.network), self.chains, messages)
        self.base = Conventions(per_sample=derivation.delta == "sample")
        self.required = self._required(required)

    # -- one text ----------------------------------------------------------------------------------------------------
    def mark(self, text: str, file: str = "", target: str | None = None) -> list[Record]:
        """The records of a text, in its order; missing targets at the end.

        Raises:
            NotationError: `target` cannot be read.
        """
        asked = self._asked(target) if target is not None else None
        try:
            statements = self._statements(text, file, asked)
        except NotationError as error:
            return [self._refused(error, file), *self._missing((), file, asked)]
        kept, assessed = self._assessed(statements)
        found = self._with_following(assessed, kept)
        records = [r for f in found if (r := self._record(f, kept, file)) is not None]
        return [*records, *self._missing(found, file, asked)]

    def _asked(self, target: str) -> tree.Node:
        """The left side for answers without one."""
        [statement] = read_statements(Line.of(f"{target} = 1"), self.names.vocabulary) or [None]
        if statement is None or statement.left is None or statement.left.node is None:
            raise NotationError(
                f"the target {target!r} cannot be read", hint="write dE/dw_12, or the name of a parameter"
            )
        node = statement.left.node
        if isinstance(node, tree.Reference):
            meaning = self.names.meaning(node.name)
            if meaning is not None and meaning.kind == "quantity":
                return tree.Partial(tree.Reference(self.network.names[self.network.loss.base]), node)
        return node

    def _statements(self, text: str, file: str, asked: tree.Node | None) -> list[Statement]:
        """The statements of a text; names that it defines are known from there on."""
        lines = answer_lines(text, file or None)
        vocabulary = self.names.vocabulary
        if asked is not None and not lines and text.strip():
            lines = [Line.of(text.strip().strip("$").strip())]
        found: list[Statement] = []
        for line in lines:
            for statement in self._read(line, vocabulary, asked):
                if self._goes_on(statement, found):
                    continue
                found.append(statement)
                name = self._defined(statement)
                if name is not None:
                    vocabulary = vocabulary.with_names([name])
        return found

    def _goes_on(self, statement: Statement, found: list[Statement]) -> bool:
        """``dW /= m`` behind ``dW = ...``: code goes on with what it has; the earlier statement takes it over."""
        left = statement.left
        if left is None or left.node is None or len(statement.pieces) != 1 or statement.pieces[0].relation != ":=":
            return False
        node = statement.pieces[0].node
        if node is None or target_of(statement, self.names).kind != "adjoint" or left.node not in list(walk(node)):
            return False
        for number in range(len(found) - 1, -1, -1):
            before = found[number]
            last = before.pieces[-1] if before.pieces else None
            if before.left is None or before.left.node != left.node or last is None or last.node is None:
                continue
            value = last.node
            changed = mapped(node, lambda n, own=left.node, value=value: value if n == own else n)
            pieces = (*before.pieces[:-1], replace(last, node=changed))
            found[number] = replace(before, pieces=pieces)
            return True
        return False

    def _read(self, line: Line, vocabulary: Vocabulary, asked: tree.Node | None) -> Iterator[Statement]:
        for whole in read_statements(line, vocabulary, target=asked is not None):
            statement = replace(whole, pieces=tuple(p for p in whole.pieces if not _BLANK.fullmatch(p.text)))
            if whole.pieces and not statement.pieces:
                continue  # a blank that nobody filled
            statement = turned(self._with_labels(statement), self.names)
            if statement.left is None and asked is not None:
                yield replace(statement, left=Piece(asked, None, ""))
            elif not _is_prose(statement, self.names):
                yield statement

    def _with_labels(self, statement: Statement) -> Statement:
        """Names whose number stands in one subscript with the indices of an entry."""

        def change(node: Any) -> Any:
            return self.names.split_label(node) if isinstance(node, tree.Reference) else node

        def changed(piece: Piece) -> Piece:
            return piece if piece.node is None else replace(piece, node=mapped(piece.node, change))

        left = None if statement.left is None else changed(statement.left)
        return replace(statement, left=left, pieces=tuple(map(changed, statement.pieces)))

    def _defined(self, statement: Statement) -> Any:
        """The name that a statement defines, where it is the student's own."""
        target = target_of(statement, self.names)
        if target.kind == "own" and isinstance(target.left, tree.Reference):
            return target.left.name
        return None

    # -- verdicts ----------------------------------------------------------------------------------------------------
    def _assessed(self, statements: Sequence[Statement]) -> tuple[Conventions, Sequence[Assessed]]:
        targets = [target_of(s, self.names) for s in statements]
        own = self._own_definitions(statements, targets)

        def assess(conventions: Conventions) -> list[Assessed]:
            return [
                (s, t, self._judged(s, t, Setting(conventions, o)))
                for s, t, o in zip(statements, targets, own, strict=True)
            ]

        return conventions_of(assess, self.base, batched=self._is_batched, matrices=not self.network.is_scalar)

    def _judged(self, statement: Statement, target: Target, setting: Setting) -> Outcome:
        if target.kind == "nothing" or (statement.left is not None and statement.left.error is not None):
            return Outcome(("unreadable",) * max(1, len(statement.pieces)), False)
        return self.chains.judged(statement, target, setting)

    @cached_property
    def _is_unrolled(self) -> bool:
        """Was the depth a symbol, so that its last layer is called L?"""
        return not set(self.network.quantities) <= set(self.derivation.network.quantities)

    @cached_property
    def _is_batched(self) -> bool:
        return self.names.is_mean

    @staticmethod
    def _own_definitions(statements: Sequence[Statement], targets: Sequence[Target]) -> list[dict[str, Own]]:
        """The student's own names at each statement: the last definition before it, else the first one after it."""
        definitions: list[tuple[str, Own] | None] = []
        for statement, target in zip(statements, targets, strict=True):
            node = next((p.node for p in reversed(statement.pieces) if p.node is not None), None)
            left = target.left
            if (
                target.kind != "own"
                or not isinstance(left, tree.Reference)
                or node is None
                or (is_numeric(node) and left.name.base in COUNTERS)
            ):
                definitions.append(None)
            else:
                definitions.append((left.name.key, Own(node, target.letters)))
        later: dict[str, Own] = {}
        for definition in definitions:
            if definition is not None:
                later.setdefault(*definition)
        found: list[dict[str, Own]] = []
        current: dict[str, Own] = dict(later)
        seen: set[str] = set()
        for definition in definitions:
            found.append(dict(current))
            if definition is not None:
                name, own = definition
                before = {k: v for k, v in current.items() if k != name or name in seen}
                current[name] = replace(own, known=before)
                seen.add(name)
        return found

    def _with_following(self, assessed: Sequence[Assessed], conventions: Conventions) -> list[_Found]:
        """Wrong answers that follow from earlier wrong ones."""
        own = self._own_definitions([s for s, _, _ in assessed], [t for _, t, _ in assessed])
        sources: list[tuple[str, Overrides]] = []
        found: list[_Found] = []
        for (statement, target, outcome), known in zip(assessed, own, strict=True):
            setting = Setting(conventions, known)
            if not outcome.is_wrong:
                found.append(_Found(statement, target, outcome))
                continue
            reached = (
                follows(self.chains, statement, target, setting, sources)
                if sources and target.kind in ("adjoint", "update", "step")
                else None
            )
            if reached is not None:
                found.append(_Found(statement, target, reached[1], reached[0]))
                continue
            found.append(_Found(statement, target, outcome))
            overrides = carried(self.chains, target, outcome, setting)
            if overrides is not None:
                sources.append((self._target_text(target), overrides))
        return found

    # -- records -----------------------------------------------------------------------------------------------------
    def _record(self, found: _Found, conventions: Conventions, file: str) -> Record | None:
        statement, target, outcome = found.statement, found.target, found.outcome
        if self._is_given_value(statement, target):
            return None
        say = self.messages
        record = Record(
            self._target_text(target),
            "correct",
            visible(file),
            statement.line.number,
            self._echo(statement),
            outcome.links,
        )
        if found.follows_from is not None:
            return replace(
                record,
                verdict="follows",
                follows_from=found.follows_from,
                message=say("follows", source=found.follows_from),
            )
        if outcome.wrong is not None:
            mistake, message = self.diagnosis.explain(statement, target, outcome, conventions)
            return replace(record, verdict="wrong", first_wrong=outcome.wrong.link, mistake=mistake, message=message)
        trouble = self._trouble(statement, outcome)
        if trouble:
            return replace(record, verdict="unreadable", message=trouble)
        if not outcome.answered:
            return replace(record, verdict="not_judged", message=say(f"open.{outcome.reason or 'own'}"))
        return replace(record, note=self._note(target, conventions))

    def _note(self, target: Target, conventions: Conventions) -> str:
        if target.kind not in ("adjoint", "update", "step"):
            return ""
        notes = [
            self.messages(f"note.{key}")
            for key, differs in (
                (
                    "per_sample" if conventions.per_sample else "per_cost",
                    conventions.per_sample != self.base.per_sample,
                ),
                ("negative_delta", conventions.negative_delta),
                ("transposed", conventions.transposed),
            )
            if differs
        ]
        return " ".join(notes)

    def _trouble(self, statement: Statement, outcome: Outcome) -> str:
        """Why a statement cannot be read, with its place."""
        error = statement.error
        if error is not None:
            return str(error)
        unknown: Unknown | None = outcome.trouble
        if unknown is not None:
            return str(statement.line.error(unknown.message, unknown.span, unknown.hint))
        return ""

    def _echo(self, statement: Statement) -> str:
        parts = [echo(statement.left.node) if statement.left is not None else ""]
        parts += [echo(p.node) if p.node is not None else visible(p.text)[:200] for p in statement.pieces]
        return " = ".join(p for p in parts if p)

    def _refused(self, error: NotationError, file: str) -> Record:
        return Record("", "unreadable", visible(file), error.line, message=str(error))

    def _is_given_value(self, statement: Statement, target: Target) -> bool:
        """``eta = 0.1``, ``m = 100``, ``x_1 = 2``: a value, and no answer."""
        if target.kind == "identity" and self._is_shape(target.left):
            return True
        numeric = all(p.node is not None and is_numeric(p.node) for p in statement.pieces)
        return (
            numeric
            and bool(statement.pieces)
            and target.kind in ("identity", "value", "own")
            and isinstance(target.left, tree.Reference)
        )

    def _is_shape(self, left: tree.Node | None) -> bool:
        r"""``C \times N = ...``: shapes, and no answer."""
        parts = list(left.factors) if isinstance(left, tree.Multiply) else [left]
        names = [n for n in parts if isinstance(n, tree.Reference)]
        meanings = [meaning_of(n, self.names) for n in names]
        return len(names) == len(parts) and all(m is not None and m.kind == "size" for m in meanings)

    def _target_text(self, target: Target) -> str:
        """``dE/dw_12``, in plain spelling."""
        network = self.network
        loss = network.names[network.loss.base].plain
        if target.base is None:
            return visible(echo(target.left))[:80] if target.left is not None else ""
        name = self._family_text(target)
        match target.kind:
            case "adjoint" | "update" | "step":
                return f"d{loss}/d{name}"
            case "partial":
                upper = network.names[target.upper].plain if target.upper is not None else loss
                return f"d{upper}/d{name}"
            case _:
                return name

    def _family_text(self, target: Target) -> str:
        """The name of the quantity; for all layers with the letter of the layer."""
        assert target.base is not None
        name = self.network.names[target.base]
        if self._is_unrolled and name.scripts and name.scripts[-1].text == str(self.names.layers):
            name = name.with_scripts((*name.scripts[:-1], name.scripts[-1]._replace(text="L")))
        if target.labels and name.scripts:
            label = name.scripts[-1]._replace(text=target.labels[0])
            return name.with_scripts((*name.scripts[:-1], label)).plain
        return name.plain

    # -- what is required --------------------------------------------------------------------------------------------
    def _required(self, wanted: Sequence[str] | None) -> dict[str, tuple[Base, ...]]:
        """Target text -> the quantities that an answer has to cover; layers of one family are one target."""
        found: dict[str, tuple[Base, ...]] = {}
        loss = self.network.names[self.network.loss.base].plain
        original = self.derivation.network
        if wanted is None:
            for quantity in original.parameters:
                members = self._members(original, quantity.base)
                label = self._letter(original, quantity)
                found[f"d{loss}/d{label}"] = members
            return found
        for text in wanted:
            target = target_of(read_statements(Line.of(f"{text} = 1"), self.names.vocabulary)[0], self.names)
            if target.base is None:
                raise NotationError(f"the target {text!r} of the rubric is not known")
            kind = target.kind if target.kind in ("adjoint", "partial", "update", "step") else "adjoint"
            found[self._target_text(replace(target, kind=kind))] = (target.base,)
        return found

    def _members(self, original: Network, base: Base) -> tuple[Base, ...]:
        """The quantities that stand for a parameter here: its layers, where the depth was a symbol."""
        if base in self.network.quantities:
            return (base,)
        stem = original.names[base].stem.key
        return tuple(q.base for q in self.network.parameters if q.name.stem.key == stem)

    def _letter(self, original: Network, quantity: Any) -> str:
        """``W^[l]`` of a family of layers."""
        kinds = original.leading.get(quantity.base, ())
        if quantity.base in self.network.quantities or not kinds:
            return quantity.name.plain
        mark = {"bracket": "^[l]", "paren": "^(l)"}.get(kinds[0], "_l")
        return quantity.name.plain + mark

    def _missing(self, found: Sequence[_Found], file: str, asked: tree.Node | None) -> Iterator[Record]:
        """Required targets that no record is about."""
        if asked is not None:
            return
        covered: set[Base] = set()
        for f in found:
            if f.target.kind == "adjoint" or (f.target.kind in ("update", "step") and f.outcome.covers):
                covered |= set(f.outcome.bases) or ({f.target.base} if f.target.base is not None else set())
        for text, bases in self.required.items():
            if not set(bases) <= covered:
                yield Record(text, "missing", visible(file), message=self.messages("missing", target=text))


def verdicts(records: Sequence[Record]) -> Mapping[str, int]:
    """How often each verdict occurs."""
    counts: dict[str, int] = {}
    for record in records:
        counts[record.verdict] = counts.get(record.verdict, 0) + 1
    return counts


def _is_prose(statement: Statement, names: Names) -> bool:
    """Is it a sentence with an equals sign in it, and no answer?"""
    left = statement.left
    if left is None or left.error is None:
        words = (
            [
                n
                for n in walk(left.node)
                if isinstance(n, tree.Reference) and len(n.name.base) > 1 and names.meaning(n.name) is None
            ]
            if left
            else []
        )
        return len(words) > 3
    text = left.text
    letters = sum(c.isalpha() for c in text)
    return letters > 12 and text.count(" ") >= 3 and "\\" not in text and "∂" not in text


__all__ = ["Interpreter", "Judge", "LinkVerdict", "verdicts"]
