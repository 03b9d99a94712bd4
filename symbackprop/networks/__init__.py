"""The built-in networks: one network file each; the file's name is the network's name."""

from __future__ import annotations

from pathlib import Path


def built_in() -> dict[str, Path]:
    """Name -> file of every built-in network, sorted by name."""
    return {path.stem: path for path in sorted(Path(__file__).parent.glob("*.net"))}


def title_of(path: Path) -> str:
    """The title that a network file declares."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("title:"):
            return line.removeprefix("title:").strip()
    return path.stem
