"""LoRA nodes: small files that change what a model draws, laid over it without changing it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, NamedTuple

from nodeflow.context import RunContext
from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Choice, NewPath, Number, Slider, TextArea
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


class LoraFacts(NamedTuple):
    kind: str
    rank: int
    trigger_words: list[str]
    text: str


@contextmanager
def _for_this_model(port: str = "lora") -> Iterator[None]:
    """What does not fit is told as a fault of the port."""
    from nodes.diffusion.adapters.lora_keys import LoraError

    try:
        yield
    except LoraError as error:
        raise InputError(port, str(error), "one for this family of models") from error


@node("lora.load", reads=model_files.files_of("loras"))
def load(name: Annotated[str, model_files.ModelName("loras")]) -> Lora:
    """Load a LoRA: LoRA, LoCon, LoHa, LoKr or DoRA, by kohya's, diffusers' or peft's names.

    `name` is a file under `loras/` of a folder in NODEFLOW_MODELS, under `models/loras/`, or one
    that comes with nodeflow; or a path. It is a few factors per layer of a difference to that
    layer's weight. Hu et al. 2021, arXiv 2106.09685.

    Raises LoraError with the file where it is no LoRA, not whole, or holds a NaN.
    """
    from nodes.diffusion.adapters.load import load_lora

    with model_files.opened("loras", name) as path:
        return load_lora(path)


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
    was trained on. Several LoRAs add up, in any order. `unused` are the names in the file that
    mean no layer of the model. Hu et al. 2021, arXiv 2106.09685, eq. 3.

    Raises InputError where the LoRA is for another model: most of its layers are not there, or
    theirs are of another shape.
    """
    from nodes.diffusion.adapters.apply import lay

    with _for_this_model():
        laid = lay(lora, model, clip, strength_model, strength_clip)
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

    with _for_this_model():
        laid = lay(lora, model, None, strength)
    return AppliedToModel(laid.model, list(laid.unused))


@node("lora.apply_blocks")
def apply_blocks(
    model: Model,
    lora: Lora,
    weights: Annotated[str, TextArea()] = "*=1",
    strength: Annotated[float, _STRENGTH] = 1.0,
) -> AppliedToModel:
    """Lay a LoRA over the denoiser with a strength for each block: composition here, style there.

    `weights` multiply `strength`: `IN04=0.5, IN05-IN08=0.2, M00=1, OUT*=0`. Later ones win, `*` is
    all, blocks that are not named have 1. IN00 to IN11, M00 and OUT00 to OUT11 are a UNet's, in the
    order of Stable Diffusion's own code; B00 … and S00 … a transformer's; BASE what is in none. Or
    numbers alone, one for each: BASE and all blocks, or BASE and those with attention (17 for
    Stable Diffusion 1, 12 for XL). Raises InputError with the blocks that the model has.
    """
    from nodes.diffusion.adapters.apply import lay
    from nodes.diffusion.adapters.blocks import BlocksError, block_teller, strengths_of

    try:
        strengths = strengths_of(weights, model.network)
    except BlocksError as error:
        raise InputError("weights", str(error), "a strength per block") from None
    block_of = block_teller(model.network)
    with _for_this_model():
        laid = lay(lora, model, None, strength, per_path=lambda path: strengths[block_of(path)])
    return AppliedToModel(laid.model, list(laid.unused))


@node("lora.stack")
def stack(
    model: Model,
    clip: Clip,
    loras: list[Lora],
    strengths_model: Annotated[list[float], _STRENGTH],
    strengths_clip: Annotated[list[float], _STRENGTH],
) -> AppliedLora:
    """Lay several LoRAs over a model at once, each with strengths of its own.

    As many strengths as LoRAs, or one for all. The differences add up, so their order is no matter.
    """
    from nodes.diffusion.adapters.apply import lay

    unused: list[str] = []
    for_model = _one_each("strengths_model", strengths_model, len(loras))
    for_clip = _one_each("strengths_clip", strengths_clip, len(loras))
    for each, on_model, on_clip in zip(loras, for_model, for_clip, strict=True):
        with _for_this_model("loras"):
            laid = lay(each, model, clip, on_model, on_clip)
        assert laid.clip is not None
        model, clip = laid.model, laid.clip
        unused.extend(laid.unused)
    return AppliedLora(model, clip, unused)


