"""Numbers made whole."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodeflow.errors import InputError
from nodes import rounding as nodes

FINITE = st.floats(-1e9, 1e9)


@given(FINITE)
def test_nearest_floor_and_ceil_are_near(value: float) -> None:
    assert nodes.floor(value) <= value <= nodes.ceil(value)
    assert nodes.ceil(value) - nodes.floor(value) <= 1
    assert abs(nodes.nearest(value) - value) <= 0.5


def test_floor_and_ceil_of_negative_numbers() -> None:
    assert nodes.floor(-1.5) == -2
    assert nodes.ceil(-1.5) == -1


def test_ceil_of_a_whole_number_is_that_number() -> None:
    assert nodes.ceil(3.0) == 3


def test_nearest_takes_a_half_to_the_even_number() -> None:
    assert [nodes.nearest(v) for v in (0.5, 1.5, 2.5)] == [0, 2, 2]


@given(st.floats(0, 1e6), st.integers(1, 512))
def test_to_multiple_is_the_nearest_multiple(value: float, multiple: int) -> None:
    result = nodes.to_multiple(value, multiple)
    assert result % multiple == 0
    assert abs(result - value) <= multiple / 2 + 1e-6


def test_to_multiple_takes_a_half_up() -> None:
    assert nodes.to_multiple(516.0, 8) == 520


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_not_finite_is_refused(value: float) -> None:
    for function in (nodes.nearest, nodes.floor, nodes.ceil, nodes.to_multiple):
        with pytest.raises(InputError, match="a finite number"):
            function(value)
