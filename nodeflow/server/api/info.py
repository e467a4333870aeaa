"""What this server is."""

from __future__ import annotations

import importlib.metadata
import os

from nodeflow import __version__
from nodeflow.server.api.table import Call, Route
from nodeflow.server.keys import SETTINGS
from nodeflow.server.protocol import ServerInfo

FEATURES = ["runs", "queue", "graphs", "templates", "traces", "breakpoints", "tokens", "comfyui"]


async def get_info(call: Call) -> ServerInfo:
    settings = call.app[SETTINGS]
    return ServerInfo(
        version=__version__,
        device=settings.device,
        torch=_version("torch"),
        threads=os.cpu_count(),
        max_upload_bytes=settings.limits.upload_bytes,
        features=FEATURES,
    )


def _version(package: str) -> str:
    """Its version, without importing it."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


ROUTES = [Route("GET", "/info", get_info, "Version, device and limits", gives=ServerInfo)]
