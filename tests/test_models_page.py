"""docs/models.md tells the truth: each mark in its table of families is a test that exists."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
MARKS = ("✓", "–", "")


def table() -> dict[str, dict[str, str]]:
    """Family → column → mark."""
    lines = PAGE[PAGE.index("| family |") :].splitlines()
    columns = [cell.strip() for cell in lines[0].strip("|").split("|")][1:]
    found = {}
    for line in lines[2:]:
        if not line.startswith("|"):
            break
        family, *marks = [cell.strip() for cell in line.strip("|").split("|")]
        found[family] = dict(zip(columns, marks, strict=True))
    return found


def evidence(family: str) -> dict[str, str]:
    """Column → `file::test` of a family."""
    (line,) = re.findall(rf"^- \*\*{re.escape(family)}\*\*: (.*)$", PAGE, re.M)
    return dict(re.findall(r"([\w ]+?) `([^`]+)`", line.replace("; ", "\n")))


@cache
def names_in(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return frozenset(item.name for item in tree.body if isinstance(item, ast.FunctionDef))


def test_all_families_are_told() -> None:
    assert len(table()) == 15
    assert {mark for row in table().values() for mark in row.values()} <= set(MARKS)


@pytest.mark.parametrize("family", table())
def test_every_mark_stands_for_a_test(family: str) -> None:
    found = {column.strip(): test for column, test in evidence(family).items()}
    assert set(found) == {column for column, mark in table()[family].items() if mark == "✓"}
    for test in found.values():
        file, _, name = test.partition("::")
        assert name in names_in(file), test
