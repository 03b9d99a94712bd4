"""Names of quantities: how they are spelled, printed, compared and turned into identifiers.

`parse_name` reads a spelling, `Name` prints and compares it; `alphabet` holds letters and accents.
"""

from symbackprop.names.name import Name, identifier, make_name, natural_key, opaque_name, parse_name
from symbackprop.names.spelling import Kind, Label

__all__ = ["Kind", "Label", "Name", "identifier", "make_name", "natural_key", "opaque_name", "parse_name"]
