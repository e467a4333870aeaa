"""The graphs that come with nodeflow, to begin with."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import quote

from aiohttp import web

from nodeflow.commands.prepare import shipped_folders
from nodeflow.errors import GraphError
from nodeflow.formats.graph_json import graph_to_data, read_graph
from nodeflow.graph import Graph, walk
from nodeflow.registry import Registry
from nodeflow.server.api.table import PREFIX, Call, Route, add_routes
from nodeflow.server.protocol import Template, TemplateList
from nodeflow.server.wire import in_thread, json_answer, refusal
from nodeflow.widgets import FilePath, Widget

SECTIONS = {
    "start": ("text_to_image", "image_to_image", "two_passes", "wide_picture", "gallery"),
    "prompts": ("prompt_", "regional_", "noisy_composition", "embedding"),
    "control": ("controlnet", "preprocessors", "lora", "model_patches"),
    "edit": ("inpaint", "outpaint", "differential_", "image_tools", "tiled_upscale", "merge"),
    "look inside": (
        *("attention", "guidance", "steps_", "samplers_", "compare_", "unrolled_"),
        *("restart", "two_stage", "variation_"),
    ),
}
"""Of the graphs that stand in no folder: the section by how the name begins."""
ORDER = ("start", "learn", "prompts", "control", "edit", "look inside", "train", "models")
"""Of the sections on the page; others stand after them."""
KEPT_SECONDS = 5.0
"""Model files come and go, and are looked for anew after this."""


@dataclass
class _Read:
    """A graph file as it was when it was read."""

    stamp: tuple[int, int]
    graph: Graph


@dataclass
class Templates:
    """The shipped graphs, each read once and again when its file changes."""

    registry: Registry
    folders: list[Path] = field(default_factory=shipped_folders)
    read: dict[Path, _Read] = field(default_factory=dict)
    listed: list[Template] = field(default_factory=list)
    listed_at: float = -KEPT_SECONDS
    pictures: dict[str, Path] = field(default_factory=dict)

    def all(self) -> list[Template]:
        """What is told of each, those of the front page first."""
        if monotonic() - self.listed_at < KEPT_SECONDS:
            return self.listed
        found: dict[tuple[Widget, Any], bool] = {}
        listed = []
        for name, path in self._files():
            graph = self._graph(path)
            if graph is not None:
                listed.append(self._template(name, graph, found))
        self.listed = sorted(listed, key=_place)
        self.listed_at = monotonic()
        return self.listed

    def data(self, name: str) -> dict[str, Any] | None:
        """A graph as plain data, or None. Names are looked up among those that are there."""
        path = dict(self._files()).get(name)
        graph = self._graph(path) if path is not None else None
        return None if graph is None else graph_to_data(graph)

    def _files(self) -> Iterator[tuple[str, Path]]:
        for folder in self.folders[:1]:
            for path in sorted(folder.rglob("*.json")):
                yield path.relative_to(folder).with_suffix("").as_posix(), path

    def _graph(self, path: Path) -> Graph | None:
        try:
            status = path.stat()
            stamp = status.st_mtime_ns, status.st_size
            known = self.read.get(path)
            if known is None or known.stamp != stamp:
                known = self.read[path] = _Read(stamp, read_graph(path, self.registry))
        except (OSError, GraphError):  # it was removed just now, or is being written
            return None
        return known.graph

    def _template(self, name: str, graph: Graph, found: dict[tuple[Widget, Any], bool]) -> Template:
        return Template(
            name=name,
            title=graph.title or name,
            description=graph.description,
            section=section(name),
            inputs=list(graph.inputs),
            missing=list(dict.fromkeys(self._missing(graph, found))),
            picture=f"api/v1/template-pictures/{quote(name)}" if self.picture(name) else "",
        )

    def picture(self, name: str) -> Path | None:
        """What a graph makes, small; the names are those of graphs that are there."""
        path = self.pictures.get(name)
        if path is None and not self.pictures:
            for folder in self.folders[:1]:
                for file in (folder / "pictures").rglob("*.webp"):
                    inside = file.relative_to(folder / "pictures").with_suffix("")
                    self.pictures[inside.as_posix()] = file
            path = self.pictures.get(name)
        return path

    def _missing(self, graph: Graph, found: dict[tuple[Widget, Any], bool]) -> Iterator[str]:
        """Names of models that are not here, as the widgets of their ports look for them."""
        for _, node in walk(graph):
            definition = self.registry.get(node.type)
            for name, port in definition.inputs.items() if definition else ():
                if port.widget is None or not _is_model(port.widget) or name in node.links:
                    continue
                value = node.params.get(name, None if port.required else port.default)
                key = port.widget, _hashable(value)
                if key not in found:
                    found[key] = value is None or port.widget.check(value) is None
                if not found[key]:
                    yield str(value)


def section(name: str) -> str:
    """Which shelf a graph stands on: its folder, or what its name begins with."""
    folder, slash, _ = name.partition("/")
    if slash:
        return folder
    for told, beginnings in SECTIONS.items():
        if name.startswith(beginnings):
            return told
    return "more"


def _place(template: Template) -> tuple[int, bool, str]:
    """Sections in their order; in each what can be run first."""
    place = ORDER.index(template.section) if template.section in ORDER else len(ORDER)
    return place, bool(template.missing), template.name


def _is_model(widget: Widget) -> bool:
    return (
        widget.looks_outside
        and not isinstance(widget, FilePath)
        and widget.code.startswith("no-such-")
    )


def _hashable(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, (list, Mapping)) else value


TEMPLATES: web.AppKey[Templates] = web.AppKey("templates", Templates)


async def list_templates(call: Call) -> TemplateList:
    templates = call.app[TEMPLATES]
    return TemplateList(templates=await in_thread(templates.all))


async def get_template(call: Call) -> web.Response:
    name = call.path["name"]
    templates = call.app[TEMPLATES]
    data = await in_thread(lambda: templates.data(name))
    if data is None:
        raise refusal(404, "no-such-graph", name[:200], "there is no template of that name")
    return json_answer(data)


async def get_picture(request: web.Request) -> web.Response:
    name = request.match_info["name"]
    path = await in_thread(lambda: request.app[TEMPLATES].picture(name))
    if path is None:
        raise refusal(404, "no-picture", name[:200], "there is no picture of that template")
    body = await in_thread(path.read_bytes)
    kept = {"Cache-Control": "private, max-age=3600"}
    return web.Response(body=body, content_type="image/webp", headers=kept)


ROUTES = [
    Route("GET", "/templates", list_templates, "The graphs to begin with", gives=TemplateList),
    Route(
        *("GET", "/templates/{name:.+}", get_template, "One of them: a graph file"),
        gives=dict,
        refuses=(404,),
    ),
]


def setup_routes(app: web.Application) -> None:
    """The table's routes, and the one that answers with pictures."""
    add_routes(app, ROUTES)
    app.router.add_get(f"{PREFIX}/template-pictures/{{name:.+}}", get_picture)
