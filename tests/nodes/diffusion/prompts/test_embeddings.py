"""Textual inversions: the kinds of files, and what an encoder makes of them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from nodes.diffusion.checkpoint_files import CheckpointError
from nodes.diffusion.prompts.embeddings import (
    inversions_for,
    read_embedding,
    vectors_for,
    width_of,
    with_vectors,
)
from nodes.types import Clip


def vectors(count: int, width: int = 16) -> torch.Tensor:
    return torch.randn(count, width, generator=torch.Generator().manual_seed(count))


@pytest.mark.parametrize(
    ("tensors", "kinds"),
    [
        ({"emb_params": vectors(2)}, [""]),
        ({"<a-toy>": vectors(1)[0]}, [""]),
        ({"clip_l": vectors(2), "clip_g": vectors(2, 20)}, ["clip_g", "clip_l"]),
        ({"text_encoders_0": vectors(1), "text_encoders_1": vectors(1, 20)}, ["clip_g", "clip_l"]),
        ({"t5xxl": vectors(1), "clip_l": vectors(1)}, ["clip_l", "t5"]),
        ({"emb_params": vectors(2), "steps": torch.tensor([5])}, [""]),
        ({"emb_params": vectors(2).half()}, [""]),
    ],
)
def test_files_are_read_by_their_names(
    tmp_path: Path, tensors: dict[str, torch.Tensor], kinds: list[str]
) -> None:
    save_file(tensors, tmp_path / "a.safetensors")
    found = read_embedding(tmp_path / "a.safetensors")
    assert sorted(found) == kinds
    first = next(iter(tensors.values())).float()
    assert any(torch.equal(t, first.reshape(-1, first.shape[-1])) for t in found.values())
    assert all(t.dtype == torch.float32 for t in found.values())


@pytest.mark.parametrize(
    "tensors",
    [
        {"x": vectors(1), "y": vectors(1)},
        {"emb_params": torch.zeros(1, 2, 3)},
        {"emb_params": torch.zeros(2, 16, dtype=torch.int64)},
    ],
)
def test_other_files_are_refused(tmp_path: Path, tensors: dict[str, torch.Tensor]) -> None:
    save_file(tensors, tmp_path / "a.safetensors")
    with pytest.raises(CheckpointError, match=r"a\.safetensors is no textual inversion: it holds"):
        read_embedding(tmp_path / "a.safetensors")


def test_vectors_of_another_width_are_refused(tmp_path: Path, clip: Clip) -> None:
    save_file({"clip_l": vectors(1, 20)}, tmp_path / "a.safetensors")
    with pytest.raises(CheckpointError, match=r"width 20 for clip_l; .* takes 16 for clip_l"):
        vectors_for(clip, tmp_path / "a.safetensors")
    save_file({"clip_g": vectors(1, 20)}, tmp_path / "b.safetensors")
    with pytest.raises(CheckpointError, match=r"width 20 for clip_g; .* takes 16 for clip_l"):
        vectors_for(clip, tmp_path / "b.safetensors")


def test_inversions_lie_one_behind_the_other(tmp_path: Path, clip: Clip) -> None:
    for name, count in (("one", 1), ("three", 3)):
        save_file({"emb_params": vectors(count)}, tmp_path / f"{name}.safetensors")
    files = {name: tmp_path / f"{name}.safetensors" for name in ("one", "three")}
    three = {"three": files["three"]}
    found = inversions_for(clip, {"one": files["one"]}, bare=three)["clip_l"]
    assert found.named == {"three": range(3), "one": range(3, 4)}
    assert found.vectors is not None
    assert torch.equal(found.vectors, torch.cat([vectors(3), vectors(1)]))
    assert found.bare == {tuple(clip.tokenizer.split("three")[0]): "three"}


def test_a_bare_name_of_another_familys_vectors_is_a_word(tmp_path: Path, clip: Clip) -> None:
    save_file({"emb_params": vectors(1, 20)}, tmp_path / "wide.safetensors")
    found = inversions_for(clip, {}, {"wide": tmp_path / "wide.safetensors"})["clip_l"]
    assert (found.vectors, found.named, found.bare) == (None, {}, {})


def test_an_encoder_with_vectors_shares_its_weights(clip: Clip) -> None:
    table = clip.encoder.get_input_embeddings()
    cat = table.weight[[2368]].detach()
    extended = with_vectors(clip.encoder, torch.cat([vectors(1), cat]))
    ids = clip.tokenizer.tokenize("a cat").ids
    other = ids.clone()
    other[ids == 2368] = -2
    first, second = clip.encoder(input_ids=ids), extended(input_ids=other)
    assert torch.equal(first.last_hidden_state, second.last_hidden_state)
    assert torch.equal(first.pooler_output, second.pooler_output)
    assert clip.encoder.get_input_embeddings() is table
    mine = {p.data_ptr() for p in clip.encoder.parameters()}
    assert {p.data_ptr() for p in extended.parameters()} == mine
    assert with_vectors(clip.encoder, None) is clip.encoder


def test_the_width_is_the_tables(clip: Clip) -> None:
    assert width_of(clip) == 16
