"""From a derivation to a sheet: the sections and what each of them says.

Contract: `compose(derivation)` gives a `Sheet`; everything on it is read off the derivation, nothing is
derived again.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from symbackprop.derivation import Derivation
from symbackprop.derivation.rules import OptimizerName, rule_of
from symbackprop.phrases import template_folders
from symbackprop.sheets.blocks import Block
from symbackprop.sheets.compose.composition import Composition, Detail, Form
from symbackprop.sheets.compose.deltas import backward_by_deltas
from symbackprop.sheets.compose.forward import forward, loss
from symbackprop.sheets.compose.insight import insight
from symbackprop.sheets.compose.mistakes import mistakes
from symbackprop.sheets.compose.opening import opening
from symbackprop.sheets.compose.paths import backward_by_paths
from symbackprop.sheets.compose.summary import summary
from symbackprop.sheets.compose.updates import updates
from symbackprop.sheets.mathematics import MathWriter
from symbackprop.sheets.phrases import Phrases
from symbackprop.sheets.sheet import Sheet

__all__ = ["compose"]


def compose(
    derivation: Derivation,
    language: str = "en",
    detail: Detail = "full",
    form: Form | None = None,
    values: Mapping[str, Any] | None = None,
    templates: Path | str | None = None,
    digits: int = 4,
    optimizer: OptimizerName = "sgd",
) -> Sheet:
    """Write the sheet of a derivation.

    Args:
        derivation: what is printed; its style decides between paths and deltas.
        language: ``en``, ``zh``, or any language for which there is a file of phrases.
        detail: ``full`` says why; ``brief`` prints formulas only.
        form: ``index`` writes everything entry by entry; else results are matrices where they can be.
        values: a number for every input, target, constant and parameter: the sheet is worked out in numbers;
            with a learning rate among them, one update, too. Default: the values that the network states,
            where it states all of them.
        digits: significant digits of the numbers.
        optimizer: the update rule: ``sgd``, ``momentum`` or ``adam``.
        templates: a folder of one's own; a phrase or a template found there beats the built-in one.

    Raises:
        PhraseError: there are no phrases for the language, or one of them is missing.
        DataError: a value is missing or does not fit, or there is no such optimizer.
    """
    rule_of(optimizer)
    folders = template_folders(templates)
    c = Composition(derivation, MathWriter(derivation), Phrases(language, folders), detail, form, optimizer)
    backward = backward_by_paths if derivation.style == "paths" else backward_by_deltas
    blocks: list[Block] = []
    for section in (opening, forward, loss, backward, updates, summary, insight, mistakes):
        blocks += section(c)
    values = values or c.stated
    if values:
        from symbackprop.sheets.compose.numbers import worked  # NumPy only where there are numbers

        blocks += worked(c, values, digits)

    def program() -> tuple[Block, ...]:
        from symbackprop.sheets.compose.program import running

        return tuple(running(c, values))

    return Sheet(tuple(blocks), language, folders, program)
