"""`@node`: a typed function becomes a node; its signature is the only source of its ports.

Imports `errors`, `sockets`, `widgets`, `context`.
"""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_origin

from nodeflow.context import RunContext
from nodeflow.errors import RegistrationError
from nodeflow.sockets import (
    accepts_none,
    coerce_literal,
    is_plain,
    is_socket_type,
    literal_fits,
    socket_info,
    type_name,
)
from nodeflow.widgets import FilePath, Widget

F = TypeVar("F", bound=Callable[..., Any])
Migration = Callable[[dict[str, Any]], dict[str, Any]]
ReadsFiles = Callable[[Mapping[str, Any]], Iterable[Path]]
Chooses = Callable[..., str]
EstimatesBytes = Callable[[Mapping[str, Any], Mapping[str, int]], Mapping[str, int]]

NODE_ID = re.compile(r"(?:[a-z][a-z0-9_-]*:)?[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)+")


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"


MISSING: Any = _Missing()


@dataclass(frozen=True)
class InputPort:
    """A parameter of the function: fed by a wire or, where its type is plain, by a literal."""

    name: str
    type: Any
    default: Any = MISSING
    widget: Widget | None = None

    @property
    def required(self) -> bool:
        return self.default is MISSING

    @property
    def takes_literal(self) -> bool:
        """Whether a graph file may give this port a value of its own."""
        return isinstance(self.type, TypeVar) or is_plain(self.type)


@dataclass(frozen=True)
class OutputPort:
    name: str
    type: Any


@dataclass(frozen=True)
class NodeDefinition:
    """A node type: the function, and all that its signature and decorator say.

    `reads` gives the files whose *content* counts in the key. `writes` marks what changes the
    world: it runs each time and is an end of a graph. `volatile` marks what depends on more than
    its inputs (the time): it runs each time. `estimate` predicts the bytes of each output from the
    literals and the bytes of the inputs, for `plan`. `chooses` names the one port that is needed,
    from those that it takes itself; what feeds the others does not run for this node's sake.
    """

    id: str
    version: int
    function: Callable[..., Any]
    inputs: Mapping[str, InputPort]
    outputs: tuple[OutputPort, ...]
    title: str
    doc: str
    context_name: str = ""
    """The parameter that takes the `RunContext`, or ""."""
    reads: ReadsFiles | None = None
    writes: bool = False
    volatile: bool = False
    estimate: EstimatesBytes | None = None
    chooses: Chooses | None = None
    migrations: Mapping[int, Migration] = field(default_factory=dict)

    @property
    def wants_context(self) -> bool:
        return bool(self.context_name)

    @property
    def category(self) -> str:
        return self.id.rsplit(".", 1)[0]

    @property
    def pack(self) -> str:
        """The pack's name, or "" for the standard nodes."""
        return self.id.split(":")[0] if ":" in self.id else ""

    @property
    def source(self) -> str:
        """`file:line` of the function."""
        code = inspect.unwrap(self.function).__code__
        return f"{code.co_filename}:{code.co_firstlineno}"

    def output(self, name: str) -> OutputPort | None:
        return next((port for port in self.outputs if port.name == name), None)

    @cached_property
    def choosing(self) -> tuple[str, ...]:
        """The ports that `chooses` looks at: always needed."""
        return tuple(inspect.signature(self.chooses).parameters) if self.chooses else ()

    @cached_property
    def reads_files(self) -> bool:
        """Whether the content of files counts in its key."""
        ports = self.inputs.values()
        return self.reads is not None or any(isinstance(p.widget, FilePath) for p in ports)


def node(
    id: str,
    *,
    version: int = 1,
    title: str = "",
    output: str = "",
    reads: ReadsFiles | None = None,
    writes: bool = False,
    volatile: bool = False,
    estimate: EstimatesBytes | None = None,
    chooses: Chooses | None = None,
    migrations: Mapping[int, Migration] | None = None,
) -> Callable[[F], F]:
    """Make a function a node. The function itself is returned unchanged: a test just calls it.

    Args:
        id: `module.function`, or `pack:module.function` for a node from elsewhere.
        version: raised when ports change; each older version needs its entry in `migrations`.
        title: for people; by default made from the id.
        output: name of the only output, where the type's own name does not tell enough.
        reads: params → files whose content counts in the key.
        writes: the node changes the world (saves a file).
        volatile: the node's result depends on more than its inputs.
        estimate: (params, bytes of inputs) → bytes of outputs, for `nodeflow plan`.
        chooses: some ports, by name → the name of the one other port that is needed; the rest are
            given as None, and what feeds them is not run for it.
        migrations: version → function from that version's node JSON to the next version's.

    Raises:
        RegistrationError: no annotation, a type that is no socket type, a default that its own
            widget refuses, a malformed id, a missing migration.
    """

    def declare(function: F) -> F:
        definition = _define(function, id, version, title, output)
        function.__node__ = _with_effects(  # type: ignore[attr-defined]
            definition, reads, writes, volatile, estimate, chooses, migrations or {}
        )
        return function

    return declare


def definition_of(function: Callable[..., Any]) -> NodeDefinition:
    """The definition that `@node` left on a function."""
    found = getattr(function, "__node__", None)
    if not isinstance(found, NodeDefinition):
        raise RegistrationError(f"{function!r} is no node: decorate it with @node")
    return found


