"""T5's tokenizer, against transformers' own on the same small vocabulary."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from nodes.diffusion.checkpoint_files import CheckpointError
from nodes.diffusion.t5_tokenizer import T5Tokenizer

VOCABULARY = Path(__file__).parents[1] / "fixtures" / "t5"  # 39 pieces and the marks for gaps
PIECES = [
    (piece, score)
    for piece, score in json.loads((VOCABULARY / "tokenizer.json").read_text("utf-8"))["model"][
        "vocab"
    ]
    if not piece.startswith("<extra_id")
]
TEXTS = ["a red circle on a blue background.", "", "  two   spaces ", "ünknown", "</s> inside"]


def theirs() -> Any:
    from transformers import T5TokenizerFast

    return T5TokenizerFast.from_pretrained(str(VOCABULARY))


def number(value: int) -> bytes:
    found = b""
    while True:
        value, low = value >> 7, value & 0x7F
        found += bytes([low | (0x80 if value else 0)])
        if not value:
            return found


def field(tag: int, value: bytes) -> bytes:
    return number(tag << 3 | 2) + number(len(value)) + value


def sentencepiece(kind: int = 1, characters: bytes = b"") -> bytes:
    """A `ModelProto` with the pieces, as SentencePiece writes it."""
    pieces = b"".join(
        field(1, field(1, piece.encode()) + number(2 << 3 | 5) + struct.pack("<f", score))
        for piece, score in PIECES
    )
    trainer = field(2, number(3 << 3) + number(kind))
    return pieces + trainer + field(3, field(1, b"nmt_nfkc") + field(2, characters))


@pytest.fixture(params=["tokenizer.json", "spiece.model"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    file = tmp_path / request.param
    if request.param == "spiece.model":
        file.write_bytes(sentencepiece())
    else:
        theirs()._tokenizer.save(str(file))
    return tmp_path


@pytest.mark.parametrize("text", TEXTS)
def test_ids_are_transformers_own(folder: Path, text: str) -> None:
    tokenizer = T5Tokenizer.from_folder(folder)
    ids, pieces = tokenizer.split(text)
    assert len(ids) == len(pieces)
    expected = theirs()(text, padding="max_length", max_length=40, truncation=True)
    framed, mask = tokenizer.framed(ids, 40)
    assert framed == expected["input_ids"]
    assert mask == [bool(m) for m in expected["attention_mask"]]


def test_a_long_text_is_cut_before_the_end_mark(folder: Path) -> None:
    tokenizer = T5Tokenizer.from_folder(folder)
    ids, _ = tokenizer.split("a red circle on a blue background.")
    framed, mask = tokenizer.framed(ids, 6)
    assert framed == [*ids[:5], 1]
    assert all(mask)


def test_tokens_end_with_their_mark(folder: Path) -> None:
    tokens = T5Tokenizer.from_folder(folder).tokenize("a red circle")
    assert tokens.pieces == (("▁a", "▁red", "▁circle", "</s>"),)
    assert tokens.ids.tolist() == [[3, 4, 5, 1]]


def test_size_counts_the_marks_for_gaps(folder: Path) -> None:
    assert T5Tokenizer.from_folder(folder).size == len(PIECES) + 100


def test_characters_are_replaced_by_the_file_s_own_table(tmp_path: Path) -> None:
    """A double array (Aoe 1989) that knows one key, `A`, to be replaced by `a`."""
    root, branch, leaf = 256, 256 ^ ord("A"), 256 ^ ord("A") ^ 1
    units = [0] * 512
    units[0] = root << 10
    units[branch] = 1 << 10 | 1 << 8 | ord("A")
    units[leaf] = 0  # where the replacement begins
    trie = struct.pack("<512I", *units)
    table = struct.pack("<I", len(trie)) + trie + b"a\0"
    (tmp_path / "spiece.model").write_bytes(sentencepiece(characters=table))
    tokenizer = T5Tokenizer.from_folder(tmp_path)
    assert tokenizer.split("A red")[0] == tokenizer.split("a red")[0]


def test_padding_is_what_the_folder_says(tmp_path: Path) -> None:
    theirs()._tokenizer.save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "tokenizer_config.json").write_text('{"pad_token": "<unk>"}')
    assert T5Tokenizer.from_folder(tmp_path).framed([3], 4)[0] == [3, 1, 2, 2]


def test_without_a_piece_for_padding_the_end_mark_fills_up(tmp_path: Path) -> None:
    from tokenizers import Tokenizer, models

    pieces = [("<unk>", 0.0), ("<s>", 0.0), ("</s>", 0.0), ("a", -1.0)]
    Tokenizer(models.Unigram(pieces, 0)).save(str(tmp_path / "tokenizer.json"))
    framed, mask = T5Tokenizer.from_folder(tmp_path).framed([3], 4)
    assert framed == [3, 2, 2, 2]
    assert mask == [True, True, False, False]


def test_the_first_folder_with_a_tokenizer_counts(folder: Path, tmp_path: Path) -> None:
    tokenizer = T5Tokenizer.find([tmp_path / "absent", folder])
    assert tokenizer.size == len(PIECES) + 100


def test_a_vocabulary_that_is_nowhere_is_an_error_with_the_places(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"T5's vocabulary is in none of .*x.*, .*y"):
        T5Tokenizer.find([tmp_path / "x", tmp_path / "y"])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "holds no pieces"),
        (b"\xff\xff\xff", "no SentencePiece model"),
        (b"version https://git-lfs.github.com", "no SentencePiece model"),
        (sentencepiece()[:200], "no SentencePiece model"),
        (sentencepiece(kind=2), "no unigram model"),
        (field(1, field(1, b"x") + number(2 << 3 | 5) + struct.pack("<f", 1.0)), "no piece"),
    ],
)
def test_a_damaged_vocabulary_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "spiece.model").write_bytes(content)
    with pytest.raises(CheckpointError, match=said):
        T5Tokenizer.from_folder(tmp_path)


def test_a_tokenizer_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(CheckpointError, match="no tokenizer"):
        T5Tokenizer.from_folder(tmp_path)
    from tokenizers import Tokenizer, models

    Tokenizer(models.Unigram([("x", 0.0)], 0)).save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(CheckpointError, match="no piece '</s>'"):
        T5Tokenizer.from_folder(tmp_path)
