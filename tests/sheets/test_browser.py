"""The HTML of sheets in a real browser: nothing runs off the page, wide or narrow; dark; on paper."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from html import escape, unescape
from pathlib import Path

import pytest

import symbackprop as sb
from symbackprop.derivation import Derivation
from symbackprop.sheets import compose
from tests.sheets.networks import chain, layer, shared_biases

pytest.importorskip("math_core")
CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), ""
)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed"),
    pytest.mark.xdist_group("browser"),
]

RECURRENT = r"""
h_{i,0} = 0   for i = 1..n
h_{i,t} = \tanh(\sum_{j=1}^{n} U_{ij} h_{j,t-1} + \sum_{j=1}^{d} V_{ij} x_{j,t} + b_i)   for i = 1..n, t = 1..T
L = \frac{1}{2} \sum_{t=1}^{T} \sum_{i=1}^{n} (h_{i,t} - y_{i,t})^2
"""
SHEETS: Mapping[str, Callable[[], str]] = {
    **{
        f"{name} {lang}": lambda name=name, lang=lang: sb.read(name).derive().sheet(lang=lang).to_html()
        for name in sb.networks()
        for lang in ("en", "zh")
    },
    "mnist": lambda: (
        sb.sequential(
            sb.dense(256, "relu"), sb.dense(128, "relu"), sb.dense(10), inputs=784, loss="softmax_cross_entropy"
        )
        .derive()
        .sheet()
        .to_html()
    ),
    "recurrent": lambda: sb.read(RECURRENT).derive().sheet().to_html(),
    "chain": lambda: compose(Derivation(chain(12))).to_html(),
    "shared": lambda: compose(Derivation(shared_biases())).to_html(),
    "layer": lambda: compose(Derivation(layer(5, 7, 3))).to_html(),
}

MEASURE = """
addEventListener('load', () => {
  const found = {};
  for (const frame of document.querySelectorAll('iframe')) {
    const page = frame.contentDocument, width = page.documentElement.clientWidth;
    const name = e => e.tagName + '.' + (e.getAttribute('class') || '');
    const all = [...page.querySelectorAll('body *')].filter(e => !e.closest('svg *'));
    found[frame.id] = {
      width, page: page.documentElement.scrollWidth,
      beyond: all.filter(e => e.getBoundingClientRect().right > width + 0.5).map(name).slice(0, 5),
      scrolled: [...page.querySelectorAll('.formula, .table, .picture, pre')]
        .filter(e => e.scrollWidth > e.clientWidth + 1).map(name).slice(0, 5),
      formulas: page.querySelectorAll('.formula').length,
      dark: getComputedStyle(page.querySelector('.sheet')).backgroundColor,
    };
  }
  document.body.innerHTML = '<pre id="found"></pre>';
  document.getElementById('found').textContent = JSON.stringify(found);
});
"""


def measured(folder: Path, pages: Mapping[str, str], width: int, *options: str) -> dict[str, dict[str, object]]:
    """What a browser says of pages in frames of a width."""
    frames = "".join(
        f'<iframe id="{escape(name)}" width="{width}" height="800" style="border:0" srcdoc="{escape(page)}"></iframe>'
        for name, page in pages.items()
    )
    outside = folder / "outside.html"
    outside.write_text(f"<!DOCTYPE html><meta charset=utf-8><script>{MEASURE}</script><body>{frames}", encoding="utf-8")
    run = subprocess.run(
        [
            CHROMIUM,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            f"--user-data-dir={folder / 'profile'}",
            *options,
            "--virtual-time-budget=20000",
            "--dump-dom",
            outside.as_uri(),
        ],
        capture_output=True,
        timeout=180,
        check=True,
    )
    found = re.findall(r'<pre id="found">(\{.*?)</pre>', run.stdout.decode(), re.DOTALL)
    assert found, run.stderr.decode()[-2000:]
    return json.loads(unescape(found[0]))


@pytest.mark.parametrize("width", [360, 390, 700, 1100])
def test_nothing_is_wider_than_the_page(width: int, tmp_path: Path) -> None:
    found = measured(tmp_path, {name: build() for name, build in SHEETS.items()}, width)
    assert found.keys() == SHEETS.keys()
    for name, page in found.items():
        assert page["formulas"], name
        assert page["page"] == page["width"] >= width - 20, name
        assert page["beyond"] == page["scrolled"] == [], (name, page)


def test_dark_where_the_reader_likes_it_dark(tmp_path: Path) -> None:
    pages = {"sheet": SHEETS["two-two-one en"]()}
    assert measured(tmp_path, pages, 800)["sheet"]["dark"] == "rgb(255, 255, 255)"
    dark = measured(tmp_path, pages, 800, "--blink-settings=preferredColorScheme=0")
    assert dark["sheet"]["dark"] == "rgb(20, 24, 29)"


def test_it_prints_on_a_few_pages(tmp_path: Path) -> None:
    (tmp_path / "sheet.html").write_text(SHEETS["two-two-one en"](), encoding="utf-8")
    subprocess.run(
        [
            CHROMIUM,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            f"--user-data-dir={tmp_path / 'profile'}",
            "--no-pdf-header-footer",
            f"--print-to-pdf={tmp_path / 'sheet.pdf'}",
            (tmp_path / "sheet.html").as_uri(),
        ],
        capture_output=True,
        timeout=180,
        check=True,
    )
    pages = re.findall(rb"/Type\s*/Page\b", (tmp_path / "sheet.pdf").read_bytes())
    assert 3 <= len(pages) <= 8
