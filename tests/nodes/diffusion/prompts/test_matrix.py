"""The prompt matrix: what it parts, and every selection."""

from __future__ import annotations

from nodes.diffusion.prompts.matrix import matrix, options


def test_options_are_parted_outside_of_brackets() -> None:
    assert options("a | b, | [c|d] | {e|(f|g)} | h\\|i") == [
        "a", "b", "[c|d]", "{e|(f|g)}", "h\\|i",
    ]  # fmt: skip
    assert options("a) | b") == ["a)", "b"]
    assert options("") == [""]


def test_the_selections_are_in_binary_order() -> None:
    assert matrix("a | b | c") == ["a", "a, b", "a, c", "a, b, c"]
    assert matrix("a|b", " and ") == ["a", "a and b"]
    assert matrix("a") == ["a"]
    assert len(set(matrix("|".join("abcdefg")))) == 64
