"""Where in a graph the patterns of `probe` are found. Imports `registry`, `widgets`, `graph`,
`formats.comfyui.*` below it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from nodeflow.formats.comfyui.build import ANYTHING, readable_id
from nodeflow.formats.comfyui.probe import CANVAS, HOLE, WAYS, Fixed, Pattern, Ref
from nodeflow.formats.comfyui.prompt import PromptNode
from nodeflow.formats.comfyui.spec import ComfyNode, Table
from nodeflow.graph import Graph, Link, Node
from nodeflow.node import MISSING, NodeDefinition
from nodeflow.registry import Registry
from nodeflow.widgets import Number

_NUMBERED = re.compile(r".+_\d+(_\D.*)?")
_CANDIDATES = 200
"""Nodes of a type that are tried as the other half of a pair."""


@dataclass
class Found:
    """A pattern in a graph."""

    pattern: Pattern
    parts: dict[str, str] = field(default_factory=dict)
    """Part of the pattern → node of the graph."""
    bound: dict[tuple[int, str], Any] = field(default_factory=dict)
    """What the inputs hold: values, or links of the graph's."""
    other: dict[str, Any] = field(default_factory=dict)
    """What stands where the pattern takes anything, to be the same everywhere."""

    worth: tuple[Any, ...] = ()

    def copy(self) -> Found:
        return Found(self.pattern, dict(self.parts), dict(self.bound), dict(self.other))


class Matcher:
    def __init__(
        self, graph: Graph, patterns: Sequence[Pattern], table: Table, registry: Registry
    ) -> None:
        self.nodes = graph.nodes
        self.table = table
        self.registry = registry
        self._of_type: dict[str, list[str]] = {}
        for id, node in graph.nodes.items():
            self._of_type.setdefault(node.type, []).append(id)
        self._outputs: dict[tuple[str, str], list[tuple[Pattern, Link]]] = {}
        self._ends: dict[str, list[Pattern]] = {}
        for pattern in sorted(patterns, key=_rank):
            if not pattern.outputs:
                self._ends.setdefault(pattern.parts[pattern.anchor].type, []).append(pattern)
            for output in pattern.outputs:
                if output is not None and output.node in pattern.parts:
                    place = (pattern.parts[output.node].type, output.port)
                    self._outputs.setdefault(place, []).append((pattern, output))

    def output(self, link: Link) -> Found | None:
        """The pattern that covers most, of those of which one output is this one."""
        node = self.nodes[link.node]
        best: Found | None = None
        for pattern, output in self._outputs.get((node.type, link.port), ()):
            if best is not None and best.worth[0] and len(pattern.parts) < best.worth[1]:
                break
            found = Found(pattern)
            if self._unify(found, output.node, link.node) and self._completed(found):
                found.worth = self._worth(found)
                best = found if best is None or found.worth > best.worth else best
        return best

    def end(self, id: str) -> Found | None:
        """The pattern of a node that saves or shows."""
        best: Found | None = None
        for pattern in self._ends.get(self.nodes[id].type, ()):
            found = Found(pattern)
            if self._unify(found, pattern.anchor, id) and self._completed(found):
                found.worth = self._worth(found)
                best = found if best is None or found.worth > best.worth else best
        return best

    def _worth(self, found: Found) -> tuple[Any, ...]:
        """Before all others what has the names of one node of a prompt; then what covers most."""
        apart, named = 0, 0
        for part, id in found.parts.items():
            anchor = found.parts.get(found.pattern.anchors.get(found.pattern.owner[part], ""), "")
            if part not in found.pattern.anchors.values():
                apart += is_numbered(anchor) and is_numbered(id) and not id.startswith(anchor + "_")
        for number, part in found.pattern.anchors.items():
            if part in found.parts:
                named += is_named(found.parts[part], found.pattern.calls[number].spec)
        whole = len(found.parts) == len(found.pattern.parts)
        values = [p for part in found.pattern.parts.values() for p in part.params.values()]
        fixed = sum(isinstance(value, Fixed) for value in values)
        return not apart, len(found.parts), whole, named, not found.pattern.own, fixed

    def hint(self, id: str) -> str:
        """What to do about a node for which there is no pattern."""
        type = self.nodes[id].type
        if type in self._ends or any(type == place[0] for place in self._outputs):
            return "as it is set or wired here ComfyUI has no such node: change its settings"
        return "do without it, or run this graph in nodeflow"

    def _completed(self, found: Found) -> bool:
        """Look for the parts behind the other outputs, and see that no input lacks its wire."""
        for output in found.pattern.outputs:
            if (
                output is None
                or output.node in found.parts
                or output.node not in found.pattern.parts
            ):
                continue
            type = found.pattern.parts[output.node].type
            for id in self._of_type.get(type, ())[:_CANDIDATES]:
                if id in found.parts.values():
                    continue
                tried = found.copy()
                if self._unify(tried, output.node, id):
                    found.parts, found.bound, found.other = tried.parts, tried.bound, tried.other
                    break
        if found.pattern.anchor not in found.parts:
            return False
        return all(hole in found.bound for hole in found.pattern.holes)

    def _unify(self, found: Found, part_id: str, id: str) -> bool:
        if part_id in found.parts:
            return found.parts[part_id] == id
        part, node = found.pattern.parts[part_id], self.nodes.get(id)
        if node is None or node.type != part.type:
            return False
        definition = self.registry.get(node.type)
        if definition is None:
            return False
        found.parts[part_id] = id
        return all(
            self._port(found, part.params.get(port), part.links.get(port), node, definition, port)
            for port in definition.inputs
        )

    def _port(
        self,
        found: Found,
        value: Fixed | Ref | None,
        link: Any,
        node: Node,
        definition: NodeDefinition,
        port: str,
    ) -> bool:
        source = node.links.get(port)
        default = definition.inputs[port].default
        given = node.params.get(port, default)
        if source is not None:
            carried = self._carried(source, definition, port)
            if carried is not None:
                source, given = None, carried
        if link is not None:
            return self._link(found, link, source, given)
        if isinstance(value, Ref):
            if source is not None:
                plain = isinstance(source, Link) and value.way == "same" and not value.allowed
                return plain and _bind(found.bound, (value.call, value.input), source)
            return given is not MISSING and _refers(found, value, given)
        wanted = value.value if isinstance(value, Fixed) else default
        return source is None and _same(wanted, given)

    def _link(self, found: Found, link: Any, source: Any, given: Any) -> bool:
        if isinstance(link, tuple):
            if not isinstance(source, tuple) or len(source) != len(link):
                return False
            pairs = zip(link, source, strict=True)
            return all(self._link(found, one, other, MISSING) for one, other in pairs)
        if link.node == ANYTHING:
            return _bind(found.other, link.port, source if source is not None else given)
        if not isinstance(source, Link):
            return False
        if link.node == HOLE:
            call, _, name = link.port.partition(".")
            return _bind(found.bound, (int(call), name), source)
        return source.port == link.port and self._unify(found, link.node, source.node)

    def _carried(self, source: Any, definition: NodeDefinition, port: str) -> Any:
        """The number that a node brings only because our own slider ends earlier."""
        node = self.nodes.get(source.node) if isinstance(source, Link) else None
        if node is None or node.type not in self.table.carriers.values():
            return None
        widget, value = definition.inputs[port].widget, node.params.get("value")
        outside = isinstance(widget, Number) and widget.check(value) is not None
        return value if outside and not node.links else None


