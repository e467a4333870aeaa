"""How large a node's outputs will be, for `nodeflow plan`: helpers, no nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def as_large_as(
    port: str, **outputs: int
) -> Callable[[Mapping[str, Any], Mapping[str, int]], dict[str, int]]:
    """An `estimate`: each output has so many times the bytes of the input `port`."""

    def estimate(params: Mapping[str, Any], inputs: Mapping[str, int]) -> dict[str, int]:
        return {name: times * inputs[port] for name, times in outputs.items() if port in inputs}

    return estimate
