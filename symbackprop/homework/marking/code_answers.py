"""Answers in Python files: what no formula is, is blanked out, so that lines keep their numbers. Nothing is run."""

from __future__ import annotations

import re

_NO_ANSWER = re.compile(
    r"^[ \t]*(?:#|@|(?:import|from|def|class|return|print|assert|if|elif|else|for|while|with|try|except|raise|pass)\b)"
    r".*$",
    re.MULTILINE,
)


def without_code(text: str, label: str) -> str:
    r"""The text of a ``.py`` file without comments, imports and control flow; other texts as they are.

    >>> without_code("import numpy as np\ndW = d @ X.T\n# db = d", "a.py")
    '\ndW = d @ X.T\n'
    """
    return _NO_ANSWER.sub("", text) if label.lower().endswith(".py") else text
