"""What a LoRA is, in words: its kinds, its ranks, what it was made for and is called by."""

from __future__ import annotations

from collections import Counter

from nodes.diffusion.adapters.apply import told_family
from nodes.diffusion.adapters.places import is_for_encoder
from nodes.diffusion.adapters.save import rank_of
from nodes.diffusion.checkpoints.words import trigger_words
from nodes.types import Lora, LoraLayer

_KINDS = {"lora": "LoRA", "loha": "LoHa", "lokr": "LoKr", "full": "whole differences"}


def kind_of(lora: Lora) -> str:
    """`LoRA`, `LoCon` (one with convolutions of more than a pixel), `DoRA`, `LoHa`, `LoKr`; joined
    by + where there are several."""
    found = Counter(_kind(layer) for layer in lora.layers)
    if "LoCon" in found:
        found.pop("LoRA", None)
    return " + ".join(sorted(found, key=lambda kind: (-found[kind], kind)))


def _kind(layer: LoraLayer) -> str:
    if "magnitude" in layer.factors or "row_magnitude" in layer.factors:
        return "DoRA" if layer.kind == "lora" else f"{_KINDS[layer.kind]} with magnitudes"
    down = layer.factors.get("down")
    if layer.kind == "lora" and ("mid" in layer.factors or (down is not None and _wide(down))):
        return "LoCon"
    return _KINDS[layer.kind]


def _wide(down: object) -> bool:
    shape = getattr(down, "shape", ())
    return len(shape) == 4 and tuple(shape[2:]) != (1, 1)


def largest_rank(lora: Lora) -> int:
    return max((rank_of(layer) for layer in lora.layers), default=0)


def describe(lora: Lora) -> str:
    """A few lines for people."""
    encoders = sum(is_for_encoder(layer.place) for layer in lora.layers)
    ranks = sorted({rank_of(layer) for layer in lora.layers} - {0})
    told = ", ".join(map(str, ranks[:8])) or "none"
    lines = [
        lora.name,
        f"{kind_of(lora)} for {told_family(lora)}",
        f"{len(lora.layers) - encoders} layers of the denoiser, {encoders} of text encoders",
        f"rank {told}, alpha / rank {', '.join(_scales(lora))}",
    ]
    words = trigger_words(lora.metadata)
    if words:
        lines.append(f"trained on: {', '.join(words)}")
    return "\n".join(lines)


def _scales(lora: Lora) -> list[str]:
    return [f"{scale:g}" for scale in sorted({layer.scale for layer in lora.layers})][:8]
