"""The HTML report in a real browser: it opens without the network, without a console message, at any width."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from coordinator.report.html import render_html
from tests.builders import rollback_report, two_experiments_report

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--enable-logging=stderr",
)

pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine"),
]


def browse(page: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    """Open a page in a new profile."""
    profile = page.parent / "profile"
    command = [str(CHROMIUM), *FLAGS, f"--user-data-dir={profile}", *flags, page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)


def size(png: Path) -> tuple[int, int]:
    width, height = struct.unpack(">II", png.read_bytes()[16:24])
    return width, height


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "report.html"
    path.write_text(render_html(rollback_report()), encoding="utf-8")
    return path


def test_the_page_opens_and_the_console_stays_silent(page: Path) -> None:
    seen = browse(page, "--dump-dom")
    assert "CONSOLE" not in seen.stderr
    assert "Canary + experiment coordination report" in seen.stdout
    for heading in ("Contamination audit", "Canary verdict", "Sequencing instructions"):
        assert heading in seen.stdout


@pytest.mark.parametrize("width", [500, 1200])
def test_the_page_draws_at_a_narrow_and_at_a_wide_width(page: Path, width: int) -> None:
    page.write_text(render_html(two_experiments_report()), encoding="utf-8")
    shot = page.parent / f"{width}.png"
    browse(page, f"--window-size={width},2000", f"--screenshot={shot}")
    assert size(shot) == (width, 2000)
    assert shot.stat().st_size > 20_000  # an empty page compresses to less
