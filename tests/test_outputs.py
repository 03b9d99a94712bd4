"""`outputs/` holds what the software writes now, byte for byte (`make outputs` writes it anew)."""

from __future__ import annotations

import re

import pytest

from tests import curated


@pytest.mark.xdist_group("outputs")
def test_curated_sheets_are_up_to_date() -> None:
    kept, now = curated.contents(curated.OUTPUTS), curated.rendered()
    assert kept.keys() == now.keys()
    stale = [name for name in now if kept[name] != now[name] and not _other_matplotlib(kept[name], now[name])]
    assert not stale, f"run 'make outputs': {stale}"


def _other_matplotlib(kept: bytes, now: bytes) -> bool:
    """Was a curve drawn by another version of matplotlib, which says so in the file and draws it a little otherwise?"""
    versions = [re.search(rb"Matplotlib v[\d.]+", picture) for picture in (kept, now)]
    return all(versions) and len({found[0] for found in versions if found}) == 2


def test_the_readme_shows_sheets_that_are_there() -> None:
    readme = (curated.OUTPUTS.parent / "README.md").read_text(encoding="utf-8")
    shown = re.findall(r"outputs/([\w.-]+)", readme)
    assert len(shown) >= 8
    missing = [name for name in shown if not (curated.OUTPUTS / name).is_file()]
    assert not missing
