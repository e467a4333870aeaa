"""Picture files: what is read, what is refused, what is written, and that files are whole."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow

from nodeflow.errors import InputError
from nodes.image_files import (
    encode_pictures,
    read_pixels,
    save_for_people,
    save_mask_for_people,
)
from nodes.types import Image, Mask


def exact(value: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(value, expected, rtol=0, atol=0)


def bytes8(*shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)


@pytest.mark.parametrize("channels", [3, 4])
def test_written_and_read_again_is_the_same(tmp_path: Path, channels: int) -> None:
    pixels = bytes8(1, 5, 7, channels).float() / 255
    [path] = save_for_people(Image(pixels), tmp_path / "deep" / "p", {})
    assert path == tmp_path / "deep" / "p.png"
    exact(read_pixels(path), pixels)


def test_values_are_clamped_and_rounded_half_to_even(tmp_path: Path) -> None:
    # 0.5 * 255 is 127.5 exactly, which is nearer to neither; the even one is 128.
    pixels = torch.tensor([-1.0, 0.5, 2.0]).view(1, 1, 1, 3)
    [path] = save_for_people(Image(pixels), tmp_path / "p", {})
    assert np.asarray(Pillow.open(path)).tolist() == [[[0, 128, 255]]]


def test_several_pictures_are_numbered_and_keep_a_dot_in_the_name(tmp_path: Path) -> None:
    paths = save_for_people(Image(torch.zeros(2, 1, 1, 3)), tmp_path / "v1.5", {})
    assert [p.name for p in paths] == ["v1.5_000.png", "v1.5_001.png"]


def test_masks_are_grey(tmp_path: Path) -> None:
    [path] = save_mask_for_people(Mask(torch.tensor([[[0.0, 1.0]]])), tmp_path / "m", {})
    picture = Pillow.open(path)
    assert picture.mode == "L"
    assert np.asarray(picture).tolist() == [[0, 255]]


def test_metadata_is_read_back_whatever_its_alphabet(tmp_path: Path) -> None:
    metadata = {"nodeflow": '{"nodes": {}}', "prompt": "кошка и 猫", "a": "café\nline"}
    [path] = save_for_people(Image(torch.zeros(1, 1, 1, 3)), tmp_path / "p", metadata)
    assert Pillow.open(path).text == metadata


def test_bytes_do_not_depend_on_the_order_of_metadata() -> None:
    pixels = bytes8(1, 4, 4, 3).float() / 255
    first = encode_pictures(pixels, "image", {"a": "1", "b": "2"})
    assert first == encode_pictures(pixels, "image", {"b": "2", "a": "1"})


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_nan_is_an_error_and_no_black_picture(tmp_path: Path, bad: float) -> None:
    pixels = torch.zeros(2, 2, 2, 3)
    pixels[1, 0, 0, 0] = bad
    with pytest.raises(InputError, match="1 values that are NaN or infinite in picture 1"):
        save_for_people(Image(pixels), tmp_path / "p", {})
    assert list(tmp_path.iterdir()) == []


def test_a_batch_of_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"shape \[0, 2, 2, 3\]"):
        save_for_people(Image(torch.zeros(0, 2, 2, 3)), tmp_path / "p", {})


def test_exif_orientation_turns_the_picture(tmp_path: Path) -> None:
    picture = Pillow.fromarray(bytes8(2, 3, 3).numpy())
    exif = Pillow.Exif()
    exif[0x0112] = 6  # the camera was turned: 90 degrees clockwise puts it right
    picture.save(tmp_path / "p.png", exif=exif)
    upright = torch.rot90(torch.from_numpy(np.asarray(picture).copy()), -1).float() / 255
    exact(read_pixels(tmp_path / "p.png")[0], upright)


def test_palette_with_transparency_becomes_rgba(tmp_path: Path) -> None:
    picture = Pillow.new("P", (2, 1))
    picture.putpalette([255, 0, 0, 0, 0, 255])
    picture.putpixel((1, 0), 1)
    picture.save(tmp_path / "p.png", transparency=1)
    pixels = read_pixels(tmp_path / "p.png")
    assert pixels.tolist() == [[[[1, 0, 0, 1], [0, 0, 1, 0]]]]


def test_a_palette_without_transparency_becomes_rgb(tmp_path: Path) -> None:
    picture = Pillow.new("P", (1, 1))
    picture.putpalette([255, 0, 0])
    picture.save(tmp_path / "p.gif")
    assert read_pixels(tmp_path / "p.gif").tolist() == [[[[1, 0, 0]]]]


@pytest.mark.parametrize(
    ("mode", "colour", "expected"),
    [("1", 1, [1, 1, 1]), ("L", 51, [0.2, 0.2, 0.2]), ("LA", (51, 0), [0.2, 0.2, 0.2, 0])],
)
def test_grey_becomes_rgb(
    tmp_path: Path, mode: str, colour: int | tuple[int, int], expected: list[float]
) -> None:
    Pillow.new(mode, (1, 1), colour).save(tmp_path / "p.png")
    exact(read_pixels(tmp_path / "p.png")[0, 0, 0], torch.tensor(expected, dtype=torch.float32))


def test_cmyk_becomes_rgb(tmp_path: Path) -> None:
    Pillow.new("CMYK", (1, 1), (255, 0, 0, 0)).save(tmp_path / "p.tif")
    assert read_pixels(tmp_path / "p.tif").tolist() == [[[[0, 1, 1]]]]


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bit_keeps_its_precision(tmp_path: Path, suffix: str) -> None:
    values = np.array([[0, 1, 65535]], dtype=np.uint16)
    Pillow.fromarray(values).save(tmp_path / f"p.{suffix}")
    expected = torch.tensor([0, 1 / 65535, 1])
    exact(read_pixels(tmp_path / f"p.{suffix}")[0, 0, :, 1], expected)


def test_floats_beyond_one_are_refused_with_their_range(tmp_path: Path) -> None:
    Pillow.fromarray(np.array([[0.0, 3.0]], dtype=np.float32)).save(tmp_path / "p.tif")
    with pytest.raises(InputError, match=r"values from 0 to 3, expected values in 0\.\.1"):
        read_pixels(tmp_path / "p.tif")


def test_what_is_no_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "p.png").write_text("<html>moved</html>")
    with pytest.raises(InputError, match=r"p\.png: 18 bytes that begin with b'<html>moved<'"):
        read_pixels(tmp_path / "p.png")


def test_an_empty_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "p.png").touch()
    with pytest.raises(InputError, match=r"an empty file \(0 bytes\)"):
        read_pixels(tmp_path / "p.png")


def test_a_missing_file_and_a_folder_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing there"):
        read_pixels(tmp_path / "p.png")
    with pytest.raises(InputError, match="a folder"):
        read_pixels(tmp_path)


# Pillow warns of what it skips in a broken TIFF before it gives up; the error is what counts.
@pytest.mark.filterwarnings("ignore:Corrupt EXIF data", "ignore:Possibly corrupt EXIF data")
@pytest.mark.filterwarnings("ignore:Truncated File Read")
@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "gif", "tif", "bmp"])
def test_every_truncation_is_an_input_error(tmp_path: Path, suffix: str) -> None:
    whole = tmp_path / f"whole.{suffix}"
    Pillow.fromarray(bytes8(16, 16, 3).numpy()).save(whole)
    data, path = whole.read_bytes(), tmp_path / f"part.{suffix}"
    for length in range(1, len(data) // 2, 7):
        path.write_bytes(data[:length])
        with pytest.raises(InputError, match="part"):
            read_pixels(path)


@settings(max_examples=60, deadline=None)
@given(place=st.integers(8, 300), value=st.integers(0, 255))
def test_a_damaged_byte_gives_a_picture_or_an_input_error(
    tmp_path_factory: pytest.TempPathFactory, place: int, value: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.png"
    Pillow.fromarray(bytes8(8, 8, 3).numpy()).save(path)
    data = bytearray(path.read_bytes())
    data[place % len(data)] = value
    path.write_bytes(data)
    try:
        outcome = str(list(read_pixels(path).shape))
    except InputError as error:
        outcome = str(error)
    assert outcome.startswith("[1, ") or "damaged.png" in outcome


def test_a_decompression_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Pillow.new("L", (30, 30)).save(tmp_path / "p.png")
    monkeypatch.setattr(Pillow, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(InputError, match="expected at most 200 pixels"):
        read_pixels(tmp_path / "p.png")


def test_nothing_is_left_behind_when_writing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "p.png").write_bytes(b"older")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        save_for_people(Image(torch.zeros(1, 1, 1, 3)), tmp_path / "p", {})
    assert [p.name for p in tmp_path.iterdir()] == ["p.png"]
    assert (tmp_path / "p.png").read_bytes() == b"older"
