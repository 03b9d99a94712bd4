r"""Syntax tree -> numbers: what a student's expression is worth in a world.

Contract: `Interpreter(world, names).value(node)` computes with NumPy, never with SymPy, and never executes text. What has
no value raises `Unknown` (a name, a construct: the answer cannot be read), `Open` (it has no single meaning, so it is not
judged), or `Clash` (the shapes do not conform: the answer is wrong).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sympy as sp

from symbackprop import functions as fn
from symbackprop.errors import Span, closest
from symbackprop.functions import TABLE
from symbackprop.homework.answers.names import Meaning, Names
from symbackprop.homework.values.functions import apply
from symbackprop.homework.values.indexed import Quantities, value_of
from symbackprop.homework.values.value import Value, aligned, elementwise, full, matmul, product, scalar, total
from symbackprop.homework.values.world import World
from symbackprop.indexed import Base, Softmax, base_of
from symbackprop.names import Kind, Name
from symbackprop.network import Quantity
from symbackprop.notation import syntax as tree
from symbackprop.notation.conform import Clash
from symbackprop.notation.lowering import ALONG, ELEMENTWISE
from symbackprop.notation.products import product_of

Array = Any

DEEPEST_OWN = 30
"""Definitions of the student inside each other."""


class Unknown(Exception):  # noqa: N818
    """There is no such name, or no such notation: the answer cannot be read here."""

    def __init__(self, message: str, span: Span, hint: str | None = None) -> None:
        super().__init__(message)
        self.message, self.span, self.hint = message, span, hint


class NoLayer(Unknown):
    """A label that no layer has: ``W^{[l+1]}`` of the last layer."""


class FreeIndex(Unknown):
    """An index that nothing binds: a forgotten sum, or an entry for which the whole stands on the left."""

    def __init__(self, index: str, span: Span) -> None:
        super().__init__(
            f"the index {index} has no range here", span, f"sum over {index}, or write it on the left side too"
        )
        self.index = index


class Open(Exception):  # noqa: N818
    """The expression has no single meaning: it is not judged. `reason` is the key of a message."""

    def __init__(self, reason: str, span: Span) -> None:
        super().__init__(reason)
        self.reason, self.span = reason, span


@dataclass(frozen=True)
class Conventions:
    """How a file writes what books write in two ways.

    Attributes:
        per_sample: do delta, dZ, dA stand for the derivative of one sample's loss (m times the derivative of the mean)?
        negative_delta: is delta minus the derivative?
        transposed: are matrices written in the other layout (samples in rows instead of columns)?
    """

    per_sample: bool = False
    negative_delta: bool = False
    transposed: bool = False


@dataclass(frozen=True)
class Own:
    """A definition of the student: a tree over index letters, or numbers that stand for it."""

    node: tree.Node | None
    indices: tuple[str, ...] = ()
    value: Value | None = None


@dataclass
class Interpreter:
    """Evaluates the trees of one answer in one world."""

    world: World
    names: Names
    conventions: Conventions = field(default_factory=Conventions)
    own: Mapping[str, Own] = field(default_factory=dict[str, Own])
    adjoints: Mapping[Base, Array] = field(default_factory=dict[Base, Array])
    """Adjoints that replace the true ones (follow-through); empty: the true ones."""
    known: dict[int, Value] = field(default_factory=dict[int, Value])
    """Values of trees that are used again and again, by identity (kept alive by their owner)."""
    scope: dict[str, Array] = field(default_factory=dict[str, Array])
    """Indices in scope: arrays over the index axes, or whole numbers for labels."""
    axes: int = 0
    """How many index axes there are."""
    depth: int = 0

    # -- entry points ----------------------------------------------------------------------------------------------
    def value(self, node: tree.Node) -> Value:
        """The numbers of an expression."""
        found = self.known.get(id(node))
        if found is not None:
            return found
        read = _READERS.get(type(node))
        if read is None:
            raise Unknown(f"a {type(node).__name__.lower()} cannot stand here", node.span)
        return read(self, node)

    def bind(self, index: str, size: int, low: int = 1) -> None:
        """Put an index into scope along a new axis."""
        values = np.arange(low, low + size)
        self.scope[index] = values.reshape((1, 1, 1) + (1,) * self.axes + (-1,))
        self.axes += 1

    @property
    def samples(self) -> int | None:
        """The number of samples."""
        size = self.world.network.samples
        return None if size is None else self.world.read.integer(size)

    # -- quantities --------------------------------------------------------------------------------------------------
    def quantity(self, base: Base, array: Array | None = None, label: str = "") -> Value:
        """A whole quantity, or an array shaped like one, as rows and columns."""
        quantity = self.world.network.quantities[base]
        array = self.world.read.arrays[base] if array is None else array
        label = label or quantity.name.unicode
        if array.ndim == 1:
            return Value(array.reshape(-1, 1, 1), label=label)
        if array.ndim == 2:
            return Value(array[:, :, None], array.shape[1], 1, label, vector=True)
        if array.ndim == 3:
            if self.conventions.transposed:
                array = array.swapaxes(1, 2)
            return Value(array, array.shape[1], array.shape[2], label)
        raise Unknown(f"{quantity.name.plain} has {array.ndim - 1} axes: write its indices", (0, 1))

    def adjoint(self, base: Base) -> Array:
        """The derivative of the loss by a quantity."""
        found = self.adjoints.get(base)
        return self.world.adjoints[base] if found is None else found

    def is_mean_free(self, base: Base) -> bool:
        """Does the per-sample convention scale the delta of this quantity?"""
        quantity = self.world.network.quantities[base]
        samples = self.world.network.samples
        return (
            self.conventions.per_sample
            and samples is not None
            and quantity.role == "intermediate"
            and any(axis.size == samples for axis in quantity.axes)
        )

    def delta(self, base: Base, *, signed: bool) -> Array:
        """What delta, dZ, dA stand for, by the conventions."""
        array = self.adjoint(base)
        if self.is_mean_free(base):
            array = array * float(self.samples or 1)
        return -array if signed and self.conventions.negative_delta else array

    def of_meaning(self, meaning: Meaning) -> tuple[Value | None, Base | None, Array | None]:
        """A value; or the base and the array that indices may stand on."""
        match meaning.kind:
            case "size":
                return scalar(float(self.world.read.integer(meaning.base))), None, None
            case "rate":
                return scalar(RATE), None, None
            case "delta":
                return None, meaning.base, self.delta(meaning.base, signed=True)
            case "onehot":
                return self._one_hot(meaning.base), None, None
            case _:
                return None, meaning.base, self.world.read.arrays[meaning.base]

    def _one_hot(self, base: Base) -> Value:
        """Integer labels as rows (or columns) of zeros and a one, like the scores that they pick from."""
        labels = self.world.read.arrays[base]
        limit = self.world.network.labels[base]
        low, high = self.world.read.integer(limit.low), self.world.read.integer(limit.high)
        hot = (labels[:, :, None] == np.arange(low, high + 1)).astype(float)
        prediction = self.names.prediction
        shape = None if prediction is None else self.world.read.arrays[prediction].shape[1:]
        if shape == hot.shape[:0:-1] or (shape is not None and shape == (hot.shape[2], hot.shape[1])):
            hot = hot.swapaxes(1, 2)
        if self.conventions.transposed:
            hot = hot.swapaxes(1, 2)
        return Value(hot, hot.shape[1], hot.shape[2], "onehot")

    # -- references ------------------------------------------------------------------------------------------------
    def _reference(self, node: Any) -> Value:
        name: Name = node.name
        key = name.key
        if not node.scripts and key in self.scope:
            return Value(np.asarray(self.scope[key], dtype=float).reshape(self._index_shape(self.scope[key])))
        if key in self.own:
            return self._own(node, self.own[key])
        kronecker = self._kronecker(node)
        if kronecker is not None:
            return kronecker
        counted = self._counted(node)
        if counted is not None:
            return counted
        meaning = self.meaning(node)
        if meaning is None:
            return self._unnamed(node)
        scripts = self._index_scripts(node)
        value, base, array = self.of_meaning(meaning)
        if value is not None:
            return value if not scripts else self._entries(full(value)[..., :], None, scripts, node)
        assert base is not None
        if base == self.world.network.loss.base and scripts:
            return self._loss_by(node)
        label = name.unicode if not node.scripts or scripts else self.world.network.quantities[base].name.unicode
        if not scripts:
            return self.quantity(base, array, "δ" if meaning.kind == "delta" else label)
        return self._entries(array, base, scripts, node)

    def _index_shape(self, array: Array) -> tuple[int, ...]:
        array = np.asarray(array)
        return array.shape if array.ndim >= 3 else (1, 1, 1)

    def meaning(self, node: Any) -> Meaning | None:
        """What a reference speaks of; labels such as ``l + 1`` are computed.

        Raises:
            NoLayer: there is no layer with this number.
        """
        script = self.names.label_script(node)
        if script is None:
            return self.names.meaning(node.name)
        numbers = tuple(self._label(item) for item in script.items)
        if None in numbers:
            return self.names.meaning(node.name)
        found = self.names.instance(node.name, script.kind, numbers)  # type: ignore[arg-type]
        if found is None:
            shown = ",".join(map(str, numbers))
            raise NoLayer(f"there is no {node.name.plain} with the label {shown}", node.span)
        return found

    def _counted(self, node: Any) -> Value | None:
        """``o_k`` where k runs over the units of a scalar network: the quantities o_1, o_2 along the axis of k."""
        if len(node.scripts) != 1 or self.names.label_script(node) is None:
            return None
        script = node.scripts[0]
        try:
            places = [np.asarray(self.index(item)) for item in script.items]
        except Unknown:
            return None
        if all(p.ndim == 0 for p in places):
            return None
        places = [p.reshape(p.shape + (1,) * (3 + self.axes - p.ndim)) if p.ndim else p for p in places]
        shape = np.broadcast_shapes(*(p.shape for p in places))
        wide = [np.broadcast_to(p, shape).reshape(-1) for p in places]
        columns: list[Array] = []
        for numbers in zip(*wide, strict=True):
            meaning = self.names.instance(node.name, script.kind, tuple(map(int, numbers)))
            if meaning is None:
                shown = ",".join(str(int(n)) for n in numbers)
                raise Unknown(f"there is no {node.name.plain} with the label {shown}", node.span)
            value, base, array = self.of_meaning(meaning)
            found = array if value is None else value.array.reshape(-1)
            if base is not None and self.world.network.quantities[base].axes:
                raise Unknown(f"{node.name.plain} is an array: its label must be a number", node.span)
            columns.append(np.broadcast_to(found, (self.world.points,)))
        stacked = np.stack(columns, axis=-1).reshape(self.world.points, *shape[1:])
        return Value(stacked)

    def _label(self, item: tree.Node) -> int | None:
        """The whole number that a label is: ``2``, ``l + 1``, ``L``."""
        try:
            value = self.index(item)
        except (Unknown, Open):
            return None
        return int(value) if np.ndim(value) == 0 else None

    def _index_scripts(self, node: Any) -> tuple[tree.Script, ...]:
        """The scripts of a reference that are indices, not labels of its name."""
        label = self.names.label_script(node)
        return tuple(s for s in node.scripts if s is not label)

    def index(self, item: tree.Node) -> Array:
        """An index: a number, or an array over the index axes."""
        match item:
            case tree.Number(value) if value.denominator == 1:
                return np.asarray(int(value))
            case tree.Reference(name, ()) if name.key in self.scope:
                return self.scope[name.key]
            case tree.Reference(name, ()) if name.key == "L" and self.names.layers:
                return np.asarray(self.names.layers)
            case tree.Add(terms):
                parts = [np.asarray(self.index(t)) for t in terms]
                return sum(aligned(parts) if all(p.ndim for p in parts) else parts)  # type: ignore[return-value]
            case tree.Negate(operand):
                return -self.index(operand)
            case tree.Multiply(factors):
                result: Any = 1
                for factor in factors:
                    result = result * self.index(factor)
                return result
            case tree.Reference(name):
                meaning = self.meaning(item)
                if meaning is not None and meaning.kind == "size":
                    return np.asarray(self.world.read.integer(meaning.base))
                if meaning is not None and meaning.base in self.world.network.labels:
                    return self.value(item).array
                raise FreeIndex(name.key, item.span)
            case _:
                raise Unknown("this is no index", item.span, "write a letter, a number, or a sum of such")

    def _entries(self, array: Array, base: Base | None, scripts: Sequence[tree.Script], node: Any) -> Value:
        """Entries of an array at indices; one sample of a batch as a column."""
        items = [(s.kind, item) for s in scripts for item in s.items]
        axes = array.ndim - 1
        lows = self.world.read.lows.get(base, (1,) * axes) if base is not None else (1,) * axes
        if axes == 2 and len(items) == 1 and base is not None:
            return self._one_sample(array, base, items[0], node)
        if axes == 0:
            raise Unknown(f"{node.name.plain} is a number and has no index", node.span)
        if len(items) != axes:
            raise Unknown(
                f"{node.name.plain} has {axes} axes, but {len(items)} indices stand here",
                node.span,
                "give one index for each axis",
            )
        read = Quantities({None: array}, {None: lows}, self.world.sizes)
        places = [np.asarray(self.index(item)) for _, item in items]
        depth = 3 + self.axes
        places = [
            p.reshape(p.shape + (1,) * (depth - p.ndim)) if p.ndim >= 3 else p.reshape((1,) * depth) for p in places
        ]
        for place, low, length in zip(places, lows, array.shape[1:], strict=True):
            if place.size == 1 and not low <= int(place.flat[0]) < low + length:
                raise Unknown(f"{node.name.plain} has no entry {int(place.flat[0])}", node.span)
        return Value(read.entries(None, places))

    def _one_sample(self, array: Array, base: Base, item: tuple[Kind, tree.Node], node: Any) -> Value:
        """``y^{(i)}``: one sample of a batch, as a column vector (in rows: as a row)."""
        quantity = self.world.network.quantities[base]
        samples = self.world.network.samples
        sizes = [axis.size for axis in quantity.axes]
        if samples is None or sizes.count(samples) != 1:
            raise Unknown(
                f"{node.name.plain} has 2 axes, but 1 index stands here", node.span, "give one index for each axis"
            )
        axis = sizes.index(samples)
        place = np.asarray(self.index(item[1]))
        moved = np.moveaxis(array, 1 + axis, 2)  # point, unit, sample
        low = self.world.read.lows[base][axis]
        if place.ndim == 0:
            return Value(moved[:, :, int(place) - low][:, :, None], moved.shape[1], 1, quantity.name.unicode)
        flat = np.take(moved, (place - low).reshape(-1).astype(int), axis=2)
        return Value(
            flat.reshape(moved.shape[0], moved.shape[1], 1, *place.shape[3:]), moved.shape[1], 1, quantity.name.unicode
        )

    def _loss_by(self, node: Any) -> Value:
        r"""``E_{w_{12}}``: the loss with the quantity by which it is differentiated."""
        items = [item for s in node.scripts for item in s.items]
        if len(items) == 1:
            return self.value(tree.Partial(tree.Reference(node.name), items[0], span=node.span))
        raise Unknown(f"{node.name.plain} is a number and has no index", node.span)

    def _own(self, node: Any, own: Own) -> Value:
        """A definition of the student, at its own indices."""
        if own.value is not None:
            return own.value
        items = [item for s in node.scripts for item in s.items]
        if len(items) != len(own.indices):
            raise Unknown(
                f"{node.name.plain} was defined with {len(own.indices)} indices, {len(items)} stand here", node.span
            )
        if self.depth > DEEPEST_OWN:
            raise Unknown(f"{node.name.plain} is defined by itself", node.span, "define it by what is known before")
        before = dict(self.scope)
        self.scope = {**before, **dict(zip(own.indices, (self.index(i) for i in items), strict=True))}
        self.depth += 1
        assert own.node is not None
        try:
            return self.value(own.node).named(node.name.unicode)
        finally:
            self.depth -= 1
            self.scope = before

    def _kronecker(self, node: Any) -> Value | None:
        r"""``\delta_{k,y_s}``: 1 where two indices are equal."""
        items = [item for s in node.scripts if s.kind == "sub" for item in s.items]
        if node.name.key != "delta" or len(items) != 2 or len(node.scripts) != 1:
            return None
        a, b = (np.asarray(self.index(item)) for item in items)
        depth = 3 + self.axes
        a, b = (p.reshape(p.shape + (1,) * (depth - p.ndim)) if p.ndim else p.reshape((1,) * depth) for p in (a, b))
        return Value((a == b).astype(float))

    def _unnamed(self, node: Any) -> Value:
        """A name that is none of the network's: a derivative in one word, e, pi, or a slip of the pen."""
        name: Name = node.name
        base = self.names.adjoint_of(name)
        if base is not None and not node.scripts:
            return self.quantity(base, self._named_adjoint(base, name), name.unicode)
        if not node.scripts and name.key == "e":
            return scalar(np.e)
        if not node.scripts and name.key == "pi":
            return scalar(np.pi)
        close = closest(name.plain, [n.plain for n in (q.name for q in self.world.network.quantities.values())])
        raise Unknown(
            f"{name.plain} is not known here",
            node.span,
            f"did you mean {close}? Or define it: let {name.plain} = ..."
            if close
            else f"define it: let {name.plain} = ...",
        )

    def _named_adjoint(self, base: Base, name: Name) -> Array:
        """``dL_dW1`` is the derivative, ``d_W1`` follows the conventions of dW1."""
        whole = name.plain.count("d") > 1 and not name.plain.startswith("delta")
        return self.adjoint(base) if whole else self.delta(base, signed=False)

    # -- derivatives -----------------------------------------------------------------------------------------------
    def target_of(self, node: tree.Node) -> tuple[Meaning, tuple[tree.Script, ...], bool]:
        """The quantity in a derivative, the indices on it, and whether it stands transposed.

        Raises:
            Unknown: it is no quantity of the network.
        """
        if isinstance(node, tree.Transpose):
            meaning, scripts, flipped = self.target_of(node.operand)
            return meaning, scripts, not flipped
        if isinstance(node, tree.Reference):
            meaning = self.meaning(node)
            if meaning is not None and meaning.kind in ("quantity", "delta"):
                return meaning, self._index_scripts(node), False
            raise Unknown(
                f"{node.name.plain} is no quantity of the network",
                node.span,
                f"did you mean {close}?" if (close := self._close(node.name)) else None,
            )
        raise Unknown("this is no quantity", node.span, "differentiate by one quantity, such as W or w_{12}")

    def _close(self, name: Name) -> str | None:
        return closest(name.plain, [q.name.plain for q in self.world.network.quantities.values()])

    def _partial(self, node: Any) -> Value:
        if isinstance(node.of, tree.Call) and node.of.arguments == (node.wrt,):  # the derivative of sigma(z) by z
            return self.value(tree.Call(node.of.function, node.of.arguments, node.of.order + 1, span=node.span))
        upper, upper_scripts, _ = self.target_of(node.of)
        lower, scripts, flipped = self.target_of(node.wrt)
        loss = self.world.network.loss.base
        if upper.base == loss:
            value = self._adjoint_at(lower.base, self.adjoint(lower.base), scripts, node.wrt)
            return value.transposed() if flipped else value
        if upper.base == lower.base and not (upper_scripts or scripts):
            if self._is_number(upper.base):
                return scalar(1.0)
            raise Open("schematic", node.span)
        local = None if upper_scripts or scripts else self.world.local(upper.base, lower.base)
        if local is None:
            raise Open("schematic", node.span)
        return Value(np.asarray(local).reshape(-1, 1, 1), label=f"∂{upper.base}/∂{lower.base}")

    def _is_number(self, base: Base) -> bool:
        return not self.world.network.quantities[base].axes

    def _adjoint_at(self, base: Base, array: Array, scripts: Sequence[tree.Script], node: Any) -> Value:
        inner = node.operand if isinstance(node, tree.Transpose) else node
        if scripts:
            return self._entries(array, base, scripts, inner)
        return self.quantity(
            base, array, f"∂{self.world.network.loss.base}/∂{self.world.network.quantities[base].name.unicode}"
        )

    def _gradient(self, node: Any) -> Value:
        if node.kind == "partial":
            raise Open("schematic", node.span)
        lower, scripts, flipped = self.target_of(node.wrt)
        if node.kind == "nabla":
            array = self.adjoint(lower.base)
        else:
            array = self.delta(lower.base, signed=False)
        value = self._adjoint_at(lower.base, array, scripts, node.wrt)
        return value.transposed() if flipped else value

    # -- arithmetic ------------------------------------------------------------------------------------------------
    def _number(self, node: Any) -> Value:
        return scalar(float(node.value))

    def _add(self, node: Any) -> Value:
        return elementwise([self.value(t) for t in node.terms], lambda a: sum(a[1:], a[0]), "sum", self.samples)

    def _negate(self, node: Any) -> Value:
        value = self.value(node.operand)
        return Value(-value.array, value.rows, value.cols, value.label, value.vector)

    def _multiply(self, node: Any) -> Value:
        parts = [self._factor(f) for f in node.factors]
        return product_of(self, parts, node.joints)

    def _factor(self, node: tree.Node) -> Value:
        value = self.value(node)
        return value

    def matmul(self, a: Value, b: Value) -> Value:
        """The matrix product."""
        return matmul(a, b)

    def elementwise(self, parts: Sequence[Value]) -> Value:
        """The elementwise product."""
        what = "product" if all(p.is_scalar for p in parts) else "elementwise product"
        return elementwise(parts, product, what, self.samples)

    def _divide(self, node: Any) -> Value:
        above, below = self.value(node.numerator), self.value(node.denominator)
        if not below.is_scalar and not (above.is_scalar or (above.rows == below.rows and above.cols == below.cols)):
            raise Clash(f"the division does not conform: {above.shape} by {below.shape}", "divide entry by entry")
        return elementwise([above, below], lambda a: a[0] / a[1], "quotient")

    def _power(self, node: Any) -> Value:
        exponent = self.value(node.exponent)
        if isinstance(node.base, tree.Norm):
            norm = self._norm(node.base)
            return elementwise([norm, exponent], _powers, "power")
        if (
            isinstance(node.base, tree.Reference)
            and node.base.name.key == "e"
            and self.names.meaning(node.base.name) is None
        ):
            return elementwise([exponent], lambda a: np.exp(a[0]), "exponential")
        base = self.value(node.base)
        if not exponent.is_scalar:
            raise Unknown("this exponent is no number", node.exponent.span)
        if not base.is_scalar and base.rows == base.cols and isinstance(node.exponent, tree.Negate):
            raise Open("inverse", node.span)
        result = elementwise([base, exponent], _powers, "power")
        return Value(result.array, base.rows, base.cols, vector=base.vector)

    def _transpose(self, node: Any) -> Value:
        return self.value(node.operand).transposed()

    def _norm(self, node: Any) -> Value:
        inner = self.value(node.operand)
        if node.subscript == "1":
            return total(Value(np.abs(full(inner)), inner.rows, inner.cols), rows=True, cols=True)
        squares = total(Value(full(inner) ** 2, inner.rows, inner.cols), rows=True, cols=True)
        return Value(np.sqrt(squares.array))

    def _absolute(self, node: Any) -> Value:
        return self._mapped(self.value(node.operand), np.abs)

    @staticmethod
    def _mapped(value: Value, function: Callable[[Array], Array]) -> Value:
        return Value(function(value.array), value.rows, value.cols, vector=value.vector)

    def _inner(self, node: Any) -> Value:
        parts = [self.value(node.left), self.value(node.right)]
        return total(elementwise(parts, product, "inner product"), rows=True, cols=True)

    def _ones(self, node: Any) -> Value:
        one = np.ones((1, 1, 1))
        if node.size is None:
            return Value(one, None, 1, "𝟏")
        size = self.value(node.size)
        length = int(size.array.flat[0])
        return Value(np.ones((1, length, 1)), length, 1, "𝟏")

    def _element(self, node: Any) -> Value:
        inner = self.value(node.operand)
        items = [item for s in node.scripts for item in s.items]
        array = full(inner)
        if len(items) == 1 and inner.cols == 1:
            array = array[:, :, 0]
        elif len(items) == 1 and inner.rows == 1:
            array = array[:, 0]
        elif len(items) != 2 or array.ndim > 3:
            raise Unknown(f"this is {inner.shape}: give one index for each axis", node.span)
        if array.ndim > 3:
            raise Unknown("this has indices already", node.span)
        read = Quantities({None: array}, {None: (1,) * len(items)}, self.world.sizes)
        depth = 3 + self.axes
        places = [np.asarray(self.index(i)) for i in items]
        places = [
            p.reshape(p.shape + (1,) * (depth - p.ndim)) if p.ndim >= 3 else p.reshape((1,) * depth) for p in places
        ]
        return Value(read.entries(None, places))

    # -- sums over indices -----------------------------------------------------------------------------------------
    def _reduction(self, node: Any) -> Value:
        before, axes = dict(self.scope), self.axes
        names = [limit.index for limit in node.indices]
        if not names:
            value = self.value(node.body)
            return total(value, rows=True, cols=True)
        masks: list[Array] = []
        for limit in node.indices:
            masks.append(self._enter(limit, node))
        if node.condition is not None:
            masks.append(self._condition(node.condition).array != 0)
        try:
            body = self.value(node.body)
        finally:
            depth, self.scope, self.axes = 3 + self.axes, before, axes
        arrays = aligned([body.array.reshape(body.array.shape + (1,) * (depth - body.array.ndim)), *masks])
        shape = np.broadcast_shapes(*(a.shape[3:] for a in arrays))
        inside: Any = np.ones((1, 1, 1, *shape), dtype=bool)
        for mask in arrays[1:]:
            inside = inside & mask
        wide = np.broadcast_to(arrays[0], (*arrays[0].shape[:3], *shape))
        own = tuple(range(3 + axes, depth))
        if node.kind in ("sum", "mean"):
            result = np.where(inside, wide, 0.0).sum(axis=own)
            if node.kind == "mean":
                result = result / np.broadcast_to(inside, wide.shape).sum(axis=own)
        elif node.kind == "max":
            result = np.where(inside, wide, -np.inf).max(axis=own)
        elif node.kind == "min":
            result = np.where(inside, wide, np.inf).min(axis=own)
        else:
            result = np.where(inside, wide, 1.0).prod(axis=own)
        return Value(result, body.rows, body.cols, vector=body.vector)

    def _enter(self, limit: Any, node: Any) -> Array:
        """Bind a summation index; where it is inside its range."""
        index = limit.index.key
        if limit.high is None:
            low, size = self.range_of(index, node.body)
            if limit.low is not None:
                start = np.asarray(self.index(limit.low))
                low, size = int(start.min()), low + size - int(start.min())
            self.bind(index, size, low)
            return np.ones((1,) * (3 + self.axes), dtype=bool)
        low_at = np.asarray(self.bound(limit.low)) if limit.low is not None else np.asarray(1)
        high_at = np.asarray(self.bound(limit.high))
        first, last = int(low_at.min()), int(high_at.max())
        if last < first or last - first > 10_000:
            raise Unknown("this sum is empty", limit.span if limit.span != tree.NOWHERE else node.span)
        self.bind(index, last - first + 1, first)
        own = self.scope[index]
        parts = [p.reshape(p.shape + (1,) * (own.ndim - p.ndim)) if p.ndim >= 3 else p for p in (low_at, high_at)]
        return (own >= parts[0]) & (own <= parts[1])

    def bound(self, node: tree.Node) -> Array:
        """An end of a range: an index, a size, a number."""
        try:
            return self.index(node)
        except Unknown:
            value = self.value(node)
            if not value.is_scalar or value.array.size != 1:
                raise
            return np.asarray(int(value.array.flat[0]))

    def range_of(self, index: str, node: tree.Node) -> tuple[int, int]:
        """The first value and the size of an index without bounds: of the axis that it runs over in an expression."""
        for reference in tree.walk(node):
            if not isinstance(reference, tree.Reference) or not reference.scripts:
                continue
            try:
                found = self._axis_of(index, reference)
            except (Unknown, Open):
                continue
            if found is not None:
                return found
        raise Unknown(
            f"the sum over {index} has no bounds, and no axis tells them",
            node.span,
            rf"write \sum_{{{index}=1}}^{{n}}",
        )

    def _axis_of(self, index: str, reference: tree.Reference) -> tuple[int, int] | None:
        meaning = self.names.meaning(reference.name)
        if meaning is None or reference.name.key in self.own:
            labels = self._labels_with(index, reference)
            return labels
        if meaning.kind not in ("quantity", "delta"):
            return None
        items = [item for s in self._index_scripts(reference) for item in s.items]
        quantity = self.world.network.quantities[meaning.base]
        lows, shape = self.world.read.lows[meaning.base], self.world.read.arrays[meaning.base].shape[1:]
        if len(items) == 1 and len(shape) == 2:
            sizes = [axis.size for axis in quantity.axes]
            position = sizes.index(self.world.network.samples) if self.world.network.samples in sizes else -1
            if position >= 0 and _is_letter(items[0], index):
                return lows[position], shape[position]
            return None
        for position, item in enumerate(items[: len(shape)]):
            if _is_letter(item, index):
                return lows[position], shape[position]
        return None

    def _labels_with(self, index: str, reference: tree.Reference) -> tuple[int, int] | None:
        """The range of an index that counts units: ``w_{2j}`` for j = 1, 2 of a scalar network."""
        for script in reference.scripts:
            if not any(_is_letter(item, index) for item in script.items):
                continue
            found: list[int] = []
            for candidate in range(0, 30):
                numbers = tuple(candidate if _is_letter(item, index) else self._label(item) for item in script.items)
                if None not in numbers and self.names.instance(reference.name, script.kind, numbers):  # type: ignore[arg-type]
                    found.append(candidate)
            if found and found == list(range(found[0], found[-1] + 1)):
                return found[0], len(found)
        return None

    # -- functions -------------------------------------------------------------------------------------------------
    def _call(self, node: Any) -> Value:
        name = node.function
        arguments = [self.value(a) for a in node.arguments]
        if not arguments:
            raise Open("no_argument", node.span)
        if name in ALONG:
            return self._along(name, arguments[0], node)
        if name in ("max", "maximum", "min", "minimum") and len(arguments) >= 2:
            pick = np.maximum if name.startswith("max") else np.minimum
            return elementwise(arguments, lambda a: _reduced(pick, a), name, self.samples)
        special = _WHOLE.get(name)
        if special is not None:
            return special(self, node, arguments)
        cls = self._function_class(node)
        return self._applied(cls, arguments, node)

    def _function_class(self, node: Any) -> Any:
        """The class of a function; ``g`` and ``f`` that nothing declares are the activation of their argument."""
        name = node.function
        if name in self.names.vocabulary.functions:
            return sp.Function(name)
        cls = ELEMENTWISE.get(name) or fn.by_name(name)
        if cls is not None:
            return cls
        found = self._activation_of(node.arguments[0])
        if found is None:
            raise Unknown(f"the function {name} is not known here", node.span, "write sigmoid, tanh, relu ...")
        return found

    def _activation_of(self, argument: tree.Node) -> Any:
        """The activation that the network applies to this quantity."""
        if not isinstance(argument, tree.Reference):
            return None
        meaning = self.meaning(argument)
        if meaning is None or meaning.kind != "quantity":
            return None
        for total_, output in self.names.units:
            if total_.base == meaning.base and output is not None:
                expression = self.world.network.definitions(output.base)[-1].expression
                if isinstance(expression, fn.maximum) and 0 in expression.args:
                    return fn.relu
                return Softmax if isinstance(expression, Softmax) else expression.func
        return None

    def _applied(self, cls: Any, arguments: Sequence[Value], node: Any) -> Value:
        if cls is Softmax:
            if node.order:
                raise Open("softmax_derivative", node.span)
            return self._along("softmax", arguments[0], node)
        slots = [sp.Dummy(f"x{n}") for n in range(len(arguments))]
        expression: Any = cls(*slots)
        for _ in range(node.order):
            expression = _derivative(expression, slots[0])

        def combine(arrays: Sequence[Array]) -> Array:
            shape = np.broadcast_shapes(*(a.shape for a in arrays))
            read = Quantities({s: np.broadcast_to(a, shape).reshape(-1) for s, a in zip(slots, arrays, strict=True)})
            if node.order == 0:
                try:
                    return np.asarray(apply(expression, list(arrays)))
                except KeyError:
                    pass
            return value_of(expression, read).reshape(shape)

        result = elementwise(arguments, combine, node.function, self.samples)
        first = arguments[0]
        return Value(result.array, result.rows, result.cols, vector=first.vector)

    def _along(self, name: str, a: Value, node: Any) -> Value:
        """Softmax over the axis that is not the samples'."""
        if name.endswith("_rows"):
            axis = 2
        elif name.endswith("_columns") or a.cols == 1:
            axis = 1
        elif a.rows == 1:
            axis = 2
        else:
            keyword = dict(node.keywords).get("axis")
            columns = self.samples is not None and a.cols == self.samples
            axis = {"0": 1, "1": 2, "-1": 2}.get(keyword or "", 1 if columns else 2)
        array = full(a)
        shifted = np.exp(array - array.max(axis=axis, keepdims=True))
        sums = shifted.sum(axis=axis, keepdims=True)
        if ALONG[name] == "softmax":
            return Value(shifted / sums, a.rows, a.cols, vector=a.vector)
        logs = array.max(axis=axis, keepdims=True) + np.log(sums)
        if ALONG[name] == "log_softmax":
            return Value(array - logs, a.rows, a.cols, vector=a.vector)
        return Value(logs, 1 if axis == 1 else a.rows, 1 if axis == 2 else a.cols)

    def _reduce_call(self, node: Any, arguments: Sequence[Value]) -> Value:
        """``np.sum`` and ``np.mean`` with their axis."""
        a = arguments[0]
        keywords = dict(node.keywords)
        axis = keywords.get("axis") or keywords.get("dim")
        rows, cols = axis in (None, "None", "0", "-2"), axis in (None, "None", "1", "-1")
        if a.cols == 1 and a.vector and axis == "0":
            cols = True
        result = total(a, rows=rows, cols=cols)
        if node.function == "mean":
            count = (a.rows or 1 if rows else 1) * (a.cols or 1 if cols else 1)
            result = Value(result.array / count, result.rows, result.cols)
        if axis is not None and keywords.get("keepdims") != "True" and not result.is_scalar:
            column = result if result.cols == 1 else result.transposed()
            return Value(column.array, column.rows, 1, vector=True)
        return result

    def _diagonal(self, _node: Any, arguments: Sequence[Value]) -> Value:
        a = arguments[0]
        array = full(a)
        if a.cols == 1 or a.rows == 1:
            column = array if a.cols == 1 else array.swapaxes(1, 2)
            size = column.shape[1]
            eye = np.eye(size).reshape((1, size, size) + (1,) * (array.ndim - 3))
            return Value(column * eye, size, size)
        if a.rows != a.cols:
            raise Clash(f"the diagonal needs a square matrix, but this is {a.shape}")
        return Value(np.einsum("pii...->pi...", array)[:, :, None], a.rows, 1)

    def _trace(self, _node: Any, arguments: Sequence[Value]) -> Value:
        a = arguments[0]
        if a.rows != a.cols:
            raise Clash(f"the trace needs a square matrix, but this is {a.shape}")
        return Value(np.einsum("pii...->p...", full(a))[:, None, None])

    def _encoded(self, node: Any, _arguments: Sequence[Value]) -> Value:
        """``onehot(y)`` of integer labels."""
        meaning = self.meaning(node.arguments[0]) if isinstance(node.arguments[0], tree.Reference) else None
        if meaning is None or meaning.base not in self.world.network.labels:
            raise Unknown("only integer labels become one-hot", node.span)
        return self._one_hot(meaning.base)

    def _where(self, node: Any, arguments: Sequence[Value]) -> Value:
        if len(arguments) != 3:
            raise Unknown("where takes a condition and two values", node.span)
        return elementwise(arguments, lambda a: np.where(a[0] != 0, a[1], a[2]), "where", self.samples)

    # -- conditions ------------------------------------------------------------------------------------------------
    def _condition(self, condition: tree.Node) -> Value:
        if not isinstance(condition, tree.Compare):
            raise Unknown("this is not a condition", condition.span, "write a comparison, such as z > 0")
        parts = [self._side(o) for o in condition.operands]
        tests: list[Value] = []
        for operator, a, b in zip(condition.operators, parts, parts[1:], strict=False):
            if operator not in _COMPARE:
                raise Unknown(f"the comparison {operator} cannot be read", condition.span)
            test = _COMPARE[operator]
            tests.append(elementwise([a, b], lambda v, test=test: test(v[0], v[1]).astype(float), "comparison"))
        return elementwise(tests, product, "comparison")

    def _side(self, node: tree.Node) -> Value:
        """A side of a comparison; labels compare with indices."""
        try:
            return self.value(node)
        except Unknown:
            place = np.asarray(self.index(node), dtype=float)
            return Value(place.reshape(self._index_shape(place)))

    def _indicator(self, node: Any) -> Value:
        return self._condition(node.condition)

    def _cases(self, node: Any) -> Value:
        values = [self.value(v) for v, _ in node.branches]
        tests = [scalar(1.0) if c is None else self._condition(c) for _, c in node.branches]

        def combine(arrays: Sequence[Array]) -> Array:
            half = len(values)
            result: Any = np.nan
            for value, test in reversed(list(zip(arrays[:half], arrays[half:], strict=True))):
                result = np.where(test != 0, value, result)
            return result

        return elementwise([*values, *tests], combine, "cases", self.samples)

    def _matrix(self, node: Any) -> Value:
        rows = [[self.value(cell) for cell in row] for row in node.rows]
        if not all(cell.is_scalar for row in rows for cell in row) or len({len(row) for row in rows}) != 1:
            raise Unknown("the entries of this matrix are no numbers, or its rows differ", node.span)
        points = max(cell.array.shape[0] for row in rows for cell in row)
        grid = np.stack([np.stack([np.broadcast_to(c.array[:, 0, 0], (points,)) for c in row], -1) for row in rows], -2)
        if node.flat:
            return Value(grid.swapaxes(1, 2), grid.shape[2], 1, vector=True)
        return Value(grid, grid.shape[1], grid.shape[2], vector=grid.shape[2] == 1)


