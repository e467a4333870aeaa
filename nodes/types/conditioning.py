"""Prompts as pieces, and what steers a denoiser."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from nodeflow.sockets import socket

if TYPE_CHECKING:
    import torch

    from nodes.types.control import ControlUse


@socket("tokens", colour="#ffe58a")
@dataclass(frozen=True, eq=False)
class Tokens:
    """A prompt as byte-pair pieces, in chunks of 77 slots.

    `ids` is int64 [chunks, 77], with start and end marks and padding; `pieces` the same as text.
    """

    text: str
    ids: torch.Tensor
    pieces: tuple[tuple[str, ...], ...]


@socket("span", colour="#d9b26f")
@dataclass(frozen=True)
class Span:
    """A part of the way from noise to picture, `start` <= position < `end`; or every n-th step.

    `unit` says what is counted. `schedule`: the share of the trained noise schedule that lies
    behind, 0 at its noisiest level, as timestep ranges in ComfyUI and diffusers' `control_guidance_
    start`. `steps`: the share of the sampler's steps, as in prompts `[a:b:0.5]`. `index`: the
    number of the step itself. `every` and `offset`, for `[a|b]`: the steps with index % every ==
    offset, whatever the rest says.
    """

    start: float = 0.0
    end: float = 1.0
    unit: str = "schedule"
    every: int = 1
    offset: int = 0


@socket("area", colour="#d9a06f")
@dataclass(frozen=True)
class Area:
    """A rectangle of the picture, each side as a share of the whole, 0..1."""

    top: float
    left: float
    height: float
    width: float


@socket("size", colour="#d98f6f")
@dataclass(frozen=True)
class PictureSize:
    """What Stable Diffusion XL is told of a picture's making, in pixels: its size before it was
    scaled, where it was cropped, the size wanted; the refiner is told an aesthetic score instead of
    the last. Podell et al. 2023, arXiv 2307.01952, section 2.2."""

    original: tuple[int, int]
    """(height, width)"""
    crop: tuple[int, int] = (0, 0)
    """(top, left)"""
    target: tuple[int, int] | None = None
    """(height, width); None is as `original`."""
    score: float | None = None


@socket("conditioning", colour="#ffa931")
@dataclass(frozen=True, eq=False)
class Conditioning:
    """What steers the denoiser: `embeddings` [B, tokens, D]; `pooled` [B, D] the whole text's.

    `more` are further texts: the denoiser predicts for this one and for each of them, and the
    predictions are averaged, weighted by `strength`, where and when each of them holds. None of
    them has `more` of its own.

    `attention_mask` [B, tokens] is true where a token counts; None is everywhere. `spans`: when it
    holds, in each of them; none is always. `area` and `mask` [B or 1, H, W]: where it holds, the
    mask in the picture's or any other size. `size` is for Stable Diffusion XL. `guidance` is the
    guidance scale that a distilled network is told. `concat` [B, C, H, W] are channels laid beside
    the latent (inpainting models, InstructPix2Pix). `controls` are ControlNets and adapters.
    `extras` are (name, thing) pairs that the technique which put one there reads; a thing that
    differs from picture to picture has a method `of_picture(k)`.
    """

    embeddings: torch.Tensor
    pooled: torch.Tensor | None = None
    more: tuple[Conditioning, ...] = ()
    attention_mask: torch.Tensor | None = None
    strength: float = 1.0
    spans: tuple[Span, ...] = ()
    area: Area | None = None
    mask: torch.Tensor | None = None
    size: PictureSize | None = None
    guidance: float | None = None
    concat: torch.Tensor | None = None
    controls: tuple[ControlUse, ...] = ()
    extras: tuple[tuple[str, Any], ...] = ()

    def extra(self, name: str) -> Any:
        """The further thing called `name`, or None."""
        return dict(self.extras).get(name)

    def with_extra(self, name: str, value: Any) -> Conditioning:
        """This with `value` under `name`, in the place of an earlier one."""
        others = tuple(pair for pair in self.extras if pair[0] != name)
        return replace(self, extras=(*others, (name, value)))
