"""Graphs in pictures: text chunks of every kind, damage, bombs, and pictures of other programs."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest

from nodeflow.errors import GraphFormatError
from nodeflow.formats import picture
from nodeflow.formats.picture import (
    PictureError,
    is_picture,
    is_png,
    read_picture_graph,
    read_picture_metadata,
    read_texts,
)
from nodeflow.registry import Registry

GRAPH = {"nodeflow": 1, "nodes": {"n": {"type": "t.number", "params": {"value": 3}}}}


def chunk(kind: bytes, data: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + checksum


def text_chunk(key: str, value: str) -> bytes:
    return chunk(b"tEXt", key.encode() + b"\0" + value.encode("latin-1"))


def write_png(path: Path, *texts: bytes) -> Path:
    """A picture of one grey pixel, with these chunks before the pixel."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    pixel = chunk(b"IDAT", zlib.compress(b"\0\x80"))
    path.write_bytes(picture.SIGNATURE + header + b"".join(texts) + pixel + chunk(b"IEND", b""))
    return path


def fault(path: Path, read: Any = read_picture_metadata) -> str:
    with pytest.raises(GraphFormatError) as caught:
        read(path)
    return f"{caught.value.problems[0].code}: {caught.value.problems[0]}"


def test_a_png_is_told_by_its_first_bytes_not_its_name(tmp_path: Path) -> None:
    assert is_png(write_png(tmp_path / "picture.json"))
    (tmp_path / "graph.png").write_text("{}")
    assert not is_png(tmp_path / "graph.png")
    assert not is_png(tmp_path / "nothing.png")
    assert not is_png(tmp_path)


def test_texts_of_all_three_kinds(tmp_path: Path) -> None:
    path = write_png(
        tmp_path / "a.png",
        text_chunk("plain", "caf\xe9"),
        chunk(b"zTXt", b"packed\0\0" + zlib.compress(b"caf\xe9")),
        chunk(b"iTXt", b"wide\0\0\0de\0breit\0" + "猫".encode()),
        chunk(b"iTXt", b"both\0\1\0\0\0" + zlib.compress("猫".encode())),
        text_chunk("plain", "a second one does not count"),
    )
    assert read_texts(path) == {"plain": "café", "packed": "café", "wide": "猫", "both": "猫"}


def test_the_graph_comes_back(tmp_path: Path, registry: Registry) -> None:
    path = write_png(tmp_path / "a.png", text_chunk("nodeflow", json.dumps({"graph": GRAPH})))
    assert read_picture_graph(path, registry).nodes["n"].params == {"value": 3}


def test_texts_after_the_pixels_count(tmp_path: Path) -> None:
    path = write_png(tmp_path / "a.png")
    data = path.read_bytes()
    path.write_bytes(data[:-12] + text_chunk("late", "here") + data[-12:])
    assert read_texts(path) == {"late": "here"}


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("prompt", "a graph of ComfyUI"),
        ("workflow", "a graph of ComfyUI"),
        ("parameters", "AUTOMATIC1111"),
        ("Software", "without a graph"),
    ],
)
def test_a_picture_without_a_graph_says_what_it_has(
    tmp_path: Path, key: str, expected: str
) -> None:
    text = fault(write_png(tmp_path / "a.png", text_chunk(key, "{}")))
    assert text.startswith("no-graph: ")
    assert expected in text


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("{", "not-json"),
        ("[" * 200_000, "not-json"),
        ("[]", "no-graph"),
        ("{}", "no-graph"),
        ('{"graph": 3}', "no-graph"),
    ],
)
def test_a_text_that_is_no_graph_is_refused(tmp_path: Path, value: str, code: str) -> None:
    assert fault(write_png(tmp_path / "a.png", text_chunk("nodeflow", value))).startswith(code)


def test_a_graph_inside_with_faults_tells_them(tmp_path: Path, registry: Registry) -> None:
    data = json.dumps({"graph": {"nodeflow": 99, "nodes": {}}})
    path = write_png(tmp_path / "a.png", text_chunk("nodeflow", data))
    assert fault(path, lambda p: read_picture_graph(p, registry)).startswith("newer-format")


@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt"])
def test_a_text_that_unpacks_without_end_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: bytes
) -> None:
    monkeypatch.setattr(picture, "MAX_TEXT", 1 << 20)
    head = b"nodeflow\0\0" if kind == b"zTXt" else b"nodeflow\0\1\0\0\0"
    bomb = chunk(kind, head + zlib.compress(bytes(50 << 20)))
    assert len(bomb) < 1 << 20
    with pytest.raises(PictureError, match="unpack to more than 1 MiB"):
        read_texts(write_png(tmp_path / "bomb.png", bomb))


