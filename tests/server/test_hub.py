"""The hub: who is told what, in which order, and what becomes of a reader that is too slow.

A hub in an application of its own, told events by hand: how much waits is then exact.
"""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType, web
from aiohttp.test_utils import TestClient

from nodeflow.server.frames import PREVIEW, TENSOR, Frame, unpack
from nodeflow.server.hub import FLAGS, MAX_MESSAGE, Hub, Outgoing, Socket
from nodeflow.server.settings import Limits

QUEUE = {"paused": False, "running": [], "queued": []}


class Shouting:
    """A dialect of its own: names of events in capitals."""

    def opened(self) -> Iterable[Outgoing]:
        yield Outgoing("HELLO")

    def received(self, message: Mapping[str, Any]) -> Iterable[Outgoing]:
        yield Outgoing(str(message.get("type")).upper())

    def told(self, event: Mapping[str, Any] | Frame) -> Iterable[Outgoing]:
        if not isinstance(event, Frame):
            yield Outgoing(str(event["type"]).upper())


@pytest.fixture
def limits() -> Limits:
    return Limits()


@pytest.fixture
def hub(limits: Limits) -> Hub:
    return Hub(limits, lambda: QUEUE)


@pytest.fixture
async def client(hub: Hub, aiohttp_client: Any) -> TestClient[Any, Any]:
    app = web.Application()

    async def shout(request: web.Request) -> Any:
        return await hub.connect(request, Shouting())

    async def close(app: web.Application) -> None:
        await hub.close()

    app.router.add_get("/ours", hub.connect)
    app.router.add_get("/theirs", shout)
    app.on_shutdown.append(close)
    return await aiohttp_client(app)  # type: ignore[no-any-return]


def state(number: int, run: str = "r", **data: Any) -> dict[str, Any]:
    return {"type": "nf.node", "data": {"run": run, "seq": number, **data}}


def tensor(step: int | None, role: str = "x_t", size: int = 8, run: str = "r") -> Frame:
    head = {"run": run, "node": "n", "port": "p", "step": step, "role": role}
    return Frame(TENSOR, head, bytes(size))


async def opened(client: TestClient[Any, Any], path: str = "/ours") -> Any:
    socket = await client.ws_connect(path)
    if path == "/ours":
        assert await socket.receive_json(timeout=5) == FLAGS
        assert await socket.receive_json(timeout=5) == {"type": "nf.queue", "data": QUEUE}
    return socket


async def texts(socket: ClientWebSocketResponse, count: int) -> list[Any]:
    return [await socket.receive_json(timeout=10) for _ in range(count)]


async def test_events_come_to_all_in_order(client: Any, hub: Hub) -> None:
    sockets = [await opened(client) for _ in range(3)]
    events = [state(number) for number in range(200)]
    for event in events:
        hub.tell(event)
    for socket in sockets:
        assert await texts(socket, 200) == events


async def test_an_event_is_made_text_once(client: Any, hub: Hub, monkeypatch: Any) -> None:
    made = []
    import nodeflow.server.hub as module

    real = module.dumps
    monkeypatch.setattr(module, "dumps", lambda data: made.append(data) or real(data))
    sockets = [await opened(client) for _ in range(3)]
    made.clear()
    hub.tell(state(1))
    for socket in sockets:
        await texts(socket, 1)
    assert len(made) == 1


async def test_what_json_has_no_word_for_is_null(client: Any, hub: Hub) -> None:
    socket = await opened(client)
    hub.tell(state(1, sigma=float("nan"), title="half \ud800", info={"x": float("inf")}))
    told = (await texts(socket, 1))[0]["data"]
    assert told["sigma"] is None
    assert told["info"] == {"x": None}
    assert told["title"] == "half \ud800"


async def test_another_dialect_and_ours_when_asked_for(client: Any, hub: Hub) -> None:
    socket = await opened(client, "/theirs")
    assert await socket.receive_str(timeout=5) == "HELLO"
    hub.tell(state(1))
    assert await socket.receive_str(timeout=5) == "NF.NODE"
    await socket.send_json({"type": "knock"})
    assert await socket.receive_str(timeout=5) == "KNOCK"
    await socket.send_json({"type": "feature_flags", "data": {"supports_preview_metadata": True}})
    assert await socket.receive_str(timeout=5) == "FEATURE_FLAGS"
    await socket.send_json({"type": "feature_flags", "data": {"nodeflow": 1}})
    assert (await texts(socket, 2))[0] == FLAGS
    hub.tell(state(2))
    assert await texts(socket, 1) == [state(2)]


