"""ControlNets and T2I-Adapters from files: diffusers' folders, and single files of any writer."""

from __future__ import annotations

from pathlib import Path

from nodes.diffusion import control_files
from nodes.diffusion.checkpoint_files import CheckpointError, read_json
from nodes.diffusion.checkpoints import precision, stream
from nodes.diffusion.checkpoints.families import Part, renamed
from nodes.diffusion.checkpoints.header import Header, read_header
from nodes.diffusion.control_files import ControlFile
from nodes.types import ControlNet

_CLASSES = (
    "ControlNetModel",
    "ControlNetUnionModel",
    "SD3ControlNetModel",
    "FluxControlNetModel",
    "T2IAdapter",
)
_STEM = "diffusion_pytorch_model"
_EXPECTED = (
    "a ControlNet of Stable Diffusion 1, 2, XL, 3 or Flux, or a T2I-Adapter (safetensors, or a "
    "diffusers folder)"
)


def load(path: Path, device: str = "cpu", dtype: str = "auto") -> ControlNet:
    """The network in a file or a diffusers folder, in evaluation mode, frozen.

    Raises:
        CheckpointError: it is damaged or of another kind; names the file, what was expected and
            what was found.
    """
    found, header = _folder(path) if path.is_dir() else _file(path)
    computes = precision.for_part(header, found.part, dtype, device)
    try:
        network = stream.build(found.part, header, computes, device)
    except (ValueError, TypeError, RuntimeError, KeyError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"{path}: no {found.part.cls} comes of it: {error}") from error
    return ControlNet(network, found.family, found.modes)


def _folder(path: Path) -> tuple[ControlFile, Header]:
    config = read_json(path / "config.json")
    cls = config.get("_class_name")
    if cls not in _CLASSES:
        raise CheckpointError(f"{path / 'config.json'}: expected {_EXPECTED}, found {cls}")
    header = read_header(_weights_in(path))
    part = Part(cls, config, "", renamed(header.under(""), lambda name: name))
    try:
        family = control_files.family_of(cls, config)
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path / 'config.json'}: damaged: {error!r}") from None
    return ControlFile(part, family, control_files.modes_of(cls, config)), header


def _weights_in(folder: Path) -> Path:
    for word in ("", ".fp16", ".bf16"):
        for name in (f"{_STEM}{word}.safetensors", f"{_STEM}.safetensors.index{word}.json"):
            if (folder / name).is_file():
                return folder / name
    raise CheckpointError(f"{folder}: expected {_STEM}.safetensors, found none")


def _file(path: Path) -> tuple[ControlFile, Header]:
    header = read_header(path)
    unread = _of_unread_kind(header)
    if unread:
        raise CheckpointError(f"{path}: expected {_EXPECTED}, found {unread}, which is not read")
    try:
        found = control_files.recognise(header.under(""), path.stem)
    except (KeyError, IndexError, ValueError, ZeroDivisionError) as error:
        raise CheckpointError(f"{path}: expected {_EXPECTED}, found one without {error}") from None
    if found is None:
        from nodes.diffusion.checkpoints.recognise import describe

        raise CheckpointError(f"{path}: expected {_EXPECTED}, found {describe(header)}")
    return found, header


def _of_unread_kind(header: Header) -> str:
    """What a file is that looks like a ControlNet and holds only a part of one."""
    if "lora_controlnet" in header.tensors:
        return "a Control-LoRA"
    if any(name.startswith("lllite_") for name in header.tensors):
        return "a ControlNet-LLLite"
    if "difference" in header.tensors:
        return "a ControlNet stored as its difference to a model"
    return ""
