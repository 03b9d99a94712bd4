"""Programs and numbers: a derivation as NumPy functions, checked against finite differences, trained."""

from symbackprop.numeric.gradcheck import gradient_check
from symbackprop.numeric.initialise import initial_values
from symbackprop.numeric.program import Program, compile_program
from symbackprop.numeric.training import History, train
from symbackprop.numeric.verdicts import GradientCheck, Kink

__all__ = [
    "GradientCheck",
    "History",
    "Kink",
    "Program",
    "compile_program",
    "gradient_check",
    "initial_values",
    "train",
]
