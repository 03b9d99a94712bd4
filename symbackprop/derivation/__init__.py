"""The derivation of a network: gradients, paths, deltas and updates, as a record that everything else reads.

`core` has the Derivation, `gradient` what it says of one quantity, `records` the frozen pieces (links, paths, terms,
cases, updates), `rules` the update rules of gradient descent, `paths` the ways from the loss, `outputs` the folding of
activations into their names.
"""

from symbackprop.derivation.core import Derivation
from symbackprop.derivation.gradient import Gradient
from symbackprop.derivation.outputs import activation_argument
from symbackprop.derivation.records import (
    Case,
    DeltaConvention,
    DerivativeForm,
    Factors,
    Link,
    Path,
    Step,
    Style,
    Term,
    Update,
)
from symbackprop.derivation.terms import ordered_sum

__all__ = [
    "Case",
    "DeltaConvention",
    "Derivation",
    "DerivativeForm",
    "Factors",
    "Gradient",
    "Link",
    "Path",
    "Step",
    "Style",
    "Term",
    "Update",
    "activation_argument",
    "ordered_sum",
]
