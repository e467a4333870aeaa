"""What ComfyUI does in ways of its own: nodes that do it to the number, for graphs from there.

ComfyUI 0.3 as it behaves; nothing of its code. Imports no torch.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from nodeflow.context import RunContext
from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import NewPath, Number, Seed
from nodes import checks
from nodes.estimates import as_large_as
from nodes.types import Clip, Image, Latent, Noise, Sampler

LARGEST_SEED = 2**64 - 1
WideSeed = Annotated[int, Seed(maximum=LARGEST_SEED)]


def _seed(value: int) -> int:
    if not 0 <= value <= LARGEST_SEED:
        raise InputError("seed", str(value), f"0..{LARGEST_SEED}")
    return value


@node("as_comfyui.noise", title="Noise (ComfyUI)", estimate=as_large_as("latent", noise=1))
def noise(latent: Latent, seed: WideSeed = 0) -> Noise:
    """Draw noise as ComfyUI does: for the whole batch at once, from one generator on the CPU.

    Standard normal, float32 [B, C, H, W]; `noise.gaussian` gives each image a seed of its own
    instead, and both give the same first image. Where sampling begins at the model's largest sigma,
    the start is drawn with spread sqrt(1 + sigma^2) in the place of sigma, as ComfyUI has it.
    """
    from nodes.diffusion.noise import of_stream

    like = latent.samples
    checks.some_pictures("latent", like)
    return Noise(of_stream(like.shape, _seed(seed)).to(like.device), (seed,), whole_spread=True)


@node("as_comfyui.sampler", title="Sampler's noise (ComfyUI)")
def sampler(sampler: Sampler, seed: WideSeed = 0) -> Sampler:
    """Let a random sampler draw its noise as ComfyUI does: step after step from one generator.

    Of seed + 1, for the whole batch at once on the CPU, [B, C, H, W]; ComfyUI draws on the device
    where there is a GPU, so that pictures from there differ. The SDE samplers of DPM++ take theirs
    from a Brownian path in ComfyUI, which this is not.
    """
    settings = {**dict(sampler.settings), "stream_seed": (_seed(seed) + 1) % (LARGEST_SEED + 1)}
    return replace(sampler, settings=tuple(sorted(settings.items())))


@node("as_comfyui.last_layer", title="CLIP layer (ComfyUI)")
def last_layer(clip: Clip, layer: Annotated[int, Number(-24, -1, 1)] = -1) -> Clip:
    """Read prompts from a layer of the text encoder as ComfyUI counts them: -1 is the last.

    `text.clip_skip` counts the layers left out beside those that a model's family leaves out
    anyway: of Stable Diffusion 2, XL and 3 that is one, so that -2 changes nothing there.
    """
    from nodes.diffusion import text_encoding
    from nodes.diffusion.text_joins import reading_of

    def skipped(part: Clip) -> Clip:
        if text_encoding.is_t5(part):
            return part
        always = 1 if clip.family == "sd2" else reading_of(part, clip.family).skip
        skip, count = -layer - 1 - always, text_encoding.layer_count(part, clip.family)
        if not 0 <= skip < count:
            span = f"{-always - count}..{-always - 1}"
            raise InputError("layer", str(layer), span, f"{part.kind} has {count} layers to choose")
        return replace(part, skip=skip)

    checks.reads_text(clip)
    first, *others = (skipped(part) for part in (clip, *clip.others))
    return replace(first, others=tuple(others))


@node("as_comfyui.save_image", title="Save image (ComfyUI)", writes=True, output="paths")
def save_image(
    image: Image, prefix: Annotated[str, NewPath()] = "ComfyUI", *, ctx: RunContext
) -> list[str]:
    """Save each picture of the batch as a PNG, named as ComfyUI names it, with the graph inside.

    `ComfyUI_00001_.png`, `ComfyUI_00002_.png` … below the run's output folder, counted on from
    those that are there. `%width%`, `%height%` and `%batch_num%` in the prefix become the picture's
    sides and its place in the batch. If the newest files already hold exactly these bytes, as after
    the same run twice, no second copy is written. Returns the paths.
    """
    from nodes.image_files import encode_pictures
    from nodes.numbered_files import save_numbered

    _, height, width, _ = image.pixels.shape
    sized = prefix.replace("%width%", str(width)).replace("%height%", str(height))
    files = encode_pictures(image.pixels, "image", ctx.metadata)
    if "%batch_num%" not in sized:
        return save_numbered(ctx.output_dir, sized, files, ("_.png",))
    names = [sized.replace("%batch_num%", str(place)) for place in range(len(files))]
    return [
        path
        for name, file in zip(names, files, strict=True)
        for path in save_numbered(ctx.output_dir, name, [file], ("_.png",))
    ]
