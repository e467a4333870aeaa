"""Text nodes: a prompt becomes pieces, pieces become what steers the denoiser."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, NamedTuple

from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Choice, Number, Prompt, Slider
from nodes.checks import fraction, reads_text
from nodes.conditioning_texts import one_text_each, same_width
from nodes.prompt_encoding import token_sections
from nodes.prompt_source import embeddings_read
from nodes.types import Clip, Conditioning, Tokens


class TokenTable(NamedTuple):
    table: str
    pieces: list[str]
    ids: list[int]
    chunks: list[int]
    weights: list[float]


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


@node("text.tokens", reads=embeddings_read("text"))
def tokens(
    clip: Clip,
    text: Annotated[str, Prompt()] = "",
    syntax: Annotated[str, Choice("plain", "comfyui", "a1111")] = "comfyui",
) -> TokenTable:
    """Show what the text encoders read of a prompt: pieces, ids, chunks and weights.

    `table` is for people: a block for each encoder, and for each text that AND joins and each
    stretch of the way where the words change; padding is left out. The lists hold the same, slot
    after slot. `plain` is what `text.encode` reads, the others what `prompt.encode_comfyui` and
    `prompt.encode_a1111` read. A vector of a textual inversion has an id below 0.
    """
    from nodes.diffusion.prompts.table import as_text

    found = token_sections(clip, text, syntax)
    lines = [line for section in found for line in section.lines]
    return TokenTable(
        as_text(found),
        [line.piece for line in lines],
        [line.id for line in lines],
        [line.chunk for line in lines],
        [line.weight for line in lines],
    )


@node("text.encode")
def encode(clip: Clip, text: Annotated[str, Prompt()] = "") -> Conditioning:
    """Turn a prompt into the embeddings that steer the denoiser, every sign taken as a letter.

    Tokenize, then encode each chunk of 77 by itself and put the chunks in a row:
    embeddings [1, 77 * chunks, D], pooled [1, D] from the first chunk. Radford et al. 2021, arXiv
    2103.00020; as conditioning in Rombach et al. 2021, arXiv 2112.10752, section 3.3. A model with
    several text encoders has it read by each, laid together as the model wants it. For weights see
    `prompt.encode_comfyui` and `prompt.encode_a1111`.
    """
    from nodes.diffusion.prompts.encoding import encode_plain

    reads_text(clip)
    return encode_plain(clip, text)


@node("text.encode_tokens")
def encode_tokens(clip: Clip, tokens: Tokens) -> Conditioning:
    """Turn pieces into the embeddings that steer the denoiser: `text.encode`'s second half.

    ids [chunks, 77] → embeddings [1, 77 * chunks, D]. An id beyond the encoder's vocabulary, from
    another model's tokenizer, is an error; so is a model with several text encoders.
    """
    from nodes.diffusion import text_encoding

    reads_text(clip)
    if clip.others or text_encoding.is_t5(clip):
        kinds = ", ".join(part.kind for part in (clip, *clip.others))
        raise InputError("clip", kinds, "one CLIP", "Ids are of one: use text.encode")
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
    after the final layer norm where the model's family wants it. Where there are several CLIPs all
    of them leave out as many; Stable Diffusion XL leaves out one more always. At least one layer
    must stay.
    """
    from nodes.diffusion import text_encoding

    clips = [part for part in (clip, *clip.others) if not text_encoding.is_t5(part)]
    count = min((text_encoding.layer_count(part, clip.family) for part in clips), default=0)
    if not clips:
        raise InputError("clip", clip.kind, "a CLIP", "T5's last layer is the one that counts")
    if not 0 <= layers < count:
        raise InputError(
            "layers", str(layers), f"0..{count - 1}", f"This text encoder has {count} layers"
        )
    first, *others = (
        part if text_encoding.is_t5(part) else replace(part, skip=layers)
        for part in (clip, *clip.others)
    )
    return replace(first, others=tuple(others))


@node("text.combine")
def combine(a: Conditioning, b: Conditioning) -> Conditioning:
    """Steer by two texts at once: the denoiser predicts for each, and the predictions are averaged.

    Nothing is computed here; the texts stay apart, `a` first, and each further one costs a further
    prediction at every step. `(prediction(a) + prediction(b)) / 2`; with n texts 1/n each. As the
    conjunction of Liu et al. 2022, arXiv 2206.01714, section 3.2, with equal weights.
    """
    same_width(a, b)
    return replace(a, more=(*a.more, replace(b, more=()), *b.more))


@node("text.average")
def average(
    a: Conditioning, b: Conditioning, amount: Annotated[float, Slider(0, 1, step=0.01)] = 0.5
) -> Conditioning:
    """Blend two texts into one that lies between them.

    `(1 - amount) * a + amount * b` per number, [B, tokens, D]: amount 0 is `a`, 1 is `b`. Texts of
    different length are first repeated to a common one, which leaves what attention reads in them
    unchanged. Where, when and how much it holds is as `a`. Neither may be the result of
    `text.combine`.
    """
    from nodes.diffusion import text_encoding

    one_text_each(a, b)
    fraction("amount", amount)
    return text_encoding.average(a, b, amount)


@node("text.concat")
def concat(a: Conditioning, b: Conditioning) -> Conditioning:
    """Let the denoiser read two texts in one row, each encoded for itself.

    [B, n, D] and [B, m, D] → [B, n + m, D]: words of one text do not colour words of the other.
    `pooled` is `a`'s, and so is where, when and how much it holds. Neither may be the result of
    `text.combine`.
    """
    from nodes.diffusion import text_encoding

    one_text_each(a, b)
    return text_encoding.concat(a, b)


@node("text.zero_out")
def zero_out(conditioning: Conditioning) -> Conditioning:
    """Replace a text by zeros of the same shape: neither the text nor the empty one.

    All numbers 0, [B, tokens, D], in each of the texts combined; a model that was trained with
    zeros for "no text" needs this in the place of an empty prompt.
    """
    from nodes.diffusion import text_encoding

    return text_encoding.zero_out(conditioning)
