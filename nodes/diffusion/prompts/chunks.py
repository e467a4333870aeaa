"""Words become weighted slots in chunks of 77, as ComfyUI and AUTOMATIC1111's web UI cut them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from torch import Tensor

from nodes.diffusion.prompts.timeline import Run, Text, Vectors
from nodes.diffusion.tokenizer import CHUNK, ClipTokenizer

_LONG_WORD = 8  # pieces from which on ComfyUI cuts a word in two
_BACK_TO_COMMA = 20  # slots that the web UI goes back to find a comma to cut at


class Splitter(Protocol):
    """What all tokenizers can do."""

    def split(self, text: str) -> tuple[list[int], list[str]]:
        """Ids and pieces of a text, without marks."""


@dataclass(frozen=True)
class Slot:
    """A place in a prompt: an id, and how much it weighs. A negative id is a vector from a textual
    inversion: -1 the first of `Inversions.vectors`, -2 the second."""

    id: int
    piece: str
    weight: float = 1.0


@dataclass(frozen=True, eq=False)
class Inversions:
    """The textual inversions for one encoder. `named` are those in the prompt, `bare` those whose
    name alone stands for them, as ids; both give the vectors' places in `vectors` [n, D]."""

    vectors: Tensor | None = None
    named: Mapping[str, range] = field(default_factory=dict)
    bare: Mapping[tuple[int, ...], str] = field(default_factory=dict)

    def slots(self, name: str, weight: float) -> list[Slot]:
        """An inversion's slots; none where the encoder has no vectors of it."""
        places = self.named.get(name, range(0))
        many = len(places) > 1
        return [
            Slot(-1 - place, f"<{name}{f' {k}' if many else ''}>", weight)
            for k, place in enumerate(places, start=1)
        ]

    def at(self, ids: Sequence[int], place: int) -> tuple[str, int]:
        """The inversion whose bare name stands at a place among ids, the longest such, and how
        many ids its name takes; "" and 1 where none does."""
        found = max(
            (k for k in self.bare if tuple(ids[place : place + len(k)]) == k), key=len, default=()
        )
        return (self.bare[found], len(found)) if found else ("", 1)


Chunk = tuple[Slot, ...]
Cut = Callable[[Sequence[Run], ClipTokenizer, Inversions], list[Chunk]]


def in_words(runs: Sequence[Run], tokenizer: ClipTokenizer, inversions: Inversions) -> list[Chunk]:
    """Chunks as ComfyUI makes them: a word of less than 8 pieces is never cut in two."""
    chunks: list[list[Slot]] = [[]]
    for run in runs:
        for group in _words(run, tokenizer, inversions):
            chunk = chunks[-1]
            room = CHUNK - len(chunk)
            if len(group) <= room:
                chunk.extend(group)
                continue
            first = group[:room] if len(group) >= _LONG_WORD else []
            chunk.extend(first)
            rest = group[len(first) :]
            chunks.extend(list(rest[at : at + CHUNK]) for at in range(0, len(rest), CHUNK))
    return [framed(chunk, tokenizer) for chunk in chunks]


def _words(run: Run, tokenizer: Splitter, inversions: Inversions) -> Iterator[list[Slot]]:
    if isinstance(run, Vectors):
        yield inversions.slots(run.name, run.weight)
    elif isinstance(run, Text):
        for word in run.text.split():
            ids, pieces = tokenizer.split(word)
            yield [Slot(n, piece, run.weight) for n, piece in zip(ids, pieces, strict=True)]


def at_commas(runs: Sequence[Run], tokenizer: ClipTokenizer, inversions: Inversions) -> list[Chunk]:
    """Chunks as the web UI makes them: full ones are cut at a comma among the last 20 slots, BREAK
    ends one, and vectors of a textual inversion stay together."""
    filling = _Filling(tokenizer)
    for run in runs:
        if isinstance(run, Text):
            ids, pieces = tokenizer.split(run.text)
            place = 0
            while place < len(ids):
                name, count = inversions.at(ids, place)
                slots = inversions.slots(name, run.weight)
                if name and slots:
                    filling.together(slots)
                else:
                    filling.piece(Slot(ids[place], pieces[place], run.weight))
                place += count
        elif isinstance(run, Vectors):
            filling.together(inversions.slots(run.name, run.weight))
        else:
            filling.end()
    return filling.all()


class _Filling:
    """Chunks while they are being filled."""

    def __init__(self, tokenizer: ClipTokenizer) -> None:
        self._tokenizer = tokenizer
        self._comma = tokenizer.split(",")[0]
        self._chunks: list[Chunk] = []
        self._slots: list[Slot] = []
        self._after_comma = 0

    def piece(self, slot: Slot) -> None:
        full = len(self._slots) == CHUNK
        if full and [slot.id] != self._comma and self._comma_is_near():
            moved = self._slots[self._after_comma :]
            del self._slots[self._after_comma :]
            self.end()
            self._slots = moved
        elif full:
            self.end()
        self._slots.append(slot)
        if [slot.id] == self._comma:
            self._after_comma = len(self._slots)

    def _comma_is_near(self) -> bool:
        return self._after_comma > 0 and CHUNK - self._after_comma < _BACK_TO_COMMA

    def together(self, slots: Sequence[Slot]) -> None:
        if len(slots) > CHUNK:
            raise ValueError(f"{slots[0].piece} has {len(slots)} vectors, a chunk holds {CHUNK}")
        if len(self._slots) + len(slots) > CHUNK:
            self.end()
        self._slots.extend(slots)

    def end(self) -> None:
        self._chunks.append(framed(self._slots, self._tokenizer))
        self._slots, self._after_comma = [], 0

    def all(self) -> list[Chunk]:
        if self._slots or not self._chunks:
            self.end()
        return self._chunks


def framed(slots: Sequence[Slot], tokenizer: ClipTokenizer) -> Chunk:
    """Start mark, up to 75 slots, end mark, padding."""
    start, end, pad = (Slot(n, piece) for piece, n in tokenizer.marks)
    return (start, *slots, end, *[pad] * (CHUNK - len(slots)))


def in_a_row(runs: Sequence[Run], tokenizer: Splitter, inversions: Inversions) -> list[Slot]:
    """All slots without chunks or marks, as T5 reads them; BREAK means nothing to it."""
    found: list[Slot] = []
    for run in runs:
        if isinstance(run, Text):
            ids, pieces = tokenizer.split(run.text)
            found += [Slot(n, p, run.weight) for n, p in zip(ids, pieces, strict=True)]
        elif isinstance(run, Vectors):
            found += inversions.slots(run.name, run.weight)
    return found
