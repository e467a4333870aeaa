"""Prompts as ComfyUI's API takes them: `{"3": {"class_type", "inputs", "_meta"}}`.

A link is a list of a node's id and the number of its output; a list that is meant as one stands in
`{"__value__": […]}`. Imports `errors`, `graph` (for nearest names), `formats.comfyui.faults`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nodeflow.errors import Problem
from nodeflow.formats.comfyui.faults import problem
from nodeflow.graph import nearest

MAX_INPUTS = 1000
MAX_FAULTS = 500
"""Faults of one prompt that are told; who sends more wants to keep the server busy."""


@dataclass(frozen=True)
class Slot:
    """The output `index` of node `node`."""

    node: str
    index: int


@dataclass(frozen=True)
class PromptNode:
    id: str
    type: str
    inputs: Mapping[str, Any] = field(default_factory=dict)
    """Each a literal or a `Slot`."""
    title: str = ""


def is_prompt(data: Any) -> bool:
    """Whether parsed JSON looks like a prompt, and not like a graph file of ours."""
    if not isinstance(data, Mapping) or not data or "nodeflow" in data:
        return False
    return all(isinstance(node, Mapping) and "class_type" in node for node in data.values())


def read_prompt(data: Any) -> tuple[dict[str, PromptNode], list[Problem]]:
    """The nodes of a prompt, and all that is wrong with its form. Nodes with faults are there as
    far as they can be read."""
    if not isinstance(data, Mapping):
        text = f"a prompt is an object of nodes by their ids, this is {_kind(data)}"
        hint = "send the API format: in ComfyUI, Workflow → Export (API)"
        return {}, [problem("invalid_prompt", "", text, hint)]
    if isinstance(data.get("nodes"), list) and "links" in data:
        text = "this is a workflow as the editor saves it, not a prompt"
        hint = "in ComfyUI, Workflow → Export (API)"
        return {}, [problem("invalid_prompt", "", text, hint)]
    problems: list[Problem] = []
    nodes = {}
    for id, node in data.items():
        found = _node(str(id), node, problems)
        if found is not None:
            nodes[found.id] = found
    for node in nodes.values():
        if len(problems) > MAX_FAULTS:
            break
        _known_links(node, nodes, problems)
    return nodes, problems[:MAX_FAULTS]


def _node(id: str, data: Any, problems: list[Problem]) -> PromptNode | None:
    if not isinstance(data, Mapping):
        hint = 'write {"class_type": "…", "inputs": {…}}'
        problems.append(problem("invalid_prompt", id, f"node {id!r} is {_kind(data)}", hint))
        return None
    type = data.get("class_type")
    if not isinstance(type, str) or not type:
        text = f"node {id!r} has no class_type"
        problems.append(problem("invalid_prompt", id, text, "name the node's type"))
        return None
    meta = data.get("_meta")
    title = meta.get("title", "") if isinstance(meta, Mapping) else ""
    given = data.get("inputs", {})
    if not isinstance(given, Mapping) or len(given) > MAX_INPUTS:
        text = f"the inputs of node {id!r} are {_kind(given)}, not an object of names and values"
        problems.append(problem("exception_during_validation", id, text, 'write "inputs": {}'))
        given = {}
    inputs = {str(name): _value(id, str(name), value, problems) for name, value in given.items()}
    return PromptNode(id, type, inputs, title if isinstance(title, str) else "")


def _value(id: str, name: str, value: Any, problems: list[Problem]) -> Any:
    if isinstance(value, Mapping) and "__value__" in value:
        return value["__value__"]
    if not isinstance(value, list):
        return value
    if (
        len(value) == 2
        and isinstance(value[0], (str, int))
        and isinstance(value[1], int)
        and not isinstance(value[1], bool)
        and not isinstance(value[0], bool)
    ):
        return Slot(str(value[0]), value[1])
    text = f"a list of {len(value)} is no link"
    hint = 'a link is ["id", number]; a list of values is {"__value__": […]}'
    problems.append(problem("bad_linked_input", id, text, hint, input=name, received_value=value))
    return None


def _known_links(
    node: PromptNode, nodes: Mapping[str, PromptNode], problems: list[Problem]
) -> None:
    for name, value in node.inputs.items():
        if isinstance(value, Slot) and value.node not in nodes:
            near = nearest(value.node, nodes)
            hint = f"did you mean {near!r}?" if near else "add the node, or remove the link"
            text = f"there is no node {value.node!r} to take output {value.index} from"
            link = [value.node, value.index]
            problems.append(
                problem("bad_linked_input", node.id, text, hint, input=name, received_value=link)
            )


def _kind(data: Any) -> str:
    names = {list: "a list", str: "a text", bool: "true or false", dict: "an object"}
    return "null" if data is None else names.get(type(data), "a number")
