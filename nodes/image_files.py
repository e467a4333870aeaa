"""Picture files: read as tensors, written as PNG with the graph inside. No node lives here.

Imports neither torch nor Pillow before a function is called.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nodeflow.errors import InputError
from nodes.whole_files import write_whole

if TYPE_CHECKING:
    import torch

    from nodes.types import Image, Mask

COMPRESSION = 6  # zlib's own default; fixed, so that equal pictures are equal files
# What Pillow's decoders raise on damaged files, found by feeding them some: they share no base.
_BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    RuntimeError,
    struct.error,
)
_FORMATS = "a picture in a format that Pillow reads (PNG, JPEG, WebP, TIFF, GIF, BMP …)"


def read_pixels(path: Path) -> torch.Tensor:
    """The picture in `path` as float32 [1, H, W, 3 or 4] in 0..1; 4 where it can be transparent.

    Turned upright by its EXIF orientation. Palettes, greyscale and CMYK become RGB without colour
    management. 16-bit greyscale keeps its precision; Pillow reads other 16-bit PNG as 8. Of an
    animation, the first frame. The port named in errors is `path`.

    Raises:
        InputError: not a file, empty, no picture, truncated, or larger than Pillow's
            decompression-bomb limit; says what was found.
    """
    import numpy as np
    import torch
    from PIL import Image as Pillow
    from PIL import ImageOps, UnidentifiedImageError

    size = _size_of(path)
    try:
        with Pillow.open(path) as file:
            values = _unit_floats(ImageOps.exif_transpose(file), path)  # [H, W, 3 or 4]
    except Pillow.DecompressionBombError as error:
        limit = f"at most {2 * (Pillow.MAX_IMAGE_PIXELS or 0)} pixels"
        raise InputError("path", f"{path}: {error}", limit, "shrink it elsewhere first") from error
    except UnidentifiedImageError as error:
        got = f"{path}: {size} bytes that begin with {_first_bytes(path)}"
        raise InputError("path", got, _FORMATS, "is it a picture at all?") from error
    except _BROKEN as error:
        got = f"{path}: {size} bytes, broken: {error}"
        hint = "the file is damaged or was not copied whole; get it again"
        raise InputError("path", got, "a whole picture", hint) from error
    return torch.from_numpy(np.ascontiguousarray(values)).unsqueeze(0)  # [1, H, W, C]


def _size_of(path: Path) -> int:
    if not path.is_file():
        found = "a folder" if path.is_dir() else "nothing there"
        raise InputError("path", f"{path}: {found}", "a picture file", "check the path")
    size = path.stat().st_size
    if size == 0:
        raise InputError("path", f"{path}: an empty file (0 bytes)", _FORMATS, "get it again")
    return size


def _first_bytes(path: Path) -> str:
    with path.open("rb") as file:
        return repr(file.read(12))


def _unit_floats(picture: Any, path: Path) -> Any:
    """A Pillow picture as a NumPy array, float32 [H, W, 3 or 4] in 0..1."""
    import numpy as np

    if picture.mode[0] in "IF":  # one channel deeper than 8 bit: I, I;16, I;16B, I;16L, F
        top = 1.0 if picture.mode == "F" else 65535.0
        grey = np.asarray(picture).astype(np.float64) / top
        if not (grey.min() >= 0 and grey.max() <= 1):
            got = f"{path}: values from {grey.min() * top:g} to {grey.max() * top:g}"
            hint = "scale them before, in what made the file"
            raise InputError("path", got, f"values in 0..{top:g} in mode {picture.mode}", hint)
        return np.repeat(grey.astype(np.float32)[:, :, None], 3, axis=2)
    mode = "RGBA" if picture.has_transparency_data else "RGB"
    return np.asarray(picture.convert(mode)).astype(np.float32) / np.float32(255)


def save_for_people(value: Image, stem: Path, metadata: Mapping[str, str]) -> list[Path]:
    """Write `<stem>.png`, or `<stem>_000.png`, `<stem>_001.png` … for several pictures.

    8 bit: clamped to 0..1, times 255, rounded half to even. `metadata` becomes text chunks.
    What stood at those names is replaced, each file at once and never in part.

    Raises:
        InputError: a pixel is NaN or infinite; nothing was written.
    """
    return _write_all(encode_pictures(value.pixels, "image", metadata), stem)


def save_mask_for_people(value: Mask, stem: Path, metadata: Mapping[str, str]) -> list[Path]:
    """Write masks as greyscale PNG, white where the mask is 1; names as in `save_for_people`."""
    return _write_all(encode_pictures(value.values.unsqueeze(-1), "mask", metadata), stem)


def _write_all(files: list[bytes], stem: Path) -> list[Path]:
    paths = numbered(stem, len(files))
    for path, data in zip(paths, files, strict=True):
        write_whole(path, data)
    return paths


def numbered(stem: Path, count: int) -> list[Path]:
    """`stem.png` for one file; `stem_000.png` and so on for several."""
    if count == 1:
        return [stem.with_name(f"{stem.name}.png")]
    return [stem.with_name(f"{stem.name}_{k:03}.png") for k in range(count)]


def encode_pictures(pixels: torch.Tensor, port: str, metadata: Mapping[str, str]) -> list[bytes]:
    """Each picture of [B, H, W, 1, 3 or 4] as the bytes of a PNG file, the same for the same input.

    Keys of `metadata` are written in order; no time is. Text outside Latin-1 becomes iTXt.
    """
    from PIL import Image as Pillow
    from PIL.PngImagePlugin import PngInfo

    check_savable(pixels, port)
    info = PngInfo()
    for key in sorted(metadata):
        info.add_text(key, metadata[key])
    files = []
    for picture in pixels.detach().cpu():  # [H, W, C]
        bytes8 = (picture.float().clamp(0, 1) * 255).round().byte()
        array = bytes8.squeeze(-1).numpy() if bytes8.shape[-1] == 1 else bytes8.numpy()
        buffer = BytesIO()
        encoded = Pillow.fromarray(array)
        encoded.save(buffer, "PNG", pnginfo=info, compress_level=COMPRESSION)
        files.append(buffer.getvalue())
    return files


def check_savable(pixels: torch.Tensor, port: str) -> None:
    """Refuse what no file can hold: no pictures at all, or values that are no numbers."""
    shape = list(pixels.shape)
    if len(shape) != 4 or shape[-1] not in (1, 3, 4) or 0 in shape:
        raise InputError(port, f"shape {shape}", "[B, H, W, 3 or 4], none of them 0")
    bad = (~pixels.isfinite()).flatten(1).sum(1).tolist()
    if any(bad):
        k, count = next((k, n) for k, n in enumerate(bad) if n)
        hint = "half precision often overflows here; decode or sample in float32"
        got = f"{count} values that are NaN or infinite in picture {k}"
        raise InputError(port, got, "numbers in 0..1", hint)
