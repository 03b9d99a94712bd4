"""Matrix notation as a tree in which every node has rows and columns, and how an indexed expression becomes one.

`nodes` is the tree, `graph` eliminates the bound indices of a product, `reduction` reads an expression.
"""

from symbackprop.matrix.nodes import (
    Along,
    Apply,
    Hadamard,
    Index,
    LabelSum,
    Leaf,
    Node,
    NoMatrixForm,
    Ones,
    Product,
    Sum,
    Transposed,
    transposed,
)
from symbackprop.matrix.reduction import matrix_form

__all__ = [
    "Along",
    "Apply",
    "Hadamard",
    "Index",
    "LabelSum",
    "Leaf",
    "NoMatrixForm",
    "Node",
    "Ones",
    "Product",
    "Sum",
    "Transposed",
    "matrix_form",
    "transposed",
]
