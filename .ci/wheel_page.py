"""Open the editor of an unpacked wheel in a browser and make a picture, with no Node.js on PATH.

wheel_page.py UNPACKED WORK: PYTHONPATH holds the unpacked wheel.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright


def main(unpacked: str, work: str) -> int:
    browser = shutil.which("chromium") or sys.exit("Chromium is missing")
    folders = os.environ["PATH"].split(os.pathsep)
    path = os.pathsep.join(f for f in folders if not (Path(f) / "node").exists())
    assert shutil.which("node", path=path) is None
    server = subprocess.Popen(
        [sys.executable, "-m", "nodeflow.cli", "serve", "--port", "0", "--dir", f"{work}/served"],
        env={**os.environ, "PATH": path, "PYTHONPATH": unpacked},
        cwd=work,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        url = server.stdout.readline().removeprefix("nodeflow is at ").strip()
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
            page = chromium.new_page()
            page.set_default_timeout(120_000)
            page.goto(url)
            page.get_by_role("dialog", name="Welcome").wait_for()
            page.keyboard.press("Escape")
            page.keyboard.press("Control+Enter")
            page.get_by_role("button", name="Picture from Decode").wait_for()
            chromium.close()
    finally:
        server.terminate()
        server.wait(30)
    pictures = list(Path(work, "served", "output").glob("*.png"))
    assert len(pictures) == 1, pictures
    print(f"the wheel's editor made {pictures[0].name} without Node.js")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
