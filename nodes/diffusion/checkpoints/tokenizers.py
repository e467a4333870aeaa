"""Which tokenizer reads for which text encoder, where a file brings none of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from nodes.diffusion.checkpoint_files import t5_places
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
    """T5's tokenizer, which must lie by the file: see `t5_places`."""
    return T5Tokenizer.find(t5_places(file, "t5"))


def umt5(file: Path) -> T5Tokenizer:
    """Pile-T5's tokenizer."""
    return T5Tokenizer.find(t5_places(file, "umt5"))


TOKENIZERS: dict[str, Callable[[Path], Any]] = {
    "clip_l": clip_l,
    "clip_h": openclip,
    "clip_g": openclip,
    "t5": t5,
    "umt5": umt5,
}
"""By the encoder's kind, from the file of its weights."""
