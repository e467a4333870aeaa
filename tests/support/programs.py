"""Programs that some tests need beside Python: a browser, Node.js.

Where one is missing its tests are skipped, with what to install; in CI that is a failure.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
IN_CI = bool(os.environ.get("CI"))


def chromium() -> str:
    """The path of Chromium; NODEFLOW_CHROMIUM names another."""
    named = os.environ.get("NODEFLOW_CHROMIUM", "")
    found = named or next((path for name in CHROMIUM if (path := shutil.which(name))), "")
    return found or missing("Chromium", "install it (Debian: apt install chromium)")


def node_with(folder: Path) -> str:
    """The path of Node.js, with the packages of `folder` installed."""
    node = shutil.which("node")
    if not node:
        return missing("Node.js", "install it (Debian: apt install nodejs npm)")
    if not (folder / "node_modules").is_dir():
        return missing(f"the packages of {folder.name}/", f"run `npm ci` in {folder}")
    return node


def missing(what: str, remedy: str) -> str:
    """Say that a test cannot run here; never comes back."""
    text = f"{what} is missing: {remedy}"
    if IN_CI:
        pytest.fail(text)
    pytest.skip(text)
