"""Pictures that a denoiser attends to beside its text: how they travel on a conditioning, and how
the rows of a call are laid together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from nodes.diffusion import regions
from nodes.diffusion.requests import Request
from nodes.types import Conditioning, Span

EXTRA = "image_prompts"
ARGUMENT = "ip_hidden_states"
"""Under which argument of the attention they go in: one that diffusers lets pass."""


@dataclass(frozen=True, eq=False)
class ImagePrompt:
    """Tokens [B or 1, t, D] of one adapter, how strongly they count, and where: `mask` [B or 1, H,
    W] in the picture's or any other size."""

    tokens: Tensor
    strength: float
    mask: Tensor | None = None

    def of_picture(self, k: int) -> ImagePrompt:
        """This for picture k of a batch alone."""
        own = [t if t is None or len(t) == 1 else t[k : k + 1] for t in (self.tokens, self.mask)]
        assert own[0] is not None
        return replace(self, tokens=own[0], mask=own[1])


@dataclass(frozen=True, eq=False)
class PromptRows:
    """One adapter's tokens [n, t, D] for the rows of a call, with a weight [n] and, where some row
    has one, a mask [n, 1, h, w] of the latent's size."""

    name: str
    tokens: Tensor
    weights: Tensor
    mask: Tensor | None


def laid(conditioning: Conditioning, name: str, prompt: ImagePrompt) -> Conditioning:
    """A text with one more image prompt for the adapter called `name`."""
    before = conditioning.extra(EXTRA) or ()
    return conditioning.with_extra(EXTRA, (*before, (name, prompt)))


def between(
    conditioning: Conditioning,
    start: float,
    end: float,
    change: Callable[[Conditioning], Conditioning],
) -> Conditioning:
    """All texts changed in a part of the noise schedule, and as they are before and behind it.

    Each text becomes up to three, of which one holds at a time.
    """
    found = []
    for text in (replace(conditioning, more=()), *conditioning.more):
        inside = () if (start, end) == (0, 1) else (Span(start, end),)
        parts = [(change(text), inside), (text, (Span(0, start),)), (text, (Span(end, 1),))]
        for part, spans in parts:
            all_spans = (*part.spans, *spans)
            if not _never(all_spans):
                found.append(replace(part, spans=all_spans))
    return replace(found[0], more=tuple(found[1:]))


def _never(spans: Sequence[Span]) -> bool:
    """Whether no place of the schedule lies in all of them."""
    shares = [span for span in spans if span.unit == "schedule"]
    if not shares:
        return False
    return max(span.start for span in shares) >= min(span.end for span in shares)


def prompt_rows(request: Request) -> list[PromptRows]:
    """The image prompts of all rows: for each adapter as many as the row with the most has."""
    rows = [by_adapter(row) for row in request.rows]
    found = []
    for name in dict.fromkeys(name for row in rows for name in row):
        for place in range(max(len(row.get(name, ())) for row in rows)):
            each = [row[name][place] if len(row.get(name, ())) > place else None for row in rows]
            found.append(_stacked(name, each, request))
    return found


def by_adapter(row: Conditioning) -> dict[str, list[ImagePrompt]]:
    """The pictures that a text brings, by the adapter that reads them."""
    found: dict[str, list[ImagePrompt]] = {}
    for name, prompt in row.extra(EXTRA) or ():
        found.setdefault(name, []).append(prompt)
    return found


def _stacked(name: str, each: Sequence[ImagePrompt | None], request: Request) -> PromptRows:
    """A row without one gets zeros of weight 0."""
    first = next(prompt for prompt in each if prompt is not None)
    nothing = torch.zeros_like(first.tokens[:1])
    mask = None
    if any(prompt is not None and prompt.mask is not None for prompt in each):
        mask = torch.cat([_mask(prompt, request) for prompt in each])
    return PromptRows(
        name,
        torch.cat([nothing if prompt is None else prompt.tokens for prompt in each]),
        torch.tensor([0.0 if prompt is None else prompt.strength for prompt in each]),
        mask,
    )


def _mask(prompt: ImagePrompt | None, request: Request) -> Tensor:
    size = request.x.shape[-2:]
    if prompt is None or prompt.mask is None:
        return torch.ones(1, 1, *size)
    rows, columns = regions.window(request.area, prompt.mask.shape)
    part = prompt.mask[:, None, rows, columns].cpu().float()
    return torch.nn.functional.interpolate(part, size, mode="area")
