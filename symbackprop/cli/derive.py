"""The commands that write a network down: derive, networks."""

from __future__ import annotations

import sys
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import click

from symbackprop.cli.common import (
    network_argument,
    output_option,
    read_network,
    read_values,
    say_roles,
    values_option,
    write_bytes,
)

if TYPE_CHECKING:
    from symbackprop.derivation.core import DeltaConvention, Style
    from symbackprop.derivation.rules import OptimizerName
    from symbackprop.network.convert import SampleLayout
    from symbackprop.network.notations import Notation
    from symbackprop.sheets import Sheet
    from symbackprop.sheets.compose.composition import Detail, Form

FORMATS = ("md", "github", "tex", "html", "ipynb", "pdf", "txt")
ENDINGS = {"markdown": "md", "htm": "html", "text": "txt", "latex": "tex"}
"""Other endings of files -> format."""

DERIVE_EXAMPLES = """\
\b
Examples:
  symbackprop derive two-two-one
  symbackprop derive two-two-one --style delta --lang zh -o sheet.md
  symbackprop derive my.net --optimizer adam -o sheet.pdf
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
    "--digits",
    type=click.IntRange(1, 15),
    default=4,
    show_default=True,
    metavar="N",
    help="Significant digits of the numbers.",
)
@click.option(
    "--optimizer",
    type=click.Choice(["sgd", "momentum", "adam"]),
    default="sgd",
    show_default=True,
    help="Update rule that the sheet shows.",
)
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
    style: Style | None,
    form: Form | None,
    delta: DeltaConvention,
    notation: Notation | None,
    layout: SampleLayout | None,
    values: str | None,
    digits: int,
    optimizer: OptimizerName,
    detail: Detail,
    templates: str | None,
    quiet: bool,
) -> None:
    """Derive the backward pass of NETWORK and write it as a sheet.

    Beside a Markdown file stand its pictures, SVG files of the same name. A PDF needs a TeX engine.
    """
    kind = form_of_output or format_of(output)
    if kind == "pdf" and output is None and sys.stdout.isatty():
        raise click.UsageError("a PDF is no text for a terminal; add -o FILE")
    net = read_network(network)
    if layout:
        net = net.with_layout(layout)
    if notation:
        net = net.with_notation(notation)
    if not quiet:
        say_roles(net)
    sheet = net.derive(delta=delta, style=style).sheet(
        lang=lang,
        form=form,
        detail=detail,
        templates=templates,
        values=read_values(values),
        digits=digits,
        optimizer=optimizer,
    )
    if output is not None and kind in ("md", "github") and _ending(output) == "md":
        _save_with_pictures(sheet, kind, Path(output))
    else:
        write_bytes(content_of(sheet, kind), output)


def _ending(output: str) -> str:
    ending = PurePath(output).suffix.lower().lstrip(".")
    return ENDINGS.get(ending, ending)


def format_of(output: str | None) -> str:
    """The format that the ending of a file tells; Markdown without one."""
    if output is None:
        return "md"
    ending = _ending(output)
    if ending not in FORMATS:
        raise click.UsageError(f"the ending of {output} does not tell the format; add -f {'|'.join(FORMATS)}")
    return ending


def _save_with_pictures(sheet: Sheet, kind: str, path: Path) -> None:
    """Markdown and, beside it, its pictures: all files, or none."""
    from urllib.parse import quote

    from symbackprop.numeric.files import write_files

    picture = path.with_suffix(".svg").name
    pictures = sheet.pictures(picture)
    text = rendered(sheet, kind, quote(picture) if pictures else None)
    contents = {path: text if text.endswith("\n") else text + "\n"}
    contents |= {path.with_name(name): drawn for name, drawn in pictures.items()}
    write_files({file: content.encode("utf-8") for file, content in contents.items()})


def content_of(sheet: Sheet, kind: str) -> bytes:
    """The content of a file in one of `FORMATS`."""
    if kind == "pdf":
        return sheet.to_pdf()
    text = rendered(sheet, kind)
    return (text if text.endswith("\n") else text + "\n").encode("utf-8")


def rendered(sheet: Sheet, kind: str, picture: str | None = None) -> str:
    """The text of a sheet in one of `FORMATS` but PDF; Markdown shows the file `picture`, or draws with Mermaid."""
    match kind:
        case "github":
            return sheet.to_markdown("github", picture)
        case "tex":
            return sheet.to_latex()
        case "html":
            return sheet.to_html()
        case "ipynb":
            return sheet.to_notebook()
        case "txt":
            return sheet.to_text()
        case _:
            return sheet.to_markdown(picture=picture)


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
