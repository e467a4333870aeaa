"""What a node type of ComfyUI looks like from outside, and the table of all that are known.

Inputs are written as one line of text, the way a catalogue lists them:

    model: MODEL; steps: INT=20[1..10000]; cfg: FLOAT=8.0[0..100]/0.1; mode: {a|b} ? mask: MASK

`=` is the default, `[..]` the ends, `/` the step; `{a|b}` are choices, the first one the default;
`{@loras}` are the choices that the table's source `loras` gives; `TEXT` is a STRING of several
lines; what stands behind ` ? ` is optional. Imports `errors`, `node` and the layers below.
"""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ENTRY_POINTS = "nodeflow.comfyui"
PLAIN = {"INT": int, "FLOAT": float, "STRING": str, "BOOLEAN": bool}
ANY = "*"
FILES = ("input", "output")
"""Sources that are folders of a server."""

_INPUT = re.compile(
    r"(?P<name>[^:]+): (?P<type>\{.*\}|[A-Z][A-Z0-9_]*|\*)"
    r"(?:=(?P<default>'[^']*'|[^\[/]+))?"
    r"(?:\[(?P<low>[^\]]*)\.\.(?P<high>[^\]]*)\])?"
    r"(?:/(?P<step>\S+))?"
)


@dataclass(frozen=True)
class Input:
    """One input: its type as ComfyUI names it, `COMBO` for choices, and which values it takes."""

    name: str
    type: str
    required: bool = True
    default: Any = None
    low: float | None = None
    high: float | None = None
    step: float | None = None
    options: tuple[str, ...] = ()
    source: str = ""
    """The name of the table's source that gives the choices, or ""."""
    multiline: bool = False

    @property
    def unlisted(self) -> bool:
        """Whether its choices are files, which the translation looks for itself."""
        return self.source in FILES

    @property
    def literal(self) -> bool:
        """Whether a prompt may give it a value of its own."""
        return self.type in PLAIN or self.type == "COMBO"

    @property
    def has_default(self) -> bool:
        return self.default is not None


@dataclass(frozen=True)
class Output:
    type: str
    name: str
    is_list: bool = False


Make = Callable[[Any], Any]
"""Adds our nodes for one of theirs to a `Build`; gives its outputs, in order."""


@dataclass(frozen=True)
class Simple:
    """A translation to one node of ours: `ports` are ours → theirs, `params` fixed literals, and
    `outputs` ours, in the order of theirs. It can be read both ways."""

    type: str
    ports: Mapping[str, str]
    params: Mapping[str, Any] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()

    def __call__(self, build: Any) -> Any:
        made = build.add(self.type, **self.params, **{o: build[t] for o, t in self.ports.items()})
        return tuple(made[name] for name in self.outputs)


@dataclass(frozen=True)
class ComfyNode:
    """A node type of ComfyUI with its translation. `differs` says what is not quite the same."""

    name: str
    title: str
    category: str
    inputs: Mapping[str, Input]
    outputs: tuple[Output, ...]
    make: Make
    output_node: bool = False
    deprecated: bool = False
    experimental: bool = False
    description: str = ""
    differs: str = ""
    open_ended: bool = False
    """Whether it takes inputs of any further name."""


Options = Callable[[], "list[str]"]


@dataclass
class Table:
    """All known node types, where choices come from, and how types are called on either side."""

    nodes: dict[str, ComfyNode] = field(default_factory=dict)
    sources: dict[str, Options] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    """Our socket type's name → ComfyUI's name of it."""
    carriers: dict[type, str] = field(default_factory=dict)
    """Plain type → the node of ours that gives such a value to a wire."""
    refused: dict[str, str] = field(default_factory=dict)
    """Known node types without a translation → why there is none."""
    folders: dict[str, Options] = field(default_factory=dict)
    """Folders of models as ComfyUI names them → the names of the models in them."""
    locate: dict[str, Callable[[str], Path]] = field(default_factory=dict)
    """Folders of models → the path of the model of a name."""
    near: list[ComfyNode] = field(default_factory=list)
    """For the way back alone: nodes of ours that come near what one of theirs does; `differs` says
    how near."""
    joined: dict[str, dict[str, tuple[str, ...]]] = field(default_factory=dict)
    """Node type → input → node types that change no value on the way to it, but what is made."""
    holes: dict[str, Callable[[Any], list[Any]]] = field(default_factory=dict)
    """Type → what translations may want to know of a wire of that type, in each way that counts."""
    shows: dict[str, dict[str, tuple[str, str]]] = field(default_factory=dict)
    """`save` or `preview` → our type → the node type that shows such a value, and its input."""
    solved: dict[str, Callable[[Any], tuple[str, dict[str, Any]] | None]] = field(
        default_factory=dict
    )
    """Node of ours → for its literals, the node type that works them out, and its inputs."""
    collapse: Callable[[dict[str, Any], str], dict[str, Any]] | None = None
    """A graph file with the loop at a path as one node. Raises `InputError` where it is none."""
    memo: dict[str, Any] = field(default_factory=dict, init=False, compare=False, repr=False)
    """What is known of this table without working it out again."""

    def options(self, input: Input) -> list[str]:
        """The choices that an input offers now."""
        if not input.source:
            return list(input.options)
        return self.sources[input.source]() if input.source in self.sources else []

    def join(self, other: Table) -> None:
        """Add what another table knows."""
        for name in ("nodes", "sources", "types", "carriers", "refused", "folders", "locate"):
            getattr(self, name).update(getattr(other, name))
        for name in ("joined", "holes", "shows", "solved"):
            getattr(self, name).update(getattr(other, name))
        self.near += other.near
        self.collapse = other.collapse or self.collapse


