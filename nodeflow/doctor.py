"""What this machine has, what is missing, and what to do: `nodeflow doctor`.

A line per finding: `ok`, `warn` (works, but…) or `missing` (something will not run).
Imports `devices`, `registry`, `commands`.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from nodeflow import __version__
from nodeflow.commands.prepare import NODE_FOLDERS, registry_with, shipped_graphs, unwritable
from nodeflow.commands.report import DONE, WRONG, print_json, size, table
from nodeflow.devices import counts
from nodeflow.registry import Registry

SUPPORTED_PYTHON = (3, 10), (3, 13)
LOW_MEMORY = 8 << 30
LOW_DISK = 5 << 30


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `state` is `ok`, `warn` or `missing`; `todo` says what helps."""

    state: str
    what: str
    found: str
    todo: str = ""


def doctor_command(folders: Sequence[Path], places: Sequence[Path], *, as_json: bool) -> int:
    """Look at everything; exit code 1 if something is missing."""
    findings = list(examine(folders, places))
    good = all(finding.state != "missing" for finding in findings)
    if as_json:
        print_json({"ok": good, "findings": [asdict(finding) for finding in findings]})
        return DONE if good else WRONG
    rows = [(f.state, f.what, f.found) for f in findings]
    for finding, line in zip(findings, table(rows), strict=True):
        print(line)
        if finding.todo:
            print(f"         → {finding.todo}")
    print("all is there" if good else "something is missing; see the lines that begin with it")
    return DONE if good else WRONG


def examine(folders: Sequence[Path], places: Sequence[Path]) -> Iterator[Finding]:
    """Every finding, the machine first."""
    yield from _machine()
    for requirement in requirements():
        yield _package(requirement)
    yield from _devices()
    registry = registry_with(folders)
    yield from _packs(registry)
    yield _model(registry)
    yield _graphs()
    for place in places:
        yield _place(place)


def requirements() -> list[str]:
    """The packages that nodeflow needs, such as `torch>=2.4`; extras left out."""
    try:
        listed = importlib.metadata.requires("nodeflow") or []
    except importlib.metadata.PackageNotFoundError:  # a checkout that is not installed
        project = Path(__file__).resolve().parent.parent / "pyproject.toml"
        text = project.read_text(encoding="utf-8") if project.is_file() else ""
        listed = re.findall(r'"(.+?)"', text.partition("\ndependencies = [")[2].partition("\n]")[0])
    return [requirement for requirement in listed if "extra ==" not in requirement]


def version_numbers(text: str) -> tuple[int, ...]:
    """The leading numbers of a version: `2.13.0+cpu` is (2, 13, 0)."""
    match = re.match(r"\d+(?:\.\d+)*", text)
    return tuple(int(part) for part in match[0].split(".")) if match else ()


def _machine() -> Iterator[Finding]:
    low, high = SUPPORTED_PYTHON
    version = platform.python_version()
    here = sys.version_info[:2]
    wanted = f"{low[0]}.{low[1]} to {high[0]}.{high[1]}"
    state = "ok" if low <= here <= high else "warn" if here > high else "missing"
    yield Finding(state, "Python", version, "" if state == "ok" else f"supported is {wanted}")
    yield Finding("ok", "nodeflow", f"{__version__} in {Path(__file__).parent}")
    yield Finding("ok", "system", f"{platform.platform()}, {os.cpu_count()} processors")
    memory = _memory()
    if memory is not None:
        enough = memory >= LOW_MEMORY
        todo = "" if enough else "small models run; Stable Diffusion 1.5 wants 8 GiB"
        yield Finding("ok" if enough else "warn", "memory", size(memory), todo)
    free = shutil.disk_usage(Path.cwd()).free
    todo = "" if free >= LOW_DISK else "a checkpoint of Stable Diffusion 1.5 takes 4 GiB"
    yield Finding("warn" if todo else "ok", "disk", f"{size(free)} free here", todo)


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):  # Windows has no sysconf
        return None


def _package(requirement: str) -> Finding:
    """Whether a package is installed, in a version that will do."""
    match = re.match(r"([A-Za-z0-9._-]+)\s*(?:>=\s*([\d.]+))?", requirement)
    assert match is not None  # a requirement begins with a name
    name, least = match[1], match[2]
    install = f'pip install "{name}>={least}"' if least else f"pip install {name}"
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return Finding("missing", name, "not installed", install)
    if least and version_numbers(version) < version_numbers(least):
        return Finding("missing", name, f"{version}, too old", install)
    return Finding("ok", name, f"{version} (needs {least or 'any'})")


def _devices() -> Iterator[Finding]:
    try:
        found = counts()
    except Exception as error:  # a torch whose libraries do not load fails in its own ways
        text = f"torch does not load: {type(error).__name__}: {error}"
        yield Finding("missing", "devices", text, "install torch again, for this Python")
        return
    there = ", ".join(f"{kind} ({n})" if n > 1 else kind for kind, n in found.items() if n)
    accelerated = any(n for kind, n in found.items() if kind != "cpu")
    todo = ""
    if not accelerated and len(found) > 1:
        todo = "runs on the processor alone; with a graphics card, install the torch built for it"
    yield Finding("warn" if todo else "ok", "devices", there, todo)


def _packs(registry: Registry) -> Iterator[Finding]:
    packs = sorted({definition.pack for definition in registry} - {""})
    count = len(registry.definitions)
    text = f"{count} node types" + (f"; packs: {', '.join(packs)}" if packs else "")
    yield Finding("ok" if count else "missing", "nodes", text)
    for problem in registry.failures:
        yield Finding("warn", "pack", f"{problem.where}: {problem.message}", problem.hint)
    if os.environ.get(NODE_FOLDERS):
        yield Finding("ok", NODE_FOLDERS, os.environ[NODE_FOLDERS])


def _model(registry: Registry) -> Finding:
    """Whether the model that the shipped graphs begin with is there, as its own widget tells."""
    definition = registry.get("load.checkpoint")
    port = definition.inputs.get("name") if definition is not None else None
    if port is None or port.widget is None:
        return Finding("missing", "shipped model", "there is no load.checkpoint to load it")
    fault = port.widget.check(port.default)
    if fault:
        todo = "install nodeflow again; or name another model: `--set checkpoint.name=…`"
        return Finding("missing", "shipped model", fault, todo)
    return Finding("ok", "shipped model", str(port.default))


def _graphs() -> Finding:
    names = shipped_graphs()
    if not names:
        return Finding("missing", "graphs", "none", "install nodeflow again")
    return Finding("ok", "graphs", f"{len(names)}: {', '.join(names[:3])} …")


def _place(folder: Path) -> Finding:
    """Whether a run could write there."""
    faults = unwritable(folder)
    if faults:
        return Finding("missing", "folder", faults[0].message, faults[0].hint)
    return Finding("ok", "folder", f"{folder} can be written")
