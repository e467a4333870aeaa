"""Binary messages: read back as they were written, and as clients count their bytes."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodeflow.server.frames import Frame, pack, pack_comfy, pack_comfy_with_data, unpack

HEADS = st.dictionaries(st.text(), st.one_of(st.text(), st.integers(), st.none()))


@given(st.sampled_from([100, 101]), HEADS, st.binary())
def test_what_is_packed_is_unpacked(kind: int, head: dict[str, object], data: bytes) -> None:
    frame = Frame(kind, head, data)
    assert unpack(pack(frame)) == frame


def test_counts_are_big_endian() -> None:
    assert pack(Frame(100, {"a": 1}, b"xy")) == b"\0\0\0\x64" + b"\0\0\0\x07" + b'{"a":1}xy'


@pytest.mark.parametrize("cut", [0, 7, 9, 14])
def test_a_frame_cut_short_is_refused(cut: int) -> None:
    with pytest.raises(ValueError, match=r"bytes|Expecting"):
        unpack(pack(Frame(100, {"a": 1}, b""))[:cut])


def test_a_head_that_is_no_object_is_refused() -> None:
    with pytest.raises(ValueError, match="no object"):
        unpack(struct.pack(">II", 100, 2) + b"[]")


def test_previews_for_comfyui() -> None:
    assert pack_comfy(b"jpeg") == struct.pack(">II", 1, 1) + b"jpeg"
    assert pack_comfy(b"png", png=True) == struct.pack(">II", 1, 2) + b"png"
    message = pack_comfy_with_data(b"jpeg", {"node_id": "3"})
    assert struct.unpack_from(">II", message) == (4, 15)
    assert message[8:] == b'{"node_id":"3"}jpeg'
