"""html."""
from typing import Any


def to_html(*args: Any) -> str:
    """Not yet."""
    raise NotImplementedError
