"""Generic nodes: the value comes out as it went in, and its type with it."""

import pytest

from nodeflow.errors import InputError
from nodeflow.node import definition_of
from nodeflow.sockets import bind, substitute
from nodes import flow as nodes


def test_pass_through_is_the_very_same() -> None:
    value = object()
    assert nodes.pass_through(value) is value


def test_switch_takes_the_side_of_the_condition() -> None:
    one, two = object(), object()
    assert nodes.switch(True, one, two) is one
    assert nodes.switch(False, one, two) is two


def test_switch_has_the_type_of_its_wires() -> None:
    definition = definition_of(nodes.switch)
    bound: dict[object, object] = {}
    assert bind(float, definition.inputs["if_true"].type, bound)  # type: ignore[arg-type]
    assert not bind(str, definition.inputs["if_false"].type, bound)  # type: ignore[arg-type]
    assert substitute(definition.outputs[0].type, bound) is float  # type: ignore[arg-type]


def test_after_takes_anything_to_wait_for() -> None:
    value = object()
    assert nodes.after(value, "saved") is value
    definition = definition_of(nodes.after)
    assert definition.inputs["wait_for"].type is not definition.inputs["value"].type


def test_require_stops_with_its_message() -> None:
    value = object()
    assert nodes.require(value, True) is value
    with pytest.raises(InputError, match="the picture is too dark"):
        nodes.require(value, False, "the picture is too dark")
