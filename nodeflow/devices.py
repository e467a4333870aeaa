"""Where tensors live: the device that a name asks for, told from what torch finds on this machine.

Torch is imported only where its answer is needed. Imports `errors`, `graph` (for nearest names).
"""

from __future__ import annotations

import re
from typing import Any

from nodeflow.errors import GraphError, Problem
from nodeflow.graph import nearest

KINDS = ("cpu", "cuda", "mps", "xpu", "directml")
_NAME = re.compile(rf"({'|'.join(KINDS)}|privateuseone)(?::(\d+))?")


def pick_device(name: str = "auto") -> str:
    """The torch device of a name: `auto`, `cpu`, `cuda`, `cuda:1`, `mps`, `xpu`, `directml`.

    `auto` is the first of cuda, xpu, mps, directml that is there, else the processor. DirectML's
    own name in torch is `privateuseone:0`.

    Raises:
        GraphError: no such name, or this machine has no such device; says what there is.
    """
    wrong = wrong_name(name)
    if wrong is not None:
        raise GraphError([wrong])
    if name == "cpu":
        return name
    found = counts()
    if name == "auto":
        best = next((k for k in ("cuda", "xpu", "mps", "directml") if found.get(k)), "cpu")
        return _torch_name(best, "")
    match = _NAME.fullmatch(name)
    assert match is not None  # `wrong_name` found nothing wrong
    kind, number = match.groups()
    kind = "directml" if kind == "privateuseone" else kind
    if int(number or 0) < found.get(kind, 0):
        return _torch_name(kind, number or "")
    there = ", ".join(f"{k} ({n})" if n > 1 else k for k, n in found.items() if n)
    hint = f"it has {there}; `nodeflow doctor` tells more"
    raise GraphError([Problem("no-device", "--device", f"this machine has no {name}", hint)])


def wrong_name(name: str) -> Problem | None:
    """What is wrong with the name of a device, whatever machine it is for."""
    if name == "auto" or _NAME.fullmatch(name):
        return None
    near = nearest(name, KINDS)
    hint = f"did you mean {near!r}? " if near else ""
    hint += f"devices are auto, {', '.join(KINDS)}, cuda:1"
    return Problem("no-device", "--device", f"there is no kind of device {name!r}", hint)


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