def _define(
    function: Callable[..., Any], id: str, version: int, title: str, output: str
) -> NodeDefinition:
    if not NODE_ID.fullmatch(id):
        raise RegistrationError(
            f"node id {id!r}: expected 'module.function' or 'pack:module.function', lower case"
        )
    doc = inspect.getdoc(function) or ""
    if not doc:
        raise RegistrationError(f"{id}: has no docstring; say what happens to the picture")
    hints = _hints(function)
    parameters = inspect.signature(function).parameters
    ports = {}
    for name, parameter in parameters.items():
        if hints.get(name) is RunContext:
            continue
        ports[name] = _input_port(id, parameter, hints)
    return NodeDefinition(
        id=id,
        version=version,
        function=function,
        inputs=ports,
        outputs=_output_ports(id, hints, output),
        title=title or id.rsplit(".", 1)[-1].replace("_", " ").capitalize(),
        doc=doc,
        context_name=next((name for name in parameters if hints.get(name) is RunContext), ""),
    )


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    """The annotations of a function, resolved. Asked about the function itself, Python 3.10 makes
    every parameter whose default is None optional, outside of its `Annotated`."""
    scope = inspect.unwrap(function).__globals__
    read = {
        name: eval(_compiled(hint), scope) if isinstance(hint, str) else hint
        for name, hint in function.__annotations__.items()
    }
    bare = types.SimpleNamespace(__annotations__=read)
    return typing.get_type_hints(bare, globalns=scope, include_extras=True)


@lru_cache(maxsize=4096)
def _compiled(hint: str) -> types.CodeType:
    """An annotation as code. Most say the same few things, and compiling them anew for each of many
    hundred nodes would be most of what importing those costs."""
    return compile(hint, "<annotation>", "eval")


def _input_port(id: str, parameter: inspect.Parameter, hints: Mapping[str, Any]) -> InputPort:
    name = parameter.name
    if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
        raise RegistrationError(f"{id}: *{name} is no port; take a list instead")
    if parameter.kind is parameter.POSITIONAL_ONLY:
        raise RegistrationError(
            f"{id}: parameter {name!r} is positional only; ports are passed by name"
        )
    if name not in hints:
        raise RegistrationError(f"{id}: parameter {name!r} has no annotation")
    tp, widget = _split_annotated(hints[name])
    if not is_socket_type(tp):
        raise RegistrationError(
            f"{id}: parameter {name!r} has type {tp!r}, which is no socket type"
        )
    default = MISSING if parameter.default is parameter.empty else parameter.default
    if default is not MISSING:
        _check_default(id, name, tp, widget, default)
        default = coerce_literal(default, tp)
    return InputPort(name, tp, default, widget)


def _check_default(id: str, name: str, tp: Any, widget: Widget | None, default: Any) -> None:
    if not literal_fits(default, tp):
        raise RegistrationError(f"{id}: default {name}={default!r} is no {type_name(tp)}")
    if widget is None or widget.looks_outside or default is None:
        return
    fault = widget.check(default)
    if fault:
        raise RegistrationError(f"{id}: default {name}={default!r} refused by its widget: {fault}")


def _split_annotated(hint: Any) -> tuple[Any, Widget | None]:
    if get_origin(hint) is not Annotated:
        return hint, None
    base, *extras = get_args(hint)
    return base, next((extra for extra in extras if isinstance(extra, Widget)), None)


def _output_ports(id: str, hints: Mapping[str, Any], name: str) -> tuple[OutputPort, ...]:
    if "return" not in hints:
        raise RegistrationError(f"{id}: has no return annotation")
    returned, _ = _split_annotated(hints["return"])
    if returned is type(None):
        return ()
    if isinstance(returned, type) and issubclass(returned, tuple) and hasattr(returned, "_fields"):
        fields = typing.get_type_hints(returned)
        ports = tuple(OutputPort(field, fields[field]) for field in returned._fields)
        if len(ports) < 2:
            raise RegistrationError(f"{id}: a NamedTuple of one output; return the value itself")
    else:
        ports = (OutputPort(name or socket_info(returned).port, returned),)
    for port in ports:
        if not is_socket_type(port.type) or accepts_none(port.type):
            raise RegistrationError(
                f"{id}: output {port.name!r} has type {port.type!r}, which is no socket type"
            )
    return ports


def _with_effects(
    definition: NodeDefinition,
    reads: ReadsFiles | None,
    writes: bool,
    volatile: bool,
    estimate: EstimatesBytes | None,
    chooses: Chooses | None,
    migrations: Mapping[int, Migration],
) -> NodeDefinition:
    looked_at = inspect.signature(chooses).parameters if chooses else ()
    for name in looked_at:
        if name not in definition.inputs:
            raise RegistrationError(f"{definition.id}: `chooses` takes {name!r}, which is no port")
    for port in definition.inputs.values():
        if isinstance(port.widget, FilePath) and port.widget.folder and reads is None:
            raise RegistrationError(
                f"{definition.id}: {port.name!r} is a folder; say by `reads` which files count"
            )
    missing = [v for v in range(1, definition.version) if v not in migrations]
    if missing:
        raise RegistrationError(
            f"{definition.id}: version {definition.version} has no migration from "
            f"{', '.join(map(str, missing))}"
        )
    if not definition.outputs and not writes:
        raise RegistrationError(f"{definition.id}: returns nothing and writes nothing")
    return replace(
        definition,
        reads=reads,
        writes=writes,
        volatile=volatile,
        estimate=estimate,
        chooses=chooses,
        migrations=dict(migrations),
    )
