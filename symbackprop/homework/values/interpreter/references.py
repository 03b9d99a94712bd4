"""Names with their indices: entries, samples, units that are counted, definitions of the student.

Contract: the vocabulary decides what a name means; an index that nothing binds is told apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symbackprop.errors import closest
from symbackprop.homework.answers.names import Meaning
from symbackprop.homework.values.indexed import Quantities
from symbackprop.homework.values.interpreter.quantities import WholeQuantities
from symbackprop.homework.values.interpreter.state import DEEPEST_OWN, FreeIndex, NoLayer, Open, Own, Unknown
from symbackprop.homework.values.value import Value, aligned, full, scalar
from symbackprop.indexed import Base
from symbackprop.names import Name
from symbackprop.notation import syntax as tree

Array = Any


class References(WholeQuantities):
    """The layer that reads names."""

    def reference(self, node: Any) -> Value:
        """What a name with its scripts stands for."""
        name: Name = node.name
        key = name.key
        if not node.scripts and key in self.scope:
            return Value(np.asarray(self.scope[key], dtype=float).reshape(self.index_shape(self.scope[key])))
        if key in self.own:
            return self.own_value(node, self.own[key])
        kronecker = self.kronecker(node)
        if kronecker is not None:
            return kronecker
        counted = self.counted(node)
        if counted is not None:
            return counted
        meaning = self.meaning(node)
        if meaning is None:
            return self.unnamed(node)
        scripts = self.index_scripts(node)
        value, base, array = self.of_meaning(meaning)
        if value is not None:
            return value if not scripts else self.entries(full(value)[..., :], None, scripts, node)
        assert base is not None
        if base == self.world.network.loss.base and scripts:
            return self.loss_by(node)
        label = name.unicode if not node.scripts or scripts else self.world.network.quantities[base].name.unicode
        if not scripts:
            return self.quantity(base, array, "δ" if meaning.kind == "delta" else label)
        return self.entries(array, base, scripts, node)

    def index_shape(self, array: Array) -> tuple[int, ...]:
        """The shape of an index as an array of values."""
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
        named = self.names.delta_of(node)
        if named is not None:
            return named
        numbers = tuple(self.label(item) for item in script.items)
        if None in numbers:
            return self.names.meaning(node.name)
        found = self.names.instance(node.name, script.kind, numbers)  # type: ignore[arg-type]
        if found is None:
            shown = ",".join(map(str, numbers))
            raise NoLayer(f"there is no {node.name.plain} with the label {shown}", node.span)
        return found

    def counted(self, node: Any, adjoints: bool = False) -> Value | None:
        """``o_k`` where k runs over the units of a scalar network: the quantities o_1, o_2 along the axis of k.

        With `adjoints` the derivatives by them.
        """
        if len(node.scripts) != 1 or self.names.label_script(node) is None or self.names.delta_of(node) is not None:
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
            if adjoints and base is not None:
                value, array = None, self.adjoint(base)
            found = array if value is None else value.array.reshape(-1)
            if base is not None and self.world.network.quantities[base].axes:
                raise Unknown(f"{node.name.plain} is an array: its label must be a number", node.span)
            columns.append(np.broadcast_to(found, (self.world.points,)))
        stacked = np.stack(columns, axis=-1).reshape(self.world.points, *shape[1:])
        return Value(stacked)

    def label(self, item: tree.Node) -> int | None:
        """The whole number that a label is: ``2``, ``l + 1``, ``L``."""
        try:
            value = self.index(item)
        except (Unknown, Open):
            return None
        return int(value) if np.ndim(value) == 0 else None

    def index_scripts(self, node: Any) -> tuple[tree.Script, ...]:
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
                numbers = [p for p in parts if p.ndim == 0]
                arrays = [p for p in parts if p.ndim]
                return sum((aligned(arrays) if arrays else []) + numbers)  # type: ignore[return-value]
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

    def entries(self, array: Array, base: Base | None, scripts: Sequence[tree.Script], node: Any) -> Value:
        """Entries of an array at indices; one sample of a batch as a column."""
        items = [(s.kind, item) for s in scripts for item in s.items]
        axes = array.ndim - 1
        if axes == len(items) == 2 and base is not None and [kind for kind, _ in items].count("paren") == 1:
            items = self.sample_in_its_place(items, base)
        lows = self.world.read.lows.get(base) or (1,) * axes
        if axes == 2 and len(items) == 1 and 1 in array.shape[1:]:
            array, axes = array.reshape(array.shape[0], -1), 1  # a row: one index is enough
            lows = (1,)
        if axes == 2 and len(items) == 1 and base is not None:
            return self.one_sample(array, base, items[0], node)
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

    def sample_in_its_place(self, items: list[tuple[str, tree.Node]], base: Base) -> list[tuple[str, tree.Node]]:
        """``z^{(i)}_k``: the sample where the quantity has its samples, the component on the other axis."""
        sizes = [axis.size for axis in self.world.network.quantities[base].axes]
        samples = self.world.network.samples
        if samples is None or sizes.count(samples) != 1:
            return items
        sample = next(item for item in items if item[0] == "paren")
        other = next(item for item in items if item[0] != "paren")
        return [sample, other] if sizes.index(samples) == 0 else [other, sample]

    def one_sample(self, array: Array, base: Base, item: tuple[str, tree.Node], node: Any) -> Value:
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
        if place.min() < low or place.max() >= low + moved.shape[2]:
            raise Unknown(f"{node.name.plain} has no sample {int(place.max())}", node.span)
        if place.ndim == 0:
            return Value(moved[:, :, int(place) - low][:, :, None], moved.shape[1], 1, quantity.name.unicode)
        flat = np.take(moved, (place - low).reshape(-1).astype(int), axis=2)
        return Value(
            flat.reshape(moved.shape[0], moved.shape[1], 1, *place.shape[3:]), moved.shape[1], 1, quantity.name.unicode
        )

    def loss_by(self, node: Any) -> Value:
        r"""``E_{w_{12}}``: the loss with the quantity by which it is differentiated."""
        items = [item for s in node.scripts for item in s.items]
        if len(items) == 1:
            return self.value(tree.Partial(tree.Reference(node.name), items[0], span=node.span))
        raise Unknown(f"{node.name.plain} is a number and has no index", node.span)

    def own_value(self, node: Any, own: Own) -> Value:
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
        outside, self.own = self.own, own.known or self.own
        try:
            return self.value(own.node).named(node.name.unicode)
        finally:
            self.depth -= 1
            self.scope, self.own = before, outside

    def kronecker(self, node: Any) -> Value | None:
        r"""``\delta_{k,y_s}``: 1 where two indices are equal."""
        items = [item for s in node.scripts if s.kind == "sub" for item in s.items]
        known = self.names.meaning(node.name) is not None or node.name.key in self.own
        if node.name.key != "delta" or known or len(items) != 2 or len(node.scripts) != 1:
            return None
        a, b = (np.asarray(self.index(item)) for item in items)
        depth = 3 + self.axes
        a, b = (p.reshape(p.shape + (1,) * (depth - p.ndim)) if p.ndim else p.reshape((1,) * depth) for p in (a, b))
        return Value((a == b).astype(float))

    def unnamed(self, node: Any) -> Value:
        """A name that is none of the network's: a derivative in one word, e, pi, or a slip of the pen."""
        name: Name = node.name
        base = self.names.adjoint_of(name)
        if base is not None and not node.scripts:
            return self.quantity(base, self.named_adjoint(base, name), name.unicode)
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

    def named_adjoint(self, base: Base, name: Name) -> Array:
        """``dL_dW1`` is the derivative, ``d_W1`` follows the conventions of dW1."""
        whole = name.plain.count("d") > 1 and not name.plain.startswith("delta")
        return self.adjoint(base) if whole else self.delta(base, signed=False)
