"""Training loops: one design of an update, written as scalars, as nested loops, or as buffered array operations."""

from symbackprop.numeric.loops.design import Setting
from symbackprop.numeric.loops.loop import Advance, Loop, Unsuited, choose, has_numba
from symbackprop.numeric.loops.states import States

__all__ = ["Advance", "Loop", "Setting", "States", "Unsuited", "choose", "has_numba"]