def test_many_texts_together_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture, "MAX_TEXT", 1 << 20)
    part = chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(400_000)))
    read_texts(write_png(tmp_path / "two.png", part, part))
    with pytest.raises(PictureError, match="more than 1 MiB"):
        read_texts(write_png(tmp_path / "three.png", part, part, part))


def test_a_chunk_that_claims_gigabytes_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(picture.SIGNATURE + struct.pack(">I4s", 0xFFFFFFFF, b"tEXt") + b"x")
    with pytest.raises(PictureError, match="more than 64 MiB"):
        read_texts(path)


def test_damage_is_told(tmp_path: Path) -> None:
    path = write_png(tmp_path / "a.png", text_chunk("nodeflow", "{}"))
    whole = path.read_bytes()
    for end in range(8, len(whole) - 12, 7):
        path.write_bytes(whole[:end])
        with pytest.raises(PictureError, match="cut short"):
            read_texts(path)
    path.write_bytes(whole.replace(b"nodeflow", b"nodeblow"))
    with pytest.raises(PictureError, match="wrong checksum in a tEXt chunk"):
        read_texts(path)
    write_png(path, chunk(b"zTXt", b"k\0\0not packed"))
    with pytest.raises(PictureError, match="damaged"):
        read_texts(path)
    path.write_bytes(b"BM6")
    with pytest.raises(PictureError, match="no PNG"):
        read_texts(path)
    assert fault(tmp_path / "gone.png").startswith("unreadable: ")


def write_comment(path: Path, comment: bytes, format: str = "WEBP") -> Path:
    """A picture of one pixel that says this in EXIF's UserComment, or in its comment."""
    from PIL import Image

    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = comment
    options = {"comment": comment} if format == "GIF" else {"exif": exif}
    Image.new("RGB", (1, 1)).save(path, format, **options)
    return path


@pytest.mark.parametrize("format", ["JPEG", "WEBP", "GIF"])
@pytest.mark.parametrize("letters", [b"", b"ASCII\0\0\0"])
def test_a_comment_holds_the_graph_too(
    tmp_path: Path, registry: Registry, format: str, letters: bytes
) -> None:
    texts = {"nodeflow": json.dumps({"graph": GRAPH}), "other": "text"}
    path = write_comment(tmp_path / "a.png", letters + json.dumps(texts).encode(), format)
    assert is_picture(path)
    assert not is_png(path)
    assert read_texts(path) == texts
    assert read_picture_graph(path, registry).nodes["n"].params == {"value": 3}


def test_what_is_no_picture_is_none(tmp_path: Path) -> None:
    for data in (b"", b"{}", b"RIFF1234WAVE", b"\0\0\0\x20ftypmp42"):
        (tmp_path / "a.webp").write_bytes(data)
        assert not is_picture(tmp_path / "a.webp")
    assert not is_picture(tmp_path)
    assert is_picture(write_png(tmp_path / "a.png"))


@pytest.mark.parametrize(
    ("comment", "expected"),
    [
        (b"a cat\nSteps: 20, Sampler: Euler", "AUTOMATIC1111"),
        (b"taken at the sea", "without a graph"),
        (b"", "without a graph"),
        (b"[1]", "without a graph"),
        (b"[" * 100_000, "without a graph"),
        (b'{"nodeflow": 3}', "without a graph"),
        (b"deflate:****", "damaged"),
        (b"deflate:" + base64.b64encode(b"not packed"), "damaged"),
    ],
)
def test_a_comment_that_is_no_graph_is_refused(
    tmp_path: Path, comment: bytes, expected: str
) -> None:
    assert expected in fault(write_comment(tmp_path / "a.webp", comment))


def test_a_comment_that_unpacks_without_end_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picture, "MAX_TEXT", 1 << 20)
    bomb = b"deflate:" + base64.b64encode(zlib.compress(bytes(50 << 20)))
    with pytest.raises(PictureError, match="unpack to more than 1 MiB"):
        read_texts(write_comment(tmp_path / "a.webp", bomb))
    with pytest.raises(PictureError, match="hold more than 1 MiB"):
        read_texts(write_comment(tmp_path / "a.webp", b" " * (2 << 20)))


@pytest.mark.parametrize("format", ["JPEG", "WEBP", "GIF"])
def test_a_damaged_picture_with_a_comment_is_told(tmp_path: Path, format: str) -> None:
    path = write_comment(tmp_path / "a.jpg", b"text", format)
    path.write_bytes(path.read_bytes()[:14])
    with pytest.raises(PictureError):
        read_texts(path)
