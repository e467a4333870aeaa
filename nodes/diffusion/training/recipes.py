"""What tells one training from another: a state goes on only in the training that it is of."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor, nn

from nodes.types import Examples

SAMPLES = 500  # of the scenes or captions that are looked at
VALUES = 8  # of every weight


def of_items(items: Sequence[Any]) -> str:
    """How many, and a digest of some from all over: scenes, or captions."""
    some = items[:: max(1, len(items) // SAMPLES)]
    return f"{len(items)} of {_short(json.dumps(some, default=asdict).encode())}"


def of_latents(latents: Tensor) -> list[float]:
    """Mean and spread of each channel of [N, C, H, W]; measured, as machines round differently."""
    if not len(latents):
        return []
    spread, mean = torch.std_mean(latents.detach().float(), dim=(0, 2, 3), correction=0)
    return [*mean.tolist(), *spread.tolist()]


def of_weights(module: nn.Module) -> str:
    """A digest of a few values of every weight, alike in full and in half precision."""
    few = [weight.detach().reshape(-1)[:VALUES] for weight in module.parameters()]
    return _short(torch.cat([values.half().cpu() for values in few]).numpy().tobytes())


def of_examples(
    denoiser: nn.Module, text_encoder: nn.Module, examples: Examples
) -> Mapping[str, Any]:
    """What an adapter is trained on, and beside."""
    hints = examples.hints
    brightness = 0.0 if hints is None else int(hints.sum(dtype=torch.int64)) / hints.numel() / 255
    return {
        "denoiser": of_weights(denoiser),
        "text_encoder": of_weights(text_encoder),
        "captions": of_items(examples.captions),
        "latents": of_latents(examples.latents),
        "hints": [brightness],
    }


def _short(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]
