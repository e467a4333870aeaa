"""What a trained adapter changes: the share of pictures that show it, with it and without it.

    python -m nodes.diffusion.training.evaluate_adapters KIND PATH

KIND is `lora`, `embedding` or `controlnet`; the commands for those that ship are beside them, in
nodes/models. The files are loaded by diffusers, the same prompts and seeds are drawn both ways (20
steps of DDIM, guidance scale 5), and every picture is measured without a network.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import ControlNetModel, StableDiffusionControlNetPipeline, StableDiffusionPipeline
from numpy.typing import NDArray
from PIL import Image as PilImage

from nodes.diffusion.training.evaluate import (
    SEED,
    Asked,
    Picture,
    contact_sheet,
    held_out_prompts,
    paint,
)
from nodes.diffusion.training.judge import (
    FAR,
    Mask,
    colour_name,
    components,
    eroded,
    judge,
    shape_name,
)
from nodes.diffusion.training.scenes import Scene, article
from nodes.diffusion.training.styles import (
    Kind,
    draw_freed,
    edge_map,
    free_mask,
    freed,
    named_caption,
    named_scenes,
)

HOUSE: tuple[Kind, Kind] = (("triangle", "red"), ("square", "white"))
HOLLOW = 0.1  # share of a silhouette that is background, from which on a shape counts as an outline
FOLLOWS = 0.8  # overlap with the hinted shape from which on a picture follows its hint
STEPS, GUIDANCE = 20, 5.0


# Judges


def foreground_of(picture: Picture) -> tuple[NDArray[np.float32], Mask]:
    """The border's colour, and where the picture [H, W, 3] is clearly of another."""
    pixels = picture.astype(np.float32)
    rim = np.concatenate([pixels[:3].reshape(-1, 3), pixels[-3:].reshape(-1, 3)])
    background = np.median(rim, axis=0)
    return background, np.linalg.norm(pixels - background, axis=-1) > FAR


def silhouette(foreground: Mask) -> Mask:
    """The foreground with its holes: whatever the background around it does not reach."""
    around = np.zeros_like(foreground)
    for part in components(~foreground):
        if _touches_border(part):
            around |= part
    return ~around


def _touches_border(mask: Mask) -> bool:
    return bool(mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any())


def is_outlined(picture: Picture, scene: Scene) -> bool:
    """Whether the thing asked for is there, of its colour and shape, and hollow."""
    background, foreground = foreground_of(picture)
    whole = silhouette(foreground)
    if not whole.any() or not foreground.any():
        return False
    inside = eroded(foreground)
    colour = np.median(picture[inside if inside.any() else foreground], axis=0)
    thing = scene.things[0]
    return (
        (whole & ~foreground).sum() / whole.sum() > HOLLOW
        and shape_name(whole) == thing.shape
        and colour_name(colour) == thing.colour
        and colour_name(background) == scene.background
    )


def overlap(picture: Picture, scene: Scene) -> float:
    """Intersection over union of what stands out and of the scene's one freed thing."""
    _, foreground = foreground_of(picture)
    wanted = free_mask(scene.things[0]) > 0.5
    return float((foreground & wanted).sum() / max((foreground | wanted).sum(), 1))


# Pictures with and without


@dataclass(frozen=True)
class Compared:
    """Pictures of the same prompts and seeds, and the shares that show the effect."""

    without: list[Picture]
    with_it: list[Picture]
    share_without: float
    share_with: float


def compare(
    asked: Sequence[Asked],
    without: Sequence[Picture],
    with_it: Sequence[Picture],
    shows: Callable[[Picture, Scene], bool],
) -> Compared:
    shares = [
        float(np.mean([shows(p, item.scene) for p, item in zip(row, asked, strict=True)]))
        for row in (without, with_it)
    ]
    return Compared(list(without), list(with_it), *shares)


def evaluate_lora(pipeline: StableDiffusionPipeline, file: Path, count: int) -> Compared:
    """Held-out prompts of one shape that is not hollow anyway."""
    asked = [item for item in held_out_prompts("centered", 2 * count) if _is_solid(item.scene)]
    asked = asked[:count]
    prompts = [item.prompt for item in asked]
    without = list(paint(pipeline, prompts))
    pipeline.load_lora_weights(str(file.parent), weight_name=file.name)
    return compare(asked, without, list(paint(pipeline, prompts)), is_outlined)