@node("lora.merge")
def merge(model: Model) -> Model:
    """Make the LoRAs that lie over a denoiser part of its weights: W + strength dW, a plain model.

    Only the layers that were changed get weights of their own; all others are shared. It answers as
    before, up to rounding, a little faster, and can be saved.
    """
    from dataclasses import replace

    from nodes.diffusion.adapters.bake import baked

    return replace(model, network=baked(model.network))


@node("lora.merge_clip")
def merge_clip(clip: Clip) -> Clip:
    """Make the LoRAs that lie over text encoders part of their weights, as `lora.merge` does."""
    from nodes.diffusion.adapters.bake import baked_clip

    return baked_clip(clip)


@node("lora.extract")
def extract(
    tuned: Model,
    base: Model,
    rank: Annotated[int, Number(1, 4096, step=1)] = 16,
    tuned_clip: Clip | None = None,
    base_clip: Clip | None = None,
    biases: bool = False,
    *,
    ctx: RunContext,
) -> Lora:
    """Make a LoRA of how one model differs from another: laid over `base`, it draws like `tuned`.

    The first `rank` singular vectors of W_tuned - W_base in every linear layer and convolution,
    each side by the root of the singular values: nothing of that rank is nearer (Eckart & Young
    1936). With both `clip`s their text encoders' differences too. `biases` adds those of biases,
    norms and embeddings as they are; diffusers does not read such a file, ComfyUI does.

    Raises InputError where the models are of different kinds, or do not differ.
    """
    from nodes.diffusion.adapters.extract import clip_differences, model_differences

    if (tuned_clip is None) != (base_clip is None):
        missing = "tuned_clip" if tuned_clip is None else "base_clip"
        raise InputError(missing, "nothing", "a text encoder for either model, or for neither")
    with _for_this_model("tuned"):
        layers = model_differences(tuned, base, rank, biases, ctx.progress)
        if tuned_clip is not None and base_clip is not None:
            layers += clip_differences(tuned_clip, base_clip, rank, biases, ctx.progress)
    if not layers:
        raise InputError("tuned", "a model with the weights of `base`", "one that differs")
    return Lora("an extracted LoRA", tuple(layers))


@node("lora.save", writes=True, output="path")
def save(
    lora: Lora,
    name: Annotated[str, NewPath()] = "loras/mine.safetensors",
    precision: Annotated[str, Choice("float32", "float16", "bfloat16")] = "float16",
    *,
    ctx: RunContext,
) -> str:
    """Write a LoRA as a safetensors file that ComfyUI, diffusers and nodeflow load.

    The names are kohya's (`lora_unet_…lora_down.weight`) for UNets and their text encoders, and
    peft's (`transformer.….lora_A.weight`) for transformers. It lies under the run's output folder;
    its path comes out.
    """
    from nodes.diffusion.adapters.save import save_lora

    if not name:
        raise InputError("name", "no name", "a name for the file")
    path = ctx.output_dir / name
    if path.suffix != ".safetensors":
        path = path.with_name(path.name + ".safetensors")
    path.parent.mkdir(parents=True, exist_ok=True)
    save_lora(lora, path, precision)
    return str(path)


@node("lora.info")
def info(lora: Lora) -> LoraFacts:
    """Tell what a LoRA is: its kind, its largest rank, the words it answers to, and all in a text.

    The words are those that the file names, or the most frequent tags of the captions that it was
    trained on, if its trainer wrote them down; often there are none.
    """
    from nodes.diffusion.adapters import info as facts
    from nodes.diffusion.checkpoints.words import trigger_words

    words = list(trigger_words(lora.metadata))
    return LoraFacts(facts.kind_of(lora), facts.largest_rank(lora), words, facts.describe(lora))


def _one_each(port: str, strengths: list[float], count: int) -> list[float]:
    if len(strengths) == 1:
        return strengths * count
    if len(strengths) != count:
        wanted = (
            "1: one for each LoRA" if count == 1 else f"{count}, one for each LoRA, or 1 for all"
        )
        raise InputError(port, f"{len(strengths)} strengths", wanted)
    return strengths
