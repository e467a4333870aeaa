"""Pickles into safetensors: weights alone, and nothing that runs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from nodes.diffusion.checkpoint_files import CheckpointError
from nodes.diffusion.checkpoints.pickles import convert


@pytest.mark.parametrize("wrap", [None, "state_dict", "model", "params_ema"])
@pytest.mark.parametrize("zipped", [True, False])
def test_weights_come_out_as_they_were(tmp_path: Path, wrap: str | None, zipped: bool) -> None:
    weights = {"a": torch.randn(3, 4, generator=torch.Generator().manual_seed(1)).half()}
    weights["b"] = weights["a"].t()  # strided, and in the same memory
    weights["c"] = weights["a"]
    content: Any = {wrap: weights, "global_step": 7, "lr": 0.1} if wrap else weights
    path = tmp_path / "model.ckpt"
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    out = convert(path)
    assert out == tmp_path / "model.safetensors"
    got = load_file(out)
    assert set(got) == set(weights)
    for name, weight in weights.items():
        assert torch.equal(got[name], weight), name


class Evil:
    def __reduce__(self) -> Any:
        return os.mkdir, (str(Evil.place),)

    place = Path()


def test_what_would_run_does_not_run(tmp_path: Path) -> None:
    Evil.place = tmp_path / "ran"
    path = tmp_path / "model.pt"
    torch.save({"a": torch.zeros(1), "b": Evil()}, path)
    with pytest.raises(CheckpointError, match=r"model\.pt holds more than weights"):
        convert(path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["model.pt"]


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "is empty"), (b"PK\x03\x04rest", "damaged"), (b"hello", "damaged")],
)
def test_what_is_no_pickle_of_weights_is_told(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "model.pt"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=rf"model\.pt .*{message}"):
        convert(path)


def test_no_weights_is_an_error(tmp_path: Path) -> None:
    torch.save({"epoch": 3}, tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match="expected weights by name, found none"):
        convert(tmp_path / "a.pt")


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(1)}, tmp_path / "a.pt")
    (tmp_path / "a.safetensors").write_text("mine")
    with pytest.raises(FileExistsError, match=r"a\.safetensors exists already"):
        convert(tmp_path / "a.pt")
    assert convert(tmp_path / "a.pt", tmp_path / "b.safetensors").is_file()
