r"""A syntax tree in clean notation: what was read, shown to the student in one house style.

Contract: `echo(node)` is plain Unicode text that reads back to the same tree; it holds no markup and nothing of the
student's text but names and numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from symbackprop.names import Label, make_name
from symbackprop.notation import syntax as tree

SUM, PRODUCT, SIGN, POWER, ATOM = range(5)
Text = tuple[str, int]

_JOINTS = {"juxtaposition": " ", "cdot": "·", "star": "*", "at": " @ ", "times": "×", "hadamard": " ⊙ "}
_GRADIENTS = {"nabla": "∇_", "d": "d", "grad": "grad_", "Delta": "Δ", "triangle": "Δ", "partial": "∂"}
_FUNCTIONS = {"sigma": "σ", "sigmoid": "σ", "relu": "ReLU", "log": "log"}
_SIGNS = {"sum": "Σ", "prod": "Π", "max": "max", "min": "min", "mean": "mean"}
LONGEST = 400
"""Characters of an echo; what is longer is cut."""


def echo(node: tree.Node | None) -> str:
    r"""The notation of a tree.

    >>> from symbackprop.notation.parser import parse_expression
    >>> echo(parse_expression(r"\frac{1}{m} (W^{(2)})^T \delta \odot \sigma'(z_{1})"))
    '1/m W⁽²⁾ᵀ δ ⊙ σ′(z₁)'
    """
    if node is None:
        return "?"
    text = _write(node)[0]
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _write(node: tree.Node) -> Text:
    writer = _WRITERS.get(type(node))
    return writer(node) if writer is not None else ("…", ATOM)


def _at_least(node: tree.Node, strength: int) -> str:
    text, own = _write(node)
    return f"({text})" if own < strength else text


def _number(node: Any) -> Text:
    value = node.value
    if node.text and "/" not in node.text:
        return node.text, ATOM
    return (str(value), ATOM) if value.denominator == 1 else (f"{value.numerator}/{value.denominator}", PRODUCT)


def _script(script: Any) -> str:
    inside = ",".join(_write(i)[0] for i in script.items)
    if script.kind == "bracket":
        return f"^[{inside}]"
    if script.kind == "paren":
        return f"^({inside})"
    mark = "_" if script.kind == "sub" else "^"
    return f"{mark}{inside}" if len(inside) == 1 else f"{mark}{{{inside}}}"


def _reference(node: Any) -> Text:
    numbers = [s for s in node.scripts if s.kind != "sup" and all(isinstance(i, tree.Number) for i in s.items)]
    if len(numbers) == len(node.scripts) == 1:
        label = Label(numbers[0].kind, ",".join(str(i.value) for i in numbers[0].items))
        return make_name(node.name.base, node.name.accent, (*node.name.scripts, label)).unicode, ATOM
    return node.name.unicode + "".join(map(_script, node.scripts)), ATOM


def _call(node: Any) -> Text:
    name = _FUNCTIONS.get(node.function, node.function) + "′" * node.order
    inside = ", ".join([_write(a)[0] for a in node.arguments] + [f"{k}={v}" for k, v in node.keywords])
    return f"{name}({inside})" if inside or not node.order else name, ATOM


def _reduction(node: Any) -> Text:
    parts: list[str] = []
    for limits in node.indices:
        low = "" if limits.low is None else f"={_write(limits.low)[0]}"
        high = "" if limits.high is None else f"..{_write(limits.high)[0]}"
        parts.append(f"{limits.index.unicode}{low}{high}")
    if node.condition is not None:
        parts.append(_write(node.condition)[0])
    below = f"_{{{', '.join(parts)}}}" if parts else ""
    return f"{_SIGNS[node.kind]}{below} {_at_least(node.body, PRODUCT)}", PRODUCT


def _add(node: Any) -> Text:
    text = ""
    for term in node.terms:
        negative = isinstance(term, tree.Negate)
        inner = term.operand if negative else term
        piece = _at_least(inner, PRODUCT)
        text += (" − " if negative else " + ") + piece if text else ("−" if negative else "") + piece
    return text, SUM


def _multiply(node: Any) -> Text:
    text = _factor(node.factors[0])
    for joint, factor in zip(node.joints, node.factors[1:], strict=True):
        text += _JOINTS[joint] + _factor(factor)
    return text, PRODUCT


def _factor(node: tree.Node) -> str:
    return _at_least(node, SIGN if not isinstance(node, (tree.Divide, tree.Reduction)) else PRODUCT)


def _divide(node: Any) -> Text:
    return f"{_at_least(node.numerator, POWER)}/{_at_least(node.denominator, POWER)}", PRODUCT


def _power(node: Any) -> Text:
    base = _at_least(node.base, ATOM)
    exponent = _write(node.exponent)[0]
    if exponent == "2":
        return base + "²", POWER
    return (f"{base}^{exponent}" if exponent.isalnum() else f"{base}^({exponent})"), POWER


def _transpose(node: Any) -> Text:
    return _at_least(node.operand, ATOM) + "ᵀ", ATOM


def _gradient(node: Any) -> Text:
    text = _at_least(node.wrt, ATOM)
    if node.kind == "nabla":
        text = f"_{{{text}}}" if len(text) > 1 else f"_{text}"
        return "∇" + text + ("" if node.of is None else f" {_write(node.of)[0]}"), ATOM
    return _GRADIENTS[node.kind] + text, ATOM


def _compare(node: Any) -> Text:
    text = _write(node.operands[0])[0]
    for operator, operand in zip(node.operators, node.operands[1:], strict=True):
        text += f" {operator} {_write(operand)[0]}"
    return text, SUM


def _matrix(node: Any) -> Text:
    rows = ["[" + ", ".join(_write(c)[0] for c in row) + "]" for row in node.rows]
    return rows[0] if node.flat else "[" + ", ".join(rows) + "]", ATOM


def _cases(node: Any) -> Text:
    rows = [
        f"{_write(v)[0]} if {_write(c)[0]}" if c is not None else f"{_write(v)[0]} otherwise" for v, c in node.branches
    ]
    return "{" + "; ".join(rows) + "}", ATOM


_WRITERS: dict[type, Callable[[Any], Text]] = {
    tree.Number: _number,
    tree.Reference: _reference,
    tree.Call: _call,
    tree.Reduction: _reduction,
    tree.Add: _add,
    tree.Multiply: _multiply,
    tree.Divide: _divide,
    tree.Power: _power,
    tree.Negate: lambda n: ("−" + _at_least(n.operand, PRODUCT), SIGN if _write(n.operand)[1] > PRODUCT else SUM),
    tree.Transpose: _transpose,
    tree.Element: lambda n: (_at_least(n.operand, ATOM) + "".join(map(_script, n.scripts)), ATOM),
    tree.Norm: lambda n: (f"‖{_write(n.operand)[0]}‖" + (f"_{n.subscript}" if n.subscript else ""), ATOM),
    tree.Absolute: lambda n: (f"|{_write(n.operand)[0]}|", ATOM),
    tree.Inner: lambda n: (f"⟨{_write(n.left)[0]}, {_write(n.right)[0]}⟩", ATOM),
    tree.Ones: lambda n: ("𝟏" + ("" if n.size is None else f"_{_write(n.size)[0]}"), ATOM),
    tree.Indicator: lambda n: (f"[{_write(n.condition)[0]}]", ATOM),
    tree.Compare: _compare,
    tree.Cases: _cases,
    tree.Matrix: _matrix,
    tree.Partial: lambda n: (f"∂{_at_least(n.of, ATOM)}/∂{_at_least(n.wrt, ATOM)}", ATOM),
    tree.Gradient: _gradient,
}
