"""Networks with what they were trained on: denoisers, text encoders, autoencoders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nodeflow.sockets import socket
from nodes.types.schedules import NoiseSchedule

if TYPE_CHECKING:
    from nodes.diffusion.tokenizer import ClipTokenizer


@socket("model", colour="#b39ddb", shape="square", persist=False, role="model")
@dataclass(frozen=True, eq=False)
class Model:
    """A denoiser with what it was trained on.

    `network` is a diffusers network in evaluation mode; which class it is tells how it is asked. It
    is never changed: what patches a model makes a copy of its modules that shares the weights.
    `prediction` is what it returns: `epsilon`, `v_prediction`, `sample`, `edm`, `lcm` or `flow`.
    `family` names the kind of model (`sd1`, `sdxl`, `flux` ...). `sigma_data` is the spread of
    clean latents that the input and output scalings of `edm` and `v_prediction` reckon with.
    """

    network: Any
    betas: NoiseSchedule
    prediction: str = "epsilon"
    family: str = "sd1"
    sigma_data: float = 1.0


@socket("clip", colour="#ffd500", shape="square", persist=False)
@dataclass(frozen=True, eq=False)
class Clip:
    """A text encoder with its tokenizer. `skip` last layers are left out (CLIP skip).

    `kind` is what the encoder is: `clip_l`, `clip_h`, `clip_g`, `t5`, `umt5`, or `none` for a
    model that reads no text; `family` is whose
    text conditioning this makes. A family that reads a prompt by several encoders has the further
    ones in `others`, in the order in which diffusers numbers them (text_encoder_2, _3).
    """

    encoder: Any
    tokenizer: ClipTokenizer
    skip: int = 0
    kind: str = "clip_l"
    family: str = "sd1"
    others: tuple[Clip, ...] = ()


@socket("vae", colour="#ff6e6e", shape="square", persist=False)
@dataclass(frozen=True, eq=False)
class Vae:
    """An autoencoder. Latents are `(z - shift) * scaling`, so that their spread is about 1.

    `factor` is how many pixels, per side, one latent pixel stands for.
    """

    autoencoder: Any
    scaling: float
    shift: float = 0.0
    factor: int = 8
