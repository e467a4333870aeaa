"""What a translation works with: one node of a prompt, its values, and the graph that grows.

Imports `errors`, `graph`, `registry`, `widgets`, `formats.comfyui.*` below it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from nodeflow.errors import NodeflowError, Problem
from nodeflow.formats.comfyui.faults import problem
from nodeflow.formats.comfyui.prompt import PromptNode
from nodeflow.formats.comfyui.spec import ComfyNode, Table, spaced
from nodeflow.graph import Link, Node
from nodeflow.registry import Registry
from nodeflow.widgets import Number

_ANNOTATED = re.compile(r"(?P<name>.*?) \[(?P<folder>input|output|temp)\]")
_LONGEST_NAME = 40


@dataclass(frozen=True)
class Wire:
    """An output of a node of ours. `about` tells translations what else they may want to know: the
    literal that a wire carries, the model behind a guider."""

    link: Link
    about: Mapping[str, Any] = field(default_factory=dict)

    def telling(self, **about: Any) -> Wire:
        return Wire(self.link, {**self.about, **about})


ANYTHING = "?"


def anything(name: str) -> Wire:
    """For the way back: what a translation wants to know of a wire, and nobody looks at."""
    return Wire(Link(ANYTHING, name))


class Later:
    """A value that can only be made where it is used: noise needs the latent, sigmas the model. One
    node of a prompt may be used in several places; each gets its own, the same place the same."""

    def __init__(
        self,
        make: Callable[..., Any],
        *,
        needs: Collection[str] = (),
        likes: Collection[str] = (),
        **about: Any,
    ) -> None:
        """`needs` is what `make` has to be given; what it `likes` it can do without."""
        self._make = make
        self.needs = tuple(needs)
        self.likes = tuple(likes)
        self.about = about
        self._made: dict[Any, Any] = {}

    @property
    def unused(self) -> bool:
        return not self._made

    def __call__(self, **given: Wire) -> Any:
        key = tuple(sorted((name, str(wire.link)) for name, wire in given.items()))
        if key not in self._made:
            self._made[key] = self._make(**given)
        return self._made[key]


def settled(value: Any) -> Any:
    """A value, made now where it needs nothing; each one of a list."""
    if isinstance(value, list):
        return [settled(item) for item in value]
    return value() if isinstance(value, Later) and not value.needs else value


class Made:
    """A node of ours that was added: `made["latent"]` or `made.latent` is an output."""

    def __init__(self, id: str, outputs: tuple[str, ...]) -> None:
        self.id = id
        self._outputs = outputs

    def __getitem__(self, name: str) -> Wire:
        if name not in self._outputs:
            raise LookupError(f"{self.id} has no output {name!r}, only {self._outputs}")
        return Wire(Link(self.id, name))

    def __getattr__(self, name: str) -> Wire:
        if name.startswith("__"):
            raise AttributeError(name)
        return self[name]


class Refused(NodeflowError):
    """A translation cannot go on: the prompt says what has no equivalent, or what makes no
    sense."""

    def __init__(self, *problems: Problem) -> None:
        self.problems = problems
        super().__init__("; ".join(map(str, problems)))


@dataclass(frozen=True)
class Folders:
    """Where a prompt's files are, and the time that its names may hold."""

    input: Path = Path("input")
    output: Path = Path("output")
    temp: Path = Path("temp")
    now: datetime = field(default_factory=datetime.now)
    param: Callable[[Path], str] = str
    """A file as a graph names it."""


@dataclass(frozen=True)
class Shown:
    """What a node of a prompt shows: the declared output that holds the paths of its pictures, or
    a value; `key` is ComfyUI's word for it, `folder` its word for the place."""

    output: str
    key: str = "images"
    folder: str = "output"


@dataclass
class Stand:
    """Which nodes of ours stand for one node of a prompt; and what it shows."""

    type: str
    title: str
    nodes: list[str] = field(default_factory=list)
    shown: list[Shown] = field(default_factory=list)


@dataclass
class Growing:
    """The graph while it is made."""

    table: Table
    registry: Registry
    folders: Folders
    prompt: Mapping[str, PromptNode]
    nodes: dict[str, Node] = field(default_factory=dict)
    outputs: dict[str, Link] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def free_id(self, wanted: str) -> str:
        number = 1
        while (id := wanted if number == 1 else f"{wanted}_{number}") in self.nodes:
            number += 1
        return id


