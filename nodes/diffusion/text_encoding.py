"""Token ids become embeddings by CLIP's text encoder, and embeddings are mixed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from nodes.diffusion.text_joins import JOINS, EncoderOutput, reading_of
from nodes.types import Clip, Conditioning


def encode(clip: Clip, ids: torch.Tensor) -> Conditioning:
    """Embeddings of `ids` [chunks, 77], the chunks one after the other: [1, 77 * chunks, D].

    For a family with one CLIP. Each chunk is encoded alone, since the encoder knows 77 positions.
    `pooled` [1, D] is the first chunk's.

    Raises:
        ValueError: the family reads a prompt by several encoders, or by T5, or none at all.
    """
    reads_text(clip)
    if clip.others or is_t5(clip):
        kinds = ", ".join(part.kind for part in (clip, *clip.others))
        raise ValueError(f"ids are of one CLIP, and this text encoder is {kinds}")
    hidden, pooled = clip_states(clip, clip.family, ids)
    output = EncoderOutput(hidden.reshape(1, -1, hidden.shape[-1]), pooled[:1])
    return join(clip, {clip.kind: output})


def join(clip: Clip, outputs: Mapping[str, EncoderOutput]) -> Conditioning:
    """The encoders' outputs as the conditioning of the clip's family.

    Raises:
        ValueError: no one knows how this family reads a prompt.
    """
    if clip.family not in JOINS:
        known = ", ".join(sorted(JOINS))
        raise ValueError(f"no prompt can be encoded for family {clip.family!r}: known are {known}")
    return JOINS[clip.family](clip, outputs)


def clip_states(
    clip: Clip, family: str, ids: torch.Tensor, encoder: Any = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """A CLIP's states for `ids` [chunks, 77]: [chunks, 77, D], and pooled [chunks, D].

    `clip.skip` last layers are left out, and those that the family leaves out always; it says too
    whether the final layer norm follows. `pooled` is the end mark's state from the last layer,
    projected where the encoder has a projection. `encoder` stands in for the clip's own.
    """
    reading = reading_of(clip, family)
    encoder = encoder or clip.encoder
    device = next(encoder.parameters()).device
    with torch.no_grad():
        output = encoder(input_ids=ids.to(device), output_hidden_states=True)
        hidden = output.hidden_states[-1 - clip.skip - reading.skip]  # before the final norm
        states = final_norm(encoder)(hidden) if reading.norm else hidden
    projected = getattr(output, "text_embeds", None)
    return states, output.pooler_output if projected is None else projected


def t5_states(
    clip: Clip, family: str, ids: torch.Tensor, mask: torch.Tensor, encoder: Any = None
) -> torch.Tensor:
    """T5's states for `ids` [1, n]: [1, n, D]. It is told which are padding where the family does
    so."""
    encoder = encoder or clip.encoder
    device = next(encoder.parameters()).device
    told = mask.to(device) if reading_of(clip, family).masked else None
    with torch.no_grad():
        output = encoder(input_ids=ids.to(device), attention_mask=told)
    return output.last_hidden_state  # type: ignore[no-any-return]


def reads_text(clip: Clip) -> None:
    """Raise `ValueError` where a clip is of a model that reads no text."""
    if clip.kind == "none":
        raise ValueError(
            f"a model of family {clip.family!r} reads no text: class_label.of and class_label.none "
            "make what steers it"
        )


def is_t5(clip: Clip) -> bool:
    return clip.kind in ("t5", "umt5")


def final_norm(encoder: nn.Module) -> nn.Module:
    """The encoder's last layer norm: transformers 5 has it on top, 4 one level down."""
    return getattr(encoder, "text_model", encoder).final_layer_norm  # type: ignore[no-any-return]


def layer_count(clip: Clip, family: str = "") -> int:
    """The layers that an encoder has without those that `family`, or its own, always leaves out."""
    skipped = reading_of(clip, family or clip.family).skip
    return int(clip.encoder.config.num_hidden_layers) - skipped


def average(first: Conditioning, second: Conditioning, amount: float) -> Conditioning:
    """`(1 - amount) * first + amount * second`, after both have been made equally long."""
    a, b = to_common_length(first.embeddings, second.embeddings)
    pooled = None
    if first.pooled is not None and second.pooled is not None:
        pooled = (1 - amount) * first.pooled + amount * second.pooled
    mask = None
    if first.attention_mask is not None or second.attention_mask is not None:
        left, right = (_repeated(text, a.shape[1]) for text in (first, second))
        mask = left if amount == 0 else right if amount == 1 else left | right
    return replace(
        first, embeddings=(1 - amount) * a + amount * b, pooled=pooled, attention_mask=mask
    )


def _mask(text: Conditioning) -> torch.Tensor:
    """Which tokens count, [B, tokens]."""
    if text.attention_mask is not None:
        return text.attention_mask.bool()
    return torch.ones(text.embeddings.shape[:2], dtype=torch.bool, device=text.embeddings.device)


def _repeated(text: Conditioning, length: int) -> torch.Tensor:
    mask = _mask(text)
    return mask.repeat(1, length // mask.shape[1])


def to_common_length(a: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Repeat both [B, tokens, D] to their lengths' least common multiple.

    Attention to tokens that are all repeated equally often is attention to the tokens once: the
    weights of each are shared out among its copies. So neither text changes its meaning.
    """
    length = math.lcm(a.shape[1], b.shape[1])
    return a.repeat(1, length // a.shape[1], 1), b.repeat(1, length // b.shape[1], 1)


def concat(first: Conditioning, second: Conditioning) -> Conditioning:
    """Both texts' tokens in one row, [B, tokens + tokens, D]; all else is the first one's."""
    joined = torch.cat([first.embeddings, second.embeddings], dim=1)
    mask = None
    if first.attention_mask is not None or second.attention_mask is not None:
        mask = torch.cat([_mask(first), _mask(second)], dim=1)
    return replace(first, embeddings=joined, attention_mask=mask)


def zero_out(conditioning: Conditioning) -> Conditioning:
    """Zeros in the place of each text; where and when it holds stays."""
    pooled = conditioning.pooled
    return replace(
        conditioning,
        embeddings=torch.zeros_like(conditioning.embeddings),
        pooled=None if pooled is None else torch.zeros_like(pooled),
        more=tuple(zero_out(text) for text in conditioning.more),
    )
