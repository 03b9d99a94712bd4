"""Training loops: one design of an update, written as scalars, as nested loops, or as buffered array operations."""

from symbackprop.numeric.loops.design import Setting
from symbackprop.numeric.loops.loop import Advance, Loop, Unsuited, choose, has_numba

__all__ = ["Advance", "Loop", "Setting", "Unsuited", "choose", "has_numba"]
