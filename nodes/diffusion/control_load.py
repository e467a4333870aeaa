"""ControlNets and T2I-Adapters from files: diffusers' folders, and single files of any writer."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from nodes.diffusion import control_files
from nodes.diffusion.checkpoint_files import CheckpointError, read_json
from nodes.diffusion.checkpoints.families import Part, renamed
from nodes.diffusion.checkpoints.header import Header, read_header
from nodes.diffusion.control_files import ControlFile
from nodes.types import ControlNet

_MODULES = {
    "ControlNetModel": "diffusers.models.controlnets.controlnet",
    "ControlNetUnionModel": "diffusers.models.controlnets.controlnet_union",
    "SD3ControlNetModel": "diffusers.models.controlnets.controlnet_sd3",
    "FluxControlNetModel": "diffusers.models.controlnets.controlnet_flux",
    "T2IAdapter": "diffusers.models.adapter",
}
_STEM = "diffusion_pytorch_model"
_EXPECTED = (
    "a ControlNet of Stable Diffusion 1, 2, XL, 3 or Flux, or a T2I-Adapter (safetensors, or a "
    "diffusers folder)"
)


def load(path: Path, device: str = "cpu") -> ControlNet:
    """The network in a file or a diffusers folder: float32, in evaluation mode, frozen.

    Raises:
        CheckpointError: it is damaged or of another kind; names the file, what was expected and
            what was found.
    """
    found, header = _folder(path) if path.is_dir() else _file(path)
    network = _built(found.part, header)
    network = network.requires_grad_(False).eval().to(device)
    return ControlNet(network, found.family, found.modes)


def _folder(path: Path) -> tuple[ControlFile, Header]:
    config = read_json(path / "config.json")
    cls = config.get("_class_name")
    if cls not in _MODULES:
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
    try:
        found = control_files.recognise(header.under(""), path.stem)
    except (KeyError, IndexError, ValueError, ZeroDivisionError) as error:
        raise CheckpointError(f"{path}: expected {_EXPECTED}, found one without {error}") from None
    if found is None:
        from nodes.diffusion.checkpoints.recognise import describe

        raise CheckpointError(f"{path}: expected {_EXPECTED}, found {describe(header)}")
    return found, header


def _built(part: Part, header: Header) -> nn.Module:
    cls: Any = getattr(importlib.import_module(_MODULES[part.cls]), part.cls)
    try:
        network: nn.Module = cls.from_config(dict(part.config))
    except (ValueError, TypeError, RuntimeError) as error:
        raise CheckpointError(f"{header.path}: {part.cls} cannot be made: {error}") from error
    _check(part, header, network)
    network.load_state_dict(_weights(part, header))
    return network


def _check(part: Part, header: Header, network: nn.Module) -> None:
    wanted = network.state_dict()
    missing = sorted(set(wanted) - set(part.sources))
    unknown = sorted(set(part.sources) - set(wanted))
    if missing or unknown:
        raise CheckpointError(
            f"{header.path}: expected the {len(wanted)} tensors of a {part.cls}, found "
            f"{len(missing)} missing and {len(unknown)} unknown, among them "
            + ", ".join([*missing[:2], *unknown[:2]])
        )
    for name, source in part.sources.items():
        found = header.tensors[part.prefix + source.names[0]].shape
        if source.change is None and found != tuple(wanted[name].shape):
            raise CheckpointError(
                f"{header.path}: expected {name} {list(wanted[name].shape)}, found {list(found)}"
            )


def _weights(part: Part, header: Header) -> dict[str, Tensor]:
    from safetensors import safe_open

    found: dict[str, Tensor] = {}
    for file in header.files:
        with safe_open(file, "pt") as opened:
            here = set(opened.keys())
            for name, source in part.sources.items():
                names = [part.prefix + old for old in source.names]
                if names[0] in here:
                    tensors = [opened.get_tensor(old).to(torch.float32) for old in names]
                    found[name] = source.change(*tensors) if source.change else tensors[0]
    return found
