r"""What is written in other signs than an equation: ``w -= lr * g``, ``w.grad = ...``, ``dE/dw: ...``.

Contract: `as_written(line)` is a line of the same meaning with an equals sign; places still point at what was written.
"""

from __future__ import annotations

import re

from symbackprop.notation.source import Line

_AUGMENTED = re.compile(r"(\s*)((?:\\[A-Za-z]+|[^\W\d])[\w{}\[\]()^\\]*)\s*([-+*/])[=＝]\s*(?=\S)")
_GRAD = re.compile(r"(?<![\w.])([A-Za-z]\w*)\.grad(?:\.data)?(?![\w(])")
_OVER_EQUALS = re.compile(
    r"\\(?:overset|stackrel|underset)\s*\{(?:[^{}]|\{[^{}]*\})*\}\s*\{\s*(:?=)\s*\}|\\xlongequal\s*(?:\[[^\]]*\])?\s*\{(?:[^{}]|\{[^{}]*\})*\}"
)
_DERIVATIVE = r"(?:\\d?frac\s*\{\s*\\partial|∂|∇|\\nabla|d\s*[A-Za-z]\w*\s*/\s*d|grad|\\?[dD]elta|δ|Δ|△|d[A-Z]\d?\b)"
_SAID = re.compile(
    rf"(\s*{_DERIVATIVE}[^=＝:：]{{0,60}}?)\s*(?:[:：]|→|->|⇒|\\(?:to|rightarrow|Rightarrow)(?![A-Za-z]))\s*(?=\S)"
)


_SHAPE = re.compile(r"(?<![\w.])([A-Za-z]\w*)\.(?:shape|size)\s*[\[(]\s*([01])\s*[\])]")
_PICKED = re.compile(
    r"(\s*)([A-Za-z]\w*)\[\s*(?:np\.arange|range|torch\.arange)\([^()]*(?:\([^()]*\))?[^()]*\)\s*,\s*(\w+)\s*\]\s*([-+])=\s*1(?:\.0?)?\s*\Z"
)
_MASKED = re.compile(r"(\s*)([A-Za-z]\w*)\[\s*([^\[\]=]*?(?:<=|>=|<|>)[^\[\]=]*)\]\s*=\s*0(?:\.0?)?\s*\Z")
_IDIOMS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"grads?\[\s*['\"]d?(\w+)['\"]\s*\]"), r"grad_\1"),
    (
        re.compile(
            r"(?<!\w)(\w+)\[\s*:\s*,\s*(?:None|np\.newaxis)\s*\]\s*\*\s*(\w+)\[\s*(?:None|np\.newaxis)\s*,\s*:?\s*\]"
        ),
        r"\1 @ \2.T",
    ),
    (re.compile(r"\.(?:reshape|view)\(\s*-1\s*,\s*1\s*\)"), ""),
    (re.compile(r"\.(?:reshape|view)\(\s*1\s*,\s*-1\s*\)"), ".T"),
    (re.compile(r"(?:np|torch)\.ones\(\s*\(?\s*([\w.]+(?:\([\w.]+\))?)\s*(?:,\s*1\s*)?\)?\s*\)"), r"\\mathbf{1}_{\1}"),
    (re.compile(r"\(\s*1(?:\.0?)?\s+if\s+((?:[^()]|\([^()]*\))*?)\s+else\s+0(?:\.0?)?\s*\)"), r"(\1)"),
    (re.compile(r"_\{\s*(?::|\\cdot|\\bullet)\s*,?\s*([a-z])\s*\}"), r"^{(\1)}"),
    (re.compile(r"_\{\s*([a-z])\s*,\s*(?::|\\cdot|\\bullet)\s*\}"), r"^{(\1)}"),
)
"""Idioms of array code and of slices -> the notation that says the same."""
_EINSUM = re.compile(
    r"(?<![\w.])(?:(?:np|torch)\.)?einsum\(\s*['\"](\w)(\w)\s*,\s*(\w)(\w)\s*->\s*(\w)(\w)['\"]\s*,\s*([^,()]+?)\s*,\s*([^,()]+?)\s*\)"
)


def as_written(line: Line) -> Line:
    """The line with an equals sign where one is meant."""
    line = _without_words_above(line)
    line = _without_idioms(_without_chinese(line))
    text = line.text
    picked = _PICKED.match(text)
    if picked is not None:
        name = picked[2]
        return Line(f"{picked[1]}{name} := {name} {picked[4]} one_hot({picked[3]})", line.pieces, line.file)
    masked = _MASKED.match(text)
    if masked is not None:
        name = masked[2]
        return Line(f"{masked[1]}{name} := {name} * (1 - ({masked[3]}))", line.pieces, line.file)
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


def _without_idioms(line: Line) -> Line:
    """The line without the idioms of array code; where one is found, places are only about right."""
    text = _SHAPE.sub(_length, line.text)
    for pattern, plain in _IDIOMS:
        text = pattern.sub(plain, text)
    text = _EINSUM.sub(_product, text)
    return line if text == line.text else Line(text, line.pieces, line.file)


def _product(match: re.Match[str]) -> str:
    """``einsum('nd,nh->dh', A, B)`` as ``(A.T @ B)``."""
    a, b, c, d, row, col, first, second = match.groups()
    shared = {a, b} & {c, d}
    if len(shared) != 1 or {row, col} != {a, b} ^ {c, d}:
        return match.group()
    [k] = shared
    left = f"({first})" if b == k else f"({first}).T"
    right = f"({second})" if c == k else f"({second}).T"
    own = a if b == k else b
    return f"({left} @ {right})" if own == row else f"({left} @ {right}).T"


def _length(match: re.Match[str]) -> str:
    """``X.shape[0]`` as ``len(X)``, ``X.shape[1]`` as ``len(X.T)``, as wide as before."""
    return f"len({match[1]}{'.T' if match[2] == '1' else ''})".ljust(len(match.group()))


LONGEST_PROSE = 3000
"""Characters of a line in which prose is looked for."""
_CHINESE = "\\u3400-\\u9fff"
_CHINESE_FIRST = re.compile(rf"[\s{_CHINESE}，。：:、；]*[{_CHINESE}][\s，。：:、；]*(?=[^\s{_CHINESE}])")
_CHINESE_LAST = re.compile(
    rf"\s*[（(\[【][^()（）\[\]=]*[{_CHINESE}][^()（）\[\]=]*[)）\]】][\s。.]*\Z|[，,、；;\s]+(?:其中|这里|由|根据|因为|利用|即)[^=＝]*\Z"
    rf"|[，,、；;\s]*[{_CHINESE}，。、；！]+\Z"
)


_CHINESE_CHANGES = re.compile("倍|半|负|乘|除|加|减|如果|否则|若|当|平方|转置|不")
"""Words that change what stands before them."""


def _without_chinese(line: Line) -> Line:
    """The line with Chinese prose before and behind the formula blanked out."""
    if not re.search(f"[{_CHINESE}]", line.text) or len(line.text) > LONGEST_PROSE:
        return line
    last = _CHINESE_LAST.search(line.text)
    changes = last is not None and _CHINESE_CHANGES.search(last.group()) is not None
    text = line.text if changes else _CHINESE_LAST.sub("", line.text)
    first = _CHINESE_FIRST.match(text)
    if first is not None and not re.search("[=＝]", first.group()):
        text = " " * first.end() + text[first.end() :]
    return Line(text, line.pieces, line.file)


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
