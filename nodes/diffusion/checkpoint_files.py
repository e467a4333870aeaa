"""Which files make up a checkpoint in diffusers' folder layout. Imports no torch.

    model_index.json          which class each part is
    unet/  vae/               config.json, diffusion_pytorch_model[.fp16].safetensors
    text_encoder/             config.json, model[.fp16].safetensors
    tokenizer/                vocab.json and merges.txt, or tokenizer.json
    scheduler/                scheduler_config.json

Big weights may lie in several files that a `….safetensors.index.json` lists.
"""

from __future__ import annotations

import json
import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CLASSES = {
    "unet": "UNet2DConditionModel",
    "vae": "AutoencoderKL",
    "text_encoder": "CLIPTextModel",
}
_STEMS = {
    "unet": "diffusion_pytorch_model",
    "vae": "diffusion_pytorch_model",
    "text_encoder": "model",
}
_VARIANTS = ("", "fp16", "bf16")
_TOKENIZER = (
    "vocab.json",
    "merges.txt",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
)
_HEADER_LIMIT = 100_000_000  # the format's own limit for the JSON header


class CheckpointError(ValueError):
    """A checkpoint's folder is incomplete, damaged, or of a kind that is not read."""


@dataclass(frozen=True)
class Weights:
    """The weight files of one part. `variant` is the word in their names (`fp16`), or ""."""

    files: tuple[Path, ...]
    variant: str = ""
    index: Path | None = None


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a checkpoint; a fault names the file."""
    try:
        value = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise CheckpointError(f"{path} is missing: the checkpoint is incomplete") from None
    except (ValueError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path} is no JSON: {error}") from None
    if not isinstance(value, dict):
        raise CheckpointError(f"{path}: expected a JSON object, got {type(value).__name__}")
    return value


def is_checkpoint(folder: Path) -> bool:
    return (folder / "model_index.json").is_file()


def check_parts(folder: Path) -> None:
    """Raise `CheckpointError` unless `model_index.json` names the classes that are read here."""
    index = read_json(folder / "model_index.json")
    for part, expected in CLASSES.items():
        entry = index.get(part)
        got = entry[1] if isinstance(entry, list) and len(entry) == 2 else None
        if got != expected:
            raise CheckpointError(
                f"{folder / 'model_index.json'}: {part} is {got or 'missing'}, not {expected}: "
                "what is read are models built as Stable Diffusion 1 and 2"
            )
    if index.get("text_encoder_2"):
        raise CheckpointError(
            f"{folder}: has a second text encoder, as Stable Diffusion XL has; it is not read yet"
        )


def weights_of(folder: Path, part: str) -> Weights:
    """The weight files of `part`: full precision where it is there, otherwise a half variant."""
    place, stem = folder / part, _STEMS[part]
    for variant in _VARIANTS:
        dotted = f".{variant}" if variant else ""
        index = place / f"{stem}.safetensors.index{dotted}.json"
        if index.is_file():
            names = sorted(set(read_json(index).get("weight_map", {}).values()))
            return Weights(tuple(_present(place / name) for name in names), variant, index)
        single = place / f"{stem}{dotted}.safetensors"
        if single.is_file():
            return Weights((single,), variant)
    raise CheckpointError(_why_no_weights(place, stem))


def _present(path: Path) -> Path:
    if not path.is_file():
        raise CheckpointError(f"{path} is missing: the checkpoint is incomplete")
    return path


def _why_no_weights(place: Path, stem: str) -> str:
    if not place.is_dir():
        return f"{place} is missing: the checkpoint is incomplete"
    if any(place.glob("*.bin")) or any(place.glob("*.ckpt")):
        return (
            f"{place} holds its weights as a pickle, which may run any code when it is opened, so "
            "it is not read. Save them as safetensors: `model.save_pretrained(folder)` in diffusers"
        )
    return f"{place}: no {stem}.safetensors, nor its .fp16 variant, nor a .safetensors.index.json"


def tokenizer_files(folder: Path) -> list[Path]:
    """What the tokenizer is made from; raises `CheckpointError` when that is not enough."""
    place = folder / "tokenizer"
    found = [place / name for name in _TOKENIZER if (place / name).is_file()]
    names = {path.name for path in found}
    if not {"vocab.json", "merges.txt"} <= names and "tokenizer.json" not in names:
        missing = "merges.txt" if "vocab.json" in names else "vocab.json"
        raise CheckpointError(f"{place / missing} is missing, and so is tokenizer.json")
    return found


def all_files(folder: Path) -> list[Path]:
    """Every file that decides what this checkpoint is, sorted: the weights, configs, tokenizer."""
    found = {folder / "model_index.json", folder / "scheduler" / "scheduler_config.json"}
    found.update(tokenizer_files(folder))
    for part in CLASSES:
        weights = weights_of(folder, part)
        found.update(weights.files)
        found.add(folder / part / "config.json")
        if weights.index:
            found.add(weights.index)
    return sorted(_present(path) for path in found)


def check(folder: Path) -> None:
    """Raise `CheckpointError` unless this can be loaded, as far as it shows without reading the
    weights: parts of a known kind, all files there, none cut short."""
    check_parts(folder)
    all_files(folder)
    for part in CLASSES:
        float32_bytes(folder, part)


def element_count(file: Path) -> int:
    """How many numbers a safetensors file holds, from its header alone.

    The file starts with the header's length as 8 bytes, little endian, then the header as JSON:
    name → {dtype, shape, data_offsets}, the offsets counted from the header's end. A download that
    broke off is an error.
    """
    with file.open("rb") as stream:
        start = stream.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        if not 2 <= length <= _HEADER_LIMIT:
            raise CheckpointError(f"{file} is no safetensors file, or it is cut short")
        try:
            header = json.loads(stream.read(length))
            header.pop("__metadata__", None)
            end = max((tensor["data_offsets"][1] for tensor in header.values()), default=0)
            count = int(sum(math.prod(tensor["shape"]) for tensor in header.values()))
        except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
            raise CheckpointError(f"{file}: damaged header: {error!r}") from None
    size, whole = file.stat().st_size, 8 + length + end
    if size != whole:
        raise CheckpointError(f"{file} has {size} bytes, but its header tells of {whole}")
    return count


def float32_bytes(folder: Path, part: str) -> int:
    """What `part` takes in memory once it is float32."""
    return 4 * sum(element_count(file) for file in weights_of(folder, part).files)
