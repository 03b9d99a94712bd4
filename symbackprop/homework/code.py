"""Judges a caller's gradient code: a NumPy function is run at the points where answers are judged.

Contract: `check_gradients(function, derivation)` gives a record for each parameter, with the kinds of mistakes and the
messages of marked answers. The function is the caller's own; what it raises is passed on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from symbackprop.derivation import Derivation
from symbackprop.errors import DataError
from symbackprop.homework.judging.judge import Judge
from symbackprop.homework.judging.links import Outcome, Wrong
from symbackprop.homework.judging.targets import Target
from symbackprop.homework.judging.tolerance import agree
from symbackprop.homework.messages import Messages
from symbackprop.homework.records import Record
from symbackprop.homework.values.given import world_of_values
from symbackprop.homework.values.interpreter import Conventions, Interpreter
from symbackprop.homework.values.value import Value
from symbackprop.homework.values.world import World
from symbackprop.indexed import Base
from symbackprop.network import Quantity
from symbackprop.notation import syntax as tree

GradientFunction = Callable[[dict[str, Any]], Any]
"""From values by plain name to gradients by plain name (or the pair of loss and gradients)."""


@dataclass(frozen=True)
class GradientReport(Mapping[str, Record]):
    """The records by parameter; `ok` if all of them are right.

    >>> import symbackprop as sb
    >>> derivation = sb.read("two-two-one").derive()
    >>> report = sb.check_gradients(derivation.compile(), derivation)
    >>> report.ok, report["w_12"].verdict
    (True, 'correct')
    """

    records: tuple[Record, ...]
    names: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Is every gradient right?"""
        return all(record.verdict == "correct" for record in self.records)

    def __getitem__(self, name: str) -> Record:
        return self.records[self.names.index(name)] if name in self.names else self._missing(name)

    def _missing(self, name: str) -> Record:
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def __str__(self) -> str:
        width = max(map(len, self.names), default=0)
        rows = [
            f"{name:<{width}}  {record.verdict:<10}  {record.mistake or ''}  {record.message}".rstrip()
            for name, record in zip(self.names, self.records, strict=True)
        ]
        return "\n".join(rows)


def check_gradients(
    function: GradientFunction,
    derivation: Derivation,
    values: Mapping[str, Any] | None = None,
    *,
    lang: str = "en",
) -> GradientReport:
    r"""Judge gradient code, parameter by parameter.

    Args:
        function: takes every input, target, constant and parameter by its plain name (arrays as a program takes them:
            a vector is 1-D, labels count from 0) and returns gradients by plain name, or ``(loss, gradients)``. It gets
            copies, and is called at several random points with all sizes different, unless `values` are given.
        derivation: the backward pass of the network.
        values: the point to judge at; with it, sizes that happen to be equal hide mistakes.
        lang: the language of the messages.

    Raises:
        DataError: the function returns no gradients by name, or `values` lack a quantity.

    >>> import symbackprop as sb
    >>> net = sb.read("a = tanh(w x)\nE = (a - y)^2")
    >>> def mine(v):
    ...     a = np.tanh(v["w"] * v["x"])
    ...     return {"w": 2 * (a - v["y"]) * (1 - a) * v["x"]}
    >>> check_gradients(mine, net.derive())["w"].mistake
    'wrong_derivative'
    """
    judge = Judge(derivation, Messages(lang))
    worlds = judge.chains.worlds
    if values is not None:
        given = world_of_values(derivation, values)
        if given is None:
            raise DataError("values are missing", hint="give every input, target, constant and parameter a value")
        worlds = [given]
    judge.chains.worlds = worlds
    found = [_gradients(function, world) for world in worlds]
    parameters = derivation.network.parameters if values is not None else judge.network.parameters
    records = tuple(_record(judge, q, found, worlds) for q in parameters)
    return GradientReport(records, tuple(q.name.plain for q in parameters))


def _gradients(function: GradientFunction, world: World) -> list[Mapping[str, Any]]:
    """What the function returns at every point of a world."""
    found: list[Mapping[str, Any]] = []
    for point in range(world.points):
        answer = function(_arguments(world, point))
        gradients = answer[1] if isinstance(answer, tuple) and len(answer) == 2 else answer
        if not isinstance(gradients, Mapping):
            raise DataError(
                f"the function returns {type(gradients).__name__}, not gradients by name",
                hint='return {"W1": ..., "b1": ...}, or (loss, {"W1": ...})',
            )
        found.append(gradients)
    return found


def _arguments(world: World, point: int) -> dict[str, Any]:
    """The values of a point as a program takes them."""
    network = world.network
    arguments: dict[str, Any] = {}
    for quantity in network.with_role("input", "target", "constant", "parameter"):
        array = world.read.arrays[quantity.base][point]
        if quantity.base in network.labels:
            array = (array - world.read.integer(network.labels[quantity.base].low)).astype(int)
        arguments[quantity.name.plain] = np.array(array) if array.ndim else array[()]
    return arguments


def _record(judge: Judge, quantity: Quantity, found: list[list[Mapping[str, Any]]], worlds: Any) -> Record:
    network = judge.network
    target_text = f"d{network.names[network.loss.base].plain}/d{quantity.name.plain}"
    answers = [_value(gradients, quantity, judge) for gradients in found]
    if any(a is None for a in answers):
        return Record(target_text, "missing", message=judge.messages("missing", target=target_text))
    truths = tuple(Interpreter(w, judge.names).quantity(quantity.base, w.adjoints[quantity.base]) for w in worlds)
    values = tuple(a for a in answers if a is not None)
    if all(agree(t, a) for t, a in zip(truths, values, strict=True)):
        return Record(target_text, "correct", links=("correct",))
    left = tree.Partial(tree.Reference(network.names[network.loss.base]), tree.Reference(quantity.name))
    wrong = Wrong(0, left, truths, values, truths)
    outcome = Outcome(("wrong",), False, wrong=wrong, bases=(quantity.base,))
    target = Target("adjoint", left, quantity.base, network.loss.base)
    mistake, message = judge.diagnosis.of_numbers(target, outcome, wrong, Conventions())
    return Record(target_text, "wrong", links=("wrong",), first_wrong=0, mistake=mistake, message=message)


def _value(gradients: list[Mapping[str, Any]], quantity: Quantity, judge: Judge) -> Value | None:
    """The gradients of one parameter at all points; None where one is missing."""
    arrays: list[Any] = []
    for own in gradients:
        key = next((name for name in own if _is_named(name, quantity.base, judge)), None)
        if key is None:
            return None
        arrays.append(np.asarray(own[key], dtype=float))
    if len({a.shape for a in arrays}) != 1:
        raise DataError(f"the gradient of {quantity.name.plain} has another shape at every point")
    array = np.stack(arrays)
    if array.ndim == 1:
        return Value(array.reshape(-1, 1, 1))
    if array.ndim == 2:
        return Value(array[:, :, None], array.shape[1], 1, vector=True)
    if array.ndim == 3:
        return Value(array, array.shape[1], array.shape[2])
    raise DataError(f"the gradient of {quantity.name.plain} has {array.ndim - 1} axes")


def _is_named(name: str, base: Base, judge: Judge) -> bool:
    """Is a key the parameter, in any spelling, or a name of its gradient (``dW1``, ``grad_w1``)?"""
    from symbackprop.names import parse_name

    parsed = parse_name(name)
    if parsed is None:
        return False
    meaning = judge.names.meaning(parsed)
    if meaning is not None and meaning.kind == "quantity":
        return meaning.base == base
    return judge.names.adjoint_of(parsed) == base
