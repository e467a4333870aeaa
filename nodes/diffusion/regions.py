"""Where and when a text holds: spans of the schedule, areas and masks of the picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from nodes.diffusion.latents import mask_for
from nodes.diffusion.schedules import sigma_of_share
from nodes.types import Area, Conditioning, NoiseSchedule, Span, Step

_NO_TEXT = (
    "a part of the picture has no text",
    "a part of the picture without any text",
    "a text for every place",
)
_FEATHER = 8  # latent pixels over which an area fades at its edges, as in ComfyUI


class Uncovered(ValueError):
    """No text holds at a step, or at a place: where, what is expected, and what to do."""

    def __init__(self, fault: str, got: str, expected: str, hint: str) -> None:
        self.got, self.expected, self.hint = got, expected, hint
        super().__init__(f"{fault}: {hint}")


def holds(text: Conditioning, step: Step, schedule: NoiseSchedule) -> bool:
    """Whether a text counts at a step: it does in all of its spans."""
    return all(in_span(span, step, schedule) for span in text.spans)


def in_span(span: Span, step: Step, schedule: NoiseSchedule) -> bool:
    """Whether a step lies in a span: `start` <= its beginning < `end`."""
    if span.every > 1 and step.index % span.every != span.offset:
        return False
    if span.unit == "schedule":
        # A schedule walked by sigma: what lies behind is what is noisier.
        return (
            sigma_of_share(schedule, span.end) < step.sigma <= sigma_of_share(schedule, span.start)
        )
    if span.unit == "steps":
        # Half of 5 steps are 2: a share is cut to whole steps, as AUTOMATIC1111's web UI does.
        return int(span.start * step.count) <= step.index < int(span.end * step.count)
    return span.start <= step.index < span.end


def window(area: Area | None, shape: torch.Size) -> tuple[slice, slice]:
    """The rows and columns of a latent [..., H, W] that an area takes, at least one of each."""
    if area is None:
        return slice(None), slice(None)
    height, width = shape[-2:]
    return _side(area.top, area.height, height), _side(area.left, area.width, width)


def _side(start: float, length: float, size: int) -> slice:
    first = min(max(round(start * size), 0), size - 1)
    return slice(first, min(max(first + round(length * size), first + 1), size))


def weight_of(text: Conditioning, x: Tensor) -> Tensor:
    """How much a text counts at each place of the latent [B, C, H, W]: [B or 1, 1, H, W].

    Strength times mask within its area, 0 outside; towards edges of the area that lie inside the
    picture it falls on a line over 8 latent pixels, so that areas meet without a seam.
    """
    height, width = x.shape[-2:]
    rows, columns = window(text.area, x.shape)
    weight = torch.zeros(1, 1, height, width)
    inside = _ramp(rows, height)[:, None] * _ramp(columns, width)[None, :]
    weight[..., rows, columns] = text.strength * inside
    if text.mask is not None:
        weight = weight * mask_for(text.mask.cpu(), weight)
    return weight.to(x.device)


def _ramp(span: slice, size: int) -> Tensor:
    """1, falling to 1/9 ... at ends that are not the picture's own."""
    start, stop, _ = span.indices(size)
    count = stop - start
    edge = min(_FEATHER, max(count // 4, 1))
    line = torch.ones(count)
    rising = (torch.arange(edge) + 1) / (edge + 1)
    if start > 0:
        line[:edge] = rising
    if stop < size:
        line[count - edge :] = torch.minimum(line[count - edge :], rising.flip(0))
    return line


def covers(weights: list[Tensor]) -> bool:
    """Whether every place has a text that counts there."""
    total = torch.stack(torch.broadcast_tensors(*weights)).sum(dim=0)
    return bool((total.abs() > math.ulp(1.0)).all())


def weights_of(texts: Sequence[Conditioning], x: Tensor) -> list[Tensor]:
    """How much each text counts at each place of the latent, which all together must cover.

    Raises:
        Uncovered: a place that no text holds for.
    """
    weights = [weight_of(text, x) for text in texts]
    if not covers(weights):
        hint = "combine areas and masks with a text for all of it"
        raise Uncovered(*_NO_TEXT, hint)
    return weights


def cropped(text: Conditioning, rows: slice, columns: slice, shape: torch.Size) -> Conditioning:
    """A conditioning for a window of the latent [..., H, W], as one for a picture of its own.

    Masks, channels beside the latent and the hints of ControlNets are cut; of its texts those that
    hold somewhere in the window are left.
    """
    parts = [_cropped(each, rows, columns, shape) for each in (text, *text.more)]
    left = [part for part in parts if part is not None]
    if not left:
        raise Uncovered(*_NO_TEXT, "add one for all of it")
    return replace(left[0], more=tuple(replace(part, more=()) for part in left[1:]))


def _cropped(
    text: Conditioning, rows: slice, columns: slice, shape: torch.Size
) -> Conditioning | None:
    height, width = shape[-2:]
    area = text.area
    if area is not None:
        area = _shared(area, rows, columns, height, width)
        if area is None:
            return None
    mask = text.mask
    if mask is not None:
        like = torch.empty(1, 1, height, width)
        mask = mask_for(mask.cpu(), like)[:, 0, rows, columns].to(text.embeddings.device)
    concat = None if text.concat is None else text.concat[..., rows, columns]
    uses = tuple(
        replace(use, hint=_hint_part(use.hint, rows, columns, height, width))
        for use in text.controls
    )
    return replace(text, area=area, mask=mask, concat=concat, controls=uses)


def _shared(area: Area, rows: slice, columns: slice, height: int, width: int) -> Area | None:
    """An area as shares of a window, or None where they have nothing in common."""
    down, across = window(area, torch.Size((height, width)))
    top, bottom = max(down.start, rows.start), min(down.stop, rows.stop)
    left, right = max(across.start, columns.start), min(across.stop, columns.stop)
    if top >= bottom or left >= right:
        return None
    high, wide = rows.stop - rows.start, columns.stop - columns.start
    return Area(
        (top - rows.start) / high,
        (left - columns.start) / wide,
        (bottom - top) / high,
        (right - left) / wide,
    )


def _hint_part(hint: Tensor, rows: slice, columns: slice, height: int, width: int) -> Tensor:
    """The window of a hint [B, H, W, C], whatever its size."""
    down, across = hint.shape[1] / height, hint.shape[2] / width
    return hint[
        :,
        round(rows.start * down) : round(rows.stop * down),
        round(columns.start * across) : round(columns.stop * across),
    ]
