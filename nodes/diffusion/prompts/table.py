"""A prompt as a table of what each encoder reads: pieces, ids, chunks, weights."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from nodes.diffusion.prompts.chunks import Slot
from nodes.diffusion.prompts.encoding import Reader, Rows, plain_rows
from nodes.diffusion.prompts.syntax import Prompt
from nodes.diffusion.prompts.timeline import Text, moments
from nodes.diffusion.text_encoding import is_t5
from nodes.types import Clip, Span


@dataclass(frozen=True)
class Line:
    """One slot: the chunk and the slot count from 0."""

    chunk: int
    slot: int
    id: int
    piece: str
    weight: float


@dataclass(frozen=True)
class Section:
    """What one encoder reads at one time; padding is left out."""

    title: str
    lines: tuple[Line, ...]


def sections(reader: Reader, prompts: Mapping[str, Prompt]) -> Iterator[Section]:
    """Each text that is read, for each encoder, with when it is."""
    texts = [prompts[part.kind] for part in reader.encoders]
    count = len(texts[0].parts)
    for number, joined in enumerate(texts[0].parts):
        of = f", text {number + 1} of {count}, weight {joined.weight:g}" if count > 1 else ""
        for moment in moments(texts, number):
            when = "".join(f", {told(span)}" for span in moment.spans)
            for part, runs in zip(reader.encoders, moment.runs, strict=True):
                yield _section(part, reader.rows(part, runs), of + when)


def plain_sections(reader: Reader, text: str) -> Iterator[Section]:
    """As `sections`, of a text in which every sign is a letter."""
    for part in reader.encoders:
        rows = reader.rows(part, (Text(text),)) if is_t5(part) else plain_rows(part, text)
        yield _section(part, rows, "")


def _section(part: Clip, rows: Rows, note: str) -> Section:
    lines = [
        Line(chunk, slot, found.id, found.piece, found.weight)
        for chunk, row in enumerate(rows.slots)
        for slot, found in enumerate(row[: _shown(part, rows, chunk)])
    ]
    chunks = len(rows.slots)
    size = f"{chunks} chunk{'s' if chunks > 1 else ''}"
    return Section(f"{part.kind}: {size}, {len(lines)} slots{note}", tuple(lines))


def _shown(part: Clip, rows: Rows, chunk: int) -> int:
    """How many slots of a row are no padding."""
    return shown(part, rows.slots[chunk]) if rows.mask is None else sum(rows.mask)


def shown(part: Clip, row: Sequence[Slot]) -> int:
    """How many slots of a CLIP's chunk are no padding: up to its end mark."""
    (_, (end_mark, _), (padding, _)) = part.tokenizer.marks
    end = len(row)
    while row[end - 1].piece == padding:
        end -= 1
    return end + (padding == end_mark)


def told(span: Span) -> str:
    """When a text holds, in words."""
    if span.every > 1:
        return f"step {span.offset + 1} of each {span.every}"
    if span.unit == "index":
        end = "the end" if math.isinf(span.end) else f"step {span.end:g}"
        return f"from step {span.start:g} to {end}"
    return f"from {100 * span.start:g} % to {100 * span.end:g} % of the steps"


def as_text(found: list[Section]) -> str:
    """The sections as a table of aligned columns."""
    lines = []
    for section in found:
        lines += [section.title, f"{'chunk':>5} {'slot':>4} {'id':>6} {'weight':>7}  piece"]
        lines += [
            f"{line.chunk:>5} {line.slot:>4} {line.id:>6} {line.weight:>7.4g}  {line.piece}"
            for line in section.lines
        ]
        lines.append("")
    return "\n".join(lines[:-1])