async def test_a_dialect_that_fails_harms_no_other(client: Any, hub: Hub, caplog: Any) -> None:
    bad, good = await opened(client, "/theirs"), await opened(client)
    assert await bad.receive_str(timeout=5) == "HELLO"
    hub.tell({"no": "type", "data": {}})  # which shouting has no words for
    assert await texts(good, 1) == [{"no": "type", "data": {}}]
    assert "KeyError" in caplog.text
    hub.tell(state(1))
    assert await bad.receive_str(timeout=5) == "NF.NODE"


async def test_flags_sent_to_ours_change_nothing(client: Any, hub: Hub) -> None:
    socket = await opened(client)
    await socket.send_json({"type": "feature_flags", "data": {"nodeflow": 1}})
    await socket.send_json({"type": "subscribe", "data": {"trace": "off"}})
    await asyncio.sleep(0.05)
    hub.tell(state(1))
    assert await texts(socket, 1) == [state(1)]


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("no json", "not-json"),
        ("[]", "schema"),
        ("[" * 30_000, "too-deep"),
        ('{"type": "dance"}', "unknown-message"),
        ('{"type": "subscribe", "data": {"trace": "loud"}}', "schema"),
        ('{"type": "subscribe", "data": {"every": 0}}', "schema"),
        ('{"type": "subscribe", "type": "x"}', "double-id"),
        ('{"type": "subscribe", "data": {"every": NaN}}', "not-json"),
        ('{"type": 3, "data": null}', "unknown-message"),
    ],
)
async def test_nonsense_is_answered(client: Any, hub: Hub, message: str, code: str) -> None:
    socket = await opened(client)
    await socket.send_str(message)
    answer = (await texts(socket, 1))[0]
    assert answer["type"] == "nf.problems"
    assert [problem["code"] for problem in answer["data"]["problems"]] == [code]
    hub.tell(state(1))
    assert await texts(socket, 1) == [state(1)]


async def test_too_large_a_message_ends_its_sender_alone(client: Any, hub: Hub) -> None:
    other, socket = await opened(client), await opened(client)
    await socket.send_str("x" * (MAX_MESSAGE + 1))
    message = await socket.receive(timeout=5)
    assert message.type in (WSMsgType.CLOSE, WSMsgType.CLOSED)
    assert socket.close_code == 1009
    hub.tell(state(1))
    assert await texts(other, 1) == [state(1)]


async def test_tensors_come_to_who_asked(client: Any, hub: Hub) -> None:
    told, quiet = await opened(client), await opened(client)
    wanted = {"run": "r", "trace": "latents", "every": 2}
    await told.send_json({"type": "subscribe", "data": wanted})
    await asyncio.sleep(0.05)
    frames = [tensor(step, role) for step in range(4) for role in ("x_t", "x0", "attention")]
    for frame in [*frames, tensor(0, run="other")]:
        hub.tell(frame)
    hub.tell(state(9))
    got = [unpack(await told.receive_bytes(timeout=5)).head for _ in range(4)]
    assert [(head["step"], head["role"]) for head in got] == [
        *((0, "x_t"), (0, "x0"), (2, "x_t"), (2, "x0"))
    ]
    assert await texts(told, 1) == [state(9)]
    assert await texts(quiet, 1) == [state(9)]


async def test_subscriptions_end_and_any_run_is_meant_by_none(client: Any, hub: Hub) -> None:
    socket = await opened(client)
    await socket.send_json({"type": "subscribe", "data": {"run": "", "trace": "full"}})
    await asyncio.sleep(0.05)
    hub.tell(tensor(None, "attention", run="any"))
    assert unpack(await socket.receive_bytes(timeout=5)).head["run"] == "any"
    await socket.send_json({"type": "subscribe", "data": {"run": "", "trace": "off"}})
    await asyncio.sleep(0.05)
    hub.tell(tensor(None, "attention", run="any"))
    hub.tell(state(1))
    assert await texts(socket, 1) == [state(1)]


async def test_a_frame_is_as_the_protocol_says(client: Any, hub: Hub) -> None:
    socket = await opened(client)
    hub.tell(Frame(PREVIEW, {"run": "r", "node": "n"}, b"\xff\xd8jpeg"))
    data = await socket.receive_bytes(timeout=5)
    kind, length = struct.unpack_from(">II", data)
    assert kind == 101
    assert json.loads(data[8 : 8 + length]) == {"run": "r", "node": "n"}
    assert data[8 + length :] == b"\xff\xd8jpeg"


async def test_the_queue_is_told_ten_times_a_second_at_most(client: Any, hub: Hub) -> None:
    socket = await opened(client)
    for number in range(100):
        hub.tell({"type": "nf.queue", "data": QUEUE})
        if number % 20 == 0:
            await asyncio.sleep(0.03)
    await asyncio.sleep(0.25)
    hub.tell(state(1))
    got = []
    while not got or got[-1]["type"] != "nf.node":
        got += await texts(socket, 1)
    assert 2 <= len(got) <= 5


