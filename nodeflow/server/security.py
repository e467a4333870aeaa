"""Who may ask the server for anything, and what a browser may do with what it answers.

Three questions come before every handler. *By which name was I called?* A page of a stranger can
point its own host name at 127.0.0.1 (DNS rebinding), so only the server's own names are answered.
*Whose page asks?* Browsers tell it by Origin and Sec-Fetch-Site; a page of another origin may do
nothing but open the editor. *Does the client hold the token?*, where one is asked for. Imports
`errors`, `server.settings`, `server.wire`.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

from aiohttp import web

from nodeflow.errors import Problem
from nodeflow.server.settings import Settings
from nodeflow.server.wire import problems_answer

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Middleware = Any
"""What `web.middleware` makes; aiohttp gives it no narrower name."""

SUBPROTOCOL = "nodeflow"
TOKEN_PROTOCOL = "nodeflow.token."
"""A program that can set no header offers both `nodeflow` and `nodeflow.token.<token>`; the server
takes the first."""
CALLED_WRONG, STRANGER, NO_TOKEN = "wrong-host", "cross-origin", "no-token"
TOO_MANY, TOO_LARGE = "too-many-tries", "too-large"
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
TRIES, WITHIN, REMEMBERED = 10, 60.0, 4096
"""Wrong tokens from one address within so many seconds; addresses that are kept in mind."""
SLOWED = 0.25
"""Seconds that the answer to a wrong token takes."""
FORM_BYTES = 1 << 20
"""What a form may weigh beside its file."""
PATIENCE, SLOWEST = 20.0, 256
"""A body has to come at so many bytes a second, looked at every so many seconds."""
COOKIE_AGE = 90 * 24 * 3600

PERMISSIONS = ", ".join(
    f"{name}=()"
    for name in (
        *("accelerometer", "autoplay", "camera", "display-capture", "encrypted-media"),
        *("geolocation", "gyroscope", "hid", "magnetometer", "microphone", "midi", "payment"),
        *("publickey-credentials-get", "screen-wake-lock", "serial", "usb", "xr-spatial-tracking"),
    )
)
DOOR = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>nodeflow</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"></head>
<body><h1>nodeflow</h1>
<p>This server asks for a token. It was printed when the server started.</p>
<form action="/" method="get"><label>Token <input type="password" name="token" autofocus
autocomplete="current-password"></label> <button>Enter</button></form>
</body></html>
"""


POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "connect-src 'self'",
        "worker-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-src 'none'",
        "frame-ancestors 'none'",
    )
)
"""The Content-Security-Policy: everything from here, nothing inline. Style that scripts set through
the CSSOM is not inline; a style element or attribute in a document is."""
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": PERMISSIONS,
    "Server": "nodeflow",
}


def setup(app: web.Application, settings: Settings) -> None:
    """Guard an application: before all its other middlewares, and on every answer."""
    app.middlewares[:0] = middlewares(settings)
    app.on_response_prepare.append(add_headers)


def middlewares(settings: Settings) -> list[Middleware]:
    """The checks, in their order. `setup` adds the headers besides."""
    return [_guard(settings), _hurry(settings)]


def runner_options() -> dict[str, Any]:
    """Limits for `web.AppRunner`: bytes of the request's line and of each header, and for how many
    seconds a connection may stay open without a whole head of a request."""
    return {"max_line_size": 8190, "max_field_size": 8190, "keepalive_timeout": 30.0}


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Signal `on_response_prepare`: the headers of every answer, where it does not set its own."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers["Server"] = HEADERS["Server"]
    if "Cache-Control" not in response.headers and "ETag" not in response.headers:
        response.headers["Cache-Control"] = "no-store"


# ── where it listens ────────────────────────────────────────────────────────────────────────────


def is_loopback(host: str) -> bool:
    """Whether only this machine can call that address."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def new_token() -> str:
    """A token that nobody guesses: 192 bits."""
    return secrets.token_urlsafe(24)


def why_not_listen(settings: Settings) -> str | None:
    """Why the server must not start as it is asked to, or None."""
    if not settings.token and not is_loopback(settings.host):
        return f"{settings.host or 'every address'} can be reached by others: it needs a token"
    if settings.token and (len(settings.token) < 8 or not settings.token.isascii()):
        return "a token has at least 8 characters, all ASCII"
    for origin in settings.origins:
        if not _is_origin(origin):
            return f"{origin!r} is no origin, as https://host:port is one"
    return None


def _is_origin(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    whole = f"{parts.scheme}://{parts.netloc}"
    return parts.scheme in ("http", "https") and bool(parts.netloc) and whole == text.rstrip("/")


# ── the three questions ─────────────────────────────────────────────────────────────────────────


def _guard(settings: Settings) -> Middleware:
    names = _Names(settings)
    door = _Door(settings.token) if settings.token else None

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not names.called_right(request):
            hint = "call it by its address, or let the operator allow the name"
            return _refused(403, CALLED_WRONG, "the Host header names another server", hint)
        if not names.may_ask(request):
            return _refused(403, STRANGER, "a page of another origin asks")
        if request.method == "OPTIONS" and names.guest(request):
            return _leave(request)
        if door is not None and (answer := await door.answer(request)) is not None:
            return answer
        if not (origin := names.guest(request)):
            return await handler(request)
        try:
            response = await handler(request)
        except web.HTTPException as error:
            error.headers["Access-Control-Allow-Origin"] = origin
            raise
        if not response.prepared:
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Vary"] = "Origin"
        return response

    return guard


def _refused(status: int, code: str, message: str, hint: str = "") -> web.Response:
    return problems_answer(status, [Problem(code, "", message, hint)])


def _leave(request: web.Request) -> web.Response:
    """The answer to a browser that asks whether a page of an origin we know may call."""
    return web.Response(
        status=204,
        headers={
            "Access-Control-Allow-Origin": request.headers["Origin"],
            "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE",
            "Access-Control-Allow-Headers": "Authorization, Content-Type, If-Match, Range",
            "Access-Control-Max-Age": "600",
            "Vary": "Origin",
        },
    )


class _Names:
    """By which names the server goes, and whose pages are its own."""

    def __init__(self, settings: Settings) -> None:
        named = {_bare(host) for host in (settings.host, *settings.hosts)}
        self.hosts = (named | set(LOOPBACK)) - {"", "0.0.0.0", "[::]"}
        self.guests = {origin.rstrip("/").lower() for origin in settings.origins}

    def called_right(self, request: web.Request) -> bool:
        told = request.headers.getall("Host", [])
        if len(told) != 1:
            return False
        name = _bare(told[0])
        return name in self.hosts or (bool(name) and name == _address(request))

    def may_ask(self, request: web.Request) -> bool:
        """An own page, a guest, a program, or a person who follows a link to the editor."""
        origins = request.headers.getall("Origin", [])
        if origins:
            return len(origins) == 1 and (self._own(origins[0], request) or self._known(origins[0]))
        site = request.headers.get("Sec-Fetch-Site", "none").lower()
        if site in ("same-origin", "none"):
            return True
        page = request.headers.get("Sec-Fetch-Dest", "").lower() == "document"
        opened = request.headers.get("Sec-Fetch-Mode", "").lower() == "navigate"
        return page and opened and request.method in ("GET", "HEAD") and not is_socket(request)

    def guest(self, request: web.Request) -> str:
        """The origin of a page of elsewhere that the operator lets in, or ""."""
        origin = request.headers.get("Origin", "")
        return origin if origin and self._known(origin) else ""

    def _known(self, origin: str) -> bool:
        return origin.lower() in self.guests

    def _own(self, origin: str, request: web.Request) -> bool:
        if not _is_origin(origin):
            return False
        parts = urlsplit(origin.lower())
        standard = ":443" if parts.scheme == "https" else ":80"
        asked = request.headers["Host"].lower().removesuffix(standard)
        return parts.netloc.removesuffix(standard) == asked


def _bare(host: str) -> str:
    """A Host header's name without its port, in one spelling; "" if it is none."""
    host = host.strip().lower().rstrip(".")
    if host.startswith("["):
        name, _, port = host.partition("]")
        name, port = name[1:], port.removeprefix(":")
    elif host.count(":") > 1:
        name, port = host, ""
    else:
        name, _, port = host.partition(":")
    if port and not port.isdecimal():
        return ""
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return name.rstrip(".")
    return f"[{address}]" if address.version == 6 else str(address)


def _address(request: web.Request) -> str:
    """The address of ours that the client reached: as a host name it belongs to no stranger."""
    transport = request.transport
    here = transport.get_extra_info("sockname") if transport is not None else None
    return _bare(str(here[0]).split("%")[0]) if isinstance(here, tuple) and here else ""


def is_socket(request: web.Request) -> bool:
    """Whether a request asks to become a websocket."""
    return request.headers.get("Upgrade", "").strip().lower() == "websocket"


# ── the token ───────────────────────────────────────────────────────────────────────────────────


class _Door:
    """Asks for the token, and remembers who guessed."""

    def __init__(self, token: str) -> None:
        self.token = token.encode()
        # Cookies are shared by all servers of a host name, whatever their port: each has its own.
        self.name = f"nodeflow_{self._derived('name')[:8]}"
        self.pass_ = self._derived("pass")
        self.tries = _Tries()

    def _derived(self, what: str) -> str:
        return hmac.new(self.token, f"nodeflow {what}".encode(), hashlib.sha256).hexdigest()

    async def answer(self, request: web.Request) -> web.StreamResponse | None:
        """None lets a request in; else what it gets instead."""
        asked = request.query.get("token", "") if request.path == "/" else ""
        enters = bool(asked) and request.method == "GET" and not is_socket(request)
        if not enters and _equal(request.cookies.get(self.name, ""), self.pass_.encode()):
            return None
        given = asked if enters else _shown(request)
        if not given:
            return self._closed(request)
        remote = request.remote or ""
        if self.tries.exhausted(remote):
            answer = _refused(429, TOO_MANY, "too many wrong tokens", "wait a minute")
            answer.headers["Retry-After"] = str(int(WITHIN))
            return answer
        if _equal(given, self.token):
            return self._enter(request) if enters else None
        self.tries.note(remote)
        await asyncio.sleep(SLOWED)
        return self._closed(request)

    def _enter(self, request: web.Request) -> web.Response:
        """Keep the token as a cookie, and take it out of the address."""
        rest = [(name, value) for name, value in request.query.items() if name != "token"]
        answer = web.Response(
            status=303, headers={"Location": f"/?{urlencode(rest)}" if rest else "/"}
        )
        answer.set_cookie(
            self.name,
            self.pass_,
            max_age=COOKIE_AGE,
            httponly=True,
            secure=request.secure,
            samesite="Lax",  # Strict would be missing after the redirect of a link from a message
        )
        return answer

    def _closed(self, request: web.Request) -> web.Response:
        page = request.method in ("GET", "HEAD") and not is_socket(request)
        if page and "text/html" in request.headers.get("Accept", ""):
            answer = web.Response(status=401, text=DOOR, content_type="text/html")
        else:
            hint = "send it as `Authorization: Bearer …`, or open the address with ?token=…"
            answer = _refused(401, NO_TOKEN, "the token is missing or wrong", hint)
        answer.headers["WWW-Authenticate"] = "Bearer"
        return answer


def _shown(request: web.Request) -> str:
    """The token that a program shows."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    if not is_socket(request):
        return ""
    offered = ",".join(request.headers.getall("Sec-WebSocket-Protocol", [])).split(",")
    for name in offered:
        if name.strip().startswith(TOKEN_PROTOCOL):
            return name.strip()[len(TOKEN_PROTOCOL) :]
    return request.query.get("token", "")


def _equal(given: str, wanted: bytes) -> bool:
    """Whether two texts are the same, in a time that does not tell how far they are."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), wanted)


class _Tries:
    """Wrong tokens of late, by address."""

    def __init__(self) -> None:
        self.of: OrderedDict[str, deque[float]] = OrderedDict()

    def exhausted(self, remote: str) -> bool:
        tries = self.of.get(remote)
        if tries is None or len(tries) < TRIES:
            return False
        return time.monotonic() - tries[0] < WITHIN

    def note(self, remote: str) -> None:
        self.of.setdefault(remote, deque(maxlen=TRIES)).append(time.monotonic())
        self.of.move_to_end(remote)
        if len(self.of) > REMEMBERED:
            self.of.popitem(last=False)


# ── slow bodies ─────────────────────────────────────────────────────────────────────────────────


def _hurry(settings: Settings) -> Middleware:
    """Refuse a body that says it is larger than any may be, and end a connection whose body
    trickles, so that it holds no place for ever."""
    limits = settings.limits
    most = max(limits.body_bytes, limits.upload_bytes) + FORM_BYTES

    @web.middleware
    async def hurry(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not request.can_read_body:
            return await handler(request)
        if (request.content_length or 0) > most:
            answer = _refused(413, TOO_LARGE, "the body is too large", "send less")
            answer.force_close()
            return answer
        watch = asyncio.create_task(_watch(request))
        try:
            return await handler(request)
        except ConnectionError:  # whoever sent it is gone, and nobody reads an answer
            if request.transport is not None and not request.transport.is_closing():
                raise
            return web.Response(status=400)
        finally:
            watch.cancel()

    return hurry


async def _watch(request: web.Request) -> None:
    content, before = request.content, 0
    while not content.is_eof():
        await asyncio.sleep(PATIENCE)
        ours = getattr(request.protocol, "_reading_paused", False)  # we are the slow ones
        if content.is_eof() or ours:
            continue
        if content.total_bytes - before < SLOWEST * PATIENCE and request.transport is not None:
            request.transport.abort()
            return
        before = content.total_bytes
