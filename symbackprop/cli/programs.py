"""The commands that compute: gradcheck, predict, code."""

from __future__ import annotations

import sys
from typing import Any

import click

from symbackprop.cli.common import (
    network_argument,
    output_option,
    read_network,
    read_values,
    say,
    values_option,
    write,
)

NOT_RIGHT = 1

GRADCHECK_EXAMPLES = """\
\b
Examples:
  symbackprop gradcheck two-two-one
  symbackprop gradcheck my.net --seed 7
  symbackprop gradcheck my.net --values point.json
  symbackprop gradcheck my.net --values point.json --gradients mine.npz
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
  symbackprop code relu-classifier --backend torch
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
@click.option("--train", "with_training", is_flag=True, help="With initialisation and a training loop (NumPy).")
@click.option(
    "--backend",
    type=click.Choice(["numpy", "jax", "torch"]),
    default="numpy",
    show_default=True,
    help="The array library that the module imports.",
)
@output_option
def code(network: str, with_training: bool, backend: str, output: str | None) -> None:
    """Write NETWORK as a Python module of its own that imports only its array library."""
    from symbackprop.numeric.standalone import standalone_source

    if backend == "numpy":
        write(standalone_source(read_network(network).derive(), train=with_training), output)
    elif with_training:
        raise click.UsageError("--train writes NumPy; leave out --backend, or --train")
    else:
        write(read_network(network).derive().compile(backend).source, output)
