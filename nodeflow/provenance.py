"""What a saved picture says about how it was made, so that it can be repeated byte for byte.

The same run gives the same text: nothing in it tells the time, the user or the place. Imports the
layers up to `fingerprint` and `formats`.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from nodeflow import __version__
from nodeflow.errors import Problem
from nodeflow.fingerprint import file_digest, files_read
from nodeflow.formats.graph_json import graph_to_data
from nodeflow.formats.picture import KEY
from nodeflow.graph import Graph, Group, Loop, Node
from nodeflow.node import NodeDefinition
from nodeflow.program import Program, Scope, Task
from nodeflow.registry import Registry
from nodeflow.widgets import FilePath

LIBRARIES = ("torch", "diffusers", "transformers", "numpy", "pillow")
"""What the bytes of a picture may depend on besides nodeflow and the weights."""


def provenance(
    made: Program,
    registry: Registry,
    outputs: Sequence[str] | None,
    device: str,
    threads: int | None = None,
) -> dict[str, Any]:
    """What is worth knowing about a run: graph with its inputs set, files' hashes, versions.

    `threads` is how many share the sums of a processor's tensors, where that is known: another
    number adds in another order, and the last bit of a pixel may differ.
    """
    told = {
        "graph": graph_to_data(portable(made.graph, registry)),
        "outputs": None if outputs is None else list(outputs),
        "files": file_hashes(made),
        "versions": versions(),
        "device": device,
    }
    return told if threads is None else {**told, "threads": threads}


def metadata(told: Mapping[str, Any]) -> dict[str, str]:
    """The provenance as the texts of a picture: one, in ASCII, which every PNG text can hold."""
    return {KEY: json.dumps(told, separators=(",", ":"))}


def differences(recorded: Mapping[str, Any], now: Mapping[str, Any]) -> list[Problem]:
    """What differs from the run that is repeated, as warnings: the bytes may differ too."""
    hint = "the picture may come out differently"
    found = []
    for name, before in _table(recorded, "files").items():
        after = now["files"].get(name)
        if after is not None and after != before:
            text = f"{name} is not the file the picture was made with ({before} then, {after} now)"
            found.append(Problem("changed-file", name, text, hint, severity="warning"))
    for name, before in _table(recorded, "versions").items():
        after = now["versions"].get(name, "not installed")
        if after != before:
            text = f"the picture was made with {name} {before}; here it is {after}"
            found.append(Problem("changed-version", name, text, hint, severity="warning"))
    if recorded.get("device") != now["device"]:
        text = f"the picture was made on {recorded.get('device')}; this run is on {now['device']}"
        found.append(Problem("other-device", "--device", text, hint, severity="warning"))
    before, after = recorded.get("threads"), now.get("threads")
    if before is not None and after is not None and before != after:
        text = f"the picture was made with {before} threads; this run has {after}"
        hint = f"the last bit of a pixel may differ; set OMP_NUM_THREADS={before}"
        found.append(Problem("other-threads", "", text, hint, severity="warning"))
    return found


def versions() -> dict[str, str]:
    """Versions of nodeflow, Python and the libraries that are installed; imports none of them."""
    found = {"nodeflow": __version__, "python": ".".join(platform.python_version_tuple()[:2])}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def file_hashes(made: Program) -> dict[str, str]:
    """H of every file that nodes read, by a name that tells no folder above a model's own."""
    found: dict[str, str] = {}
    for task in every_task(made.scope):
        for name, path in _named_files(task):
            try:
                value = file_digest(path).hex()
            except OSError:  # the run itself will say so
                continue
            same = found.get(name, value) == value
            found[name if same else f"{task.path}:{name}"] = value
    return dict(sorted(found.items()))


def every_task(scope: Scope) -> Iterator[Task]:
    """The tasks of a scope and of the bodies in it."""
    pending = [scope]
    while pending:
        current = pending.pop()
        for task in current.tasks:
            yield task
            if task.loop is not None:
                pending.append(task.loop.body)


def portable(graph: Graph, registry: Registry) -> Graph:
    """The graph without what holds on this machine alone: groups kept in other files stand inside
    it, and absolute paths of files that nodes read become relative ones."""
    return replace(graph, nodes={id: _portable(node, registry) for id, node in graph.nodes.items()})


def _portable(node: Node, registry: Registry) -> Node:
    """One node. Recurses as deep as bodies are nested, which reading a graph has bounded."""
    if isinstance(node, Loop):
        body = {id: _portable(child, registry) for id, child in node.body.items()}
        return replace(node, body=body)
    if isinstance(node, Group):
        node = replace(node, graph=portable(node.graph, registry), file="")
        ports = [name for name in node.params if _feeds_path(node.graph, name, registry)]
    else:
        definition = registry.get(node.type)
        ports = [name for name in node.params if _is_path(definition, name)]
    changed = {name: _told_path(node.params[name]) for name in ports}
    return replace(node, params={**node.params, **changed}) if changed else node


def _feeds_path(graph: Graph, name: str, registry: Registry) -> bool:
    if name not in graph.inputs:
        return False
    targets = [(graph.node(path), port) for path, port in graph.input_targets(name)]
    return any(node and _is_path(registry.get(node.type), port) for node, port in targets)


def _is_path(definition: NodeDefinition | None, port: str) -> bool:
    """Whether a literal at this port may be the path of a file that the node reads."""
    if definition is None or port not in definition.inputs:
        return False
    return definition.reads is not None or isinstance(definition.inputs[port].widget, FilePath)


def _told_path(value: Any) -> Any:
    """A path as it may be told to others: relative to here or to the home folder, else its name."""
    if not isinstance(value, str) or not os.path.isabs(value) or not os.path.exists(value):
        return value
    path = Path(value)
    for base, prefix in ((Path.cwd(), ""), (Path.home(), "~/")):
        if path.is_relative_to(base):
            return f"{prefix}{path.relative_to(base).as_posix()}"
    return path.name


def _named_files(task: Task) -> Iterator[tuple[str, Path]]:
    """The files that a task reads: one by its name, several by their place in a common folder."""
    try:
        paths = [path.absolute() for path in files_read(task)]
    except (OSError, ValueError, KeyError):  # not there, or named by a wire: the run will say so
        return
    if not paths:
        return
    home = Path(os.path.commonpath([path.parent for path in paths]))
    for path in paths:
        inside = path.relative_to(home).as_posix()
        yield (inside if len(paths) == 1 else f"{home.name}/{inside}"), path


def _table(recorded: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A table of a picture's provenance, which anybody may have written."""
    found = recorded.get(name)
    return found if isinstance(found, dict) else {}
