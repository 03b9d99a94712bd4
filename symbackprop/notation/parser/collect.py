r"""The first pass over a file: which names are known, and which scripts are indices.

Contract: `collect_vocabulary(lines)` looks at left sides, declarations, ranges and the scripts that are used
with bound indices; it reads no expression. A script is an index if it holds a letter that is bound where it
stands: by `for`, by a sum, by an offset (`l-1`), or by an index it is used together with.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from symbackprop.names import Kind, Name, make_name, parse_name
from symbackprop.notation.parser.clauses import RELATIONS, Clause, split_clauses
from symbackprop.notation.parser.cursor import NAME_KINDS, split_run, top_level
from symbackprop.notation.parser.expressions import Parser
from symbackprop.notation.parser.indices import MOST_INDICES
from symbackprop.notation.parser.scripts import Raw
from symbackprop.notation.parser.vocabulary import NOTHING_KNOWN, Family, Vocabulary
from symbackprop.notation.source import Line
from symbackprop.notation.tables import FUNCTION_LETTERS, FUNCTIONS, REDUCTIONS
from symbackprop.notation.tokens import Token

_IN = frozenset({"in"})
_SETS = frozenset({"R", "Reals", "reals", "x"})
"""Words in a shape that are no size."""


@dataclass(frozen=True, slots=True)
class _Use:
    """A name with one script that may be an index."""

    family: Family
    letters: frozenset[str]
    offset: bool
    """Whether the script has a plus or minus: `l-1`."""
    together: frozenset[str]
    """All letters in the scripts of the name."""


@dataclass(slots=True)
class _Facts:
    """What one clause says about indices."""

    bound: set[str] = field(default_factory=set[str])
    left: list[_Use] = field(default_factory=list[_Use])
    right: list[_Use] = field(default_factory=list[_Use])
    declares: bool = False
    arrays: set[str] = field(default_factory=set[str])
    """Keys of names that it declares to have axes."""


def collect_vocabulary(lines: Iterable[Line]) -> Vocabulary:
    r"""The names, families and functions of a file.

    >>> lines = [Line.of(r"W^{[l]} \in R^{n_l \times n_{l-1}}"), Line.of("z^{[l]} = W^{[l]} x  for l = 1..L")]
    >>> vocabulary = collect_vocabulary(lines)
    >>> sorted(vocabulary.names), sorted(vocabulary.families)
    (['W', 'n', 'z'], [('W', 'bracket'), ('n', 'sub'), ('z', 'bracket')])
    """
    facts: list[_Facts] = []
    spelled: list[tuple[Name, list[Raw]]] = []
    functions: set[str] = set()
    applied: list[tuple[Name, list[Raw]]] = []
    for line in lines:
        for clause in split_clauses(line):
            for part in (clause, *clause.where):
                _Reader(line, part).read(facts, spelled, functions, applied)
    families = _families(facts)
    names: dict[str, Name] = {}
    for name, raws in spelled:
        known = _known(name, raws, families)
        if known.key not in functions:
            names.setdefault(known.key, known)
    keys = frozenset(_known(name, raws, families).key for name, raws in applied)
    return Vocabulary(names, families, frozenset(functions), keys)


class _Reader:
    """Looks through the tokens of one clause."""

    def __init__(self, line: Line, clause: Clause) -> None:
        self.line = line
        self.clause = clause
        self.parser = Parser(line, clause.tokens, NOTHING_KNOWN)
        self.base_end = 0
        """Where the scripts of the last name begin."""

    def read(
        self,
        facts: list[_Facts],
        spelled: list[tuple[Name, list[Raw]]],
        functions: set[str],
        applied: list[tuple[Name, list[Raw]]],
    ) -> None:
        """Add what the clause says."""
        clause, tokens = self.clause, self.clause.tokens
        found = _Facts()
        match clause.kind:
            case "title":
                return
            case "is":
                name, _ = self._name_at(0)
                functions.add(name.key)
                functions.add(name.stem.key)
                return
            case "roles" | "in":
                stop = next(iter(top_level(tokens, _IN | RELATIONS)), len(tokens) - 1)
                found.declares = clause.kind == "in"
                before = len(spelled)
                spelled += self._names(0, stop, found.left)
                if clause.kind == "in":
                    if any(token.kind in {"^", "**"} for token in tokens[stop:]):
                        found.arrays |= {_stem(name, raws) for name, raws in spelled[before:]}
                    sizes = self._names(stop + 1, len(tokens) - 1, found.right)
                    spelled += [(name, raws) for name, raws in sizes if name.base not in _SETS]
            case "equation":
                marks = top_level(tokens, RELATIONS)
                stop = marks[0] if marks else 0
                self._left_side(stop, found, spelled, applied)
                for _ in self._names(stop, len(tokens) - 1, found.right):
                    pass
            case "assume":
                for _ in self._names(0, len(tokens) - 1, found.right):
                    pass
        found.bound |= set(_range_letters(clause.ranges)) | set(_summed_letters(tokens))
        if found.left or found.right or found.arrays:
            facts.append(found)

    def _left_side(
        self,
        stop: int,
        found: _Facts,
        spelled: list[tuple[Name, list[Raw]]],
        applied: list[tuple[Name, list[Raw]]],
    ) -> None:
        """The name that an equation defines."""
        tokens, parser = self.clause.tokens, self.parser
        if stop == 0 or tokens[0].kind not in NAME_KINDS:
            return
        name, raws = self._name_at(0)
        arguments = parser.kind == "(" and parser.closing(parser.at) == stop - 1
        if arguments and (name.base in FUNCTIONS or name.base in FUNCTION_LETTERS):
            return
        if parser.at == stop or arguments:
            spelled.append((name, raws))
            found.left += _uses(name, raws, tokens)
            if arguments:
                applied.append((name, raws))

    def _name_at(self, position: int) -> tuple[Name, list[Raw]]:
        parser = self.parser
        parser.at = position
        name, glued = parser.base_name()
        self.base_end = parser.at
        return name, glued + parser.raw_scripts(name)

    def _names(self, first: int, last: int, uses: list[_Use]) -> list[tuple[Name, list[Raw]]]:
        """All names between two positions, those inside scripts too."""
        tokens = self.clause.tokens
        found: list[tuple[Name, list[Raw]]] = []
        keep = self.clause.kind in {"roles", "in"}
        position = first
        while position < last:
            kind = tokens[position].kind
            if kind not in NAME_KINDS:
                position += 1
                continue
            after = tokens[position + 1].kind
            plain = after not in {"_", "^", "["} or _is_number_script(tokens, position + 1)
            if plain and not keep and kind != "accent":
                position += 1
                continue
            name, raws = self._name_at(position)
            found.append((name, raws))
            if raws and name.base not in FUNCTIONS:
                uses += _uses(name, raws, tokens, powers=not keep)
            # Equations may have names inside scripts, P_{y_s, s}, and so has the R of a shape.
            position = self.parser.at if keep and name.base not in _SETS else self.base_end
        return found


def _is_number_script(tokens: list[Token], position: int) -> bool:
    """Whether only a number stands in the script, and no other script behind it: the scalar networks."""
    braced = tokens[position + 1].kind == "{"
    number = position + (2 if braced else 1)
    behind = number + (2 if braced else 1)
    return (
        behind < len(tokens)
        and tokens[number].kind == "number"
        and (not braced or tokens[number + 1].kind == "}")
        and tokens[behind].kind not in {"_", "^", "["}
    )


def _uses(name: Name, raws: list[Raw], tokens: list[Token], powers: bool = False) -> Iterator[_Use]:
    """The scripts of a name that may be indices."""
    contents = [_letters(raw, tokens) for raw in raws]
    together = frozenset[str]().union(*(letters for letters, _ in contents))
    if not together:
        return
    stem = _stem(name, raws, powers)
    for raw, (letters, offset) in zip(raws, contents, strict=True):
        kind: Kind | None = "sup" if raw.kind == "sup" else raw.index_kind
        if letters and kind is not None:
            yield _Use((stem, kind), letters, offset, together)


def _letters(raw: Raw, tokens: list[Token]) -> tuple[frozenset[str], bool]:
    """The letters in a script that may be indices, and whether one stands beside a plus or minus."""
    content = [raw.token] if raw.token else tokens[raw.first : raw.last]
    letters: set[str] = set()
    for n, token in enumerate(content):
        if token.kind == "run":
            run, _ = split_run(token.value)
            below = n > 0 and content[n - 1].kind in {"_", "{"}
            if len(run) <= MOST_INDICES and not below:
                letters |= {letter for letter in run if letter.islower()}
        elif token.kind == "letter":
            letters.add(token.value)
    kinds = {token.kind for token in content}
    return frozenset(letters), bool(kinds & {"+", "-"}) and raw.kind != "sup"


def _range_letters(tokens: list[Token]) -> Iterator[str]:
    """The indices behind `for`."""
    for n, token in enumerate(tokens[:-1]):
        starts = n == 0 or tokens[n - 1].kind in {",", "for"} or tokens[n - 1].value in {"all", "each", "every"}
        if token.kind in {"run", "letter"} and (starts or tokens[n - 1].kind in {"<=", "<"}):
            yield token.value


def _summed_letters(tokens: list[Token]) -> Iterator[str]:
    """The indices below sums and maxima."""
    for n, token in enumerate(tokens[:-2]):
        reduces = token.kind == "reduce" or FUNCTIONS.get(token.value, "") in REDUCTIONS
        if not reduces:
            continue
        if tokens[n + 1].kind == "(":
            yield from (t.value for t in tokens[n + 2 :] if t.kind == "run" and len(t.value) == 1)
            continue
        position = n + 1
        if tokens[position].kind != "_":
            continue
        position += 1
        if tokens[position].kind != "{":
            yield from split_run(tokens[position].value)[0][:1]
            continue
        position += 1
        starts = True
        while tokens[position].kind not in {"}", "end"}:
            inner = tokens[position]
            if inner.kind == "run" and (starts or tokens[position - 1].kind in {"<=", "<"}):
                yield from split_run(inner.value)[0]
            elif inner.kind == "letter" and starts:
                yield inner.value
            starts = inner.kind in {",", ";"}
            position += 1


def _families(facts: list[_Facts]) -> frozenset[Family]:
    """Which scripts are indices; a new family is taken back to the clauses that use it, until none is new."""
    families: set[Family] = set()
    arrays: set[str] = set().union(*(fact.arrays for fact in facts))
    users: dict[Family, list[_Facts]] = {}
    for fact in facts:
        for use in fact.right:
            users.setdefault(use.family, []).append(fact)
    waiting = deque(facts)
    while waiting:
        fact = waiting.popleft()
        before = -1
        while len(fact.bound) > before:
            before = len(fact.bound)
            _bind(fact, families, arrays)
        for use in (*fact.left, *fact.right):
            indexed = use.letters & fact.bound or (use.offset and use.family[1] != "sup")
            if indexed and use.family not in families:
                families.add(use.family)
                waiting.extend(users.get(use.family, ()))
    return frozenset(family for family in families if not _is_instance(family, families))


def _is_instance(family: Family, families: set[Family]) -> bool:
    """Is the name an instance of a family itself: `a^{(0)}_j` beside `a^{(l)}_j`? Then its label is an index."""
    name = parse_name(family[0])
    return name is not None and any((name.stem.key, label.kind) in families for label in name.scripts)


def _bind(fact: _Facts, families: set[Family], arrays: set[str]) -> None:
    """More letters that are indices in a clause."""
    bound = fact.bound
    if fact.declares:
        sizes = frozenset[str]().union(*(use.letters for use in fact.right if use.family[0] not in _SETS))
        for use in fact.left:
            layer = use.family[1] == "bracket" and len(use.letters) == 1
            bound |= use.letters if layer else use.letters & sizes
        return
    left = frozenset[str]().union(*(use.together for use in fact.left))
    for use in fact.right:
        if use.offset or use.together & bound or use.family in families or use.family[0] in arrays:
            bound |= use.letters & left if not use.offset else use.letters
    for use in fact.left:
        if use.offset:
            bound |= use.letters


def _stem(name: Name, raws: list[Raw], powers: bool = False) -> str:
    """The key of the name with those scripts that are labels for sure: `W^{(1)}` of `W^{(1)}_{ij}`.

    With `powers` a bare number above is a power, as in `w_j^2` on a right side, and no label.
    """
    no_label = {"sub", "sup"} if powers else {"sub"}
    labels = tuple(raw.as_label() for raw in raws if raw.numeric and (raw.kind not in no_label or raw.glued))
    return make_name(name.base, name.accent, (*name.scripts, *labels)).key


def _known(name: Name, raws: list[Raw], families: frozenset[Family]) -> Name:
    """A defined or declared name without the scripts that are indices."""
    labels = [raw for raw in raws if raw.label and raw.kind in {"sub", "sup", "bracket", "paren", "prime"}]
    stem, bare = _stem(name, raws), name.key
    kept = tuple(
        raw.as_label() for raw in labels if (stem, raw.kind) not in families and (bare, raw.kind) not in families
    )
    glued = bool(raws) and raws[0].glued and bool(kept)
    return make_name(name.base, name.accent, (*name.scripts, *kept), name.glued or glued)
