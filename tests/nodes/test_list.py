"""Lists: each operation against Python's own, and clear errors out of range."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodeflow.errors import InputError
from nodeflow.node import definition_of
from nodes import list as nodes

ITEMS = st.lists(st.integers(), max_size=8)
PLACE = st.integers(-12, 12)


@given(ITEMS)
def test_make_and_length(items: list[int]) -> None:
    made = nodes.make(items)
    assert made == items
    assert made is not items
    assert nodes.length(items) == len(items)


def test_length_of_nothing_is_nought() -> None:
    assert nodes.length([]) == 0


@given(ITEMS, PLACE)
def test_choose_is_pythons_index_or_an_error(items: list[int], index: int) -> None:
    if -len(items) <= index < len(items):
        assert nodes.choose(items, index) == items[index]
    else:
        with pytest.raises(InputError, match="index"):
            nodes.choose(items, index)


def test_choose_says_what_there_is() -> None:
    with pytest.raises(InputError, match=r"index: got 3, expected -3\.\.2, as there are 3"):
        nodes.choose([1, 2, 3], 3)
    with pytest.raises(InputError, match="no empty list"):
        nodes.choose([], 0)


def test_choose_gives_what_the_list_holds() -> None:
    definition = definition_of(nodes.choose)
    assert definition.inputs["items"].type == list[definition.outputs[0].type]


@given(ITEMS, st.none() | PLACE, st.none() | PLACE, PLACE.filter(bool))
def test_slice_is_pythons(items: list[int], start: int | None, stop: int | None, step: int) -> None:
    assert nodes.slice(items, start, stop, step) == items[start:stop:step]


def test_slice_by_nought_is_an_error() -> None:
    assert nodes.slice([1, 2, 3]) == [1, 2, 3]
    with pytest.raises(InputError, match="step: got 0"):
        nodes.slice([1], step=0)


@given(ITEMS, ITEMS)
def test_concat_then_slice_gives_each_back(first: list[int], second: list[int]) -> None:
    joined = nodes.concat(first, second)
    assert nodes.slice(joined, 0, len(first)) == first
    assert nodes.slice(joined, len(first)) == second


def test_append_leaves_the_list_alone() -> None:
    items = [1]
    assert nodes.append(items, 2) == [1, 2]
    assert items == [1]


@given(ITEMS, st.integers(0, 5))
def test_repeat_and_stretch_hold_the_same_elements(items: list[int], times: int) -> None:
    repeated, stretched = nodes.repeat(items, times), nodes.stretch(items, times)
    assert repeated == items * times
    assert sorted(repeated) == sorted(stretched)


def test_stretch_with_repeat_makes_all_pairs() -> None:
    first, second = ["a", "b"], [1, 2, 3]
    pairs = list(zip(nodes.stretch(first, 3), nodes.repeat(second, 2), strict=True))
    assert pairs == [(a, b) for a in first for b in second]


def test_repeat_and_stretch_are_bounded() -> None:
    for function in (nodes.repeat, nodes.stretch):
        with pytest.raises(InputError, match="at most 100000 elements"):
            function([1] * 1000, 1000)
        with pytest.raises(InputError, match="-1 times"):
            function([1], -1)


@given(ITEMS)
def test_reverse_twice_is_the_same(items: list[int]) -> None:
    assert nodes.reverse(nodes.reverse(items)) == items
    assert nodes.reverse(items) == items[::-1]


@given(PLACE, PLACE, PLACE.filter(bool))
def test_range_is_pythons(start: int, stop: int, step: int) -> None:
    assert nodes.range(start, stop, step) == list(range(start, stop, step))


def test_range_is_bounded() -> None:
    with pytest.raises(InputError, match="step: got 0"):
        nodes.range(step=0)
    with pytest.raises(InputError, match="1000000000000000000000000000000 numbers"):
        nodes.range(0, 10**30)
    assert nodes.range(10**30, 0) == []


@given(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3), st.integers(0, 20))
def test_linspace_equals_numpy(start: float, stop: float, count: int) -> None:
    numbers = nodes.linspace(start, stop, count)
    # Another order of the same sum: the last bits of numbers up to a thousand.
    assert numbers == pytest.approx(np.linspace(start, stop, count).tolist(), abs=1e-9)
    if count > 1:
        assert numbers[0] == start
        assert numbers[-1] == stop


def test_linspace_refuses_a_negative_count() -> None:
    with pytest.raises(InputError, match="count"):
        nodes.linspace(0.0, 1.0, -1)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False)))
def test_numbers_from_text_reads_what_python_writes(numbers: list[float]) -> None:
    for separator in (", ", ";", " ", "\n"):
        assert nodes.numbers_from_text(separator.join(map(repr, numbers))) == numbers


@pytest.mark.parametrize(("text", "odd"), [("1, two", "'two' at place 1"), ("nan", "'nan'")])
def test_numbers_from_text_names_what_is_no_number(text: str, odd: str) -> None:
    with pytest.raises(InputError, match=odd):
        nodes.numbers_from_text(text)


@given(st.lists(st.integers(-(10**18), 10**18)))
def test_integers_from_text_reads_what_python_writes(numbers: list[int]) -> None:
    assert nodes.integers_from_text(", ".join(map(str, numbers))) == numbers


@pytest.mark.parametrize("text", ["1.5", "1_000", "0x1", "9" * 30])
def test_integers_from_text_names_what_is_not_whole(text: str) -> None:
    with pytest.raises(InputError, match="at place 1, expected a whole number"):
        nodes.integers_from_text(f"1, {text}")
