"""Latent nodes: where a picture begins, and batches. `latent_edit` changes what is in one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from nodeflow.context import RunContext
from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Multiple, Number
from nodes.checks import sigma_list
from nodes.types import Latent, Mask, Model, Noise, Sigmas

_BYTES = 4  # of a float32


def _empty_bytes(params: Mapping[str, Any], inputs: Mapping[str, int]) -> dict[str, int]:
    if not {"width", "height", "batch"} <= params.keys():
        return {}  # one of them arrives by wire
    pixels = int(params["width"]) * int(params["height"])
    return {"latent": pixels // 64 * 4 * int(params["batch"]) * _BYTES}


def _batch_bytes(params: Mapping[str, Any], inputs: Mapping[str, int]) -> dict[str, int]:
    return {"latent": inputs.get("latents", 0)}


def _repeat_bytes(params: Mapping[str, Any], inputs: Mapping[str, int]) -> dict[str, int]:
    return {"latent": inputs.get("latent", 0) * int(params.get("times", 1))}


def _noise_bytes(params: Mapping[str, Any], inputs: Mapping[str, int]) -> dict[str, int]:
    return {"latent": inputs.get("noise", 0)}


@node("latent.empty", estimate=_empty_bytes)
def empty(
    width: Annotated[int, Multiple(8, 16384, 8, "px")] = 128,
    height: Annotated[int, Multiple(8, 16384, 8, "px")] = 128,
    batch: Annotated[int, Number(1, 4096, 1, "pictures")] = 1,
    *,
    ctx: RunContext,
) -> Latent:
    """An empty canvas: a latent of zeros for `batch` pictures of `width` × `height` pixels.

    Zeros float32 [batch, 4, height / 8, width / 8]. Both sides must be multiples of 8, since one
    latent pixel stands for 8 × 8 pixels. The tiny model draws 128 × 128, Stable Diffusion 1.5
    512 × 512.
    """
    from nodes.diffusion import latents

    _check_canvas(width, height, batch)
    return latents.empty(width, height, batch, ctx.device)


@node("latent.empty_for_model")
def empty_for_model(
    model: Model,
    width: Annotated[int, Multiple(8, 16384, 8, "px")] = 1024,
    height: Annotated[int, Multiple(8, 16384, 8, "px")] = 1024,
    batch: Annotated[int, Number(1, 4096, 1, "pictures")] = 1,
    *,
    ctx: RunContext,
) -> Latent:
    """An empty canvas with as many channels as the model's latents have.

    Zeros float32 [batch, C, height / 8, width / 8]: C is 4 in Stable Diffusion 1, 2 and XL,
    AuraFlow, PixArt and DiT, 16 in Stable Diffusion 3 and Flux.
    """
    from nodes.diffusion import latents, networks

    _check_canvas(width, height, batch)
    channels = networks.latent_channels(model.network)
    return latents.empty(width, height, batch, ctx.device, channels)


def _check_canvas(width: int, height: int, batch: int) -> None:
    for port, size in (("width", width), ("height", height)):
        if size < 8 or size % 8:
            nearest = max(round(size / 8), 1) * 8
            raise InputError(port, f"{size} px", "a multiple of 8", f"The nearest is {nearest}")
    if batch < 1:
        raise InputError("batch", str(batch), "1 or more")


@node("latent.from_noise", estimate=_noise_bytes)
def from_noise(noise: Noise, sigmas: Sigmas, *, ctx: RunContext) -> Latent:
    """Where text to image starts: pure noise, as strong as the schedule's first step expects.

    `sigmas[0] * noise`, [B, 4, H, W]: x = x0 + sigma * epsilon with x0 = 0, what `forward.start`
    makes of an empty latent. Karras et al. 2022, arXiv 2206.00364, algorithm 1, line 2.
    `forward.start_from_noise` takes the slightly larger spread of a picture with noise on it.
    """
    sigma_list(sigmas)
    return Latent(noise.samples.to(ctx.device) * sigmas.values[0])


@node("latent.batch", estimate=_batch_bytes)
def batch(latents: list[Latent]) -> Latent:
    """Put latents together in one batch, in their order, so that they are worked on at once.

    [B1, C, H, W], [B2, C, H, W] … → [B1 + B2 + …, C, H, W]. Sizes must agree. If any has a noise
    mask, a latent without one gets a mask of ones: it may change everywhere.
    """
    from nodes.diffusion import latents as torch_latents

    if not latents:
        raise InputError("latents", "an empty list", "at least one latent")
    first = tuple(latents[0].samples.shape[1:])
    for number, latent in enumerate(latents):
        if tuple(latent.samples.shape[1:]) != first:
            raise InputError(
                "latents",
                f"[C, H, W] = {list(latent.samples.shape[1:])} at place {number}",
                f"{list(first)}, as the first has",
                "Bring them to one size with latent_edit.upscale or latent_edit.crop",
            )
    return torch_latents.batch(latents)


@node("latent.repeat", estimate=_repeat_bytes)
def repeat(latent: Latent, times: Annotated[int, Number(1, 4096, 1)] = 1) -> Latent:
    """Repeat a batch as a whole: pictures 0, 1 with `times` 2 become 0, 1, 0, 1.

    [B, C, H, W] → [times * B, C, H, W], the noise mask with it.
    """
    from nodes.diffusion import latents

    if times < 1:
        raise InputError("times", str(times), "1 or more")
    return latents.repeat(latent, times)


@node("latent.set_noise_mask")
def set_noise_mask(latent: Latent, mask: Mask) -> Latent:
    """Say where a sampler may change a picture: where the mask is 1. Replaces an earlier mask.

    The mask [B or 1, H, W], each latent pixel the mean of the area it stands for, becomes the
    latent's noise mask [B or 1, 1, H / 8, W / 8]; the samples stay as they are.
    """
    from nodes.diffusion import latents

    count = len(latent.samples)
    if len(mask.values) not in (1, count):
        raise InputError("mask", f"{len(mask.values)} masks", f"1 or the latent's {count}")
    return Latent(latent.samples, latents.mask_for(mask.values, latent.samples))


@node("latent.pick")
def pick(latent: Latent, index: int = 0) -> Latent:
    """Take one picture out of a batch, counted from 0; -1 is the last.

    [B, C, H, W] → [1, C, H, W], its noise mask with it.
    """
    from nodes.diffusion import latents

    count = len(latent.samples)
    if not -count <= index < count:
        raise InputError("index", str(index), f"{-count}..{count - 1}, as the batch has {count}")
    return latents.pick(latent, index % count)
