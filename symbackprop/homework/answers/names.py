r"""What a name in an answer means: the network's own names, other spellings of them, and the usual synonyms.

Contract: `Names(network)` is made once; `vocabulary` tells the parser which names exist, `meaning` what one stands
for. A synonym (``\hat y`` or ``o`` for the output, ``a_1`` for ``\alpha_1``, ``W1`` for ``W^{[1]}``) is known only
where it can mean one thing; the network's own names come first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import sympy as sp

from symbackprop.derivation import activation_argument
from symbackprop.indexed import Base, LogSumExp, Softmax, base_of
from symbackprop.names import Kind, Label, Name, make_name, parse_name
from symbackprop.network import Network, Quantity
from symbackprop.network.ranges import base_uses
from symbackprop.notation.parser import Family, Vocabulary
from symbackprop.notation.syntax import Number, Reference, Script

MeaningKind = Literal["quantity", "delta", "size", "rate", "onehot", "softmax"]


OLD = frozenset({"old", "alt", "prev", "current"})
"""Marks of a parameter before its update: ``w^{old}``."""


@dataclass(frozen=True)
class Meaning:
    """What a name stands for: a quantity, its delta, a size, the rate, one-hot labels, the softmax of scores."""

    kind: MeaningKind
    base: Base


LAYER_KINDS: tuple[Kind, ...] = ("bracket", "paren", "sub")
"""The ways in which a layer is written: ``^{[1]}``, ``^{(1)}``, ``_1``."""

SUMS = ("z", "h", "net", "s", "u")
OUTPUTS = ("a", "alpha", "o", "h")
PREDICTIONS = ("yhat", "yhat_", "y_pred", "ypred", "yp", "o", "out", "output", "p", "phat", "pred", "prediction")
PROBABILITIES = ("P", "p", "yhat", "Yhat", "y_pred", "probs", "prob", "phat", "Phat", "S", "softmax_out")
TARGETS = ("y", "t", "target", "y_true", "ytrue", "label")
LOSSES = ("E", "L", "J", "C", "loss", "cost", "ell", "Loss", "Cost")
SAMPLES = ("m", "N", "n", "M")
RATES = ("eta", "alpha", "lr", "learning_rate", "epsilon", "rate")
TAKEN = frozenset("eEiIjklstTdD")
"""Letters that mean an index, a transpose, Euler's number or a differential: never another case of a name."""
LAST = "L"
"""The label of the last layer: ``A^{[L]}``."""


