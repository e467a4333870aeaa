"""Graphs of any number of nodes, as people make them, for what must stay fast."""

from __future__ import annotations

from typing import Any

ROW = [
    ("empty", "latent.empty", {}),
    ("noise", "noise.gaussian", {"latent": "empty.latent"}),
    ("betas", "schedule.of_model", {"model": "checkpoint.model"}),
    ("sigmas", "sigmas.normal", {"betas": "betas.betas"}),
    ("prompt", "text.encode", {"clip": "checkpoint.clip"}),
    ("negative", "text.encode", {"clip": "checkpoint.clip"}),
    ("start", "forward.start", {k: f"{v}.{k}" for k, v in
                                {"latent": "empty", "noise": "noise", "sigmas": "sigmas"}.items()}),
    ("decode", "vae.decode", {"vae": "checkpoint.vae", "latent": "start.latent"}),
]  # fmt: skip
"""One row of nodes as people use them: sockets, sliders, prompts."""


def graph_of(nodes: int) -> dict[str, Any]:
    """So many nodes in rows of eight, six rows side by side, all on one checkpoint."""
    made: dict[str, Any] = {"checkpoint": {"type": "load.checkpoint", "params": {"name": "tiny"}}}
    view: dict[str, list[int]] = {"checkpoint": [-340, 0]}
    for k in range(nodes - 1):
        row, column = divmod(k, len(ROW))
        name, kind, links = ROW[column]
        here = {port: _in_row(link, row) for port, link in links.items()}
        made[f"{name}_{row}"] = {"type": kind, **({"links": here} if here else {})}
        view[f"{name}_{row}"] = [(row % 6) * 2800 + column * 330, row // 6 * 320]
    return {"nodeflow": 1, "title": f"{nodes} nodes", "nodes": made, "view": view}


def _in_row(link: str, row: int) -> str:
    node, port = link.split(".")
    return link if node == "checkpoint" else f"{node}_{row}.{port}"
