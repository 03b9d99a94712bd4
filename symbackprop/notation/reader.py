"""A network file -> Specification: statements are read, shapes of names settled, equations lowered to indices.

Contract: `read_specification(text)` returns what the author said; it raises `NotationError` for text that cannot be
read and `NetworkError` for what does not fit together, both with the line and a caret.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import sympy as sp

from symbackprop.errors import NetworkError, Span
from symbackprop.indexed import Limit
from symbackprop.names import Name
from symbackprop.network import Assumption, Equation, Role, Specification
from symbackprop.network.roles import conventional_role
from symbackprop.notation import syntax as tree
from symbackprop.notation.entries import Deferred, Entry, Trouble
from symbackprop.notation.lowering import Lowering
from symbackprop.notation.parser.collect import collect_vocabulary
from symbackprop.notation.parser.statements import parse_statements
from symbackprop.notation.sameness import differ
from symbackprop.notation.source import Line, read_lines
from symbackprop.notation.syntax import walk
from symbackprop.notation.tensor import ONE, Clash, Tensor
from symbackprop.recognise import recognise

RESERVED_FUNCTIONS = frozenset(
    {"exp", "log", "ln", "sqrt", "tanh", "sin", "cos", "softmax", "relu", "sigmoid", "max", "min"}
)
"""Names of functions that no quantity may take (Greek letters may: sigma is also a standard deviation)."""

ROLE_OF: dict[str, Role] = {
    "inputs": "input",
    "targets": "target",
    "parameters": "parameter",
    "constants": "constant",
}


@dataclass
class Pending:
    """An equation of the file that waits for the shapes it needs."""

    line: Line
    statement: tree.Equation


def read_specification(text: str, file: str | None = None) -> Specification:
    r"""Read the text of a network file (plain text, Markdown or LaTeX).

    >>> spec = read_specification("z = w x + b\nE = (z - y)^2")
    >>> [str(e.target) for e in spec.equations]
    ['z', 'E']
    """
    form = {"md": "md", "tex": "tex", "net": "net", "txt": "net"}.get((file or "").rsplit(".", 1)[-1].lower())
    lines = read_lines(text, form, file)  # type: ignore[arg-type]
    vocabulary = collect_vocabulary(lines)
    reader = _Reader()
    for line in lines:
        for statement in parse_statements(line, vocabulary):
            reader.take(line, statement)
    return reader.specification()


class _Reader:
    def __init__(self) -> None:
        self.low = Lowering()
        self.pending: list[Pending] = []
        self.declarations: list[tuple[Line, Any]] = []
        self.title = ""

    def take(self, line: Line, statement: tree.Statement) -> None:
        if isinstance(statement, tree.Equation):
            self.pending.append(Pending(line, statement))
        elif isinstance(statement, tree.Title):
            self.title = statement.text
        else:
            self.declarations.append((line, statement))

    # -- the whole file ------------------------------------------------------------------------------------------
    def specification(self) -> Specification:
        for _, shape in self._declared(tree.Shape):
            self.low.size_families |= {
                n.name.key for n in walk(shape.sizes) if isinstance(n, tree.Reference) and n.scripts
            }
        for line, shape in self._declared(tree.Shape):
            self._guard(line, lambda s=shape: self._declare_shape(s))
        for _, function in self._declared(tree.FunctionIs):
            self.low.functions[function.name] = function.function
        self._shapes_of_values()
        self._split_chains()
        self._names_on_the_left()
        roles, loss, rate = self._roles()
        if self.low.samples is None:
            self.low.samples = self._shared_dimension(roles)
        self._scalars(roles)
        self._settle_shapes()
        equations: list[Equation] = []
        for waiting in self.pending:
            equations += self._guard(waiting.line, lambda w=waiting: self._equations(w.statement, w.line))
        bases = dict(self.low.entries)
        values = {
            self.low.entries[s.target.name.key].base: self._guard(line, lambda v=s: _number(v.value))
            for line, s in self._declared(tree.Value)
            if s.target.name.key in bases
        }
        return Specification(
            tuple(equations),
            roles={bases[key].base: role for key, role in roles.items() if key in bases},
            names={entry.base: entry.name for entry in bases.values()},
            axes={e.base: axes for e in bases.values() if (axes := _axes(e)) is not None},
            leading={e.base: e.leading for e in bases.values() if e.leading},
            labels={e.base: e.labels for e in bases.values() if e.labels is not None},
            samples=self.low.samples,
            loss=bases[loss].base if loss in bases else None,
            rate=rate,
            title=self.title,
            assumptions=tuple(
                self._guard(line, lambda a=a: self._assumption(a)) for line, a in self._declared(tree.Assumption)
            ),
            values=values,
        )

    def _declared(self, kind: type) -> list[tuple[Line, Any]]:
        return [(line, s) for line, s in self.declarations if isinstance(s, kind)]

    def _guard(self, line: Line, read: Any) -> Any:
        """Run one reading; what has no meaning becomes an error with the line and a caret."""
        try:
            return read()
        except Trouble as trouble:
            raise _located(line, trouble.message, trouble.span, trouble.hint) from None
        except Clash as clash:
            raise _located(line, clash.message, (0, len(line.text)), clash.hint) from None
        except Deferred as deferred:
            span = next(
                (
                    n.span
                    for n in walk(self._statement_of(line))
                    if isinstance(n, tree.Reference) and n.name == deferred.name
                ),
                (0, len(line.text)),
            )
            name = deferred.name.plain
            raise _located(
                line,
                f"the shape of {name} is not known",
                span,
                f"declare it: '{name} in R' for a number, '{name} in R^n', or '{name} in R^(n x m)'",
            ) from None

    def _statement_of(self, line: Line) -> Any:
        return next((p.statement for p in self.pending if p.line is line), ())

    # -- declarations --------------------------------------------------------------------------------------------
    def _declare_shape(self, shape: tree.Shape) -> None:
        for reference in shape.names:
            leading = tuple(s.kind for s in reference.scripts)
            label = None
            if leading:
                item = reference.scripts[0].items[0]
                label = self.low.bind(item.name) if isinstance(item, tree.Reference) else None
            sizes = tuple(self.low.size(s) for s in shape.sizes)
            self.low.scope.clear()
            limit = None
            if shape.labels is not None:
                low, high = (self.low.size(bound) for bound in shape.labels)
                limit = Limit(sp.Symbol("k", integer=True), low + 1, high + 1)
            entry = Entry(reference.name, leading, sizes, label, declared=True, labels=limit)
            if reference.name.key in self.low.entries:
                raise Trouble(f"{reference.name.plain} is declared twice", reference.span, "remove one of the two")
            self.low.entries[reference.name.key] = entry

    def _shapes_of_values(self) -> None:
        """``b := [[1, -2], [3, 4]]`` declares the shape of b, ``w := 1/2`` that w is a number."""
        for _, value in self._declared(tree.Value):
            literal = value.value
            sizes: tuple[Any, ...] = ()
            if isinstance(literal, tree.Matrix):
                columns = sp.Integer(len(literal.rows[0]))
                sizes = (columns,) if literal.flat else (sp.Integer(len(literal.rows)), columns)
            name = value.target.name
            if not value.target.scripts and name.key in self._mentioned:
                self.low.entries.setdefault(name.key, Entry(name, sizes=sizes, declared=bool(sizes)))

    def _leading(self, left: Any) -> tuple[str, ...]:
        """The kinds of scripts that are labels: brackets, and subscripts that label in some equation (``h_t``)."""
        labels = {kind for entry in self.low.entries.values() for kind in entry.leading}
        subscript = "sub" in labels or left.name.key in self._labelled
        return tuple(
            s.kind for s in left.scripts if s.kind in ("bracket", "paren") or (subscript and len(s.items) == 1)
        )

    @cached_property
    def _labelled(self) -> set[str]:
        """Names with one index over a range whose equation reads whole arrays: the index labels steps or layers."""
        arrays = {key for key, entry in self.low.entries.items() if entry.declared and entry.sizes}
        found: set[str] = set()
        for waiting in self.pending:
            left: Any = waiting.statement.left
            indices = [i for s in getattr(left, "scripts", ()) for i in s.items]
            whole = any(
                isinstance(n, tree.Reference)
                and n.name.key in arrays
                and len(n.scripts) == len(self.low.entries[n.name.key].leading)
                for n in walk(waiting.statement.rights)
            )
            if len(indices) == 1 and waiting.statement.ranges and whole:
                found.add(left.name.key)
        return found

    def _split_chains(self) -> None:
        """``yhat = a = f(z)`` where nothing else defines a: ``yhat = f(z)``, and ``a = yhat`` where a is used."""
        known = {w.statement.left.name.key for w in self.pending if isinstance(w.statement.left, tree.Reference)}
        known |= self.low.entries.keys()
        result: list[Pending] = []
        for waiting in self.pending:
            first, *rest = waiting.statement.rights
            if rest and isinstance(first, tree.Reference) and first.name.key not in known:
                known.add(first.name.key)
                statement = replace(waiting.statement, rights=tuple(rest), relations=())
                result.append(Pending(waiting.line, statement))
                if self._is_used(first.name, but=waiting):
                    alias = replace(waiting.statement, left=first, rights=(waiting.statement.left,), relations=())
                    result.append(Pending(waiting.line, alias))
            else:
                result.append(waiting)
        self.pending = result

    def _is_used(self, name: Name, but: Pending) -> bool:
        return any(
            isinstance(n, tree.Reference) and n.name == name
            for w in self.pending
            if w is not but
            for n in walk(w.statement.rights)
        )

    def _names_on_the_left(self) -> None:
        bounds: list[tuple[Line, tree.Node]] = []
        for waiting in self.pending:
            left = waiting.statement.left
            if not isinstance(left, tree.Reference):
                raise _located(
                    waiting.line,
                    "the left side is not a name",
                    left.span,
                    "write the quantity that the equation defines on the left, such as z = w x + b",
                )
            if left.name.plain in RESERVED_FUNCTIONS:
                raise _located(waiting.line, f"{left.name.plain} is the name of a function", left.span, "rename it")
            entry = self.low.entries.get(left.name.key)
            if entry is None:
                leading = self._leading(left)
                own = [i for s in left.scripts if s.kind not in leading for i in s.items]
                spans = {x.index.key: x for x in waiting.statement.ranges}
                self.low.entries[left.name.key] = Entry(
                    left.name,
                    leading,
                    tuple(self._size_of_range(waiting.line, spans, i) for i in own) if own else None,
                    sp.Symbol("l", integer=True) if leading else None,
                )
            summed = [x for n in walk(waiting.statement.rights) if isinstance(n, tree.Reduction) for x in n.indices]
            limits = (*waiting.statement.ranges, *summed)
            bounds += [(waiting.line, bound) for x in limits for bound in (x.low, x.high) if bound is not None]
        for line, bound in bounds:
            self._guard(line, lambda b=bound: self._touch_size(b))

    def _size_of_range(self, line: Line, spans: dict[str, tree.Limits], item: tree.Node) -> Any:
        """The size of an axis that an equation's own index runs over from 1, else None."""
        limits = spans.get(item.name.key) if isinstance(item, tree.Reference) else None
        if limits is None or not isinstance(limits.low, tree.Number) or limits.low.value != 1 or limits.high is None:
            return None
        high = limits.high
        return self._guard(line, lambda: self.low.size(high))

    def _touch_size(self, bound: tree.Node) -> None:
        """Names in the bounds of a range are sizes."""
        for node in walk(bound):
            known = self._indices_anywhere | self.low.entries.keys()
            if isinstance(node, tree.Reference) and not node.scripts and node.name.key not in known:
                self.low.size(node)

    @cached_property
    def _mentioned(self) -> set[str]:
        """Names that the equations use."""
        return {
            n.name.key
            for w in self.pending
            for n in walk((w.statement.left, w.statement.rights))
            if isinstance(n, tree.Reference)
        }

    @cached_property
    def _indices_anywhere(self) -> set[str]:
        """Letters that are indices in some equation: bounds may hold them too."""
        found: set[str] = set()
        for waiting in self.pending:
            found |= {x.index.key for x in waiting.statement.ranges}
            found |= {
                x.index.key for n in walk(waiting.statement.rights) if isinstance(n, tree.Reduction) for x in n.indices
            }
        return found

    def _roles(self) -> tuple[dict[str, Role], str | None, Name | None]:
        roles: dict[str, Role] = {}
        loss: str | None = None
        rate: Name | None = None
        for line, declared in self._declared(tree.Roles):
            for reference in declared.names:
                key = reference.name.key
                if declared.role == "samples":
                    self.low.samples = self._guard(line, lambda r=reference: self.low.size(r))
                elif declared.role == "loss":
                    loss = key
                    if key not in self.low.entries:
                        raise _located(
                            line,
                            f"{reference.name.plain} is not defined by any equation",
                            reference.span,
                            f"add an equation '{reference.name.plain} = ...'",
                        )
                elif declared.role == "rate":
                    rate = reference.name
                elif declared.role in ROLE_OF:
                    if key not in self._mentioned:  # kept, with a warning
                        self.low.entries.setdefault(key, Entry(reference.name, sizes=()))
                    role = ROLE_OF[declared.role]
                    if roles.setdefault(key, role) != role:
                        raise _located(
                            line,
                            f"{reference.name.plain} has two roles: {roles[key]} and {role}",
                            reference.span,
                            "declare it once",
                        )
        return roles, loss, rate

    def _shared_dimension(self, roles: dict[str, Role]) -> Any:
        """The dimension that inputs and targets share and no parameter has."""
        found: dict[str, set[Any]] = {"input": set(), "target": set(), "parameter": set()}
        for key, entry in self.low.entries.items():
            role = roles.get(key) or conventional_role(entry.name)
            if role in found and entry.sizes and entry.declared:
                found[role] |= {s for s in entry.sizes if s is not None}
        shared = (found["input"] & found["target"]) - found["parameter"]
        return shared.pop() if len(shared) == 1 else None

    def _scalars(self, roles: dict[str, Role]) -> None:
        """Names that are used, not declared and not defined: numbers, unless the file speaks of matrices."""
        matrices = any(e.declared and e.sizes for e in self.low.entries.values())
        for waiting in self.pending:
            used = {n.name.key: n for n in walk(waiting.statement.rights) if isinstance(n, tree.Reference)}
            bound = _index_letters(waiting.statement)
            for key, node in used.items():
                if key in self.low.entries or key in self.low.sizes or key in ("e", "pi"):
                    continue
                role = roles.get(key) or conventional_role(node.name)
                if node.scripts:
                    own = [i for s in node.scripts for i in s.items]
                    self.low.entries[key] = Entry(node.name, (), (None,) * len(own))
                elif key not in bound and (not matrices or role == "constant"):
                    self.low.entries[key] = Entry(node.name, sizes=())

    # -- shapes --------------------------------------------------------------------------------------------------
    def _settle_shapes(self) -> None:
        """Forward from what is declared to what is defined, until nothing changes; then ask for what is missing.

        A recurrence reads its own shape: where all else is settled, it is tried with its own shape left open.
        """
        while True:
            blocked, changed = self._forward()
            if not changed and blocked:
                self.low.open_shapes = True
                _, changed = self._forward()
                self.low.open_shapes = False
            if not changed:
                break
        for waiting in blocked:
            self._refuse_circle(waiting, blocked)
            self._guard(waiting.line, lambda w=waiting: self._meaning(w.statement))

    def _forward(self) -> tuple[list[Pending], bool]:
        """One pass over the equations: those that wait for a shape, and whether anything was learned."""
        blocked, changed = list[Pending](), False
        for waiting in self.pending:
            entry = self.low.entries[waiting.statement.left.name.key]  # type: ignore[attr-defined]
            if (entry.sizes is not None and None not in entry.sizes) or self._has_all_indices(waiting, entry):
                continue
            try:
                changed |= self._guard_shape(waiting, entry)
            except Deferred:
                blocked.append(waiting)
        return blocked, changed

    def _refuse_circle(self, waiting: Pending, blocked: Sequence[Pending]) -> None:
        """Equations whose shapes wait for each other go round in a circle."""
        left = {w.statement.left.name.key: w for w in blocked}  # type: ignore[attr-defined]
        path: list[Pending] = []
        current: Pending | None = waiting
        while current is not None and current not in path:
            path.append(current)
            read = [n.name.key for n in walk(current.statement.rights) if isinstance(n, tree.Reference)]
            current = next((left[key] for key in read if key in left), None)
        if current is not None:
            names = [w.statement.left.name.plain for w in path[path.index(current) :]]  # type: ignore[attr-defined]
            raise _located(
                current.line,
                f"these equations go round in a circle: {' -> '.join([*names, names[0]])}",
                current.statement.left.span,
                "define each quantity from earlier ones; a recurrence reads an earlier instance, such as h_{i,t-1}",
            )

    @staticmethod
    def _has_all_indices(waiting: Pending, entry: Entry) -> bool:
        """Is the equation written for one entry, so that its ranges come from its indices?"""
        left: Any = waiting.statement.left
        own = [i for s in left.scripts if s.kind not in entry.leading for i in s.items]
        return bool(own) and len(own) == len(entry.sizes or ())

    def _guard_shape(self, waiting: Pending, entry: Entry) -> bool:
        try:
            meaning = self._meaning(waiting.statement)
        except Trouble as trouble:
            raise _located(waiting.line, trouble.message, trouble.span, trouble.hint) from None
        left: Any = waiting.statement.left
        lead = [self.low.index(i) for s in left.scripts if s.kind in entry.leading for i in s.items[:1]]
        sizes = (meaning.rows, meaning.cols)
        found: tuple[Any, ...] = () if meaning.is_scalar else sizes[:1] if meaning.cols == 1 else sizes
        if lead and isinstance(lead[0], sp.Symbol):
            found = tuple(None if s is None else s.xreplace({lead[0]: entry.label_index}) for s in found)
        elif lead and meaning.is_scalar:  # a base case such as h_0 = 0 tells nothing of the shape
            return False
        elif lead:  # a base case: only what does not depend on the label holds for every label
            found = tuple(None if s is None or s.atoms(sp.core.function.AppliedUndef) else s for s in found)
        merged = (
            found
            if entry.sizes is None
            else tuple(new if old is None else old for old, new in zip(entry.sizes, found, strict=False))
        )
        changed = merged != entry.sizes
        entry.sizes = merged
        return changed

    def _meaning(self, statement: tree.Equation) -> Tensor:
        self._enter(statement)
        return self.low.tensor(statement.right)

    def _enter(self, statement: tree.Equation) -> None:
        """Start one equation: its left-side indices are in scope."""
        self.low.scope = {}
        self.low.used = set()
        left: Any = statement.left
        for script in left.scripts:
            for item in script.items:
                for node in walk(item):
                    if isinstance(node, tree.Reference) and not node.scripts and node.name.key not in self.low.sizes:
                        self.low.bind(node.name)
        for limits in statement.ranges:
            self.low.bind(limits.index)

    # -- equations -----------------------------------------------------------------------------------------------
    def _equations(self, statement: tree.Equation, line: Line) -> list[Equation]:
        """One statement as an equation over indices; a chain ``a = b = c`` defines a by b, c says it again."""
        meaning = self._meaning(statement)
        for other in statement.chain:
            self._require_same(meaning, self.low.tensor(other), other.span)
        left: Any = statement.left
        entry = self.low.entries[left.name.key]
        lead, own = self.low.split_scripts(entry, left)
        ranges = [self._limit(limits) for limits in statement.ranges]
        if own or not entry.sizes:
            at = [*lead, *own]
            expression = meaning.scalar()
        else:
            sizes = [self.low.at_label(entry, s, lead) for s in entry.sizes]
            indices = [self.low.fresh(s) for s in sizes]
            at = [*lead, *indices]
            ranges += [Limit(i, ONE, s) for i, s in zip(indices, sizes, strict=True) if s is not None]
            expression = meaning.at(*(indices if len(indices) == 2 else [indices[0], ONE]))
        at, ranges, expression = _plain_left_side(at, ranges, expression)
        target = entry.base[tuple(at)] if at else entry.base
        return [Equation(target, expression, tuple(r for r in ranges if r.index in at), where=line)]

    def _require_same(self, first: Tensor, second: Tensor, span: Span) -> None:
        """The sides of a chain must be equal, as far as that can be told by numbers."""
        row, col = self.low.fresh(first.rows), self.low.fresh(first.cols)
        if differ(recognise(first.at(row, col)), recognise(second.at(row, col))):
            raise Trouble("this is not equal to the side before it", span, "correct it, or leave it out")

    def _limit(self, limits: tree.Limits) -> Limit:
        if limits.low is None or limits.high is None:
            raise Trouble(
                f"the range of {limits.index.plain} needs two ends",
                limits.span,
                f"write 'for {limits.index.plain} = 1..n'",
            )
        return Limit(
            sp.Symbol(limits.index.plain, integer=True),
            self.low.size_or_index(limits.low),
            self.low.size_or_index(limits.high),
        )

    def _assumption(self, statement: tree.Assumption) -> Assumption:
        condition = statement.condition
        self.low.scope, self.low.used = {}, set()
        bound = {x.index.key for n in walk(condition) if isinstance(n, tree.Reduction) for x in n.indices}
        free: dict[str, Name] = {}
        for node in walk(condition):
            if isinstance(node, tree.Reference):
                for item in (i for s in node.scripts for i in s.items):
                    if isinstance(item, tree.Reference) and item.name.key not in bound | self.low.sizes.keys():
                        free[item.name.key] = item.name
        symbols = [self.low.bind(name) for name in free.values()]
        if (
            not isinstance(condition, tree.Compare)
            or len(condition.operators) != 1
            or condition.operators[0] not in ("=", ">", ">=", "<", "<=")
        ):
            raise Trouble(
                "this assumption is not supported",
                condition.span,
                r"write a sum over an axis (\sum_k Y_{ki} = 1), a sign or a range (x > 0)",
            )
        left, right = (self.low.tensor(o).scalar() for o in condition.operands)
        summed = isinstance(left, sp.Sum) and isinstance(left.function, sp.Indexed) and condition.operators[0] == "="
        ranged = isinstance(left, (sp.Symbol, sp.Indexed)) and condition.operators[0] != "="
        if not (right.is_number and (summed or ranged)):
            raise Trouble(
                "this assumption is not supported",
                condition.span,
                r"write a sum over an axis (\sum_k Y_{ki} = 1), a sign or a range (x > 0)",
            )
        limits = tuple(Limit(s, ONE, self.low.range_of(s, left, condition.span)) for s in symbols)
        return Assumption(left, condition.operators[0], right, limits)  # type: ignore[arg-type]


