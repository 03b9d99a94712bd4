"""The pictures of sheets that the README shows, taken in a real browser: light, dark, and on a telephone.

python -m tests.pictures     # needs chromium; letters look different with other fonts, so no test compares the pixels
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from html import escape
from pathlib import Path

import symbackprop as sb
from tests.curated import OUTPUTS

FRAME = (
    "<!DOCTYPE html><meta charset=utf-8><style>body{{margin:0;overflow:hidden}}iframe{{border:0;display:block}}</style>"
    '<iframe width="{width}" height="{height}" scrolling="no" srcdoc="{page}"></iframe>'
)
LIGHT, DARK = 1, 0
SHOTS = {
    "sheet-light.png": ("two-two-one", "en", LIGHT, 860, 1290),
    "sheet-dark.png": ("softmax-classifier", "en", DARK, 860, 1290),
    "sheet-phone.png": ("two-two-one", "zh", LIGHT, 390, 1290),
}
"""File -> network, language, colours, and the size of the window."""


def take(name: str, language: str, colours: int, width: int, height: int, path: Path) -> None:
    """One picture of the top of a sheet."""
    page = sb.read(name).derive().sheet(lang=language).to_html()
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        raise SystemExit("chromium is not installed")
    with tempfile.TemporaryDirectory() as folder:
        frame = Path(folder) / "frame.html"
        frame.write_text(FRAME.format(width=width, height=height, page=escape(page)), encoding="utf-8")
        options = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--force-device-scale-factor=1.25",
        ]
        options += [f"--user-data-dir={folder}/profile", f"--blink-settings=preferredColorScheme={colours}"]
        options += [f"--window-size={width},{height}", f"--screenshot={path}", frame.as_uri()]
        subprocess.run([browser, *options], capture_output=True, timeout=120, check=True)


if __name__ == "__main__":
    for file, shot in SHOTS.items():
        take(*shot, OUTPUTS / file)
