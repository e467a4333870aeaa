"""The websocket: who listens, what each is told, and how much may wait for a slow reader.

Every event is made text once and shared by all sockets. A socket speaks a *dialect*: ours, or one
that another module brings (`Hub.connect(request, dialect)`); a client that sends
`{"type": "feature_flags", "data": {"nodeflow": 1}}` is told ours from then on. State events reach
every socket whole and in order, or the socket is closed; of frames (tensors, previews) a slow
reader gets the latest. Imports `errors`, `server.settings`, `server.protocol`, `server.frames`,
`server.security`, `server.wire`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from aiohttp import WSCloseCode, WSMsgType, web

from nodeflow.errors import Problem
from nodeflow.server.frames import TENSOR, Frame, pack
from nodeflow.server.protocol import Subscribe
from nodeflow.server.security import SUBPROTOCOL
from nodeflow.server.settings import Limits
from nodeflow.server.wire import Refusal, dumps, parse, problems_answer, validated

log = logging.getLogger("nodeflow.server")

QUEUE_PAUSE = 0.1
"""Seconds between two `nf.queue` at least."""
HEARTBEAT = 30.0
FAREWELL = 3.0
"""Seconds for a socket to close in good manners."""
MAX_MESSAGE = 1 << 16
"""Bytes that a client may send at once."""
MAX_SUBSCRIPTIONS = 100
FLAGS = {"type": "feature_flags", "data": {"nodeflow": 1, "supports_preview_metadata": True}}
_ROLES = {"latents": ("x_t", "x0", "eps"), "full": None}


@dataclass(frozen=True)
class Outgoing:
    """One message for a socket. Of those with the same `stale` key only the latest is worth
    sending: while it waits, a newer one takes its place. A `frame` may be dropped besides; what is
    neither is sent, whatever it costs."""

    data: str | bytes
    stale: Hashable = None
    frame: bool = False

    @property
    def bytes(self) -> int:
        return len(self.data)


class Dialect(Protocol):
    """What a socket is told, in whose words. Called on the loop; must not block."""

    def opened(self) -> Iterable[Outgoing]:
        """What it is told first."""

    def received(self, message: Mapping[str, Any]) -> Iterable[Outgoing]:
        """What it is answered to a message of its own."""

    def told(self, event: Mapping[str, Any] | Frame) -> Iterable[Outgoing]:
        """What an event is to it."""


class Hub:
    """All sockets of a server."""

    def __init__(self, limits: Limits, queue: Callable[[], Mapping[str, Any]]) -> None:
        """`queue` tells the data of an `nf.queue` of now."""
        self.limits = limits
        self.queue = queue
        self.sockets: set[Socket] = set()
        self.sent = 0
        self.dropped = 0
        """Frames that were not sent since the start."""
        self.cut_off = 0
        """Readers that were too slow since the start."""
        self._encoded: tuple[Any, Outgoing] | None = None
        self._queue_told = 0.0
        self._queue_timer: asyncio.TimerHandle | None = None

    async def connect(self, request: web.Request, dialect: Dialect | None = None) -> Any:
        """Serve one socket until it closes; without a dialect it speaks ours."""
        if len(self.sockets) >= self.limits.sockets:
            problem = Problem("too-many-sockets", "", f"{len(self.sockets)} sockets are open")
            return problems_answer(503, [problem], {"Retry-After": "5"})
        stream = web.WebSocketResponse(
            compress=False,
            heartbeat=HEARTBEAT,
            max_msg_size=MAX_MESSAGE,
            timeout=2.0,
            protocols=(SUBPROTOCOL,),
        )
        await stream.prepare(request)
        socket = Socket(self, stream, request.transport)
        self.sockets.add(socket)
        writer = asyncio.create_task(socket.write())
        try:
            socket.speak(dialect or Ours(self))
            async for message in stream:
                if message.type is WSMsgType.TEXT:
                    socket.received(message.data)
        finally:
            self.sockets.discard(socket)
            writer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await writer
        return stream

    def tell(self, event: Mapping[str, Any] | Frame) -> None:
        """Tell every socket of an event. `nf.queue` is told at most ten times a second: only how
        it is in the end matters."""
        if not isinstance(event, Frame) and event.get("type") == "nf.queue":
            self._tell_queue_soon()
            return
        self._tell(event)

    async def close(self) -> None:
        """Say goodbye to all."""
        if self._queue_timer is not None:
            self._queue_timer.cancel()
        await asyncio.gather(
            *(socket.close(WSCloseCode.GOING_AWAY, b"the server stops") for socket in self.sockets)
        )

    def encoded(self, event: Mapping[str, Any] | Frame) -> Outgoing:
        """An event in our words; made once for all sockets."""
        if self._encoded is None or self._encoded[0] is not event:
            self._encoded = event, _encode(event)
        return self._encoded[1]

    def _tell(self, event: Mapping[str, Any] | Frame) -> None:
        for socket in list(self.sockets):
            socket.told(event)
        self._encoded = None

    def _tell_queue_soon(self) -> None:
        if self._queue_timer is not None:
            return
        loop = asyncio.get_running_loop()
        when = max(loop.time(), self._queue_told + QUEUE_PAUSE)
        self._queue_timer = loop.call_at(when, self._tell_queue)

    def _tell_queue(self) -> None:
        self._queue_timer = None
        self._queue_told = asyncio.get_running_loop().time()
        self._tell({"type": "nf.queue", "data": self.queue()})


class Ours:
    """nodeflow's own events, as `server.protocol` has them."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.wanted: OrderedDict[str, Subscribe] = OrderedDict()
        """By run; that of "" is for any."""

    def opened(self) -> Iterable[Outgoing]:
        yield _encode(FLAGS)
        yield _encode({"type": "nf.queue", "data": self.hub.queue()})

    def received(self, message: Mapping[str, Any]) -> Iterable[Outgoing]:
        if message.get("type") != "subscribe":
            what = f"there is no message {str(message.get('type'))[:60]!r}"
            raise Refusal(400, [Problem("unknown-message", "type", what)])
        data = message.get("data")
        wanted = validated(Subscribe, data if isinstance(data, dict) else {})
        self.wanted.pop(wanted.run, None)
        if wanted.trace != "off":
            self.wanted[wanted.run] = wanted
        while len(self.wanted) > MAX_SUBSCRIPTIONS:
            self.wanted.popitem(last=False)
        return ()

    def told(self, event: Mapping[str, Any] | Frame) -> Iterable[Outgoing]:
        if isinstance(event, Frame) and event.kind == TENSOR and not self._wants(event.head):
            return ()
        return (self.hub.encoded(event),)

    def _wants(self, head: Mapping[str, Any]) -> bool:
        wanted = self.wanted.get(str(head.get("run"))) or self.wanted.get("")
        if wanted is None or wanted.trace not in _ROLES:
            return False
        roles, step = _ROLES[wanted.trace], head.get("step")
        in_turn = not isinstance(step, int) or step % wanted.every == 0
        return in_turn and (roles is None or head.get("role") in roles)


