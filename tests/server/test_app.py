"""The application as a whole: the page, faults, limits, what starts and stops with it."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from nodeflow.server import app as module
from nodeflow.server.keys import HUB, RUNS, SETTINGS
from nodeflow.server.pages import add_page
from nodeflow.server.runs import ToolError
from serving import application, chain, is_over


@pytest.fixture
async def client(aiohttp_client: Any, tmp_path: Path) -> Any:
    return await aiohttp_client(application(tmp_path))


async def codes(response: Any, status: int) -> list[str]:
    """The codes of a refusal."""
    body = await response.json()
    assert response.status == status, body
    assert list(body) == ["problems"]
    return [problem["code"] for problem in body["problems"]]


async def test_info(client: Any) -> None:
    told = await (await client.get("/api/v1/info")).json()
    assert told["device"] == "cpu"
    assert "runs" in told["features"]


async def test_what_is_not_there(client: Any) -> None:
    assert await codes(await client.get("/api/v1/nothing"), 404) == ["no-such-route"]
    response = await client.put("/api/v1/info")
    assert await codes(response, 405) == ["wrong-method"]
    assert response.headers["Allow"] == "GET,HEAD"
    assert (await client.get("/nothing")).status == 404


MALFORMED = [
    (b"", "not-json"),
    (b"{", "not-json"),
    (b"\xff\xfe", "not-json"),
    (b"[]", "schema"),
    (b"null", "schema"),
    (b"[" * 200_000, "too-deep"),
    (b'{"graph":' * 5000 + b"1" + b"}" * 5000, "too-deep"),
    (b'{"graph": {"a": 1, "a": 2}}', "double-id"),
    (b'{"graph": {}, "graph": {}}', "double-id"),
    (b'{"graph": NaN}', "not-json"),
    (b'{"graph": {"x": 1e999}}', "no-number"),
    (b'{"graph": {"x": ' + b"9" * 5000 + b"}}", "not-json"),
    (b'{"graph": 3}', "schema"),
    (b'{"graph": {}, "grph": 1}', "schema"),
    (b'{"graph": {}}', "no-format"),
]


async def test_malformed_bodies(client: Any) -> None:
    headers = {"Content-Type": "application/json"}
    for body, code in MALFORMED:
        response = await client.post("/api/v1/runs", data=body, headers=headers)
        assert (await codes(response, 400))[0] == code, body[:80]


async def test_a_misspelt_field_is_told_by_its_place(client: Any) -> None:
    data = {"graph": chain(1), "every": 0, "trase": "full"}
    response = await client.post("/api/v1/runs", json=data)
    problems = (await response.json())["problems"]
    assert {problem["where"] for problem in problems} == {"every", "trase"}


async def test_only_json_is_taken(client: Any) -> None:
    """A page of another origin may send a form or text without being asked for leave."""
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        response = await client.post(
            "/api/v1/runs", data=json.dumps({"graph": chain(1)}), headers={"Content-Type": kind}
        )
        assert await codes(response, 415) == ["not-json"]


async def test_large_bodies(aiohttp_client: Any, tmp_path: Path) -> None:
    client = await aiohttp_client(application(tmp_path, limits={"body_bytes": 1000}))
    data = {"graph": {"x": "x" * 2000}}
    assert await codes(await client.post("/api/v1/validate", json=data), 413) == ["too-large"]

    async def endless() -> Any:
        for _ in range(100):
            yield b"[" * 100

    response = await client.post(
        "/api/v1/validate", data=endless(), headers={"Content-Type": "application/json"}
    )
    assert await codes(response, 413) == ["too-large"]


async def test_a_fault_of_ours_is_told_in_the_log_alone(
    aiohttp_client: Any, tmp_path: Path, caplog: Any
) -> None:
    app = application(tmp_path)

    async def fail(request: web.Request) -> web.Response:
        raise RuntimeError("the secret is in /home/me")

    app.router.add_get("/api/v1/fail", fail)
    client = await aiohttp_client(app)
    with caplog.at_level(logging.ERROR, "nodeflow.server"):
        response = await client.get("/api/v1/fail")
    assert await codes(response, 500) == ["internal"]
    assert "secret" not in await response.text()
    assert "the secret is in /home/me" in caplog.text


async def test_requests_are_logged_for_who_looks(client: Any, caplog: Any) -> None:
    with caplog.at_level(logging.DEBUG, "nodeflow.server.access"):
        await client.get("/api/v1/info?token=hidden")
    (record,) = [r for r in caplog.records if r.name == "nodeflow.server.access"]
    assert record.getMessage().startswith("GET /api/v1/info 200 ")
    assert "hidden" not in caplog.text


async def test_folders_are_made_and_the_queue_closed(tmp_path: Path, aiohttp_client: Any) -> None:
    client = await aiohttp_client(application(tmp_path))
    settings = client.app[SETTINGS]
    for folder in (settings.graphs, settings.output, settings.input, settings.temp):
        assert folder.is_dir()
    with pytest.raises(ToolError):  # once it answers, the worker is there
        await client.app[RUNS].call("no-such-tool", {})
    (worker,) = client.app[RUNS].workers
    process = worker.process
    assert process.returncode is None
    await client.close()
    assert process.returncode is not None
    assert not client.app[HUB].sockets


async def test_a_socket_hears_of_the_stop(client: Any) -> None:
    socket = await client.ws_connect("/api/v1/ws")
    await socket.receive_json()
    await socket.receive_json()
    await asyncio.gather(client.server.close(), socket.receive(timeout=10))
    assert socket.close_code == 1001


async def test_one_socket_for_both_apis(client: Any) -> None:
    """ComfyUI's socket speaks ComfyUI's words until its client asks for ours."""
    socket = await client.ws_connect("/ws?clientId=me")
    first = await socket.receive_json(timeout=10)
    assert first["type"] == "status"
    assert first["data"]["sid"] == "me"
    await socket.send_json({"type": "feature_flags", "data": {"nodeflow": 1}})
    while (message := await socket.receive_json(timeout=10))["type"] != "nf.queue":
        assert message["type"] in ("status", "feature_flags")
    response = await client.post("/api/v1/runs", json={"graph": chain(1)})
    run = (await response.json())["run"]
    heard: list[Any] = []
    while not is_over(heard, run):
        heard.append(await socket.receive_json(timeout=30))
    assert {message["type"].partition(".")[0] for message in heard} == {"nf"}


# ── the page ────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def built(tmp_path: Path) -> Path:
    folder = tmp_path / "web"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>ä</title>")
    (folder / "assets" / "index.js").write_text("let a = 1;\n" * 1000)
    (folder / "assets" / "x.woff2").write_bytes(b"\0\1")
    (tmp_path / "secret").write_text("secret")
    (folder / "assets" / "link.js").symlink_to(tmp_path / "secret")
    return folder


@pytest.fixture
async def page(built: Path, aiohttp_client: Any) -> Any:
    app = web.Application()
    add_page(app, built)
    return await aiohttp_client(app)


async def test_the_page_and_its_files(page: Any) -> None:
    response = await page.get("/")
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert response.headers["Cache-Control"] == "no-cache"
    assert "ä" in await response.text()
    script = await page.get("/assets/index.js")
    assert script.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert script.headers["Content-Encoding"] == "gzip"
    assert await script.text() == "let a = 1;\n" * 1000
    plain = await page.get("/assets/index.js", headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    assert await plain.text() == await script.text()
    etag = {"If-None-Match": script.headers["ETag"]}
    assert (await page.get("/assets/index.js", headers=etag)).status == 304


@pytest.mark.parametrize(
    "path",
    [
        *("/assets/", "/assets/../../secret", "/assets/%2e%2e/%2e%2e/secret", "/index.html"),
        *("/assets/link.js", "/..%2fsecret", "/assets/index.js%00", "/assets\\index.js"),
    ],
)
async def test_only_listed_files_are_served(page: Any, path: str) -> None:
    from yarl import URL

    response = await page.get(URL(path, encoded=True))
    assert response.status == 404


async def test_without_a_build_it_says_how(
    aiohttp_client: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr(module, "built_page", lambda: None)
    client = await aiohttp_client(application(tmp_path, headless=False))
    response = await client.get("/")
    assert response.status == 200
    assert "npm run build" in await response.text()


async def test_headless_serves_no_page(client: Any) -> None:
    assert (await client.get("/")).status == 404


async def test_a_template_shows_what_it_makes(aiohttp_client: Any, tmp_path: Path) -> None:
    client = await aiohttp_client(application(tmp_path))
    listed = (await (await client.get("/api/v1/templates")).json())["templates"]
    shown = {one["name"]: one["picture"] for one in listed}
    assert shown["text_to_image"]
    assert shown["models/sdxl"] == ""  # nothing here can make it
    lesson = await client.get(f"/{shown['learn/2_noise']}")
    assert lesson.status == 200
    assert lesson.content_type == "image/webp"
    assert (await lesson.read())[8:12] == b"WEBP"
    none = await client.get("/api/v1/template-pictures/models/sdxl")
    assert none.status == 404
