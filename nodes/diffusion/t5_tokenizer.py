"""T5's tokenizer: text becomes pieces of a SentencePiece vocabulary, and an end mark.

Kudo & Richardson 2018, arXiv 1808.06226; the likeliest cut of a text into pieces is found by the
`tokenizers` library. Reads `tokenizer.json`, or `spiece.model` without further libraries.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from nodes.diffusion.checkpoint_files import CheckpointError, read_json, t5_vocabulary
from nodes.diffusion.tokenizer import read_tokenizer
from nodes.types import Tokens

if TYPE_CHECKING:
    from tokenizers import Tokenizer

END, PAD, UNKNOWN = "</s>", "<pad>", "<unk>"
_EXTRA_IDS = 100  # marks for gaps in a text, `<extra_id_99>` … `<extra_id_0>`, after all pieces
_SPACE = "▁"


class T5Tokenizer:
    """Text to ids as T5's text encoder learnt them. Never changes after it is made."""

    def __init__(self, tokenizer: Tokenizer, pad: str = PAD) -> None:
        end, padding = tokenizer.token_to_id(END), tokenizer.token_to_id(pad)
        if end is None:
            raise CheckpointError(f"the tokenizer has no piece {END!r}: it is no T5 tokenizer")
        if padding is None:  # Pile-T5 never sees its padding: the end mark is as good
            pad, padding = END, end
        self._tokenizer = tokenizer
        self._end, self._pad = (END, int(end)), (pad, int(padding))

    @classmethod
    def from_folder(cls, folder: Path) -> T5Tokenizer:
        """From `tokenizer.json` in `folder`, else from `spiece.model`."""
        return cls.find([folder])

    @classmethod
    def find(cls, folders: Sequence[Path]) -> T5Tokenizer:
        """From the first of the folders that holds a tokenizer.

        Raises:
            CheckpointError: none does; says where it looked. A file of text encoder weights holds
                no vocabulary.
        """
        files = {file.name: file for file in t5_vocabulary(folders)}
        if "tokenizer.json" in files:
            file = files["tokenizer.json"]
            return cls(read_tokenizer(file), _pad_piece(file.parent))
        if "spiece.model" in files:
            file = files["spiece.model"]
            return cls(_from_pieces(file), _pad_piece(file.parent))
        places = ", ".join(str(folder) for folder in folders)
        raise CheckpointError(
            f"T5's vocabulary is in none of {places}: put tokenizer.json or spiece.model there, "
            "which the model's diffusers folder has in tokenizer, tokenizer_2 or tokenizer_3"
        )

    def save(self, folder: Path) -> None:
        """Write what `from_folder` reads, and the configuration that transformers wants beside."""
        self._tokenizer.save(str(folder / "tokenizer.json"))
        marks = {"eos_token": self._end[0], "pad_token": self._pad[0], "unk_token": UNKNOWN}
        config = {"tokenizer_class": "T5TokenizerFast", "model_max_length": 512, **marks}
        for name, content in (("tokenizer_config", config), ("special_tokens_map", marks)):
            text = json.dumps(content, indent=2) + "\n"
            (folder / f"{name}.json").write_text(text, "utf-8")

    @property
    def size(self) -> int:
        """How many pieces there are."""
        return int(self._tokenizer.get_vocab_size(with_added_tokens=True))

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Where in `text` each of its pieces stands, in characters."""
        found = self._tokenizer.encode(text, add_special_tokens=False)
        return [(start, end) for start, end in found.offsets]

    def split(self, text: str) -> tuple[list[int], list[str]]:
        """Ids and pieces of `text` without end mark and padding. `▁` stands for a space."""
        found = self._tokenizer.encode(text, add_special_tokens=False)
        return list(found.ids), list(found.tokens)

    def framed(self, ids: Sequence[int], length: int) -> tuple[list[int], list[bool]]:
        """Exactly `length` ids: cut, the end mark, padding; and which of them are no padding."""
        kept = [*ids[: length - 1], self._end[1]]
        empty = length - len(kept)
        return kept + [self._pad[1]] * empty, [True] * len(kept) + [False] * empty

    def tokenize(self, text: str) -> Tokens:
        """One row, [1, pieces + 1]: the pieces and the end mark."""
        ids, pieces = self.split(text)
        row = torch.tensor([[*ids, self._end[1]]], dtype=torch.int64)
        return Tokens(text, row, ((*pieces, self._end[0]),))


def _from_pieces(file: Path) -> Tokenizer:
    """The unigram model of a SentencePiece file, with T5's marks for gaps after its pieces."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    vocabulary, characters, kind = _read_pieces(file)
    if kind != 1:
        raise CheckpointError(f"{file} is no unigram model, which T5's is: use a tokenizer.json")
    names = [piece for piece, _ in vocabulary]
    if UNKNOWN not in names:
        raise CheckpointError(f"{file} has no piece {UNKNOWN!r}: it is no T5 tokenizer")
    extras = [(f"<extra_id_{k}>", 0.0) for k in reversed(range(_EXTRA_IDS))]
    tokenizer = Tokenizer(models.Unigram([*vocabulary, *extras], names.index(UNKNOWN)))
    if characters:
        tokenizer.normalizer = normalizers.Precompiled(characters)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.WhitespaceSplit(),
            pre_tokenizers.Metaspace(replacement=_SPACE, prepend_scheme="always"),
        ]
    )
    tokenizer.add_special_tokens([PAD, END, UNKNOWN, *(name for name, _ in extras)])
    return tokenizer


def _read_pieces(file: Path) -> tuple[list[tuple[str, float]], bytes, int]:
    """Pieces with their log likelihoods, the table of characters to replace, and which model it is.

    The file is a protocol buffer, `ModelProto` of SentencePiece: field 1 is a piece (1 its text, 2
    its score), 2 the trainer's settings (3 the kind of model, 1 for unigram), 3 the normaliser's
    (2 the table).
    """
    pieces: list[tuple[str, float]] = []
    characters, kind = b"", 1
    try:
        for number, value in _fields(file.read_bytes()):
            inside = dict(_fields(value)) if isinstance(value, bytes) and number <= 3 else {}
            if number == 1:
                pieces.append((inside[1].decode("utf-8"), struct.unpack("<f", inside[2])[0]))
            elif number == 2:
                kind = int(inside.get(3, 1))
            elif number == 3:
                characters = bytes(inside.get(2, b""))
    except (ValueError, IndexError, KeyError, AttributeError, TypeError, struct.error) as error:
        raise CheckpointError(f"{file} is no SentencePiece model: {error!r}") from None
    if not pieces:
        raise CheckpointError(f"{file} is no SentencePiece model: it holds no pieces")
    return pieces, characters, kind


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """The fields of a protocol buffer: numbers as int, everything else as bytes."""
    at = 0
    while at < len(data):
        tag, at = _number(data, at)
        kind = tag & 7
        if kind == 0:
            value, at = _number(data, at)
            yield tag >> 3, value
            continue
        size = {1: 8, 5: 4}.get(kind)
        if kind == 2:
            size, at = _number(data, at)
        if size is None or at + size > len(data):
            raise ValueError(f"a field of kind {kind} at byte {at}")
        yield tag >> 3, data[at : at + size]
        at += size


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A number in groups of 7 bits, the lowest first, and where the next thing begins."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def _pad_piece(folder: Path) -> str:
    for name in ("special_tokens_map.json", "tokenizer_config.json"):
        if (folder / name).is_file():
            found = read_json(folder / name).get("pad_token")
            piece = found.get("content") if isinstance(found, dict) else found
            if isinstance(piece, str):
                return piece
    return PAD
