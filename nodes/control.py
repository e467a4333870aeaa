"""Control nodes: pictures steer a denoiser through a network beside it.

Laid on a conditioning (`control.apply…`), a ControlNet is asked at every step by whatever asks the
model. In a loop of your own, `control.residuals` is what it adds at one step, as a value.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, NamedTuple

from nodeflow.context import RunContext
from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Choice, Slider
from nodes import checks, control_uses, model_files
from nodes.diffusion.checkpoints.examine import DTYPES
from nodes.estimates import as_large_as, weights_of
from nodes.types import (
    Conditioning,
    Control,
    ControlNet,
    ControlUse,
    Image,
    Latent,
    Model,
    NoisePrediction,
    Step,
    Vae,
)

_STRENGTH = Slider(0, 10, step=0.05)
_SHARE = Slider(0, 1, step=0.01)
_MODES = (
    "openpose", "pose", "depth", "soft edge", "hard edge", "canny", "normal", "segment", "tile",
    "repaint", "blur", "gray", "low quality",
)  # fmt: skip


@node(
    "control.load",
    title="Load ControlNet",
    reads=model_files.files_of("controlnet"),
    estimate=weights_of("controlnet", "controlnet"),
)
def load(
    name: Annotated[str, model_files.ModelName("controlnet")],
    dtype: Annotated[str, Choice(*DTYPES)] = "auto",
    *,
    ctx: RunContext,
) -> ControlNet:
    """Load a network that steers a denoiser by a picture: a ControlNet or a T2I-Adapter.

    `name` is a safetensors file (its authors' names or diffusers') or a folder in diffusers' layout
    under `controlnet/` or `t2i_adapter/` of a models folder, or a path. For Stable Diffusion 1, 2,
    XL, 3 and Flux, unions included. `dtype` as in `load.checkpoint`. Zhang et al. 2023, arXiv
    2302.05543; Mou et al. 2023, arXiv 2302.08453.

    Raises FileNotFoundError with the nearest name, and CheckpointError with the file, what was
    expected and what was found.
    """
    from nodes.diffusion import control_load

    with model_files.opened("controlnet", name) as path:
        return control_load.load(path, ctx.device, dtype)


@node("control.set_union_mode")
def set_union_mode(
    controlnet: ControlNet, mode: Annotated[str, Choice(*_MODES)] = "openpose"
) -> ControlNet:
    """Tell a ControlNet for many kinds of hints which kind it will see.

    Which ones it knows depends on the network: those for XL (ControlNet++) openpose, depth, soft
    edge, hard edge, normal, segment, tile and repaint; those for Flux canny, tile, depth, blur,
    pose, gray and low quality.
    """
    if mode not in controlnet.modes:
        known = ", ".join(controlnet.modes) or "none: it was trained for one kind of hint"
        raise InputError("mode", repr(mode), f"one of what this ControlNet knows ({known})")
    return replace(controlnet, mode=controlnet.modes.index(mode))


@node("control.apply", title="Apply ControlNet")
def apply(
    conditioning: Conditioning,
    controlnet: ControlNet,
    image: Image,
    strength: Annotated[float, _STRENGTH] = 1.0,
    start: Annotated[float, _SHARE] = 0.0,
    end: Annotated[float, _SHARE] = 1.0,
) -> Conditioning:
    """Let a hint (edges, a pose, depth …) steer where a text is drawn.

    At each step the network sees the noisy latent, the text and the hint [B or 1, H, W, 3],
    resized to the picture; what it says is added inside the denoiser, times `strength`. `start` and
    `end` are shares of the noise schedule, 0 at its noisiest: it is asked in between. Several in a
    row add up. Of a conditioning of several texts it steers all. Put it on the negative text too,
    or use `control.apply_pair`. Zhang et al. 2023, arXiv 2302.05543, eq. 2.
    """
    return control_uses.laid(
        conditioning, control_uses.of_pixels(controlnet, image, strength, start, end)
    )


class SteeredPair(NamedTuple):
    """The wanted and the unwanted prompt under the same hint."""

    cond: Conditioning
    uncond: Conditioning


@node("control.apply_pair", title="Apply ControlNet to both")
def apply_pair(
    cond: Conditioning,
    uncond: Conditioning,
    controlnet: ControlNet,
    image: Image,
    strength: Annotated[float, _STRENGTH] = 1.0,
    start: Annotated[float, _SHARE] = 0.0,
    end: Annotated[float, _SHARE] = 1.0,
) -> SteeredPair:
    """Let one hint steer both prompts: `control.apply` on each, but both go in one batch."""
    use = control_uses.of_pixels(controlnet, image, strength, start, end)
    return SteeredPair(control_uses.laid(cond, use), control_uses.laid(uncond, use))


@node("control.apply_guess", title="Apply ControlNet, guessing")
def apply_guess(
    conditioning: Conditioning,
    controlnet: ControlNet,
    image: Image,
    strength: Annotated[float, _STRENGTH] = 1.0,
    start: Annotated[float, _SHARE] = 0.0,
    end: Annotated[float, _SHARE] = 1.0,
) -> Conditioning:
    """Let a hint steer with little or no text: the network guesses what is meant ("guess mode").

    As `control.apply`, but what is added to the UNet's n places is weighted from 0.1 at the finest
    to 1 in the middle, 10^(-1 + k / n). Meant for the wanted prompt alone, the unwanted one
    without ControlNet, and guidance of 3 to 5. Zhang et al. 2023, arXiv 2302.05543, section 3.5.
    """
    if type(controlnet.network).__name__ not in ("ControlNetModel", "ControlNetUnionModel"):
        hint = "control.apply takes every kind"
        raise InputError("controlnet", controlnet.family, "a ControlNet of a UNet", hint)
    use = control_uses.of_pixels(controlnet, image, strength, start, end)
    return control_uses.laid(conditioning, replace(use, guess=True))


@node("control.apply_encoded", title="Apply ControlNet, encoded")
def apply_encoded(
    conditioning: Conditioning,
    controlnet: ControlNet,
    vae: Vae,
    image: Image,
    strength: Annotated[float, _STRENGTH] = 1.0,
    start: Annotated[float, _SHARE] = 0.0,
    end: Annotated[float, _SHARE] = 1.0,
) -> Conditioning:
    """Let a hint steer Stable Diffusion 3 or Flux, whose ControlNets see it encoded.

    As `control.apply`, with the picture turned into a latent once; it must have the size of the
    picture to be made.
    """
    hint = encode_hint(controlnet, vae, image)
    use = ControlUse(controlnet, hint.samples, strength, control_uses.span(start, end))
    return control_uses.laid(conditioning, use)


@node("control.encode_hint")
def encode_hint(controlnet: ControlNet, vae: Vae, image: Image) -> Latent:
    """Turn a hint into the latent that a ControlNet of Stable Diffusion 3 or Flux is shown.

    [B, H, W, 3] → [B, C, H / 8, W / 8], the encoder's mean. The networks of 3 that are told no text
    as one vector leave out the latents' shift, as they were trained.
    """
    from nodes.diffusion import control_steps

    control_uses.check_latent_net(controlnet, inpaints=False)
    control_uses.check_hint(image)
    return Latent(control_steps.encoded_hint(controlnet, vae, image.pixels))


@node("control.residuals", title="ControlNet residuals")
def residuals(
    controlnet: ControlNet,
    model: Model,
    latent: Latent,
    step: Step,
    conditioning: Conditioning,
    image: Image,
    strength: Annotated[float, _STRENGTH] = 1.0,
) -> Control:
    """What a ControlNet adds inside the denoiser at one step: a tensor for each place.

    The same that `control.apply` adds: for a UNet [B, C, h, w] for each skip connection, from fine
    to coarse, and for the middle. Feed it to `control.predict_noise`; add several with
    `control.sum`; look at it with `control.to_image`.
    """
    use = control_uses.of_pixels(controlnet, image, strength, 0.0, 1.0)
    return _residuals(use, model, latent, step, conditioning)


@node("control.residuals_encoded", title="ControlNet residuals, encoded")
def residuals_encoded(
    controlnet: ControlNet,
    model: Model,
    latent: Latent,
    step: Step,
    conditioning: Conditioning,
    hint: Latent,
    strength: Annotated[float, _STRENGTH] = 1.0,
) -> Control:
    """As `control.residuals`, for a hint that `control.encode_hint` encoded before the loop.

    For Stable Diffusion 3 and Flux: tensors [B, patches, D] for the transformer's blocks.
    """
    use = ControlUse(controlnet, hint.samples, strength)
    return _residuals(use, model, latent, step, conditioning)


@node("control.sum", title="Add controls up")
def sum(controls: list[Control]) -> Control:
    """Add up what several ControlNets add, place by place; they must have as many places."""
    from nodes.diffusion import control_steps

    if not controls:
        raise InputError("controls", "none", "at least one")
    try:
        return control_steps.added_up(controls)
    except ValueError as error:
        hint = "control.predict_noise, which knows the model, takes a list of such"
        raise InputError("controls", str(error), "networks of one depth", hint) from None


@node("control.scale", title="Scale control")
def scale(
    control: Control,
    first: Annotated[float, _STRENGTH] = 1.0,
    last: Annotated[float, _STRENGTH] = 1.0,
) -> Control:
    """Weaken what a ControlNet adds, differently by depth: fine lines or the large layout.

    Each place's tensor times a number on the line from `first`, the first and finest one, to
    `last`, the UNet's middle or the transformer's last block.
    """
    from nodes.diffusion import control_steps

    return control_steps.scaled(control, first, last)


@node(
    "control.predict_noise",
    title="Predict noise under control",
    estimate=as_large_as("latent", noise=1),
)
def predict_noise(
    model: Model, latent: Latent, step: Step, conditioning: Conditioning, controls: list[Control]
) -> NoisePrediction:
    """Ask the network which noise is in the latent while ControlNets add to its insides.

    `model.predict_noise`, with what `control.residuals` gave at this step added at its places, for
    every text of the conditioning.
    """
    from nodes.diffusion import control_steps
    from nodes.diffusion.prediction import predict_epsilons

    checks.fits_model(model, latent, "conditioning", conditioning)
    checks.can_predict(model, step)
    checks.finite("latent", latent.samples, step)
    _one_text("conditioning", conditioning)
    for control in controls:
        _check_size(control, latent)
    added = control_steps.added_up(controls, model)
    (epsilon,) = predict_epsilons(model, latent.samples, step, [conditioning], added)
    return NoisePrediction(checks.finite("model", epsilon, step))


@node("control.to_image", title="Control to image")
def to_image(control: Control, latent: Latent) -> Image:
    """Look at what a ControlNet adds: one panel for each place, bright where it adds much.

    The mean of the tensor's absolute values over its channels, relative to the panel's largest;
    for a UNet from fine to coarse, the middle last. One picture for each of the batch.
    """
    from nodes.diffusion import control_steps

    if not control.residuals:
        raise InputError("control", "nothing", "what control.residuals gives")
    return Image(control_steps.drawn(control, latent.samples))


def _one_text(port: str, conditioning: Conditioning) -> None:
    if conditioning.more or conditioning.area is not None:
        got = f"{1 + len(conditioning.more)} texts" if conditioning.more else "a text for an area"
        raise InputError(port, got, "one text for the whole picture", "control.apply takes both")


def _check_size(control: Control, latent: Latent) -> None:
    """What goes into a network of another size ends in an error deep inside it."""
    batch, _, height, width = latent.samples.shape
    for name, tensors in control.residuals:
        wrong = [len(tensor) for tensor in tensors if len(tensor) not in (1, batch)]
        if wrong:
            raise InputError("controls", f"{wrong[0]} pictures", f"1 or the latent's {batch}")
        if name.startswith("down_block"):
            got = tuple(tensors[0].shape[-2:])
            if got not in ((1, 1), (height, width)):
                wanted = f"the latent's {width} × {height}"
                raise InputError("controls", f"for a latent of {got[1]} × {got[0]}", wanted)


def _residuals(
    use: ControlUse, model: Model, latent: Latent, step: Step, conditioning: Conditioning
) -> Control:
    from nodes.diffusion import control_steps

    checks.fits_model(model, latent, "conditioning", conditioning)
    checks.can_predict(model, step)
    _one_text("conditioning", conditioning)
    try:
        return control_steps.control_at(use, model, latent.samples, step, conditioning)
    except ValueError as error:
        raise InputError("controlnet", str(error), "one that fits the model and the hint") from None
