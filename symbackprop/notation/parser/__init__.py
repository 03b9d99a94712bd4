r"""Text -> syntax tree. Each module is one layer of the parser and knows only the layers below it.

cursor       walks over tokens
scripts      subscripts and superscripts as they are written
indices      ... as indices and exponents
references   which scripts belong to a name: the vocabulary decides
runs         runs of letters: `out`, `qz`, `dW2`
reductions   sums and maxima over an index
calls        functions and their arguments
arrays       matrices and cases
operands     what begins with a bracket or a command
expressions  sums, products, conditions
clauses      cuts a line into statements and a statement into its parts
ranges       for i = 1..n
sets         X in R^(n x m), y in {0..2}^m
declarations the other declarations
statements   equations, and all kinds of statements together
collect      gathers the vocabulary of a whole file
vocabulary   the table of known names, which all of them ask
"""

from symbackprop.notation.parser.collect import collect_vocabulary
from symbackprop.notation.parser.expressions import parse_expression
from symbackprop.notation.parser.statements import parse_statement, parse_statements
from symbackprop.notation.parser.vocabulary import NOTHING_KNOWN, Family, Vocabulary

__all__ = [
    "NOTHING_KNOWN",
    "Family",
    "Vocabulary",
    "collect_vocabulary",
    "parse_expression",
    "parse_statement",
    "parse_statements",
]
