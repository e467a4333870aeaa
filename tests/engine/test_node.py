"""`@node`: what is read from a signature, and what is refused when a node is declared."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeVar

import pytest

from nodeflow.context import RunContext
from nodeflow.errors import RegistrationError
from nodeflow.node import MISSING, InputPort, NodeDefinition, OutputPort, definition_of, node
from nodeflow.sockets import socket
from nodeflow.widgets import Choice, FilePath, Seed, Slider

T = TypeVar("T")


@socket("fruit")
@dataclass(frozen=True)
class Fruit:
    pass


class Parts(NamedTuple):
    whole: int
    rest: list[Fruit]


class One(NamedTuple):
    only: int


def define(function: Callable[..., Any], **options: Any) -> NodeDefinition:
    return definition_of(node(options.pop("id", "m.f"), **options)(function))


def refused(function: Callable[..., Any], **options: Any) -> str:
    with pytest.raises(RegistrationError) as caught:
        define(function, **options)
    return str(caught.value)


# ── what a signature says ──────────────────────────────────────────────────────────────────────


def test_the_function_is_returned_unchanged() -> None:
    def double(value: int) -> int:
        """Double."""
        return 2 * value

    assert node("m.double")(double) is double
    assert double(2) == 4


def test_the_signature_makes_the_ports() -> None:
    def mix(
        a: Fruit,
        amount: Annotated[float, Slider(0, 2)] = 1,
        names: list[str] | None = None,
        *,
        seed: Annotated[int, "a note of others", Seed()] = 0,
    ) -> Fruit:
        """Mix fruit.

        More.
        """
        return a

    found = define(mix)
    assert list(found.inputs.values()) == [
        InputPort("a", Fruit),
        InputPort("amount", float, 1.0, Slider(0, 2)),
        InputPort("names", list[str] | None, None),
        InputPort("seed", int, 0, Seed()),
    ]
    assert type(found.inputs["amount"].default) is float
    assert found.outputs == (OutputPort("fruit", Fruit),)
    assert (found.id, found.version, found.category, found.pack) == ("m.f", 1, "m", "")
    assert (found.title, found.doc) == ("F", "Mix fruit.\n\nMore.")
    assert not found.wants_context


def test_only_ports_without_default_are_required_and_only_plain_ones_take_a_literal() -> None:
    def f(a: Fruit, b: int, x: T, c: int | Fruit = 3, d: Fruit | None = None) -> int:
        """F."""
        return 0

    ports = define(f).inputs
    assert [p.name for p in ports.values() if p.required] == ["a", "b", "x"]
    assert [p.name for p in ports.values() if p.takes_literal] == ["b", "x", "c"]
    assert repr(MISSING) == "MISSING"


def test_an_optional_port_keeps_its_widget_on_every_python() -> None:
    def f(size: Annotated[int | None, Slider(1, 9)] = None) -> int:
        """F."""
        return 0

    assert define(f).inputs["size"] == InputPort("size", int | None, None, Slider(1, 9))


def test_a_default_of_none_makes_no_port_optional() -> None:
    def f(size: int = None) -> int:  # type: ignore[assignment]  # noqa: RUF013
        """F."""
        return 0

    assert refused(f) == "m.f: default size=None is no int"


def test_the_context_is_no_port() -> None:
    def f(value: int, *, ctx: RunContext) -> int:
        """F."""
        return value

    found = define(f)
    assert found.wants_context
    assert list(found.inputs) == ["value"]


def test_the_fields_of_a_named_tuple_are_the_outputs() -> None:
    def f() -> Parts:
        """F."""
        return Parts(1, [])

    found = define(f)
    assert found.outputs == (OutputPort("whole", int), OutputPort("rest", list[Fruit]))
    assert found.output("rest") == OutputPort("rest", list[Fruit])
    assert found.output("none such") is None


def test_an_output_is_named_by_its_type_or_by_hand() -> None:
    def fruit() -> list[Fruit]:
        """F."""
        return []

    def number() -> Annotated[int, "of pieces"]:
        """F."""
        return 1

    assert define(fruit).outputs == (OutputPort("fruit", list[Fruit]),)
    assert define(number).outputs == (OutputPort("value", int),)
    assert define(number, output="count").outputs == (OutputPort("count", int),)


def test_a_node_that_writes_may_return_nothing() -> None:
    def save(value: int) -> None:
        """Save."""

    assert define(save, writes=True).outputs == ()
    assert "returns nothing and writes nothing" in refused(save)


def test_a_generic_node_keeps_its_variable() -> None:
    def first(values: list[T]) -> T:
        """First."""
        return values[0]

    found = define(first)
    assert found.inputs["values"].type == list[T]
    assert found.outputs == (OutputPort("value", T),)


def test_the_source_is_that_of_the_function_under_its_decorators() -> None:
    def plain(value: int) -> int:
        """Plain."""
        return value

    @functools.wraps(plain)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        return plain(*args, **kwargs)

    line = plain.__code__.co_firstlineno
    found = define(wrapped)
    assert found.source == f"{__file__}:{line}"
    assert list(found.inputs) == ["value"]


def test_what_the_decorator_says_is_kept() -> None:
    def f(path: Annotated[str, FilePath()]) -> int:
        """F."""
        return 1

    def reads(params: Any) -> list[Path]:
        return [Path(params["path"])]

    def estimate(params: Any, sizes: Any) -> dict[str, int]:
        return {"value": 8}

    def migrate(old: dict[str, Any]) -> dict[str, Any]:
        return old

    found = define(
        f,
        id="pack:a.b.long_name",
        version=2,
        title="A title",
        reads=reads,
        volatile=True,
        estimate=estimate,
        migrations={1: migrate},
    )
    assert (found.id, found.pack, found.category) == ("pack:a.b.long_name", "pack", "pack:a.b")
    assert (found.version, found.title, found.volatile) == (2, "A title", True)
    assert (found.reads, found.estimate, found.migrations) == (reads, estimate, {1: migrate})


def test_a_title_is_made_from_the_id() -> None:
    def f() -> int:
        """F."""
        return 1

    assert define(f, id="m.long_name_2").title == "Long name 2"


# ── what is refused ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "id",
    ["f", "M.f", "m.F", "m f.g", "m.", ".f", "m..f", "p:f", "P:m.f", "p:q:m.f", "m.f\n", "", "1.f"],
)
def test_a_malformed_id_is_refused(id: str) -> None:
    def f() -> int:
        """F."""
        return 1

    assert f"node id {id!r}" in refused(f, id=id)


@pytest.mark.parametrize("id", ["m.f", "m2.f_2", "my-pack:m.f", "my_pack2:a.b.c", "m.2x"])
def test_a_well_formed_id_is_taken(id: str) -> None:
    def f() -> int:
        """F."""
        return 1

    assert define(f, id=id).id == id


def test_every_fault_of_a_signature_is_named_with_the_node_and_the_parameter() -> None:
    def undocumented() -> int:
        return 1

    def no_annotation(a) -> int:  # type: ignore[no-untyped-def]
        """F."""
        return 1

    def no_return(a: int):  # type: ignore[no-untyped-def]
        """F."""

    def many(*values: int) -> int:
        """F."""
        return 1

    def named(**values: int) -> int:
        """F."""
        return 1

    def no_socket(a: dict[str, int]) -> int:
        """F."""
        return 1

    def bare_list(a: list) -> int:  # type: ignore[type-arg]
        """F."""
        return 1

    def wrong_default(a: int = "one") -> int:  # type: ignore[assignment]
        """F."""
        return 1

    def refused_default(a: Annotated[float, Slider(0, 1)] = 2) -> int:
        """F."""
        return 1

    def refused_choice(a: Annotated[str, Choice("x", "y")] = "z") -> int:
        """F."""
        return 1

    def returns_any() -> Any:
        """F."""

    def returns_optional() -> int | None:
        """F."""
        return None

    def returns_one() -> One:
        """F."""
        return One(1)

    expected = {
        undocumented: "m.f: has no docstring; say what happens to the picture",
        no_annotation: "m.f: parameter 'a' has no annotation",
        no_return: "m.f: has no return annotation",
        many: "m.f: *values is no port; take a list instead",
        named: "m.f: *values is no port; take a list instead",
        no_socket: "m.f: parameter 'a' has type dict[str, int], which is no socket type",
        bare_list: "m.f: parameter 'a' has type <class 'list'>, which is no socket type",
        wrong_default: "m.f: default a='one' is no int",
        refused_default: "m.f: default a=2 refused by its widget: 2 is above 1",
        refused_choice: "m.f: default a='z' refused by its widget: 'z' is not offered",
        returns_one: "m.f: a NamedTuple of one output; return the value itself",
    }
    assert {function: refused(function) for function in expected} == expected
    assert "output 'value' has type" in refused(returns_any)
    assert "output 'value' has type" in refused(returns_optional)


def test_a_parameter_that_cannot_be_named_in_a_call_is_refused() -> None:
    def f(a: int, /) -> int:
        """F."""
        return a

    assert refused(f) == "m.f: parameter 'a' is positional only; ports are passed by name"


def test_each_older_version_needs_its_migration() -> None:
    def f() -> int:
        """F."""
        return 1

    assert refused(f, version=3, migrations={2: dict}) == ("m.f: version 3 has no migration from 1")
    assert refused(f, version=3) == "m.f: version 3 has no migration from 1, 2"


def test_a_default_file_that_is_not_there_is_no_fault_of_the_node() -> None:
    def f(path: Annotated[str, FilePath()] = "no/such/file") -> int:
        """F."""
        return 1

    assert define(f).inputs["path"].default == "no/such/file"


def test_what_is_no_node_is_said_to_be_none() -> None:
    with pytest.raises(RegistrationError, match="is no node: decorate it with @node"):
        definition_of(len)


def test_a_folder_that_is_read_says_which_files_count() -> None:
    with pytest.raises(RegistrationError, match="reads"):

        @node("t.folder")
        def folder(path: Annotated[str, FilePath(folder=True)]) -> int:
            """Count files."""
            return 0
