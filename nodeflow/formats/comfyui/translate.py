"""A prompt of ComfyUI's becomes a graph of ours, by the tables of `spec`.

Everything that is wrong is told at once, in ComfyUI's words. What has no translation is named by
its class; nothing is left out in silence. Imports the layers below and `formats.comfyui.*`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from nodeflow.errors import Problem
from nodeflow.formats.comfyui.build import (
    Build,
    Folders,
    Growing,
    Later,
    Refused,
    Stand,
    Wire,
    settled,
)
from nodeflow.formats.comfyui.faults import problem
from nodeflow.formats.comfyui.prompt import MAX_FAULTS, PromptNode, Slot, read_prompt
from nodeflow.formats.comfyui.spec import ANY, PLAIN, ComfyNode, Input, Table
from nodeflow.formats.comfyui.values import fits, linked, literal
from nodeflow.graph import Graph, Link, Node, few_hints, nearest
from nodeflow.node import NodeDefinition
from nodeflow.registry import Registry
from nodeflow.sockets import type_name


class Translated(NamedTuple):
    """The graph (as far as it came), all problems, and for each node of the prompt what stands for
    it."""

    graph: Graph
    problems: list[Problem]
    mapping: dict[str, Stand]


def translate(
    prompt: Any,
    table: Table,
    registry: Registry,
    folders: Folders | None = None,
    *,
    targets: Collection[str] | None = None,
    everything: bool = False,
) -> Translated:
    """Translate a prompt.

    Args:
        prompt: parsed JSON of the API format. Beside ComfyUI's node types it may use ours, by their
            ids.
        targets: ids of the output nodes that are wanted; all of them by default.
        everything: translate also what no output needs, and what names a model that is not here,
            as for looking at it in an editor.
    """
    with few_hints():
        nodes, problems = read_prompt(prompt)
        translator = _Translator(nodes, problems, table, registry, folders or Folders(), everything)
        return translator.run(targets)


class _Translator:
    def __init__(
        self,
        nodes: Mapping[str, PromptNode],
        problems: list[Problem],
        table: Table,
        registry: Registry,
        folders: Folders,
        everything: bool,
    ) -> None:
        self.nodes = nodes
        self.everything = everything
        self.table = table
        self.registry = registry
        self.growing = Growing(table, registry, folders, nodes, problems=problems)
        self.problems = problems
        self.values: dict[str, tuple[Any, ...]] = {}
        """The outputs of each node that could be translated."""
        self.mapping: dict[str, Stand] = {}

    def run(self, targets: Collection[str] | None) -> Translated:
        everything = self.everything
        self._unknown_types()
        ends = [id for id in self.nodes if self._is_end(id)]
        if targets is not None:
            ends = [id for id in ends if id in targets]
        if not ends and not everything and not any(p.severity == "error" for p in self.problems):
            text = "no node of the prompt saves or shows anything"
            hint = "add a SaveImage or PreviewImage"
            self.problems.append(problem("prompt_no_outputs", "", text, hint))
        needed = set(self.nodes) if everything else self._needed(ends)
        for id in self._ordered(needed):
            if len(self.problems) >= MAX_FAULTS:
                break
            self._translate(self.nodes[id])
        if everything:
            self._make_unused()
        graph = Graph(nodes=self.growing.nodes, outputs=self.growing.outputs)
        return Translated(graph, self.problems, self.mapping)

    def _make_unused(self) -> None:
        """What nobody reads is there all the same, where it needs nothing."""
        for outputs in self.values.values():
            for value in outputs:
                if isinstance(value, Later) and value.unused:
                    settled(value)

    def _unknown_types(self) -> None:
        for node in self.nodes.values():
            if node.type in self.table.nodes or node.type in self.registry:
                continue
            if len(self.problems) >= MAX_FAULTS:
                return
            why = self.table.refused.get(node.type)
            if why:
                text = f"{node.type} has no equivalent here: {why}"
                found = problem("missing_node_type", node.id, text, class_type=node.type)
            else:
                near = nearest(node.type, [*self.table.nodes, *self.table.refused])
                text = f"there is no node type {node.type!r}"
                hint = f"did you mean {near}?" if near else "GET /object_info lists those there are"
                found = problem("missing_node_type", node.id, text, hint, class_type=node.type)
            self.problems.append(found)

    def _is_end(self, id: str) -> bool:
        type = self.nodes[id].type
        spec, definition = self.table.nodes.get(type), self.registry.get(type)
        if spec is not None:
            return spec.output_node
        return definition is not None and definition.writes

    def _needed(self, ends: Iterable[str]) -> set[str]:
        found: set[str] = set()
        pending = list(ends)
        while pending:
            id = pending.pop()
            if id not in found:
                found.add(id)
                slots = (v for v in self.nodes[id].inputs.values() if isinstance(v, Slot))
                pending.extend(slot.node for slot in slots if slot.node in self.nodes)
        return found

    def _ordered(self, needed: Collection[str]) -> list[str]:
        """Nodes after those that feed them. What feeds itself is told and left out."""
        waits = {
            id: {
                v.node
                for v in self.nodes[id].inputs.values()
                if isinstance(v, Slot) and v.node in needed
            }
            for id in self.nodes
            if id in needed
        }
        readers: dict[str, list[str]] = {}
        for id, sources in waits.items():
            for source in sources:
                readers.setdefault(source, []).append(id)
        ready = [id for id, sources in waits.items() if not sources]
        ordered = []
        while ready:
            id = ready.pop(0) if len(ready) < 64 else ready.pop()
            ordered.append(id)
            for reader in readers.get(id, ()):
                waits[reader].discard(id)
                if not waits[reader]:
                    ready.append(reader)
        circle = sorted(set(waits) - set(ordered))
        if circle:
            told = ", ".join(circle[:20])
            text = f"nodes {told} feed each other in a circle, or are fed by one"
            self.problems.append(problem("dependency_cycle", circle[0], text, "cut one link"))
        return ordered

    def _translate(self, node: PromptNode) -> None:
        spec, definition = self.table.nodes.get(node.type), self.registry.get(node.type)
        stand = self.mapping[node.id] = Stand(node.type, node.title)
        if any(isinstance(v, Slot) and v.node not in self.values for v in node.inputs.values()):
            self._only_literals(node, spec)
            return  # what feeds it has faults, which were told
        try:
            if spec is not None:
                values = self._values(node, spec)
                if values is None:
                    return
                build = Build(self.growing, node, spec, values, stand)
                if spec.differs:
                    build.warn(spec.differs)
                self.values[node.id] = _outputs(spec.make(build), spec, values)
            elif definition is not None:
                build = Build(self.growing, node, None, {}, stand)
                self.values[node.id] = self._own(build, definition)
        except Refused as refused:
            self.problems.extend(refused.problems)

    # ── ComfyUI's node types ───────────────────────────────────────────────────────────────────

    def _values(self, node: PromptNode, spec: ComfyNode) -> dict[str, Any] | None:
        """The values of a node's inputs by name; None where one of them has a fault."""
        found: dict[str, Any] = {}
        faults: list[Problem] = []
        fault: Problem | None
        for name, input in spec.inputs.items():
            if name not in node.inputs:
                if input.required:
                    text = f"{spec.name} needs {name}"
                    hint = f"link a {input.type}"
                    if input.literal:
                        hint = f"give a value, for example {input.default!r}"
                    fault = problem("required_input_missing", node.id, text, hint, input=name)
                    faults.append(fault)
                elif input.literal and input.has_default:
                    found[name] = input.default
                continue
            value = node.inputs[name]
            if isinstance(value, Slot):
                wire, told = self._from(node.id, name, value)
                fault = told or linked(node.id, input, value, self._type_of(value))
                found[name] = wire
            else:
                found[name], fault = literal(node.id, input, value, self.table.options)
                if fault is not None and self._only_absent(input, fault):
                    self.problems.append(fault)
                    fault = None
            if fault is not None:
                faults.append(fault)
        for name in node.inputs:
            if name not in spec.inputs and not spec.open_ended:
                near = nearest(name, spec.inputs)
                hint = f"did you mean {near!r}?" if near else ""
                text = f"{spec.name} has no input {name!r}; it is not used"
                self.problems.append(
                    problem("unknown_input", node.id, text, hint, input=name, severity="warning")
                )
            elif name not in spec.inputs:
                value = node.inputs[name]
                found[name] = (
                    self._from(node.id, name, value)[0] if isinstance(value, Slot) else value
                )
        self.problems.extend(faults)
        return None if faults else found

    def _only_absent(self, input: Input, fault: Problem) -> bool:
        """Whether all that is wrong is a model that this machine lacks, and one only looks."""
        absent = fault.code == "value_not_in_list" and input.source in self.table.folders
        return self.everything and absent

    def _only_literals(self, node: PromptNode, spec: ComfyNode | None) -> None:
        """The faults of a node's own values, where what feeds it has faults already."""
        if spec is None:
            return
        for name, input in spec.inputs.items():
            if name not in node.inputs:
                if input.required:
                    text = f"{spec.name} needs {name}"
                    self.problems.append(
                        problem("required_input_missing", node.id, text, input=name)
                    )
            elif not isinstance(node.inputs[name], Slot):
                _, fault = literal(node.id, input, node.inputs[name], self.table.options)
                self.problems.extend([fault] if fault else [])

    def _from(self, id: str, name: str, slot: Slot) -> tuple[Any, Problem | None]:
        outputs = self.values[slot.node]
        if 0 <= slot.index < len(outputs):
            return outputs[slot.index], None
        text = f"node {slot.node} has outputs 0..{len(outputs) - 1}, not {slot.index}"
        if not outputs:
            text = f"node {slot.node} has no outputs"
        link = [slot.node, slot.index]
        return None, problem(
            "bad_linked_input", id, text, "check the number", input=name, received_value=link
        )

    def _type_of(self, slot: Slot) -> str:
        """The type of an output in ComfyUI's words."""
        type = self.nodes[slot.node].type
        spec, definition = self.table.nodes.get(type), self.registry.get(type)
        if spec is not None:
            outputs = spec.outputs
            return outputs[slot.index].type if slot.index < len(outputs) else ANY
        assert definition is not None
        own = type_name(definition.outputs[slot.index].type)
        return self.table.types.get(own, own)

    # ── our own node types ─────────────────────────────────────────────────────────────────────

    def _own(self, build: Build, definition: NodeDefinition) -> tuple[Wire, ...]:
        """A node of ours in a prompt: its ports are the inputs."""
        node = build.node
        params: dict[str, Any] = {}
        links: dict[str, Link] = {}
        for name, value in node.inputs.items():
            if name not in definition.inputs:
                near = nearest(name, definition.inputs)
                hint = f"did you mean {near!r}?" if near else ", ".join(definition.inputs)
                text = f"{definition.id} has no input {name!r}"
                raise Refused(problem("invalid_input_type", node.id, text, hint, input=name))
            if isinstance(value, Slot):
                value, fault = self._from(node.id, name, value)
                if fault is not None:
                    raise Refused(fault)
                self._fits_own(node.id, definition, name, node.inputs[name])
            value = settled(value)
            if isinstance(value, Wire):
                links[name] = value.link
            elif isinstance(value, Later):
                text = f"{name} takes what can only be made for one of ComfyUI's samplers"
                raise Refused(problem("return_type_mismatch", node.id, text, input=name))
            else:
                params[name] = value
        id = self.growing.free_id(build.name)
        self.growing.nodes[id] = Node(definition.id, definition.version, params, links)
        build.stand.nodes.append(id)
        if definition.writes:
            for port in definition.outputs:
                build.show(Wire(Link(id, port.name)), key=port.name, name=f"{id}_{port.name}")
        return tuple(Wire(Link(id, port.name)) for port in definition.outputs)

    def _fits_own(self, id: str, definition: NodeDefinition, port: str, slot: Any) -> None:
        """ComfyUI's types against ours. Where both are ours the graph's own check tells more."""
        if self.nodes[slot.node].type not in self.table.nodes:
            return
        own = type_name(definition.inputs[port].type).removesuffix(" | none")
        wanted, source = self.table.types.get(own), self._type_of(slot)
        if wanted is not None and not fits(source, wanted):
            text = f"{port} takes {wanted}, output {slot.index} of node {slot.node} is {source}"
            raise Refused(problem("return_type_mismatch", id, text, input=port))


def _outputs(made: Any, spec: ComfyNode, values: Mapping[str, Any]) -> tuple[Any, ...]:
    """What a translation gave, as one value for each output. What is known of the one input of a
    type is known of the output of that type as well: a model stays the one it was."""
    outputs = made if isinstance(made, tuple) else () if made is None else (made,)
    if len(outputs) != len(spec.outputs):
        raise LookupError(f"{spec.name} gives {len(outputs)} outputs of {len(spec.outputs)}")
    known: dict[str, Mapping[str, Any]] = {}
    for name, input in spec.inputs.items():
        if isinstance(values.get(name), Wire) and input.type not in PLAIN:
            known.setdefault(input.type, values[name].about)
    return tuple(
        Wire(value.link, {**known.get(output.type, {}), **value.about})
        if isinstance(value, Wire)
        else value
        for value, output in zip(outputs, spec.outputs, strict=True)
    )
