"""Which files make up a checkpoint in diffusers' folder layout. Imports no torch.

    model_index.json          which class each part is
    unet/  transformer/  vae/ config.json, diffusion_pytorch_model[.fp16].safetensors
    text_encoder/ (_2, _3)    config.json, model[.fp16].safetensors
    tokenizer/ (_2, _3)       vocab.json and merges.txt, or tokenizer.json
    scheduler/                scheduler_config.json

Big weights may lie in several files that a `….safetensors.index.json` lists.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DENOISERS = {
    "unet": ("UNet2DConditionModel",),
    "transformer": (
        "SD3Transformer2DModel",
        "FluxTransformer2DModel",
        "AuraFlowTransformer2DModel",
        "PixArtTransformer2DModel",
        "DiTTransformer2DModel",
    ),
}
"""The folders that a denoiser lies in, and the classes that are read from each."""
_CLIPS = ("CLIPTextModel", "CLIPTextModelWithProjection")
_T5S = ("T5EncoderModel", "UMT5EncoderModel")
ENCODERS = {
    "text_encoder": (*_CLIPS, *_T5S),
    "text_encoder_2": (*_CLIPS, *_T5S),
    "text_encoder_3": _T5S,
}
"""The same of text encoders, in the order in which diffusers numbers them."""
VAES = {"vae": ("AutoencoderKL",)}
WORDLESS = ("DiTTransformer2DModel",)
"""Denoisers that read no text."""
_VARIANTS = ("", "fp16", "bf16")
_TOKENIZER = (
    "vocab.json",
    "merges.txt",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "spiece.model",
)
PICKLES = (".ckpt", ".pt", ".pth", ".bin", ".pkl")


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


def parts_of(folder: Path) -> dict[str, str]:
    """The networks of a checkpoint, folder → class: one denoiser, its text encoders, the vae.

    Raises:
        CheckpointError: `model_index.json` names none, or classes that are not read; all at once.
    """
    index = read_json(folder / "model_index.json")
    named = {part: _class_in(index, part) for part in (*DENOISERS, *ENCODERS, *VAES)}
    denoisers = [part for part in DENOISERS if named[part]] or ["unet"]
    encoders = [part for part in ENCODERS if named[part]]
    if not encoders and named[denoisers[0]] not in WORDLESS:
        encoders = ["text_encoder"]
    known = {**DENOISERS, **ENCODERS, **VAES}
    faults = [
        f"{part} is {named[part] or 'missing'}, not {' or '.join(known[part])}"
        for part in (*denoisers, *encoders, *VAES)
        if named[part] not in known[part]
    ]
    if faults:
        raise CheckpointError(f"{folder / 'model_index.json'}: {'; '.join(faults)}")
    return {part: str(named[part]) for part in (*denoisers, *encoders, *VAES)}


def _class_in(index: dict[str, Any], part: str) -> str | None:
    entry = index.get(part)
    return entry[1] if isinstance(entry, list) and len(entry) == 2 else None


def weights_of(folder: Path, part: str) -> Weights:
    """The weight files of `part`: full precision where it is there, otherwise a half variant."""
    return weights_in(folder / part)


def weights_in(place: Path) -> Weights:
    """The weight files of the one network that a folder holds."""
    stem = "model" if place.name.startswith("text_encoder") else "diffusion_pytorch_model"
    if not any(place.glob(f"{stem}*.safetensors*")) and any(place.glob("model*.safetensors*")):
        stem = "model"
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


def why_no_pickle(path: Path) -> str:
    """Why a pickle is not opened, and what to do instead."""
    return (
        f"{path} holds its weights as a pickle, which may run any code when it is opened, so it is "
        f"not read. `nodeflow models convert {path.name}` reads the weights, and nothing else, "
        "into a .safetensors file"
    )


def _why_no_weights(place: Path, stem: str) -> str:
    if not place.is_dir():
        return f"{place} is missing: the checkpoint is incomplete"
    pickles = [path for path in sorted(place.iterdir()) if path.suffix in PICKLES]
    if pickles:
        return why_no_pickle(pickles[0])
    return f"{place}: no {stem}.safetensors, nor its .fp16 variant, nor a .safetensors.index.json"


def tokenizer_files(folder: Path, part: str = "tokenizer") -> list[Path]:
    """What a tokenizer is made from; raises `CheckpointError` when that is not enough."""
    place = folder / part
    found = [place / name for name in _TOKENIZER if (place / name).is_file()]
    names = {path.name for path in found}
    if not {"vocab.json", "merges.txt"} <= names and not names & {"tokenizer.json", "spiece.model"}:
        missing = "merges.txt" if "vocab.json" in names else "vocab.json"
        raise CheckpointError(f"{place / missing} is missing, and so is tokenizer.json")
    return found


def tokenizer_of(encoder: str) -> str:
    """The folder of the tokenizer that belongs to a text encoder's."""
    return encoder.replace("text_encoder", "tokenizer")


def t5_places(file: Path, kind: str) -> list[Path]:
    """Where the vocabulary of a T5 in a single file may lie, which no such file holds: beside it,
    where a diffusers checkpoint around it has it, in `tokenizers/t5` or `umt5` of the models.
    `file` may be the folder of a text encoder too."""
    beside = file.parent
    own = [p.parent / tokenizer_of(p.name) for p in (file, beside) if p.name in ENCODERS]
    parts = [beside / part for part in ("tokenizer_3", "tokenizer_2", "tokenizer")]
    shared = [folder / "tokenizers" / kind for folder in (beside, *beside.parents[:2])]
    return [*own, beside, *parts, *shared]


def t5_vocabulary(places: Sequence[Path]) -> list[Path]:
    """The files of the first T5 vocabulary in a row of folders; none where there is none.

    A folder with `vocab.json` has CLIP's.
    """
    for place in places:
        names = {path.name for path in place.iterdir()} if place.is_dir() else set()
        if names & {"tokenizer.json", "spiece.model"} and "vocab.json" not in names:
            return [place / name for name in _TOKENIZER if name in names]
    return []


def all_files(folder: Path) -> list[Path]:
    """Every file that decides what this checkpoint is, sorted: the weights, configs, tokenizer."""
    found = {folder / "model_index.json", folder / "scheduler" / "scheduler_config.json"}
    for part in parts_of(folder):
        found.update(files_in(folder / part))
        if part in ENCODERS:
            found.update(tokenizer_files(folder, tokenizer_of(part)))
    return sorted(_present(path) for path in found)


def files_in(place: Path) -> list[Path]:
    """Every file that decides what the one network in a folder is."""
    weights = weights_in(place)
    found = [*weights.files, place / "config.json"]
    return sorted(_present(path) for path in (*found, *([weights.index] if weights.index else [])))
