"""`/object_info`: ComfyUI's node types that are translated, and our own under their ids.

Imports `formats.comfyui`, `node`, `registry`, `sockets`, `widgets`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nodeflow.formats.comfyui.spec import FILES, ComfyNode, Input, Table
from nodeflow.node import InputPort, NodeDefinition
from nodeflow.sockets import accepts_none, is_list, type_name
from nodeflow.widgets import Choice, Number, TextArea

MODULE = "nodes"
"""What ComfyUI calls the module of its own node types."""


def of_table(spec: ComfyNode, table: Table, files: Mapping[str, list[str]]) -> dict[str, Any]:
    """A node type of ComfyUI's; `files` are the names of files by folder."""
    parts: dict[str, dict[str, Any]] = {"required": {}, "optional": {}}
    for name, input in spec.inputs.items():
        kind = "required" if input.required else "optional"
        parts[kind][name] = _input(input, table, files)
    told = {
        "input": {kind: inputs for kind, inputs in parts.items() if inputs or kind == "required"},
        "input_order": {kind: list(inputs) for kind, inputs in parts.items() if inputs},
        "output": [output.type for output in spec.outputs],
        "output_is_list": [output.is_list for output in spec.outputs],
        "output_name": [output.name for output in spec.outputs],
        "name": spec.name,
        "display_name": spec.title,
        "description": spec.description or spec.differs,
        "python_module": MODULE,
        "category": spec.category,
        "output_node": spec.output_node,
    }
    for flag in ("deprecated", "experimental"):
        if getattr(spec, flag):
            told[flag] = True
    return told


def _input(input: Input, table: Table, files: Mapping[str, list[str]]) -> list[Any]:
    more: dict[str, Any] = {}
    if input.literal and input.default is not None:
        more["default"] = input.default
    for name, value in (("min", input.low), ("max", input.high), ("step", input.step)):
        if value is not None:
            more[name] = value
    if input.multiline:
        more |= {"multiline": True, "dynamicPrompts": True}
    if input.name in ("seed", "noise_seed"):
        more["control_after_generate"] = True
    if input.source in FILES:
        more["image_upload"] = True
        return [files.get(input.source, []), more]
    return [table.options(input) if input.type == "COMBO" else input.type, more]


def of_definition(definition: NodeDefinition, table: Table) -> dict[str, Any]:
    """One of our own node types, in the same shape."""
    parts: dict[str, dict[str, Any]] = {"required": {}, "optional": {}}
    for name, port in definition.inputs.items():
        parts["required" if port.required else "optional"][name] = _port(port, table)
    outputs = definition.outputs
    return {
        "input": {kind: inputs for kind, inputs in parts.items() if inputs or kind == "required"},
        "input_order": {kind: list(inputs) for kind, inputs in parts.items() if inputs},
        "output": [_type(port.type, table) for port in outputs],
        "output_is_list": [is_list(port.type) for port in outputs],
        "output_name": [port.name for port in outputs],
        "name": definition.id,
        "display_name": definition.title,
        "description": definition.doc.partition("\n")[0],
        "python_module": "nodeflow",
        "category": f"nodeflow/{definition.category}",
        "output_node": definition.writes,
    }


def _port(port: InputPort, table: Table) -> list[Any]:
    widget, more = port.widget, {}
    if not port.required and isinstance(port.default, (bool, int, float, str)):
        more["default"] = port.default
    if isinstance(widget, Choice):
        return [list(widget.options), more]
    if isinstance(widget, Number):
        ends = {"min": widget.minimum, "max": widget.maximum, "step": widget.step}
        more |= {name: value for name, value in ends.items() if value is not None}
    if isinstance(widget, TextArea):
        more["multiline"] = True
    return [_type(port.type, table), more]


def _type(tp: Any, table: Table) -> str:
    name = type_name(tp)
    if accepts_none(tp):
        name = name.removesuffix(" | none")
    return table.types.get(name, name)
