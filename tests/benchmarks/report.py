"""The files of a whole run: the figures as JSON, and their picture."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from tests.benchmarks.picture import draw
from tests.benchmarks.records import Record

OUTPUTS = Path(__file__).parents[2] / "outputs"
PACKAGES = ("numpy", "scipy", "numba", "torch", "jax", "autograd")


def save(records: Sequence[Record], folder: Path) -> list[Path]:
    """Write `benchmarks.json`, `.svg` and `.png`."""
    figures = {"versions": versions(), "records": [_rounded(asdict(record)) for record in records]}
    paths = [folder / f"benchmarks.{ending}" for ending in ("json", "svg", "png")]
    paths[0].write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    for path in paths[1:]:
        draw(records, path)
    return paths


def versions() -> dict[str, str]:
    """What was measured; without the packages that are not installed."""
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _rounded(record: dict[str, Any]) -> dict[str, Any]:
    """Four significant digits: more would be noise."""

    def short(value: Any) -> Any:
        if isinstance(value, list):
            return [short(item) for item in value]
        return float(f"{value:.4g}") if isinstance(value, float) else value

    return {name: short(value) for name, value in record.items()}
