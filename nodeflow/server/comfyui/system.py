"""What ComfyUI's clients ask about the machine and its models.

Imports `formats.comfyui.spec`, `server.settings`.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import struct
import sys
from pathlib import Path
from typing import Any

from nodeflow import __version__
from nodeflow.formats.comfyui.spec import Table
from nodeflow.server.settings import Settings

LIKE = "0.3.64"
"""The ComfyUI whose behaviour this is."""
MOST_HEADER = 32 << 20


def stats(settings: Settings) -> dict[str, Any]:
    """`/system_stats`; of paths and arguments nothing."""
    total, free = _memory()
    device = settings.device if settings.device != "auto" else "cpu"
    return {
        "system": {
            "os": sys.platform,
            "ram_total": total,
            "ram_free": free,
            "comfyui_version": LIKE,
            "nodeflow_version": __version__,
            "required_frontend_version": None,
            "python_version": platform.python_version(),
            "pytorch_version": _version("torch"),
            "embedded_python": False,
            "argv": [],
        },
        "devices": [
            {
                "name": device,
                "type": device.partition(":")[0],
                "index": 0,
                "vram_total": total,
                "vram_free": free,
                "torch_vram_total": total,
                "torch_vram_free": free,
            }
        ],
    }


def _memory() -> tuple[int, int]:
    """Bytes of memory, and of that what is free; zeros where the system does not tell."""
    try:
        page = os.sysconf("SC_PAGE_SIZE")
        return os.sysconf("SC_PHYS_PAGES") * page, os.sysconf("SC_AVPHYS_PAGES") * page
    except (ValueError, OSError, AttributeError):  # Windows has no sysconf
        return 0, 0


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def embeddings(table: Table) -> list[str]:
    """Names as a prompt writes them, without suffixes."""
    return [name.rpartition(".")[0] or name for name in models(table, "embeddings") or ()]


def models(table: Table, folder: str) -> list[str] | None:
    """The models in a folder, None where there is no such folder."""
    found = table.folders.get(folder)
    return None if found is None else found()


def model_texts(table: Table, folder: str, name: str) -> dict[str, Any] | None:
    """What a model's file says of itself; None where there is no such file, or it says nothing."""
    if name not in (models(table, folder) or ()) or folder not in table.locate:
        return None
    try:
        return _safetensors_texts(table.locate[folder](name))
    except (OSError, ValueError):
        return None


def _safetensors_texts(path: Path) -> dict[str, Any] | None:
    if path.suffix.lower() != ".safetensors" or not path.is_file():
        return None
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        if length > MOST_HEADER:
            raise ValueError("no header")
        header = json.loads(file.read(length))
    texts = header.get("__metadata__")
    return texts if isinstance(texts, dict) else None
