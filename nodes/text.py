"""Text nodes: a prompt becomes pieces, pieces become what steers the denoiser."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Number, Prompt, Slider
from nodes.checks import fraction
from nodes.types import Clip, Conditioning, Tokens


@node("text.tokenize")
def tokenize(clip: Clip, text: Annotated[str, Prompt()] = "") -> Tokens:
    """Cut a prompt into the pieces that the text encoder knows, in chunks of 77.

    Byte-pair encoding with CLIP's 49,408 pieces; a piece that ends a word has `</w>`. Each chunk is
    a start mark, up to 75 pieces, an end mark and padding: ids int64 [chunks, 77]. A prompt of more
    than 75 pieces gives several chunks; an empty one gives one. Radford et al. 2021, arXiv
    2103.00020, section 2.4; Sennrich et al. 2015, arXiv 1508.07909.
    """
    return clip.tokenizer.tokenize(text)


@node("text.pieces")
def pieces(tokens: Tokens) -> list[str]:
    """The pieces of a prompt in order, without the marks and the padding around them."""
    from nodes.diffusion.tokenizer import content

    return [piece for row in tokens.pieces for piece in content(row)]


@node("text.ids", title="IDs", output="ids")
def ids(tokens: Tokens) -> list[int]:
    """The numbers that stand for a prompt's pieces, chunk after chunk: 77 for each.

    With the marks and the padding, as the text encoder gets them: 49406 begins a chunk, 49407 ends
    its text.
    """
    return [int(number) for number in tokens.ids.flatten().tolist()]


@node("text.encode")
def encode(clip: Clip, text: Annotated[str, Prompt()] = "") -> Conditioning:
    """Turn a prompt into the embeddings that steer the denoiser.

    Tokenize, then encode each chunk of 77 by itself and put the chunks in a row:
    embeddings [1, 77 * chunks, D], pooled [1, D] from the first chunk. Radford et al. 2021, arXiv
    2103.00020; as conditioning in Rombach et al. 2021, arXiv 2112.10752, section 3.3.
    """
    from nodes.diffusion import text_encoding

    return text_encoding.encode(clip, clip.tokenizer.tokenize(text).ids)


@node("text.encode_tokens")
def encode_tokens(clip: Clip, tokens: Tokens) -> Conditioning:
    """Turn pieces into the embeddings that steer the denoiser: `text.encode`'s second half.

    ids [chunks, 77] → embeddings [1, 77 * chunks, D]. An id beyond the encoder's vocabulary, from
    another model's tokenizer, is an error.
    """
    from nodes.diffusion import text_encoding

    known, highest = clip.encoder.config.vocab_size, int(tokens.ids.max())
    if highest >= known:
        raise InputError(
            "tokens", f"id {highest}", f"ids below {known}", "Tokenize with the same clip"
        )
    return text_encoding.encode(clip, tokens.ids)


@node("text.clip_skip", title="CLIP skip")
def clip_skip(clip: Clip, layers: Annotated[int, Number(0, 48, 1, "layers")] = 1) -> Clip:
    """Leave out the text encoder's last layers: a prompt is read less abstractly.

    0 leaves out none, 1 stops at the last but one, as models trained with "clip skip 2" want it
    (their count begins at 1). Replaces an earlier skip. Embeddings are of that layer's output,
    after the final layer norm. At least one layer must stay.
    """
    from nodes.diffusion import text_encoding

    count = text_encoding.layer_count(clip)
    if not 0 <= layers < count:
        raise InputError(
            "layers", str(layers), f"0..{count - 1}", f"This text encoder has {count} layers"
        )
    return replace(clip, skip=layers)


@node("text.combine")
def combine(a: Conditioning, b: Conditioning) -> Conditioning:
    """Steer by two texts at once: the denoiser predicts for each, and the predictions are averaged.

    Nothing is computed here; the texts stay apart, `a` first, and each further one costs a further
    prediction at every step. `(prediction(a) + prediction(b)) / 2`; with n texts 1/n each. As the
    conjunction of Liu et al. 2022, arXiv 2206.01714, section 3.2, with equal weights.
    """
    _check_width(a, b)
    return replace(a, more=(*a.more, replace(b, more=()), *b.more))


@node("text.average")
def average(
    a: Conditioning, b: Conditioning, amount: Annotated[float, Slider(0, 1, step=0.01)] = 0.5
) -> Conditioning:
    """Blend two texts into one that lies between them.

    `(1 - amount) * a + amount * b` per number, [B, tokens, D]: amount 0 is `a`, 1 is `b`. Texts of
    different length are first repeated to a common one, which leaves what attention reads in them
    unchanged. Neither may be the result of `text.combine`.
    """
    from nodes.diffusion import text_encoding

    _check_pair(a, b)
    fraction("amount", amount)
    return text_encoding.average(a, b, amount)


@node("text.concat")
def concat(a: Conditioning, b: Conditioning) -> Conditioning:
    """Let the denoiser read two texts in one row, each encoded for itself.

    [B, n, D] and [B, m, D] → [B, n + m, D]: words of one text do not colour words of the other.
    `pooled` is `a`'s. Neither may be the result of `text.combine`.
    """
    from nodes.diffusion import text_encoding

    _check_pair(a, b)
    return text_encoding.concat(a, b)


@node("text.zero_out")
def zero_out(conditioning: Conditioning) -> Conditioning:
    """Replace a text by zeros of the same shape: neither the text nor the empty one.

    All numbers 0, [B, tokens, D]; a model that was trained with zeros for "no text" needs this in
    the place of an empty prompt.
    """
    from nodes.diffusion import text_encoding

    return text_encoding.zero_out(conditioning)


def _check_pair(a: Conditioning, b: Conditioning) -> None:
    for port, value in (("a", a), ("b", b)):
        if value.more:
            raise InputError(
                port,
                f"{1 + len(value.more)} combined texts",
                "one text",
                "Do this to each text first, and combine afterwards",
            )
    _check_width(a, b)


def _check_width(a: Conditioning, b: Conditioning) -> None:
    """Both must come from encoders of the same width, for batches of the same size."""
    left, right = a.embeddings.shape, b.embeddings.shape
    if left[2] != right[2] or left[0] != right[0]:
        raise InputError(
            "b",
            f"{right[0]} × {right[1]} tokens of width {right[2]}",
            f"{left[0]} × any number of tokens of width {left[2]}, as a has",
            "Encode both with the same clip",
        )
