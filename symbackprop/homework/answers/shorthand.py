r"""What is written in other signs than an equation: ``w -= lr * g``, ``w.grad = ...``, ``dE/dw: ...``.

Contract: `as_written(line)` is a line of the same meaning with an equals sign; places still point at what was written.
"""

from __future__ import annotations

import re

from symbackprop.notation.source import Line

_AUGMENTED = re.compile(r"(\s*)((?:\\[A-Za-z]+|[^\W\d])[\w{}\[\]()^\\]*)\s*([-+])[=＝]\s*(?=\S)")
_GRAD = re.compile(r"(?<![\w.])([A-Za-z]\w*)\.grad(?:\.data)?(?![\w(])")
_OVER_EQUALS = re.compile(
    r"\\(?:overset|stackrel|underset)\s*\{(?:[^{}]|\{[^{}]*\})*\}\s*\{\s*(:?=)\s*\}|\\xlongequal\s*(?:\[[^\]]*\])?\s*\{(?:[^{}]|\{[^{}]*\})*\}"
)
_DERIVATIVE = r"(?:\\d?frac\s*\{\s*\\partial|∂|∇|\\nabla|d\s*[A-Za-z]\w*\s*/\s*d|grad|\\?[dD]elta|δ|Δ|△|d[A-Z]\d?\b)"
_SAID = re.compile(
    rf"(\s*{_DERIVATIVE}[^=＝:：]{{0,60}}?)\s*(?:[:：]|→|->|⇒|\\(?:to|rightarrow|Rightarrow)(?![A-Za-z]))\s*(?=\S)"
)


_SHAPE = re.compile(r"(?<![\w.])([A-Za-z]\w*)\.(?:shape|size)\s*[\[(]\s*([01])\s*[\])]")


def as_written(line: Line) -> Line:
    """The line with an equals sign where one is meant."""
    line = _without_words_above(line)
    if "." in line.text:
        line = Line(_SHAPE.sub(_length, line.text), line.pieces, line.file)
    text = line.text
    match = _AUGMENTED.match(text)
    if match is not None:
        name = match[2]
        start = f"{match[1]}{name} := {name} {match[3]} ("
        return _replaced(line, start + text[match.end() :] + ")", len(start) - match.end())
    if _GRAD.search(text):
        return Line(_GRAD.sub(lambda m: f"grad_{m[1]}".ljust(len(m.group())), text), line.pieces, line.file)
    if not re.search("[=＝≈←]", text):
        match = _SAID.match(text)
        if match is not None:
            start = match[1] + " = "
            return _replaced(line, start + text[match.end() :], len(start) - match.end())
    return line


def _length(match: re.Match[str]) -> str:
    """``X.shape[0]`` as ``len(X)``, ``X.shape[1]`` as ``len(X.T)``, as wide as before."""
    return f"len({match[1]}{'.T' if match[2] == '1' else ''})".ljust(len(match.group()))


def _without_words_above(line: Line) -> Line:
    """An equals sign with its reason above: blanks take the place of the reason."""
    return Line(_OVER_EQUALS.sub(lambda m: (m[1] or "=").rjust(len(m.group())), line.text), line.pieces, line.file)


def _replaced(line: Line, text: str, shift: int) -> Line:
    """Another text for a line whose rest stands `shift` characters further right."""
    pieces = tuple(
        p._replace(start=p.start + shift if n else 0, column=p.column - (0 if n else shift))
        for n, p in enumerate(line.pieces)
    )
    return Line(text, pieces, line.file)
