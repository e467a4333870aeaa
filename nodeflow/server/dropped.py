"""What a dropped file is, and the graph that it carries: of ours, of ComfyUI's, or told in words.

Nothing in it is trusted: texts are bounded, JSON is read with a bound on its depth, and what comes
out is checked as every graph is. Imports `formats.*`, `server.pictures`, `server.protocol`.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from nodeflow.errors import GraphError, Problem
from nodeflow.formats.comfyui.prompt import is_prompt
from nodeflow.formats.comfyui.spec import default_table
from nodeflow.formats.comfyui.translate import translate
from nodeflow.formats.graph_json import graph_from_data, graph_to_data
from nodeflow.formats.picture import KEY, MAX_TEXT, PictureError, is_picture, read_texts
from nodeflow.registry import Registry
from nodeflow.server.pictures import TAKEN
from nodeflow.server.protocol import DroppedKind, OpenAnswer, ProblemData

_MAKE, _MODEL = 0x010F, 0x0110
"""Exif 2.32, tags in which ComfyUI writes `workflow:…` and `prompt:…` into a WebP."""
_NUMBERS = {"Steps": "steps", "CFG scale": "guidance_scale", "Seed": "seed"}


def opened(path: Path, registry: Registry) -> OpenAnswer:
    """What the file at `path` is. Takes a while: for a thread."""
    if is_picture(path):
        return _picture(path, registry)
    data = path.read_bytes()
    if len(data) > MAX_TEXT:
        return _told("unknown", "too-large", "a file of that size is no graph")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return _told("unknown", "unknown-file", "this is neither a picture nor a text")
    found = _json(text)
    if found is None and _is_a1111(text):
        return _a1111(text)
    if found is None:
        return _told("unknown", "not-json", "this is no JSON", "drop a graph file or a picture")
    return _data(found, registry)


def _picture(path: Path, registry: Registry) -> OpenAnswer:
    try:
        texts = {**_exif_texts(path), **read_texts(path)}
    except PictureError as error:
        return _told("picture", "damaged", f"the picture cannot be read: {error}")
    for key in (KEY, "prompt", "workflow"):
        found = _json(texts[key]) if key in texts else None
        if isinstance(found, dict):
            inside = found.get("graph", found) if key == KEY else found
            return _data(inside, registry)
    if "parameters" in texts:
        return _a1111(texts["parameters"])
    hint = "only pictures saved by a node editor carry one, and many programs drop it"
    return _told("picture", "no-graph", "there is no graph in this picture", hint)


def _exif_texts(path: Path) -> dict[str, str]:
    """What ComfyUI writes into a WebP."""
    from PIL import Image

    try:
        with Image.open(path, formats=TAKEN) as picture:
            exif = picture.getexif() if picture.format == "WEBP" else {}
            values = [exif.get(_MAKE), exif.get(_MODEL)]
    except Exception as error:  # Pillow's readers raise what comes, on what is damaged
        raise PictureError(type(error).__name__) from error
    found = {}
    for value in values:
        name, colon, rest = value.partition(":") if isinstance(value, str) else ("", "", "")
        if colon and name in ("prompt", "workflow"):
            found[name] = rest
    return found


def _json(text: str) -> Any:
    """Parsed JSON, None where it is none. ComfyUI writes NaN, which is none either: null."""
    try:
        return json.loads(text.rstrip("\0"), parse_constant=lambda name: None)
    except (ValueError, RecursionError):
        return None


def _data(data: Any, registry: Registry) -> OpenAnswer:
    if not isinstance(data, dict):
        return _told("unknown", "no-graph", "this JSON is no graph")
    if "nodeflow" in data:
        return _graph(data, {}, registry)
    graph, inputs = data.get("graph"), data.get("inputs", {})
    if isinstance(graph, dict) and "nodeflow" in graph:
        return _graph(graph, inputs if isinstance(inputs, dict) else {}, registry)
    prompt = data.get("prompt") if is_prompt(data.get("prompt")) else data
    if is_prompt(prompt):
        return _prompt(prompt, registry)
    if isinstance(data.get("nodes"), list) and "links" in data:
        text = "this is a workflow as ComfyUI's editor saves it, not a prompt"
        hint = "in ComfyUI choose Workflow → Export (API), or drop a picture that it saved"
        return _told("comfyui-ui", "comfyui-workflow", text, hint)
    return _told("unknown", "no-graph", "this JSON is no graph")


def _graph(data: dict[str, Any], inputs: dict[str, Any], registry: Registry) -> OpenAnswer:
    """A graph of ours at today's format; as it stands where it cannot be read, with its faults."""
    try:
        graph = graph_to_data(graph_from_data(data, registry))
    except GraphError as error:
        return OpenAnswer(kind="nodeflow", graph=None, inputs=inputs, problems=_all(error.problems))
    return OpenAnswer(kind="nodeflow", graph=graph, inputs=inputs, problems=[])


def _prompt(prompt: Any, registry: Registry) -> OpenAnswer:
    made = translate(prompt, default_table(), registry, everything=True)
    return OpenAnswer(
        kind="comfyui-api",
        graph=graph_to_data(made.graph) if made.graph.nodes else None,
        problems=_all(made.problems),
    )


def _is_a1111(text: str) -> bool:
    return "Steps: " in text and "Sampler: " in text


def _a1111(text: str) -> OpenAnswer:
    """AUTOMATIC1111's parameters: a prompt, `Negative prompt:`, a line of `Name: value, …`."""
    body, mark, last = text.strip().rpartition("\nSteps: ")
    pairs = re.findall(r'\s*([\w -]+): ("(?:\\.|[^"\\])*"|[^,]*)(?:,|$)', f"Steps: {last}")
    facts = dict(pairs) if mark else {}
    prompt, _, negative = (body if mark else "").partition("\nNegative prompt: ")
    inputs: dict[str, Any] = {"prompt": prompt.strip(), "negative_prompt": negative.strip()}
    for name, ours in _NUMBERS.items():
        number = _number(facts.get(name, ""))
        if number is not None:
            inputs[ours] = number
    size = re.fullmatch(r"(\d{1,5})x(\d{1,5})", facts.get("Size", ""))
    if size:
        inputs["width"], inputs["height"] = int(size[1]), int(size[2])
    hint = "begin with the template for text to image; its inputs are filled in"
    answer = _told("a1111", "a1111", "these are AUTOMATIC1111's parameters, not a graph", hint)
    return answer.model_copy(update={"inputs": inputs})


def _number(text: str) -> int | float | None:
    if re.fullmatch(r"\d{1,19}", text):
        return int(text)
    return float(text) if re.fullmatch(r"\d{1,9}\.\d{1,9}", text) else None


def _all(problems: Any) -> list[ProblemData]:
    return [ProblemData(**problem.as_json()) for problem in problems]


def _told(kind: DroppedKind, code: str, message: str, hint: str = "") -> OpenAnswer:
    """An answer without a graph, that says why."""
    return OpenAnswer(kind=kind, graph=None, problems=_all([Problem(code, "", message, hint)]))