class Names:
    """The names that may stand in answers about one network."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.kinds = self._kinds_of_labels()
        self.table: dict[str, Meaning] = {}
        self.shown: dict[str, Name] = {}
        self.own_keys: frozenset[str] = frozenset()
        for tier in (
            self._own_names,
            self._other_scripts,
            self._one_hot,
            self._probabilities,
            self._other_case,
            self._deltas,
            self._synonyms,
            self._weak_synonyms,
        ):
            self._add(list(tier()))
            if tier == self._other_scripts:
                self.own_keys = frozenset(self.table)

    def _add(self, pairs: Iterable[tuple[Name, Meaning]]) -> None:
        """A tier of names: a name that could mean two things means nothing."""
        found: dict[str, set[Meaning]] = {}
        names: dict[str, Name] = {}
        for name, meaning in pairs:
            if name.key not in self.table:
                found.setdefault(name.key, set()).add(meaning)
                names[name.key] = name
        for key, meanings in found.items():
            if len(meanings) == 1:
                self.table[key] = meanings.pop()
                self.shown[key] = names[key]

    def _kinds_of_labels(self) -> tuple[Kind, ...]:
        """How the number of a layer may be written; the number of a scalar counts units, not layers."""
        if self.network.is_scalar:
            return ("sub",)
        labels = [label for q in self.network.quantities.values() for label in q.name.scripts if label.text.isdigit()]
        return (*LAYER_KINDS, "sup") if any(label.kind == "sup" for label in labels) else LAYER_KINDS

    def label_script(self, node: Reference) -> Script | None:
        """The script of a reference that counts layers, and is no index of an entry.

        A name that is an array itself (``S_{ik}``) keeps its scripts as indices; a number in brackets is a label.
        """
        families = self.vocabulary.families
        meaning = self.meaning(node.name)
        if self.delta_of(node) is not None:
            return node.scripts[0]
        for script in node.scripts:
            if (node.name.key, script.kind) not in families:
                continue
            is_number = all(isinstance(i, Number) for i in script.items)
            if meaning is None or not self._has_axes(meaning) or (is_number and script.kind in ("bracket", "paren")):
                return script
        return None

    def _has_axes(self, meaning: Meaning) -> bool:
        """Can what a name means carry indices of entries?"""
        quantity = self.network.quantities.get(meaning.base)
        return meaning.kind == "onehot" or (quantity is not None and bool(quantity.axes))

    @cached_property
    def is_mean(self) -> bool:
        """Is the loss a mean over the samples, so that 1/m may stand in the deltas or outside of them?"""
        m = self.network.samples
        return m is not None and any(not e.at and e.expression.has(sp.Pow(m, -1)) for e in self.network.equations)

    def delta_of(self, node: Reference) -> Meaning | None:
        r"""``\delta_{\hat y}``: a delta whose label is a quantity that is no plain word."""
        if node.name.key != "delta" or not node.scripts:
            return None
        items = node.scripts[0].items
        if len(items) != 1 or not isinstance(items[0], Reference):
            return None
        inner = self.meaning(items[0].name)
        if inner is None or inner.kind != "quantity" or items[0].scripts:
            return None
        for total, output in self.units:
            if inner.base == total.base or (output is not None and inner.base == output.base):
                return Meaning("delta", total.base)
        return None

    def split_label(self, node: Reference) -> Reference:
        """``W_{1,ij}`` as the entry ij of W_1, where W has a number and two axes."""
        if len(node.scripts) != 1 or self.meaning(node.name) is not None:
            return node
        first, *rest = node.scripts[0].items
        if not rest or not isinstance(first, Number) or first.value.denominator != 1:
            return node
        name = make_name(node.name.base, node.name.accent, (*node.name.scripts, Label("sub", str(first.value))))
        meaning = self.meaning(name)
        quantity = self.network.quantities.get(meaning.base) if meaning is not None else None
        if quantity is None or sum(axis.size != 1 for axis in quantity.axes) != len(rest):
            return node
        script = replace(node.scripts[0], items=tuple(rest))
        return replace(node, name=name, scripts=(script,))

    # -- look-up -------------------------------------------------------------------------------------------------
    def meaning(self, name: Name) -> Meaning | None:
        """What a name stands for."""
        found = self.table.get(name.key)
        if found is None and name.base.isupper() and name.accent in {"", "cal"}:
            found = self.table.get(make_name(name.base, "" if name.accent else "cal", name.scripts).key)
        kept = tuple(s for s in name.scripts if s.text not in OLD)
        if found is None and len(kept) < len(name.scripts):
            return self.meaning(make_name(name.base, name.accent, kept, name.glued))
        return found

    def is_own(self, name: Name) -> bool:
        """Is it a name of the network itself, in any spelling, and no synonym?"""
        return name.key in self.own_keys

    def instance(self, stem: Name, kind: Kind, labels: tuple[int, ...]) -> Meaning | None:
        """What a name with computed labels stands for: ``W^{[l+1]}`` at l = 1."""
        for text in ("".join(map(str, labels)), ",".join(map(str, labels))):
            found = self.table.get(make_name(stem.base, stem.accent, (*stem.scripts, Label(kind, text))).key)
            if found is not None:
                return found
        return None

    def adjoint_of(self, name: Name) -> Base | None:
        """The quantity of a name that spells a derivative in one word: ``dL_dW1``, ``dEdw12``, ``W1_grad``."""
        for pattern in _DERIVATIVES:
            match = pattern.fullmatch(name.plain)
            inner = parse_name(match["of"]) if match else None
            if match and inner is not None:
                loss = match.groupdict().get("loss")
                meaning = self.meaning(inner)
                if meaning is not None and meaning.kind == "quantity" and (loss is None or self._is_loss(loss)):
                    return meaning.base
        return None

    def _is_loss(self, text: str) -> bool:
        name = parse_name(text)
        meaning = self.meaning(name) if name else None
        return meaning is not None and meaning.base == self.network.loss.base

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The names as the parser wants them."""
        functions = frozenset(
            str(f.func) for e in self.network.equations for f in e.expression.atoms(sp.core.function.AppliedUndef)
        )
        names = {key: self.shown[key] for key in self.table if parse_name(key) is not None or key in self.shown}
        return Vocabulary(names, frozenset(self._families()), functions=functions - names.keys())

    def _families(self) -> Iterator[Family]:
        for key in self.table:
            name = self.shown[key]
            numbers = [label for label in name.scripts if label.text.isdigit()]
            if len(name.scripts) == 1 and len(numbers) == 1 and numbers[0].kind in self.kinds:
                yield name.stem.key, numbers[0].kind

    @cached_property
    def layers(self) -> int:
        """The number of the last layer; 0 where layers have no numbers (the numbers of scalars count units)."""
        if self.network.is_scalar:
            return 0
        return max((int(t) for t in self._layer.values() if t.isdigit()), default=0)

    # -- tiers ---------------------------------------------------------------------------------------------------
    def _own_names(self) -> Iterator[tuple[Name, Meaning]]:
        for quantity in self.network.quantities.values():
            yield quantity.name, Meaning("quantity", quantity.base)
        for size in self.network.sizes:
            name = parse_name(str(size))
            if name is not None and isinstance(size, sp.Symbol):
                yield name, Meaning("size", size)
        rate = self.network.rate
        if rate is not None:
            yield rate, Meaning("rate", sp.Symbol(rate.plain))

    def _other_scripts(self) -> Iterator[tuple[Name, Meaning]]:
        """``W^{(1)}``, ``W_1``, ``W1`` for ``W^{[1]}``, and ``W^{[L]}`` for the last one."""
        for quantity in self.network.quantities.values():
            name = quantity.name
            if len(name.scripts) == 1 and name.scripts[0].text.isdigit():
                yield from (
                    (n, Meaning("quantity", quantity.base)) for n in self._labelled(name.stem, name.scripts[0].text)
                )
        for size in self.network.sizes:
            name = parse_name(str(size))
            if name is not None and len(name.scripts) == 1 and name.scripts[0].text.isdigit():
                for n in self._labelled(name.stem, name.scripts[0].text):
                    yield n, Meaning("size", size)

    def _labelled(self, stem: Name, text: str) -> Iterator[Name]:
        texts = [text]
        if self.layers and text == str(self.layers):
            texts.append(LAST)
        for label in texts:
            for kind in self.kinds:
                yield make_name(stem.base, stem.accent, (Label(kind, label),))
            if "sup" not in self.kinds and not self.network.is_scalar and (label == "1" or stem.base in "WbZ"):
                yield make_name(stem.base, stem.accent, (Label("sup", label),))  # W^2: nobody squares a weight matrix

    def _other_case(self) -> Iterator[tuple[Name, Meaning]]:
        """``z`` for ``Z`` and ``w_1`` for ``W_1``, where the other letter is free."""
        for key, meaning in list(self.table.items()):
            name = self.shown[key]
            if len(name.base) == 1 and meaning.kind == "quantity" and name.base.swapcase() not in TAKEN:
                yield make_name(name.base.swapcase(), name.accent, name.scripts), meaning
            elif name.base in ("alpha", "beta", "gamma", "theta") and meaning.kind == "quantity":
                yield make_name(name.base.capitalize(), name.accent, name.scripts), meaning

    def _probabilities(self) -> Iterator[tuple[Name, Meaning]]:
        """``P``, ``yhat`` where the loss takes scores and the softmax has no name of its own."""
        scores = self.prediction
        if scores is None or not any(
            e.base == self.network.loss.base and e.expression.has(LogSumExp) for e in self.network.equations
        ):
            return
        for text in PROBABILITIES:
            name = parse_name(text)
            if name is not None:
                yield name, Meaning("softmax", scores)
        layer = self._layer.get(scores, "")
        for stem in ("a", "A"):
            for kind in self.kinds:
                if layer:
                    yield make_name(stem, "", (Label(kind, layer),)), Meaning("softmax", scores)

    def _one_hot(self) -> Iterator[tuple[Name, Meaning]]:
        """``Y`` for the one-hot rows (or columns) of integer labels y."""
        for base in self.network.labels:
            for text in ("Y", "y_onehot", "Y_onehot"):
                name = parse_name(text)
                assert name is not None
                yield name, Meaning("onehot", base)

    def _deltas(self) -> Iterator[tuple[Name, Meaning]]:
        r"""``\delta^{(2)}``, ``\delta_{h_1}``, ``\delta_{out}``: of the unit's or layer's pre-activation."""
        for total, output in self.units:
            meaning = Meaning("delta", total.base)
            texts = {self._layer.get(total.base, ""), "".join(label.text for label in total.name.scripts)}
            for quantity in (total, output):
                if quantity is not None:
                    texts |= {quantity.name.plain, quantity.name.plain.replace("_", "")}
            if output is not None and output.base == self.prediction:
                texts |= {"o", "out", "output", "yhat", "y"}
            if self.layers and self._layer.get(total.base) == str(self.layers):
                texts.add(LAST)
            for text in texts - {""}:
                for kind in self.kinds:
                    yield make_name("delta", "", (Label(kind, text),)), meaning
        if len(self.units) == 1:
            yield make_name("delta"), Meaning("delta", self.units[0][0].base)

    def _synonyms(self) -> Iterator[tuple[Name, Meaning]]:
        """Letters that other books use: for sums, outputs, the prediction, the target, the loss, samples, rates."""
        for total, output in self.units:
            texts = self._texts(total)
            for stem in SUMS:
                for text in texts:
                    yield from self._spelled(stem, text, total.base)
            if output is not None:
                texts = self._texts(output) | self._texts(total)
                for stem in OUTPUTS:
                    for text in texts:
                        yield from self._spelled(stem, text, output.base)
        yield from self._single(PREDICTIONS, [self.prediction] if self.prediction is not None else [])
        targets = self.network.with_role("target")
        if len(targets) == 1:
            yield from self._single(TARGETS, [targets[0].base])
        yield from self._single(LOSSES, [self.network.loss.base])
        inputs = self.network.with_role("input")
        if len(inputs) == 1 and self.layers:
            for stem in ("a", "A"):
                for kind in self.kinds:
                    yield make_name(stem, "", (Label(kind, "0"),)), Meaning("quantity", inputs[0].base)

    def _weak_synonyms(self) -> Iterator[tuple[Name, Meaning]]:
        """What is taken only where nothing else has the name: the rate, the number of samples."""
        samples = self.network.samples
        if isinstance(samples, sp.Symbol):
            for text in SAMPLES:
                yield make_name(text), Meaning("size", samples)
        if self.network.rate is not None:
            for text in RATES:
                name = parse_name(text)
                if name is not None:
                    yield name, Meaning("rate", sp.Symbol(self.network.rate.plain))
        for quantity in self.network.quantities.values():
            if quantity.name.key == "lambda":
                for text in ("lambd", "lambda_", "lmbda", "lam", "reg", "lmbd"):
                    name = parse_name(text)
                    if name is not None:
                        yield name, Meaning("quantity", quantity.base)
        losses = make_name("L", "cal")
        yield losses, Meaning("quantity", self.network.loss.base)

    def _single(self, texts: Iterable[str], bases: list[Base]) -> Iterator[tuple[Name, Meaning]]:
        for text in texts:
            name = parse_name(text.rstrip("_"))
            if name is not None:
                yield from ((name, Meaning("quantity", base)) for base in bases)
                if name.accent == "hat" and len(name.base) == 1:
                    yield from ((make_name(name.base.upper(), "hat"), Meaning("quantity", base)) for base in bases)

    def _spelled(self, stem: str, text: str, base: Base) -> Iterator[tuple[Name, Meaning]]:
        labels: list[tuple[Label, ...]] = [(Label(kind, text),) for kind in self.kinds] if text else [()]
        for scripts in labels:
            yield make_name(stem, "", scripts), Meaning("quantity", base)
            if len(stem) == 1:
                yield make_name(stem.upper(), "", scripts), Meaning("quantity", base)

    def _texts(self, quantity: Quantity) -> set[str]:
        """The label of a unit or layer, as text; for a quantity without one also its whole name."""
        own = "".join(label.text for label in quantity.name.scripts)
        found = {own} if own else set[str]()
        layer = self._layer.get(quantity.base)
        if layer:
            found.add(layer)
            if self.layers and layer == str(self.layers):
                found.add(LAST)
        return found or {""}

    # -- the structure of the network ------------------------------------------------------------------------------
    @cached_property
    def units(self) -> tuple[tuple[Quantity, Quantity | None], ...]:
        """Pairs of a pre-activation and its output; the output is None where the sum itself goes on."""
        quantities, network = self.network.quantities, self.network
        found: dict[Base, Quantity | None] = {}
        for equation in network.equations:
            argument = activation_argument(equation)
            if argument is None and isinstance(equation.expression, Softmax):
                continue
            if argument is not None and equation.base != network.loss.base and base_of(argument) in quantities:
                total = quantities[base_of(argument)]
                if total.role == "intermediate":
                    found.setdefault(total.base, quantities[equation.base])
        for equation in network.equations:
            if equation.base in found or equation.base == network.loss.base:
                continue
            weights = (
                [b for b in base_uses(equation.expression) if quantities[b].role == "parameter"]
                if not (set(base_uses(equation.expression)) - quantities.keys())
                else [
                    b for b in base_uses(equation.expression) if b in quantities and quantities[b].role == "parameter"
                ]
            )
            if weights and activation_argument(equation) is None:
                found[equation.base] = None
        order = {q.base: n for n, q in enumerate(quantities.values())}
        return tuple((quantities[b], found[b]) for b in sorted(found, key=lambda b: order[b]))

    @cached_property
    def prediction(self) -> Base | None:
        """The output of the network: what the loss compares with the target."""
        network = self.network
        targets = {q.base for q in network.with_role("target")}
        for equation in reversed(network.equations):
            used = set(base_uses(equation.expression))
            if used & targets:
                made = [b for b in used if b in network.quantities and network.quantities[b].role == "intermediate"]
                return made[0] if len(made) == 1 else None
        return None

    @cached_property
    def _layer(self) -> dict[Base, str]:
        """The number of the layer of each pre-activation and output, as text."""
        found: dict[Base, str] = {}
        for total, output in self.units:
            text = self._number(total)
            if text:
                found[total.base] = text
                if output is not None:
                    found[output.base] = text
        return found

    def _number(self, total: Quantity) -> str:
        """The label of a pre-activation, or else the one that its weights share."""
        own = [label.text for label in total.name.scripts if label.text.isdigit()]
        if len(own) == 1 and len(total.name.scripts) == 1:
            return own[0]
        quantities = self.network.quantities
        texts: set[str] = set()
        for equation in self.network.definitions(total.base):
            for base in base_uses(equation.expression):
                if base in quantities and quantities[base].role == "parameter" and quantities[base].axes:
                    texts |= {label.text for label in quantities[base].name.scripts if label.text.isdigit()}
        return texts.pop() if len(texts) == 1 else ""


_DERIVATIVES = (
    re.compile(r"d(?P<loss>loss|[A-Za-z])_?d_?(?P<of>.+)"),
    re.compile(r"grad_?(?P<of>.+)"),
    re.compile(r"d_?(?P<of>.+)"),
    re.compile(r"(?P<of>.+?)_?grad"),
)
