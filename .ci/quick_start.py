"""Print one of the two commands of the README's section "Quick start": `quick_start.py 1|2`."""

from __future__ import annotations

import re
import sys
from pathlib import Path


def commands(readme: str) -> list[str]:
    """The fenced blocks of the section "Quick start"."""
    section = re.search(r"^## Quick start\n(.*?)(?=^## )", readme, re.M | re.S)
    if section is None:
        raise SystemExit("README.md has no section 'Quick start'")
    found = re.findall(r"^```\w*\n(.*?)^```", section.group(1), re.M | re.S)
    if len(found) != 2:
        raise SystemExit(f"'Quick start' holds {len(found)} fenced blocks, expected 2")
    return found


if __name__ == "__main__":
    readme = Path(__file__).parent.parent / "README.md"
    print(commands(readme.read_text(encoding="utf-8"))[int(sys.argv[1]) - 1], end="")
