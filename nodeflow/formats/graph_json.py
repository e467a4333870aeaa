"""Graph files: JSON to `Graph` and back, with migrations of the format and of node versions.

Reading never runs code of a node but its migrations. Imports `errors`, `confinement`, `graph`,
`registry`, `formats.faults`, `formats.schema`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from nodeflow.confinement import why_not
from nodeflow.errors import GraphFormatError, Problem
from nodeflow.formats.faults import no_number, object_of, schema_problems, shape_problems
from nodeflow.formats.schema import FORMAT, GraphFile, NodeFile, StateFile
from nodeflow.graph import GROUP, LOOP, MAP, Graph, Group, Link, Loop, Node, Source, State
from nodeflow.registry import Registry

FormatMigration = Callable[[dict[str, Any]], dict[str, Any]]
FORMAT_MIGRATIONS: dict[int, FormatMigration] = {}
"""From each older format to the next; format 1 is the first."""

MAX_NODES = 1_000_000
"""Nodes of a graph, those of groups counted wherever they stand."""
MAX_NESTING = 64
"""Files within files, bodies within bodies. Deeper is a mistake or an attack."""
LONGEST_ID = 200
"""Characters of a node's id. Every event of a run tells the ids of a path."""
ENCODING = "utf-8-sig"
"""UTF-8; some editors put a mark before it, which is no JSON."""


def read_graph(path: Path, registry: Registry | None = None) -> Graph:
    """The graph of a JSON file; groups kept in files of their own are read along.

    Raises:
        GraphFormatError: with every fault of the file.
    """
    try:
        text = path.read_text(encoding=ENCODING)
    except (OSError, ValueError) as error:
        raise GraphFormatError([_unreadable(path, error)]) from error
    return parse_graph(text, registry, folder=path.parent, where=str(path))


def parse_graph(
    text: str, registry: Registry | None = None, *, folder: Path | None = None, where: str = ""
) -> Graph:
    """The graph that a JSON text holds. Without `folder`, groups in other files are refused."""
    try:
        data = _parse(text)
    except (ValueError, RecursionError) as error:
        raise GraphFormatError(
            [Problem("not-json", where, f"this is no JSON: {error}", "check the file in an editor")]
        ) from error
    return graph_from_data(data, registry, folder=folder, where=where)


def graph_from_data(
    data: Any, registry: Registry | None = None, *, folder: Path | None = None, where: str = ""
) -> Graph:
    """The graph that parsed JSON holds."""
    reader = _Reader(registry, where)
    return reader.read(data, folder)


def migrate_format(
    data: Mapping[str, Any], migrations: Mapping[int, FormatMigration], target: int, where: str
) -> dict[str, Any]:
    """`data` brought from its own format to `target`, one version at a time."""
    found = data.get("nodeflow")
    if not isinstance(found, int) or isinstance(found, bool) or found < 1:
        hint = 'a graph file begins with "nodeflow": 1'
        if data and all(isinstance(v, dict) and "class_type" in v for v in data.values()):
            hint = "this looks like a ComfyUI prompt, which is another format"
        raise GraphFormatError([Problem("no-format", where, "the file names no format", hint)])
    if found > target:
        raise GraphFormatError(
            [
                Problem(
                    "newer-format",
                    where,
                    f"the file has format {found}, this nodeflow reads up to {target}",
                    "update nodeflow",
                )
            ]
        )
    current = dict(data)
    for version in range(found, target):
        current = migrations[version](current)
        current["nodeflow"] = version + 1
    return current


