"""Finds node packs and holds the node types they declare.

A pack is the standard one (`nodes`), an entry point of the group `nodeflow.nodes`, or a folder of
Python files. One broken pack does not stop the others: what failed is kept in `failures`.
Imports `errors`, `node`, `graph` (for nearest names).
"""

from __future__ import annotations

import importlib
import importlib.metadata
import pkgutil
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from nodeflow.errors import Problem, RegistrationError
from nodeflow.graph import STRUCTURAL, close_names, worn_out
from nodeflow.node import NodeDefinition

ENTRY_POINTS = "nodeflow.nodes"


@dataclass
class Registry:
    """Node types by id, and what could not be loaded."""

    definitions: dict[str, NodeDefinition] = field(default_factory=dict)
    failures: list[Problem] = field(default_factory=list)
    packs: dict[str, Path] = field(default_factory=dict)
    """The folders that packs were loaded from, by the pack's name."""

    def __contains__(self, id: object) -> bool:
        return id in self.definitions

    def __iter__(self) -> Iterator[NodeDefinition]:
        return iter(self.definitions[id] for id in sorted(self.definitions))

    def get(self, id: str) -> NodeDefinition | None:
        return self.definitions.get(id)

    def add(self, definition: NodeDefinition) -> None:
        """Add one type.

        Raises:
            RegistrationError: another function has the same id.
        """
        known = self.definitions.get(definition.id)
        if known is not None and known.source != definition.source:
            raise RegistrationError(
                f"node id {definition.id!r} is declared twice: {known.source}, {definition.source}"
            )
        self.definitions[definition.id] = definition

    def add_module(self, module: ModuleType, pack: str = "") -> None:
        """Add every node that a module declares; of a pack from elsewhere, ids must carry its
        name."""
        for value in list(vars(module).values()):
            found = getattr(value, "__node__", None)
            if not isinstance(found, NodeDefinition) or value.__module__ != module.__name__:
                continue
            if pack and found.pack != pack:
                raise RegistrationError(
                    f"node id {found.id!r} of pack {pack!r} must begin with '{pack}:'"
                )
            self.add(found)

    def nearest(self, id: str) -> list[str]:
        """Up to three known ids that look like `id`."""
        if worn_out():
            return []
        known = [*self.definitions, *STRUCTURAL]
        by_name = [k for k in sorted(known) if k.split(".")[-1] == id.split(".")[-1]]
        close = close_names(id, known, 3)
        return list(dict.fromkeys([*close, *by_name]))[:3]

    def versions(self) -> Mapping[str, int]:
        return {definition.id: definition.version for definition in self}

    def _fail(self, where: str, error: BaseException) -> None:
        self.failures.append(
            Problem(
                "broken-pack",
                where,
                f"{type(error).__name__}: {error}",
                "its nodes are missing; mend or remove it",
                severity="warning",
            )
        )


def load_registry(folders: Iterable[Path] = (), *, installed: bool = True) -> Registry:
    """The standard nodes, those of installed packs, and those of the given folders."""
    registry = Registry()
    _add_standard(registry)
    if installed:
        _add_entry_points(registry)
    for folder in folders:
        add_folder(registry, Path(folder))
    return registry


_default: Registry | None = None


def default_registry() -> Registry:
    """The standard and installed packs, found once a process."""
    global _default
    if _default is None:
        _default = load_registry()
    return _default


def add_folder(registry: Registry, folder: Path) -> None:
    """Add the Python files of a folder as one pack, named by the folder.

    Its ids begin with `folder-name:`. Files that begin with `_` are helpers: they are not looked
    through, and the others import them by `from ._helpers import …`.
    """
    files = sorted(folder.glob("*.py")) if folder.is_dir() else []
    if not files:
        registry._fail(str(folder), FileNotFoundError("no folder with Python files"))
        return
    pack = pack_name(folder)
    home = registry.packs.setdefault(pack, folder.resolve())
    if home != folder.resolve():
        text = f"its pack would be named {pack!r}, as that of {home}; rename one of the folders"
        registry._fail(str(folder), RegistrationError(text))
        return
    package = ModuleType("nodeflow_pack_" + pack.replace("-", "_"))
    package.__path__ = [str(folder.resolve())]
    for known in list(sys.modules):  # what an earlier load found; the files may have changed
        if known == package.__name__ or known.startswith(package.__name__ + "."):
            del sys.modules[known]
    sys.modules[package.__name__] = package
    importlib.invalidate_caches()
    for file in files:
        if file.name.startswith("_"):
            continue
        try:
            module = importlib.import_module(f"{package.__name__}.{file.stem}")
            registry.add_module(module, pack=pack)
        except (Exception, SystemExit) as error:
            registry._fail(str(file), error)


def pack_name(folder: Path) -> str:
    """A folder's name as the prefix of its ids: lower case, `-` for what ids do not take."""
    name = re.sub("[^a-z0-9_-]", "-", folder.resolve().name.lower()).strip("-_")
    return name if name[:1].isalpha() else f"pack-{name}".rstrip("-")


def _add_standard(registry: Registry) -> None:
    try:
        package = importlib.import_module("nodes")
    except ImportError as error:
        registry._fail("nodes", error)
        return
    for info in pkgutil.iter_modules(package.__path__):
        if info.ispkg:
            continue
        name = f"nodes.{info.name}"
        try:
            registry.add_module(importlib.import_module(name))
        except (Exception, SystemExit) as error:
            registry._fail(name, error)


def _add_entry_points(registry: Registry) -> None:
    for entry in sorted(importlib.metadata.entry_points(group=ENTRY_POINTS), key=lambda e: e.name):
        try:
            module = entry.load()
            registry.add_module(module, pack=entry.name)
            for info in pkgutil.iter_modules(getattr(module, "__path__", [])):
                child = importlib.import_module(f"{module.__name__}.{info.name}")
                registry.add_module(child, pack=entry.name)
        except (Exception, SystemExit) as error:
            registry._fail(f"entry point {entry.name}", error)
