"""Our events in ComfyUI's words, without a server."""

from __future__ import annotations

import json
from typing import Any

import pytest

from nodeflow.server.comfyui.answers import dependents, history_entry, readers_of
from nodeflow.server.comfyui.messages import QUEUE_CHANGED, Comfy, Telling
from nodeflow.server.comfyui.record import Record, read
from nodeflow.server.frames import PREVIEW, Frame
from nodeflow.server.protocol import RunSummary

RECORD = Record(
    client="me",
    prompt={"1": {"class_type": "KSampler", "inputs": {}}},
    ends=("2",),
    types={"1": "KSampler", "2": "PreviewImage"},
    nodes={"1": ("sampler_1", "sampler_1_guider"), "2": ()},
    shown={"preview_2": ("2", "images")},
)


def telling(remaining: int = 1, record: Record = RECORD) -> tuple[Telling, Comfy]:
    made = Telling(lambda: remaining)
    made.expect("r", record)
    return made, Comfy(made, "me")


def event(type: str, **data: Any) -> dict[str, Any]:
    return {"type": type, "data": {"run": "r", **data}}


def told(socket: Comfy, *events: Any) -> list[tuple[str, Any]]:
    found = [json.loads(message.data) for e in events for message in socket.told(e)]
    return [(message["type"], message["data"]) for message in found]


def node(name: str, state: str) -> dict[str, Any]:
    return event("nf.node", node=name, path=name, state=state)


def kinds(messages: list[tuple[str, Any]]) -> list[str]:
    return [type for type, _ in messages]


def test_a_record_comes_back_from_json() -> None:
    assert read(json.loads(json.dumps({"comfyui": RECORD.as_json()}))) == RECORD
    assert read({}) is None


def test_a_run_from_beginning_to_end() -> None:
    _, socket = telling()
    output = {"name": "preview_2", "node": "", "files": [], "value": None}
    output["files"] = [{"kind": "temp", "path": "a/b.png"}]
    messages = told(
        socket,
        event("nf.run", state="running"),
        node("sampler_1_guider", "running"),
        node("sampler_1_guider", "done"),
        node("sampler_1", "running"),
        event("nf.step", node="sampler_1", path="sampler_1", step=1, steps=2),
        node("sampler_1", "done"),
        event("nf.output", output=output),
        event("nf.run", state="done"),
    )
    assert kinds(messages) == [
        "execution_start",
        "execution_cached",
        *("executing", "progress_state", "progress"),
        *("executing", "executed"),
        *("progress_state", "execution_success", "executing"),
    ]
    executed = dict(messages)["executed"]
    image = {"filename": "b.png", "subfolder": "a", "type": "temp"}
    assert executed["output"] == {"images": [image]}
    assert messages[-1][1] == {"node": None, "display_node": None, "prompt_id": "r"}
    states = [data for type, data in messages if type == "progress_state"][-1]["nodes"]
    assert {id: state["state"] for id, state in states.items()} == {
        "1": "finished",
        "2": "finished",
    }


def test_only_the_client_that_asked_is_told() -> None:
    made, _ = telling()
    other = Comfy(made, "other")
    assert told(other, event("nf.run", state="running")) == []
    assert kinds(told(other, event("nf.run", state="cancelled"))) == ["execution_interrupted"]


def test_runs_that_came_another_way_are_not_told() -> None:
    _, socket = telling()
    assert told(socket, {"type": "nf.run", "data": {"run": "x", "state": "running"}}) == []


def test_an_error_is_told_once_and_no_success() -> None:
    _, socket = telling()
    messages = told(
        socket,
        event("nf.run", state="running"),
        event(
            "nf.error",
            node="sampler_1_guider",
            path="sampler_1_guider",
            port="scale",
            code="node-failed",
            message="no",
            hint="do",
            traceback="a\nb\n",
        ),
        event("nf.run", state="failed", reason="no"),
    )
    assert kinds(messages)[-2:] == ["execution_error", "executing"]
    error = dict(messages)["execution_error"]
    assert (error["node_id"], error["node_type"]) == ("1", "KSampler")
    assert error["exception_message"] == "no\ndo"
    assert error["traceback"] == ["a\n", "b\n"]


