"""Which tokenizer reads for which text encoder, where a file brings none of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from nodes.diffusion.tokenizer import END, ClipTokenizer

# The tiny model's tokenizer is CLIP's own, which all of CLIP's text encoders share.
_CLIP = Path(__file__).parents[2] / "models" / "tiny" / "tokenizer"


def clip_l() -> ClipTokenizer:
    """CLIP's tokenizer, its chunks filled up with the end mark."""
    return ClipTokenizer.from_folder(_CLIP, END)


def openclip() -> ClipTokenizer:
    """The same, its chunks filled up with id 0, which is `!`."""
    return ClipTokenizer.from_folder(_CLIP, "!")


TOKENIZERS: dict[str, Callable[[], Any]] = {
    "clip_l": clip_l,
    "clip_h": openclip,
    "clip_g": openclip,
}
"""By the encoder's kind."""
