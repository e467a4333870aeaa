"""What a model file is, told from its header: for lists, `nodeflow models info`, and adding one.

Reads no weights but those that a hash needs. Imports no torch.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nodes.diffusion.checkpoint_files import CheckpointError, is_checkpoint, read_json
from nodes.diffusion.checkpoints import examine, kinds, recognise
from nodes.diffusion.checkpoints.header import Header, read_header
from nodes.diffusion.checkpoints.words import trigger_words

_UPSCALERS = ("conv_first.", "model.0.", "RDB_trunk.", "patch_embed.", "conv_after_body")
_CLASSES = {
    "AutoencoderKL": "vae",
    "ControlNetModel": "controlnet",
    "ControlNetUnionModel": "controlnet",
    "SD3ControlNetModel": "controlnet",
    "FluxControlNetModel": "controlnet",
    "T2IAdapter": "controlnet",
    **{family.denoiser: "diffusion_models" for family in recognise.FAMILIES.values()},
}


@dataclass(frozen=True)
class Facts:
    """What there is to tell of a model; empty where a file does not say."""

    path: str
    kind: str
    family: str
    title: str
    prediction: str
    parts: tuple[str, ...]
    dtypes: Mapping[str, int]
    """How many numbers there are of each."""
    tensors: int
    parameters: int
    nbytes: int
    trigger_words: tuple[str, ...]
    metadata: Mapping[str, str]
    problem: str = ""
    sha256: str = ""

    @property
    def autov2(self) -> str:
        """The short hash by which model sites know a file."""
        return self.sha256[:10].upper()

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "autov2": self.autov2}


def facts(path: Path, hashed: bool = False) -> Facts:
    """All that the header of a file, or the index of a folder, tells."""
    files = examine.files(path)
    nbytes = sum(file.stat().st_size for file in files)
    digest = sha256(path) if hashed and path.is_file() else ""
    try:
        return _folder(path, nbytes) if path.is_dir() else _file(path, nbytes, digest)
    except CheckpointError as error:
        return Facts(str(path), "", "", "", "", (), {}, 0, 0, nbytes, (), {}, str(error), digest)


def _folder(path: Path, nbytes: int) -> Facts:
    parts: tuple[str, ...] = ()
    family = prediction = ""
    if is_checkpoint(path):
        content = read_json(path / "model_index.json")
        title, kind = str(content.get("_class_name", "")), "checkpoints"
        parts = tuple(name for name, entry in content.items() if _is_part(entry))
    else:
        title = str(read_json(path / "config.json").get("_class_name", ""))
        kind = _CLASSES.get(title, "text_encoders")
    headers = [read_header(file) for file in sorted(path.rglob("*.safetensors"))]
    detected = next(filter(None, map(recognise.recognise_denoiser, headers)), None)
    if detected and kind in ("checkpoints", "diffusion_models"):
        family = detected.family.name
        prediction = detected.prediction or detected.family.prediction
    scheduler = path / "scheduler" / "scheduler_config.json"
    if scheduler.is_file():
        prediction = str(read_json(scheduler).get("prediction_type", prediction))
    counts: Counter[str] = Counter()
    for header in headers:
        counts.update(_dtypes(header))
    tensors = sum(len(header.tensors) for header in headers)
    return Facts(
        str(path), kind, family, title, prediction, parts, dict(counts), tensors,
        sum(counts.values()), nbytes, (), {},
    )  # fmt: skip


def _is_part(entry: Any) -> bool:
    """Whether an entry of model_index.json names a part that is there: [library, class]."""
    return isinstance(entry, list) and len(entry) == 2 and entry[1] is not None


def _file(path: Path, nbytes: int, digest: str) -> Facts:
    header = read_header(path)
    kind, detected = kind_of(header), recognise.recognise_denoiser(header)
    parts: tuple[str, ...] = ()
    family = title = prediction = ""
    if kind in ("checkpoints", "diffusion_models") and detected:
        family, title = detected.family.name, detected.family.title
        prediction = detected.prediction or detected.family.prediction
        parts = tuple(recognise.recognise(header).parts)
    elif kind == "text_encoders":
        parts = tuple(recognise.recognise_encoders(header, alone=True))
    counts = _dtypes(header)
    return Facts(
        str(path), kind, family, title, prediction, parts, counts, len(header.tensors),
        header.count, nbytes, trigger_words(header.metadata), header.metadata, sha256=digest,
    )  # fmt: skip


def _dtypes(header: Header) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for tensor in header.tensors.values():
        counts[tensor.dtype] += tensor.count
    return dict(counts.most_common())


def kind_of(header: Header) -> str:
    """The kind of model that a file is, as the folders are called, or ""."""
    names = header.tensors
    if recognise.recognise_denoiser(header):
        whole = recognise.recognise_vae(header, alone=False) is not None
        return "checkpoints" if whole else "diffusion_models"
    kind = next((kind for kind, fits in kinds.RULES.items() if fits(names)), "")
    if kind:
        return kind
    if len(names) == 1:
        return "embeddings"  # diffusers names the only tensor by the word
    if recognise.recognise_encoders(header, alone=True):
        return "text_encoders"
    if recognise.recognise_vae(header):
        return "vae"
    return "upscale_models" if any(name.startswith(_UPSCALERS) for name in names) else ""


def sha256(path: Path) -> str:
    """A file's SHA-256, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 22):
            digest.update(block)
    return digest.hexdigest()
