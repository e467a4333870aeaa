"""Who is let in: by which name, from whose page, with which token; what every answer forbids."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from nodeflow.server import security
from nodeflow.server.settings import Settings

TOKEN = "open-sesame-123"
Start = Callable[..., Any]


class Client:
    """A server with three routes, called without a browser's or a client's own headers."""

    def __init__(self, server: TestServer, session: aiohttp.ClientSession) -> None:
        self.server = server
        self.session = session
        self.origin = f"http://127.0.0.1:{server.port}"

    async def ask(self, path: str = "/thing", method: str = "GET", **headers: str) -> Any:
        """An answer with its `code`, the first problem's."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        url = self.origin + path
        async with self.session.request(
            method, url, headers=named, allow_redirects=False, skip_auto_headers=["Accept"]
        ) as answer:
            body = await answer.read()
        answer.code = None
        if answer.status >= 400 and answer.content_type == "application/json":
            answer.code = json.loads(body)["problems"][0]["code"]
        answer.body = body
        return answer

    async def socket(self, path: str = "/ws", **headers: str) -> int:
        """The status with which a websocket is refused, or 101."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            async with self.session.ws_connect(self.origin + path, headers=named):
                return 101
        except aiohttp.WSServerHandshakeError as error:
            return error.status


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    opened: list[Any] = []

    async def begin(**given: Any) -> Client:
        app = web.Application()
        security.setup(app, replace(Settings(base=tmp_path), **given))
        app.router.add_route("*", "/", _hello)
        app.router.add_route("*", "/thing", _hello)
        app.router.add_get("/ws", _socket)
        server = TestServer(app)
        await server.start_server(**security.runner_options())
        session = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
        opened.extend((session, server))
        return Client(server, session)

    yield begin
    for each in opened:
        await each.close()


async def _hello(request: web.Request) -> web.Response:
    await request.read()
    return web.json_response({"hello": request.method})


async def _socket(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(protocols=[security.SUBPROTOCOL])
    await socket.prepare(request)
    await socket.close()
    return socket


# ── by which name ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "LOCALHOST:80", "localhost.", "[::1]:8188", "127.0.0.1:1"]
)
async def test_a_server_answers_to_its_own_names(start: Start, host: str) -> None:
    client = await start()
    assert (await client.ask(Host=host)).status == 200


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "evil.example:8188", "127.0.0.1.evil.example", "localhost.evil.example"),
        *("", "localhost:x", "127.0.0.1@evil.example", "10.0.0.7", "[::2]", "[", "0.0.0.0"),
        *("localhost,evil.example", "2130706433", "0x7f.1", "127.0.0.1%00", "x" * 4000),
    ],
)
async def test_a_name_that_is_pointed_here_by_others_is_not_answered(
    start: Start, host: str
) -> None:
    client = await start()
    answer = await client.ask(Host=host)
    assert answer.status in (400, 403)
    assert await client.socket(Host=host) in (400, 403)
    assert (await client.ask()).status == 200


async def test_names_that_the_operator_adds(start: Start) -> None:
    client = await start(host="0.0.0.0", hosts=("studio.example", "Other"), token=TOKEN)
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    for host, status in (("studio.example:80", 200), ("other", 200), ("evil.example", 403)):
        assert (await client.ask(Host=host, **bearer)).status == status


async def _raw(client: Client, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", client.server.port)
    writer.write(data)
    answer = await asyncio.wait_for(reader.read(), 20)
    writer.close()
    return answer


@pytest.mark.parametrize(
    "head",
    [
        b"GET /thing HTTP/1.1\r\nConnection: close\r\n\r\n",
        b"GET /thing HTTP/1.0\r\n\r\n",
        b"GET /thing HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\nConnection: close\r\n\r\n",
        b"GET /thing HTTP/1.1\r\nHost: localhost\r\n\tevil\r\nConnection: close\r\n\r\n",
        b"GET /thing HTTP/1.1\r\nHost : localhost\r\nConnection: close\r\n\r\n",
        b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: "
        + b"x" * 9000
        + b"\r\nConnection: close\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20 + b"\r\n\r\n",
        b"GET /thing\x00 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        b"POST /thing HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST /thing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n"
        b"\r\nxx",
        b"POST /thing HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
        b"Content-Length: 3\r\n\r\n0\r\n\r\n",
        b"POST /thing HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
        b"Connection: close\r\n\r\nZZ\r\n",
    ],
)
async def test_a_head_that_is_none_is_refused(start: Start, head: bytes) -> None:
    client = await start()
    answer = await _raw(client, head)
    assert answer.split(b" ", 2)[1][:1] == b"4"
    assert (await client.ask()).status == 200


# ── from whose page ─────────────────────────────────────────────────────────────────────────────

UNSAFE = ["POST", "PUT", "PATCH", "DELETE"]


@pytest.mark.parametrize("method", [*UNSAFE, "GET"])
@pytest.mark.parametrize(
    "origin",
    [
        *("http://evil.example", "null", "http://127.0.0.1:1", "http://localhost", "file://"),
        *("http://127.0.0.1.evil.example", "", "http://[", "OWN.evil.example", "OWN/path"),
    ],
)
async def test_a_page_of_another_origin_gets_nothing(
    start: Start, method: str, origin: str
) -> None:
    client = await start()
    headers = {"Origin": origin.replace("OWN", client.origin)}
    answer = await client.ask(method=method, **headers)
    assert (answer.status, answer.code) == (403, security.STRANGER)
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert await client.socket(**headers) == 403


async def test_own_pages_and_programs_may_ask(start: Start) -> None:
    client = await start()
    for method in [*UNSAFE, "GET"]:
        assert (await client.ask(method=method)).status == 200
        assert (await client.ask(method=method, Origin=client.origin)).status == 200
        https = client.origin.replace("http:", "https:")  # behind something that speaks TLS
        assert (await client.ask(method=method, Origin=https)).status == 200
    assert await client.socket() == 101
    assert await client.socket(Origin=client.origin) == 101


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_a_browser_that_names_no_origin_still_tells_whose_page_asks(
    start: Start, site: str
) -> None:
    client = await start()
    for method in [*UNSAFE, "GET"]:
        answer = await client.ask(method=method, Sec_Fetch_Site=site, Sec_Fetch_Mode="no-cors")
        assert (answer.status, answer.code) == (403, security.STRANGER)
    link = {"Sec_Fetch_Site": site, "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"}
    assert (await client.ask(**link)).status == 200
    assert (await client.ask(method="POST", **link)).status == 403
    frame = {**link, "Sec_Fetch_Dest": "iframe"}
    assert (await client.ask(**frame)).status == 403
    assert await client.socket(Sec_Fetch_Site=site) == 403


async def test_an_origin_that_the_operator_lets_in(start: Start) -> None:
    friend = "https://friend.example"
    client = await start(origins=(friend,))
    headers = {"Access_Control_Request_Method": "POST", "Origin": friend}
    asked = await client.ask(method="OPTIONS", **headers)
    assert asked.status == 204
    assert asked.headers["Access-Control-Allow-Origin"] == friend
    assert "Access-Control-Allow-Credentials" not in asked.headers
    answer = await client.ask(method="POST", Origin=friend)
    assert answer.status == 200
    assert answer.headers["Access-Control-Allow-Origin"] == friend
    assert await client.socket(Origin=friend) == 101
    other = await client.ask(method="OPTIONS", Origin="https://evil.example")
    assert other.status == 403


# ── with which token ────────────────────────────────────────────────────────────────────────────

WRONG = ["", "wrong", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "ä" * 15]


async def test_without_the_token_nothing_is_answered(start: Start) -> None:
    client = await start(token=TOKEN)
    for path in ("/", "/thing", "/nothing", "/%2e%2e/thing"):
        answer = await client.ask(path)
        assert (answer.status, answer.code) == (401, security.NO_TOKEN)
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert await client.socket() == 401


@pytest.mark.parametrize("token", WRONG)
async def test_a_wrong_token_is_none(
    start: Start, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.setattr(security, "SLOWED", 0.0)
    client = await start(token=TOKEN)
    tries = [
        await client.ask(Authorization=f"Bearer {token}"),
        await client.ask(Authorization=token),
        await client.ask(Authorization=f"Basic {TOKEN}"),
        await client.ask(f"/?token={token}"),
        await client.ask(f"/thing?token={TOKEN}"),  # in an address it would stand in logs
        await client.ask(Cookie=f"nodeflow_0={token}; token={TOKEN}"),
    ]
    assert [answer.status for answer in tries] == [401] * 6
    assert await client.socket(f"/ws?token={token}") == 401
    assert await client.socket(Sec_WebSocket_Protocol="nodeflow.token.wrong") == 401


async def test_programs_show_the_token(start: Start) -> None:
    client = await start(token=TOKEN)
    for how in (f"Bearer {TOKEN}", f"bearer  {TOKEN} "):
        assert (await client.ask(Authorization=how)).status == 200
    assert await client.socket(Authorization=f"Bearer {TOKEN}") == 101
    assert await client.socket(f"/ws?token={TOKEN}") == 101
    offered = [security.SUBPROTOCOL, security.TOKEN_PROTOCOL + TOKEN]
    async with client.session.ws_connect(client.origin + "/ws", protocols=offered) as socket:
        assert socket.protocol == security.SUBPROTOCOL


async def test_a_person_opens_the_address_with_the_token_once(start: Start) -> None:
    client = await start(token=TOKEN)
    answer = await client.ask(f"/?graph=a&token={TOKEN}")
    assert (answer.status, answer.headers["Location"]) == (303, "/?graph=a")
    cookie = answer.headers["Set-Cookie"]
    assert TOKEN not in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert (await client.ask("/thing")).status == 200
    assert await client.socket() == 101
    assert (await client.ask("/thing", Origin="http://evil.example")).status == 403
    other = await start(token=TOKEN + "2")
    client.session.cookie_jar.update_cookies({}, other.server.make_url("/"))
    assert (await other.ask(Cookie=cookie.split(";")[0])).status == 401


@pytest.mark.parametrize("path", ["//evil.example/", "/\\evil.example", "/%0d%0aSet-Cookie:x"])
async def test_the_redirect_leads_nowhere_else(start: Start, path: str) -> None:
    client = await start(token=TOKEN)
    head = f"GET {path}?token={TOKEN} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    raw = await _raw(client, head.encode())
    assert raw.split(b" ", 2)[1] in (b"401", b"400")
    assert b"Location" not in raw


async def test_a_person_without_the_token_is_told_what_to_do(start: Start) -> None:
    client = await start(token=TOKEN)
    answer = await client.ask("/?x=<script>", Accept="text/html")
    assert (answer.status, answer.content_type) == (401, "text/html")
    assert b"token" in answer.body
    assert b"script" not in answer.body


async def test_guessing_is_slow_and_ends(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(security, "SLOWED", 0.0)
    client = await start(token=TOKEN)
    assert (await client.ask(f"/?token={TOKEN}")).status == 303
    stranger = aiohttp.ClientSession()
    async with stranger:
        guesser = Client(client.server, stranger)
        seen = [
            (await guesser.ask(Authorization=f"Bearer guess{k}")).status
            for k in range(security.TRIES + 2)
        ]
        assert seen == [401] * security.TRIES + [429] * 2
        last = await guesser.ask(Authorization=f"Bearer {TOKEN}")
        assert (last.status, last.headers["Retry-After"]) == (429, "60")
    assert (await client.ask()).status == 200  # who is in stays in


async def test_what_is_remembered_of_guessers_is_bounded() -> None:
    tries = security._Tries()
    for number in range(security.REMEMBERED + 100):
        tries.note(f"10.0.{number >> 8}.{number & 255}")
    assert len(tries.of) == security.REMEMBERED


# ── where it listens ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("host", "token", "starts"),
    [
        *(("127.0.0.1", "", True), ("localhost", "", True), ("::1", "", True)),
        *(("127.9.9.9", "", True), ("0.0.0.0", "", False), ("", "", False), ("::", "", False)),
        *(("192.168.1.2", "", False), ("studio.example", "", False), ("0.0.0.0", TOKEN, True)),
        *(("0.0.0.0", "short", False), ("127.0.0.1", "ümlautümlaut", False)),
    ],
)
def test_where_others_can_call_a_token_is_asked_for(
    tmp_path: Path, host: str, token: str, starts: bool
) -> None:
    settings = Settings(base=tmp_path, host=host, token=token)
    assert (security.why_not_listen(settings) is None) == starts


@pytest.mark.parametrize("origin", ["evil", "*", "https://", "https://a/b", "ftp://a", "null"])
def test_what_is_no_origin_is_refused_at_the_start(tmp_path: Path, origin: str) -> None:
    assert security.why_not_listen(Settings(base=tmp_path, origins=(origin,))) is not None


def test_tokens_are_long_and_never_the_same() -> None:
    tokens = {security.new_token() for _ in range(50)}
    assert len(tokens) == 50
    assert min(map(len, tokens)) >= 32


# ── what every answer forbids ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", ["/thing", "/nothing", "/?token=x"])
async def test_every_answer_says_what_a_browser_may_not_do(start: Start, path: str) -> None:
    client = await start(token=TOKEN)
    for headers in ({}, {"Authorization": f"Bearer {TOKEN}"}, {"Origin": "http://evil.example"}):
        answer = await client.ask(path, **headers)
        for name, value in security.HEADERS.items():
            assert answer.headers[name] == value
        assert answer.headers["Cache-Control"] == "no-store"


def test_the_policy_lets_nothing_inline_through() -> None:
    rules = dict(rule.split(" ", 1) for rule in security.POLICY.split("; "))
    assert rules["script-src"] == rules["style-src"] == rules["default-src"] == "'self'"
    assert rules["object-src"] == rules["frame-ancestors"] == rules["base-uri"] == "'none'"
    assert "unsafe" not in security.POLICY


# ── who dawdles ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("drip", [b"", b"x"])
async def test_a_body_that_trickles_ends_the_connection(
    start: Start, monkeypatch: pytest.MonkeyPatch, drip: bytes
) -> None:
    monkeypatch.setattr(security, "PATIENCE", 0.2)
    client = await start()
    reader, writer = await asyncio.open_connection("127.0.0.1", client.server.port)
    writer.write(b"POST /thing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n\r\n")
    closing = asyncio.create_task(reader.read())
    for _ in range(100):
        writer.write(drip)
        await asyncio.wait([closing], timeout=0.05)
        if closing.done():
            break
    assert isinstance(closing.exception(), ConnectionError) or closing.result() == b""
    writer.close()
    assert (await client.ask(method="POST")).status == 200


async def test_a_head_that_trickles_ends_the_connection(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {**security.runner_options(), "keepalive_timeout": 0.3}
    monkeypatch.setattr(security, "runner_options", lambda: options)
    client = await start()
    for head in (b"", b"GET /thi", b"GET /thing HTTP/1.1\r\nHost: localhost\r\n"):
        assert await _raw(client, head) == b""
