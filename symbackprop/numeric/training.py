"""Gradient descent on data: epochs, batches, stopping rules, and the history of a run.

Contract: `train(derivation, values, data)` returns a `History`. Every update uses gradients at the old
weights, all parameters at once; the cost of a batch is the mean of the loss over its samples. Nothing
but rounding depends on the machine: initialisation and shuffling come from the seed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from symbackprop.derivation import Derivation
from symbackprop.derivation.rules import OptimizerName
from symbackprop.errors import DataError
from symbackprop.numeric.binding import form_of
from symbackprop.numeric.express import Express
from symbackprop.numeric.loops import Loop, has_numba
from symbackprop.numeric.optimizers import chosen_rule
from symbackprop.numeric.program import compile_program
from symbackprop.numeric.run import Judge, Run, Stop, StopReason
from symbackprop.numeric.trainer import Trainer
from symbackprop.numeric.values import Array


class _Numbers:
    """A list of floats that may be given as an array: it becomes a list when somebody looks at it. Thousands of floats
    take as long to make as a small network takes to train.
    """

    def __set_name__(self, owner: type[Any], name: str) -> None:
        self._name = name

    def __get__(self, history: Any, owner: type[Any]) -> list[float]:
        if history is None:
            return ()  # type: ignore[return-value] - the default of the field
        own = vars(history)
        value = own[self._name]
        if not isinstance(value, list):
            value = own[self._name] = np.asarray(value, float).tolist()
        return value  # type: ignore[no-any-return]

    def __set__(self, history: Any, value: Array) -> None:
        vars(history)[self._name] = value


@dataclass
class History:
    """What happened in training.

    Attributes:
        loss: ``loss[k]`` is the mean cost of epoch k, measured before each update.
        values: the parameters at the end by plain name: with `patience` those of the best validation cost,
            after a divergence the last ones with a finite cost.
        stopped_because: ``epochs``, ``tol``, ``patience``, ``diverged`` or ``interrupted``.
        validation_loss: the cost of the validation data after each epoch, if there are any.
        message: the reason in a sentence; names the quantity that was not finite.
    """

    loss: _Numbers = _Numbers()
    values: dict[str, Array] = field(default_factory=dict[str, Array])
    stopped_because: StopReason = "epochs"
    validation_loss: list[float] = field(default_factory=list[float])
    message: str = ""
    loop: str = ""
    """How the loop was written: ``scalars``, ``compiled scalars``, ``compiled loops``, ``arrays``, ``arrays with BLAS``
    or ``program``."""
    source: str = field(default="", repr=False)
    """The source of the loop that ran."""
    rewrites: tuple[str, ...] = field(default=(), repr=False)
    """What was changed by algebra in that loop, in words; the numbers are the same up to rounding."""

    def __repr__(self) -> str:
        last = f", loss {self.loss[0]:.6g} -> {self.loss[-1]:.6g}" if self.loss else ""
        return f"<History: {len(self.loss)} epochs{last}, stopped because of {self.stopped_because}>"


def train(
    derivation: Derivation,
    values: Mapping[Any, Any] | None = None,
    data: Mapping[Any, Any] | None = None,
    *,
    rate: float = 0.5,
    epochs: int = 1000,
    batch_size: int | None = None,
    shuffle: bool = True,
    seed: int = 0,
    optimizer: OptimizerName = "sgd",
    momentum: float = 0.0,
    tol: float | None = None,
    validation: Mapping[Any, Any] | None = None,
    patience: int | None = None,
    progress: Callable[[int, float], None] | None = None,
    compiled: bool | None = None,
) -> History:
    """Fit the parameters to data by gradient descent.

    Args:
        derivation: the backward pass of a network.
        values: where the parameters start (default: the network file's ``:=``, else seeded initialisation),
            and constants.
        data: inputs and targets, for a scalar network arrays with one number for each sample.
        rate: the learning rate, in units of parameter per gradient.
        epochs: how many times the data are gone through.
        batch_size: samples for each update (default: all); a short last batch is used too.
        shuffle: draw a new order of the samples for each epoch, ``default_rng(seed).permutation(n)`` (not
            where one batch holds all samples: their order changes nothing).
        seed: of initialisation and shuffling.
        optimizer: ``sgd``, ``momentum`` (0.9 unless `momentum` says otherwise) or ``adam``.
        momentum: how much of the last step is kept, at least 0 and less than 1.
        tol: stop when the mean cost of an epoch is below this; a full batch is then not used for an update
            any more.
        validation: inputs and targets that are not trained on.
        patience: stop when the validation cost has not improved for this many epochs, and return the best
            parameters.
        compiled: compile the loop with numba (the extra ``fast``), which takes a second or two the first time; None:
            where numba is installed.
        progress: called several times a second with the number of epochs done and the last mean cost.

    Raises:
        DataError: values or data do not fit the network, or an option is out of range.

    >>> import symbackprop as sb, sympy as sp
    >>> w, x, b, y, z, E = sp.symbols("w x b y z E")
    >>> net = sb.Network([sp.Eq(z, w * x + b), sp.Eq(E, (z - y) ** 2 / 2)])
    >>> history = train(net.derive(), data={"x": [0, 1, 2, 3], "y": [1, 3, 5, 7]}, rate=0.2, epochs=500)
    >>> {name: round(float(value), 6) for name, value in history.values.items()}
    {'w': 2.0, 'b': 1.0}
    """
    program = compile_program(derivation)
    values, data = values or {}, data or {}
    judged = validation is not None or tol is not None or patience is not None or progress is not None
    form = None if judged else (form_of(values, data), batch_size, shuffle, optimizer, momentum, compiled)
    express: Express | None = program.express.get(form)
    interrupted = False
    if express is not None:
        try:
            found = express(values, data, rate, epochs)
        except KeyboardInterrupt:
            found, interrupted = None, True
        if found is not None:
            return _with_loop(History(*found, message=_all_done(epochs)), express.loop)
    run = Run(program, values, data, seed)
    name, constants = chosen_rule(optimizer, rate, momentum)
    size = _batch_size(batch_size, run.samples)
    _check_options(epochs, tol, validation, patience)
    judge = None if validation is None else Judge(run, validation, patience)
    history = History()
    order = np.random.default_rng(seed) if shuffle and size < run.samples else None
    trainer = Trainer(run, size, name, constants, rate, has_numba() if compiled is None else compiled)
    with np.errstate(all="ignore"):
        try:
            trainer.prepare()
            if interrupted:
                raise KeyboardInterrupt
            while len(history.loss) < epochs:
                _some_epochs(trainer, epochs, order, history, tol, judge, progress)
            trainer.require_finite()
            history.message = _all_done(epochs)
            if not judged and order is None and run.binding.sources and (loop := trainer.only_loop) is not None:
                program.express[form] = Express(program, run.binding, loop, trainer.batches, trainer.memory)
        except Stop as stop:
            history.stopped_because, history.message = stop.reason, stop.message
        except KeyboardInterrupt:
            trainer.back_to(len(history.loss))
            history.stopped_because = "interrupted"
            kept = "the best parameters so far" if judge is not None and judge.best is not None else "the parameters"
            history.message = f"interrupted after {len(history.loss)} epochs: {kept} are kept; start from them to go on"
    parameters = trainer.parameters
    if judge is not None and judge.best is not None and history.stopped_because != "diverged":
        parameters = judge.best
    history.values = run.named(parameters)
    return history if trainer.loop is None else _with_loop(history, trainer.loop)


def _all_done(epochs: int) -> str:
    return f"all {epochs} epochs are done" if epochs != 1 else "the epoch is done"


def _with_loop(history: History, loop: Loop) -> History:
    history.source, history.loop, history.rewrites = loop.source, loop.kind, loop.rewrites
    return history


def _some_epochs(
    trainer: Trainer,
    epochs: int,
    order: np.random.Generator | None,
    history: History,
    tol: float | None,
    judge: Judge | None,
    progress: Callable[[int, float], None] | None,
) -> None:
    """As many epochs as fit into a moment (one, where something is judged after each), and their mean costs."""
    one_by_one = judge is not None or (tol is not None and trainer.batches > 1)
    wanted = 1 if one_by_one else min(trainer.fitting_epochs, epochs - len(history.loss))
    floor = tol if tol is not None and trainer.batches == 1 else None
    costs, message = trainer.epochs(wanted, order, floor, len(history.loss))
    history.loss += costs
    if message is not None:
        raise Stop("diverged", message)
    if tol is not None and history.loss and history.loss[-1] < tol:
        raise Stop("tol", f"the mean cost {history.loss[-1]:.6g} of epoch {len(history.loss)} is below {tol:g}")
    if judge is not None:
        judge.after_epoch(trainer.parameters, history.validation_loss)
    if progress is not None:
        progress(len(history.loss), history.loss[-1])


def _batch_size(wanted: int | None, samples: int) -> int:
    if wanted is None:
        return samples
    if wanted < 1:
        raise DataError(f"a batch has at least one sample, not {wanted}")
    return min(wanted, samples)


def _check_options(epochs: int, tol: float | None, validation: Any, patience: int | None) -> None:
    if epochs < 0:
        raise DataError(f"the number of epochs cannot be negative: {epochs}")
    if tol is not None and not tol >= 0:
        raise DataError(f"the threshold tol must be a number that is not negative, not {tol}")
    if patience is not None and validation is None:
        raise DataError(
            "patience watches the validation cost, and there are no validation data",
            hint="give validation data, or use tol",
        )
    if patience is not None and patience < 1:
        raise DataError(f"patience is a number of epochs, at least 1, not {patience}")
