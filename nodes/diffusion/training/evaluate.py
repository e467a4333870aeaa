"""How well a model follows its prompts: the figures of the model card.

    python -m nodes.diffusion.training.evaluate nodes/models/tiny --json figures.json

The prompts are worded as no training caption is (`scenes.is_held_out`); every picture is measured
by `judge`. 20 steps of DDIM, guidance scale 5.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from diffusers import AutoencoderKL, StableDiffusionImg2ImgPipeline, StableDiffusionPipeline
from numpy.typing import NDArray
from PIL import Image as PilImage

from nodes.diffusion.training.autoencoder import decode_mean, encode_mean, psnr, to_tensor
from nodes.diffusion.training.judge import Verdict, judge
from nodes.diffusion.training.scenes import KINDS, SHAPES, Scene, caption, draw, sample_scene

SEED = 20_000_000  # far from every training seed
Picture: TypeAlias = NDArray[np.uint8]


@dataclass(frozen=True)
class Asked:
    """One prompt and the scene that it describes."""

    kind: str
    prompt: str
    scene: Scene


def held_out_prompts(kind: str, count: int, seed: int = SEED) -> list[Asked]:
    """`count` prompts of a kind, every shape equally often, none worded as in training."""
    asked = []
    for k in range(count):
        rng = np.random.default_rng([seed, KINDS.index(kind), k])
        scene = sample_scene(kind, rng)
        first = replace(scene.things[0], shape=SHAPES[k % len(SHAPES)])
        scene = replace(scene, things=(first, *scene.things[1:]))
        asked.append(Asked(kind, _placed_caption(scene, rng), scene))
    return asked


def _placed_caption(scene: Scene, rng: np.random.Generator) -> str:
    """A held-out caption that says where the object is, unless that is the middle."""
    while True:
        text = caption(scene, rng, held_out=True)
        words = (scene.position or "").split()
        if scene.position in (None, "center") or all(word in text for word in words):
            return text


def paint(
    pipeline: StableDiffusionPipeline,
    prompts: Sequence[str],
    *,
    steps: int = 20,
    guidance: float = 5.0,
    seed: int = 0,
    batch: int = 20,
) -> Iterator[Picture]:
    """One picture [H, W, 3] per prompt; picture k has the noise of seed + k whatever the batch."""
    for start in range(0, len(prompts), batch):
        texts = list(prompts[start : start + batch])
        generators = [torch.Generator().manual_seed(seed + start + k) for k in range(len(texts))]
        result = pipeline(
            texts,
            height=128,
            width=128,
            num_inference_steps=steps,
            guidance_scale=guidance,
            generator=generators,
            output_type="np",
        )
        yield from np.rint(result.images * 255).astype(np.uint8)


def evaluate(
    pipeline: StableDiffusionPipeline,
    counts: dict[str, int],
    *,
    guidance: float = 5.0,
    steps: int = 20,
) -> tuple[dict[str, Any], list[Asked], list[Picture]]:
    """Figures over `counts[kind]` prompts of each kind, with the prompts and pictures."""
    asked = [item for kind, count in counts.items() for item in held_out_prompts(kind, count)]
    prompts = [item.prompt for item in asked]
    pictures = list(paint(pipeline, prompts, guidance=guidance, steps=steps))
    verdicts = [judge(p, item.scene) for p, item in zip(pictures, asked, strict=True)]
    return figures(asked, verdicts), asked, pictures


def figures(asked: Sequence[Asked], verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Shares of right answers by kind, over all prompts with one object, and by shape."""
    judged = list(zip(asked, verdicts, strict=True))
    table: dict[str, Any] = {}
    for kind in dict.fromkeys(item.kind for item in asked):
        table[kind] = _shares([v for item, v in judged if item.kind == kind])
    single = [(item, v) for item, v in judged if not item.scene.relation]
    if single:
        table["single"] = _shares([v for _, v in single])
        table["shapes"] = {
            shape: _share([v.shape for item, v in single if item.scene.things[0].shape == shape])
            for shape in SHAPES
        }
    return table


def _shares(verdicts: Sequence[Verdict]) -> dict[str, float]:
    return {
        "prompts": len(verdicts),
        "background": _share([v.background for v in verdicts]),
        "colour": _share([v.colour for v in verdicts]),
        "shape": _share([v.shape for v in verdicts]),
        "simple": _share([v.simple for v in verdicts]),
        "place": _share([v.place for v in verdicts]),
        "count": _share([v.count for v in verdicts]),
        "everything": _share([v.everything for v in verdicts]),
    }


def _share(right: Sequence[bool]) -> float:
    return round(sum(right) / len(right), 4) if right else float("nan")


