"""Files in and out: `load` and `save`. Imports the layers up to `formats`."""

from __future__ import annotations

import os
from pathlib import Path

from nodeflow.formats.graph_json import dump_graph, read_graph
from nodeflow.formats.picture import is_picture, read_picture_graph
from nodeflow.graph import Graph
from nodeflow.registry import Registry, default_registry


def load(path: str | os.PathLike[str], registry: Registry | None = None) -> Graph:
    """The graph of a JSON file, or the one that a saved picture carries, at today's versions.

    Raises:
        GraphFormatError: with every fault of the file.
    """
    file = Path(path)
    known = registry or default_registry()
    if is_picture(file):
        return read_picture_graph(file, known)
    return read_graph(file, known)


def save(graph: Graph, path: str | os.PathLike[str]) -> None:
    """Write a graph file, whole or not at all."""
    target = Path(path)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        part.write_text(dump_graph(graph), encoding="utf-8")
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
