r"""The table of known names that decides how a spelling is read: which scripts are a name, which are indices.

Contract: immutable; the reader collects it from a file (`collect`), homework takes it from the network.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from symbackprop.names import Kind, Name, make_name, parse_name

Family = tuple[str, Kind]
"""The key of a name and the kind of script that is an index on it: `("W", "bracket")` for `W^{[l]}`."""


@dataclass(frozen=True)
class Vocabulary:
    r"""Known quantities, functions and indices.

    `names`: known quantities by key. `families`: names whose script of a kind is an index, so that `W^{[2]}`
    is an instance of `W^{[l]}`. `functions`: keys of names declared as functions (`f is tanh`). `applied`:
    keys of quantities that were defined with arguments (`L(y, \hat{y}) = ...`). `indices`: bound indices.

    >>> vocabulary = Vocabulary.of("z", r"\hat{Y}", families=[("W", "bracket")])
    >>> vocabulary.find(parse_name("Y_hat")).latex
    '\\hat{Y}'
    """

    names: Mapping[str, Name] = field(default_factory=dict[str, Name])
    families: frozenset[Family] = frozenset()
    functions: frozenset[str] = frozenset()
    applied: frozenset[str] = frozenset()
    indices: frozenset[str] = frozenset()

    @staticmethod
    def of(*names: Name | str, families: Iterable[Family] = (), indices: Iterable[str] = ()) -> Vocabulary:
        """A vocabulary of names, given as names or in any spelling."""
        read = [name if isinstance(name, Name) else parse_name(name) for name in names]
        known = {name.key: name for name in read if name is not None}
        return Vocabulary(known, frozenset(families), indices=frozenset(indices))

    def find(self, name: Name) -> Name | None:
        r"""The known name that is meant, as first spelled; `L` finds `\mathcal{L}` if there is no L."""
        found = self.names.get(name.key)
        if found is None and name.base.isupper() and name.accent in {"", "cal"}:
            twin = make_name(name.base, "" if name.accent else "cal", name.scripts)
            found = self.names.get(twin.key)
        return found

    def find_text(self, text: str) -> Name | None:
        """The known name of a spelling."""
        name = parse_name(text)
        return self.find(name) if name else None

    def with_names(self, names: Iterable[Name]) -> Vocabulary:
        """The vocabulary with more known quantities."""
        more = {name.key: name for name in names}
        return replace(self, names={**self.names, **more}) if more else self

    def with_indices(self, keys: Iterable[str]) -> Vocabulary:
        """The vocabulary with more bound indices."""
        more = frozenset(keys)
        return self if more <= self.indices else replace(self, indices=self.indices | more)


NOTHING_KNOWN = Vocabulary()
