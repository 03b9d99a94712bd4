"""The command that makes exercises: worksheet."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import click

from symbackprop.cli.common import (
    network_argument,
    output_option,
    read_network,
    read_values,
    values_option,
    write_bytes,
)
from symbackprop.cli.derive import FORMATS, content_of, format_of

if TYPE_CHECKING:
    from symbackprop.sheets.worksheet import StepName

EXAMPLES = """\
\b
Examples:
  symbackprop worksheet two-two-one -o worksheet.md --key key.md
  symbackprop worksheet two-two-one --seed 7 --steps deltas,gradients --lang zh -o 7.tex
  symbackprop check key.md worksheet.md
"""


@click.command(epilog=EXAMPLES)
@network_argument
@click.option("--seed", type=int, metavar="N", help="Draw a variant: sizes, activations, loss, numbers.")
@click.option(
    "-f",
    "--format",
    "form_of_output",
    type=click.Choice(FORMATS),
    help="Format of the worksheet (default: from the ending of -o, else md).",
)
@output_option
@click.option("--key", metavar="FILE", help="Write the solutions, too; as .md they are a NETWORK for check.")
@click.option("--lang", default="en", metavar="en|zh", show_default=True, help="Language of the worksheet.")
@click.option(
    "--steps",
    metavar="LIST",
    help="What is left blank, with commas: partials,deltas,gradients,updates,numbers (default: all).",
)
@click.option(
    "--delta",
    type=click.Choice(["cost", "sample"]),
    default="cost",
    show_default=True,
    help="A delta is the derivative of the whole cost, or of one sample's loss.",
)
@values_option("Numbers to calculate with")
@click.option(
    "--digits",
    type=click.IntRange(1, 15),
    default=4,
    show_default=True,
    metavar="N",
    help="Significant digits of the numbers.",
)
@click.option("--templates", metavar="DIR", help="A folder whose templates replace ours, file by file.")
def worksheet(
    network: str,
    seed: int | None,
    form_of_output: str | None,
    output: str | None,
    key: str | None,
    lang: str,
    steps: str | None,
    delta: Any,
    values: str | None,
    digits: int,
    templates: str | None,
) -> None:
    """Make a worksheet about NETWORK: its derivation with blanks, and a key.

    With --seed every student gets a variant; the same seed gives the same worksheet.
    """
    kind = form_of_output or format_of(output)
    kind_of_key = None if key is None else format_of(key)
    wanted: Any = None if steps is None else tuple(s.strip() for s in steps.split(",") if s.strip())
    asked: tuple[StepName, ...] | None = wanted
    paper = (
        read_network(network)
        .derive(delta=delta)
        .worksheet(seed, asked, lang, values=read_values(values), templates=templates, digits=digits)
    )
    solutions = None if kind_of_key is None else content_of(paper.key, kind_of_key)
    if key is not None and output is not None and PurePath(key) == PurePath(output):
        raise click.UsageError("the worksheet and its key need two files")
    write_bytes(content_of(paper.sheet, kind), output)
    if solutions is not None:
        write_bytes(solutions, key)
