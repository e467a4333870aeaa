"""Which wire fits which port, which literal fits, and how types are named."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any, Optional, TypeVar, Union

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodeflow.sockets import (
    SocketInfo,
    accepts_none,
    assignable,
    bind,
    coerce_literal,
    is_list,
    is_plain,
    is_socket_type,
    known_socket,
    literal_fits,
    socket,
    socket_info,
    substitute,
    type_name,
    union_members,
)

T = TypeVar("T")
U = TypeVar("U")


@socket("apple", colour="#ff0000", shape="square", persist=False, save="m:f")
@dataclass(frozen=True)
class Apple:
    pass


@socket("pear")
@dataclass(frozen=True)
class Pear:
    pass


@socket("red_apple")
@dataclass(frozen=True)
class RedApple(Apple):
    pass


class WildApple(Apple):
    """Not declared itself."""


class Stone:
    """No socket type."""


PLAIN = (bool, int, float, str)
SINGLE = (*PLAIN, Apple, Pear, RedApple)
BASES = (*SINGLE, int | str, Apple | Pear, Apple | None, Optional[float])  # noqa: UP045
TYPES = (*BASES, *(list[tp] for tp in BASES), list[list[float]], list[int] | None)

types = st.sampled_from(TYPES)


# ── declaring ──────────────────────────────────────────────────────────────────────────────────


def test_a_declared_class_is_known_by_its_name_and_no_other_is() -> None:
    name = f"{Apple.__module__}:Apple"
    assert known_socket(name) is Apple
    for other in (f"{Apple.__module__}:Stone", f"{Apple.__module__}:WildApple", "builtins:int", ""):
        assert known_socket(other) is None


def test_info_is_that_of_the_class_of_its_base_or_of_the_element() -> None:
    apple = SocketInfo("apple", "#ff0000", "square", persist=False, save="m:f")
    for tp in (Apple, WildApple, list[Apple], list[list[Apple]], Apple | None, list[Apple] | None):
        assert socket_info(tp) == apple, tp
    assert socket_info(RedApple).port == "red_apple"
    for tp in (int, list[str], int | str, T, Apple | Pear):
        assert socket_info(tp) == SocketInfo("value"), tp


def test_what_may_stand_in_a_signature() -> None:
    for tp in (*TYPES, T, list[T], Apple | list[Apple], WildApple):
        assert is_socket_type(tp), tp
    for tp in (Stone, list, dict, list[Stone], Apple | Stone, None, type(None), Any, bytes, "int"):
        assert not is_socket_type(tp), tp


def test_what_a_literal_can_be_of() -> None:
    for tp in (*PLAIN, list[int], list[list[str]], int | None, int | Apple, list[float] | None):
        assert is_plain(tp), tp
    for tp in (Apple, list[Apple], Apple | None, Apple | Pear, T, list[T]):
        assert not is_plain(tp), tp


def test_unions_are_taken_apart_without_none() -> None:
    assert union_members(int | str | None) == (int, str)
    assert union_members(Union[int, None]) == (int,)  # noqa: UP007
    assert union_members(int) == (int,)
    assert union_members(list[int]) == (list[int],)
    assert accepts_none(int | None)
    assert not accepts_none(int | str)
    assert is_list(list[int])
    assert not is_list(list[int] | None)


@pytest.mark.parametrize(
    ("tp", "name"),
    [
        (int, "int"),
        (Apple, "Apple"),
        (list[Apple], "list[Apple]"),
        (list[list[int]], "list[list[int]]"),
        (int | str, "int | str"),
        (Apple | None, "Apple | none"),
        (list[int | str], "list[int | str]"),
        (T, "T"),
        (list[T], "list[T]"),
    ],
)
def test_types_have_one_name(tp: Any, name: str) -> None:
    assert type_name(tp) == name


# ── wires ──────────────────────────────────────────────────────────────────────────────────────


def test_among_single_types_only_these_differ_and_fit() -> None:
    fits = {(a, b) for a, b in itertools.permutations(SINGLE, 2) if assignable(a, b)}
    assert fits == {(int, float), (RedApple, Apple)}


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (WildApple, Apple),
        (int, int | str),
        (int, float | str),
        (RedApple, Apple | Pear),
        (int | str, str | int),
        (int | bool, int | bool | str),
        (RedApple | Pear, Apple | Pear),
        (Apple, Apple | None),
        (Apple | None, Apple | None),
        (list[int], list[float]),
        (list[RedApple], list[Apple | Pear]),
        (list[int], list[float] | None),
        (list[list[int]], list[list[float]]),
        (Apple, T),
        (list[int], T),
        (T, Apple),
    ],
)
def test_a_wire_fits(source: Any, target: Any) -> None:
    assert assignable(source, target)


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (Apple, RedApple),
        (float, int),
        (bool, int),
        (bool, float),
        (bool, int | float),
        (int, bool),
        (int, str),
        (int | str, int),
        (int | str, float),
        (Apple | None, Apple),
        (Apple, list[Apple]),
        (list[Apple], Apple),
        (list[float], list[int]),
        (list[bool], list[int]),
        (list[Apple | None], list[Apple]),
        (list[Apple] | None, list[Apple]),
        (list[list[int]], list[int]),
    ],
)
def test_a_wire_does_not_fit(source: Any, target: Any) -> None:
    assert not assignable(source, target)


@given(tp=types)
def test_every_type_fits_itself_a_variable_and_its_list_the_same(tp: Any) -> None:
    assert assignable(tp, tp)
    assert assignable(tp, T)
    assert assignable(list[tp], list[tp])
    assert assignable(tp, Optional[tp])  # noqa: UP045


@given(a=types, b=types, c=types)
def test_fitting_is_transitive(a: Any, b: Any, c: Any) -> None:
    if assignable(a, b) and assignable(b, c):
        assert assignable(a, c)


@given(a=types, b=types)
def test_lists_fit_exactly_where_their_elements_do(a: Any, b: Any) -> None:
    assert assignable(list[a], list[b]) == assignable(a, b)


@given(a=types, b=types)
def test_a_source_fits_a_union_if_it_fits_a_member(a: Any, b: Any) -> None:
    assert not assignable(a, b) or assignable(a, Union[b, Stone])  # noqa: UP007
    if union_members(a) == (a,):
        members = [m for m in union_members(b) if assignable(a, m)]
        assert assignable(a, b) == bool(members)


# ── generic nodes ──────────────────────────────────────────────────────────────────────────────


def test_a_variable_is_bound_to_what_arrives() -> None:
    bound: dict[TypeVar, Any] = {}
    assert bind(list[Apple], list[T], bound)
    assert bind(int, U, bound)
    assert bound == {T: Apple, U: int}
    assert substitute(T, bound) is Apple
    assert substitute(list[list[T]], bound) == list[list[Apple]]
    assert substitute(float, bound) is float
    assert substitute(TypeVar("V"), {}).__name__ == "V"


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        (int, float, float),
        (float, int, float),
        (RedApple, Apple, Apple),
        (Apple, RedApple, Apple),
        (Apple, Apple, Apple),
    ],
)
def test_of_two_wires_on_one_variable_the_wider_wins(
    first: Any, second: Any, together: Any
) -> None:
    bound: dict[TypeVar, Any] = {}
    assert bind(first, T, bound)
    assert bind(second, T, bound)
    assert bound == {T: together}


@pytest.mark.parametrize(
    ("first", "second"), [(Apple, Pear), (int, str), (bool, int), (int, list[int])]
)
def test_two_wires_of_which_neither_holds_the_other_do_not_fit(first: Any, second: Any) -> None:
    bound: dict[TypeVar, Any] = {}
    assert bind(first, T, bound)
    assert not bind(second, T, bound)
    assert bound == {T: first}


def test_what_is_not_generic_is_bound_by_fitting_alone() -> None:
    bound: dict[TypeVar, Any] = {}
    assert bind(int, float, bound)
    assert not bind(float, int, bound)
    assert not bind(Apple, list[T], bound)
    assert bound == {}


# ── literals ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("value", "tp"),
    [
        (1, int),
        (1, float),
        (1.5, float),
        (True, bool),
        ("a", str),
        ("", str),
        (None, int | None),
        (None, Apple | None),
        (1, int | str),
        ("a", int | str),
        ([], list[int]),
        ([1, 2.5], list[float]),
        ((1, 2), list[int]),
        ([[1], []], list[list[int]]),
        ([1], list[int] | None),
        ([None], list[int | None]),
        (1, T),
        ([1], T),
    ],
)
def test_a_literal_fits(value: Any, tp: Any) -> None:
    assert literal_fits(value, tp)


@pytest.mark.parametrize(
    ("value", "tp"),
    [
        (True, int),
        (True, float),
        (1, bool),
        (1.0, int),
        ("1", int),
        (1, str),
        (None, int),
        (None, T),
        (1, Apple),
        ("a", Apple | None),
        ([1], int),
        (1, list[int]),
        ("ab", list[str]),
        ([1, "a"], list[int]),
        ([True], list[int]),
        ([None], list[int]),
        ({"a": 1}, T),
        ({"a": 1}, str),
        (10**400, float),
        ([10**400], list[float]),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_literal_does_not_fit(value: Any, tp: Any) -> None:
    assert not literal_fits(value, tp)


@pytest.mark.parametrize(
    ("value", "tp", "expected"),
    [
        (1, float, 1.0),
        (1, int, 1),
        (1, float | None, 1.0),
        (1, int | float, 1),
        (True, bool, True),
        ("1", str, "1"),
        (None, float | None, None),
        ([1, 2.5], list[float], [1.0, 2.5]),
        ((1, 2), list[int], [1, 2]),
        ([[1]], list[list[float]], [[1.0]]),
        ([1], list[float] | None, [1.0]),
        ([1], T, [1]),
        (2**53 + 1, int, 2**53 + 1),
    ],
    ids=repr,
)
def test_a_literal_is_taken_in_the_type_of_its_port(value: Any, tp: Any, expected: Any) -> None:
    got = coerce_literal(value, tp)
    assert got == expected
    assert repr(got) == repr(expected)  # 1 and 1.0 are equal, and are not the same


literals = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)


@given(value=literals | st.integers(min_value=10**300, max_value=10**320), tp=types)
def test_taking_a_literal_twice_changes_nothing_more(value: Any, tp: Any) -> None:
    if literal_fits(value, tp):
        once = coerce_literal(value, tp)
        assert literal_fits(once, tp)
        assert repr(coerce_literal(once, tp)) == repr(once)


@given(value=literals, source=types, target=types)
def test_a_literal_of_a_type_fits_where_a_wire_of_that_type_does(
    value: Any, source: Any, target: Any
) -> None:
    if value is not None and literal_fits(value, source) and assignable(source, target):
        assert literal_fits(coerce_literal(value, source), target)


def test_an_optional_generic_port_binds_its_variable() -> None:
    bound: dict[TypeVar, Any] = {}
    assert bind(int, T | None, bound)
    assert bound == {T: int}
    assert substitute(T | None, bound) == int | None
