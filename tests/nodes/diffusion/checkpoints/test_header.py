"""Headers of weight files, good and damaged, without torch."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from nodes.diffusion.checkpoint_files import CheckpointError
from nodes.diffusion.checkpoints.header import read_header

WIDTHS = {"F16": 2, "F32": 4, "F8_E4M3": 1, "BF16": 2}


def write(path: Path, tensors: dict[str, tuple[str, list[int], bytes | None]]) -> Path:
    """A safetensors file by the format's own description; no bytes given are zeros."""
    header, body = {"__metadata__": {"format": "pt"}}, b""
    for name, (dtype, shape, data) in tensors.items():
        size = WIDTHS[dtype]
        for side in shape:
            size *= side
        header[name] = {  # type: ignore[assignment]
            "dtype": dtype,
            "shape": shape,
            "data_offsets": [len(body), len(body) + size],
        }
        body += data if data is not None else bytes(size)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)
    return path


def raw(path: Path, header: dict[str, object], body: bytes) -> Path:
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)
    return path


def test_names_types_and_shapes(tmp_path: Path) -> None:
    path = write(tmp_path / "a.safetensors", {"m.a": ("F16", [3, 4], None), "b": ("F32", [], None)})
    header = read_header(path)
    assert header.under("m.") == {"a": (3, 4)}
    assert header.tensors["b"].dtype == "F32"
    assert (header.count, header.metadata, header.format) == (13, {"format": "pt"}, "safetensors")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\x01", "cut short"),
        (b"\xff" * 20, "no safetensors file"),
        (struct.pack("<Q", 5) + b"{ no}", "damaged header"),
        (struct.pack("<Q", 2) + b"[]", "no safetensors file"),
        (struct.pack("<Q", 8) + b'{"a": 1}', "damaged header"),
        (b"PK\x03\x04" + bytes(30), "a pickle.*nodeflow models convert"),
        (b"\x80\x02}q" + bytes(30), "a pickle.*nodeflow models convert"),
        (b"<!DOCTYPE html><html>", "a web page: the download asked for a login"),
        (b"version https://git-lfs.github.com/spec/v1", "a Git LFS pointer"),
        (b"\x89PNG\r\n\x1a\n" + bytes(20), "a PNG picture"),
        (b"GGUF" + bytes(20), "damaged GGUF header: version 0"),
        (b"GGUF", "damaged GGUF header"),
    ],
)
def test_a_damaged_or_mislabelled_file_is_told(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "weights.safetensors"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=rf"weights\.safetensors.*{message}"):
        read_header(path)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"none\.safetensors is missing"):
        read_header(tmp_path / "none.safetensors")


@pytest.mark.parametrize("cut", [1, 10])
def test_a_download_that_broke_off_is_told(tmp_path: Path, cut: int) -> None:
    path = write(tmp_path / "a.safetensors", {"a": ("F16", [3, 4], None)})
    path.write_bytes(path.read_bytes()[:-cut])
    size = path.stat().st_size
    message = f"cut short: it has {size} bytes, but its header tells of {size + cut}"
    with pytest.raises(CheckpointError, match=message):
        read_header(path)


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ([4, 12], "a and b overlap"),
        ([12, 20], "a and b leave a gap"),
        ([8, 10], "in bytes 8 to 10"),
    ],
)
def test_offsets_that_make_no_sense_are_told(
    tmp_path: Path, second: list[int], message: str
) -> None:
    tensors = {
        "a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
        "b": {"dtype": "F32", "shape": [2], "data_offsets": second},
    }
    path = raw(tmp_path / "a.safetensors", dict(tensors), bytes(20))
    with pytest.raises(CheckpointError, match=message):
        read_header(path)


def test_an_index_holds_its_files_together(tmp_path: Path) -> None:
    write(tmp_path / "one.safetensors", {"a": ("F16", [2], None)})
    write(tmp_path / "two.safetensors", {"b": ("F16", [3], None)})
    index = tmp_path / "model.safetensors.index.json"
    weights = {"a": "one.safetensors", "b": "two.safetensors"}
    index.write_text(json.dumps({"weight_map": weights}), "utf-8")
    header = read_header(index)
    assert header.under("") == {"a": (2,), "b": (3,)}
    assert [file.name for file in header.files] == ["one.safetensors", "two.safetensors"]
    index.write_text(json.dumps({"weight_map": {**weights, "c": "two.safetensors"}}), "utf-8")
    with pytest.raises(CheckpointError, match=r"1 tensors are listed but in none of the files.* c"):
        read_header(index)


def test_scales_of_8_bit_weights_are_no_weights(tmp_path: Path) -> None:
    header = read_header(
        write(
            tmp_path / "a.safetensors",
            {
                "x.weight": ("F8_E4M3", [2], None),
                "x.scale_weight": ("F32", [], None),
                "x.input_scale": ("F32", [], None),
                "y.weight": ("F8_E4M3", [2], None),
                "scaled_fp8": ("F8_E4M3", [2], None),
            },
        )
    )
    assert set(header.tensors) == {"x.weight", "y.weight"}
    assert set(header.scales) == {"x.weight"}


@pytest.mark.parametrize(
    ("dtype", "data"),
    [
        ("F32", struct.pack("<3f", 1.5, -2, 0)),
        ("F16", struct.pack("<3e", 1.5, -2, 0)),
        ("BF16", bytes.fromhex("c03f 00c0 0000")),
        ("F8_E4M3", bytes([0b0_0111_100, 0b1_1000_000, 0])),
    ],
)
def test_small_tensors_are_read_without_torch(tmp_path: Path, dtype: str, data: bytes) -> None:
    header = read_header(write(tmp_path / "a.safetensors", {"a": (dtype, [3], data)}))
    assert header.floats_of("a") == [1.5, -2, 0]
