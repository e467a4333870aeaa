"""A parsed prompt becomes a conditioning: cut, encoded, weighted, joined as its family wants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from nodes.diffusion import text_encoding
from nodes.diffusion.prompts.chunks import (
    Chunk,
    Cut,
    Inversions,
    Slot,
    at_commas,
    framed,
    in_a_row,
    in_words,
)
from nodes.diffusion.prompts.embeddings import with_vectors
from nodes.diffusion.prompts.syntax import Prompt
from nodes.diffusion.prompts.timeline import Runs, Text, moments
from nodes.diffusion.prompts.weighting import weigh
from nodes.diffusion.text_encoding import is_t5
from nodes.diffusion.text_joins import EncoderOutput, reading_of
from nodes.types import Clip, Conditioning

CUTS: dict[str, Cut] = {"comfyui": in_words, "a1111": at_commas}

_NONE = Inversions()


@dataclass(frozen=True)
class Rows:
    """What one encoder reads: chunks of 77, or one row for T5; `mask` is false at T5's padding."""

    slots: list[Chunk]
    mask: tuple[bool, ...] | None = None

    @property
    def ids(self) -> torch.Tensor:
        return torch.tensor([[slot.id for slot in row] for row in self.slots])

    @property
    def weights(self) -> torch.Tensor:
        return torch.tensor([[slot.weight for slot in row] for row in self.slots])


@dataclass(frozen=True, eq=False)
class Reader:
    """How prompts are cut and weighted: by the rules of a syntax, and of weights, by name."""

    clip: Clip
    cut: Cut = in_words
    weights: str = "comfyui"
    inversions: Mapping[str, Inversions] = field(default_factory=dict)

    def __post_init__(self) -> None:
        text_encoding.reads_text(self.clip)

    @property
    def encoders(self) -> tuple[Clip, ...]:
        return (self.clip, *self.clip.others)

    def parts(self, prompts: Mapping[str, Prompt]) -> list[tuple[Conditioning, float]]:
        """The texts that AND joins, each with its weight, of a prompt for each kind of encoder.

        A text that changes on the way is several, each with the spans in which it holds; equal
        words are encoded once.
        """
        texts = [prompts[part.kind] for part in self.encoders]
        known: dict[tuple[Runs, ...], Conditioning] = {}
        found = []
        for number, part in enumerate(texts[0].parts):
            changing = []
            for moment in moments(texts, number):
                if moment.runs not in known:
                    known[moment.runs] = self.encode(moment.runs)
                changing.append(replace(known[moment.runs], spans=moment.spans))
            found.append((replace(changing[0], more=tuple(changing[1:])), part.weight))
        return found

    def encode(self, runs: Sequence[Runs]) -> Conditioning:
        """What is read of each encoder's text, in the encoders' order, as one conditioning."""
        pairs = zip(self.encoders, runs, strict=True)
        return self.join([self.rows(part, mine) for part, mine in pairs])

    def rows(self, part: Clip, runs: Runs) -> Rows:
        """What one encoder reads of its text."""
        inversions = self.inversions.get(part.kind, _NONE)
        if reading_of(part, self.clip.family).lower:
            runs = tuple(
                replace(r, text=r.text.lower()) if isinstance(r, Text) else r for r in runs
            )
        if not is_t5(part):
            return Rows(self.cut(runs, part.tokenizer, inversions))
        return _t5_row(in_a_row(runs, part.tokenizer, inversions), part, self.clip.family)

    def join(self, rows: Sequence[Rows]) -> Conditioning:
        """Encode what each encoder reads and lay it together.

        CLIPs side by side need equally many chunks: empty ones fill up.
        """
        longest = max(len(each.slots) for each in rows)
        outputs = {}
        for part, each in zip(self.encoders, rows, strict=True):
            if not is_t5(part):
                empty = framed([], part.tokenizer)
                each = Rows([*each.slots, *[empty] * (longest - len(each.slots))])
            outputs[part.kind] = self._output(part, each)
        return text_encoding.join(self.clip, outputs)

    def _output(self, part: Clip, rows: Rows) -> EncoderOutput:
        states, pooled = self._states(part, rows)  # [rows, tokens, D]
        nothing: list[torch.Tensor] = []

        def empty() -> torch.Tensor:
            if not nothing:
                nothing.append(self._states(part, _empty(part, self.clip.family, rows))[0][0])
            return nothing[0]

        weighted = torch.stack(
            [weigh(self.weights, z, w, empty) for z, w in zip(states, rows.weights, strict=True)]
        )
        mask = None if rows.mask is None else torch.tensor([rows.mask])
        return EncoderOutput(
            weighted.reshape(1, -1, weighted.shape[-1]),
            None if pooled is None else pooled[:1],
            None if mask is None else mask.to(weighted.device),
        )

    def _states(self, part: Clip, rows: Rows) -> tuple[torch.Tensor, torch.Tensor | None]:
        ids, encoder = rows.ids, part.encoder
        if bool((ids < 0).any()):
            encoder = with_vectors(encoder, self.inversions[part.kind].vectors)
        if rows.mask is None:
            return text_encoding.clip_states(part, self.clip.family, ids, encoder)
        mask = torch.tensor([rows.mask])
        return text_encoding.t5_states(part, self.clip.family, ids, mask, encoder), None


def encode_plain(clip: Clip, text: str) -> Conditioning:
    """A text with no syntax in it: brackets are brackets."""
    reader = Reader(clip)
    rows = [
        reader.rows(part, (Text(text),)) if is_t5(part) else plain_rows(part, text)
        for part in reader.encoders
    ]
    return reader.join(rows)


def plain_rows(part: Clip, text: str) -> Rows:
    """A text in chunks of 77 that are cut after each 75 pieces, wherever that is."""
    tokens = part.tokenizer.tokenize(text)
    pairs = zip(tokens.ids.tolist(), tokens.pieces, strict=True)
    return Rows([tuple(map(Slot, ids, pieces)) for ids, pieces in pairs])


def _t5_row(slots: Sequence[Slot], part: Clip, family: str) -> Rows:
    """The slots, the end mark, and padding up to as many as the family is used to. A longer text
    stays whole: T5 counts places relatively, and knows no end to them."""
    length = max(reading_of(part, family).tokens, len(slots) + 1)
    tokenizer: Any = part.tokenizer
    ids, mask = tokenizer.framed([slot.id for slot in slots], length)
    end = [Slot(n, "</s>" if real else "<pad>") for n, real in zip(ids, mask, strict=True)]
    return Rows([(*slots, *end[len(slots) :])], tuple(mask))


def _empty(part: Clip, family: str, rows: Rows) -> Rows:
    """No text, of the same length."""
    if rows.mask is None:
        return Rows([framed([], part.tokenizer)])
    tokenizer: Any = part.tokenizer
    ids, mask = tokenizer.framed([], len(rows.mask))
    return Rows([tuple(Slot(n, "") for n in ids)], tuple(mask))
