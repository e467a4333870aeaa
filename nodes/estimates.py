"""How large a node's outputs will be, for `nodeflow plan`: helpers, no nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nodes import model_files


def as_large_as(
    port: str, **outputs: int
) -> Callable[[Mapping[str, Any], Mapping[str, int]], dict[str, int]]:
    """An `estimate`: each output has so many times the bytes of the input `port`."""

    def estimate(params: Mapping[str, Any], inputs: Mapping[str, int]) -> dict[str, int]:
        return {name: times * inputs[port] for name, times in outputs.items() if port in inputs}

    return estimate


def weights_of(
    kind: str, output: str
) -> Callable[[Mapping[str, Any], Mapping[str, int]], dict[str, int]]:
    """An `estimate` of a node that loads all of a model of a kind: its weights as they will lie in
    memory, from the files' headers; `auto` is reckoned as float32."""

    def estimate(params: Mapping[str, Any], inputs: Mapping[str, int]) -> dict[str, int]:
        from nodes.diffusion.checkpoints.header import read_header

        if not params.get("name"):
            return {}  # it arrives by wire
        files = model_files.model_content(kind, str(params["name"]))
        weights = [file for file in files if file.suffix in (".safetensors", ".gguf")]
        width = 2 if str(params.get("dtype", "auto")) in ("float16", "bfloat16") else 4
        return {output: width * sum(read_header(file).count for file in weights)}

    return estimate
