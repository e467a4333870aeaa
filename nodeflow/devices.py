"""Where tensors live: the device that a name asks for, told from what torch finds on this machine.

Torch is imported only where its answer is needed. Imports `errors`, `graph` (for nearest names).
"""

from __future__ import annotations

import re
from typing import Any

from nodeflow.errors import GraphError, Problem
from nodeflow.graph import nearest

KINDS = ("cpu", "cuda", "mps", "xpu", "directml")
_NAME = re.compile(rf"({'|'.join(KINDS)})(?::(\d+))?")


def pick_device(name: str = "auto") -> str:
    """The torch device of a name: `auto`, `cpu`, `cuda`, `cuda:1`, `mps`, `xpu`, `directml`.

    `auto` is the first of cuda, xpu, mps, directml that is there, else the processor. DirectML's
    own name in torch is `privateuseone:0`.

    Raises:
        GraphError: no such name, or this machine has no such device; says what there is.
    """
    if name == "cpu":
        return name
    match = _NAME.fullmatch(name)
    if name != "auto" and match is None:
        near = nearest(name, KINDS)
        hint = f"did you mean {near!r}? " if near else ""
        raise _no_device(f"there is no kind of device {name!r}", f"{hint}kinds: auto, {_listed()}")
    found = counts()
    if name == "auto":
        best = next((k for k in ("cuda", "xpu", "mps", "directml") if found.get(k)), "cpu")
        return _torch_name(best, "")
    assert match is not None
    kind, number = match.groups()
    if int(number or 0) < found.get(kind, 0):
        return _torch_name(kind, number or "")
    there = ", ".join(f"{k} ({n})" if n > 1 else k for k, n in found.items() if n)
    raise _no_device(f"this machine has no {name}", f"it has {there}; `nodeflow doctor` tells more")


def counts() -> dict[str, int]:
    """How many devices of each kind torch finds here; without torch, the processor alone."""
    try:
        import torch
    except ImportError:
        return {"cpu": 1}
    found = {"cpu": 1, "cuda": torch.cuda.device_count()}
    xpu: Any = getattr(torch, "xpu", None)
    found["xpu"] = xpu.device_count() if xpu is not None and xpu.is_available() else 0
    found["mps"] = int(torch.backends.mps.is_available())
    try:
        import torch_directml  # type: ignore[import-not-found]

        found["directml"] = int(torch_directml.device_count())
    except ImportError:
        found["directml"] = 0
    return found


def _torch_name(kind: str, number: str) -> str:
    if kind == "directml":
        return f"privateuseone:{number or 0}"
    return f"{kind}:{number}" if number else kind


def _listed() -> str:
    return ", ".join((*KINDS, "cuda:1"))


def _no_device(message: str, hint: str) -> GraphError:
    return GraphError([Problem("no-device", "--device", message, hint)])