def _is_solid(scene: Scene) -> bool:
    return scene.things[0].shape != "ring"


def evaluate_embedding(pipeline: StableDiffusionPipeline, file: Path, count: int) -> Compared:
    """Every background and phrasing, with the file's new word; without it, the bare English one."""
    token, bare = f"<{file.stem}>", file.stem.rpartition("-")[2]
    scenes = named_scenes(*HOUSE, count, SEED)
    rngs = [np.random.default_rng([SEED, 9, k]) for k in range(count)]
    said = [named_caption(scene, "{}", rng) for scene, rng in zip(scenes, rngs, strict=True)]
    asked = [Asked("named", text, scene) for text, scene in zip(said, scenes, strict=True)]
    without = list(paint(pipeline, [item.prompt.format(bare) for item in asked]))
    pipeline.load_textual_inversion(str(file), token=token)
    texts = [item.prompt.format(token) for item in asked]
    texts = pipeline.maybe_convert_prompt(texts, pipeline.tokenizer)  # a word for each vector
    return compare(asked, without, list(paint(pipeline, texts)), shows_everything)


def shows_everything(picture: Picture, scene: Scene) -> bool:
    return judge(picture, scene).everything


def evaluate_controlnet(pipeline: StableDiffusionPipeline, folder: Path, count: int) -> Compared:
    """Turned, stretched shapes anywhere, of which the prompt tells only colours and shape."""
    found = [freed(item.scene) for item in held_out_prompts("centered", count)]
    asked = [Asked("freed", freed_prompt(scene), scene) for scene in found]
    without = list(paint(pipeline, [item.prompt for item in asked]))
    controlnet = ControlNetModel.from_pretrained(folder, variant="fp16")
    controlled = StableDiffusionControlNetPipeline(
        **pipeline.components, controlnet=controlnet, requires_safety_checker=False
    )
    controlled.set_progress_bar_config(disable=True)
    with_it = [
        paint_controlled(controlled, item.prompt, edge_map(draw_freed(item.scene)), seed)
        for seed, item in enumerate(asked)
    ]
    return compare(asked, without, with_it, lambda p, scene: overlap(p, scene) >= FOLLOWS)


def freed_prompt(scene: Scene) -> str:
    thing = scene.things[0]
    return f"{article(thing.colour)} {thing.shape} on {article(scene.background)} background"


def paint_controlled(
    pipeline: StableDiffusionControlNetPipeline, prompt: str, hint: Picture, seed: int
) -> Picture:
    """One picture [H, W, 3] for a hint [H, W, 1]."""
    result = pipeline(
        prompt,
        image=PilImage.fromarray(np.repeat(hint, 3, axis=-1)),
        num_inference_steps=STEPS,
        guidance_scale=GUIDANCE,
        generator=torch.Generator().manual_seed(seed),
        output_type="np",
    )
    picture: Picture = np.rint(result.images[0] * 255).astype(np.uint8)
    return picture


EVALUATIONS = {
    "lora": evaluate_lora,
    "embedding": evaluate_embedding,
    "controlnet": evaluate_controlnet,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=sorted(EVALUATIONS))
    parser.add_argument("adapter", type=Path)
    parser.add_argument("--model", type=Path, default=Path(__file__).parents[2] / "models" / "tiny")
    parser.add_argument(
        "--count", type=int, default=56, help="prompts, each with a seed of its own"
    )
    parser.add_argument("--sheet", type=Path, help="write the pictures as one PNG, without first")
    chosen = parser.parse_args()
    pipeline = StableDiffusionPipeline.from_pretrained(chosen.model)
    pipeline.set_progress_bar_config(disable=True)
    found = EVALUATIONS[chosen.kind](pipeline, chosen.adapter, chosen.count)
    print(
        f"{chosen.count} prompts: {100 * found.share_without:.1f} % without, "
        f"{100 * found.share_with:.1f} % with"
    )
    if chosen.sheet:
        rows = [
            picture
            for k in range(0, chosen.count, 14)
            for row in (found.without, found.with_it)
            for picture in row[k : k + 14]
        ]
        contact_sheet(rows, columns=14).save(chosen.sheet)


if __name__ == "__main__":
    main()
