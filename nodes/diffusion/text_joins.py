"""What each family of models makes of its text encoders' outputs: one conditioning.

`READINGS` says what a family wants of an encoder, `JOINS` how it lays the outputs together. How a
prompt is cut, weighted and run through one encoder is `text_encoding`'s business.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from nodes.types import Clip, Conditioning

_SD3_WIDTH = 4096  # of T5-XXL, to which CLIP's embeddings are filled up
_SD3_T5_TOKENS = 256


@dataclass(frozen=True, eq=False)
class EncoderOutput:
    """What one encoder says of a prompt: `hidden` [B, tokens, D], `pooled` [B, D] (of CLIP: the
    end mark's state, projected where the encoder has a projection), `mask` [B, tokens], true where
    a token is no padding."""

    hidden: Tensor
    pooled: Tensor | None = None
    mask: Tensor | None = None


@dataclass(frozen=True)
class Reading:
    """What a family wants of one encoder.

    `skip` last layers are left out always, a user's CLIP skip comes on top. `norm`: whether the
    final layer norm follows. `tokens`: a T5 prompt is cut at and filled up to so many, the end mark
    included; 0 for CLIP's chunks of 77. `masked`: whether the encoder is told what is padding.
    `lower`: whether its texts are lower-cased before they are cut.
    """

    skip: int = 0
    norm: bool = True
    tokens: int = 0
    masked: bool = False
    lower: bool = False


_LAST = Reading()
_LAST_BUT_ONE = Reading(skip=1, norm=False)

READINGS: dict[str, dict[str, Reading]] = {
    "sd1": {"clip_l": _LAST},
    # Its encoder has no 24th layer in diffusers' layout: the last is the last but one of OpenCLIP.
    "sd2": {"clip_h": _LAST},
    "sdxl": {"clip_l": _LAST_BUT_ONE, "clip_g": _LAST_BUT_ONE},
    "sdxl_refiner": {"clip_g": _LAST_BUT_ONE},
    "sd3": {
        "clip_l": _LAST_BUT_ONE,
        "clip_g": _LAST_BUT_ONE,
        "t5": Reading(tokens=_SD3_T5_TOKENS),
    },
    "flux": {"clip_l": _LAST, "t5": Reading(tokens=512)},
    "auraflow": {"umt5": Reading(tokens=256, masked=True)},
    "pixart": {"t5": Reading(tokens=300, masked=True, lower=True)},
}
"""By family and kind of encoder, in the order in which diffusers numbers the encoders."""


def reading_of(clip: Clip, family: str) -> Reading:
    """What `family` wants of one of its encoders; the last layer, normed, of one it does not list:
    a model may have been trained with another text encoder."""
    return READINGS.get(family, {}).get(clip.kind, _LAST)


def join_one(clip: Clip, outputs: Mapping[str, EncoderOutput]) -> Conditioning:
    """The one encoder's output as it is: Stable Diffusion 1 and 2, and the refiner of XL."""
    (only,) = outputs.values()
    return Conditioning(only.hidden, only.pooled)


def join_sdxl(clip: Clip, outputs: Mapping[str, EncoderOutput]) -> Conditioning:
    """Both CLIPs side by side, [B, tokens, 768 + 1280], pooled of the larger: Podell et al. 2023,
    arXiv 2307.01952, section 2.1."""
    small, large = outputs["clip_l"], outputs["clip_g"]
    return Conditioning(_side_by_side(small, large), large.pooled)


def join_sd3(clip: Clip, outputs: Mapping[str, EncoderOutput]) -> Conditioning:
    """Both CLIPs side by side, filled up to T5's width, and T5's tokens after them.

    [B, 77, 768 + 1280] -> [B, 77, 4096], then [B, 77 + 256, 4096]; pooled are both CLIPs', [B,
    768 + 1280]. Without T5 its tokens are zeros. Esser et al. 2024, arXiv 2403.03206,
    section 4 and figure 2.
    """
    small, large, t5 = (outputs.get(kind) for kind in ("clip_l", "clip_g", "t5"))
    if small is None or large is None:
        raise ValueError("Stable Diffusion 3 reads a prompt by clip_l and clip_g; T5 may be absent")
    if small.pooled is None or large.pooled is None:
        raise ValueError("Stable Diffusion 3 needs the pooled text of both CLIPs")
    clips = _side_by_side(small, large)
    if t5 is None:
        further = clips.new_zeros(len(clips), _SD3_T5_TOKENS, _SD3_WIDTH)
    else:
        further = t5.hidden.to(clips)
    wide = F.pad(clips, (0, further.shape[-1] - clips.shape[-1]))
    return Conditioning(
        torch.cat([wide, further], dim=1), torch.cat([small.pooled, large.pooled], dim=1)
    )


def join_flux(clip: Clip, outputs: Mapping[str, EncoderOutput]) -> Conditioning:
    """T5's tokens, [B, 512, 4096], and CLIP's pooled text alone, [B, 768]."""
    return Conditioning(outputs["t5"].hidden, outputs["clip_l"].pooled)


def join_auraflow(clip: Clip, outputs: Mapping[str, EncoderOutput]) -> Conditioning:
    """The tokens, [B, 256, 2048], with zeros for the padding: the network has no mask."""
    (only,) = outputs.values()
    if only.mask is None:
        return Conditioning(only.hidden)
    return Conditioning(only.hidden * only.mask[..., None].to(only.hidden))


def join_pixart(clip: Clip, outputs: Mapping[str, EncoderOutput]) -> Conditioning:
    """The tokens, [B, 300, 4096], and which of them the network is to see."""
    (only,) = outputs.values()
    mask = None if only.mask is None else only.mask.bool()
    return Conditioning(only.hidden, attention_mask=mask)


def _side_by_side(small: EncoderOutput, large: EncoderOutput) -> Tensor:
    """[B, tokens, D] and [B, tokens, E] as [B, tokens, D + E]: equally many chunks of both."""
    if small.hidden.shape[:2] != large.hidden.shape[:2]:
        got = f"{small.hidden.shape[1]} and {large.hidden.shape[1]}"
        raise ValueError(f"two CLIPs side by side need as many tokens each, not {got}")
    return torch.cat([small.hidden, large.hidden], dim=-1)


Join = Callable[[Clip, Mapping[str, EncoderOutput]], Conditioning]

JOINS: dict[str, Join] = {
    "sd1": join_one,
    "sd2": join_one,
    "sdxl": join_sdxl,
    "sdxl_refiner": join_one,
    "sd3": join_sd3,
    "flux": join_flux,
    "auraflow": join_auraflow,
    "pixart": join_pixart,
}
"""By `clip.family`: the encoders' outputs, by `clip.kind`, as one conditioning."""
