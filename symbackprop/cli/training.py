"""The command train: progress on a terminal, and nothing lost, whatever stops it.

Contract: files that could not be written are refused before the first epoch; parameters are written before anything
else is done with them; an interrupted run says with which command it goes on.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
import warnings
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from symbackprop.cli.common import (
    network_argument,
    read_network,
    read_values,
    say,
    say_warnings,
    values_option,
    write,
)
from symbackprop.cli.progress import interrupted_once, progress_bar
from symbackprop.errors import DataError

if TYPE_CHECKING:
    from symbackprop.numeric import History

STOPPED = 1

LONG_RUN = 20_000
"""Epochs from which it pays to compile a loop that runs once."""

EXAMPLES = """\
\b
Examples:
  symbackprop train two-two-one --data xor.csv --rate 5 --epochs 5000 --plot loss.png -o trained.npz
  symbackprop train my.net --data train.csv --batch 16 --optimizer adam --rate 0.01 \\
      --validation held-out.csv --patience 20 -o trained.npz
  symbackprop train my.net --data train.csv --resume trained.npz -o trained.npz
"""


@click.command(epilog=EXAMPLES)
@network_argument
@click.option(
    "--data",
    required=True,
    metavar="FILE",
    help="Inputs and targets: NPZ by name, or CSV with headers such as x_1 or X[1].",
)
@values_option("Where the parameters start, and constants")
@click.option("--rate", type=float, default=0.5, show_default=True, help="Learning rate.")
@click.option("--epochs", type=click.IntRange(0), default=1000, show_default=True, help="Passes over the data.")
@click.option("--batch", "batch_size", type=click.IntRange(1), metavar="N", help="Samples in an update (default: all).")
@click.option(
    "--optimizer",
    type=click.Choice(["sgd", "momentum", "adam"]),
    default="sgd",
    show_default=True,
    help="Update rule (momentum: 0.9).",
)
@click.option("--tol", type=float, metavar="T", help="Stop when the mean cost of an epoch is below T.")
@click.option("--validation", metavar="FILE", help="Data that are not trained on.")
@click.option(
    "--patience",
    type=click.IntRange(1),
    metavar="N",
    help="Stop when the validation cost has not improved for N epochs; keep the best parameters.",
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of initialisation and shuffling."
)
@click.option("--plot", metavar="FILE", help="Draw the loss curve (.png, .svg, .pdf).")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="Write the parameters to FILE (.npz, .json) instead of JSON on standard output.",
)
@click.option(
    "--resume", metavar="FILE", help="Go on from the parameters in FILE (momentum and Adam start with an empty memory)."
)
@click.pass_context
def train(
    context: click.Context,
    network: str,
    data: str,
    values: str | None,
    validation: str | None,
    plot: str | None,
    output: str | None,
    resume: str | None,
    epochs: int,
    **options: Any,
) -> None:
    """Train NETWORK on data by gradient descent.

    Every update uses gradients at the old parameters. Progress is shown on a terminal; Ctrl-C stops and
    keeps the parameters. Exit status 1 if training diverged or was interrupted.
    """
    from symbackprop.numeric.files import read_data

    _check_outputs(output, plot, (network, data, validation))
    net = read_network(network)
    say_warnings(net)
    start = {**(read_values(values) or {}), **(read_values(resume) or {})}
    derivation = net.derive()
    with interrupted_once():
        with _warnings_said(), progress_bar(epochs, "training", _shown_loss) as progress:
            history = derivation.train(
                start,
                read_data(data),
                epochs=epochs,
                progress=progress,
                compiled=False if epochs < LONG_RUN else None,  # compiling takes longer than a short run
                validation=None if validation is None else read_data(validation),
                **options,
            )
        _save(history.values, output)
    if plot is not None and history.loss:
        from symbackprop.numeric.plot import plot_loss

        plot_loss(history, plot, title=net.title)
    _say_result(context, history)
    if history.stopped_because in ("diverged", "interrupted"):
        sys.exit(STOPPED)


def _check_outputs(output: str | None, plot: str | None, read: Sequence[str | None]) -> None:
    """Refuse a file that could not or should not be written before hours of training, not after."""
    for path in filter(None, (output, plot)):
        if any(_is_same_file(path, other) for other in filter(None, read)):
            raise DataError(f"{path} is read, and would be overwritten", hint="write to another file")
    if output is not None:
        from symbackprop.numeric.files import check_writable

        if PurePath(output).suffix.lower() not in (".npz", ".json"):
            raise DataError(
                f"parameters are written as .npz or .json, not as {output}", hint="use for example -o trained.npz"
            )
        check_writable(output)
    if plot is not None:
        from symbackprop.numeric.plot import check_picture

        check_picture(plot)


def _is_same_file(path: str, other: str) -> bool:
    try:
        return os.path.samefile(path, other)
    except OSError:  # one of them does not exist
        return False


def _save(values: Mapping[str, Any], output: str | None) -> None:
    """Parameters as NPZ or JSON; both keep every bit. Where a file fails at last, standard output gets them."""
    text = json.dumps({name: value.tolist() for name, value in values.items()}, indent=2, ensure_ascii=False)
    try:
        if output is not None and PurePath(output).suffix.lower() == ".npz":
            from symbackprop.numeric.files import save_npz

            save_npz(output, values)
        else:
            write(text, output)
    except DataError:
        write(text, None)
        raise


def _say_result(context: click.Context, history: History) -> None:
    done = len(history.loss)
    if done:
        epochs = "1 epoch" if done == 1 else f"{done} epochs"
        say(f"mean cost {history.loss[0]:.6g} -> {history.loss[-1]:.6g} in {epochs}")
    say(f"stopped because of {history.stopped_because}: {history.message}")
    if history.stopped_because == "interrupted":
        kept = context.params["output"]
        if kept is None:
            kept = "parameters.json"
            say(f"the parameters are on standard output; keep them in a file, for example {kept}")
        say(f"to go on: {shlex.join(_continued(context, kept, context.params['epochs'] - done))}")


def _continued(context: click.Context, kept: str, epochs: int) -> list[str]:
    """The command that goes on: the options of this one, from the parameters in `kept`."""
    words = [*context.command_path.split(), context.params["network"]]
    for option in context.command.params:
        given = context.get_parameter_source(option.name or "") is ParameterSource.COMMANDLINE
        if given and option.name not in ("network", "epochs", "resume", "output"):
            words += [option.opts[-1], str(context.params[option.name or ""])]
    return [*words, "--epochs", str(epochs), "--resume", kept, "-o", kept]


def _shown_loss(loss: float | None) -> str:
    return "" if loss is None else f"mean cost {loss:.6g}"


@contextmanager
def _warnings_said() -> Generator[None]:
    """Python warnings as messages, at once: a warning about the start is no use at the end."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = lambda message, *_: say(f"warning: {message}")
        yield
