"""ComfyUI's API over nodeflow's queue, files and nodes: routes and the websocket's words."""

from __future__ import annotations

from nodeflow.server.comfyui.routes import setup_routes

__all__ = ["setup_routes"]
