"""Plain values and texts. What can be worked out before the run is."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from nodeflow.formats.comfyui.build import Build, Later, Wire, settled
from nodeflow.formats.comfyui.spec import ComfyNode, node

_LONG = "[-9223372036854775807..9223372036854775807]"
_PLAIN = {str: "value.text", int: "value.integer", float: "value.number", bool: "value.boolean"}


def constant(build: Build, value: Any) -> Wire:
    """A node that gives this value, which translations may read."""
    made = build.add(_PLAIN[type(value)], value=value)
    return made["value"].telling(literal=value)


def _primitive(build: Build) -> Any:
    value = build["value"]
    return value if isinstance(value, Wire) else constant(build, value)


def _known(build: Build) -> dict[str, Any] | None:
    """All inputs as plain values; None where one comes by a wire from a node's result."""
    assert build.spec is not None
    found = {}
    for name in build.spec.inputs:
        value = build[name]
        if isinstance(value, Later) or (isinstance(value, Wire) and "literal" not in value.about):
            return None
        found[name] = build.literal(name)
    return found


def _worked_out(compute: Callable[..., Any], wired: Callable[[Build], Any] | None = None) -> Any:
    def make(build: Build) -> Any:
        given = _known(build)
        if given is not None:
            try:
                return constant(build, compute(**given))
            except (re.error, ValueError, IndexError) as error:
                build.refuse(next(iter(given)), f"this cannot be worked out: {error}")
        if wired is None:
            name = next(iter(build.spec.inputs)) if build.spec else ""
            build.refuse(name, "the text has to be a value here, not a link", "write it here")
            return None
        return wired(build)

    return make


# ── texts ──────────────────────────────────────────────────────────────────────────────────────


def _join(build: Build) -> Any:
    texts = [
        value if isinstance(value, Wire) else build.add("value.text", name, value=value)["value"]
        for name, value in ((name, build[name]) for name in ("string_a", "string_b"))
    ]
    return build.add("string.join", texts=texts, separator=build["delimiter"])["value"]


def _substring(string: str, start: int, end: int) -> str:
    return string[start:end]


_CASES: dict[str, Callable[[str], str]] = {
    "UPPERCASE": str.upper,
    "lowercase": str.lower,
    "Capitalize": str.capitalize,
    "Title Case": str.title,
}


def _case(string: str, mode: str) -> str:
    return _CASES[mode](string)


def _case_wired(build: Build) -> Any:
    mode = build.literal("mode")
    if mode not in ("UPPERCASE", "lowercase"):
        build.refuse("string", f"{mode} needs a value here, not a link", "write it here")
    type = "string.upper" if mode == "UPPERCASE" else "string.lower"
    return build.add(type, text=build["string"])["value"]


def _trim(string: str, mode: str) -> str:
    return {"Both": str.strip, "Left": str.lstrip, "Right": str.rstrip}[mode](string)


def _trim_wired(build: Build) -> Any:
    if build.literal("mode") != "Both":
        build.refuse("mode", "what comes by a link is trimmed on both sides", "take Both")
    return build.add("string.strip", text=build["string"])["value"]


def _replace_wired(build: Build) -> Any:
    ports = {"text": build["string"], "old": build["find"], "new": build["replace"]}
    return build.add("string.replace", **ports)["value"]


def _contains(string: str, substring: str, case_sensitive: bool) -> bool:
    return substring in string if case_sensitive else substring.lower() in string.lower()


def _contains_wired(build: Build) -> Any:
    text, part = build["string"], build["substring"]
    if not build.literal("case_sensitive"):
        text = build.add("string.lower", text=text)["value"]
        part = build.add("string.lower", text=part)["value"]
    return build.add("string.contains", text=text, part=part)["value"]


def _compare(string_a: str, string_b: str, mode: str, case_sensitive: bool) -> bool:
    if not case_sensitive:
        string_a, string_b = string_a.lower(), string_b.lower()
    if mode == "Starts With":
        return string_a.startswith(string_b)
    return string_a.endswith(string_b) if mode == "Ends With" else string_a == string_b


def _preview(build: Build) -> Any:
    source = settled(build["source"])
    if isinstance(source, Later):
        build.refuse("source", "this can only be made for a sampler", "show what the sampler gives")
    wire = source if isinstance(source, Wire) else None
    if wire is None:
        plain = source if type(source) in _PLAIN else str(source)
        wire = constant(build, plain)
    build.show(wire, key="text")
    return ()


NODES: list[ComfyNode] = [
    node("PrimitiveString", "utils/primitive", "value: STRING", "STRING", _primitive),
    node("PrimitiveStringMultiline", "utils/primitive", "value: TEXT", "STRING", _primitive),
    node("PrimitiveInt", "utils/primitive", f"value: INT{_LONG}", "INT", _primitive),
    node(
        "PrimitiveFloat",
        "utils/primitive",
        f"value: FLOAT{_LONG}",
        "FLOAT",
        _primitive,
    ),
    node("PrimitiveBoolean", "utils/primitive", "value: BOOLEAN", "BOOLEAN", _primitive),
    node(
        "StringConcatenate",
        "utils/string",
        "string_a: TEXT; string_b: TEXT; delimiter: STRING",
        "STRING",
        _worked_out(lambda string_a, string_b, delimiter: string_a + delimiter + string_b, _join),
    ),
    node(
        "StringSubstring",
        "utils/string",
        "string: TEXT; start: INT; end: INT",
        "STRING",
        _worked_out(_substring),
    ),
    node(
        "StringLength",
        "utils/string",
        "string: TEXT",
        "INT",
        _worked_out(lambda string: len(string)),
    ),
    node(
        "CaseConverter",
        "utils/string",
        f"string: TEXT; mode: {{{'|'.join(_CASES)}}}",
        "STRING",
        _worked_out(_case, _case_wired),
    ),
    node(
        "StringTrim",
        "utils/string",
        "string: TEXT; mode: {Both|Left|Right}",
        "STRING",
        _worked_out(_trim, _trim_wired),
    ),
    node(
        "StringReplace",
        "utils/string",
        "string: TEXT; find: TEXT; replace: TEXT",
        "STRING",
        _worked_out(lambda string, find, replace: string.replace(find, replace), _replace_wired),
    ),
    node(
        "StringContains",
        "utils/string",
        "string: TEXT; substring: TEXT; case_sensitive: BOOLEAN=True",
        "BOOLEAN",
        _worked_out(_contains, _contains_wired),
    ),
    node(
        "StringCompare",
        "utils/string",
        "string_a: TEXT; string_b: TEXT; mode: {Starts With|Ends With|Equal}; "
        "case_sensitive: BOOLEAN=True",
        "BOOLEAN",
        _worked_out(_compare),
    ),
    node("PreviewAny", "utils", "source: *", "", _preview, output_node=True),
]
