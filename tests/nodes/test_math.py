"""Numbers: each operation against Python's own, and what is refused."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodeflow.errors import InputError
from nodes import math as nodes

FINITE = st.floats(-1e6, 1e6)


@given(FINITE, FINITE)
def test_expression_over_its_ports(a: float, b: float) -> None:
    assert nodes.expression("a * b + c - d", a, b, 1.0, 2.0) == a * b + 1.0 - 2.0


def test_expression_gives_a_float_always() -> None:
    for text, expected in (("1", 1.0), ("2 > 1", 1.0), ("7 // 2", 3.0)):
        value = nodes.expression(text)
        assert isinstance(value, float)
        assert value == expected


def test_integer_expression_stays_whole() -> None:
    assert nodes.integer_expression("a * b // 8 * 8", 100, 7) == 696
    assert nodes.integer_expression("2 ** 62 + 1") == 2**62 + 1  # beyond what floats tell apart
    assert isinstance(nodes.integer_expression("6 / 2"), int)
    with pytest.raises(InputError, match=r"which is 2\.5, expected a whole number.*floor"):
        nodes.integer_expression("a / 2", 5)


def test_condition_wants_a_comparison() -> None:
    assert nodes.condition("a > b and c == 0", 2.0, 1.0) is True
    assert nodes.condition("not a > b", 2.0, 1.0) is False
    with pytest.raises(InputError, match="which is 3, expected yes or no"):
        nodes.condition("a + b", 2.0, 1.0)


@given(FINITE, FINITE)
def test_add_and_subtract(a: float, b: float) -> None:
    assert nodes.add(a, b) == a + b
    assert nodes.subtract(a, b) == a - b


def test_subtract_undoes_add() -> None:
    assert nodes.subtract(nodes.add(3.0, 4.5), 4.5) == 3.0


def test_multiply_and_divide() -> None:
    assert nodes.multiply(3.0, 0.5) == 1.5
    assert nodes.divide(nodes.multiply(3.0, 8.0), 8.0) == 3.0


def test_divide_by_nought_is_an_error() -> None:
    assert nodes.divide(1.0, 4.0) == 0.25
    with pytest.raises(InputError, match="b: got 0"):
        nodes.divide(1.0, 0.0)


@given(st.integers(), st.integers().filter(bool))
def test_divide_whole_puts_together_again(a: int, b: int) -> None:
    quotient, remainder = nodes.divide_whole(a, b)
    assert quotient * b + remainder == a
    assert abs(remainder) < abs(b)


def test_divide_whole_by_nought_is_an_error() -> None:
    with pytest.raises(InputError, match="b: got 0"):
        nodes.divide_whole(1, 0)


@given(st.lists(FINITE, min_size=1))
def test_minimum_and_maximum_are_in_the_list(values: list[float]) -> None:
    assert nodes.minimum(values) == min(values)
    assert nodes.maximum(values) == max(values)
    rounding = 1e-15 * max(map(abs, values))  # 7 x / 7 is not always x
    assert min(values) - rounding <= nodes.mean(values) <= max(values) + rounding


def test_maximum_minimum_and_mean_of_nothing_are_errors() -> None:
    for function in (nodes.minimum, nodes.maximum, nodes.mean):
        with pytest.raises(InputError, match="an empty list"):
            function([])


def test_mean() -> None:
    assert nodes.mean([1.0, 2.0, 6.0]) == 3.0
    assert math.isclose(nodes.mean([0.1] * 10), 0.1, rel_tol=1e-15)


def test_clamp() -> None:
    assert [nodes.clamp(v, -1.0, 1.0) for v in (-5.0, 0.5, 5.0)] == [-1.0, 0.5, 1.0]
    with pytest.raises(InputError, match="2 above high 1"):
        nodes.clamp(0.0, 2.0, 1.0)


@given(FINITE, FINITE)
def test_interpolate_ends_are_exact(start: float, end: float) -> None:
    assert nodes.interpolate(start, end, 0.0) == start
    assert nodes.interpolate(start, end, 1.0) == end


def test_interpolate_goes_evenly() -> None:
    assert [nodes.interpolate(2.0, 10.0, k / 4) for k in range(5)] == [2.0, 4.0, 6.0, 8.0, 10.0]
