"""`tokenize`: what the text encoders of a checkpoint read of a prompt, without loading them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from nodeflow.errors import InputError
from nodes import model_files
from nodes.prompt_source import parsed, prompt_fault

if TYPE_CHECKING:
    from nodes.diffusion.prompts.chunks import Slot
    from nodes.diffusion.prompts.encoding import Reader
    from nodes.diffusion.prompts.places import Place
    from nodes.types import Clip

SYNTAXES = ("comfyui", "a1111", "plain")


def tokenize(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """A `TokenizeAnswer` of a `TokenizeRequest`: for each text encoder its slots in chunks, marks
    and padding too, with ids, weights and places in the text. Of a prompt that changes on the way,
    or of texts that AND joins, each text is told with a note of when it holds.

    Raises:
        InputError: there is no such checkpoint, or the prompt has faults.
    """
    text, syntax = str(arguments["text"]), str(arguments.get("syntax", "comfyui"))
    if syntax not in SYNTAXES:
        raise InputError("syntax", repr(syntax), f"one of {', '.join(SYNTAXES)}")
    clip = _tokenizers(str(arguments.get("checkpoint", "tiny")))
    return {"texts": list(_texts(clip, text, syntax))}


def _tokenizers(name: str) -> Clip:
    try:
        path = model_files.find("checkpoints", name)
        return _read(str(path), path.stat().st_mtime_ns)
    except (OSError, ValueError) as error:
        raise InputError("checkpoint", repr(name), "a checkpoint", str(error)) from None


@lru_cache(maxsize=4)
def _read(path: str, changed: int) -> Clip:
    from pathlib import Path

    from nodes.diffusion.loading import load_tokenizers

    return load_tokenizers(Path(path))


def _texts(clip: Clip, text: str, syntax: str) -> Iterator[dict[str, Any]]:
    from nodes.diffusion.prompts.encoding import CUTS, Reader, plain_rows
    from nodes.diffusion.prompts.faults import PromptError
    from nodes.diffusion.prompts.table import told
    from nodes.diffusion.prompts.timeline import Runs, Text, moments
    from nodes.diffusion.text_encoding import is_t5

    if clip.kind == "none":
        return
    if syntax == "plain":
        reader = Reader(clip)
        for part in reader.encoders:
            runs: Runs = (Text(text),)
            rows = reader.rows(part, runs) if is_t5(part) else plain_rows(part, text)
            yield _told(reader, part, runs, rows.slots, text, syntax, "")
        return
    prompt = parsed("text", text, syntax)
    reader = Reader(clip, CUTS[syntax], inversions=_one_slot_each(clip, prompt))
    try:
        for number, joined in enumerate(prompt.parts):
            count = len(prompt.parts)
            of = [f"text {number + 1} of {count}, weight {joined.weight:g}"] if count > 1 else []
            for moment in moments([prompt for _ in reader.encoders], number):
                note = ", ".join([*of, *map(told, moment.spans)])
                for part, runs in zip(reader.encoders, moment.runs, strict=True):
                    slots = reader.rows(part, runs).slots
                    yield _told(reader, part, runs, slots, text, syntax, note)
    except PromptError as error:
        raise prompt_fault("text", error) from None


def _one_slot_each(clip: Clip, prompt: Any) -> dict[str, Any]:
    """Every textual inversion as one vector: how many its file holds is known once it is read, with
    the encoder that it is for."""
    from nodes.diffusion.prompts.chunks import Inversions
    from nodes.diffusion.prompts.syntax import Embedding, walk

    nodes = [node for part in prompt.parts for node in walk(part.nodes)]
    names = dict.fromkeys(node.name for node in nodes if isinstance(node, Embedding))
    found = Inversions(named={name: range(k, k + 1) for k, name in enumerate(names)})
    return {part.kind: found for part in (clip, *clip.others)}


def _told(
    reader: Reader,
    part: Clip,
    runs: Sequence[Any],
    rows: Sequence[Sequence[Slot]],
    text: str,
    syntax: str,
    note: str,
) -> dict[str, Any]:
    """One `TokenizedText`."""
    from nodes.diffusion.prompts.places import beside, of_pieces
    from nodes.diffusion.text_encoding import is_t5
    from nodes.diffusion.text_joins import reading_of

    lower = reading_of(part, reader.clip.family).lower
    in_words = syntax == "comfyui" and not is_t5(part)
    places = of_pieces(runs, part.tokenizer, text, syntax, in_words, lower)
    pieces: list[dict[str, Any]] = []
    for chunk, row in enumerate(rows):
        before, content, after = _framed(part, row)
        framed = [*((s, kind, (-1, -1)) for s, kind in before)]
        framed += [(slot, "", place) for slot, place in beside(content, places)]
        framed += [(s, kind, (-1, -1)) for s, kind in after]
        pieces += [_piece(chunk, k, *parts) for k, parts in enumerate(framed)]
    return {"encoder": part.kind, "length": len(rows[0]), "note": note, "pieces": pieces}


Marked = list[tuple["Slot", str]]


def _framed(part: Clip, row: Sequence[Slot]) -> tuple[Marked, list[Slot], Marked]:
    """The mark before, what the text says, and the end mark and the padding."""
    from nodes.diffusion.prompts.table import shown
    from nodes.diffusion.text_encoding import is_t5

    t5 = is_t5(part)
    # T5's end mark is the first of its slots that has that piece and is not of the text.
    end = 1 + [slot.piece for slot in row].index("</s>") if t5 else shown(part, row)
    first = 0 if t5 else 1
    before = [(slot, "start") for slot in row[:first]]
    after = [(row[end - 1], "end"), *((slot, "pad") for slot in row[end:])]
    return before, list(row[first : end - 1]), after


def _piece(chunk: int, number: int, slot: Slot, kind: str, place: Place) -> dict[str, Any]:
    return {
        "id": slot.id,
        "text": slot.piece,
        "start": place[0],
        "end": place[1],
        "weight": slot.weight,
        "chunk": chunk,
        "slot": number,
        "special": kind,
    }