RATE = 0.37
"""The number that the learning rate has while answers are judged."""


def _is_letter(item: tree.Node, index: str) -> bool:
    return isinstance(item, tree.Reference) and not item.scripts and item.name.key == index


def _powers(arrays: Sequence[Array]) -> Array:
    base, exponent = arrays
    if exponent.size == 1 and float(exponent.flat[0]).is_integer():
        return base ** int(exponent.flat[0]) if float(exponent.flat[0]) >= 0 else 1.0 / base ** int(-exponent.flat[0])
    return base**exponent


def _reduced(function: Callable[[Array, Array], Array], arrays: Sequence[Array]) -> Array:
    result = arrays[0]
    for other in arrays[1:]:
        result = function(result, other)
    return result


def _derivative(expression: Any, slot: Any) -> Any:
    if TABLE.get(expression.func) is not None or isinstance(expression, sp.core.function.AppliedUndef):
        return sp.Mul(*fn.local_derivative(expression, 0))
    return expression.diff(slot)


_COMPARE: dict[str, Callable[[Array, Array], Array]] = {
    ">": np.greater,
    "<": np.less,
    ">=": np.greater_equal,
    "<=": np.less_equal,
    "=": np.equal,
    "==": np.equal,
    "!=": np.not_equal,
}

_WHOLE: dict[str, Callable[[Interpreter, Any, Sequence[Value]], Value]] = {
    "sum": Interpreter._reduce_call,
    "mean": Interpreter._reduce_call,
    "diag": Interpreter._diagonal,
    "trace": Interpreter._trace,
    "where": Interpreter._where,
    "one_hot": Interpreter._encoded,
    "transpose": lambda _s, _n, a: a[0].transposed(),
    "norm": lambda s, n, _a: s._norm(tree.Norm(n.arguments[0])),
}

_READERS: dict[type, Callable[[Interpreter, Any], Value]] = {
    tree.Number: Interpreter._number,
    tree.Reference: Interpreter._reference,
    tree.Add: Interpreter._add,
    tree.Negate: Interpreter._negate,
    tree.Multiply: Interpreter._multiply,
    tree.Divide: Interpreter._divide,
    tree.Power: Interpreter._power,
    tree.Transpose: Interpreter._transpose,
    tree.Norm: Interpreter._norm,
    tree.Absolute: Interpreter._absolute,
    tree.Inner: Interpreter._inner,
    tree.Ones: Interpreter._ones,
    tree.Element: Interpreter._element,
    tree.Reduction: Interpreter._reduction,
    tree.Call: Interpreter._call,
    tree.Indicator: Interpreter._indicator,
    tree.Compare: lambda s, n: s._condition(n),
    tree.Cases: Interpreter._cases,
    tree.Matrix: Interpreter._matrix,
    tree.Partial: Interpreter._partial,
    tree.Gradient: Interpreter._gradient,
}

__all__ = ["Conventions", "Interpreter", "Open", "Own", "Quantity", "Unknown", "base_of"]
