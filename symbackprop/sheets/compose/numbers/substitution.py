"""Expressions with numbers put in: lines that are not too wide, brackets that are not too many."""

from __future__ import annotations

import re
from collections.abc import Iterator

from symbackprop.sheets.blocks import NOTHING, Math
from symbackprop.sheets.breaking import Atom, packed
from symbackprop.sheets.mathematics import IS

_DOUBLE = re.compile(r"\(\(([^()]*)\)\)")
_TOKENS = re.compile(r"\\begin\{\w+\}|\\end\{\w+\}| (?:\\odot|⊙|[-+]) |[\[\](){}]|[^\\\[\](){} ]+|.", re.DOTALL)
_SIGNS = {r"\odot", "⊙", "+", "-"}


def single_brackets(math: Math) -> Math:
    """``f((-1))`` as ``f(-1)``: the brackets of the function are enough.

    >>> single_brackets(Math("f((-1))", "f((-1))")).text
    'f(-1)'
    """
    return Math(_DOUBLE.sub(r"(\1)", math.latex), _DOUBLE.sub(r"(\1)", math.text))


def with_value(lines: list[Math], value: Math) -> list[Math]:
    """The value behind the last line, unless it says the same already."""
    if len(lines) == 1 and lines[0].text in (value.text, f"({value.text})"):
        return [value]
    return [*lines[:-1], lines[-1] + IS + value]


def in_lines(math: Math, room: float) -> list[Math]:
    r"""A formula in matrix notation, broken before ``+``, ``-`` and ``\odot`` that stand in no bracket.

    >>> [line.text for line in in_lines(Math("(a + b) + c", "(a + b) + c"), 4)]
    ['(a + b)', '  + c']
    """
    pieces = [list(_split(spelled)) for spelled in (math.latex, math.text)]
    if len(pieces[0]) != len(pieces[1]):
        return [math]
    atoms: list[Atom] = []
    for (sign, latex), (word, text) in zip(*pieces, strict=True):
        glue = Math(f" {sign} ", f" {word} ") if sign else NOTHING
        newline = Math(rf"\quad {{}} {sign} ", f"  {word} ") if sign else NOTHING
        atoms.append(Atom(Math(latex, text), glue, newline))
    return packed(atoms, room)


def _split(spelled: str) -> Iterator[tuple[str, str]]:
    """The parts between signs that stand in no bracket, each with the sign in front of it."""
    depth, sign, part = 0, "", ""
    for token in _TOKENS.findall(spelled):
        if token.strip() in _SIGNS and token.startswith(" ") and depth == 0 and part:
            yield sign, part
            sign, part = token.strip(), ""
            continue
        depth += (token in "([{" or token.startswith(r"\begin")) - (token in ")]}" or token.startswith(r"\end"))
        part += token
    yield sign, part
