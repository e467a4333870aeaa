"""LoRA nodes: small files that change what a model draws, laid over it without changing it."""

from __future__ import annotations

from typing import Annotated, NamedTuple

from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Slider
from nodes import model_files
from nodes.types import Clip, Lora, Model

_STRENGTH = Slider(-20, 20, step=0.05)


class AppliedLora(NamedTuple):
    model: Model
    clip: Clip
    unused: list[str]


class AppliedToModel(NamedTuple):
    model: Model
    unused: list[str]


@node("lora.load", reads=model_files.files_of("loras"))
def load(name: Annotated[str, model_files.ModelName("loras")]) -> Lora:
    """Load a LoRA: LoRA, LoCon, LoHa, LoKr or DoRA, by kohya's, diffusers' or peft's names.

    `name` is a file under `loras/` of a folder in NODEFLOW_MODELS, under `models/loras/`, or one
    that comes with nodeflow; or a path. It is a few factors per layer of a difference to that
    layer's weight. Hu et al. 2021, arXiv 2106.09685.

    Raises LoraError with the file where it is no LoRA, not whole, or holds a NaN.
    """
    from nodes.diffusion.adapters.load import load_lora

    return load_lora(model_files.find("loras", name))


@node("lora.apply")
def apply(
    model: Model,
    clip: Clip,
    lora: Lora,
    strength_model: Annotated[float, _STRENGTH] = 1.0,
    strength_clip: Annotated[float, _STRENGTH] = 1.0,
) -> AppliedLora:
    """Make pictures and texts follow a LoRA: its differences are added to what the layers answer.

    W x + strength alpha/r up down x, in every layer of denoiser and text encoders that it has.
    What comes out shares the weights of what came in, which stays as it is: both can be used in one
    graph. Strength 0 gives the very same model, and strengths below 0 turn away from what the LoRA
    was trained on. Several LoRAs add up, in any order. `unused` are the names in the LoRA that the
    model has no layer for. Hu et al. 2021, arXiv 2106.09685, eq. 3.

    Raises InputError where the LoRA is for another model: most of its layers are not there, or
    theirs are of another shape.
    """
    from nodes.diffusion.adapters.apply import lay
    from nodes.diffusion.adapters.lora_keys import LoraError

    try:
        laid = lay(lora, model, clip, strength_model, strength_clip)
    except LoraError as error:
        raise _misfit(error) from error
    assert laid.clip is not None
    return AppliedLora(laid.model, laid.clip, list(laid.unused))


@node("lora.apply_model_only")
def apply_model_only(
    model: Model, lora: Lora, strength: Annotated[float, _STRENGTH] = 1.0
) -> AppliedToModel:
    """Lay a LoRA over the denoiser alone; what it has for text encoders is left out.

    As `lora.apply` otherwise.
    """
    from nodes.diffusion.adapters.apply import lay
    from nodes.diffusion.adapters.lora_keys import LoraError

    try:
        laid = lay(lora, model, None, strength)
    except LoraError as error:
        raise _misfit(error) from error
    return AppliedToModel(laid.model, list(laid.unused))


def _misfit(error: Exception) -> InputError:
    return InputError("lora", str(error), "a LoRA for this family of models")
