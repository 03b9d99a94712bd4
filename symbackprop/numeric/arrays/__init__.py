"""Whole-array programs: indexed expressions as trees of array operations, and how array libraries write them."""

from symbackprop.numeric.arrays.lowering import lower
from symbackprop.numeric.arrays.nodes import Array, Contract, Counter, Guard, Lowered, Map, Read, Reduce, SoftmaxOver

__all__ = ["Array", "Contract", "Counter", "Guard", "Lowered", "Map", "Read", "Reduce", "SoftmaxOver", "lower"]
