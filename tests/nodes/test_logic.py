"""Yes and no."""

import operator

from hypothesis import given
from hypothesis import strategies as st

from nodeflow.node import definition_of
from nodeflow.widgets import Choice
from nodes import logic as nodes

OPERATORS = {
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    ">": operator.gt,
}


@given(st.integers(-2, 2), st.integers(-2, 2))
def test_compare_offers_every_comparison(a: int, b: int) -> None:
    widget = definition_of(nodes.compare).inputs["comparison"].widget
    assert isinstance(widget, Choice)
    assert set(widget.options) == set(OPERATORS)
    for sign, function in OPERATORS.items():
        assert nodes.compare(float(a), float(b), sign) == function(a, b)


def test_near_includes_its_tolerance() -> None:
    assert nodes.near(1.0, 1.5, 0.5)
    assert not nodes.near(1.0, 1.6, 0.5)
    assert nodes.near(0.1 + 0.2, 0.3)


@given(st.booleans(), st.booleans())
def test_both_either_differ_and_opposite_are_de_morgans(a: bool, b: bool) -> None:
    assert nodes.both(a, b) is (a and b)
    assert nodes.either(a, b) is (a or b)
    assert nodes.opposite(nodes.both(a, b)) == nodes.either(nodes.opposite(a), nodes.opposite(b))
    assert nodes.differ(a, b) == nodes.both(nodes.either(a, b), nodes.opposite(nodes.both(a, b)))


def test_either_of_two_noes_is_no() -> None:
    assert nodes.either(False, False) is False


def test_differ_of_equals_is_no() -> None:
    assert nodes.differ(True, True) is False


def test_opposite_of_yes_is_no() -> None:
    assert nodes.opposite(True) is False
