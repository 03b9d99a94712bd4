"""What array libraries write differently: one table for NumPy, JAX and PyTorch.

Contract: printers write NumPy's words through a `Dialect`: ``dialect["where"]`` is the library's function,
``dialect.word("axis")`` its method or keyword. Nothing here imports an array library.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from symbackprop.errors import NetworkError
from symbackprop.functions import HELPERS


@dataclass(frozen=True)
class Dialect:
    """How one array library is written.

    Attributes:
        name: the library as users call it: ``d.compile(backend=name)``.
        imports: the names that programs may use, and the statements that import them.
        module: the name under which functions are found.
        functions: NumPy's function, helper or whole body of a function -> what stands for it, where it differs.
        words: NumPy's method or keyword -> the library's, where it differs.
        helpers: source of the functions that programs may need beside the library's own.
        arange: a range of positions; ``{like}`` is an array of the program, of whose dtype and device results are,
            ``{dtype}`` that dtype.
        zeros: a new array of a shape.
        counter: a range of numbers to compute with.
        asarray: a number or scalar as an array.
        number: a number, or what is computed from sizes, where the library wants an array.
        truth: a truth value as a number.
        counts_truth: does a truth value count as a number beside numbers?
    """

    name: str
    imports: Mapping[str, str]
    module: str
    functions: Mapping[str, str] = field(default_factory=dict[str, str])
    words: Mapping[str, str] = field(default_factory=dict[str, str])
    helpers: Mapping[str, str] = field(default_factory=dict[str, str])
    arange: str = "{module}.arange({0})"
    zeros: str = "{module}.zeros({0}, {dtype})"
    counter: str = "{module}.arange({0})"
    asarray: str = "{module}.asarray({0}, {dtype})"
    number: str = "{0}"
    truth: str = "({0}).astype({dtype})"
    counts_truth: bool = False
    writes: bool = True
    """Are parts of arrays written in place, or is a part written by making a new array?"""
    like: str = ""
    dtype: str = "float"

    def __getitem__(self, function: str) -> str:
        """The library's name of one of NumPy's functions or of a helper."""
        own = function if function in self.helpers else f"{self.module}.{function}"
        return self.functions.get(function, own)

    def word(self, name: str) -> str:
        """The library's name of one of NumPy's methods or keywords."""
        return self.words.get(name, name)

    def written(self, template: str, text: str) -> str:
        """One of the templates with its text."""
        return template.format(text, module=self.module, like=self.like, dtype=self.dtype)

    def typed_like(self, name: str, is_array: bool = True) -> Dialect:
        """The dialect of a program in which the value of this name has the common dtype and device."""
        dtype = f"{name}.dtype" if is_array or self.module != "np" else f"np.result_type({name})"
        return replace(self, like=name, dtype=dtype)

    def stored(self, place: str, sign: str, text: str) -> tuple[str, str, str]:
        """The sides of ``h[t] = text`` or ``h[t] += text``, and the sign between them."""
        if self.writes or not place.endswith("]"):
            return place, sign, text
        name, _, at = place[:-1].partition("[")
        return name, "=", f"{name}.at[{at}].{'set' if sign == '=' else 'add'}({text})"


_WINDOWS = '''\
def windows(x, axis, start, counts, steps):
    """One axis becomes several: entry (i, p, ...) is x[start + i*steps[0] + p*steps[1] + ...]."""
    at = {0}.asarray(start)
    for count, step in zip(counts, steps):
        at = at[..., None] + step * {0}.arange(count)
    return x[(slice(None),) * axis + (at,)]
'''
_NDINDEX = '''\
def ndindex(*sizes):
    """All positions in an array of these sizes."""
    import itertools
    return itertools.product(*map(range, sizes))
'''

NUMPY = Dialect(
    "numpy",
    {"np": "import numpy as np"},
    "np",
    helpers=HELPERS,
    counter="np.arange({0}, dtype={dtype})",
    counts_truth=True,
)

JAX = Dialect(
    "jax",
    {"jax": "import jax", "jnp": "import jax.numpy as jnp"},
    "jnp",
    functions={
        "sigmoid": "jax.nn.sigmoid",
        "softmax": "jax.nn.softmax",
        "logsumexp": "jax.nn.logsumexp",
        "erf": "jax.lax.erf",
    },
    helpers={"windows": _WINDOWS.format("jnp"), "ndindex": _NDINDEX},
    writes=False,
)

TORCH = Dialect(
    "torch",
    {"torch": "import torch"},
    "torch",
    functions={
        "sigmoid": "torch.sigmoid",
        "softmax": "torch.softmax",
        "logsumexp": "torch.logsumexp",
        "erf": "torch.erf",
        "np.maximum({0}, 0)": "torch.relu({0})",
        "np.logaddexp({0}, 0)": "torch.nn.functional.softplus({0}, threshold=40)",
    },
    words={"axis": "dim", "axes": "dims", "transpose": "permute", "max": "amax", "copy": "clone"},
    helpers={
        "windows": _WINDOWS.format("torch"),
        "ndindex": _NDINDEX,
        "maximum": '''\
def maximum(a, b):
    """The larger of two, one of which may be a number."""
    return torch.clamp(a, min=b) if torch.is_tensor(a) else torch.clamp(b, min=a)
''',
        "minimum": '''\
def minimum(a, b):
    """The smaller of two, one of which may be a number."""
    return torch.clamp(a, max=b) if torch.is_tensor(a) else torch.clamp(b, max=a)
''',
    },
    arange="torch.arange({0}, device={like}.device)",
    zeros="torch.zeros({0}, dtype={like}.dtype, device={like}.device)",
    counter="torch.arange({0}, dtype={like}.dtype, device={like}.device)",
    asarray="torch.asarray({0}, dtype={like}.dtype, device={like}.device)",
    number="torch.asarray({0}, dtype={like}.dtype, device={like}.device)",
    truth="({0}).to({like}.dtype)",
)

DIALECTS: dict[str, Dialect] = {dialect.name: dialect for dialect in (NUMPY, JAX, TORCH)}


def dialect_of(backend: str) -> Dialect:
    """The dialect of a backend.

    Raises:
        NetworkError: there is no such backend.
    """
    if backend not in DIALECTS:
        raise NetworkError(f"there is no backend called {backend!r}", hint=f"backends are: {', '.join(DIALECTS)}")
    return DIALECTS[backend]
