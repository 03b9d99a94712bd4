"""The curated sheets in `outputs/`: every built-in network, English and Chinese, Markdown, LaTeX and HTML; loss curves.

python -m tests.curated     # write them anew; a test compares byte for byte
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import symbackprop as sb
from tests import curves

OUTPUTS = Path(__file__).parent.parent / "outputs"
LANGUAGES = ("en", "zh")
FORMATS = ("md", "tex", "html")


def render(folder: Path) -> None:
    """Write every curated sheet into a folder; Markdown in GitHub's dialect, with its picture beside it."""
    for name in sb.networks():
        derivation = sb.read(name).derive()
        for language in LANGUAGES:
            sheet = derivation.sheet(lang=language)
            for ending in FORMATS:
                sheet.save(folder / f"{name}.{language}.{ending}", dialect="github")
    for name in curves.RUNS:
        curves.draw(name, folder / f"{name}.loss.svg")


def contents(folder: Path) -> dict[str, bytes]:
    """The bytes of every sheet, picture and curve in a folder by name."""
    endings = (*FORMATS, "svg")
    return {
        p.name: p.read_bytes() for p in sorted(folder.iterdir()) if p.suffix[1:] in endings and p.name.count(".") == 2
    }


def rendered() -> dict[str, bytes]:
    """The bytes of every sheet as it is now."""
    with tempfile.TemporaryDirectory() as folder:
        render(Path(folder))
        return contents(Path(folder))


if __name__ == "__main__":
    OUTPUTS.mkdir(exist_ok=True)
    render(OUTPUTS)
