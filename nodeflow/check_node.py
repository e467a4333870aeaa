"""Checks one node against its type: its ports, its literals, the types on its wires.

Imports the layers up to `program`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from nodeflow.graph import STRUCTURAL, Node, nearest
from nodeflow.memory import short
from nodeflow.node import InputPort, NodeDefinition
from nodeflow.program import Scope, SlotSource, Task
from nodeflow.registry import Registry
from nodeflow.sockets import (
    assignable,
    bind,
    coerce_literal,
    element,
    is_list,
    literal_fits,
    substitute,
    type_name,
    union_members,
    value_fits,
)

Report = Callable[[str, str, str, str], None]
Wires = Sequence[tuple[str, "SlotSource | None"]]


@dataclass(frozen=True, slots=True)
class _Facts:
    """What is the same for every node of one type."""

    required: tuple[str, ...]
    defaults: Mapping[str, Any]
    outputs: Mapping[str, Any]
    generic: bool


class NodeCheck:
    """Checks nodes one by one; problems go to `report(code, where, message, hint)`."""

    def __init__(self, registry: Registry, report: Report) -> None:
        self.registry = registry
        self.report = report
        self._facts: dict[str, _Facts] = {}
        self._conversions: dict[tuple[Any, Any], str] = {}

    def definition(self, path: str, node: Node) -> NodeDefinition | None:
        """The type of a node, or None where it is a loop or unknown."""
        found = self.registry.get(node.type)
        if found is None:
            if node.type not in STRUCTURAL:
                near = self.registry.nearest(node.type)
                hint = f"did you mean {' or '.join(near)}?" if near else "see `nodeflow nodes`"
                self.report("unknown-type", path, f"there is no node type {node.type!r}", hint)
            return None
        if node.version > found.version:
            self.report(
                "newer-node",
                path,
                f"{node.type} has version {node.version}, installed is {found.version}",
                "update the pack it comes from",
            )
        return found

    def params(self, task: Task) -> Mapping[str, Any]:
        """The literals of a node, defaults filled in, in their port's own type."""
        definition = task.definition
        if definition is None:
            return {}
        facts = self.facts(definition)
        given = task.node.params
        links = task.node.links
        for name in (*given, *links):
            if name not in definition.inputs:
                self._unknown_port(task, name, definition)
        for name in facts.required:
            if name not in given and name not in links:
                self._missing(task, definition.inputs[name])
        if not given:
            if not links:
                return facts.defaults
            return {k: v for k, v in facts.defaults.items() if k not in links}
        params = {k: v for k, v in facts.defaults.items() if k not in links}
        for name, value in given.items():
            port = definition.inputs.get(name)
            if port is not None and self._literal(f"{task.path}.{name}", port, value):
                params[name] = coerce_literal(value, port.type)
            if name in links:
                hint = "remove one of the two"
                where = f"{task.path}.{name}"
                self.report("two-sources", where, "the port has both a literal and a wire", hint)
        return params

    def types(self, task: Task, wires: Wires, scope: Scope) -> Mapping[str, Any]:
        """The types of a node's outputs, after checking the types on its wires."""
        definition = task.definition
        if definition is None:
            return {}
        facts = self.facts(definition)
        bound: dict[TypeVar, Any] = {}
        for name, source in wires:
            port = definition.inputs.get(name)
            if port is None or source is None:
                continue
            got = self._wire_type(task, port, source, scope)
            if got is None or got is port.type:
                continue
            fits = bind(got, port.type, bound) if facts.generic else assignable(got, port.type)
            if not fits:
                self._mismatch(task, port, got, source, scope, bound)
        if not facts.generic:
            return facts.outputs
        for name, value in task.params.items():
            _bind_literal(value, definition.inputs[name].type, bound)
        return {name: substitute(tp, bound) for name, tp in facts.outputs.items()}

    def sources(self, task: Task, wires: Wires) -> tuple[tuple[str, SlotSource], ...]:
        """The wires that lead somewhere, in the order of the signature."""
        found = {name: source for name, source in wires if source is not None}
        if len(found) < 2 or task.definition is None:
            return tuple(found.items())
        return tuple((name, found[name]) for name in task.definition.inputs if name in found)

    def facts(self, definition: NodeDefinition) -> _Facts:
        known = self._facts.get(definition.id)
        if known is None:
            ports = list(definition.inputs.values())
            every = [port.type for port in ports] + [port.type for port in definition.outputs]
            known = _Facts(
                required=tuple(p.name for p in ports if p.required),
                defaults={p.name: p.default for p in ports if not p.required},
                outputs={p.name: p.type for p in definition.outputs},
                generic=any(_has_variable(tp) for tp in every),
            )
            self._facts[definition.id] = known
        return known

    def check_input(self, where: str, path: str, port: str, node: Node) -> None:
        """A declared input of the graph must name a port that takes a literal."""
        definition = self.registry.definitions[node.type]
        found = definition.inputs.get(port)
        if found is None:
            near = nearest(port, definition.inputs)
            hint = f"did you mean {path}.{near}?" if near else ""
            self.report("unknown-port", where, f"{node.type} has no input {port!r}", hint)

    def conversion_hint(self, source: Any, target: Any) -> str:
        """Which node turns `source` into `target`: one that needs nothing beside it, or else one
        thing, as `vae.decode` its VAE. What needs more makes its own, and converts nothing."""
        if is_list(source) and assignable(element(source), target):
            return "the wire carries a list: use flow.map, or pick one with list.choose"
        if is_list(target) and assignable(source, element(target)):
            return 'write the link as a list: ["node.port"]'
        known = self._conversions.get((source, target))
        if known is None:
            known = self._conversions[source, target] = self._converters(source, target)
        return known

    def _converters(self, source: Any, target: Any) -> str:
        found = []
        for definition in self.registry:
            takes = [
                p
                for p in definition.inputs.values()
                if not _has_variable(p.type) and assignable(source, p.type)
            ]
            gives = any(
                not _has_variable(o.type) and assignable(o.type, target) for o in definition.outputs
            )
            if takes and gives and source not in [o.type for o in definition.outputs]:
                required = [p for p in definition.inputs.values() if p.required]
                beside = len(required) - any(p.required for p in takes)
                found.append((beside, definition.id))
        least = min(found, default=(2, ""))[0]
        if least > 1:
            return f"no node converts {type_name(source)} to {type_name(target)}"
        names = [id for beside, id in sorted(found) if beside == least][:2]
        converts = "converts" if len(names) == 1 else "convert"
        return f"{' or '.join(names)} {converts} {type_name(source)} to {type_name(target)}"

    # ── the faults ─────────────────────────────────────────────────────────────────────────────

    def _literal(self, where: str, port: InputPort, value: Any) -> bool:
        if not port.takes_literal and value is not None:
            if value_fits(value, port.type):  # a run from Python may hand in any value
                return True
            expected = type_name(port.type)
            hint = f"connect a wire of {expected}"
            text = f"got {short(value)}, expected {expected} by wire"
            self.report("needs-wire", where, text, hint)
            return False
        if not literal_fits(value, port.type):
            expected = type_name(port.type)
            hint = _literal_hint(value, port.type)
            self.report("wrong-literal", where, f"got {value!r}, expected {expected}", hint)
            return False
        fault = port.widget.check(value) if port.widget and value is not None else None
        if fault and port.widget:
            self.report(port.widget.code, where, fault, port.widget.hint(value))
            return False
        return True

    def _missing(self, task: Task, port: InputPort) -> None:
        hint = f"connect a wire of {type_name(port.type)}"
        if port.takes_literal:
            hint += f", or set it in params: {port.name}"
        where = f"{task.path}.{port.name}"
        self.report("missing-input", where, f"{type_name(port.type)} is required", hint)

    def _unknown_port(self, task: Task, name: str, definition: NodeDefinition) -> None:
        near = nearest(name, definition.inputs)
        ports = ", ".join(definition.inputs) or "none"
        hint = f"did you mean {near!r}? inputs: {ports}" if near else f"inputs: {ports}"
        where = f"{task.path}.{name}"
        self.report("unknown-port", where, f"{task.type} has no input {name!r}", hint)

    def _wire_type(self, task: Task, port: InputPort, source: SlotSource, scope: Scope) -> Any:
        """The type that arrives at a port; None if that cannot be said."""
        if isinstance(source, int):
            return scope.slot_types[source]
        where = f"{task.path}.{port.name}"
        lists = [m for m in union_members(port.type) if is_list(m)]
        if not lists and not isinstance(port.type, TypeVar):
            hint = "give one link, not a list of links"
            self.report("type-mismatch", where, "several wires at a port that takes one", hint)
            return None
        wanted = element(lists[0]) if lists else None
        bound: dict[TypeVar, Any] = {}
        for slot in source:
            got = scope.slot_types[slot]
            if wanted is not None and not bind(got, wanted, bound):
                self._mismatch(task, port, got, slot, scope, bound, substitute(wanted, bound))
                return None
        if wanted is not None and not _has_variable(wanted):
            return port.type
        item = scope.slot_types[source[0]] if wanted is None else substitute(wanted, bound)
        return list[item]  # type: ignore[valid-type]

    def _mismatch(
        self,
        task: Task,
        port: InputPort,
        got: Any,
        source: SlotSource,
        scope: Scope,
        bound: dict[TypeVar, Any],
        expected: Any = None,
    ) -> None:
        expected = substitute(port.type, bound) if expected is None else expected
        slot = source if isinstance(source, int) else source[0]
        self.report(
            "type-mismatch",
            f"{task.path}.{port.name}",
            f"got {type_name(got)} from {scope.slot_name(slot)}, expected {type_name(expected)}",
            self.conversion_hint(got, expected),
        )


def _has_variable(tp: Any) -> bool:
    if is_list(tp):
        return _has_variable(element(tp))
    return isinstance(tp, TypeVar) or any(isinstance(m, TypeVar) for m in union_members(tp))


def _bind_literal(value: Any, tp: Any, bound: dict[TypeVar, Any]) -> None:
    """A literal at a generic port says what the variable is, where no wire does."""
    if isinstance(tp, TypeVar) and not isinstance(value, list) and value is not None:
        bound.setdefault(tp, type(value))
    elif is_list(tp) and isinstance(value, list) and value:
        _bind_literal(value[0], element(tp), bound)


def _literal_hint(value: Any, expected: Any) -> str:
    if is_list(expected) and literal_fits(value, element(expected)):
        return f"write a list: [{json.dumps(value)}]"
    if expected is int and isinstance(value, float):
        return "write a whole number"
    if isinstance(value, str) and "." in value:
        return "a wire is written under links, not params"
    return "numbers stand without quotes, text with them" if isinstance(value, str) else ""
