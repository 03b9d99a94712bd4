"""text."""
from typing import Any


def to_text(*args: Any) -> str:
    """Not yet."""
    raise NotImplementedError
