"""IP-Adapter nodes: a picture as a prompt, beside the text."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, NamedTuple

from nodeflow.context import RunContext
from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Slider
from nodes import model_files
from nodes.estimates import weights_of
from nodes.types import Conditioning, ImageEmbedding, IpAdapter, Mask, Model

_STRENGTH = Slider(-1, 3, step=0.05)
_SHARE = Slider(0, 1, step=0.01)


@node(
    "ip_adapter.load",
    title="Load IP-Adapter",
    reads=model_files.files_of("ipadapter"),
    estimate=weights_of("ipadapter", "ip_adapter"),
)
def load(name: Annotated[str, model_files.ModelName("ipadapter")], *, ctx: RunContext) -> IpAdapter:
    """Load an IP-Adapter, by which a denoiser attends to a picture beside the text.

    `name` is a safetensors file under `ipadapter/` of a models folder, or a path: for Stable
    Diffusion 1 or XL, plain, plus or (plus) face; those called FaceID want a face recogniser and
    are refused. Ye et al. 2023, arXiv 2308.06721.

    Raises FileNotFoundError with the nearest name, and CheckpointError with the file, what was
    expected and what was found.
    """
    from nodes.diffusion import ip_adapter

    with model_files.opened("ipadapter", name) as path:
        return ip_adapter.load(path, ctx.device)


@node("ip_adapter.attach", title="Attach IP-Adapter")
def attach(model: Model, adapter: IpAdapter) -> Model:
    """Give a model the layers by which it attends to an adapter's pictures.

    On a copy that shares all weights: the model itself stays as it is. Texts without a picture are
    answered as before; several adapters may be attached. `ip_adapter.apply` brings the picture.
    """
    from nodes.diffusion import ip_adapter

    try:
        return replace(model, network=ip_adapter.attached(model.network, adapter))
    except ValueError as error:
        wanted = f"one for models of family {model.family}"
        raise InputError("adapter", f"one of family {adapter.family}: {error}", wanted) from None


@node("ip_adapter.apply", title="Apply IP-Adapter")
def apply(
    conditioning: Conditioning,
    adapter: IpAdapter,
    embedding: ImageEmbedding,
    strength: Annotated[float, _STRENGTH] = 1.0,
    start: Annotated[float, _SHARE] = 0.0,
    end: Annotated[float, _SHARE] = 1.0,
) -> Conditioning:
    """Steer by a picture beside a text: what it shows, its colours, its manner.

    The text's attention plus `strength` times attention to the picture's tokens: Ye et al. 2023,
    arXiv 2308.06721, eq. 5. `start` and `end` are shares of the noise schedule, 0 at its noisiest.
    Several in a row add up. Put `ip_adapter.apply_blank` on the unwanted prompt, or use
    `ip_adapter.apply_pair`. Strength 0.5 leaves room for the text.
    """
    return _laid(conditioning, adapter, embedding, strength, start, end, None, blank=False)


@node("ip_adapter.apply_masked", title="Apply IP-Adapter, masked")
def apply_masked(
    conditioning: Conditioning,
    adapter: IpAdapter,
    embedding: ImageEmbedding,
    mask: Mask,
    strength: Annotated[float, _STRENGTH] = 1.0,
    start: Annotated[float, _SHARE] = 0.0,
    end: Annotated[float, _SHARE] = 1.0,
) -> Conditioning:
    """Steer by a picture in a part of the result: 1 in the mask is where it counts.

    As `ip_adapter.apply`; the mask is averaged to the size of each layer.
    """
    return _laid(conditioning, adapter, embedding, strength, start, end, mask, blank=False)


@node("ip_adapter.apply_blank", title="Apply IP-Adapter, blank")
def apply_blank(
    conditioning: Conditioning,
    adapter: IpAdapter,
    embedding: ImageEmbedding,
    strength: Annotated[float, _STRENGTH] = 1.0,
    start: Annotated[float, _SHARE] = 0.0,
    end: Annotated[float, _SHARE] = 1.0,
) -> Conditioning:
    """The unwanted prompt's side of `ip_adapter.apply`: attention to no picture at all.

    As in training an embedding of zeros for plain adapters, that of an empty picture for the
    others. The same strength as on the wanted prompt.
    """
    return _laid(conditioning, adapter, embedding, strength, start, end, None, blank=True)


class PromptedPair(NamedTuple):
    """The wanted prompt with the picture, and the unwanted one with none."""

    cond: Conditioning
    uncond: Conditioning


@node("ip_adapter.apply_pair", title="Apply IP-Adapter to both")
def apply_pair(
    cond: Conditioning,
    uncond: Conditioning,
    adapter: IpAdapter,
    embedding: ImageEmbedding,
    strength: Annotated[float, _STRENGTH] = 1.0,
    start: Annotated[float, _SHARE] = 0.0,
    end: Annotated[float, _SHARE] = 1.0,
) -> PromptedPair:
    """`ip_adapter.apply` on the wanted prompt and `ip_adapter.apply_blank` on the other."""
    return PromptedPair(
        apply(cond, adapter, embedding, strength, start, end),
        apply_blank(uncond, adapter, embedding, strength, start, end),
    )


def _laid(
    conditioning: Conditioning,
    adapter: IpAdapter,
    embedding: ImageEmbedding,
    strength: float,
    start: float,
    end: float,
    mask: Mask | None,
    blank: bool,
) -> Conditioning:
    from nodes.diffusion import image_prompts, ip_adapter

    if start > end:
        raise InputError("start", f"{start:g}", f"at most end, {end:g}")
    try:
        tokens = ip_adapter.tokens_of(adapter, embedding, blank)
    except ValueError as error:
        hint = "Encode the picture with the CLIP vision that the adapter was trained with"
        raise InputError("embedding", str(error), "what the adapter reads", hint) from None
    prompt = image_prompts.ImagePrompt(tokens, strength, None if mask is None else mask.values)

    def with_picture(text: Conditioning) -> Conditioning:
        return image_prompts.laid(text, adapter.name, prompt)

    return image_prompts.between(conditioning, start, end, with_picture)
