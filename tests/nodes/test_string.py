"""Texts: round trips, safe templates, and choices that stay the same."""

import collections

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodeflow.errors import InputError
from nodes import string as nodes

LINE = st.text(st.characters(codec="ascii", exclude_categories=["C", "Z"]), min_size=1)


@given(st.lists(LINE, min_size=1))
def test_join_by_lines_then_lines_is_the_same(texts: list[str]) -> None:
    assert nodes.lines(nodes.join(texts, "\n")) == texts


def test_join_of_nothing_is_empty() -> None:
    assert nodes.join([]) == ""
    assert nodes.join(["a", "b"]) == "a, b"


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{a} in {b}", "cat in 7.5"),
        ("{a:>5}|{b:.2f}|{c:03}|{d}", "  cat|7.50|004|true"),
        ("{{a}} {{{c}}}", "{a} {4}"),
        ("no fields", "no fields"),
        ("", ""),
        ("{b:.0%}", "750%"),
    ],
)
def test_template_fills_in(template: str, expected: str) -> None:
    assert nodes.template(template, "cat", 7.5, 4, True) == expected


def test_template_writes_whole_floats_short_and_others_exactly() -> None:
    assert nodes.template("{a} {b} {c}", 7.0, 0.1, -0.0) == "7 0.1 0"


@given(st.text(), st.text())
def test_template_never_looks_inside_values(a: str, b: str) -> None:
    assert nodes.template("{a}|{b}", a, b) == f"{a}|{b}"


@pytest.mark.parametrize(
    ("template", "fault"),
    [
        ("{a.__class__}", r"\{a\.__class__\}, expected one of a, b, c, d"),
        ("{a[0]}", "expected one of"),
        ("{}", "expected one of"),
        ("{0}", "expected one of"),
        ("{a!r}", "expected one of"),
        ("{a", "'{' alone, character 1"),
        ("a }", "'}' alone, character 3"),
        ("{a:999999999}", "format '999999999'"),
        ("{a:.999f}", "format"),
        ("{a:.2f}", "format '.2f' for 'cat'"),
        ("{a:{b}}", "alone"),
    ],
)
def test_template_refuses_all_but_names_and_small_formats(template: str, fault: str) -> None:
    with pytest.raises(InputError, match=fault):
        nodes.template(template, "cat", "dog")


def test_fill_takes_names_of_ones_own() -> None:
    text = nodes.fill("{animal} in {place}", ["animal", "place"], ["cat", "{animal}"])
    assert text == "cat in {animal}"
    with pytest.raises(InputError, match=r"did you mean \{animal\}"):
        nodes.fill("{animl}", ["animal"], ["cat"])
    with pytest.raises(InputError, match="1 values, expected 2"):
        nodes.fill("{a}", ["a", "b"], ["x"])


def test_replace_every_occurrence() -> None:
    assert nodes.replace("red cat, red dog", "red", "blue") == "blue cat, blue dog"
    assert nodes.replace("Red", "red", "blue") == "Red"
    with pytest.raises(InputError, match="old"):
        nodes.replace("a", "", "b")


def test_upper_and_lower() -> None:
    assert nodes.upper("Cat é") == "CAT É"
    assert nodes.lower("Cat É") == "cat é"


def test_lower_of_upper_of_small_letters_is_the_same() -> None:
    assert nodes.lower(nodes.upper("a cat")) == "a cat"


def test_strip_both_ends() -> None:
    assert nodes.strip(text="\n  a b \t\n") == "a b"


def test_lines_leaves_out_what_is_empty() -> None:
    assert nodes.lines("a\n\n  b  \r\n") == ["a", "b"]
    assert nodes.lines("") == []


def test_split_keeps_what_is_empty() -> None:
    assert nodes.split("a, b,,c") == ["a", "b", "", "c"]
    with pytest.raises(InputError, match="separator"):
        nodes.split("a", "")


def test_contains_tells_case_apart() -> None:
    assert nodes.contains("a Cat", "Cat")
    assert not nodes.contains("a Cat", "cat")


def test_choose_by_seed_is_the_same_for_ever() -> None:
    options = ["red", "green", "blue"]
    # Fixed here on purpose: a change would change everybody's pictures.
    chosen = ["red", "green", "green", "green", "green", "blue"]
    assert [nodes.choose_by_seed(options, seed) for seed in range(6)] == chosen


def test_choose_by_seed_takes_each_about_as_often() -> None:
    counts = collections.Counter(nodes.choose_by_seed(["a", "b", "c"], s) for s in range(30000))
    # Three standard deviations of a fair choice: sqrt(30000 * 1/3 * 2/3) is 82.
    assert all(abs(count - 10000) < 245 for count in counts.values())
    with pytest.raises(InputError, match="an empty list"):
        nodes.choose_by_seed([], 0)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_from_number_and_to_number_is_the_same(value: float) -> None:
    assert nodes.to_number(nodes.from_number(value)) == value


def test_from_number_by_a_format() -> None:
    assert nodes.from_number(7.0, ".2f") == "7.00"
    assert nodes.from_number(7.0) == "7"
    with pytest.raises(InputError, match="format"):
        nodes.from_number(7.0, "{}")


@given(st.integers(-(10**18), 10**18), st.integers(0, 30))
def test_from_integer_and_to_integer_is_the_same(value: int, digits: int) -> None:
    text = nodes.from_integer(value, digits)
    assert nodes.to_integer(text) == value if len(text.lstrip("-")) <= 19 else int(text) == value
    assert len(text.lstrip("-")) >= digits


def test_from_integer_fills_up_with_zeros() -> None:
    assert nodes.from_integer(7, 3) == "007"
    assert nodes.from_integer(-7, 3) == "-007"
    with pytest.raises(InputError, match=r"0\.\.30"):
        nodes.from_integer(7, 31)


@pytest.mark.parametrize("text", ["", "seven", "nan", "inf", "1,5"])
def test_to_number_refuses_what_is_no_number(text: str) -> None:
    with pytest.raises(InputError, match="a number such as"):
        nodes.to_number(text)


@pytest.mark.parametrize("text", ["", "1.5", "0x1", "1_0"])
def test_to_integer_refuses_what_is_not_whole(text: str) -> None:
    with pytest.raises(InputError, match="a whole number such as"):
        nodes.to_integer(text)
