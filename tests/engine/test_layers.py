"""Who may import whom, read from the sources without running them.

A module of the engine imports only modules that stand before it in LAYERS, also where it does so
inside a function or for types alone. A new module takes its place in the list.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import networkx as nx
import pytest

ROOT = Path(__file__).parents[2]

LAYERS = [
    *("errors", "confinement", "events", "memory"),
    *("sockets", "widgets", "context", "node"),
    *("graph", "registry"),
    *("formats", "formats.schema", "formats.faults", "formats.graph_json", "formats.picture"),
    *("formats.comfyui", "formats.comfyui.faults", "formats.comfyui.prompt"),
    *("formats.comfyui.spec", "formats.comfyui.values"),
    *("formats.comfyui.build", "formats.comfyui.translate"),
    *("api", "builder", "inputs"),
    *("program", "modes", "flatten", "wires", "check_node", "revise", "validate"),
    *("formats.comfyui.probe", "formats.comfyui.matching", "formats.comfyui.export"),
    *("order", "plan", "fingerprint"),
    *("cache", "stored", "disk", "devices"),
    *("guard", "result", "frame", "faults", "executor"),
    *("saving", "provenance", "job", "display"),
    *("commands", "commands.report", "commands.prepare", "commands.run", "commands.show"),
    *(
        "server",
        "server.settings",
        "server.protocol",
        "server.schema",
        "server.frames",
        "server.keys",
    ),
    *(
        "server.values",
        "server.tensor_facts",
        "server.trace_files",
        "server.watchers",
        "server.tracing",
        "server.retelling",
        "server.previews",
    ),
    *("server.database", "server.rows", "server.placing", "server.store", "server.pipe"),
    *("server.reporter", "server.breaks"),
    *("server.worker_run", "server.worker", "server.pool"),
    *("server.accept", "server.board", "server.archive", "server.crew", "server.runs"),
    *("server.wire", "server.security", "server.places", "server.pictures", "server.dropped"),
    *("server.hub", "server.metrics", "server.pages"),
    *("server.api", "server.api.table", "server.files"),
    *("server.tensor_pictures", "server.tensors", "server.trajectory", "server.attention"),
    *("server.api.runs", "server.api.queue", "server.api.info"),
    *("server.api.check", "server.api.catalogue", "server.api.templates", "server.api.graphs"),
    *("server.comfyui.record", "server.comfyui.answers", "server.comfyui.messages"),
    *("server.comfyui.object_info", "server.comfyui.system", "server.comfyui.pictures"),
    *("server.comfyui.prompts", "server.comfyui.routes", "server.comfyui"),
    *("server.openapi", "server.app", "commands.serve"),
    *("doctor", "cli"),
]

FOR_NODES = {f"nodeflow.{name}" for name in ("node", "sockets", "widgets", "context", "errors")}
FOR_NODES.add("nodeflow.confinement")
FOR_TABLES = {f"nodeflow.formats.comfyui.{name}" for name in ("spec", "build")}
HEAVY = {"torch", "diffusers", "transformers", "peft", "safetensors", "accelerate", "PIL", "numpy"}


@dataclass(frozen=True)
class Import:
    module: str
    line: int
    when: str
    """`loaded` with the module, `called` with a function, or for `types` alone."""


def _modules(package: str) -> dict[str, Path]:
    """Every module of a package by its name."""
    found = {}
    for path in sorted((ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def _imports(path: Path) -> tuple[Import, ...]:
    return tuple(_read_imports(path))


def _read_imports(path: Path) -> Iterator[Import]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    when: dict[ast.AST, str] = {}
    for outer in ast.walk(tree):
        kind = "called" if isinstance(outer, (ast.FunctionDef, ast.AsyncFunctionDef)) else ""
        if isinstance(outer, ast.If) and "TYPE_CHECKING" in ast.unparse(outer.test):
            kind = "types"
        if kind:
            when.update((inner, kind) for inner in ast.walk(outer))
    for item in ast.walk(tree):
        at = when.get(item, "loaded")
        if isinstance(item, ast.Import):
            for alias in item.names:
                yield Import(alias.name, item.lineno, at)
        elif isinstance(item, ast.ImportFrom):
            assert item.level == 0, f"{path}:{item.lineno}: a relative import"
            assert item.module is not None
            for alias in item.names:
                full = f"{item.module}.{alias.name}"
                yield Import(full if full in KNOWN else item.module, item.lineno, at)


def _loads(name: str) -> Iterator[tuple[Path, Import]]:
    """What is loaded with a module: its imports, and those of all that it imports from here."""
    seen, pending = {name}, [name]
    while pending:
        path = KNOWN[pending.pop()]
        for found in _imports(path):
            if found.when == "loaded":
                yield path, found
                if found.module in KNOWN and found.module not in seen:
                    seen.add(found.module)
                    pending.append(found.module)


ENGINE, NODES = _modules("nodeflow"), _modules("nodes")
KNOWN = {**ENGINE, **NODES}


def _is_node_module(name: str) -> bool:
    """Whether a module declares nodes; the others beside them are helpers."""
    path = NODES[name]
    return path.parent == ROOT / "nodes" and "\n@node(" in path.read_text(encoding="utf-8")


NODE_MODULES = {name for name in NODES if _is_node_module(name)}
DIFFUSION = {name for name in NODES if name.startswith("nodes.diffusion")}


def test_every_module_of_the_engine_has_its_place() -> None:
    assert sorted(
        name.removeprefix("nodeflow.") for name in ENGINE if name != "nodeflow"
    ) == sorted(LAYERS)


@pytest.mark.parametrize("name", LAYERS)
def test_engine_imports_only_what_stands_before(name: str) -> None:
    below = {f"nodeflow.{layer}" for layer in LAYERS[: LAYERS.index(name)]}
    path = ENGINE[f"nodeflow.{name}"]
    for found in _imports(path):
        if found.module == "nodeflow":
            assert "import __version__" in path.read_text().splitlines()[found.line - 1], (
                f"{path}:{found.line}: only the version is taken from the package itself"
            )
        elif found.module.startswith("nodeflow."):
            assert found.module in below, f"{path}:{found.line}: {found.module} stands after {name}"


@pytest.mark.parametrize("name", ENGINE)
def test_engine_knows_no_nodes(name: str) -> None:
    """The registry finds the standard nodes by name; nothing imports them."""
    assert not [i for i in _imports(ENGINE[name]) if i.module.split(".")[0] == "nodes"]


@pytest.mark.parametrize("name", sorted(set(NODES) - DIFFUSION))
def test_nodes_import_what_a_node_needs(name: str) -> None:
    """Of the engine, what makes a function a node; of the rest helpers, no other node module."""
    for found in _imports(NODES[name]):
        where = f"{NODES[name]}:{found.line}: {found.module}"
        if found.module.split(".")[0] == "nodeflow":
            tables = FOR_TABLES if name.startswith("nodes.comfyui") else set()
            assert found.module in FOR_NODES | tables, where
        elif found.module.split(".")[0] == "nodes":
            assert found.module not in NODE_MODULES, where


@pytest.mark.parametrize("name", sorted(DIFFUSION))
def test_torch_code_imports_neither_engine_nor_nodes(name: str) -> None:
    for found in _imports(NODES[name]):
        where = f"{NODES[name]}:{found.line}: {found.module}"
        assert found.module.split(".")[0] != "nodeflow", where
        if found.module.split(".")[0] == "nodes":
            assert found.module in DIFFUSION | {"nodes.types"}, where


@pytest.mark.parametrize("name", sorted(set(KNOWN) - DIFFUSION))
def test_nothing_heavy_is_imported_along(name: str) -> None:
    heavy = [
        f"{path}:{found.line}: import {found.module} where it is used"
        for path, found in _loads(name)
        if found.module.split(".")[0] in HEAVY
    ]
    assert heavy == []


def test_nothing_goes_in_a_circle() -> None:
    edges = [
        (name, found.module)
        for name, path in KNOWN.items()
        if name != "nodeflow"
        for found in _imports(path)
        if found.module in KNOWN and found.when != "types"
    ]
    graph = nx.DiGraph(edges)
    assert [c for c in nx.strongly_connected_components(graph) if len(c) > 1] == []
