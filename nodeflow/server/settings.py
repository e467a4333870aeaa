"""What the operator decided: where the server listens, where its files are, what its limits are.

Imports nothing of nodeflow.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

MIB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """How much a client may ask for. Bytes are bytes, not text."""

    body_bytes: int = 32 * MIB
    upload_bytes: int = 64 * MIB
    upload_pixels: int = 64_000_000
    graph_nodes: int = 20_000
    queued_runs: int = 2_000
    sockets: int = 256
    socket_backlog_bytes: int = 16 * MIB
    """What may wait for a slow reader before it is dropped."""
    kept_runs: int = 1_000
    """Finished runs in the history; older ones go, their pictures stay."""
    trace_bytes: int = 512 * MIB
    """Traced tensors of all runs together; the oldest run's go first."""
    run_trace_bytes: int = 256 * MIB


@dataclass(frozen=True)
class Settings:
    """One server. Everything it keeps is below `base`: `output/`, `input/`, `graphs/`, and its own
    `.nodeflow/` with the queue, the traces and the temporary pictures."""

    base: Path
    host: str = "127.0.0.1"
    port: int = 8188
    token: str = ""
    """What every client must show; "" asks for none, which only a loopback address may."""
    origins: tuple[str, ...] = ()
    """Origins beside its own whose pages may use the API."""
    hosts: tuple[str, ...] = ()
    """Host names beside the address by which it may be called."""
    headless: bool = False
    device: str = "auto"
    workers: int = 1
    nodes: tuple[Path, ...] = ()
    """Folders of node packs, which run as code."""
    read: tuple[Path, ...] = ()
    """Folders beside `input/`, `output/` and the models' that graphs may read from."""
    cache_bytes: int | None = None
    limits: Limits = field(default_factory=Limits)

    @property
    def output(self) -> Path:
        return self.base / "output"

    @property
    def input(self) -> Path:
        return self.base / "input"

    @property
    def graphs(self) -> Path:
        return self.base / "graphs"

    @property
    def own(self) -> Path:
        return self.base / ".nodeflow"

    @property
    def temp(self) -> Path:
        return self.own / "temp"

    @property
    def database(self) -> Path:
        return self.own / "runs.sqlite3"

    @property
    def traces(self) -> Path:
        return self.own / "traces"
