"""The command line: thin commands over the facade; messages to standard error, results to standard output.

Contract: exit status 0 done, 1 something checked is not right, 2 unusable input or arguments with one clear
message. Nothing here is imported from SymPy or NumPy until a command runs, so that ``symbackprop --help``
answers at once.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from symbackprop.cli.check import check
from symbackprop.cli.derive import derive, networks
from symbackprop.cli.programs import code, gradcheck, predict
from symbackprop.cli.training import train
from symbackprop.cli.worksheet import worksheet
from symbackprop.errors import SymbackpropError

PROGRAM = "symbackprop"
UNUSABLE = 2

EXAMPLES = """\
\b
Examples:
  symbackprop networks
  symbackprop derive two-two-one
  symbackprop derive my.net -f tex -o my.tex
  symbackprop check two-two-one answers/ --report class.html
  symbackprop gradcheck two-two-one
  symbackprop train two-two-one --data xor.csv --rate 5 --epochs 5000 -o trained.npz
"""


class Commands(click.Group):
    """A group whose errors are one message and exit status 2, never a traceback (unless --debug asks for
    it).
    """

    def main(self, *args: Any, **extra: Any) -> Any:  # noqa: D102 - click's interface
        try:
            return super().main(*args, **extra)
        except BrokenPipeError:
            # The reader of our output (head, less) has gone: no message, and none from Python at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: D102 - click's interface
        try:
            return super().invoke(ctx)
        except SymbackpropError as error:
            if ctx.params.get("debug"):
                raise
            click.echo(f"{PROGRAM}: {error}", err=True)
            ctx.exit(UNUSABLE)


@click.group(cls=Commands, epilog=EXAMPLES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name=PROGRAM, prog_name=PROGRAM)
@click.option("--debug", is_flag=True, help="Show Python's traceback of an error.")
def main(debug: bool) -> None:
    """Derive the backward pass of a neural network from its equations; print it, check it, train it; mark homework.

    NETWORK is a file (.net, .md, .tex), - for standard input, or the name of a built-in network.
    """


for command in (derive, check, gradcheck, train, predict, code, worksheet, networks):
    main.add_command(command)
