"""CLIP's tokenizer against transformers', and how it fills chunks."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nodes.diffusion.checkpoint_files import CheckpointError
from nodes.diffusion.tokenizer import ClipTokenizer, content


@pytest.fixture(scope="module")
def folder(checkpoint_folder: Path) -> Path:
    return checkpoint_folder / "tokenizer"


@pytest.fixture(scope="module")
def oracle(folder: Path) -> Any:
    from transformers import CLIPTokenizerFast

    return CLIPTokenizerFast.from_pretrained(
        str(folder), local_files_only=True, model_max_length=10**6
    )


@pytest.fixture(scope="module")
def tokenizer(folder: Path) -> ClipTokenizer:
    return ClipTokenizer.from_folder(folder)


def test_there_are_49408_pieces(tokenizer: ClipTokenizer) -> None:
    assert tokenizer.size == 49408


@settings(max_examples=200, deadline=None)
@given(text=st.text())
@example(text="a photo of a cat")
@example(text="It's 1024×768, naïve ☃ 猫\n\t(red:1.2) x_y ﬁ İ é")
@example(text="<|endoftext|> and <|startoftext|>")
def test_ids_are_those_of_transformers(tokenizer: ClipTokenizer, oracle: Any, text: str) -> None:
    assert tokenizer.split(text)[0] == oracle(text, add_special_tokens=False)["input_ids"]


def test_pieces_put_together_are_the_text(tokenizer: ClipTokenizer) -> None:
    pieces = tokenizer.split("An  astonishing extraterrestrial\nlandscape")[1]
    text = "".join(pieces).replace("</w>", " ")
    assert text == "an astonishing extraterrestrial landscape "


@pytest.mark.parametrize(
    ("words", "chunks"), [(0, 1), (1, 1), (74, 1), (75, 1), (76, 2), (150, 2), (151, 3)]
)
def test_chunks_are_filled_with_75_pieces(
    tokenizer: ClipTokenizer, words: int, chunks: int
) -> None:
    tokens = tokenizer.tokenize(" ".join(["cat"] * words))
    assert tokens.ids.shape == (chunks, 77)
    assert (tokens.ids[:, 0] == 49406).all()
    assert (tokens.ids[:, 76] == 49407).all()
    assert int((tokens.ids == 2368).sum()) == words
    last = words - 75 * (chunks - 1)
    assert (tokens.ids[-1, last + 1 :] == 49407).all()


def test_pieces_stand_where_their_ids_stand(tokenizer: ClipTokenizer, folder: Path) -> None:
    vocabulary = json.loads((folder / "vocab.json").read_text("utf-8"))
    tokens = tokenizer.tokenize("a cat " * 60)
    for ids, pieces in zip(tokens.ids.tolist(), tokens.pieces, strict=True):
        assert [vocabulary[piece] for piece in pieces] == ids


def test_chunks_are_padded_as_the_checkpoint_says(folder: Path, tmp_path: Path) -> None:
    """Stable Diffusion 2 pads with `!`, id 0."""
    copy = Path(shutil.copytree(folder, tmp_path / "tokenizer"))
    (copy / "special_tokens_map.json").write_text('{"pad_token": {"content": "!"}}', "utf-8")
    other = ClipTokenizer.from_folder(copy)
    tokens = other.tokenize("cat")
    assert tokens.ids[0, :5].tolist() == [49406, 2368, 49407, 0, 0]
    assert tokens.pieces[0][:4] == ("<|startoftext|>", "cat</w>", "<|endoftext|>", "!")
    assert content(tokens.pieces[0]) == ["cat</w>"]
    assert content(other.tokenize("").pieces[0]) == []


def test_one_file_of_the_tokenizers_library_is_read_too(
    oracle: Any, tokenizer: ClipTokenizer, tmp_path: Path
) -> None:
    oracle.backend_tokenizer.save(str(tmp_path / "tokenizer.json"))
    other = ClipTokenizer.from_folder(tmp_path)
    text = "an astonishing cat " * 40
    assert other.tokenize(text).ids.tolist() == tokenizer.tokenize(text).ids.tolist()


@pytest.mark.parametrize("name", ["vocab.json", "merges.txt"])
def test_a_damaged_file_is_named(folder: Path, tmp_path: Path, name: str) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "tokenizer"))
    (copy / name).write_text("{ no", "utf-8")
    with pytest.raises(CheckpointError, match=r"vocab\.json or merges\.txt is damaged"):
        ClipTokenizer.from_folder(copy)


def test_a_missing_tokenizer_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"tokenizer\.json is missing"):
        ClipTokenizer.from_folder(tmp_path)


def test_another_kind_of_tokenizer_is_refused(tmp_path: Path) -> None:
    from tokenizers import Tokenizer, models

    Tokenizer(models.BPE({"a": 0}, [])).save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(CheckpointError, match="it is no CLIP tokenizer"):
        ClipTokenizer.from_folder(tmp_path)
