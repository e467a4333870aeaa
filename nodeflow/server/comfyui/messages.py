"""The websocket in ComfyUI's words: our events of runs that came as prompts, and the queue.

Events are read once, by `Telling`, whoever listens; a socket's dialect (`Comfy`) passes on what is
for its client, and the queue's length to everybody. Imports `server.frames`, `server.hub`,
`server.protocol`, `server.wire`, `server.comfyui.record`.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from nodeflow.server.comfyui.record import Record, output_of
from nodeflow.server.frames import PREVIEW, Frame, pack_comfy, pack_comfy_with_data
from nodeflow.server.hub import Outgoing
from nodeflow.server.protocol import RunOutput
from nodeflow.server.wire import dumps

FEATURES = {"supports_preview_metadata": True}
PROGRESS_PAUSE = 0.1
"""Seconds between two `progress_state` of a run with few nodes."""
QUEUE_CHANGED = "comfyui.queue"
"""An event that only this dialect knows: the queue has grown, whatever was told before."""


@dataclass(frozen=True)
class Message:
    """A message for the sockets of one client; `preview` has it in both of ComfyUI's forms."""

    client: str
    data: Outgoing
    with_data: Outgoing | None = None
    everybody: bool = False


@dataclass
class Running:
    """What is known of a run while it is told of."""

    record: Record
    owners: dict[str, str] = field(default_factory=dict)
    """Our node → node of the prompt."""
    previews: bool = False
    current: str | None = None
    states: dict[str, dict[str, Any]] = field(default_factory=dict)
    told_at: float = 0.0
    failed: bool = False
    executed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.owners = {ours: id for id, nodes in self.record.nodes.items() for ours in nodes}
        asked = self.record.extra_data.get("preview_method")
        self.previews = isinstance(asked, str) and asked not in ("none", "default")


class Telling:
    """Reads events in order and turns them into messages."""

    def __init__(self, remaining: Callable[[], int]) -> None:
        """`remaining` tells how many runs wait or run."""
        self.remaining = remaining
        self.runs: dict[str, Running] = {}
        self._last: tuple[Any, list[Message]] | None = None

    def expect(self, run: str, record: Record) -> None:
        """A run will be told of from now on."""
        self.runs[run] = Running(record)

    def forget(self, run: str) -> None:
        self.runs.pop(run, None)

    def heard(self, event: Mapping[str, Any] | Frame) -> list[Message]:
        """The messages that an event is. Asked for the same event again, the same ones."""
        if self._last is None or self._last[0] is not event:
            self._last = event, list(self._read(event))
        return self._last[1]

    def _read(self, event: Mapping[str, Any] | Frame) -> Iterator[Message]:
        head = event.head if isinstance(event, Frame) else event.get("data", {})
        run = head.get("run")
        known = self.runs.get(run) if isinstance(run, str) else None
        if known is None or run is None:
            return
        if isinstance(event, Frame):
            if event.kind == PREVIEW:
                yield from self._preview(run, known, event)
            return
        reader = _READERS.get(str(event.get("type")))
        if reader is not None:
            yield from reader(self, run, known, head)

    # ── our events ─────────────────────────────────────────────────────────────────────────────

    def _run(self, run: str, known: Running, data: Mapping[str, Any]) -> Iterator[Message]:
        state, now = data["state"], _now()
        if state == "running":
            known.states.clear()
            yield self._text(known, "execution_start", prompt_id=run, timestamp=now)
            yield self._text(known, "execution_cached", nodes=[], prompt_id=run, timestamp=now)
        elif state in ("done", "failed", "cancelled"):
            yield from self._ended(run, known, state, str(data.get("reason", "")))
            self.forget(run)

    def _ended(self, run: str, known: Running, state: str, reason: str) -> Iterator[Message]:
        now, node = _now(), known.current or ""
        place = {"node_id": node, "node_type": known.record.types.get(node, "")}
        done = {"prompt_id": run, "executed": known.executed, "timestamp": now}
        if state == "failed" and not known.failed:
            yield self._error(run, known, {"message": reason, "code": "failed"}, node)
        elif state == "cancelled":
            data = {**done, **place}
            yield self._text(known, "execution_interrupted", everybody=True, **data)
        elif state == "done":
            yield from self._states(run, known, all_done=True)
            yield self._text(known, "execution_success", prompt_id=run, timestamp=now)
        yield self._text(known, "executing", node=None, display_node=None, prompt_id=run)

    def _node(self, run: str, known: Running, data: Mapping[str, Any]) -> Iterator[Message]:
        id, state = known.owners.get(data["node"]), data["state"]
        if id is None or known.record.nodes[id][0] != data["node"]:
            return
        if state == "running":
            yield from self._begins(run, known, id)
        elif state == "cached":
            yield self._text(known, "execution_cached", nodes=[id], prompt_id=run, timestamp=_now())
        elif state in ("done", "error"):
            finished = "finished" if state == "done" else "error"
            known.states[id] = _state(run, id, 1, 1, finished)
            known.executed.append(id)
            yield from self._states(run, known)

    def _begins(self, run: str, known: Running, id: str) -> Iterator[Message]:
        if known.current != id:
            known.current = id
            yield self._text(known, "executing", node=id, display_node=id, prompt_id=run)
        known.states[id] = _state(run, id, 0, 1, "running")
        yield from self._states(run, known)

    def _step(self, run: str, known: Running, data: Mapping[str, Any]) -> Iterator[Message]:
        id = known.owners.get(data["node"])
        if id is None:
            return
        value, most = data["step"], data["steps"]
        told = {"value": value, "max": most, "prompt_id": run, "node": id}
        yield self._text(known, "progress", stale=("progress", run), **told)
        known.states[id] = _state(run, id, value, most, "running")
        yield from self._states(run, known)

    def _output(self, run: str, known: Running, data: Mapping[str, Any]) -> Iterator[Message]:
        output = RunOutput.model_validate(data["output"])
        if output.name not in known.record.shown:
            return
        id, key = known.record.shown[output.name]
        if id not in known.executed and not known.record.nodes[id]:
            yield from self._begins(run, known, id)  # no node of ours stands for it
            known.executed.append(id)
        shown = {key: output_of(output)}
        yield self._text(known, "executed", node=id, display_node=id, output=shown, prompt_id=run)

    def _fault(self, run: str, known: Running, data: Mapping[str, Any]) -> Iterator[Message]:
        known.failed = True
        yield self._error(run, known, data, known.owners.get(data["node"], ""))

    def _error(self, run: str, known: Running, data: Mapping[str, Any], node: str) -> Message:
        hint, port = data.get("hint", ""), data.get("port", "")
        message = f"{data['message']}\n{hint}" if hint else str(data["message"])
        lines = str(data.get("traceback", "")).splitlines(keepends=True)
        return self._text(
            known,
            "execution_error",
            prompt_id=run,
            node_id=node,
            node_type=known.record.types.get(node, ""),
            executed=known.executed,
            exception_message=message,
            exception_type=data.get("code", ""),
            traceback=lines or [message],
            current_inputs={port: [message]} if port else {},
            current_outputs=[],
            timestamp=_now(),
        )

    def _preview(self, run: str, known: Running, frame: Frame) -> Iterator[Message]:
        id = known.owners.get(str(frame.head.get("node")))
        if id is None:
            return
        names = ("node_id", "display_node_id", "real_node_id")
        told = {**dict.fromkeys(names, id), "parent_node_id": None, "prompt_id": run}
        told["image_type"] = "image/jpeg"
        key = ("preview", run)
        old = Outgoing(pack_comfy(frame.data), key, frame=True)
        new = Outgoing(pack_comfy_with_data(frame.data, told), key, frame=True)
        if known.record.client:
            # A client that never heard of previews may take every picture for a result.
            plain = old if known.previews else Outgoing("")
            yield Message(known.record.client, plain, new)

    # ── inside ─────────────────────────────────────────────────────────────────────────────────

    def _states(self, run: str, known: Running, all_done: bool = False) -> Iterator[Message]:
        """The state of every node so far: the more there are, the less often it is told."""
        now = time.monotonic()
        if not all_done and now - known.told_at < PROGRESS_PAUSE * (1 + len(known.states) / 50):
            return
        known.told_at = now
        for state in known.states.values() if all_done else ():
            state.update(state="finished", value=state["max"])
        yield self._text(
            known,
            "progress_state",
            stale=("progress_state", run),
            prompt_id=run,
            nodes=known.states,
        )

    def _text(
        self, known: Running, type: str, *, stale: Any = None, everybody: bool = False, **data: Any
    ) -> Message:
        text = Outgoing(dumps({"type": type, "data": data}), stale)
        return Message(known.record.client, text, everybody=everybody)


