"""How a prompt's parts become rows of slots and states; families are in test_prompt.py."""

from __future__ import annotations

import torch

from nodes.diffusion.prompts.encoding import Reader, encode_plain, plain_rows
from nodes.diffusion.prompts.syntax import parse
from nodes.types import Clip

LONG = " ".join(["cat"] * 80)


def test_rows_have_ids_and_weights(clip: Clip) -> None:
    rows = plain_rows(clip, LONG)
    assert rows.ids.shape == rows.weights.shape == (2, 77)
    assert torch.equal(rows.ids, clip.tokenizer.tokenize(LONG).ids)
    assert bool((rows.weights == 1).all())
    assert rows.mask is None


def test_a_weight_changes_its_own_chunk_alone(clip: Clip) -> None:
    plain = encode_plain(clip, LONG).embeddings
    for name in ("comfyui", "a1111", "no_norm"):
        reader = Reader(clip, weights=name)
        ((got, _),) = reader.parts({"clip_l": parse(LONG + " (dog:1.4)", "comfyui")})
        assert torch.equal(got.embeddings[:, :77], plain[:, :77])
        changed = got.embeddings[:, 77:] != encode_plain(clip, LONG + " dog").embeddings[:, 77:]
        assert changed.any(dim=-1).sum() == (77 if name == "a1111" else 1)


def test_a_prompt_is_encoded_without_gradients(clip: Clip) -> None:
    ((got, _),) = Reader(clip).parts({"clip_l": parse("a (cat:1.2)", "comfyui")})
    assert not got.embeddings.requires_grad
    assert got.pooled is not None
    assert not got.pooled.requires_grad
