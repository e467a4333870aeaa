"""What the control nodes share: hints checked and laid on conditionings. Helpers, no nodes."""

from __future__ import annotations

from dataclasses import replace

from nodeflow.errors import InputError
from nodes import checks
from nodes.types import Conditioning, ControlNet, ControlUse, Image, Span

PIXELS = "control.apply takes the picture as it is"
_ENCODED = "control.apply_encoded and control.residuals_encoded take its latent"


def of_pixels(
    controlnet: ControlNet, image: Image, strength: float, start: float, end: float
) -> ControlUse:
    """A network that sees a hint's pixels, with the hint."""
    from nodes.diffusion import control_flow

    if control_flow.hint_is_latent(controlnet.network):
        raise InputError("controlnet", "one that sees a latent", "one that sees pixels", _ENCODED)
    check_hint(image)
    return ControlUse(controlnet, image.pixels, strength, span(start, end))


def check_latent_net(controlnet: ControlNet, inpaints: bool) -> None:
    """A network that sees a latent, with a mask beside it or without."""
    from nodes.diffusion import control_flow

    if not control_flow.hint_is_latent(controlnet.network):
        raise InputError("controlnet", "one that sees pixels", "one that sees a latent", PIXELS)
    beside = int(getattr(controlnet.network.config, "extra_conditioning_channels", 0) or 0)
    if bool(beside) != inpaints:
        got = f"one that sees {beside} channels beside the latent"
        wanted = f"one that sees {1 if inpaints else 0}"
        hint = "" if inpaints else "control_inpaint.apply_encoded brings the mask"
        raise InputError("controlnet", got, wanted, hint)


def check_hint(image: Image) -> None:
    """A picture of three channels."""
    checks.some_pictures("image", image.pixels)
    checks.finite("image", image.pixels)
    if image.pixels.shape[-1] != 3:
        got = f"{image.pixels.shape[-1]} channels"
        raise InputError("image", got, "3", "Put image_channels.remove_alpha before it")


def span(start: float, end: float) -> Span | None:
    """A part of the noise schedule; None is all of it."""
    if start > end:
        raise InputError("start", f"{start:g}", f"at most end, {end:g}")
    return None if (start, end) == (0, 1) else Span(start, end)


def laid(conditioning: Conditioning, use: ControlUse) -> Conditioning:
    """A conditioning with one more control on each of its texts."""
    texts = [replace(text, controls=(*text.controls, use)) for text in conditioning.more]
    controls = (*conditioning.controls, use)
    return replace(conditioning, controls=controls, more=tuple(texts))
