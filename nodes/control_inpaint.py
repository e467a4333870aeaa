"""Control nodes for networks that were trained to fill in: they see a picture with a hole in it."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Slider
from nodes import checks, control_uses
from nodes.types import Conditioning, ControlNet, ControlUse, Image, Mask, Vae

_STRENGTH = Slider(0, 10, step=0.05)
_SHARE = Slider(0, 1, step=0.01)


@node("control_inpaint.apply", title="Apply inpainting ControlNet")
def apply(
    conditioning: Conditioning,
    controlnet: ControlNet,
    image: Image,
    mask: Mask,
    strength: Annotated[float, _STRENGTH] = 1.0,
    start: Annotated[float, _SHARE] = 0.0,
    end: Annotated[float, _SHARE] = 1.0,
) -> Conditioning:
    """Let what lies around a hole steer what is drawn in it (`control_v11p_sd15_inpaint` …).

    As `control.apply`; where the mask [B or 1, H, W] is above 0.5 the network is shown -1, which no
    picture has. Any model will do, not one for inpainting alone. Put it on the unwanted prompt too.
    """
    _check_mask(image, mask)
    use = control_uses.of_pixels(controlnet, image, strength, start, end)
    return control_uses.laid(conditioning, replace(use, mask=mask.values))


@node("control_inpaint.apply_encoded", title="Apply inpainting ControlNet, encoded")
def apply_encoded(
    conditioning: Conditioning,
    controlnet: ControlNet,
    vae: Vae,
    image: Image,
    mask: Mask,
    strength: Annotated[float, _STRENGTH] = 1.0,
    start: Annotated[float, _SHARE] = 0.0,
    end: Annotated[float, _SHARE] = 1.0,
) -> Conditioning:
    """The same for Stable Diffusion 3, whose network sees the picture encoded and the mask beside.

    Where the mask is above 0.5 the picture is black; its latent goes in with 1 - mask as one
    channel more, [B, C + 1, H / 8, W / 8]. The picture must have the size of the one to be made.
    """
    from nodes.diffusion import control_steps

    control_uses.check_latent_net(controlnet, inpaints=True)
    control_uses.check_hint(image)
    _check_mask(image, mask)
    hint = control_steps.encoded_hole(vae, image.pixels, mask.values)
    use = ControlUse(controlnet, hint, strength, control_uses.span(start, end))
    return control_uses.laid(conditioning, use)


def _check_mask(image: Image, mask: Mask) -> None:
    checks.finite("mask", mask.values)
    got, wanted = mask.values.shape[1:], image.pixels.shape[1:3]
    if got != wanted:
        size = f"{got[1]} × {got[0]} px"
        raise InputError("mask", size, f"the picture's {wanted[1]} × {wanted[0]}")
    if len(mask.values) not in (1, len(image.pixels)) and len(image.pixels) != 1:
        got_count = f"a batch of {len(mask.values)}"
        raise InputError("mask", got_count, f"1 or the picture's {len(image.pixels)}")
