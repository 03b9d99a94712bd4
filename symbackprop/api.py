"""The facade: networks, derivations and the verbs that users call on them. Thin by design.

Contract: `read`, `Network` and `sequential` give a `Network`; its `derive` gives a `Derivation`; the derivation's verbs
hand it to the rooms that read it: sheets, numeric programs, checks, training.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from symbackprop import derivation as core
from symbackprop import layers
from symbackprop.derivation.rules import OptimizerName
from symbackprop.errors import DataError
from symbackprop.layers import batch_norm, dense
from symbackprop.network import Network as CheckedNetwork
from symbackprop.network import Specification
from symbackprop.network.convert import SampleLayout, Weights, with_layout
from symbackprop.network.from_sympy import specification_from_sympy
from symbackprop.network.notations import Notation, with_notation
from symbackprop.network.unroll import unroll
from symbackprop.notation.from_matrices import has_matrices, softmax, specification_from_matrices
from symbackprop.notation.reader import read_specification

if TYPE_CHECKING:  # the rooms that read a derivation are imported when they are needed
    from symbackprop.homework.code import GradientFunction, GradientReport
    from symbackprop.homework.records import Record
    from symbackprop.numeric import GradientCheck, History, Program
    from symbackprop.numeric.given import Gradients
    from symbackprop.sheets import Sheet
    from symbackprop.sheets.compose.composition import Detail, Form
    from symbackprop.sheets.worksheet import StepName, Worksheet


class Network(CheckedNetwork):
    """The forward pass of a network, as named equations.

    Args:
        equations: ``sympy.Eq(target, expression)`` or pairs; SymPy scalars, Indexed and Sum, or MatrixSymbols (see
            `symbackprop.notation.from_matrices`: an n x 1 MatrixSymbol is a vector with one axis).
        inputs, targets, parameters, constants: declared roles (symbols or names); the rest follows conventions.
        loss: the scalar to differentiate, where several could be meant.
        ranges: index -> size or ``(low, high)`` for indices on left sides; mathematical indices start at 1.
        samples: the size of the sample axis.
        title: the title of the sheet.

    Raises:
        NetworkError: what is wrong, and what to write instead.

    >>> import sympy as sp
    >>> w, x, y, z, E = sp.symbols("w x y z E")
    >>> net = Network([sp.Eq(z, w * x), sp.Eq(E, (z - y) ** 2 / 2)])
    >>> net.derive()["w"].factors
    (-y + z, x)
    """

    def __init__(
        self,
        equations: Iterable[Any] | Specification,
        *,
        inputs: Iterable[Any] = (),
        targets: Iterable[Any] = (),
        parameters: Iterable[Any] = (),
        constants: Iterable[Any] = (),
        loss: Any = None,
        ranges: Mapping[Any, Any] | None = None,
        samples: Any = None,
        title: str = "",
    ) -> None:
        if not isinstance(equations, Specification):
            equations = list(equations)
            read = specification_from_matrices if any(map(has_matrices, equations)) else specification_from_sympy
            equations = read(
                equations,
                roles={"input": inputs, "target": targets, "parameter": parameters, "constant": constants},
                loss=loss,
                ranges=ranges,
                samples=samples,
                title=title,
            )
        super().__init__(equations)

    def derive(
        self,
        delta: core.DeltaConvention = "cost",
        style: core.Style | None = None,
        derivatives: core.DerivativeForm | None = None,
    ) -> Derivation:
        """The backward pass.

        Args:
            delta: ``cost``: a delta is the derivative of the loss; ``sample``: of one sample's loss.
            style: ``paths`` multiplies out every path, ``delta`` names shared factors once; None chooses.
            derivatives: activations' derivatives by ``argument`` (``sigma(z)(1-sigma(z))``) or ``output`` (``a(1-a)``).
        """
        return Derivation(self, delta, style, derivatives)

    def unroll(self, **sizes: int) -> Network:
        """The network with symbolic depths or lengths made concrete: ``net.unroll(L=3)``."""
        return Network(unroll(self, sizes))

    def with_layout(self, layout: SampleLayout, weights: Weights = "keep") -> Network:
        """The same network with its samples in ``rows`` or ``columns``; see `symbackprop.network.convert`.

        Args:
            layout: ``rows``: the sample axis comes first, ``columns``: last.
            weights: ``transpose`` stores parameters with two axes the other way round.
        """
        return Network(with_layout(self, layout, weights))

    def with_notation(self, notation: Notation) -> Network:
        """The same network with other names: ``paren``, ``subscript``, ``bracket`` or ``neuron``.

        >>> net = sequential(dense(3, "tanh"), dense(2), inputs=4).with_notation("bracket")
        >>> [q.name.plain for q in net.quantities.values()]
        ['X', 'W^[1]', 'b^[1]', 'Z^[1]', 'A^[1]', 'W^[2]', 'b^[2]', 'Yhat', 'Y', 'L']
        """
        return Network(with_notation(self, notation))


class Derivation(core.Derivation):
    """The backward pass of a network, with the verbs that read it."""

    def sheet(
        self,
        lang: str = "en",
        *,
        form: Form | None = None,
        detail: Detail = "full",
        templates: str | Path | None = None,
        values: Mapping[str, Any] | None = None,
        digits: int = 4,
        optimizer: OptimizerName = "sgd",
    ) -> Sheet:
        """The derivation as a sheet: ``.to_markdown()``, ``.to_latex()``, ``.to_html()``, ``.to_text()`` ...

        Args:
            lang: ``en``, ``zh``, or a language of your own phrase file.
            form: ``scalar``, ``index`` or ``matrix``; None shows both where there are both.
            detail: ``full`` explains every step, ``brief`` gives the formulas.
            templates: a folder with templates or phrases that come before the built-in ones.
            values: numbers for a worked example (scalar networks: symbol = substitution = number).
            digits: significant digits of the worked numbers.
            optimizer: the update rule that is shown: ``sgd``, ``momentum`` or ``adam``.
        """
        from symbackprop.sheets import compose

        return compose(
            self,
            language=lang,
            form=form,
            detail=detail,
            values=values,
            templates=Path(templates) if templates else None,
            digits=digits,
            optimizer=optimizer,
        )

    def worksheet(
        self,
        seed: int | None = None,
        steps: Sequence[StepName] | None = None,
        lang: str = "en",
        *,
        values: Mapping[str, Any] | None = None,
        templates: str | Path | None = None,
        digits: int = 4,
    ) -> Worksheet:
        """A worksheet with blanks and its key, the network itself or a variant of it.

        Args:
            seed: draws a variant (sizes, activations, loss) with pleasant numbers; the same seed gives the same bytes.
            steps: what is left blank: ``partials``, ``deltas``, ``gradients``, ``updates``, ``numbers``; None: all.
            lang: ``en``, ``zh``, or a language of your own phrase file.
            values: numbers instead of drawn ones.
            templates: a folder with templates or phrases that come before the built-in ones.
            digits: significant digits of the numbers.

        Returns:
            ``.sheet`` and ``.key``, written like any sheet; ``key.to_markdown()`` is a network file for `check`.

        >>> paper = read("two-two-one").derive().worksheet(seed=7)
        >>> read(paper.key.to_markdown()).parameters == paper.network.parameters
        True
        """
        from symbackprop.sheets.worksheet import worksheet

        paper = worksheet(self, seed, steps, lang, values, templates, digits)
        return replace(paper, network=Network(paper.network.specification))

    def compile(self, backend: str = "numpy") -> Program:
        """A function ``program(values) -> (loss, gradients)``; compiled once for each backend and kept.

        Args:
            backend: ``numpy``; ``jax`` (works under ``jax.jit`` and on sharded arrays) or ``torch``: arrays of that
                library in and out, the loss among them.

        Raises:
            NetworkError: there is no such backend, or something cannot be written in it.
            DataError: the array library is not installed.
        """
        from symbackprop.numeric import compile_program

        return compile_program(self, backend)

    def gradient_check(
        self, values: Mapping[str, Any] | None = None, gradients: Gradients | None = None, **options: Any
    ) -> GradientCheck:
        """Compare every gradient with central differences: parameter -> relative error.

        Args:
            values: what is not given is drawn at random.
            gradients: your own instead of the derived ones: parameter -> array, or a function from values to that.
            options: of `symbackprop.numeric.gradient_check`: method, tolerance, seed, points.
        """
        from symbackprop.numeric import gradient_check

        return gradient_check(self, values, gradients, **options)

    def train(
        self, values: Mapping[str, Any] | None = None, data: Mapping[str, Any] | None = None, **options: Any
    ) -> History:
        """Gradient descent; see `symbackprop.numeric.train` for the options."""
        from symbackprop.numeric import train

        return train(self, values, data, **options)

    def check(
        self,
        text: str,
        target: str | None = None,
        *,
        values: Mapping[str, Any] | None = None,
        lang: str = "en",
        required: Sequence[str] | None = None,
    ) -> list[Record]:
        r"""Mark the answers in a text: a record for each, and one for each required target that is missing.

        Args:
            text: plain text, Markdown, LaTeX or code, as handed in; nothing of it is run.
            target: what an answer without a left side is about; then nothing is missing.
            values: numbers of a worked point, against which numbers in answers are judged.
            lang: language of the messages.
            required: the required targets; None: all parameters.

        Raises:
            NotationError: `target` or a required target cannot be read.
            DataError: the values do not fit the network, or are not complete.

        >>> w = read("z = w x\nE = (z - y)^2 / 2").derive()
        >>> [(r.target, r.verdict, r.mistake) for r in w.check("dE/dw = (z - y) = (z - y) x")]
        [('dE/dw', 'wrong', 'missing_factor')]
        >>> w.check("x (z - y)", target="w")[0].verdict
        'correct'
        """
        from symbackprop.homework.marking.work import judge_of

        return judge_of(self, values, lang, tuple(required) if required is not None else None).mark(text, target=target)

    # What Jupyter shows: the sheet; as LaTeX its results alone.
    def _repr_html_(self) -> str | None:
        return self.sheet()._repr_html_()  # pyright: ignore[reportPrivateUsage]

    def _repr_markdown_(self) -> str:
        return self.sheet().to_markdown()

    def _repr_latex_(self) -> str:
        return self.sheet()._repr_latex_()  # pyright: ignore[reportPrivateUsage]


def check_gradients(
    function: GradientFunction,
    derivation: core.Derivation,
    values: Mapping[str, Any] | None = None,
    *,
    lang: str = "en",
) -> GradientReport:
    """Judge your own gradient code; see `symbackprop.homework.code.check_gradients`."""
    from symbackprop.homework.code import check_gradients as check

    return check(function, derivation, values, lang=lang)


def read(source: str | Path) -> Network:
    """A network from a file, a built-in name, or the text of a network file.

    Raises:
        NotationError: the text cannot be read; says where, with a caret, and what to write instead.
        NetworkError: the text can be read, but it is no network.
    """
    return Network(read_specification(*source_text(source)))


def source_text(source: str | Path) -> tuple[str, str | None]:
    """The text of a network file, and its name; no name where `source` is the text itself.

    Raises:
        DataError: there is no such file, or it is no text.
    """
    return _text_of(source, _built_in())


def sequential(
    *stack: layers.Layer,
    inputs: int,
    loss: str = "half_square",
    layout: layers.Layout = "rows",
    title: str = "",
) -> Network:
    """A network from a stack of layers; see `symbackprop.layers.sequential`.

    >>> net = sequential(dense(16, "relu"), dense(2), inputs=5, loss="softmax_cross_entropy")
    >>> [q.name.plain for q in net.parameters]
    ['W^(1)', 'b^(1)', 'W^(2)', 'b^(2)']
    """
    return Network(layers.sequential(*stack, inputs=inputs, loss=loss, layout=layout, title=title))


def networks() -> dict[str, str]:
    """The built-in networks: name -> title."""
    return {name: _title_of(path) for name, path in _built_in().items()}


def _built_in() -> dict[str, Path]:
    """Name -> network file of every built-in network, sorted by name."""
    return {path.stem: path for path in sorted((Path(__file__).parent / "networks").glob("*.net"))}


def _title_of(path: Path) -> str:
    lines = path.read_text(encoding="utf-8").splitlines()
    return next((line.removeprefix("title:").strip() for line in lines if line.startswith("title:")), path.stem)


def _text_of(source: str | Path, known: Mapping[str, Path]) -> tuple[str, str | None]:
    text = str(source)
    if "\n" in text or "=" in text:
        return text, None
    path = known.get(text) or Path(text)
    try:
        return path.read_text(encoding="utf-8-sig"), path.name
    except FileNotFoundError:
        near = difflib.get_close_matches(text, known, n=3)
        raise DataError(
            f"there is no file and no built-in network called {text!r}",
            hint=f"did you mean {' or '.join(near)}?" if near else f"built in are {', '.join(known)}",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {error}", hint="give a UTF-8 text file") from None


__all__ = [
    "Derivation",
    "Network",
    "batch_norm",
    "check_gradients",
    "dense",
    "networks",
    "read",
    "sequential",
    "softmax",
]
