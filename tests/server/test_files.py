"""Files over HTTP: what is taken in and how it is kept, what is shown, and as what."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import struct
import zlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import FormData, web
from aiohttp.test_utils import TestClient, TestServer
from PIL import Image, PngImagePlugin

from nodeflow.registry import load_registry
from nodeflow.server import files, pictures, places, security
from nodeflow.server.keys import REGISTRY, SETTINGS
from nodeflow.server.settings import Limits, Settings
from nodeflow.server.wire import Refusal, problems_answer

ROOT = Path(__file__).parents[2]
API = "/api/v1"
LIMITS = Limits(upload_bytes=1 << 20, upload_pixels=250_000)


@web.middleware
async def _told(request: web.Request, handler: Any) -> Any:
    try:
        return await handler(request)
    except Refusal as error:
        return problems_answer(error.status, error.problems)


class Server:
    def __init__(self, client: Any, settings: Settings) -> None:
        self.client = client
        self.settings = settings
        self.input, self.output = settings.input, settings.output

    async def upload(self, data: bytes, name: str = "x.png", **more: Any) -> tuple[int, Any]:
        form = FormData()
        form.add_field("file", data, filename=name, **more)
        return await self.told("POST", "/files", data=form)

    async def told(self, method: str, path: str, **given: Any) -> tuple[int, Any]:
        """Status, and the JSON or the code of the first problem."""
        async with self.client.request(method, API + path, **given) as answer:
            body = await answer.read()
            data = json.loads(body) if answer.content_type == "application/json" else body
            if answer.status >= 400:
                data = data["problems"][0]["code"]
            return answer.status, data

    async def get(self, path: str, **given: Any) -> Any:
        async with self.client.get(API + path, **given) as answer:
            answer.body = await answer.read()
            return answer


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    settings = replace(Settings(base=tmp_path), limits=LIMITS)
    settings.output.mkdir()
    app = web.Application(middlewares=[_told])
    app[SETTINGS], app[REGISTRY] = settings, load_registry(())
    security.setup(app, settings)
    files.setup_routes(app)
    async with TestClient(TestServer(app)) as client:
        yield Server(client, settings)


def encoded(mode: str = "RGB", size: tuple[int, int] = (12, 8), kind: str = "PNG", **o: Any) -> Any:
    picture = Image.effect_noise(size, 60).convert(mode if mode != "LA" else "L").convert(mode)
    if mode in ("RGBA", "LA"):
        picture.putalpha(Image.linear_gradient("L").resize(size))
    file = io.BytesIO()
    picture.save(file, kind, **o)
    return file.getvalue()


def pixels(picture: Any) -> bytes:
    data: bytes = picture.tobytes()
    return data


def left(folder: Path) -> list[str]:
    """All files below a folder."""
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


# ── taking in ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", pictures.TAKEN)
async def test_a_picture_is_kept_as_png(server: Server, kind: str) -> None:
    data = encoded("RGB", kind=kind)
    status, told = await server.upload(data, f"../../my <cat>.{kind}")
    assert status == 201
    file = told["file"]
    assert (file["kind"], file["media_type"]) == ("input", "image/png")
    assert (file["width"], file["height"]) == (12, 8)
    kept = server.input / file["path"]
    assert kept.stat().st_size == file["bytes"]
    with Image.open(kept) as now, Image.open(io.BytesIO(data)) as before:
        assert now.format == "PNG"
        assert pixels(now.convert("RGB")) == pixels(before.convert("RGB"))
    assert Path(told["param"]).resolve() == kept.resolve()
    assert left(server.settings.base) == [f"input/{file['path']}"]


async def test_the_same_upload_is_the_same_file(server: Server) -> None:
    data = encoded()
    told = await asyncio.gather(*(server.upload(data, f"{k}.png") for k in range(6)))
    assert {status for status, _ in told} == {201}
    assert len({answer["file"]["path"] for _, answer in told}) == 1
    other = await server.upload(encoded("L"))
    assert len(left(server.input)) == 2
    assert other[1]["file"]["path"] != told[0][1]["file"]["path"]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
async def test_alpha_and_depth_are_kept(server: Server, mode: str) -> None:
    data = encoded(mode)
    _, told = await server.upload(data)
    with (
        Image.open(server.input / told["file"]["path"]) as now,
        Image.open(io.BytesIO(data)) as before,
    ):
        assert now.mode == ("RGB" if mode == "P" else mode)
        assert pixels(now) == pixels(before.convert(now.mode))


async def test_colours_under_what_is_see_through_are_kept(server: Server) -> None:
    picture, file = Image.new("RGBA", (4, 4), (10, 200, 30, 0)), io.BytesIO()
    picture.save(file, "PNG")
    _, told = await server.upload(file.getvalue())
    with Image.open(server.input / told["file"]["path"]) as now:
        assert now.getpixel((0, 0)) == (10, 200, 30, 0)


async def test_a_photograph_is_turned_upright_and_tells_nothing_more(server: Server) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "where I live"
    data = encoded("RGB", (12, 8), "JPEG", exif=exif, comment=b"where I live")
    _, told = await server.upload(data)
    assert (told["file"]["width"], told["file"]["height"]) == (8, 12)
    kept = (server.input / told["file"]["path"]).read_bytes()
    assert b"where I live" not in kept
    with Image.open(io.BytesIO(kept)) as now:
        assert now.info == {}
        assert dict(now.getexif()) == {}


HTML = b"<!doctype html><script>alert(1)</script>"


async def test_what_hides_behind_a_picture_is_gone(server: Server) -> None:
    note = PngImagePlugin.PngInfo()
    note.add_text("Comment", HTML.decode())
    for data in (
        encoded() + HTML,
        encoded(pnginfo=note),
        encoded(kind="GIF", comment=HTML),
        encoded(kind="JPEG") + b"PK\x03\x04" + HTML,
    ):
        status, told = await server.upload(data, "x.html", content_type="text/html")
        assert status == 201
        assert b"script" not in (server.input / told["file"]["path"]).read_bytes()


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@pytest.mark.parametrize(
    ("name", "data"),
    [
        *(("x.svg", SVG), ("x.png", SVG), ("x.html", HTML), ("x.png", HTML)),
        *(("x.png", b""), ("x.png", b"\x89PNG"), ("x.png", b"MZ\x90\x00" * 50)),
        *(("x.png", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n"),),
        *(("x.png", b"\x00\x00\x00\x0cjP  \r\n\x87\n" * 9), ("x.pdf", b"%PDF-1.7\n")),
        *(("x.json", b'{"nodeflow": 1}'), ("x.gif", b"GIF89a;<script>")),
    ],
)
async def test_what_is_no_picture_is_refused_by_what_is_in_it(
    server: Server, name: str, data: bytes
) -> None:
    status, code = await server.upload(data, name, content_type="image/png")
    assert (status, code) in ((415, "no-picture"), (400, "damaged"))
    assert left(server.settings.base) == []


async def test_a_damaged_picture_is_refused(server: Server) -> None:
    whole = encoded(size=(64, 64))
    flipped = whole[:200] + bytes([whole[200] ^ 255]) + whole[201:]
    for data in (whole[: len(whole) // 2], flipped, encoded(kind="JPEG", size=(64, 64))[:700]):
        assert await server.upload(data) == (400, "damaged")
    assert left(server.settings.base) == []


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png(width: int, height: int, *chunks: bytes) -> bytes:
    head = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + _chunk(b"IEND", b"")


ZEROS = zlib.compress(bytes(40 << 20), 9)
BOMBS = {
    "huge": _png(2**31 - 1, 2**31 - 1, _chunk(b"IDAT", ZEROS)),
    "large": _png(20000, 20000, _chunk(b"IDAT", ZEROS)),
    "thin": _png(2**31 - 1, 1, _chunk(b"IDAT", ZEROS)),
    "just too large": _png(1000, 251, _chunk(b"IDAT", ZEROS)),
    "text": _png(8, 8, _chunk(b"zTXt", b"a\0\0" + ZEROS), _chunk(b"IDAT", ZEROS)),
    "international text": _png(
        8, 8, _chunk(b"iTXt", b"a\0\1\0\0\0" + ZEROS), _chunk(b"IDAT", ZEROS)
    ),
    "profile": _png(8, 8, _chunk(b"iCCP", b"a\0\0" + ZEROS), _chunk(b"IDAT", ZEROS)),
    "gif": b"GIF89a" + struct.pack("<HH", 65535, 65535) + b"\x00" * 40,
    "bmp": b"BM" + struct.pack("<IHHIIiiHHIIiiII", 99, 0, 0, 54, 40, 60000, 60000, 1, 24, *[0] * 6),
}


@pytest.mark.parametrize("bomb", BOMBS)
async def test_a_bomb_does_not_go_off(server: Server, bomb: str) -> None:
    status, code = await server.upload(BOMBS[bomb])
    assert status in (201, 400, 413, 415)
    if status == 201:  # what was packed beside the picture was left where it was
        assert sum((server.input / name).stat().st_size for name in left(server.input)) < 1000
    else:
        assert code in ("too-large", "damaged", "no-picture")
        assert left(server.settings.base) == []
    # A dropped file is looked into as well: its texts are unpacked up to a bound.
    status, answer = await server.told("POST", "/open", data=BOMBS[bomb])
    assert status == 200
    assert answer["graph"] is None


async def test_too_many_bytes_are_refused_while_they_come(server: Server) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 64 << 20:
            sent += 1 << 16
            yield os.urandom(1 << 16)

    form = FormData()
    form.add_field("file", endless(), filename="x.png")
    with_length = FormData()
    with_length.add_field("file", io.BytesIO(bytes(5 << 20)), filename="x.png")
    assert await server.told("POST", "/files", data=with_length) == (413, "too-large")
    with contextlib.suppress(ConnectionError):  # the server hung up before all was sent
        assert await server.told("POST", "/files", data=form) == (413, "too-large")
    assert sent < 48 << 20
    assert left(server.settings.base) == []


@pytest.mark.parametrize(
    ("body", "type", "status"),
    [
        (b"x", "text/plain", 415),
        (b"x", "application/json", 415),
        (b"x", "multipart/mixed; boundary=a", 415),
        (b"x", "multipart/form-data", 400),
        (b"x", "multipart/form-data; boundary=", 400),
        (b"x", "multipart/form-data; boundary=" + "a" * 500, 400),
        (b"", "multipart/form-data; boundary=a", 400),
        (b"--a--\r\n", "multipart/form-data; boundary=a", 400),
        (b"--a\r\n\r\n", "multipart/form-data; boundary=a", 400),
        (b"--a\r\nContent-Disposition: nonsense\r\n\r\nx\r\n--a--\r\n", "FORM", 400),
        (b'--a\r\nContent-Disposition: form-data; name="x"\r\n\r\nv\r\n--a--\r\n', "FORM", 400),
        (
            b"--a\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n"
            b"--a--\r\n",
            "FORM",
            400,
        ),
        (b"--a\r\n" + b"X: y\r\n" * 20_000 + b"\r\nx\r\n--a--\r\n", "FORM", 400),
        (b"--a\r\nX: " + b"y" * 50_000 + b"\r\n\r\nx\r\n--a--\r\n", "FORM", 400),
        (
            b'--a\r\nContent-Disposition: form-data; name="x"\r\n\r\n' + b"v" * 200_000 + b"\r\n",
            "FORM",
            413,
        ),
        (
            b'--a\r\nContent-Disposition: form-data; name="x"\r\n\r\n\xff\r\n--a--\r\n',
            "FORM",
            400,
        ),
    ],
)
async def test_a_form_that_is_none_is_refused(
    server: Server, body: bytes, type: str, status: int
) -> None:
    kind = "multipart/form-data; boundary=a" if type == "FORM" else type
    found, _ = await server.told("POST", "/files", data=body, headers={"Content-Type": kind})
    assert found == status
    assert left(server.settings.base) == []


async def test_a_form_of_a_million_parts_is_refused(server: Server) -> None:
    part = b'--a\r\nContent-Disposition: form-data; name="x"\r\n\r\nv\r\n'
    for count in (20, 18_000):  # within what a form may weigh, and the most of them
        answer = await server.told(
            *("POST", "/files"),
            data=io.BytesIO(part * count + b"--a--\r\n"),
            headers={"Content-Type": "multipart/form-data; boundary=a"},
        )
        assert answer == (400, "bad-form")
    answer = await server.told(
        *("POST", "/files"),
        data=io.BytesIO(part * 1_000_000),
        headers={"Content-Type": "multipart/form-data; boundary=a"},
    )
    assert answer == (413, "too-large")


async def test_what_a_cut_upload_left_is_swept_away(server: Server) -> None:
    folder = server.settings.own / "uploads"
    folder.mkdir(parents=True)
    (folder / "old.part").write_bytes(b"x")
    os.utime(folder / "old.part", (0, 0))
    (folder / "now.part").write_bytes(b"x")
    await server.upload(encoded())
    assert left(folder) == ["now.part"]


# ── showing ─────────────────────────────────────────────────────────────────────────────────────


async def test_a_file_is_shown_in_parts_and_only_when_it_is_new(server: Server) -> None:
    data = encoded()
    (server.output / "a b").mkdir()
    (server.output / "a b/ü'\".png").write_bytes(data)
    path = "/files/output/a%20b/%C3%BC'%22.png"
    answer = await server.get(path)
    assert answer.body == data
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["Content-Disposition"].startswith('inline; filename="_\'_.png"')
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    again = await server.get(path, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status, again.body) == (304, b"")
    part = await server.get(path, headers={"Range": "bytes=2-5"})
    assert (part.status, part.body) == (206, data[2:6])
    beyond = await server.get(path, headers={"Range": "bytes=999999-"})
    assert beyond.status == 416
    kept = await server.get(path + "?download=1")
    assert kept.headers["Content-Disposition"].startswith("attachment")


@pytest.mark.parametrize("name", ["x.html", "x.svg", "x.js", "x", "x.png.html", "x.xml", "x.pdf"])
async def test_what_is_no_picture_is_handed_over_and_never_shown(server: Server, name: str) -> None:
    (server.output / name).write_bytes(HTML)
    answer = await server.get(f"/files/output/{name}")
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment")


async def test_a_lie_about_the_kind_stays_a_picture(server: Server) -> None:
    (server.output / "x.png").write_bytes(HTML)
    answer = await server.get("/files/output/x.png")
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert await server.told("GET", "/files/output/x.png?thumb=64") == (415, "no-picture")


async def test_thumbnails_are_made_once_and_bounded(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "KEPT_THUMBS", 10)
    (server.output / "x.png").write_bytes(encoded("RGBA", (400, 200)))
    answer = await server.get("/files/output/x.png?thumb=100")
    assert answer.headers["Content-Type"] == "image/webp"
    with Image.open(io.BytesIO(answer.body)) as small:
        assert (small.size, small.mode) == ((128, 64), "RGBA")
    thumbs = server.settings.own / "thumbs"
    assert len(left(thumbs)) == 1
    await server.get("/files/output/x.png?thumb=128")
    assert len(left(thumbs)) == 1
    (server.output / "x.png").write_bytes(encoded("RGB", (300, 200)))
    with Image.open(io.BytesIO((await server.get("/files/output/x.png?thumb=128")).body)) as new:
        assert new.mode == "RGB"
    for number in range(15):
        name = f"{number}.png"
        (server.output / name).write_bytes(encoded(size=(10 + number, 10)))
        assert (await server.get(f"/files/output/{name}?thumb=64")).status == 200
    assert len(left(thumbs)) <= 10
    for side in ("0", "-1", "x", "1025", "99999999999"):
        assert (await server.told("GET", f"/files/output/x.png?thumb={side}"))[0] == 400


async def test_no_thumbnail_of_a_bomb(server: Server) -> None:
    (server.output / "x.png").write_bytes(BOMBS["large"])
    assert await server.told("GET", "/files/output/x.png?thumb=64") == (413, "too-large")


# ── names ───────────────────────────────────────────────────────────────────────────────────────

BAD_NAMES = [
    *("", ".", "..", "/", "../x", "a/../../x", "a/../x", "/etc/passwd", "//etc/passwd", "a//b"),
    *("a/", "./a", "a/./b", "..\\x", "a\\..\\..\\x", "C:/x", "C:\\x", "c:x", "\\\\host\\x"),
    *("a\0b", "a\nb", "a\x7fb", "\u202eb", "\ud800", "x" * 300, "a/" * 600 + "a"),
    *(".hidden", "a/.hidden", "con", "NUL.png", "a/com1.txt", "lpt9 .x", "x.", "x "),
]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_leads_nowhere_else(tmp_path: Path, name: str) -> None:
    with pytest.raises(Refusal) as caught:
        places.confined(tmp_path, name)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    "name", ["a", "a/b.png", "ü é.png", "...a", "a..b", "%2e%2e", "~", "a:b/c:d"]
)
def test_a_name_is_a_file_of_the_folder(tmp_path: Path, name: str) -> None:
    if ":" in name.split("/")[0]:
        with pytest.raises(Refusal):
            places.confined(tmp_path, name)
    elif not name.startswith("."):
        assert places.confined(tmp_path, name) == tmp_path / name


def test_a_link_leads_nowhere_else(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "inside2"
    inside.mkdir()
    outside.mkdir()
    (outside / "x.png").write_bytes(b"")
    (inside / "file.png").symlink_to(outside / "x.png")
    (inside / "folder").symlink_to(outside)
    (inside / "ring").symlink_to(inside / "ring")
    (inside / "own").symlink_to(inside)
    for name in ("file.png", "folder/x.png", "folder"):
        with pytest.raises(Refusal) as caught:
            places.confined(inside, name)
        assert caught.value.status == 404
    with pytest.raises(Refusal):
        places.existing(inside, "ring")
    assert places.confined(inside, "own/y.png") == inside / "own/y.png"


async def test_what_is_not_there_is_not_there(server: Server) -> None:
    (server.output / "folder.png").mkdir()
    for path in ("output/x.png", "input/x.png", "temp/x", "output/folder.png", "output/a/b/c"):
        assert await server.told("GET", f"/files/{path}") == (404, "no-such-file")
        assert await server.told("DELETE", f"/files/{path}") == (404, "no-such-file")
    for kind in ("own", "base", "graphs", "traces", "__class__"):
        assert await server.told("GET", f"/files/{kind}/x") == (404, "no-such-kind")


# ── throwing away ───────────────────────────────────────────────────────────────────────────────


async def test_what_is_thrown_away_can_be_had_back_by_hand(server: Server) -> None:
    data = encoded()
    (server.output / "a").mkdir()
    (server.output / "a/x.png").write_bytes(data)
    assert await server.told("DELETE", "/outputs/a/x.png") == (204, b"")
    assert await server.told("DELETE", "/outputs/a/x.png") == (404, "no-such-file")
    trash = server.settings.own / "trash"
    assert [path.read_bytes() for path in trash.iterdir()] == [data]
    _, told = await server.upload(data)
    assert (await server.told("DELETE", f"/files/input/{told['file']['path']}"))[0] == 204
    assert left(server.input) == []


async def test_the_trash_is_bounded(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "KEPT_TRASH", 3)
    for number in range(5):
        (server.output / f"{number}.png").write_bytes(b"x")
        await server.told("DELETE", f"/outputs/{number}.png")
    kept = left(server.settings.own / "trash")
    assert [name[-5:] for name in kept] == ["2.png", "3.png", "4.png"]


# ── the gallery ─────────────────────────────────────────────────────────────────────────────────


def _saved(path: Path, at: int, graph: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    note = PngImagePlugin.PngInfo()
    if graph:
        note.add_text("nodeflow", json.dumps({"graph": {"nodeflow": 1, "nodes": {}}}))
    path.write_bytes(encoded(size=(16, 9), pnginfo=note))
    os.utime(path, ns=(at, at))


async def test_the_gallery_goes_from_new_to_old(server: Server) -> None:
    for number in range(23):
        _saved(server.output / f"{number % 3}/p{number}.png", 10**18 + number // 2 * 10**9)
    (server.output / ".hidden").mkdir()
    _saved(server.output / ".hidden/x.png", 1)
    (server.output / "note.txt").write_text("no picture")
    (server.output / "link.png").symlink_to(server.output / "0/p0.png")
    (server.output / "up").symlink_to(server.settings.base)
    seen: list[Any] = []
    after = ""
    for _ in range(5):
        _, page = await server.told("GET", "/outputs", params={"limit": 5, "after": after})
        seen += page["files"]
        after = page["next"]
    assert after == ""
    assert len(seen) == len({file["path"] for file in seen}) == 23
    order = [(-file["saved_at"], file["path"]) for file in seen]
    assert order == sorted(order)
    assert {(file["width"], file["height"], file["media_type"]) for file in seen} == {
        (16, 9, "image/png")
    }


async def test_one_asks_whether_a_file_is_there_and_hears_no_refusal(server: Server) -> None:
    _saved(server.settings.input / "sub/cat.png", 10**18)
    (server.settings.input / "note.txt").write_text("no picture")
    for name, found in (
        ("sub/cat.png", ["sub/cat.png"]),
        ("note.txt", ["note.txt"]),
        ("dog.png", []),
        ("sub", []),
        ("../input/sub/cat.png", []),
        ("/etc/passwd", []),
        ("a\0b.png", []),
        ("x" * 300, []),
    ):
        status, page = await server.told("GET", "/outputs", params={"kind": "input", "name": name})
        assert (status, [file["path"] for file in page["files"]]) == (200, found)


async def test_the_gallery_says_which_pictures_carry_a_graph(server: Server) -> None:
    _saved(server.output / "with.png", 2, graph=True)
    _saved(server.output / "without.png", 1)
    (server.output / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    _, page = await server.told("GET", "/outputs")
    assert {file["path"]: file["has_graph"] for file in page["files"]} == {
        "with.png": True,
        "without.png": False,
        "broken.png": False,
    }
    status, told = await server.told("GET", "/outputs/with.png/graph")
    assert (status, told["graph"]) == (200, {"nodeflow": 1, "nodes": {}})
    assert (await server.told("GET", "/outputs/without.png/graph"))[0] == 404
    assert (await server.told("GET", "/outputs/broken.png/graph"))[0] == 404
    assert (await server.told("GET", "/outputs/none.png/graph"))[0] == 404


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "limit=x", "after=x", "after=:", "after=1:", "after=١:x"]
)
async def test_a_page_that_is_none_is_refused(server: Server, query: str) -> None:
    assert (await server.told("GET", f"/outputs?{query}"))[0] == 400


# ── dropped files ───────────────────────────────────────────────────────────────────────────────

GRAPH = {"nodeflow": 1, "title": "t", "nodes": {"a": {"type": "no.such", "params": {"x": 1}}}}
PROMPT = {"3": {"class_type": "NoSuchNode", "inputs": {"seed": float("nan")}}}
WORKFLOW = {"nodes": [{"id": 1, "type": "KSampler"}], "links": [], "version": 0.4}
A1111 = (
    "a cat\nNegative prompt: ugly\n"
    "Steps: 20, Sampler: Euler a, CFG scale: 7.5, Seed: 5, Size: 512x768"
)


def _with_text(**texts: str) -> bytes:
    note = PngImagePlugin.PngInfo()
    for name, text in texts.items():
        note.add_text(name, text)
    data: bytes = encoded(pnginfo=note)
    return data


def _webp(make: str) -> bytes:
    exif = Image.Exif()
    exif[0x010F] = make
    data: bytes = encoded(kind="WEBP", exif=exif)
    return data


DROPPED = {
    "graph": (json.dumps(GRAPH).encode(), "nodeflow"),
    "graph with a mark": (b"\xef\xbb\xbf" + json.dumps(GRAPH).encode(), "nodeflow"),
    "request": (json.dumps({"graph": GRAPH, "inputs": {"seed": 3}}).encode(), "nodeflow"),
    "picture of ours": (_with_text(nodeflow=json.dumps({"graph": GRAPH})), "nodeflow"),
    "prompt": (json.dumps(PROMPT).encode(), "comfyui-api"),
    "request to ComfyUI": (json.dumps({"prompt": PROMPT}).encode(), "comfyui-api"),
    "picture of ComfyUI": (
        _with_text(prompt=json.dumps(PROMPT), workflow=json.dumps(WORKFLOW)),
        "comfyui-api",
    ),
    "WebP of ComfyUI": (_webp("prompt:" + json.dumps(PROMPT)), "comfyui-api"),
    "workflow": (json.dumps(WORKFLOW).encode(), "comfyui-ui"),
    "picture of a workflow": (_with_text(workflow=json.dumps(WORKFLOW)), "comfyui-ui"),
    "picture of AUTOMATIC1111": (_with_text(parameters=A1111), "a1111"),
    "text of AUTOMATIC1111": (A1111.encode(), "a1111"),
    "picture": (encoded(), "picture"),
    "cut picture": (_with_text(nodeflow=json.dumps({"graph": GRAPH}))[:80], "picture"),
    "picture of nonsense": (_with_text(nodeflow="{", prompt="[", workflow="1"), "picture"),
    "JSON": (b'{"a": 1}', "unknown"),
    "list": (b"[1, 2]", "unknown"),
    "nothing": (b" ", "unknown"),
    "no text": (b"\xff\xfe\x00", "unknown"),
    "page": (HTML, "unknown"),
    "deep": (b"[" * 100_000, "unknown"),
    "deep graph": (b'{"nodeflow": 1, "nodes": ' + b'{"a":' * 50_000 + b"1", "unknown"),
}


@pytest.mark.parametrize("what", DROPPED)
async def test_a_dropped_file_is_recognised(server: Server, what: str) -> None:
    data, kind = DROPPED[what]
    form = FormData()
    form.add_field("file", data, filename="../x.png")
    status, answer = await server.told("POST", "/open", data=form)
    assert status == 200
    assert answer["kind"] == kind
    assert (answer["graph"] is None) <= bool(answer["problems"])
    assert answer == (await server.told("POST", "/open", data=data))[1]
    if kind == "nodeflow":
        assert answer["graph"] == GRAPH
        assert answer["inputs"] == ({"seed": 3} if what == "request" else {})
    if kind == "a1111":
        wanted = {"prompt": "a cat", "negative_prompt": "ugly", "steps": 20, "guidance_scale": 7.5}
        assert answer["inputs"] == {**wanted, "seed": 5, "width": 512, "height": 768}
    assert left(server.settings.base) == []


async def test_a_graph_with_faults_is_told_with_all_of_them(server: Server) -> None:
    data = {"nodeflow": 1, "nodes": {"a": {"typ": "x"}, "b": {"type": "flow.graph", "graph": "/x"}}}
    _, answer = await server.told("POST", "/open", data=json.dumps(data).encode())
    assert answer["graph"] is None
    assert len(answer["problems"]) >= 2


async def test_a_dropped_file_is_bounded(server: Server) -> None:
    assert await server.told("POST", "/open", data=io.BytesIO(bytes(2 << 20))) == (413, "too-large")
    assert (await server.told("POST", "/open"))[0] == 400


async def test_every_graph_of_ours_opens_as_it_is(server: Server) -> None:
    for path in sorted((ROOT / "graphs").glob("*.json"))[:5]:
        _, answer = await server.told("POST", "/open", data=path.read_bytes())
        assert answer["kind"] == "nodeflow"
        assert answer["problems"] == []
        assert answer["graph"]["nodes"].keys() == json.loads(path.read_text())["nodes"].keys()
