"""Which tokenizer reads for which text encoder, where a file brings none of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from nodes.diffusion.t5_tokenizer import T5Tokenizer
from nodes.diffusion.tokenizer import END, ClipTokenizer

# The tiny model's tokenizer is CLIP's own, which all of CLIP's text encoders share.
CLIP_FOLDER = Path(__file__).parents[2] / "models" / "tiny" / "tokenizer"


def clip_l(file: Path) -> ClipTokenizer:
    """CLIP's tokenizer, its chunks filled up with the end mark."""
    return ClipTokenizer.from_folder(CLIP_FOLDER, END)


def openclip(file: Path) -> ClipTokenizer:
    """The same, its chunks filled up with id 0, which is `!`."""
    return ClipTokenizer.from_folder(CLIP_FOLDER, "!")


def t5(file: Path) -> T5Tokenizer:
    """T5's tokenizer, which must lie by the file: beside it, in a folder of a diffusers checkpoint
    beside it, or in `tokenizers/t5` of the folder of models that it is in."""
    return T5Tokenizer.find(_places(file, "t5"))


def umt5(file: Path) -> T5Tokenizer:
    """Pile-T5's tokenizer, in `tokenizers/umt5` if not by the file."""
    return T5Tokenizer.find(_places(file, "umt5"))


def _places(file: Path, name: str) -> list[Path]:
    beside = file.parent
    parts = [beside / part for part in ("tokenizer_3", "tokenizer_2", "tokenizer")]
    shared = [folder / "tokenizers" / name for folder in (beside, *beside.parents[:2])]
    return [beside, *parts, *shared]


TOKENIZERS: dict[str, Callable[[Path], Any]] = {
    "clip_l": clip_l,
    "clip_h": openclip,
    "clip_g": openclip,
    "t5": t5,
    "umt5": umt5,
}
"""By the encoder's kind, from the file of its weights."""
