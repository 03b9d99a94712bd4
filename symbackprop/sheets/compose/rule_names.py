r"""How the symbols of an update rule are called on one sheet: ``v_{w_{12}}``, ``\beta_1``, ``\hat{m}_W``.

Contract: a letter that means something else in the network is not used where there is another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import sympy as sp

from symbackprop.derivation import rules
from symbackprop.names import Name, parse_name
from symbackprop.sheets.blocks import Line, Math
from symbackprop.sheets.compose.composition import Composition
from symbackprop.sheets.mathematics import IS, number
from symbackprop.sheets.phrases import Filling

LETTERS: Mapping[sp.Symbol, tuple[str, ...]] = {
    rules.PARAMETER: ("theta", "omega", "phi"),
    rules.VELOCITY: ("v", "u", "q"),
    rules.MOMENTUM: ("mu", "rho", "kappa"),
    rules.MEAN: ("m", "p", "q"),
    rules.SQUARE: ("v", "s", "r"),
    rules.MEAN_DECAY: ("beta_1", "rho_1", "kappa_1"),
    rules.SQUARE_DECAY: ("beta_2", "rho_2", "kappa_2"),
    rules.EPSILON: ("epsilon", "zeta", "xi"),
    rules.STEP: ("t", "k", "n"),
}
"""What a symbol may be called, best first."""

CORRECTED = {rules.FULL_MEAN: rules.MEAN, rules.FULL_SQUARE: rules.SQUARE}
"""Symbols that are called like others, with a hat."""


class RuleNames:
    """The names of one rule's symbols on one sheet.

    Attributes:
        parameter: stands for any parameter.
    """

    def __init__(self, c: Composition) -> None:
        self.c, self.rule = c, c.rule
        taken = set(_letters_in_use(c))
        self._names = {symbol: _first_free(spellings, taken) for symbol, spellings in LETTERS.items()}
        for corrected, plain in CORRECTED.items():
            self._names[corrected] = self._names[plain].with_accent("hat")
        self.parameter = _math(self._names[rules.PARAMETER])

    def of(self, own: Math) -> dict[sp.Symbol, Math]:
        """The names in the rule of one parameter; what belongs to the parameter carries its name below."""
        found = {symbol: _math(name) for symbol, name in self._names.items()}
        for symbol in (*self.rule.memory, *CORRECTED):
            found[symbol] = _below(found[symbol], own)
        return found | {rules.PARAMETER: own, rules.RATE: self.c.write(self.c.derivation.rate)}

    @property
    def fillings(self) -> dict[str, Filling]:
        """What the phrases may say: every symbol of the rule for any parameter, the usual numbers, the source."""
        names = self.of(self.parameter)
        values = [names[symbol] + IS + number(value, 4) for symbol, value in self.rule.constants.items()]
        spoken: dict[str, Filling] = {symbol.name: math for symbol, math in names.items()}
        return {**spoken, "values": self.c.say.commas(values), "source": self.rule.source}

    def rows(self) -> Iterator[tuple[Math, Line]]:
        """Every symbol that the rule brings along, and what it is, for the table of symbols."""
        names = self.of(self.parameter)
        used = {symbol for _, right in self.rule.lines for symbol in right.free_symbols} - {rules.PARAMETER}
        for symbol in (symbol for symbol in LETTERS if symbol in used):
            usual = self.rule.constants.get(symbol)
            value = "" if usual is None else number(usual, 4)
            yield names[symbol], self.c.say(f"rule.{symbol.name}", parameter=self.parameter, value=value)


def _letters_in_use(c: Composition) -> Iterator[str]:
    """The letters that mean something in the network: of quantities, sizes, indices and the rate."""
    network = c.derivation.network
    for quantity in network.quantities.values():
        yield quantity.name.stem.key
        yield from (axis.index.name.split("~")[0] for axis in quantity.axes)
    yield from (str(size) for size in network.sizes)
    yield str(network.rate)


def _first_free(spellings: tuple[str, ...], taken: set[str]) -> Name:
    names = [name for spelling in spellings if (name := parse_name(spelling))]
    return next((name for name in names if name.stem.key not in taken), names[0])


def _math(name: Name) -> Math:
    return Math(name.latex, name.unicode)


def _below(letter: Math, own: Math) -> Math:
    return Math(f"{letter.latex}_{{{own.latex}}}", f"{letter.text}_{own.text}")
