"""Constants: what goes in comes out, and their ports say what may go in."""

from nodeflow.node import definition_of
from nodeflow.widgets import MAX_SEED
from nodes import value as nodes


def test_number() -> None:
    assert nodes.number(2.5) == 2.5


def test_integer() -> None:
    assert nodes.integer(7) == 7


def test_text() -> None:
    assert nodes.text("a\nb") == "a\nb"


def test_boolean() -> None:
    assert nodes.boolean(True) is True


def test_seed_is_bounded() -> None:
    assert nodes.seed(3) == 3
    widget = definition_of(nodes.seed).inputs["value"].widget
    assert widget is not None
    assert widget.check(MAX_SEED) is None
    assert widget.check(-1) is not None


def test_colour_is_checked_by_its_widget() -> None:
    assert nodes.colour("#ff8800") == "#ff8800"
    widget = definition_of(nodes.colour).inputs["value"].widget
    assert widget is not None
    assert widget.check("orange") is not None


def test_numbers() -> None:
    assert nodes.numbers([1.0, 2.5]) == [1.0, 2.5]


def test_integers() -> None:
    assert nodes.integers([1, 2]) == [1, 2]


def test_texts() -> None:
    assert nodes.texts(["a", "b"]) == ["a", "b"]
    assert definition_of(nodes.texts).outputs[0].type == list[str]
