"""Prompts of a node's ports become conditionings: helpers, no nodes. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from nodeflow.errors import InputError
from nodes.checks import reads_text
from nodes.prompt_source import inversions, parsed, prompt_fault
from nodes.types import Clip, Conditioning

if TYPE_CHECKING:
    from nodes.diffusion.prompts.encoding import Reader
    from nodes.diffusion.prompts.syntax import Prompt as PromptTree
    from nodes.diffusion.prompts.table import Section


def encode(
    clip: Clip,
    texts: Mapping[str, str],
    syntax: str,
    weights: str,
    kinds: Mapping[str, str] | None = None,
) -> Conditioning:
    """Prompts, by port, as one conditioning: texts joined by AND averaged by their weights.

    `kinds` says which port is for which kind of encoder; without it the one prompt is for all.

    Raises:
        InputError: a prompt has faults; a weight of a text is not above 0.
    """
    found = encode_parts(clip, texts, syntax, weights, kinds)
    wrong = [weight for _, weight in found if not weight > 0]
    port = next(iter(texts))
    if wrong:
        hint = "prompt.parts gives the texts one by one, for guidance that adds and subtracts them"
        raise InputError(port, f"AND with weight {wrong[0]:g}", "weights above 0", hint)
    every = [
        replace(text, strength=weight, more=())
        for first, weight in found
        for text in (first, *first.more)
    ]
    return replace(every[0], more=tuple(every[1:]))


def encode_parts(
    clip: Clip,
    texts: Mapping[str, str],
    syntax: str,
    weights: str,
    kinds: Mapping[str, str] | None = None,
) -> list[tuple[Conditioning, float]]:
    """As `encode`, the texts joined by AND one by one, each with its weight."""
    from nodes.diffusion.prompts.faults import PromptError

    reads_text(clip)
    prompts = {port: parsed(port, text, syntax) for port, text in texts.items()}
    for port, prompt in prompts.items():
        if kinds and len(prompt.parts) > 1:
            hint = "prompt.encode_a1111 and prompt.parts read AND"
            raise InputError(port, "AND", "one text for each encoder", hint)
    of_kind = {}
    for part in (clip, *clip.others):
        port = (kinds or {}).get(part.kind, "" if kinds else "text")
        if port not in prompts:
            wanted = ", ".join(kinds or ())
            hint = "prompt.encode_comfyui and prompt.encode_a1111 suit every model"
            raise InputError("clip", f"an encoder {part.kind}", f"encoders among {wanted}", hint)
        of_kind[part.kind] = prompts[port]
    try:
        return _reader(clip, prompts, syntax, weights).parts(of_kind)
    except PromptError as error:
        port = next(p for p, prompt in prompts.items() if prompt.text == error.text)
        raise prompt_fault(port, error) from None


def _reader(clip: Clip, prompts: Mapping[str, PromptTree], syntax: str, weights: str) -> Reader:
    from nodes.diffusion.prompts.encoding import CUTS, Reader
    from nodes.diffusion.prompts.weighting import WEIGHTS

    if weights not in WEIGHTS:
        raise InputError("weights", repr(weights), f"one of {', '.join(WEIGHTS)}")
    return Reader(clip, CUTS[syntax], weights, inversions(clip, prompts))


def token_sections(clip: Clip, text: str, syntax: str) -> list[Section]:
    """What the encoders read of a prompt, or of a text in which every sign is a letter (`plain`).

    Raises:
        InputError: the prompt has faults.
    """
    from nodes.diffusion.prompts import table
    from nodes.diffusion.prompts.encoding import Reader
    from nodes.diffusion.prompts.faults import PromptError

    reads_text(clip)
    if syntax == "plain":
        return list(table.plain_sections(Reader(clip), text))
    prompt = parsed("text", text, syntax)
    reader = _reader(clip, {"text": prompt}, syntax, syntax)
    try:
        return list(table.sections(reader, {part.kind: prompt for part in reader.encoders}))
    except PromptError as error:
        raise prompt_fault("text", error) from None
