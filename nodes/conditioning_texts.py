"""What the conditioning nodes share: changing a text and all combined with it. Helpers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from nodeflow.errors import InputError
from nodes.types import Conditioning, Span


def with_all(conditioning: Conditioning, **changes: Any) -> Conditioning:
    """All its texts with `changes`."""
    more = tuple(replace(text, **changes) for text in conditioning.more)
    return replace(conditioning, **changes, more=more)


def strengthened(conditioning: Conditioning, strength: float) -> Conditioning:
    """All its texts `strength` times as strong."""
    more = tuple(replace(text, strength=text.strength * strength) for text in conditioning.more)
    return replace(conditioning, strength=conditioning.strength * strength, more=more)


def within(conditioning: Conditioning, span: Span) -> Conditioning:
    """All its texts in `span` only, beside the spans they have."""
    more = tuple(replace(text, spans=(*text.spans, span)) for text in conditioning.more)
    return replace(conditioning, spans=(*conditioning.spans, span), more=more)


def ordered(start: float, end: float) -> None:
    """A range with something in it."""
    if not 0 <= start < end:
        raise InputError("end", f"{end:g} after start {start:g}", "0 <= start < end")


def inside(
    port: str, start: float, length_port: str, length: float, whole: float, unit: str = ""
) -> None:
    """From `start` on `length` within a side of the picture."""
    if start + length > whole + 1e-9:
        got = f"{length:g}{unit} from {port} {start:g}{unit} on"
        raise InputError(length_port, got, f"at most {whole - start:g}{unit}")


def one_text_each(a: Conditioning, b: Conditioning) -> None:
    """Two single texts, of encoders of the same width."""
    for port, value in (("a", a), ("b", b)):
        if value.more:
            raise InputError(
                port,
                f"{1 + len(value.more)} combined texts",
                "one text",
                "Do this to each text first, and combine afterwards",
            )
    same_width(a, b)


def same_width(a: Conditioning, b: Conditioning) -> None:
    """Both must come from encoders of the same width, for batches of the same size."""
    left, right = a.embeddings.shape, b.embeddings.shape
    if left[2] != right[2] or left[0] != right[0]:
        raise InputError(
            "b",
            f"{right[0]} × {right[1]} tokens of width {right[2]}",
            f"{left[0]} × any number of tokens of width {left[2]}, as a has",
            "Encode both with the same clip",
        )
