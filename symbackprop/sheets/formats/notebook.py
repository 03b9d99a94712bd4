"""A Jupyter notebook: Markdown cells for the text, code cells for what can be run.

Contract: `to_notebook(blocks, folders)` gives JSON text (nbformat 4.5) that is the same byte for byte every
time.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from symbackprop.sheets.blocks import Block, Code, Figure, Heading, walked
from symbackprop.sheets.formats.markdown import Markdown, picture_of

PICTURE = "network.svg"
METADATA: dict[str, Any] = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def to_notebook(blocks: Sequence[Block], folders: Sequence[Path]) -> str:
    """The sheet as the JSON text of a notebook."""
    markdown = Markdown(folders, "jupyter", f"attachment:{PICTURE}")
    cells = [
        _code_cell(n, group[0]) if isinstance(group[0], Code) else _text_cell(n, group, markdown)
        for n, group in enumerate(_cells(blocks))
    ]
    notebook = {"cells": cells, "metadata": METADATA, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def _cells(blocks: Sequence[Block]) -> Iterator[list[Block]]:
    """One cell for each section, and one for each program that can be run."""
    current: list[Block] = []
    for block in blocks:
        runnable = isinstance(block, Code) and block.runnable
        if current and (runnable or (isinstance(block, Heading) and block.level <= 3)):
            yield current
            current = []
        if runnable:
            yield [block]
        else:
            current.append(block)
    if current:
        yield current


def _text_cell(number: int, blocks: Sequence[Block], markdown: Markdown) -> dict[str, Any]:
    cell: dict[str, Any] = {
        "cell_type": "markdown",
        "id": f"cell-{number:03d}",
        "metadata": {},
        "source": _lines(markdown.body(blocks)),
    }
    figures = [b for b in walked(blocks) if isinstance(b, Figure)]
    if figures:
        cell["attachments"] = {
            picture_of(PICTURE, f): {"image/svg+xml": b64encode(f.diagram.svg().encode()).decode()} for f in figures
        }
    return cell


def _code_cell(number: int, block: Any) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": f"cell-{number:03d}",
        "metadata": {},
        "outputs": [],
        "source": _lines(block.source.rstrip("\n")),
    }


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)
