"""What an application holds, by typed keys. Imports `server.settings`, `registry`."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from nodeflow.registry import Registry
from nodeflow.server.settings import Settings

SETTINGS = web.AppKey("settings", Settings)
REGISTRY = web.AppKey("registry", Registry)
RUNS: web.AppKey[Any] = web.AppKey("runs", object)
"""`server.runs.Runs`; `Any` where a type would have to be imported from a layer above."""
HUB: web.AppKey[Any] = web.AppKey("hub", object)
TENSORS: web.AppKey[Any] = web.AppKey("tensors", object)
FILES: web.AppKey[Any] = web.AppKey("files", object)