def is_numbered(id: str) -> bool:
    """Whether a node has the name that it was given for one of a prompt."""
    return _NUMBERED.fullmatch(id) is not None


def is_named(id: str, spec: ComfyNode) -> int:
    """Whether a node is called as one of this type is where a prompt is translated: how many
    letters say so."""
    known = [readable_id(PromptNode("", spec.name, {}, title)) for title in ("", spec.title)]
    names = [name.removesuffix("node") for name in known]
    return max((len(name) for name in names if id.startswith(name)), default=0)


def _rank(pattern: Pattern) -> tuple[Any, ...]:
    """The largest first; of those as large, what is not out of date, and what names more values."""
    spec = pattern.spec
    values = [p for part in pattern.parts.values() for p in part.params.values()]
    holes = {
        str(link)
        for part in pattern.parts.values()
        for source in part.links.values()
        for link in _each(source)
        if link.node == HOLE
    }
    kept = len({str(value) for value in values if isinstance(value, Ref)}) + len(holes)
    lost = sum(len(call.spec.inputs) for call in pattern.calls) - kept
    return (-len(pattern.parts), pattern.own, spec.deprecated, spec.experimental, lost)


def _each(source: Any) -> Iterator[Link]:
    yield from source if isinstance(source, tuple) else (source,)


def _bind(bound: dict[Any, Any], name: Any, value: Any) -> bool:
    if name in bound:
        return _same(bound[name], value)
    bound[name] = value
    return True


def _refers(found: Found, ref: Ref, given: Any) -> bool:
    """Whether a literal of ours is one of theirs, which is then known."""
    way = WAYS[ref.way]
    try:
        value = way.back(given)
        if ref.way != "file" and not _same(way.there(value), given):
            return False
    except (TypeError, ValueError, ArithmeticError, AttributeError):
        return False
    if ref.allowed and value not in ref.allowed:
        return False
    if ref.call == CANVAS:
        return _bind(found.other, ref.input, value)
    return _bind(found.bound, (ref.call, ref.input), value)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return list(one) == list(other)
    if isinstance(one, bool) != isinstance(other, bool):
        return False
    return bool(one == other)
