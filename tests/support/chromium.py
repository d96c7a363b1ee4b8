"""Headless Chromium, where it is installed."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

MISSING = "NOT RENDERED: there is no chromium (Debian package chromium)"


def chromium() -> str:
    """Return the browser; without one the test is skipped, and fails in CI."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        if os.environ.get("CI"):
            pytest.fail(f"{MISSING} (in CI that is a failure)")
        pytest.skip(MISSING)
    return found


def screenshot(url: str, file: Path, width: int, height: int) -> tuple[int, int]:
    """Render a page into a PNG file and return its size."""
    _run(file.parent, f"--window-size={width},{height}", f"--screenshot={file}", url)
    head = file.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    size: tuple[int, int] = struct.unpack(">II", head[16:24])
    return size


def rendered(url: str, folder: Path, width: int = 1280) -> str:
    """Return the document as the browser made it of a page."""
    return _run(folder, f"--window-size={width},1000", "--dump-dom", url)


def printed(page: Path, file: Path) -> Path:
    """Print a page of a file into a PDF."""
    _run(file.parent, "--no-pdf-header-footer", f"--print-to-pdf={file}", page.as_uri())
    return file


def _run(folder: Path, *words: str) -> str:
    done = subprocess.run(
        [
            chromium(), "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
            f"--user-data-dir={folder / 'browser'}", *words,
        ],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout
