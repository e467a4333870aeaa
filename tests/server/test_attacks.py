"""Attacks on a running `nodeflow serve`: each is refused with a reason, nothing is read or written
elsewhere, and the server lives on.

One server for the whole file, called by raw requests: clients tidy up what an attacker would not.
"""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import re
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from PIL import Image

from serving import application, chain, serving

API = "/api/v1"
SECRET = "the-word-that-nobody-may-read"
MIB = 1 << 20


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def problems(self) -> list[Any]:
        found: list[Any] = self.json["problems"]
        return found


class Target:
    """The server under attack. `outside` is beside its folders and holds what nobody may read."""

    def __init__(self, base: Path, outside: Path, port: int) -> None:
        self.base = base
        self.outside = outside
        self.port = port
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.connection._validate_path = lambda url: None  # type: ignore[attr-defined]

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """A request whose path goes out as it is."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
            named.setdefault("Content-Type", "application/json")
        try:
            return self._ask(method, path, body, named)
        except (http.client.HTTPException, ConnectionError):  # it hung up after the last answer
            self.connection.close()
            return self._ask(method, path, body, named)

    def _ask(self, method: str, path: str, body: Any, headers: dict[str, str]) -> Answer:
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        found = Answer(answer.status, answer.headers, answer.read())
        if answer.status == 101:
            answer.close()
            self.connection.close()
        return found

    def raw(self, data: bytes) -> bytes:
        """What comes back for these bytes until the server hangs up."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            received = b""
            while block := connection.recv(1 << 16):
                received += block
            return received

    def refuses(self, graph: dict[str, Any], **more: Any) -> list[Any]:
        """The problems with which a graph is refused, or fails."""
        answer = self.ask("POST", f"{API}/runs", {"graph": graph, **more})
        if answer.status >= 400:
            assert answer.status < 500, answer.body
            return answer.problems
        run = answer.json["run"]
        for _ in range(600):
            told = self.ask("GET", f"{API}/runs/{run}").json
            if told["summary"]["state"] in ("done", "failed", "cancelled"):
                break
            time.sleep(0.05)
        assert told["summary"]["state"] == "failed", told["summary"]
        return [e["data"] for e in told["events"] if e["type"] == "nf.error"]

    def take_back(self) -> None:
        """Remove the one graph that was saved, which stands in its own folder."""
        folder = self.base / "graphs"
        (made,) = [p for p in folder.rglob("*") if p.is_file() and not p.is_symlink()]
        assert made.suffix == ".json"
        made.unlink()
        if made.parent != folder:
            made.parent.rmdir()

    def files(self) -> list[str]:
        """All that is outside of the server's own folder and its queue's."""
        ours = self.base / ".nodeflow"
        return sorted(
            f"{path}: {path.stat().st_size if path.is_file() else ''}"
            for path in self.base.parent.rglob("*")
            if not path.is_relative_to(ours)
        )


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    top = tmp_path_factory.mktemp("attacks")
    base, outside = top / "base", top / "outside"
    for folder in (base, outside, base / "input", base / "output", base / "graphs"):
        folder.mkdir(exist_ok=True)
    (outside / "secret.txt").write_text(SECRET)
    (outside / "secret.json").write_text(json.dumps({"nodeflow": 1, "nodes": {}, "title": SECRET}))
    Image.new("RGB", (8, 8), (1, 2, 3)).save(outside / "secret.png")
    for folder in (base / "input", base / "output", base / "graphs"):
        for name in ("secret.txt", "secret.json", "secret.png"):
            (folder / f"link-{name}").symlink_to(outside / name)
        (folder / "up").symlink_to(outside)
    with serving(base, "--headless", "--device", "cpu") as server:
        attacked = Target(base, outside, urlsplit(server.url).port or 0)
        yield attacked
        attacked.connection.close()
        assert server.process.poll() is None


@pytest.fixture(autouse=True)
def unharmed(target: Target) -> Iterator[None]:
    """After each attack: nothing new and nothing missing anywhere, and the server answers."""
    before = target.files()
    yield
    assert target.files() == before
    assert target.ask("GET", f"{API}/info").status == 200


# ── names that lead elsewhere, in every path parameter that there is ────────────────────────────


def _every_route() -> list[tuple[str, str]]:
    """Method and path of every route, patterns left out; of ComfyUI's, which stand at `/x` and at
    `/api/x`, the first."""
    found = set()
    for route in application(Path("nowhere")).router.routes():
        path = route.resource.canonical if route.resource is not None else ""
        if path.startswith("/api/") and not path.startswith(API):
            path = path.removeprefix("/api")
        if route.method not in ("*", "OPTIONS", "HEAD"):
            found.add((route.method, path))
    return sorted(found)


ALL = _every_route()
ROUTES = [(method, path) for method, path in ALL if "{" in path]
LEADING_OUT = [
    *("../../outside/secret.txt", "../outside/secret.png", "../../../../../../../../etc/passwd"),
    *("up/secret.txt", "up/secret.png", "up/secret", "link-secret.txt", "link-secret.png"),
    *("link-secret", "up", "up/../secret.png", "./../outside/secret.json", "a/../../x"),
    *("/etc/passwd", "//etc/passwd", "/proc/self/environ", "file:///etc/passwd"),
    *("..\\..\\outside\\secret.txt", "C:\\Windows\\win.ini", "C:/Windows/win.ini", "c:secret"),
    *("\\\\host\\share\\x", "\\\\?\\C:\\x", "con", "NUL", "aux.json", "com1.png", "lpt¹"),
    *("x\0.png", "\0", "secret.png\0.json", "x\r\nSet-Cookie: a=b", "x\ny", "\x1b[2J"),
    *("x" * 300, "x" * 5000, "a/" * 900 + "a", "..", ".", "...", "~", "~root/x", "$HOME", "%s%n"),
    *(".nodeflow/runs.sqlite3", "../.nodeflow/runs.sqlite3", ".hidden", "x.", "x ", " "),
    *("\u202egnp.exe", "\ufeff", "．．／x", "‥/x"),
]
RAW = [
    *("..%2f..%2foutside%2fsecret.txt", "%2e%2e%2f%2e%2e%2foutside%2fsecret.txt", "%2e%2e/x"),
    *("..%252f..%252foutside%252fsecret.txt", "%252e%252e%252foutside", "..%c0%af..%c0%afetc"),
    *("%c0%ae%c0%ae/x", "..%5c..%5coutside", "%00", "x%00.png", "%", "%zz", "%ff%fe", "%ed%a0%80"),
    *("..;/x", "x;/../../outside/secret.txt", "x?../..", "../../../outside/secret.txt"),
]
KEYED = ("/object_info/", "/history/", "/settings/", "/models/")
EMPTY = (b"{}", b"[]", b"null")
"""ComfyUI's own routes answer so for what they do not know."""


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_no_path_leads_elsewhere(target: Target, method: str, path: str) -> None:
    names = [quote(name, safe="") for name in LEADING_OUT] + RAW
    names += [quote(name, safe="/") for name in LEADING_OUT if name.count("/") < 20]
    parameters = re.findall(r"{\w+}", path)
    body: Any = {"nodeflow": 1, "nodes": {}} if method in ("PUT", "POST", "PATCH") else None
    for parameter, name in itertools.product(parameters, names):
        asked = path.replace(parameter, name)
        for other in parameters:
            asked = asked.replace(other, "output" if other == "{kind}" else "link-secret.png")
        answer = target.ask(method, asked, body)
        told = (method, asked[:120], answer.status, answer.body[:200])
        assert SECRET.encode() not in answer.body, told
        assert b"root:" not in answer.body, told
        assert str(target.base).encode() not in answer.body, told
        assert "Set-Cookie" not in answer.headers, told
        if method == "PUT" and answer.status == 200:  # it was a name like any other, with .json
            target.take_back()
            continue
        keyed = path.startswith(KEYED) and answer.body in EMPTY
        assert keyed or 400 <= answer.status < 500, told


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/../../etc/passwd",
            "/..%2f..%2fetc/passwd",
            "/%2e%2e/%2e%2e/etc/passwd",
            "//etc/passwd",
        ),
        *(
            "/assets/../../pyproject.toml",
            "/.nodeflow/runs.sqlite3",
            "/input/cat.png",
            "/.git/config",
        ),
        *("/index.html/..%2f..", "/\\..\\..\\x", "/%00", "/" + "a/" * 2000, "/api/v1/../../x"),
    ],
)
def test_nothing_else_is_served(target: Target, path: str) -> None:
    answer = target.ask("GET", path)
    assert 400 <= answer.status < 500


@pytest.mark.parametrize("name", LEADING_OUT)
def test_no_query_leads_elsewhere(target: Target, name: str) -> None:
    word = quote(name, safe="")
    asked = [
        f"{API}/files/output/x.png?thumb={word}",
        f"{API}/outputs?after={word}",
        f"{API}/outputs?after=1:{word}",
        f"{API}/runs?state={word}",
    ]
    for kind in ("output", "input", "temp", word):
        asked += [
            f"/view?filename={word}&type={kind}",
            f"/view?filename=secret.png&subfolder={word}&type={kind}",
            f"/api/view?filename={word}&subfolder={word}&type={kind}&preview=webp;90",
        ]
    for path in asked:
        answer = target.ask("GET", path)
        assert answer.status < 500, (path, answer.body)
        assert SECRET.encode() not in answer.body
        assert b"root:" not in answer.body
        if "/view" in path:
            assert answer.status >= 400, path


@pytest.mark.parametrize("name", LEADING_OUT)
def test_no_upload_leads_elsewhere(target: Target, name: str) -> None:
    """What is no picture is refused whatever it is called; a picture is named by us."""
    picture = (target.outside / "secret.png").read_bytes()
    quoted = name.replace("\\", "\\\\").replace('"', '\\"').encode("utf-8", "replace")
    for data in (b"<svg onload=alert(1)>", picture):
        form = b'--a\r\nContent-Disposition: form-data; name="image"; filename="' + quoted + b'"'
        form += b"\r\n\r\n" + data
        for field in (b"subfolder", b"type"):
            form += b'\r\n--a\r\nContent-Disposition: form-data; name="' + field + b'"\r\n\r\n'
            form += quoted if field == b"subfolder" else b"output"
        form += b"\r\n--a--\r\n"
        for path in (f"{API}/files", "/upload/image", "/upload/mask"):
            kind = "multipart/form-data; boundary=a"
            answer = target.ask("POST", path, form, Content_Type=kind)
            assert answer.status < 500, (path, answer.body)
            assert answer.status < 300 or answer.status >= 400
            assert data is picture or answer.status >= 400
    for kept in (target.base / "input").glob("*.png"):
        if not kept.is_symlink():
            assert re.fullmatch(r"[0-9a-f]{32}\.png", kept.name)
            kept.unlink()


# ── strangers' pages, wrong names, tokens ───────────────────────────────────────────────────────

_HANDSHAKE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


PLAIN = [(method, re.sub(r"{\w+}", "x", path)) for method, path in ALL]


@pytest.mark.parametrize(("method", "path"), PLAIN)
def test_no_route_answers_a_stranger(target: Target, method: str, path: str) -> None:
    for headers in (
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Host": "evil.example"},
        {"Host": f"evil.example:{target.port}", "Origin": f"http://evil.example:{target.port}"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
    ):
        assert target.ask(method, path, None, **headers).status == 403
        assert target.ask(method, path, None, **headers, **_HANDSHAKE).status == 403


def test_a_form_of_a_strangers_page_queues_nothing(target: Target) -> None:
    graph = json.dumps({"graph": chain(1), "client": "x="}).encode()
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        answer = target.ask("POST", f"{API}/runs", graph, Content_Type=kind)
        assert answer.status == 415  # not even one that hides where it is from
    assert target.ask("GET", f"{API}/runs").json["total"] == 0


def test_a_token_is_asked_for_everywhere(tmp_path: Path) -> None:
    """Also by the page and the socket: a server of its own, at an address that others may call."""
    token, closing = "a-token-for-this-test", contextlib.ExitStack()
    with serving(tmp_path, "--host", "0.0.0.0", "--token", token, "--device", "cpu") as server:
        there = Target(tmp_path, tmp_path, urlsplit(server.url).port or 0)
        closing.callback(there.connection.close)
        page = [("GET", "/"), ("GET", "/assets/index.js"), ("GET", "/favicon.ico")]
        for method, path in (*PLAIN, *page):
            for headers in ({}, {"Authorization": "Bearer wrong"}, _HANDSHAKE):
                status = there.ask(method, path, None, **headers).status
                assert status in (401, 429), (method, path, status)
    with serving(tmp_path, "--token", token, "--headless", "--device", "cpu") as server:
        there = Target(tmp_path, tmp_path, urlsplit(server.url).port or 0)
        closing.callback(there.connection.close)
        assert there.ask("GET", f"{API}/info").status == 401
        bearer = {"Authorization": f"Bearer {token}"}
        assert there.ask("GET", f"{API}/info", **bearer).status == 200
        assert there.ask("GET", f"{API}/ws", **bearer, **_HANDSHAKE).status == 101
        assert server.log.count(token) == 1  # in the address, for whoever started it
        closing.close()


# ── bodies ──────────────────────────────────────────────────────────────────────────────────────

_POSTS = [(method, path) for method, path in PLAIN if method in ("POST", "PUT", "PATCH")]
_LIST = b"[" * 100_000 + b"]" * 100_000
MALFORMED: dict[str, bytes] = {
    "empty": b"",
    "cut": b'{"graph": {',
    "a list": b"[]",
    "a number": b"1",
    "no UTF-8": b'{"a": "\xff"}',
    "half a pair": b'{"graph": "\\ud800"}',
    "nested lists": b'{"graph": ' + _LIST + b"}",
    "nested objects": b'{"a":' * 100_000,
    "nan": b'{"graph": NaN, "prompt": NaN}',
    "a long number": b'{"graph": ' + b"9" * 10_000 + b', "prompt": 1}',
    "names twice": b'{"graph": {}, "graph": {}}',
    "many names": b"{" + b",".join(b'"%d":1' % k for k in range(20_000)) + b"}",
    "nul": b'{"graph": {"nodeflow": 1, "nodes": {"a\\u0000": {"type": "\\u0000"}}}}',
    "binary": bytes(range(256)) * 100,
}


@pytest.mark.parametrize(("method", "path"), _POSTS)
def test_no_malformed_body_is_taken(target: Target, method: str, path: str) -> None:
    before = target.ask("GET", f"{API}/runs").json["total"]
    for name, body in MALFORMED.items():
        for kind in ("application/json", "multipart/form-data; boundary=a"):
            answer = target.ask(method, path, body, Content_Type=kind)
            told = (name, kind, answer.status, answer.body[:200])
            assert answer.status < 500, told
            if answer.status >= 400 and path.startswith(API):
                assert answer.problems, told
    assert target.ask("GET", f"{API}/runs").json["total"] == before


@pytest.mark.parametrize(("method", "path"), _POSTS)
def test_no_oversized_body_is_taken(target: Target, method: str, path: str) -> None:
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    told = f"{head}Content-Length: {10 * 1024 * MIB}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", target.port), timeout=60) as connection:
        connection.sendall(told + b"[" * 1000)
        assert connection.recv(16).split(b" ")[1] == b"413"
    chunk = b"100000\r\n" + b" " * MIB + b"\r\n"
    with socket.create_connection(("127.0.0.1", target.port), timeout=60) as connection:
        connection.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        with contextlib.suppress(OSError):  # it may hang up before all is sent
            for _ in range(70):
                connection.sendall(chunk)
            connection.sendall(b"0\r\n\r\n")
            assert connection.recv(16).split(b" ")[1][:1] == b"4"


@pytest.mark.parametrize(("method", "path"), _POSTS)
@pytest.mark.parametrize(
    "chunks",
    [
        b"zz\r\nabc\r\n0\r\n\r\n",
        b"-1\r\nabc\r\n0\r\n\r\n",
        b"ffffffffffffffffffff\r\n{}\r\n",
        b"5\r\n{}\r\n0\r\n\r\n",
        b"2\r\n{}",
        b"2;" + b"x" * 20_000 + b"\r\n{}\r\n0\r\n\r\n",
        b"2\r\n{}\r\n0\r\nX: " + b"y" * 20_000 + b"\r\n\r\n",
        b"1\r\n{\r\n" * 3 + b"0\r\n\r\n",
    ],
)
def test_no_malformed_chunks_are_taken(
    target: Target, method: str, path: str, chunks: bytes
) -> None:
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        "Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    answer = target.raw(head.encode() + chunks)
    assert answer == b"" or answer.split(b" ")[1][:1] in (b"4", b"2"), answer[:300]


def test_packed_bodies_do_not_go_off(target: Target) -> None:
    import gzip
    import zlib

    bomb = gzip.compress(b" " * (100 * MIB))
    for encoding, body in (
        ("gzip", bomb),
        ("deflate", zlib.compress(b" " * (100 * MIB))),
        ("gzip", b"\x1f\x8b nonsense"),
        ("br", b"nonsense"),
        ("gzip, gzip", gzip.compress(bomb)),
    ):
        headers = {"Content-Encoding": encoding, "Content-Type": "application/json"}
        answer = target.ask("POST", f"{API}/validate", body, **headers)
        assert 400 <= answer.status < 500, (encoding, answer.status, answer.body[:200])


# ── graphs ──────────────────────────────────────────────────────────────────────────────────────


def _wide(count: int) -> dict[str, Any]:
    node = {"type": "math.add", "params": {"a": 1.0, "b": 1.0}}
    return {"nodeflow": 1, "nodes": {f"n{k}": node for k in range(count)}, "outputs": {}}


def _nested(depth: int, kind: str) -> dict[str, Any]:
    inner: dict[str, Any] = {"n": {"type": "math.add", "params": {"a": 1.0, "b": 1.0}}}
    for _ in range(depth):
        if kind == "group":
            inner = {"g": {"type": "flow.graph", "graph": {"nodeflow": 1, "nodes": inner}}}
        else:
            inner = {"g": {"type": "flow.map", "body": inner}}
    return {"nodeflow": 1, "nodes": inner}


def _ring() -> dict[str, Any]:
    node = {"type": "math.add", "links": {"a": "b.value", "b": "b.value"}}
    other = {"type": "math.add", "links": {"a": "a.value", "b": "a.value"}}
    return {"nodeflow": 1, "nodes": {"a": node, "b": other}, "outputs": {"x": "a.value"}}


HUGE: dict[str, Callable[[], dict[str, Any]]] = {
    "nested groups": lambda: _nested(100, "group"),
    "nested loops": lambda: _nested(100, "loop"),
    "deeper than JSON goes": lambda: _nested(300, "group"),
    "more nodes than there may be": lambda: _wide(20_001),
    "a ring": _ring,
    "a long id": lambda: {"nodeflow": 1, "nodes": {"x" * MIB: {"type": "math.add"}}},
    "a long type": lambda: {"nodeflow": 1, "nodes": {"x": {"type": "m" * MIB}}},
    "many unknown types": lambda: {
        "nodeflow": 1,
        "nodes": {f"n{k}": {"type": f"no.such{k}"} for k in range(3_000)},
    },
    "links to nowhere": lambda: {
        "nodeflow": 1,
        "nodes": {
            f"n{k}": {"type": "math.add", "links": {"a": f"m{k}.value"}} for k in range(3_000)
        },
    },
}


@pytest.mark.parametrize("name", HUGE)
def test_no_monster_of_a_graph_is_taken(target: Target, name: str) -> None:
    graph = HUGE[name]()
    body = json.dumps({"graph": graph}).encode()
    # A check that took time with the square of the faults would outlast a request's patience.
    for path in ("validate", "plan", "runs"):
        answer = target.ask("POST", f"{API}/{path}", body, Content_Type="application/json")
        told = answer.json
        assert answer.status in (400, 413) or (path == "validate" and told["valid"] is False)
        assert told["problems"]
        assert len(answer.body) < 8 * MIB


@pytest.mark.parametrize("graph", ["ten thousand deep", "ten thousand wide"])
def test_a_large_graph_is_only_work(target: Target, graph: str) -> None:
    made = chain(10_000) if graph == "ten thousand deep" else _wide(10_000)
    made["outputs"] = {"x": "n9999.value"}
    answer = target.ask("POST", f"{API}/runs", {"graph": made})
    assert answer.status == 202
    run = answer.json["run"]
    # Meanwhile it answers: each question has its own patience, far less than the run may take.
    state = "queued"
    for _ in range(600):
        state = target.ask("GET", f"{API}/runs?limit=1").json["runs"][0]["state"]
        if state in ("done", "failed"):
            break
        time.sleep(0.2)
    assert state == "done"
    assert target.ask("DELETE", f"{API}/runs/{run}").status == 204


# ── graphs that read and write ──────────────────────────────────────────────────────────────────


def _by_wire(type: str, port: str, value: str) -> dict[str, Any]:
    return {
        "t": {"type": "value.text", "params": {"value": value}},
        "n": {"type": type, "links": {port: "t.value"}},
    }


def _in_loop(value: str) -> dict[str, Any]:
    return {
        "t": {"type": "value.texts", "params": {"values": [value]}},
        "n": {
            "type": "flow.map",
            "each": {"path": "t.value"},
            "collect": {"image": "i.image"},
            "body": {"i": {"type": "load.image", "links": {"path": "each.path"}}},
        },
    }


def _literal(type: str, **params: Any) -> dict[str, Any]:
    return {"n": {"type": type, "params": params}}


OUT, LINK, UP = "OUTSIDE/secret.png", "BASE/input/link-secret.png", "BASE/input/up"
READS: dict[str, tuple[dict[str, Any], str]] = {
    "literal": (_literal("load.image", path=OUT), "n.image"),
    "passwd": (_literal("load.image", path="/etc/passwd"), "n.image"),
    "relative": (_literal("load.image", path="../../../../../../etc/passwd"), "n.image"),
    "home": (_literal("load.mask", path="~/.ssh/id_rsa.png"), "n.mask"),
    "link": (_literal("load.image", path=LINK), "n.image"),
    "linked folder": (_literal("load.image", path=f"{UP}/secret.png"), "n.image"),
    "wire": (_by_wire("load.image", "path", OUT), "n.image"),
    "link by wire": (_by_wire("load.image", "path", LINK), "n.image"),
    "loop": (_in_loop(OUT), "n.image"),
    "folder": (_literal("load_images.from_folder", folder="OUTSIDE"), "n.images"),
    "linked folder, listed": (_literal("load_images.from_folder", folder=UP), "n.images"),
    "names": (_literal("load_images.names", folder="OUTSIDE"), "n.names"),
    "folder by wire": (_by_wire("load_images.names", "folder", "OUTSIDE"), "n.names"),
    "wildcards": (_literal("prompt_variants.lines", name="secret", folder="OUTSIDE"), "n.texts"),
    "wildcard names": (_literal("prompt_variants.wildcards", folder="OUTSIDE"), "n.names"),
    "wildcards by wire": (_by_wire("prompt_variants.wildcards", "folder", "OUTSIDE"), "n.names"),
    "dynamic prompt": (
        _literal("prompt_variants.random", text="__secret__", folder="OUTSIDE"),
        "n.text",
    ),
    "model": (_literal("load.checkpoint", name="OUTSIDE/secret.txt"), "n.model"),
    "model by ..": (_literal("load.checkpoint", name="../../OUTSIDE/secret.txt"), "n.model"),
    "model by wire": (_by_wire("load.checkpoint", "name", "OUTSIDE/secret.txt"), "n.model"),
    "LoRA": (_literal("upscale.load", name="/etc/passwd"), "n.upscaler"),
    "pickle": (_literal("hypernetwork.load", name="BASE/output/x.pt"), "n.hypernetwork"),
    "group file": (
        {"n": {"type": "flow.graph", "graph": "OUTSIDE/secret.json"}},
        "n.x",
    ),
    "group file of ours": ({"n": {"type": "flow.graph", "graph": "link-secret.json"}}, "n.x"),
    "nul": (_literal("load.image", path="BASE/input/x\0.png"), "n.image"),
    "device": (_literal("load.image", path="/dev/zero"), "n.image"),
    "windows": (_literal("load.image", path="\\\\host\\share\\x.png"), "n.image"),
}


@pytest.mark.parametrize("how", READS)
def test_no_graph_reads_elsewhere(target: Target, how: str) -> None:
    nodes, output = READS[how]
    told = json.dumps({"nodeflow": 1, "nodes": nodes, "outputs": {"out": output}})
    told = told.replace("OUTSIDE", str(target.outside)).replace("BASE", str(target.base))
    problems = target.refuses(json.loads(told))
    assert problems
    words = json.dumps(problems)
    assert SECRET not in words
    assert "root:" not in words
    assert "unknown-type" not in words
    assert "unknown-port" not in words
    assert "missing-output" not in words


@pytest.mark.parametrize("there", ["secret.png", "nothing.png"])
def test_a_graph_learns_not_what_is_there(target: Target, there: str) -> None:
    """What is refused is refused alike whether it exists or not."""
    graph = {"nodeflow": 1, "nodes": _literal("load.image", path=f"{target.outside}/{there}")}
    problems = target.refuses(graph)
    told = json.dumps(problems).replace(there, "NAME")
    graph["nodes"] = _literal("load.image", path=f"{target.outside}/other.png")
    other = json.dumps(target.refuses(graph)).replace("other.png", "NAME")
    assert told == other


def _picture(**save: Any) -> dict[str, Any]:
    return {
        "i": {"type": "image.solid", "params": {"width": 8, "height": 8}},
        "n": {**save, "links": {"image": "i.image", **save.get("links", {})}},
    }


NAMES = [
    *("../x", "../../x", "/tmp/nodeflow-attack", "up/x", "a/../../x", "..\\x", "C:\\x", "C:x"),
    *("\\\\host\\x", "x\0y", "con", "a/nul.png", "x/" * 2000 + "x", "~/../../x", "x" * 5000),
]


@pytest.mark.parametrize("name", NAMES)
def test_no_graph_writes_elsewhere(target: Target, name: str) -> None:
    for type, wired in (("image.save_as", False), ("image.save", True), ("save.jpeg", True)):
        if wired:
            nodes = _picture(type=type, links={"name": "t.value"})
            nodes["t"] = {"type": "value.text", "params": {"value": name}}
        else:
            nodes = _picture(type=type, params={"name": name})
        graph = {"nodeflow": 1, "nodes": nodes, "outputs": {"paths": "n.paths"}}
        problems = target.refuses(graph)
        assert problems
        assert "unknown" not in problems[0]["code"], problems


def test_a_prompt_that_makes_a_file_name(target: Target) -> None:
    nodes = _picture(type="image.save", links={"name": "t.value"})
    nodes["p"] = {"type": "value.text", "params": {"value": "../../a cat, <b>bold</b>"}}
    nodes["t"] = {"type": "string.upper", "links": {"text": "p.value"}}
    graph = {"nodeflow": 1, "nodes": nodes, "outputs": {"paths": "n.paths"}}
    (problem,) = target.refuses(graph)
    assert "output folder" in problem["message"]


# ── what is told is never a page ────────────────────────────────────────────────────────────────

SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'"


def test_script_is_only_text(target: Target) -> None:
    node = {"type": SCRIPT, "params": {SCRIPT: SCRIPT}, "links": {SCRIPT: f"{SCRIPT}.x"}}
    graph = {"nodeflow": 1, "title": SCRIPT, "description": SCRIPT, "nodes": {SCRIPT: node}}
    word = quote(SCRIPT, safe="")
    answers = [
        target.ask("POST", f"{API}/validate", {"graph": graph}),
        target.ask("POST", f"{API}/runs", {"graph": graph, "title": SCRIPT}),
        target.ask("POST", f"{API}/runs", {SCRIPT: SCRIPT}),
        target.ask("POST", f"{API}/open", json.dumps(graph).encode()),
        target.ask("POST", f"{API}/open", SCRIPT.encode()),
        target.ask("GET", f"{API}/runs/{word}"),
        target.ask("GET", f"{API}/{word}"),
        target.ask("GET", f"/{word}"),
        target.ask("GET", f"/?x={word}"),
        target.ask("GET", f"{API}/files/{word}/x"),
        target.ask("GET", f"{API}/files/output/{word}"),
        target.ask("GET", f"{API}/graphs/{word}"),
        target.ask("PUT", f"{API}/graphs/{word}", graph),
        target.ask("GET", f"{API}/outputs?after={word}"),
        target.ask("DELETE", f"/{word}"),
        target.ask("GET", f"{API}/info", None, Host=SCRIPT),
        target.ask("GET", f"{API}/info", None, Origin=SCRIPT),
        target.ask("BREW", f"{API}/info"),
        target.ask("GET", "/api/v1/info", None, Accept="text/html", Referer=SCRIPT),
    ]
    for answer in answers:
        kind = answer.headers["Content-Type"].split(";")[0]
        assert kind in ("application/json", "text/plain"), (answer.status, kind)
        by_parser = answer.status == 400 and kind == "text/plain"  # it was no request at all
        assert by_parser or answer.headers["X-Content-Type-Options"] == "nosniff"
        assert b"<script" not in answer.body or kind == "application/json"


def test_no_answer_tells_where_the_server_lives(target: Target) -> None:
    """Neither its folders nor those of the libraries, nor lines of code."""
    graphs = [
        {"nodeflow": 1, "nodes": _literal("load.checkpoint", name="nothing")},
        {"nodeflow": 1, "nodes": _literal("load.image", path="nothing.png")},
        {"nodeflow": 1, "nodes": _literal("load_images.names", folder="input/nothing")},
        {"nodeflow": 1, "nodes": _by_wire("load.checkpoint", "name", "nothing")},
        {"nodeflow": 1, "nodes": _by_wire("load.image", "path", f"{target.base}/input")},
    ]
    told = json.dumps([target.refuses(graph) for graph in graphs])
    told += target.ask("GET", f"{API}/nodes").body.decode()
    told += target.ask("GET", f"{API}/info").body.decode()
    told = told.replace(f"{target.base}/input", "")  # what the graph itself said
    for place in (
        str(target.base),
        str(Path(__file__).parents[2]),
        str(Path.home()),
        "site-packages",
    ):
        assert place not in told, told[max(0, told.find(place) - 200) : told.find(place) + 200]
