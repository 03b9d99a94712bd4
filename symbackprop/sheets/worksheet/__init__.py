"""Worksheets: a sheet with blanks, and a key that fits it; for every student another variant.

Contract: `worksheet(derivation, seed)` gives a `Worksheet`; the same seed gives the same bytes. Both halves are read
off one derivation, and the Markdown of the key is a network file that `check` marks a filled worksheet with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from symbackprop.derivation import DeltaConvention, Derivation
from symbackprop.errors import DataError, NetworkError
from symbackprop.network import Network
from symbackprop.notation.network_file import network_file
from symbackprop.numeric import compile_program
from symbackprop.phrases import template_folders
from symbackprop.sheets.blocks import Block
from symbackprop.sheets.compose.composition import Composition
from symbackprop.sheets.compose.numbers.known import Known
from symbackprop.sheets.mathematics import MathWriter
from symbackprop.sheets.phrases import Phrases
from symbackprop.sheets.sheet import Dialect, Sheet
from symbackprop.sheets.worksheet.pages import Assignment, key_blocks, sheet_blocks
from symbackprop.sheets.worksheet.steps import STEPS, StepName
from symbackprop.sheets.worksheet.values import pleasant_values
from symbackprop.sheets.worksheet.variants import variant

__all__ = ["STEPS", "Key", "StepName", "Worksheet", "worksheet"]


@dataclass(frozen=True)
class Key(Sheet):
    """The solutions of a worksheet. As Markdown it is a network file, too."""

    def to_markdown(self, dialect: Dialect = "key", picture: str | None = None) -> str:
        """Markdown in which only the network counts for a reader of network files: solutions are inline formulas."""
        return super().to_markdown("key", picture)


@dataclass(frozen=True)
class Worksheet:
    """A worksheet and its key.

    Attributes:
        sheet: what a student gets.
        key: the solutions; ``key.to_markdown()`` is a network file for ``check``.
        network: the variant that both are about.
        values: its numbers by name; empty where there is nothing to calculate.
    """

    sheet: Sheet
    key: Key
    network: Network
    values: Mapping[str, Any]


def worksheet(
    derivation: Derivation,
    seed: int | None = None,
    steps: Sequence[StepName] | None = None,
    language: str = "en",
    values: Mapping[str, Any] | None = None,
    templates: Path | str | None = None,
    digits: int = 4,
) -> Worksheet:
    """A worksheet about a network, or about a variant of it.

    Args:
        derivation: the backward pass that is asked for.
        seed: draws a variant: sizes, activations, loss, and numbers that stay pleasant. None: the network as it is.
        steps: what is left blank, of `STEPS`; None: everything that this network has.
        language: of the phrases.
        values: numbers instead of drawn ones.
        templates: a folder whose phrases and templates come first.
        digits: significant digits of the numbers.

    Raises:
        DataError: there is no such step, or a value does not fit.
        NetworkError: the network cannot be written as a network file.
    """
    _check_steps(steps)
    network = variant(derivation.network, seed)
    derived = Derivation(network, cast(DeltaConvention, derivation.delta), style="delta", derivatives="output")
    known = _known_numbers(derived, seed, values, wanted=steps is not None and "numbers" in steps)
    folders = template_folders(templates)
    c = Composition(derived, MathWriter(derived), Phrases(language, folders))
    numbers = None if known is None else Known(c, compile_program(derived), known, digits)
    chosen: tuple[StepName, ...] = tuple(
        s for s in STEPS if (steps is None or s in steps) and (s != "numbers" or numbers is not None)
    )
    assignment = Assignment(c, chosen, seed, numbers)
    given = {} if known is None else {network.names[base].plain: value for base, value in known.items()}
    source = network_file(network, {} if known is None else known)
    return Worksheet(
        Sheet(_all(sheet_blocks(assignment)), language, folders),
        Key(_all(key_blocks(assignment, source)), language, folders),
        network,
        given,
    )


def _all(blocks: Any) -> tuple[Block, ...]:
    return tuple(blocks)


def _check_steps(steps: Sequence[str] | None) -> None:
    unknown = [s for s in steps or () if s not in STEPS]
    if unknown or (steps is not None and not steps):
        raise DataError(
            f"a worksheet has no step {unknown[0]!r}" if unknown else "a worksheet needs a step to be done",
            hint=f"steps are {', '.join(STEPS)}",
        )


def _known_numbers(
    derivation: Derivation, seed: int | None, values: Mapping[str, Any] | None, *, wanted: bool
) -> Mapping[Any, Any] | None:
    """Values for every quantity that must be given, or None where there is nothing to calculate."""
    try:
        return pleasant_values(derivation, seed, values or {})
    except NetworkError:  # no program before a depth is concrete or a function is told: the other steps remain
        if wanted or values:
            raise
        return None
