"""Array libraries at run time: what a program asks of JAX or PyTorch beside the functions that its lines call.

Contract: one small class for each library; it is imported when it is made, never before.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from typing import Any, Protocol

import numpy as np

from symbackprop.errors import DataError
from symbackprop.numeric.dialects import JAX, TORCH, Dialect
from symbackprop.numeric.values import Array

Kind = dict[str, Any]
"""Where and in which dtype arrays are, as keyword arguments of `Library.array`."""


class Library(Protocol):
    """What a program asks of an array library."""

    dialect: Dialect
    module: Any
    """Where the functions are that lines call."""
    integer: Any
    """The dtype of labels."""

    def owns(self, value: Any) -> bool:
        """Is it an array of this library (while tracing: a stand-in for one)?"""
        ...

    def kind(self, values: Iterable[Any]) -> Kind:
        """The common floating dtype of arrays, NumPy's among them, and their device."""
        ...

    def array(self, value: Any, **kind: Any) -> Array:
        """The value as an array of a kind."""
        ...

    def as_numpy(self, value: Array) -> Array:
        """The contents, of which no automatic differentiation remembers where they come from."""
        ...

    def hides(self, value: Array) -> bool:
        """Can the contents not be looked at, as while tracing?"""
        ...

    def untraced(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function where a compiler shall not look into it: it deals with names, not with arrays."""
        ...

    def over_samples(
        self, function: Callable[..., Any], axes: Sequence[int | None], writes: bool
    ) -> Callable[..., Any]:
        """The function of one sample as a function of many; 0: that argument has a leading axis of samples.

        `writes` says that the function writes into arrays that it makes.
        """
        ...

    def quiet(self) -> AbstractContextManager[Any]:
        """Where programs run: no graph for automatic differentiation is built."""
        ...


class Jax:
    """JAX: float64 only where it is switched on; gradients are ours, so tracing differentiates nothing."""

    dialect = JAX

    def __init__(self) -> None:
        self._jax = _imported("jax")
        self.module = self._jnp = import_module("jax.numpy")
        self.integer = int

    def owns(self, value: Any) -> bool:
        """See `Library`."""
        return isinstance(value, self._jax.Array)

    def kind(self, values: Iterable[Any]) -> Kind:
        """See `Library`; warns where float64 values would silently become float32.

        Under ``jax.jit`` they have become it before we see them, and a number has become an array of a weak dtype.
        """
        found = [v for v in values if self._jnp.issubdtype(v.dtype, self._jnp.floating)]
        if any(v.dtype == np.float64 for v in found) and not self._jax.config.jax_enable_x64:
            warnings.warn(
                "jax computes in float32: float64 values are rounded; give float32 values, or switch float64 on "
                'before anything else is computed: jax.config.update("jax_enable_x64", True)',
                stacklevel=5,
            )
        return {"dtype": self._jnp.result_type(*(found or [float]))}

    def array(self, value: Any, **kind: Any) -> Array:
        """See `Library`."""
        return self._jnp.asarray(value, **kind)

    def as_numpy(self, value: Array) -> Array:
        """See `Library`."""
        return np.asarray(value.astype(self._jnp.promote_types(value.dtype, np.float32)))

    def hides(self, value: Array) -> bool:
        """See `Library`; of an array over several hosts no host sees the whole."""
        return isinstance(value, self._jax.core.Tracer) or not value.is_fully_addressable

    def untraced(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """See `Library`; JAX runs Python as it is."""
        return function

    def over_samples(
        self, function: Callable[..., Any], axes: Sequence[int | None], writes: bool
    ) -> Callable[..., Any]:
        """See `Library`."""
        return self._jax.vmap(function, in_axes=tuple(axes))

    def quiet(self) -> AbstractContextManager[Any]:
        """See `Library`."""
        return nullcontext()


class Torch:
    """PyTorch: tensors stay on their device, and nothing is recorded for autograd."""

    dialect = TORCH

    def __init__(self) -> None:
        self.module = self._torch = _imported("torch")
        self.integer = self._torch.int64

    def owns(self, value: Any) -> bool:
        """See `Library`."""
        return self._torch.is_tensor(value)

    def kind(self, values: Iterable[Any]) -> Kind:
        """See `Library`; NumPy arrays go where the first tensor is."""
        torch = self._torch
        own = [v if self.owns(v) else torch.as_tensor(np.empty(0, v.dtype)) for v in values]
        dtype = None
        for tensor in own:
            if tensor.is_floating_point():
                dtype = tensor.dtype if dtype is None else torch.promote_types(dtype, tensor.dtype)
        devices = [v.device for v in values if self.owns(v)]
        return {"dtype": dtype or torch.float64, "device": devices[0] if devices else None}

    def array(self, value: Any, **kind: Any) -> Array:
        """See `Library`."""
        return self._torch.as_tensor(value, **kind).detach()

    def as_numpy(self, value: Array) -> Array:
        """See `Library`."""
        return value.to(self._torch.promote_types(value.dtype, self._torch.float32)).cpu().numpy()

    def hides(self, value: Array) -> bool:
        """See `Library`."""
        return self._torch.compiler.is_compiling() or value.is_meta

    def untraced(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """See `Library`."""
        return self._torch.compiler.disable(function)

    def over_samples(
        self, function: Callable[..., Any], axes: Sequence[int | None], writes: bool
    ) -> Callable[..., Any]:
        """See `Library`; ``vmap`` cannot write into arrays: then it is one sample after the other."""
        if not writes:
            return self._torch.vmap(function, in_dims=tuple(axes))

        def one_by_one(*arguments: Array) -> tuple[Array, ...]:
            count = next(len(a) for a, axis in zip(arguments, axes, strict=True) if axis == 0)
            rows = [
                function(*(a if axis is None else a[n] for a, axis in zip(arguments, axes, strict=True)))
                for n in range(count)
            ]
            return tuple(self._torch.stack(column) for column in zip(*rows, strict=True))

        return one_by_one

    def quiet(self) -> AbstractContextManager[Any]:
        """See `Library`."""
        return self._torch.no_grad()


LIBRARIES: dict[str, Callable[[], Library]] = {"jax": Jax, "torch": Torch}


def _imported(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        raise DataError(
            f"the backend {name} needs {name}, which is not installed", hint=f"pip install 'symbackprop[{name}]'"
        ) from None