@dataclass(eq=False)
class Socket:
    """One listener, and what waits for it."""

    hub: Hub
    stream: web.WebSocketResponse
    transport: asyncio.Transport | None
    dialect: Dialect | None = None
    waiting: OrderedDict[int, Outgoing] = field(default_factory=OrderedDict)
    latest: dict[Hashable, int] = field(default_factory=dict)
    """Where in `waiting` the latest message of each `stale` key is."""
    frame_bytes: int = 0
    state_bytes: int = 0
    count: int = 0
    ended: asyncio.Task[None] | None = None
    ready: asyncio.Event = field(default_factory=asyncio.Event)

    def speak(self, dialect: Dialect) -> None:
        """Be told things in this dialect from now on."""
        self.dialect = dialect
        self._put_all(dialect.opened())

    def received(self, text: str) -> None:
        """A message from the client. What makes no sense is answered, not punished."""
        try:
            message = parse(text)
            if not isinstance(message, dict):
                raise Refusal(400, [Problem("schema", "", "a message is an object")])
            if _asks_for_ours(message):
                if not isinstance(self.dialect, Ours):
                    self.speak(Ours(self.hub))
                return
            if self.dialect is not None:
                self._put_all(self.dialect.received(message))
        except Refusal as error:
            self._put(_refused(error.problems))
        except Exception:
            log.exception("a socket's message could not be answered")
            hint = "it is in the server's log"
            self._put(_refused([Problem("internal", "", "the server made a mistake", hint)]))

    def told(self, event: Mapping[str, Any] | Frame) -> None:
        """Tell of an event. A dialect that fails at it keeps nobody else from hearing."""
        try:
            if self.dialect is not None:
                self._put_all(self.dialect.told(event))
        except Exception:
            log.exception("an event could not be put into a socket's words")

    async def write(self) -> None:
        """Send what waits, for ever."""
        with contextlib.suppress(ConnectionError, RuntimeError):  # it is closing or gone
            while True:
                while self.waiting:
                    message = self._take()
                    if isinstance(message.data, str):
                        await self.stream.send_str(message.data)
                    else:
                        await self.stream.send_bytes(message.data)
                    self.hub.sent += 1
                self.ready.clear()
                await self.ready.wait()

    async def close(self, code: int, message: bytes) -> None:
        """Close in good manners, and without them if that takes too long."""
        self._forget()
        with contextlib.suppress(asyncio.TimeoutError, ConnectionError, RuntimeError):
            await asyncio.wait_for(self.stream.close(code=code, message=message), FAREWELL)
        if self.transport is not None:  # what was closed may still wait to be written
            self.transport.abort()

    def _put_all(self, messages: Iterable[Outgoing]) -> None:
        for message in messages:
            self._put(message)

    def _put(self, message: Outgoing) -> None:
        if self.ended is not None or self.stream.closed:
            return
        budget = self.hub.limits.socket_backlog_bytes
        # A reader that keeps up is sent every step; one that does not, the last.
        if message.stale is not None and (not message.frame or self.frame_bytes > budget // 8):
            self._drop_stale(message.stale)
        if message.frame:
            if self.frame_bytes and self.frame_bytes + message.bytes > budget // 2:
                self.hub.dropped += 1
                return
            self.frame_bytes += message.bytes
        else:
            if self.state_bytes and self.state_bytes + message.bytes > budget // 2:
                self._cut_off()
                return
            self.state_bytes += message.bytes
        self.count += 1
        self.waiting[self.count] = message
        if message.stale is not None:
            self.latest[message.stale] = self.count
        self.ready.set()

    def _take(self) -> Outgoing:
        number, message = self.waiting.popitem(last=False)
        self._account(number, message)
        return message

    def _drop_stale(self, key: Hashable) -> None:
        number = self.latest.get(key)
        if number is not None:
            message = self.waiting.pop(number)
            self._account(number, message)
            self.hub.dropped += message.frame

    def _account(self, number: int, message: Outgoing) -> None:
        if message.frame:
            self.frame_bytes -= message.bytes
        else:
            self.state_bytes -= message.bytes
        if message.stale is not None and self.latest.get(message.stale) == number:
            del self.latest[message.stale]

    def _cut_off(self) -> None:
        """Too much waits: this reader goes, the others never notice."""
        self.hub.cut_off += 1
        log.warning("a socket was closed: it reads too slowly")
        code = WSCloseCode.TRY_AGAIN_LATER
        self.ended = asyncio.ensure_future(self.close(code, b"reads too slowly"))

    def _forget(self) -> None:
        self.waiting.clear()
        self.latest.clear()
        self.frame_bytes = self.state_bytes = 0


def _asks_for_ours(message: Mapping[str, Any]) -> bool:
    data = message.get("data")
    flags = isinstance(data, dict) and message.get("type") == "feature_flags"
    return flags and data.get("nodeflow") == 1  # type: ignore[union-attr]


def _refused(problems: Iterable[Problem]) -> Outgoing:
    told = [problem.as_json() for problem in problems]
    return _encode({"type": "nf.problems", "data": {"problems": told}})


def _encode(event: Mapping[str, Any] | Frame) -> Outgoing:
    if not isinstance(event, Frame):
        stale = "nf.queue" if event.get("type") == "nf.queue" else None
        return Outgoing(dumps(event), stale)
    head = event.head
    key = (event.kind, head.get("run"), head.get("node"), head.get("port"), head.get("role"))
    return Outgoing(pack(event), key, frame=True)