_READERS: dict[str, Callable[[Telling, str, Running, Mapping[str, Any]], Iterator[Message]]] = {
    "nf.run": Telling._run,
    "nf.node": Telling._node,
    "nf.step": Telling._step,
    "nf.output": Telling._output,
    "nf.error": Telling._fault,
}


class Comfy:
    """The dialect of one socket."""

    def __init__(self, telling: Telling, client: str = "") -> None:
        self.telling = telling
        self.client = client or uuid.uuid4().hex
        self.with_data = False

    def opened(self) -> Iterable[Outgoing]:
        yield self._status(self.telling.remaining(), sid=self.client)
        for run, known in self.telling.runs.items():  # it comes back while its prompt runs
            if known.record.client == self.client and known.current is not None:
                node = known.current
                data = {"node": node, "display_node": node, "prompt_id": run}
                yield Outgoing(dumps({"type": "executing", "data": data}))

    def received(self, message: Mapping[str, Any]) -> Iterable[Outgoing]:
        """Feature flags are answered; of other messages ComfyUI knows none."""
        if message.get("type") == "feature_flags":
            data = message.get("data")
            self.with_data = isinstance(data, dict) and bool(data.get("supports_preview_metadata"))
            yield Outgoing(dumps({"type": "feature_flags", "data": FEATURES}))

    def told(self, event: Mapping[str, Any] | Frame) -> Iterable[Outgoing]:
        if not isinstance(event, Frame):
            type = event.get("type")
            if type == "nf.queue":
                data = event["data"]
                yield self._status(len(data["running"]) + len(data["queued"]))
                return
            if type == QUEUE_CHANGED:
                yield self._status(max(1, self.telling.remaining()))
                return
        for message in self.telling.heard(event):
            if message.client == self.client or message.everybody:
                chosen = message.data
                if message.with_data is not None and self.with_data:
                    chosen = message.with_data
                if chosen.data:
                    yield chosen

    def _status(self, remaining: int, **more: Any) -> Outgoing:
        status = {"status": {"exec_info": {"queue_remaining": remaining}}, **more}
        return Outgoing(dumps({"type": "status", "data": status}))


def _state(run: str, id: str, value: float, most: float, state: str) -> dict[str, Any]:
    names = ("node_id", "display_node_id", "real_node_id")
    whose = {**dict.fromkeys(names, id), "parent_node_id": None, "prompt_id": run}
    return {"value": value, "max": most, "state": state, **whose}


def _now() -> int:
    return int(time.time() * 1000)
