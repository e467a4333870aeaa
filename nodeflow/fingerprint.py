"""Content keys: what a value is, told by all that made it, before it is made.

key(node) = H(type, version, literals, files' content, keys of inputs); one pass along the order, 16
bytes a node. Ids do not count, so renaming a node keeps its results; a default left out and the
same value written make the same key. A value that cannot be told in advance has the key None, and
so has all that depends on it. Imports the layers up to `program`, and `memory`.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

from nodeflow.errors import GraphError, Problem
from nodeflow.memory import content_key
from nodeflow.program import LoopProgram, Scope, SlotSource, Task
from nodeflow.widgets import FilePath

Key: TypeAlias = "bytes | None"
SIZE = 16
GIVEN_BYTES = 1 << 30
"""Values handed in from Python are told by content up to this size."""

_file_digests: dict[tuple[str, int, int, int], bytes] = {}


class _UntoldError(Exception):
    """A value handed in from Python has no content of its own (a model)."""


def _content_of(value: object) -> str:
    """What stands in a key for a value that was handed in from Python."""
    told = content_key(value, limit=GIVEN_BYTES)
    if told is None:
        raise _UntoldError
    return told.hex()


_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=_content_of).encode


def digest(*parts: bytes) -> bytes:
    """H of the parts, each with its length, so that no two lists of parts run together."""
    h = hashlib.blake2b(digest_size=SIZE)
    for part in parts:
        h.update(len(part).to_bytes(8, "little"))
        h.update(part)
    return h.digest()


def file_digest(path: Path) -> bytes:
    """H of a file's content; read again only when its size, time or inode changed."""
    stat = os.stat(path)
    stamp = (str(path), stat.st_size, stat.st_mtime_ns, stat.st_ino)
    known = _file_digests.get(stamp)
    if known is None:
        h = hashlib.blake2b(digest_size=SIZE)
        with open(path, "rb") as file:
            while block := file.read(1 << 20):
                h.update(block)
        known = _file_digests[stamp] = h.digest()
    return known


def static_keys(scope: Scope) -> None:
    """Work out the part of each task's key that no wire changes, into `task.static_key`.

    Raises:
        GraphError: files that a node reads cannot be read; all of them are told.
    """
    problems: list[Problem] = []
    pending = [scope]
    while pending:
        for task in pending.pop().tasks:
            if task.loop is not None:
                pending.append(task.loop.body)
            elif task.static_key is None or _reads_files(task):
                try:
                    task.static_key = _static_key(task)
                except OSError as error:
                    problems.append(
                        Problem("unreadable-file", task.path, str(error), "check the path")
                    )
    if problems:
        raise GraphError(problems)


def files_read(task: Task) -> list[Path]:
    """The files whose content counts in a task's key."""
    definition = task.definition
    if definition is None:
        return []
    if definition.reads is not None:
        return [Path(p) for p in definition.reads(task.params)]
    return [
        Path(str(task.params[port.name])).expanduser()
        for port in definition.inputs.values()
        if isinstance(port.widget, FilePath) and task.params.get(port.name) is not None
    ]


def slot_keys(scope: Scope, given: Sequence[Key], device: str) -> list[Key]:
    """The key of every slot, from the keys of what the scope is given. The device counts for the
    nodes that ask the run for it, and so for all that depends on them."""
    keys: list[Key] = [None] * len(scope.slot_types)
    keys[: len(given)] = given
    tasks = scope.tasks
    blake2b = hashlib.blake2b
    place = device.encode()
    for index in scope.order:
        task = tasks[index]
        if task.loop is not None:
            _loop_keys(task, task.loop, keys, device)
            continue
        if not task.outputs or not task.static_key or task.definition is None:
            continue
        h = blake2b(task.static_key, digest_size=SIZE)
        if task.definition.context_name:
            h.update(place)
        known = True
        for port, source in task.sources:
            key = keys[source] if isinstance(source, int) else _list_key(source, keys)
            if key is None:
                known = False
                break
            h.update(port.encode() + b"=" + key)
        if not known:
            continue
        if len(task.outputs) == 1:
            keys[task.first] = h.digest()
        else:
            whole = h.digest()
            for offset, name in enumerate(task.outputs):
                keys[task.first + offset] = digest(whole, name.encode())
    return keys


def source_key(source: SlotSource, keys: Sequence[Key]) -> Key:
    """The key of what arrives at a port."""
    return keys[source] if isinstance(source, int) else _list_key(source, keys)


def element_key(list_key: Key, index: int) -> Key:
    """The key of an element that cannot be told by content."""
    return None if list_key is None else digest(b"element", list_key, index.to_bytes(8, "little"))


def _list_key(slots: Sequence[int], keys: Sequence[Key]) -> Key:
    parts = []
    for slot in slots:
        key = keys[slot]
        if key is None:
            return None
        parts.append(key)
    return digest(b"list", *parts)


def _loop_keys(task: Task, loop: LoopProgram, keys: list[Key], device: str) -> None:
    """The keys of a loop's outputs: what its body does, told with names for what it is given, and
    the keys of what goes in. Something more to collect changes no other output's key."""
    body = loop.body
    inner = slot_keys(body, [digest(b"given", n.encode()) for n in body.given], device)
    outer = [keys[slot] for _, slot, _ in (*loop.each, *loop.const)]
    outer += [keys[state.init] for state in loop.state]
    carried = [inner[state.next] for state in loop.state]
    if None in outer or None in carried:
        return
    parts = [task.type.encode()]
    names = [f"each.{n}" for n, _, _ in loop.each] + [f"const.{n}" for n, _, _ in loop.const]
    names += [f"state.{state.name}" for state in loop.state]
    entries = sorted(zip(names, outer, strict=True))
    parts += [p for name, key in entries for p in (name.encode(), key or b"")]
    by_name = sorted((state.name, key) for state, key in zip(loop.state, carried, strict=True))
    parts += [p for name, key in by_name for p in (name.encode(), key or b"")]
    whole = digest(*parts)
    for offset, state in enumerate(loop.state):
        keys[task.first + offset] = digest(whole, b"state", state.name.encode())
    for offset, (_, slot) in enumerate(loop.collect, start=len(loop.state)):
        key = inner[slot]
        keys[task.first + offset] = None if key is None else digest(whole, b"collect", key)


def _static_key(task: Task) -> bytes:
    """b"" for a task that cannot be told in advance."""
    definition = task.definition
    if definition is None or definition.volatile or _path_by_wire(task):
        return b""
    params, files = task.params, []
    if definition.reads_files:
        ports = definition.inputs
        params = {  # of a file, that it is given; what is in it comes after
            name: value is not None if isinstance(ports[name].widget, FilePath) else value
            for name, value in params.items()
        }
        files = [file_digest(path) for path in files_read(task)]
    try:
        literals = _encode(params).encode()
    except _UntoldError:
        return b""
    return digest(f"{definition.id}@{definition.version}".encode(), literals, *files)


def _reads_files(task: Task) -> bool:
    return task.definition is not None and task.definition.reads_files


def _path_by_wire(task: Task) -> bool:
    """Whether the task reads a file whose name arrives by wire, and so is not known in advance."""
    definition = task.definition
    if definition is None or not _reads_files(task) or not task.sources:
        return False
    if definition.reads is None:
        ports = (definition.inputs[port] for port, _ in task.sources)
        return any(isinstance(port.widget, FilePath) for port in ports)
    try:
        list(definition.reads(task.params))
    except KeyError:  # the parameter that names the file is not among the literals
        return True
    return False