def node(
    name: str,
    category: str,
    inputs: str,
    outputs: str,
    make: Make,
    *,
    title: str = "",
    **more: Any,
) -> ComfyNode:
    """A node type by its lines: inputs as this module says, outputs as `MODEL, CLIP` or
    `LATENT output, IMAGE[]`."""
    return ComfyNode(
        name=name,
        title=title or spaced(name),
        category=category,
        inputs={found.name: found for found in read_inputs(inputs)},
        outputs=tuple(_outputs(outputs)),
        make=make,
        **more,
    )


def simple(
    name: str,
    category: str,
    inputs: str,
    outputs: str,
    type: str,
    ports: str,
    gives: str = "",
    params: Mapping[str, Any] | None = None,
    **more: Any,
) -> ComfyNode:
    """A node type that one of ours stands for: `ports` as `latent=samples vae`, `gives` as
    `image mask`."""
    pairs = (part.partition("=") for part in ports.split())
    paired = {ours: theirs or ours for ours, _, theirs in pairs}
    made = Simple(type, paired, params or {}, tuple(gives.split()))
    return node(name, category, inputs, outputs, made, **more)


def read_inputs(text: str) -> Iterator[Input]:
    """The inputs of a line.

    Raises:
        ValueError: a part of the line is no input.
    """
    required, _, optional = f" {text} ".partition(" ? ")
    for part, needed in ((required, True), (optional, False)):
        for piece in re.findall(r"(?:'[^']*'|\{[^}]*\}|[^;])+", part):
            if piece.strip():
                yield _input(piece.strip(), needed)


def _input(text: str, required: bool) -> Input:
    found = _INPUT.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no input of a node")
    name, kind, default = found["name"], found["type"], found["default"]
    if kind.startswith("{@"):
        given = default.strip("'") if default else None
        return Input(name, "COMBO", required, default=given, source=kind[2:-1])
    if kind.startswith("{"):
        options = tuple(kind[1:-1].split("|"))
        return Input(name, "COMBO", required, default=default or options[0], options=options)
    multiline, kind = kind == "TEXT", "STRING" if kind == "TEXT" else kind
    low, high, step = (_number(found[part], kind) for part in ("low", "high", "step"))
    value = _default(default, kind)
    return Input(name, kind, required, value, low, high, step, multiline=multiline)


def _default(text: str | None, kind: str) -> Any:
    if text is None:
        return {"STRING": "", "BOOLEAN": False, "INT": 0, "FLOAT": 0.0}.get(kind)
    if kind == "BOOLEAN":
        return text == "True"
    return text.strip("'") if kind == "STRING" else _number(text, kind)


def _number(text: str | None, kind: str) -> Any:
    if not text:
        return None
    return int(text) if kind == "INT" else float(text)


def _outputs(text: str) -> Iterator[Output]:
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        kind, _, name = part.partition(" ")
        is_list = kind.endswith("[]")
        kind = kind.removesuffix("[]")
        yield Output(kind, name or kind, is_list)


def spaced(name: str) -> str:
    """`VAEDecodeTiled` → `VAE Decode Tiled`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)


_tables: Table | None = None


def default_table() -> Table:
    """The tables of all installed packages, read once a process."""
    global _tables
    if _tables is None:
        _tables = load_table()
    return _tables


def load_table() -> Table:
    """The tables that installed packages offer, as one."""
    table = Table()
    found = importlib.metadata.entry_points(group=ENTRY_POINTS)
    for entry in sorted(found, key=lambda entry: entry.name):
        table.join(entry.load())
    return table
