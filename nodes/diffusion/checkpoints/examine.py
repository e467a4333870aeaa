"""What can be said of a model before it is loaded, from names and headers. Imports no torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from nodes.diffusion import checkpoint_files
from nodes.diffusion.checkpoint_files import CheckpointError, why_no_pickle
from nodes.diffusion.checkpoints import kinds, recognise
from nodes.diffusion.checkpoints.families import Part
from nodes.diffusion.checkpoints.header import Header, read_header, read_headers

DTYPES = ("auto", "float32", "float16", "bfloat16")
_WANTED: dict[str, Callable[[Header], object]] = {
    "diffusion_models": recognise.wanted_denoiser,
    "vae": recognise.wanted_vae,
    "text_encoders": recognise.wanted_encoders,
}
_OUTPUTS = {"vae": "vae", "denoiser": "model"}  # what is neither is part of the clip


def check(kind: str, path: Path) -> None:
    """Raise `CheckpointError` unless what is at `path` is a whole model of the kind, as far as
    shows without its weights."""
    if path.is_dir():
        _check_folder(kind, path)
    elif kind == "hypernetworks" and path.suffix.lower() == ".pt":
        _check_pickle(path)
    elif path.suffix.lower() in checkpoint_files.PICKLES and kind in ("checkpoints", *_WANTED):
        raise CheckpointError(why_no_pickle(path))
    else:
        _check_header(kind, read_header(path))


def _check_header(kind: str, header: Header) -> None:
    if kind == "checkpoints":
        recognise.check_whole(header, recognise.recognise(header))
    elif kind in _WANTED:
        _WANTED[kind](header)
    elif kind == "upscale_models" and recognise.known(header):  # theirs have many names
        found = recognise.describe(header)
        raise CheckpointError(f"{header.path}: expected an upscaler, found {found}")
    else:
        kinds.check(kind, header, recognise.describe)


def _check_pickle(path: Path) -> None:
    """PyTorch's own format, where it is read: a zip archive or, from before 2020, a bare pickle."""
    with path.open("rb") as stream:
        start = stream.read(4)
    if not start.startswith((b"PK\x03\x04", b"\x80")):
        what = f"a file that begins with {start!r}" if start else "an empty one (0 bytes)"
        raise CheckpointError(f"{path}: expected a file of PyTorch, found {what}")


def _check_folder(kind: str, path: Path) -> None:
    if checkpoint_files.is_checkpoint(path):
        check_folder(path)
    else:
        for file in checkpoint_files.files_in(path) if kind in _WANTED else files(path):
            if file.suffix == ".safetensors":
                read_header(file)


def check_folder(folder: Path) -> None:
    """Raise `CheckpointError` unless this can be loaded, as far as it shows without reading the
    weights: parts of a known kind, all files there, none cut short. All faults are in one error."""
    faults = [_fault(checkpoint_files.all_files, folder)]
    if (folder / "model_index.json").is_file() and not _fault(checkpoint_files.parts_of, folder):
        faults += [
            _fault(float32_bytes, folder, part) for part in checkpoint_files.parts_of(folder)
        ]
    found = list(dict.fromkeys(filter(None, faults)))
    if found:
        raise CheckpointError("; ".join(found))


def _fault(what: Callable[..., object], *arguments: Any) -> str:
    try:
        what(*arguments)
    except CheckpointError as error:
        return str(error)
    return ""


def float32_bytes(folder: Path, part: str) -> int:
    """What `part` takes in memory once it is float32, from its files' headers alone."""
    weights = checkpoint_files.weights_of(folder, part)
    return 4 * read_headers(weights.files, folder / part).count


def files(path: Path) -> list[Path]:
    """The files whose content makes a model what it is."""
    if path.is_file():
        return sorted({path, *_vocabulary(path)})
    if checkpoint_files.is_checkpoint(path):
        return checkpoint_files.all_files(path)
    return sorted(p for p in path.iterdir() if p.suffix in (".json", ".safetensors", ".txt"))


def _vocabulary(path: Path) -> list[Path]:
    """The files by which the T5 in a file reads, where there is one."""
    near = {
        kind: found
        for kind in ("t5", "umt5")
        if (found := checkpoint_files.t5_vocabulary(checkpoint_files.t5_places(path, kind)))
    }
    if not near or path.suffix.lower() not in (".safetensors", ".gguf"):
        return []
    encoders = recognise.recognise_encoders(read_header(path), alone=True)
    return [file for kind, found in near.items() if kind in encoders for file in found]


def checkpoint_bytes(path: Path, dtype: str = "auto") -> dict[str, int]:
    """Bytes in memory of model, clip and vae; `auto` is reckoned as float32."""
    found = {"model": 0, "clip": 0, "vae": 0}
    for port, size in _sizes(path, dtype):
        found[port] += size
    return found


def part_bytes(kind: str, path: Path, dtype: str = "auto") -> int:
    """Bytes in memory of a model of one part."""
    if path.is_dir() and not checkpoint_files.is_checkpoint(path):
        return _width(dtype, kind) * float32_bytes(path.parent, path.name) // 4
    port = {"diffusion_models": "model", "vae": "vae"}.get(kind, "clip")
    if checkpoint_files.is_checkpoint(path):
        return checkpoint_bytes(path, dtype)[port]
    header = read_header(path)
    parts: list[Part] = []
    if port == "clip":
        parts = list(recognise.recognise_encoders(header, alone=True).values())
    elif port == "vae":
        parts = [recognise.wanted_vae(header)]
    else:
        parts = [recognise.wanted_denoiser(header).parts["denoiser"]]
    return sum(_size(header, part, _width(dtype, port)) for part in parts)


def _sizes(path: Path, dtype: str) -> Iterator[tuple[str, int]]:
    if path.is_dir():
        folders = {**dict.fromkeys(checkpoint_files.DENOISERS, "model"), "vae": "vae"}
        for part in checkpoint_files.parts_of(path):
            port = folders.get(part, "clip")
            yield port, float32_bytes(path, part) // 4 * _width(dtype, port)
        return
    header = read_header(path)
    for role, found in recognise.recognise(header).parts.items():
        port = _OUTPUTS.get(role, "clip")
        yield port, _size(header, found, _width(dtype, port))


def _size(header: Header, part: Part, width: int) -> int:
    """Bytes in memory; the weights of linear layers stay quantised where they are."""
    names = {part.prefix + name for source in part.sources.values() for name in source.names}
    tensors = [header.tensors[name] for name in names]
    return sum(
        t.end - t.start if t.dtype.startswith("Q") and len(t.shape) == 2 else t.count * width
        for t in tensors
    )


def _width(dtype: str, port: str) -> int:
    """Bytes of a number; autoencoders are float32 in any case."""
    return 4 if dtype in ("auto", "float32") or port == "vae" else 2
