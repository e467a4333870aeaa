"""What several node modules ask of tensors before they compute: helpers, no nodes.

Each raises `InputError` with the port, what was got and what was expected, or returns what it was
given. Imports no torch.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from nodeflow.errors import InputError
from nodes.types import Clip, Conditioning, ControlUse, Latent, Model, Sigmas, Step

if TYPE_CHECKING:
    import torch

    from nodes.diffusion.regions import Uncovered


def same_shape(port: str, got: torch.Tensor, other: str, like: torch.Tensor) -> None:
    """Two tensors that are added to each other: nothing is broadcast by accident."""
    if got.shape != like.shape:
        wanted = f"the shape of {other}, {list(like.shape)}"
        raise InputError(port, f"{list(got.shape)}", wanted)


def downwards(step: Step) -> None:
    """A step towards less noise, which all samplers but Euler and DDIM's inversion need."""
    if not step.sigma > step.sigma_next >= 0:
        got = f"from sigma {step.sigma:g} to {step.sigma_next:g}"
        raise InputError("step", got, "a step downwards", "sample.euler_step goes both ways")


def fraction(port: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise InputError(port, f"{value:g}", "0..1")


def reads_text(clip: Clip) -> None:
    """A clip of a model that is told a class by its number has nothing to read by."""
    if clip.kind == "none":
        hint = "class_label.of and class_label.none make what steers it"
        got = f"that of a {clip.family}, which reads no text"
        raise InputError("clip", got, "one that does", hint)


def sigma_list(sigmas: Sigmas) -> None:
    """At least one sigma, all of them finite, with one timestep for each."""
    values = sigmas.values
    if not values or len(values) != len(sigmas.timesteps):
        got = f"{len(values)} sigmas with {len(sigmas.timesteps)} timesteps"
        raise InputError("sigmas", got, "one timestep for each sigma, and at least one sigma")
    if not all(math.isfinite(v) and v >= 0 for v in values):
        raise InputError("sigmas", f"{list(values)}", "finite sigmas of at least 0")


def seeds(port: str, seeds: Iterable[int]) -> None:
    """What a generator takes. A seed input ends at 2^63 - 1, which leaves room for a batch."""
    for seed in seeds:
        if not 0 <= seed < 2**64:
            raise InputError(port, str(seed), "0..2^64-1")


def some_pictures(port: str, samples: torch.Tensor) -> None:
    if len(samples) == 0:
        raise InputError(port, "no picture", "at least one")


def finite(port: str, samples: torch.Tensor, step: Step | None = None) -> torch.Tensor:
    """NaN spreads over the whole picture and ends as black: stop where it begins."""
    if not samples.isfinite().all():
        bad = int((~samples.isfinite()).sum())
        where = "" if step is None else f" at step {step.index}"
        got = f"{bad} of {samples.numel()} values not finite{where}"
        hint = "Half precision overflows in some models: load it in float32"
        raise InputError(port, got, "finite values", hint if port == "model" else "")
    return samples


def fits_model(model: Model, latent: Latent, port: str, conditioning: Conditioning) -> None:
    """A latent and a conditioning of the kind that the network was trained on."""
    from nodes.diffusion import networks

    some_pictures("latent", latent.samples)
    channels = latent.samples.shape[1]
    try:
        wanted = networks.latent_channels(model.network)
    except TypeError as error:
        got = type(model.network).__name__
        raise InputError("model", got, "a denoiser", str(error)) from None
    if channels != wanted:
        hint = "It comes from another kind of model: latent.empty_for_model makes one that fits"
        raise InputError("latent", f"{channels} channels", f"the network's {wanted}", hint)
    _size(model, latent)
    for text in (conditioning, *conditioning.more):
        _fits_text(model, latent, port, text)


def _size(model: Model, latent: Latent) -> None:
    """Some networks learnt a table of places, and know none beyond; a DiT knows squares alone."""
    from nodes.diffusion import networks, networks_flow

    height, width = latent.samples.shape[-2:]
    most = networks_flow.largest_side(model.network)
    got = f"{width} × {height} latent pixels"
    if most is not None and max(height, width) > most:
        hint = "A latent pixel is 8 × 8 of the picture's: make a smaller picture, and enlarge that"
        raise InputError("latent", got, f"at most {most} × {most}, which this model knows", hint)
    if networks.label_count(model.network) and height != width:
        raise InputError("latent", got, "a square, which is all that a DiT knows")


def covered(
    model: Model, latent: Latent, port: str, conditioning: Conditioning, steps: Iterable[Step]
) -> None:
    """A text at every step and at every place, seen before the first step is taken."""
    from nodes.diffusion import prediction, regions

    try:
        prediction.check_covered(model, latent.samples, conditioning, steps)
    except regions.Uncovered as error:
        raise uncovered(port, error) from error


def uncovered(port: str, error: Uncovered) -> InputError:
    """What to say where no text holds."""
    hint = f"{error.hint[0].upper()}{error.hint[1:]}; conditioning.combine puts texts together"
    return InputError(port, error.got, error.expected, hint)


def _fits_text(model: Model, latent: Latent, port: str, text: Conditioning) -> None:
    from nodes.diffusion import networks

    batch = len(latent.samples)
    rows, _, width = text.embeddings.shape
    wanted = networks.text_width(model.network)
    if rows not in (1, batch):
        raise InputError(port, f"a batch of {rows}", f"1 or the latent's {batch}")
    if wanted is not None and width != wanted:
        hint = "Encode the text with the CLIP of the same checkpoint"
        raise InputError(port, f"embeddings of width {width}", f"the network's {wanted}", hint)
    extra = networks.extra_channels(model.network)
    given = 0 if text.concat is None else text.concat.shape[1]
    if given != extra:
        hint = "inpaint.conditioning and edit.conditioning make them" if extra else ""
        got = f"{given} channels beside the latent"
        raise InputError(port, got, f"{extra}, as this model was trained with", hint)
    _fits_patches(model, port, text)
    for use in text.controls:
        _fits_control(model, latent, port, use)


def _fits_patches(model: Model, port: str, text: Conditioning) -> None:
    """What a text brings for layers that a model is to be given, it must have been given."""
    from nodes.diffusion.image_prompts import by_adapter

    network = model.network
    boxes = "gligen" in dict(text.extra("cross_attention") or ())
    if boxes and not hasattr(network, "position_net"):
        hint = "Put gligen.attach behind the model, or take a checkpoint that has it"
        raise InputError(port, "boxes for GLIGEN", "none, as the model has no layers for it", hint)
    if any(name not in getattr(network, "image_adapters", ()) for name in by_adapter(text)):
        got = "a picture for an IP-Adapter"
        hint = "Put ip_adapter.attach behind the model"
        raise InputError(port, got, "none, as the model has no layers for it", hint)


def _fits_control(model: Model, latent: Latent, port: str, use: ControlUse) -> None:
    """A ControlNet for this kind of model, with a hint for each picture."""
    from nodes.diffusion import control_fit

    try:
        control_fit.check_fits(use.net, model)
    except ValueError as error:
        fault = str(error)
        hint = f"{fault[0].upper()}{fault[1:]}"
        got = "a ControlNet of another kind"
        raise InputError(port, got, "one for this model", hint) from None
    count, batch = len(use.hint), len(latent.samples)
    if 1 < count < batch:
        wanted = f"1 for all, or one for each of the {batch} pictures"
        raise InputError(port, f"{count} hints of a ControlNet", wanted)


def can_predict(model: Model, step: Step) -> None:
    """A known parameterisation, at a noise level where it says something."""
    from nodes.diffusion.prediction import PREDICTIONS

    if model.prediction not in PREDICTIONS:
        raise InputError("model", model.prediction, f"one of {', '.join(PREDICTIONS)}")
    if step.flow != model.betas.flow:
        kinds = ["a diffusion", "a flow"]
        got, wanted = f"a step of {kinds[step.flow]}", f"one of {kinds[model.betas.flow]}"
        raise InputError("step", got, wanted, "Make the sigmas from schedule.of_model")
    clean = model.prediction in ("sample", "lcm") and step.sigma <= 0
    if not math.isfinite(step.sigma) or clean:
        raise InputError("step", f"sigma {step.sigma:g}", "a finite sigma above 0")
