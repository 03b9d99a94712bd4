"""PDF: the LaTeX document, set by the TeX engine that is found on this machine.

Contract: `to_pdf(latex)` gives the bytes of a PDF, the same for the same document and engine; nothing that the
document says can run a program or read another folder.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from symbackprop.errors import SymbackpropError

ENGINES = {"pdflatex": ("pdflatex", "xelatex", "lualatex"), "xelatex": ("xelatex", "lualatex")}
"""The engine that a document names in its first line -> what can set it, the best first."""
PACKAGES = "texlive-latex-recommended texlive-pictures texlive-fonts-recommended lmodern"
CHINESE = "texlive-xetex texlive-lang-chinese"
SECONDS = 120
MAGIC = "% !TEX program = "


def to_pdf(latex: str) -> bytes:
    """The PDF of a LaTeX document that names its engine in its first line.

    Raises:
        SymbackpropError: there is no TeX engine, or it cannot set the document.
    """
    wanted = latex.partition("\n")[0].removeprefix(MAGIC)
    engine = next((found for name in ENGINES[wanted] if (found := shutil.which(name))), None)
    if engine is None:
        raise SymbackpropError(
            f"a PDF needs TeX, and {' or '.join(ENGINES[wanted])} is not installed",
            hint=f"install {_advice(wanted)}, or write the sheet as .html and print it from a browser",
        )
    with tempfile.TemporaryDirectory(prefix="symbackprop-") as folder:
        (Path(folder) / "sheet.tex").write_text(latex, encoding="utf-8")
        for _ in range(3):  # once more while widths of tables that break over pages change
            log = _run(engine, folder, wanted)
            if "Rerun" not in log and "have changed" not in log:
                break
        return (Path(folder) / "sheet.pdf").read_bytes()


def _run(engine: str, folder: str, wanted: str) -> str:
    command = [engine, "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "sheet.tex"]
    closed = {"openin_any": "p", "openout_any": "p", "SOURCE_DATE_EPOCH": "0", "FORCE_SOURCE_DATE": "1"}
    try:
        run = subprocess.run(
            command, cwd=folder, env={**os.environ, **closed}, capture_output=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise SymbackpropError(
            f"{Path(engine).name} did not end within {SECONDS} seconds",
            hint="write the sheet as .tex and set it yourself",
        ) from None
    log_file = Path(folder) / "sheet.log"
    log = (
        log_file.read_text(encoding="utf-8", errors="replace")
        if log_file.exists()
        else run.stdout.decode(errors="replace")
    )
    if run.returncode or not (Path(folder) / "sheet.pdf").exists():
        problem = next((line for line in log.splitlines() if line.startswith("!")), "! no PDF was written")
        raise SymbackpropError(
            f"{Path(engine).name} cannot set the sheet: {problem.removeprefix('!').strip()}",
            hint=f"if a package is missing, install {_advice(wanted)}",
        )
    return log


def _advice(wanted: str) -> str:
    return f"TeX Live (on Debian: {PACKAGES if wanted == 'pdflatex' else f'{CHINESE} {PACKAGES}'})"
