"""Worse on purpose: models and latents to push guidance away from."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Number
from nodes import checks
from nodes.types import Latent, Mask, Model, NoisePrediction, Step


@node("perturb.identity_attention")
def identity_attention(model: Model, places: str = "mid") -> Model:
    """Blind a model's self-attention: each place of the picture attends to itself alone.

    softmax(q k^T) becomes the identity in the blocks that `places` names (`mid`, `down.1`, `up`,
    `all`, or a transformer's `transformer_blocks.14`), which harms the structure of the picture and
    little else. The model that comes in stays as it is; weights are shared. For
    `guidance_mix.push_away`: perturbed-attention guidance, Ahn et al. 2024, arXiv 2403.17377, eq.
    11, where `mid` served best.
    """
    from nodes.diffusion import attention

    try:
        network = attention.with_identity(model.network, places)
    except ValueError as error:
        wanted = "names of blocks with self-attention"
        raise InputError("places", repr(places), wanted, str(error)) from None
    return replace(model, network=network)


@node("perturb.skip_layers")
def skip_layers(model: Model, layers: Annotated[list[int], Number(0, 1000, step=1)]) -> Model:
    """Leave out some of a transformer's blocks: what comes in goes out.

    `layers` are numbers of blocks, 0 the first. For `guidance_mix.push_away`: skip-layer guidance,
    published with Stable Diffusion 3.5 medium, where 7, 8 and 9 at a scale of 2.8 between 1 % and
    20 % of the steps served. The model that comes in stays as it is; weights are shared.
    """
    from nodes.diffusion import layers as blocks

    try:
        network = blocks.without(model.network, layers)
    except ValueError as error:
        wanted = "numbers of a transformer's blocks"
        raise InputError("layers", str(layers), wanted, str(error)) from None
    return replace(model, network=network)


@node("perturb.blur_attended")
def blur_attended(
    latent: Latent,
    noise: NoisePrediction,
    step: Step,
    mask: Mask,
    sigma: Annotated[float, Number(0.1, 20)] = 1.0,
) -> Latent:
    """Blur what the model holds important, in the clean latent behind a noisy one.

    D = x - sigma epsilon is blurred by a Gaussian (9 × 9 latent pixels, spread `sigma`) where the
    mask is 1, and noised again by the same epsilon: x' = x + m * (blur(D) - D), alpha times that
    in a flow. What the model then says is what `guidance_mix.push_away` leads away from, with the
    answer for x as `good`: self-attention guidance, Hong et al. 2022, arXiv 2210.00939, algorithm
    1. The mask is that of `attention.listened_to`, repeated to the latent's size.
    """
    from nodes.diffusion import perturbation

    x = latent.samples
    checks.same_shape("noise", noise.samples, "latent", x)
    if len(mask.values) not in (1, len(x)):
        raise InputError("mask", f"{len(mask.values)} masks", f"1 or the latent's {len(x)}")
    if not sigma > 0:
        raise InputError("sigma", f"{sigma:g}", "above 0")
    moved = perturbation.blur_where(x, noise.samples, step, mask.values, sigma)
    return Latent(moved, latent.noise_mask)
