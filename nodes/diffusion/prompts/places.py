"""Where in a prompt the slots come from that its encoders read: for those who mark them in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from nodes.diffusion.prompts.chunks import Slot
from nodes.diffusion.prompts.syntax import SPECIAL
from nodes.diffusion.prompts.timeline import Run, Text, Vectors

Place = tuple[int, int]
"""First character, and the one after the last."""
NOWHERE: Place = (-1, -1)


def live(text: str, syntax: str) -> list[int]:
    """The places whose characters may be words: no comment, no backslash that escapes."""
    places: list[int] = []
    done = 0
    pattern = SPECIAL.get(syntax)
    for found in pattern.finditer(text) if pattern is not None else ():
        places.extend(range(done, found.start()))
        if found.lastgroup == "escaped":
            places.append(found.start() + 1)
        elif found.lastgroup != "comment":
            places.extend(range(*found.span()))
        done = found.end()
    places.extend(range(done, len(text)))
    return places


def of_characters(words: Text, text: str, syntax: str) -> list[int]:
    """The place of each character of a run in the prompt. What stands between them (brackets,
    weights, comments) was left out when the run was made, so each is the next that is alike."""
    places = [place for place in live(text, syntax) if place >= words.at]
    found: list[int] = []
    at = 0
    for character in words.text:
        ahead = at
        while ahead < len(places) and text[places[ahead]].lower() != character.lower():
            ahead += 1
        if ahead < len(places):
            found.append(places[ahead])
            at = ahead + 1
        else:  # made by the reader: lower case of another length
            found.append(found[-1] if found else words.at)
    return found


def of_pieces(
    runs: Sequence[Run], tokenizer: Any, text: str, syntax: str, in_words: bool, lower: bool
) -> Iterator[Place]:
    """The place of each piece of the runs, in their order; of a textual inversion its name's."""
    for run in runs:
        if isinstance(run, Vectors):
            yield run.at, run.at + len("embedding:") + len(run.name)
        elif isinstance(run, Text):
            places = of_characters(run, text, syntax)
            start = 0
            for word in run.text.split() if in_words else [run.text]:
                start = run.text.index(word, start)
                for first, end in tokenizer.offsets(word.lower() if lower else word):
                    inside = places[start + first : start + end]
                    yield (inside[0], inside[-1] + 1) if inside else NOWHERE
                start += len(word)


def beside(slots: Sequence[Slot], places: Iterator[Place]) -> Iterator[tuple[Slot, Place]]:
    """Slots without marks, each with its place: the vectors of an inversion share one."""
    last: Place = NOWHERE
    name = ""
    for slot in slots:
        own = slot.piece.rstrip(">").rsplit(" ", 1)[0] if slot.id < 0 else ""
        if not own or own != name:
            last = next(places, NOWHERE)
        name = own
        yield slot, last
