"""The commands that compute: gradcheck, train, predict, code."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import PurePath
from typing import Any

import click

from symbackprop.cli.common import (
    network_argument,
    output_option,
    read_network,
    read_values,
    say,
    say_warnings,
    values_option,
    write,
)
from symbackprop.errors import DataError

NOT_RIGHT = 1

GRADCHECK_EXAMPLES = """\
\b
Examples:
  symbackprop gradcheck two-two-one
  symbackprop gradcheck my.net --seed 7
  symbackprop gradcheck my.net --values point.json
  symbackprop gradcheck my.net --values point.json --gradients mine.npz
"""

TRAIN_EXAMPLES = """\
\b
Examples:
  symbackprop train two-two-one --data xor.csv --rate 5 --epochs 5000 --plot loss.png -o trained.npz
  symbackprop train my.net --data train.csv --batch 16 --optimizer adam --rate 0.01 \\
      --validation held-out.csv --patience 20 -o trained.npz
  symbackprop train my.net --data train.csv --resume trained.npz -o trained.npz
"""

PREDICT_EXAMPLES = """\
\b
Examples:
  symbackprop predict two-two-one --values trained.npz --data xor.csv
  symbackprop predict my.net --values point.json
"""

CODE_EXAMPLES = """\
\b
Examples:
  symbackprop code two-two-one
  symbackprop code two-two-one --train -o network.py
"""


@click.command(epilog=GRADCHECK_EXAMPLES)
@network_argument
@values_option("The point to check at; what is not given is drawn at random")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the random points.")
@click.option(
    "--gradients",
    metavar="FILE",
    help="Check these gradients instead of the derived ones: by parameter, as in --values.",
)
@click.option("--method", type=click.Choice(["central", "complex"]), help="Only this one (default: both).")
@click.option("--tolerance", type=click.FloatRange(min=0), metavar="T", help="The largest error that is right.")
def gradcheck(
    network: str, values: str | None, seed: int, gradients: str | None, method: Any, tolerance: float | None
) -> None:
    """Compare every gradient of NETWORK, or those in a file, with central differences of the loss.

    Prints parameter, relative error and verdict; the error is the largest over five random points (one
    where every value is given). Where the loss is smooth, the complex step has the last word. Exit status 1
    if an error is above 1e-6 (float32: 1e-4).
    """
    check = (
        read_network(network)
        .derive()
        .gradient_check(read_values(values), read_values(gradients), seed=seed, method=method, tolerance=tolerance)
    )
    width = max(map(len, (*check, "parameter")))
    click.echo(f"{'parameter':<{width}}  relative error  verdict")
    for name, error in check.items():
        verdict = "WRONG" if name in check.wrong else "right" if name in check.judged else "not judged"
        click.echo(f"{name:<{width}}  {error:<14.3g}  {verdict}")
    for note in check.notes:
        say(f"note: {note}")
    points = "1 point" if check.points == 1 else f"{check.points} points"
    right = len(check.judged) - len(check.wrong)
    say(f"{right} of {len(check)} gradients are right at {points} (at most {check.tolerance:g})")
    if not check.ok:
        sys.exit(NOT_RIGHT)


@click.command(epilog=TRAIN_EXAMPLES)
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
@click.option("--resume", metavar="FILE", help="Go on from the parameters in FILE.")
def train(
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

    _check_outputs(output, plot)
    net = read_network(network)
    say_warnings(net)
    start = {**(read_values(values) or {}), **(read_values(resume) or {})}
    derivation = net.derive()
    with _progress_bar(epochs) as progress, _warnings_said():
        history = derivation.train(
            start,
            read_data(data),
            epochs=epochs,
            progress=progress,
            validation=None if validation is None else read_data(validation),
            **options,
        )
    _save(history.values, output)
    if plot is not None and history.loss:
        from symbackprop.numeric.plot import plot_loss

        plot_loss(history, plot, title=net.title)
    if history.loss:
        say(f"mean cost {history.loss[0]:.6g} -> {history.loss[-1]:.6g} in {len(history.loss)} epochs")
    say(f"stopped because of {history.stopped_because}: {history.message}")
    if history.stopped_because == "interrupted":
        say(f"to go on: symbackprop train {network} --data {data} --resume {output or 'FILE'}")
    if history.stopped_because in ("diverged", "interrupted"):
        sys.exit(NOT_RIGHT)


def _check_outputs(output: str | None, plot: str | None) -> None:
    """Refuse a file that could not be written before hours of training, not after."""
    if output is not None and PurePath(output).suffix.lower() not in (".npz", ".json"):
        raise DataError(
            f"parameters are written as .npz or .json, not as {output}", hint="use for example -o trained.npz"
        )
    if plot is not None:
        from symbackprop.numeric.plot import check_format

        check_format(plot)


def _save(values: Mapping[str, Any], output: str | None) -> None:
    """Parameters as NPZ or JSON; both keep every bit."""
    if output is not None and PurePath(output).suffix.lower() == ".npz":
        from symbackprop.numeric.files import save_npz

        save_npz(output, values)
    else:
        write(
            json.dumps({name: value.tolist() for name, value in values.items()}, indent=2, ensure_ascii=False),
            output,
        )


@contextmanager
def _progress_bar(epochs: int) -> Generator[Callable[[int, float], None] | None]:
    """A bar on standard error, only where that is a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    with click.progressbar(length=epochs, label="training", file=sys.stderr, item_show_func=str) as bar:
        shown, at = 0, time.monotonic()

        def progress(epoch: int, loss: float) -> None:
            nonlocal shown, at
            if epoch == epochs or time.monotonic() - at > 0.1:
                bar.update(epoch - shown, f"loss {loss:.6g}")
                shown, at = epoch, time.monotonic()

        yield progress


@contextmanager
def _warnings_said() -> Generator[None]:
    """Python warnings of our own room as messages."""
    import warnings

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        yield
    for warning in caught:
        say(f"warning: {warning.message}")


@click.command(epilog=PREDICT_EXAMPLES)
@network_argument
@click.option(
    "--values",
    required=True,
    metavar="FILE",
    help="Parameters, and inputs that are not in --data (JSON, NPZ, or lines such as 'w_12 := 0.5').",
)
@click.option("--data", metavar="FILE", help="Inputs: NPZ by name, or CSV with headers such as x_1 or X[1].")
@output_option
def predict(network: str, values: str, data: str | None, output: str | None) -> None:
    """Compute the outputs of NETWORK; print inputs, outputs and, with targets, the loss as CSV."""
    from symbackprop.numeric.files import read_data
    from symbackprop.numeric.prediction import csv_table, prediction

    net = read_network(network)
    program = net.derive().compile()
    write(
        csv_table(prediction(program, {**(read_values(values) or {}), **(read_data(data) if data else {})})),
        output,
    )


@click.command(epilog=CODE_EXAMPLES)
@network_argument
@click.option("--train", "with_training", is_flag=True, help="With initialisation and a training loop.")
@output_option
def code(network: str, with_training: bool, output: str | None) -> None:
    """Write NETWORK as a Python module of its own that imports only NumPy."""
    from symbackprop.numeric.standalone import standalone_source

    write(standalone_source(read_network(network).derive(), train=with_training), output)
