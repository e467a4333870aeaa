"""CLIP's tokenizer: text becomes byte-pair pieces, and pieces become chunks of 77 ids.

Radford et al. 2021, arXiv 2103.00020, section 2.4: lower-cased byte-level BPE with 49,408 pieces;
the merging is done by the `tokenizers` library.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from nodes.diffusion.checkpoint_files import CheckpointError, read_json
from nodes.types import Tokens

if TYPE_CHECKING:
    from tokenizers import Tokenizer

CONTEXT = 77  # slots of a chunk, the two marks included: what CLIP was trained on
CHUNK = CONTEXT - 2
START, END = "<|startoftext|>", "<|endoftext|>"
END_OF_WORD = "</w>"

# How CLIP cuts text before it merges: a mark, an English ending, a run of letters, one digit, or a
# run of anything else that is no space.
_WORDS = (
    r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
)


class ClipTokenizer:
    """Text to ids as CLIP's text encoder learnt them. Never changes after it is made."""

    def __init__(self, tokenizer: Tokenizer, pad: str = END) -> None:
        self._tokenizer = tokenizer
        self._marks = {name: _id_of(tokenizer, name) for name in (START, END, pad)}
        self._pad = pad

    @classmethod
    def from_folder(cls, folder: Path, pad: str | None = None) -> ClipTokenizer:
        """From `vocab.json` and `merges.txt`, or from `tokenizer.json`, in `folder`.

        `pad` is the piece that fills a chunk; without it the folder says.
        """
        if (folder / "vocab.json").is_file() and (folder / "merges.txt").is_file():
            tokenizer = _from_merges(folder)
        else:
            tokenizer = _from_one_file(folder / "tokenizer.json")
        return cls(tokenizer, pad or _pad_piece(folder))

    def save(self, folder: Path) -> None:
        """Write what `from_folder` reads, and the configuration that transformers wants beside."""
        if self._tokenizer.get_vocab_size(with_added_tokens=False) == self.size:
            self._tokenizer.model.save(str(folder))  # vocab.json, merges.txt
        else:
            self._tokenizer.save(str(folder / "tokenizer.json"))
        marks = {
            "bos_token": START,
            "eos_token": END,
            "pad_token": self._pad,
            "unk_token": END,
        }
        config = {"tokenizer_class": "CLIPTokenizer", "model_max_length": CHUNK + 2, **marks}
        for name, content in (("tokenizer_config", config), ("special_tokens_map", marks)):
            text = json.dumps(content, indent=2) + "\n"
            (folder / f"{name}.json").write_text(text, "utf-8")

    @property
    def size(self) -> int:
        """How many pieces there are."""
        return int(self._tokenizer.get_vocab_size(with_added_tokens=True))

    @property
    def marks(self) -> tuple[tuple[str, int], ...]:
        """Pieces and ids of the start mark, the end mark and the padding."""
        return tuple((mark, self._marks[mark]) for mark in (START, END, self._pad))

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Where in `text` each of its pieces stands, in characters."""
        found = self._tokenizer.encode(text, add_special_tokens=False)
        return [(start, end) for start, end in found.offsets]

    def split(self, text: str) -> tuple[list[int], list[str]]:
        """Ids and pieces of `text` without marks and padding. A piece that ends a word has `</w>`;
        bytes outside ASCII stand as the printable characters that byte-level BPE gives them."""
        found = self._tokenizer.encode(text, add_special_tokens=False)
        return list(found.ids), list(found.tokens)

    def tokenize(self, text: str) -> Tokens:
        """Chunks of 77: start mark, up to 75 pieces, end mark, padding. No text is one chunk."""
        ids, pieces = self.split(text)
        starts = range(0, max(len(ids), 1), CHUNK)
        rows = [self._framed(ids[at : at + CHUNK], self._marks) for at in starts]
        texts = [
            self._framed(pieces[at : at + CHUNK], {m: m for m in self._marks}) for at in starts
        ]
        return Tokens(text, torch.tensor(rows, dtype=torch.int64), tuple(map(tuple, texts)))

    def _framed(self, content: list[Any], marks: dict[str, Any]) -> list[Any]:
        padding = [marks[self._pad]] * (CHUNK - len(content))
        return [marks[START], *content, marks[END], *padding]


def content(row: Sequence[str]) -> list[str]:
    """A chunk's pieces without the marks and the padding around them: what the last slot holds is
    padding, or the end mark of a full chunk."""
    end = len(row)
    while end > 1 and row[end - 1] == row[-1]:
        end -= 1
    if row[end - 1] == END:
        end -= 1
    return list(row[1:end])


def _from_merges(folder: Path) -> Tokenizer:
    from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers

    try:
        model = models.BPE.from_file(
            str(folder / "vocab.json"),
            str(folder / "merges.txt"),
            end_of_word_suffix=END_OF_WORD,
            unk_token=END,
        )
    except Exception as error:  # the library raises bare Exceptions
        raise CheckpointError(f"{folder}: vocab.json or merges.txt is damaged: {error}") from error
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_WORDS), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.add_special_tokens([AddedToken(mark, special=True) for mark in (START, END)])
    return tokenizer


def _from_one_file(file: Path) -> Tokenizer:
    if not file.is_file():
        raise CheckpointError(f"{file} is missing, and so is vocab.json or merges.txt beside it")
    return read_tokenizer(file)


def read_tokenizer(file: Path) -> Tokenizer:
    """What a `tokenizer.json` holds, without padding and cutting: those are its caller's.

    Raises:
        CheckpointError: it is damaged, or of another kind.
    """
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises bare Exceptions
        raise CheckpointError(f"{file} is no tokenizer: {error}") from error
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def _pad_piece(folder: Path) -> str:
    """What fills a chunk: the end mark in Stable Diffusion 1, `!` in 2."""
    for name in ("special_tokens_map.json", "tokenizer_config.json"):
        if (folder / name).is_file():
            found = read_json(folder / name).get("pad_token")
            piece = found.get("content") if isinstance(found, dict) else found
            if isinstance(piece, str):
                return piece
    return END


def _id_of(tokenizer: Tokenizer, piece: str) -> int:
    number = tokenizer.token_to_id(piece)
    if number is None:
        raise CheckpointError(f"the tokenizer has no piece {piece!r}: it is no CLIP tokenizer")
    return int(number)
