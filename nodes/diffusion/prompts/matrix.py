"""A prompt matrix: `a | b | c` as every selection of its options. No torch."""

from __future__ import annotations

import re

_SPECIAL = re.compile(r"\\.|[(){}\[\]|]", re.DOTALL)
_DEPTH = {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}


def options(text: str) -> list[str]:
    """What `|` parts outside of all brackets, trimmed of spaces and commas; `\\|` does not part."""
    found, start, depth = [], 0, 0
    for mark in _SPECIAL.finditer(text):
        depth = max(depth + _DEPTH.get(mark[0], 0), 0)
        if mark[0] == "|" and depth == 0:
            found.append(text[start : mark.start()])
            start = mark.end()
    return [part.strip().strip(",").strip() for part in (*found, text[start:])]


def matrix(text: str, between: str = ", ") -> list[str]:
    """The first option alone, then with every selection of the others: 2^n prompts, in the order of
    binary numbers whose lowest digit is the first of the others."""
    first, *others = options(text)
    return [
        between.join([first, *(other for k, other in enumerate(others) if n >> k & 1)])
        for n in range(2 ** len(others))
    ]
