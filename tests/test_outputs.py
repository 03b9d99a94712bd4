"""`outputs/` holds what the software writes now, byte for byte (`make outputs` writes it anew)."""

from __future__ import annotations

import pytest

from tests import curated


@pytest.mark.xdist_group("outputs")
def test_curated_sheets_are_up_to_date() -> None:
    kept, now = curated.contents(curated.OUTPUTS), curated.rendered()
    assert kept.keys() == now.keys()
    stale = [name for name in now if kept[name] != now[name]]
    assert not stale, f"run 'make outputs': {stale}"
