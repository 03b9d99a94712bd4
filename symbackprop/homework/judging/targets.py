"""What a statement is about: a derivative, an update, a quantity of the forward pass, a name of the student's own.

Contract: `target_of(statement, names)` looks at the left side only by its form and the names on it; nothing is
computed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from symbackprop.homework.answers.names import Meaning, Names
from symbackprop.homework.answers.reading import Statement
from symbackprop.indexed import Base
from symbackprop.names import make_name
from symbackprop.network.ranges import base_uses
from symbackprop.notation import syntax as tree
from symbackprop.notation.syntax import walk

TargetKind = Literal["differential", "adjoint", "partial", "update", "step", "value", "own", "identity", "nothing"]


@dataclass(frozen=True)
class Target:
    """What a statement is about.

    Attributes:
        kind: ``adjoint``: the derivative of the loss by a quantity; ``partial``: of another quantity; ``update`` and
            ``step``: a new parameter and its change; ``value``: a quantity of the forward pass; ``own``: a name that
            the student defines; ``identity``: two expressions that are said to be equal.
        left: the left side, as it is evaluated.
        base: the quantity.
        is_delta: is it written as delta, dZ, dA, for which conventions differ?
        labels: letters that count layers; the statement is judged for each.
        letters: letters that are indices of entries.
    """

    kind: TargetKind
    left: tree.Node | None
    base: Base | None = None
    upper: Base | None = None
    is_delta: bool = False
    labels: tuple[str, ...] = ()
    letters: tuple[str, ...] = ()
    own: tree.Node | None = None
    """The parameter that an update with a name of its own speaks of: ``w_5`` of ``w_5^{+}``."""


def target_of(statement: Statement, names: Names) -> Target:
    """The target of a statement."""
    left = statement.left.node if statement.left is not None else None
    if left is None:
        return Target("nothing", None)
    labels, letters = _letters(left, names)
    rights = [p.node for p in statement.pieces if p.node is not None]
    inner = left.operand if isinstance(left, (tree.Transpose, tree.Element)) else left
    found = _derivative(inner, rights, names)
    if found is not None:
        kind, base, upper, is_delta = found
        return Target(kind, left, base, upper, is_delta, labels, letters)
    if isinstance(left, tree.Transpose) and isinstance(inner, tree.Reference):
        meaning = meaning_of(inner, names)  # a prime on a number: its new value
        if meaning is not None and meaning.kind == "quantity" and not names.network.quantities[meaning.base].axes:
            if names.network.quantities[meaning.base].role == "parameter":
                return Target("update", left, meaning.base, labels=labels, letters=letters, own=inner)
            return Target("nothing", left)
    if isinstance(inner, tree.Reference):
        meaning = meaning_of(inner, names)
        renewed = _renewed(inner, names) if meaning is None else None
        if renewed is not None:
            base = meaning_of(renewed, names)
            assert base is not None
            return Target("update", left, base.base, labels=labels, letters=letters, own=renewed)
        if meaning is None:
            return (
                Target("own", left, labels=(), letters=letters)
                if not _is_family(inner, names)
                else Target("identity", left, labels=labels, letters=letters)
            )
        if meaning.kind == "delta":
            return Target("adjoint", left, meaning.base, names.network.loss.base, True, labels, letters)
        synonym = not names.is_own(inner.name) and names.label_script(inner) is None
        if meaning.kind == "quantity" and synonym and not _says(inner, rights, names):
            return Target("own", left, letters=letters)  # a synonym that the student takes for something else
        if meaning.kind == "quantity":
            if _is_update(inner, statement, rights, names):
                return Target("update", left, meaning.base, labels=labels, letters=letters)
            return Target("value", left, meaning.base, labels=labels, letters=letters)
    return Target("identity", left, labels=labels, letters=letters)


def _says(node: tree.Reference, rights: list[tree.Node], names: Names) -> bool:
    """Is a synonym on the left said to be what the network computes it from: ``A_2 = softmax(Z_2)``?"""
    meaning = names.meaning(node.name)
    if meaning is None or meaning.base not in names.network.quantities:
        return False
    definitions = names.network.definitions(meaning.base)
    used = {str(b) for e in definitions for b in base_uses(e.expression)}
    said = {
        str(m.base) for r in rights for n in walk(r) if isinstance(n, tree.Reference) and (m := meaning_of(n, names))
    }
    return bool(used) and used <= said


def turned(statement: Statement, names: Names) -> Statement:
    """``f = dE/dw`` and ``dE/dw - f = 0`` as ``dE/dw = f``: the derivative is what the statement is about."""
    left, pieces = statement.left, statement.pieces
    if left is None or left.node is None or not pieces or target_of(statement, names).kind != "identity":
        return statement
    last = pieces[-1].node
    if last is not None and _derivative(last, [], names) is not None:
        chain = [*pieces[:-1][::-1], left]
        signs = [p.relation for p in pieces]
        return replace(
            statement, left=pieces[-1], pieces=tuple(replace(p, relation=s) for p, s in zip(chain, signs, strict=True))
        )
    if isinstance(left.node, tree.Add) and len(pieces) == 1 and isinstance(last, tree.Number) and last.value == 0:
        first, *rest = left.node.terms
        if _derivative(first, [], names) is not None:
            terms = tuple(t.operand if isinstance(t, tree.Negate) else tree.Negate(t, span=t.span) for t in rest)
            node = terms[0] if len(terms) == 1 else tree.Add(terms, span=left.node.span)
            return replace(statement, left=replace(left, node=first), pieces=(replace(left, node=node, relation="="),))
    return statement


def _derivative(
    node: tree.Node, rights: list[tree.Node], names: Names
) -> tuple[TargetKind, Base | None, Base | None, bool] | None:
    """The derivative that a left side is."""
    loss = names.network.loss.base
    match node:
        case tree.Partial(of, wrt):
            upper, lower = meaning_of(of, names), meaning_of(wrt, names)
            if upper is None and not isinstance(of, tree.Reference) and lower is not None:
                return "adjoint", lower.base, loss, False  # an operator on the loss written out
            if upper is None or lower is None:
                return ("adjoint", None, loss, False) if upper is not None and upper.base == loss else None
            return ("adjoint" if upper.base == loss else "partial"), lower.base, upper.base, False
        case tree.Gradient(kind, wrt):
            lower = meaning_of(wrt, names)
            base = None if lower is None else lower.base
            role = names.network.quantities[base].role if base in names.network.quantities else None
            if base == loss and kind == "d":
                return "differential", base, loss, False
            if kind in ("Delta", "triangle") and any(_mentions_rate(r, names) for r in rights) and kind == "Delta":
                return "step", base, loss, False
            return "adjoint", base, loss, kind != "nabla" and role == "intermediate"
        case tree.Reference(name, scripts):
            meaning = names.meaning(name)
            items = [i for s in scripts for i in s.items]
            if meaning is not None and meaning.base == loss and len(items) == 1:
                lower = meaning_of(items[0], names)
                return ("adjoint", lower.base, loss, False) if lower is not None else None
            if meaning is None:
                base = names.adjoint_of(name)
                if base is not None:
                    is_delta = names.network.quantities[base].role == "intermediate" and name.plain.count("d") < 2
                    return "adjoint", base, loss, is_delta
            return None
        case _:
            return None


def meaning_of(node: tree.Node, names: Names) -> Meaning | None:
    """The meaning of a reference; of a family ``W^{[l]}`` that of any member."""
    if isinstance(node, tree.Transpose):
        node = node.operand
    if not isinstance(node, tree.Reference):
        return None
    script = names.label_script(node)
    if script is None:
        found = names.meaning(node.name)
        return None if found is not None and found.base == names.network.loss.base and node.scripts else found
    if (named := names.delta_of(node)) is not None:
        return named
    numbers = tuple(int(i.value) if isinstance(i, tree.Number) else None for i in script.items)
    if None not in numbers:
        return names.instance(node.name, script.kind, numbers)  # type: ignore[arg-type]
    for label in range(1, names.layers + 1):
        found = names.instance(node.name, script.kind, (label,))
        if found is not None:
            return found
    return names.meaning(node.name)


NEW = frozenset({"+", "new", "neu", "next", "updated", "t+1", "*"})
"""Marks of an updated parameter: ``w^{+}``, ``w_{new}``."""


def _renewed(node: tree.Reference, names: Names) -> tree.Reference | None:
    """The parameter whose new value a name stands for."""
    kept = tuple(s for s in node.name.scripts if s.text not in NEW)
    if len(kept) == len(node.name.scripts):
        return None
    found = tree.Reference(
        make_name(node.name.base, node.name.accent, kept, node.name.glued), node.scripts, span=node.span
    )
    meaning = meaning_of(found, names)
    is_parameter = meaning is not None and (
        meaning.base in names.network.quantities and names.network.quantities[meaning.base].role == "parameter"
    )
    return found if is_parameter else None


def _is_family(node: tree.Reference, names: Names) -> bool:
    return names.label_script(node) is not None


def _is_update(node: Any, statement: Statement, rights: list[tree.Node], names: Names) -> bool:
    """``w := w - eta g``: an assignment, or a right side that holds the rate or the name itself."""
    meaning = meaning_of(node, names)
    if meaning is None or names.network.quantities[meaning.base].role != "parameter":
        return False
    if any(_mentions_rate(r, names) for r in rights):
        return True
    own = any(isinstance(n, tree.Reference) and n.name.key == node.name.key for r in rights for n in walk(r))
    assigned = any(p.relation == ":=" and p.node is not None and not is_numeric(p.node) for p in statement.pieces)
    return own or assigned


def is_numeric(node: tree.Node) -> bool:
    """Does an expression consist of numbers only?"""
    named = (tree.Reference, tree.Partial, tree.Gradient, tree.Ones)
    return not any(isinstance(n, named) for n in walk(node))


def _mentions_rate(node: tree.Node, names: Names) -> bool:
    for part in walk(node):
        if isinstance(part, tree.Reference):
            meaning = names.meaning(part.name)
            if meaning is not None and meaning.kind == "rate":
                return True
    return False


def _letters(left: tree.Node, names: Names) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Letters of layers, and letters of entries, in the scripts of a left side."""
    labels: list[str] = []
    letters: list[str] = []
    for node in walk(left):
        if not isinstance(node, (tree.Reference, tree.Element)):
            continue
        label = names.label_script(node) if isinstance(node, tree.Reference) else None
        for script in node.scripts:
            counted = script is label and not names.network.is_scalar
            for item in script.items:
                for part in walk(item):
                    if isinstance(part, tree.Reference) and not part.scripts and not names.is_own(part.name):
                        target = labels if counted else letters
                        if part.name.key not in target and not (counted and part.name.key == "L"):
                            target.append(part.name.key)
    return tuple(labels), tuple(x for x in letters if x not in labels)
