"""The commands that write a network down: derive, networks."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

import click

from symbackprop.cli.common import (
    network_argument,
    output_option,
    read_network,
    read_values,
    say_roles,
    values_option,
)
from symbackprop.cli.common import write as write_text

FORMATS = ("md", "github", "tex", "html", "ipynb", "txt")

DERIVE_EXAMPLES = """\
\b
Examples:
  symbackprop derive two-two-one
  symbackprop derive two-two-one --style delta --lang zh -o sheet.md
  symbackprop derive my.net -f tex -o sheet.tex
  printf 'z = w x + b\\nE = (z - y)^2\\n' | symbackprop derive - -f txt
"""


@click.command(epilog=DERIVE_EXAMPLES)
@network_argument
@click.option(
    "-f",
    "--format",
    "form_of_output",
    type=click.Choice(FORMATS),
    help="Format of the sheet (default: from the ending of -o, else md).",
)
@output_option
@click.option("--lang", default="en", metavar="en|zh", show_default=True, help="Language of the sheet.")
@click.option(
    "--style",
    type=click.Choice(["paths", "delta"]),
    help="Multiply out every path from the loss, or name shared factors (default: what fits the network).",
)
@click.option(
    "--form",
    type=click.Choice(["scalar", "index", "matrix"]),
    help="How equations are written (default: as the network writes them).",
)
@click.option(
    "--delta",
    type=click.Choice(["cost", "sample"]),
    default="cost",
    show_default=True,
    help="A delta is the derivative of the whole cost, or of one sample's loss.",
)
@click.option(
    "--notation",
    type=click.Choice(["bracket", "paren", "subscript", "neuron"]),
    help="Rename the layers: Z^[l], z^(l), z_l, or h and alpha for single units (default: as the network names them).",
)
@click.option(
    "--layout",
    type=click.Choice(["columns", "rows"]),
    help="Where the samples stand (default: as the network has them).",
)
@values_option("Work the sheet out in numbers")
@click.option(
    "--detail",
    type=click.Choice(["brief", "full"]),
    default="full",
    show_default=True,
    help="How much is explained.",
)
@click.option("--templates", metavar="DIR", help="A folder whose templates replace ours, file by file.")
@click.option("-q", "--quiet", is_flag=True, help="Do not show how the names were read.")
def derive(
    network: str,
    form_of_output: str | None,
    output: str | None,
    lang: str,
    style: Any,
    form: str | None,
    delta: Any,
    notation: Any,
    layout: Any,
    values: str | None,
    detail: str,
    templates: str | None,
    quiet: bool,
) -> None:
    """Derive the backward pass of NETWORK and write it as a sheet."""
    kind = form_of_output or _format_of(output)
    net = read_network(network)
    if layout:
        net = net.with_layout(layout)
    if notation:
        net = net.with_notation(notation)
    if not quiet:
        say_roles(net)
    sheet = net.derive(delta=delta, style=style).sheet(
        lang=lang, form=form, detail=detail, templates=templates, values=read_values(values)
    )
    write_text(_rendered(sheet, kind), output)


def _format_of(output: str | None) -> str:
    if output is None:
        return "md"
    ending = PurePath(output).suffix.lower().lstrip(".")
    known = {"markdown": "md", "htm": "html", "text": "txt", "latex": "tex"}
    ending = known.get(ending, ending)
    if ending not in FORMATS:
        raise click.UsageError(f"the ending of {output} does not tell the format; add -f {'|'.join(FORMATS)}")
    return ending


def _rendered(sheet: Any, kind: str) -> str:
    """The text of a sheet in one of `FORMATS`."""
    match kind:
        case "github":
            return sheet.to_markdown(dialect="github")
        case "tex":
            return sheet.to_latex()
        case "html":
            return sheet.to_html()
        case "ipynb":
            return sheet.to_notebook()
        case "txt":
            return sheet.to_text()
        case _:
            return sheet.to_markdown()


@click.command()
def networks() -> None:
    r"""List the built-in networks, one a line, name first.

    \b
    Example:
      symbackprop networks
    """
    import symbackprop

    found = symbackprop.networks()
    width = max(map(len, found), default=0)
    for name, title in found.items():
        click.echo(f"{name:<{width}}  {title}".rstrip())
