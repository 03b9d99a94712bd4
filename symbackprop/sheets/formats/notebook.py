"""notebook."""
from typing import Any


def to_notebook(*args: Any) -> str:
    """Not yet."""
    raise NotImplementedError
