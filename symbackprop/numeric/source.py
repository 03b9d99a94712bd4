"""Lines of a program -> readable Python source that imports only its array library.

Contract: text in, text out; the lines are those that run. `function_source` is one function with named
arguments.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile
from typing import NamedTuple

from symbackprop.network import Network
from symbackprop.notation.writer import TEXT, Writer
from symbackprop.numeric.dialects import NUMPY, Dialect
from symbackprop.numeric.plan import Section

WIDTH = 100
TITLES: dict[Section, str] = {
    "forward": "forward pass",
    "backward": "backward pass: the adjoints, from the loss back",
    "gradients": "gradients of the parameters",
}
_CALLED = re.compile(r"(?<![\w.])([A-Za-z_]\w*)\(")


class Line(NamedTuple):
    """One line of a program: ``name = text``."""

    name: str
    """What is assigned: a name, or a part of an array."""
    text: str
    section: Section
    sign: str = "="
    """``+=`` adds to what is there."""
    inside: tuple[str, ...] = ()
    """The heads of the blocks that the line shares with its neighbours: ``for t in range(1, T + 1):``."""
    over: str = ""
    """The head of the line's own loop: ``for p, q in np.ndindex(3, 3):``."""

    def __str__(self) -> str:
        return f"{self.name} {self.sign} {self.text}"

    @property
    def whole(self) -> str:
        """Everything that is written for the line, for a search in it."""
        return " ".join((*self.inside, self.over, str(self)))


def helper_names(lines: Iterable[Line], dialect: Dialect = NUMPY) -> list[str]:
    """The helper functions that the lines call, sorted."""
    return sorted({name for line in lines for name in _CALLED.findall(line.whole)} & dialect.helpers.keys())


def function_source(
    network: Network,
    arguments: Sequence[str],
    lines: Sequence[Line],
    loss: str,
    gradients: Mapping[str, str],
    dialect: Dialect = NUMPY,
) -> str:
    """``loss_and_gradients(x, ..., w, ...)`` with its imports and helper functions."""
    signature = wrapped("def loss_and_gradients(", arguments, "):", indent="        ")
    loss_name = network.names[network.loss.base].plain
    body = [
        f'"""The loss {docstring(loss_name)} and the gradient of every parameter."""',
        *statements(lines),
        f"return {loss}, {{",
        *(f"    {quoted(plain)}: {name}," for plain, name in gradients.items()),
        "}",
    ]
    return module_head(lines, dialect) + signature + "\n" + indented(body) + "\n"


def module_head(lines: Sequence[Line], dialect: Dialect = NUMPY) -> str:
    """Imports and helper functions."""
    helpers = [dialect.helpers[name] for name in helper_names(lines, dialect)]
    text = "\n".join([*(line.whole for line in lines), *helpers])
    imports = [line for name, line in dialect.imports.items() if name == dialect.module or f"{name}." in text]
    parts = ["\n".join(imports), *helpers]
    return "\n\n".join(part.rstrip("\n") + "\n" for part in parts) + "\n\n"


def statements(lines: Iterable[Line], titles: bool = True) -> list[str]:
    """The lines with a comment at the head of each section; long sums continue on further lines."""
    text: list[str] = []
    section, blocks = None, tuple[str, ...]()
    for line in lines:
        if titles and line.section != section:
            section = line.section
            text.append(f"# {TITLES[section]}")
        pairs = zip(line.inside, blocks, strict=False)
        same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        text += ["    " * (same + n) + head for n, head in enumerate(line.inside[same:])]
        own = [line.over, *("    " + row for row in folded(line))] if line.over else folded(line)
        text += ["    " * len(line.inside) + row for row in own]
        blocks = line.inside
    return text


def indented(lines: Iterable[str], by: str = "    ") -> str:
    """The lines, each indented."""
    return "\n".join(by + line if line else line for line in lines)


def wrapped(head: str, items: Sequence[str], tail: str, indent: str = "    ") -> str:
    """``head item, item, ... tail``, over several lines where it is too long for one."""
    rows = [head]
    for number, item in enumerate(items):
        piece = item + (", " if number < len(items) - 1 else "")
        if len(rows[-1]) + len(piece) > WIDTH and rows[-1].strip():
            rows[-1] = rows[-1].rstrip()
            rows.append(indent)
        rows[-1] += piece
    return "\n".join(rows) + tail


def folded(line: Line, indent: str = "    ") -> list[str]:
    """A long ``name = a + b + ...`` in brackets over several lines, broken before a plus or minus outside
    brackets.
    """
    statement, text = str(line), line.text
    if len(statement) <= WIDTH:
        return [statement]
    depth, cuts = 0, [0]
    for position, character in enumerate(text):
        depth += (character in "([{") - (character in ")]}")
        if depth == 0 and character in "+-" and text[position - 1 : position + 2] == f" {character} ":
            cuts.append(position)
    if len(cuts) == 1:
        return [statement]
    rows = [f"{line.name} {line.sign} ("]
    row = indent
    for start, end in zip(cuts, [*cuts[1:], len(text)], strict=True):
        piece = text[start:end]
        if len(row) + len(piece) > WIDTH and row.strip():
            rows.append(row.rstrip())
            row = indent
        row += piece
    return [*rows, row.rstrip() + ")"]


def docstring(text: str) -> str:
    """Text that may stand in a docstring: nothing in it ends the string or starts an escape."""
    return text.replace("\\", "\\\\").replace('"', '\\"')


def quoted(text: str) -> str:
    """A Python string literal, in double quotes where that needs no escapes."""
    literal = repr(text)
    return literal if '"' in literal else f'"{literal[1:-1]}"'


def equations(network: Network) -> list[str]:
    """The network's equations as plain text, one a line."""
    write = Writer(network.names, TEXT)
    return [f"{write.name(e.base)} = {write(e.expression)}" for e in network.equations]
