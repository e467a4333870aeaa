"""Token ids become embeddings by CLIP's text encoder, and embeddings are mixed."""

from __future__ import annotations

import math

import torch
from torch import nn

from nodes.types import Clip, Conditioning


def encode(clip: Clip, ids: torch.Tensor) -> Conditioning:
    """Embeddings of `ids` [chunks, 77], the chunks one after the other: [1, 77 * chunks, D].

    Each chunk is encoded alone, since the encoder knows 77 positions. `clip.skip` last layers are
    left out; the final layer norm is applied in any case, because the denoiser learnt on normed
    embeddings. `pooled` [1, D] is the end mark's state in the first chunk, from the last layer.
    """
    encoder = clip.encoder
    device = next(encoder.parameters()).device
    with torch.no_grad():
        output = encoder(input_ids=ids.to(device), output_hidden_states=True)
        hidden = output.hidden_states[-1 - clip.skip]  # [chunks, 77, D], before the final norm
        normed = final_norm(encoder)(hidden)
    return Conditioning(normed.reshape(1, -1, normed.shape[-1]), output.pooler_output[:1])


def final_norm(encoder: nn.Module) -> nn.Module:
    """The encoder's last layer norm: transformers 5 has it on top, 4 one level down."""
    return getattr(encoder, "text_model", encoder).final_layer_norm  # type: ignore[no-any-return]


def layer_count(clip: Clip) -> int:
    return int(clip.encoder.config.num_hidden_layers)


def average(first: Conditioning, second: Conditioning, amount: float) -> Conditioning:
    """`(1 - amount) * first + amount * second`, after both have been made equally long."""
    a, b = to_common_length(first.embeddings, second.embeddings)
    pooled = None
    if first.pooled is not None and second.pooled is not None:
        pooled = (1 - amount) * first.pooled + amount * second.pooled
    return Conditioning((1 - amount) * a + amount * b, pooled)


def to_common_length(a: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Repeat both [B, tokens, D] to their lengths' least common multiple.

    Attention to tokens that are all repeated equally often is attention to the tokens once: the
    weights of each are shared out among its copies. So neither text changes its meaning.
    """
    length = math.lcm(a.shape[1], b.shape[1])
    return a.repeat(1, length // a.shape[1], 1), b.repeat(1, length // b.shape[1], 1)


def concat(first: Conditioning, second: Conditioning) -> Conditioning:
    """Both texts' tokens in one row, [B, tokens + tokens, D]; `pooled` is the first one's."""
    joined = torch.cat([first.embeddings, second.embeddings], dim=1)
    return Conditioning(joined, first.pooled)


def zero_out(conditioning: Conditioning) -> Conditioning:
    """Zeros in the shape of `conditioning`."""
    pooled = conditioning.pooled
    return Conditioning(
        torch.zeros_like(conditioning.embeddings),
        None if pooled is None else torch.zeros_like(pooled),
    )
