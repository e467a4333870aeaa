"""T5's text encoders from names and shapes, as transformers saves them or as llama.cpp does.

Raffel et al. 2019, arXiv 1910.10683: `t5` (version 1.1 XXL in Stable Diffusion 3, Flux and PixArt)
and `umt5`, whose blocks have relative places of their own (Pile-T5 XL in AuraFlow).
"""

from __future__ import annotations

from typing import Any

from nodes.diffusion.checkpoints import layouts
from nodes.diffusion.checkpoints.families import Part, Shapes, Source
from nodes.diffusion.checkpoints.layouts import Laid

_OLD, _NEW = "enc.blk.#", "encoder.block.#.layer"
_LLAMA: dict[str, Any] = {
    "token_embd": "shared",
    "enc.output_norm": "encoder.final_layer_norm",
    f"{_OLD}.attn_norm": f"{_NEW}.0.layer_norm",
    **{
        f"{_OLD}.attn_{letter}": f"{_NEW}.0.SelfAttention.{letter}"
        for letter in ("q", "k", "v", "o")
    },
    f"{_OLD}.attn_rel_b": f"{_NEW}.0.SelfAttention.relative_attention_bias",
    f"{_OLD}.ffn_norm": f"{_NEW}.1.layer_norm",
    f"{_OLD}.ffn_gate": f"{_NEW}.1.DenseReluDense.wi_0",
    f"{_OLD}.ffn_up": f"{_NEW}.1.DenseReluDense.wi_1",
    f"{_OLD}.ffn_down": f"{_NEW}.1.DenseReluDense.wo",
}
_TOKENS, _TIED = "shared.weight", "encoder.embed_tokens.weight"
_RELATIVE = "layer.0.SelfAttention.relative_attention_bias.weight"
_FORWARD = "encoder.block.0.layer.1.DenseReluDense"


def recognise(shapes: Shapes, prefix: str) -> tuple[str, Part] | None:
    """A T5 text encoder with its kind; None where it is none."""
    if "enc.blk.0.attn_q.weight" in shapes:
        laid = layouts.lay(shapes, _LLAMA, ("enc.blk",), frozenset())
    else:
        laid = _of_encoder(shapes)
    tokens = laid.sources.get(_TOKENS) or laid.sources.get(_TIED)
    if tokens is None or f"encoder.block.0.{_RELATIVE}" not in laid.shapes:
        return None
    for name in (_TOKENS, _TIED):  # one tensor under two names
        laid.sources[name] = tokens
        laid.shapes[name] = shapes[tokens.names[0]]
    own = f"encoder.block.1.{_RELATIVE}" in laid.shapes
    kind, cls = ("umt5", "UMT5EncoderModel") if own else ("t5", "T5EncoderModel")
    return kind, Part(cls, config_of(laid.shapes), prefix, laid.sources, laid.unread)


def config_of(shapes: Shapes) -> dict[str, Any]:
    """transformers' configuration from its names and shapes."""
    vocabulary, width = shapes[_TOKENS]
    buckets, heads = shapes[f"encoder.block.0.{_RELATIVE}"]
    gated = f"{_FORWARD}.wi_0.weight" in shapes
    return {
        "vocab_size": vocabulary,
        "d_model": width,
        "d_kv": shapes["encoder.block.0.layer.0.SelfAttention.q.weight"][0] // heads,
        "d_ff": shapes[f"{_FORWARD}.wi_0.weight" if gated else f"{_FORWARD}.wi.weight"][0],
        "num_layers": layouts.count(shapes, "encoder.block"),
        "num_heads": heads,
        "relative_attention_num_buckets": buckets,
        "feed_forward_proj": "gated-gelu" if gated else "relu",
    }


def _of_encoder(shapes: Shapes) -> Laid:
    """The encoder's own; of a whole T5 the decoder is not read."""
    kept = {
        name: shape for name, shape in shapes.items() if name.startswith(("encoder.", "shared."))
    }
    sources = {name: Source((name,)) for name in kept}
    return Laid(sources, kept, frozenset(shapes.keys() - kept.keys()))