def rebuild_figures(vae: AutoencoderKL, count: int = 200) -> dict[str, float]:
    """What encoding and decoding keeps of drawn pictures: PSNR in dB and the judge's verdict."""
    asked = [item for kind in KINDS for item in held_out_prompts(kind, count // len(KINDS))]
    errors, kept = [], []
    for item in asked:
        pixels = to_tensor(draw(item.scene)[None])
        rebuilt = decode_mean(vae, encode_mean(vae, pixels)).clamp(-1, 1)
        errors.append((rebuilt - pixels).square().mean().item())
        picture = ((rebuilt[0].permute(1, 2, 0).numpy() + 1) * 127.5).round().astype(np.uint8)
        kept.append(judge(picture, item.scene).everything)
    mean_psnr = float(np.mean([psnr(error) for error in errors]))
    return {"pictures": len(asked), "psnr": round(mean_psnr, 2), "recognised": _share(kept)}


def image_to_image_figures(
    pipeline: StableDiffusionPipeline, count: int = 48, strength: float = 0.2
) -> dict[str, float]:
    """Drawn pictures through image-to-image with a prompt of another scene: what is kept."""
    redraw = StableDiffusionImg2ImgPipeline(**pipeline.components, requires_safety_checker=False)
    redraw.set_progress_bar_config(disable=True)
    asked = [item for kind in KINDS for item in held_out_prompts(kind, count // len(KINDS))]
    kept: dict[str, list[bool]] = {"own": [], "other": []}
    for k, item in enumerate(asked):
        image = PilImage.fromarray(draw(item.scene))
        for whose, prompt in (("own", item.prompt), ("other", asked[k - 1].prompt)):
            result = redraw(
                prompt,
                image=image,
                strength=strength,
                num_inference_steps=20,
                guidance_scale=5.0,
                generator=torch.Generator().manual_seed(k),
                output_type="np",
            )
            picture = np.rint(result.images[0] * 255).astype(np.uint8)
            verdict = judge(picture, item.scene)
            kept[whose].append(verdict.simple and verdict.place)
    shares = {f"kept with {whose} prompt": _share(right) for whose, right in kept.items()}
    return {"pictures": len(asked), **shares}


def table_text(result: dict[str, Any]) -> str:
    """The figures as the model card shows them."""
    names = ("background", "colour", "shape", "simple", "place", "count", "everything")
    lines = ["| prompts | n | " + " | ".join(names) + " |", "|---" * (len(names) + 2) + "|"]
    for kind in ("centered", "positioned", "single", "pair"):
        if kind in result:
            cells = [f"{100 * result[kind][name]:.1f} %" for name in names]
            lines.append(f"| {kind} | {int(result[kind]['prompts'])} | " + " | ".join(cells) + " |")
    if "shapes" in result:
        each = ", ".join(f"{name} {100 * share:.0f} %" for name, share in result["shapes"].items())
        lines.append(f"\nShapes of single objects: {each}.")
    return "\n".join(lines)


def contact_sheet(pictures: Sequence[Picture], columns: int = 10) -> PilImage.Image:
    """Pictures side by side."""
    side = pictures[0].shape[0]
    rows = -(-len(pictures) // columns)
    sheet = PilImage.new("RGB", (columns * side, rows * side))
    for k, picture in enumerate(pictures):
        sheet.paste(PilImage.fromarray(picture), (k % columns * side, k // columns * side))
    return sheet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--single", type=int, default=200, help="prompts with one object")
    parser.add_argument("--pairs", type=int, default=100, help="prompts with two objects")
    parser.add_argument("--guidance", type=float, default=5.0)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--sheet", type=Path, help="write the pictures as one PNG")
    chosen = parser.parse_args()
    pipeline = StableDiffusionPipeline.from_pretrained(chosen.model)
    pipeline.set_progress_bar_config(disable=True)
    half = chosen.single // 2
    counts = {"centered": half, "positioned": chosen.single - half, "pair": chosen.pairs}
    result, asked, pictures = evaluate(
        pipeline, counts, guidance=chosen.guidance, steps=chosen.steps
    )
    result["autoencoder"] = rebuild_figures(pipeline.vae)
    result["image to image, strength 0.2"] = image_to_image_figures(pipeline)
    print(table_text(result))
    print({key: result[key] for key in ("autoencoder", "image to image, strength 0.2")})
    if chosen.json:
        prompts = [asdict(item)["prompt"] for item in asked]
        chosen.json.write_text(json.dumps({**result, "asked": prompts}, indent=1) + "\n", "utf-8")
    if chosen.sheet:
        contact_sheet(pictures, columns=20).save(chosen.sheet)


if __name__ == "__main__":
    main()
