"""What the commands share: the NETWORK argument, files of values, output that appears whole or not at all."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from symbackprop.errors import DataError

if TYPE_CHECKING:
    from symbackprop.api import Network

F = TypeVar("F", bound=Callable[..., Any])


def network_argument(command: F) -> F:
    """The argument NETWORK."""
    return click.argument("network", metavar="NETWORK")(command)


def output_option(command: F) -> F:
    """The option -o FILE."""
    return click.option("-o", "--output", metavar="FILE", help="Write to FILE instead of standard output.")(command)


def values_option(text: str) -> Callable[[F], F]:
    """The option --values FILE."""
    return click.option("--values", metavar="FILE", help=f"{text} (JSON, NPZ, or lines such as 'w_12 := 0.5').")


def read_network(source: str) -> Network:
    """The network of a file, a built-in name, or standard input."""
    from symbackprop.api import Network
    from symbackprop.notation.reader import read_specification

    return Network(read_specification(*network_text(source)))


def network_text(source: str) -> tuple[str, str | None]:
    """The text of a network and the name of its file; standard input has no name."""
    from symbackprop.api import source_text

    if source != "-":
        return source_text(source)
    try:
        text = sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError("standard input is not UTF-8 text") from None
    if not text.strip():
        raise DataError("standard input is empty", hint="give the equations of a network, one a line")
    return text + "\n", None


def read_values(path: str | None) -> dict[str, Any] | None:
    """The values of a file, by name; None where no file is given."""
    if path is None:
        return None
    from symbackprop.cli.assignments import read_assignments
    from symbackprop.numeric.files import read_values as read

    return read(path, read_assignments)


def write(text: str, path: str | None) -> None:
    """Text to a file, whole or not at all, or to standard output."""
    write_bytes((text if text.endswith("\n") else text + "\n").encode("utf-8"), path)


def write_bytes(content: bytes, path: str | None) -> None:
    """Bytes to a file, whole or not at all, or to standard output."""
    if path is None:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    from symbackprop.numeric.files import whole_file

    with whole_file(path) as stream:
        stream.write(content)


def write_piece(text: str) -> None:
    """A piece of the result to standard output, as UTF-8 whatever the terminal."""
    write_bytes(text.encode("utf-8"), None)


def say(message: str) -> None:
    """A message to standard error."""
    click.echo(message, err=True)


def say_roles(network: Network) -> None:
    """How the names of a network were read, in a line, and its warnings."""
    from symbackprop.network.roles import DECLARATIONS

    parts = [
        f"{word} {' '.join(q.name.plain for q in found)}"
        for role, word in DECLARATIONS.items()
        if (found := network.with_role(role))
    ]
    parts.append(f"loss {network.names[network.loss.base].plain}")
    say("; ".join(parts))
    say_warnings(network)


def say_warnings(network: Network) -> None:
    """What is allowed in a network but deserves a look."""
    for warning in network.warnings:
        say(f"warning: {warning}")
