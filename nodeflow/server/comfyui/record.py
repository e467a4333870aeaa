"""What is kept with a run that came as a prompt of ComfyUI's, and how its outputs are told.

It is stored as JSON beside the run (`extra`), so that history and messages are right after a
restart too. Imports `formats.comfyui`, `server.protocol`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nodeflow.formats.comfyui.build import Stand
from nodeflow.server.protocol import RunOutput

KEY = "comfyui"
"""Under which name the record stands in a run's `extra`."""
SHOWN = ("images", "text", "checkpoints", "paths", "path")


@dataclass(frozen=True)
class Record:
    """A prompt: who asked, what for, and which of our nodes stand for which of its nodes."""

    client: str = ""
    prompt: Mapping[str, Any] = field(default_factory=dict)
    extra_data: Mapping[str, Any] = field(default_factory=dict)
    ends: tuple[str, ...] = ()
    types: Mapping[str, str] = field(default_factory=dict)
    """Node → ComfyUI's name of its type."""
    nodes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Node of the prompt → our nodes, the one that does the work first."""
    shown: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Our output → node of the prompt, and ComfyUI's word for what it shows."""

    def as_json(self) -> dict[str, Any]:
        return {
            "client": self.client,
            "prompt": self.prompt,
            "extra_data": self.extra_data,
            "ends": list(self.ends),
            "types": self.types,
            "nodes": {id: list(nodes) for id, nodes in self.nodes.items()},
            "shown": {name: list(pair) for name, pair in self.shown.items()},
        }


def made_of(
    client: str,
    prompt: Mapping[str, Any],
    extra_data: Mapping[str, Any],
    mapping: Mapping[str, Stand],
) -> Record:
    """The record of a prompt that was translated."""
    shown = {s.output: (id, s.key) for id, stand in mapping.items() for s in stand.shown}
    return Record(
        client,
        prompt,
        extra_data,
        tuple(dict.fromkeys(id for id, _ in shown.values())),
        {id: stand.type for id, stand in mapping.items()},
        {id: tuple(stand.nodes) for id, stand in mapping.items()},
        shown,
    )


def read(extra: Mapping[str, Any]) -> Record | None:
    """The record that stands in a run's `extra`; None where the run came in another way."""
    data = extra.get(KEY)
    if not isinstance(data, Mapping):
        return None
    return Record(
        data["client"],
        data["prompt"],
        data["extra_data"],
        tuple(data["ends"]),
        data["types"],
        {id: tuple(nodes) for id, nodes in data["nodes"].items()},
        {name: (pair[0], pair[1]) for name, pair in data["shown"].items()},
    )


def output_of(output: RunOutput) -> list[Any]:
    """An output's files as ComfyUI names them, or its value as text."""
    if not output.files:
        return [] if output.value is None else [_text(output.value)]
    return [
        {"filename": name, "subfolder": folder, "type": file.kind}
        for file in output.files
        for folder, _, name in [file.path.rpartition("/")]
    ]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value)


def outputs_by_node(record: Record, outputs: Iterable[RunOutput]) -> dict[str, dict[str, Any]]:
    """`{node: {images: […]}}` of a run's outputs."""
    found: dict[str, dict[str, Any]] = {}
    for output in outputs:
        if output.name in record.shown:
            id, key = record.shown[output.name]
            found.setdefault(id, {}).setdefault(key, []).extend(output_of(output))
    return found
