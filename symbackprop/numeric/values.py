"""Numbers that users give -> arguments of a program: names in any spelling, one dtype, checked shapes.

Contract: `by_base` looks names up in the network, `with_defaults` fills in what the network file gives itself
(``w := 0.5``), and the checks refuse what does not fit with one `DataError` that says what is expected.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any

import numpy as np

from symbackprop.errors import DataError, NetworkError
from symbackprop.indexed import Base
from symbackprop.network import Network, Quantity
from symbackprop.network.roles import DECLARATIONS
from symbackprop.numeric.shapes import STACKABLE, Shapes

_ELEMENT = re.compile(r"(.*[^^])\[([0-9]{1,6})\]")

Array = Any
"""A NumPy array or scalar."""


def by_base(network: Network, values: Mapping[Any, Any], what: str = "values") -> dict[Base, Any]:
    """The same values by quantity. A name is accepted in any spelling, or as its SymPy symbol.

    Raises:
        DataError: a name that the network does not have, that it computes itself, or that is given twice.
    """
    found: dict[Base, Any] = {}
    values = _assembled(network, values, what)
    sizes = {size.name: size for size in network.sizes}
    for name, value in values.items():
        if str(name) in sizes and not network.is_scalar:
            found[sizes[str(name)]] = _whole_number(str(name), value, what)
            continue
        try:
            quantity = network.find(name)
        except NetworkError as error:
            raise DataError(f"{what}: {error.message}", hint=error.hint) from None
        if quantity.role in ("intermediate", "loss"):
            raise DataError(
                f"{what}: {quantity.name.plain} is computed by the network, it cannot be given",
                hint=f"give {expected(network)}",
            )
        if quantity.base in found:
            raise DataError(f"{what}: {quantity.name.plain} is given twice, in two spellings", hint="give it once")
        found[quantity.base] = value
    return found


def _assembled(network: Network, values: Mapping[Any, Any], what: str) -> dict[Any, Any]:
    """Columns ``X[1]``, ``X[2]`` of a table as one array with the samples along their axis."""
    result: dict[Any, Any] = {}
    parts: dict[str, dict[int, Any]] = {}
    for name, value in values.items():
        match = _ELEMENT.fullmatch(name) if isinstance(name, str) else None
        if match and not network.is_scalar:
            parts.setdefault(match[1], {})[int(match[2])] = value
        else:
            result[name] = value
    for name, columns in parts.items():
        if sorted(columns) != list(range(1, len(columns) + 1)):
            raise DataError(f"{what}: the columns of {name} must be {name}[1], {name}[2], ... without a gap")
        table = np.stack([columns[n] for n in range(1, len(columns) + 1)], axis=-1)
        axes = network.find(name).axes
        first = bool(axes) and axes[0].size == network.samples
        result[name] = table if first or network.samples is None else table.T
    return result


def _whole_number(name: str, value: Any, what: str) -> int:
    if np.ndim(value) or value != int(value) or value < 1:
        raise DataError(f"{what}: the size {name} must be a whole number of at least 1, not {value}")
    return int(value)


def with_defaults(network: Network, values: Mapping[Base, Any]) -> dict[Base, Any]:
    """The values, and for quantities without one what the network file says (of a rate it may speak too)."""
    given = network.with_role("input", "target", "parameter", "constant")
    return {q.base: network.values[q.base] for q in given if q.base in network.values} | dict(values)


def expected(network: Network) -> str:
    """What a program of the network needs, in words."""
    parts = [
        f"{word} {', '.join(_short([q.name.plain for q in found]))}"
        for role, word in DECLARATIONS.items()
        if (found := network.with_role(role))
    ]
    return "; ".join(parts)


def _short(names: list[str], most: int = 12) -> list[str]:
    return names if len(names) <= most else [*names[: most - 2], "...", names[-1]]


def require(network: Network, values: Mapping[Base, Any], wanted: Iterable[Quantity]) -> None:
    """Refuse values in which something is missing, naming everything that is."""
    missing = [q.name.plain for q in wanted if q.base not in values]
    if missing:
        raise DataError(f"no value for {', '.join(_short(missing))}", hint=f"a program needs {expected(network)}")


def common_dtype(values: Iterable[Any]) -> np.dtype[Any]:
    """The floating dtype of the values: Python numbers and integers take that of the others, float64 if
    there is none.

    >>> common_dtype([np.float32(1), 2, 0.5]), common_dtype([1, np.arange(3)])
    (dtype('float32'), dtype('float64'))
    """
    kinds = {v.dtype for v in values if isinstance(v, (np.ndarray, np.generic)) and v.dtype.kind == "f"}
    return np.result_type(*kinds) if kinds else np.dtype(np.float64)


def as_numbers(quantity: Quantity, value: Any, dtype: np.dtype[Any]) -> Array:
    """A value as an array of the dtype; a scalar as a NumPy scalar.

    Raises:
        DataError: not numbers, or a ragged list.
    """
    try:
        array = np.asarray(value)
    except ValueError:
        raise DataError(f"the value of {quantity.name.plain} is a list with rows of different lengths") from None
    if array.dtype.kind not in "fiub":
        raise DataError(f"the value of {quantity.name.plain} is not a real number: {_excerpt(value)}")
    array = array.astype(dtype, copy=False)
    return array if array.ndim else array[()]


def in_one_dtype(network: Network, values: Mapping[Base, Any]) -> dict[Base, Array]:
    """The values as arrays of their common dtype, scalars as NumPy scalars."""
    dtype = common_dtype(v for b, v in values.items() if b not in network.labels)
    return {
        base: as_labels(network.quantities[base], value)
        if base in network.labels
        else as_numbers(network.quantities[base], value, dtype)
        for base, value in values.items()
        if base not in network.sizes
    }


def as_labels(quantity: Quantity, value: Any) -> Array:
    """Integer labels as an integer array.

    Raises:
        DataError: not whole numbers.
    """
    array = np.asarray(value)
    if array.dtype.kind not in "iub" and not (array.dtype.kind == "f" and np.equal(array, np.floor(array)).all()):
        raise DataError(f"the labels {quantity.name.plain} are not whole numbers", hint="labels count from 0")
    return array.astype(np.intp, copy=False)


def _excerpt(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def one_by_one(network: Network, values: Mapping[Base, Array]) -> Iterator[Mapping[Base, Array]]:
    """The values of every sample, where inputs of a network without a sample axis come with one in front; else the
    values as they are.
    """
    own_samples = network.is_scalar or network.samples is not None
    quantities = [] if own_samples else [network.quantities[b] for b in values]
    stacked = {q.base for q in quantities if q.role in STACKABLE and np.ndim(values[q.base]) > len(q.axes)}
    if not stacked:
        yield values
        return
    for sample in range(len(values[next(iter(stacked))])):
        yield {b: v[sample] if b in stacked else v for b, v in values.items()}


def check_shapes(network: Network, values: Mapping[Base, Array]) -> int | None:
    """Check every value against its quantity; return the number of samples, None without a sample axis.

    In a scalar network inputs, targets and constants may carry one leading axis of samples.
    """
    if not network.is_scalar:
        return Shapes(network, values).samples
    count: int | None = None
    first = ""
    for base, value in values.items():
        quantity, shape = network.quantities[base], list[int](np.shape(value))
        name = quantity.name.plain
        if not shape:
            continue
        if quantity.role == "parameter":
            raise DataError(
                f"{name} is a scalar parameter, but its value has shape {tuple(shape)}",
                hint="give one number: all samples share it",
            )
        if len(shape) > 1:
            raise DataError(
                f"{name} is a scalar, but its value has shape {tuple(shape)}",
                hint="give one number, or a list with one number for each sample",
            )
        if count is not None and shape[0] != count:
            raise DataError(
                f"{name} has {shape[0]} samples, but {first} has {count}",
                hint="give the same number of samples for every input and target",
            )
        count, first = shape[0], name
    if count == 0:
        raise DataError(f"{first} has no samples", hint="give at least one")
    return count


SMALL_LABELS = 4096
"""Bytes of labels that are compared with the last good ones instead of being looked at."""


class KnownArrays:
    """Mappings of arrays like the last one that was checked: their names, shapes and dtypes need no second look.

    What can change unseen, the values of labels, is looked at again.
    """

    def __init__(self, network: Network, arguments: Sequence[Quantity]) -> None:
        self._network, self._quantities = network, arguments
        self._pick: Any = None
        self._shapes: list[tuple[int, ...]] = []
        self._dtypes: list[np.dtype[Any]] = []
        self._labels: list[tuple[int, int]] = []
        self._good: list[bytes] = []

    def remember(self, values: Mapping[Any, Any], arguments: Sequence[Array]) -> None:
        """Keep the form of values that were bound to these arguments."""
        places = {id(value): name for name, value in values.items()}
        self._pick = None
        if not len(values) == len(places) == len(arguments) > 1 or not all(id(a) in places for a in arguments):
            return
        self._pick = itemgetter(*(places[id(a)] for a in arguments))
        self._shapes, self._dtypes = [a.shape for a in arguments], [a.dtype for a in arguments]
        sizes = Shapes(self._network, {q.base: a for q, a in zip(self._quantities, arguments, strict=True)})
        self._labels = [
            (n, sizes.number(self._network.labels[q.base].size) or 0)
            for n, q in enumerate(self._quantities)
            if q.base in self._network.labels
        ]
        self._good = [_contents(arguments[n]) for n, _ in self._labels]

    def arguments(self, values: Mapping[Any, Any]) -> Sequence[Array] | None:
        """The values in the program's order, or None where they are of another form."""
        if self._pick is None or len(values) != len(self._shapes):
            return None
        try:
            found = self._pick(values)
            if [a.shape for a in found] != self._shapes or [a.dtype for a in found] != self._dtypes:
                return None
        except (KeyError, AttributeError):  # another name, or no array
            return None
        for place, (n, classes) in enumerate(self._labels):
            contents = _contents(found[n])
            if contents and contents == self._good[place]:
                continue
            if np.maximum.reduce(found[n].view(np.uintp), None) >= classes:  # a negative label is a large number
                return None
            self._good[place] = contents
        return found


def _contents(labels: Array) -> bytes:
    """The labels of a small batch, to see at once that they are the same; empty for many."""
    return labels.tobytes() if labels.nbytes <= SMALL_LABELS else b""