def dump_graph(graph: Graph, *, indent: int | None = 2) -> str:
    """The graph as the text of a graph file; reading it gives an equal graph."""
    data = graph_to_data(graph)
    text = json.dumps(data, indent=indent, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # half a surrogate pair, which JSON can hold, but no UTF-8 file
        text = json.dumps(data, indent=indent)
    return text + "\n"


def graph_to_data(graph: Graph) -> dict[str, Any]:
    """The graph as plain JSON data, without fields that say nothing."""
    return _graph_file(graph).model_dump(exclude_unset=True)


class _Reader:
    """Reads one file and those it names, each once. Keeps all problems."""

    def __init__(self, registry: Registry | None, where: str) -> None:
        self.registry = registry
        self.where = where
        self.problems: list[Problem] = []
        self.nodes = 0
        """How many nodes the graph has so far, those of groups counted wherever they stand."""
        self.files: dict[Path, tuple[Graph, int]] = {}
        """The group files read so far, each with how many nodes it has in all."""

    def read(self, data: Any, folder: Path | None) -> Graph:
        file = self._check(data, self.where)
        graph = self._graph(file, "", folder, ()) if file else None
        if graph is None or self.problems:
            raise GraphFormatError(self.problems)
        return graph

    def _check(self, data: Any, where: str, prefix: str = "") -> GraphFile | None:
        """Schema-check one file's data; None if it does not hold, with the problems noted. `prefix`
        is the path of the group whose file it is."""
        if not isinstance(data, dict):
            text = f"a graph file is a JSON object, this is {type(data).__name__}"
            self.problems.append(Problem("no-graph", where, text, "see docs/graphs.md"))
            return None
        wrong_shape = list(shape_problems(data, where))
        if any(problem.code == "too-deep" for problem in wrong_shape):
            self.problems.extend(wrong_shape)
            return None
        faults: list[Problem] = []
        file = None
        try:
            data = migrate_format(data, FORMAT_MIGRATIONS, FORMAT, where)
            file = GraphFile.model_validate(data)
        except GraphFormatError as error:
            faults = list(error.problems)
        except ValidationError as error:
            faults = list(schema_problems(error, data, where))
        self.problems.extend(_inside(prefix, p) for p in (*wrong_shape, *faults))
        return file

    def _graph(
        self, file: GraphFile, prefix: str, folder: Path | None, open_files: tuple[Path, ...]
    ) -> Graph:
        nodes = {
            id: self._node(node, f"{prefix}{id}", folder, open_files)
            for id, node in file.nodes.items()
        }
        return Graph(
            nodes=nodes,
            inputs={k: (v,) if isinstance(v, str) else tuple(v) for k, v in file.inputs.items()},
            outputs={name: Link.parse(text) for name, text in file.outputs.items()},
            title=file.title,
            description=file.description,
            view=file.view,
        )

    def _node(
        self, file: NodeFile, path: str, folder: Path | None, open_files: tuple[Path, ...]
    ) -> Node:
        """One node. Nested bodies and graphs recurse here, as deep as MAX_NESTING."""
        self.nodes += 1
        if path.count("/") > MAX_NESTING:
            text = f"bodies and graphs are nested deeper than {MAX_NESTING}"
            self._problem("too-deep", f"{path[:60]}…", text, "unfold the inner ones")
            return Node(file.type)
        if len(path) - path.rfind("/") > LONGEST_ID + 1:
            text = f"an id has at most {LONGEST_ID} characters"
            self._problem("long-id", f"{path[:60]}…", text, "shorten it; a title may be long")
            return Node(file.type)
        file = self._migrated(file, path)
        links = {port: _source(value) for port, value in file.links.items()}
        mode = file.mode or ""
        if file.type in (LOOP, MAP):
            return self._loop(file, path, folder, open_files)
        self._refuse_loop_fields(file, path)
        if file.type == GROUP:
            graph = self._group_graph(file, path, folder, open_files)
            name = file.graph if isinstance(file.graph, str) else ""
            return Group(file.type, file.version, file.params, links, mode, graph=graph, file=name)
        return Node(file.type, file.version, file.params, links, mode)

    def _loop(
        self, file: NodeFile, path: str, folder: Path | None, open_files: tuple[Path, ...]
    ) -> Node:
        if file.body is None:
            self._problem("no-body", path, f"a {file.type} needs a body", 'write "body": {…}')
        if file.links or file.params:
            ports = ", ".join([*file.links, *file.params])
            hint = "a loop reads through each, const and state"
            self._problem("loop-links", path, f"a {file.type} has no ports {ports}", hint)
        if file.type == MAP and file.state:
            self._problem("map-state", path, "a flow.map carries no state", "use flow.loop")
        return Loop(
            file.type,
            file.version,
            mode=file.mode or "",
            each=_links(file.each),
            const=_links(file.const),
            state={
                name: State(Link.parse(state.init), Link.parse(state.next))
                for name, state in (file.state or {}).items()
            },
            collect=_links(file.collect),
            body={
                id: self._node(node, f"{path}/{id}", folder, open_files)
                for id, node in (file.body or {}).items()
            },
        )

    def _group_graph(
        self, file: NodeFile, path: str, folder: Path | None, open_files: tuple[Path, ...]
    ) -> Graph:
        if isinstance(file.graph, GraphFile):
            if file.graph.nodeflow != FORMAT:
                text = f"the inner graph has format {file.graph.nodeflow}, the file {FORMAT}"
                self._problem("newer-format", path, text, "give both the same format")
                return Graph()
            return self._graph(file.graph, f"{path}/", folder, open_files)
        if file.graph is None:
            hint = 'write "graph": "file.json" or "graph": {…}'
            self._problem("no-graph", path, "a flow.graph needs a graph", hint)
            return Graph()
        if folder is None:
            self._problem(
                "group-file",
                path,
                f"the graph names a file ({file.graph!r}), but is in none itself",
                "put the inner graph inline",
            )
            return Graph()
        try:
            inner = (folder / file.graph).resolve()
        except (OSError, ValueError, RuntimeError) as error:  # a NUL byte, a ring of links
            self._problem("unreadable", path, f"cannot read {file.graph!r}: {error}")
            return Graph()
        barred = why_not(inner)
        if barred:
            self._problem("group-file", path, f"{file.graph!r} {barred}", "put it inline")
            return Graph()
        if inner in open_files or len(open_files) >= MAX_NESTING:
            chain = " → ".join(p.name for p in (*open_files, inner))
            self._problem("group-cycle", path, f"graph files contain each other: {chain}")
            return Graph()
        if inner in self.files:
            graph, count = self.files[inner]
            return graph if self._has_room(count, path) else Graph()
        before = self.nodes
        try:
            data = _parse(inner.read_text(encoding=ENCODING))
        except (OSError, ValueError, RecursionError) as error:
            self.problems.append(_unreadable(inner, error, path))
            return Graph()
        checked = self._check(data, path, path)
        if checked is None:
            return Graph()
        graph = self._graph(checked, f"{path}/", inner.parent, (*open_files, inner))
        self.files[inner] = graph, self.nodes - before
        return graph

    def _has_room(self, count: int, path: str) -> bool:
        """Whether `count` more nodes are still a graph that somebody could have meant."""
        self.nodes += count
        if self.nodes > MAX_NODES:
            hint = "graph files that use each other more than once multiply"
            text = f"the graph has more than {MAX_NODES:,} nodes"
            if not any(problem.code == "too-large" for problem in self.problems):
                self._problem("too-large", path, text, hint)
        return self.nodes <= MAX_NODES

    def _migrated(self, file: NodeFile, path: str) -> NodeFile:
        """The node at today's version of its type."""
        definition = self.registry.get(file.type) if self.registry else None
        if definition is None or file.version >= definition.version:
            return file
        data = file.model_dump(exclude_unset=True)
        try:
            for version in range(file.version, definition.version):
                data = definition.migrations[version](data)
            return NodeFile.model_validate({**data, "version": definition.version})
        except Exception as error:  # a migration is a pack's code: it may raise anything
            text = f"{file.type}: version {file.version} cannot be brought to {definition.version}"
            hint = f"{type(error).__name__}: {error}"
            self._problem("bad-migration", path, text, hint)
            return file

    def _refuse_loop_fields(self, file: NodeFile, path: str) -> None:
        fields = [
            name
            for name in ("each", "const", "state", "collect", "body")
            if getattr(file, name) is not None
        ]
        if file.graph is not None and file.type != GROUP:
            fields.append("graph")
        if fields:
            self._problem(
                "unknown-field",
                path,
                f"a {file.type} has no {', '.join(fields)}",
                "these belong to flow.loop, flow.map and flow.graph",
            )

    def _problem(self, code: str, where: str, message: str, hint: str = "") -> None:
        self.problems.append(Problem(code, where, message, hint))


def _source(value: str | list[str]) -> Source:
    return Link.parse(value) if isinstance(value, str) else tuple(Link.parse(v) for v in value)


def _links(values: Mapping[str, str] | None) -> dict[str, Link]:
    return {name: Link.parse(text) for name, text in (values or {}).items()}


def _unreadable(path: Path, error: BaseException, where: str = "") -> Problem:
    reason = getattr(error, "strerror", None) or str(error)
    return Problem("unreadable", where or str(path), f"cannot read {path.name}: {reason}")


def _parse(text: str) -> Any:
    return json.loads(text, object_pairs_hook=object_of, parse_constant=no_number)


def _inside(prefix: str, problem: Problem) -> Problem:
    """A problem of a group's own file, with the group's path before its place."""
    if not prefix or problem.where == prefix:
        return problem
    return replace(problem, where=f"{prefix}/{problem.where}")


def _graph_file(graph: Graph) -> GraphFile:
    fields: dict[str, Any] = {"nodeflow": FORMAT}
    if graph.title:
        fields["title"] = graph.title
    if graph.description:
        fields["description"] = graph.description
    if graph.inputs:
        fields["inputs"] = {
            name: targets[0] if len(targets) == 1 else list(targets)
            for name, targets in graph.inputs.items()
        }
    if graph.outputs:
        fields["outputs"] = {name: str(link) for name, link in graph.outputs.items()}
    fields["nodes"] = {id: _node_file(node) for id, node in graph.nodes.items()}
    if graph.view:
        fields["view"] = dict(graph.view)
    return GraphFile.model_construct(_fields_set=set(fields), **fields)


def _node_file(node: Node) -> NodeFile:
    fields: dict[str, Any] = {"type": node.type}
    if node.version != 1:
        fields["version"] = node.version
    if node.params:
        fields["params"] = dict(node.params)
    if node.links:
        fields["links"] = {port: _source_text(source) for port, source in node.links.items()}
    if node.mode:
        fields["mode"] = node.mode
    if isinstance(node, Loop):
        for name in ("each", "const", "collect"):
            if getattr(node, name):
                fields[name] = {k: str(link) for k, link in getattr(node, name).items()}
        if node.state:
            fields["state"] = {
                name: StateFile(init=str(state.init), next=str(state.next))
                for name, state in node.state.items()
            }
        fields["body"] = {id: _node_file(child) for id, child in node.body.items()}
    if isinstance(node, Group):
        fields["graph"] = node.file or _graph_file(node.graph)
    return NodeFile.model_construct(_fields_set=set(fields), **fields)


def _source_text(source: Source) -> str | list[str]:
    return str(source) if isinstance(source, Link) else [str(link) for link in source]
