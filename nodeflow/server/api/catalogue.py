"""Every node type, every socket type, and which node makes one of another."""

from __future__ import annotations

import gzip
import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from time import monotonic
from typing import Any, TypeVar

from aiohttp import web

from nodeflow import __version__
from nodeflow.commands.show import node_as_json
from nodeflow.node import NodeDefinition
from nodeflow.registry import Registry
from nodeflow.server.api.table import Call, Route
from nodeflow.server.keys import REGISTRY
from nodeflow.server.protocol import Catalogue, Conversion, ProblemData, SocketType
from nodeflow.server.wire import dumps, in_thread
from nodeflow.sockets import (
    PLAIN,
    assignable,
    element,
    is_list,
    socket_info,
    type_name,
    union_members,
)

KEPT_SECONDS = 2.0
"""The names that widgets offer are those of files, which come and go."""
PLAIN_COLOURS = {"bool": "#7fb77e", "int": "#4fa3a5", "float": "#6fa8dc", "str": "#d9a05b"}


@dataclass
class Kept:
    """A large answer, packed once for all who ask."""

    made_at: float
    body: bytes
    packed: bytes
    etag: str


KEPT: web.AppKey[dict[str, Kept]] = web.AppKey("catalogue", dict)


async def list_nodes(call: Call) -> web.Response:
    return packed_answer(call.request, await kept_nodes(call.app))


async def kept_nodes(app: web.Application) -> Kept:
    """The catalogue of now, or of a moment ago."""
    kept = app[KEPT].get("nodes")
    if kept is None or monotonic() - kept.made_at > KEPT_SECONDS:
        registry = app[REGISTRY]
        kept = await in_thread(lambda: pack(catalogue(registry), kept))
        app[KEPT]["nodes"] = kept
    return kept


def pack(data: Any, before: Kept | None) -> Kept:
    """Data as bytes, plain and gzipped; what is as before is not packed again."""
    body = dumps(data).encode()
    etag = hashlib.sha256(body).hexdigest()[:32]
    if before is not None and before.etag == etag:
        return Kept(monotonic(), before.body, before.packed, etag)
    return Kept(monotonic(), body, gzip.compress(body, 6, mtime=0), etag)


def packed_answer(request: web.Request, kept: Kept) -> web.Response:
    """The answer, or that the client has it already."""
    headers = {"ETag": f'"{kept.etag}"', "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
    if etag_known(request.headers.get("If-None-Match", ""), kept.etag):
        return web.Response(status=304, headers=headers)
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return web.Response(body=kept.packed, content_type="application/json", headers=headers)
    return web.Response(body=kept.body, content_type="application/json", headers=headers)


def etag_known(header: str, etag: str) -> bool:
    """Whether an If-None-Match or If-Match header names an etag; quotes may be left out."""
    named = [part.strip().removeprefix("W/").strip('"') for part in header.split(",")]
    return etag in named or "*" in named


def catalogue(registry: Registry) -> dict[str, Any]:
    """All of it as plain data, in the shape of `Catalogue`."""
    nodes = []
    for definition in registry:
        told = node_as_json(definition)
        told["source"] = _relative_source(definition)
        nodes.append(told)
    classes = _classes(registry)
    return {
        "version": __version__,
        "nodes": nodes,
        "types": [_socket_type(tp, classes).model_dump() for tp in classes],
        "conversions": [c.model_dump() for c in _conversions(registry)],
        "problems": [_relative_problem(p.as_json(), registry) for p in registry.failures],
    }


def _relative_source(definition: NodeDefinition) -> str:
    """`nodes/math.py:79`: its place in its package, which tells nothing of the machine."""
    module = str(definition.function.__module__).split(".")
    line = definition.source.rpartition(":")[2]
    return f"{'/'.join(module)}.py:{line}"


def _relative_problem(told: dict[str, str], registry: Registry) -> dict[str, Any]:
    for pack, folder in registry.packs.items():
        for key in ("where", "message", "hint"):
            told[key] = told[key].replace(str(folder), pack)
    if os.path.isabs(told["where"]):
        told["where"] = os.path.basename(told["where"])
    return ProblemData(**told).model_dump()  # type: ignore[arg-type]


def _classes(registry: Registry) -> list[type]:
    """Every class that stands in a signature, by name."""
    found: dict[str, type] = {tp.__name__: tp for tp in PLAIN}
    for definition in registry:
        types = [port.type for port in definition.inputs.values()]
        for tp in _flat([*types, *(port.type for port in definition.outputs)]):
            found.setdefault(tp.__name__, tp)
    return [found[name] for name in sorted(found)]


def _flat(types: Iterable[Any]) -> Iterator[type]:
    pending = list(types)
    while pending:
        tp = pending.pop()
        if is_list(tp):
            pending.append(element(tp))
        elif union_members(tp) != (tp,):
            pending.extend(union_members(tp))
        elif isinstance(tp, type):
            yield tp


def _socket_type(tp: type, classes: Iterable[type]) -> SocketType:
    info = socket_info(tp)
    bases = [other.__name__ for other in classes if other is not tp and assignable(tp, other)]
    colour = PLAIN_COLOURS.get(tp.__name__, info.colour) if tp in PLAIN else info.colour
    return SocketType(name=tp.__name__, colour=colour, shape=info.shape, bases=bases)


def _conversions(registry: Registry) -> Iterator[Conversion]:
    """Nodes that need one thing and make one other. A file's name becomes a model by loading,
    which is no conversion."""
    for definition in registry:
        required = [port.type for port in definition.inputs.values() if port.required]
        if len(required) != 1 or len(definition.outputs) != 1:
            continue
        source, target = required[0], definition.outputs[0].type
        generic = any(isinstance(tp, TypeVar) for tp in (source, target)) or (
            is_list(source) and isinstance(element(source), TypeVar)
        )
        loads = source is str and not all(tp in PLAIN for tp in _flat([target]))
        outside = definition.writes or definition.volatile
        if not (generic or loads or outside or assignable(source, target)):
            yield Conversion(source=type_name(source), target=type_name(target), node=definition.id)


ROUTES = [
    Route(
        *("GET", "/nodes", list_nodes, "Every node type and socket type"),
        gives=Catalogue,
        headers=("If-None-Match",),
    ),
]