async def test_sockets_are_counted_and_limited(client: Any, hub: Hub) -> None:
    hub.limits = Limits(sockets=2)
    sockets = [await opened(client) for _ in range(2)]
    refused = await client.get(
        "/ours",
        headers={
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        },
    )
    assert refused.status == 503
    assert (await refused.json())["problems"][0]["code"] == "too-many-sockets"
    await sockets[0].close()
    await asyncio.sleep(0.05)
    assert len(hub.sockets) == 1
    await opened(client)


async def test_no_socket_but_a_plain_request(client: Any, hub: Hub) -> None:
    assert (await client.get("/ours")).status == 400
    assert not hub.sockets


# ── readers that do not read ────────────────────────────────────────────────────────────────────


@pytest.fixture
async def slow(client: TestClient[Any, Any]) -> AsyncIterator[ClientWebSocketResponse]:
    """A socket whose client reads nothing: its buffers fill up."""
    async with ClientSession() as session:
        socket = await session.ws_connect(client.make_url("/ours"), max_msg_size=0)
        await socket.receive()
        await socket.receive()
        transport_of(socket).pause_reading()
        yield socket
        transport_of(socket).abort()


def transport_of(socket: ClientWebSocketResponse) -> Any:
    """What is below a client's socket; there is no public way to stop reading."""
    return socket._response.connection.transport  # type: ignore[union-attr]


async def crowd(hub: Hub, socket: Socket, size: int = 1 << 16) -> None:
    """Fill what lies between server and client, until something waits in the hub."""
    for number in range(2000):
        hub.tell(state(number, fill="x" * size))
        await asyncio.sleep(0)
        if len(socket.waiting) > 2:
            return
    raise AssertionError("a socket takes more than 2000 messages that nobody reads")


async def test_a_slow_reader_is_cut_off_alone(
    client: Any, hub: Hub, slow: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr("nodeflow.server.hub.FAREWELL", 0.2)
    hub.limits = Limits(socket_backlog_bytes=1 << 21)
    good = await opened(client)
    count = 0
    sent: list[Any] = []
    got: list[Any] = []
    while hub.cut_off == 0 and count < 2000:
        event = state(count, fill="x" * (1 << 16))
        hub.tell(event)
        sent.append(event["data"]["seq"])
        got.append((await texts(good, 1))[0]["data"]["seq"])
        count += 1
    assert hub.cut_off == 1
    assert got == sent
    for known in hub.sockets:
        assert known.state_bytes <= 1 << 20
    await asyncio.sleep(0.5)  # the manners of closing are given up
    assert len(hub.sockets) == 1
    hub.tell(state(count))
    assert await texts(good, 1) == [state(count)]


async def test_stale_frames_give_way_and_states_do_not(hub: Hub, slow: Any) -> None:
    hub.limits = Limits(socket_backlog_bytes=16 << 20)
    (socket,) = hub.sockets
    socket.received('{"type": "subscribe", "data": {"trace": "full"}}')
    await crowd(hub, socket)
    before = [m for m in socket.waiting.values() if not m.frame]
    for step in range(100):
        hub.tell(tensor(step, "x_t", 1 << 20))
        hub.tell(state(step))
    frames = [unpack(m.data) for m in socket.waiting.values() if isinstance(m.data, bytes)]
    states = [m for m in socket.waiting.values() if not m.frame]
    assert sum(len(frame.data) for frame in frames) <= 8 << 20
    assert frames[-1].head["step"] == 99  # the latest is kept
    assert hub.dropped == 100 - len(frames)
    assert len(states) == len(before) + 100
    numbers = [json.loads(m.data)["data"]["seq"] for m in states]
    assert numbers[-100:] == list(range(100))
    assert socket.frame_bytes == sum(m.bytes for m in socket.waiting.values() if m.frame)
    assert socket.state_bytes == sum(m.bytes for m in states)
    transport_of(slow).resume_reading()
    last = None
    while last != 99:  # who begins to read again gets all that waited
        message = await slow.receive(timeout=10)
        if message.type is WSMsgType.TEXT:
            last = json.loads(message.data)["data"].get("seq")
            last = None if "fill" in message.data else last
    assert not socket.waiting


async def test_a_frame_larger_than_all_room_goes_alone(client: Any, hub: Hub) -> None:
    hub.limits = Limits(socket_backlog_bytes=1 << 10)
    socket = await opened(client)
    hub.tell(Frame(PREVIEW, {"run": "r"}, bytes(1 << 16)))
    hub.tell(Frame(PREVIEW, {"run": "other"}, bytes(1 << 16)))
    assert unpack(await socket.receive_bytes(timeout=5)).head == {"run": "r"}
    assert hub.dropped == 1


async def test_closing_says_goodbye(client: Any, hub: Hub) -> None:
    socket = await opened(client)
    await asyncio.gather(hub.close(), socket.receive(timeout=5))
    assert socket.close_code == 1001