class Build:
    """One node of a prompt while it is translated."""

    def __init__(
        self,
        growing: Growing,
        node: PromptNode,
        spec: ComfyNode | None,
        values: Mapping[str, Any],
        stand: Stand,
    ) -> None:
        self._growing = growing
        self._values = values
        self.node = node
        self.spec = spec
        self.stand = stand
        self.name = readable_id(node)
        self.folders = growing.folders
        self.prompt = growing.prompt
        self._held: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        """The value of an input: a wire, a literal, a `Later`, or None where it was left out."""
        return self._values.get(name)

    def literal(self, name: str) -> Any:
        """The value of an input that has to be known before the run.

        Raises:
            Refused: it comes by a link from a node whose result nobody knows yet.
        """
        value = self[name]
        if isinstance(value, Wire) and "literal" in value.about:
            return value.about["literal"]
        if isinstance(value, (Wire, Later)):
            text = "this has to be a value, not a link: it decides which nodes are used"
            self.refuse(name, text, "write the value into the node itself")
        return value

    def add(self, type: str, role: str = "", /, **ports: Any) -> Made:
        """Add a node of ours. Wires become links, other values literals; None is left out. The
        first one has the name of the prompt's node, later ones their own name or `role` behind it.
        """
        definition = self._growing.registry.get(type)
        if definition is None:
            text = f"this nodeflow has no node {type!r}, which stands for it"
            raise Refused(problem("missing_node_type", self.node.id, text, "update nodeflow"))
        if role in self._held:
            id = role
        else:
            wanted = self.name if not self.stand.nodes else ""
            id = self._growing.free_id(wanted or f"{self.name}_{role or type.rpartition('.')[2]}")
            self.stand.nodes.append(id)
        self._growing.nodes[id] = Node(type)  # holds its name while what feeds it is added
        params: dict[str, Any] = {}
        links: dict[str, Any] = {}
        for port, value in ports.items():
            if port not in definition.inputs:
                raise LookupError(f"{type} has no input {port!r}")
            value = settled(value)
            if isinstance(value, (list, tuple)) and any(isinstance(v, Wire) for v in value):
                links[port] = tuple(v.link for v in value)
                continue
            if isinstance(value, Later):
                text = "what comes here can only be made for a sampler of ComfyUI's"
                raise Refused(problem("return_type_mismatch", self.node.id, text))
            if not isinstance(value, Wire):
                value = self._within(definition.inputs[port].widget, port, value)
            if isinstance(value, Wire):
                links[port] = value.link
            elif value is not None:
                params[port] = value
        self._growing.nodes[id] = Node(type, definition.version, params, links)
        return Made(id, tuple(port.name for port in definition.outputs))

    def hold(self, type: str) -> str:
        """Keep the name of the prompt's node for a node of ours that is added later: what `add`
        takes as its `role`."""
        id = self._growing.free_id(self.name)
        self.stand.nodes.append(id)
        self._growing.nodes[id] = Node(type)
        self._held.add(id)
        return id

    def _within(self, widget: Any, port: str, value: Any) -> Any:
        """The value, or the wire of a node that gives it where our own slider ends earlier than
        ComfyUI's: what a wire brings is judged by the node itself."""
        carrier = self._growing.table.carriers.get(type(value))
        if carrier is None or not isinstance(widget, Number) or widget.check(value) is None:
            return value
        return self.add(carrier, port, value=value)["value"]

    def show(
        self, source: Wire, *, key: str = "images", folder: str = "output", name: str = ""
    ) -> None:
        """Declare an output of the graph: what this node of the prompt shows."""
        name = name or self.name
        self._growing.outputs[name] = source.link
        self.stand.shown.append(Shown(name, key, folder))

    def refuse(self, input: str, message: str, hint: str = "", **extra: Any) -> None:
        """Stop here: a value has no equivalent.

        Raises:
            Refused: always.
        """
        code = "custom_validation_failed"
        raise Refused(problem(code, self.node.id, message, hint, input=input, **extra))

    def warn(self, message: str, hint: str = "") -> None:
        """Tell what will not be quite as ComfyUI does it."""
        found = problem("differs", self.node.id, message, hint, severity="warning")
        self._growing.problems.append(found)

    def file(self, name: str, home: str = "input") -> str:
        """The path of a file that an input names, as `picture.png` or `sub/picture.png [output]`.

        Raises:
            Refused: the name leads out of its folder, or nothing is there.
        """
        text = str(self.literal(name)).replace("\\", "/")
        found = _ANNOTATED.fullmatch(text)
        folder = getattr(self.folders, found["folder"] if found else home)
        text = found["name"] if found else text
        path = PurePosixPath(text)
        if not text or path.is_absolute() or ".." in path.parts or ":" in text or "\0" in text:
            hint = "name a file as it was uploaded: picture.png or sub/picture.png"
            self.refuse(name, f"{text!r} leaves the folder of the input files", hint)
        target = folder.joinpath(*path.parts)
        if not target.is_file():
            self.refuse(name, f"there is no file {text!r}", "upload it first")
        return self.folders.param(target)


def readable_id(node: PromptNode) -> str:
    """`ksampler_3` for node 3, titled KSampler."""
    title = node.title if re.search(r"\w", node.title) else spaced(node.type)
    return f"{_slug(title)}_{_slug(node.id)}"


def _slug(text: str) -> str:
    """Text as (a part of) an id."""
    return re.sub(r"[^\w-]+", "_", text.lower()).strip("_")[:_LONGEST_NAME] or "node"
