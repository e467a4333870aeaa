"""Literals and links of a prompt held against what an input takes, as ComfyUI judges them.

Imports `errors`, `graph` (for nearest names), `formats.comfyui.*` below it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from nodeflow.errors import Problem
from nodeflow.formats.comfyui.faults import problem
from nodeflow.formats.comfyui.prompt import Slot
from nodeflow.formats.comfyui.spec import ANY, PLAIN, Input
from nodeflow.graph import nearest

_LISTED = 20
"""Choices told in a message; the whole list is in its `extra_info`."""


def fits(source: str, target: str) -> bool:
    """Whether an output of type `source` may feed an input of type `target`: `A,B` is either."""
    if ANY in (source, target) or source == target:
        return True
    if target == "COMBO" and source == "STRING":
        return True
    if target == "FLOAT" and source == "INT":
        return True
    return bool(set(source.split(",")) & set(target.split(",")))


def linked(id: str, input: Input, slot: Slot, source: str) -> Problem | None:
    """What is wrong with a link from an output of type `source`."""
    if fits(source, input.type):
        return None
    link = [slot.node, slot.index]
    text = f"{input.name} takes {input.type}, and output {slot.index} of node {slot.node} is "
    return problem(
        "return_type_mismatch",
        id,
        text + source,
        input=input.name,
        received_type=source,
        linked_node=link,
        input_config=described(input),
    )


def literal(
    id: str, input: Input, value: Any, options: Callable[[Input], list[str]]
) -> tuple[Any, Problem | None]:
    """A literal in the input's type, and what is wrong with it."""
    if not input.literal:
        if input.type == ANY:
            return value, None
        text = f"{input.name} takes a link to a {input.type}, got {_short(value)}"
        return value, _fault("invalid_input_type", id, input, value, text)
    if input.type == "COMBO":
        return _choice(id, input, value, options)
    wanted = PLAIN[input.type]
    try:
        if isinstance(value, (list, dict)) or value is None:
            raise TypeError("no plain value")
        converted = wanted(value)
        if isinstance(converted, float) and not math.isfinite(converted):
            raise ValueError("no finite number")
    except (TypeError, ValueError, OverflowError) as error:
        text = f"{input.name} takes {input.type}, got {_short(value)} ({error})"
        return value, _fault("invalid_input_type", id, input, value, text)
    if isinstance(converted, (int, float)) and not isinstance(converted, bool):
        if input.low is not None and converted < input.low:
            text = f"{input.name} is {converted}, the smallest is {input.low:g}"
            return value, _fault("value_smaller_than_min", id, input, value, text)
        if input.high is not None and converted > input.high:
            text = f"{input.name} is {converted}, the largest is {input.high:g}"
            return value, _fault("value_bigger_than_max", id, input, value, text)
    return converted, None


def _choice(
    id: str, input: Input, value: Any, options: Callable[[Input], list[str]]
) -> tuple[Any, Problem | None]:
    offered = options(input)
    if value in offered or (input.unlisted and isinstance(value, str)):
        return value, None
    if isinstance(value, str):  # Windows writes folders with the other sign
        turned = value.replace("\\", "/")
        for name in offered:
            if turned in (name, name.rpartition(".")[0]):
                return name, None
    near = nearest(str(value), offered)
    listed = ", ".join(map(repr, offered[:_LISTED])) or "nothing"
    more = f" and {len(offered) - _LISTED} more" if len(offered) > _LISTED else ""
    text = f"{input.name}: {_short(value)} not in [{listed}{more}]"
    hint = f"did you mean {near!r}?" if near else ""
    return value, _fault("value_not_in_list", id, input, value, text, hint)


def _fault(code: str, id: str, input: Input, value: Any, text: str, hint: str = "") -> Problem:
    return problem(
        code,
        id,
        text,
        hint,
        input=input.name,
        received_value=value,
        input_config=described(input),
    )


def described(input: Input) -> list[Any]:
    """An input as ComfyUI's `input_config`: type and options."""
    more: dict[str, Any] = {}
    if input.has_default:
        more["default"] = input.default
    for name, value in (("min", input.low), ("max", input.high), ("step", input.step)):
        if value is not None:
            more[name] = value
    if input.multiline:
        more["multiline"] = True
    kind: Any = list(input.options) if input.options else input.type
    return [kind, more]


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:79]}…"
