"""Reading a LoRA file."""

from __future__ import annotations

import json
from pathlib import Path

from safetensors import SafetensorError, safe_open

from nodes.diffusion.adapters.lora_keys import LoraError, parse
from nodes.diffusion.checkpoint_files import why_no_pickle
from nodes.diffusion.checkpoints.header import read_header
from nodes.types import Lora


def load_lora(path: Path) -> Lora:
    """The LoRA in a safetensors file; in a folder as peft writes it, with the config beside.

    Raises:
        LoraError: the file is no LoRA, or a damaged one.
        CheckpointError: the file is cut short, empty, or no safetensors at all.
    """
    if path.suffix.lower() != ".safetensors":
        raise LoraError(why_no_pickle(path))
    metadata = dict(read_header(path).metadata)
    try:
        with safe_open(str(path), framework="pt") as stream:
            tensors = {key: stream.get_tensor(key) for key in stream.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise LoraError(f"{path} does not load: {error}") from error
    config = path.with_name("adapter_config.json")
    if path.stem == "adapter_model" and config.is_file():
        metadata.setdefault("lora_adapter_metadata", json.dumps(_read(config)))
    return parse(str(path), tensors, metadata)


def _read(path: Path) -> object:
    try:
        return json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise LoraError(f"{path} is no JSON: {error}") from None