def test_a_worker_that_dies_is_an_error_at_the_node_that_ran() -> None:
    _, socket = telling()
    messages = told(
        socket,
        event("nf.run", state="running"),
        node("sampler_1", "running"),
        event("nf.run", state="failed", reason="the worker was killed"),
    )
    error = dict(messages)["execution_error"]
    assert (error["node_id"], error["exception_message"]) == ("1", "the worker was killed")


def test_cached_nodes_are_named() -> None:
    _, socket = telling()
    messages = told(socket, event("nf.run", state="running"), node("sampler_1", "cached"))
    assert [data["nodes"] for type, data in messages if type == "execution_cached"] == [[], ["1"]]


def test_the_queue_is_told_to_all_and_never_empty_after_a_prompt() -> None:
    made, _ = telling(remaining=0)
    socket = Comfy(made, "other")
    queue = {"type": "nf.queue", "data": {"running": ["r"], "queued": ["s"], "paused": False}}
    (status,) = told(socket, queue)
    assert status == ("status", {"status": {"exec_info": {"queue_remaining": 2}}})
    ((_, grown),) = told(socket, {"type": QUEUE_CHANGED, "data": {}})
    assert grown["status"]["exec_info"]["queue_remaining"] == 1


def test_a_client_that_comes_back_is_told_where_its_prompt_is() -> None:
    made, socket = telling()
    told(socket, event("nf.run", state="running"), node("sampler_1", "running"))
    first, second = (json.loads(message.data) for message in Comfy(made, "me").opened())
    assert first["data"]["sid"] == "me"
    assert second["data"]["node"] == "1"
    assert len(list(Comfy(made, "").opened())) == 1
    assert Comfy(made, "").client


def frame() -> Frame:
    return Frame(PREVIEW, {"run": "r", "node": "sampler_1", "step": 1}, b"jpeg")


def test_previews_only_for_those_who_ask() -> None:
    made, socket = telling()
    assert list(socket.told(frame())) == []
    (answer,) = socket.received(
        {"type": "feature_flags", "data": {"supports_preview_metadata": True}}
    )
    assert json.loads(answer.data)["type"] == "feature_flags"
    (message,) = socket.told(frame())
    assert isinstance(message.data, bytes)
    assert message.data[:4] == b"\0\0\0\4"
    assert message.data.endswith(b"jpeg")
    assert list(Comfy(made, "other").told(frame())) == []
    asked = Record(**{**vars(RECORD), "extra_data": {"preview_method": "auto"}})
    _, old = telling(record=asked)
    (plain,) = old.told(frame())
    assert plain.data == b"\0\0\0\1\0\0\0\1jpeg"


def test_progress_states_are_thinned() -> None:
    """Of a thousand steps in no time hardly one is told with the state of all nodes."""
    _, socket = telling()
    told(socket, event("nf.run", state="running"), node("sampler_1", "running"))
    steps = [
        event("nf.step", node="sampler_1", path="sampler_1", step=k, steps=1000)
        for k in range(1000)
    ]
    messages = kinds(told(socket, *steps))
    assert messages.count("progress") == 1000
    assert messages.count("progress_state") < 100


@pytest.mark.parametrize(
    ("state", "status", "last"),
    [
        ("done", "success", "execution_success"),
        ("failed", "error", "execution_error"),
        ("cancelled", "error", "execution_interrupted"),
    ],
)
def test_history(state: str, status: str, last: str) -> None:
    summary = RunSummary.model_validate(
        {"run": "r", "number": 3, "title": "", "state": state, "accepted_at": 1.0, "reason": "no"}
    )
    entry = history_entry(summary, RECORD)
    assert entry["prompt"] == [3, "r", RECORD.prompt, {"client_id": "me"}, ["2"]]
    assert entry["status"]["status_str"] == status
    assert entry["status"]["messages"][-1][0] == last


def test_dependents_in_a_circle() -> None:
    prompt = {
        "1": {"class_type": "A", "inputs": {"x": ["2", 0]}},
        "2": {"class_type": "A", "inputs": {"x": ["1", 0]}},
    }
    assert dependents(prompt, "1", readers_of(prompt)) == []
