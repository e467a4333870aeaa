"""From the words of a command line to a checked graph: found, read, its inputs set."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nodeflow import inputs as typed
from nodeflow.errors import GraphFormatError, Problem
from nodeflow.formats.graph_json import graph_from_data, read_graph
from nodeflow.formats.picture import is_picture, read_picture_metadata
from nodeflow.graph import Graph, nearest
from nodeflow.program import Program
from nodeflow.registry import Registry, default_registry, load_registry
from nodeflow.validate import program

NODE_FOLDERS = "NODEFLOW_NODES"
"""Environment variable: folders of node files that every command adds."""


@dataclass(frozen=True)
class Prepared:
    """A graph ready to be run, or what is wrong with it. `path` is its file; `recorded` is what the
    picture tells, where the graph came from one."""

    path: Path
    graph: Graph
    registry: Registry
    made: Program
    problems: tuple[Problem, ...]
    recorded: Mapping[str, Any] = field(default_factory=dict)

    @property
    def errors(self) -> list[Problem]:
        return [p for p in self.problems if p.severity == "error"]


def registry_with(folders: Iterable[Path]) -> Registry:
    """The installed nodes, those of the folders in NODEFLOW_NODES, and those of `folders`."""
    wanted = [*named_folders(), *folders]
    return load_registry(wanted) if wanted else default_registry()


def named_folders() -> list[Path]:
    """The folders in NODEFLOW_NODES."""
    named = os.environ.get(NODE_FOLDERS, "").split(os.pathsep)
    return [Path(part).expanduser() for part in named if part]


def prepare(
    name: str,
    registry: Registry,
    inputs: Mapping[str, str] | None = None,
    params: Mapping[str, str] | None = None,
) -> Prepared:
    """Read and check a graph with its inputs set; what is wrong is in `problems`, all of it.

    Raises:
        GraphFormatError: there is no such graph, or its file cannot be read as one.
    """
    path = find_graph(name)
    recorded: Mapping[str, Any] = {}
    if is_picture(path):
        recorded = read_picture_metadata(path)
        graph = graph_from_data(recorded["graph"], registry, where=str(path))
    else:
        graph = read_graph(path, registry)
    graph, problems = typed.set_texts(graph, registry, inputs or {}, params or {})
    made = program(graph, registry)
    known = {(p.code, p.where) for p in problems}
    problems += [p for p in made.problems if (p.code, p.where) not in known]
    ordered = sorted(problems, key=lambda p: p.severity != "error")
    return Prepared(path, graph, registry, made, tuple(ordered), recorded)


def find_graph(name: str) -> Path:
    """The file that `name` means: a path, or the name of a graph in ./graphs or shipped.

    Raises:
        GraphFormatError: there is none; names the nearest.
    """
    path = Path(os.path.expanduser(name))
    folders = graph_folders()
    named = [folder / end for folder in folders for end in (name, f"{name}.json")]
    for file in (path, *named):
        if os.path.isfile(file):  # unlike Path.is_file, False for what is no path at all
            return file
    here = path.parent.glob("*.json") if os.path.isdir(path.parent) else ()
    names = [*shipped_graphs(), *(str(file) for file in here)]
    near = nearest(name.removesuffix(".json"), names) or nearest(name, names)
    hint = f"did you mean {near!r}? " if near else ""
    what = (
        "a folder, not a graph file"
        if os.path.isdir(path)
        else "no file, and no graph of that name"
    )
    hint += f"graphs that are there by name: {', '.join(shipped_graphs()) or 'none'}"
    raise GraphFormatError([Problem("no-such-graph", name, f"{name} is {what}", hint)])


def graph_folders() -> list[Path]:
    """Where graphs are looked for by name: ./graphs, then those that come with nodeflow."""
    return [folder for folder in (Path("graphs"), *shipped_folders()) if folder.is_dir()]


def shipped_folders() -> list[Path]:
    """Where the graphs that come with nodeflow are: in the wheel, or in the checkout."""
    package = Path(__file__).resolve().parent.parent
    places = (package / "data" / "graphs", package.parent / "graphs")
    return [folder for folder in places if folder.is_dir()]


def shipped_graphs() -> list[str]:
    """The names that `find_graph` knows, such as `text_to_image` and `learn/one_step`."""
    found: dict[str, None] = {}
    for folder in graph_folders():
        for file in sorted(folder.rglob("*.json")):
            found.setdefault(file.relative_to(folder).with_suffix("").as_posix())
    return list(found)


def unwritable(folder: Path) -> list[Problem]:
    """Why nothing can be written to a folder that may not exist yet."""
    there = next(p for p in (folder, *folder.absolute().parents) if p.exists())
    if there.is_dir() and os.access(there, os.W_OK):
        return []
    what = "is not writable" if there.is_dir() else "is a file, not a folder"
    return [Problem("no-folder", str(folder), f"{there} {what}", "choose another folder")]
