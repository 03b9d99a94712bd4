"""What the formats share about running text: spaces between Chinese and mathematics, emphasis that holds.

Contract: `spaced(line)` and `tight(line)` change pieces of a line only where words meet something else.
"""

from __future__ import annotations

from symbackprop.sheets.blocks import Inline, Line, Math, Strong, Text

PUNCTUATION = ".,:;!?)，。：；！？、）"
EDGES = f" \t\n{PUNCTUATION}（("


def is_wide(character: str) -> bool:
    """Is it a Chinese, Japanese or Korean character, and no punctuation?"""
    return 0x3400 <= ord(character) <= 0x9FFF or 0xAC00 <= ord(character) <= 0xD7AF


def spaced(line: Line) -> Line:
    """A space between a Chinese character and mathematics next to it."""
    found: list[Inline] = []
    for piece in line:
        previous = found[-1] if found else None
        if isinstance(piece, Math) and isinstance(previous, (Text, Strong)) and is_wide(previous.text[-1]):
            found.append(Text(" "))
        if not isinstance(piece, Math) and isinstance(previous, Math) and piece.text and is_wide(piece.text[0]):
            found.append(Text(" "))
        found.append(piece)
    return tuple(found)


def tight(line: Line) -> Line:
    """Strong words without spaces and punctuation at their ends, where ``**`` would not be recognised."""
    found: list[Inline] = []
    for piece in line:
        if not isinstance(piece, Strong):
            found.append(piece)
            continue
        inner = piece.text.strip(EDGES)
        if not inner:
            found.append(Text(piece.text))
            continue
        start = piece.text.index(inner)
        found += [Text(piece.text[:start]), Strong(inner), Text(piece.text[start + len(inner) :])]
    return tuple(p for p in found if isinstance(p, Math) or p.text)
