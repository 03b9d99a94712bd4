"""How a target language spells the constructs of the notation: LaTeX, and plain text for terminals.

Contract: a `Markup` is a table of small functions from strings to strings; it knows no expression.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from symbackprop.names import Name


@dataclass(frozen=True)
class Markup:
    """How one target language spells the constructs of the notation."""

    name: Callable[[Name], str]
    fraction: Callable[[str, str], str]
    brackets: Callable[[str], str]
    sum_sign: Callable[[str, str, str], str]
    subscript: Callable[[str, str], str]
    superscript: Callable[[str, str], str]
    function: Callable[[str, str], str]
    root: Callable[[str], str]
    absolute: Callable[[str], str]
    indicator: Callable[[str], str]
    cases: Callable[[Sequence[tuple[str, str]]], str]
    partial: Callable[[str, str], str]
    relations: Mapping[str, str]
    times: str
    dot: str
    infinity: str = "∞"


def _latex_brackets(inner: str) -> str:
    tall = any(command in inner for command in (r"\frac", r"\sum", r"\sqrt", r"\begin", r"\dfrac"))
    return rf"\left({inner}\right)" if tall else f"({inner})"


def _text_script(text: str, script: str, mark: str) -> str:
    return f"{text}{mark}{script}" if len(script) == 1 or script.isalnum() else f"{text}{mark}{{{script}}}"


LATEX = Markup(
    name=lambda name: name.latex,
    fraction=lambda a, b: rf"\frac{{{a}}}{{{b}}}",
    brackets=_latex_brackets,
    sum_sign=lambda sign, low, high: rf"\{sign}_{{{low}}}" + (f"^{{{high}}}" if high else "") + " ",
    subscript=lambda a, b: f"{a}_{{{b}}}" if len(b) > 1 else f"{a}_{b}",
    superscript=lambda a, b: f"{a}^{{{b}}}" if len(b) > 1 else f"{a}^{b}",
    function=lambda f, x: f + x,
    root=lambda x: rf"\sqrt{{{x}}}",
    absolute=lambda x: rf"\left|{x}\right|",
    indicator=lambda x: rf"\mathbf{{1}}[{x}]",
    cases=lambda rows: (
        r"\begin{cases} "
        + r" \\ ".join(rf"{v} & \text{{if }} {c}" if c else rf"{v} & \text{{otherwise}}" for v, c in rows)
        + r" \end{cases}"
    ),
    partial=lambda a, b: rf"\frac{{\partial {a}}}{{\partial {b}}}",
    relations={"Gt": ">", "Ge": r"\ge", "Lt": "<", "Le": r"\le", "Eq": "=", "Ne": r"\ne", "And": r"\wedge"},
    times=r"\,",
    dot=r" \cdot ",
    infinity=r"\infty",
)

TEXT = Markup(
    name=lambda name: name.unicode,
    fraction=lambda a, b: f"{_group(a)}/{_group(b)}",
    brackets=lambda inner: f"({inner})",
    sum_sign=lambda sign, low, high: f"{'Σ' if sign == 'sum' else sign}_{{{low}{'..' + high if high else ''}}} ",
    subscript=lambda a, b: _text_script(a, b, "_"),
    superscript=lambda a, b: f"{a}^{b}" if len(b) == 1 or b.isalnum() or b[0] + b[-1] in ("()", "[]") else f"{a}^({b})",
    function=lambda f, x: f + x,
    root=lambda x: f"√({x})",
    absolute=lambda x: f"|{x}|",
    indicator=lambda x: f"[{x}]",
    cases=lambda rows: "{" + "; ".join(f"{v} if {c}" if c else f"{v} otherwise" for v, c in rows) + "}",
    partial=lambda a, b: f"∂{a}/∂{b}",
    relations={"Gt": ">", "Ge": "≥", "Lt": "<", "Le": "≤", "Eq": "=", "Ne": "≠", "And": "∧"},
    times=" ",
    dot=" · ",
)


def _group(text: str) -> str:
    """Brackets around what a slash would tear apart."""
    return text if all(c not in text for c in " +-/·") else f"({text})"
