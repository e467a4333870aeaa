"""A graph of ours becomes a prompt of ComfyUI's: the table read backwards.

Each output that is wanted is held against the patterns of `probe`, the largest first; what feeds
the pattern's holes is looked for in turn. What has no counterpart is told, all of it at once; in
its place stands a node of our own type with its values, so that nothing is left out in silence.
Imports `registry`, `modes`, `flatten`, `formats.*`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any, NamedTuple

from nodeflow.errors import InputError, Problem
from nodeflow.flatten import flatten
from nodeflow.formats.comfyui.matching import Found, Matcher, is_named
from nodeflow.formats.comfyui.probe import Pattern, patterns
from nodeflow.formats.comfyui.spec import ComfyNode, Input, Table
from nodeflow.formats.graph_json import graph_from_data, graph_to_data
from nodeflow.graph import Graph, Link, Loop, Node
from nodeflow.modes import has_modes, without_modes
from nodeflow.registry import Registry
from nodeflow.sockets import type_name

_NUMBERED = re.compile(r".+?_(\d{1,9})")


class Exported(NamedTuple):
    """The prompt, all problems, and for each of its nodes those of ours that it stands for."""

    prompt: dict[str, Any]
    problems: list[Problem]
    mapping: dict[str, list[str]]


def export(
    graph: Graph,
    table: Table,
    registry: Registry,
    *,
    partial: bool = False,
    folder: Path | None = None,
) -> Exported:
    """Make a prompt of a graph.

    Args:
        partial: give the rest where some nodes have no counterpart; those stand in the prompt under
            our own type, which ComfyUI does not know. Without it the prompt is empty then.
        folder: where ComfyUI's pictures are: names of files below it are told from there.
    """
    plain, problems = _plain(graph, table, registry)
    made = _Exporter(plain, table, registry, folder)
    exported = made.run()
    problems += exported.problems
    if not partial and any(p.severity == "error" for p in problems):
        return Exported({}, problems, {})
    return Exported(exported.prompt, problems, exported.mapping)


def _plain(graph: Graph, table: Table, registry: Registry) -> tuple[Graph, list[Problem]]:
    """The graph without groups, without what is muted or bypassed, and with a sampler for each loop
    that is one."""
    problems: list[Problem] = []
    if has_modes(graph):
        graph, problems = without_modes(graph, registry)
    graph = _collapsed(graph, table, registry)
    flat = flatten(graph.nodes, "")
    problems += flat.problems
    nodes: dict[str, Node] = {}
    for path, node in flat.nodes.items():
        if isinstance(node, Loop) or (path not in flat.prefix and not flat.groups):
            nodes[path] = node
            continue
        links: dict[str, Any] = {}
        rewired = flat.rewired.get(path, {})
        home = {port: (flat.prefix.get(path, ""), source) for port, source in node.links.items()}
        for port, (prefix, source) in {**home, **rewired}.items():
            ends = [
                _end(flat.resolve(prefix, link), problems)
                for link in (source if isinstance(source, tuple) else (source,))
            ]
            links[port] = tuple(ends) if isinstance(source, tuple) else ends[0]
        params = {port: value for port, value in node.params.items() if port not in links}
        nodes[path] = Node(node.type, node.version, params, links)
    outputs = {name: _end(flat.resolve("", link), problems) for name, link in graph.outputs.items()}
    view = graph.view
    return Graph(nodes=nodes, outputs=outputs, view=view), problems


def _end(found: tuple[str, str] | Problem, problems: list[Problem]) -> Link:
    if isinstance(found, Problem):
        problems.append(found)
        return Link("", "")
    return Link(*found)


def _collapsed(graph: Graph, table: Table, registry: Registry) -> Graph:
    for id, node in graph.nodes.items():
        if isinstance(node, Loop) and table.collapse is not None:
            try:
                data = table.collapse(graph_to_data(graph), id)
            except InputError:
                continue  # it is told as a loop
            graph = graph_from_data(data, registry)
    return graph


@dataclass
class _Stands:
    """A node of the prompt that is made."""

    type: str
    anchor: str
    inputs: dict[str, Any] = field(default_factory=dict)
    """Values, `Link`s of ours, or `(node, number)` of the prompt that is made."""
    title: str = ""
    nodes: list[str] = field(default_factory=list)


class _Exporter:
    def __init__(self, graph: Graph, table: Table, registry: Registry, folder: Path | None) -> None:
        self.graph = graph
        self.table = table
        self.registry = registry
        self.folder = folder
        if "patterns" not in table.memo:
            table.memo["patterns"] = patterns(table, registry)
        found: list[Pattern] = table.memo["patterns"]
        self.matcher = Matcher(graph, found, table, registry)
        self.stands: list[_Stands] = []
        self.given: dict[Link, tuple[int, int]] = {}
        """Outputs of ours that have been made → node of the prompt, number of its output."""
        self.covered: set[str] = set()
        self.problems: list[Problem] = []
        self.pending: list[_Stands] = []

    def run(self) -> Exported:
        for id in self.graph.nodes:
            self._ends(id)
        self._settle()
        for name, link in self.graph.outputs.items():
            self._show(name, link)
        self._settle()
        read = set(self._read())
        loose = [id for id in self.graph.nodes if id not in read]
        for id in (*loose, *reversed(list(self.graph.nodes))):  # what nobody reads is there as well
            self._loose(id)
            self._settle()
        return self._written()

    def _read(self) -> Iterator[str]:
        """The nodes that others read."""
        for node in self.graph.nodes.values():
            sources = list(node.links.values())
            if isinstance(node, Loop):
                sources += [link for _, link in node.outer_links()]
            for source in sources:
                for link in source if isinstance(source, tuple) else (source,):
                    yield link.node

    # ── what is made ───────────────────────────────────────────────────────────────────────────

    def _ends(self, id: str) -> None:
        """A node that saves or shows."""
        if not self._saves(id):
            return
        found = self.matcher.end(id)
        if found is not None:
            self._make(found)
        else:
            self._loose(id)

    def _show(self, name: str, link: Link) -> None:
        """A declared output: what shows such a value, if nothing does already."""
        if link.node not in self.graph.nodes or self._saves(link.node):
            return
        found = self.matcher.end(link.node)
        if found is not None and is_named(name, found.pattern.spec):
            self._make(found)
            return
        kind = self._type(link)
        way = "preview" if name.startswith("preview") else "save"
        shows = self.table.shows.get(way, {}).get(kind)
        if shows is None:
            self._slot(link)
            text = f"ComfyUI has no node that shows a {kind or 'value of this kind'}"
            hint = "decode it to a picture, or save it by a node of its own"
            self.problems.append(Problem("not-shown", name, text, hint, "warning"))
            return
        type, port = shows
        inputs: dict[str, Any] = {port: link}
        for other in self.table.nodes[type].inputs.values():
            if other.name != port and other.literal:
                inputs[other.name] = name if other.name == "filename_prefix" else other.default
        made = _Stands(type, name, inputs, nodes=[])
        self.stands.append(made)
        self.pending.append(made)

    def _saves(self, id: str) -> bool:
        node = self.graph.nodes[id]
        definition = self.registry.get(node.type)
        return definition is not None and definition.writes

    def _type(self, link: Link) -> str:
        node = self.graph.nodes[link.node]
        definition = self.registry.get(node.type)
        if definition is None:
            return ""
        ports = (port for port in definition.outputs if port.name == link.port)
        return next((type_name(port.type) for port in ports), "")

    def _loose(self, id: str) -> None:
        if id in self.covered:
            return
        node = self.graph.nodes[id]
        definition = self.registry.get(node.type)
        ports = definition.outputs if definition is not None else ()
        for port in ports:
            found = self.matcher.output(Link(id, port.name))
            if found is not None:
                self._make(found)
                return
        self._placeholder(id)

    def _settle(self) -> None:
        """Make all that the nodes made so far read."""
        while self.pending:
            made = self.pending.pop()
            for name, value in made.inputs.items():
                if isinstance(value, Link):
                    made.inputs[name] = self._slot(value)
                elif isinstance(value, list) and any(isinstance(v, Link) for v in value):
                    made.inputs[name] = [self._slot(v) if isinstance(v, Link) else v for v in value]

    def _slot(self, link: Link) -> tuple[int, int] | None:
        if link not in self.given and link.node in self.graph.nodes:
            found = self.matcher.output(link)
            if found is not None:
                self._make(found)
            elif not self._solved(link):
                self._placeholder(link.node)
        return self.given.get(link)

    def _solved(self, link: Link) -> bool:
        """A node whose values are those of a formula that ComfyUI has a node for."""
        node = self.graph.nodes[link.node]
        solve = self.table.solved.get(node.type)
        found = solve(node.params) if solve is not None else None
        if found is None:
            return False
        self.covered.add(link.node)
        self.covered |= {end.node for end in node.links.values() if isinstance(end, Link)}
        self.given[link] = (len(self.stands), 0)
        self.stands.append(_Stands(found[0], link.node, found[1], nodes=[link.node]))
        return True

    def _make(self, found: Found) -> None:
        """The nodes of the prompt that a pattern is, and what they give."""
        first = len(self.stands)
        self.covered |= set(found.parts.values())
        self.covered |= {end.node for end in found.other.values() if isinstance(end, Link)}
        anchor = found.parts[found.pattern.anchor]
        for number, call in enumerate(found.pattern.calls):
            made = _Stands(call.spec.name, anchor if number == 0 else "")
            made.nodes = list(dict.fromkeys(found.parts.values())) if number == 0 else []
            for input in call.spec.inputs.values():
                value = self._input(found, number, input, first)
                if value is not _LEFT_OUT:
                    made.inputs[input.name] = value
            self.stands.append(made)
            self.pending.append(made)
        for index, output in enumerate(found.pattern.outputs):
            if output is not None and output.node in found.parts:
                link = Link(found.parts[output.node], output.port)
                self.given.setdefault(link, (first, index))
        if found.pattern.differs:
            what = f"{found.pattern.spec.name}: {found.pattern.differs}"
            self.problems.append(Problem("differs", anchor, what, "", "warning"))

    def _input(self, found: Found, number: int, input: Input, first: int) -> Any:
        if (number, input.name) in found.bound:
            value = found.bound[number, input.name]
            if input.unlisted and isinstance(value, str):
                return self._file(found, value)
            return value
        fixed = found.pattern.calls[number].inputs.get(input.name, _LEFT_OUT)
        if isinstance(fixed, Link):
            return (first + int(fixed.node), int(fixed.port))
        if fixed is not _LEFT_OUT:
            return fixed
        if not input.literal:
            return self._any(input.type) if input.required else _LEFT_OUT
        if input.default is None and input.type == "COMBO":
            return next(iter(self.table.options(input)), "")
        return input.default

    def _any(self, type: str) -> Any:
        """For what ComfyUI asks for and nothing here depends on: the first there is."""
        for id, node in self.graph.nodes.items():
            definition = self.registry.get(node.type)
            for port in definition.outputs if definition is not None else ():
                if self.table.types.get(type_name(port.type)) == type:
                    return Link(id, port.name)
        return _LEFT_OUT

    def _file(self, found: Found, path: str) -> str:
        """A picture as ComfyUI names it, in its folder of pictures."""
        name = PurePath(path.replace("\\", "/"))
        folder = self.folder.as_posix() if self.folder is not None else None
        if folder is not None and name.is_relative_to(folder):
            return name.relative_to(folder).as_posix()
        where = found.parts[found.pattern.anchor]
        text = f"the prompt names the picture {name.name!r}"
        hint = "put it into ComfyUI's folder input"
        self.problems.append(Problem("file", where, text, hint, "warning"))
        return name.name

    def _placeholder(self, id: str) -> None:
        """A node that has no counterpart, as it is."""
        if id in self.covered:
            return
        self.covered.add(id)
        node = self.graph.nodes[id]
        definition = self.registry.get(node.type)
        inputs: dict[str, Any] = {port: _value(value) for port, value in node.params.items()}
        links: dict[str, Any] = dict(node.links)
        outputs = [port.name for port in definition.outputs] if definition is not None else []
        if isinstance(node, Loop):
            links.update(node.outer_links())
            outputs = [*node.state, *node.collect]
        for port, source in links.items():
            inputs[port] = list(source) if isinstance(source, tuple) else source
        self.problems.append(self._missing(id, node))
        made = _Stands(node.type, id, inputs, nodes=[id])
        for index, port in enumerate(outputs):
            self.given[Link(id, port)] = (len(self.stands), index)
        self.stands.append(made)
        self.pending.append(made)

    def _missing(self, id: str, node: Node) -> Problem:
        text = f"{node.type} has no counterpart in ComfyUI"
        hint = self.matcher.hint(id)
        if isinstance(node, Loop):
            hint = "only a loop of steps that a sampler node does as well can go over"
        return Problem("no-counterpart", id, text, hint)

    # ── how it is written ──────────────────────────────────────────────────────────────────────

    def _written(self) -> Exported:
        ids = self._ids()
        prompt: dict[str, Any] = {}
        mapping = {}
        for number in sorted(range(len(self.stands)), key=lambda n: _order(ids[n])):
            made = self.stands[number]
            inputs = {
                name: _slots(value, ids) for name, value in made.inputs.items() if value is not None
            }
            prompt[ids[number]] = {
                "class_type": made.type,
                "inputs": inputs,
                "_meta": {"title": self._title(made)},
            }
            mapping[ids[number]] = made.nodes
        return Exported(prompt, self.problems, mapping)

    def _title(self, made: _Stands) -> str:
        shown = self.graph.view.get(made.anchor)
        if isinstance(shown, Mapping) and isinstance(shown.get("title"), str):
            return str(shown["title"])
        spec: ComfyNode | None = self.table.nodes.get(made.type)
        if spec is not None:
            return spec.title
        definition = self.registry.get(made.type)
        return definition.title if definition is not None else made.type

    def _ids(self) -> list[str]:
        """Numbers: those that the names of our nodes end in, else free ones."""
        taken: dict[str, int] = {}
        for number, made in enumerate(self.stands):
            found = _NUMBERED.fullmatch(made.anchor)
            if found is not None:
                taken.setdefault(str(int(found[1])), number)
        owners = {number: id for id, number in taken.items()}
        free: Iterator[str] = (str(n) for n in range(1, 10**9) if str(n) not in taken)
        return [owners.get(number) or next(free) for number in range(len(self.stands))]


_LEFT_OUT = object()


def _order(id: str) -> int:
    return int(id)


def _value(value: Any) -> Any:
    return {"__value__": list(value)} if isinstance(value, (list, tuple)) else value


def _slots(value: Any, ids: list[str]) -> Any:
    if isinstance(value, tuple):
        return [ids[value[0]], value[1]]
    if isinstance(value, list) and any(isinstance(v, tuple) for v in value):
        return {"__value__": [[ids[v[0]], v[1]] for v in value if v is not None]}
    return value