def _index_letters(statement: tree.Equation) -> set[str]:
    """Names that are indices in a statement: bound ones, and those that stand in index positions."""
    found = {limits.index.key for limits in statement.ranges}
    for node in walk((statement.left, statement.rights)):
        if isinstance(node, tree.Reduction):
            found |= {limits.index.key for limits in node.indices}
        elif isinstance(node, tree.Reference):
            found |= {i.name.key for s in node.scripts for i in s.items if isinstance(i, tree.Reference)}
    return found


def _plain_left_side(at: Sequence[Any], ranges: Sequence[Limit], expression: Any) -> tuple[list[Any], list[Limit], Any]:
    """``h[t+1] = f(h[t])`` for t = 0..T-1 as ``h[t] = f(h[t-1])`` for t = 1..T."""
    at, ranges = list(at), list(ranges)
    for position, index in enumerate(at):
        for n, limit in enumerate(ranges):
            shift = sp.expand(index - limit.index)
            if index != limit.index and shift.is_Integer:
                back = {limit.index: limit.index - shift}
                expression = expression.xreplace(back)
                at[position] = limit.index
                ranges[n] = Limit(limit.index, limit.low + shift, limit.high + shift)
    return at, ranges, expression


def _axes(entry: Entry) -> tuple[Limit, ...] | None:
    """The axes of a declared quantity; leading axes are left to the ranges of its uses."""
    if not entry.declared or entry.leading or not entry.sizes or None in entry.sizes:
        return None
    letters = [sp.Symbol(x, integer=True) for x in "ijkl"[: len(entry.sizes)]]
    return tuple(Limit(i, ONE, size) for i, size in zip(letters, entry.sizes, strict=True))


def _number(node: Any) -> Any:
    """The value of a ``:=`` declaration: a number or nested lists."""
    if isinstance(node, tree.Number):
        return float(node.value)
    if isinstance(node, tree.Negate):
        return -_number(node.operand)
    if isinstance(node, tree.Divide):
        below = _number(node.denominator)
        if below == 0:
            raise Trouble("this divides by zero", node.denominator.span)
        return _number(node.numerator) / below
    if isinstance(node, tree.Matrix):
        rows = [[_number(x) for x in row] for row in node.rows]
        return rows[0] if node.flat else rows
    raise Trouble("this is not a number", node.span, "write a number such as 0.5, or [[1, 2], [3, 4]]")


def _located(line: Line, message: str, span: Span, hint: str | None = None) -> NetworkError:
    at = line.error(message, span, hint)
    return NetworkError(message, text=at.text, line=at.line, span=at.span, hint=hint, file=at.file)
